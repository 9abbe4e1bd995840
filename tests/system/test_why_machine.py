"""`mesh why` about what a machine itself stops: a full disk on either side, a wrong clock, a body that is gone."""

from __future__ import annotations

import os
import shutil
import sqlite3
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest

from mesh.limits import MIB
from mesh.node.paths import database_path
from tests.system.answers import cause, codes, now_ms, seen, since, why
from tests.system.harness import Fleet
from tests.system.test_full_disks import DISK_BYTES, TEXT, fill

pytestmark = [
    pytest.mark.system,
    pytest.mark.skipif(os.geteuid() != 0, reason="a small disk of its own needs root to mount it"),
]

DAY_MS = 86_400_000


@pytest.fixture
def small_disk(tmp_home: Path) -> Iterator[Path]:
    """A disk of a few megabytes."""
    folder = tmp_home / "disk"
    folder.mkdir()
    size = f"size={DISK_BYTES + MIB}"
    subprocess.run(["mount", "-t", "tmpfs", "-o", size, "mesh-test", str(folder)], check=True, timeout=20)
    yield folder
    subprocess.run(["umount", "-l", str(folder)], check=True, timeout=20)


def test_a_full_disk_on_one_side(small_disk: Path, fleet: Fleet) -> None:
    """Goal: there it is the disk, and what is not here; on the other side it was sent, and not received."""
    one, template = fleet.joined(2)
    other = fleet.empty("disk/birch")
    shutil.copytree(template.home, other.home)
    fleet.devices.remove(template)
    one.start()
    other.start()
    fleet.link(other, one)
    one.note("before")
    fleet.converged()
    began = now_ms()
    ballast = fill(small_disk)
    event = ""
    for number in range(60):
        event = str(one.call("note.add", title=f"note {number}", body=TEXT)["event"])

    def not_received() -> bool:
        return ("not-received", "birch") in codes(why(one, event))

    fleet.wait("it is known that birch lacks it", not_received)
    told = why(one, event, "underway")
    found = cause(told, "not-received", "birch")
    since(found, began)
    seen(found, event[:12], "in touch now", "its last word")
    assert "`mesh doctor` on birch" in str(found["fix"])
    assert why(one, "birch")["state"] == "behind"
    fleet.wait("birch knows that it lacks something", lambda: ("not-here", "here") in codes(why(other, "alder")))
    told = why(other, "alder", "behind")
    found = cause(told, "disk-full", "here")
    seen(found, "0 MiB are free", "since then nothing was kept")
    since(found, began)
    seen(cause(told, "not-here", "here"), "of a chain of alder")
    assert "alder is in reach" in str(cause(told, "not-here", "here")["fix"])
    ballast.unlink()
    fleet.converged()
    assert codes(why(one, event, "everywhere")) == set()
    assert codes(why(other, "alder", "in sync")) == set()
    fleet.end()


def of_clock(folder: Path, ahead_s: int) -> str:
    """A PYTHONPATH under which a process has a clock that is wrong, as one has on a machine with a flat battery."""
    folder.mkdir()
    (folder / "sitecustomize.py").write_text(
        "import time\n"
        f"now, now_ns = time.time, time.time_ns\n"
        f"time.time = lambda: now() + {ahead_s}\n"
        f"time.time_ns = lambda: now_ns() + {ahead_s} * 10**9\n"
    )
    return str(folder)


def test_a_clock_that_is_wrong(fleet: Fleet) -> None:
    """Goal: told of the event and of its device, by how much, and how that is known; and nothing is lost by it."""
    alder, birch = fleet.joined(2)
    alder.start()
    birch.start(PYTHONPATH=of_clock(fleet.folder / "clock", 2 * DAY_MS // 1000))
    fleet.link(birch, alder)
    began = now_ms()
    event = str(birch.call("note.add", title="of the day after tomorrow", body="")["event"])
    fleet.converged()
    for subject in (event, "birch"):
        found = cause(why(alder, subject), "clock-skew", "birch")
        seen(found, "minutes ahead", event[:12])
        since(found, began)
        minutes = int(str(found["evidence"][0]).split()[2])  # type: ignore[index]
        assert 2 * 1440 - 5 <= minutes <= 2 * 1440 + 5
    assert ("clock-skew", "alder") not in codes(why(birch, "alder"))
    alder.note("right")
    assert codes(why(alder, "right")) <= {("not-received", "birch")}
    fleet.converged()


def test_a_body_that_is_gone(fleet: Fleet) -> None:
    """Goal: told here by the log, and on the other side by the receipt of the device that lacks it."""
    alder, birch = fleet.joined(2)
    event = str(alder.done("note", "add", "taken away", "--body", "its content")["event"])
    with sqlite3.connect(database_path(alder.home)) as db:
        count = db.execute("UPDATE event SET body = NULL WHERE digest = ?", (bytes.fromhex(event),)).rowcount
    db.close()
    assert count == 1
    alder.start()
    birch.start()
    fleet.link(birch, alder)
    fleet.wait("birch holds it", lambda: birch.call("log")["events"][0]["event"] == event)  # type: ignore[index]
    told = why(birch, event, "waits")
    seen(cause(told, "body-missing", "here"), "body missing", "of alder: 1 event")
    lacks = ("body-missing", "birch")
    fleet.wait("birch says so in its receipt", lambda: lacks in codes(why(alder, "birch")))
    seen(cause(why(alder, "birch"), *lacks), "its receipt says that it lacks the bodies of 1 event")
