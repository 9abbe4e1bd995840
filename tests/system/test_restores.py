"""A home that is backed up, lost and restored: nothing is lost, nobody is alarmed, nothing is half done."""

from __future__ import annotations

import os
import shutil
import signal
import subprocess
import time
from collections.abc import Sequence
from pathlib import Path

import pytest

from mesh.errors import DiskFull
from mesh.limits import MIB
from mesh.node.moving.staging import PREFIX
from tests.conftest import Spawn
from tests.system.commands import Answer, command
from tests.system.harness import Device, Fleet
from tests.system.sizes import sized
from tests.system.test_kills import joined, writing

pytestmark = pytest.mark.system

WORDS = "correct horse"
TEXT = "some text of a note\n" * 200
NOTES = 60
KILLS = 6
STEPS = sized(3, 12)
STEP_S = 0.05  # between the moments at which a command is killed, from when it is at work


def backed_up(device: Device, name: str = "backup.mesh") -> Path:
    """A sealed backup of a device."""
    file = device.home.with_name(name)
    answer = device.mesh("--json", "backup", file, MESH_PASSPHRASE=WORDS)
    assert answer.code == 0, answer
    assert answer.json["sealed"] is True
    assert file.stat().st_mode & 0o777 == 0o600
    return file


def restored(device: Device, file: Path) -> Answer:
    """Restore it into the device's home; what it answered."""
    answer = device.mesh("--json", "restore", file, MESH_PASSPHRASE=WORDS)
    assert answer.code == 0, answer
    assert answer.json["same_digest"] is True
    return answer


def quiet(*devices: Device) -> None:
    """No device has seen a fork, now or earlier."""
    for device in devices:
        assert "fork" not in str(device.status()["problems"]), device.last_words()
        assert device.status()["forks"] == [], device.last_words()
        assert not [line for line in device.logged() if line["what"] == "fork"], device.last_words()


def chains_of(device: Device) -> int:
    """How many chains the device itself has said something on."""
    events = device.done("log", "--limit", "1000", "--device", device.name)["events"]
    assert isinstance(events, list), events
    return len({event["chain"] for event in events})


def told(answer: Answer, kind: str) -> str:
    """The sentence of an error of this class."""
    assert answer.error["class"] == kind, answer
    assert answer.error["hint"], answer
    return str(answer.error["message"])


# ---------------------------------------------------------------- lost and restored


def test_a_restored_device_goes_on_and_nobody_is_alarmed(fleet: Fleet) -> None:
    """Goal: what was written after the backup comes back from the other device; new notes on both; never a fork."""
    first, second = fleet.linked(2)
    first.note("before")
    fleet.converged()
    file = backed_up(first)
    for number in range(30):
        first.note(f"after {number}")
    fleet.converged()
    wanted = first.titles()
    first.stop()
    shutil.rmtree(first.home)
    restored(first, file)
    assert first.titles_now() == {"before"}
    first.done("note", "add", "restored, offline")
    for round_ in range(3):  # each time it has more of its old chain to mistake for its own
        first.start().served()
        fleet.link(second, first)
        first.note(f"in round {round_}")
        fleet.converged()
        assert first.titles() == second.titles()
        quiet(first, second)
        first.stop()
        first.done("note", "add", f"offline after round {round_}")
    first.start().served()
    fleet.link(second, first)
    fleet.converged()
    rounds = {f"in round {n}" for n in range(3)} | {f"offline after round {n}" for n in range(3)}
    assert first.titles() == second.titles() == wanted | {"restored, offline"} | rounds
    quiet(first, second)
    assert first.done("verify", "--deep")["ok"] is True
    assert chains_of(first) == 3  # control and data from before, and one that all starts since went on with


def test_a_restored_founder_removes_nobody(fleet: Fleet) -> None:
    """Goal: a founder from before it let the second one in goes on, and both are in, with all that both wrote."""
    (first,) = fleet.joined(1)
    first.done("note", "add", "before")
    file = backed_up(first)
    second = fleet.empty("second")
    asked = second.done("join", "--request", "--name", "second")
    admission = first.done("admit", str(asked["request"]), "--yes")["admission"]
    second.done("join", "--admission", str(admission), "--yes")
    second.done("note", "add", "by the second")
    shutil.rmtree(first.home)
    restored(first, file)
    assert "second" not in {one["name"] for one in first.done("devices")["devices"]}  # type: ignore[attr-defined]
    first.done("note", "add", "restored, it knows of nobody")
    first.start()
    second.start()
    fleet.link(second, first)
    fleet.converged()
    for device in (first, second):
        devices = device.call("devices")["devices"]
        assert {(one["name"], bool(one.get("closed"))) for one in devices} == {  # type: ignore[attr-defined]
            (first.name, False),
            ("second", False),
        }
        assert device.titles() == {"before", "by the second", "restored, it knows of nobody"}
    first.note("and on")
    fleet.converged()
    quiet(first, second)


