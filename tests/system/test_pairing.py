"""Pairing by a spoken code with real processes: by an address, by mDNS, with wrong codes, in a crowd, and Ctrl-C."""

from __future__ import annotations

import contextlib
import os
import socket
from collections.abc import Iterator

import pytest

from mesh.events.founding import request_text
from mesh.node import home as homes
from mesh.node.pairing import entropy
from mesh.sync.pairing import Joiner
from mesh.sync.pairing_frames import LENGTH_BYTES, Code, framed
from tests.conftest import Spawn
from tests.system.harness import DEADLINE_S, HOST, Device, Fleet
from tests.system.networks import Network, network
from tests.system.pairs import Command
from tests.unit.small_mesh import request

pytestmark = pytest.mark.system

ANYWHERE = "0.0.0.0"  # noqa: S104 - in a namespace of the test's own


def inviter(fleet: Fleet) -> Device:
    """A founder with its agent."""
    (device,) = fleet.joined(1)
    return device.start().served()


def invited(spawn: Spawn, device: Device, *words: str) -> tuple[Command, str, str]:
    """An open invitation, its code, and the text with the addresses."""
    inviting = Command(spawn, device, "--json", "invite", *words)
    told = inviting.told()
    assert set(told) == {"code", "addresses", "text"}
    assert told["text"] == f"{told['code']}@{','.join(told['addresses'])}"  # type: ignore[arg-type]
    return inviting, str(told["code"]), str(told["text"])


def joins(spawn: Spawn, device: Device, text: str, *words: str) -> Command:
    """A device that joins, under its own name."""
    return Command(spawn, device, "--json", "join", text, "--name", device.name, *words)


def names(device: Device) -> list[tuple[object, object]]:
    """Who is in, by its view."""
    devices = device.done("devices")["devices"]
    assert isinstance(devices, list)
    return [(one["name"], one["role"]) for one in devices]


def test_a_device_joins_by_an_address_typed_by_hand(fleet: Fleet, spawn: Spawn) -> None:
    """Goal: two commands make a mesh of two devices that agree, and both say the same of it."""
    alder, birch = inviter(fleet), fleet.empty("birch")
    alder.note("before")
    inviting, _, text = invited(spawn, alder, "--yes")
    joining = Command(spawn, birch, "--json", "--yes", "join", text, "--name", "birch")
    admitted = inviting.told()["admitted"]
    assert isinstance(admitted, dict)
    assert set(admitted) == {"device", "name", "rank", "fingerprint"}
    assert (admitted["name"], admitted["rank"]) == ("birch", 2)
    joined = joining.told()
    assert set(joined) == {"mesh", "device"}
    answers = inviting.ended(), joining.ended()
    assert [(answer.code, answer.out) for answer in answers] == [(0, ""), (0, "")]
    assert joined["device"] == admitted["device"]
    assert joined["mesh"] == alder.status()["mesh"]["id"]  # type: ignore[index]
    words = [line for line in answers[1].err.splitlines() if line.startswith("fingerprint")]
    assert words == [line for line in answers[0].err.splitlines() if line.startswith("fingerprint")]
    assert len(words) == 1
    birch.pid = int(str(birch.call("ping")["pid"]))
    birch.note("after")
    fleet.converged()
    assert birch.titles() == {"before", "after"}
    assert names(alder) == names(birch) == [("alder", "admin"), ("birch", "admin")]


def test_a_person_is_asked_and_a_member_comes_in(fleet: Fleet, spawn: Spawn) -> None:
    """Goal: --member asks for it, the agent stays off with --no-up, and the question waits for the person."""
    alder, birch = inviter(fleet), fleet.empty("birch")
    inviting, _, text = invited(spawn, alder)
    joining = joins(spawn, birch, text, "--member", "--no-up")
    inviting.says("y\n")
    assert inviting.told()["admitted"]["rank"] == 10  # type: ignore[index]
    assert joining.ended().code == 0
    assert "Let it in as member? [y/N]" in inviting.ended().err
    assert names(birch) == [("alder", "admin"), ("birch", "member")]
    refused = birch.mesh("--json", "--yes", "--interface", HOST, "invite")
    birch.pid = int(str(birch.call("ping")["pid"]))
    assert (refused.code, refused.error["class"]) == (3, "NotGranted")


