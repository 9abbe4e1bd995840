"""The text of a document at any point of its history: after any set of changes that is closed under what they stand on.

All letters that ever were lie in their one order, and each of them is shown or not; to go from one point to another
costs as much as the changes between them. The point from which it starts is the earliest that it can go to. This
module decides nothing and knows no Automerge.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from collections.abc import Set as AbstractSet
from contextlib import contextmanager

from mesh.state.fold import Fold
from mesh.state.history import History
from mesh.state.intake import NONE
from mesh.state.operations import OperationId
from mesh.state.reaches import Reach

_SHOWN = 1  # in a byte per letter, so that the next shown letter is found at the speed of memory


class Moments:
    """A text that goes back and forth in time."""

    __slots__ = ("_deleted", "_gone", "_here", "_history", "_inserted", "_reach", "names", "shown", "values")

    def __init__(self, fold: Fold, history: History, first: int, void: AbstractSet[bytes] = NONE) -> None:
        """Start after the changes at the first so many places of the history. Nothing is seen of `void` ones."""
        self._history = history
        self._reach = Reach(first, {})
        self._inserted: dict[bytes, list[int]] = {}
        self._deleted: dict[bytes, list[int]] = {}
        self.names: list[OperationId] = []
        """Every letter that ever was, in the order of the text."""
        self.values: list[str] = []
        self._gone: list[int] = []  # by how many changes of where we are
        self._here = bytearray()
        counted = dict.fromkeys(history.placed(0, first), 1) | dict.fromkeys(void, 0)
        for place, (name, value, change, gone) in enumerate(fold.strokes()):
            self.names.append(name)
            self.values.append(value)
            if (here := counted.get(change)) is None:
                self._inserted.setdefault(change, []).append(place)
            self._here.append(here or 0)
            count = 0
            for by in set(gone) if gone else ():
                if (one := counted.get(by)) is None:
                    self._deleted.setdefault(by, []).append(place)
                count += one or 0
            self._gone.append(count)
        self.shown = bytearray(here and not gone for here, gone in zip(self._here, self._gone, strict=True))
        """For each of them whether it is seen now."""

    def go(self, reach: Reach) -> None:
        """Show the text as it was after these changes."""
        for change in self._history.difference(self._reach, reach):
            self._revert(change)
        for change in self._history.difference(reach, self._reach):
            self._apply(change)
        self._reach = reach

    def effect(self, change: bytes) -> tuple[list[int], list[int]]:
        """Where a change, made after the start, inserted letters and deleted some, if we are just behind it.

        Only what could be seen counts: no letter of its own that it deleted itself, none that was gone before it.
        """
        inserted, deleted = self._inserted.get(change, ()), self._deleted.get(change, ())
        own = set(inserted)
        erased = [place for place in deleted if self._here[place] and self._gone[place] == 1 and place not in own]
        return [place for place in inserted if self.shown[place]], erased

    @contextmanager
    def hidden(self, places: Iterable[int]) -> Iterator[None]:
        """Do not show these letters, which are seen, for a moment."""
        for place in places:
            self.shown[place] = 0
        yield
        for place in places:
            self.shown[place] = _SHOWN

    def before(self, place: int) -> int:
        """Where the next letter is seen, going left; -1 at the start of the text."""
        return self.shown.rfind(_SHOWN, 0, place)

    def after(self, place: int) -> int:
        """Where the next letter is seen, going right; the number of all letters at the end of the text."""
        found = self.shown.find(_SHOWN, place + 1)
        return found if found >= 0 else len(self.shown)

    def between(self, left: int, right: int) -> Iterator[int]:
        """Where letters are seen between two places."""
        place = self.shown.find(_SHOWN, left + 1, right)
        while place >= 0:
            yield place
            place = self.shown.find(_SHOWN, place + 1, right)

    def count(self, end: int) -> int:
        """How many letters are seen before a place."""
        return self.shown.count(_SHOWN, 0, end)

    def _apply(self, change: bytes) -> None:
        for place in self._inserted.get(change, ()):
            self._here[place] = 1
            self.shown[place] = not self._gone[place]
        for place in self._deleted.get(change, ()):
            self._gone[place] += 1
            self.shown[place] = 0

    def _revert(self, change: bytes) -> None:
        for place in self._deleted.get(change, ()):
            self._gone[place] -= 1
            self.shown[place] = self._here[place] and not self._gone[place]
        for place in self._inserted.get(change, ()):
            self._here[place] = self.shown[place] = 0
