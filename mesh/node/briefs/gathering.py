"""What a brief is made of: rows of the store, each read by the module of its type, as plain values.

It sees what its caller may see, and no more. Nothing here writes anything.
"""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from mesh.limits import BRIEF_LATE_ROWS_MAX, BRIEF_NOTES_READ_MAX, BRIEF_SHOWN_MAX, LIST_MAX
from mesh.names import Digest, DocumentId, device_text
from mesh.node import agents, answers, calls_memories, calls_sessions, calls_tasks, keeping, projects, subjects
from mesh.node.claiming import device_name
from mesh.node.keeping import Told
from mesh.node.storage.store_port import NoteRow, RecordRow
from mesh.node.work import Work
from mesh.state import asks, handoffs, leases, memories, receipts, sessions
from mesh.state.notes import KIND as NOTE
from mesh.state.projects import Known
from mesh.state.records import PROJECT, STATE, Record

if TYPE_CHECKING:
    from mesh.node.agent import Agent


@dataclass(frozen=True, slots=True)
class Wanted:
    """What a brief is about: for whom, since when, of which project (empty: all), seen from which session."""

    name: str
    """The agent that asks; empty for the person."""
    now_ms: int
    since_ms: int
    late_after: int | None
    """The row of the log after which things came late; None: nothing is late."""
    project: str
    session: str


