"""The agent as a whole is under test in tests/system; here is what no process can be made to do on purpose."""

from __future__ import annotations

import asyncio
import contextlib

import pytest

from mesh.node import timing
from mesh.node.agent import ended
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
