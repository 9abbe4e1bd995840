"""The memory beacon keeps the promises of the beacon, and says so when nothing gets through."""

from __future__ import annotations

from collections.abc import Sequence

import pytest

from mesh.node.nearby.beacon_memory import MemoryAir
from mesh.node.ports import Beacon
from tests.contracts.beacon_contract import BeaconContract, Lookout, notice, word

pytestmark = pytest.mark.contract


class TestMemoryBeacon(BeaconContract):
    """The contract."""

    def beacons(self, count: int) -> Sequence[Beacon]:
        """Beacons in clear air."""
        air = MemoryAir()
        return [air.beacon(f"{number}.test") for number in range(count)]


async def test_in_blocked_air_nothing_is_sighted_and_the_status_says_so() -> None:
    """Goal: tests can take the air away and give it back."""
    air = MemoryAir()
    one, other = Lookout(air.beacon("one.test")), Lookout(air.beacon("other.test"))
    mine = word()
    air.blocked = True
    one.beacon.announce([notice(mine)])
    async with one.looking(), other.looking():
        other.beacon.ask()
        assert other.sighted == []
        assert other.beacon.status().problem
        air.blocked = False
        other.beacon.ask()
        await other.until(lambda: mine in other.words())
