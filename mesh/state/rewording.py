"""What an edited text changed, as few small splices, so that edits of different paragraphs merge.

Lines are compared first, then the words of changed lines, with a bound on both: a text rewritten from end to end is
one splice. This module knows no document.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from difflib import SequenceMatcher

from mesh.limits import DIFF_LINES_MAX
from mesh.state.edits import Splice

_WORD = re.compile(r"\w+|\s+|[^\w\s]+")
_LINE = re.compile(r"[^\n]*\n|[^\n]+")


def splices(old: str, new: str) -> tuple[Splice, ...]:
    """The splices that make one text of the other, the last place first, so that none moves another."""
    found, free = list[Splice](), 0  # from where on nothing was spliced yet
    for place in _compared(_LINE, 0, old, new):
        for small in _compared(_WORD, *place):
            start, before, after = _as_lines(old, free, *small)
            found.append(Splice(start, len(before), after))
            free = start + len(before)
    return tuple(reversed(found))


def _as_lines(old: str, free: int, at: int, before: str, after: str) -> tuple[int, str, str]:
    """The same splice as one of whole lines, where it can be told so, not before `free`.

    A line above one that begins alike could as well be the end of it and the beginning of the next: what another device
    adds there at once would tear both.
    """
    words = before or after
    back = len(words) - 1 - words.rfind("\n")  # letters behind its last line, which may stand before it as well
    start = at - back
    if (before and after) or back == len(words) or start < free or old[start:at] != words[len(words) - back :]:
        return at, before, after
    if start and old[start - 1] != "\n":
        return at, before, after
    moved = old[start:at] + words[: len(words) - back]
    return start, moved if before else "", moved if after else ""


def _compared(token: re.Pattern[str], at: int, old: str, new: str) -> Iterator[tuple[int, str, str]]:
    """The places where two texts differ, token by token: where in the old one, what is there, what shall be."""
    head = _common(old, new)
    tail = _common(old[head:][::-1], new[head:][::-1])
    before, after = old[head : len(old) - tail], new[head : len(new) - tail]
    if not before or not after:
        if before or after:
            yield at + head, before, after
        return
    left, right = token.findall(before), token.findall(after)
    if max(len(left), len(right)) > DIFF_LINES_MAX:
        yield at + head, before, after
        return
    offsets = _offsets(at + head, left)
    for tag, i, j, k, m in SequenceMatcher(None, left, right).get_opcodes():
        if tag != "equal":
            yield offsets[i], "".join(left[i:j]), "".join(right[k:m])


def _offsets(start: int, tokens: Sequence[str]) -> list[int]:
    out = [start]
    for token in tokens:
        out.append(out[-1] + len(token))
    return out


def _common(a: str, b: str) -> int:
    """How many characters two texts begin with in common."""
    end = min(len(a), len(b))
    if a[:end] == b[:end]:
        return end
    low, high = 0, end
    while high - low > 1:
        middle = (low + high) // 2
        low, high = (middle, high) if a[low:middle] == b[low:middle] else (low, middle)
    return low
