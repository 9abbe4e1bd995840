"""The answers of `mesh why`: about an event, a document or a device, each put together from all sorts of evidence."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING

from mesh.events.event import Lane
from mesh.events.kinds import VERBS, Body
from mesh.events.verdict import Admission, Standing
from mesh.limits import LIST_MAX, WHY_ROWS_MAX
from mesh.names import ZERO, Digest, DocumentId, device_text, digest_text
from mesh.node import agents, agreeing, calls_grants, calls_peers, subjects, wording
from mesh.node.arguments import Arguments, needed, text
from mesh.node.saying import looked
from mesh.node.storage.store_port import Row
from mesh.node.why import agreement, here, reach, skew, spread, standing
from mesh.node.why.causes import Cause, cause, in_order, state_of
from mesh.node.why.holdings import contact, inner_of, is_linked
from mesh.node.why.reach import place_of
from mesh.node.why.standing import Judged
from mesh.node.why.subject import Found, event_of, meant

if TYPE_CHECKING:
    from mesh.node.agent import Agent

Told = dict[str, object]


async def why(agent: Agent, arguments: Arguments) -> object:
    """What blocks an event, a document or a device, where, since when, and what helps."""
    name = agents.name_in(arguments)
    event = text(arguments, "event")
    found: Found = await event_of(agent, event) if event else await meant(agent, needed(arguments, "subject"))
    whole = await here.causes(agent, arguments)

    async def work() -> Told:
        if isinstance(found, Row):
            return await _event(agent, found, name, whole)
        if isinstance(found, DocumentId):
            agents.may_see(agent, name, found)
            return await _document(agent, found, whole)
        agents.may_look(agent, name)
        return await _device(agent, found, whole)

    return await looked(agent, work)


def _answer(subject: Mapping[str, object], state: str, causes: Sequence[Cause]) -> Told:
    return {"subject": subject, "state": state, "causes": [one.told() for one in causes]}


# ── an event ─────────────────────────────────────────────────────────────────────────────────────


async def _event(agent: Agent, row: Row, name: str, whole: Sequence[Cause]) -> Told:
    """What an event counts for, by which grant or statement, and where it is."""
    if row.document:
        agents.may_see(agent, name, row.document)
    one = await standing.judged(agent, row)
    stops = await standing.causes(agent, [one])
    causes = in_order([*whole, *stops, *await _around(agent, [row])])
    event = digest_text(row.placed.digest)
    subject = {"kind": "event", "id": event, "name": event[: standing.EVENT_CHARACTERS]}
    return {
        **_answer(subject, state_of(causes), causes),
        **await (_statement(agent, one) if row.placed.lane is Lane.CONTROL else _data(agent, one)),
        "to_do": stops[0].fix if stops else "",
    }


async def _around(agent: Agent, rows: Sequence[Row]) -> list[Cause]:
    """What there is to say of events that are held, whether they count or not."""
    causes = [*await standing.forked(agent, rows), *await skew.clocks(agent, rows), *await spread.causes(agent, rows)]
    single = rows[0] if len(rows) == 1 else None
    if single and single.document and single.standing is Standing.HONOURED:
        causes += await agreement.causes(agent, single.document, single.placed.digest)
    return causes


def _head(agent: Agent, one: Judged) -> Told:
    placed, verdict = one.row.placed, agent.engine.replica.verdict
    return {
        "event": digest_text(placed.digest),
        "lane": placed.lane.name.lower(),
        "device": device_text(placed.admission),
        "name": subjects.name_of(agent, placed.admission),
        "live": verdict.is_live(placed.admission),
        "standing": one.weight.standing.name.lower(),
        "reason": one.weight.reason,
    }


async def _data(agent: Agent, one: Judged) -> Told:
    row, inner = one.row, inner_of(agent, one.row)
    given = subjects.statement_of(agent, inner.grant) if inner else None
    return {
        **_head(agent, one),
        "kind": inner.kind if inner else None,
        "verb": VERBS.get(inner.kind) if inner else None,
        "agent": inner.agent if inner else None,
        "document": str(row.document) if row.document else None,
        "time_ms": inner.time_ms if inner else None,
        "adopted": row.placed.digest in agent.engine.replica.verdict.adopted,
        "grant": await _grant(agent, given),
        "by": await _by(agent, one.weight.by),
        "says": None,
    }


async def _grant(agent: Agent, digest: Digest | None) -> Told | None:
    found = next(((d, given) for d, given in subjects.statements_of_grants(agent) if d == digest), None)
    return await calls_grants.told(agent, *found) if found else None


async def _by(agent: Agent, digest: Digest) -> Told | None:
    return await subjects.told(agent, digest) if digest in agent.engine.replica.statements else None


async def _statement(agent: Agent, one: Judged) -> Told:
    statement = agent.engine.replica.statements[one.row.placed.digest]
    return {
        **_head(agent, one),
        "kind": statement.kind or None,
        "verb": None,
        "agent": None,
        "document": None,
        "time_ms": await subjects.time_of(agent, one.row.placed.digest),
        "adopted": False,
        "grant": None,
        "by": await _by(agent, one.weight.by),
        "says": _says(agent, statement.body),
    }


def _says(agent: Agent, body: Body | None) -> str | None:
    return wording.line(agent, body) if body is not None else None


# ── a document ───────────────────────────────────────────────────────────────────────────────────


async def _document(agent: Agent, document: DocumentId, whole: Sequence[Cause]) -> Told:
    """What of a document does not count, is disputed, or is not everywhere."""
    rows = await _latest(agent, document)
    held = [await standing.judged(agent, row) for row in rows if row.standing is not Standing.HONOURED]
    causes = [*whole, *await standing.causes(agent, held), *await agreement.causes(agent, document)]
    causes = in_order([*causes, *await _around(agent, rows)])
    titles = await agent.store.titles([document])
    subject = {"kind": "document", "id": str(document), "name": titles.get(document, "")}
    counts = {"events": len(rows), "waiting": sum(one.code in standing.WAITING for one in held)}
    return {**_answer(subject, state_of(causes), causes), **counts}


async def _latest(agent: Agent, document: DocumentId) -> list[Row]:
    """The latest events of a document."""
    rows: list[Row] = []
    while len(rows) < WHY_ROWS_MAX:
        before = rows[-1] if rows else None
        page = await agent.store.newest(document=document, before=before, limit=LIST_MAX)
        rows += page
        if len(page) < LIST_MAX:
            break
    return rows


# ── a device ─────────────────────────────────────────────────────────────────────────────────────


async def _device(agent: Agent, one: Admission, whole: Sequence[Cause]) -> Told:
    """Whether a device is in reach, what waits for it, what of it is missing here, its clock and its version."""
    own = one.digest == agent.engine.own.admission
    rows = await agent.store.newest(admission=one.digest, limit=LIST_MAX)
    held = [judged for judged in [await standing.judged(agent, row) for row in rows] if judged.code]
    causes = [*whole, *await standing.causes(agent, held), *await standing.forked(agent, rows)]
    causes += [*await skew.clocks(agent, rows), *await skew.versions(agent, one, rows)]
    if not own:
        causes += await _other(agent, one)
    causes = in_order(causes)
    met, exact = await contact(agent, one.digest)
    meeting = agent.meetings.of(device_text(one.digest))
    agrees = not own and await _agrees(agent, device_text(one.digest))
    told = {
        "linked": is_linked(agent, one.digest),
        "touched_ms": met,
        "touched_exactly": exact,
        "in_sync_ms": meeting.in_sync_ms or None if meeting else None,
    }
    subject = {"kind": "device", "id": device_text(one.digest), "name": one.name}
    return {**_answer(subject, _state(agent, one, causes, agrees=agrees), causes), **({} if own else told)}


async def _other(agent: Agent, one: Admission) -> list[Cause]:
    if not agent.engine.replica.verdict.is_live(one.digest):
        return [await _closed(agent, one)]
    away = await reach.unreachable(agent, one)
    return [*([away] if away else []), *await spread.with_device(agent, one)]


async def _closed(agent: Agent, one: Admission) -> Cause:
    """That a device is out, by whom and when."""
    cuts = sorted(agent.engine.replica.verdict.closes.get(one.digest, ()))
    by = cuts[0].by if cuts else ZERO
    said = await _by(agent, by) if cuts else None
    since = await subjects.time_of(agent, by) if cuts else None
    who = f"said by {said['name']} ({digest_text(by)[: standing.EVENT_CHARACTERS]})" if said else "who let it in is out"
    return cause("device-closed", place_of(one), since, (who,))


async def _agrees(agent: Agent, device: str) -> bool:
    """Whether a device shows what this one shows, by its own receipt."""
    told = await calls_peers.peers(agent, await agreeing.shown(agent.engine))
    return any(peer["device"] == device and peer["in_sync"] for peer in told)


def _state(agent: Agent, one: Admission, causes: Sequence[Cause], *, agrees: bool) -> str:
    """How a device is, in a word."""
    codes = {found.code for found in causes}
    if one.digest == agent.engine.own.admission:
        return "self"
    if "device-closed" in codes:
        return "closed"
    if not is_linked(agent, one.digest):
        return "away"
    if codes & {"never-sent", "not-received", "untold", "not-here", "differs"}:
        return "behind"
    return "in sync" if agrees else "in reach"
