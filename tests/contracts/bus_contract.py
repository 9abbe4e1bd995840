"""What every Bus promises: the memory implementation and the one on NATS pass the same tests.

A test builds a town of stations (devices with a bus and an ear), lets them meet and listens. Every wait is for a
condition, with one long limit that only a failure reaches.
"""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from contextlib import AbstractAsyncContextManager
from dataclasses import dataclass, field
from pathlib import Path
from typing import TypeVar

import pytest

from mesh.errors import NotGranted, Refused, TooLarge, Unreachable
from mesh.limits import INCOMING_AT_ONCE_PER_PEER_MAX, PUSH_BYTES_MAX, REQUESTS_IN_FLIGHT_PER_PEER_MAX
from mesh.node.ports import Bus, GuestLink, Peer

LIMIT_S = 30.0
_T = TypeVar("_T")
Answer = Callable[[str | None, str, bytes], Awaitable[bytes]]


async def echo(sender: str | None, verb: str, body: bytes) -> bytes:
    """Answer with what came."""
    del sender, verb
    return body


@dataclass
class Ear:
    """A handler that remembers what it heard."""

    answer: Answer = echo
    visit: Callable[[GuestLink, str | None], Awaitable[None]] | None = None
    said: list[tuple[str | None, str, bytes]] = field(default_factory=list)
    links: list[tuple[str, str]] = field(default_factory=list)
    visits: list[str | None] = field(default_factory=list)
    changed: asyncio.Condition = field(default_factory=asyncio.Condition)

    async def until(self, condition: Callable[[], bool]) -> None:
        """Wait until something that was heard makes the condition true."""
        async with asyncio.timeout(LIMIT_S), self.changed:
            await self.changed.wait_for(condition)

    async def heard(self, sender: str | None, verb: str, body: bytes) -> bytes:
        """Keep and answer."""
        await self._keep(self.said, (sender, verb, body))
        return await self.answer(sender, verb, body)

    async def linked(self, device: str) -> None:
        """Keep."""
        await self._keep(self.links, ("linked", device))

    async def parted(self, device: str) -> None:
        """Keep."""
        await self._keep(self.links, ("parted", device))

    async def guest(self, link: GuestLink, device: str | None) -> None:
        """Keep, and visit as the test wants."""
        await self._keep(self.visits, device)
        if self.visit is not None:
            await self.visit(link, device)

    async def _keep(self, kept: list[_T], one: _T) -> None:
        async with self.changed:
            kept.append(one)
            self.changed.notify_all()


@dataclass
class Station:
    """A device: its bus, and what it hears."""

    peer: Peer
    bus: Bus
    group: asyncio.TaskGroup
    ear: Ear = field(default_factory=Ear)
    task: asyncio.Task[None] | None = None

    @property
    def device(self) -> str:
        """Its id."""
        return self.peer.device

    def start(self) -> None:
        """Run the bus."""
        self.task = self.group.create_task(self.bus.run(self.ear))

    async def stop(self) -> None:
        """Stop the bus and wait until it is gone."""
        assert self.task is not None
        self.task.cancel()
        async with asyncio.timeout(LIMIT_S):
            with contextlib.suppress(asyncio.CancelledError):
                await self.task

    async def knows(self, *others: Station, strange: Sequence[str] = ()) -> None:
        """Give it a roster."""
        await self.bus.roster([other.peer for other in others], strange)

    async def linked_to(self, *others: Station) -> None:
        """Wait for links."""
        wanted = {other.device for other in others}
        await self.ear.until(lambda: {status.device for status in self.bus.links() if status.connected} >= wanted)

    async def ask(self, other: Station, body: bytes, verb: str = "say") -> bytes:
        """Ask another station."""
        return await self.bus.request(other.device, verb, body, timeout_s=LIMIT_S)


