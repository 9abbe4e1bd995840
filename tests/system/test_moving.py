"""A home that wakes up on another machine, and a device that leaves: asked first, never guessed, never half done."""

from __future__ import annotations

import os
import pty
import shutil
import subprocess
import time
from collections.abc import Sequence
from pathlib import Path

import pytest

from mesh.errors import Elsewhere
from mesh.node.moving import machine
from tests.conftest import Spawn
from tests.system.commands import command
from tests.system.harness import Device, Fleet
from tests.system.test_restores import KILLS, WORDS, backed_up, killed_at, quiet, told

pytestmark = pytest.mark.system

NEW = {machine.VARIABLE: "the new machine"}


# ---------------------------------------------------------------- another machine


def carried(fleet: Fleet, device: Device) -> Device:
    """The home of a device as it was copied to the new machine."""
    copy = fleet.empty("carried")
    shutil.copytree(device.home, copy.home)
    return copy


def on_the_old_machine(fleet: Fleet, monkeypatch: pytest.MonkeyPatch) -> tuple[Device, Device]:
    """Two devices, linked, on a machine that has a name."""
    made = fleet.joined(2)
    monkeypatch.setenv(machine.VARIABLE, "the old machine")
    for device in made:
        machine.record(device.home)
        device.start()
    fleet.link(made[1], made[0])
    made[0].note("before")
    fleet.converged()
    return made[0], made[1]


def test_a_home_on_another_machine_asks_before_it_does_anything(fleet: Fleet, monkeypatch: pytest.MonkeyPatch) -> None:
    """Goal: every command refuses with one sentence and both answers; nothing in the home changes; `moved` goes on."""
    first, second = on_the_old_machine(fleet, monkeypatch)
    first.stop()
    copy = carried(fleet, first)
    listed = sorted(path.name for path in copy.home.iterdir())
    for words in (
        ("status",),
        ("note", "add", "x"),
        ("up",),
        ("agent",),
        ("join", "--request"),
        ("backup", "f"),
        ("verify",),
    ):
        answer = copy.mesh("--json", *words, **NEW)
        assert "another machine" in told(answer, Elsewhere.__name__), words
        assert "mesh moved --second-device" in str(answer.error["hint"])
    assert sorted(path.name for path in copy.home.iterdir()) == listed
    answer = copy.mesh("--json", "moved", **NEW)
    assert (answer.code, answer.json["name"], answer.json["second_device"]) == (0, first.name, False)
    copy.start(**NEW).served()
    copy.note("after the move")
    fleet.link(second, copy)
    fleet.converged(copy, second)
    first.done("note", "add", "the old machine goes on all the same")
    copy.stop()
    first.start().served()
    fleet.link(second, first)
    fleet.converged(first, second)
    assert second.titles() == {"before", "after the move", "the old machine goes on all the same"}
    quiet(first, second)


def test_a_copy_becomes_a_second_device(fleet: Fleet, monkeypatch: pytest.MonkeyPatch) -> None:
    """Goal: fresh keys, in no mesh, the old home set aside and whole; it joins as another device."""
    first, second = on_the_old_machine(fleet, monkeypatch)
    first.stop()
    copy = carried(fleet, first)
    answer = copy.mesh("--json", "moved", "--second-device", **NEW)
    assert answer.code == 0, answer
    aside = Path(str(answer.json["set_aside"]))
    told(copy.mesh("--json", "status", **NEW), "Misuse")
    request = copy.mesh("--json", "join", "--request", "--name", "new", **NEW).json["request"]
    admission = second.mesh("--json", "admit", str(request), "--yes", "--rank", "member").json["admission"]
    joined_ = copy.mesh("--json", "join", "--admission", str(admission), "--yes", **NEW).json
    assert joined_["device"] != answer.json["device"]
    copy.start(**NEW).served()
    fleet.link(second, copy)
    fleet.converged(copy, second)
    assert copy.titles() == {"before"}
    whole = fleet.empty("whole")
    shutil.copytree(aside, whole.home)
    assert told(whole.mesh("--json", "status", **NEW), Elsewhere.__name__)
    assert whole.titles_now() == {"before"}  # on the old machine it would have gone on
    quiet(copy, second)


def test_a_restore_belongs_to_the_machine_it_was_made_on(fleet: Fleet, monkeypatch: pytest.MonkeyPatch) -> None:
    """Goal: no question after a restore elsewhere: it means a new chain already."""
    first, _ = on_the_old_machine(fleet, monkeypatch)
    file = backed_up(first)
    copy = fleet.empty("copy")
    assert copy.mesh("restore", file, MESH_PASSPHRASE=WORDS, **NEW).code == 0
    assert copy.mesh("note", "add", "x", **NEW).code == 0
    assert told(copy.mesh("--json", "status"), Elsewhere.__name__)


