"""A home that was copied and runs twice, with real agents: noticed when the copies meet others, and it harms nobody."""

from __future__ import annotations

import shutil

import pytest

from tests.system.harness import Device, Fleet

pytestmark = pytest.mark.system


def doubled(fleet: Fleet) -> tuple[Device, Device, Device]:
    """A device, its copy on the same machine, and a third that both are linked to."""
    first, third = fleet.linked(2)
    first.note("before")
    fleet.converged()
    first.stop()
    twin = fleet.empty("twin")
    shutil.copytree(first.home, twin.home)
    address = third.address
    for device in (first, twin):
        device.start()
        device.call("peer.add", address=address)
    for device in (first, twin):
        fleet.wait(f"{device.name} is linked", lambda device=device: bool(device.linked()))  # type: ignore[misc]
    return first, twin, third


def test_a_clone_is_noticed_and_harms_nobody(fleet: Fleet) -> None:
    """Goal: both write; one of them says so at once, all notes arrive everywhere, a fork is shown with its proof."""
    first, twin, third = doubled(fleet)
    first.note("by the first")
    twin.note("by the twin")
    wanted = {"before", "by the first", "by the twin"}
    for device in (first, twin, third):
        fleet.wait(f"{device.name} has all", lambda device=device: device.titles() == wanted)  # type: ignore[misc]

    def noticed() -> bool:
        return any("another copy of this device" in str(device.status()["alarms"]) for device in (first, twin))

    fleet.wait("a copy notices the other", noticed)
    first.note("later, by the first")
    twin.note("later, by the twin")
    wanted |= {"later, by the first", "later, by the twin"}
    for device in (first, twin, third):
        fleet.wait(f"{device.name} has all", lambda device=device: device.titles() == wanted)  # type: ignore[misc]
    proven(fleet, third)
    assert third.done("verify", "--deep")["ok"] is True


def proven(fleet: Fleet, device: Device) -> None:
    """What the commands say of a fork, if there was one: a proof that any home, or none, can check."""
    forks = device.done("forks")["forks"]
    assert isinstance(forks, list)
    stranger = fleet.empty("stranger")
    for fork in forks:
        file = fleet.folder / "proof.txt"
        file.write_text(fork["proof"])
        answer = stranger.done("forks", "verify", file)
        assert (answer["proven"], answer["seq"]) == (True, fork["seq"])
        assert not stranger.home.exists()
        assert "restored from a backup, or stolen?" in str(device.status()["problems"])
        assert device.mesh("forks").code == 0
        assert device.done("forks", "ack", fork["id"])["acknowledged"] is True
    device.stop()
    device.start()
    assert "stolen" not in str(device.status()["problems"])
    refused = stranger.mesh("--json", "forks", "verify", "-", stdin="mesh-fork-1.00")
    assert refused.code == 3, refused
