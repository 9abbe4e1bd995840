"""Making a home out of a backup: checked before anything is written, put together aside, and tried before it counts.

The restored device goes on with chains of its own that are new: what it wrote after the backup comes back from the
others, and nobody's state changes. The keys are moved into the home last; before that it is no home.
"""

from __future__ import annotations

import asyncio
import contextlib
import os
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import BinaryIO, Self

from mesh.errors import Damaged, DiskFull, Malformed, MeshError, Misuse, Refused
from mesh.names import device_text, digest_text
from mesh.node import agent as agents
from mesh.node import vault, voices, whole
from mesh.node.lock import locked
from mesh.node.moving import archive, machine
from mesh.node.moving.backup import Result, Told
from mesh.node.moving.belongings import leftovers, strangers
from mesh.node.moving.staging import staging
from mesh.node.paths import database_path, lock_path, machine_path, secrets_path
from mesh.node.storage.store_port import Batch


def needs_passphrase(file: Path) -> bool:
    """Whether a backup is sealed. Raises Misuse when it cannot be read."""
    with _opened(file) as source:
        return archive.is_sealed(source)


def check_empty(home: Path) -> None:
    """Raises Misuse unless a home may be made in this folder."""
    elsewhere = "Restore into a folder of its own: --home DIR."
    if secrets_path(home).exists():
        raise Misuse("there are keys of a device in this home already", hint=elsewhere)
    if home.exists() and not home.is_dir():
        raise Misuse(f"{home} is no folder", hint=elsewhere)
    if other := strangers(home):
        raise Misuse(f"the folder {home} is not empty: {other[0]!r} is in it", hint=elsewhere)


async def restore(home: Path, file: Path, passphrase: str, told: Told) -> Result:
    """Make a home out of a backup. Raises MeshError; then nothing was made, and what was there is there."""
    check_empty(home)
    with _opened(file) as source:
        manifest = await _read(source, passphrase, None, told)
        with _held(home), staging(home) as folder:
            source.seek(0)
            await _read(source, passphrase, folder, told)
            machine.record(folder)
            result = await _tried(folder, manifest, told)
            _put_in_place(folder, home)
    return result


@contextmanager
def _held(home: Path) -> Iterator[None]:
    """Make the home's folder and hold it; take it away again when nothing came of it."""
    fresh = not home.exists()
    vault.make_home(home)
    try:
        with locked(home):
            check_empty(home)  # once more: now nobody else can make one
            yield
    except BaseException:
        if fresh and not secrets_path(home).exists():
            with contextlib.suppress(OSError):
                lock_path(home).unlink(missing_ok=True)
                home.rmdir()
        raise


@contextmanager
def _opened(file: Path) -> Iterator[BinaryIO]:
    try:
        source = file.open("rb")
    except OSError as error:
        raise Misuse(f"{file} cannot be read: {error.strerror}", hint="Name the file of a backup.") from error
    with source:
        if not source.seekable():
            raise Misuse(f"{file} is no plain file", hint="Name the file of a backup.")
        yield source


async def _read(source: BinaryIO, passphrase: str, folder: Path | None, told: Told) -> archive.Manifest:
    """Read all of a backup, into a folder where one is given."""
    found: archive.Manifest | None = None
    size, what = os.fstat(source.fileno()).st_size, "unpacking" if folder else "checking"
    try:
        with _Files(folder) as files:
            for manifest in archive.read(source, passphrase, files.take if folder else None):
                found = manifest
                told(what, source.tell(), size)
                await asyncio.sleep(0)
            files.sync()
    except OSError as error:  # also from closing a file, where its last bytes find no room
        raise _refusal("the backup cannot be unpacked", error) from error
    assert found is not None, "a backup without a manifest was refused"
    return found


class _Files:
    """The files of a folder that is being filled."""

    def __init__(self, folder: Path | None) -> None:
        self._folder = folder
        self._open: dict[str, BinaryIO] = {}
        self._stack = ExitStack()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self._stack.close()

    def take(self, name: str, part: bytes) -> None:
        """The next bytes of a file."""
        assert self._folder is not None, "only then bytes are taken"
        if name not in self._open:
            handle = os.open(self._folder / name, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
            self._open[name] = self._stack.enter_context(os.fdopen(handle, "wb"))
        self._open[name].write(part)

    def sync(self) -> None:
        """Make all of them safe."""
        for file in self._open.values():
            file.flush()
            os.fsync(file.fileno())


async def _tried(folder: Path, manifest: archive.Manifest, told: Told) -> Result:
    """Open it as its agent will: every chain must hold, and the state is made anew from the log."""
    held = vault.load(folder)
    if held is None or (digest_text(held.mesh), device_text(held.admission)) != (manifest.mesh, manifest.device):
        raise Malformed("the keys in this backup are not those of the device that it names")
    told("verifying", 0, 1)
    async with agents.opened(folder) as agent:
        checked = await agent.call("verify", {"deep": True})
        assert isinstance(checked, dict), checked
        if not checked["ok"]:
            message = f"what is in this backup does not verify: {checked['faults'][0]}"
            raise Damaged(message, hint="Try an older backup; what other devices hold can be fetched from them.")
        rebuilt = await agent.call("rebuild", {})
        assert isinstance(rebuilt, dict), rebuilt
        await agent.store.commit(Batch(settings=tuple(voices.anew(voices.RESTORED).items())))
    told("verifying", 1, 1)
    return {
        "mesh": manifest.mesh,
        "device": manifest.device,
        "name": held.name,
        "events": rebuilt["events"],
        "documents": rebuilt["documents"],
        "state_digest": rebuilt["state_digest"],
        "same_digest": rebuilt["state_digest"] == manifest.state_digest,
    }


def _put_in_place(folder: Path, home: Path) -> None:
    """The keys come last: with them it is a home."""
    try:
        for old in leftovers(home):
            old.unlink()
        for name in (database_path(home).name, machine_path(home).name):
            if (folder / name).exists():
                (folder / name).replace(home / name)
        whole.sync(home)
        secrets_path(folder).replace(secrets_path(home))
        whole.sync(home)
    except OSError as error:
        raise _refusal("the home cannot be put in place", error) from error


def _refusal(what: str, error: OSError) -> MeshError:
    if whole.is_full(error):
        return DiskFull("the disk is full: the backup was not restored")
    return Refused(f"{what}: {error.strerror}")
