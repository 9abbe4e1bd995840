"""Everything as files that need no mesh: notes as Markdown, byte for byte, records and what is open as JSON.

A folder that nobody has touched since holds what this device showed at one moment after the other; the bundle beside it
holds the signed log. It reads the store and writes files; it changes nothing of the mesh.
"""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

import mesh
from mesh.errors import DiskFull, Misuse, Refused
from mesh.limits import LIST_MAX
from mesh.names import digest_text
from mesh.node import clock, keeping, progress, saying, subjects, whole
from mesh.node.background.service import templates
from mesh.node.exporting import carrying
from mesh.node.storage.store_port import ConflictRow, NoteRow, RecordRow
from mesh.node.vaults import paths, versions
from mesh.node.vaults.sheets import sheet_of
from mesh.state.notes import Note
from mesh.state.records import TYPES

if TYPE_CHECKING:
    from mesh.node.agent import Agent

BUNDLE = "ledger.meshbundle"
VERIFIER = "verify_mesh.py"
_A_TURN = 32  # files after which others get theirs
_README = """# A mesh as plain files

Written on {day} by `mesh export`. Nothing here needs mesh to be read.

- `notes/`: every note as a file; `notes.jsonl` says of each what it is called, its tags, who wrote it last.
- `deleted/`, `deleted.jsonl`: the same for notes that were deleted.
- `records/`: sessions, hand-offs, receipts, memory, tasks and their like, one JSON object a line.
- `conflicts.jsonl`: where several values stood side by side, with all of them.
- `about.json`: which mesh and device, and how much there is.
- `{bundle}`: the signed log itself, sealed as it travels between devices. `mesh import` takes it in.
- `{verifier}`: checks that log: `python3 {verifier} {bundle}` (needs `cryptography` alone).
"""

Told = dict[str, object]


async def write(agent: Agent, folder: Path) -> Told:
    """Write it all into a folder that is new or empty. Raises Misuse, Refused, DiskFull."""
    _made_empty(folder)
    try:
        counts = await _written(agent, folder)
    except OSError as error:
        if whole.is_full(error):
            raise DiskFull(f"the disk is full: {folder} is not whole", hint="Remove it, then export again.") from error
        raise Refused(f"{folder} cannot be written: {error.strerror}", hint="Name another folder.") from error
    return counts


def _made_empty(folder: Path) -> None:
    if folder.exists() and (not folder.is_dir() or any(folder.iterdir())):
        raise Misuse(f"{folder} has something in it", hint="Name a folder that is new or empty.")
    if not folder.parent.is_dir():
        raise Misuse(f"there is no folder {folder.parent}", hint="Make it first.")
    folder.mkdir(mode=0o700, exist_ok=True)


async def _written(agent: Agent, folder: Path) -> Told:
    notes = [await _notes(agent, folder, deleted=deleted) for deleted in (False, True)]
    records = 0
    for kind in TYPES:
        records += await _lines(folder / "records" / f"{kind}.jsonl", _records(agent, kind))
    conflicts = await _lines(folder / "conflicts.jsonl", _conflicts(agent))
    carried = await carrying.write(agent.store, agent.engine.own.mesh, folder / BUNDLE)
    (folder / VERIFIER).write_bytes((templates() / VERIFIER).read_bytes())
    counts: Told = {"notes": notes[0], "deleted": notes[1], "records": records, "conflicts": conflicts}
    counts["events"] = carried.events
    about = {
        "made_ms": clock.now_ms(),
        "mesh": digest_text(agent.engine.own.mesh),
        "device": agent.device,
        "version": mesh.__version__,
        "state_digest": digest_text(await agent.store.digest()),
        **counts,
    }
    (folder / "about.json").write_text(json.dumps(about, indent=2) + "\n")
    (folder / "README.md").write_text(_README.format(bundle=BUNDLE, verifier=VERIFIER, day=clock.day(clock.now_ms())))
    return counts


