"""Headers: every field is bounded, later versions keep the first seven, and there is one encoding only."""

from __future__ import annotations

from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mesh.clocks.chain import START, Head
from mesh.errors import Malformed, Refused, TooLarge
from mesh.events import cbor
from mesh.events.event import CLEAR, Event, Header, Inner, Run, decode_header, decode_inner, run_fits
from mesh.limits import (
    BODY_BYTES_MAX,
    EXTENSIONS_MAX,
    HEADER_BYTES_MAX,
    SEQ_MAX,
    SIGNED_RUN_EVENTS_MAX,
)
from mesh.names import Digest, DocumentId, Short
from tests.unit.wrong_forms import BAD_HEADERS, BAD_INNERS, GOOD_HEADER, GOOD_INNER, Change

WORDS = st.from_regex(r"[a-z0-9][a-z0-9-]{0,31}", fullmatch=True)
HEADERS = st.builds(
    Header,
    lamport=st.integers(1, SEQ_MAX),
    epoch=st.just(CLEAR) | st.binary(min_size=16, max_size=16).map(Short),
    body_digest=st.binary(min_size=32, max_size=32).map(Digest),
    body_bytes=st.integers(0, BODY_BYTES_MAX),
    inner=st.binary(max_size=200),
    extensions=st.dictionaries(st.integers(0, SEQ_MAX), st.binary(max_size=20), max_size=EXTENSIONS_MAX),
)
DOCUMENTS = st.builds(DocumentId, WORDS, WORDS, st.binary(min_size=16, max_size=16))
INNERS = st.builds(
    Inner,
    time_ms=st.integers(0, SEQ_MAX),
    kind=WORDS,
    agent=st.text(max_size=16),
    document=st.none() | DOCUMENTS,
    grant=st.just(CLEAR) | st.binary(min_size=16, max_size=16).map(Short),
)


@given(HEADERS)
def test_a_header_is_read_back(header: Header) -> None:
    """What encode writes, decode_header reads."""
    assert decode_header(header.encode()) == header


@given(INNERS)
def test_an_inner_header_is_read_back(inner: Inner) -> None:
    """What encode writes, decode_inner reads."""
    assert decode_inner(inner.encode()) == inner


@pytest.mark.parametrize("change", BAD_HEADERS.values(), ids=BAD_HEADERS.keys())
def test_attack_a_header_outside_its_bounds(change: Change) -> None:
    """Each field has its type and its range."""
    assert decode_header(cbor.encode(GOOD_HEADER)).lamport == 5
    with pytest.raises(Malformed):
        decode_header(cbor.encode(change(GOOD_HEADER)))


@pytest.mark.parametrize("change", BAD_INNERS.values(), ids=BAD_INNERS.keys())
def test_attack_an_inner_header_outside_its_bounds(change: Change) -> None:
    """Each field of the inner header too."""
    assert decode_inner(cbor.encode(GOOD_INNER)).kind == "born"
    with pytest.raises(Malformed):
        decode_inner(cbor.encode(change(GOOD_INNER)))


@given(st.binary(max_size=80))
def test_any_bytes_are_refused_or_canonical(raw: bytes) -> None:
    """The fast path of headers is as strict as the codec."""
    try:
        header = decode_header(raw)
    except Refused:
        return
    assert header.encode() == raw


@given(HEADERS, st.data())
def test_altered_headers_are_refused_or_canonical(header: Header, data: st.DataObject) -> None:
    """One altered byte never makes a second encoding of a header; versions to come may have more fields."""
    raw = bytearray(header.encode())
    place = data.draw(st.integers(0, len(raw) - 1))
    raw[place] ^= data.draw(st.integers(1, 255))
    try:
        found = decode_header(bytes(raw))
    except Refused:
        return
    assert found.version > 1 or found.encode() == bytes(raw)


@pytest.mark.parametrize(
    "raw",
    [
        b"\x88" + cbor.encode(GOOD_HEADER)[1:] + b"\x00",  # an eighth field
        b"\x98\x07" + cbor.encode(GOOD_HEADER)[1:],  # length of the list in two bytes
        b"\x9f" + cbor.encode(GOOD_HEADER)[1:] + b"\xff",  # indefinite list
        cbor.encode(GOOD_HEADER) + b"\x00",  # trailing byte
        cbor.encode(GOOD_HEADER)[:-1] + b"\xa2\x01\x40\x01\x40",  # the same extension twice
        cbor.encode(GOOD_HEADER)[:-1] + b"\xa2\x02\x40\x01\x40",  # extensions not sorted
        b"\x87\xf9\x3c\x00" + cbor.encode(GOOD_HEADER)[2:],  # version as a float
        b"",
        b"\xff",
    ],
)
def test_attack_second_encodings_of_a_header(raw: bytes) -> None:
    """Whether or not there are extensions, only the canonical encoding is taken."""
    with pytest.raises(Malformed):
        decode_header(raw)


def test_a_header_that_is_too_long() -> None:
    """4 KiB are the bound, and it is looked at first."""
    fits = Header(1, CLEAR, Digest(bytes(32)), 0, bytes(HEADER_BYTES_MAX - 43))
    assert len(fits.encode()) == HEADER_BYTES_MAX
    assert decode_header(fits.encode()) == fits
    with pytest.raises(TooLarge):
        decode_header(replace(fits, inner=fits.inner + b"x").encode())


def test_a_later_version_may_append_fields() -> None:
    """Version 2 with more fields is held: the first seven are read, the rest is carried in the bytes."""
    found = decode_header(cbor.encode([2, *GOOD_HEADER[1:], {"new": [1]}, None]))
    assert (found.version, found.lamport, found.inner) == (2, 5, b"inner")


def run_of(count: int, after: Head = START) -> Run:
    """A run with so many empty events."""
    return Run(Digest(bytes(32)), after, (Event(b"", b""),) * count, bytes(64))


def test_runs_that_fit() -> None:
    """One event, and the most that one signature covers."""
    run_fits(run_of(1))
    run_fits(run_of(SIGNED_RUN_EVENTS_MAX))
    run_fits(run_of(1, Head(SEQ_MAX - 1, Digest(bytes(32)))))


@pytest.mark.parametrize(
    ("run", "error"),
    [
        (run_of(0), Malformed),
        (run_of(1, Head(SEQ_MAX, Digest(bytes(32)))), Malformed),
        (replace(run_of(1), signature=bytes(63)), Malformed),
        (replace(run_of(1), events=(Event(b"", bytes(BODY_BYTES_MAX + 1)),)), TooLarge),
    ],
    ids=["empty", "seq_overflow", "short_signature", "body_too_long"],
)
def test_attack_a_run_of_impossible_form(run: Run, error: type[Refused]) -> None:
    """Empty, numbers beyond 2^53, no signature, a body too long."""
    with pytest.raises(error):
        run_fits(run)
