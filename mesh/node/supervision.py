"""Keeping the parts of an agent at work: what failed is started again with backoff, and all of it ends when it should.

It knows nothing of what the parts do.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import Awaitable, Callable, Sequence

from mesh.errors import MeshError
from mesh.node import timing
from mesh.node.log import Log

WRITER = "engine"
"""The task that is never cancelled: it ends when all that was acknowledged is kept."""


async def supervised(name: str, part: Callable[[], Awaitable[None]], failed: Callable[[str, Exception], None]) -> None:
    """Run a part, again when it failed, with backoff; `failed` is told."""
    wait_s = timing.RESTART_FIRST_S
    while True:
        began = time.monotonic()
        try:
            await part()
        except Exception as error:  # noqa: BLE001 - a part's bug or the world's fault must not end the others
            failed(name, error)
        if time.monotonic() - began > timing.RESTART_S_MAX:
            wait_s = timing.RESTART_FIRST_S
        await asyncio.sleep(wait_s)
        wait_s = min(2 * wait_s, timing.RESTART_S_MAX)


async def ended(tasks: Sequence[asyncio.Task[None]], log: Log) -> None:
    """Cancel these and wait for their end; insist where a library swallowed the cancellation of something in them."""
    for task in tasks:
        task.cancel()
    while slow := (await asyncio.wait(tasks, timeout=timing.STOP_S_MAX))[1]:
        log("stop.slow", parts=len(slow))
        for task in asyncio.all_tasks():
            if task is not asyncio.current_task() and task.get_name() != WRITER:
                task.cancel()


def innermost(error: BaseException) -> BaseException:
    """What really failed, where a group of tasks did."""
    while isinstance(error, BaseExceptionGroup) and error.exceptions:
        error = error.exceptions[0]
    return error


def told(error: Exception) -> str:
    """The hint that goes with a failure."""
    return error.hint if isinstance(error, MeshError) else "See `mesh logs`."
