"""Whom to ask for which body when: everything at once of whoever is new, and ever more rarely what is asked in vain."""

from __future__ import annotations

import hashlib
from itertools import pairwise

from mesh.limits import BODY_AGAIN_TICKS_MAX
from mesh.names import Digest
from mesh.sync.missing import Missing
from tests.unit.small_mesh import fixed


def missing(count: int) -> Missing:
    """So many bodies."""
    return Missing((event(n), Digest(hashlib.sha256(b"body %d" % n).digest())) for n in range(count))


def event(number: int) -> Digest:
    """The event that a body belongs to."""
    return Digest(fixed(32, "event", number))


def test_a_body_fills_once_and_only_its_own_place() -> None:
    """Another body, a second time, a strange event: nothing."""
    held = missing(2)
    assert not held.fill(event(0), b"body 1")
    assert not held.fill(event(9), b"body 9")
    assert held.fill(event(0), b"body 0")
    assert not held.fill(event(0), b"body 0")
    assert list(held) == [event(1)]


def test_what_was_asked_in_vain_makes_room() -> None:
    """Each peer is asked for every body in turn; a second time only after a tick, then after twice as many."""
    held = missing(5)
    assert held.due("a", 3) == [event(0), event(1), event(2)]
    assert held.due("a", 3) == [event(3), event(4)]
    assert held.due("a", 3) == []
    assert held.due("b", 9) == [event(n) for n in range(5)]
    held.tick()
    assert sorted(held.due("a", 9)) == sorted(held)
    held.tick()
    assert held.due("a", 9) == []
    held.tick()
    assert len(held.due("a", 9)) == 5


def test_waiting_has_an_end() -> None:
    """However often it was in vain, a body is asked for again after the longest wait."""
    held = missing(1)
    ticks = []
    for tick in range(10 * BODY_AGAIN_TICKS_MAX):
        ticks += [tick] if held.due("a", 1) else []
        held.tick()
    assert {later - earlier for earlier, later in pairwise(ticks[8:])} == {BODY_AGAIN_TICKS_MAX}


def test_whoever_brought_something_or_comes_anew_is_asked_for_the_rest() -> None:
    """A page does not take all bodies at once."""
    held = missing(3)
    held.due("a", 9)
    assert held.brought("a", [(event(1), b"another")]) == ()
    assert held.due("a", 9) == []
    assert held.brought("a", [(event(1), b"body 1"), (event(0), b"another")]) == ((event(1), b"body 1"),)
    assert held.due("a", 9) == [event(0), event(2)]
    held.anew("a")
    assert held.due("a", 9) == [event(0), event(2)]


def test_what_is_not_missing_any_more_is_forgotten() -> None:
    """What was asked for is remembered only as long as it is missing."""
    held = missing(3)
    held.due("a", 9)
    for number in range(3):
        assert held.fill(event(number), b"body %d" % number)
    assert held.due("a", 9) == []
    held[event(0)] = Digest(hashlib.sha256(b"again").digest())
    assert held.due("a", 9) == [event(0)]
