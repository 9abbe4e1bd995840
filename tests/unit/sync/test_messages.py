"""Messages: what goes out comes back, and every list in them has a bound."""

from __future__ import annotations

from collections.abc import Callable

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mesh.clocks.chain import Head
from mesh.clocks.frontier import Span, frontier_of
from mesh.errors import Refused, TooLarge
from mesh.events import cbor
from mesh.events.event import Event, Run
from mesh.limits import (
    PUSH_BYTES_MAX,
    SEQ_MAX,
)
from mesh.names import Digest
from mesh.sync.messages import Have, Message, Push, Want, decode_have, decode_push, decode_want, encode, told
from tests.unit.wrong_forms import WRONG_MESSAGES, D, digest

DIGESTS = st.binary(min_size=32, max_size=32).map(Digest)
HEADS = st.builds(Head, st.integers(0, SEQ_MAX), DIGESTS)
FRONTIERS = st.lists(st.tuples(DIGESTS, HEADS), max_size=6, unique=True).map(frontier_of)
SPANS = st.builds(Span, DIGESTS, HEADS, st.lists(HEADS, max_size=4).map(tuple))
EVENTS = st.builds(Event, st.binary(max_size=40), st.none() | st.binary(max_size=40))
RUNS = st.builds(Run, DIGESTS, HEADS, st.lists(EVENTS, max_size=3).map(tuple), st.binary(min_size=64, max_size=64))
HAVES = st.builds(Have, FRONTIERS, FRONTIERS, DIGESTS, DIGESTS, st.booleans())
WANTS = st.builds(Want, st.lists(SPANS, max_size=4).map(tuple), st.lists(DIGESTS, max_size=4).map(tuple))
PUSHES = st.builds(
    Push,
    st.lists(RUNS, max_size=3).map(tuple),
    st.lists(st.tuples(DIGESTS, st.binary(max_size=40)), max_size=3).map(tuple),
    st.booleans(),
)
DECODERS: dict[type[Message], Callable[[bytes], Message]] = {Have: decode_have, Want: decode_want, Push: decode_push}


@given(HAVES | WANTS | PUSHES)
def test_a_message_is_read_back(message: Message) -> None:
    """What encode writes, the decoder of its kind reads."""
    assert DECODERS[type(message)](encode(message)) == message


@given(st.sampled_from(list(DECODERS)), st.binary(max_size=80))
def test_any_bytes_are_refused_or_canonical(kind: type[Message], raw: bytes) -> None:
    """Bytes from anywhere are refused, or are the one encoding of a message."""
    try:
        message = DECODERS[kind](raw)
    except Refused:
        return
    assert encode(message) == raw


@given(HAVES | WANTS | PUSHES, st.data())
def test_altered_messages_are_refused_or_canonical(message: Message, data: st.DataObject) -> None:
    """One altered byte never makes a second encoding of a message."""
    raw = bytearray(encode(message))
    place = data.draw(st.integers(0, len(raw) - 1))
    raw[place] ^= data.draw(st.integers(1, 255))
    try:
        found = DECODERS[type(message)](bytes(raw))
    except Refused:
        return
    assert encode(found) == bytes(raw)


@pytest.mark.parametrize(("kind", "fields", "error"), WRONG_MESSAGES.values(), ids=WRONG_MESSAGES.keys())
def test_attack_a_message_outside_its_bounds(kind: type[Message], fields: object, error: type[Refused]) -> None:
    """Each list has its form, its order and its bound."""
    with pytest.raises(error):
        DECODERS[kind](cbor.encode(fields))


@pytest.mark.parametrize("kind", DECODERS)
def test_attack_a_message_that_is_too_long(kind: type[Message]) -> None:
    """Half a megabyte is the most that is looked at."""
    with pytest.raises(TooLarge):
        DECODERS[kind](bytes(PUSH_BYTES_MAX + 1))


def test_attack_more_chains_than_a_have_names() -> None:
    """A thief who opens thousands of chains, each forked, does not make our Haves unreadable."""
    heads = tuple(Head(2**40 + n, Digest(digest(n))) for n in range(40))
    frontier = {Digest(digest(n)): heads for n in range(600)}
    wide = {Digest(digest(n)): heads[:1] for n in range(9000)}
    for turn in range(5):
        for pair in ((frontier, frontier), (wide, wide), ({}, frontier)):
            have = Have(*told(*pair, turn), Digest(D), Digest(D), asks=True)
            assert decode_have(encode(have)) == have
