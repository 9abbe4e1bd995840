"""What a document's changes stand on, and which values of its registers live.

A change may only name what it stands on: its dependencies and what these stand on. Automerge does not ask for that;
it applies such a change differently in another order of arrival, or cannot load what it saved. So every change is
judged here by its ancestors alone, which gives the same answer on every device and in any order.
This module knows no bytes and no Automerge, and forgets nothing.
"""

from __future__ import annotations

from bisect import bisect_left, bisect_right
from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import NamedTuple

from mesh.events.kinds import Value
from mesh.state.genesis import Genesis
from mesh.state.operations import Action, Change, OperationId
from mesh.state.reaches import Line, Reach, reached

_LETTER = ""
"""Stands for an inserted character where otherwise the name of a register stands, which is never empty."""

_NOTHING: Mapping[bytes, int] = {}


class Live(NamedTuple):
    """A value that no other change has replaced or removed, and the hash of the change that wrote it."""

    value: Value
    change: bytes


class History:
    """The changes of one document in an order in which each stands on earlier ones."""

    __slots__ = ("_hashes", "_heads", "_lines", "_live", "_makers", "_parted", "_positions", "_reaches", "_tops")

    def __init__(self) -> None:
        """Begin without a change."""
        self._hashes: list[bytes] = []
        self._positions: dict[bytes, int] = {}
        self._reaches: list[Reach] = []
        self._tops: list[int] = []
        self._makers: list[bytes] = []
        self._parted: list[tuple[int, int]] = []
        self._lines: dict[bytes, Line] = {}
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
        other._makers, other._parted = self._makers.copy(), self._parted.copy()
        other._lines = {actor: line.copy() for actor, line in self._lines.items()}
        other._heads = self._heads.copy()
        other._live = {key: values.copy() for key, values in self._live.items()}
        return other

    def reach(self, changes: Iterable[bytes]) -> Reach:
        """These changes, which are held, and all that they stand on."""
        return self._joined([self._reaches[self._positions[name]] for name in changes])

    def shared(self, changes: Iterable[bytes]) -> Reach:
        """What each of these changes, of which there is one, stands on."""
        least, *others = sorted((self._reaches[self._positions[name]] for name in changes), key=lambda one: one.first)
        beyond = {}
        for actor, sequence in least.beyond.items():
            line = self._lines[actor]
            common = min([sequence, *(reached(line, other, actor) for other in others)])
            if common > bisect_left(line.positions, least.first):
                beyond[actor] = common
        return Reach(least.first, beyond)

    def difference(self, one: Reach, other: Reach) -> Iterator[bytes]:
        """The changes that are in one reach and not in another."""
        actors = {actor for actor, _ in one.beyond.items() - other.beyond.items()}
        for actor in sorted(actors.union(self._makers[other.first : one.first])):
            line = self._lines[actor]
            for place in line.positions[reached(line, other, actor) : reached(line, one, actor)]:
                yield self._hashes[place]

    @property
    def parted(self) -> Sequence[tuple[int, int]]:
        """Stretches of changes, each first and last, outside of which no change has a concurrent one.

        No two changes of different stretches are concurrent: what follows stands on all that was before. That there
        are any depends on the set of changes only; where they are, on the order of arrival.
        """
        return self._parted

    def position(self, digest: bytes) -> int:
        """The place of a change in the order in which it came here."""
        return self._positions[digest]

    def placed(self, first: int, end: int) -> Sequence[bytes]:
        """The changes from one place up to another."""
        return self._hashes[first:end]

    def age(self, digest: bytes) -> tuple[int, bytes]:
        """Orders changes alike everywhere: each that does something behind all that it stands on."""
        return self._tops[self._positions[digest]], digest

    def turn(self, digest: bytes) -> tuple[int, bytes, int]:
        """Orders the changes of the stretches so that it is not far from each to the next."""
        return bisect_right(self._parted, (self._positions[digest], len(self._hashes))), *self.number(digest)

    def number(self, digest: bytes) -> tuple[bytes, int]:
        """Whose change it is, and the how manieth of that actor."""
        position = self._positions[digest]
        actor = self._makers[position]
        return actor, 1 + bisect_left(self._lines[actor].positions, position)

    def reached(self, reach: Reach, actor: bytes) -> int:
        """How many changes of an actor, who has some, are in a reach."""
        return reached(self._lines[actor], reach, actor)

    def tips(self, changes: Iterable[bytes]) -> tuple[bytes, ...]:
        """Of these changes those on which no other of them stands; the oldest first."""
        last: dict[bytes, tuple[int, bytes]] = {}
        for name in changes:
            actor, sequence = self.number(name)
            last[actor] = max((sequence, name), last.get(actor, (0, b"")))
        reaches = {actor: self._reaches[self._positions[name]] for actor, (_, name) in last.items()}
        ahead = max(last, key=lambda actor: (reaches[actor].first, self._positions[last[actor][1]]))
        under = {a for a, (_, name) in last.items() if a != ahead and self._positions[name] < reaches[ahead].first}
        for actor, reach in reaches.items():
            under.update(a for a, n in reach.beyond.items() if a != actor and a in last and last[a][0] <= n)
        found = (name for actor, (_, name) in last.items() if actor not in under)
        return tuple(sorted(found, key=self.age))

    def covers(self, reach: Reach, actor: bytes, sequence: int) -> bool:
        """Whether a reach has an actor's change of this number, which is held."""
        return sequence <= reached(self._lines[actor], reach, actor)

    def stands_on(self, change: bytes, other: bytes) -> bool:
        """Whether a change is another one or stands on it; both are held."""
        return self.covers(self._reaches[self._positions[change]], *self.number(other))

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
        if change.sequence != 1 + (reached(line, reach, change.actor) if line else 0):
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
        self._makers.append(change.actor)
        if not on_all:
            self._part(reach.first, position)
        own = Reach(position + 1, _NOTHING) if on_all else reach.going_on(change.actor, change.sequence)
        self._reaches.append(own)
        line = self._lines.setdefault(change.actor, Line())
        line.positions.append(position)
        line.starts.append(change.start)
        line.made.append(made)

    def _part(self, first: int, last: int) -> None:
        """Everything from one change to another has a concurrent one, and is one stretch with what it touches."""
        while self._parted and self._parted[-1][1] >= first:
            first = min(first, self._parted.pop()[0])
        self._parted.append((first, last))

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
        if number == 0 or number > reached(line, reach, name.actor):
            return None
        place = name.counter - line.starts[number - 1]
        entries = line.made[number - 1]
        return entries[place] if place < len(entries) else None


def _made_by(action: Action, object_: OperationId | None, key: str | OperationId | None) -> str | None:
    """What an operation leaves behind for others to name."""
    if action is not Action.PUT:
        return None
    return str(key) if object_ is None else _LETTER
