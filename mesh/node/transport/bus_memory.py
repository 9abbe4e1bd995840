"""The bus without a network: several devices in one process, for tests and for the simulated world.

It keeps the same promises as the bus on NATS, and one can part devices, lose messages and double them. It never
leaves the process and knows no keys: whoever asks for a device's bus is that device.
"""

from __future__ import annotations

import asyncio
import itertools
import random
from collections import deque
from collections.abc import Sequence

from mesh.errors import Misuse, Unreachable
from mesh.limits import MEMORY_BUS_TOLD_MAX, PEERS_MAX, REQUESTS_IN_FLIGHT_PER_PEER_MAX, STRANGE_ADDRESSES_MAX
from mesh.node.ports import Handler, LinkStatus, Peer, ServerStatus, WebPlace
from mesh.node.transport.broker_config import GUEST, subject
from mesh.node.transport.reception import Inbox
from mesh.node.transport.wires import Arrived, LineDown, checked_body, read_answer

_REPLY = "memory"


class MemoryNetwork:
    """The air between memory buses: who reaches whom, and what gets lost on the way."""

    def __init__(self, *, seed: int = 0, loss: float = 0.0, doubles: float = 0.0) -> None:
        """Loss and doubles are shares of messages; the seed makes them the same in each run."""
        self.loss = loss
        self.doubles = doubles
        self._random = random.Random(seed)  # noqa: S311 a simulation
        self._buses: dict[str, MemoryBus] = {}
        self._cut: set[frozenset[str]] = set()
        self._numbers: dict[frozenset[str], int] = {}
        self._count = itertools.count(1)

    def bus(self, device: str, address: str = "") -> MemoryBus:
        """A bus for a device, which others find at the address. A second one replaces the first."""
        self._buses[device] = MemoryBus(self, device, address or f"{device}:1")
        return self._buses[device]

    def part(self, one: str, other: str) -> None:
        """Cut the way between two devices."""
        self._cut.add(frozenset({one, other}))
        self.settle()

    def heal(self, one: str, other: str) -> None:
        """Undo a cut."""
        self._cut.discard(frozenset({one, other}))
        self.settle()

    def settle(self) -> None:
        """Find out anew which links live, and let the buses tell it."""
        for one, other in itertools.combinations(self._buses.values(), 2):
            pair = frozenset({one.device, other.device})
            if not (self.reaches(one, other) and one.knows(other.device) and other.knows(one.device)):
                self._numbers.pop(pair, None)
            elif pair not in self._numbers:
                self._numbers[pair] = next(self._count)
        for bus in self._buses.values():
            bus.look_around()

    def number(self, one: str, other: str) -> int | None:
        """Which link lives between two devices; None when there is none."""
        return self._numbers.get(frozenset({one, other}))

    def find(self, word: str) -> MemoryBus | None:
        """The bus of a device, or at an address."""
        return self._buses.get(word) or next((bus for bus in self._buses.values() if bus.address == word), None)

    def reaches(self, one: MemoryBus, other: MemoryBus) -> bool:
        """Whether bytes could go between two buses, rosters aside."""
        return one.running and other.running and frozenset({one.device, other.device}) not in self._cut

    def copies(self) -> int:
        """How often the next message arrives: 0, 1 or 2 times."""
        if self._random.random() < self.loss:
            return 0
        return 1 + (self._random.random() < self.doubles)


class _Exchange:
    """Waits for the answer to one request."""

    def __init__(self) -> None:
        self.answered: asyncio.Future[bytes] = asyncio.get_running_loop().create_future()

    async def answer(self, reply: str, raw: bytes) -> None:
        """Take the first answer; a doubled request has two."""
        del reply
        if not self.answered.done():
            self.answered.set_result(raw)

    def fail(self) -> None:
        """The link went down: nobody will answer."""
        if not self.answered.done():
            self.answered.set_exception(LineDown("the link went down"))


