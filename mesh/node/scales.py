"""The scales: each data event read and weighed by the verdict of now, with what the log says of the marks in it.

Whoever weighs several events lets them be looked up together first. It keeps nothing of an event and writes nothing.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

from mesh.clocks.chain import Head
from mesh.events.event import CLEAR, Placed
from mesh.events.kinds import Mark
from mesh.events.reading import Reading, read
from mesh.events.seal import Keyring
from mesh.events.verdict import Cut, Standing, Verdict
from mesh.limits import ROWS_READ_MAX
from mesh.names import Digest, DocumentId, Short
from mesh.node.storage.store_port import Kept, Store

_NOTHING: Mapping[Digest, Kept] = {}
_UNCUT: frozenset[Cut] = frozenset()
_SEALED = Reading(Standing.OPAQUE, "sealed: this is a relay")


@dataclass(frozen=True, slots=True)
class Fallen:
    """Whose honoured work a change of the verdict may have made void."""

    ends: frozenset[tuple[Digest, tuple[Mark, ...]]]
    """Devices, each with the marks beyond which its work may have fallen."""
    documents: frozenset[DocumentId]
    events: frozenset[Digest]


NOBODY = Fallen(frozenset(), frozenset(), frozenset())


@dataclass(frozen=True, slots=True)
class _Past:
    """What work was honoured by, when it was weighed last."""

    admissions: frozenset[Digest]
    closes: Mapping[Digest, frozenset[Cut]]
    grants: Mapping[Short, Digest]
    ungrants: Mapping[Short, frozenset[Cut]]
    forgotten: frozenset[DocumentId]
    adopted: Mapping[Digest, int]


class Scales:
    """Weighs by the verdict that it was turned to last. It is the Lineage that weighing asks."""

    def __init__(self, store: Store, keyring: Keyring, verdict: Verdict) -> None:
        """Start with a verdict."""
        self.store, self.keyring = store, keyring
        self.sealed = False  # on a relay: what is sealed is held, and nobody tries to read it
        self.verdict = verdict
        self.turns = 0
        """How often it was turned: what was read under another count may count for something else now."""
        self._past = _past(verdict)
        self._marks = _marks(verdict)
        self.marked = _marked(self._marks)
        """The events that are a mark: others may wait for them."""
        self._under: dict[tuple[Digest, Mark], bool | None] = {}

    def turn(self, verdict: Verdict) -> Fallen:
        """Weigh by this verdict from now on, be it another object or the same that has grown."""
        self.turns += 1
        before, self._past = self._past, _past(verdict)
        self.verdict, self._marks = verdict, _marks(verdict)
        self.marked = _marked(self._marks)
        return _fallen(before, self._past)

    async def read(self, events: Sequence[Placed], fresh: Mapping[Digest, Kept] = _NOTHING) -> list[Reading]:
        """Read and weigh events. `fresh`: those that the store does not hold yet, each after its parent."""
        readings: list[Reading] = []
        for start in range(0, len(events), ROWS_READ_MAX):
            some = events[start : start + ROWS_READ_MAX]
            await self._look_up(some, fresh)
            readings += [self._reading(event) for event in some]
        return readings

    def _reading(self, event: Placed) -> Reading:
        hidden = self.sealed and event.header.epoch != CLEAR
        return _SEALED if hidden else read(self.keyring, self.verdict, event, self)

    async def read_one(self, event: Placed, fresh: Mapping[Digest, Kept] = _NOTHING) -> Reading:
        """Read and weigh one event."""
        return (await self.read([event], fresh))[0]

    def under(self, placed: Placed, mark: Mark) -> bool | None:
        """Whether a mark stands on an event, by what was looked up."""
        return self._under[placed.digest, mark]

    async def _look_up(self, events: Iterable[Placed], fresh: Mapping[Digest, Kept]) -> None:
        self._under.clear()
        wanted: defaultdict[Mark, list[Digest]] = defaultdict(list)
        for event in events:
            for mark in self._marks.get(event.chain, ()):
                if mark.head.seq > event.seq:
                    wanted[mark].append(event.digest)
        for mark, digests in wanted.items():
            known, path = self._among(mark, fresh)
            found = await self.store.under(path, digests) if path else frozenset()
            for digest in digests:
                # What is not held at all can be under it nevertheless, so only a mark that is held says no.
                self._under[digest, mark] = None if found is None else digest in known or digest in found

    def _among(self, mark: Mark, fresh: Mapping[Digest, Kept]) -> tuple[set[Digest], Mark | None]:
        """What of a mark's path is fresh, and the place below that the store must be asked about."""
        known: set[Digest] = set()
        kept = fresh.get(mark.head.digest)
        if kept is None or (kept.placed.chain, kept.placed.head) != (mark.chain, mark.head):
            return known, mark
        while kept is not None:
            known.add(kept.placed.digest)
            mark = Mark(mark.chain, Head(kept.placed.seq - 1, kept.placed.parent))
            kept = fresh.get(mark.head.digest)
        return known, mark if mark.head.seq else None


def _past(verdict: Verdict) -> _Past:
    return _Past(
        frozenset(verdict.admissions),
        {name: frozenset(cuts) for name, cuts in verdict.closes.items()},
        {name: grant.admission for name, grant in verdict.grants.items()},
        {name: frozenset(cuts) for name, cuts in verdict.ungrants.items()},
        frozenset(verdict.forgotten),
        dict(verdict.adopted),
    )


def _marks(verdict: Verdict) -> dict[Digest, set[Mark]]:
    """All marks that any end names, by chain."""
    found: defaultdict[Digest, set[Mark]] = defaultdict(set)
    for cuts in (*verdict.closes.values(), *verdict.ungrants.values()):
        for cut in cuts:
            for mark in cut.marks:
                found[mark.chain].add(mark)
    return dict(found)


def _marked(marks: Mapping[Digest, Iterable[Mark]]) -> frozenset[Digest]:
    return frozenset(mark.head.digest for some in marks.values() for mark in some)


def _fallen(before: _Past, after: _Past) -> Fallen:
    ends = {(name, cut.marks) for name, cuts in after.closes.items() for cut in cuts - before.closes.get(name, _UNCUT)}
    ends |= {(name, ()) for name in before.admissions - after.admissions}
    for name, holder in before.grants.items():
        cuts = after.ungrants.get(name, _UNCUT) - before.ungrants.get(name, _UNCUT)
        ends |= {(holder, cut.marks) for cut in cuts}
        if name not in after.grants:
            ends.add((holder, ()))
    lifted = {name for name, rank in before.adopted.items() if after.adopted.get(name, rank + 1) > rank}
    return Fallen(frozenset(ends), after.forgotten - before.forgotten, frozenset(lifted))
