"""Parts at work: started again when they fail, ended when they should; what no process can be made to do on purpose."""

from __future__ import annotations

import asyncio
import contextlib

import pytest

from mesh.node import timing
from mesh.node.log import silent
from mesh.node.supervision import ended, supervised


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


async def test_a_part_that_failed_is_started_again_and_told(monkeypatch: pytest.MonkeyPatch) -> None:
    """Each failure is told, with backoff between them, until it is cancelled."""
    monkeypatch.setattr(timing, "RESTART_FIRST_S", 0.001)
    failures: list[tuple[str, str]] = []
    third = asyncio.Event()

    async def part() -> None:
        if len(failures) == 2:
            third.set()
        message = f"fault {len(failures)}"
        raise ValueError(message)

    def failed(name: str, error: Exception) -> None:
        failures.append((name, str(error)))

    task = asyncio.create_task(supervised("part", part, failed))  # noqa: TID251 - ended below
    async with asyncio.timeout(5):
        await third.wait()
        await ended([task], silent)
    assert failures[:2] == [("part", "fault 0"), ("part", "fault 1")]
