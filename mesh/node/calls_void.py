"""Calls about void work: what does not count, whose it is and why; having it count after all; forgetting a document.

Nothing here removes anything. What a person has seen and wants no more of is remembered on this device only.
"""

from __future__ import annotations

import json
from collections.abc import AsyncIterator, Sequence
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING

from mesh.errors import Misuse, NotGranted, Refused
from mesh.events.approvals import Act
from mesh.events.event import Lane
from mesh.events.kinds import Adopt, Born, Carrier, Forget
from mesh.events.reasons import CLOSED as STATEMENT_CLOSED
from mesh.events.reasons import out_of_reach, statement_weight
from mesh.events.verdict import Standing
from mesh.events.weigh import FORGOTTEN, weigh
from mesh.limits import ADOPTED_MAX, DISCARDED_MAX, EVENTS_NAMED_MAX
from mesh.names import Digest, DocumentId, device_text, digest_text
from mesh.node import agents, saying, subjects, wording
from mesh.node.arguments import Arguments, needed, text, texts, yes
from mesh.node.calls_notes import chosen
from mesh.node.confirming import confirmed
from mesh.node.storage.store_port import Row
from mesh.node.why.subject import event_of
from mesh.state.changes import decode
from mesh.state.operations import Action, Change

if TYPE_CHECKING:
    from mesh.node.agent import Agent

_SEEN = "void/seen"


@dataclass
class _Group:
    """Void events of one device in one document, for one reason; the rows are in the order in which they came."""

    document: DocumentId | None
    admission: Digest
    reason: str
    rows: list[Row] = field(default_factory=list)

    @property
    def key(self) -> str:
        """How it is remembered that a person has seen it."""
        return f"{self.document or '-'} {device_text(self.admission)}"


async def listed(agent: Agent, arguments: Arguments) -> object:
    """Void events by document and device; `again`: also those that were discarded."""
    return await saying.looked(agent, lambda: _listed(agent, arguments))


async def _listed(agent: Agent, arguments: Arguments) -> dict[str, object]:
    name = agents.name_in(arguments)
    seen = {} if yes(arguments, "again") else await _seen(agent)
    groups = [group async for group in _groups(agent, None, text(arguments, "device"))]
    shown = [g for g in groups if g.rows[-1].id > seen.get(g.key, 0)]
    visible = [g for g in shown if not name or (g.document and agents.sees(agent, name, g.document))]
    return {
        "void": [await _told(agent, group) for group in visible],
        "statements": [] if name else await _statements(agent, seen),
        "discarded": len(groups) - len(shown),
    }


async def show(agent: Agent, arguments: Arguments) -> object:
    """What void events say: their content, decoded."""
    return await saying.looked(agent, lambda: _shown(agent, arguments))


async def _shown(agent: Agent, arguments: Arguments) -> dict[str, object]:
    name = agents.name_in(arguments)
    rows = await _rows(agent, arguments)
    told = []
    for row in rows[:EVENTS_NAMED_MAX]:
        if row.document:
            agents.may_see(agent, name, row.document)
        elif name:
            raise NotGranted(f"{name} is an agent, and this belongs to no document that it may read")
        told.append(await _content(agent, row))
    return {"events": told, "more": max(len(rows) - len(told), 0)}


async def adopt(agent: Agent, arguments: Arguments) -> object:
    """Have void events count after all, where they are; `ancestors`: with the void ones that they stand on."""
    digests = await saying.looked(agent, lambda: _adoptable(agent, arguments))
    parts = range(0, len(digests), ADOPTED_MAX)
    bodies = tuple(Adopt(tuple(digests[n : n + ADOPTED_MAX])) for n in parts)
    saying.must_reach(agent.engine, bodies)
    act = Act("void-adopt", " ".join((*texts(arguments, "what"), text(arguments, "device") or "")).strip(), bodies)
    done = await confirmed(agent, arguments, act)
    await saying.say(agent, done.act.bodies)
    adopted = [digest for body in done.act.bodies if isinstance(body, Adopt) for digest in body.events]
    return {"adopted": [digest_text(digest) for digest in adopted], "warning": done.warning}


async def _adoptable(agent: Agent, arguments: Arguments) -> list[Digest]:
    rows = await _rows(agent, arguments)
    if yes(arguments, "ancestors"):
        rows = await _with_ancestors(agent, rows)
    for row in rows:
        if reason := await _refusal(agent, row):
            shown = digest_text(row.placed.digest)[:16]
            hint = f"`mesh why {shown}` says more. Nothing was adopted."
            raise NotGranted(f"this device cannot adopt {shown}…: {reason}", hint=hint)
    return sorted(row.placed.digest for row in rows)


