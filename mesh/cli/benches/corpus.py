"""What is written in a bench: notes of words that look like words, the same in every run.

Word frequencies fall as in a language (the k-th word about 1/k as often), so that full-text search has what it has in
real notes. Nothing here touches a disk.
"""

from __future__ import annotations

import random
from functools import cache
from itertools import accumulate

TEXT_BYTES = 256
"""A note's text, as long as a typical note."""

_WORDS = 4096
_ONSETS, _VOWELS, _CODAS = (
    ["b", "br", "d", "f", "g", "h", "k", "l", "m", "n", "p", "r", "s", "st", "t", "v", "w", "z"],
    "aeiou",
    ["", "n", "r", "s", "l"],
)


@cache
def _vocabulary() -> tuple[tuple[str, ...], tuple[float, ...]]:
    lots = random.Random(1)  # noqa: S311 - the same words in every run, no secret
    words: dict[str, None] = {}
    while len(words) < _WORDS:
        parts = lots.randint(1, 4)
        words["".join(lots.choice(_ONSETS) + lots.choice(_VOWELS) + lots.choice(_CODAS) for _ in range(parts))] = None
    return tuple(words), tuple(accumulate(1 / rank for rank in range(1, _WORDS + 1)))


def note(number: int, text_bytes: int = TEXT_BYTES) -> tuple[str, str]:
    """Title and text of a note; the title holds a word that no other note has."""
    words, weights = _vocabulary()
    lots = random.Random(number)  # noqa: S311 - as above
    text = " ".join(lots.choices(words, cum_weights=weights, k=2 + text_bytes // 4))
    return f"{words[number % _WORDS]} {unique(number)}", text[:text_bytes]


def unique(number: int) -> str:
    """A word that only this note has."""
    return f"only{number:07d}"


def word(number: int) -> str:
    """Some word."""
    return _vocabulary()[0][number % _WORDS]
