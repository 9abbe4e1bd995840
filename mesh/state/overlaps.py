"""Which of many footprints overlap, directly or through others, without looking at each pair of them.

Two footprints meet only at a letter that both name, so they are looked for there; of one actor's only those are
concurrent that come after what a change stands on; and what is known to be connected is not connected again. So a
thousand edits of one place cost about as much as a thousand edits. This module decides nothing about what it finds.
"""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from enum import Enum, auto

from mesh.state.footprints import Footprint
from mesh.state.history import History
from mesh.state.intake import NONE
from mesh.state.operations import OperationId

Settled = Callable[[int], frozenset[bytes]]
"""The settlements that name a footprint, by its number. Two that one settlement names do not overlap any more."""


class _Part(Enum):
    """What a footprint has to do with a letter, None being the edge of the text."""

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


@dataclass(slots=True)
class _Room:
    """All that play one part at one letter. `one`: they are known to be connected, all of them."""

    rows: dict[tuple[bytes, frozenset[bytes]], _Row] = field(default_factory=dict)
    one: bool = True


class Overlaps:
    """Footprints, each added after those of what its change stands on."""

    def __init__(self, history: History, settled: Settled = lambda _: NONE) -> None:
        """Begin without any."""
        self._history, self._settled = history, settled
        self.prints: list[Footprint] = []
        self._above: list[int] = []
        self._sizes: list[int] = []
        self._rooms: dict[tuple[_Part, OperationId | None], _Room] = {}

    def add(self, new: Footprint) -> None:
        """Connect a footprint with all concurrent ones that it overlaps."""
        number = len(self.prints)
        self.prints.append(new)
        self._above.append(number)
        self._sizes.append(1)
        for part, letter in _met(new):
            self._meet(number, self._rooms.get((part, letter)), whole=True)
        if not new.deleted:
            self._meet(number, self._rooms.get((_Part.REMOVED, new.left)), whole=False)
        if not new.inserted:
            for letter in new.deleted:
                self._meet(number, self._rooms.get((_Part.GAP, letter)), whole=False)
        for part, letter in _played(new):
            self._enter(number, self._rooms.setdefault((part, letter), _Room()))

    def groups(self) -> Iterator[list[int]]:
        """The numbers of those that are connected, where there is more than one."""
        found: dict[int, list[int]] = {}
        for number in range(len(self.prints)):
            root = self._root(number)
            if self._sizes[root] > 1:
                found.setdefault(root, []).append(number)
        yield from found.values()

    def _meet(self, number: int, room: _Room | None, *, whole: bool) -> None:
        """Connect with those in a room that are concurrent; if not with the `whole` of them, with those around."""
        if room is None:
            return
        new = self.prints[number]
        reach, names, one = self._history.reach((new.change,)), self._settled(number), True
        for (actor, others), row in room.rows.items():
            first = bisect_left(row.sequences, 1 + self._history.reached(reach, actor))
            if first == len(row.members) or names & others:
                one = False
            elif whole:
                self._connect(number, row, first)
                if room.one:
                    return
                one = one and row.cuts == [0]
            else:
                for other in row.members[first:]:
                    if _around(new, self.prints[other]):
                        self._join(number, other)
        room.one = room.one or (whole and one)

    def _connect(self, number: int, row: _Row, first: int) -> None:
        """Connect with all in a row from one on, which are then connected."""
        while row.cuts[-1] > first:
            self._join(number, row.members[row.cuts.pop()])
        self._join(number, row.members[row.cuts[-1]])

    def _enter(self, number: int, room: _Room) -> None:
        actor, sequence = self._history.number(self.prints[number].change)
        known = next((row.members[0] for row in room.rows.values()), number)
        room.one = room.one and self._root(known) == self._root(number)
        row = room.rows.setdefault((actor, self._settled(number)), _Row())
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


def _met(new: Footprint) -> Iterator[tuple[_Part, OperationId | None]]:
    """Where all that are concurrent overlap this one."""
    if new.inserted:
        yield _Part.LEFT, new.left
        yield _Part.RIGHT, new.right
        yield _Part.REPLACED, new.left
        yield _Part.REPLACED, new.right
    for letter in new.deleted:
        yield _Part.REPLACED, letter
        if new.inserted:
            yield _Part.REMOVED, letter
            yield _Part.LEFT, letter
            yield _Part.RIGHT, letter


def _played(new: Footprint) -> Iterator[tuple[_Part, OperationId | None]]:
    """Where others will look for this one."""
    if new.inserted:
        yield _Part.LEFT, new.left
        yield _Part.RIGHT, new.right
    if not new.deleted:
        yield _Part.GAP, new.left
    for letter in new.deleted:
        yield _Part.REPLACED if new.inserted else _Part.REMOVED, letter


def _around(one: Footprint, other: Footprint) -> bool:
    """Whether one only inserts, and the other deletes the letters on both sides of that."""
    inserting, deleting = (one, other) if one.inserted else (other, one)
    return inserting.left in deleting.deleted and inserting.right in deleting.deleted