def test_two_restores_of_one_backup_are_a_clone_that_harms_nobody(fleet: Fleet) -> None:
    """Goal: both go on under one name; all they write arrives everywhere, and not even a fork is seen."""
    first, second = fleet.linked(2)
    first.note("before")
    fleet.converged()
    file = backed_up(first)
    first.stop()
    shutil.rmtree(first.home)
    twin = fleet.empty("twin")
    for copy in (first, twin):
        restored(copy, file)
        copy.done("note", "add", f"by {copy.name}")
    for copy in (first, twin, first):
        copy.start().served()
        copy.note(f"online {copy.name}")
        fleet.link(second, copy)
        fleet.converged(copy, second)
        quiet(copy, second)
        copy.stop()
    assert second.titles() == {
        "before",
        *(f"{word} {copy.name}" for word in ("by", "online") for copy in (first, twin)),
    }


def test_a_backup_is_one_moment_of_a_busy_agent(fleet: Fleet) -> None:
    """Goal: while three callers write, what was acknowledged before is in it, and its own digest holds."""
    (device,) = fleet.joined(1)
    device.start()
    writers = writing(fleet, device)
    before = {title for writer in writers for title in list(writer.acknowledged)}
    file = backed_up(device)
    device.stop()
    after = joined(writers)
    copy = fleet.empty("copy")
    answer = restored(copy, file)
    assert before <= copy.titles_now() <= device.titles_now()
    assert after <= device.titles_now()
    assert answer.json["documents"] == len(copy.titles_now())


# ---------------------------------------------------------------- interrupted


def killed_at(spawn: Spawn, argv: Sequence[str | Path], moment_s: float, **env: str) -> int:
    """Run a command and kill it after so long; its code, negative when it was still running."""
    process = spawn(
        argv, stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, env={**os.environ, **env}
    )
    time.sleep(moment_s)
    process.send_signal(signal.SIGKILL)
    return process.wait()


def many_notes(device: Device) -> None:
    """Enough that a backup takes its time."""
    device.start()
    for number in range(NOTES):
        device.note(f"note {number}", TEXT)
    device.stop()


def junk(folder: Path) -> list[str]:
    """What a killed command left."""
    return [path.name for path in folder.iterdir() if path.name.startswith(PREFIX)]


def begun(spawn: Spawn, home: Path, *words: str | Path, **env: str) -> subprocess.Popen[bytes]:
    """A command that has begun to put something together in a home, or has ended already."""
    process = spawn(
        [*command(home), *words],
        stdin=subprocess.DEVNULL,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
        env={**os.environ, **env},
    )
    while process.poll() is None and not (home.exists() and junk(home)):
        time.sleep(0.001)
    return process


def test_a_backup_killed_at_any_moment_leaves_the_old_file_or_a_whole_one(fleet: Fleet, spawn: Spawn) -> None:
    """Goal: kill -9 anywhere: under its name there is what was there before, or a backup that can be restored."""
    (device,) = fleet.joined(1)
    many_notes(device)
    file = device.home.with_name("b.mesh")
    file.write_bytes(b"old")
    codes, whole = set(), 0
    for number in range(STEPS):
        process = begun(spawn, device.home, "backup", file, "--force")
        time.sleep(number * STEP_S)
        process.send_signal(signal.SIGKILL)
        codes.add(process.wait() < 0)
        if file.read_bytes() != b"old":
            whole += 1
            copy = fleet.empty(f"copy-{number}")
            restored(copy, file)
            assert len(copy.titles_now()) == NOTES
            file.write_bytes(b"old")
    assert True in codes, "none was killed"
    backed_up(device, "last.mesh")
    assert not junk(device.home), "the next backup takes away what killed ones left"


def test_a_restore_killed_at_any_moment_leaves_nothing_or_a_whole_home(fleet: Fleet, spawn: Spawn) -> None:
    """Goal: kill -9 anywhere: the home is in no mesh, and restoring again works; or it is restored whole."""
    (device,) = fleet.joined(1)
    many_notes(device)
    file = backed_up(device)
    killed = 0
    for number in range(STEPS):
        copy = fleet.empty(f"copy-{number}")
        process = begun(spawn, copy.home, "restore", file, MESH_PASSPHRASE=WORDS)
        time.sleep(number * STEP_S)
        process.send_signal(signal.SIGKILL)
        killed += process.wait() < 0
        if not (copy.home / "secrets").exists():
            assert told(copy.mesh("--json", "status"), "Misuse")
            restored(copy, file)
        assert len(copy.titles_now()) == NOTES
        assert not junk(copy.home)
    assert killed, "none was killed"


