"""Writing apart, settling and taking back on true engines, as the commands do it."""

from __future__ import annotations

from collections.abc import Sequence

from mesh.events.event import Lane, Placed
from mesh.events.kinds import Changed, Settled, Undone
from mesh.events.speaking import Draft
from mesh.names import Digest, DocumentId
from mesh.node.engine import Engine
from mesh.node.gathered import Loaded
from mesh.state.conflicts import Conflict, conflicts_of
from mesh.state.edits import Edit
from mesh.state.settling import Choice, edits_for


async def loaded(engine: Engine, document: DocumentId) -> Loaded:
    """A document in memory, for a test that looks between two commits."""
    found: list[Loaded] = []

    async def look(engine: Engine) -> Sequence[Draft]:
        one = await engine.shelf.load(document)
        assert one is not None, document
        found.append(one)
        return ()

    await engine.look(look)
    return found[0]


async def conflicts(engine: Engine, document: DocumentId) -> tuple[Conflict, ...]:
    """What is in conflict in a document, worked out anew."""
    one = await loaded(engine, document)
    return conflicts_of(one.document, one.settlements)


async def edit(engine: Engine, document: DocumentId, *edits: Edit, agent: str = "") -> Placed:
    """Some edits in one event."""

    async def make(engine: Engine) -> Sequence[Draft]:
        one = await engine.shelf.load(document)
        assert one is not None, document
        change = one.document.edit(engine.shelf.actor(one, engine.own.admission), edits)
        return (Draft(Changed(change.raw), document, agent),)

    return (await engine.say(Lane.DATA, make))[-1]


async def settle(engine: Engine, document: DocumentId, conflict: Conflict, choice: Choice) -> Placed:
    """Settle a conflict."""

    async def make(engine: Engine) -> Sequence[Draft]:
        one = await engine.shelf.load(document)
        assert one is not None, document
        wanted = edits_for(one.document, conflict, choice)
        change = one.document.edit(engine.shelf.actor(one, engine.own.admission), wanted, bare=True)
        return (Draft(Settled(change.raw, conflict.name, conflict.prints), document),)

    return (await engine.say(Lane.DATA, make))[-1]


async def take_back(engine: Engine, document: DocumentId, event: Digest, *edits: Edit) -> Placed:
    """Take an event back; what it wrote stays unless something is written."""

    async def make(engine: Engine) -> Sequence[Draft]:
        one = await engine.shelf.load(document)
        assert one is not None, document
        change = one.document.edit(engine.shelf.actor(one, engine.own.admission), edits, bare=True)
        return (Draft(Undone(change.raw, event), document),)

    return (await engine.say(Lane.DATA, make))[-1]
