"""What was forgotten leaves this device: after a time of grace its bodies are deleted, and nobody is served them.

The grace is for a forget that somebody senior takes back. It decides nothing about what is forgotten.
"""

from __future__ import annotations

import asyncio
import time

from mesh.node import timing
from mesh.node.engine import Engine
from mesh.node.log import Log


async def run(engine: Engine, log: Log) -> None:
    """Look every now and then, until cancelled."""
    while True:
        count = await engine.erase(int((time.time() - timing.FORGET_GRACE_S) * 1000))
        if count:
            log("forgotten.erased", bodies=count)
        await asyncio.sleep(timing.FORGET_LOOK_S)