class Gathering:
    """One brief in the making. Use `read`."""

    def __init__(self, agent: Agent, wanted: Wanted, known: Known, late: Collection[DocumentId]) -> None:
        """`late`: what came since the last brief, however long ago it was written."""
        self._agent, self._wanted, self.known, self._late = agent, wanted, known, late
        self._ids = known.ids(wanted.project) if wanted.project else frozenset()
        self._arguments: Told = {"as": wanted.name} if wanted.name else {}
        if wanted.project:
            self._arguments["project"] = wanted.project

    @classmethod
    async def read(cls, agent: Agent, wanted: Wanted) -> Gathering:
        """Look up what all parts need."""
        late = await _late(agent, wanted.late_after) if wanted.late_after is not None else set()
        return cls(agent, wanted, await projects.known(agent, wanted.name), late)

    # ── what is shared ───────────────────────────────────────────────────────────────────────────

    async def _rows(self, *kinds: str, states: Collection[str] = ()) -> list[RecordRow]:
        """The latest records of some types, of the project that is asked about."""
        rows = await keeping.listed(self._agent, self._wanted.name, kinds, states=states, limit=LIST_MAX)
        return [row for row in rows if self._is_here(row.record)]

    def _is_here(self, record: Record) -> bool:
        return not self._ids or record.word(PROJECT) in self._ids

    def _is_new(self, document: DocumentId, *times_ms: int) -> bool:
        return document in self._late or max(times_ms) >= self._wanted.since_ms

    def _told(self, row: RecordRow) -> Told:
        return {**keeping.told(self._agent, row), **self._told_project(row)}

    def _told_project(self, row: RecordRow) -> Told:
        return {"project_name": self.known.name(row.record.word(PROJECT)), "late": self._came_late(row)}

    def _came_late(self, row: RecordRow) -> bool:
        return row.record.document in self._late and row.updated.time_ms < self._wanted.since_ms

    # ── what waits ───────────────────────────────────────────────────────────────────────────────

    async def lost_claims(self) -> list[Told]:
        """What this device had claimed and another one has."""
        session = {"session": self._wanted.session} if self._wanted.session else {}
        told = await calls_tasks.lost(self._agent, {**self._arguments, **session})
        return _list(told, "lost")

    async def handoffs(self) -> list[Told]:
        """What was left for others and is not over, or went out of time since; what waits before the rest."""
        work = await Work.read(self._agent, self._wanted.name)
        who = leases.Who(self._agent.device, self._wanted.name, self._wanted.session)
        found = []
        for row in work.rows:
            state = work.state(row.record)
            mine = handoffs.is_for(row.record, who) or not self._wanted.name
            late = state == handoffs.EXPIRED and row.record.number("expires") >= self._wanted.since_ms
            if self._is_here(row.record) and mine and (late or state in {handoffs.OPEN, handoffs.CLAIMED}):
                told = await work.told_handoff(row)
                lists = {key: list(row.record.listed(key)) for key in ("done", "rejected", "decisions", "blockers")}
                verify = [dict(one) for one in row.record.maps("verify")]
                found.append({**told, **self._told(row), "state": state, **lists, "verify": verify})
        return sorted(found, key=lambda one: one["state"] != handoffs.OPEN)[:BRIEF_SHOWN_MAX]

    async def tasks(self) -> tuple[list[Told], list[Told]]:
        """What can be begun, the most urgent first; and rings of tasks of which none can."""
        arguments = {**self._arguments, "filter": "ready", "limit": BRIEF_SHOWN_MAX}
        found = await calls_tasks.listed(self._agent, arguments)
        ready = [{**one, "project_name": self.known.name(str(one["project"]))} for one in _list(found, "tasks")]
        return ready, _list(found, "rings")

    async def questions(self) -> tuple[list[Told], list[Told]]:
        """Questions that wait for the person, and those that were answered since."""
        waiting, answered = [], []
        for one in await self._rows(asks.KIND):
            row = await answers.true(self._agent, one)
            state, answer = asks.state(row.record, self._wanted.now_ms)
            told = {
                **self._told(row),
                "state": state,
                "options": list(row.record.listed("options")),
                "default": row.record.word("default"),
                "agent": row.born.agent,
                "device": row.record.word("device"),
                "device_name": device_name(self._agent, row.record.word("device")),
                "at_ms": row.born.time_ms,
                "expires_ms": row.record.number("expires") or None,
                "answer": (answer.option or answer.text) if answer else "",
                "answer_text": answer.text if answer else "",
                "session": row.record.word("session"),
            }
            if state == asks.WAITING:
                waiting.append(told)
            elif self._is_new(row.record.document, row.updated.time_ms):
                answered.append(told)
        return waiting[:BRIEF_SHOWN_MAX], answered[:BRIEF_SHOWN_MAX]

    async def memories(self) -> tuple[list[Told], list[Told]]:
        """Memories that wait for a person, and those that hold here."""
        pending, usable = [], []
        rows = await keeping.listed(self._agent, self._wanted.name, memories.TYPES, limit=LIST_MAX)
        for row in rows:
            record, here = row.record, self._is_here(row.record)
            told = {**await calls_memories.told(self._agent, row), **self._told_project(row)}
            if told["state"] == memories.PENDING and here:
                pending.append(told)
            elif told["state"] in memories.USABLE and (here or record.word("scope") == memories.GLOBAL):
                usable.append(told)
        usable.sort(key=lambda one: one["state"] != memories.APPROVED)
        return pending[:BRIEF_SHOWN_MAX], usable[:BRIEF_SHOWN_MAX]

    async def conflicts(self) -> Told:
        """What is in conflict: how much of it, and the latest."""
        rows = await self._agent.store.conflicts(limit=LIST_MAX)
        rows = tuple(row for row in rows if agents.sees(self._agent, self._wanted.name, row.document))
        if self._ids:
            rows = tuple([row for row in rows[:BRIEF_NOTES_READ_MAX] if await self._belongs(row.document)])
        titles = await self._agent.store.titles({row.document for row in rows[:BRIEF_SHOWN_MAX]})
        items = [
            {
                "id": row.name.hex(),
                "document": str(row.document),
                "title": titles.get(row.document, ""),
                "kind": row.kind,
                "field": row.field,
                "values": row.count,
                "since_ms": row.since_ms,
            }
            for row in rows[:BRIEF_SHOWN_MAX]
        ]
        return {"count": len(rows), "items": items}

    async def _belongs(self, document: DocumentId) -> bool:
        """Whether a document is a record of the project that is asked about."""
        row = await self._agent.store.record(document) if document.type != NOTE else None
        return row is not None and self._is_here(row.record)

    # ── what happened ────────────────────────────────────────────────────────────────────────────

    async def receipts(self) -> tuple[list[Told], list[Told]]:
        """What was reported since, and what was changed and never reported."""
        rows = await self._rows(receipts.KIND)
        drafts = {one.document for one in receipts.unreported([row.record for row in rows])}
        filed, unreported = [], []
        for row in rows:
            told = {
                **self._told(row),
                **receipts.counts(row.record),
                "agent": row.born.agent,
                "not_done": list(row.record.listed("not-done")),
                "disputes": len(receipts.disputes(row.record)),
                "session": row.record.word("session"),
            }
            if row.record.document in drafts:
                unreported.append(told)
            elif told["state"] != receipts.UNREPORTED and self._is_new(row.record.document, row.born.time_ms):
                filed.append(told)
        return filed[:BRIEF_SHOWN_MAX], unreported[:BRIEF_SHOWN_MAX]

    async def sessions(self) -> list[Told]:
        """Sessions that are not over, or were touched since."""
        rows = [
            row
            for row in await self._rows(sessions.KIND)
            if row.record.word(STATE) in sessions.OPEN or self._is_new(row.record.document, row.updated.time_ms)
        ]
        return [{**calls_sessions.told(self._agent, row, self.known), "late": self._came_late(row)}
                for row in rows[:BRIEF_SHOWN_MAX]]  # fmt: skip

    async def new_tasks(self) -> list[Told]:
        """Tasks that were made or changed since, whatever became of them."""
        rows = [row for row in await self._rows("task") if self._is_new(row.record.document, row.updated.time_ms)]
        work = await Work.read(self._agent, self._wanted.name)
        return [{**self._told(row), "state": work.state_of_task(row.record)} for row in rows[:BRIEF_SHOWN_MAX]]

    async def notes(self) -> list[Told]:
        """Notes that were written or changed since; of a project those that have its name as a tag."""
        tag = self.known.name(self._wanted.project) if self._wanted.project else None
        rows = list(await self._agent.store.notes(tag=tag, limit=BRIEF_NOTES_READ_MAX))
        rows = [row for row in rows if self._is_new(row.note.document, row.updated_ms)]
        known = {row.note.document for row in rows}
        for document in self._late:
            if document.type == NOTE and document not in known and len(rows) < BRIEF_NOTES_READ_MAX:
                row = await self._agent.store.note(document)
                if row and not row.note.deleted and (tag is None or tag in row.note.tags):
                    rows.append(row)
        rows = [row for row in rows if agents.sees(self._agent, self._wanted.name, row.note.document)]
        rows.sort(key=lambda row: row.lamport, reverse=True)
        return [self._told_note(row) for row in rows[:BRIEF_SHOWN_MAX]]

    def _told_note(self, row: NoteRow) -> Told:
        return {
            "document": str(row.note.document),
            "type": NOTE,
            "title": row.note.title,
            "tags": list(row.note.tags),
            "conflicts": len(row.note.conflicts),
            "updated": {
                "device": device_text(row.updated_by),
                "name": subjects.name_of(self._agent, row.updated_by),
                "at": row.updated_ms,
            },
            "late": row.note.document in self._late and row.updated_ms < self._wanted.since_ms,
        }

    # ── the session that asks ────────────────────────────────────────────────────────────────────

    async def session(self) -> tuple[Record, ...]:
        """The session that asks, and the one that it goes on with, as far as they are here."""
        found: list[Record] = []
        said = self._wanted.session
        while said and len(found) < 2:
            row = await self._agent.store.record(DocumentId.parse(said))
            if row is None or not agents.sees(self._agent, self._wanted.name, row.record.document):
                break
            found.append(row.record)
            said = row.record.word("from")
        return tuple(found)


async def _late(agent: Agent, after: int) -> set[DocumentId]:
    """Documents of which something of another device came after a row of the log, the latest arrivals last."""
    own: Digest = agent.engine.own.admission
    found: dict[DocumentId, None] = {}
    read = 0
    while read < BRIEF_LATE_ROWS_MAX:
        rows = await agent.store.log(after=after, limit=LIST_MAX)
        found |= {row.document: None for row in rows if row.document and row.placed.admission != own}
        if len(rows) < LIST_MAX:
            break
        after, read = rows[-1].id, read + len(rows)
    return set(found)


def _list(told: object, key: str) -> list[Told]:
    assert isinstance(told, dict), "a call's answer"
    found = told[key]
    assert isinstance(found, list), "a list of them"
    return found


def goal_of(told: Sequence[Told], own: Sequence[Record]) -> str:
    """What is to be reached: what the session is for, else what the first hand-off that nobody has is for."""
    goals = [sessions.goal_of(record) for record in own]
    goals += [str(one["title"]) for one in told if one["state"] == handoffs.OPEN]
    return next(filter(None, goals), "")
