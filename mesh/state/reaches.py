"""What a change stands on, kept short: how far in the order of arrival, and beyond that how far of which actors.

Values for history.py, which alone knows which change is where. This module compares nothing with another device:
the order of arrival is our own.
"""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import NamedTuple


class Reach(NamedTuple):
    """A change and all that it stands on: the first so many changes held here, and of some actors more.

    Most changes stand on all that is held, so the map is empty and nobody's clock grows with the document.
    """

    first: int
    beyond: Mapping[bytes, int]

    def going_on(self, actor: bytes, sequence: int) -> Reach:
        """This, and an actor's next change."""
        return Reach(self.first, {**self.beyond, actor: sequence})


@dataclass(slots=True)
class Line:
    """One actor's changes in their order: where they are in the history, their first counter, what they made."""

    positions: list[int] = field(default_factory=list)
    starts: list[int] = field(default_factory=list)
    made: list[tuple[str | None, ...]] = field(default_factory=list)

    def copy(self) -> Line:
        """The same line, which goes on by itself."""
        return Line(self.positions.copy(), self.starts.copy(), self.made.copy())


def reached(line: Line, reach: Reach, actor: bytes) -> int:
    """How many of an actor's changes are in a reach."""
    if reach.first > line.positions[-1]:
        return len(line.positions)
    return max(bisect_left(line.positions, reach.first), reach.beyond.get(actor, 0))
