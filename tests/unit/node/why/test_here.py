"""What stops this very device: that no agent runs and since when, its version, and that it was taken out."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path

import mesh
from mesh.node.agent import Agent
from mesh.node.paths import log_path
from mesh.node.why import here
from mesh.node.why.causes import HERE, Cause
from tests.unit.node.families import act, family, guarded, meet

_NOON_MS = 1_700_000_040_000


async def found(agent: Agent, **arguments: object) -> dict[str, Cause]:
    """The causes here, by their codes."""
    return {one.code: one for one in await here.causes(agent, arguments)}


def logged(agent: Agent, lines: Iterable[str]) -> None:
    """Write an agent's log."""
    path = log_path(agent.home)
    path.parent.mkdir(exist_ok=True)
    path.write_text("\n".join(lines))


async def test_since_when_no_agent_runs(tmp_path: Path) -> None:
    """By the last line of its log; what cannot be read, or is not there, is told as that."""
    async with family(tmp_path) as (alder,):
        stopped = (await found(alder))["agent-stopped"]
        assert (stopped.where.name, stopped.where.device, stopped.since) == (HERE, alder.device, None)
        assert stopped.evidence == ("none ever ran in this home",)
        line = '{"time": "2023-11-14T22:14:00Z", "what": "agent.end\\u001b"}'
        logged(alder, ["no line " * 2000, line])
        stopped = (await found(alder))["agent-stopped"]
        assert stopped.since == _NOON_MS
        assert stopped.evidence == ("its log ends with agent.end\\u001b",)
        for damaged in ("", "[]", "{}", '{"time": 7, "what": 1}', "?"):
            logged(alder, [damaged])
            stopped = (await found(alder))["agent-stopped"]
            assert (stopped.since, stopped.evidence) == (None, ("its log cannot be read",))


async def test_a_command_of_another_version(tmp_path: Path) -> None:
    """Both versions are named; foreign text is safe; the same version is no cause."""
    async with family(tmp_path) as (alder,):
        assert "version-skew" not in await found(alder, version=mesh.__version__)
        told = (await found(alder, version="9.9\x1b[31m"))["version-skew"]
        assert mesh.__version__ in told.evidence[0]
        assert told.evidence[0].isprintable()


async def test_a_device_that_was_taken_out(tmp_path: Path) -> None:
    """By whom, when and why; the devices that are in say nothing of it."""
    async with family(tmp_path, "member") as (alder, birch):
        await guarded(alder)
        await act(alder, "lost", device="birch")
        await meet(alder, birch)
        told = (await found(birch))["taken-out"]
        assert told.evidence == ("said by alder", "reason: lost")
        assert told.since is not None
        assert "taken-out" not in await found(alder)