async def acquaint(*stations: Station) -> None:
    """Put everybody into everybody's roster, and wait for all links."""
    for station in stations:
        await station.knows(*(other for other in stations if other is not station))
    for station in stations:
        await station.linked_to(*(other for other in stations if other is not station))


@contextlib.asynccontextmanager
async def running(make: Callable[[asyncio.TaskGroup], Sequence[Station]]) -> AsyncIterator[Sequence[Station]]:
    """Stations that run while inside."""
    async with asyncio.TaskGroup() as group:
        stations = make(group)
        for station in stations:
            station.start()
        yield stations
        for station in stations:
            await station.stop()


class BusContract:
    """The promises."""

    def town(self, count: int, folder: Path) -> AbstractAsyncContextManager[Sequence[Station]]:
        """So many running stations with empty rosters."""
        raise NotImplementedError

    async def test_requests_are_answered_in_both_directions(self, tmp_path: Path) -> None:
        """One link carries requests both ways, whoever dialled it."""
        async with self.town(2, tmp_path) as (a, b):
            await acquaint(a, b)
            assert await a.ask(b, b"from a") == b"from a"
            assert await b.ask(a, b"from b") == b"from b"
            assert (a.device, "say", b"from a") in b.ear.said
            assert (b.device, "say", b"from b") in a.ear.said

    async def test_what_is_told_arrives_in_order(self, tmp_path: Path) -> None:
        """Tidings of one sender are entered in the order in which they were told."""
        async with self.town(2, tmp_path) as (a, b):
            await acquaint(a, b)
            for number in range(20):
                await b.bus.tell(a.device, "news", bytes([number]))
            await a.ear.until(lambda: len(a.ear.said) == 20)
            assert [body for _, _, body in a.ear.said] == [bytes([number]) for number in range(20)]

    async def test_a_device_without_link_is_unreachable(self, tmp_path: Path) -> None:
        """No link: an error at once, with a hint, for requests and tidings."""
        async with self.town(2, tmp_path) as (a, b):
            with pytest.raises(Unreachable) as caught:
                await a.ask(b, b"")
            assert caught.value.hint
            with pytest.raises(Unreachable):
                await a.bus.tell(b.device, "news", b"")

    async def test_a_silent_device_is_unreachable_after_the_timeout(self, tmp_path: Path) -> None:
        """The other agent hears and does not answer in time."""
        never = asyncio.Event()

        async def wait(sender: str | None, verb: str, body: bytes) -> bytes:
            del sender, verb, body
            await never.wait()
            return b""

        async with self.town(2, tmp_path) as (a, b):
            b.ear.answer = wait
            await acquaint(a, b)
            with pytest.raises(Unreachable, match="within"):
                await a.bus.request(b.device, "say", b"", timeout_s=0.1)

    async def test_a_request_under_way_fails_with_its_link(self, tmp_path: Path) -> None:
        """The other device stops while it owes an answer: Unreachable at once, not after the timeout."""
        never = asyncio.Event()

        async def wait(sender: str | None, verb: str, body: bytes) -> bytes:
            del sender, verb, body
            await never.wait()
            return b""

        async def failing(a: Station, b: Station) -> None:
            with pytest.raises(Unreachable):
                await a.bus.request(b.device, "say", b"", timeout_s=10 * LIMIT_S)

        async with self.town(2, tmp_path) as (a, b):
            b.ear.answer = wait
            await acquaint(a, b)
            async with asyncio.TaskGroup() as group:
                waiting = group.create_task(failing(a, b))
                await b.ear.until(lambda: bool(b.ear.said))
                await b.stop()
                await asyncio.wait_for(waiting, LIMIT_S)
            b.start()

    async def test_a_refusal_travels(self, tmp_path: Path) -> None:
        """Refused there is Refused here, with its sentence."""

        async def refuse(sender: str | None, verb: str, body: bytes) -> bytes:
            del sender, verb, body
            message = "no grant for ünicorns"
            raise NotGranted(message)

        async with self.town(2, tmp_path) as (a, b):
            b.ear.answer = refuse
            await acquaint(a, b)
            with pytest.raises(Refused, match="no grant for ünicorns"):
                await a.ask(b, b"")

    async def test_a_fault_in_the_handler_ends_no_link(self, tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
        """A message that triggers a bug is answered as unable, is logged, and the next one is served."""

        async def stumble(sender: str | None, verb: str, body: bytes) -> bytes:
            del sender, verb
            return bytes([1 // len(body)])

        async with self.town(2, tmp_path) as (a, b):
            b.ear.answer = stumble
            await acquaint(a, b)
            with pytest.raises(Unreachable):
                await a.ask(b, b"")
            assert await a.ask(b, b"x") == b"\x01"
            assert "ZeroDivisionError" in caplog.text

    async def test_too_much_is_refused_on_both_sides(self, tmp_path: Path) -> None:
        """A body over the limit neither leaves nor comes back."""

        async def too_much(sender: str | None, verb: str, body: bytes) -> bytes:
            del sender, verb, body
            return bytes(PUSH_BYTES_MAX + 1)

        async with self.town(2, tmp_path) as (a, b):
            await acquaint(a, b)
            assert len(await a.ask(b, bytes(PUSH_BYTES_MAX))) == PUSH_BYTES_MAX
            with pytest.raises(TooLarge):
                await a.ask(b, bytes(PUSH_BYTES_MAX + 1))
            with pytest.raises(TooLarge):
                await a.bus.tell(b.device, "news", bytes(PUSH_BYTES_MAX + 1))
            b.ear.answer = too_much
            with pytest.raises(Refused, match="bytes"):
                await a.ask(b, b"")

    async def test_links_that_come_and_go_are_told(self, tmp_path: Path) -> None:
        """Each side hears linked; when the other stops, parted; when it returns, linked again."""
        async with self.town(2, tmp_path) as (a, b):
            await acquaint(a, b)
            await a.ear.until(lambda: a.ear.links == [("linked", b.device)])
            await b.ear.until(lambda: b.ear.links == [("linked", a.device)])
            await b.stop()
            await a.ear.until(lambda: a.ear.links[-1] == ("parted", b.device))
            b.start()
            await a.ear.until(lambda: a.ear.links[-1] == ("linked", b.device))
            await b.linked_to(a)
            assert await b.ask(a, b"again") == b"again"

    async def test_a_removed_device_is_cut_off(self, tmp_path: Path) -> None:
        """When the roster returns without a device, that device reaches nothing but the guests' door."""
        async with self.town(3, tmp_path) as (a, b, c):
            await acquaint(a, b, c)
            heard = len(a.ear.said)
            await a.knows(c)
            with pytest.raises(Unreachable):
                await a.ask(b, b"")
            with pytest.raises(Unreachable):
                await b.ask(a, b"still there?")
            await b.ear.until(lambda: ("parted", a.device) in b.ear.links)
            await a.ear.until(lambda: ("parted", b.device) in a.ear.links)
            assert await c.ask(a, b"c stays") == b"c stays"
            assert await c.ask(b, b"b too") == b"b too"
            assert [one for one in a.ear.said[heard:] if one[0] == b.device] == []

    async def test_an_unknown_device_is_a_guest_until_it_is_known(self, tmp_path: Path) -> None:
        """It can say something as a guest, without a name; once admitted by that, it is linked."""
        async with self.town(2, tmp_path) as (a, b):

            async def admit(sender: str | None, verb: str, body: bytes) -> bytes:
                if sender is None and (verb, body) == ("control", b"admission of a"):
                    await b.knows(a)
                return b"heard"

            async def show(link: GuestLink, device: str | None) -> None:
                assert device == b.device
                assert await link.request("control", b"admission of a", timeout_s=LIMIT_S) == b"heard"

            b.ear.answer, a.ear.visit = admit, show
            await a.knows(b)
            await a.linked_to(b)
            await b.linked_to(a)
            assert b.ear.said[0] == (None, "control", b"admission of a")

    async def test_guests_get_no_further_than_the_handler_lets_them(self, tmp_path: Path) -> None:
        """A handler that refuses guests is heard as Refused, and the guest stays unlinked."""
        refusals: list[str] = []
        refused = asyncio.Event()

        async def refuse(sender: str | None, verb: str, body: bytes) -> bytes:
            del verb, body
            message = "not for guests"
            raise NotGranted(message) if sender is None else AssertionError

        async def show(link: GuestLink, device: str | None) -> None:
            del device
            try:
                await link.request("want", b"", timeout_s=LIMIT_S)
            except Refused as error:
                refusals.append(str(error))
                refused.set()

        async with self.town(2, tmp_path) as (a, b):
            b.ear.answer, a.ear.visit = refuse, show
            await a.knows(b)
            await asyncio.wait_for(refused.wait(), LIMIT_S)
            assert (None, "want", b"") in b.ear.said
            assert not a.bus.links()[0].connected
            assert "not for guests" in refusals[0]

    async def test_a_typed_address_leads_to_a_device(self, tmp_path: Path) -> None:
        """Its owner is unknown: we visit as a guest; when the roster has it, it is linked by that address."""
        async with self.town(2, tmp_path) as (a, b):
            await a.knows(strange=b.peer.addresses)
            await a.ear.until(lambda: a.ear.visits[:1] == [None])
            await b.knows(a)
            bare = Peer(b.device, b.peer.name, b.peer.transport_key, b.peer.tls_key, ())
            await a.bus.roster([bare], b.peer.addresses)
            await a.linked_to(b)
            assert await a.ask(b, b"found") == b"found"

    async def test_a_slow_answer_holds_up_nobody_else(self, tmp_path: Path) -> None:
        """While one device's requests wait, another device and the same one's next request are answered."""
        gate = asyncio.Event()

        async def slow(sender: str | None, verb: str, body: bytes) -> bytes:
            del sender
            if verb == "slow":
                await gate.wait()
            return body

        async with self.town(3, tmp_path) as (a, b, c):
            a.ear.answer = slow
            await acquaint(a, b, c)
            async with asyncio.TaskGroup() as group:
                waiting = group.create_task(b.ask(a, b"late", verb="slow"))
                await a.ear.until(lambda: (b.device, "slow", b"late") in a.ear.said)
                assert await c.ask(a, b"quick") == b"quick"
                assert await b.ask(a, b"quick too") == b"quick too"
                gate.set()
                assert await waiting == b"late"

    async def test_what_is_under_way_is_bounded(self, tmp_path: Path) -> None:
        """However many requests are made, so many travel and so many are handled at once, and all are answered."""
        under_way = most = 0

        async def count(sender: str | None, verb: str, body: bytes) -> bytes:
            nonlocal under_way, most
            del sender, verb
            under_way += 1
            most = max(most, under_way)
            await asyncio.sleep(0)
            under_way -= 1
            return body

        async with self.town(2, tmp_path) as (a, b):
            b.ear.answer = count
            await acquaint(a, b)
            bodies = [bytes([number]) for number in range(4 * REQUESTS_IN_FLIGHT_PER_PEER_MAX)]
            assert await asyncio.gather(*(a.ask(b, body) for body in bodies)) == bodies
            assert 1 <= most <= INCOMING_AT_ONCE_PER_PEER_MAX

    async def test_two_that_ask_each_other_do_not_stand_still(self, tmp_path: Path) -> None:
        """A handler may itself ask the device that asked it."""
        async with self.town(2, tmp_path) as (a, b):

            async def ask_back(sender: str | None, verb: str, body: bytes) -> bytes:
                del sender
                return await b.ask(a, body + b" back") if verb == "say" else body

            b.ear.answer = ask_back
            await acquaint(a, b)
            assert await a.ask(b, b"there and") == b"there and back"
