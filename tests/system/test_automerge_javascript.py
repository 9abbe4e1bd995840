"""Automerge in JavaScript, by its own calls, against ours: the same first change, text and live values."""

import random
from collections.abc import Sequence

import pytest

from mesh.events.bodies import encode_body
from mesh.events.kinds import Born
from mesh.names import DocumentId
from mesh.state.documents import Document
from mesh.state.edits import Delete, Edit, Put, Splice, Swap
from mesh.state.genesis import derive
from mesh.state.operations import Change
from tests.system import typescript
from tests.system.browsers import Asked
from tests.unit.state import writers

pytestmark = [pytest.mark.system, *typescript.NEEDS]


def compare(asked: Asked, written: Sequence[Change], name: DocumentId, birth: Born) -> Document:
    """Hold what JavaScript shows of a birth and changes, all of which fit, against what we show."""
    document = Document.fold(name, birth, [(change.hash, change) for change in written])
    taken = document.take([])
    assert (taken.waiting, taken.refused) == ((), ())
    changes = [change.raw.hex() for change in written]
    said = asked("by automerge", document=str(name), born=encode_body(birth).hex(), changes=changes)
    assert said["first"] == [derive(name, birth).hash.hex()]
    assert said["text"] == document.text()
    assert said["heads"] == [head.hex() for head in document.heads]
    assert said["values"] == {key: [live.value for live in document.live(key)] for key in document.registers()}
    return document


@pytest.mark.parametrize("seed", range(40))
def test_random_histories_are_the_same_in_javascript(asked: Asked, seed: int) -> None:
    """What three honest devices write, and what passes of what hostile ones write."""
    compare(asked, writers.honest(seed), writers.DOCUMENT, writers.BIRTH)
    hostile = writers.hostile(seed)
    events = [(change.hash, change) for change in hostile]
    taken = Document.fold(writers.DOCUMENT, writers.BIRTH, events).take([])
    put_aside = {*taken.waiting, *(digest for digest, _ in taken.refused)}
    kept = [change for change in hostile if change.hash not in put_aside]
    compare(asked, kept, writers.DOCUMENT, writers.BIRTH)


def swapping(seed: int) -> list[Change]:
    """What three devices write that put values beside each other, take single ones out, and only say what they saw."""
    lots = random.Random(seed)
    held = [Document.born(writers.DOCUMENT, writers.BIRTH) for _ in range(3)]
    written: list[Change] = []
    for _ in range(24):
        number = lots.randrange(3)
        document = held[number]
        if lots.random() < 0.4:
            document.take(lots.sample(written, lots.randint(0, len(written))))
        edits = _swaps(lots, document) if lots.random() < 0.85 else []
        change = document.edit(writers.actor(number), edits, bare=True)
        assert document.take([change]).applied
        assert document.disagreements() == ()
        written.append(change)
    return written


def _swaps(lots: random.Random, document: Document) -> list[Edit]:
    edits: list[Edit] = []
    for key in ("title", "path"):
        live = sorted(document.live_operations(key))
        gone = tuple(lots.sample(live, lots.randint(0, len(live))))
        values = tuple(lots.choices(["a", "é🌱", "", "same", None][: 4 if key == "title" else 5], k=lots.randint(0, 3)))
        other: list[Edit] = [Put(key, "alone"), Delete(key), Splice(0, 0, "x")]
        edits.append(Swap(key, gone, values) if lots.random() < 0.7 else lots.choice(other))
    return edits


def test_values_that_one_change_puts_side_by_side_are_so_in_javascript(asked: Asked) -> None:
    """Swaps with several values, of some of those that live, and changes that do nothing, in random histories."""
    several = 0
    for seed in range(60):
        document = compare(asked, swapping(seed), writers.DOCUMENT, writers.BIRTH)
        live = [document.live(key) for key in document.registers()]
        several += sum(len(values) > len({one.change for one in values}) for values in live)
    assert several > 10
    assert sum(not change.operations for change in swapping(0)) > 0
