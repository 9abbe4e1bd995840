"""Which of the changes that were given to a document fit, and which of those are in it; what becomes of the others.

In the document are the changes that count and all that they stand on, void ones too. A void change on which nothing
that counts stands is kept aside, and comes in as soon as something does. The answer depends on the set of changes and
on which of them are void, not on their order. This module knows no Automerge and throws nothing away: what does not
fit is kept with the reason.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from collections.abc import Set as AbstractSet
from dataclasses import dataclass

from mesh.limits import CHANGES_KEPT_READ
from mesh.state.genesis import Genesis
from mesh.state.history import History
from mesh.state.operations import Change

OUTDONE = "its actor gave its number twice, and the other event goes before it"

NONE: frozenset[bytes] = frozenset()
"""Where nothing is void."""


@dataclass(frozen=True, slots=True)
class Taken:
    """What became of the changes that were given to a document, each list by hash.

    `applied`: what came into the document, void changes beneath included. `waiting`, `refused` (with the reason) and
    `aside` (void, and nothing that counts stands on them) are all that the document holds of these. `doubled`: an
    actor's number came twice with different bytes, or a change has another standing than before; nothing was taken,
    and the document must be folded again from its events.
    """

    applied: tuple[bytes, ...] = ()
    waiting: tuple[bytes, ...] = ()
    refused: tuple[tuple[bytes, str], ...] = ()
    doubled: bool = False
    aside: tuple[bytes, ...] = ()


class Intake:
    """A document's history, and beside it the changes that are not in it."""

    __slots__ = ("_aside", "_claims", "_judged", "_refused", "_waiting", "_wanted", "hidden", "history", "read", "void")

    def __init__(self, history: History) -> None:
        """Begin with a history, nothing waiting and nothing void."""
        self.history = history
        self._judged = history  # all that fit; one object with `history` until a void change is kept aside
        self._aside: dict[bytes, Change] = {}
        self._waiting: dict[bytes, Change] = {}
        self._wanted: dict[bytes, list[Change]] = {}
        self._refused: dict[bytes, tuple[Change, str]] = {}
        self._claims: dict[tuple[bytes, int], bytes] = {}
        self.void: set[bytes] = set()
        """Every change known here that does not count."""
        self.hidden: set[bytes] = set()
        """Those of them that are in the document, the first change included if the birth is void."""
        self.read: dict[bytes, Change] | None = {}
        """Some changes that are in the document, so that they need not be read again; None: nobody wants them."""

    @classmethod
    def begun(cls, genesis: Genesis, void: AbstractSet[bytes] = NONE) -> Intake:
        """Begin with a document as it was born; `void` may have the hash of that first change."""
        history = History()
        history.begin(genesis)
        intake = cls(history)
        if genesis.hash in void:
            intake.void.add(genesis.hash)
            intake.hidden.add(genesis.hash)
        return intake

    @property
    def waiting(self) -> Mapping[bytes, Change]:
        """Changes that count, of which a dependency is not held, or itself waits or was refused."""
        return {digest: change for digest, change in self._waiting.items() if digest not in self.void}

    @property
    def refused(self) -> Mapping[bytes, tuple[Change, str]]:
        """Changes that never fit, with the reason."""
        return self._refused

    @property
    def aside(self) -> Mapping[bytes, Change]:
        """Void changes that nothing in the document stands on, whether they would fit or wait."""
        return self._aside | {digest: change for digest, change in self._waiting.items() if digest in self.void}

    def knows(self, digest: bytes) -> bool:
        """Whether a change was given before, whatever became of it."""
        return digest in self._judged or digest in self._waiting or digest in self._refused

    def claimed(self, actor: bytes, sequence: int) -> bytes | None:
        """The hash of the change that has a number of an actor, in the history or beside it."""
        return self._claims.get((actor, sequence)) or self._judged.at(actor, sequence)

    def doubled(self, changes: Iterable[Change]) -> bool:
        """Whether any of these has a number that another change has, among them or held before."""
        seen: dict[tuple[bytes, int], bytes] = {}
        for change in changes:
            place = (change.actor, change.sequence)
            other = seen.setdefault(place, self.claimed(*place) or change.hash)
            if other != change.hash:
                return True
        return False

    def unsettled(self, changes: Iterable[Change], void: AbstractSet[bytes]) -> bool:
        """Whether these give a change another standing than before, or may turn a contest between void changes."""
        contested = any(why == OUTDONE and digest in self.void for digest, (_, why) in self._refused.items())
        for change in changes:
            if self.knows(change.hash):
                if (change.hash in void) != (change.hash in self.void):
                    return True
            elif contested and any(name in self._refused or name in self._waiting for name in change.dependencies):
                return True
        return False

    def refuse(self, change: Change, reason: str, void: AbstractSet[bytes] = NONE) -> None:
        """Put a change aside for good. One that was outdone leaves its number to the other."""
        self.void.update({change.hash} & void)
        self._refused[change.hash] = (change, reason)
        if reason != OUTDONE:
            self._claims[change.actor, change.sequence] = change.hash

    def admit(self, changes: Iterable[Change], void: AbstractSet[bytes] = NONE) -> list[Change]:
        """Take in what fits, together with what waited for it; what is in the document by that, in a fitting order."""
        entered: list[Change] = []
        ready = list(changes)
        self.void.update(change.hash for change in ready if change.hash in void)
        ready.reverse()
        while ready:
            change = ready.pop()
            missing = self._judged.missing(change)
            if missing is not None:
                self._waiting[change.hash] = change
                self._claims[change.actor, change.sequence] = change.hash
                self._wanted.setdefault(missing, []).append(change)
                continue
            self._waiting.pop(change.hash, None)
            self._claims.pop((change.actor, change.sequence), None)
            fault = self._judged.fault(change)
            if fault is not None:
                self.refuse(change, fault)
                continue
            entered += self._enter(change)
            ready += self._wanted.pop(change.hash, [])
        return entered

    def restore(self, change: Change) -> None:
        """Take in a change that was in the document when it was saved, void or not."""
        self.history.add(change)
        if self.read is not None and len(self.read) < CHANGES_KEPT_READ:
            self.read[change.hash] = change
        if change.hash in self.void:
            self.hidden.add(change.hash)

    def _enter(self, change: Change) -> list[Change]:
        """Take in a change that fits: into the document with the void ones beneath it, or aside if it is void."""
        if change.hash in self.void:
            if self._judged is self.history:
                self._judged = self.history.copy()
            self._judged.add(change)
            self._aside[change.hash] = change
            return []
        entering = [*self._beneath(change), change]
        if self._judged is not self.history:
            self._judged.add(change)
        for one in entering:
            self.restore(one)
        return entering

    def _beneath(self, change: Change) -> list[Change]:
        """The changes kept aside that a change stands on, which are aside no more."""
        found: list[Change] = []
        open_ = [change]
        while open_:
            for name in open_.pop().dependencies:
                if (one := self._aside.pop(name, None)) is not None:
                    found.append(one)
                    open_.append(one)
        return sorted(found, key=lambda one: (one.start, one.hash))  # a change begins to count above what it stands on

    def report(self, applied: Iterable[Change], *, doubled: bool) -> Taken:
        """What became of the changes that were given."""
        refused = sorted((digest, reason) for digest, (_, reason) in self._refused.items())
        entered = tuple(change.hash for change in applied)
        return Taken(entered, tuple(sorted(self.waiting)), tuple(refused), doubled, tuple(sorted(self.aside)))


