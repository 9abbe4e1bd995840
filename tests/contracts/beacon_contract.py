"""What every Beacon promises: the memory implementation and the one on mDNS pass the same tests.

Other programs may use the same network, so a test looks only for what carries its own random word.
"""

from __future__ import annotations

import asyncio
import contextlib
import os
from collections.abc import AsyncIterator, Callable, Sequence
from dataclasses import dataclass, field

from mesh.node.ports import Beacon, Calling, Notice, Sighting

LIMIT_S = 20.0
PORT = 4711


@dataclass
class Lookout:
    """A beacon, and what it sighted."""

    beacon: Beacon
    sighted: list[Sighting] = field(default_factory=list)
    changed: asyncio.Event = field(default_factory=asyncio.Event)

    def sees(self, sighting: Sighting) -> None:
        """Remember it."""
        self.sighted.append(sighting)
        self.changed.set()

    def words(self) -> list[bytes]:
        """The words of what was sighted, in order."""
        return [one.text["w"] for one in self.sighted if "w" in one.text]

    async def until(self, condition: Callable[[], bool]) -> None:
        """Wait until something that was sighted makes the condition true."""
        async with asyncio.timeout(LIMIT_S):
            while not condition():
                self.changed.clear()
                await self.changed.wait()

    @contextlib.asynccontextmanager
    async def looking(self) -> AsyncIterator[Lookout]:
        """Run it while inside."""
        task = asyncio.get_running_loop().create_task(self.beacon.run(self.sees))
        try:
            yield self
        finally:
            task.cancel()
            await asyncio.wait([task])
            assert task.cancelled(), task.exception()


def notice(word: bytes, calling: Calling = "device") -> Notice:
    """Something to announce that can be told from everything else."""
    return Notice(calling, PORT, {"v": b"1", "w": word})


def word() -> bytes:
    """A word that nobody else announces; with bytes that need care in a TXT record."""
    return b"=\x00\xff\\." + os.urandom(8)


class BeaconContract:
    """The promises."""

    def beacons(self, count: int) -> Sequence[Beacon]:
        """So many beacons in one network."""
        raise NotImplementedError

    async def test_what_one_announces_another_sights(self) -> None:
        """Goal: port, text and calling arrive as they were announced, with an address to dial."""
        one, other = map(Lookout, self.beacons(2))
        mine = word()
        one.beacon.announce([notice(mine)])
        async with one.looking(), other.looking():
            await other.until(lambda: mine in other.words())
            found = next(sighting for sighting in other.sighted if sighting.text.get("w") == mine)
            assert (found.calling, found.text) == ("device", {"v": b"1", "w": mine})
            assert found.addresses
            assert all(address.endswith(f":{PORT}") for address in found.addresses)
            assert other.beacon.status().heard >= 1
            assert other.beacon.status().problem == ""

    async def test_nobody_sights_itself(self) -> None:
        """Goal: of two that see each other neither is told of its own announcement."""
        one, other = map(Lookout, self.beacons(2))
        words = word(), word()
        one.beacon.announce([notice(words[0])])
        other.beacon.announce([notice(words[1])])
        async with one.looking(), other.looking():
            await one.until(lambda: words[1] in one.words())
            await other.until(lambda: words[0] in other.words())
            one.beacon.ask()
            await one.until(lambda: one.words().count(words[1]) > 1)
            assert words[0] not in one.words()
            assert words[1] not in other.words()

    async def test_who_comes_later_sights_who_was_there(self) -> None:
        """Goal: nobody has to be there at the moment of an announcement."""
        one, other = map(Lookout, self.beacons(2))
        mine = word()
        async with one.looking():
            one.beacon.announce([notice(mine)])
            async with other.looking():
                await other.until(lambda: mine in other.words())

    async def test_asking_sights_again_who_was_sighted_before(self) -> None:
        """Goal: a second look tells that somebody is there now, though nothing about it changed."""
        one, other = map(Lookout, self.beacons(2))
        mine = word()
        one.beacon.announce([notice(mine)])
        async with one.looking(), other.looking():
            await other.until(lambda: mine in other.words())
            for _ in range(2):
                await asyncio.sleep(1.1)  # mDNS answers the same question once a second
                before = other.words().count(mine)
                other.beacon.ask()
                await other.until(lambda before=before: other.words().count(mine) > before)  # type: ignore[misc]

    async def test_a_new_announcement_takes_the_place_of_the_old_ones(self) -> None:
        """Goal: who looks after the change sights exactly what is announced then, of both callings."""
        one, other = map(Lookout, self.beacons(2))
        old, new, invited = word(), word(), word()
        one.beacon.announce([notice(old)])
        async with one.looking():
            async with other.looking():
                await other.until(lambda: old in other.words())
                one.beacon.announce([notice(new), notice(invited, "invitation")])
                await other.until(lambda: {new, invited} <= set(other.words()))
            callings = {sighting.text["w"]: sighting.calling for sighting in other.sighted if "w" in sighting.text}
            assert (callings[new], callings[invited]) == ("device", "invitation")
            other.sighted.clear()
            async with other.looking():
                await other.until(lambda: {new, invited} <= set(other.words()))
                assert old not in other.words()

    async def test_who_moved_announces_itself_again(self) -> None:
        """Goal: nobody has to ask to learn that somebody has other addresses."""
        one, other = map(Lookout, self.beacons(2))
        mine = word()
        one.beacon.announce([notice(mine)])
        async with one.looking(), other.looking():
            await other.until(lambda: mine in other.words())
            before = other.words().count(mine)
            one.beacon.moved()
            await other.until(lambda: other.words().count(mine) > before)

    async def test_who_stopped_is_not_sighted_any_more(self) -> None:
        """Goal: a goodbye is one: who looks afterwards sights nothing."""
        one, other, witness = map(Lookout, self.beacons(3))
        gone, stays = word(), word()
        one.beacon.announce([notice(gone)])
        witness.beacon.announce([notice(stays)])
        async with witness.looking():
            async with one.looking():
                await witness.until(lambda: gone in witness.words())
            async with other.looking():
                await other.until(lambda: stays in other.words())
                assert gone not in other.words()
