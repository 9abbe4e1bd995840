"""Taking an event back: what must be said for it, worked out where nothing else can come between.

An undo is an event like any other, and takes back one event of its document. Control events are never taken back:
whoever tries is told what to do instead. Nothing here says anything.
"""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import dataclass

from mesh.errors import Refused
from mesh.events.event import Lane
from mesh.events.kinds import Born, Carrier, Undone
from mesh.events.speaking import Draft
from mesh.events.verdict import Standing
from mesh.names import Digest, DocumentId, digest_text
from mesh.node import clock
from mesh.node.engine import Engine
from mesh.node.gathered import Loaded
from mesh.node.storage.store_port import Row
from mesh.state import undoing
from mesh.state.changes import decode
from mesh.state.edits import Edit
from mesh.state.lines import BuiltOn, Reversal, Took
from mesh.state.operations import Change
from mesh.state.undos import Plan, Undos

SHOWN = 12  # digits of an event in a sentence: enough to be the only one

_INSTEAD = {
    "grant": "`mesh ungrant` ends a grant.",
    "ungrant": "`mesh grant` gives it again; `mesh void adopt` makes what was written in between count.",
    "admit": "`mesh remove` takes a device out, `mesh lost` if it was lost.",
    "close": "`mesh invite` lets the device in again; `mesh void adopt` makes what was left out count.",
    "rekey": "Keys only go forward: `mesh rotate` makes a new one.",
    "adopt": "What counts by it stays; take the events back one by one: `mesh history` names them.",
    "forget": "Nothing brings back what is forgotten.",
    "located": "`mesh peer remove` forgets an address.",
}
_FOR_GOOD = "It is part of the mesh for good."


@dataclass(frozen=True)
class Known:
    """The undos of a document, by event, and what each event that they are about did: None for a birth."""

    undos: Undos
    changes: dict[Digest, Change | None]

    def of(self, events: Collection[bytes]) -> frozenset[bytes]:
        """The changes of some events."""
        found = (self.changes.get(Digest(event)) for event in events)
        return frozenset(change.hash for change in found if change is not None)


async def undos_of(engine: Engine, document: DocumentId) -> list[tuple[Digest, Digest]]:
    """The undos of a document that count, each with what it takes back."""
    found: list[tuple[Digest, Digest]] = []
    before = 0
    while rows := await engine.store.settlements(document=document, before=before):
        found += [(row.author.event, row.undoes) for row in rows if row.undoes]
        before = rows[-1].author.lamport
    return found


async def drafts(engine: Engine, row: Row, agent: str) -> Sequence[Draft]:
    """What must be said so that an event is taken back. Raises Refused where it cannot be."""
    document = must_be_of_a_document(engine, row)
    await engine.settled()
    loaded = await engine.shelf.load(document)
    event = row.placed.digest
    if row.standing is not Standing.HONOURED or loaded is None or not loaded.shown:
        raise Refused(
            "it does not count, so there is nothing to take back", hint=f"`mesh why {_short(event)}` says more."
        )
    known = await _known(engine, document, event)
    if event not in known.changes:
        raise Refused("it changes nothing in its document, so there is nothing to take back")
    if not known.undos.stands(event):
        by = _short(Digest(known.undos.of(event)[0]))
        raise Refused(f"it was taken back already, by event {by}", hint=f"`mesh undo {by}` brings it back.")
    actor = engine.shelf.actor(loaded, engine.own.admission)
    try:
        plan, edits = _edits(loaded, known, event)
        change = loaded.document.edit(actor, edits, bare=True)
    except BuiltOn as error:
        raise await _in_the_way(engine, loaded, error.change) from error
    said = [Draft(Undone(change.raw, event), document, agent)]
    for name in plan.names[1:]:
        change = undoing.beside(change)
        said.append(Draft(Undone(change.raw, Digest(name)), document, agent))
    return said


def must_be_of_a_document(engine: Engine, row: Row) -> DocumentId:
    """The document of an event. Raises Refused for what is never taken back, with what to do instead."""
    if row.placed.lane is Lane.CONTROL:
        statement = engine.replica.statements.get(row.placed.digest)
        message = "it says who belongs to the mesh, or who may do what, and that is never taken back"
        raise Refused(message, hint=_INSTEAD.get(statement.kind if statement else "", _FOR_GOOD))
    if row.document is None:
        raise Refused("it belongs to no document, or cannot be read here")
    return row.document


def _edits(loaded: Loaded, known: Known, event: Digest) -> tuple[Plan, Sequence[Edit]]:
    """What it takes, and what must be written. Raises BuiltOn."""
    undos, plan = known.undos, known.undos.plan(event)
    if known.changes[event] is None:
        return plan, undoing.unborn(loaded.document)
    root = known.changes[Digest(plan.root)]
    if root is None or not plan.turns:
        return plan, ()
    took = tuple(_took(loaded, known, Digest(name)) for name in plan.names)
    reversal = Reversal(took, root, undos.stands(plan.root), known.of(undos.undos), known.of(undos.back))
    return plan, undoing.inverse(loaded.document, reversal)


def _took(loaded: Loaded, known: Known, name: Digest) -> Took:
    """A change that is taken back, and what was taken back for whoever made it."""
    change = known.changes[name]
    assert change is not None, name

    def knew(undo: bytes) -> bool:
        other = known.changes.get(Digest(undo))
        return other is not None and other != change and loaded.document.history.stands_on(change.hash, other.hash)

    return Took(change, known.of(known.undos.known(knew).back))


async def _known(engine: Engine, document: DocumentId, event: Digest) -> Known:
    """All undos of a document, and the changes of the events that they and this one are about."""
    pairs = await undos_of(engine, document)
    events = dict.fromkeys([event, *(name for pair in pairs for name in pair)])
    rows = [row for name in events for row in await engine.store.event(bytes(name))]
    counted = [row for row in rows if row.standing is Standing.HONOURED and row.document == document]
    changes: dict[Digest, Change | None] = {}
    readings = await engine.shelf.scales.read(engine.shelf.gathered.read(counted))
    for row, reading in zip(counted, readings, strict=True):
        if isinstance(reading.body, Carrier):
            changes[row.placed.digest] = decode(reading.body.change)
        elif isinstance(reading.body, Born):
            changes[row.placed.digest] = None
    births = {name for name, change in changes.items() if change is None}
    here = [(undo, target) for undo, target in pairs if undo in changes and target in changes]
    return Known(Undos(here, births), changes)


async def _in_the_way(engine: Engine, loaded: Loaded, change: bytes) -> Refused:
    """That later work is built on it: whose, from when, and what to do."""
    author = (await engine.shelf.authors(loaded, [change])).get(change)
    if author is None:
        return Refused("a later change is built on it", hint="`mesh history` shows what came after it.")
    who = engine.replica.verdict.name_of(author.admission)
    by = f"{author.agent}@{who}" if author.agent else who
    name = _short(author.event)
    hint = f"`mesh undo {name}` takes that back first; `mesh restore` brings a whole document back as it was."
    return Refused(f"a later change is built on it: event {name} by {by}, {clock.day(author.time_ms)}", hint=hint)


def _short(event: Digest) -> str:
    return digest_text(event)[:SHOWN]
