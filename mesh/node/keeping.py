"""Keeping records: making them, changing them, and finding the one that somebody means. What all record calls share.

What is changed is worked out from the document as it is when nothing else can come between, so two calls at once on
one device never act on the same past. This module knows no type's own rules.
"""

from __future__ import annotations

import secrets
from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from mesh.errors import Misuse, Refused
from mesh.events.bodies import document_of
from mesh.events.event import Placed
from mesh.events.kinds import Born, Changed, Value
from mesh.events.speaking import Draft
from mesh.limits import LIST_MAX, SALT_BYTES
from mesh.names import DocumentId, digest_text
from mesh.node import agents, subjects
from mesh.node.disputes import must_not_settle
from mesh.node.engine import Engine
from mesh.node.storage.store_port import RecordRow
from mesh.state import records
from mesh.state.records import Record

if TYPE_CHECKING:
    from mesh.node.agent import Agent

SPACE = "home"
_CHOICES_MAX = 5  # documents named when what is said fits several

Registers = Mapping[str, Value]
Told = dict[str, object]
Wanted = Callable[[Record], Registers]
"""What registers of a record shall become, from how it is; it may raise to refuse."""


@dataclass(frozen=True, slots=True)
class New:
    """A record to be made. `salted`: two with the same content are two; otherwise they are one, on all devices."""

    kind: str
    registers: Registers
    text: str = ""
    salted: bool = True
    space: str = SPACE

    def birth(self) -> tuple[DocumentId, Born]:
        """Its birth and its name. Raises Misuse or TooLarge."""
        salt = secrets.token_bytes(SALT_BYTES) if self.salted else b""
        born = records.birth(self.kind, self.registers, self.text, salt)
        return document_of(self.space, self.kind, born), born


async def made(agent: Agent, name: str, new: New) -> DocumentId:
    """Make a record; one that is not salted and is there already stays as it is."""
    document, born = new.birth()

    async def make(engine: Engine) -> Sequence[Draft]:
        there = not new.salted and await engine.shelf.load(document) is not None
        return () if there else (Draft(born, document, name),)

    await agents.say(agent, name, make)
    return document


async def all_made(agent: Agent, name: str, several: Sequence[tuple[DocumentId, Born]]) -> tuple[Placed, ...]:
    """Make several records in one commit: all or none. Their births are made with `New.birth`."""

    async def make(_engine: Engine) -> Sequence[Draft]:
        return tuple(Draft(born, document, name) for document, born in several)

    return await agents.say(agent, name, make)


async def changed(
    agent: Agent,
    name: str,
    document: DocumentId,
    wanted: Callable[[Record], Registers],
    text: str | None = None,
    *,
    settling: bool = True,
) -> str | None:
    """Change registers of a record to what `wanted` makes of it as it is now; None takes one away.

    Returns the event, None when nothing had to change. `wanted` may raise to refuse. Without `settling` a register in
    conflict is not written over. Raises Refused.
    """

    async def make(engine: Engine) -> Sequence[Draft]:
        loaded = await engine.shelf.load(document)
        if loaded is None or not loaded.shown:
            raise Refused(f"{document} cannot be changed: it is not on this device yet, or nothing in it counts")
        edits = records.edits(loaded.document, wanted(records.view_of(loaded.document)), text)
        if not edits:
            return ()
        if not settling:
            must_not_settle(loaded, edits)
        actor = engine.shelf.actor(loaded, engine.own.admission)
        return (Draft(Changed(loaded.document.edit(actor, edits).raw), document, name),)

    said = await agents.say(agent, name, make)
    return digest_text(said[-1].digest) if said else None


async def said_together(
    agent: Agent,
    name: str,
    births: Sequence[tuple[DocumentId, Born]],
    changes: Mapping[DocumentId, Wanted],
) -> tuple[Placed, ...]:
    """Make records and change others in one commit: all or none, as they are when nothing can come between.

    A `wanted` of `changes` may raise to refuse all of it. Raises Refused.
    """

    async def make(engine: Engine) -> Sequence[Draft]:
        drafts = [Draft(born, document, name) for document, born in births]
        for document, wanted in changes.items():
            loaded = await engine.shelf.load(document)
            if loaded is None or not loaded.shown:
                raise Refused(f"{document} cannot be changed: it is not on this device, or nothing in it counts")
            if edits := records.edits(loaded.document, wanted(records.view_of(loaded.document))):
                actor = engine.shelf.actor(loaded, engine.own.admission)
                drafts.append(Draft(Changed(loaded.document.edit(actor, edits).raw), document, name))
        return drafts

    return await agents.say(agent, name, make)


async def chosen(agent: Agent, name: str, said: str, kinds: Collection[str]) -> RecordRow:
    """The record that somebody means: a whole id, the unique beginning of one, or an exact title. Raises Misuse."""
    found = [one for one in await agent.store.find_documents(said, _CHOICES_MAX + 1) if one.type in kinds]
    if not found:
        rows = await agent.store.records(types=kinds, search=said, limit=LIST_MAX)
        found = [row.record.document for row in rows if row.record.word(records.TITLE) == said]
    seen = [document for document in found if agents.sees(agent, name, document)]
    if len(seen) != 1:
        what = "/".join(sorted(kinds))
        if not seen:
            raise Misuse(f"there is no {what} {said!r}", hint=f"`mesh search` finds a {what} by its words.")
        raise Misuse(f"{said!r} fits several: {', '.join(map(str, seen[:_CHOICES_MAX]))}", hint="Give more of the id.")
    row = await agent.store.record(seen[0])
    if row is None:
        raise Misuse(f"{seen[0]} cannot be shown here", hint=f"`mesh why {seen[0]}` tells what is waited for.")
    return row


async def listed(
    agent: Agent,
    name: str,
    kinds: Collection[str],
    *,
    project: str = "",
    states: Collection[str] = (),
    search: str = "",
    limit: int = LIST_MAX,
) -> list[RecordRow]:
    """Records that are not put away, the latest first; an agent sees those that its grants let it see."""
    agents.may_look(agent, name)
    rows: list[RecordRow] = []
    after: RecordRow | None = None
    while len(rows) < limit:
        page = await agent.store.records(
            types=kinds, project=project, states=states, search=search, limit=min(limit, LIST_MAX), after=after
        )
        rows += [row for row in page if agents.sees(agent, name, row.record.document)]
        if len(page) < min(limit, LIST_MAX):
            break
        after = page[-1]
    return rows[:limit]


def told(agent: Agent, row: RecordRow) -> Told:
    """What every record tells of itself, for answers; the type's own fields go beside it."""
    record = row.record
    return {
        "document": str(record.document),
        "type": record.kind,
        "title": record.word(records.TITLE),
        "project": record.word(records.PROJECT),
        "state": record.word(records.STATE),
        "tags": list(record.tags),
        "conflicts": len(record.conflicts),
        "created": subjects.told_author(agent, row.born),
        "updated": subjects.told_author(agent, row.updated),
    }
