"""Calls about conflicts: which are open, what one consists of, and what was settled. Settling is in `calls_settling`.

Everything is told as the log has it: values, who wrote them, and when. Nothing here changes anything.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from mesh.errors import Misuse, Refused
from mesh.events.kinds import Settled, Undone, Value
from mesh.limits import CONFLICT_AROUND_CHARACTERS, CONFLICT_PAGE_CHARACTERS, LIST_MAX, SEQ_MAX
from mesh.names import DocumentId, digest_text
from mesh.node import agents, subjects
from mesh.node.arguments import Arguments, needed, number, text
from mesh.node.calls_notes import chosen
from mesh.node.engine import Engine
from mesh.node.gathered import Loaded
from mesh.node.saying import looked
from mesh.node.storage.placings import placing_of
from mesh.node.storage.store_port import Author, ConflictRow, NoteRow, SettlementRow
from mesh.state.changes import decode
from mesh.state.conflicts import DELETED, PATH, Conflict, Kind, conflicts_of, replaced_by
from mesh.state.operations import Change
from mesh.state.settling import Settlements

if TYPE_CHECKING:
    from mesh.node.agent import Agent

SHOWN = 12  # digits of an id in a sentence: enough to be the only one
_LIST_DEFAULT = 100
_VALUES_DEFAULT = 20

Told = dict[str, object]


@dataclass(frozen=True)
class Named:
    """The conflict that somebody means: open now, or settled before, or both, when a settlement was taken back."""

    name: bytes
    row: ConflictRow | None
    settlements: tuple[SettlementRow, ...]

    @property
    def document(self) -> DocumentId:
        """Where it is; of several notes at one path the first."""
        return self.row.document if self.row else self.settlements[0].document

    @property
    def id(self) -> str:
        """As it is told."""
        return self.name.hex()


# ── lists ────────────────────────────────────────────────────────────────────────────────────────


async def listed(agent: Agent, arguments: Arguments) -> object:
    """Open conflicts, the latest first; of an agent those that it may see."""
    limit, name = number(arguments, "limit", _LIST_DEFAULT, LIST_MAX), agents.name_in(arguments)
    agents.may_look(agent, name)
    said, device, begin = (text(arguments, key) for key in ("document", "device", "after"))
    document = await chosen(agent, said) if said else None
    by = subjects.device_of(agent, device).digest if device else None
    kind, after = _kind(text(arguments, "kind")), await _begun(agent, begin) if begin else None
    rows: list[ConflictRow] = []
    room, more = CONFLICT_PAGE_CHARACTERS, True
    while more and len(rows) < limit and room > 0:  # once for the person, who sees each of them
        page = await agent.store.conflicts(document=document, kind=kind, device=by, limit=limit, after=after)
        more = len(page) == limit
        for row in page:
            if len(rows) == limit or room <= 0:
                more = True
                break
            after = row
            if agents.sees(agent, name, row.document):
                rows.append(row)
                room -= sum(_size(side.value) for side in row.sides)
    titles = await agent.store.titles({row.document for row in rows})
    told: Told = {"conflicts": [_line(agent, row, titles) for row in rows]}
    if more and after is not None:
        told["next"] = after.name.hex()
    return {**told, "total": None if name else (await agent.store.counts()).conflicts}


async def _begun(agent: Agent, said: str) -> ConflictRow:
    """The last row of the page before."""
    row = (await named(agent, said)).row
    if row is None:
        raise Refused("the conflict to go on after is settled by now", hint="Begin the list again, without `after`.")
    return row


def _kind(said: str | None) -> str | None:
    if said is not None and said not in set(Kind):
        raise Misuse(f"{said!r} is no kind of conflict", hint=f"There are: {', '.join(Kind)}.")
    return said


async def settled(agent: Agent, arguments: Arguments) -> object:
    """Settlements, the latest first, and whether they were taken back."""
    limit, name = number(arguments, "limit", _LIST_DEFAULT, LIST_MAX), agents.name_in(arguments)
    agents.may_look(agent, name)
    said = text(arguments, "document")
    document = await chosen(agent, said) if said else None
    found: list[SettlementRow] = []
    before = 0
    while len(found) < limit and (page := await agent.store.settlements(document=document, before=before, limit=limit)):
        found += [row for row in page if row.conflict and agents.sees(agent, name, row.document)]
        before = page[-1].author.lamport
    titles = await agent.store.titles({row.document for row in found})
    histories = {row.document: await history_of(agent, row.document) for row in found}
    told = [
        {
            "id": row.conflict.hex(),
            "document": str(row.document),
            "title": titles.get(row.document),
            **_settlement(agent, row, histories[row.document]),
        }
        for row in found[:limit]
    ]
    return {"settled": told}


async def history_of(agent: Agent, document: DocumentId) -> Settlements:
    """What was settled in a document and taken back, as the store has it."""
    found, before = Settlements(), 0
    while page := await agent.store.settlements(document=document, before=before):
        for row in page:
            body = Undone(b"", row.undoes) if row.undoes else Settled(b"", row.conflict, row.prints, row.rule)
            found.add(row.author.event, body)
        before = page[-1].author.lamport
    return found


# ── one of them ──────────────────────────────────────────────────────────────────────────────────


async def named(agent: Agent, said: str) -> Named:
    """The conflict that the beginning of an id means. Raises Misuse, or Refused where there is none."""
    prefix = said.strip().lower()
    rows = await agent.store.conflict(prefix)
    settlements = await agent.store.settlements(conflict=prefix)
    names = {row.name for row in rows} | {row.conflict for row in settlements}
    if len(names) > 1:
        raise Misuse(f"{said!r} fits several conflicts", hint="Give more of the id.")
    if not names:
        message = f"no conflict {said!r} is open here: it changed, is settled, or never was"
        raise Refused(message, hint="Look again: `mesh conflicts` shows what is open.")
    return Named(names.pop(), rows[0] if rows else None, settlements)


async def show(agent: Agent, arguments: Arguments) -> object:
    """One conflict whole: its values page by page, what they began with, and who settled it."""
    offset = number(arguments, "offset", 0, SEQ_MAX)
    limit = number(arguments, "limit", _VALUES_DEFAULT, LIST_MAX)
    one = await named(agent, needed(arguments, "id"))
    agents.may_see(agent, agents.name_in(arguments), one.document)
    titles = await agent.store.titles([one.document])
    if one.row and one.row.kind == Kind.PATH:
        values = await _notes_at(agent, one.row, offset, limit)
    else:
        values = await looked(agent, lambda: _inside(agent, one, offset, limit))
    head = _line(agent, one.row, titles) if one.row else {"id": one.id, "document": str(one.document)}
    history = await history_of(agent, one.document)
    return {
        **_EMPTY,
        "title": titles.get(one.document),
        **head,
        **values,
        "offset": offset,
        "open": one.row is not None,
        "settled_by": [_settlement(agent, row, history) for row in one.settlements],
    }


_EMPTY: Told = {
    "field": None, "kind": None, "count": 0, "since": None, "devices": [],
    "values": [], "ancestor": None, "context": None,
}  # fmt: skip


async def _inside(agent: Agent, one: Named, offset: int, limit: int) -> Told:
    """The values of a conflict inside a document, as it is, or was before it was settled."""
    loaded = await agent.engine.shelf.load(one.document)
    if loaded is None:
        return {}
    changes = [] if one.row else [await change_of(agent.engine, row) for row in one.settlements]
    conflict = open_in(loaded, one.name) if one.row else _before(loaded, one.name, changes)
    if conflict is None:
        return _guessed(changes)
    sides = conflict.sides[offset : offset + limit]
    authors = await agent.engine.shelf.authors(loaded, {side.change for side in sides})
    values = [_value(agent, side.value, authors.get(side.change)) for side in sides]
    return {
        "field": conflict.field,
        "kind": conflict.kind.value,
        "count": len(conflict.sides),
        "values": _fitting(values),
        "ancestor": conflict.ancestor,
        "context": _around(loaded, conflict) if one.row and conflict.kind is Kind.TEXT else None,
    }


def open_in(loaded: Loaded, name: bytes) -> Conflict | None:
    """The conflict of that name, if it is open in a document."""
    return next((one for one in conflicts_of(loaded.document, loaded.settlements) if one.name == name), None)


def _before(loaded: Loaded, name: bytes, changes: Sequence[Change]) -> Conflict | None:
    """A conflict as it was before these changes settled it, as far as that can be told."""
    ended = [conflict for change in changes for conflict in replaced_by(loaded.document, change)]
    unsettled = conflicts_of(loaded.document, Settlements())
    return next((one for one in (*ended, *unsettled) if one.name == name), None)


def _guessed(changes: Sequence[Change]) -> Told:
    """What a conflict was about, where only what settled it is left."""
    keys = {str(operation.key) for change in changes for operation in change.operations if operation.object is None}
    kinds = {DELETED: Kind.DELETED, PATH: Kind.PATH}
    return next(({"field": key, "kind": kinds[key].value} for key in keys if key in kinds), {})


async def change_of(engine: Engine, row: SettlementRow) -> Change:
    """The change that a settlement carries."""
    (held,) = await engine.store.event(bytes(row.author.event))
    body = (await engine.shelf.scales.read_one(held.placed)).body
    assert isinstance(body, Settled), "the store says so"
    return decode(body.change)


def _around(loaded: Loaded, conflict: Conflict) -> Told:
    """Where in the text the region is, and how it reads now."""
    whole, end = loaded.document.text(), conflict.start + conflict.length
    before = whole[max(conflict.start - CONFLICT_AROUND_CHARACTERS, 0) : conflict.start]
    return {"before": before, "after": whole[end : end + CONFLICT_AROUND_CHARACTERS], "merged": conflict.merged}


async def _notes_at(agent: Agent, row: ConflictRow, offset: int, limit: int) -> Told:
    """The notes that are at one path, in the order in which they came to it."""
    rows = await notes_at(agent, row)
    values = [
        {
            **_value(agent, str(note.note.document), note.placed),
            "document": str(note.note.document),
            "title": note.note.title,
        }
        for note in rows[offset : offset + limit]
    ]
    return {"values": values, "count": len(rows), "path": rows[0].note.path if rows else None}


async def notes_at(agent: Agent, row: ConflictRow) -> list[NoteRow]:
    """The notes of a conflict over one path, in the order in which they came to it."""
    first = await agent.store.note(row.document)
    path = first.note.path if first else None
    if path is None:
        return []
    found: list[NoteRow] = []
    while page := await agent.store.notes(
        at=(row.document.space, path), limit=LIST_MAX, after=found[-1] if found else None
    ):
        found += page
    return sorted(found, key=placing_of)


# ── telling ──────────────────────────────────────────────────────────────────────────────────────


def _line(agent: Agent, row: ConflictRow, titles: dict[DocumentId, str]) -> Told:
    return {
        "id": row.name.hex(),
        "document": str(row.document),
        "title": titles.get(row.document),
        "field": row.field,
        "kind": row.kind,
        "count": row.count,
        "since": row.since_ms,
        "devices": [subjects.name_of(agent, device) for device in row.devices],
        "values": [{**_value(agent, s.value, s.author), "characters": s.characters} for s in row.sides],
        "ancestor": row.ancestor,
    }


def _value(agent: Agent, value: Value, author: Author | None) -> Told:
    return {"value": value, "characters": _size(value), **subjects.told_author(agent, author)}


def _settlement(agent: Agent, row: SettlementRow, history: Settlements) -> Told:
    by = history.undone_by(row.author.event)
    return {**subjects.told_author(agent, row.author), "rule": row.rule, "undone_by": digest_text(by) if by else None}


def _size(value: Value) -> int:
    return len(value) if isinstance(value, str) else 0


def _fitting(values: Sequence[Told]) -> list[Told]:
    """As many of these as one answer holds, at least one."""
    found: list[Told] = []
    room = CONFLICT_PAGE_CHARACTERS
    for value in values:
        size = value["characters"]
        assert isinstance(size, int), size
        if found and size > room:
            break
        room -= size
        found.append(value)
    return found
