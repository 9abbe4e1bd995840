"""The bus on NATS keeps the promises of the bus, with real servers on loopback, and keeps strangers out."""

from __future__ import annotations

import asyncio
import contextlib
import os
import signal
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

import pytest

from mesh.node.ports import Peer
from mesh.node.transport.broker_config import subject
from mesh.node.transport.bus import NatsBus
from mesh.node.transport.wire_nats import connect
from mesh.node.transport.wires import LineDown, Login, Wire
from tests.contracts.bus_contract import LIMIT_S, BusContract, Station, acquaint
from tests.contracts.nats_town import (
    TIMES,
    caller,
    device_of,
    keys_of,
    one_way,
    peer_of,
    settled,
    town,
    up,
)

pytestmark = [pytest.mark.contract, pytest.mark.system]


class TestNatsBus(BusContract):
    """The contract."""

    def town(self, count: int, folder: Path) -> contextlib.AbstractAsyncContextManager[Sequence[Station]]:
        """Devices with their own nats-servers."""
        return town(count, folder)


async def test_one_link_is_enough_and_either_may_dial(tmp_path: Path) -> None:
    """Only the larger id knows an address: it dials after its grace, and nobody dials back."""
    async with town(2, tmp_path) as (a, b):
        bare = Peer(b.device, "b", b.peer.transport_key, b.peer.tls_key, ())
        await a.bus.roster([bare])
        await b.knows(a)
        await a.linked_to(b)
        await b.linked_to(a)
        assert (a.bus.links()[0].direction, b.bus.links()[0].direction) == ("in", "out")
        assert a.bus.dials() == 0 < b.bus.dials()
        assert await a.ask(b, b"down the dialled link") == b"down the dialled link"
        assert await b.ask(a, b"up") == b"up"


