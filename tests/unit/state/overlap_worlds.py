"""Three devices that edit one text and meet now and then, and what overlaps there by another way than ours.

The other way asks Automerge for the text at heads and the name of each of its letters, and looks at every pair.
"""

from __future__ import annotations

import random
from collections.abc import Callable, Iterable, Mapping, Sequence
from collections.abc import Set as AbstractSet
from itertools import combinations, pairwise

from automerge import core

from mesh.events.kinds import Born
from mesh.names import DocumentId
from mesh.state.changes import decode
from mesh.state.documents import Document
from mesh.state.edits import Put, Splice
from mesh.state.encoding import sync_message
from mesh.state.footprints import Footprint, print_name
from mesh.state.genesis import FIRST_OPERATIONS_MAX, derive
from mesh.state.operations import Change, Operation, OperationId
from mesh.state.versions import Region
from tests.unit.state.writers import actor

DOCUMENT = DocumentId("home", "note", bytes(range(16)))
BIRTH = Born({"title": "beds"}, "beans, peas and lettuce", bytes(16))
NOBODY: frozenset[bytes] = frozenset()
Overlap = Callable[[Footprint, Footprint], bool]


def world(seed: int, steps: int = 30, devices: int = 3) -> list[Change]:
    """What a few devices write into one text, in the order in which it was written."""
    lots = random.Random(seed)
    held = [Document.born(DOCUMENT, BIRTH) for _ in range(devices)]
    written: list[Change] = []
    for _ in range(steps):
        number = lots.randrange(devices)
        if lots.random() < 0.25:
            held[number].take(written[: lots.randint(0, len(written))])
            continue
        length = len(held[number].text())
        position = lots.randint(0, length)
        deleted = lots.choice([0, 0, 1, 2, 3, 6])
        edits = [Splice(position, min(deleted, length - position), "".join(lots.choices("ab", k=lots.randint(0, 2))))]
        if lots.random() < 0.2:
            edits.append(Splice(0, 0, "c"))
        change = held[number].edit(actor(number), [*edits, Put("title", str(lots.random()))])
        held[number].take([change])
        written.append(change)
    return written


class Seen:
    """The history as Automerge alone tells it, and the order of letters by the simplest way to have it."""

    def __init__(self, changes: Sequence[Change], document: DocumentId = DOCUMENT, birth: Born = BIRTH) -> None:
        """Take in all changes, in the order in which they were written."""
        self.document = document
        genesis = derive(document, birth)
        first = decode(genesis.raw, FIRST_OPERATIONS_MAX)
        self._document = core.Document(bytes(16))
        message = sync_message([change.raw for change in (first, *changes)])
        self._document.receive_sync_message(core.SyncState(), core.Message.decode(message))
        found = self._document.get(core.ROOT, "body")
        assert found is not None
        self._body = found[1]
        self.changes = {change.hash: change for change in (first, *changes)}
        self.under: dict[bytes, frozenset[bytes]] = {}
        for change in self.changes.values():
            self.under[change.hash] = NOBODY.union(*(self.under[name] | {name} for name in change.dependencies))
        self.order: list[OperationId] = []
        self._inserted: dict[OperationId, tuple[bytes, str]] = {}
        self._deleted: dict[OperationId, set[bytes]] = {}
        for change in self.changes.values():
            for place, operation in enumerate(change.operations):
                if operation.insert:
                    self._insert(OperationId(change.start + place, change.actor), operation, change.hash)
                elif operation.object and isinstance(operation.key, OperationId):
                    self._deleted.setdefault(operation.key, set()).add(change.hash)

    def _insert(self, name: OperationId, operation: Operation, change: bytes) -> None:
        """To the right of what it names, and on while what stands there is greater."""
        place = self.order.index(operation.key) + 1 if isinstance(operation.key, OperationId) else 0
        while place < len(self.order) and self.order[place] > name:
            place += 1
        self.order.insert(place, name)
        self._inserted[name] = (change, str(operation.value))

    def letters(self, heads: Iterable[bytes]) -> list[tuple[OperationId, str]]:
        """The text after these changes, each letter with its name, by Automerge."""
        at = list(heads)
        text = self._document.text(self._body, at)
        found = [self._document.get(self._body, place, at) for place in range(len(text))]
        return [(_name(pair[1]), letter) for pair, letter in zip(found, text, strict=True) if pair]

    def masked(self, changes: AbstractSet[bytes], void: AbstractSet[bytes] = NOBODY) -> list[tuple[OperationId, str]]:
        """The same after a set of changes, without those that are void."""
        counted = changes - void
        out = []
        for name in self.order:
            change, letter = self._inserted[name]
            if change in counted and not self._deleted.get(name, set()) & counted:
                out.append((name, letter))
        return out

    def closed(self, change: bytes) -> frozenset[bytes]:
        """A change and all that it stands on."""
        return self.under[change] | {change}

    def prints(self, change: Change) -> list[Footprint]:
        """What a change did, from the text before it and the text after it."""
        before = [name for name, _ in self.letters(change.dependencies)]
        after = [name for name, _ in self.letters([change.hash])]
        stayed = [name for name in before if name in set(after)]
        edges: list[OperationId | None] = [None, *stayed, None]
        out = []
        for left, right in pairwise(edges):
            gone, made = _between(before, left, right), _between(after, left, right)
            if gone or made:
                out.append(Footprint(change.hash, left, right, frozenset(gone), tuple(made)))
        return out

    def concurrent(self, one: bytes, other: bytes) -> bool:
        """Whether neither knew of the other."""
        return one not in self.closed(other) and other not in self.closed(one)

    def edges(self, overlap: Overlap, void: AbstractSet[bytes] = NOBODY) -> list[tuple[Footprint, Footprint]]:
        """The pairs of overlapping edits, each pair looked at."""
        counted = [change for change in self.changes.values() if change.hash not in void and change.dependencies]
        prints = [one for change in counted for one in self.prints(change)]
        pairs = combinations(prints, 2)
        return [(a, b) for a, b in pairs if self.concurrent(a.change, b.change) and overlap(a, b)]

    def region(self, prints: Iterable[Footprint], void: AbstractSet[bytes]) -> dict[str, object]:
        """What should be shown of edits that are connected."""
        members = list(prints)
        makers = {one.change for one in members}
        sides = [one for one in makers if not any(one in self.under[other] for other in makers)]
        sides.sort(key=lambda one: (self.changes[one].start + len(self.changes[one].operations), one))
        views = [self.masked(self.closed(side), void) for side in sides]
        shared = frozenset.intersection(*(self.closed(side) for side in sides))
        views += [self.masked(shared, void), self.masked(frozenset(self.changes), void)]
        everywhere = set.intersection(*({name for name, _ in view} for view in views))
        touched = [self.order.index(name) for one in members for name in (*one.deleted, *one.inserted)]
        places = [place for place, name in enumerate(self.order) if name in everywhere]
        left = max((place for place in places if place < min(touched)), default=-1)
        right = min((place for place in places if place > max(touched)), default=len(self.order))
        within = set(self.order[left + 1 : right])
        *texts, ancestor, merged = ("".join(letter for name, letter in view if name in within) for view in views)
        start = sum(1 for name, _ in views[-1] if self.order.index(name) <= left)
        return {
            "prints": tuple(sorted(print_name(self.document, one) for one in members)),
            "sides": [
                (side, text)
                for n, (side, text) in enumerate(zip(sides, texts, strict=True), 1)
                if text not in texts[n:]
            ],
            "ancestor": ancestor,
            "merged": merged,
            "start": start,
            "length": len(merged),
        }


