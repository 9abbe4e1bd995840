"""Which of many footprints overlap, directly or through others, without looking at each pair of them.

Two footprints meet only at a letter that both name, so they are looked for there; of one actor's only those are
concurrent that come after what a change stands on; and what is known to be connected is not connected again. So a
thousand edits of one place cost about as much as a thousand edits. This module decides nothing about what it finds.
"""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, field
from enum import Enum, auto

from mesh.state.footprints import Footprint
from mesh.state.history import History
from mesh.state.intake import NONE
from mesh.state.operations import OperationId

Settled = Callable[[int], frozenset[bytes]]
"""The settlements that name a footprint, by its number. Two that one settlement names do not overlap any more."""


_Place = OperationId | int | None
"""A letter, a patch of letters, or the edge of the text."""


class _Part(Enum):
    """What a footprint has to do with a letter or, where it deletes, with a patch of them."""

    LEFT = auto()  # it inserts, and the letter is the one to the left
    RIGHT = auto()  # it inserts, and the letter is the one to the right
    REPLACED = auto()  # it deletes the letter, and inserts
    REMOVED = auto()  # it deletes the letter, and inserts nothing
    GAP = auto()  # it deletes nothing, and the letter is the one to the left


@dataclass(slots=True)
class _Row:
    """Footprints of one actor that the same settlements name and that play one part at one letter, in their order.

    `cuts` begin with 0: from one to the next all are known to be connected.
    """

    sequences: list[int] = field(default_factory=list)
    members: list[int] = field(default_factory=list)
    cuts: list[int] = field(default_factory=list)

    def copy(self) -> _Row:
        return _Row(self.sequences.copy(), self.members.copy(), self.cuts.copy())


@dataclass(slots=True)
class _Room:
    """All that play one part at one place: by the settlements that name them, then by actor.

    `first` is one of them. `one`: they are known to be connected, all of them.
    """

    first: int
    rows: dict[frozenset[bytes], dict[bytes, _Row]] = field(default_factory=dict)
    one: bool = True

    def copy(self) -> _Room:
        rows = {names: {actor: row.copy() for actor, row in some.items()} for names, some in self.rows.items()}
        return _Room(self.first, rows, self.one)

    def all(self) -> Iterator[_Row]:
        return (row for some in self.rows.values() for row in some.values())


