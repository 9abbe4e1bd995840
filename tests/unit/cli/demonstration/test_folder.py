"""A folder of Markdown: what becomes a note, under which title, and what is left out with a reason."""

from __future__ import annotations

from pathlib import Path

import pytest

from mesh.cli.demonstration import folder as folders
from mesh.cli.demonstration.folder import read
from mesh.errors import Misuse
from mesh.limits import BODY_PLAIN_BYTES_MAX


def test_every_markdown_file_is_a_note_and_nothing_else(tmp_path: Path) -> None:
    """Files in folders too; hidden ones, other kinds and links are passed over."""
    (tmp_path / "garden").mkdir()
    (tmp_path / ".git").mkdir()
    (tmp_path / "a.md").write_text("text")
    (tmp_path / "garden" / "b.MARKDOWN").write_text("## Seeds\n\ncarrots")
    (tmp_path / "c.txt").write_text("no note")
    (tmp_path / ".hidden.md").write_text("no note")
    (tmp_path / ".git" / "d.md").write_text("no note")
    (tmp_path / "e.md").symlink_to(tmp_path / "c.txt")
    found = read(tmp_path)
    assert found.notes == [("a", "text", "a.md"), ("Seeds", "## Seeds\n\ncarrots", "garden/b.MARKDOWN")]
    assert not found.left_out


def test_what_no_device_could_hold_is_left_out_with_a_reason(tmp_path: Path) -> None:
    """Too large, no UTF-8: named, and the others are read."""
    (tmp_path / "large.md").write_bytes(b"x" * BODY_PLAIN_BYTES_MAX)
    (tmp_path / "latin.md").write_bytes(b"caf\xe9")
    (tmp_path / "good.md").write_bytes(b"\xef\xbb\xbf# T\xc3\xa4t")
    found = read(tmp_path)
    assert [title for title, _, _ in found.notes] == ["Tät"]
    assert found.left_out == {"large.md": "120 KiB; a note holds 120", "latin.md": "not text in UTF-8"}


def test_a_title_is_always_one_line_that_fits(tmp_path: Path) -> None:
    """A heading of escapes or of a megabyte does not become a title as it is."""
    (tmp_path / "a.md").write_text("# \x1b[31mred\n")
    (tmp_path / "b.md").write_text("# " + "ä" * 3000)
    titles = [title for title, _, _ in read(tmp_path).notes]
    assert titles[0] == "a"
    assert len(titles[1].encode()) <= 4096


def test_no_folder_and_too_many_files_are_misuse(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The sentence says what to give instead."""
    with pytest.raises(Misuse, match="is no folder"):
        read(tmp_path / "missing")
    monkeypatch.setattr(folders, "NOTES_MAX", 2)
    for number in range(3):
        (tmp_path / f"{number}.md").write_text("")
    with pytest.raises(Misuse, match="more than 2"):
        read(tmp_path)
