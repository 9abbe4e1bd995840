"""A device is closed and the agent is killed before it has weighed all that follows from it."""

from __future__ import annotations

import sqlite3
import subprocess
import sys
from pathlib import Path

import pytest

from mesh.events.event import Placed
from mesh.events.speaking import joined
from mesh.names import Digest
from mesh.node import home as homes
from mesh.node.agent import Agent, opened
from mesh.node.paths import database_path
from mesh.sync.messages import Push
from tests.system.close_child import TOLD

pytestmark = pytest.mark.system
NOTES = 1500
PATIENCE_S = 120


async def both(tmp_path: Path) -> tuple[Path, Digest]:
    """A founder's home with many notes of another device, and the other one's admission."""
    founder, other = tmp_path / "mac", tmp_path / "laptop"
    await homes.found(founder, "mac")
    request = await homes.request(other, "laptop")
    async with opened(founder) as agent:
        admitted = await agent.call("admit", {"request": request["request"]})
        assert isinstance(admitted, dict)
        await agent.call("note.add", {"title": "of the mac"})
    await homes.accept(other, str(admitted["admission"]))
    async with opened(other) as agent:
        admission = agent.engine.own.admission
        for number in range(NOTES):
            await agent.call("note.add", {"title": f"of the laptop {number}"})
        push = await everything(agent)
    async with opened(founder) as agent:
        for run in push.runs:
            await agent.engine.hear("laptop", Push((run,)))
        assert len(await agent.store.notes(limit=1000)) == 1000
    return founder, admission


async def everything(agent: Agent) -> Push:
    """All events of a home, control first."""
    chains: dict[Digest, list[Placed]] = {}
    after = 0
    while rows := await agent.store.log(after=after, limit=1000):
        for row in rows:
            chains.setdefault(row.placed.chain, []).append(row.placed)
        after = rows[-1].id
    return Push(tuple(run for chain in sorted(chains.values(), key=lambda c: c[0].lane) for run in joined(chain)))


def counting(home: Path) -> int:
    """How many data events the log says count."""
    database = sqlite3.connect(database_path(home))
    sql = "SELECT count(*) FROM event WHERE standing = 0 AND document IS NOT NULL"
    (count,) = database.execute(sql).fetchone()
    database.close()
    return int(count)


def cut_off(founder: Path, admission: Digest) -> None:
    """Close a device, and kill who does so as soon as others are told."""
    command = [sys.executable, "-X", "utf8", "-m", "tests.system.close_child", str(founder), admission.hex()]
    child = subprocess.Popen(command, stdout=subprocess.PIPE, text=True, cwd=Path(__file__).parents[2])
    assert child.stdout is not None
    try:
        assert child.stdout.readline().strip() == TOLD
    finally:
        child.kill()
        child.wait(PATIENCE_S)
        child.stdout.close()


async def test_a_close_that_was_cut_off_is_finished_by_the_next_start(tmp_path: Path) -> None:
    """Killed right after the statement was kept: the log counts what it should not, the next start does not."""
    founder, admission = await both(tmp_path)
    cut_off(founder, admission)
    assert counting(founder) > 1, "it was killed too late to show anything"
    async with opened(founder) as agent:
        assert not agent.engine.replica.verdict.is_live(admission)
        assert [row.note.title for row in await agent.store.notes(limit=10)] == ["of the mac"]
        assert (await agent.store.counts()).void == NOTES
        before = await agent.store.digest()
        verified = await agent.call("verify", {"deep": True})
        assert isinstance(verified, dict)
        assert verified["faults"] == []
        rebuilt = await agent.call("rebuild", {})
        assert isinstance(rebuilt, dict)
        assert rebuilt["same"]
        assert await agent.store.digest() == before
    assert counting(founder) == 1
