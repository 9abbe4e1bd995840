"""Which of the changes that were given to a document fit, and in which order; the others wait or stand refused.

The answer depends on the set of changes alone, not on their order. This module knows no Automerge and throws
nothing away: what does not fit is kept with the reason.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from mesh.state.genesis import Genesis
from mesh.state.history import History
from mesh.state.operations import Change

OUTDONE = "its actor gave its number twice, and the other event has the smaller digest"


@dataclass(frozen=True, slots=True)
class Taken:
    """What became of the changes that were given to a document, each list by hash.

    `waiting` and `refused` (with the reason) are all that the document holds of these. `doubled`: an actor's number
    came twice with different bytes; nothing was taken, and the document must be folded again from its events.
    """

    applied: tuple[bytes, ...] = ()
    waiting: tuple[bytes, ...] = ()
    refused: tuple[tuple[bytes, str], ...] = ()
    doubled: bool = False


class Intake:
    """A document's history, and beside it the changes that are not in it."""

    __slots__ = ("_claims", "_refused", "_waiting", "_wanted", "history")

    def __init__(self, history: History) -> None:
        """Begin with a history, nothing waiting."""
        self.history = history
        self._waiting: dict[bytes, Change] = {}
        self._wanted: dict[bytes, list[Change]] = {}
        self._refused: dict[bytes, tuple[Change, str]] = {}
        self._claims: dict[tuple[bytes, int], bytes] = {}

    @classmethod
    def begun(cls, genesis: Genesis) -> Intake:
        """Begin with a document as it was born."""
        history = History()
        history.begin(genesis)
        return cls(history)

    @property
    def waiting(self) -> Mapping[bytes, Change]:
        """Changes of which a dependency is not held, or itself waits or was refused."""
        return self._waiting

    @property
    def refused(self) -> Mapping[bytes, tuple[Change, str]]:
        """Changes that never fit, with the reason."""
        return self._refused

    def knows(self, digest: bytes) -> bool:
        """Whether a change was given before, whatever became of it."""
        return digest in self.history or digest in self._waiting or digest in self._refused

    def claimed(self, actor: bytes, sequence: int) -> bytes | None:
        """The hash of the change that has a number of an actor, in the history or beside it."""
        return self._claims.get((actor, sequence)) or self.history.at(actor, sequence)

    def doubled(self, changes: Iterable[Change]) -> bool:
        """Whether any of these has a number that another change has, among them or held before."""
        seen: dict[tuple[bytes, int], bytes] = {}
        for change in changes:
            place = (change.actor, change.sequence)
            other = seen.setdefault(place, self.claimed(*place) or change.hash)
            if other != change.hash:
                return True
        return False

    def refuse(self, change: Change, reason: str) -> None:
        """Put a change aside for good. One that was outdone leaves its number to the other."""
        self._refused[change.hash] = (change, reason)
        if reason != OUTDONE:
            self._claims[change.actor, change.sequence] = change.hash

    def admit(self, changes: Iterable[Change]) -> list[Change]:
        """Take in what fits, together with what waited for it, each after what it stands on."""
        applied: list[Change] = []
        ready = list(changes)
        ready.reverse()
        while ready:
            change = ready.pop()
            missing = self.history.missing(change)
            if missing is not None:
                self._waiting[change.hash] = change
                self._claims[change.actor, change.sequence] = change.hash
                self._wanted.setdefault(missing, []).append(change)
                continue
            self._waiting.pop(change.hash, None)
            self._claims.pop((change.actor, change.sequence), None)
            fault = self.history.fault(change)
            if fault is not None:
                self.refuse(change, fault)
                continue
            self.history.add(change)
            applied.append(change)
            ready += self._wanted.pop(change.hash, [])
        return applied

    def report(self, applied: Iterable[Change], *, doubled: bool) -> Taken:
        """What became of the changes that were given."""
        refused = sorted((digest, reason) for digest, (_, reason) in self._refused.items())
        return Taken(tuple(change.hash for change in applied), tuple(sorted(self._waiting)), tuple(refused), doubled)


def contest(changes: Iterable[tuple[bytes, Change]]) -> tuple[list[Change], list[Change]]:
    """Of changes with one actor and number, that of the smallest event; and the others. Both ordered by hash."""
    best: dict[tuple[bytes, int], tuple[bytes, bytes]] = {}
    known: dict[bytes, Change] = {}
    for event, change in changes:
        place = (change.actor, change.sequence)
        known[change.hash] = change
        best[place] = min(best.get(place, (event, change.hash)), (event, change.hash))
    first = {digest for _, digest in best.values()}
    ordered = [known[digest] for digest in sorted(known)]
    return [c for c in ordered if c.hash in first], [c for c in ordered if c.hash not in first]
