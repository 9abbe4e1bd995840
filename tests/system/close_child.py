"""A process that closes a device on a home, and says when others are told; tests kill it there.

`python -m tests.system.close_child HOME ADMISSION`, the admission in hexadecimal.
"""

from __future__ import annotations

import asyncio
import sys
from collections.abc import Sequence
from pathlib import Path

from mesh.events.event import Lane
from mesh.events.kinds import Close
from mesh.events.speaking import Draft
from mesh.names import Digest
from mesh.node.agent import Agent, opened
from mesh.node.engine import Engine
from mesh.sync.inputs import Effects

TOLD = "told"


class Teller:
    """The owner of an engine, who says aloud that others are told."""

    def __init__(self, agent: Agent) -> None:
        """Do the rest as the agent does it."""
        self.ask = agent.ask
        self._agent = agent

    def happened(self, effects: Effects) -> None:
        """Say so."""
        self._agent.happened(effects)
        sys.stdout.write(f"{TOLD}\n")
        sys.stdout.flush()


async def _close(home: Path, admission: Digest) -> None:
    async with opened(home) as agent:
        agent.engine.owner = Teller(agent)

        async def make(_engine: Engine) -> Sequence[Draft]:
            return (Draft(Close(admission)),)

        await agent.engine.say(Lane.CONTROL, make)


if __name__ == "__main__":
    asyncio.run(_close(Path(sys.argv[1]), Digest(bytes.fromhex(sys.argv[2]))))
