"""Hand-offs and tasks between real agents: one owner everywhere, done once, nothing left behind in silence."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import pytest

from tests.conftest import Spawn
from tests.system.harness import Device, Fleet
from tests.system.test_trust import approved

pytestmark = pytest.mark.system

GOAL = "Rotate the API keys of the shop"
STEPS = ("Replace the key in the worker", "Delete the old key")
TYPES = "note,task,handoff,receipt,session,project"


def handed_off(device: Device, *more: str) -> str:
    """A hand-off, by the command; its document."""
    steps = [word for step in STEPS for word in ("--remaining", step)]
    return str(device.done("handoff", "new", GOAL, *steps, "--verify", "make check", *more)["document"])


def shown(device: Device, document: str) -> Mapping[str, Any]:
    """A hand-off, by a call."""
    return device.call("handoff.show", id=document)


def owners(devices: Sequence[Device], document: str) -> set[str]:
    """Who has it, as each device says; nothing before all have seen that one saw it who did not claim."""
    claims = [shown(device, document)["claim"] for device in devices]
    settled = all(claim and claim["acknowledged"] for claim in claims)
    return {claim["device_name"] for claim in claims} if settled else set()


def test_two_offline_claims_end_with_one_owner_and_the_other_told(fleet: Fleet) -> None:
    """Goal (story C): two devices pick up one hand-off while nobody is linked; afterwards all three name one owner."""
    devices = fleet.linked(3)
    alder, birch, cedar = devices
    document = handed_off(cedar)
    fleet.converged()
    for device in devices:
        device.stop()
    for device in (alder, birch):
        got = device.done("pickup", document)
        assert got["handoff"]["state"] == "claimed", "offline each has it"  # type: ignore[index]
    for device in devices:
        device.start()
    (owner,) = fleet.wait("all name one owner", lambda: owners(devices, document))
    fleet.converged()
    assert owners(devices, document) == {owner}
    winner, loser = (alder, birch) if owner == "alder" else (birch, alder)
    assert winner.call("claims.lost")["lost"] == cedar.call("claims.lost")["lost"] == []
    (lost,) = loser.call("claims.lost", fresh=True)["lost"]  # type: ignore[misc]
    assert (lost["document"], lost["by"]["device_name"]) == (document, owner)  # type: ignore[has-type]
    assert loser.call("claims.lost", fresh=True)["lost"] == []
    fleet.wait("its log says so", lambda: any(line["what"] == "claim.lost" for line in loser.logged()))
    assert f"{winner.name} has it" in loser.mesh("handoff", "show", document).out
    refused = loser.mesh("--json", "pickup", document)
    assert (refused.code, refused.error["class"]) == (3, "Refused")
    assert owner in str(refused.error["hint"])
    assert alder.call("conflicts")["conflicts"] == []


def test_equal_hand_offs_apart_are_two_and_both_are_kept(fleet: Fleet) -> None:
    """Goal: the same words on two devices at once, and again on one: three hand-offs and six tasks, everywhere."""
    devices = fleet.linked(2)
    for device in devices:
        device.stop()
    documents = {handed_off(devices[0]), handed_off(devices[1]), handed_off(devices[0])}
    for device in devices:
        device.start()
    fleet.converged()
    for device in devices:
        found: list[Mapping[str, Any]] = device.done("handoff", "list")["handoffs"]  # type: ignore[assignment]
        assert {one["document"] for one in found} == documents
        assert len({task["document"] for one in found for task in one["remaining"]}) == 6
        assert len(device.done("task", "ready")["tasks"]) == 6  # type: ignore[arg-type]


def test_done_beats_claimed(fleet: Fleet) -> None:
    """Goal: the work is finished on one device while another one, offline, picks it up: it stays finished."""
    one, other = fleet.linked(2)
    document = handed_off(one)
    fleet.converged()
    for device in (one, other):
        device.stop()
    other.done("pickup", document)
    for step in STEPS:
        told = one.done("task", "done", step, "did it")
    assert told["handoffs"] == [document]
    for device in (one, other):
        device.start()
    fleet.converged()
    for device in (one, other):
        assert shown(device, document)["state"] == "completed"
        assert device.done("task", "ready")["tasks"] == []
    (lost,) = other.call("claims.lost")["lost"]  # type: ignore[misc]
    assert lost["by"]["end"] == "done"  # type: ignore[has-type]


def test_one_agent_leaves_it_and_another_one_finishes_it_elsewhere(fleet: Fleet, spawn: Spawn) -> None:
    """Goal: claude reaches its limit on one device, gemini goes on on another; who left it sees it done."""
    one, other = fleet.linked(2)
    for device, asked, name in ((one, other, "claude"), (other, one, "gemini")):
        approved(fleet, device, asked, spawn, "agents", "add", name, "--space", "home", "--types", TYPES)
    told = one.done(
        "--as", "claude", "handoff", "new", "rotate keys", "--remaining", STEPS[0], "--reason", "rate_limit"
    )
    document = str(told["document"])
    assert told["warnings"], "it says what it lacks"
    fleet.converged()
    got = other.done("--as", "gemini", "pickup")
    assert got["handoff"]["document"] == document  # type: ignore[index]
    fleet.wait("the other device saw it", lambda: owners([one, other], document))
    assert one.mesh("--as", "claude", "pickup").code == 3
    assert other.mesh("--as", "gemini", "task", "done", STEPS[0]).code == 2, "an agent says what it did"
    other.done("--as", "gemini", "task", "done", STEPS[0], "replaced in worker.ts")
    fleet.wait("it is done here, too", lambda: shown(one, document)["state"] == "completed")
    claim = shown(one, document)["claim"]
    assert (claim["agent"], claim["device_name"], claim["end"]) == ("gemini", "birch", "done")
