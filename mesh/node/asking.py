"""Asking: a part of the agent that decides the questions of this device when an answer came or their time is over.

So a question is decided also when whoever asked it is gone. It asks nobody anything.
"""

from __future__ import annotations

import asyncio
import contextlib
import time
from collections.abc import Collection
from typing import TYPE_CHECKING

from mesh.names import DocumentId
from mesh.node import calls_asks, clock, keeping, timing
from mesh.state import asks

if TYPE_CHECKING:
    from mesh.node.agent import Agent


async def run(agent: Agent) -> None:
    """Look when something was kept, and when the next question's time is over."""
    news, open_ = asyncio.Event(), frozenset[DocumentId]()
    seen: object = None
    due = 0.0
    agent.news.append(news)
    try:
        while True:
            news.clear()
            stand = await _stand(agent, open_)
            if stand != seen or time.monotonic() >= due:
                wait_s, found = await look(agent)
                due, before, open_ = time.monotonic() + wait_s, open_, found
                if found != before:
                    continue  # what came while it looked shows only from here on
                seen = stand
            with contextlib.suppress(TimeoutError):
                async with asyncio.timeout(max(due - time.monotonic(), 0)):
                    await news.wait()
            await asyncio.sleep(timing.ASK_CALM_S)  # a stream of events is one look
    finally:
        agent.news.remove(news)


async def _stand(agent: Agent, open_: Collection[DocumentId]) -> object:
    """By what the latest question, and each that is open, was touched last: while that is so there is nothing new."""
    rows = await agent.store.records(types=(asks.KIND,), limit=1)
    found = [await agent.store.record(document) for document in sorted(open_)]
    return [row.updated for row in (*rows, *found) if row is not None]


async def look(agent: Agent) -> tuple[float, frozenset[DocumentId]]:
    """Decide what can be decided; for how long nothing else will be over, and which of this device's are open."""
    wait_s, open_ = timing.ASK_AGAIN_S, set[DocumentId]()
    for row in [] if agent.engine.is_relay else await keeping.listed(agent, "", (asks.KIND,)):
        if row.record.word("device") == agent.device and asks.taken(row.record) is None:
            one = (await calls_asks.decided(agent, row)).record
            if asks.taken(one) is None:
                open_.add(one.document)
                expires = one.number("expires")
                wait_s = min(wait_s, max(0.0, (expires - clock.now_ms()) / 1000)) if expires else wait_s
    return wait_s, frozenset(open_)
