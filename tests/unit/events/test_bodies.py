"""Bodies: each has one form, each field its bounds, and unknown kinds are no error."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mesh.clocks.chain import Head
from mesh.errors import Malformed, Refused
from mesh.events import cbor
from mesh.events.bodies import decode_body, document_of, encode_body
from mesh.events.event import Lane
from mesh.events.kinds import (
    ANY,
    REASONS,
    VERBS,
    Admit,
    Adopt,
    Body,
    Born,
    Changed,
    Close,
    Forget,
    Genesis,
    Grant,
    Located,
    Mark,
    Opening,
    Rekey,
    Ungrant,
    kind_of,
    known,
)
from mesh.limits import SEQ_MAX
from mesh.names import Digest, DocumentId, Short
from tests.unit.wrong_forms import GOOD_BODIES, LANES, WRONG_FIELDS, Change

KEYS = st.binary(min_size=32, max_size=32)
DIGESTS = KEYS.map(Digest)
SALTS = st.binary(min_size=16, max_size=16)
WORDS = st.from_regex(r"[a-z0-9][a-z0-9-]{0,31}", fullmatch=True)
WORD_LISTS = st.sets(WORDS | st.just(ANY), min_size=1, max_size=5).map(lambda words: tuple(sorted(words)))
VALUES = st.none() | st.booleans() | st.integers(-SEQ_MAX, SEQ_MAX) | st.text(max_size=20)
MARKS = st.sets(st.builds(Mark, DIGESTS, st.builds(Head, st.integers(1, SEQ_MAX), DIGESTS)), max_size=3).map(
    lambda found: tuple(sorted(found))
)
BODIES: dict[str, st.SearchStrategy[Body]] = {
    "genesis": st.builds(Genesis, KEYS, KEYS, SALTS),
    "opening": st.builds(Opening, DIGESTS, st.sampled_from(Lane), st.sampled_from(REASONS), SALTS),
    "admit": st.builds(
        Admit,
        *(KEYS, KEYS, KEYS, KEYS),
        st.text(min_size=1, max_size=16),
        st.binary(min_size=64, max_size=64),
        st.integers(1, 255),
    ),
    "grant": st.builds(
        Grant,
        DIGESTS,
        st.text(max_size=16),
        WORDS | st.just(ANY),
        WORD_LISTS,
        WORD_LISTS,
        st.none() | st.integers(0, SEQ_MAX),
    ),
    "rekey": st.builds(
        Rekey,
        KEYS,
        st.lists(st.tuples(DIGESTS, st.binary(max_size=90)), max_size=3).map(tuple),
        st.lists(st.tuples(SALTS.map(Short), st.binary(max_size=90)), max_size=3).map(tuple),
    ),
    "located": st.builds(
        Located, DIGESTS, st.lists(st.text("abc.:[]1", min_size=1, max_size=40), max_size=8).map(tuple)
    ),
    "close": st.builds(Close, DIGESTS, MARKS, st.text(max_size=16)),
    "ungrant": st.builds(Ungrant, DIGESTS, MARKS),
    "adopt": st.builds(Adopt, st.sets(DIGESTS, min_size=1, max_size=4).map(lambda found: tuple(sorted(found)))),
    "forget": st.builds(Forget, st.builds(DocumentId, WORDS, WORDS, SALTS)),
    "born": st.builds(Born, st.dictionaries(st.text(max_size=9), VALUES), st.text(max_size=40), st.just(b"") | SALTS),
    "changed": st.builds(Changed, st.binary(max_size=80)),
}


@given(st.data())
@pytest.mark.parametrize("kind", BODIES)
def test_a_body_is_read_back(kind: str, data: st.DataObject) -> None:
    """What encode_body writes, decode_body reads, under the name that kind_of gives."""
    body = data.draw(BODIES[kind])
    assert kind_of(body) == kind
    assert decode_body(LANES.get(kind, Lane.CONTROL), kind, encode_body(body)) == body


@pytest.mark.parametrize(("kind", "place", "bad"), WRONG_FIELDS)
def test_attack_a_field_outside_its_bounds(kind: str, place: int, bad: object) -> None:
    """One wrong field and the body says nothing, although the rest is good."""
    lane = LANES.get(kind, Lane.CONTROL)
    good = list(GOOD_BODIES[kind])
    decode_body(lane, kind, cbor.encode(good))
    with pytest.raises(Malformed):
        decode_body(lane, kind, cbor.encode([*good[:place], bad, *good[place + 1 :]]))


@pytest.mark.parametrize("kind", GOOD_BODIES)
@pytest.mark.parametrize("change", [lambda f: f[:-1], lambda f: [*f, 0], lambda _: [], lambda _: {}, lambda _: 7])
def test_attack_another_number_of_fields(kind: str, change: Change) -> None:
    """A field more or less, or no list at all, is refused."""
    with pytest.raises(Malformed):
        decode_body(LANES.get(kind, Lane.CONTROL), kind, cbor.encode(change(list(GOOD_BODIES[kind]))))


@given(st.sampled_from(list(GOOD_BODIES)), st.binary(max_size=60))
def test_any_bytes_are_refused_or_canonical(kind: str, raw: bytes) -> None:
    """Bytes from anywhere never do anything but be refused, or be the one encoding of a body."""
    try:
        body = decode_body(LANES.get(kind, Lane.CONTROL), kind, raw)
    except Refused:
        return
    assert encode_body(body) == raw


def test_statements_are_said_in_the_control_lane_only() -> None:
    """A data event that calls itself admit or grant is of an unknown kind; openings are in both lanes."""
    control = {kind for kind in GOOD_BODIES if known(Lane.CONTROL, kind)}
    data = {kind for kind in GOOD_BODIES if known(Lane.DATA, kind)}
    acts = {"close", "ungrant", "adopt", "forget"}
    assert control == {"genesis", "opening", "admit", "grant", "rekey", "located", *acts}
    assert data == {"opening", "born", "changed", "settled", "undone"} == {"opening", *VERBS}
    assert not known(Lane.DATA, "poem")


def test_a_grant_of_everything() -> None:
    """A star stands for every space, type and verb."""
    grant = Grant(Digest(bytes(32)), "", ANY, (ANY,), (ANY,))
    assert decode_body(Lane.CONTROL, "grant", encode_body(grant)) == grant


def test_a_document_is_named_by_its_birth() -> None:
    """Space, type and every part of the birth are in the name; the salt keeps twins apart, without it they are one."""
    births = [Born({}, "", b""), Born({"a": 1}, "", b""), Born({}, "x", b""), Born({}, "", bytes(16))]
    names = {document_of("home", "note", birth).name for birth in births}
    names |= {document_of("home", "task", births[0]).name, document_of("work", "note", births[0]).name}
    assert len(names) == 6
    again = document_of("home", "note", Born({}, "", b""))
    assert again == document_of("home", "note", births[0])
    assert isinstance(again, DocumentId)
    with pytest.raises(Malformed):
        document_of("Home", "note", births[0])
