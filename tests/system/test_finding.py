"""Devices that find each other though nobody types an address, each in a network of its own; and those that cannot.

Every deadline is generous, since the machine may be busy; what was measured stands in the text of a failure, and is
printed by `pytest -s`.
"""

from __future__ import annotations

import asyncio
import contextlib
import os
import signal
import subprocess
import time
from collections.abc import Iterator, Sequence

import pytest

from mesh.events.event import Lane
from mesh.events.kinds import Located
from mesh.events.speaking import Draft
from mesh.node import agent as agents
from mesh.node.engine import Engine
from mesh.node.socket_client import Told
from tests.system.harness import DEADLINE_S, Device, Fleet
from tests.system.networks import NETWORK, Network, network
from tests.system.sizes import sized

pytestmark = [
    pytest.mark.system,
    pytest.mark.skipif(os.geteuid() != 0, reason="making network namespaces needs root"),
]

ANYWHERE = "0.0.0.0"  # noqa: S104 - in a namespace of the test's own
NOTICED_S_MAX = 40.0
CUT_S = 10.0
SIXES = "fd83:47::"


@pytest.fixture
def net() -> Iterator[Network]:
    """A switch."""
    with network() as made:
        yield made


def placed(net: Network, devices: Sequence[Device]) -> None:
    """Give each a place on the switch."""
    for device in devices:
        device.within, device.host = net.place()
        device.interface = ANYWHERE


def started(devices: Sequence[Device]) -> float:
    """Start them with their beacons on; when that was."""
    began = time.monotonic()
    for device in devices:
        device.start(MESH_BEACON="on")
    return began


def all_linked(fleet: Fleet, devices: Sequence[Device], what: str, deadline_s: float = DEADLINE_S) -> float:
    """Wait until everybody is linked to everybody; how long that took from now on."""
    began = time.monotonic()
    fleet.wait(what, lambda: all(len(one.linked()) == len(devices) - 1 for one in devices), deadline_s)
    return time.monotonic() - began


def measured(words: str) -> None:
    """Show how long something took, where its test fails and with `pytest -s`."""
    print(words)  # noqa: T201 - as said


def beacon_of(device: Device) -> Told:
    """What its status says of the beacon."""
    beacon = device.status()["beacon"]
    assert isinstance(beacon, dict), beacon
    return beacon


def heard(device: Device) -> int:
    """How many announcements are in its sight."""
    count = beacon_of(device)["heard"]
    assert isinstance(count, int), count
    return count


def problems(device: Device) -> str:
    """What is wrong there, by its own word."""
    return str(device.status()["problems"])


@contextlib.contextmanager
def firewall(device: Device) -> Iterator[None]:
    """A machine whose firewall drops mDNS while inside."""
    for tool in ("iptables", "ip6tables"):
        for chain in ("INPUT", "OUTPUT"):
            run(device, tool, "-A", chain, "-p", "udp", "--dport", "5353", "-j", "DROP")
    yield
    for tool in ("iptables", "ip6tables"):
        run(device, tool, "-F")


def run(device: Device, *argv: str) -> None:
    """Run a command in the place of a device."""
    subprocess.run([*device.within, *argv], check=True, capture_output=True, timeout=20)


@pytest.mark.parametrize("count", [2, sized(3, 5)])
def test_devices_find_each_other(fleet: Fleet, net: Network, count: int) -> None:
    """Goal: devices of one mesh on one network link and converge, and nobody types an address."""
    devices = fleet.joined(count)
    assert len(devices) == count
    placed(net, devices)
    began = started(devices)
    ready = time.monotonic()
    all_linked(fleet, devices, "everybody is linked to everybody")
    done = time.monotonic()
    measured(
        f"{count} devices: all linked {done - began:.2f} s after the first start, {done - ready:.2f} after the last"
    )
    devices[0].note("found")
    fleet.converged()
    # A goodbye may get lost, so an old name can stay in sight beside the new one: heard is at least, never less.
    fleet.wait("all are heard", lambda: all(heard(device) >= count - 1 for device in devices))
    assert not any("mDNS" in problems(device) for device in devices)
    fleet.end()