def answered(spawn: Spawn, argv: Sequence[str | Path], answer: str) -> tuple[int, str]:
    """Run a command for a person who types this; its code and what it said."""
    terminal, theirs = pty.openpty()
    try:
        process = spawn(argv, stdin=theirs, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, env={**os.environ, **NEW})
        os.write(terminal, f"{answer}\n".encode())
        said, _ = process.communicate(timeout=90)
    finally:
        os.close(terminal)
        os.close(theirs)
    return process.returncode, said.decode()


def test_a_person_is_asked_what_happened(fleet: Fleet, spawn: Spawn, monkeypatch: pytest.MonkeyPatch) -> None:
    """Goal: `up` and `join` ask on a terminal; no answer changes nothing; either answer goes on with the command."""
    (device,) = fleet.joined(1)
    monkeypatch.setenv(machine.VARIABLE, "the old machine")
    machine.record(device.home)
    code, said = answered(spawn, [*command(device.home), "up"], "perhaps")
    assert (code, "second device?" in said) == (3, True), said
    assert machine.recorded(device.home) == machine.identity()
    copy = carried(fleet, device)
    code, said = answered(spawn, [*command(device.home), "--interface", "127.0.0.1", "up"], "m")
    assert code == 0, said
    assert device.mesh("down", **NEW).code == 0
    code, said = answered(spawn, [*command(copy.home), "join", "--request"], "s")
    assert code == 0, said
    assert "mesh-request-1." in said
    assert list(copy.home.glob("set-aside-*/secrets"))


# ---------------------------------------------------------------- leaving


def test_who_leaves_takes_nothing_from_the_others(fleet: Fleet) -> None:
    """Goal: with a peer that holds all: the agent ends, the home is gone but for strange files; the peer keeps all."""
    first, second = fleet.linked(2)
    first.note("stays")
    fleet.converged()
    (first.home / "thesis.txt").write_text("mine")
    (first.home / "log" / "mine").write_text("mine")
    told(first.mesh("--json", "leave"), "Misuse")  # nobody says yes
    assert first.titles() == {"stays"}
    pid = first.pid
    answer = first.mesh("--json", "leave", "--yes")
    assert answer.code == 0, answer
    assert answer.json["stays"] == ["log", "thesis.txt"]
    assert first.ended() == 0, pid
    left = sorted(str(path.relative_to(first.home)) for path in first.home.rglob("*"))
    assert left == ["log", "log/mine", "thesis.txt"]
    assert second.titles() == {"stays"}
    assert first.name in str(second.done("devices")["devices"])
    assert second.done("verify", "--deep")["ok"] is True
    told(first.mesh("--json", "leave", "--yes"), "Misuse")


def test_what_is_nowhere_else_is_not_left_without_force(fleet: Fleet) -> None:
    """Goal: without an agent, without a peer, or with a peer that lacks something: exit 3; --force goes."""
    first, second = fleet.joined(2)
    first.done("note", "add", "only here")
    assert "not known" in told(first.mesh("--json", "leave", "--yes"), "Refused")
    first.start()
    assert "not known" in told(first.mesh("--json", "leave", "--yes"), "Refused")
    assert first.done("note", "list")["notes"]
    first.stop()
    assert first.mesh("leave", "--yes", "--force").code == 0
    assert not first.home.exists()
    assert second.done("verify")["ok"] is True


def test_a_leave_killed_at_any_moment_is_finished_by_another(fleet: Fleet, spawn: Spawn) -> None:
    """Goal: kill -9 anywhere: the home is whole, or without keys for ever; a second call takes the rest away."""
    (made,) = fleet.joined(1)
    whole = _to_leave(fleet, made, "whole")
    began = time.monotonic()
    whole.done("leave", "--yes", "--force")
    took_s = time.monotonic() - began
    states = set()
    for number in range(KILLS):
        device = _to_leave(fleet, made, f"leaving-{number}")
        words = [*command(device.home), "leave", "--yes", "--force"]
        if number == KILLS - 1:
            _killed_without_keys(device, spawn(words, stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL))
        else:
            killed_at(spawn, words, took_s * (number + 1) / KILLS)
        keys = (device.home / "secrets").exists()
        states.add((device.home.exists(), keys))
        if device.home.exists():
            if not keys:
                assert device.mesh("--json", "note", "add", "x").code == 2
            assert device.mesh("--json", "leave", "--yes", "--force").code == 0
        assert not device.home.exists()
    assert len(states) > 1, states


def _to_leave(fleet: Fleet, made: Device, name: str) -> Device:
    """A copy of a home, with enough files to be killed among them."""
    device = fleet.empty(name)
    shutil.copytree(made.home, device.home)
    (device.home / "nats").mkdir(exist_ok=True)
    for number in range(300):
        (device.home / "nats" / f"nats-server_{number}.ports").write_text("x")
    return device


def _killed_without_keys(device: Device, process: subprocess.Popen[bytes]) -> None:
    """As soon as the keys are gone."""
    while (device.home / "secrets").exists() and process.poll() is None:
        time.sleep(0.001)
    process.kill()
    process.wait()
