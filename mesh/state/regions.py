"""The places of a text where concurrent edits overlap, each with what every side had there and what they began with.

What is found follows from the set of changes, from which of them are void, and from what is settled. Only changes
that have concurrent ones are looked at; what was found about them stays, since nothing that comes later alters it.
This module settles nothing and knows no Automerge.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from collections.abc import Set as AbstractSet
from itertools import product

from mesh.names import DocumentId
from mesh.state.fold import Fold
from mesh.state.footprints import Footprint, footprints, print_name
from mesh.state.history import History
from mesh.state.intake import NONE
from mesh.state.moments import Moments
from mesh.state.operations import OperationId
from mesh.state.overlaps import Overlaps
from mesh.state.versions import Drawing, Region

Naming = Callable[[bytes], frozenset[bytes]]
"""The effective settlements that name a print. Edits that one settlement names are settled with each other."""

Rivals = Callable[[], AbstractSet[tuple[bytes, bytes]]]
"""The changes, two by two, of effective settlements that name a common print."""


class Regions:
    """What is known of the overlapping edits of one document."""

    __slots__ = ("_drawing", "_found", "_history", "_last", "_names", "_parts", "_prints", "_seen", "document")

    def __init__(self, document: DocumentId, history: History) -> None:
        """Begin without having looked at anything. `history` may grow."""
        self.document = document
        self._history = history
        self._prints: dict[bytes, tuple[Footprint, ...]] = {}
        self._names: dict[tuple[bytes, OperationId | None], bytes] = {}
        self._found = Overlaps(history)
        self._parts: dict[int, tuple[list[int], list[frozenset[bytes]], list[list[int]]]] = {}
        self._seen: list[bytes] = []
        self._drawing = Drawing(history)
        self._last: tuple[tuple[int, int], Moments] | None = None

    def open(
        self,
        fold: Callable[[], Fold],
        void: AbstractSet[bytes],
        naming: Naming,
        rivals: AbstractSet[tuple[bytes, bytes]] = frozenset(),
    ) -> tuple[Region, ...]:
        """The regions that are not settled, as they follow each other in the text. A fold is asked for if needed."""
        self._look(fold, void)
        groups = self._contested(list(self._groups(naming)), rivals, naming)
        named = [dict(sorted((self._name(one), one) for one in group)) for group in groups]
        return self._drawing.regions(self._moments(fold, void), named) if named else ()

    def _moments(self, fold: Callable[[], Fold], void: AbstractSet[bytes]) -> Moments:
        """The text at any moment since the changes parted, without void ones; kept until something comes."""
        now = (len(self._history), len(void))
        if self._last is None or self._last[0] != now:
            self._last = now, Moments(fold(), self._history, self._history.parted[0][0], void)
        return self._last[1]

    def _look(self, fold: Callable[[], Fold], void: AbstractSet[bytes]) -> None:
        """Find the footprints of all changes that have concurrent ones, and which of them overlap."""
        history = self._history
        parted = [name for first, last in history.parted for name in history.placed(first, last + 1)]
        fresh = sorted((name for name in parted if name not in self._prints), key=history.turn)
        if fresh:
            found: dict[bytes, list[Footprint]] = {name: [] for name in fresh}
            for one in footprints(self._moments(fold, NONE), history, fresh):
                found[one.change].append(one)
            self._prints.update((name, tuple(prints)) for name, prints in found.items())
        if parted[: len(self._seen)] != self._seen:
            self._found, self._seen = Overlaps(history), []
            self._parts.clear()
        for name in parted[len(self._seen) :]:
            for one in self._prints[name] if name not in void else ():
                self._found.add(one)
        self._seen = parted

    def _groups(self, naming: Naming) -> Iterator[list[Footprint]]:
        """Edits that are connected by overlaps that nobody settled."""
        for group in self._found.groups():
            prints = [self._found.prints[number] for number in group]
            named = [naming(self._name(one)) for one in prints]
            if not any(named):
                yield prints
                continue
            known = self._parts.get(group[0])
            if known is None or known[:2] != (group, named):
                again = Overlaps(self._history, named.__getitem__)
                for one in prints:
                    again.add(one)
                known = self._parts[group[0]] = (group, named, list(again.groups()))
            yield from ([prints[number] for number in part] for part in known[2])

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
