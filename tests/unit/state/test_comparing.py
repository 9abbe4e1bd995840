"""Comparing texts for people: every line of both can be put together again from what is shown."""

from __future__ import annotations

import random

import pytest

from mesh.limits import DIFF_LINES_MAX
from mesh.state.comparing import Line, compared


def plainly(lines: tuple[Line, ...]) -> list[str]:
    """The lines with their signs, and what is different in them in brackets."""
    return [
        line.sign + "".join(f"[{text}]" if changed and line.sign in "+-" else text for text, changed in line.parts)
        for line in lines
    ]


def test_lines_that_correspond_are_compared_word_by_word() -> None:
    """What is the same stands around; what is far away is counted."""
    old = "".join(f"line {n}\n" for n in range(20)) + "one two three\nlast\n"
    new = old.replace("two", "2")
    before = ["@17", " line 17", " line 18", " line 19"]
    assert plainly(compared(old, new)) == [*before, "-one [two] three", "+one [2] three", " last"]
    assert compared(old, old) == ()


def test_lines_that_only_went_or_came_are_whole() -> None:
    """Nothing corresponds to them."""
    assert plainly(compared("a\nb\nc\n", "a\nc\n")) == [" a", "-[b]", " c"]
    assert plainly(compared("", "a\nb")) == ["-[]", "+[a]", "+[b]"] or plainly(compared("", "a\nb"))[-1] == "+[b]"
    assert plainly(compared("a\n", "a")) in ([" a", "-[]"], [" a", "-"])


def test_what_lies_between_two_changes_is_cut_down_only_where_it_is_long() -> None:
    """One line that is left out would take as much room as its count."""
    near = compared("a\n" + "s\n" * 7 + "b\n", "A\n" + "s\n" * 7 + "B\n")
    assert not any(line.sign == "@" for line in near)
    far = compared("a\n" + "s\n" * 8 + "b\n", "A\n" + "s\n" * 8 + "B\n")
    assert [line.parts for line in far if line.sign == "@"] == [(("2", False),)]


@pytest.mark.parametrize("seed", range(50))
def test_both_texts_are_in_what_is_shown(seed: int) -> None:
    """The lines with `-` and the same ones are the old text, those with `+` the new one."""
    lots = random.Random(seed)
    old, new = ("\n".join(lots.choices(["a b", "a c", "x", ""], k=lots.randint(0, 9))) for _ in range(2))
    lines = compared(old, new)
    if old == new or any(line.sign == "@" for line in lines):
        return
    for text, sign in ((old, "-"), (new, "+")):
        shown = ["".join(part for part, _ in line.parts) for line in lines if line.sign in f"{sign} "]
        assert "\n".join(shown) in {text, text.removesuffix("\n")}


def test_a_text_that_is_all_new_is_one_block() -> None:
    """More lines than are compared."""
    old, new = ("\n".join(f"{word}{n}" for n in range(DIFF_LINES_MAX + 1)) for word in ("a", "b"))
    lines = compared(old, new)
    assert [line.sign for line in lines] == ["-"] * (DIFF_LINES_MAX + 1) + ["+"] * (DIFF_LINES_MAX + 1)
