"""New epochs among real agents: a closed device reads nothing that is written after, everybody else reads all."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence

import pytest

from mesh.events.event import Lane
from mesh.events.kinds import Close
from mesh.events.speaking import Draft
from mesh.node import agent as agents
from mesh.node import home as homes
from mesh.node import vault
from mesh.node.duties import begin_epoch
from mesh.node.engine import Engine
from tests.system.harness import Device, Fleet

pytestmark = pytest.mark.system


async def closed(by: Device, subject: Device) -> None:
    """Somebody closes a device and says nothing about keys."""
    held = vault.load(subject.home)
    assert held is not None, subject.home

    async def closing(_engine: Engine) -> Sequence[Draft]:
        return (Draft(Close(held.admission)),)

    async with agents.opened(by.home) as agent:
        await agent.engine.say(Lane.CONTROL, closing)


async def began_epochs(by: Device, *titles: str) -> None:
    """A new epoch before each of these notes, while no agent runs."""
    async with agents.opened(by.home) as agent:
        for title in titles:
            await begin_epoch(agent.engine)
            await agent.call("note.add", {"title": title, "body": ""})


def newcomer(fleet: Fleet, name: str, admitter: Device) -> Device:
    """A device that a running agent lets in."""
    device = fleet.empty(name)
    asked = asyncio.run(homes.request(device.home, name))
    told = admitter.call("admit", request=asked["request"], rank="member")
    asyncio.run(homes.accept(device.home, str(told["admission"])))
    return device.start()


def epochs_in(device: Device) -> int:
    """How many keys its vault holds."""
    held = vault.load(device.home)
    assert held is not None, device.home
    return len(held.epochs)


def shows(fleet: Fleet, device: Device, titles: set[str]) -> None:
    """Wait until a device shows exactly these notes."""
    fleet.wait(f"{device.name} shows {titles}", lambda: device.titles() == titles)


def test_a_close_without_a_new_epoch_is_made_up_for_and_keeps_the_closed_device_out(fleet: Fleet) -> None:
    """The agent of an admin owes an epoch and says it; the closed home never gets its key, a newcomer reads it all."""
    alder, birch, cedar = fleet.linked(3)
    alder.note("before")
    fleet.converged()
    before = alder.status()["writes_under"]
    alder.stop()
    asyncio.run(closed(alder, cedar))
    alder.start()
    fleet.wait("alder begins a new epoch", lambda: alder.status()["writes_under"] not in {before, None})
    fleet.link(birch, alder)
    now = alder.status()["writes_under"]
    fleet.wait("birch writes under it", lambda: birch.status()["writes_under"] == now)
    alder.note("after")
    birch.note("after too")
    everything = {"before", "after", "after too"}
    for device in (alder, birch):
        shows(fleet, device, everything)
        fleet.wait(f"{device.name} keeps the key", lambda d=device: epochs_in(d) == 2)  # type: ignore[misc]
    dogwood = newcomer(fleet, "dogwood", birch)
    fleet.link(dogwood, birch)
    shows(fleet, dogwood, everything)
    assert dogwood.status()["keys_missing"] == []
    assert cedar.titles() == {"before"}
    cedar.stop()
    assert epochs_in(cedar) == 1


def test_who_was_away_during_two_epochs_reads_both(fleet: Fleet) -> None:
    """And what it wrote meanwhile under the old one is readable everywhere."""
    alder, birch = fleet.linked(2)
    alder.note("at first")
    fleet.converged()
    alder.stop()
    birch.note("meanwhile")
    asyncio.run(began_epochs(alder, "under the second", "under the third"))
    alder.start()
    fleet.link(birch, alder)
    everything = {"at first", "meanwhile", "under the second", "under the third"}
    for device in (alder, birch):
        shows(fleet, device, everything)
    assert birch.status()["writes_under"] == alder.status()["writes_under"]
    fleet.converged()
    birch.stop()
    assert epochs_in(birch) == 3
