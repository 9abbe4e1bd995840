"""The places of a text where concurrent edits overlap, each with what every side had there and what they began with.

What is found follows from the set of changes, from which of them are void, and from what is settled. Only changes
that have concurrent ones are looked at; what was found about them stays, since nothing that comes later alters it.
This module settles nothing and knows no Automerge.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from collections.abc import Set as AbstractSet
from dataclasses import dataclass
from itertools import product
from typing import NamedTuple

from mesh.names import DocumentId
from mesh.state.fold import Fold
from mesh.state.footprints import Footprint, footprints, print_name
from mesh.state.history import History
from mesh.state.moments import Moments
from mesh.state.operations import OperationId
from mesh.state.overlaps import Overlaps
from mesh.state.reaches import Reach

Naming = Callable[[bytes], frozenset[bytes]]
"""The effective settlements that name a print. Edits that one settlement names are settled with each other."""

Rivals = Callable[[], AbstractSet[tuple[bytes, bytes]]]
"""The changes, two by two, of effective settlements that name a common print."""

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


class Regions:
    """What is known of the overlapping edits of one document."""

    __slots__ = ("_found", "_history", "_names", "_prints", "_seen", "document")

    def __init__(self, document: DocumentId, history: History) -> None:
        """Begin without having looked at anything. `history` may grow."""
        self.document = document
        self._history = history
        self._prints: dict[bytes, tuple[Footprint, ...]] = {}
        self._names: dict[tuple[bytes, OperationId | None], bytes] = {}
        self._found = Overlaps(history)
        self._seen: list[bytes] = []

    def open(
        self,
        fold: Callable[[], Fold],
        void: AbstractSet[bytes],
        naming: Naming,
        rivals: AbstractSet[tuple[bytes, bytes]] = frozenset(),
    ) -> tuple[Region, ...]:
        """The regions that are not settled, as they follow each other in the text. A fold is asked for if needed."""
        moments = self._look(fold, void)
        groups = self._contested(list(self._groups(naming)), rivals, naming)
        if not groups:
            return ()
        if moments is None or void:
            moments = Moments(fold(), self._history, self._history.parted[0][0], void)
        return _Drawing(self._history, moments).regions(groups, self._name)

    def _look(self, fold: Callable[[], Fold], void: AbstractSet[bytes]) -> Moments | None:
        """Find the footprints of all changes that have concurrent ones, and which of them overlap.

        If there are new ones, the moments at which they were found, where nothing is void.
        """
        history = self._history
        parted = [name for first, last in history.parted for name in history.placed(first, last + 1)]
        fresh = sorted((name for name in parted if name not in self._prints), key=history.turn)
        moments = Moments(fold(), history, history.parted[0][0]) if fresh else None
        if moments:
            found: dict[bytes, list[Footprint]] = {name: [] for name in fresh}
            for one in footprints(moments, history, fresh):
                found[one.change].append(one)
            self._prints.update((name, tuple(prints)) for name, prints in found.items())
        if parted[: len(self._seen)] != self._seen:
            self._found, self._seen = Overlaps(history), []
        for name in parted[len(self._seen) :]:
            for one in self._prints[name] if name not in void else ():
                self._found.add(one)
        self._seen = parted
        return moments

    def _groups(self, naming: Naming) -> Iterator[list[Footprint]]:
        """Edits that are connected by overlaps that nobody settled."""
        for group in self._found.groups():
            prints = [self._found.prints[number] for number in group]
            named = [naming(self._name(one)) for one in prints]
            if not any(named):
                yield prints
                continue
            again = Overlaps(self._history, named.__getitem__)
            for one in prints:
                again.add(one)
            yield from ([prints[number] for number in part] for part in again.groups())

    def _contested(
        self, groups: list[list[Footprint]], rivals: AbstractSet[tuple[bytes, bytes]], naming: Naming
    ) -> list[list[Footprint]]:
        """Connect what two did who settled the same edits, not knowing of each other, unless they deleted the same.

        Each may have deleted what the other one chose: then nothing of it is seen, and no two of their edits overlap.
        """
        where = {(one.change, one.left): group for group in groups for one in group} if rivals else {}
        for pair in sorted(rivals):
            mine, theirs = (self._prints.get(change, ()) for change in pair)
            if not (mine and theirs and self._apart(*pair)) or _deleted(mine) == _deleted(theirs):
                continue
            for one, other in product(mine, theirs):
                if naming(self._name(one)).isdisjoint(naming(self._name(other))):
                    groups = _joined(groups, where, one, other)
        return groups

    def _apart(self, one: bytes, other: bytes) -> bool:
        """Whether neither of two changes stands on the other."""
        pairs = ((one, other), (other, one))
        return not any(self._history.covers(self._history.reach((a,)), *self._history.number(b)) for a, b in pairs)

    def _name(self, one: Footprint) -> bytes:
        key = (one.change, one.left)
        name = self._names.get(key)
        if name is None:
            name = self._names[key] = print_name(self.document, one)
        return name


def _deleted(prints: Iterable[Footprint]) -> frozenset[OperationId]:
    return frozenset(letter for one in prints for letter in one.deleted)


def _joined(
    groups: list[list[Footprint]],
    where: dict[tuple[bytes, OperationId | None], list[Footprint]],
    one: Footprint,
    other: Footprint,
) -> list[list[Footprint]]:
    """Groups of footprints after two of these were connected."""
    mine, theirs = (where.get((x.change, x.left), [x]) for x in (one, other))
    if mine is theirs:
        return groups
    joined = [*mine, *theirs]
    where.update(((x.change, x.left), joined) for x in joined)
    return [*(group for group in groups if group is not mine and group is not theirs), joined]


class _Sketch:
    """A region while its bounds and versions are looked for."""

    __slots__ = ("_margin", "_shared", "first", "last", "left", "prints", "right", "seen", "sides")

    def __init__(self, prints: Sequence[Footprint], places: Iterable[int], sides: Sequence[bytes]) -> None:
        found = sorted(places)
        self.prints, self.sides = prints, sides
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


class _Drawing:
    """The text at all the moments that somebody should see of some regions."""

    def __init__(self, history: History, moments: Moments) -> None:
        self._history, self._moments = history, moments

    def regions(self, groups: Sequence[Sequence[Footprint]], name: Callable[[Footprint], bytes]) -> tuple[Region, ...]:
        """These groups of footprints as regions, in the order of the text."""
        sketches = self._sketches(groups)
        unbounded = sketches
        while unbounded:
            for sketch, _ in self._stops(unbounded):
                sketch.narrow(self._moments.shown)
            unbounded = [sketch for sketch in unbounded if not sketch.bounded(len(self._moments.names))]
        for sketch, which in self._stops(sketches):
            sketch.seen[which] = tuple(self._moments.between(sketch.left, sketch.right))
        starts = [self._moments.count(sketch.left + 1) for sketch in sketches]  # the last stop was today
        names = [dict(sorted((name(one), one) for one in sketch.prints)) for sketch in sketches]
        found = map(self._region, sketches, names, starts)
        return tuple(sorted(found, key=lambda region: (region.start, region.prints)))

    def _sketches(self, groups: Sequence[Sequence[Footprint]]) -> list[_Sketch]:
        touched = {letter for group in groups for one in group for letter in (*one.deleted, *one.inserted)}
        places = {letter: place for place, letter in enumerate(self._moments.names) if letter in touched}
        out = []
        for group in groups:
            these = (places[letter] for one in group for letter in (*one.deleted, *one.inserted))
            out.append(_Sketch(group, these, self._history.tips(one.change for one in group)))
        return out

    def _stops(self, sketches: Sequence[_Sketch]) -> Iterator[tuple[_Sketch, int]]:
        """Go to each moment that a region is shown at, with a number for what it is there: today is the last."""
        history, sides = self._history, dict[bytes, list[tuple[_Sketch, int]]]()
        ancestors: dict[tuple[int, frozenset[tuple[bytes, int]]], list[_Sketch]] = {}
        for sketch in sketches:
            for number, change in enumerate(sketch.sides):
                sides.setdefault(change, []).append((sketch, number))
            shared = history.shared(sketch.sides)
            ancestors.setdefault((shared.first, frozenset(shared.beyond.items())), []).append(sketch)
        for change in sorted(sides, key=history.turn):
            self._moments.go(history.reach((change,)))
            yield from sides[change]
        for (first, beyond), those in sorted(ancestors.items(), key=lambda item: item[0][0]):
            self._moments.go(Reach(first, dict(beyond)))
            yield from ((sketch, len(sketch.sides)) for sketch in those)
        self._moments.go(Reach(len(history), {}))
        yield from ((sketch, len(sketch.sides) + 1) for sketch in sketches)

    def _region(self, sketch: _Sketch, prints: dict[bytes, Footprint], start: int) -> Region:
        *sides, ancestor, today = (sketch.seen[number] for number in range(len(sketch.sides) + 2))
        once: dict[str, Version] = {}
        for change, places in zip(reversed(sketch.sides), reversed(sides), strict=True):
            text = self._text(places)
            once.setdefault(text, Version(change, text, self._letters(places)))
        changes = sorted({one.change for one in sketch.prints}, key=self._history.age)
        return Region(
            tuple(prints),
            tuple(changes),
            tuple(reversed(once.values())),
            self._text(ancestor),
            start,
            len(today),
            self._text(today),
            self._letters(today),
            tuple(prints.values()),
        )

    def _text(self, places: Iterable[int]) -> str:
        return "".join([self._moments.values[place] for place in places])

    def _letters(self, places: Iterable[int]) -> tuple[OperationId, ...]:
        return tuple(self._moments.names[place] for place in places)
