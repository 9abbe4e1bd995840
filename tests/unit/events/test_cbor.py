"""Deterministic CBOR: what goes out comes back, and nothing but the one encoding of a value comes in."""

from __future__ import annotations

import cbor2
import pytest
from hypothesis import given
from hypothesis import strategies as st

from mesh.errors import Malformed, Refused, TooLarge
from mesh.events import cbor
from mesh.limits import CBOR_DEPTH_MAX
from tests.unit.wrong_forms import WRONG_CBOR

WHOLE = st.integers(-(2**64), 2**64 - 1)
SCALARS = st.none() | st.booleans() | WHOLE | st.binary(max_size=40) | st.text(max_size=40)


def _containers(items: st.SearchStrategy[object]) -> st.SearchStrategy[object]:
    texts = st.dictionaries(st.text(max_size=30), items, max_size=4)
    numbers = st.dictionaries(st.integers(0, 2**64 - 1), items, max_size=4)
    return st.lists(items, max_size=4) | texts | numbers


PLAIN = st.recursive(SCALARS, _containers, max_leaves=8)


@given(PLAIN)
def test_what_is_encoded_is_decoded(value: object) -> None:
    """Every value of the profile survives the way there and back, exactly."""
    raw = cbor.encode(value)
    try:
        assert cbor.decode(raw, 10_000, "it") == value
    except Malformed:
        assert _depth(value) > CBOR_DEPTH_MAX


def _depth(value: object) -> int:
    items = list(value.values()) if isinstance(value, dict) else value if isinstance(value, list) else None
    return 0 if items is None else 1 + max((_depth(item) for item in items), default=0)


@given(st.binary(max_size=60))
def test_only_the_one_encoding_is_taken(raw: bytes) -> None:
    """Any bytes at all: refused, or the canonical encoding of what they say; nothing else happens."""
    try:
        value = cbor.decode(raw, 100, "it")
    except Refused:
        return
    assert cbor.encode(value) == raw


@given(PLAIN, st.data())
def test_altered_bytes_are_refused_or_canonical(value: object, data: st.DataObject) -> None:
    """One altered byte of a good encoding never makes a second encoding of the same value."""
    raw = bytearray(cbor.encode(value))
    place = data.draw(st.integers(0, len(raw) - 1))
    raw[place] ^= data.draw(st.integers(1, 255))
    try:
        assert cbor.encode(cbor.decode(bytes(raw), 10_000, "it")) == bytes(raw)
    except Refused:
        return


@pytest.mark.parametrize("raw", WRONG_CBOR.values(), ids=WRONG_CBOR.keys())
def test_attack_second_encodings_and_foreign_types(raw: str) -> None:
    """What is not canonical, not of the profile, cut short, too deep or too long in its claims is refused."""
    with pytest.raises(Malformed, match="it is not deterministic CBOR"):
        cbor.decode(bytes.fromhex(raw), 100_000, "it")


def test_the_deepest_value_that_is_allowed() -> None:
    """Eight levels are read, the ninth is refused (above)."""
    raw = bytes.fromhex("81" * CBOR_DEPTH_MAX + "01")
    assert cbor.encode(cbor.decode(raw, 100, "it")) == raw


def test_too_many_bytes_are_refused_before_they_are_read() -> None:
    """The bound is looked at first, and the sentence says both numbers."""
    with pytest.raises(TooLarge, match="it has 5 bytes; at most 4 are allowed"):
        cbor.decode(b"\xff" * 5, 4, "it")


@pytest.mark.parametrize(
    ("value", "types", "complaint"),
    [
        ({}, (int,), "it is not a list of 1 fields"),
        ([], (int,), "it is not a list of 1 fields"),
        ([1, 2], (int,), "it is not a list of 1 fields"),
        ([True], (int,), "field 1 of it is not a whole number"),
        ([1], (bool,), "field 1 of it is not yes or no"),
        ([1, "a"], (int, bytes), "field 2 of it is not bytes"),
        ([b""], (str,), "field 1 of it is not a text"),
        ([{}], (list,), "field 1 of it is not a list"),
        ([[]], (dict,), "field 1 of it is not a map"),
    ],
)
def test_fields_have_exactly_their_types(value: object, types: tuple[type, ...], complaint: str) -> None:
    """Number and types of fields are exact; a truth value is no number."""
    with pytest.raises(Malformed, match=complaint):
        cbor.fields(cbor.encode(value), 100, "it", types)


def test_fields_of_the_right_types() -> None:
    """They come back in order; `object` takes any type."""
    value = [1, b"b", "t", [2], {"k": 3}, False, None]
    assert cbor.fields(cbor.encode(value), 100, "it", (int, bytes, str, list, dict, bool, object)) == value


def test_the_profile_is_smaller_than_what_the_library_reads() -> None:
    """What the library would decode happily is outside the profile: the check is ours."""
    for name in ("float_half", "big_number", "tag_set", "undefined", "list_as_key"):
        assert not cbor.is_plain(cbor2.loads(bytes.fromhex(WRONG_CBOR[name])))
