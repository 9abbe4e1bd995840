"""When each device was last in touch with this one: what it may have read by then.

Links are looked at every few seconds; what is kept for the next start is written seldom, so after a start the answer is
the latest time that it can have been.
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from typing import TYPE_CHECKING

from mesh.names import Digest, device_text
from mesh.node import clock, timing
from mesh.node.ports import LinkStatus

if TYPE_CHECKING:
    from mesh.node.agent import Agent

_KEPT = "touch"
_MS = 1000


async def look(agent: Agent, links: Sequence[LinkStatus]) -> None:
    """Note who is in touch now; keep it every now and then."""
    now = clock.now_ms()
    linked = [link.device for link in links if link.connected]
    agent.memory.touched |= dict.fromkeys(linked, now)
    kept = await _kept(agent)
    if any(now - kept.get(device, 0) > timing.TOUCH_KEPT_S * _MS for device in linked):
        await agent.engine.remember(_KEPT, json.dumps({**kept, **agent.memory.touched}).encode())


async def last_touch(agent: Agent, admission: Digest) -> tuple[int | None, bool]:
    """When a device was last in touch, and whether that is exact; None: now, or nobody knows."""
    device = device_text(admission)
    links = agent.bus.links() if agent.bus else ()
    if any(link.device == device and link.connected for link in links):
        return None, True
    if device in agent.memory.touched:
        return agent.memory.touched[device], True
    kept = (await _kept(agent)).get(device)
    latest = None if kept is None else min(kept + int(timing.TOUCH_KEPT_S * _MS), clock.now_ms())
    return latest, False


async def _kept(agent: Agent) -> dict[str, int]:
    found = json.loads(await agent.store.setting(_KEPT) or b"{}")
    assert isinstance(found, dict), "we wrote it"
    return found
