"""Splices from two texts: they lead from one to the other, stay small, and let distant edits merge."""

import random

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mesh.limits import DIFF_LINES_MAX
from mesh.state.edits import Splice
from mesh.state.rewording import splices

PIECES = st.lists(st.sampled_from(["a", "bb", "é🌱", "\n", "\r\n", " ", ". ", "-", "ccc"]), max_size=40).map("".join)


def apply(text: str, found: tuple[Splice, ...]) -> str:
    """The text after the splices, each after the one before."""
    for splice in found:
        text = text[: splice.position] + splice.inserted + text[splice.position + splice.deleted :]
    return text


@given(PIECES, PIECES)
def test_splices_lead_to_the_new_text(old: str, new: str) -> None:
    """Whatever the two texts are."""
    assert apply(old, splices(old, new)) == new


@given(PIECES)
def test_an_equal_text_needs_nothing(text: str) -> None:
    """Saving without a change is no edit."""
    assert splices(text, text) == ()


def test_two_edits_far_apart_are_two_small_splices() -> None:
    """What stands between stays untouched, so another device can write there."""
    old = "one two three\n" + "untouched\n" * 50 + "four five six"
    new = old.replace("two", "2").replace("five", "5")
    found = splices(old, new)
    assert [(splice.deleted, splice.inserted) for splice in found] == [(4, "5"), (3, "2")]


def test_a_letter_typed_is_a_letter() -> None:
    """The most frequent edit of all."""
    assert splices("abc\ndef", "abc\ndXef") == (Splice(5, 0, "X"),)
    assert splices("aaa", "aaaa") == (Splice(3, 0, "a"),)
    assert splices("aaaa", "aaa") == (Splice(3, 1, ""),)


@pytest.mark.parametrize(
    ("old", "new", "splice"),
    [
        ("birch 1\n", "birch 2\nbirch 1\n", Splice(0, 0, "birch 2\n")),
        ("birch 2\nbirch 1\n", "birch 1\n", Splice(0, 8, "")),
        ("head\n- [ ] seeds\n", "head\n- [ ] soil\n- [ ] seeds\n", Splice(5, 0, "- [ ] soil\n")),
        ("a\r\n", "a b\r\na\r\n", Splice(0, 0, "a b\r\n")),
        ("birch 1", "birch 2\nbirch 1", Splice(0, 0, "birch 2\n")),
        ("one birch 1\n", "one birch 2\nbirch 1\n", Splice(10, 0, "2\nbirch ")),  # a line was cut in two
    ],
)
def test_lines_that_begin_alike_come_and_go_whole(old: str, new: str, splice: Splice) -> None:
    """What two devices add at one place is then one line behind the other, and no line is torn."""
    assert splices(old, new) == (splice,)


def test_two_splices_never_share_a_letter() -> None:
    """A line is not moved over what was spliced before it."""
    old, new = "ab 1\nab 2\n", "x 9\nab 1\nab 3\nab 2\n"
    found = splices(old, new)
    assert apply(old, found) == new
    assert [splice.inserted for splice in found] == ["\nab 3", "x 9\n"]  # either is a whole line


@pytest.mark.parametrize("words", [3, 100, 5000])
def test_a_text_rewritten_from_end_to_end_takes_no_time(words: int) -> None:
    """Comparing is bounded, and so is the number of splices."""
    lots = random.Random(words)
    old, new = (" ".join(f"w{lots.randrange(words)}" for _ in range(8000)) for _ in range(2))
    found = splices(old, new)
    assert apply(old, found) == new
    assert len(found) <= DIFF_LINES_MAX


def test_more_lines_than_the_bound_are_one_splice() -> None:
    """Beyond it the text is replaced between its common ends."""
    old, new = ("a\n" + (f"{letter}\n\n" * DIFF_LINES_MAX) + "z\n" for letter in "xy")
    assert splices(old, new) == (Splice(2, 3 * DIFF_LINES_MAX - 2, new[2:-4]),)
