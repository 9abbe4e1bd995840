"""Claims on hand-offs and tasks, made, renewed and ended on this device, and how they are told.

A claim is a lease: who works on renews it by what it does. Who lost one is told; nobody's claim is taken away in
silence. This module knows no rule of who has what: that is `mesh.state.leases`.
"""

from __future__ import annotations

import secrets
from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING

from mesh.errors import Misuse, NotGranted, Refused
from mesh.events.kinds import Value
from mesh.limits import SESSIONS_RENEWED_MAX
from mesh.names import DocumentId, device_text
from mesh.node import clock, keeping, timing
from mesh.node.arguments import Arguments, text
from mesh.node.keeping import Registers, Told
from mesh.node.storage.store_port import RecordRow
from mesh.state import leases
from mesh.state.leases import Claim, Who
from mesh.state.records import TITLE, Record

if TYPE_CHECKING:
    from mesh.node.agent import Agent

_NAME_BYTES = 8

Closing = Callable[[Record, Mapping[str, Value]], Registers]


def who_in(agent: Agent, name: str, arguments: Arguments) -> Who:
    """Who makes a call: this device, the agent or the person on it, and the session that it names. Raises Misuse."""
    session = text(arguments, "session") or ""
    if session and DocumentId.parse(session).type != "session":
        raise Misuse(f"{session} is no session", hint="`mesh session list` shows those that there are.")
    return Who(agent.device, name, session)


def is_own(claim: Claim, who: Who) -> bool:
    """Whether a claim is the caller's: of its session, where both name one."""
    same = (claim.device, claim.agent) == (who.device, who.agent)
    return same and (not who.session or not claim.session or claim.session == who.session)


async def claimed(agent: Agent, who: Who, document: DocumentId, *, taking: bool = False) -> tuple[Claim, RecordRow]:
    """Claim something, or renew what is the caller's own. Raises Refused when another one has it, or it is done.

    `taking`: a person takes it from whoever has it.
    """
    if taking and who.agent:
        raise NotGranted("only a person takes what another one has", hint="Wait until its lease is over, or ask.")
    mine = ""

    def wanted(record: Record) -> Registers:
        nonlocal mine
        now_ms, held = clock.now_ms(), leases.holder(record)
        if leases.is_done(record):
            raise Refused(f"{document} is done already", hint=_by(agent, held))
        if held and held.until_ms > now_ms and is_own(held, who):
            mine = held.name
            return _renewed(held, now_ms)
        if not taking and not leases.is_free(record, now_ms):
            raise Refused(f"{document} is taken already", hint=_by(agent, held))
        mine = secrets.token_hex(_NAME_BYTES)
        return leases.claimed(record, mine, who, now_ms + _lease_ms(who), taking=taking)

    await keeping.changed(agent, who.agent, document, wanted)
    row = await agent.store.record(document)
    held = leases.holder(row.record) if row else None
    if row is None or held is None or held.name != mine:
        raise Refused(f"{document} was taken meanwhile", hint=_by(agent, held))
    return held, row


async def closed(
    agent: Agent, who: Who, document: DocumentId, end: str, words: str, closing: Closing | None = None
) -> str | None:
    """Say that something is done, declined or given up, as who has it or as who does not. The event.

    `closing` adds what else that changes in the record.
    """

    def wanted(record: Record) -> Registers:
        held = leases.holder(record)
        if end == leases.DONE and leases.is_done(record):
            raise Refused(f"{document} is done already", hint=_by(agent, held))
        own = held if held and not held.end and is_own(held, who) else None
        if own is None and end == leases.RELEASED:
            raise Refused(f"{document} is not claimed by you", hint=_by(agent, held))
        name = secrets.token_hex(_NAME_BYTES)
        ending = leases.ended(own, end, words) if own else leases.closed(record, name, who, end, words)
        return closing(record, ending) if closing else ending

    return await keeping.changed(agent, who.agent, document, wanted)


async def renewed(agent: Agent, who: Who, document: DocumentId) -> bool:
    """Go on with a claim of the caller's own, when half of its lease is over. Whether something was written."""

    def wanted(record: Record) -> Registers:
        held, now_ms = leases.holder(record), clock.now_ms()
        if held is None or held.end or held.until_ms <= now_ms or not is_own(held, who):
            return {}
        return _renewed(held, now_ms)

    return await keeping.changed(agent, who.agent, document, wanted) is not None


def may_renew(agent: Agent, session: str) -> bool:
    """Whether a session's claims may need to be renewed: it did so a while ago, as this process remembers it."""
    now_ms, renewals = clock.now_ms(), agent.memory.renewals
    if now_ms - renewals.get(session, 0) < timing.RENEW_AGAIN_S * 1000:
        return False
    renewals.pop(session, None)  # the latest stands last
    renewals[session] = now_ms
    if len(renewals) > SESSIONS_RENEWED_MAX:
        del renewals[next(iter(renewals))]
    return True


def _renewed(held: Claim, now_ms: int) -> Registers:
    lease_ms = _lease_ms(held.who)
    return leases.renewed(held, now_ms + lease_ms) if held.until_ms - now_ms < lease_ms // 2 else {}


def _lease_ms(who: Who) -> int:
    return int(1000 * (timing.LEASE_AGENT_S if who.agent else timing.LEASE_PERSON_S))


def told_claim(agent: Agent, claim: Claim | None) -> Told | None:
    """A claim, for answers."""
    if claim is None:
        return None
    return {
        "name": claim.name,
        "device": claim.device,
        "device_name": device_name(agent, claim.device),
        "agent": claim.agent,
        "session": claim.session,
        "until_ms": claim.until_ms,
        "over": not claim.end and claim.until_ms <= clock.now_ms(),
        "end": claim.end,
        "words": claim.words,
        "acknowledged": claim.acknowledged,
        "yours": claim.device == agent.device,
    }


def told_lost(agent: Agent, record: Record, claim: Claim, later: Record | None = None) -> Told:
    """A claim of this device that does not count, and whose does instead, or `later`, which stands for all of it."""
    return {
        "document": str(record.document),
        "type": record.kind,
        "title": record.word(TITLE),
        "claim": told_claim(agent, claim),
        "by": None if later else told_claim(agent, leases.instead(record, claim)),
        "superseded_by": str(later.document) if later else "",
    }


def device_name(agent: Agent, device: str) -> str:
    """What a device is called, its admission counting or not."""
    devices = agent.engine.replica.verdict.admissions
    return next((one.name for one in devices.values() if device_text(one.digest) == device), device)


def somebody(agent: Agent, claim: Claim) -> str:
    """Who made a claim, in words."""
    name = device_name(agent, claim.device)
    return f"{claim.agent}@{name}" if claim.agent else name


def _by(agent: Agent, held: Claim | None) -> str:
    if held is None:
        return "Look at it again."
    if held.end:
        return f"{somebody(agent, held)} did it."
    return f"{somebody(agent, held)} has it until {clock.day(held.until_ms)}, longer if it works on."
