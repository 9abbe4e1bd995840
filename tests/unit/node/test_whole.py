"""Files appear whole or not at all, and what a killed process left does not stay."""

from __future__ import annotations

import errno
import os
import resource
import signal
import stat
import subprocess
import sys
import threading
from collections.abc import Iterator
from contextlib import closing, contextmanager
from pathlib import Path

import pytest

from mesh.errors import DiskFull, MeshError, Refused
from mesh.limits import MIB
from mesh.node import whole

_NOBODY = 65534
_KILLED = """
import os, signal, sys
from pathlib import Path
from mesh.node import whole
with whole.replacing(Path(sys.argv[1])) as file:
    file.write(b"half of the new")
    file.flush()
    os.kill(os.getpid(), signal.SIGKILL)
"""


def names(folder: Path) -> list[str]:
    """What is in a folder."""
    return sorted(path.name for path in folder.iterdir())


@contextmanager
def no_larger_than(size: int) -> Iterator[None]:
    """As if files could not grow beyond."""
    before = resource.getrlimit(resource.RLIMIT_FSIZE)
    was = signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
    resource.setrlimit(resource.RLIMIT_FSIZE, (size, before[1]))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, before)
        signal.signal(signal.SIGXFSZ, was)


def test_a_file_is_replaced_as_a_whole(tmp_path: Path) -> None:
    """Its name has the old content until the new one is all there, and the mode that was asked for."""
    path = tmp_path / "notes"
    whole.write(path, b"old", mode=0o640)
    with whole.replacing(path) as file:
        file.write(b"new")
        file.flush()
        assert path.read_bytes() == b"old"
    assert path.read_bytes() == b"new"
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    whole.write(path, b"newer", mode=0o640)
    assert stat.S_IMODE(path.stat().st_mode) == 0o640
    assert names(tmp_path) == ["notes"]


@pytest.mark.parametrize("safe", [True, False])
def test_what_breaks_off_changes_nothing(tmp_path: Path, *, safe: bool) -> None:
    """Ctrl-C, or a fault of whoever writes."""
    path = tmp_path / "notes"
    path.write_bytes(b"old")

    def break_off() -> None:
        with whole.replacing(path, safe=safe) as file:
            file.write(b"half")
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        break_off()
    assert path.read_bytes() == b"old"
    assert names(tmp_path) == ["notes"]


def test_a_file_that_grows_too_large_is_not_there(tmp_path: Path) -> None:
    """The system refuses in the middle: the old file stays, the draft goes, and the reason is told."""
    path = tmp_path / "notes"
    path.write_bytes(b"old")
    with no_larger_than(MIB), pytest.raises(Refused, match=r"notes cannot be written: File too large"):
        whole.write(path, bytes(2 * MIB))
    assert path.read_bytes() == b"old"
    assert names(tmp_path) == ["notes"]


