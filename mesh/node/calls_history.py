"""Calls about the past of a document: what was done to it, how it was, and taking back or restoring.

A page of a history reads the events of that page alone, so it costs the same in a document of any length. Nothing here
removes anything from the log: what is taken back is taken back by another event.
"""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from typing import TYPE_CHECKING

from mesh.errors import Misuse, Refused
from mesh.events.kinds import Born, Carrier, Changed, Settled, Undone
from mesh.events.reading import Reading
from mesh.events.speaking import Draft
from mesh.events.verdict import Standing
from mesh.limits import LIST_MAX, ROWS_READ_MAX, SEQ_MAX
from mesh.names import Digest, DocumentId, digest_text
from mesh.node import agents, subjects, takeback
from mesh.node.arguments import Arguments, needed, number, text
from mesh.node.calls_notes import chosen
from mesh.node.engine import Engine
from mesh.node.gathered import Loaded, author_of
from mesh.node.saying import looked
from mesh.node.storage.store_port import Row
from mesh.node.why.subject import event_of
from mesh.state import notes, past, summaries
from mesh.state.catalogue import BODY
from mesh.state.changes import decode, hash_in
from mesh.state.comparing import compared
from mesh.state.past import Past
from mesh.state.undos import Undos

if TYPE_CHECKING:
    from mesh.node.agent import Agent

_LIST_DEFAULT = 50
_A_TURN = 64  # events after which others get theirs

Told = dict[str, object]


# ── the list ─────────────────────────────────────────────────────────────────────────────────────


async def history(agent: Agent, arguments: Arguments) -> object:
    """What was done to a document, the latest first."""
    document = await chosen(agent, needed(arguments, "document"), deleted=True)
    agents.may_see(agent, agents.name_in(arguments), document)
    limit, said = number(arguments, "limit", _LIST_DEFAULT, LIST_MAX), text(arguments, "before")
    before = await _within(agent, document, said) if said else None
    rows = await agent.store.newest(document=document, before=before, limit=limit)
    told: Told = {
        "document": str(document),
        "title": (await agent.store.titles([document])).get(document),
        "entries": await looked(agent, lambda: _entries(agent, document, rows)),
    }
    if rows and len(rows) == limit:
        told["next"] = digest_text(rows[-1].placed.digest)
    return told


async def _within(agent: Agent, document: DocumentId, said: str) -> Row:
    """The event of a document that the beginning of a digest means. Raises Misuse."""
    row = await event_of(agent, said)
    if row.document != document:
        raise Misuse(f"event {said} is not of this document", hint="`mesh history` lists those that are.")
    return row


async def _entries(agent: Agent, document: DocumentId, rows: Sequence[Row]) -> list[Told]:
    readings = await agent.engine.shelf.scales.read([row.placed for row in rows])
    undos = Undos(await takeback.undos_of(agent.engine, document))
    found = []
    for place, (row, reading) in enumerate(zip(rows, readings, strict=True), 1):
        found.append(_entry(agent, row, reading, undos))
        if place % _A_TURN == 0:
            await asyncio.sleep(0)
    return found


def _entry(agent: Agent, row: Row, reading: Reading, undos: Undos) -> Told:
    event, inner, body = row.placed.digest, reading.inner, reading.body
    by = undos.of(event)
    author = author_of(row.placed, inner.agent if inner else "", inner.time_ms if inner else 0)
    return {
        **subjects.told_author(agent, author),
        "at": inner.time_ms if inner else None,
        "kind": inner.kind if inner else None,
        "summary": _summary(row, reading),
        "standing": row.standing.name.lower(),
        "settles": body.conflict.hex() if isinstance(body, Settled) else None,
        "undoes": digest_text(body.event) if isinstance(body, Undone) else None,
        "undone_by": digest_text(Digest(by[0])) if by else None,
    }


def _summary(row: Row, reading: Reading) -> str:
    """What an event does; of one that cannot be read, why."""
    try:
        if isinstance(reading.body, Born):
            return summaries.of_birth(reading.body)
        if isinstance(reading.body, Carrier):
            return summaries.of_change(reading.body, decode(reading.body.change))
    except Refused as error:
        return str(error)
    return row.reason or reading.reason


# ── as it was ────────────────────────────────────────────────────────────────────────────────────


async def history_at(agent: Agent, arguments: Arguments) -> object:
    """A document as it was at an event, or with all that was written up to a time."""
    document = await chosen(agent, needed(arguments, "document"), deleted=True)
    agents.may_see(agent, agents.name_in(arguments), document)
    at = _moment(arguments, "at")
    found = await looked(agent, lambda: _past(agent.engine, document, at))
    note = notes.as_shown(document, found.registers, found.text)
    return {
        "document": str(document),
        "at": at,
        "events": found.changes,
        "title": note.title,
        "body": note.body,
        "tags": list(note.tags),
        "path": note.path,
        "deleted": note.deleted,
        "registers": {key: value for key, value in sorted(found.registers.items()) if key != BODY},
        "conflicts": list(found.conflicts),
    }


