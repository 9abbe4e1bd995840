"""Auditing: whether what this device shows is what its events come to, and whether its view root says what it shows.

A row that a disk or somebody else changed fits its own digest no more. The audit gives it the digest of what is truly
shown, so that the receipts of this device say so and its peers find the place. Nothing is mended here: `mesh rebuild`
does that.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Sequence

from mesh.events.speaking import Draft
from mesh.events.verdict import Standing
from mesh.limits import AUDIT_WAITS_MAX
from mesh.names import ZERO, DocumentId
from mesh.node import timing
from mesh.node.engine import Engine
from mesh.node.folding import Folding
from mesh.node.gathered import Gathered
from mesh.node.log import Log
from mesh.node.showing import as_kept, with_conflicts
from mesh.node.storage.store_port import Batch, NoteRow, Shown
from mesh.state.conflicts import Kind
from mesh.state.digest import BRANCHES, BUCKETS, key
from mesh.state.notes import Note
from mesh.state.records import Record
from mesh.state.view_digest import content_of, view_leaf

_NODES = BUCKETS // BRANCHES
_LEVEL = 2  # of the nodes right above the buckets
_EVENT_DIGITS = 12


async def run(engine: Engine, log: Log) -> None:
    """Audit what is shown soon after the start, and every now and then, until cancelled."""
    await asyncio.sleep(timing.AUDIT_FIRST_S)
    while True:
        for document in await audited(engine):
            log("view.damaged", document=str(document))
        await asyncio.sleep(timing.AUDIT_AGAIN_S)


async def audited(engine: Engine) -> tuple[DocumentId, ...]:
    """Have the view root say what is truly shown. Returns the documents of which it said something else."""
    found: list[DocumentId] = []
    seen = await _calm(engine, -1)
    await engine.store.view_root()
    for node in range(_NODES):
        children = await engine.store.view_children(_LEVEL, node)
        for branch, digest in enumerate(children):
            if digest != ZERO:
                await _looked(engine, lambda index=node * BRANCHES + branch: _bucket(engine, index, found))  # type: ignore[misc]
                await asyncio.sleep(timing.AUDIT_PAUSE_S)
                seen = await _calm(engine, seen)
    return tuple(found)


async def _calm(engine: Engine, seen: int) -> int:
    """Wait for a while in which nothing is kept: a large import is no time to look. Returns what is kept then."""
    for _ in range(AUDIT_WAITS_MAX):
        if seen == engine.shelf.last_row:
            break
        seen = engine.shelf.last_row
        await asyncio.sleep(timing.AUDIT_CALM_S)
    return seen


async def _looked(engine: Engine, look: Callable[[], Awaitable[None]]) -> None:
    """Look while nothing else is written."""

    async def make(engine: Engine) -> Sequence[Draft]:
        await engine.settled()
        await look()
        return ()

    await engine.look(make)


async def _bucket(engine: Engine, index: int, found: list[DocumentId]) -> None:
    for document, leaf in await engine.store.leaves(index, views=True):
        row = await as_kept(engine.store, document)
        if row is None:
            continue
        place, content = key(document), content_of(row.note if isinstance(row, NoteRow) else row.record)
        if leaf != view_leaf(place, content, ()) and leaf != view_leaf(place, content, await _open(engine, document)):
            found.append(document)
            as_it_is = Batch(notes=(row,)) if isinstance(row, NoteRow) else Batch(records=(row,))
            await engine.store.commit(as_it_is)  # with the digest that goes with it


async def _open(engine: Engine, document: DocumentId) -> frozenset[bytes]:
    """The open conflicts in a document, as the store has them; those of paths are between documents."""
    rows = await engine.store.conflicts(document=document)
    return frozenset(row.name for row in rows if row.kind != Kind.PATH)


async def misfolded(engine: Engine, documents: Sequence[DocumentId]) -> list[str]:
    """What the log and the views say of these documents that their events, folded anew, do not come to."""
    found: list[str] = []
    for document in documents:
        await _looked(engine, lambda document=document: _fold(engine, document, found))  # type: ignore[misc]
    return found


async def _fold(engine: Engine, document: DocumentId, found: list[str]) -> None:
    gathered = Gathered()
    folding = Folding(engine.store, engine.shelf.scales, gathered)
    await folding.refold(document)
    await folding.finish()
    for word in gathered.weighed.values():
        (row,) = await engine.store.event(word.event)
        if (row.standing is Standing.HONOURED) is not (word.standing is Standing.HONOURED):
            should = "counts" if word.standing is Standing.HONOURED else "does not count"
            event = word.event.hex()[:_EVENT_DIGITS]
            found.append(f"document {document}: event {event} {should} by the verdict, and here it is otherwise")
    kept, made = await as_kept(engine.store, document), gathered.rows.get(document)
    if _seen(kept) != _seen(made):
        found.append(f"document {document}: what is shown of it is not what its events come to")
    if await _open(engine, document) != {row.name for row in gathered.conflicts.get(document, ())}:
        found.append(f"document {document}: the conflicts that are shown are not those that its events come to")


def _seen(row: Shown | None) -> Note | Record | None:
    """What is seen of a document, its conflicts apart."""
    shown = with_conflicts(row, ()) if row else None
    return shown.note if isinstance(shown, NoteRow) else shown.record if shown else None
