"""Hash chains: every part of a place is in its digest, and a trail remembers a chain in a few places."""

from __future__ import annotations

import hashlib

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mesh.clocks.chain import (
    START,
    Head,
    Trail,
    event_digest,
    genesis_digest,
    opening_digest,
    signed_bytes,
    trail_places,
)
from mesh.names import ZERO, Digest

MESH, CHAIN, KEY = (Digest(bytes([n]) * 32) for n in (1, 2, 3))


def head(seq: int) -> Head:
    """A place with a digest of its own."""
    return Head(seq, Digest(hashlib.sha256(str(seq).encode()).digest()))


def test_digests_are_the_formulas_of_the_protocol() -> None:
    """The four formulas, written out a second time."""
    inner = hashlib.sha256(b"header").digest()
    after = Head(6, Digest(b"\6" * 32))
    assert genesis_digest(KEY, b"header") == hashlib.sha256(b"mesh/genesis/1" + KEY + inner).digest()
    assert opening_digest(MESH, KEY, b"header") == hashlib.sha256(b"mesh/opening/1" + MESH + KEY + inner).digest()
    seq = bytes([0, 0, 0, 0, 0, 0, 0, 7])
    expected = hashlib.sha256(b"mesh/event/1" + CHAIN + seq + after.digest + inner).digest()
    assert event_digest(CHAIN, after, b"header") == expected
    signed = b"mesh/signature/1" + CHAIN + bytes([0, 0, 0, 0, 0, 0, 0, 6]) + after.digest
    assert signed_bytes(CHAIN, after) == signed


def test_attack_an_event_is_moved() -> None:
    """Another chain, another number, another parent or another header make another digest."""
    after = Head(6, Digest(b"\6" * 32))
    places = {
        event_digest(CHAIN, after, b"header"),
        event_digest(MESH, after, b"header"),
        event_digest(CHAIN, Head(7, after.digest), b"header"),
        event_digest(CHAIN, Head(6, CHAIN), b"header"),
        event_digest(CHAIN, after, b"Header"),
    }
    assert len(places) == 5


def test_attack_an_opening_is_taken_over_by_another_key_or_mesh() -> None:
    """A chain's id names mesh and key, so nobody can say the same opening elsewhere."""
    names = {opening_digest(m, k, b"h") for m in (MESH, CHAIN) for k in (KEY, MESH)}
    assert len(names | {genesis_digest(KEY, b"h")}) == 5


def test_start_is_before_every_head() -> None:
    """Heads order by number, and (0, zero) comes first."""
    assert Head(0, ZERO) == START < head(1) < head(2)


@pytest.mark.parametrize(
    ("length", "places"),
    [(0, ()), (1, (1,)), (2, (2, 1)), (3, (3, 2)), (4, (4, 3, 2)), (11, (11, 10, 8, 4)), (16, (16, 15, 14, 12, 8))],
)
def test_trails_of_short_chains(length: int, places: tuple[int, ...]) -> None:
    """Of each power of two the newest odd multiple is kept."""
    assert trail_places(length) == places


@given(st.integers(0, 3000))
def test_a_trail_keeps_exactly_its_places(length: int) -> None:
    """Extended event by event a trail keeps what the formula says, newest first."""
    trail = Trail()
    for seq in range(1, length + 1):
        trail.extend(head(seq))
    assert trail.heads() == tuple(head(seq) for seq in trail_places(length))


@given(st.integers(0, 400), st.integers(0, 400))
def test_a_trail_goes_on_from_what_was_kept(length: int, more: int) -> None:
    """A trail that was stored and read again keeps the same places as one that never stopped."""
    trail = Trail(head(seq) for seq in trail_places(length))
    for seq in range(length + 1, length + more + 1):
        trail.extend(head(seq))
    assert trail.heads() == tuple(head(seq) for seq in trail_places(length + more))


@given(st.integers(1, 2**40), st.data())
def test_a_trail_is_short_and_dense_near_the_end(length: int, data: st.DataObject) -> None:
    """Whoever is so far back finds a place at most about three times further back, among at most 64."""
    places = trail_places(length)
    assert len(places) <= length.bit_length() <= 64
    back = data.draw(st.integers(0, length - 1))
    older = [place for place in places if place <= length - back]
    assert not older or length - older[0] <= 4 * back + 1
