"""Why an event counts, or what stops it: the grant that let it through, or the statement in the way, and what to do."""

from __future__ import annotations

from typing import TYPE_CHECKING

from mesh.errors import Misuse
from mesh.events.event import Lane
from mesh.events.kinds import VERBS, Body
from mesh.events.reading import BODY_MISSING, KEY_MISSING
from mesh.events.reasons import CLOSED as STATEMENT_CLOSED
from mesh.events.reasons import LATER, statement_weight
from mesh.events.verdict import Standing
from mesh.events.weigh import CLOSED, FORGOTTEN, NOT_ADMITTED, NOT_GRANTED, UNGRANTED, UNSURE
from mesh.names import ZERO, Digest, device_text, digest_text
from mesh.node import calls_grants, subjects, wording
from mesh.node.agents import may_see, name_in
from mesh.node.arguments import Arguments, needed
from mesh.node.saying import looked
from mesh.node.storage.store_port import Row

if TYPE_CHECKING:
    from mesh.node.agent import Agent

_TO_DO = {
    FORGOTTEN: "Nothing brings it back: what is forgotten stays so.",
    NOT_ADMITTED: "It counts as soon as the admission of its device does; `mesh why` of that says more.",
    NOT_GRANTED: "`mesh grant` lets it write from now on; `mesh void adopt` makes this one count.",
    CLOSED: "If it is your own honest work: `mesh void adopt`, on an admin no junior to the one that closed it.",
    UNGRANTED: "If it should count all the same: `mesh void adopt`.",
    UNSURE: "Connect to the other devices: it counts, or does not, when the rest has come.",
    KEY_MISSING: "Connect to an admin device once: it hands the key over.",
    BODY_MISSING: "Its content is fetched when a device that has it is in reach.",
    STATEMENT_CLOSED: "If it was honest: `mesh void adopt` makes it count, said by this device.",
    LATER: "Upgrade mesh on this device: `mesh upgrade`.",
}


async def why(agent: Agent, arguments: Arguments) -> object:
    """What an event counts for, and by which grant or statement."""
    row = await event_of(agent, needed(arguments, "event"))
    if row.placed.lane is Lane.CONTROL:
        return await _statement(agent, row)
    return await looked(agent, lambda: _data(agent, row, name_in(arguments)))


async def event_of(agent: Agent, said: str) -> Row:
    """The event that the beginning of a digest means. Raises Misuse."""
    rows = await agent.store.event(said.lower())
    if len(rows) != 1:
        problem = f"{said!r} names {'several events' if rows else 'no event'}"
        raise Misuse(problem, hint="`mesh log --json` names them; a few of the first digits are enough.")
    return rows[0]


def _head(agent: Agent, row: Row) -> dict[str, object]:
    verdict = agent.engine.replica.verdict
    return {
        "event": digest_text(row.placed.digest),
        "lane": row.placed.lane.name.lower(),
        "device": device_text(row.placed.admission),
        "name": subjects.name_of(agent, row.placed.admission),
        "live": verdict.is_live(row.placed.admission),
    }


async def _data(agent: Agent, row: Row, name: str) -> dict[str, object]:
    reading = await agent.engine.shelf.scales.read_one(row.placed)
    inner = reading.inner
    if row.document:
        may_see(agent, name, row.document)
    stops = reading.by if row.standing is not Standing.HONOURED else ZERO
    adopted = row.placed.digest in agent.engine.replica.verdict.adopted
    given = subjects.statement_of(agent, inner.grant) if inner else None
    return {
        **_head(agent, row),
        "kind": inner.kind if inner else None,
        "verb": VERBS.get(inner.kind) if inner else None,
        "agent": inner.agent if inner else None,
        "document": str(row.document) if row.document else None,
        "time_ms": inner.time_ms if inner else None,
        "standing": row.standing.name.lower(),
        "reason": row.reason,
        "adopted": adopted,
        "grant": await _grant(agent, given),
        "by": await _by(agent, stops),
        "says": None,
        "to_do": _to_do(row.standing, row.reason),
    }


async def _grant(agent: Agent, digest: Digest | None) -> dict[str, object] | None:
    found = next(((d, given) for d, given in subjects.statements_of_grants(agent) if d == digest), None)
    return await calls_grants.told(agent, *found) if found else None


async def _by(agent: Agent, digest: Digest) -> dict[str, object] | None:
    return await subjects.told(agent, digest) if digest in agent.engine.replica.statements else None


async def _statement(agent: Agent, row: Row) -> dict[str, object]:
    replica = agent.engine.replica
    statement = replica.statements[row.placed.digest]
    weight = statement_weight(replica.judgement, row.placed.digest)
    return {
        **_head(agent, row),
        "kind": statement.kind or None,
        "verb": None,
        "agent": None,
        "document": None,
        "time_ms": await subjects.time_of(agent, row.placed.digest),
        "standing": weight.standing.name.lower(),
        "reason": weight.reason,
        "adopted": False,
        "grant": None,
        "by": await _by(agent, weight.by),
        "says": _says(agent, statement.body),
        "to_do": _to_do(weight.standing, weight.reason),
    }


def _says(agent: Agent, body: Body | None) -> str | None:
    return wording.line(agent, body) if body is not None else None


def _to_do(standing: Standing, reason: str) -> str:
    if standing is Standing.HONOURED:
        return ""
    if standing is Standing.OPAQUE:
        return _TO_DO[LATER]
    if standing is Standing.WAITS:
        return _TO_DO.get(reason, "It counts as soon as what it stands on is here: connect to the other devices.")
    return _TO_DO.get(reason, "Nothing has to be done: it changes nothing on any device.")
