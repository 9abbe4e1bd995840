"""Moments: the text after any change, after what several share, without what is void, in whatever order asked for."""

import random

import pytest

from mesh.state.documents import Document
from mesh.state.moments import Moments
from mesh.state.reaches import Reach
from tests.unit.state.overlap_worlds import BIRTH, DOCUMENT, NOBODY, Seen, world


def read(moments: Moments) -> list[tuple[object, str]]:
    """The letters that are seen now."""
    return [(moments.names[place], moments.values[place]) for place in moments.between(-1, len(moments.names))]


@pytest.mark.parametrize("seed", range(15))
def test_back_and_forth(seed: int) -> None:
    """From each change to any other, and to what some of them share."""
    changes, lots = world(seed), random.Random(seed)
    seen = Seen(changes)
    document = Document.born(DOCUMENT, BIRTH)
    document.take(lots.sample(changes, len(changes)))
    history = document.history
    void = frozenset(change.hash for change in changes if lots.random() < 0.3)
    for hidden in (NOBODY, void):
        moments = Moments(document.folded(), history, 1, hidden)
        for change in lots.sample(changes, len(changes)):
            moments.go(history.reach((change.hash,)))
            assert read(moments) == seen.masked(seen.closed(change.hash), hidden)
            some = [one.hash for one in lots.sample(changes, lots.randint(1, 3))]
            moments.go(history.shared(some))
            shared = frozenset.intersection(*map(seen.closed, some))
            assert read(moments) == seen.masked(shared, hidden)
        moments.go(Reach(len(history), {}))
        assert read(moments) == seen.masked(frozenset(seen.changes), hidden)


def test_what_is_beside_a_place() -> None:
    """The next letters that are seen, and how many there are before; the edges of the text."""
    document = Document.born(DOCUMENT, BIRTH)
    moments = Moments(document.folded(), document.history, 1)
    assert [moments.before(0), moments.after(-1), moments.after(len(BIRTH.text) - 1)] == [-1, 0, len(BIRTH.text)]
    with moments.hidden([3, 4]):
        assert [moments.before(5), moments.after(2), moments.count(6)] == [2, 5, 4]
    assert [moments.before(5), moments.after(2), moments.count(6)] == [4, 3, 6]
