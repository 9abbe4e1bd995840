"""Calls about forks: what they are, with a proof of each, and that somebody has seen one."""

from __future__ import annotations

from typing import TYPE_CHECKING

from mesh.errors import Misuse
from mesh.limits import FORKS_SHOWN_MAX
from mesh.node import forks
from mesh.node.arguments import Arguments, needed

if TYPE_CHECKING:
    from mesh.node.agent import Agent


async def listed(agent: Agent, _arguments: Arguments) -> object:
    """All forks that are held."""
    return {"forks": [await forks.told(agent, fork) for fork in await agent.store.forks(FORKS_SHOWN_MAX)]}


async def ack(agent: Agent, arguments: Arguments) -> object:
    """Show a fork no more, until it grows another branch."""
    name = needed(arguments, "fork").lower()
    found = [f for f in await agent.store.forks(FORKS_SHOWN_MAX) if f.after.digest.hex().startswith(name)]
    if len(found) != 1:
        which = "no fork is" if not found else f"{len(found)} forks are"
        raise Misuse(f"{which} called {name!r} here", hint="`mesh forks` shows them, each with its name.")
    await forks.see(agent, found[0])
    return {"id": forks.fork_id(found[0]), "acknowledged": True}
