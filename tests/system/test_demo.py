"""The demonstration comes true here as it does for a person, and leaves nothing behind."""

from __future__ import annotations

import os
import signal
import subprocess
import tempfile
import time
from pathlib import Path

import pytest

from tests.conftest import Spawn
from tests.system.commands import command, mesh, processes_in

pytestmark = pytest.mark.system

ALL = ["founded", "joined", "written", "cut_off", "returned", "conflicting"]
ALL += ["inspected", "handed_over", "briefed", "killed", "forged", "checked"]


@pytest.fixture
def place(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Where the demonstration makes its folder."""
    folder = Path(tempfile.mkdtemp(dir=tmp_path.anchor + "tmp", prefix="d-"))  # short: a socket has 104 bytes
    monkeypatch.setenv("TMPDIR", str(folder))
    return folder


def test_every_step_comes_true_with_the_notes_of_a_person(tmp_path: Path, place: Path) -> None:
    """Goal: join by code, part, write at once, meet, kill, forge; every figure that is promised is there."""
    notes = tmp_path / "notes"
    notes.mkdir()
    for number in range(20):
        (notes / f"{number}.md").write_text(f"# Note {number}\n\nfrom a folder\n")
    told = mesh(tmp_path / "unused", "--json", "demo", "--notes", notes).json
    assert told["ok"] is True, told
    steps = told["steps"]
    assert isinstance(steps, list)
    assert [step["name"] for step in steps] == [*ALL[:3], "imported", *ALL[3:]]
    assert all(step["ok"] for step in steps)
    assert told["acknowledged"] == told["kept"]
    assert isinstance(told["kept"], int)
    assert told["kept"] > 900
    assert told["refused"] == 2
    digests, conflicts = told["digests"], told["conflicts"]
    assert isinstance(digests, dict)
    assert (len(digests), len(set(digests.values()))) == (3, 1)
    assert isinstance(conflicts, list)
    assert [len(one["values"]) for one in conflicts] == [2, 2]
    assert {one["kind"] for one in conflicts} == {"register", "text"}
    assert not (tmp_path / "unused").exists()
    assert list(place.iterdir()) == []


def test_ctrl_c_in_the_middle_leaves_no_process_and_no_file(tmp_path: Path, place: Path, spawn: Spawn) -> None:
    """Goal: whoever has seen enough gets the machine back as it was."""
    output = tmp_path / "out"
    with output.open("wb") as out:
        process = spawn([*command(tmp_path / "unused"), "demo"], stdout=out, stderr=out, stdin=subprocess.DEVNULL)
    until = time.monotonic() + 60
    while b"phone join" not in output.read_bytes() and time.monotonic() < until:
        time.sleep(0.05)
    os.kill(process.pid, signal.SIGINT)
    assert process.wait(60) == 130, output.read_text()
    assert processes_in(place) == {}
    assert list(place.iterdir()) == []


def test_a_folder_that_is_none_is_misuse_before_anything_starts(tmp_path: Path, place: Path) -> None:
    """Goal: one clear sentence, exit code 2, nothing made."""
    answer = mesh(tmp_path / "unused", "--json", "demo", "--notes", tmp_path / "missing")
    assert answer.code == 2
    assert "is no folder" in str(answer.error["message"])
    assert list(place.iterdir()) == []
