"""A device leaves the roster of a real nats-server: its key opens nothing there but the guests' door."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

import pytest

from mesh.errors import Unreachable
from mesh.limits import GUEST_CONNECTIONS_MAX, GUEST_CONNECTIONS_PER_SOURCE_MAX
from mesh.node import timing
from mesh.node.ports import GuestLink
from mesh.node.transport import door
from mesh.node.transport.broker_config import guest_seed, nkey_public, subject
from mesh.node.transport.own_server import OwnServer
from mesh.node.transport.wires import LineDown, Wire
from tests.contracts.bus_contract import LIMIT_S, Station
from tests.contracts.nats_town import caller, device_of, keys_of, peer_of, town, up

pytestmark = [pytest.mark.contract, pytest.mark.system]


async def guest_of(a: Station, folder: Path, number: int = 0) -> Wire:
    """A connection with the guests' key."""
    keys = keys_of(device_of(1))
    seed = guest_seed(keys.mesh_secret)
    return await caller(a, folder, device_of(1), keys, seed=seed, prefix=f"_INBOX_guest.{number}")


async def asked_as(a: Station, device: str, folder: Path) -> bytes:
    """What a device gets for an answer, if it gets in: nats-py may take the end of a login for a welcome."""
    wire = await caller(a, folder, device, keys_of(device))
    try:
        return await wire.ask(subject(a.device, device, "have"), b"", timeout_s=LIMIT_S)
    finally:
        await wire.close()


async def closed(wires: Sequence[Wire], count: int) -> None:
    """Wait until so many of these were ended by the server."""
    async with asyncio.timeout(LIMIT_S):
        while sum(wire.closed.is_set() for wire in wires) < count:  # noqa: ASYNC110 several events, any of them
            await asyncio.sleep(0.01)


async def test_the_key_of_a_closed_device_opens_nothing_but_the_door(tmp_path: Path) -> None:
    """Whoever has the key on an open connection is cut off, cannot come back with it, and is a guest at most."""
    b, c = device_of(1), device_of(2)
    async with town(1, tmp_path) as (a,):
        pid = await up(a)
        await a.bus.roster([peer_of(b), peer_of(c)])
        wire = await caller(a, tmp_path, b, keys_of(b))
        other = await caller(a, tmp_path, c, keys_of(c))
        assert await wire.ask(subject(a.device, b, "have"), b"data", timeout_s=LIMIT_S) == b"\0data"
        await a.bus.roster([peer_of(c)])
        await asyncio.wait_for(wire.closed.wait(), LIMIT_S)
        heard = len(a.ear.said)
        for verb in ("have", "want", "push"):
            with pytest.raises(LineDown):
                await wire.ask(subject(a.device, b, verb), b"data", timeout_s=LIMIT_S)
        with pytest.raises(Unreachable):
            await asked_as(a, b, tmp_path)
        configuration = (tmp_path / a.device / "nats.conf").read_text()
        assert nkey_public(peer_of(b).transport_key) not in configuration
        guest = await guest_of(a, tmp_path)
        try:
            assert await guest.ask(subject(a.device, "guest", "have"), b"control", timeout_s=LIMIT_S) == b"\0control"
            for verb in ("have", "want", "push"):
                await guest.tell(subject(a.device, b, verb), b"data")
            assert await other.ask(subject(a.device, c, "have"), b"c stays", timeout_s=LIMIT_S) == b"\0c stays"
        finally:
            await guest.close()
            await other.close()
        assert a.ear.said[heard:] == [(None, "have", b"control"), (c, "have", b"c stays")]
        assert a.bus.server().pid == pid, "it was reloaded, not restarted"


async def test_a_reload_that_changes_nothing_is_not_believed(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The server says that it reloaded, and its configuration is the old one: it is restarted with the new one."""
    b = device_of(1)
    async with town(1, tmp_path) as (a,):
        pid = await up(a)
        await a.bus.roster([peer_of(b)])
        wire = await caller(a, tmp_path, b, keys_of(b))

        async def always(*_: object) -> object:
            return "2026-01-01T00:00:00Z"

        with monkeypatch.context() as patch:
            patch.setattr(OwnServer, "_loaded", always)
            with pytest.raises(Unreachable, match="configuration is that of before"):
                await a.bus.roster([])
        await asyncio.wait_for(wire.closed.wait(), LIMIT_S)
        async with asyncio.timeout(LIMIT_S):
            while a.bus.server().pid in {pid, None}:  # noqa: ASYNC110 the bus tells its state to whoever asks
                await asyncio.sleep(0.01)
        await up(a)
        with pytest.raises(Unreachable):
            await asked_as(a, b, tmp_path)


async def test_who_was_taken_out_only_visits(tmp_path: Path) -> None:
    """It lets nobody in, knocks at others as a guest alone, once, and then seldom."""

    async def show(link: GuestLink, device: str | None) -> None:
        assert device is not None
        await link.request("have", b"control", timeout_s=LIMIT_S)

    async with town(2, tmp_path) as (a, b):
        await up(b)
        await b.knows(a)  # b has not heard yet
        a.ear.visit = show
        await a.bus.roster([replace(b.peer, only_visited=True)])
        await b.ear.until(lambda: (None, "have", b"control") in b.ear.said)
        with pytest.raises(Unreachable):
            await asked_as(a, b.device, tmp_path)
        await a.ear.until(lambda: bool(a.ear.visits))
        visits = a.bus.dials()
        a.bus.seen(b.device, b.peer.addresses)
        await asyncio.sleep(1.0)  # with the times of these tests a device dials twice a second
        assert a.bus.dials() == visits
        assert "taken out" in a.bus.links()[0].problem
        assert {sender for sender, _, _ in b.ear.said} == {None}


async def test_idle_guests_make_room(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """As many guests as fit sit there and say nothing: their time ends, and the next one gets in."""
    monkeypatch.setattr(timing, "GUEST_STAY_S", 1.0)
    monkeypatch.setattr(timing, "GUEST_LOOK_S", 0.2)
    monkeypatch.setattr(door, "GUEST_CONNECTIONS_PER_SOURCE_MAX", GUEST_CONNECTIONS_MAX)
    async with town(1, tmp_path) as (a,):
        await up(a)
        idle = [await guest_of(a, tmp_path, number) for number in range(GUEST_CONNECTIONS_MAX)]
        with pytest.raises(Unreachable):
            await guest_of(a, tmp_path, 99)
        async with asyncio.timeout(LIMIT_S):
            while True:
                try:
                    ninth = await guest_of(a, tmp_path, 100)
                    break
                except Unreachable:
                    await asyncio.sleep(0.05)
        words = subject(a.device, "guest", "have")
        assert await ninth.ask(words, b"control", timeout_s=LIMIT_S) == b"\0control"
        await closed(idle, len(idle))
        for wire in (*idle, ninth):
            await wire.close()


async def test_one_source_takes_half_the_door_at_most(tmp_path: Path) -> None:
    """Of more guests from one address the oldest go at once, so that others find room."""
    async with town(1, tmp_path) as (a,):
        await up(a)
        crowd = [await guest_of(a, tmp_path, number) for number in range(2 * GUEST_CONNECTIONS_PER_SOURCE_MAX)]
        await closed(crowd, GUEST_CONNECTIONS_PER_SOURCE_MAX)
        assert not any(wire.closed.is_set() for wire in crowd[GUEST_CONNECTIONS_PER_SOURCE_MAX:])
        for wire in crowd:
            await wire.close()
