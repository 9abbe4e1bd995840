"""What a document's changes stand on, and which values of its registers live.

A change may only name what it stands on: its dependencies and what these stand on. Automerge does not ask for that;
it applies such a change differently in another order of arrival, or cannot load what it saved. So every change is
judged here by its ancestors alone, which gives the same answer on every device and in any order.
This module knows no bytes and no Automerge, and forgets nothing.
"""

from __future__ import annotations

from bisect import bisect_left, bisect_right
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import NamedTuple

from mesh.events.kinds import Value
from mesh.state.genesis import Genesis
from mesh.state.operations import Action, Change, OperationId

_LETTER = ""
"""Stands for an inserted character where otherwise the name of a register stands, which is never empty."""

_NOTHING: Mapping[bytes, int] = {}


class Live(NamedTuple):
    """A value that no other change has replaced or removed, and the hash of the change that wrote it."""

    value: Value
    change: bytes


class Reach(NamedTuple):
    """A change and all that it stands on: the first so many changes held here, and of some actors more.

    Most changes stand on all that is held, so the map is empty and nobody's clock grows with the document.
    """

    first: int
    beyond: Mapping[bytes, int]


@dataclass(slots=True)
class _Line:
    """One actor's changes in their order: where they are in the history, their first counter, what they made."""

    positions: list[int] = field(default_factory=list)
    starts: list[int] = field(default_factory=list)
    made: list[tuple[str | None, ...]] = field(default_factory=list)

    def copy(self) -> _Line:
        return _Line(self.positions.copy(), self.starts.copy(), self.made.copy())


