"""Asking: a part of the agent that decides the questions of this device when an answer came or their time is over.

So a question is decided also when whoever asked it is gone. It asks nobody anything.
"""

from __future__ import annotations

import asyncio
import contextlib
from typing import TYPE_CHECKING

from mesh.node import calls_asks, clock, keeping, timing
from mesh.state import asks

if TYPE_CHECKING:
    from mesh.node.agent import Agent


async def run(agent: Agent) -> None:
    """Look when something was kept, and when the next question's time is over."""
    news = asyncio.Event()
    agent.news.append(news)
    try:
        while True:
            news.clear()
            wait_s = await look(agent)
            with contextlib.suppress(TimeoutError):
                async with asyncio.timeout(wait_s):
                    await news.wait()
            await asyncio.sleep(timing.ASK_CALM_S)  # a stream of events is one look
    finally:
        agent.news.remove(news)


async def look(agent: Agent) -> float:
    """Decide what can be decided; for how long nothing else will be over."""
    if agent.engine.is_relay:
        return timing.ASK_AGAIN_S
    wait_s = timing.ASK_AGAIN_S
    for row in await keeping.listed(agent, "", (asks.KIND,)):
        if row.record.word("device") == agent.device and asks.taken(row.record) is None:
            one = (await calls_asks.decided(agent, row)).record
            if (expires := one.number("expires")) and asks.taken(one) is None:
                wait_s = min(wait_s, max(0.0, (expires - clock.now_ms()) / 1000))
    return wait_s
