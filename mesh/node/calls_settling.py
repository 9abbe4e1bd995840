"""Calls that settle a conflict, and take that back. Each is one or more events that every device honours alike.

A conflict is named by its id: if its values changed since somebody looked, the id is not open any more, and nothing is
done. Nothing here removes anything from the log.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from mesh.errors import Misuse, Refused
from mesh.events.kinds import Settled
from mesh.events.speaking import Draft
from mesh.limits import LIST_MAX
from mesh.names import Digest, DocumentId, digest_text
from mesh.node import agents, clock, subjects, takeback
from mesh.node.arguments import Arguments, needed, number, text, yes
from mesh.node.calls_conflicts import SHOWN, Named, Told, history_of, named, notes_at, open_in
from mesh.node.engine import Engine
from mesh.node.gathered import Loaded
from mesh.node.storage.store_port import NoteRow, SettlementRow
from mesh.state import notes
from mesh.state.conflicts import Kind
from mesh.state.settling import Choice, Merge, Say, Take, edits_for, moved_aside, named_together

if TYPE_CHECKING:
    from mesh.node.agent import Agent

_CHANGED = "its values changed since, so it is another conflict now"
_LOOK_AGAIN = "Look again: `mesh conflicts` shows what is open."


# ── settling ─────────────────────────────────────────────────────────────────────────────────────


async def resolve(agent: Agent, arguments: Arguments) -> object:
    """Settle a conflict: by one of its values, by another one, or by the text as it reads now."""
    one, choice, name = await named(agent, needed(arguments, "id")), _choice(arguments), agents.name_in(arguments)
    agents.may_see(agent, name, one.document)
    if one.row is None:
        raise _settled_already(agent, one)
    if one.row.kind == Kind.PATH:
        events = await _move_aside(agent, name, one, choice)
    else:
        events = await _settle(agent, name, one, choice)
    return await _told(agent, one, events)


def _choice(arguments: Arguments) -> Choice:
    take, value = arguments.get("take"), text(arguments, "value")
    given = [take is not None, value is not None, yes(arguments, "merge")]
    if sum(given) != 1:
        raise Misuse("a conflict is settled by one of take, value and merge")
    if take is not None:
        place = number(arguments, "take", 0, LIST_MAX)
        if place == 0:
            raise Misuse("values are numbered from 1")
        return Take(place - 1)
    return Merge() if value is None else Say(value)


def _settled_already(agent: Agent, one: Named) -> Refused:
    last = one.settlements[0].author
    who = subjects.name_of(agent, last.admission)
    by = f"{last.agent}@{who}" if last.agent else who
    hint = f"`mesh conflicts undo {one.id[:SHOWN]}` takes that back."
    return Refused(f"it is settled already, by {by}, {clock.day(last.time_ms)}", hint=hint)


async def _settle(agent: Agent, name: str, one: Named, choice: Choice) -> list[Digest]:
    """The settlements of a conflict inside a document: the first with the edits; further ones only name more prints."""
    blocks: list[tuple[bytes, ...]] = []

    async def first(engine: Engine) -> Sequence[Draft]:
        loaded = await _loaded(engine, one.document)
        conflict = open_in(loaded, one.name)
        if conflict is None:
            raise Refused(_CHANGED, hint=_LOOK_AGAIN)
        blocks[:] = named_together(conflict.prints)
        actor = engine.shelf.actor(loaded, engine.own.admission)
        change = loaded.document.edit(actor, edits_for(loaded.document, conflict, choice), bare=True)
        return (Draft(Settled(change.raw, one.name, blocks[0]), one.document, name),)

    events = [(await agents.say(agent, name, first))[-1].digest]
    for prints in blocks[1:]:

        async def another(engine: Engine, prints: tuple[bytes, ...] = prints) -> Sequence[Draft]:
            loaded = await _loaded(engine, one.document)
            change = loaded.document.edit(engine.shelf.actor(loaded, engine.own.admission), (), bare=True)
            return (Draft(Settled(change.raw, one.name, prints), one.document, name),)

        events.append((await agents.say(agent, name, another))[-1].digest)
    return events


async def _move_aside(agent: Agent, name: str, one: Named, choice: Choice) -> list[Digest]:
    """Several notes at one path: one stays, each of the others moves, by a settlement of its own."""
    if isinstance(choice, Merge):
        raise Misuse("only texts can be merged", hint="Take one of the notes, or give a path for the others.")
    count = 0

    async def make(engine: Engine) -> Sequence[Draft]:
        nonlocal count
        await engine.settled()
        row = next(iter(await engine.store.conflict(one.id)), None)
        if row is None:
            raise Refused(_CHANGED, hint=_LOOK_AGAIN)
        rows = await notes_at(agent, row)
        stays = choice.side if isinstance(choice, Take) else 0
        if stays >= len(rows):
            raise Misuse(f"{len(rows)} notes are at this path, there is no note {stays + 1}")
        drafts, used = [], set[str]()
        for giving in (each for place, each in enumerate(rows) if place != stays):
            path = await _free(agent, giving, used, str(choice.value) if isinstance(choice, Say) else None)
            loaded = await _loaded(engine, giving.note.document)
            wanted = notes.edits(loaded.document, path=path)
            change = loaded.document.edit(engine.shelf.actor(loaded, engine.own.admission), wanted)
            drafts.append(Draft(Settled(change.raw, one.name), giving.note.document, name))
        count = len(drafts)
        return drafts

    return [placed.digest for placed in (await agents.say(agent, name, make))[-count:]]


async def _free(agent: Agent, giving: NoteRow, used: set[str], wanted: str | None) -> str:
    """A path that no note of the space has: the wanted one, or beside the old one with the name of the device."""
    author = giving.placed
    who = subjects.name_of(agent, author.admission if author else giving.updated_by)
    space, path = giving.note.document.space, wanted or giving.note.path or ""
    while True:
        found = path if wanted and path not in used else moved_aside(path, who, used.__contains__)
        if not await agent.store.notes(at=(space, found), limit=1):
            used.add(found)
            return found
        used.add(found)


# ── taking back ──────────────────────────────────────────────────────────────────────────────────


async def undo(agent: Agent, arguments: Arguments) -> object:
    """Take back every settlement of a conflict that is in effect, the latest first."""
    one, name = await named(agent, needed(arguments, "id")), agents.name_in(arguments)
    agents.may_see(agent, name, one.document)
    if not one.settlements:
        hint = f"`mesh conflicts resolve {one.id[:SHOWN]}` settles it."
        raise Misuse("this conflict is open, there is nothing to take back", hint=hint)
    events: list[Digest] = []
    for row in one.settlements:
        history = await history_of(agent, row.document)
        if history.effective(row.author.event):
            events += await _take_back(agent, name, row)
    if not events:
        raise Refused("how it was settled is taken back already", hint=_LOOK_AGAIN)
    return await _told(agent, one, events)


async def _take_back(agent: Agent, name: str, row: SettlementRow) -> list[Digest]:
    count = 0

    async def make(engine: Engine) -> Sequence[Draft]:
        nonlocal count
        (held,) = await engine.store.event(bytes(row.author.event))
        drafts = await takeback.drafts(engine, held, name)
        count = len(drafts)
        return drafts

    return [placed.digest for placed in (await agents.say(agent, name, make))[-count:]]


# ── both ─────────────────────────────────────────────────────────────────────────────────────────


async def _loaded(engine: Engine, document: DocumentId) -> Loaded:
    loaded = await engine.shelf.load(document)
    if loaded is None or not loaded.shown:
        raise Refused(f"{document} cannot be edited: nothing in it counts")
    return loaded


async def _told(agent: Agent, one: Named, events: Sequence[Digest]) -> Told:
    """What was said, and what is open in that document now."""
    rows = await agent.store.conflicts(document=one.document, limit=LIST_MAX)
    return {
        "id": one.id,
        "document": str(one.document),
        "events": [digest_text(event) for event in events],
        "opened": [row.name.hex() for row in rows],
    }
