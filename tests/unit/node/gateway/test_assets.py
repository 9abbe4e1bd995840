"""The built page: found whole or not at all, and told apart by content."""

from __future__ import annotations

import os
import re
from pathlib import Path

import pytest

from mesh.errors import Unreachable
from mesh.limits import PAGE_FILES_MAX
from mesh.node.gateway import assets

ROOT = Path(__file__).resolve().parents[4]


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Where the page would be built."""
    monkeypatch.setattr(assets, "STATIC", tmp_path / "static")
    (tmp_path / "static" / "assets").mkdir(parents=True)
    return tmp_path / "static"


def test_a_page_that_was_not_built_is_told_of(folder: Path) -> None:
    """There is nothing, be there a folder or not; and a sentence says how to build it, by a command that is there."""
    assert assets.page() == {}
    (folder / "assets").rmdir()
    folder.rmdir()
    assert assets.page() == {}
    (command,) = re.findall(r"`\./(scripts/\S+)`", assets.NOT_BUILT)
    assert os.access(ROOT / command, os.X_OK)
    assert set(re.findall(r"`([^`]+)`", assets.NOT_BUILT)) == {f"./{command}", "mesh down", "mesh up"}


def test_files_are_known_by_their_content(folder: Path) -> None:
    """The compressed one is sent; a tag changes with the content and not with the time; the root is the index."""
    (folder / "index.html").write_text("one")
    (folder / "assets" / "a.js").write_text("plain")
    (folder / "assets" / "a.js.br").write_bytes(b"compressed")
    (folder / "assets" / "a.js.map").write_text("{}")
    (folder / "secret").symlink_to("/etc/passwd")
    page = assets.page()
    assert set(page) == {"/", "/index.html", "/assets/a.js"}
    assert (page["/assets/a.js"].body, page["/assets/a.js"].compressed) == (b"compressed", True)
    assert page["/assets/a.js"].lasting
    assert not page["/"].lasting
    before = page["/"].tag
    (folder / "index.html").write_text("one")
    assert assets.page()["/"].tag == before
    (folder / "index.html").write_text("two")
    assert assets.page()["/"].tag != before


def test_a_page_has_bounds(folder: Path) -> None:
    """More files than any build makes are no page of ours."""
    (folder / "index.html").write_text("x")
    for number in range(PAGE_FILES_MAX):
        (folder / "assets" / f"{number}.js").touch()
    with pytest.raises(Unreachable):
        assets.page()
