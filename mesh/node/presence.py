"""Presence: which agents are at work, on this device and on those in reach, as they tell each other.

It is kept in memory and never logged: only what changes a session's state becomes an event. Whoever falls silent is at
work no longer after a while; what a device told last goes with its link. Relays, which read nothing, are told nothing.
"""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from mesh.errors import Malformed, MeshError
from mesh.events import cbor
from mesh.limits import LIST_MAX, PRESENCE_BYTES_MAX, PRESENCE_MAX, WORD_REGISTER_BYTES_MAX
from mesh.names import DocumentId, device_text
from mesh.node import clock, timing
from mesh.state import projects, sessions
from mesh.state.projects import Known
from mesh.state.records import PROJECT, STATE

if TYPE_CHECKING:
    from mesh.node.agent import Agent

VERB = "presence"
_TYPES = (str, str, str, str, int)
_MS = 1000


@dataclass(frozen=True, slots=True)
class AtWork:
    """One session that is at work."""

    session: str
    agent: str
    project: str
    """What the project is called."""
    state: str
    since_ms: int
    """When it came into that state, by its device's clock."""


class Presence:
    """Who is at work, of one agent process."""

    def __init__(self) -> None:
        """Nobody is, so far as is known."""
        self._seen_ms: dict[str, int] = {}
        self._others: dict[str, tuple[AtWork, ...]] = {}
        self.news = asyncio.Event()

    def seen(self, session: str) -> None:
        """A session of this device gave a sign of life."""
        self._seen_ms.pop(session, None)
        self._seen_ms[session] = clock.now_ms()
        while len(self._seen_ms) > PRESENCE_MAX:
            del self._seen_ms[next(iter(self._seen_ms))]
        self.news.set()

    def gone(self, session: str) -> None:
        """A session of this device is over."""
        if self._seen_ms.pop(session, None) is not None:
            self.news.set()

    def seen_ms(self, session: str) -> int | None:
        """When a session of this device gave a sign of life last, since the agent's start."""
        return self._seen_ms.get(session)

    def here(self) -> tuple[str, ...]:
        """The sessions of this device that are at work."""
        after = clock.now_ms() - int(timing.PRESENT_S_MAX * _MS)
        return tuple(session for session, at in self._seen_ms.items() if at > after)

    def at_work(self, session: str) -> bool:
        """Whether a session is at work, here or on a device in reach."""
        return session in self.here() or any(one.session == session for told in self._others.values() for one in told)

    def learned(self, device: str, told: Sequence[AtWork]) -> None:
        """A device told who is at work there."""
        self._others[device] = tuple(told)

    def parted(self, device: str) -> None:
        """A device is out of reach: what it told says nothing of now."""
        self._others.pop(device, None)

    def elsewhere(self) -> Mapping[str, tuple[AtWork, ...]]:
        """Who is at work on devices in reach."""
        return {device: told for device, told in sorted(self._others.items()) if told}


def encode(told: Sequence[AtWork]) -> bytes:
    """Who is at work, as it travels."""
    return cbor.encode([[one.session, one.agent, one.project, one.state, one.since_ms] for one in told[:PRESENCE_MAX]])


def decode(raw: bytes) -> tuple[AtWork, ...]:
    """Who is at work, as a device told it. Raises Refused."""
    value = cbor.decode(raw, PRESENCE_BYTES_MAX, "a list of agents at work")
    if type(value) is not list or len(value) > PRESENCE_MAX:
        message = f"not a list of at most {PRESENCE_MAX} agents at work"
        raise Malformed(message)
    found = []
    for one in value:
        session, agent, project, state, since = cbor.expect_types(one, "an agent at work", _TYPES)
        texts = (str(session), str(agent), str(project), str(state))
        DocumentId.parse(texts[0])
        if any(len(text.encode()) > WORD_REGISTER_BYTES_MAX for text in texts) or texts[3] not in sessions.STATES:
            raise Malformed("an agent at work is told of in words that are too long, or in a state that is none")
        found.append(AtWork(*texts, int(since)))  # type: ignore[call-overload]
    return tuple(found)


async def own(agent: Agent) -> tuple[AtWork, ...]:
    """Who is at work on this device."""
    found, those = [], None
    for session in agent.presence.here():
        row = await agent.store.record(DocumentId.parse(session))
        if row is None or row.record.word(STATE) in sessions.OVER:
            continue
        if those is None:
            rows = await agent.store.records(types=(projects.KIND,), limit=LIST_MAX)
            those = Known([one.record for one in rows])
        record = row.record
        project = those.name(record.word(PROJECT))
        who, state = record.word("agent") or record.word("tool"), record.word(STATE) or sessions.WORKING
        found.append(AtWork(session, _cut(who), _cut(project), state, record.number("state-at")))
    return tuple(found)


async def told(agent: Agent) -> list[dict[str, object]]:
    """Who is at work here and in reach, for answers."""
    listed = [(agent.device, one) for one in await own(agent)]
    listed += [(device, one) for device, told in agent.presence.elsewhere().items() for one in told]
    names = {device_text(one.digest): one.name for one in agent.engine.replica.verdict.devices.values()}
    return [
        {
            "device": device,
            "name": names.get(device, device),
            "session": one.session,
            "agent": one.agent,
            "project": one.project,
            "state": one.state,
            "since_ms": one.since_ms,
        }
        for device, one in listed
    ]


async def run(agent: Agent) -> None:
    """Tell every device in reach who is at work here: when that changes, and every now and then."""
    assert agent.bus is not None, "only while serving"
    before: tuple[AtWork, ...] = ()
    while True:
        now = await own(agent)
        if now or before:
            await _tell(agent, encode(now))
        before = now
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(timing.PRESENCE_S):
                await agent.presence.news.wait()
        await asyncio.sleep(timing.NEWS_DELAY_S)
        agent.presence.news.clear()


async def _tell(agent: Agent, raw: bytes) -> None:
    assert agent.bus is not None, "only while serving"
    verdict = agent.engine.replica.verdict
    readers = {device_text(one) for one in verdict.readers() if verdict.is_live(one)}
    for link in agent.bus.links():
        if link.connected and link.device in readers:
            with contextlib.suppress(MeshError):  # it is told again soon
                await agent.bus.tell(link.device, VERB, raw)


def _cut(text: str) -> str:
    return text.encode()[:WORD_REGISTER_BYTES_MAX].decode(errors="ignore")