def test_ctrl_c_leaves_no_half_file(fleet: Fleet, spawn: Spawn) -> None:
    """Goal: exit 130, and no half file is left, in folder or home; the interrupt may come after the last step."""
    (device,) = fleet.joined(1)
    many_notes(device)
    file = device.home.with_name("b.mesh")
    codes = []
    for number in range(STEPS):
        process = begun(spawn, device.home, "backup", file, "--force")
        time.sleep(number * STEP_S)
        process.send_signal(signal.SIGINT)
        codes.append(process.wait(30))
        if file.exists():
            assert fleet.empty(f"again-{number}").done("restore", file)["same_digest"] is True
        assert not junk(device.home)
        assert not list(file.parent.glob(".b.mesh*"))
        file.unlink(missing_ok=True)
    assert set(codes) & {130}, codes


# ---------------------------------------------------------------- what is no backup


def test_what_is_no_backup_is_refused_and_leaves_nothing(fleet: Fleet) -> None:
    """Goal: garbage, cuts, flips, a wrong passphrase, a text, nothing: a sentence, and no home."""
    (device,) = fleet.joined(1)
    device.done("note", "add", "one", "--body", TEXT)
    sealed = backed_up(device).read_bytes()
    clear = device.home.with_name("clear.mesh")
    answer = device.mesh("backup", clear)
    assert "not sealed" in answer.err
    plain = clear.read_bytes()
    half = len(plain) // 2
    flipped = plain[:half] + bytes([plain[half] ^ 1]) + plain[half + 1 :]
    wrong = (b"", b"garbage" * 1000, plain[:-1], flipped, sealed[:-1], sealed + b"x", sealed[:60] + b"x" + sealed[61:])
    empty = fleet.empty("empty")
    file = fleet.folder / "wrong.mesh"
    for content in wrong:
        file.write_bytes(content)
        answer = empty.mesh("--json", "restore", file, MESH_PASSPHRASE=WORDS)
        assert answer.code == 3, (content[:40], answer)
        assert answer.error["hint"]
        assert not empty.home.exists()
    file.write_bytes(sealed)
    assert "passphrase" in told(empty.mesh("--json", "restore", file), "Refused")
    assert "passphrase" in told(empty.mesh("--json", "restore", file, MESH_PASSPHRASE=WORDS[1:]), "Refused")
    for path in (fleet.folder / "nowhere", fleet.folder):
        assert told(empty.mesh("--json", "restore", path), "Misuse")
    assert not empty.home.exists()


def test_a_home_that_is_there_is_never_restored_over(fleet: Fleet) -> None:
    """Goal: a joined home, one that asked, and a folder with something else: exit 2, a hint, all as it was."""
    device, other = fleet.joined(2)
    file = backed_up(device)
    asked = fleet.empty("asked")
    asked.done("join", "--request")
    strange = fleet.empty("strange")
    strange.home.mkdir()
    (strange.home / "thesis.txt").write_text("mine")
    for home in (device, other, asked, strange):
        before = sorted(path.name for path in home.home.iterdir())
        assert "--home" in str(home.mesh("--json", "restore", file, MESH_PASSPHRASE=WORDS).error["hint"])
        assert sorted(path.name for path in home.home.iterdir()) == before
    assert "--force" in str(device.mesh("--json", "backup", file).error["hint"])
    assert device.mesh("--json", "backup", file, "--force").code == 0


@pytest.mark.skipif(os.geteuid() != 0, reason="a small disk of its own needs root to mount it")
def test_a_full_disk_takes_no_half_backup_and_no_half_home(fleet: Fleet) -> None:
    """Goal: exit 5 and one sentence; the disk is as empty as before; with room again it works."""
    (device,) = fleet.joined(1)
    many_notes(device)
    file = backed_up(device)
    disk = fleet.folder / "disk"
    disk.mkdir()
    mount = ["mount", "-t", "tmpfs", "-o", f"size={MIB // 2}", "mesh-test", str(disk)]
    subprocess.run(mount, check=True, timeout=20)
    try:
        small = fleet.empty("disk/home")
        for words in (("backup", disk / "b.mesh"), ("--home", small.home, "restore", file)):
            answer = device.mesh("--json", *words, MESH_PASSPHRASE=WORDS)
            assert answer.code == DiskFull.exit_code, answer
            assert told(answer, "DiskFull")
            assert not list(disk.iterdir()), words
        subprocess.run(["mount", "-o", f"remount,size={64 * MIB}", str(disk)], check=True, timeout=20)
        restored(small, file)
        assert len(small.titles_now()) == NOTES
    finally:
        subprocess.run(["umount", "-l", str(disk)], check=True, timeout=20)
