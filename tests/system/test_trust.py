"""What a person does about trust, by real commands on real agents: agents, approvals, lost devices, ranks."""

from __future__ import annotations

import time
from collections.abc import Mapping

import pytest

from mesh.node.socket_client import Told
from tests.conftest import Spawn
from tests.system.harness import Device, Fleet
from tests.system.pairs import Command

pytestmark = pytest.mark.system

PASSPHRASE = "correct horse battery"  # noqa: S105 - of homes that live for one test
_MINUTE_S = 60


def act(device: Device, *argv: str, passphrase: str = PASSPHRASE) -> Told:
    """An act of the person, confirmed by the passphrase."""
    return device.done(*argv, "--passphrase-stdin", "--yes", stdin=f"{passphrase}\n")


def approved(fleet: Fleet, asking: Device, other: Device, spawn: Spawn, *argv: str) -> Told:
    """An act that waits until another device has said yes: what the other one was shown, and what came of it."""
    command = Command(spawn, asking, "--json", "--yes", *argv, "--wait")
    question = fleet.wait("the question arrives", lambda: told_list(other, "approvals"))[0]
    other.done("approve", str(question["id"])[:8], "--yes")
    answer = command.ended()
    assert answer.code == 0, answer
    return {"question": question, **answer.json}


def told_list(device: Device, call: str) -> list[Told]:
    """What a call lists."""
    found = device.call(call)[call]
    assert isinstance(found, list)
    return found


def document_of(device: Device, title: str) -> str:
    """A note's whole id."""
    return str(device.done("note", "show", title)["document"])


def void_of(device: Device) -> dict[str, Mapping[str, object]]:
    """Void groups by document."""
    found = device.done("void", "list")["void"]
    assert isinstance(found, list)
    return {str(one["document"]): one for one in found}


def test_an_agent_of_its_own_and_the_end_of_it(fleet: Fleet, spawn: Spawn) -> None:
    """Goal: another device approves an agent; it writes within its grant and in its name; an ungrant ends that."""
    one, other = fleet.linked(2)
    one.note("private")
    told = approved(fleet, one, other, spawn, "agents", "add", "claude", "--space", "work")
    assert told["question"]["says"] == ["grant claude@alder: create, edit, read of note in work"]  # type: ignore[index]
    written = one.done("note", "add", "by claude", "--space", "work", "--as", "claude")
    refused = one.mesh("--json", "note", "add", "elsewhere", MESH_AGENT="claude")
    assert (refused.code, refused.error["class"]) == (3, "NotGranted")
    assert [note["title"] for note in one.done("--as", "claude", "note", "list")["notes"]] == ["by claude"]  # type: ignore[attr-defined]
    for argv in (["rotate"], ["grant", "claude", "--space", "home"], ["approve"], ["join", "--new"]):
        assert one.mesh("--json", "--as", "claude", *argv).error["class"] == "NotGranted"
    fleet.converged()
    why = other.done("why", str(written["event"])[:12])
    assert (why["standing"], why["agent"], why["grant"]["name"]) == ("honoured", "claude", "alder")  # type: ignore[index]
    grants = one.done("grants", "claude")["grants"]
    assert isinstance(grants, list)
    (grant,) = grants
    approved(fleet, one, other, spawn, "ungrant", str(grant["id"])[:10])
    assert one.mesh("--json", "note", "add", "more", "--space", "work", "--as", "claude").code == 3
    fleet.converged()
    assert other.titles() == {"private", "by claude"}


