"""Names for files: nothing leads out of the folder, nothing is another's, whatever somebody wrote."""

from __future__ import annotations

import unicodedata

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mesh.limits import FILE_NAME_BYTES_MAX
from mesh.node.exporting.filenames import Names, safe


@given(st.lists(st.text(max_size=80), max_size=30))
def test_each_is_safe_and_its_own(paths: list[str]) -> None:
    """Also on a disk that knows no case and writes accents apart."""
    names = Names()
    given_out = [names.of(path) for path in paths]
    assert len({unicodedata.normalize("NFD", name).casefold() for name in given_out}) == len(paths)
    for name in given_out:
        parts = name.split("/")
        assert all(part and part not in {".", ".."} and "\\" not in part for part in parts)
        assert all(len(part.encode()) <= FILE_NAME_BYTES_MAX + len(" (31)") for part in parts)


@pytest.mark.parametrize(
    ("path", "name"),
    [
        ("garden/seeds.md", "garden/seeds.md"),
        ("../../etc/passwd", "etc/passwd"),
        ("/etc/passwd", "etc/passwd"),
        ("a/../b.md", "a/b.md"),
        ("con.md", "_con.md"),
        ('what? "this"\n.md', "what_ _this__.md"),
        ("", "untitled.md"),
        ("..", "untitled.md"),
    ],
)
def test_what_becomes_of_a_path(path: str, name: str) -> None:
    """What is fine stays; what leads elsewhere, or no system takes, does not."""
    assert Names().of(path) == name


def test_the_second_of_a_name_gets_a_number() -> None:
    """Before its ending, so that it is still of its kind."""
    names = Names()
    assert [names.of(path) for path in ("a/Note.md", "a/note.md", "a/NOTE.md", "plain", "plain")] == [
        "a/Note.md", "a/note (2).md", "a/NOTE (3).md", "plain", "plain (2)",
    ]  # fmt: skip


def test_a_long_name_keeps_its_ending() -> None:
    """And no letter is cut in two."""
    name = safe("ä" * 300 + ".md")
    assert name.endswith("ä.md")
    assert len(name.encode()) <= FILE_NAME_BYTES_MAX
