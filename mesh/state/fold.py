"""A document seen without its void changes: all operations, and what they come to when some changes do not count.

Used only where void changes lie beneath honoured ones; everywhere else Automerge shows the document by itself. With
nothing masked a fold shows exactly what Automerge shows, whatever somebody wrote. A view is a function of the changes
and of what is void, never of an order of arrival. This module knows no Automerge, decides about no standing, and
takes only changes that fit (intake.py).
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from collections.abc import Set as AbstractSet
from dataclasses import dataclass
from typing import NamedTuple

from mesh.events.kinds import Value
from mesh.state.history import History, Live
from mesh.state.operations import Action, Change, OperationId


@dataclass(frozen=True, slots=True)
class View:
    """What is to be seen: the letters of the text in their order, and the live values of each register that has any."""

    letters: tuple[OperationId, ...]
    text: str
    live: Mapping[str, Mapping[OperationId, Live]]


Stroke = tuple[OperationId, str, bytes, Sequence[bytes]]
"""A letter: its name and its value, the change that inserted it, and those that deleted it."""


class Letter(NamedTuple):
    """An inserted character, the change that inserted it, and the letter that it was inserted behind."""

    value: str
    change: bytes
    left: OperationId | None


class Write(NamedTuple):
    """A register set or removed: by which operation, of which of its actor's changes."""

    id: OperationId
    sequence: int
    change: bytes
    action: Action
    value: Value
    before: tuple[OperationId, ...]


class Fold:
    """The operations of a document, arranged so that any set of void changes can be left out.

    Work and memory grow with the number of operations (times its logarithm, for sorting), whoever wrote them.
    """

    __slots__ = ("_after", "_gone", "_history", "_letters", "_writes")

    def __init__(self, history: History) -> None:
        """Begin without an operation. `history` holds what will be added, and says what stands on what."""
        self._history = history
        self._letters: dict[OperationId, Letter] = {}
        self._after: dict[OperationId | None, list[OperationId]] = {}
        self._gone: dict[OperationId, list[bytes]] = {}
        self._writes: dict[str, list[Write]] = {}

    def take(self, changes: Iterable[Change]) -> None:
        """Add changes that the history holds, the document's first one included; in any order."""
        for change in changes:
            self._add(change)

    def _add(self, change: Change) -> None:
        for place, operation in enumerate(change.operations):
            name = OperationId(change.start + place, change.actor)
            key = operation.key
            if operation.object is None:
                if operation.action is not Action.MAKE_TEXT:
                    write = (name, change.sequence, change.hash, operation.action, operation.value, operation.before)
                    self._writes.setdefault(str(key), []).append(Write(*write))
            elif operation.insert:
                self._letters[name] = Letter(str(operation.value), change.hash, _element(key))
                self._after.setdefault(_element(key), []).append(name)
            elif isinstance(key, OperationId):
                self._gone.setdefault(key, []).append(change.hash)

    def view(self, void: AbstractSet[bytes]) -> View:
        """What is to be seen when the changes of these hashes do not count."""
        letters = tuple(name for name in self._in_order() if self.shown(name, void))
        text = "".join(self._letters[name].value for name in letters)
        live = {key: self._live(writes, void) for key, writes in self._writes.items()}
        return View(letters, text, {key: values for key, values in live.items() if values})

    def parted(self, key: str, live: Iterable[OperationId], void: AbstractSet[bytes]) -> tuple[Value, ...]:
        """The different values of a register that the writers of these live ones all stand on, and that these replaced.

        Empty when a single change wrote all of them.
        """
        writes = {write.id: write for write in self._writes.get(key, ())}
        open_ = [writes[name] for name in live]
        changes = {write.change for write in open_}
        if len(changes) < 2:
            return ()
        common = self._history.shared(changes)
        shared: dict[OperationId, Write] = {}
        seen: set[OperationId] = set()
        while open_:
            for name in open_.pop().before:
                if (below := writes.get(name)) and name not in seen:
                    seen.add(name)
                    if self._history.covers(common, name.actor, below.sequence):
                        shared[name] = below
                    else:
                        open_.append(below)
        replaced = {name for write in shared.values() for name in write.before}
        left = [write for name, write in sorted(shared.items()) if name not in replaced and write.change not in void]
        return tuple({(type(write.value), write.value): write.value for write in left}.values())

    def beside(self, key: str, changes: AbstractSet[bytes], notices: tuple[str, ...]) -> frozenset[bytes]:
        """Those of these changes that do something else than write one register, or some whose names begin so."""
        found = {letter.change for letter in self._letters.values()}
        found |= {by for gone in self._gone.values() for by in gone}
        edited = (writes for other, writes in self._writes.items() if other != key and not other.startswith(notices))
        found |= {write.change for writes in edited for write in writes}
        return frozenset(found & changes)

    def letter(self, name: OperationId) -> Letter:
        """A letter that was ever inserted."""
        return self._letters[name]

    def deleters(self, name: OperationId) -> Sequence[bytes]:
        """The changes that deleted a letter."""
        return self._gone.get(name, ())

    def writes(self, key: str) -> Sequence[Write]:
        """Every write of a register."""
        return self._writes.get(key, ())

    def strokes(self) -> Iterator[Stroke]:
        """Every letter that was ever inserted, in the order of the text."""
        letters, gone = self._letters, self._gone
        for name in self._in_order():
            value, change, _ = letters[name]
            yield name, value, change, gone.get(name, ())

    def _in_order(self) -> Iterator[OperationId]:
        """Every letter that was ever inserted: each behind the one it was inserted after, later ones first.

        This is the order in which Automerge has them: to go right from there while what stands there is greater.
        """
        following = [*self.behind(None)]
        while following:
            name = following.pop()
            yield name
            following += self.behind(name)

    def behind(self, name: OperationId | None) -> Sequence[OperationId]:
        """What was inserted after a letter, ascending."""
        found = self._after.get(name)
        if found is None:
            return ()
        found.sort()
        return found

    def shown(self, name: OperationId, void: AbstractSet[bytes]) -> bool:
        """Whether a letter was inserted by a change that counts, and deleted by none that counts."""
        return self._letters[name].change not in void and all(by in void for by in self._gone.get(name, ()))

    def _live(self, writes: Sequence[Write], void: AbstractSet[bytes]) -> dict[OperationId, Live]:
        """The values of one register that live.

        A write replaces what it names. A void one does not; but whoever wrote later, standing on it, saw nothing of
        what it had replaced, and that stays replaced. So a value does not rise beside the one that took its place.
        """
        counted = [write for write in writes if write.change not in void]
        later = self._history.reach(write.change for write in counted)
        replaced: set[OperationId] = set()
        for write in writes:
            if write.change not in void or self._history.covers(later, write.id.actor, write.sequence):
                replaced.update(write.before)
        values = (write for write in counted if write.action is Action.PUT and write.id not in replaced)
        return {write.id: Live(write.value, write.change) for write in values}


def _element(key: str | OperationId | None) -> OperationId | None:
    return key if isinstance(key, OperationId) else None
