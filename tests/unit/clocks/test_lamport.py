"""Lamport time: it never runs backwards along a cause, and nobody can run it out."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mesh.clocks.lamport import Stamp, follows, tick
from mesh.limits import LAMPORT_STEP_MAX
from mesh.names import Digest

NUMBERS = st.integers(0, 2**53)


@given(NUMBERS, NUMBERS)
def test_what_tick_gives_may_follow(own: int, heard: int) -> None:
    """Whatever was heard, the next own event is one that every other device holds."""
    assert follows(tick(own, heard), own)


@given(NUMBERS, NUMBERS)
def test_tick_passes_what_was_heard_or_goes_as_far_as_it_may(own: int, heard: int) -> None:
    """After hearing a number the next own one is larger, unless the allowed step ends before."""
    following = tick(own, heard)
    assert following > heard or following == own + LAMPORT_STEP_MAX


@given(NUMBERS)
def test_alone_the_clock_counts_by_one(own: int) -> None:
    """Without news the next number is the next number."""
    assert tick(own, 0) == own + 1 == tick(own, own)


@pytest.mark.parametrize(
    ("lamport", "parent", "fits"),
    [
        (1, 0, True),
        (LAMPORT_STEP_MAX, 0, True),
        (LAMPORT_STEP_MAX + 1, 0, False),
        (0, 0, False),
        (5, 5, False),
        (4, 5, False),
        (5 + LAMPORT_STEP_MAX, 5, True),
        (6 + LAMPORT_STEP_MAX, 5, False),
    ],
)
def test_attack_lamport_jump(lamport: int, parent: int, fits: bool) -> None:  # noqa: FBT001 - a table's column
    """A step of zero, backwards, or beyond 2^24 does not fit; the borders do."""
    assert follows(lamport, parent) is fits


def test_stamps_order_by_number_then_chain() -> None:
    """Two events with one number are shown in the same order everywhere."""
    a, b = Digest(bytes(32)), Digest(b"\1" * 32)
    assert sorted([Stamp(2, a), Stamp(1, b), Stamp(1, a)]) == [Stamp(1, a), Stamp(1, b), Stamp(2, a)]
