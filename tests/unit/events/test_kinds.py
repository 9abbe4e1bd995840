"""Kinds: each body has one form, each field its bounds, and unknown kinds are no error."""

from __future__ import annotations

from collections.abc import Callable, Sequence

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mesh.errors import Malformed, Refused
from mesh.events import cbor
from mesh.events.event import Lane
from mesh.events.kinds import (
    ANY,
    REASONS,
    SUITE,
    VERBS,
    Admit,
    Body,
    Born,
    Changed,
    Genesis,
    Grant,
    Opening,
    Rekey,
    decode_body,
    document_of,
    encode_body,
    kind_of,
    known,
)
from mesh.limits import SEQ_MAX
from mesh.names import Digest, DocumentId, Short

KEYS = st.binary(min_size=32, max_size=32)
DIGESTS = KEYS.map(Digest)
SALTS = st.binary(min_size=16, max_size=16)
WORDS = st.from_regex(r"[a-z0-9][a-z0-9-]{0,31}", fullmatch=True)
WORD_LISTS = st.sets(WORDS | st.just(ANY), min_size=1, max_size=5).map(lambda words: tuple(sorted(words)))
VALUES = st.none() | st.booleans() | st.integers(-SEQ_MAX, SEQ_MAX) | st.text(max_size=20)
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
    "born": st.builds(Born, st.dictionaries(st.text(max_size=9), VALUES), st.text(max_size=40), st.just(b"") | SALTS),
    "changed": st.builds(Changed, st.binary(max_size=80)),
}
LANES = {"born": Lane.DATA, "changed": Lane.DATA}

Change = Callable[[list[object]], object]
KEY, KEY_31 = bytes(32), bytes(31)
GOOD: dict[str, list[object]] = {
    "genesis": [SUITE, KEY, KEY, bytes(16)],
    "opening": [KEY, 1, "new", bytes(16)],
    "admit": [KEY, KEY, KEY, KEY, "mac", bytes(64), 2],
    "grant": [KEY, "", "*", ["note", "task"], ["create", "edit"], None],
    "rekey": [KEY, [[KEY, b"wrap"]], [[bytes(16), b"wrap"]]],
    "born": [{"title": "x", "rank": 1}, "text", bytes(16)],
    "changed": [b"change"],
}
WRONG: dict[str, dict[int, Sequence[object]]] = {
    "genesis": {0: (0, 2, "1"), 1: (KEY_31, "key"), 2: (bytes(33),), 3: (bytes(15), bytes(17))},
    "opening": {0: (KEY_31,), 1: (2, -1, True), 2: ("", "old", "New"), 3: (bytes(15),)},
    "admit": {
        **{place: (KEY_31, bytes(33)) for place in range(4)},
        4: ("", "n" * 65, "ä" * 33),
        5: (bytes(63), b""),
        6: (0, -1, 256, False),
    },
    "grant": {
        0: (KEY_31,),
        1: ("a" * 65,),
        2: ("", "Home", "a/b"),
        3: ([], ["Note"], ["b", "a"], ["a", "a"], [1], ["a"] * 65, [str(n) for n in range(100, 165)]),
        4: ([], ["Edit"], ["edit", "create"], [b"edit"]),
        5: (-1, "soon", False, SEQ_MAX + 1),
    },
    "rekey": {
        0: (KEY_31,),
        1: ([[KEY_31, b""]], [[KEY]], [KEY], [[KEY, "wrap"]], [[KEY, b""]] * 257),
        2: ([[KEY, b""]], [[bytes(15), b""]], [[bytes(16), b""]] * 257),
    },
    "born": {
        0: ({1: "x"}, {"a": b"bytes"}, {"a": ["list"]}, {"a": SEQ_MAX + 1}, {"a": -SEQ_MAX - 1}, []),
        1: (b"text", None),
        2: (bytes(15), bytes(17)),
    },
    "changed": {0: ("change", None, 1)},
}
CASES = [(kind, place, bad) for kind, fields in WRONG.items() for place, values in fields.items() for bad in values]


@given(st.data())
@pytest.mark.parametrize("kind", BODIES)
def test_a_body_is_read_back(kind: str, data: st.DataObject) -> None:
    """What encode_body writes, decode_body reads, under the name that kind_of gives."""
    body = data.draw(BODIES[kind])
    assert kind_of(body) == kind
    assert decode_body(LANES.get(kind, Lane.CONTROL), kind, encode_body(body)) == body


@pytest.mark.parametrize(("kind", "place", "bad"), CASES)
def test_attack_a_field_outside_its_bounds(kind: str, place: int, bad: object) -> None:
    """One wrong field and the body says nothing, although the rest is good."""
    lane = LANES.get(kind, Lane.CONTROL)
    good = list(GOOD[kind])
    decode_body(lane, kind, cbor.encode(good))
    with pytest.raises(Malformed):
        decode_body(lane, kind, cbor.encode([*good[:place], bad, *good[place + 1 :]]))


@pytest.mark.parametrize("kind", GOOD)
@pytest.mark.parametrize("change", [lambda f: f[:-1], lambda f: [*f, 0], lambda _: [], lambda _: {}, lambda _: 7])
def test_attack_another_number_of_fields(kind: str, change: Change) -> None:
    """A field more or less, or no list at all, is refused."""
    with pytest.raises(Malformed):
        decode_body(LANES.get(kind, Lane.CONTROL), kind, cbor.encode(change(list(GOOD[kind]))))


@given(st.sampled_from(list(GOOD)), st.binary(max_size=60))
def test_any_bytes_are_refused_or_canonical(kind: str, raw: bytes) -> None:
    """Bytes from anywhere never do anything but be refused, or be the one encoding of a body."""
    try:
        body = decode_body(LANES.get(kind, Lane.CONTROL), kind, raw)
    except Refused:
        return
    assert encode_body(body) == raw


def test_statements_are_said_in_the_control_lane_only() -> None:
    """A data event that calls itself admit or grant is of an unknown kind; openings are in both lanes."""
    control = {kind for kind in GOOD if known(Lane.CONTROL, kind)}
    data = {kind for kind in GOOD if known(Lane.DATA, kind)}
    assert control == {"genesis", "opening", "admit", "grant", "rekey"}
    assert data == {"opening", "born", "changed"} == {"opening", *VERBS}
    assert not known(Lane.DATA, "poem")


def test_a_grant_of_everything() -> None:
    """A star stands for every space, type and verb."""
    grant = Grant(Digest(KEY), "", ANY, (ANY,), (ANY,))
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
