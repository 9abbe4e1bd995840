"""Versions: what was found of a region stays, and is what somebody finds who looks for the first time."""

import random

import pytest

from mesh.state.documents import Document
from mesh.state.edits import Splice
from mesh.state.moments import Moments
from mesh.state.reaches import Reach
from tests.unit.state.overlap_worlds import BIRTH, DOCUMENT, NOBODY, world
from tests.unit.state.writers import actor


@pytest.mark.parametrize("seed", range(25))
def test_what_was_drawn_before_is_what_is_drawn_anew(seed: int) -> None:
    """While somebody goes on who knows everything, and takes away one letter after the other that all had in common."""
    changes, lots = world(seed), random.Random(seed)
    document = Document.born(DOCUMENT, BIRTH)
    document.take(changes)
    names = sorted({name for region in document.regions() for name in region.prints})
    some = set(lots.sample(names, len(names) // 2))
    for _ in range(12):
        length = len(document.text())
        position = lots.randint(0, length)
        edit = Splice(position, min(length - position, lots.randint(0, 5)), lots.choice(["", "new"]))
        if edit.deleted or edit.inserted:
            document.take([document.edit(actor(7), [edit])])
        fresh = Document.load(document.save())
        assert document.regions() == fresh.regions()
        assert document.regions(lambda name: frozenset((b"1",)) if name in some else NOBODY) == fresh.regions(
            lambda name: frozenset((b"1",)) if name in some else NOBODY
        )


def test_nobody_goes_back_for_what_is_known(monkeypatch: pytest.MonkeyPatch) -> None:
    """A change elsewhere, by somebody who knows everything, is no reason to look at old moments again."""
    document = Document.born(DOCUMENT, BIRTH)
    document.take([document.edit(actor(number), [Splice(5, 2, f"{number}")]) for number in range(3)])
    went: list[Reach] = []
    go = Moments.go

    def counted(self: Moments, reach: Reach) -> None:
        went.append(reach)
        go(self, reach)

    monkeypatch.setattr(Moments, "go", counted)
    before = document.regions()
    assert len(set(map(repr, went))) > 3
    document.take([document.edit(actor(7), [Splice(0, 1, "B")])])
    went.clear()
    (after,) = document.regions()
    assert after.sides == before[0].sides
    assert set(map(repr, went)) == {repr(Reach(document.change_count, {}))}
    document.take([document.edit(actor(7), [Splice(0, 9, "")])])
    went.clear()
    document.regions()
    assert len(set(map(repr, went))) > 3
