"""The memory bus keeps the promises of the bus, and parts, loses and doubles as it is told."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import AsyncIterator, Sequence
from dataclasses import replace
from pathlib import Path

import pytest

from mesh.errors import Unreachable
from mesh.limits import REQUESTS_IN_FLIGHT_PER_PEER_MAX
from mesh.node.ports import GuestLink, Peer
from mesh.node.transport.bus_memory import MemoryNetwork
from tests.contracts.bus_contract import LIMIT_S, BusContract, Station, acquaint, running

pytestmark = pytest.mark.contract


def stations(network: MemoryNetwork, group: asyncio.TaskGroup, count: int) -> Sequence[Station]:
    """So many stations in one network."""
    made = []
    for number in range(count):
        device = chr(ord("a") + number) * 16
        peer = Peer(device, device[0], b"", b"", (f"{device[0]}.test:1",))
        made.append(Station(peer, network.bus(device, peer.addresses[0]), group))
    return made


@contextlib.asynccontextmanager
async def town(network: MemoryNetwork, count: int) -> AsyncIterator[Sequence[Station]]:
    """Running stations in a network."""
    async with running(lambda group: stations(network, group, count)) as made:
        yield made


class TestMemoryBus(BusContract):
    """The contract."""

    def town(self, count: int, folder: Path) -> contextlib.AbstractAsyncContextManager[Sequence[Station]]:
        """Stations in a perfect network."""
        del folder
        return town(MemoryNetwork(), count)


async def test_a_cut_parts_and_healing_links() -> None:
    """Both sides hear parted, requests under way fail at once, and healing links both anew."""
    network = MemoryNetwork()
    never = asyncio.Event()

    async def wait(sender: str | None, verb: str, body: bytes) -> bytes:
        del sender, verb
        await never.wait()
        return body

    async with town(network, 2) as (a, b):
        await acquaint(a, b)
        b.ear.answer = wait
        async with asyncio.TaskGroup() as group:
            waiting = group.create_task(failing(a, b))
            await b.ear.until(lambda: bool(b.ear.said))
            network.part(a.device, b.device)
            assert await waiting
        await b.ear.until(lambda: b.ear.links[-1] == ("parted", a.device))
        network.heal(a.device, b.device)
        await a.ear.until(lambda: a.ear.links == [(word, b.device) for word in ("linked", "parted", "linked")])


async def test_a_short_cut_is_told_as_well() -> None:
    """What was told meanwhile may be lost, so parted and linked are told even if nobody looked in between."""
    network = MemoryNetwork()
    async with town(network, 2) as (a, b):
        await acquaint(a, b)
        await a.ear.until(lambda: bool(a.ear.links))
        network.part(a.device, b.device)
        network.heal(a.device, b.device)
        await a.ear.until(lambda: len(a.ear.links) == 3)


async def test_losses_and_doubles_are_seen_by_the_handler_and_break_nothing() -> None:
    """With a third lost and a third doubled, each request is answered once or unreachable."""
    network = MemoryNetwork(seed=7, loss=0.3, doubles=0.3)
    async with town(network, 2) as (a, b):
        await acquaint(a, b)
        outcomes: list[bool] = []
        for burst in range(2):
            bodies = [bytes([burst, number]) for number in range(REQUESTS_IN_FLIGHT_PER_PEER_MAX)]
            outcomes += await asyncio.gather(*(ask_once(a, b, body) for body in bodies))
        said = [body for _, _, body in b.ear.said]
        assert 10 < sum(outcomes) < 2 * REQUESTS_IN_FLIGHT_PER_PEER_MAX
        assert len(set(said)) == sum(outcomes)
        assert len(said) > len(set(said))


async def ask_once(a: Station, b: Station, body: bytes) -> bool:
    """Whether the request was answered."""
    try:
        return await a.bus.request(b.device, "say", body, timeout_s=0.5) == body
    except Unreachable:
        return False


async def failing(a: Station, b: Station) -> bool:
    """Whether a request failed as unreachable."""
    try:
        await a.ask(b, b"lost")
    except Unreachable:
        return True
    return False


async def test_who_was_taken_out_only_visits() -> None:
    """It is linked to nobody, although the other still lets it in: it says what it has to say as a guest."""

    async def show(link: GuestLink, device: str | None) -> None:
        assert device is not None
        await link.request("have", b"control", timeout_s=LIMIT_S)

    async with town(MemoryNetwork(), 2) as (a, b):
        await b.knows(a)
        a.ear.visit = show
        await a.bus.roster([replace(b.peer, only_visited=True)])
        await b.ear.until(lambda: (None, "have", b"control") in b.ear.said)
        assert not a.bus.links()[0].connected
        assert a.ear.links == b.ear.links == []