def test_a_no_of_the_person_reaches_the_other_device(fleet: Fleet, spawn: Spawn) -> None:
    """Goal: both commands end with 3, nothing is changed, and the next code works."""
    alder, birch = inviter(fleet), fleet.empty("birch")
    inviting, _, text = invited(spawn, alder)
    events = alder.events
    joining = joins(spawn, birch, text)
    inviting.says("no\n")
    assert (inviting.ended().code, joining.ended().error["family"]) == (3, "Refused")
    assert alder.events == events
    inviting, _, text = invited(spawn, alder, "--yes")
    assert joins(spawn, birch, text, "--no-up").ended().code == 0
    assert inviting.ended().code == 0


def test_three_wrong_codes_and_a_fourth(fleet: Fleet, spawn: Spawn) -> None:
    """Goal: each is told how many tries are left; the third ends the invitation, on both sides with 3."""
    alder, birch = inviter(fleet), fleet.empty("birch")
    inviting, code, text = invited(spawn, alder, "--yes")
    where = text.partition("@")[2]
    wrong = f"{code.partition('-')[0]}-zoo-zoo-zoo@{where}"
    for hint in ("2 tries are left", "1 try is left", "mesh invite"):
        answer = birch.mesh("--json", "join", wrong)
        assert answer.code == 3
        assert hint in str(answer.error["hint"])
    assert inviting.ended().error["exit"] == 3
    assert birch.mesh("--json", "join", text).error["exit"] == 5
    assert names(alder) == [("alder", "admin")]
    assert homes.state(birch.home) == "asked"


def test_two_devices_at_once(fleet: Fleet, spawn: Spawn) -> None:
    """Goal: one comes in, the other is told that the code was used, and comes in with the next one."""
    alder, birch, cedar = inviter(fleet), fleet.empty("birch"), fleet.empty("cedar")
    inviting, _, text = invited(spawn, alder)
    both = {device.name: joins(spawn, device, text, "--no-up") for device in (birch, cedar)}
    over = fleet.wait("one hears no", lambda: [name for name, each in both.items() if each.process.poll() is not None])
    (second,) = over
    assert "used already" in str(both[second].ended().error["message"])
    inviting.says("y\n")
    assert inviting.ended().code == 0
    (first,) = both.keys() - {second}
    assert both[first].ended().code == 0
    inviting, _, text = invited(spawn, alder, "--yes")
    late = birch if second == "birch" else cedar
    assert joins(spawn, late, text, "--no-up").ended().code == 0
    assert inviting.ended().code == 0
    assert {name for name, _ in names(alder)} == {"alder", "birch", "cedar"}


@contextlib.contextmanager
def idle(address: str) -> Iterator[None]:
    """A crowd that says nothing, from the joiner's own address and from others."""
    host, _, port = address.rpartition(":")
    with contextlib.ExitStack() as stack:
        for source in [HOST] * 20 + [f"127.0.3.{n}" for n in range(1, 41)]:
            sock = stack.enter_context(socket.create_connection((host, int(port)), 10, (source, 0)))
            sock.setblocking(False)  # noqa: FBT003 - the standard library's own form
        yield


def test_a_crowd_at_the_port(fleet: Fleet, spawn: Spawn) -> None:
    """Goal: sixty silent connections to a real agent keep nobody out and spend no try."""
    alder, birch = inviter(fleet), fleet.empty("birch")
    inviting, _, text = invited(spawn, alder, "--yes")
    with idle(text.partition("@")[2]):
        assert joins(spawn, birch, text, "--no-up").ended().code == 0
    answer = inviting.ended()
    assert answer.code == 0
    assert "another code" not in answer.err