async def test_simultaneous_dials_leave_one_link(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Both hellos are held back until both dialled: the larger id drops its own link and no request is lost."""
    both = asyncio.Barrier(2)
    dialled: list[Wire] = []

    async def held(login: Login) -> Wire:
        wire = await connect(login)
        ask = wire.ask

        async def ask_late(words: str, body: bytes, *, timeout_s: float) -> bytes:
            if words.endswith(".hello") and body and len(dialled) < 2:
                dialled.append(wire)
                await both.wait()
            return await ask(words, body, timeout_s=timeout_s)

        monkeypatch.setattr(wire, "ask", ask_late)
        return wire

    monkeypatch.setattr("mesh.node.transport.bus.connect", held)
    monkeypatch.setattr("tests.contracts.nats_town.TIMES", replace(TIMES, grace_s=0.0, grace_spread_s=0.0))
    async with town(2, tmp_path) as (a, b):
        for station in (a, b):
            await up(station)  # or else a hello may come before its agent listens, and that dial was in vain
        await acquaint(a, b)
        bodies = [bytes([number]) for number in range(50)]
        there = asyncio.gather(*(a.ask(b, body) for body in bodies))
        back = asyncio.gather(*(b.ask(a, body) for body in bodies))
        assert (await there, await back) == (bodies, bodies)
        assert len(dialled) == 2
        await asyncio.wait(
            [asyncio.Task(wire.closed.wait()) for wire in dialled],
            timeout=LIMIT_S,
            return_when=asyncio.FIRST_COMPLETED,
        )
        assert (a.bus.links()[0].direction, b.bus.links()[0].direction) == ("out", "in")
        assert a.ear.links == [("linked", b.device)]
        assert b.ear.links == [("linked", a.device)]


@pytest.mark.parametrize("dialler", [0, 1])
async def test_a_killed_server_comes_back_and_so_do_the_links(tmp_path: Path, dialler: int) -> None:
    """Kill -9 of the server that carries the link: both hear parted, then linked, and requests pass again."""
    async with town(2, tmp_path) as stations:
        guest, host = stations[dialler], stations[1 - dialler]
        await one_way(guest, host)
        pid = await killed(host)
        await relinked(guest, host)
        assert await up(host) != pid
        assert await guest.ask(host, b"after") == b"after"
        assert await host.ask(guest, b"after") == b"after"


async def test_a_killed_server_is_replaced_by_the_other_one(tmp_path: Path) -> None:
    """The host is the caller and knows an address: it need not wait until its own server is back."""
    async with town(2, tmp_path) as (host, guest):
        await one_way(guest, host)
        await host.knows(guest)
        await killed(host)
        await relinked(guest, host)
        assert await guest.ask(host, b"after") == b"after"
        assert await host.ask(guest, b"after") == b"after"


@pytest.mark.parametrize("dialler", [0, 1])
async def test_a_killed_server_that_carries_no_link_parts_nobody(tmp_path: Path, dialler: int) -> None:
    """The link runs over the other one's server: requests pass while the dead one comes back."""
    async with town(2, tmp_path) as stations:
        idle, host = stations[dialler], stations[1 - dialler]
        await one_way(idle, host)
        pid = await killed(idle)
        async with asyncio.timeout(LIMIT_S):
            while idle.bus.server().pid in {pid, None} or idle.bus.server().state != "up":
                assert await idle.ask(host, b"meanwhile") == b"meanwhile"
                assert await host.ask(idle, b"meanwhile") == b"meanwhile"
        assert idle.ear.links == host.ear.links == []


async def killed(station: Station) -> int:
    """Kill -9 its server; the pid that it had."""
    pid = await up(station)
    os.kill(pid, signal.SIGKILL)
    return pid


async def relinked(*stations: Station) -> None:
    """Wait until both heard of the end of the link and of the next one."""
    for station, other in zip(stations, reversed(stations), strict=True):
        expected = [("parted", other.device), ("linked", other.device)]
        await station.ear.until(lambda s=station, e=expected: s.ear.links[-2:] == e)  # type: ignore[misc]


async def test_a_dropped_link_first_answers_what_it_was_asked(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The larger id dialled and asks something slow; the smaller one's dial comes through: the answer still comes."""
    holding, release, gate = asyncio.Event(), asyncio.Event(), asyncio.Event()
    first, second = device_of(0), device_of(1)

    async def held(login: Login) -> Wire:
        wire = await connect(login)
        ask = wire.ask

        async def ask_late(words: str, body: bytes, *, timeout_s: float) -> bytes:
            if words == subject(second, first, "hello"):
                holding.set()
                await release.wait()
            if words == subject(first, second, "hello"):
                await holding.wait()
            return await ask(words, body, timeout_s=timeout_s)

        monkeypatch.setattr(wire, "ask", ask_late)
        return wire

    async def slow(sender: str | None, verb: str, body: bytes) -> bytes:
        del sender
        if verb == "slow":
            await gate.wait()
        return body

    monkeypatch.setattr("mesh.node.transport.bus.connect", held)
    monkeypatch.setattr("tests.contracts.nats_town.TIMES", replace(TIMES, hello_s=60.0, in_silent_s_max=1000.0))
    async with town(2, tmp_path) as (a, b):
        a.ear.answer = slow
        await acquaint(a, b)
        assert await settled(a, b) == (b, a)
        async with asyncio.TaskGroup() as group:
            waiting = group.create_task(b.ask(a, b"slow", verb="slow"))
            await a.ear.until(lambda: bool(a.ear.said))
            release.set()
            async with asyncio.timeout(LIMIT_S):
                while b.bus.links()[0].direction != "in":  # noqa: ASYNC110 see `up`
                    await asyncio.sleep(0.01)
            for _ in range(50):  # time enough to close a link that does not wait
                assert await b.ask(a, b"quick") == b"quick"
            gate.set()
            assert await waiting == b"slow"


async def test_a_vanished_agent_is_noticed_by_its_host(tmp_path: Path) -> None:
    """Its socket ends without a bye: the host hears so from its own server, not from long silence."""
    b = device_of(1)
    async with town(1, tmp_path) as (a,):
        await up(a)
        await a.bus.roster([peer_of(b)])
        wire = await caller(a, tmp_path, b, keys_of(b))
        await wire.ask(subject(a.device, b, "hello"), b"12345678", timeout_s=LIMIT_S)
        await a.ear.until(lambda: a.ear.links == [("linked", b)])
        async with asyncio.timeout(TIMES.in_silent_s_max / 2):
            await wire.close()
            await a.ear.until(lambda: a.ear.links[-1] == ("parted", b))


async def test_a_server_killed_in_the_middle_of_a_write_is_missed(tmp_path: Path) -> None:
    """nats-py does not tell that a connection is closed when its last bytes could not be sent."""
    async with town(1, tmp_path) as (a,):
        assert isinstance(a.bus, NatsBus)
        pid, wire = await up(a), a.bus._own.wire  # noqa: SLF001 - the connection itself is under test
        assert wire is not None
        os.kill(pid, signal.SIGKILL)
        async with asyncio.timeout(LIMIT_S):
            while not wire.closed.is_set():
                with contextlib.suppress(LineDown):
                    await wire.tell(subject("nobody", a.device, "nothing"), bytes(1000))
                await asyncio.sleep(0)
            while a.bus.server().pid == pid:  # noqa: ASYNC110 see `up`
                await asyncio.sleep(0.01)
        assert await up(a) != pid
