"""Where devices are, said in control statements: for those who were away so long that every other hint is stale.

An admin's agent says it about itself and about linked members, seldom. It is a hint to dial; no right follows from it,
and this module dials nobody.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable, Mapping, Sequence

from mesh.events.event import Lane
from mesh.events.kinds import Located
from mesh.events.speaking import Draft
from mesh.limits import RANK_ADMIN_LAST, RANK_RELAY
from mesh.names import Digest, device_text
from mesh.node import timing
from mesh.node.engine import Engine
from mesh.node.ports import Bus

_SAID = "located/"


class Locations:
    """What one agent says about where devices are."""

    def __init__(
        self, engine: Engine, bus: Bus, own: Callable[[], Sequence[str]], settings: Mapping[str, bytes]
    ) -> None:
        """`own` tells the addresses of this device; the settings know when what was said last."""
        self.told: dict[str, tuple[str, ...]] = {}
        """What each device told about itself since the start."""
        self._engine, self._bus, self._own = engine, bus, own
        self._waiting: dict[Digest, tuple[frozenset[str], float]] = {}
        self._said_s = {
            key.removeprefix(_SAID): float(value) for key, value in settings.items() if key.startswith(_SAID)
        }

    async def run(self) -> None:
        """Look now and then, until cancelled."""
        while True:
            await asyncio.sleep(timing.LOCATED_LOOK_S)
            await self.look(time.time())

    async def look(self, now_s: float) -> None:
        """Say what changed and stayed so; the time is that of the day. Raises MeshError when it cannot be kept."""
        if self._engine.replica.own_rank > RANK_ADMIN_LAST:
            return
        for admission, addresses in self._places().items():
            if addresses and self._is_due(admission, frozenset(addresses), now_s):
                await self._say(Located(admission, tuple(addresses)), now_s)

    def _places(self) -> dict[Digest, Sequence[str]]:
        """This device, and the members that are linked: other admins speak for themselves."""
        linked = {link.device: link.address for link in self._bus.links() if link.connected}
        places: dict[Digest, Sequence[str]] = {self._engine.own.admission: self._own()}
        for digest, found in self._engine.replica.verdict.live.items():
            if found.rank > RANK_ADMIN_LAST and device_text(digest) in linked:
                reached = linked[device_text(digest)]  # a relay knows least where it can be reached from outside
                told = self.told.get(device_text(digest), ())
                places[digest] = (reached,) if found.rank >= RANK_RELAY and reached else told
        return places

    def _is_due(self, admission: Digest, addresses: frozenset[str], now_s: float) -> bool:
        if addresses == frozenset(self._engine.replica.verdict.addresses_of(admission)):
            self._waiting.pop(admission, None)
            return False
        known, since_s = self._waiting.get(admission, (frozenset(), now_s))
        if known != addresses or since_s > now_s:  # or the clock was set back
            self._waiting[admission] = addresses, now_s
            return False
        waited_s = now_s - self._said_s.get(device_text(admission), 0.0)
        return now_s - since_s >= timing.LOCATED_STEADY_S and not 0 <= waited_s < timing.LOCATED_AGAIN_S

    async def _say(self, body: Located, now_s: float) -> None:
        async def saying(_engine: Engine) -> Sequence[Draft]:
            return (Draft(body),)

        device = device_text(body.admission)
        self._said_s[device] = now_s
        await self._engine.remember(_SAID + device, str(now_s).encode())  # first: too seldom is better than too often
        await self._engine.say(Lane.CONTROL, saying)
