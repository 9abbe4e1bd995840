"""Frontiers: what one device lacks of another's, and what fits in one telling."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from mesh.clocks.chain import Head
from mesh.clocks.frontier import Frontier, frontier_of, lacking, unknown_heads, window
from mesh.names import Digest

DIGESTS = st.integers(0, 5).map(lambda n: Digest(bytes([n]) * 32))
HEADS = st.builds(Head, st.integers(1, 4), DIGESTS)
FRONTIERS = st.lists(st.tuples(DIGESTS, HEADS), max_size=12, unique=True).map(frontier_of)
A, B = Digest(b"a" * 32), Digest(b"b" * 32)


def pairs(frontier: Frontier) -> set[tuple[Digest, Head]]:
    """Each tip with its chain."""
    return {(chain, head) for chain, heads in frontier.items() for head in heads}


@given(st.lists(st.tuples(DIGESTS, HEADS), unique=True))
def test_a_frontier_holds_every_tip_once_in_order(tips: list[tuple[Digest, Head]]) -> None:
    """All pairs are in it, the tips of a chain ascending."""
    frontier = frontier_of(tips)
    assert pairs(frontier) == set(tips)
    assert all(list(heads) == sorted(set(heads)) for heads in frontier.values())


@given(FRONTIERS, FRONTIERS)
def test_unknown_heads_are_the_difference(mine: Frontier, theirs: Frontier) -> None:
    """Every tip of theirs that is none of mine, whatever its number: two tips at one height are two tips."""
    found = unknown_heads(mine, theirs)
    assert set(found) == pairs(theirs) - pairs(mine)
    assert list(found) == sorted(found)


@given(FRONTIERS, FRONTIERS, st.sets(DIGESTS))
def test_what_the_log_holds_is_not_lacking(mine: Frontier, theirs: Frontier, held: set[Digest]) -> None:
    """A tip that I passed long ago is not asked for."""
    expected = {(c, h) for c, h in pairs(theirs) - pairs(mine) if h.digest not in held}
    assert set(lacking(mine, theirs, held)) == expected


@given(FRONTIERS)
def test_nobody_lacks_anything_of_himself(frontier: Frontier) -> None:
    """Equal frontiers need no talk."""
    assert lacking(frontier, frontier, ()) == ()


def test_attack_two_events_at_one_height() -> None:
    """A fork at equal height is seen by comparing frontiers: numbers alone would look equal."""
    mine = frontier_of([(A, Head(7, Digest(b"x" * 32)))])
    theirs = frontier_of([(A, Head(7, Digest(b"y" * 32)))])
    assert lacking(mine, theirs, ()) == ((A, Head(7, Digest(b"y" * 32))),)


@given(FRONTIERS, st.integers(12, 20), st.integers(12, 20), st.integers(0, 9))
def test_a_small_frontier_is_told_whole(frontier: Frontier, tips_max: int, heads_max: int, turn: int) -> None:
    """Nothing is left out while it fits."""
    assert window(frontier, tips_max, heads_max, turn) == frontier


@given(FRONTIERS, st.integers(1, 5), st.integers(1, 3))
def test_attack_a_thief_opens_more_chains_than_fit(frontier: Frontier, tips_max: int, heads_max: int) -> None:
    """Each telling stays within its bounds, and in time every tip is told."""
    told: set[tuple[Digest, Head]] = set()
    for turn in range(200):
        part = window(frontier, tips_max, heads_max, turn)
        assert len(pairs(part)) <= tips_max
        assert all(len(heads) <= heads_max for heads in part.values())
        told |= pairs(part)
    assert told == pairs(frontier)
