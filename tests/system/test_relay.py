"""A relay outside the house: two devices that never meet agree through it, and nothing that it has can be read."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Iterator, Sequence
from pathlib import Path

import pytest

from mesh.errors import Misuse, NotGranted
from mesh.node import vault
from mesh.node.paths import log_path, server_path
from tests.conftest import Spawn
from tests.system import canaries
from tests.system.harness import Device, Fleet
from tests.system.networks import Network, network
from tests.system.test_full_disks import TEXT, fill, small_disk  # noqa: F401 - a fixture
from tests.system.test_pairing import invited
from tests.system.trials import placed

pytestmark = [
    pytest.mark.system,
    pytest.mark.skipif(os.geteuid() != 0, reason="namespaces, small disks and the memory of others need root"),
]

TITLE, BODY, TAG, PATH, EDIT = (f"{word}-canary-4711-kestrel" for word in ("title", "body", "tag", "path", "edit"))
WORDS = (TITLE, BODY, TAG, PATH, EDIT)
IN_CLEAR = "control-of-the-search-0815"
_SAY = """
import socket, sys
socket.socket(socket.AF_INET, socket.SOCK_DGRAM).sendto(sys.argv[2].encode(), (sys.argv[1], 9))
"""


@pytest.fixture
def net() -> Iterator[Network]:
    """A switch."""
    with network() as made:
        yield made


def let_in(admin: Device, relay: Device) -> None:
    """Admit a relay by texts that people carry."""
    asked = relay.done("join", "--request", "--relay", "--name", relay.name)
    told = admin.done("admit", "-", "--yes", stdin=str(asked["request"]))
    assert (told["rank"], told["name"]) == (200, relay.name)
    relay.done("join", "--admission", "-", "--yes", stdin=str(told["admission"]))


def apart(net: Network, fleet: Fleet) -> tuple[Device, Device, Device]:
    """Two devices that hear nothing of each other, and a relay that both call."""
    mac, laptop = fleet.joined(2)
    relay = fleet.empty("outside")
    let_in(mac, relay)
    placed(net, (mac, laptop, relay))
    net.isolate([mac.host, laptop.host])
    for device in (relay, mac, laptop):
        device.start().served()
    return mac, laptop, relay


def called(devices: Sequence[Device], relay: Device) -> None:
    """Have these devices call the relay where it is."""
    for device in devices:
        device.call("peer.add", address=relay.address)


def agreed(fleet: Fleet, devices: Sequence[Device], relay: Device) -> None:
    """Wait until the devices are of one mind, and the relay holds what they hold."""
    fleet.converged(*devices)
    fleet.wait("the relay holds everything", lambda: relay.status()["in_sync"])
    for device in devices:
        peers = device.linked()
        assert [peer["name"] for peer in peers] == [relay.name], "they meet nobody but the relay"


def test_two_who_never_meet_agree_through_a_relay_that_reads_nothing(
    net: Network, fleet: Fleet, tmp_path: Path
) -> None:
    """Goal: all that both write is on both; in files, memory, answers and traffic of the relay is no word of it."""
    wire = tmp_path / "wire"
    with canaries.overheard(wire):
        mac, laptop, relay = apart(net, fleet)
        subprocess.run([*mac.within, sys.executable, "-c", _SAY, relay.host, IN_CLEAR], check=True, timeout=20)
        called((mac, laptop), relay)
        said = mac.call("note.add", title=TITLE, body=f"{BODY}\n" * 50, tags=[TAG], path=f"{PATH}/a.md")
        agreed(fleet, (mac, laptop), relay)
        laptop.call("note.edit", document=said["document"], body=f"{EDIT}\n" * 50)
        agreed(fleet, (mac, laptop), relay)
        shown = mac.call("note.show", document=said["document"])
        assert (shown["title"], shown["tags"], EDIT in str(shown["body"])) == (TITLE, [TAG], True)

        relay.kill()
        mac.note(f"{TITLE} while it was away")
        relay.start().served()
        laptop.note("after its return")
        agreed(fleet, (mac, laptop), relay)
        assert mac.titles() == laptop.titles() == {TITLE, f"{TITLE} while it was away", "after its return"}
    looks_sealed(relay)
    nothing_is_readable(mac, laptop, relay, wire)
    for device in (mac, laptop, relay):
        assert device.done("verify", "--deep")["ok"] is True
    assert relay.done("rebuild")["same"] is True
    agreed(fleet, (mac, laptop), relay)


def looks_sealed(relay: Device) -> None:
    """What its own commands say."""
    status = relay.status()
    own = status["device"]
    assert isinstance(own, dict)
    assert (own["role"], own["rank"], status["documents"], status["waiting"], status["void"]) == ("relay", 200, 0, 0, 0)
    assert "sealed: this is a relay" in relay.mesh("status").out
    problems = json.dumps(status["problems"])
    assert "key" not in problems.replace("this device's keys", ""), problems
    assert "sealed: this is a relay" in relay.mesh("log").out
    assert "relay" in relay.mesh("devices").out
    doctor = relay.done("doctor")
    checks = doctor["checks"]
    assert isinstance(checks, list)
    assert {one["name"]: one["ok"] for one in checks}["events"] is True, doctor
    for words in (("note", "add", "x"), ("note", "list"), ("note", "show", "x"), ("note", "rm", "x", "--yes")):
        answer = relay.mesh("--json", *words)
        assert (answer.code, answer.error["class"]) == (NotGranted.exit_code, "NotGranted"), answer
        assert "this device is a relay" in str(answer.error["message"])
    assert relay.mesh("invite", "--yes").code == NotGranted.exit_code


def nothing_is_readable(mac: Device, laptop: Device, relay: Device, wire: Path) -> None:
    """The search, each time with a look where it must find something."""
    assert canaries.in_files(relay.home, WORDS) == {}
    assert any(hits == set(WORDS) for hits in canaries.in_files(mac.home, WORDS).values()), "its views are plain"
    names = [mac.name, laptop.name]
    learned = set().union(*canaries.in_files(relay.home, names).values())
    assert learned == set(names), "it does learn the names of devices"

    assert relay.pid is not None
    assert mac.pid is not None
    assert canaries.in_memory(relay.pid, WORDS) == set()
    assert canaries.in_memory(relay.server_pid, WORDS) == set()
    assert canaries.in_memory(mac.pid, WORDS), "the search of memory finds what is there"

    told = [relay.done(*words) for words in (("status",), ("log", "--limit", "1000"), ("devices",), ("peer", "list"))]
    told += [relay.done("verify", "--deep"), relay.done("doctor")]
    assert canaries.in_bytes(json.dumps(told).encode(), WORDS) == set()
    events = told[1]["events"]
    assert isinstance(events, list)
    data = [one for one in events if one["lane"] == "data" and one["seq"] > 1]
    assert {(one["kind"], one["document"], one["time_ms"], one["standing"]) for one in data} == {
        (None, None, None, "opaque")
    }
    assert {one["name"] for one in data} == set(names), "it does learn who wrote, how much and in which order"

    heard = canaries.streams(wire)
    assert canaries.in_bytes(heard, [IN_CLEAR]) == {IN_CLEAR}, "the search of the wire finds what is there"
    assert canaries.in_bytes(heard, WORDS) == set()
    for device in (mac, laptop, relay):
        for folder in (server_path(device.home), log_path(device.home).parent):
            assert canaries.in_files(folder, WORDS) == {}, "neither nats-server nor a log has a word of it"


def test_a_relay_is_let_in_by_a_code(fleet: Fleet, spawn: Spawn) -> None:
    """Goal: `mesh invite` on an admin and `mesh join --relay` on the relay are enough; no key goes with it."""
    (mac,) = fleet.joined(1)
    mac.start().served()
    relay = fleet.empty("outside")
    inviting, _, text = invited(spawn, mac, "--yes")
    assert relay.done("join", "--relay", "--name", relay.name, "--no-up", text)["mesh"]
    admitted = inviting.told()["admitted"]
    assert isinstance(admitted, dict)
    assert (admitted["name"], admitted["rank"]) == (relay.name, 200)
    assert inviting.ended().code == 0
    held = vault.load(relay.home)
    assert held is not None
    assert (held.joined, dict(held.epochs), len(held.transport)) == (True, {}, 32)
    events = relay.done("log")["events"]
    assert isinstance(events, list)
    assert [one["kind"] for one in events].count("grant") == 1, "the founder's: a relay gets none"


def test_a_full_disk_on_a_relay_heals(small_disk: Path, fleet: Fleet) -> None:  # noqa: F811 - the fixture
    """Goal: what a relay cannot keep it does not acknowledge; with room again, and after a restart, it holds all."""
    (mac,) = fleet.joined(1)
    relay = fleet.empty("disk/outside")
    let_in(mac, relay)
    for device in (relay, mac):
        device.start().served()
    called([mac], relay)
    fleet.wait("the relay holds everything", lambda: relay.status()["in_sync"])
    ballast = fill(small_disk)
    for number in range(60):
        mac.note(f"note {number}", TEXT)
    fleet.wait("the device sees that the relay lacks them", lambda: not mac.status()["in_sync"])
    assert relay.status()["events"] != mac.status()["events"]
    ballast.unlink()
    relay.kill()
    relay.start().served()
    fleet.wait("the relay holds everything", lambda: relay.status()["events"] == mac.status()["events"])
    fleet.wait("both say so", lambda: relay.status()["in_sync"] and mac.status()["in_sync"])
    assert relay.call("verify", deep=True)["ok"]
    fleet.end()


def test_what_a_relay_cannot_be(fleet: Fleet) -> None:
    """Goal: nobody founds a mesh as a relay, and nobody is relay and member; a relay lets nobody in."""
    (mac,) = fleet.joined(1)
    relay = fleet.empty("outside")
    for words in (("--new", "--relay"), ("--relay", "--member", "7-orbit-velvet-canoe"), ("--relay",)):
        answer = relay.mesh("--json", "join", "--yes", *words)
        assert (answer.code, answer.error["class"]) == (Misuse.exit_code, "Misuse"), answer
    let_in(mac, relay)
    asked = fleet.empty("birch").done("join", "--request")
    answer = relay.mesh("--json", "admit", "-", "--yes", stdin=str(asked["request"]))
    assert answer.error["class"] == "NotGranted", answer
    assert "this device is a relay" in str(answer.error["message"])
