"""What is different between two texts, line by line, and in lines that correspond word by word; for people to read.

What edits are made of is worked out in rewording.py; this module changes nothing and makes no text safe.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from difflib import SequenceMatcher
from typing import NamedTuple

from mesh.limits import DIFF_LINES_MAX
from mesh.state.rewording import splices

CONTEXT_LINES = 3  # that are the same, around those that are not

Part = tuple[str, bool]
"""A piece of a line, and whether it is what is different in it."""


class Line(NamedTuple):
    """A line: gone (`-`), new (`+`), the same (a space), or so many that are the same and left out (`@`)."""

    sign: str
    parts: tuple[Part, ...]


def compared(old: str, new: str) -> tuple[Line, ...]:
    """The lines in which two texts differ, with some around them; none where they are equal."""
    if old == new:
        return ()
    before, after = old.split("\n"), new.split("\n")
    if before[-1] == after[-1] == "":  # both end with a line break, behind which there is no line
        before, after = before[:-1], after[:-1]
    out: list[Line] = []
    blocks = list(_blocks(before, after))
    for number, (same, i, j, k, m) in enumerate(blocks):
        if same:
            lead = CONTEXT_LINES if number else 0
            out += _around(before[i:j], lead, CONTEXT_LINES if number < len(blocks) - 1 else 0)
        else:
            out += _changed(before[i:j], after[k:m])
    return tuple(out)


def _blocks(old: Sequence[str], new: Sequence[str]) -> Iterator[tuple[bool, int, int, int, int]]:
    """Stretches of lines, the same in both or not: where in the old, where in the new."""
    shorter = min(len(old), len(new))
    head = next((n for n in range(shorter) if old[n] != new[n]), shorter)
    tail = next((n for n in range(shorter - head) if old[-1 - n] != new[-1 - n]), shorter - head)
    left, right = old[head : len(old) - tail], new[head : len(new) - tail]
    if head:
        yield True, 0, head, 0, head
    if max(len(left), len(right)) > DIFF_LINES_MAX:
        yield False, head, head + len(left), head, head + len(right)
    else:
        for tag, i, j, k, m in SequenceMatcher(None, left, right).get_opcodes():
            yield tag == "equal", head + i, head + j, head + k, head + m
    if tail:
        yield True, len(old) - tail, len(old), len(new) - tail, len(new)


def _around(lines: Sequence[str], lead: int, trail: int) -> list[Line]:
    """Lines that are the same: those beside what is not, and how many lie between."""
    if len(lines) <= lead + trail + 1:
        return [Line(" ", ((text, False),)) for text in lines]
    left_out = len(lines) - lead - trail
    first, last = lines[:lead], lines[len(lines) - trail :]
    shown = [[Line(" ", ((text, False),)) for text in some] for some in (first, last)]
    return [*shown[0], Line("@", ((str(left_out), False),)), *shown[1]]


def _changed(gone: Sequence[str], came: Sequence[str]) -> list[Line]:
    """Lines that went, then those that came; where as many came as went, word by word."""
    if len(gone) != len(came):
        return [*(Line("-", ((text, True),)) for text in gone), *(Line("+", ((text, True),)) for text in came)]
    pairs = [_words(old, new) for old, new in zip(gone, came, strict=True)]
    return [*(Line("-", old) for old, _ in pairs), *(Line("+", new) for _, new in pairs)]


def _words(old: str, new: str) -> tuple[tuple[Part, ...], tuple[Part, ...]]:
    """Two lines in parts that are the same in both, and parts that are not."""
    left: list[Part] = []
    right: list[Part] = []
    at = 0
    for splice in reversed(splices(old, new)):
        same = old[at : splice.position]
        at = splice.position + splice.deleted
        left += [(same, False), (old[splice.position : at], True)]
        right += [(same, False), (splice.inserted, True)]
    left.append((old[at:], False))
    right.append((old[at:], False))
    return tuple(p for p in left if p[0]), tuple(p for p in right if p[0])
