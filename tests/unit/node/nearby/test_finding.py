"""Finding each other over memory air: who is recognised is told to the bus, and nobody is asked for without need."""

from __future__ import annotations

import asyncio
import contextlib
import secrets
from collections.abc import AsyncIterator, Callable, Iterable, Mapping

import pytest

from mesh.events.event import Lane
from mesh.events.founding import rekey
from mesh.events.speaking import Draft
from mesh.events.tags import recognised, tag_key, tagged
from mesh.limits import TAG_NONCE_BYTES
from mesh.names import device_text, short
from mesh.node import timing
from mesh.node.engine import Engine
from mesh.node.log import silent
from mesh.node.nearby import finding as findings
from mesh.node.nearby.beacon_memory import MemoryAir, MemoryBeacon
from mesh.node.nearby.finding import Finding
from mesh.node.ports import LinkStatus, Notice, ServerStatus, Sighting
from mesh.node.transport.bus_memory import MemoryBus, MemoryNetwork
from tests.unit.node.closing import close
from tests.unit.node.engines import Small, founded, joined_by

PATIENCE_S = 20.0
PORT = 4711


class Served(MemoryBus):
    """A memory bus whose server has a port, and which is linked as the test wants."""

    def __init__(self, device: str) -> None:
        super().__init__(MemoryNetwork(), device, "nowhere:1")
        self.linked: dict[str, str] = {}

    def server(self) -> ServerStatus:
        """As of a real one."""
        return ServerStatus("", PORT, None, "up", "", "", external=False)

    def links(self) -> tuple[LinkStatus, ...]:
        """Those that the test made up."""
        made = self.linked.items()
        return tuple(LinkStatus(device, True, "out", address, 0.0, None, "", "") for device, address in made)  # noqa: FBT003


class Device:
    """An engine with its finding, on memory."""

    def __init__(self, small: Small, air: MemoryAir, host: str) -> None:
        self.engine: Engine = small.engine
        self.device = device_text(small.engine.own.admission)
        self.beacon: MemoryBeacon = air.beacon(host)
        self.bus = Served(self.device)
        self.finding = Finding(small.engine, self.bus, self.beacon, silent)

    def sees(self, other: Device) -> bool:
        """Whether its bus was told where another one is."""
        return (other.device, (f"{other.beacon.host}:{PORT}",)) in self.bus.sightings


async def until(fits: Callable[[], object]) -> None:
    """Wait for a condition."""
    async with asyncio.timeout(PATIENCE_S):
        while not fits():  # noqa: ASYNC110 - a memory bus tells nobody what it was told
            await asyncio.sleep(0.01)


@contextlib.asynccontextmanager
async def running(*devices: Device) -> AsyncIterator[None]:
    """Devices that look for each other while inside."""
    async with asyncio.TaskGroup() as group:
        tasks = [group.create_task(device.finding.run()) for device in devices]
        yield
        for task in tasks:
            task.cancel()


async def test_devices_of_a_mesh_recognise_each_other_and_no_other_mesh() -> None:
    """Goal: the bus is told of its own mesh's devices, with all addresses, and of nobody else."""
    air = MemoryAir()
    async with founded() as mac, joined_by(mac, "laptop") as laptop, founded() as foreign:
        one, other, stranger = Device(mac, air, "mac"), Device(laptop, air, "laptop"), Device(foreign, air, "else")
        async with running(one, other, stranger):
            await until(lambda: one.sees(other) and other.sees(one))
            assert {device for device, _ in one.bus.sightings} == {other.device}
            assert not stranger.bus.sightings
            assert one.finding.status().heard == 2


async def test_who_has_an_old_key_is_recognised_by_who_has_the_new_one() -> None:
    """Goal: after a change of keys the up-to-date side finds the other one, and not the other way round."""
    air = MemoryAir()
    async with founded() as mac, joined_by(mac, "laptop") as laptop:
        await new_epoch(mac.engine)
        ahead, behind = Device(mac, air, "mac"), Device(laptop, air, "laptop")
        async with running(ahead, behind):
            await until(lambda: ahead.sees(behind))
            assert not behind.bus.sightings


async def new_epoch(engine: Engine) -> None:
    """An epoch of which only this engine has the key."""
    key, verdict = secrets.token_bytes(32), engine.replica.verdict
    recipients = {digest: found.kem_key for digest, found in verdict.admissions.items()}

    async def make(_engine: Engine) -> list[Draft]:
        return [Draft(rekey(engine.own.mesh, key, recipients))]

    engine.keyring.add((await engine.say(Lane.CONTROL, make))[-1].digest, key)


async def test_a_device_that_was_let_in_later_is_recognised_although_its_tag_was_seen_before() -> None:
    """Goal: that a tag belonged to nobody is forgotten when the roster changes."""
    air = MemoryAir()
    async with founded() as mac:
        one = Device(mac, air, "mac")
        async with joined_by(mac, "laptop") as laptop:
            engine = laptop.engine
            text = tagged(tag_key(epoch_key(engine)), device_text(engine.own.admission), bytes(TAG_NONCE_BYTES))
            sighting = Sighting("device", ("laptop:1",), text)
            held = dict(mac.engine.replica.verdict.admissions)
            del mac.engine.replica.verdict.admissions[engine.own.admission]
            one.finding.sighted(sighting)
            assert not one.bus.sightings
            mac.engine.replica.verdict.admissions.update(held)
            one.finding.sighted(sighting)
            assert [device for device, _ in one.bus.sightings] == [device_text(engine.own.admission)]