class _MemoryLink:
    """One side of the link to a peer."""

    def __init__(self, bus: MemoryBus, handler: Handler, peer: str) -> None:
        self.slots = asyncio.Semaphore(REQUESTS_IN_FLIGHT_PER_PEER_MAX)
        self.exchanges: set[_Exchange] = set()
        self.inbox = Inbox(peer, handler, (_REPLY,))
        self.changed = asyncio.Event()
        self.changed.set()
        self._bus = bus
        self._handler = handler
        self._peer = peer
        self._told: int | None = None

    async def run(self) -> None:
        """Tell the handler about the link until cancelled."""
        async with asyncio.TaskGroup() as group:
            group.create_task(self.inbox.serve())
            while True:
                await self.changed.wait()
                self.changed.clear()
                await self._notice()
                await self._visit()

    def look_around(self) -> None:
        """Something changed: fail what nobody will answer."""
        self.changed.set()
        if self._bus.network.number(self._bus.device, self._peer) is None:
            for exchange in self.exchanges:
                exchange.fail()

    async def part(self) -> None:
        """The peer was removed from the roster."""
        if self._told is not None:
            self._told = None
            await self._handler.parted(self._peer)

    async def _notice(self) -> None:
        number = self._bus.network.number(self._bus.device, self._peer)
        if self._told is not None and self._told != number:
            await self.part()
        if self._told is None and number is not None:
            self._told = number
            await self._handler.linked(self._peer)

    async def _visit(self) -> None:
        """The peer does not know us: make ourselves known."""
        other = self._bus.network.find(self._peer)
        if other is None or not self._bus.network.reaches(self._bus, other):
            return
        if other.knows(self._bus.device) and self._bus.knows(self._peer):  # or we were taken out, and only visit
            return
        try:
            await self._handler.guest(_MemoryVisit(self._bus, other), self._peer)
        except Unreachable:
            return  # looked at again when anything changes


class _MemoryVisit:
    """Guest rights at another bus."""

    def __init__(self, guest: MemoryBus, host: MemoryBus) -> None:
        self._guest = guest
        self._host = host

    async def request(self, verb: str, body: bytes, *, timeout_s: float) -> bytes:
        """Ask the host. Raises Unreachable, Refused."""
        checked_body(body)
        if self._host.guests is None or not self._guest.network.reaches(self._guest, self._host):
            problem = f"{self._host.device} is out of reach"
            raise Unreachable(problem)
        exchange = _Exchange()
        words = subject(self._host.device, GUEST, verb)
        await self._host.guests.take(Arrived(words, _REPLY, body, exchange), verb)
        return await _answer(exchange, timeout_s)


