"""A home on a disk that fills up: writes are refused with one sentence, reads go on, and it recovers by itself."""

from __future__ import annotations

import os
import shutil
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest

from mesh.errors import DiskFull
from mesh.limits import MIB
from tests.system.harness import Device, Fleet

pytestmark = [
    pytest.mark.system,
    pytest.mark.skipif(os.geteuid() != 0, reason="a small disk of its own needs root to mount it"),
]

DISK_BYTES = 6 * MIB
TEXT = "some text of a note\n" * 400


@pytest.fixture
def small_disk(tmp_home: Path) -> Iterator[Path]:
    """A disk of a few megabytes."""
    folder = tmp_home / "disk"
    folder.mkdir()
    subprocess.run(
        ["mount", "-t", "tmpfs", "-o", f"size={DISK_BYTES}", "mesh-test", str(folder)], check=True, timeout=20
    )
    yield folder
    subprocess.run(["umount", "-l", str(folder)], check=True, timeout=20)


def on_small_disk(fleet: Fleet) -> Device:
    """A device whose home lies on the small disk."""
    (made,) = fleet.joined(1)
    device = fleet.empty("disk/home")
    shutil.copytree(made.home, device.home)
    return device


def fill(folder: Path) -> Path:
    """Take all the room there is."""
    ballast = folder / "ballast"
    with ballast.open("wb", buffering=0) as file:
        for size in (MIB, 4096, 1):
            try:
                while True:
                    file.write(bytes(size))
            except OSError:
                continue
    return ballast


@pytest.mark.parametrize("agent", [False, True], ids=["no agent", "agent"])
def test_a_full_disk_refuses_writes_and_nothing_else(small_disk: Path, fleet: Fleet, *, agent: bool) -> None:
    """Goal: exit 5 and one sentence for each write, reads go on; with room again so do writes, and nothing is half."""
    device = on_small_disk(fleet)
    if agent:
        device.start().served()
    kept = {"first"}
    document = str(device.done("note", "add", "first", "--body", TEXT)["document"])
    ballast = fill(small_disk)
    for number in range(200):
        answer = device.mesh("--json", "note", "add", f"note {number}", "--body", TEXT)
        if answer.code:
            break
        kept.add(f"note {number}")
    assert answer.code == DiskFull.exit_code, answer
    assert answer.error["class"] == "DiskFull", answer
    assert answer.error["hint"]
    for words in (("note", "edit", document, "--body", TEXT * 2), ("note", "add", "one more", "--body", TEXT)):
        assert device.mesh("--json", *words).code == DiskFull.exit_code
    if agent:
        assert device.titles_now() == kept
        assert device.done("note", "show", document)["body"] == TEXT
        assert device.done("status")["documents"] == len(kept)
        assert device.done("log")["events"]
    else:  # SQLite needs 32 KiB to open a database; where there is not even that, it says the same
        answer = device.mesh("--json", "note", "list")
        assert answer.code == 0 or answer.error["class"] == "DiskFull", answer
    ballast.unlink()
    device.done("note", "add", "with room again", "--body", TEXT)
    assert device.titles_now() == kept | {"with room again"}
    assert device.done("verify", "--deep")["ok"] is True
    assert device.done("rebuild")["same"] is True
    if agent:
        device.stop()


def test_a_full_disk_on_one_side_of_a_link_heals_into_convergence(small_disk: Path, fleet: Fleet) -> None:
    """Goal: what cannot be kept is not acknowledged to the other device either; with room again both converge."""
    one, template = fleet.joined(2)
    other = fleet.empty("disk/home")
    shutil.copytree(template.home, other.home)
    fleet.devices.remove(template)
    one.start()
    other.start()
    fleet.link(other, one)
    fleet.converged()
    ballast = fill(small_disk)
    titles = {f"note {number}" for number in range(60)}
    for title in titles:
        one.note(title, TEXT)
    fleet.wait("one sees that the other lacks them", lambda: not one.status()["in_sync"])
    assert not titles <= other.titles()
    ballast.unlink()
    fleet.converged()
    assert other.titles() == titles
    assert other.call("verify", deep=True)["ok"]
    fleet.end()


def test_the_doctor_on_a_full_disk(small_disk: Path, fleet: Fleet) -> None:
    """Goal: it says that the disk is full, and looks at everything else all the same."""
    device = on_small_disk(fleet)
    device.start().served()
    fill(small_disk)
    answer = device.mesh("--json", "doctor")
    assert answer.code == DiskFull.exit_code, answer
    checks = answer.json["checks"]
    assert isinstance(checks, list)
    found = {check["name"]: check for check in checks}
    assert found["disk"]["ok"] is False
    assert "Free some space" in found["disk"]["fix"]
    assert found["agent"]["ok"] is True
    assert not [check for check in checks if "fault of mesh" in check["fix"]]