def epoch_key(engine: Engine) -> bytes:
    """The key that it writes under."""
    epoch = engine.replica.verdict.epoch()
    assert epoch is not None
    return engine.keyring.keys()[short(epoch)]


async def test_it_asks_while_somebody_is_missed_and_then_is_quiet(monkeypatch: pytest.MonkeyPatch) -> None:
    """Goal: questions go out only while a device of the roster has no link."""
    monkeypatch.setattr(timing, "BEACON_ASK_S", 0.02)
    monkeypatch.setattr(timing, "FINDING_LOOK_S", 0.01)
    air = MemoryAir()
    async with founded() as mac, joined_by(mac, "laptop") as laptop:
        one, missed = Device(mac, air, "mac"), device_text(laptop.engine.own.admission)
        async with running(one):
            await until(lambda: one.beacon.asked > 5)
            one.bus.linked[missed] = "10.0.0.9:1"
            await asyncio.sleep(0.05)
            asked = one.beacon.asked
            await asyncio.sleep(0.2)
            assert one.beacon.asked == asked
            del one.bus.linked[missed]
            await until(lambda: one.beacon.asked > asked + 3)


async def test_tags_are_fresh_after_each_move_and_what_else_is_announced_stays() -> None:
    """Goal: nobody follows a device from network to network; an invitation is announced beside it."""
    air = MemoryAir()
    async with founded() as mac:
        one = Device(mac, air, "mac")
        invitation = Notice("invitation", 7, {"x": b"1"})
        async with running(one):
            await until(lambda: one.beacon.notices)
            one.finding.announce_also([invitation])
            tags = set()
            for _ in range(3):
                own, also = one.beacon.notices
                assert (own.calling, own.port, also) == ("device", PORT, invitation)
                tags |= {own.text["n"], own.text["t"]}
                one.finding.moved()
            assert len(tags) == 6


async def test_attack_a_flood_of_tags_is_tried_so_often_a_second_and_no_more(monkeypatch: pytest.MonkeyPatch) -> None:
    """Goal: what strangers announce costs a bounded number of looks at all keys, and an honest tag passes later."""
    tried: list[Mapping[str, bytes]] = []

    def counted(text: Mapping[str, bytes], keys: Iterable[bytes], devices: Iterable[str]) -> str:
        tried.append(text)
        return recognised(text, keys, devices)

    monkeypatch.setattr(findings, "recognised", counted)
    air = MemoryAir()
    async with founded() as mac, joined_by(mac, "laptop") as laptop:
        one, other = Device(mac, air, "mac"), Device(laptop, air, "laptop")
        for _ in range(10_000):
            text = {"v": b"1", "n": secrets.token_bytes(8), "t": secrets.token_bytes(8)}
            one.finding.sighted(Sighting("device", ("evil:1",), text))
        assert len(tried) <= 3 * timing.TAGS_PER_S_MAX
        assert not one.bus.sightings
        async with running(one, other):
            await until(lambda: one.sees(other))


async def test_a_device_on_the_same_network_that_is_never_heard_is_said(monkeypatch: pytest.MonkeyPatch) -> None:
    """Goal: a link to a neighbour whom the beacon does not hear means that the network swallows mDNS."""
    monkeypatch.setattr(timing, "UNHEARD_S", 0.0)
    air = MemoryAir()
    async with founded() as mac, joined_by(mac, "laptop") as laptop:
        one, other = Device(mac, air, "mac"), Device(laptop, air, "laptop")
        assert one.finding.status().problem == ""
        one.bus.linked[other.device] = "198.51.100.7:1"
        assert one.finding.status().problem == ""  # elsewhere
        one.bus.linked[other.device] = "127.0.0.1:1"
        assert "though" in one.finding.status().problem
        assert "mesh peer add" in one.finding.status().hint
        async with running(one, other):
            await until(lambda: one.sees(other))
            assert one.finding.status().problem == ""


async def test_who_was_taken_out_is_looked_for_by_nobody_and_looks_for_nobody() -> None:
    """Goal: its tag, good until now, is a stranger's; and once it knows, it announces nothing and asks for nobody."""
    air = MemoryAir()
    async with founded() as mac, joined_by(mac, "laptop") as laptop:
        one, out = Device(mac, air, "mac"), Device(laptop, air, "laptop")
        async with running(one, out):
            await until(lambda: one.sees(out) and out.sees(one))
        await close(mac.engine, laptop.engine.own.admission)
        one.bus.sightings.clear()
        one.finding.sighted(sighting_of(out))
        assert not one.bus.sightings
        await laptop.engine.hear("?mac", await mac.everything(Lane.CONTROL))
        out.bus.sightings.clear()
        out.finding.sighted(sighting_of(one))
        assert not out.bus.sightings
        out.finding.look()
        assert not out.beacon.notices


def sighting_of(device: Device) -> Sighting:
    """What a device of the mesh announces."""
    text = tagged(tag_key(epoch_key(device.engine)), device.device, bytes(TAG_NONCE_BYTES))
    return Sighting("device", (f"{device.beacon.host}:{PORT}",), text)
