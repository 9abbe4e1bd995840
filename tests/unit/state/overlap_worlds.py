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
from mesh.state.documents import Document
from mesh.state.edits import Put, Splice
from mesh.state.encoding import sync_message
from mesh.state.footprints import Footprint, print_name
from mesh.state.genesis import derive
from mesh.state.operations import Change, OperationId
from tests.unit.state.writers import actor

DOCUMENT = DocumentId("home", "note", bytes(range(16)))
BIRTH = Born({"title": "beds"}, "beans, peas and lettuce", bytes(16))
NOBODY: frozenset[bytes] = frozenset()


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
    """The history as Automerge alone tells it."""

    def __init__(self, changes: Sequence[Change], document: DocumentId = DOCUMENT, birth: Born = BIRTH) -> None:
        """Take in all changes, in the order in which they were written."""
        genesis = derive(document, birth)
        self._document = core.Document(bytes(16))
        message = sync_message([genesis.raw, *(change.raw for change in changes)])
        self._document.receive_sync_message(core.SyncState(), core.Message.decode(message))
        found = self._document.get(core.ROOT, "body")
        assert found is not None
        self._body = found[1]
        self.under: dict[bytes, frozenset[bytes]] = {genesis.hash: NOBODY}
        for change in changes:
            beneath = [self.under[name] | {name} for name in change.dependencies]
            self.under[change.hash] = NOBODY.union(*beneath)

    def letters(self, heads: Iterable[bytes]) -> list[tuple[OperationId, str]]:
        """The text after these changes, each letter with its name."""
        at = list(heads)
        text = self._document.text(self._body, at)
        found = [self._document.get(self._body, place, at) for place in range(len(text))]
        return [(_name(pair[1]), letter) for pair, letter in zip(found, text, strict=True) if pair]

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
        return one != other and one not in self.under[other] and other not in self.under[one]


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


Overlap = Callable[[Footprint, Footprint], bool]


def edges(changes: Sequence[Change], overlap: Overlap, void: AbstractSet[bytes] = NOBODY) -> set[frozenset[bytes]]:
    """The pairs of names of overlapping edits, each pair looked at."""
    seen = Seen(changes)
    prints = [one for change in changes if change.hash not in void for one in seen.prints(change)]
    return {
        frozenset((print_name(DOCUMENT, one), print_name(DOCUMENT, other)))
        for one, other in combinations(prints, 2)
        if seen.concurrent(one.change, other.change) and overlap(one, other)
    }


def components(
    pairs: Iterable[frozenset[bytes]], settled: Mapping[bytes, AbstractSet[bytes]] | None = None
) -> list[tuple[bytes, ...]]:
    """What is connected by pairs that nobody settled, ascending."""
    named = settled or {}
    groups: list[set[bytes]] = []
    for pair in pairs:
        one, other = pair
        if named.get(one, NOBODY) & named.get(other, NOBODY):
            continue
        joined = [group for group in groups if group & pair]
        groups = [group for group in groups if not group & pair]
        groups.append(set(pair).union(*joined))
    return sorted(tuple(sorted(group)) for group in groups)
