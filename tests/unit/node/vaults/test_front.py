"""Front matter: title and tags are found as YAML means them, and rewritten while all else stays."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mesh.limits import TAG_BYTES_MAX, TAGS_MAX
from mesh.node.vaults import front
from mesh.node.vaults.front import Marks, marks, rewritten
from mesh.node.vaults.reading import divided

WORDS = st.text(min_size=1, max_size=12).map(str.strip)
FULL = (
    "---\n# mine\naliases: [x, y]\ntitle: Old\nnested:\n  title: inner\n  tags: [no]\n"
    "tags:\n    - a\n    - b\nlast: 1 # c\n---\n"
)


def fenced(inner: str) -> str:
    """Front matter with its fences."""
    return f"---\n{inner}---\n"


@pytest.mark.parametrize(
    ("inner", "title", "tags"),
    [
        ("", None, ()),
        ("title: Seeds\n", "Seeds", ()),
        ("title: 2024\n", "2024", ()),
        ("title: 2024-01-02\n", "2024-01-02", ()),
        ('title: "a: b"\n', "a: b", ()),
        ("title: 'it''s'\n", "it's", ()),
        ('title: "caf\\u00e9"\n', "café", ()),
        ("title: a # comment\n", "a", ()),
        ("title: a#b\n", "a#b", ()),
        ("title: >\n  folded\n  text\n", "folded text", ()),
        ("title:\n", None, ()),
        ("title: ~\n", None, ()),
        ("title: null\n", None, ()),
        ("title: [a, b]\n", None, ()),
        ("title: |\n  two\n  lines\n", None, ()),
        ("Title: X\n", None, ()),
        ("meta:\n  title: inner\n", None, ()),
        ("tags: [b, a]\n", None, ("b", "a")),
        ('tags: ["b c", a, a]\n', None, ("b c", "a")),
        ("tags:\n- a\n- b\n", None, ("a", "b")),
        ("tags:\n  - a\n  # c\n  - 'b'\n", None, ("a", "b")),
        ("tags: a, b c\n", None, ("a", "b", "c")),
        ("tags: []\n", None, ()),
        ("tags:\n", None, ()),
        ("tags: [[a, b], c]\n", None, ("c",)),
        ("tags: [1, true]\n", None, ("1", "true")),
        (f"tags: [{'x' * (TAG_BYTES_MAX + 1)}, y]\n", None, ("y",)),
        ("title: a\ntitle: b\ntags: [\n", None, ()),
        ("title: {a: \n", None, ()),
    ],
)
def test_title_and_tags_are_found(inner: str, title: str | None, tags: tuple[str, ...]) -> None:
    """Quickly or by the parser, with the same answer."""
    assert marks(fenced(inner)) == Marks(title, tags)


@given(
    st.lists(st.sampled_from(["title", "tags", ":", " ", "-", "[", "]", ",", "'", '"', "a", "b c", "#", "\n  ", "\n"]))
)
def test_the_quick_way_says_what_the_parser_says(pieces: list[str]) -> None:
    """Whatever the lines are; where the parser finds a fault, nothing is said, or what the line itself says."""
    made, text = divided(fenced("".join(pieces) + "\n"))
    if text or not made:
        return
    said = front._thoroughly(made.splitlines(keepends=True))  # noqa: SLF001 - the two ways are compared
    if said:
        assert marks(made) == Marks(front._title(said.get("title", "")), front._tags(said.get("tags", "")))  # noqa: SLF001


def test_many_tags_are_bounded() -> None:
    """A note has so many; the others stay in the file."""
    made = fenced(f"tags: [{', '.join(f't{n}' for n in range(TAGS_MAX + 9))}]\n")
    found = marks(made)
    assert len(found.tags) == TAGS_MAX
    assert f"t{TAGS_MAX + 8}" in rewritten(made, Marks(None, found.tags[1:]))


def test_only_what_changed_is_written() -> None:
    """Every other line stays byte for byte, in the manner of the one that is there."""
    assert rewritten(FULL, marks(FULL)) is FULL
    assert rewritten(FULL, Marks("New: one", ("a", "b"))) == FULL.replace("title: Old", 'title: "New: one"')
    changed = rewritten(FULL, Marks("Old", ("b", "c d")))
    assert changed == FULL.replace("    - a\n    - b\n", "    - b\n    - c d\n")
    assert rewritten(FULL, Marks("Old", ())) == FULL.replace("tags:\n    - a\n    - b\n", "")
    assert (
        rewritten("---\r\ntags: [a]\r\n---\r\n", Marks("t", ("a", "b"))) == "---\r\ntitle: t\r\ntags: [a, b]\r\n---\r\n"
    )


def test_front_matter_is_made_where_it_is_needed() -> None:
    """And not where nothing is to be said."""
    assert rewritten("", Marks()) == ""
    assert rewritten("", Marks("t", ("a",))) == "---\ntitle: t\ntags:\n  - a\n---\n"


def test_what_is_no_yaml_is_not_touched() -> None:
    """Nobody can say what would become of it."""
    broken = fenced("title: {a: \n")
    assert rewritten(broken, Marks("t", ("a",))) in {
        broken,
        broken.replace("title: {a: \n", "title: t\ntags:\n  - a\n"),
    }
    anchored = fenced("tags: &x [a]\nother: *x\n")
    assert marks(rewritten(anchored, Marks(None, ("b",)))) in {Marks(None, ("a",)), Marks(None, ("b",))}


@given(
    WORDS, st.lists(WORDS, max_size=4), st.sampled_from(["", FULL, fenced("tags: [q]\n"), fenced("title: 'x'\nk: 1\n")])
)
def test_what_is_written_is_found_again(title: str, tags: list[str], before: str) -> None:
    """Any title and tags that a note can have; and it is front matter still."""
    said = Marks(front._title(title), front._tags(tags))  # noqa: SLF001 - what a note can have
    made = rewritten(before, said)
    assert marks(made).title == said.title
    assert set(marks(made).tags) == set(said.tags)
    assert divided(made + "text") == (made, "text") or not made