def test_a_lost_device_and_what_it_wrote_since(fleet: Fleet) -> None:
    """Goal: one command takes it out as of a time; the thief's work is hidden, an honest piece of it comes back."""
    one, other, lost = fleet.linked(3)
    act_set(fleet, one, other)
    plan = one.note("plan", "first\n")
    lost.note("honest, before")
    fleet.converged()
    since = minute_passed(fleet)
    lost.done("note", "edit", plan, "--body", "first\nby a thief\n")
    fleet.converged()
    assert one.done("note", "show", plan)["body"] == "first\nby a thief\n"
    look = one.done("lost", "cedar", "--since", since, "--look")
    assert look["device"]["name"] == "cedar"  # type: ignore[index]
    told = act(one, "lost", "cedar", "--since", since)
    assert told["hidden"] == 1
    spaces = {space["space"]: space["documents"] for space in told["could_read"]["spaces"]}  # type: ignore[index]
    assert spaces["home"] == 2
    fleet.converged(one, other)
    for device in (one, other):
        assert device.done("note", "show", plan)["body"] == "first\n"
        assert list(void_of(device)) == [plan]
    fleet.wait("the lost device is refused", lambda: not lost.linked())
    # It may be cut off before it hears why; then it hears that as a guest.
    fleet.wait("the lost device is told", lambda: lost.status()["device"]["taken_out"])  # type: ignore[index]
    assert lost.mesh("--json", "note", "add", "too late").error["class"] == "NotGranted"
    one.note("after")
    fleet.converged(one, other)
    assert "after" in other.titles()
    assert "after" not in lost.titles()
    shown = other.done("void", "show", plan)["events"]
    assert isinstance(shown, list)
    assert [one["inserted"] for one in shown] == ["by a thief\n"]
    refused = other.mesh("--json", "void", "adopt", plan, "--ask")
    assert (refused.code, refused.error["class"]) == (3, "NotGranted")
    act(one, "void", "adopt", plan)
    fleet.converged(one, other)
    assert other.done("note", "show", plan)["body"] == "first\nby a thief\n"
    assert void_of(other) == {}
    closed = [device["closed"] for device in told_list(other, "devices") if device["name"] == "cedar"]
    assert [one["reason"] for one in closed if isinstance(one, dict)] == ["lost"]


def test_another_rank_while_everybody_runs(fleet: Fleet, spawn: Spawn) -> None:
    """Goal: the device goes on by itself under its new admission, in touch with all, and what it wrote stays."""
    one, other, third = fleet.linked(3)
    third.note("as admin")
    fleet.converged()
    told = approved(fleet, one, other, spawn, "rank", "cedar", "member")
    assert told["role"] == "member"

    own = told_list(third, "devices")
    fleet.wait("it takes up its new admission", lambda: device_id(third) == told["id"])
    assert device_id(third) not in {device["id"] for device in own}
    third.done("note", "add", "as member")
    fleet.converged()
    assert one.titles() == other.titles() == {"as admin", "as member"}
    assert third.mesh("--json", "rotate").error["class"] == "NotGranted"


def device_id(device: Device) -> object:
    """What a device is called."""
    told = device.status()["device"]
    assert isinstance(told, dict)
    return told["id"]


def act_set(fleet: Fleet, one: Device, other: Device) -> None:
    """Set a passphrase, which another device has to approve."""
    asked = one.mesh("--json", "passphrase", "set", "--passphrase-stdin", stdin=f"{PASSPHRASE}\n")
    assert asked.error["class"] == "NeedsApproval"
    name = str(asked.error["approval"])
    fleet.wait("the question arrives", lambda: [q for q in told_list(other, "approvals") if q["id"] == name])
    other.done("approve", name, "--yes")
    fleet.converged(one, other)
    one.done("passphrase", "set", "--passphrase-stdin", "--approved", name, stdin=f"{PASSPHRASE}\n")
    wrong = one.mesh("--json", "rotate", "--passphrase-stdin", stdin="a wrong one\n")
    assert wrong.error["class"] == "NeedsPassphrase"
    assert one.status()["passphrase"] is True


def minute_passed(fleet: Fleet) -> str:
    """A time after all that has come until now, in the next minute: ends are known to the minute."""
    now = time.time()
    since = now - now % _MINUTE_S + _MINUTE_S
    fleet.wait("the minute is over", lambda: time.time() > since + 1, _MINUTE_S + 30)
    return time.strftime("%Y-%m-%d %H:%M:%S", time.localtime(since))
