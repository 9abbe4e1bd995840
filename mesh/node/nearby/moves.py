"""Noticing that this machine slept or has other addresses. It asks the system from time to time and changes nothing."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable, Sequence

from mesh.node import timing
from mesh.node.nearby.addresses import own_hosts, routed

Moved = Callable[[bool], None]
"""Told of a change; whether links that look alive may be dead by it."""


async def watch(interfaces: Sequence[str], moved: Moved) -> None:
    """Tell of each sleep and each change of address, until cancelled."""
    apart_s, hosts, outward, looked_s = _apart_s(), own_hosts(interfaces), routed(), time.monotonic()
    while True:
        await asyncio.sleep(timing.CLOCK_LOOK_S)
        before_s, apart_s = apart_s, _apart_s()
        slept = abs(apart_s - before_s) > timing.CLOCK_JUMP_S
        away, outward = outward, routed()
        if not slept and away == outward and time.monotonic() - looked_s < timing.HOSTS_LOOK_S:
            continue
        had, hosts, looked_s = hosts, own_hosts(interfaces), time.monotonic()
        # Addresses of one link only come and go with each container; no link of ours hangs on them for long.
        lost = any("%" not in host for host in set(had) - set(hosts))
        if slept or away != outward or had != hosts:
            moved(slept or lost or away != outward)


def _apart_s() -> float:
    """How far the two clocks are apart: the one of the day runs on while the machine sleeps."""
    return time.time() - time.monotonic()