def test_a_name_with_escapes_reaches_no_terminal(fleet: Fleet, spawn: Spawn) -> None:
    """Goal: a device that knows the code and draws on the screen of whoever is asked draws nothing."""
    alder = inviter(fleet)
    inviting, code, text = invited(spawn, alder)
    joiner = Joiner(Code.parse(code), request_text(request("\x1b[2J\x07phone\u202e", 2)), entropy())
    host, _, port = text.partition("@")[2].rpartition(":")
    with socket.create_connection((host, int(port)), DEADLINE_S) as sock, sock.makefile("rb") as stream:
        step = joiner.begin()
        while not joiner.proven:
            sock.sendall(b"".join(map(framed, step.send)))
            step = joiner.heard(stream.read(int.from_bytes(stream.read(LENGTH_BYTES), "big")))
        sock.sendall(b"".join(map(framed, step.send)))
        inviting.says("no\n")
        answer = inviting.ended()
    assert answer.code == 3
    assert "device       \\u001b[2J\\u0007phone\\u202e" in answer.err
    assert not set(answer.err + answer.out) & set("\x1b\x07\u202e")


def test_ctrl_c_while_nobody_has_come(fleet: Fleet, spawn: Spawn) -> None:
    """Goal: 130, the port is closed, the agent goes on, and another invitation can be opened at once."""
    alder, birch = inviter(fleet), fleet.empty("birch")
    inviting, _, text = invited(spawn, alder)
    assert inviting.interrupt().code == 130
    fleet.wait("the port is closed", lambda: birch.mesh("join", text).code == 5)
    inviting, _, text = invited(spawn, alder, "--yes")
    assert joins(spawn, birch, text, "--no-up").ended().code == 0
    assert inviting.ended().code == 0


@pytest.mark.parametrize("who", ["inviter", "joiner"])
def test_ctrl_c_while_the_person_is_asked(who: str, fleet: Fleet, spawn: Spawn) -> None:
    """Goal: the other side is told, nobody is in, nothing is half done, and the next code works."""
    alder, birch = inviter(fleet), fleet.empty("birch")
    inviting, _, text = invited(spawn, alder)
    joining = joins(spawn, birch, text, "--no-up")
    fleet.wait("somebody asks", lambda: "invitation.asking" in str(alder.logged()))
    if who == "inviter":
        assert inviting.interrupt().code == 130
        assert joining.ended().code == 3
    else:
        assert joining.interrupt().code == 130
        inviting.says("y\n")
        assert inviting.ended().code == 5
    assert names(alder) == [("alder", "admin")]
    inviting, _, text = invited(spawn, alder, "--yes")
    assert joins(spawn, birch, text, "--no-up").ended().code == 0
    assert inviting.ended().code == 0
    assert len(names(alder)) == 2


# ---------------------------------------------------------------- over mDNS, in networks of their own


@pytest.fixture
def net() -> Iterator[Network]:
    """A switch."""
    with network() as made:
        yield made


@pytest.mark.skipif(os.geteuid() != 0, reason="making network namespaces needs root")
def test_a_whole_mesh_by_words_alone(fleet: Fleet, spawn: Spawn, net: Network) -> None:
    """Goal: three machines, no address typed: one founds, the others join by a code, all agree, agents and all."""
    alder, birch, cedar = (fleet.empty(name) for name in ("alder", "birch", "cedar"))
    for device in (alder, birch, cedar):
        device.within, device.host = net.place()
        device.interface = ANYWHERE
    founding = Command(spawn, alder, "--json", "--yes", "join", "--name", "alder", MESH_BEACON="on")
    answer = founding.ended()
    assert set(answer.json) == {"mesh", "device", "recovery_phrase"}
    assert "No other device of mesh is in reach." in answer.err
    alder.pid = int(str(alder.call("ping")["pid"]))
    for device, by in ((birch, alder), (cedar, birch)):
        inviting, code, _ = invited(spawn, by, "--yes")
        joining = Command(spawn, device, "--json", "join", "--name", device.name, MESH_BEACON="on")
        joining.says(f"{code.replace('-', ' ').upper()}\n")
        joined = joining.ended()
        assert joined.code == 0, joined
        assert "1 open invitation" in joined.err
        assert "of some mesh" in joined.err
        assert inviting.ended().code == 0
        device.pid = int(str(device.call("ping")["pid"]))
    alder.note("found by words")
    fleet.converged()
    assert names(cedar) == [("alder", "admin"), ("birch", "admin"), ("cedar", "admin")]
