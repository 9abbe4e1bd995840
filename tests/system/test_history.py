"""The past of notes through the command line, on two devices: looked at, taken back, restored, at once and apart."""

from __future__ import annotations

import json

import pytest

from mesh.node.socket_client import Told
from tests.system.harness import Device, Fleet

pytestmark = pytest.mark.system

ESCAPE = "\x1b[31mred\x1b]0;title\x07\u202egnp"


class Two:
    """Two devices that part and meet."""

    def __init__(self, fleet: Fleet) -> None:
        """Linked, and of one mind."""
        self.fleet = fleet
        self.devices = fleet.linked(2)
        self.alder, self.birch = self.devices
        fleet.converged()

    def part(self) -> None:
        """No agent runs: what is written now, the other hears later."""
        for device in self.devices:
            device.stop()

    def meet(self) -> None:
        """Both run and have everything."""
        for device in self.devices:
            device.start()
        self.fleet.converged()

    def shown(self, document: str) -> Told:
        """What both show of a note, alike."""
        one, other = (device.done("note", "show", document) for device in self.devices)
        keys = ("title", "body", "tags", "path", "deleted")
        assert [one[key] for key in keys] == [other[key] for key in keys]
        return {key: one[key] for key in keys}


def event_of(told: Told) -> str:
    """The event that a command said."""
    return str(told["event"])


def entries(device: Device, document: str, *argv: str) -> list[Told]:
    """A page of a history."""
    found = device.done("history", document, *argv)["entries"]
    assert isinstance(found, list)
    return found


def test_a_change_is_taken_back_on_every_device_and_so_is_that(fleet: Fleet) -> None:
    """Goal: undo by the device that did not write it gives exactly the state before, everywhere; undo of undo too."""
    two = Two(fleet)
    document = str(two.alder.done("note", "add", "seeds", "--body", "one\ntwo\nthree\n", "--tag", "garden")["document"])
    before = two.alder.done("note", "show", document)
    edit = ("--title", "soil", "--body", "one\n2\nthree\nfour\n", "--untag", "garden", "--tag", "new", "--path", "a.md")
    event = event_of(two.alder.done("note", "edit", document, *edit))
    fleet.converged()
    after = two.shown(document)
    back = two.birch.done("undo", event[:10])
    assert (back["document"], back["undoes"]) == (document, event)
    fleet.converged()
    assert two.shown(document) == {key: before[key] for key in two.shown(document)}
    one, other = (entries(device, document) for device in two.devices)
    assert one == other
    assert [each["kind"] for each in one] == ["undone", "changed", "born"]
    assert (one[0]["undoes"], one[1]["undone_by"]) == (event, back["event"])
    two.alder.done("undo", event_of(back))
    fleet.converged()
    assert two.shown(document) == after


def test_independent_work_stays_and_dependent_work_is_named(fleet: Fleet) -> None:
    """Goal: what the other wrote meanwhile is there after an undo; what is built on a change keeps it, and says so."""
    two = Two(fleet)
    document = str(two.alder.done("note", "add", "seeds", "--body", "peas\nbeans\n")["document"])
    fleet.converged()
    event = event_of(two.alder.done("note", "edit", document, "--body", "peas and corn\nbeans\n", "--title", "soil"))
    fleet.converged()
    two.part()
    two.alder.done("undo", event)
    two.birch.done("note", "edit", document, "--body", "peas and corn\nbeans and kale\n", "--tag", "late")
    two.meet()
    shown = two.shown(document)
    assert (shown["title"], shown["body"], shown["tags"]) == ("seeds", "peas\nbeans and kale\n", ["late"])
    first = event_of(two.birch.done("note", "edit", document, "--title", "loam"))
    fleet.converged()
    later = event_of(two.alder.done("note", "edit", document, "--title", "peat"))
    fleet.converged()
    answer = two.birch.mesh("--json", "undo", first)
    assert answer.code == 3
    assert later[:12] in str(answer.error["message"])
    assert f"mesh undo {later[:12]}" in str(answer.error["hint"])
    assert two.shown(document)["title"] == "peat"


def test_both_take_back_the_same_while_they_are_apart(fleet: Fleet) -> None:
    """Goal: the words that both bring back are there once in the end, nothing is in conflict, nobody is asked."""
    two = Two(fleet)
    document = str(two.alder.done("note", "add", "seeds", "--body", "peas and beans\n")["document"])
    event = event_of(two.alder.done("note", "edit", document, "--body", "peas\n", "--title", "soil", "--tag", "x"))
    fleet.converged()
    two.part()
    undos = {event_of(device.done("undo", event)) for device in two.devices}
    assert len(undos) == 2
    two.meet()

    def once() -> bool:
        return all(device.done("note", "show", document)["body"] == "peas and beans\n" for device in two.devices)

    fleet.wait("the words are there once", once)
    fleet.converged()
    shown = two.shown(document)
    assert (shown["title"], shown["body"], shown["tags"]) == ("seeds", "peas and beans\n", [])
    assert all(device.done("conflicts")["conflicts"] == [] for device in two.devices)
    two.birch.done("undo", min(undos))
    fleet.converged()
    shown = two.shown(document)
    assert (shown["title"], shown["body"], shown["tags"]) == ("soil", "peas\n", ["x"])