class History:
    """The changes of one document in an order in which each stands on earlier ones."""

    __slots__ = ("_hashes", "_heads", "_lines", "_live", "_positions", "_reaches", "_tops")

    def __init__(self) -> None:
        """Begin without a change."""
        self._hashes: list[bytes] = []
        self._positions: dict[bytes, int] = {}
        self._reaches: list[Reach] = []
        self._tops: list[int] = []
        self._lines: dict[bytes, _Line] = {}
        self._heads: set[bytes] = set()
        self._live: dict[str, dict[OperationId, Live]] = {}

    def __contains__(self, digest: bytes) -> bool:
        """Whether a change of this hash is held."""
        return digest in self._positions

    def __len__(self) -> int:
        """How many changes are held."""
        return len(self._hashes)

    @property
    def heads(self) -> tuple[bytes, ...]:
        """The changes that no other stands on, ascending."""
        return tuple(sorted(self._heads))

    @property
    def first(self) -> bytes:
        """The document's first change, which its birth is."""
        return self._hashes[0]

    @property
    def next_counter(self) -> int:
        """Where a change that stands on everything begins to count."""
        return 1 + max((self._tops[self._positions[head]] for head in self._heads), default=0)

    def next_sequence(self, actor: bytes) -> int:
        """The sequence number of an actor's next change."""
        line = self._lines.get(actor)
        return 1 + (len(line.positions) if line else 0)

    def copy(self) -> History:
        """The same history, which goes on by itself."""
        other = History()
        other._hashes, other._positions = self._hashes.copy(), self._positions.copy()
        other._reaches, other._tops = self._reaches.copy(), self._tops.copy()
        other._lines = {actor: line.copy() for actor, line in self._lines.items()}
        other._heads = self._heads.copy()
        other._live = {key: values.copy() for key, values in self._live.items()}
        return other

    def reach(self, changes: Iterable[bytes]) -> Reach:
        """These changes, which are held, and all that they stand on."""
        return self._joined([self._reaches[self._positions[name]] for name in changes])

    def covers(self, reach: Reach, actor: bytes, sequence: int) -> bool:
        """Whether a reach has an actor's change of this number, which is held."""
        return sequence <= _reached(self._lines[actor], reach, actor)

    def made_in(self, reach: Reach, name: OperationId) -> bool:
        """Whether a reach has the change that made an operation, which is held."""
        line = self._lines[name.actor]
        return bisect_right(line.starts, name.counter) <= _reached(line, reach, name.actor)

    def outside(self, reach: Reach) -> Iterator[bytes]:
        """The changes that are not in a reach."""
        for actor, line in self._lines.items():
            for position in line.positions[_reached(line, reach, actor) :]:
                yield self._hashes[position]

    def top(self, change: bytes) -> int:
        """The counter of a change's last operation, or where it would have one."""
        return self._tops[self._positions[change]]

    def at(self, actor: bytes, sequence: int) -> bytes | None:
        """The hash of an actor's change by its number."""
        line = self._lines.get(actor)
        return self._hashes[line.positions[sequence - 1]] if line and sequence <= len(line.positions) else None

    def missing(self, change: Change) -> bytes | None:
        """A dependency that is not held, if there is one."""
        return next((name for name in change.dependencies if name not in self._positions), None)

    def keys(self) -> tuple[str, ...]:
        """The registers that hold a value, in the order of their UTF-8 bytes."""
        return tuple(sorted((key for key, values in self._live.items() if values), key=str.encode))

    def live(self, key: str) -> dict[OperationId, Live]:
        """The values of a register that live, by the operation that wrote each."""
        return dict(self._live.get(key, {}))

    def fault(self, change: Change) -> str | None:
        """Why a change does not fit what it stands on, all of which is held; None when it does."""
        reach = self._reach(change.dependencies)
        if change.start != 1 + max(self._tops[self._positions[name]] for name in change.dependencies):
            return "it does not begin to count where what it stands on ends"
        line = self._lines.get(change.actor)
        if change.sequence != 1 + (_reached(line, reach, change.actor) if line else 0):
            return "it does not stand on the change that its actor made before it"
        made: list[str | None] = []
        for operation in change.operations:
            asked = operation.before if operation.object is None else (operation.key,)
            wanted = operation.key if operation.object is None else _LETTER
            for name in asked:
                if isinstance(name, OperationId) and self._made(name, reach, change, made) != wanted:
                    return "it names a value or a letter that it does not stand on"
            made.append(_made_by(operation.action, operation.object, operation.key))
        return None

    def begin(self, genesis: Genesis) -> None:
        """Take in a document's first change."""
        body: tuple[str | None, ...] = () if genesis.body is None else (None,)
        made = (*genesis.registers, *body, *(_LETTER,) * genesis.letters)
        self._append(Change(genesis.hash, (), genesis.actor, 1, 1, (), genesis.raw), Reach(0, _NOTHING), made)
        for counter, (key, value) in enumerate(genesis.registers.items(), start=1):
            self._live[key] = {OperationId(counter, genesis.actor): Live(value, genesis.hash)}

    def add(self, change: Change) -> None:
        """Take in a change that `fault` finds nothing in."""
        made = tuple(_made_by(o.action, o.object, o.key) for o in change.operations)
        self._append(change, self._reach(change.dependencies), made)
        for place, operation in enumerate(change.operations):
            if operation.object is None:
                values = self._live.setdefault(str(operation.key), {})
                for name in operation.before:
                    values.pop(name, None)
                if operation.action is Action.PUT:
                    id_ = OperationId(change.start + place, change.actor)
                    values[id_] = Live(operation.value, change.hash)

    def _append(self, change: Change, reach: Reach, made: tuple[str | None, ...]) -> None:
        position = len(self._hashes)
        on_all = reach.first == position
        self._heads.difference_update(change.dependencies)
        self._heads.add(change.hash)
        self._hashes.append(change.hash)
        self._positions[change.hash] = position
        self._tops.append(change.start + len(made) - 1)
        own = Reach(position + 1, _NOTHING) if on_all else _with(reach, change.actor, change.sequence)
        self._reaches.append(own)
        line = self._lines.setdefault(change.actor, _Line())
        line.positions.append(position)
        line.starts.append(change.start)
        line.made.append(made)

    def _reach(self, dependencies: Sequence[bytes]) -> Reach:
        """All that a change stands on."""
        if self._heads.issubset(dependencies):
            return Reach(len(self._hashes), _NOTHING)
        reaches = [self._reaches[self._positions[name]] for name in dependencies]
        return reaches[0] if len(reaches) == 1 else self._joined(reaches)

    def _joined(self, reaches: Sequence[Reach]) -> Reach:
        count = max((reach.first for reach in reaches), default=0)
        beyond: dict[bytes, int] = {}
        for reach in reaches:
            for actor, sequence in reach.beyond.items():
                held = self._lines[actor].positions[sequence - 1]
                if held >= count and sequence > beyond.get(actor, 0):
                    beyond[actor] = sequence
        return Reach(count, beyond)

    def _made(self, name: OperationId, reach: Reach, change: Change, made: Sequence[str | None]) -> str | None:
        """What an operation made, when the change stands on it or did it itself before: a register or a letter."""
        if name.actor == change.actor and name.counter >= change.start:
            place = name.counter - change.start
            return made[place] if place < len(made) else None
        line = self._lines.get(name.actor)
        if line is None:
            return None
        number = bisect_right(line.starts, name.counter)
        if number == 0 or number > _reached(line, reach, name.actor):
            return None
        place = name.counter - line.starts[number - 1]
        entries = line.made[number - 1]
        return entries[place] if place < len(entries) else None


def _reached(line: _Line, reach: Reach, actor: bytes) -> int:
    """How many of an actor's changes are in a reach."""
    if reach.first > line.positions[-1]:
        return len(line.positions)
    return max(bisect_left(line.positions, reach.first), reach.beyond.get(actor, 0))


def _with(reach: Reach, actor: bytes, sequence: int) -> Reach:
    return Reach(reach.first, {**reach.beyond, actor: sequence})


def _made_by(action: Action, object_: OperationId | None, key: str | OperationId | None) -> str | None:
    """What an operation leaves behind for others to name."""
    if action is not Action.PUT:
        return None
    return str(key) if object_ is None else _LETTER