def test_two_meshes_on_one_network_hear_each_other_and_do_not_mix(fleet: Fleet, net: Network) -> None:
    """Goal: devices of another mesh are heard, and neither recognised nor dialled."""
    ours, theirs = fleet.joined(2), fleet.founded_anew(2, "their-")
    everybody = [*ours, *theirs]
    placed(net, everybody)
    started(everybody)
    for pair in (ours, theirs):
        all_linked(fleet, pair, "each mesh found its own")
    fleet.wait("all are heard", lambda: all(heard(device) >= 3 for device in everybody))
    for device in everybody:
        peers = device.status()["peers"]
        assert isinstance(peers, list)
        assert [peer["connected"] for peer in peers] == [True], peers
        own = {one["id"] for one in device.call("devices")["devices"]}  # type: ignore[attr-defined]
        assert {str(line["device"]) for line in logged(device, "beacon.recognised")} <= own
    fleet.end()


def test_two_homes_on_one_machine_find_each_other(fleet: Fleet, net: Network) -> None:
    """Goal: two agents share a machine, and with it the port of mDNS; they and one elsewhere all link."""
    devices = fleet.joined(3)
    placed(net, devices[:2])
    devices[2].within, devices[2].host, devices[2].interface = devices[1].within, devices[1].host, ANYWHERE
    started(devices)
    all_linked(fleet, devices, "everybody is linked to everybody")
    fleet.converged()
    fleet.end()


def test_a_change_of_address_is_followed(fleet: Fleet, net: Network) -> None:
    """Goal: a machine gets another address, the old one leads nowhere; it is found again and tells its new one."""
    stays, moves = fleet.joined(2)
    placed(net, [stays, moves])
    started([stays, moves])
    all_linked(fleet, [stays, moves], "they found each other")
    old, moves.host = moves.host, f"{NETWORK}.99"
    run(moves, "ip", "addr", "del", f"{old}/24", "dev", "eth0")
    run(moves, "ip", "addr", "add", f"{moves.host}/24", "dev", "eth0")
    began = time.monotonic()
    name = str(moves.status()["device"]["id"])  # type: ignore[index]
    fleet.wait("the new address is known", lambda: moves.address in known_at(stays, name))
    moves.note("from elsewhere")
    fleet.wait("it is heard", lambda: "from elsewhere" in stays.titles())
    measured(f"found at the new address after {time.monotonic() - began:.2f} s")
    fleet.converged()
    fleet.end()


@pytest.mark.parametrize("kind", ["routed", "link-local"])
def test_devices_without_ipv4_find_each_other(fleet: Fleet, net: Network, kind: str) -> None:
    """Goal: where there is only IPv6, also only that of one link, nothing is lacking."""
    devices = fleet.joined(2)
    placed(net, devices)
    for number, device in enumerate(devices):
        run(device, "ip", "addr", "flush", "dev", "eth0", "scope", "global")
        if kind == "routed":
            run(device, "ip", "addr", "add", f"{SIXES}{number + 1}/64", "dev", "eth0", "nodad")
    began = started(devices)
    all_linked(fleet, devices, "they found each other")
    measured(f"IPv6, {kind}: linked after {time.monotonic() - began:.2f} s")
    fleet.converged()
    reached = [str(peer["address"]) for device in devices for peer in device.linked() if peer["address"]]
    assert reached
    assert all(address.startswith("[fe80::" if kind == "link-local" else "[fd83:47::") for address in reached), reached
    fleet.end()


def test_blocked_mdns_is_said_and_typing_an_address_helps(fleet: Fleet, net: Network) -> None:
    """Goal: a firewall drops mDNS: the status says so, with what helps; and once it lets it pass, all is well."""
    free, walled = fleet.joined(2)
    placed(net, [free, walled])
    with firewall(walled):
        started([free, walled])
        fleet.wait("it is said", lambda: "mDNS does not get through" in problems(walled), NOTICED_S_MAX)
        beacon = beacon_of(walled)
        assert "mesh peer add" in str(beacon["hint"])
        assert beacon["heard"] == 0
        assert "mDNS does not" in walled.mesh("status").out
        assert not free.linked()
        fleet.link(walled, free)
        fleet.converged()
    fleet.wait("it is over", lambda: "mDNS" not in problems(walled), 2 * NOTICED_S_MAX)
    assert fleet.wait("the other is heard", lambda: beacon_of(walled)["heard"] == 1, 2 * NOTICED_S_MAX)
    fleet.end()


