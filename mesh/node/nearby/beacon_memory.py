"""The beacon without a network: several devices in one process, for tests.

It keeps the same promises as the beacon on mDNS, and one can take the air away. It never leaves the process.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Sequence
from dataclasses import replace

from mesh.node.ports import BeaconStatus, Notice, Sighting


class MemoryAir:
    """What carries announcements between memory beacons."""

    def __init__(self) -> None:
        self.blocked = False
        """Nothing gets through."""
        self.beacons: list[MemoryBeacon] = []

    def beacon(self, host: str) -> MemoryBeacon:
        """A beacon for a device that is reached at a host."""
        return MemoryBeacon(self, host)


class MemoryBeacon:
    """The Beacon of one device in memory air."""

    def __init__(self, air: MemoryAir, host: str) -> None:
        self.host = host
        self.asked = 0
        """How often it was told to ask."""
        self._air = air
        self._notices: tuple[Notice, ...] = ()
        self._sighted: Callable[[Sighting], None] | None = None

    @property
    def notices(self) -> tuple[Notice, ...]:
        """What it announces."""
        return self._notices

    async def run(self, sighted: Callable[[Sighting], None]) -> None:
        """Announce and look out until cancelled."""
        self._sighted = sighted
        self._air.beacons.append(self)
        try:
            self._tell()
            self.ask()
            await asyncio.Event().wait()
        finally:
            self._air.beacons.remove(self)
            self._sighted = None

    def announce(self, notices: Sequence[Notice]) -> None:
        """Announce exactly these from now on."""
        self._notices = tuple(notices)
        self._tell()

    def ask(self) -> None:
        """Ask the others now."""
        self.asked += 1
        for other in self._others():
            other.tell(self)

    def moved(self) -> None:
        """Announce again."""
        self._tell()

    def status(self) -> BeaconStatus:
        """How it is."""
        if self._air.blocked:
            return BeaconStatus(0, "the air is blocked", "Unblock it.")
        return BeaconStatus(sum(len(other.notices) for other in self._others()), "", "")

    def tell(self, other: MemoryBeacon) -> None:
        """Let another one sight what this one announces."""
        for notice in self._notices:
            other.hear(Sighting(notice.calling, (f"{self.host}:{notice.port}",), dict(notice.text)))

    def hear(self, sighting: Sighting) -> None:
        """Sight something, whoever made it up."""
        if self._sighted is not None:
            self._sighted(replace(sighting))

    def _tell(self) -> None:
        for other in self._others():
            self.tell(other)

    def _others(self) -> list[MemoryBeacon]:
        if self._air.blocked or self._sighted is None:
            return []
        return [other for other in self._air.beacons if other is not self]
