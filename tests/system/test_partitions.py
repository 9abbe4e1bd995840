"""Devices that lose each other and find each other again: frozen, cut off, on another port, with a wrong clock."""

from __future__ import annotations

import asyncio
import os
import signal
import time
from pathlib import Path

import pytest

from mesh.node import agent as agents
from tests.system.harness import Device, Fleet, wait
from tests.system.networks import network

pytestmark = pytest.mark.system

NOTICED_S_MAX = 25.0  # pings of 5 s, two may be missed, and a hello
HEALED_S_MAX = 40.0  # the backoff of a link goes up to 30 s
DAY_S = 86_400


def test_a_frozen_device_is_missed_and_catches_up_when_it_thaws(fleet: Fleet) -> None:
    """Goal: a device that falls silent without a word is noticed, delays nobody, and converges after it wakes."""
    one, other = fleet.linked(2)
    fleet.converged()
    server = other.server_pid
    for pid in (server, other.pid):
        assert pid is not None
        os.kill(pid, signal.SIGSTOP)
    try:
        began = time.monotonic()
        one.note("while it is frozen")
        assert time.monotonic() - began < 2
        wait("the silence is noticed", lambda: not one.linked(), (one,), NOTICED_S_MAX)
    finally:
        for pid in (server, other.pid):
            assert pid is not None
            os.kill(pid, signal.SIGCONT)
    fleet.wait("the thawed one has it", lambda: "while it is frozen" in other.titles())
    fleet.converged()


@pytest.mark.skipif(os.geteuid() != 0, reason="making network namespaces needs root")
def test_both_sides_of_a_cut_network_write_and_converge_when_it_heals(fleet: Fleet) -> None:
    """Goal: a network that swallows everything is noticed on both sides; after it heals both have all."""
    with network() as net:
        one, other = fleet.joined(2)
        for device in (one, other):
            device.within, device.host = net.place()
            device.start()
        fleet.link(one, other)
        fleet.converged()
        net.cut()
        one.note("on this side")
        other.note("on that side")
        for device in (one, other):
            fleet.wait(f"{device.name} notices", lambda device=device: not device.linked(), NOTICED_S_MAX)  # type: ignore[misc]
        net.heal()
        fleet.wait("the link is back", lambda: bool(one.linked() and other.linked()), HEALED_S_MAX)
        fleet.converged()
        assert one.titles() == other.titles() == {"on this side", "on that side"}
        fleet.end()


@pytest.mark.parametrize("moves", ["called", "caller"])
def test_a_device_whose_port_changed_is_found_again(fleet: Fleet, moves: str) -> None:
    """Goal: one of two gets another port; nobody types anything, and they meet again."""
    called, caller = fleet.linked(2)
    fleet.converged()
    mover, stays = (called, caller) if moves == "called" else (caller, called)
    name = str(stays.status()["device"]["id"])  # type: ignore[index]
    fleet.wait("it was told where the other one is", lambda: stays.address in _known(mover, name))
    before = mover.address
    mover.stop()
    asyncio.run(_forget_port(mover))
    mover.start().served()
    assert mover.address != before
    mover.note("from the new port")
    fleet.converged()
    fleet.wait("the new address is kept", lambda: mover.address in str(stays.call("peer.list")["devices"]))


def _known(device: Device, other: str) -> list[str]:
    devices = device.call("peer.list")["devices"]
    assert isinstance(devices, list)
    return [address for one in devices if one["device"] == other for address in one["addresses"]]


async def _forget_port(device: Device) -> None:
    async with agents.opened(device.home) as agent:
        await agent.engine.remember("server/port", b"0")


def skewed(folder: Path, seconds: int) -> str:
    """A PYTHONPATH under which every clock of the day is wrong by so much; monotonic ones are right."""
    folder.mkdir()
    (folder / "sitecustomize.py").write_text(
        "import time\n"
        f"_ns, _s, _by = time.time_ns, time.time, {seconds}\n"
        "time.time_ns = lambda: _ns() + _by * 1_000_000_000\n"
        "time.time = lambda: _s() + _by\n"
    )
    return str(folder)


def test_clocks_that_are_a_day_wrong_decide_nothing(fleet: Fleet) -> None:
    """Goal: one clock a day late, one a day early: the edit that knew of the other wins, on both."""
    early, late = fleet.joined(2)
    early.start(PYTHONPATH=skewed(fleet.folder / "plus", DAY_S)).served()
    late.start(PYTHONPATH=skewed(fleet.folder / "minus", -DAY_S))
    fleet.link(late, early)
    document = early.note("first", "text\n")
    other = early.note("other")
    fleet.converged()
    late.call("note.edit", document=document, title="second, by a clock two days behind")
    fleet.converged()
    shown = [device.call("note.show", document=document) for device in (early, late)]
    assert shown[0] == shown[1]
    assert (shown[0]["title"], shown[0]["conflicts"]) == ("second, by a clock two days behind", [])
    lists = [device.call("note.list")["notes"] for device in (early, late)]
    assert lists[0] == lists[1]
    rows = lists[0]
    assert isinstance(rows, list)
    assert [row["document"] for row in rows] == [
        document,
        other,
    ]  # the latest first, by what it knew and not by its date
    now_ms = time.time_ns() // 1_000_000
    skews = [row["updated"]["time_ms"] - now_ms for row in rows]
    assert skews[0] < -DAY_S * 900, skews
    assert skews[1] > DAY_S * 900, skews
    for device in (early, late):
        assert device.call("verify", deep=True)["ok"]
