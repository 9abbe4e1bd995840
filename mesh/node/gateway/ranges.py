"""Ranges of bytes as players ask for them (RFC 9110, section 14): one at a time, of something that is told by digest.

It reads headers and nothing else; what it does not understand is no range, and all of it is sent.
"""

from __future__ import annotations

import re
from dataclasses import dataclass

_SAID = re.compile(r"bytes=[ \t]*([0-9]{0,19})-([0-9]{0,19})[ \t]*", re.ASCII)


@dataclass(frozen=True, slots=True)
class Span:
    """Bytes of something: the first one, and the one behind the last."""

    start: int
    end: int

    @property
    def size(self) -> int:
        """How many."""
        return self.end - self.start

    def told(self, size: int) -> str:
        """As `Content-Range` has it."""
        return f"bytes {self.start}-{self.end - 1}/{size}"


def asked(said: str, size: int) -> Span | None:
    """The span that a `Range` names; None where it names none that is known here. Raises IndexError beyond the end."""
    found = _SAID.fullmatch(said)
    if found is None or not (found[1] or found[2]):
        return None
    if not found[1]:
        start, end = max(size - int(found[2]), 0), size
    else:
        start, end = int(found[1]), min(int(found[2]) + 1, size) if found[2] else size
        if found[2] and int(found[2]) < start:
            return None
    if start >= end:
        raise IndexError(said)
    return Span(start, end)


def is_of(said: str, tag: str) -> bool:
    """Whether an `If-Range` lets a range count: there is none, or it is this very thing; no date is."""
    return said in {"", tag}
