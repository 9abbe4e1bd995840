"""The part of an agent that keeps the door for phones, from when a phone is first wanted in this mesh.

Until then it costs one look at the store when something was kept: nothing of the door is even loaded.
"""

from __future__ import annotations

import asyncio
import contextlib
from typing import TYPE_CHECKING

from mesh.errors import NotGranted, Unreachable
from mesh.node import timing
from mesh.node.gateway import authorities

if TYPE_CHECKING:
    from mesh.node.agent import Agent
    from mesh.node.gateway.door import Door


async def run(agent: Agent) -> None:
    """Keep the door until cancelled."""
    if agent.engine.is_relay:
        await asyncio.Event().wait()  # it reads nothing that a page could show
    news = asyncio.Event()
    agent.news.append(news)
    try:
        while agent.gateway is None and not await authorities.there_are(agent):
            news.clear()
            with contextlib.suppress(TimeoutError):
                async with asyncio.timeout(timing.LEAF_LOOK_S):
                    await news.wait()
            await asyncio.sleep(timing.LEAF_CALM_S)
    finally:
        agent.news.remove(news)
    await _made(agent).run()


def wanted(agent: Agent) -> Door:
    """The door, now that a phone is wanted. Raises Unreachable without a running agent, NotGranted on a relay."""
    if agent.bus is None:
        message = "no agent is running, and the page for phones is a part of it"
        raise Unreachable(message, hint="Start it with `mesh up`.")
    if agent.engine.is_relay:
        message = "this device is a relay: it cannot read what a phone is to show"
        raise NotGranted(message, hint=authorities.admin_hint(agent))
    door = _made(agent)
    for one in agent.news:
        one.set()
    return door


def _made(agent: Agent) -> Door:
    from mesh.node.gateway.door import Door  # noqa: PLC0415 - aiohttp takes its time, and most agents serve no phone

    agent.gateway = agent.gateway or Door(agent)
    return agent.gateway
