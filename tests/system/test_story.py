"""The story: two devices, founded and joined by carried texts, write apart and come together."""

from __future__ import annotations

from collections.abc import Mapping

import pytest

from tests.system.harness import Device, Fleet

pytestmark = pytest.mark.system

PARAGRAPHS = "Seeds\n\nBuy carrots.\n\nWater\n\nEvery evening.\n"


def founded_and_joined(fleet: Fleet) -> tuple[Device, Device]:
    """Two devices of one mesh, by the real commands alone."""
    mac, laptop = fleet.empty("mac"), fleet.empty("laptop")
    told = mac.done("join", "--new", "--yes", "--name", "mac")
    assert set(told) == {"mesh", "device", "recovery_phrase"}
    assert len(str(told["recovery_phrase"]).split()) == 24
    request = str(laptop.done("join", "--request", "--name", "laptop")["request"])
    admission = str(mac.done("admit", "-", "--yes", "--rank", "admin", stdin=request)["admission"])
    joined = laptop.done("join", "--admission", "-", "--yes", stdin=admission)
    assert joined["mesh"] == told["mesh"]
    assert joined["device"] != told["device"]
    return mac, laptop


def value_of(told: Mapping[str, object], field: str) -> set[object]:
    """The values of a field that live side by side."""
    conflicts = told["conflicts"]
    assert isinstance(conflicts, list), told
    return {value["value"] for one in conflicts if one["field"] == field for value in one["values"]}


def test_notes_written_apart_are_on_both_devices_after_they_meet(fleet: Fleet) -> None:
    """Goal: what was written offline on both is whole on both, by the real commands, and both know that they agree."""
    mac, laptop = founded_and_joined(fleet)
    mac.done("note", "add", "from the mac")
    laptop.done(
        "note", "add", "--title", "from the laptop", "--body", "-", "--tag", "plane", stdin="written\nin flight\n"
    )
    mac.start().served()
    assert not mac.done("status")["in_sync"]
    laptop.start()
    laptop.done("peer", "add", mac.address)
    digest = fleet.converged()
    for device in (mac, laptop):
        status = device.done("status")
        assert (status["state_digest"], status["in_sync"], status["documents"]) == (digest, True, 2)
        notes = device.done("note", "list")["notes"]
        assert isinstance(notes, list)
        assert {note["title"] for note in notes} == {"from the mac", "from the laptop"}
        shown = device.done("note", "show", "from the laptop")
        assert (shown["body"], shown["tags"]) == ("written\nin flight\n", ["plane"])
        verified = device.done("verify", "--deep")
        assert (verified["ok"], verified["faults"]) == (True, [])
        assert device.done("rebuild")["same"] is True
    devices = mac.done("devices")["devices"]
    assert isinstance(devices, list)
    assert [(one["name"], one["role"], one["self"]) for one in devices] == [
        ("mac", "admin", True),
        ("laptop", "admin", False),
    ]


def test_edits_of_one_note_on_both_sides_at_once_live_side_by_side(fleet: Fleet) -> None:
    """Goal: nothing is overwritten silently: both titles are shown, with their devices, until somebody decides."""
    one, other = fleet.linked(2)
    document = one.note("title of old", PARAGRAPHS)
    fleet.converged()
    one.stop()
    other.stop()
    one.done("note", "edit", document, "--title", "title of one")
    other.done("note", "edit", document, "--title", "title of the other")
    one.start()
    other.start()
    fleet.converged()
    shown = [device.done("note", "show", document) for device in (one, other)]
    assert shown[0] == shown[1]
    assert value_of(shown[0], "title") == {"title of one", "title of the other"}
    assert all(device.status()["conflicts"] == 1 for device in (one, other))
    told = one.mesh("note", "show", document)
    assert told.code == 0
    assert "title of one" in told.out
    assert "title of the other" in told.out
    over = one.mesh("note", "edit", document, "--title", "title of both")
    assert over.code == 3, "nothing is written over in passing"
    (conflict,) = shown[0]["conflicts"]  # type: ignore[misc]
    assert str(conflict["id"])[:12] in over.err  # type: ignore[has-type]
    one.done("conflicts", "resolve", str(conflict["id"]), "--value", "title of both")  # type: ignore[has-type]
    fleet.converged()
    shown = [device.done("note", "show", document) for device in (one, other)]
    assert [(note["title"], note["conflicts"]) for note in shown] == [("title of both", [])] * 2


def test_edits_of_different_paragraphs_merge(fleet: Fleet) -> None:
    """Goal: a text that two devices changed at different places has both changes, on both."""
    one, other = fleet.linked(2)
    document = one.note("garden", PARAGRAPHS)
    fleet.converged()
    one.stop()
    other.stop()
    one.done("note", "edit", document, "--body", PARAGRAPHS.replace("carrots", "carrots and beans"))
    other.done("note", "edit", document, "--body", PARAGRAPHS.replace("Every evening", "Every second evening"))
    one.start()
    other.start()
    fleet.converged()
    wanted = PARAGRAPHS.replace("carrots", "carrots and beans").replace("Every evening", "Every second evening")
    for device in (one, other):
        assert device.done("note", "show", document)["body"] == wanted


def test_a_note_removed_here_and_edited_there_is_not_lost(fleet: Fleet) -> None:
    """Goal: delete against edit is a conflict that both show in the same way; the edit is still there."""
    one, other = fleet.linked(2)
    document = one.note("keep me?", "first\n")
    fleet.converged()
    one.stop()
    other.stop()
    one.done("note", "rm", document, "--yes")
    other.done("note", "edit", document, "--body", "first\nsecond\n")
    one.start()
    other.start()
    fleet.converged()
    shown = [device.done("note", "show", document) for device in (one, other)]
    assert shown[0] == shown[1]
    assert shown[0]["body"] == "first\nsecond\n"