class Overlaps:
    """Footprints, each added after those of what its change stands on."""

    def __init__(self, history: History, settled: Settled = lambda _: NONE) -> None:
        """Begin without any."""
        self._history, self._settled = history, settled
        self.prints: list[Footprint] = []
        self._above: list[int] = []
        self._sizes: list[int] = []
        self._rooms: dict[_Part, dict[_Place, _Room]] = {part: {} for part in _Part}
        self._patches = _Patches()

    def add(self, new: Footprint) -> None:
        """Connect a footprint with all concurrent ones that it overlaps."""
        number = len(self.prints)
        self.prints.append(new)
        self._above.append(number)
        self._sizes.append(1)
        taken = self._taken(new)
        for part, place in self._met(new, taken):
            self._meet(number, self._rooms[part].get(place), whole=True)
        if not new.deleted:
            self._meet(number, self._rooms[_Part.REMOVED].get(self._patches.of(new.left)), whole=False)
        if not new.inserted:
            for letter in new.deleted:
                self._meet(number, self._rooms[_Part.GAP].get(letter), whole=False)
        for part, place in _played(new, taken):
            self._enter(number, self._rooms[part].setdefault(place, _Room(number)))

    def groups(self) -> Iterator[list[int]]:
        """The numbers of those that are connected, where there is more than one."""
        found: dict[int, list[int]] = {}
        for number in range(len(self.prints)):
            root = self._root(number)
            if self._sizes[root] > 1:
                found.setdefault(root, []).append(number)
        yield from found.values()

    def _taken(self, new: Footprint) -> list[int]:
        """The patches that a footprint deletes; those of which it deletes a part are two from now on."""
        found = []
        for patch, origin in self._patches.cut(new.deleted):
            found.append(patch)
            for part in (_Part.REPLACED, _Part.REMOVED):
                if origin is not None and (room := self._rooms[part].get(origin)):
                    self._rooms[part][patch] = room.copy()
        return found

    def _met(self, new: Footprint, taken: Iterable[int]) -> Iterator[tuple[_Part, _Place]]:
        """Where all that are concurrent overlap a footprint."""
        for patch in taken:
            yield _Part.REPLACED, patch
            if new.inserted:
                yield _Part.REMOVED, patch
        if new.inserted:
            yield _Part.LEFT, new.left
            yield _Part.RIGHT, new.right
            yield _Part.REPLACED, self._patches.of(new.left)
            yield _Part.REPLACED, self._patches.of(new.right)
            for letter in new.deleted:
                yield _Part.LEFT, letter
                yield _Part.RIGHT, letter

    def _meet(self, number: int, room: _Room | None, *, whole: bool) -> None:
        """Connect with those in a room that are concurrent; if not with the `whole` of them, with those around."""
        if room is None:
            return
        new = self.prints[number]
        reach, names, met = self._history.reach((new.change,)), self._settled(number), False
        for others, rows in room.rows.items():
            for actor, row in rows.items() if not names & others else ():
                first = bisect_left(row.sequences, 1 + self._history.reached(reach, actor))
                if first == len(row.members):
                    continue
                if not whole:
                    self._surround(number, row.members[first:])
                    continue
                self._connect(number, row, first)
                met = True
                if room.one:
                    return
        if met:
            root = self._root(number)
            room.one = all(row.cuts == [0] and self._root(row.members[0]) == root for row in room.all())

    def _connect(self, number: int, row: _Row, first: int) -> None:
        """Connect with all in a row from one on, which are then connected."""
        while row.cuts[-1] > first:
            self._join(number, row.members[row.cuts.pop()])
        self._join(number, row.members[row.cuts[-1]])

    def _surround(self, number: int, others: Iterable[int]) -> None:
        for other in others:
            if _around(self.prints[number], self.prints[other]):
                self._join(number, other)

    def _enter(self, number: int, room: _Room) -> None:
        actor, sequence = self._history.number(self.prints[number].change)
        room.one = room.one and self._root(room.first) == self._root(number)
        row = room.rows.setdefault(self._settled(number), {}).setdefault(actor, _Row())
        if not row.members or self._root(row.members[-1]) != self._root(number):
            row.cuts.append(len(row.members))
        row.sequences.append(sequence)
        row.members.append(number)

    def _join(self, one: int, other: int) -> None:
        one, other = self._root(one), self._root(other)
        if one != other:
            small, large = sorted((one, other), key=self._sizes.__getitem__)
            self._above[small] = large
            self._sizes[large] += self._sizes[small]

    def _root(self, number: int) -> int:
        above = self._above
        while above[number] != number:
            above[number] = number = above[above[number]]
        return number


class _Patches:
    """Letters that the same footprints deleted, as one place: so a long deletion costs no more than a short one."""

    def __init__(self) -> None:
        self._of: dict[OperationId, int] = {}
        self._sizes: list[int] = []

    def of(self, letter: OperationId | None) -> int | None:
        """The patch of a letter that was deleted."""
        return self._of.get(letter) if letter else None

    def cut(self, deleted: Iterable[OperationId]) -> Iterator[tuple[int, int | None]]:
        """The patches that these letters are now, each with the one that it was cut out of, if there is one."""
        parts: dict[int | None, list[OperationId]] = {}
        for letter in deleted:
            parts.setdefault(self._of.get(letter), []).append(letter)
        for origin, letters in parts.items():
            if origin is not None and len(letters) == self._sizes[origin]:
                yield origin, None
                continue
            if origin is not None:
                self._sizes[origin] -= len(letters)
            patch = len(self._sizes)
            self._sizes.append(len(letters))
            self._of.update((letter, patch) for letter in letters)
            yield patch, origin


def _played(new: Footprint, taken: Iterable[int]) -> Iterator[tuple[_Part, _Place]]:
    """Where others will look for a footprint."""
    if new.inserted:
        yield _Part.LEFT, new.left
        yield _Part.RIGHT, new.right
    if not new.deleted:
        yield _Part.GAP, new.left
    for patch in taken:
        yield _Part.REPLACED if new.inserted else _Part.REMOVED, patch


def _around(one: Footprint, other: Footprint) -> bool:
    """Whether one only inserts, and the other deletes the letters on both sides of that."""
    inserting, deleting = (one, other) if one.inserted else (other, one)
    return inserting.left in deleting.deleted and inserting.right in deleting.deleted