class MemoryBus:
    """The Bus of one device in a memory network."""

    def __init__(self, network: MemoryNetwork, device: str, address: str) -> None:
        self.network = network
        self.device = device
        self.address = address
        self.running = False
        self.guests: Inbox | None = None
        self.sightings: deque[tuple[str, tuple[str, ...]]] = deque(maxlen=MEMORY_BUS_TOLD_MAX)
        self.moves = 0
        self._handler: Handler | None = None
        self._peers: dict[str, Peer] = {}
        self._strange: tuple[str, ...] = ()
        self._links: dict[str, tuple[_MemoryLink, asyncio.Task[None]]] = {}
        self._group: asyncio.TaskGroup | None = None
        self._curious = asyncio.Event()

    async def run(self, handler: Handler) -> None:
        """Serve until cancelled."""
        self._handler = handler
        self.guests = Inbox(None, handler, (_REPLY,))
        try:
            async with asyncio.TaskGroup() as group:
                self._group, self.running = group, True
                group.create_task(self.guests.serve())
                group.create_task(self._look_at_strangers())
                await self._link_and_unlink()
                try:
                    await asyncio.Event().wait()  # until cancelled
                finally:
                    self._group, self.running = None, False
        finally:
            self.guests = None
            self.network.settle()
            self._links.clear()

    async def roster(self, peers: Sequence[Peer], strange_addresses: Sequence[str] = ()) -> None:
        """Let in and link to exactly these devices from now on."""
        if len(peers) > PEERS_MAX or len(strange_addresses) > STRANGE_ADDRESSES_MAX:
            message = f"a roster of {len(peers)} devices and {len(strange_addresses)} typed addresses"
            raise Misuse(message, hint=f"At most {PEERS_MAX} devices and {STRANGE_ADDRESSES_MAX} addresses.")
        self._peers = {peer.device: peer for peer in peers if peer.device != self.device}
        self._strange = tuple(strange_addresses)
        if self._group is not None:
            await self._link_and_unlink()

    async def request(self, device: str, verb: str, body: bytes, *, timeout_s: float) -> bytes:
        """Ask a device. Raises Unreachable, Refused."""
        checked_body(body)
        link = self._link(device)
        exchange = _Exchange()
        link.exchanges.add(exchange)
        try:
            async with asyncio.timeout(timeout_s), link.slots:
                await self._deliver(device, verb, body, exchange, _REPLY)
                return read_answer(await exchange.answered)
        except TimeoutError:
            problem = f"{device} did not answer within {timeout_s:g} s"
            raise Unreachable(problem) from None
        finally:
            link.exchanges.discard(exchange)

    async def tell(self, device: str, verb: str, body: bytes) -> None:
        """Tell a device. Raises Unreachable without a live link."""
        self._link(device)
        await self._deliver(device, verb, checked_body(body), _Exchange(), "")

    async def open_web(self, place: WebPlace | None) -> None:
        """Browsers are devices as all others here."""

    def seen(self, device: str, addresses: Sequence[str]) -> None:
        """There is nothing to dial; what was seen is kept for tests."""
        self.sightings.append((device, tuple(addresses)))

    def moved(self) -> None:
        """Nothing looks alive that is dead."""
        self.moves += 1

    def links(self) -> tuple[LinkStatus, ...]:
        """How each link is."""
        return tuple(self._status(device) for device in self._peers)

    def server(self) -> ServerStatus:
        """There is none to fall."""
        return ServerStatus(self.address, 0, None, "up" if self.running else "off", "", "", external=False)

    def dials(self) -> int:
        """None: who can be reached is linked."""
        return 0

    def knows(self, device: str) -> bool:
        """Whether the roster has a device."""
        return device in self._peers and not self._peers[device].only_visited

    def look_around(self) -> None:
        """The network changed."""
        self._curious.set()
        for link, _ in self._links.values():
            link.look_around()

    async def heard(self, sender: str, verb: str, message: Arrived) -> None:
        """A message of another bus arrived."""
        if sender in self._links:
            await self._links[sender][0].inbox.take(message, verb)

    async def _deliver(self, device: str, verb: str, body: bytes, exchange: _Exchange, reply: str) -> None:
        target = self.network.find(device)
        if target is None or self.network.number(self.device, device) is None:
            raise self._unreachable(device)
        for _ in range(self.network.copies()):
            message = Arrived(subject(device, self.device, verb), reply, body, exchange)
            await target.heard(self.device, verb, message)

    def _link(self, device: str) -> _MemoryLink:
        if device not in self._links or self.network.number(self.device, device) is None:
            raise self._unreachable(device)
        return self._links[device][0]

    def _unreachable(self, device: str) -> Unreachable:
        return Unreachable(f"there is no link to {device}")

    def _status(self, device: str) -> LinkStatus:
        live = self.network.number(self.device, device) is not None
        caller = self.device < device
        return LinkStatus(
            device=device,
            connected=live,
            direction=("out" if caller else "in") if live else "",
            address="",
            last_heard_s=0.0 if live else None,
            round_trip_ms=0.0 if live else None,
            problem="" if live else "there is no link",
            hint="" if live else "Is the other device up, and are both in each other's roster?",
            trouble="" if live else "no-answer",
        )

    async def _link_and_unlink(self) -> None:
        assert self._group is not None and self._handler is not None, "only while running"  # noqa: PT018
        gone = [self._links.pop(device) for device in self._links.keys() - self._peers.keys()]
        for device in self._peers.keys() - self._links.keys():
            link = _MemoryLink(self, self._handler, device)
            self._links[device] = (link, self._group.create_task(link.run()))
        self.network.settle()
        for link, task in gone:
            task.cancel()
            for exchange in link.exchanges:
                exchange.fail()
            await link.part()

    async def _look_at_strangers(self) -> None:
        assert self._handler is not None, "only while running"
        while True:
            await self._curious.wait()
            self._curious.clear()
            for address in self._strange:
                other = self.network.find(address)
                known = other is None or self.knows(other.device) or other is self
                if other is None or known or not self.network.reaches(self, other):
                    continue
                await self._handler.guest(_MemoryVisit(self, other), None)


async def _answer(exchange: _Exchange, timeout_s: float) -> bytes:
    try:
        async with asyncio.timeout(timeout_s):
            return read_answer(await exchange.answered)
    except TimeoutError:
        problem = f"no answer within {timeout_s:g} s"
        raise Unreachable(problem) from None
