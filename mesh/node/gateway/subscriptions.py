"""Which phones want to be woken from this device, as its store keeps it; and which phones there are.

It opens no connection and wakes nobody: `waking` does.
"""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from typing import TYPE_CHECKING

from mesh.events.verdict import Admission
from mesh.names import device_text
from mesh.node.gateway.push import Subscription, unpacked
from mesh.node.gateway.setting_list import SettingList

if TYPE_CHECKING:
    from mesh.node.agent import Agent

ON = "gateway/push"
"""The setting by which this device's person has phones woken."""

_SIGNED = b"mesh/push/1"


@dataclass(frozen=True, slots=True)
class Kept:
    """One phone that wants to be woken, and how it went last."""

    device: str
    endpoint: str
    key: str
    auth: str
    at_ms: int
    """When it said so, by its own clock: what it said before counts no more."""
    problem: str = ""

    def subscription(self) -> Subscription:
        """As bytes. Raises Malformed."""
        return Subscription(self.endpoint, unpacked(self.key), unpacked(self.auth))


SUBSCRIBED = SettingList("gateway/subscriptions", Kept)
"""The phones that are woken from here."""


def phones(agent: Agent) -> dict[str, Admission]:
    """The live devices in browsers, by their 16 characters."""
    live = agent.engine.replica.verdict.live
    return {device_text(name): one for name, one in live.items() if one.in_browser}


def signed(mesh: bytes, said: str) -> bytes:
    """What a phone signs with its identity to be woken."""
    return _SIGNED + hashlib.sha256(mesh + said.encode()).digest()


async def without(agent: Agent, device: str) -> None:
    """Wake a phone no more."""
    await SUBSCRIBED.change(agent, lambda kept: [one for one in kept if one.device != device])