async def discard(agent: Agent, arguments: Arguments) -> object:
    """Remember that a person has seen void events and wants no more of them in lists; `again` undoes all of that."""
    if yes(arguments, "again"):
        count = len(await _seen(agent))
        await agent.engine.remember(_SEEN, b"")
        return {"discarded": 0, "listed_again": count, "warning": ""}
    rows = await _rows(agent, arguments)
    done = await confirmed(agent, arguments, Act("void-discard", " ".join(texts(arguments, "what"))))
    seen = await _seen(agent)
    for row in rows:
        key = _Group(row.document, row.placed.admission, "").key
        seen[key] = max(row.id, seen.get(key, 0))
    latest = dict(sorted(seen.items(), key=lambda pair: pair[1])[-DISCARDED_MAX:])
    await agent.engine.remember(_SEEN, json.dumps(latest).encode())
    return {"discarded": len(rows), "listed_again": 0, "warning": done.warning}


async def forget(agent: Agent, arguments: Arguments) -> object:
    """End a document for ever, on every device."""
    document = await chosen(agent, needed(arguments, "document"))
    body = Forget(document)
    saying.must_reach(agent.engine, [body])
    if yes(arguments, "look"):
        return {"document": str(document), "event": None}
    done = await confirmed(agent, arguments, Act("forget", str(document), (body,)))
    said = await saying.say(agent, done.act.bodies)
    return {"document": str(document), "event": digest_text(said[-1].digest), "warning": done.warning}


# ── finding ──────────────────────────────────────────────────────────────────────────────────────


async def _groups(agent: Agent, document: DocumentId | None, device: str | None) -> AsyncIterator[_Group]:
    only = subjects.device_of(agent, device).digest if device else None
    found: dict[tuple[DocumentId | None, Digest, str], _Group] = {}
    after = 0
    while rows := await agent.store.unsettled(document, after=after):
        for row in rows:
            admission = row.placed.admission
            if row.standing is Standing.VOID and row.reason != FORGOTTEN and only in {None, admission}:
                key = (row.document, admission, row.reason)
                found.setdefault(key, _Group(*key)).rows.append(row)
        after = rows[-1].id
    for group in found.values():
        yield group


async def _rows(agent: Agent, arguments: Arguments) -> list[Row]:
    """The void events that are meant: of documents, or single ones. Raises Misuse."""
    found: dict[int, Row] = {}
    device = text(arguments, "device")
    for said in texts(arguments, "what") or (needed(arguments, "what"),):
        documents = await agent.store.find_documents(said, 2)
        if documents:
            document = await chosen(agent, said)
            rows = [row async for group in _groups(agent, document, device) for row in group.rows]
        else:
            row = await event_of(agent, said)
            rows = [row] if await _is_void(agent, row) else []
        if not rows:
            raise Misuse(f"nothing of {said!r} is void", hint="`mesh void list` shows what is.")
        found |= {row.id: row for row in rows}
    return [found[key] for key in sorted(found)]


async def _is_void(agent: Agent, row: Row) -> bool:
    if row.placed.lane is Lane.CONTROL:
        weight = statement_weight(agent.engine.replica.judgement, row.placed.digest)
        return weight.standing is Standing.VOID
    return row.standing is Standing.VOID


async def _with_ancestors(agent: Agent, rows: Sequence[Row]) -> list[Row]:
    """These, and the void changes that they stand on, all the way down."""
    found = {row.id: row for row in rows}
    for document in {row.document for row in rows if row.document}:
        changes: dict[bytes, tuple[Row, Change]] = {}
        births = []
        for row in await _all_rows(agent, document):
            body = (await agent.engine.shelf.scales.read_one(row.placed)).body
            if isinstance(body, Carrier):
                change = decode(body.change)
                changes[change.hash] = (row, change)
            elif isinstance(body, Born):
                births.append(row)
        todo = [change for row, change in changes.values() if row.id in found]
        while todo:
            for name in todo.pop().dependencies:
                below = changes.get(name)
                if below and below[0].id not in found and below[0].standing is Standing.VOID:
                    found[below[0].id] = below[0]
                    todo.append(below[1])
        found |= {row.id: row for row in births if row.standing is Standing.VOID}
    return [found[key] for key in sorted(found)]


async def _all_rows(agent: Agent, document: DocumentId) -> list[Row]:
    found: list[Row] = []
    while rows := await agent.store.rows(document, found[-1].id if found else 0):
        found += rows
    return found


