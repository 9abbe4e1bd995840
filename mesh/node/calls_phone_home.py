"""The call about the networks that are home, in which the name of the page is told."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING

from mesh.node.arguments import Arguments, text, yes
from mesh.node.gateway import homes

if TYPE_CHECKING:
    from mesh.node.agent import Agent


async def home(agent: Agent, arguments: Arguments) -> object:
    """The networks that are home; with `set` those of now from now on or, or one of them, no more."""
    if yes(arguments, "set"):
        await homes.mark(agent)
    elif arguments.get("set") is not None:
        await homes.forget(agent, text(arguments, "network") or "")
    kept = await homes.kept(agent)
    now = {one.id: one.name for one in await asyncio.to_thread(homes.here, agent.interfaces) if one.known}
    return {"networks": [{"id": one, "name": name, "here": one in now} for one, name in sorted(kept.items())]}
