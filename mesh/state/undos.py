"""Who takes back whom: the undos among a document's events, undos of undos included.

It knows events by their names alone, and no documents.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from collections.abc import Set as AbstractSet
from typing import NamedTuple


class Plan(NamedTuple):
    """What it takes to take an event back.

    `names`: what the undos must name, the event first; more than one where others took back the same and it shall
    stand again. `root`: the event that is no undo of a change, in the end. `turns`: whether that one turns by it.
    """

    names: tuple[bytes, ...]
    root: bytes
    turns: bool


class Undos:
    """Which of a document's events are taken back, by its undos that count: each of them, and what it takes back.

    An undo stands unless a standing one takes it back. An event names only what was before it, so this comes to an end.
    `births` are no changes: who takes one back deletes the document, which is a change like any other.
    """

    def __init__(self, pairs: Iterable[tuple[bytes, bytes]] = (), births: AbstractSet[bytes] = frozenset()) -> None:
        """Begin with these."""
        self._target: dict[bytes, bytes] = {}
        self._births = births
        self._of: dict[bytes, set[bytes]] = {}
        self._stand: dict[bytes, bool] = {}
        for undo, target in pairs:
            self.add(undo, target)

    def __bool__(self) -> bool:
        """Whether there are any."""
        return bool(self._target)

    def add(self, undo: bytes, target: bytes) -> None:
        """Take in one more, in whatever order they come."""
        self._target[undo] = target
        self._of.setdefault(target, set()).add(undo)
        self._stand.clear()

    def stands(self, event: bytes) -> bool:
        """Whether an event is not taken back."""
        open_ = [event]
        while open_:
            last = open_[-1]
            undos = self._of.get(last, ())
            if unknown := [undo for undo in undos if undo not in self._stand]:
                open_ += unknown
                continue
            self._stand[last] = not any(self._stand[undo] for undo in undos)
            open_.pop()
        return self._stand[event]

    def of(self, event: bytes) -> tuple[bytes, ...]:
        """The standing undos of an event: more than one if people took it back without knowing of each other."""
        return tuple(sorted(undo for undo in self._of.get(event, ()) if self.stands(undo)))

    def plan(self, event: bytes) -> Plan:
        """What it takes to take back an event that stands."""
        names: tuple[bytes, ...] = (event,)
        root = event
        if event in self.undos:
            names = (event, *(undo for undo in self.of(self._target[event]) if undo != event))
        while root in self.undos:
            root = self._target[root]
        later = Undos([*self._target.items(), *((b"undo of " + name, name) for name in names)])
        return Plan(names, root, self.stands(root) != later.stands(root))

    def known(self, knows: Callable[[bytes], bool]) -> Undos:
        """The same, of those undos alone that somebody knew of."""
        return Undos([pair for pair in self._target.items() if knows(pair[0])], self._births)

    @property
    def undos(self) -> frozenset[bytes]:
        """The undos of changes."""
        return frozenset(undo for undo, target in self._target.items() if target not in self._births)

    @property
    def back(self) -> frozenset[bytes]:
        """The changes that are taken back, undos among them."""
        return frozenset(target for target in self._of if target not in self._births and not self.stands(target))