async def _refusal(agent: Agent, row: Row) -> str:
    """Why adopting an event would not make it count; empty when it would."""
    replica = agent.engine.replica
    if row.placed.lane is Lane.CONTROL:
        weight = statement_weight(replica.judgement, row.placed.digest)
        own, body = replica.verdict.live.get(replica.own.admission), replica.statements[row.placed.digest].body
        if own is None or body is None:
            return weight.reason
        return out_of_reach(replica.statements, own, body)
    reading = await agent.engine.shelf.scales.read_one(row.placed)
    if reading.standing is Standing.HONOURED or reading.inner is None:
        return f"{row.reason}, which no adoption changes"
    would = replace(replica.verdict, adopted={**replica.verdict.adopted, row.placed.digest: replica.own_rank})
    weight = weigh(would, row.placed, reading.inner, agent.engine.shelf.scales)
    if weight.standing is Standing.HONOURED:
        return ""
    by = await subjects.told(agent, weight.by) if weight.by in replica.statements else None
    return weight.reason + (f", by {by['name']}, which is senior to this device" if by else "")


# ── telling ──────────────────────────────────────────────────────────────────────────────────────


async def _told(agent: Agent, group: _Group) -> dict[str, object]:
    reading = await agent.engine.shelf.scales.read_one(group.rows[-1].placed)
    return {
        "document": str(group.document) if group.document else None,
        "title": await _title(agent, group.document),
        "device": device_text(group.admission),
        "name": subjects.name_of(agent, group.admission),
        "reason": group.reason,
        "count": len(group.rows),
        "last_ms": reading.inner.time_ms if reading.inner else None,
        "by": await subjects.told(agent, reading.by) if reading.by in agent.engine.replica.statements else None,
        "events": [digest_text(row.placed.digest) for row in group.rows[:EVENTS_NAMED_MAX]],
    }


async def _title(agent: Agent, document: DocumentId | None) -> str | None:
    return (await agent.store.titles([document])).get(document) if document else None


async def _statements(agent: Agent, seen: dict[str, int]) -> list[dict[str, object]]:
    """Statements of closed devices that came after the close: a senior admin confirms them, or leaves them."""
    replica = agent.engine.replica
    found = []
    for digest, statement in replica.statements.items():
        if statement.body is None or statement.admission not in replica.verdict.closes:
            continue
        weight = statement_weight(replica.judgement, digest)
        if weight.reason == STATEMENT_CLOSED and statement.kind != "opening":
            rows = await agent.store.event(bytes(digest))
            if rows and rows[0].id > seen.get(_Group(None, statement.admission, "").key, 0):
                told = await subjects.told(agent, digest)
                found.append({**told, "says": wording.line(agent, statement.body), "reason": weight.reason})
    return found[:EVENTS_NAMED_MAX]


async def _content(agent: Agent, row: Row) -> dict[str, object]:
    reading = await agent.engine.shelf.scales.read_one(row.placed)
    replica = agent.engine.replica
    head = {
        "event": digest_text(row.placed.digest),
        "device": device_text(row.placed.admission),
        "name": subjects.name_of(agent, row.placed.admission),
        "agent": reading.inner.agent if reading.inner else None,
        "document": str(row.document) if row.document else None,
        "kind": reading.inner.kind if reading.inner else None,
        "time_ms": reading.inner.time_ms if reading.inner else None,
        "reason": row.reason,
    }
    if row.placed.lane is Lane.CONTROL:
        body = replica.statements[row.placed.digest].body
        weight = statement_weight(replica.judgement, row.placed.digest)
        says = wording.line(agent, body) if body else None
        kind = replica.statements[row.placed.digest].kind
        return {**head, "kind": kind, "reason": weight.reason, "says": says, **_NOTHING}
    match reading.body:
        case Born(registers, born):
            return {**head, "says": None, **_NOTHING, "registers": dict(registers), "inserted": born}
        case body if isinstance(body, Carrier):
            return {**head, "says": None, **_NOTHING, **_changes(body.change)}
    return {**head, "says": None, **_NOTHING}


_NOTHING = {"registers": {}, "removed": [], "inserted": "", "deleted": 0}


def _changes(raw: bytes) -> dict[str, object]:
    """What one change does: registers that it sets and removes, letters that it puts in and takes out."""
    try:
        operations = decode(raw).operations
    except Refused:
        return {}
    roots = [step for step in operations if step.object is None]
    letters = [step for step in operations if step.object is not None]
    return {
        "registers": {str(step.key): step.value for step in roots if step.action is Action.PUT},
        "removed": [str(step.key) for step in roots if step.action is Action.DELETE],
        "inserted": "".join(str(step.value) for step in letters if step.insert),
        "deleted": sum(step.action is Action.DELETE for step in letters),
    }


async def _seen(agent: Agent) -> dict[str, int]:
    found = json.loads(await agent.store.setting(_SEEN) or b"{}")
    assert isinstance(found, dict), "we wrote it"
    return found
