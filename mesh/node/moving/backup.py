"""Making a backup of a home into one file, while its agent may be running and writing.

The database is copied as it is at one moment, into a folder of the home, and measured there: what the manifest says is
true of the copy. The file appears whole under its name, or not at all. Nothing of the home is changed.
"""

from __future__ import annotations

import asyncio
import os
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import mesh
from mesh.errors import Misuse
from mesh.names import device_text, digest_text
from mesh.node import agent as agents
from mesh.node import whole
from mesh.node.moving import archive
from mesh.node.moving.staging import staging
from mesh.node.paths import database_path, machine_path, secrets_path
from mesh.node.storage.connection import copy_store
from mesh.node.storage.store import open_store

Result = dict[str, object]
Told = Callable[[str, int, int], None]
"""Is told what is being done, and how much of how much is done."""


@dataclass(frozen=True, slots=True)
class _Measured:
    events: int
    documents: int
    state_digest: str


def check_target(file: Path, *, force: bool) -> None:
    """Raises Misuse where no backup can go, or one should not."""
    if file.is_dir() or not file.parent.is_dir():
        raise Misuse(f"there is no folder for the file {file}", hint="Name a file in a folder that is there.")
    if os.path.lexists(file) and not force:
        raise Misuse(f"{file} is there already", hint="Name another file, or replace it with --force.")
    if file.exists() and not file.is_file():
        raise Misuse(f"{file} is no plain file", hint="Name another file.")


async def back_up(home: Path, file: Path, passphrase: str, told: Told, *, force: bool = False) -> Result:
    """Write a backup. Raises MeshError; then there is no file, or the old one."""
    held = agents.joined(home)
    check_target(file, force=force)
    with staging(home) as folder:
        await copy_store(home, folder, lambda done, of: told("copying", done, of))
        measured = await _measured(folder)
        try:
            for path in (machine_path(home), secrets_path(home)):
                if path.exists():
                    (folder / path.name).write_bytes(path.read_bytes())
            names = [name for name in archive.MEMBERS if (folder / name).exists()]
            manifest = archive.Manifest(
                mesh=digest_text(held.mesh),
                device=device_text(held.admission),
                name=held.name,
                events=measured.events,
                documents=measured.documents,
                state_digest=measured.state_digest,
                version=mesh.__version__,
                members=tuple(archive.member(name, folder / name) for name in names),
            )
            size = await _write(file, manifest, folder, passphrase, told)
        except OSError as error:
            raise whole.cannot_write_there(file, error) from error
    return {
        "file": str(file),
        "bytes": size,
        "events": measured.events,
        "documents": measured.documents,
        "state_digest": measured.state_digest,
        "sealed": bool(passphrase),
    }


async def _measured(folder: Path) -> _Measured:
    store = await open_store(folder)
    try:
        counts, digest = await store.counts(), await store.digest()
    finally:
        await store.close()
    for suffix in ("-wal", "-shm"):
        assert not database_path(folder).with_name(f"mesh.db{suffix}").exists(), "a closed database is one file"
    return _Measured(counts.events, counts.documents, digest_text(digest))


async def _write(file: Path, manifest: archive.Manifest, folder: Path, passphrase: str, told: Told) -> int:
    """Write it; how many bytes. Ctrl-C may come at any step."""
    total = sum(one.bytes for one in manifest.members)
    done = 0
    with whole.replacing(file) as out:
        for step in archive.write(out, manifest, folder, passphrase):
            done += step
            told("writing", done, total)
            await asyncio.sleep(0)
        return out.tell()
