"""Three devices of which two never meet, and one that nobody there has heard of."""

from __future__ import annotations

import asyncio

import pytest

from mesh.node import agent as agents
from mesh.node import home as homes
from tests.system.harness import Device, Fleet

pytestmark = pytest.mark.system


def test_in_a_line_everything_reaches_the_far_end(fleet: Fleet) -> None:
    """Goal: A and C never meet, and yet each has what the other wrote, before and while they are connected to B."""
    left, middle, right = fleet.joined(3)
    left.done("note", "add", "from the left, before")
    right.done("note", "add", "from the right, before")
    for device in (left, middle, right):
        device.start()
    fleet.link(left, middle)
    fleet.link(right, middle)
    fleet.converged()
    left.note("from the left, live")
    right.note("from the right, live")
    wanted = {f"from the {side}, {when}" for side in ("left", "right") for when in ("before", "live")}
    for device in (left, middle, right):
        fleet.wait(f"{device.name} has all", lambda device=device: device.titles() == wanted)  # type: ignore[misc]
    fleet.converged()
    assert len(left.linked()) == len(right.linked()) == 1
    assert len(middle.linked()) == 2


def test_a_device_that_nobody_there_has_heard_of_brings_its_own_admission(fleet: Fleet) -> None:
    """Goal: D was let in by A, which is away; C never heard of it, and lets it in by what D itself delivers."""
    founder, _, other = fleet.joined(3)
    newcomer = fleet.empty("newcomer")
    asyncio.run(_let_in(founder, newcomer))
    newcomer.done("note", "add", "from nowhere")
    other.done("note", "add", "from within")
    other.start().served()
    newcomer.start()
    assert "newcomer" not in _names(other)
    newcomer.call("peer.add", address=other.address)
    fleet.converged(newcomer, other)
    assert "newcomer" in _names(other)
    assert newcomer.titles() == other.titles() == {"from nowhere", "from within"}


async def _let_in(founder: Device, newcomer: Device) -> None:
    asked = await homes.request(newcomer.home, "newcomer")
    async with agents.opened(founder.home) as agent:
        told = await agent.call("admit", {"request": asked["request"]})
    assert isinstance(told, dict)
    await homes.accept(newcomer.home, told["admission"])


def _names(device: Device) -> set[str]:
    devices = device.call("devices")["devices"]
    assert isinstance(devices, list)
    return {one["name"] for one in devices}
