"""How the devices of a mesh find each other: tags for the beacon, and hints for the bus from what it sights.

A sighting only says where to dial; who sits there must prove its key to the bus. It never keeps an address and never
touches authority.
"""

from __future__ import annotations

import asyncio
import os
import time
from collections import OrderedDict
from collections.abc import Sequence

from mesh.events.tags import recognised, tag_key, tagged
from mesh.limits import TAG_NONCE_BYTES, TAGS_REMEMBERED_MAX
from mesh.names import Short, device_text, short
from mesh.node import timing
from mesh.node.engine import Engine
from mesh.node.log import Log
from mesh.node.nearby.addresses import on_link
from mesh.node.ports import Beacon, BeaconStatus, Bus, Notice, Sighting
from mesh.node.transport.visits import split_address

_UNHEARD = "no device is heard by mDNS (UDP 5353), though {} is on this network"
_HINT = "The network or a firewall may hold it back: name the addresses of other devices with `mesh peer add`."


class Finding:
    """The beacon of one agent at work."""

    def __init__(self, engine: Engine, bus: Bus, beacon: Beacon, log: Log) -> None:
        self.beacon = beacon
        self.also: tuple[Notice, ...] = ()
        """What is announced beside the device itself, for example an invitation. See `announce_also`."""
        self._engine, self._bus, self._log = engine, bus, log
        self._device = device_text(engine.own.admission)
        self._keys: dict[Short, bytes] = {}
        self._known: OrderedDict[tuple[bytes, bytes], str] = OrderedDict()
        self._known_for: object = None
        self._checks = _Allowance(timing.TAGS_PER_S_MAX)
        self._announced: tuple[object, ...] = ()
        self._announced_s = 0.0
        self._asked_s = 0.0
        self._missed: frozenset[str] = frozenset()
        self._eager_until_s = 0.0
        self._started_s = time.monotonic()

    async def run(self) -> None:
        """Announce this device and look for those that are missed, until cancelled."""
        self._announced, self._started_s = (), time.monotonic()
        async with asyncio.TaskGroup() as group:
            group.create_task(self.beacon.run(self.sighted))
            while True:
                self.look()
                calm = self._bus.server().port and not self._missed
                await asyncio.sleep(timing.FINDING_CALM_S if calm else timing.FINDING_LOOK_S)

    def announce_also(self, notices: Sequence[Notice]) -> None:
        """Announce exactly these beside the device, from now on."""
        self.also = tuple(notices)
        self.look()

    def moved(self) -> None:
        """This machine slept or has other addresses: announce anew, and look for the others eagerly."""
        self._eager_until_s = time.monotonic() + timing.EAGER_S
        self._announced = ()
        self.beacon.moved()
        self.look()

    def look(self) -> None:
        """Announce what changed, and ask for whoever is missed."""
        now_s = time.monotonic()
        self._announce(now_s)
        linked = {link.device for link in self._bus.links() if link.connected}
        missed = frozenset(self._others() - linked)
        if missed - self._missed:
            self._eager_until_s = now_s + timing.EAGER_S
        self._missed = missed
        if now_s - self._asked_s >= self._ask_every_s(now_s):
            self._asked_s = now_s
            self.beacon.ask()

    def sighted(self, sighting: Sighting) -> None:
        """Somebody announces something: tell the bus when it is a device of ours."""
        device = self._recognised(sighting) if sighting.calling == "device" else ""
        if device:
            self._bus.seen(device, sighting.addresses)

    def status(self) -> BeaconStatus:
        """How it is; that packets leave and come back on this machine does not mean that the network carries them."""
        told = self.beacon.status()
        quiet = not told.problem and not told.heard and time.monotonic() - self._started_s > timing.UNHEARD_S
        near = [link.device for link in self._bus.links() if link.connected and _is_near(link.address)] if quiet else []
        return BeaconStatus(told.heard, _UNHEARD.format(near[0]), _HINT) if near else told

    def _announce(self, now_s: float) -> None:
        epoch, port = self._engine.replica.verdict.epoch(), self._bus.server().port
        in_it = self._engine.replica.verdict.is_live(self._engine.own.admission)
        key = self._tag_keys().get(short(epoch)) if epoch and in_it else None
        wanted = (epoch, port, key, self.also)
        if wanted == self._announced and now_s - self._announced_s < timing.BEACON_RENEW_S:
            return
        self._announced, self._announced_s = wanted, now_s
        own = [Notice("device", port, tagged(key, self._device, os.urandom(TAG_NONCE_BYTES)))] if key and port else []
        self.beacon.announce([*own, *self.also])

    def _ask_every_s(self, now_s: float) -> float:
        if self._missed:
            return timing.BEACON_ASK_S if now_s < self._eager_until_s else timing.BEACON_ASK_SLOWLY_S
        # Nobody is missed: be quiet, but find out whether what did not get through does by now.
        return timing.BEACON_RETRY_S if self.beacon.status().problem else float("inf")

    def _recognised(self, sighting: Sighting) -> str:
        keys, others = self._tag_keys(), self._others()
        if self._known_for != (keys.keys(), others):
            self._known_for = (set(keys), others)
            self._known.clear()
        seen = sighting.text.get("n", b""), sighting.text.get("t", b"")
        if seen not in self._known:
            if not self._checks.take(time.monotonic()):
                return ""
            self._known[seen] = recognised(sighting.text, keys.values(), others)
            if self._known[seen]:
                self._log("beacon.recognised", device=self._known[seen])
            while len(self._known) > TAGS_REMEMBERED_MAX:
                self._known.popitem(last=False)
        return self._known[seen]

    def _others(self) -> set[str]:
        """The other live devices that announce themselves, which browsers cannot.

        Nobody once this device was taken out, so that it looks for nobody.
        """
        live, own = self._engine.replica.verdict.live, self._engine.own.admission
        found = {device_text(digest) for digest, one in live.items() if digest != own and not one.in_browser}
        return found if own in live else set()

    def _tag_keys(self) -> dict[Short, bytes]:
        held = self._engine.keyring.keys()
        if held.keys() != self._keys.keys():
            self._keys = {epoch: tag_key(key) for epoch, key in held.items()}
        return self._keys


class _Allowance:
    """So many a second, and as many at once: a flood of announcements costs a bounded share of the processor."""

    def __init__(self, per_s: float) -> None:
        self._per_s = self._left = per_s
        self._at_s = 0.0

    def take(self, now_s: float) -> bool:
        self._left = min(self._per_s, self._left + (now_s - self._at_s) * self._per_s)
        self._at_s = now_s
        if self._left < 1:
            return False
        self._left -= 1
        return True


def _is_near(address: str) -> bool:
    return bool(address) and on_link(split_address(address)[0])