@pytest.mark.skipif(os.geteuid() != 0, reason="a small disk of its own needs root to mount it")
def test_a_full_disk_keeps_the_old_file(tmp_path: Path) -> None:
    """Nothing half written takes the room that is left, and writing goes on as soon as there is some."""
    small = tmp_path / "disk"
    small.mkdir()
    subprocess.run(["mount", "-t", "tmpfs", "-o", "size=1m", "mesh-test", str(small)], check=True, timeout=20)
    try:
        path = small / "notes"
        whole.write(path, b"old")
        with pytest.raises(DiskFull, match=r"notes cannot be written: No space left"):
            whole.write(path, bytes(2 * MIB))
        assert (path.read_bytes(), names(small)) == (b"old", ["notes"])
        whole.write(path, bytes(MIB // 4))
        assert path.stat().st_size == MIB // 4
    finally:
        subprocess.run(["umount", "-l", str(small)], check=True, timeout=20)


def test_a_place_that_cannot_be_written_is_told(tmp_path: Path) -> None:
    """A folder that is none, and one that this user may not write."""
    (tmp_path / "file").write_bytes(b"")
    with pytest.raises(Refused, match="cannot be written: Not a directory"):
        whole.write(tmp_path / "file" / "notes", b"new")
    tmp_path.chmod(0o500)
    user = os.geteuid()
    if user == 0:
        os.seteuid(_NOBODY)  # root may write everywhere
    try:
        with pytest.raises(Refused, match="cannot be written: Permission denied"):
            whole.write(tmp_path / "notes", b"new")
    finally:
        if user == 0:
            os.seteuid(user)
        tmp_path.chmod(0o700)
    assert names(tmp_path) == ["file"]


def test_a_killed_process_leaves_the_old_file_and_no_litter_for_ever(tmp_path: Path) -> None:
    """What it left is taken away by the next one that writes there, whatever that writes."""
    path = tmp_path / "notes"
    path.write_bytes(b"old")
    command = [sys.executable, "-c", _KILLED, str(path)]
    assert subprocess.run(command, check=False, timeout=60).returncode == -signal.SIGKILL
    assert path.read_bytes() == b"old"
    assert len(names(tmp_path)) == 2
    whole.write(tmp_path / "other", b"x")
    assert names(tmp_path) == ["notes", "other"]


def test_a_draft_in_work_and_files_of_others_stay(tmp_path: Path) -> None:
    """Tidying takes only what nobody holds, and nothing that mesh did not make."""
    (tmp_path / ".0123.mesh-draft").write_bytes(b"somebody's")
    (tmp_path / ".0123456789abcdef.mesh-draft").symlink_to(tmp_path / ".0123.mesh-draft")
    with closing(whole.Draft(tmp_path)) as draft:
        draft.file.write(b"new")
        whole.tidy(tmp_path)
        assert draft.take(tmp_path / "notes")
    assert (tmp_path / "notes").read_bytes() == b"new"
    assert names(tmp_path) == [".0123.mesh-draft", ".0123456789abcdef.mesh-draft", "notes"]


def test_a_name_that_is_taken_is_not_taken_over(tmp_path: Path) -> None:
    """By a file or by a link that leads nowhere; the draft can still get another."""
    (tmp_path / "a").write_bytes(b"mine")
    (tmp_path / "b").symlink_to(tmp_path / "nowhere")
    with closing(whole.Draft(tmp_path)) as draft:
        draft.file.write(b"new")
        draft.sync()
        assert not draft.take(tmp_path / "a")
        assert not draft.take(tmp_path / "b")
        assert draft.take(tmp_path / "c")
    assert (tmp_path / "a").read_bytes() == b"mine"
    assert (tmp_path / "c").read_bytes() == b"new"
    assert names(tmp_path) == ["a", "b", "c"]


def test_many_that_write_at_once_leave_one_of_theirs(tmp_path: Path) -> None:
    """Each tidies while others write: nobody's draft is taken from them."""
    path, faults = tmp_path / "notes", list[BaseException]()

    def work(mark: bytes) -> None:
        try:
            for _ in range(30):
                whole.write(path, mark * 1000)
        except MeshError as error:
            faults.append(error)

    threads = [threading.Thread(target=work, args=(mark,)) for mark in (b"a", b"b", b"c", b"d")]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert faults == []
    assert path.read_bytes() in {mark * 1000 for mark in (b"a", b"b", b"c", b"d")}
    assert names(tmp_path) == ["notes"]


@pytest.mark.parametrize("number", [errno.ENOSPC, errno.EDQUOT, errno.EACCES])
def test_a_failed_write_is_told_by_its_fault(number: int) -> None:
    """A full disk is the world's; all else may go elsewhere."""
    error = OSError(number, os.strerror(number))
    full = number != errno.EACCES
    told, named = whole.cannot_write(Path("x"), error), whole.cannot_write_there(Path("x"), error)
    assert type(told) is type(named) is (DiskFull if full else Refused)
    assert str(told) == f"x cannot be written: {os.strerror(number)}"
    assert str(named) == ("the disk is full: x was not written" if full else str(told))
    assert full or named.hint == "Name another file."
