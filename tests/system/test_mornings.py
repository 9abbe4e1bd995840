"""The morning view by real devices: what was written elsewhere, also in flight, is in it; and who is at work now."""

from __future__ import annotations

import os
import shutil
import subprocess
import time

import pytest

from mesh.errors import MeshError
from tests.system.commands import command
from tests.system.harness import Device, Fleet
from tests.unit.node.repositories import copied, made

DAY_MS = 86_400_000

pytestmark = pytest.mark.system


def yesterday(device: Device, *argv: str) -> None:
    """Run a command on a device whose clock is a day behind: what its process reads, not what mesh makes of it."""
    words = ["faketime", "-f", "-1d", *command(device.home), *argv]
    done = subprocess.run(words, capture_output=True, text=True, timeout=120, check=False)
    assert done.returncode == 0, done.stdout + done.stderr


@pytest.mark.skipif(shutil.which("faketime") is None, reason="faketime is not installed")
def test_notes_and_tasks_of_a_phone_in_flight_are_in_the_morning_view_of_the_mac(fleet: Fleet) -> None:
    """Goal (story A): written yesterday with no network and no agent; this morning the mac shows when, in order."""
    mac, phone = fleet.linked(2)
    fleet.converged()
    assert mac.mesh("brief").code == 0  # the last one before the flight
    phone.stop()
    began_ms = time.time_ns() // 1_000_000
    yesterday(phone, "note", "add", "window seat was worth it", "--tag", "trip")
    yesterday(phone, "task", "add", "call the notary", "--priority", "0")
    yesterday(phone, "note", "add", "seeds: basil, dill")
    ended_ms = time.time_ns() // 1_000_000
    before = mac.done("brief")
    assert before["notes"] == before["tasks"] == []
    phone.start().served()
    fleet.converged()
    told = mac.done("brief")
    assert [note["title"] for note in told["notes"]] == ["seeds: basil, dill", "window seat was worth it"]  # type: ignore[attr-defined]
    assert [task["title"] for task in told["tasks"]] == ["call the notary"]  # type: ignore[attr-defined]
    for part in ("notes", "tasks_changed"):
        assert {one["updated"]["name"] for one in told[part]} == {"birch"}  # type: ignore[attr-defined]
        times = [one["updated"]["at"] for one in told[part]]  # type: ignore[attr-defined]
        assert all(began_ms <= at + DAY_MS <= ended_ms for at in times), "as the phone's clock was"
    assert told["conflicts"]["count"] == 0  # type: ignore[index]
    assert mac.done("verify", "--deep")["ok"] is True
    text = mac.mesh("brief").out
    happened = text[text.index("What happened") :]
    places = [happened.index(words) for words in ("birch\n", "window seat", "call the notary", "seeds: basil")]
    assert places == sorted(places)
    assert text.index("call the notary") < text.index("What happened")  # it is ready as well
    assert "birch in sync" in text
    at_s = told["notes"][1]["updated"]["at"] / 1000  # type: ignore[index]
    assert time.strftime("%Y-%m-%d %H:%M", time.localtime(at_s)) in mac.mesh("brief", "--markdown").out
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


def test_what_comes_from_elsewhere_is_notified_once_and_written_into_files(fleet: Fleet) -> None:
    """Goal: the agent does both by itself, also after it was killed; what a person wrote into a file is not lost."""
    mac, mini = fleet.joined(2)
    shown, folder = fleet.folder / "shown", fleet.folder / "files"
    programs = fleet.folder / "bin"
    programs.mkdir()
    for name in ("notify-send", "osascript"):
        (programs / name).write_text(f'#!/bin/sh\necho "$@" >> "{shown}"\n')
        (programs / name).chmod(0o700)
    path = f"{programs}{os.pathsep}{os.environ['PATH']}"
    mac.start(PATH=path)
    mini.start()
    fleet.link(mini, mac)
    fleet.converged()
    assert mac.done("notify", "on")["on"] is True
    assert mac.done("projection", "on", folder)["problem"] == ""
    mini.done("ask", "new", "May the old server go?", "--option", "yes", "--option", "no")
    mini.call("task.add", title="call the notary")
    fleet.wait(
        "the mac tells of the question", lambda: shown.exists() and "May the old server go?" in shown.read_text()
    )
    tasks = folder / "TASKS.md"
    fleet.wait("the task is in a file", lambda: "call the notary" in tasks.read_text())
    mac.kill()
    tasks.write_text("a person's own words")
    mini.call("task.add", title="water the beans")
    mac.start(PATH=path)
    fleet.converged()
    fleet.wait("the next one too", lambda: "water the beans" in tasks.read_text())
    kept = [one.read_text() for one in folder.glob("TASKS.kept-*.md")]
    assert kept == ["a person's own words"]
    mini.done("ask", "new", "And the new one?", "--option", "yes", "--option", "no")
    fleet.wait("the mac tells of the second", lambda: "And the new one?" in shown.read_text(), 90.0)
    assert shown.read_text().count("May the old server go?") == 1


def _at_work(device: Device) -> list[tuple[str, str, str, str]]:
    found = device.status()["at_work"]
    if not isinstance(found, list):
        message = "no list"
        raise MeshError(message)
    return [(one["agent"], one["name"], one["project"], one["state"]) for one in found]
