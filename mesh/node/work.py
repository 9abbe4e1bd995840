"""Work as a device knows it: hand-offs and tasks that somebody may see, which belong together, and how they are told.

It reads and tells; what changes anything is in the calls.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING

from mesh.errors import Malformed
from mesh.limits import LIST_MAX, TASKS_READ_MAX
from mesh.names import DocumentId
from mesh.node import agents, claiming, clock, keeping
from mesh.node.keeping import Told
from mesh.node.storage.store_port import RecordRow
from mesh.state import handoffs, leases, tasks
from mesh.state.leases import Claim
from mesh.state.records import TITLE, Record

if TYPE_CHECKING:
    from mesh.node.agent import Agent


class Work:
    """The latest hand-offs, and the tasks that were asked for; everything is read once."""

    def __init__(self, agent: Agent, name: str, rows: Sequence[RecordRow]) -> None:
        """Use `read`."""
        self._agent, self._name = agent, name
        self.rows = rows
        self.superseded = handoffs.superseded([row.record for row in rows])
        self._wholes: dict[str, list[RecordRow]] = {}
        for row in rows:
            for task in row.record.listed("remaining"):
                self._wholes.setdefault(task, []).append(row)
        self._known: dict[str, RecordRow | None] = {}
        self._unnamed: Sequence[RecordRow] = ()  # of those that are known too, once somebody asks for one by its name

    @classmethod
    async def read(cls, agent: Agent, name: str) -> Work:
        """What may be seen of it."""
        return cls(agent, name, await keeping.listed(agent, name, (handoffs.KIND,), limit=LIST_MAX))

    async def all_tasks(self, states: Sequence[str] = ()) -> list[RecordRow]:
        """Tasks whose `state` says one of these; none: all of them."""
        kinds = (tasks.KIND,)
        rows = await keeping.listed(self._agent, self._name, kinds, states=states, limit=TASKS_READ_MAX)
        self._unnamed = rows
        return rows

    async def task(self, said: str) -> Record | None:
        """A task by its whole name; None where it is not here, or may not be seen."""
        self._known |= {str(row.record.document): row for row in self._unnamed}
        self._unnamed = ()
        if said not in self._known:
            self._known[said] = await self._read(said)
        row = self._known[said]
        return row.record if row else None

    async def _read(self, said: str) -> RecordRow | None:
        try:
            document = DocumentId.parse(said)
        except Malformed:
            return None
        seen = document.type == tasks.KIND and agents.sees(self._agent, self._name, document)
        return await self._agent.store.record(document) if seen else None

    async def tasks_of(self, names: Sequence[str]) -> dict[str, Record]:
        """Those of some tasks that are here."""
        found = {name: await self.task(name) for name in names}
        return {name: record for name, record in found.items() if record}

    def wholes(self, task: str) -> Sequence[RecordRow]:
        """The hand-offs that a task is left by."""
        return self._wholes.get(task, ())

    def claim(self, task: Record) -> Claim | None:
        """Who is at a task: who claimed it, else who has a hand-off that it belongs to and is at that."""
        held, now_ms = leases.holder(task), clock.now_ms()
        if held is not None:
            return held
        wholes = self.wholes(str(task.document)) if self._wholes else ()
        above = (leases.holder(row.record) for row in wholes)
        return next((claim for claim in above if claim and not claim.end and claim.until_ms > now_ms), None)

    def state_of_task(self, task: Record) -> str:
        """A task's state; that of one whose hand-off somebody has is that it is worked on."""
        now_ms = clock.now_ms()
        state = tasks.state(task, now_ms)
        claim = self.claim(task) if state == tasks.OPEN else None
        held = claim is not None and not claim.end and claim.until_ms > now_ms
        return tasks.IN_PROGRESS if held else state

    def state(self, record: Record) -> str:
        """A hand-off's state."""
        superseded = str(record.document) in self.superseded
        return handoffs.state(record, clock.now_ms(), superseded=superseded)

    # ── told ─────────────────────────────────────────────────────────────────────────────────────

    async def told_task(self, row: RecordRow) -> Told:
        """A task, as lists have it."""
        record = row.record
        return {
            **keeping.told(self._agent, row),
            "state": self.state_of_task(record),
            "priority": record.number("priority", tasks.PRIORITY_DEFAULT),
            "due_ms": record.number("due") or None,
            "kind": record.word("kind"),
            "reason": record.word("reason"),
            "receipt": record.word("receipt"),
            "needs": tasks.links(record),
            "waits_for": list(tasks.waits_for(record, await self.tasks_of(tasks.needs(record)))),
            "claim": claiming.told_claim(self._agent, self.claim(record)),
        }

    async def told_handoff(self, row: RecordRow) -> Told:
        """A hand-off, as lists have it."""
        record, now_ms = row.record, clock.now_ms()
        held = leases.holder(record)
        return {
            **keeping.told(self._agent, row),
            "goal": record.word(TITLE),
            "state": self.state(record),
            "to": record.word("to"),
            "reason": record.word("reason"),
            "from": {
                "session": record.word("from-session"),
                "agent": row.born.agent,
                "device": record.word("from-device"),
                "name": self._agent.engine.replica.verdict.name_of(row.born.admission),
            },
            "at_ms": row.born.time_ms,
            "age_ms": max(now_ms - row.born.time_ms, 0),
            "expires_ms": record.number("expires") or None,
            "remaining": await self._told_remaining(record),
            "claim": claiming.told_claim(self._agent, held),
        }

    async def _told_remaining(self, record: Record) -> list[Mapping[str, object]]:
        found: list[Mapping[str, object]] = []
        for name in record.listed("remaining"):
            task = await self.task(name)
            title, state = (task.word(TITLE), self.state_of_task(task)) if task else ("", "unknown")
            found.append({"document": name, "title": title, "state": state})
        return found
