"""A folder on a real disk: what was there is in hand, nothing is written over, and nothing outside is reached."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from mesh.node.vaults import folder as folders
from mesh.node.vaults import swapping
from mesh.node.vaults.folder import Folder, digest_of, new_draft
from tests.unit.node.vaults.folders import closed, for_all


@pytest.fixture(params=["exchange", "two-steps"])
def folder(request: pytest.FixtureRequest, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Folder:
    """A folder with one file, where two files can be exchanged or not."""
    if request.param == "two-steps":
        monkeypatch.setattr(swapping, "_rename", lambda: None)
    (tmp_path / "a.md").write_bytes(b"old")
    return Folder(tmp_path)


def visible(folder: Folder) -> dict[str, bytes]:
    """All files in it, but for folders."""
    return {place.name: place.read_bytes() for place in folder.root.iterdir() if place.is_file()}


def test_this_system_can_exchange_files(tmp_path: Path) -> None:
    """Or the other tests would only try the two steps."""
    for name in "ab":
        (tmp_path / name).write_text(name)
    opened = os.open(tmp_path, os.O_RDONLY)
    assert swapping._renamed((opened, "a"), (opened, "b"), swapping._SWAP)  # noqa: SLF001 - what this system can do
    os.close(opened)
    assert (tmp_path / "a").read_text() == "b"


def test_a_file_is_replaced_and_the_old_one_kept(folder: Folder) -> None:
    """Until it is dropped."""
    draft = new_draft()
    made, found = folder.replace("a.md", draft, b"new", digest_of(b"old"))
    assert found is None
    assert made == folder.stat("a.md")
    assert visible(folder) == {"a.md": b"new", draft: b"old"}
    folder.drop("a.md", draft)
    assert visible(folder) == {"a.md": b"new"}


def test_another_content_stays_and_is_handed_back(folder: Folder) -> None:
    """Nothing is replaced."""
    made, found = folder.replace("a.md", new_draft(), b"new", digest_of(b"older"))
    assert made is None
    assert found is not None
    assert found.raw == b"old"
    assert visible(folder) == {"a.md": b"old"}


@pytest.mark.parametrize("moment", ["_written", "exchange"])
def test_what_is_saved_at_that_very_moment_stays(folder: Folder, monkeypatch: pytest.MonkeyPatch, moment: str) -> None:
    """By a program that puts another file in its place, just before or just after the exchange."""
    place = folder.root / "a.md"
    owner = folders if moment == "_written" else swapping
    work, count = getattr(owner, moment), 0

    def slowly(*given: object) -> object:
        nonlocal count
        found = work(*given)
        count += 1
        if count == 1:
            (folder.root / "saved").write_bytes(b"saved")
            (folder.root / "saved").replace(place)
        return found

    monkeypatch.setattr(owner, moment, slowly)
    _, found = folder.replace("a.md", new_draft(), b"new", digest_of(b"old"))
    if moment == "_written":
        assert found is not None
        assert found.raw == b"saved"
    assert place.read_bytes() == b"saved"


def test_a_new_file_takes_nobody_s_place(folder: Folder) -> None:
    """And makes the folders that it needs."""
    with pytest.raises(FileExistsError):
        folder.create("a.md", b"new")
    folder.create("b/c/d.md", b"new")
    assert (folder.root / "b/c/d.md").read_bytes() == b"new"
    assert visible(folder) == {"a.md": b"old"}
    (folder.root / "link").symlink_to(folder.root / "b")
    with pytest.raises(OSError, match="link"):
        folder.create("link/e.md", b"new")


def test_a_file_is_removed_as_it_was(folder: Folder) -> None:
    """With other content it is put back."""
    found = folder.remove("a.md", new_draft(), digest_of(b"older"))
    assert found is not None
    assert visible(folder) == {"a.md": b"old"}
    draft = new_draft()
    assert folder.remove("a.md", draft, digest_of(b"old")) is None
    assert visible(folder) == {draft: b"old"}
    assert folder.put_back("a.md", draft)
    assert visible(folder) == {"a.md": b"old"}


def test_a_file_is_moved_over_nothing(folder: Folder) -> None:
    """Two names of one file are one."""
    (folder.root / "b.md").write_bytes(b"b")
    with pytest.raises(FileExistsError):
        folder.move("a.md", "b.md")
    folder.move("a.md", "d/c.md")
    assert (folder.root / "d/c.md").read_bytes() == b"old"
    os.link(folder.root / "d/c.md", folder.root / "e.md")
    folder.move("d/c.md", "e.md")
    assert visible(folder) == {"b.md": b"b", "e.md": b"old"}
    folder.tidy("d/c.md")
    assert not (folder.root / "d").exists()


def test_only_visible_markdown_is_looked_at(folder: Folder, tmp_path: Path) -> None:
    """No link, nothing hidden, nothing else."""
    for name in (".hidden/a.md", "b/c.MD", "b/d.txt", "b/.e.md"):
        (tmp_path / name).parent.mkdir(exist_ok=True)
        (tmp_path / name).write_bytes(b"")
    (tmp_path / "l.md").symlink_to(tmp_path / "a.md")
    (tmp_path / "m").symlink_to(tmp_path / "b")
    os.mkfifo(tmp_path / "fifo.md")
    (tmp_path / "folder.md").mkdir()
    (tmp_path / ".mesh-vault").touch()
    (tmp_path / ".DS_Store").touch()
    assert [path for path, _ in folder.files()] == ["a.md", "b/c.MD"]
    assert folder.passed == {
        ".hidden": "it is hidden, and so nothing in it is a note",
        "b/.e.md": "it is hidden, and so no note",
        "l.md": "it is a link, and so no note",
        "m": "it is a link, and so nothing in it is a note",
    }
    assert folder.stat("l.md") is None
    assert folder.read("fifo.md") is None
    assert folder.read("missing.md") is None
    assert folder.read("m/c.MD") is None


def test_a_closed_folder_is_named_and_lacks_nothing(tmp_home: Path) -> None:
    """What cannot be looked at is not known to be gone."""
    for name in ("closed/a.md", "open/b.md"):
        (tmp_home / name).parent.mkdir()
        (tmp_home / name).write_bytes(b"text")
    folder = Folder(for_all(tmp_home))
    with closed(tmp_home / "closed"):
        assert [path for path, _ in folder.files()] == ["open/b.md"]
        assert folder.passed == {"closed": "it cannot be looked into: Permission denied"}
        assert folder.stat("closed/a.md") is None
        assert not folder.lacks("closed/a.md")
    assert folder.lacks("closed/c.md")
    assert folder.lacks("open/b.md/c.md")
    assert folder.lacks("open")
    assert not folder.lacks("closed/a.md")
