"""The call of `mesh-hook`: what happened in a tool, answered with what the tool is to read."""

from __future__ import annotations

from typing import TYPE_CHECKING

from mesh.node.arguments import Arguments
from mesh.node.hooks import spool, taking

if TYPE_CHECKING:
    from mesh.node.agent import Agent


async def hook(agent: Agent, arguments: Arguments) -> object:
    """Take an event in, after all that waits in the spool: what a session did comes in its order."""
    await spool.taken(agent)
    said = await taking.taken(agent, arguments)
    return {"output": said} if said else {}
