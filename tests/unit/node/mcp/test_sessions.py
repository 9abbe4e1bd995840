"""Which session a client speaks for: the one that its tool's hooks keep, and never the one of another client."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import pytest

from mesh.node import home as homes
from mesh.node import timing
from mesh.node.agent import Agent, opened
from mesh.node.mcp import sessions
from mesh.node.mcp.caller import Caller
from mesh.node.mcp.clients import Client
from mesh.node.mcp.sessions import session_of

TYPES = ["session", "task", "handoff"]


@asynccontextmanager
async def home(path: Path, *types: str) -> AsyncIterator[Agent]:
    """An agent that let claude in."""
    await homes.found(path, "mac")
    async with opened(path) as agent:
        await agent.call("agents.add", {"name": "claude", "space": "home", "types": list(types) or TYPES})
        yield agent


def connected(agent: Agent) -> Caller:
    """One more client of claude."""
    client = Client(agent, "claude", "")
    agent.clients.add(client)
    return Caller(client, "claude")


async def begun(agent: Agent, native: str) -> str:
    """What a hook tells when a session begins."""
    told = await agent.call("session.begin", {"tool": "claude", "native": native, "as": "claude"})
    assert isinstance(told, dict)
    return str(told["document"])


async def states(agent: Agent) -> dict[str, str]:
    """All sessions, and how they stand."""
    told = await agent.call("session.list", {"all": True})
    assert isinstance(told, dict)
    return {one["document"]: one["state"] for one in told["sessions"]}


async def test_a_client_speaks_for_the_session_of_its_hooks(tmp_path: Path) -> None:
    """And for the next one when that is over, as after /clear."""
    async with home(tmp_path) as agent:
        one, first = connected(agent), await begun(agent, "a")
        assert await session_of(one) == await session_of(one) == first
        await agent.call("session.state", {"id": first, "state": "ended"})
        second = await begun(agent, "b")
        assert await session_of(one) == second
        await sessions.end(one.client)
        assert (await states(agent))[second] == "working"  # it is the hooks' to end


async def test_two_clients_are_never_one_session(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Each takes the one that gave the last sign of life of those that are free; a third gets one of its own."""
    async with home(tmp_path) as agent:
        a, b = await begun(agent, "a"), await begun(agent, "b")
        seen = {a: 2, b: 1}
        monkeypatch.setattr(agent.presence, "seen_ms", seen.get)
        one, two, three = (connected(agent) for _ in range(3))
        assert await session_of(one) == a
        assert await session_of(two) == b
        own = await session_of(three)
        assert own not in {a, b, None}
        seen |= {a: 0, b: 9}
        assert [await session_of(caller) for caller in (one, two, three)] == [a, b, own]
        await sessions.end(three.client)
        assert (await states(agent))[str(own)] == "ended"


async def test_sessions_of_others_are_left_alone(tmp_path: Path) -> None:
    """Another agent's, and the person's."""
    async with home(tmp_path) as agent:
        await agent.call("session.begin", {"tool": "gemini", "native": "a"})
        one = connected(agent)
        own = await session_of(one)
        assert own is not None
        assert len(await states(agent)) == 2


async def test_without_a_grant_for_sessions_there_is_none(tmp_path: Path) -> None:
    """The calls go on without."""
    async with home(tmp_path, "note") as agent:
        assert await session_of(connected(agent)) is None
        assert await states(agent) == {}


async def test_leases_of_a_client_that_works_on_are_looked_after(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """What a client does renews what it has claimed, when half of the lease is over."""
    monkeypatch.setattr(timing, "RENEW_AGAIN_S", 0.0)
    async with home(tmp_path) as agent:
        one = connected(agent)
        task = await one.call("task.add", title="write the test")
        claim = await one.call("task.claim", id=task["document"], session=await session_of(one))
        lease = claim["claim"]
        assert isinstance(lease, dict)
        monkeypatch.setattr(timing, "LEASE_AGENT_S", 3 * timing.LEASE_AGENT_S)
        await session_of(one)
        later = (await one.call("task.show", id=task["document"]))["claim"]
        assert isinstance(later, dict)
        assert (later["name"], later["until_ms"] > lease["until_ms"]) == (lease["name"], True)
