"""The morning view by real devices: what was written elsewhere, also in flight, is in it; and who is at work now."""

from __future__ import annotations

import pytest

from mesh.errors import MeshError
from tests.system.harness import Device, Fleet
from tests.unit.node.repositories import copied, made

pytestmark = pytest.mark.system


def test_notes_and_tasks_of_a_phone_in_flight_are_in_the_morning_view_of_the_mac(fleet: Fleet) -> None:
    """Goal (story A): written with no network and no agent; after landing the mac shows them in order, verified."""
    mac, phone = fleet.linked(2)
    fleet.converged()
    assert mac.mesh("brief").code == 0  # the last one before the flight
    phone.stop()
    phone.done("note", "add", "window seat was worth it", "--tag", "trip")
    phone.done("task", "add", "call the notary", "--priority", "0")
    phone.done("note", "add", "seeds: basil, dill")
    before = mac.done("brief")
    assert before["notes"] == before["tasks"] == []
    phone.start().served()
    fleet.converged()
    told = mac.done("brief")
    assert [note["title"] for note in told["notes"]] == ["seeds: basil, dill", "window seat was worth it"]  # type: ignore[attr-defined]
    assert [task["title"] for task in told["tasks"]] == ["call the notary"]  # type: ignore[attr-defined]
    for part in ("notes", "tasks_changed"):
        assert {one["updated"]["name"] for one in told[part]} == {"birch"}  # type: ignore[attr-defined]
    assert told["conflicts"]["count"] == 0  # type: ignore[index]
    assert mac.done("verify", "--deep")["ok"] is True
    text = mac.mesh("brief").out
    happened = text[text.index("What happened") :]
    places = [happened.index(words) for words in ("birch\n", "window seat", "call the notary", "seeds: basil")]
    assert places == sorted(places)
    assert text.index("call the notary") < text.index("What happened")  # it is ready as well
    assert "birch in sync" in text
    assert "\x1b" not in text
    phone.stop()
    seen = fleet.wait("the mac misses the phone", lambda: "birch last in touch" in mac.mesh("brief").out)
    assert seen


def test_who_is_at_work_is_known_on_every_device_in_reach_and_nowhere_in_the_log(fleet: Fleet) -> None:
    """Goal: presence comes and goes with sessions and links; only transitions are events."""
    mac, mini = fleet.linked(2)
    site = made(fleet.folder / "site")
    begun = mini.call("session.begin", tool="claude", native="7f3a", cwd=str(site))
    fleet.wait("the mac sees who is at work", lambda: _at_work(mac) == [("claude", "birch", "site", "working")])
    fleet.converged()
    events = mac.events
    for _ in range(5):
        mini.call("session.begin", tool="claude", native="7f3a", cwd=str(site))
    mini.call("session.state", id=begun["document"], state="waiting_input")
    fleet.wait("the mac sees that it waits", lambda: _at_work(mac) == [("claude", "birch", "site", "waiting_input")])
    fleet.converged()
    assert mac.events == events + 1
    shown = mac.done("brief")["at_work"]
    assert [one["session"] for one in shown] == [begun["document"]]  # type: ignore[attr-defined]
    copy = copied(site, fleet.folder / "copy")
    mac.call("project.of", cwd=str(copy))
    resumed = mac.done("session", "resume", "7f3a")
    assert resumed["command"] == f"cd {copy} && claude"
    mini.call("session.state", id=begun["document"], state="ended")
    fleet.wait("the mac sees that it ended", lambda: _at_work(mac) == [])
    mini.call("session.begin", tool="claude", native="8", cwd=str(site))
    fleet.wait("the mac sees the next one", lambda: bool(_at_work(mac)))
    mini.kill()
    fleet.wait("it went with its link", lambda: _at_work(mac) == [])


def _at_work(device: Device) -> list[tuple[str, str, str, str]]:
    found = device.status()["at_work"]
    if not isinstance(found, list):
        message = "no list"
        raise MeshError(message)
    return [(one["agent"], one["name"], one["project"], one["state"]) for one in found]
