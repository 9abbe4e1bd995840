"""Excerpts: the piece of a text in which the words that somebody searched for stand. This module searches nothing."""

from __future__ import annotations

import re
import unicodedata

_BEFORE = 4  # of an excerpt, a quarter stands before the word
_WORD = re.compile(r"[^\W_]+")


class _Letters(dict[int, str]):
    """Each letter without case and accents, as one letter, so that places in a text stay what they are."""

    def __missing__(self, code: int) -> str:
        """Work a letter out when it is met first."""
        self[code] = letter = unicodedata.normalize("NFKD", chr(code).casefold())[0]
        return letter


_PLAIN = _Letters()


def excerpt(text: str, words: str, most: int) -> str:
    """At most so many characters of a text, on one line, around the first word that begins with one of these words.

    Its beginning when there is none. What was cut off is marked with an ellipsis, which comes on top.
    """
    wanted = sorted(set(_WORD.findall(words.translate(_PLAIN))), key=len, reverse=True)
    found = re.search(rf"(?<![^\W_])(?:{'|'.join(wanted)})", text.translate(_PLAIN)) if wanted else None
    start = max(0, found.start() - most // _BEFORE) if found else 0
    if found and start:
        start = text.find(" ", start, found.start()) + 1 or start  # not in the middle of a word
    line = " ".join(text[start : start + most].split())
    before, after = (any(not one.isspace() for one in cut) for cut in (text[:start], text[start + most :]))
    return "…" * before + line + "…" * after