def contest(
    changes: Iterable[tuple[bytes, Change]], void: AbstractSet[bytes] = NONE
) -> tuple[list[Change], list[Change]]:
    """Of changes with one actor and number, the one that stays; and the others. Both ordered by hash.

    One that counts goes before a void one, a void one on which one that counts stands before any other void one, so
    that whoever was shut out can push out nobody's work. Else the smallest event digest decides.
    """
    known: dict[bytes, Change] = {}
    events: dict[bytes, bytes] = {}
    places: dict[tuple[bytes, int], set[bytes]] = {}
    for event, change in changes:
        known[change.hash] = change
        events[change.hash] = min(event, events.get(change.hash, event))
        places.setdefault((change.actor, change.sequence), set()).add(change.hash)
    under = _under(known, void) if len(places) < len(known) else NONE
    first = {
        min(these, key=lambda digest: ((digest in void) * (2 - (digest in under)), events[digest], digest))
        for these in places.values()
    }
    ordered = [known[digest] for digest in sorted(known)]
    return [c for c in ordered if c.hash in first], [c for c in ordered if c.hash not in first]


def _under(known: Mapping[bytes, Change], void: AbstractSet[bytes]) -> AbstractSet[bytes]:
    """The changes on which some that count stand, by what they say themselves."""
    found: set[bytes] = set()
    open_: list[Sequence[bytes]] = [change.dependencies for digest, change in known.items() if digest not in void]
    while open_:
        for name in open_.pop():
            if name in known and name not in found:
                found.add(name)
                open_.append(known[name].dependencies)
    return found