# ── notes ────────────────────────────────────────────────────────────────────────────────────────


async def _notes(agent: Agent, folder: Path, *, deleted: bool) -> int:
    """Each note as the file that a vault would have, and a line that says what is known of it."""
    place, given = folder / ("deleted" if deleted else "notes"), set[str]()

    async def lines() -> AsyncIterator[Told]:
        async for rows in _pages(agent, deleted=deleted):
            for row, raw in await saying.looked(agent, lambda rows=rows: _files(agent, rows)):  # type: ignore[misc]
                name = _name(row.note, given)
                (place / name).parent.mkdir(parents=True, exist_ok=True)
                (place / name).write_bytes(raw)
                yield _told(agent, row, f"{place.name}/{name}")

    return await _lines(folder / f"{place.name}.jsonl", lines())


async def _files(agent: Agent, rows: Sequence[NoteRow]) -> list[tuple[NoteRow, bytes]]:
    found = []
    for row in rows:
        version = await versions.now(agent.engine, row.note.document)
        path = row.note.path or paths.named_after(row.note.title)
        found.append((row, sheet_of(version.past, path).raw() if version else row.note.body.encode()))
    return found


def _name(note: Note, given: set[str]) -> str:
    """A name that nothing else got; a path that leads elsewhere, or that no system takes, is not used."""
    wished = note.path if note.path and not paths.fault(note.path) else paths.named_after(note.title)
    name, number = wished, 1
    while paths.folded(name) in given:
        number += 1
        name = paths.numbered(wished, number)
    given.add(paths.folded(name))
    return name


def _told(agent: Agent, row: NoteRow, file: str) -> Told:
    note = row.note
    return {
        "document": str(note.document),
        "title": note.title,
        "file": file,
        "path": note.path,
        "tags": list(note.tags),
        "conflicts": list(note.conflicts),
        "updated_ms": row.updated_ms,
        "updated_by": agent.engine.replica.verdict.name_of(row.updated_by),
    }


async def _pages(agent: Agent, *, deleted: bool) -> AsyncIterator[tuple[NoteRow, ...]]:
    after: NoteRow | None = None
    while rows := await agent.store.notes(deleted=deleted, limit=_A_TURN, after=after):
        yield rows
        after = rows[-1]


# ── the rest ─────────────────────────────────────────────────────────────────────────────────────


async def _records(agent: Agent, kind: str) -> AsyncIterator[Told]:
    for deleted in (False, True):
        after: RecordRow | None = None
        while rows := await agent.store.records(types=(kind,), deleted=deleted, limit=LIST_MAX, after=after):
            for row in rows:
                record = row.record
                yield {
                    **keeping.told(agent, row),
                    "deleted": deleted,
                    "registers": dict(record.registers),
                    "text": record.text,
                    "conflicts": list(record.conflicts),
                }
            after = rows[-1]


async def _conflicts(agent: Agent) -> AsyncIterator[Told]:
    after: ConflictRow | None = None
    while rows := await agent.store.conflicts(limit=LIST_MAX, after=after):
        for row in rows:
            yield {
                "id": row.name.hex(),
                "document": str(row.document),
                "kind": row.kind,
                "field": row.field,
                "count": row.count,
                "values": [{"value": side.value, **subjects.told_author(agent, side.author)} for side in row.sides],
                "ancestor": row.ancestor,
            }
        after = rows[-1]


async def _lines(path: Path, items: AsyncIterator[Told]) -> int:
    """One JSON object a line; how many."""
    path.parent.mkdir(parents=True, exist_ok=True)
    count = 0
    with path.open("w", encoding="utf-8", newline="\n") as file:
        async for item in items:
            file.write(json.dumps(item, ensure_ascii=False) + "\n")
            count += 1
            if count % _A_TURN == 0:
                progress.tell(f"writing {path.name}", count)
                await asyncio.sleep(0)
    return count
