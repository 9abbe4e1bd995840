"""Overlaps: the same connected edits as somebody finds who looks at each pair, with far fewer looks."""

import random
from collections.abc import Sequence

import pytest

from mesh.state.documents import Document
from mesh.state.edits import Splice
from mesh.state.footprints import Footprint, footprints, overlap
from mesh.state.moments import Moments
from mesh.state.overlaps import Overlaps
from tests.unit.state.overlap_worlds import BIRTH, DOCUMENT, NOBODY, Seen, connected, world
from tests.unit.state.writers import actor

MANY = 400


def edits_of(document: Document) -> list[Footprint]:
    """All footprints of a document, each after those of what it stands on."""
    history = document.history
    return list(footprints(Moments(document.folded(), history, 1), history, history.placed(1, document.change_count)))


def groups(found: Overlaps) -> list[list[str]]:
    """The connected edits, in an order of their own."""
    return sorted(sorted(map(repr, (found.prints[number] for number in group))) for group in found.groups())


@pytest.mark.parametrize("seed", range(40))
def test_the_same_as_of_every_pair(seed: int) -> None:
    """Whoever is named by some settlements or by none."""
    changes, lots = world(seed, steps=40), random.Random(seed)
    document = Document.born(DOCUMENT, BIRTH)
    document.take(lots.sample(changes, len(changes)))
    prints = edits_of(document)
    pairs = Seen(changes).edges(overlap)
    for settlements in (0, 1, 3, 6):
        named = [frozenset(bytes([n]) for n in range(settlements) if lots.random() < 0.4) for _ in prints]
        found = Overlaps(document.history, named.__getitem__)
        for one in prints:
            found.add(one)
        settled = dict(zip(prints, named, strict=True))
        kept = [pair for pair in pairs if not settled[pair[0]] & settled[pair[1]]]
        assert groups(found) == sorted(sorted(map(repr, group)) for group in connected(kept, {}))


def crowd(*edits: Splice) -> Document:
    """A document that each edit was made to by another device, none of whom knew of the others."""
    base, document = Document.born(DOCUMENT, BIRTH), Document.born(DOCUMENT, BIRTH)
    document.take([base.edit(actor(0)[:8] + number.to_bytes(8), [edit]) for number, edit in enumerate(edits)])
    return document


def looks(document: Document, named: Sequence[frozenset[bytes]] | None = None) -> int:
    """How often two edits are asked for who they are connected with."""
    found = Counting(document.history, named.__getitem__ if named else lambda _: NOBODY)
    for one in edits_of(document):
        found.add(one)
    list(found.groups())
    return found.looks


class Counting(Overlaps):
    """Counts how often the root of an edit is asked for."""

    looks = 0

    def _root(self, number: int) -> int:
        self.looks += 1
        return super()._root(number)


def test_a_crowd_costs_as_much_as_a_crowd() -> None:
    """Twice as many at one place take about twice as many looks, whether they insert, replace or delete much."""
    for edit in (Splice(5, 0, "x"), Splice(5, 3, "y"), Splice(1, 20, "z")):
        few, many = looks(crowd(*[edit] * (MANY // 2))), looks(crowd(*[edit] * MANY))
        assert many < 3 * few
        assert many < 40 * MANY


def test_a_crowd_that_is_settled_costs_no_more() -> None:
    """Those that one settlement names are not looked at with each other."""
    document = crowd(*[Splice(5, 3, "x")] * MANY)
    assert looks(document, [frozenset((b"all",))] * MANY) < 40 * MANY


def test_two_long_lines_cost_as_much_as_they_are_long() -> None:
    """Two devices that both wrote at the end of a text for long: no look at each pair."""
    held = [Document.born(DOCUMENT, BIRTH) for _ in range(2)]
    written = []
    for step in range(MANY):
        side = held[step % 2]
        written.append(side.edit(actor(step % 2), [Splice(len(side.text()), 0, "x")]))
        side.take(written[-1:])
    document = Document.born(DOCUMENT, BIRTH)
    document.take(written)
    assert looks(document) < 40 * MANY