async def history_diff(agent: Agent, arguments: Arguments) -> object:
    """What is different in a document between two moments; without the second, between then and now.

    `of` instead names one event: what it did, beside what its author had before.
    """
    document = await chosen(agent, needed(arguments, "document"), deleted=True)
    agents.may_see(agent, agents.name_in(arguments), document)
    of = text(arguments, "of")
    at = of if of is not None else _moment(arguments, "at")
    to = of if of is not None else _moment(arguments, "to") if "to" in arguments else None

    async def both() -> tuple[Past, Past]:
        if of is not None:
            return await _step(agent.engine, document, of)
        old = await _past(agent.engine, document, at)
        if to is not None:
            return old, await _past(agent.engine, document, to)
        return old, past.today((await _loaded(agent.engine, document)).document)

    old, new = await looked(agent, both)
    keys = sorted(({*old.registers, *new.registers} - {BODY}), key=str.encode)
    return {
        "document": str(document),
        "at": at,
        "to": to,
        "registers": {
            key: {"was": old.registers.get(key), "is": new.registers.get(key)}
            for key in keys
            if not past.same(old.registers.get(key), new.registers.get(key))
        },
        "lines": [
            {"sign": line.sign, "parts": [list(part) for part in line.parts]} for line in compared(old.text, new.text)
        ],
    }


def _moment(arguments: Arguments, key: str) -> str | int:
    """An event, or a time in milliseconds. Raises Misuse."""
    if isinstance(arguments.get(key), int):
        return number(arguments, key, 0, SEQ_MAX)
    return needed(arguments, key)


async def _step(engine: Engine, document: DocumentId, said: str) -> tuple[Past, Past]:
    """A document as the author of an event had it, and what that made of it."""
    loaded = await _loaded(engine, document)
    changes = await _of_event(engine, loaded, said)
    before = past.before(loaded.document, changes[0]) if changes else Past({}, (), "", 0)  # its birth
    return before, past.at(loaded.document, changes)


async def _past(engine: Engine, document: DocumentId, at: str | int) -> Past:
    """A document as it was. Raises Misuse or Refused."""
    loaded = await _loaded(engine, document)
    changes = await (_until(engine, loaded, at) if isinstance(at, int) else _of_event(engine, loaded, at))
    return past.at(loaded.document, changes)


async def _loaded(engine: Engine, document: DocumentId) -> Loaded:
    loaded = await engine.shelf.load(document)
    if loaded is None or not loaded.shown:
        raise Refused(f"nothing of {document} counts here", hint="`mesh why` of it says what stops it.")
    return loaded


async def _of_event(engine: Engine, loaded: Loaded, said: str) -> list[bytes]:
    """The change of one event."""
    rows = await engine.store.event(said.lower())
    if len(rows) != 1 or rows[0].document != loaded.document.id:
        problem = "several events" if len(rows) > 1 else "no event of this document"
        raise Misuse(f"{said!r} names {problem}", hint="`mesh history` lists them; a time is written 2027-01-01 14:00.")
    reading = await engine.shelf.scales.read_one(engine.shelf.gathered.read(rows)[0])
    if isinstance(reading.body, Born):
        return []
    change = hash_in(reading.body.change) if isinstance(reading.body, Carrier) else b""
    if rows[0].standing is not Standing.HONOURED or not loaded.document.contains(change):
        raise Refused("this event does not count", hint=f"`mesh why {said}` says why.")
    return [change]


async def _until(engine: Engine, loaded: Loaded, time_ms: int) -> list[bytes]:
    """The changes that were written up to a time, by the clocks of their devices. Raises Misuse for none."""
    found: list[bytes] = []
    born = False
    counted = [row for row in await engine.store.rows(loaded.document.id) if row.standing is Standing.HONOURED]
    for start in range(0, len(counted), ROWS_READ_MAX):
        placed = engine.shelf.gathered.read(counted[start : start + ROWS_READ_MAX])
        for reading in await engine.shelf.scales.read(placed):
            if reading.inner and reading.inner.time_ms <= time_ms:
                born = born or isinstance(reading.body, Born)
                if isinstance(reading.body, Carrier):
                    found.append(hash_in(reading.body.change))
        await asyncio.sleep(0)
    known = [change for change in found if loaded.document.contains(change)]
    if not (known or born):
        raise Misuse("it did not exist yet at that time", hint="`mesh history` shows when it was written.")
    return known


# ── taking back ──────────────────────────────────────────────────────────────────────────────────


async def undo(agent: Agent, arguments: Arguments) -> object:
    """Take one event back, by another event on every device."""
    row, name = await event_of(agent, needed(arguments, "event")), agents.name_in(arguments)
    document = takeback.must_be_of_a_document(agent.engine, row)
    event = await take_back(agent, row, name)
    return {"document": str(document), "event": digest_text(event), "undoes": digest_text(row.placed.digest)}


async def take_back(agent: Agent, row: Row, name: str) -> Digest:
    """Say that an event is taken back; the event that says so. Raises Refused."""
    count = 0

    async def make(engine: Engine) -> Sequence[Draft]:
        nonlocal count
        found = await takeback.drafts(engine, row, name)
        count = len(found)
        return found

    said = await agents.say(agent, name, make)
    return said[-count].digest  # an opening may have come before, undos beside it come after


async def restore(agent: Agent, arguments: Arguments) -> object:
    """Bring a document back as it was, by an ordinary edit."""
    document, name = await chosen(agent, needed(arguments, "document"), deleted=True), agents.name_in(arguments)
    at = _moment(arguments, "at")

    async def make(engine: Engine) -> Sequence[Draft]:
        await engine.settled()
        loaded = await _loaded(engine, document)
        edits = past.restoring(loaded.document, await _past(engine, document, at))
        if not edits:
            raise Misuse("nothing would change: it is as it was then")
        actor = engine.shelf.actor(loaded, engine.own.admission)
        return (Draft(Changed(loaded.document.edit(actor, edits).raw), document, name),)

    said = await agents.say(agent, name, make)
    return {"document": str(document), "event": digest_text(said[-1].digest)}
