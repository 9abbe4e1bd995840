"""A region of a text as people see it: what every side had there, what they began with, and what stands there today.

A text is gone through at the moments of all sides; what was found for some edits stays, as long as today's text shows
the letters between which they lie. This module finds no overlaps (regions.py) and chooses no side.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import NamedTuple

from mesh.state.footprints import Footprint
from mesh.state.history import History
from mesh.state.moments import Moments
from mesh.state.operations import OperationId
from mesh.state.reaches import Reach

_MARGIN = 64  # letters beside a region that are first looked at for one that everybody sees; then 8 times as many
_WIDER = 8
_BYTE = 8


class Version(NamedTuple):
    """A region as somebody had it: the last change that made it so, its text, and the letters of that."""

    change: bytes
    text: str
    letters: tuple[OperationId, ...]


@dataclass(frozen=True, slots=True)
class Region:
    """Edits that overlap and that nobody settled, between the nearest letters that every side and today's text show.

    `prints` are the names of the edits, ascending, and `footprints` these edits; `changes` are those that made them, in
    the order in which they count. `sides` are what those had of whom nobody else here knew, the oldest first, equal
    ones once. `start` and `length` say where it is in today's text; `merged` is what stands there, and `letters` are
    its letters.
    """

    prints: tuple[bytes, ...]
    changes: tuple[bytes, ...]
    sides: tuple[Version, ...]
    ancestor: str
    start: int
    length: int
    merged: str
    letters: tuple[OperationId, ...]
    footprints: tuple[Footprint, ...]


class _Drawn(NamedTuple):
    """What does not change about some edits: the letters between which they lie (None at the edges), the versions."""

    left: OperationId | None
    right: OperationId | None
    sides: tuple[Version, ...]
    ancestor: str


class _Sketch:
    """A region while its bounds and versions are looked for."""

    __slots__ = ("_margin", "_shared", "first", "last", "left", "right", "seen", "sides")

    def __init__(self, places: Iterable[int], sides: Sequence[bytes]) -> None:
        found = sorted(places)
        self.sides = sides
        self.first, self.last = found[0], found[-1]
        self.left, self.right = 0, 0
        self.seen: dict[int, Sequence[int]] = {}
        """The places of the letters that each side shows, by its number; then the ancestor, then today."""
        self._margin = _MARGIN
        self._shared: tuple[int, int] | None = None

    def narrow(self, shown: bytearray) -> None:
        """Of the letters around, leave those that this moment shows too."""
        before = int.from_bytes(shown[max(0, self.first - self._margin) : self.first], "little")
        after = int.from_bytes(shown[self.last + 1 : self.last + 1 + self._margin], "little")
        known = self._shared or (before, after)
        self._shared = known[0] & before, known[1] & after

    def bounded(self, total: int) -> bool:
        """After all moments: whether a letter that all show, or the edge of the text, was found on either side."""
        assert self._shared is not None, "no moment was looked at"
        (before, after), self._shared = self._shared, None
        low, high = max(0, self.first - self._margin), self.last + 1
        self.left = low + (before.bit_length() - 1) // _BYTE if before else -1
        self.right = high + ((after & -after).bit_length() - 1) // _BYTE if after else total
        found = bool(before or not low) and bool(after or high + self._margin >= total)
        self._margin *= _WIDER
        return found


class Drawing:
    """The regions of one document, each with the text at all the moments that somebody should see of it."""

    def __init__(self, history: History) -> None:
        """Begin without any. `history` may grow."""
        self._history = history
        self._drawn: dict[tuple[bytes, ...], _Drawn] = {}

    def regions(self, moments: Moments, groups: Sequence[Mapping[bytes, Footprint]]) -> tuple[Region, ...]:
        """These groups of footprints, each by its name, as regions in the order of the text."""
        today = Reach(len(self._history), {})
        places: dict[OperationId | None, int] = {name: place for place, name in enumerate(moments.names)}
        moments.go(today)
        keys = [tuple(group) for group in groups]
        self._drawn = {key: self._drawn[key] for key in keys if self._stays(key, places, moments)}
        fresh = [(key, group) for key, group in zip(keys, groups, strict=True) if key not in self._drawn]
        sketches = [self._sketch(places, group) for _, group in fresh]
        self._draw(moments, sketches)
        found = (self._finished(moments, sketch) for sketch in sketches)
        self._drawn.update(zip((key for key, _ in fresh), found, strict=True))
        moments.go(today)
        regions = (self._region(moments, places, group, self._drawn[tuple(group)]) for group in groups)
        return tuple(sorted(regions, key=lambda region: (region.start, region.prints)))

    def _stays(self, key: tuple[bytes, ...], places: Mapping[OperationId | None, int], moments: Moments) -> bool:
        """Whether some edits were seen before, and still lie between the same letters: today's text shows both."""
        drawn = self._drawn.get(key)
        edges = (drawn.left, drawn.right) if drawn else ()
        return drawn is not None and all(moments.shown[places[edge]] for edge in edges if edge)

    def _sketch(self, places: Mapping[OperationId | None, int], group: Mapping[bytes, Footprint]) -> _Sketch:
        touched = (places[letter] for one in group.values() for letter in (*one.deleted, *one.inserted))
        return _Sketch(touched, self._history.tips(one.change for one in group.values()))

    def _draw(self, moments: Moments, sketches: Sequence[_Sketch]) -> None:
        """Find the bounds of regions, and then what everybody sees between them."""
        unbounded = sketches
        while unbounded:
            for sketch, _ in self._stops(moments, unbounded):
                sketch.narrow(moments.shown)
            unbounded = [sketch for sketch in unbounded if not sketch.bounded(len(moments.names))]
        for sketch, which in self._stops(moments, sketches):
            sketch.seen[which] = tuple(moments.between(sketch.left, sketch.right))

    def _stops(self, moments: Moments, sketches: Sequence[_Sketch]) -> Iterator[tuple[_Sketch, int]]:
        """Go to each moment at which a region is looked at, with a number for what it is there; today is the last."""
        history, sides = self._history, dict[bytes, list[tuple[_Sketch, int]]]()
        ancestors: dict[tuple[int, frozenset[tuple[bytes, int]]], list[_Sketch]] = {}
        for sketch in sketches:
            for number, change in enumerate(sketch.sides):
                sides.setdefault(change, []).append((sketch, number))
            shared = history.shared(sketch.sides)
            ancestors.setdefault((shared.first, frozenset(shared.beyond.items())), []).append(sketch)
        for change in sorted(sides, key=history.turn):
            moments.go(history.reach((change,)))
            yield from sides[change]
        for (first, beyond), those in sorted(ancestors.items(), key=lambda item: item[0][0]):
            moments.go(Reach(first, dict(beyond)))
            yield from ((sketch, len(sketch.sides)) for sketch in those)
        moments.go(Reach(len(history), {}))
        yield from ((sketch, len(sketch.sides) + 1) for sketch in sketches)

    def _finished(self, moments: Moments, sketch: _Sketch) -> _Drawn:
        edges: list[OperationId | None] = [*moments.names, None]  # so that both edges have no name
        once: dict[str, Version] = {}
        for number, change in reversed(list(enumerate(sketch.sides))):
            text = _text(moments, sketch.seen[number])
            once.setdefault(text, Version(change, text, _letters(moments, sketch.seen[number])))
        ancestor = _text(moments, sketch.seen[len(sketch.sides)])
        return _Drawn(edges[sketch.left], edges[sketch.right], tuple(reversed(once.values())), ancestor)

    def _region(
        self,
        moments: Moments,
        places: Mapping[OperationId | None, int],
        group: Mapping[bytes, Footprint],
        drawn: _Drawn,
    ) -> Region:
        left, right = places.get(drawn.left, -1), places.get(drawn.right, len(moments.names))
        today = tuple(moments.between(left, right))
        changes = sorted({one.change for one in group.values()}, key=self._history.age)
        return Region(
            tuple(group),
            tuple(changes),
            drawn.sides,
            drawn.ancestor,
            moments.count(left + 1),
            len(today),
            _text(moments, today),
            _letters(moments, today),
            tuple(group.values()),
        )


def _text(moments: Moments, places: Iterable[int]) -> str:
    return "".join([moments.values[place] for place in places])


def _letters(moments: Moments, places: Iterable[int]) -> tuple[OperationId, ...]:
    return tuple(moments.names[place] for place in places)
