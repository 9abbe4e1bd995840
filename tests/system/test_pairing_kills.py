"""Kill -9 of either side of a pairing at its frames: nothing is lost, and a new code goes on from there."""

from __future__ import annotations

import pytest

from mesh.node import home as homes
from mesh.node.socket_client import Told
from tests.conftest import Spawn
from tests.system.harness import DEADLINE_S, Device, Fleet, wait
from tests.system.pairs import Command, Frame, line
from tests.system.sizes import LONG

pytestmark = pytest.mark.system

FRAMES: list[Frame] = [
    ("joiner", 0),
    ("inviter", 0),
    ("joiner", 1),
    ("inviter", 1),
    ("joiner", 2),
    ("inviter", 2),
    ("joiner", 3),
]
ADMITTED, KEPT = FRAMES[5:]
PROVEN = FRAMES[3:]
KILLED = FRAMES if LONG else [FRAMES[0], PROVEN[0], ADMITTED, KEPT]
"""One frame of each stage: before the code was proven, after that, with the admission on the line, and at the end."""


def invited(spawn: Spawn, device: Device) -> tuple[Command, str, str]:
    """An open invitation, its code and one address; the one before may take a moment to end."""

    def opened() -> tuple[Command, Told] | None:
        inviting = Command(spawn, device, "--json", "--yes", "invite")
        told = inviting.told()
        return None if "error" in told else (inviting, told)

    found = wait("an invitation is open", opened)
    assert found is not None, "it was waited for"
    inviting, told = found
    addresses = told["addresses"]
    assert isinstance(addresses, list)
    return inviting, str(told["code"]), str(addresses[0])


def joins(spawn: Spawn, device: Device, text: str) -> Command:
    """A device that joins, under its own name, without an agent."""
    return Command(spawn, device, "--json", "join", text, "--name", device.name, "--no-up")


def ids(device: Device) -> list[tuple[object, object]]:
    """Who is in, by its view."""
    devices = device.done("devices")["devices"]
    assert isinstance(devices, list)
    return [(one["name"], one["id"]) for one in devices]


def ended(inviting: Command, *, proven: bool) -> None:
    """The end of an invitation whose joiner or whose agent died: by itself once the code was taken."""
    if proven:
        assert inviting.ended().code == 5
    else:
        assert inviting.interrupt().code == 130


@pytest.mark.parametrize("victim", ["joiner", "inviter", "command"])
def test_kills_while_a_frame_is_on_its_way(victim: str, fleet: Fleet, spawn: Spawn) -> None:
    """Goal: the joining device, the agent or `mesh invite` dies with a frame on the line, and each time it goes on.

    In the end it is one device, the one that was admitted first, on both sides, and every chain verifies.
    """
    (alder,) = fleet.joined(1)
    birch = fleet.empty("birch")
    alder.start()
    admitted: list[tuple[object, object]] = []
    for held in KILLED:
        inviting, code, address = invited(spawn, alder)
        with line(address, held) as wire:
            joining = joins(spawn, birch, f"{code}@{wire.address}")
            assert wire.holding.wait(DEADLINE_S), joining.ended()
            kill = {"joiner": joining.kill, "inviter": alder.kill, "command": inviting.kill}[victim]
            kill()
        if victim != "joiner":
            assert joining.ended().code == (0 if held == KEPT else 5)
        if victim == "inviter":
            assert inviting.ended().code == 5
            alder.start()
        elif victim == "joiner":
            ended(inviting, proven=held in PROVEN)
        state = homes.state(birch.home)
        assert state == ("joined" if held == KEPT else "asked"), "keys are kept, and no half of a mesh"
        known = ids(alder)
        assert [name for name, _ in known] == ["alder", *(["birch"] if held in {ADMITTED, KEPT} else [])]
        admitted = admitted or known[1:]
        assert known[1:] == admitted, "the first admission is the one that counts"
    assert ids(birch) == ids(alder)
    for device in (alder, birch):
        assert device.done("verify", "--deep")["ok"] is True
    birch.start()
    fleet.converged()


def test_an_admission_that_never_arrived_comes_again(fleet: Fleet, spawn: Spawn) -> None:
    """Goal: the line drops with the admission on it; the next code brings the same device in, once."""
    (alder,) = fleet.joined(1)
    birch = fleet.empty("birch")
    alder.start()
    inviting, code, address = invited(spawn, alder)
    with line(address, ADMITTED) as wire:
        joining = joins(spawn, birch, f"{code}@{wire.address}")
        assert wire.holding.wait(DEADLINE_S), joining.ended()
        before = ids(alder)
    assert joining.ended().code == 5
    answer = inviting.ended()
    assert "is let in" in str(answer.error["message"])
    inviting, code, address = invited(spawn, alder)
    assert joins(spawn, birch, f"{code}@{address}").ended().code == 0
    assert inviting.told()["admitted"]["device"] == before[1][1]  # type: ignore[index]
    assert ids(alder) == ids(birch) == before