def test_devices_that_are_kept_apart_say_so_and_typing_does_not_harm(fleet: Fleet, net: Network) -> None:
    """Goal: a network carries everything but multicast: packets come back on each machine, and yet it is said."""
    devices = fleet.joined(2)
    placed(net, devices)
    for device in devices:
        run(device, "iptables", "-A", "INPUT", "-i", "eth0", "!", "-s", device.host, "-p", "udp", "-j", "DROP")
        run(device, "ip6tables", "-A", "INPUT", "-i", "eth0", "-p", "udp", "-j", "DROP")
    started(devices)
    fleet.link(*devices)
    (dialler,) = fleet.wait("one dialled", lambda: [device for device in devices if device.linked()[0]["address"]])
    fleet.wait("it is said", lambda: "no device is heard by mDNS" in problems(dialler), 2 * NOTICED_S_MAX)
    fleet.end()


def test_after_a_silent_cut_they_find_each_other_at_once(fleet: Fleet, net: Network) -> None:
    """Goal: a switch swallows everything for a while; when it heals, an answer of the beacon ends all waiting."""
    devices = fleet.joined(2)
    placed(net, devices)
    started(devices)
    all_linked(fleet, devices, "they found each other")
    net.cut()
    for device in devices:
        fleet.wait(f"{device.name} notices", lambda device=device: not device.linked(), NOTICED_S_MAX)  # type: ignore[misc]
        device.note(f"of {device.name}")
    time.sleep(CUT_S)  # the backoff of the links grows meanwhile
    net.heal()
    took = all_linked(fleet, devices, "they are linked again")
    began = time.monotonic()
    fleet.converged()
    measured(f"linked {took:.2f} s after the heal, converged {took + time.monotonic() - began:.2f} s after it")
    fleet.end()


def test_a_machine_that_wakes_is_linked_again(fleet: Fleet, net: Network) -> None:
    """Goal: a machine sleeps, its clock jumps; it closes what looks alive, and is linked again."""
    awake, sleeper = fleet.joined(2)
    placed(net, [awake, sleeper])
    started([awake, sleeper])
    all_linked(fleet, [awake, sleeper], "they found each other")
    pids = (sleeper.served().server_pid, sleeper.pid)
    for pid in pids:
        assert pid is not None
        os.kill(pid, signal.SIGSTOP)
    fleet.wait("it is missed", lambda: not awake.linked(), NOTICED_S_MAX)
    awake.note("meanwhile")
    for pid in pids:
        assert pid is not None
        os.kill(pid, signal.SIGCONT)
    measured(f"linked {all_linked(fleet, [awake, sleeper], 'it is back'):.2f} s after it woke")
    fleet.converged()
    fleet.end()


def test_an_address_in_a_statement_is_dialled(fleet: Fleet) -> None:
    """Goal: without mDNS, and never linked before: a statement says where a device is, and it is found there."""
    admin, other = fleet.joined(2)
    other.start().served()

    async def say() -> None:
        async with agents.opened(admin.home) as agent:
            found = {a.name: a.digest for a in agent.engine.replica.verdict.devices.values()}
            body = Located(found[other.name], ("192.0.2.1:x", other.address))

            async def saying(_engine: Engine) -> Sequence[Draft]:
                return (Draft(body),)

            await agent.engine.say(Lane.CONTROL, saying)

    asyncio.run(say())
    admin.start()
    fleet.wait("it is found", lambda: bool(admin.linked()))
    assert "newer version" not in problems(other)
    fleet.converged()


def known_at(device: Device, other: str) -> list[str]:
    """Where a device believes another one to be."""
    devices = device.call("peer.list")["devices"]
    assert isinstance(devices, list)
    return [address for one in devices if one["device"] == other for address in one["addresses"]]


def logged(device: Device, what: str) -> list[Told]:
    """The lines of its log about that."""
    return [line for line in device.logged() if line["what"] == what]
