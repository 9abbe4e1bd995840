"""Everything at the door of one device: who holds the certificate, the page, who is let in, and whom it wakes.

It puts them together and keeps them at work; each decides for itself.
"""

from __future__ import annotations

import asyncio
import os
from typing import TYPE_CHECKING

from mesh.errors import Unreachable
from mesh.node import timing
from mesh.node.gateway import holding, name
from mesh.node.gateway.blobs import Blobs
from mesh.node.gateway.files import Files
from mesh.node.gateway.holding import Holding
from mesh.node.gateway.name import Name
from mesh.node.gateway.pairing import Pairing
from mesh.node.gateway.waking import Waking
from mesh.node.gateway.web import Gateway
from mesh.node.nearby.beacon import ZeroconfSignpost
from mesh.node.ports import BEACON_VARIABLE

if TYPE_CHECKING:
    from mesh.node.agent import Agent


class Door:
    """The door of one agent. `run` is the part."""

    def __init__(self, agent: Agent) -> None:
        """Shut, until it runs."""
        self.holding = Holding(agent)
        self.pairing = Pairing(agent)
        self.waking = Waking(agent)
        self.page = Gateway(agent, self.holding, self.pairing, self.waking, Files(agent), Blobs(agent))
        self.name = Name(agent, self.page.name, self.page.port, lambda: self.page.open, ZeroconfSignpost())
        if agent.talk is not None:
            agent.talk.more |= {holding.VERB: self.holding.answer, name.VERB: self.name.told}

    async def run(self) -> None:
        """Work until cancelled."""
        async with asyncio.TaskGroup() as group:
            group.create_task(self.holding.run(self.page.look_soon))
            group.create_task(self.page.run())
            group.create_task(self.waking.run())
            if os.environ.get(BEACON_VARIABLE, "on") != "off":
                group.create_task(self.name.run())

    async def opened(self) -> None:
        """Open it, and wait until it is. Raises Unreachable with what keeps it shut."""
        await self.page.switch(on=True)
        for _ in range(timing.DOOR_OPENS_LOOKS):
            if self.page.open:
                return
            await asyncio.sleep(timing.DOOR_OPENS_LOOK_S)
        problem = self.page.problem or self.holding.problem
        if problem is not None:
            raise problem
        message = "the page for phones does not open"
        raise Unreachable(message, hint="`mesh logs` says more; then try again.")
