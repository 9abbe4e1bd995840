"""Paths from any device: nothing leads out of the folder, and what is one file somewhere is told apart."""

from __future__ import annotations

import unicodedata

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mesh.limits import NOTE_NAME_BYTES_MAX, PATH_BYTES_MAX
from mesh.node.vaults import paths


@pytest.mark.parametrize(
    "path",
    [
        "", "/etc/a.md", "../a.md", "a/../b.md", "./a.md", "a//b.md", "a/", ".md", ".git/hooks/a.md", "a/.b.md",
        "a.sh", "a", "a.md/b", "a\\..\\b.md", "a\nb.md", "a\0.md", "\udc80.md", "x" * (NOTE_NAME_BYTES_MAX - 2) + ".md",
        "d/" * PATH_BYTES_MAX + "a.md", " .md",
    ],
)  # fmt: skip
def test_what_must_not_be_written(path: str) -> None:
    """It leads out, is hidden, is no Markdown, or cannot be seen."""
    assert paths.fault(path)


@pytest.mark.parametrize("path", ["a.md", "A B/é 🌱.markdown", "README.MD", "a.b.md", "-rf.md", "con.md", "a:b.md"])
def test_what_may_be_written(path: str) -> None:
    """Whatever else people call their files."""
    assert not paths.fault(path)


def test_one_name_in_several_spellings() -> None:
    """Case and composition do not tell two files apart everywhere."""
    composed, taken_apart = "É.md", unicodedata.normalize("NFD", "é.MD")
    assert composed != taken_apart
    assert paths.folded(composed) == paths.folded(taken_apart)
    assert paths.spelled(taken_apart) == "é.MD"
    assert paths.folded("a.md") != paths.folded("b.md")


@given(st.text(max_size=300))
def test_every_title_makes_a_name(title: str) -> None:
    """That may be written, also with a number."""
    name = paths.named_after(title)
    assert not paths.fault(name)
    assert not paths.fault(paths.numbered(name, 12))
    assert "/" not in name
    assert paths.spelled(name) == name


def test_names_read_like_their_titles() -> None:
    """As far as it goes."""
    assert paths.named_after("Buy seeds") == "Buy seeds.md"
    assert paths.named_after("a/b: c?") == "a b c.md"
    assert paths.named_after("...") == "note.md"
    assert paths.numbered("d/a.md", 2) == "d/a 2.md"
    assert paths.stem("d/a.b.md") == "a.b"