def shown(region: Region) -> dict[str, object]:
    """What is shown of a region, as `Seen.region` has it."""
    return {
        "prints": region.prints,
        "sides": [(side.change, side.text) for side in region.sides],
        "ancestor": region.ancestor,
        "merged": region.merged,
        "start": region.start,
        "length": region.length,
    }


def connected(
    pairs: Iterable[tuple[Footprint, Footprint]], settled: Mapping[bytes, AbstractSet[bytes]]
) -> list[list[Footprint]]:
    """The edits that are connected by pairs that nobody settled."""
    groups: list[list[Footprint]] = []
    for pair in pairs:
        one, other = (settled.get(print_name(DOCUMENT, edit), NOBODY) for edit in pair)
        if one & other:
            continue
        joined = [group for group in groups if pair[0] in group or pair[1] in group]
        groups = [group for group in groups if group not in joined]
        groups.append(list(dict.fromkeys([*pair, *(edit for group in joined for edit in group)])))
    return groups


def components(
    pairs: Iterable[frozenset[bytes]], settled: Mapping[bytes, AbstractSet[bytes]]
) -> list[tuple[bytes, ...]]:
    """The same by the names of the edits, ascending."""
    groups: list[set[bytes]] = []
    for pair in pairs:
        one, other = pair
        if settled.get(one, NOBODY) & settled.get(other, NOBODY):
            continue
        joined = [group for group in groups if group & pair]
        groups = [group for group in groups if not group & pair]
        groups.append(set(pair).union(*joined))
    return sorted(tuple(sorted(group)) for group in groups)


def _between(names: Sequence[OperationId], left: OperationId | None, right: OperationId | None) -> list[OperationId]:
    first = names.index(left) + 1 if left else 0
    end = names.index(right) if right else len(names)
    return list(names[first:end])


def _name(raw: bytes) -> OperationId:
    """An id as the binding writes it: a mark, the actor with its length, an index, a counter."""
    at = 18
    while raw[at] & 0x80:
        at += 1
    counter = sum((byte & 0x7F) << 7 * place for place, byte in enumerate(raw[at + 1 :]))
    return OperationId(counter, raw[2:18])
