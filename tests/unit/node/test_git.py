"""What git tells of real repositories: of any folder within, a further worktree, a shallow copy, and of none."""

import os
from pathlib import Path

import pytest

from mesh.node import git, timing
from tests.unit.node.repositories import made, run


def lies_in(top: str, folder: Path) -> bool:
    """Whether both are one folder, by whatever links."""
    return folder.samefile(top)


async def test_a_repository_is_known_by_its_first_commit_and_its_remotes(tmp_path: Path) -> None:
    """From any folder within; `origin` comes first, and no secret of an address is kept."""
    folder = made(tmp_path / "site")
    found = await git.repository(str(folder / "sub dir"))
    assert found is not None
    assert found.root == run(folder, "rev-list", "--max-parents=0", "HEAD")
    assert found.remotes == ("example.org/team/site", "example.org/me/site")
    assert (found.branch, found.inside) == ("main", "sub dir")
    assert lies_in(found.top, folder)
    top = await git.repository(str(folder))
    assert top is not None
    assert top.inside == ""


async def test_a_further_worktree_lies_where_the_first_one_does(tmp_path: Path) -> None:
    """It is the same project with another branch; a path of its own would be forgotten with it."""
    folder = made(tmp_path / "site")
    run(folder, "worktree", "add", "-q", "-b", "topic", str(tmp_path / "elsewhere"))
    first, further = await git.repository(str(folder)), await git.repository(str(tmp_path / "elsewhere"))
    assert first is not None
    assert further is not None
    assert (further.root, further.branch) == (first.root, "topic")
    assert lies_in(further.top, folder)


async def test_a_shallow_copy_has_no_first_commit(tmp_path: Path) -> None:
    """What git would name is where the copy was cut."""
    folder = made(tmp_path / "site")
    run(tmp_path, "clone", "-q", "--depth", "1", f"file://{folder}", "cut")
    found = await git.repository(str(tmp_path / "cut"))
    assert found is not None
    assert (found.root, found.remotes, found.known) == ("", (), False)


async def test_where_there_is_no_repository_there_is_nothing_to_tell(tmp_path: Path) -> None:
    """Nor in a folder that is not there, nor by a path that means nothing here."""
    for cwd in (str(tmp_path), str(tmp_path / "not there"), "relative", "/with\0nul", ""):
        assert await git.repository(cwd) is None
    (tmp_path / "empty").mkdir()
    run(tmp_path / "empty", "init", "-q")
    found = await git.repository(str(tmp_path / "empty"))
    assert found is not None
    assert not found.known


async def test_git_that_does_not_answer_is_ended(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Nobody waits for it longer than it may take, and its process is gone."""
    slow = tmp_path / "bin" / "git"
    slow.parent.mkdir()
    slow.write_text(f"#!/bin/sh\necho $$ > {tmp_path}/pid\nexec sleep 600\n")
    slow.chmod(0o700)
    monkeypatch.setenv("PATH", str(slow.parent), prepend=os.pathsep)
    monkeypatch.setattr(timing, "GIT_S_MAX", 0.5)
    assert await git.ask(str(tmp_path), "status") is None
    pid = int((tmp_path / "pid").read_text())
    with pytest.raises(ProcessLookupError):
        os.kill(pid, 0)
