"""The agent as a whole is under test in tests/system; here is what no process can be made to do on purpose."""

from __future__ import annotations

import asyncio
import contextlib
from pathlib import Path

import pytest

from mesh.errors import Misuse
from mesh.node import home as homes
from mesh.node import timing
from mesh.node.agent import ended, opened
from mesh.node.log import silent


async def test_a_swallowed_cancellation_does_not_keep_the_agent_from_ending(monkeypatch: pytest.MonkeyPatch) -> None:
    """A task deep inside loses its cancellation, as in a library; cancelling its group again would not reach it."""
    monkeypatch.setattr(timing, "STOP_S_MAX", 0.05)
    swallowed = 0

    async def deaf() -> None:
        nonlocal swallowed
        with contextlib.suppress(asyncio.CancelledError):
            await asyncio.Event().wait()
        swallowed += 1
        await asyncio.Event().wait()

    async def part() -> None:
        async with asyncio.TaskGroup() as group:
            group.create_task(deaf())

    kept = asyncio.create_task(asyncio.Event().wait(), name="engine")  # noqa: TID251 - ended below
    tasks = [asyncio.create_task(part())]  # noqa: TID251 - as above
    await asyncio.sleep(0)
    await asyncio.sleep(0)
    async with asyncio.timeout(5):
        await ended(tasks, silent)
    assert swallowed == 1
    assert not kept.done(), "the writer is left to end by itself"
    kept.cancel()


async def test_the_port_that_a_firewall_knows(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """MESH_PORT goes before what was chosen once; what is no port is refused and changes nothing."""
    await homes.found(tmp_path, "mac")
    async with opened(tmp_path) as agent:
        await agent.engine.remember("server/port", b"4111")
    for said, port in (("", 4111), ("4222", 4222)):
        monkeypatch.setenv("MESH_PORT", said)
        async with opened(tmp_path) as agent:
            assert agent.port == port
    for said in ("65536", "-1", "port", "4222 ", "٤٢"):
        monkeypatch.setenv("MESH_PORT", said)
        with pytest.raises(Misuse, match="is no port"):
            async with opened(tmp_path):
                pass