def test_a_settlement_is_taken_back_and_its_values_stand_side_by_side(fleet: Fleet) -> None:
    """Goal: the conflict is open again on both devices, with both values; and settled again by the undo of that."""
    two = Two(fleet)
    document = str(two.alder.done("note", "add", "seeds")["document"])
    fleet.converged()
    two.part()
    for device, title in zip(two.devices, ("mine", "theirs"), strict=True):
        device.done("note", "edit", document, "--title", title)
    two.meet()
    (conflict,) = two.alder.done("conflicts")["conflicts"]  # type: ignore[misc]
    settled = two.alder.done("conflicts", "resolve", conflict["id"], "--value", "ours")  # type: ignore[has-type]
    fleet.converged()
    (event,) = settled["events"]  # type: ignore[misc]
    assert entries(two.birch, document)[0]["settles"] == conflict["id"]  # type: ignore[has-type]
    back = two.birch.done("undo", str(event))  # type: ignore[has-type]
    fleet.converged()
    for device in two.devices:
        (open_,) = device.done("conflicts")["conflicts"]  # type: ignore[misc]
        assert {value["value"] for value in open_["values"]} == {"mine", "theirs"}  # type: ignore[has-type]
    two.alder.done("undo", event_of(back))
    fleet.converged()
    assert two.shown(document)["title"] == "ours"
    assert all(device.done("conflicts")["conflicts"] == [] for device in two.devices)


def test_a_note_as_it_was_and_brought_back(fleet: Fleet) -> None:
    """Goal: at an event and at a time, what is different, restored on both; a removed note comes back by its birth."""
    two = Two(fleet)
    document = str(two.alder.done("note", "add", "seeds", "--body", "one\ntwo\n")["document"])
    birth = str(entries(two.alder, document)[0]["event"])
    two.alder.done("note", "edit", document, "--body", "one\n2\n", "--title", "soil")
    fleet.converged()
    was = two.birch.done("history", document, "--at", birth[:8])
    assert (was["title"], was["body"], was["events"]) == ("seeds", "one\ntwo\n", 1)
    assert two.birch.done("history", document, "--at", "now")["title"] == "soil"
    assert two.birch.mesh("--json", "history", document, "--at", "2001-01-01").code == 2
    lines = two.birch.mesh("history", document, "--at", birth, "--diff").out.splitlines()
    assert lines[1:] == ["- title: seeds", "+ title: soil", "", "  one", "- two", "+ 2"]
    two.birch.done("restore", document, "--at", birth)
    fleet.converged()
    assert (two.shown(document)["title"], two.shown(document)["body"]) == ("seeds", "one\ntwo\n")
    assert two.birch.mesh("--json", "restore", document, "--at", birth).code == 2
    gone = event_of(two.alder.done("undo", birth))
    fleet.converged()
    assert two.shown(document)["deleted"] is True
    assert str(two.birch.done("history", "seeds")["document"]) == document
    two.birch.done("undo", gone)
    fleet.converged()
    assert two.shown(document)["deleted"] is False


def test_hostile_texts_and_events_of_others(fleet: Fleet) -> None:
    """Goal: what is written to draw on a terminal is shown as text; a control event is refused, with what to do."""
    two = Two(fleet)
    document = str(two.alder.done("note", "add", "seeds")["document"])
    two.alder.done("note", "edit", document, "--body", f"{ESCAPE}\n" * 3, "--tag", "\u202egnp")
    fleet.converged()
    for argv in ([], ["--at", "now"], ["--at", str(entries(two.birch, document)[-1]["event"]), "--diff"]):
        out = two.birch.mesh("history", document, *argv).out
        assert "red" in out
        assert not any(character in out for character in "\x1b\x07\u202e")
    page = two.birch.done("history", document, "--limit", "1")
    assert len(page["entries"]) == 1  # type: ignore[arg-type]
    (last,) = entries(two.birch, document, "--limit", "1", "--before", str(page["next"]))
    assert last["kind"] == "born"
    log = json.loads(two.alder.mesh("--json", "log", "--limit", "100").out)["events"]
    grant = next(one["event"] for one in log if one["kind"] == "grant")
    answer = two.alder.mesh("--json", "undo", grant)
    assert answer.code == 3
    assert "mesh ungrant" in str(answer.error["hint"])
