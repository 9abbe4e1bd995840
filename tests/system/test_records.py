"""Records with real agents: found on the other device, changed apart, in conflict, settled, taken back, rebuilt."""

from __future__ import annotations

import pytest

from mesh.node.socket_client import Told
from tests.system.harness import Device, Fleet

pytestmark = pytest.mark.system


def hits(device: Device, *words: str) -> list[Told]:
    """What a search finds."""
    found = device.done("search", *words)["hits"]
    assert isinstance(found, list)
    return found


def test_a_task_is_found_changed_apart_and_settled(fleet: Fleet) -> None:
    """Goal: a task made on one device is found by its words on the other; edits apart merge or are a conflict there."""
    alder, birch = fleet.linked(2)
    note = alder.note("Pump", "The valve of the old pump leaks.")
    task = str(alder.done("task", "add", "Repair the pump's valve")["document"])
    fleet.converged()
    assert {str(hit["document"]) for hit in hits(birch, "valve")} == {note, task}
    assert hits(birch, "valve")[0]["document"] == task, "its title has the word"
    assert [hit["document"] for hit in hits(birch, "valve", "--type", "note")] == [note]
    alder.stop()
    birch.stop()
    alder.done("task", "block", task, "no spare part")
    birch.done("task", "done", task)
    alder.start()
    birch.start()
    fleet.converged()
    for device in (alder, birch):
        told = device.done("conflicts", "--document", task)["conflicts"]
        assert isinstance(told, list)
        assert [(one["title"], one["field"]) for one in told] == [("Repair the pump's valve", "state")]
        assert {value["value"] for value in told[0]["values"]} == {"blocked", "done"}
    rows = alder.done("history", task)["entries"]
    assert isinstance(rows, list)
    blocked = next(str(row["event"]) for row in rows if "no spare part" in str(row["summary"]))
    birch.done("undo", blocked)
    fleet.converged()
    for device in (alder, birch):
        assert device.done("conflicts", "--document", task)["conflicts"] == []
        (hit,) = hits(device, "repair")
        assert (hit["state"], hit["title"]) == ("done", "Repair the pump's valve")
    before = hits(alder, "pump")
    alder.done("rebuild")
    assert [hit["document"] for hit in hits(alder, "pump")] == [hit["document"] for hit in before]
    fleet.converged()
