"""Deterministic CBOR (RFC 8949 section 4.2), strict in both directions.

What is not the one canonical encoding of its value is refused. This module knows no event and no field; it is the
only one that imports the codec library.
"""

from __future__ import annotations

from collections.abc import Iterable

import cbor2

from mesh.errors import Malformed, TooLarge
from mesh.limits import CBOR_DEPTH_MAX

_WHOLE_MAX = 2**64 - 1
_ALWAYS_PLAIN = frozenset({bytes, str, bool, type(None)})
_PLAIN = _ALWAYS_PLAIN | {int}
_TEXTS = frozenset({str})

type_names = {int: "a whole number", bytes: "bytes", str: "a text", list: "a list", dict: "a map", bool: "yes or no"}


def encode(value: object) -> bytes:
    """The canonical bytes of a value of the profile: see `is_plain`."""
    return cbor2.dumps(value, canonical=True)


def decode(raw: bytes, bytes_max: int, what: str) -> object:
    """The value that these bytes are the canonical encoding of. Raises Malformed or TooLarge, naming `what`."""
    if len(raw) > bytes_max:
        message = f"{what} has {len(raw):,} bytes; at most {bytes_max:,} are allowed"
        raise TooLarge(message)
    try:
        value: object = cbor2.loads(raw, max_depth=CBOR_DEPTH_MAX, allow_indefinite=False, allow_duplicate_keys=False)
        canonical = is_plain(value) and cbor2.dumps(value, canonical=True) == raw
    except (cbor2.CBORError, ValueError, TypeError, OverflowError, RecursionError, MemoryError):
        canonical = False
    if not canonical:
        message = f"{what} is not deterministic CBOR"
        raise Malformed(message)
    return value


def is_plain(value: object) -> bool:
    """Whether a decoded value is of the profile: no tags, no floats, no big numbers, map keys of one kind."""
    if type(value) is list:
        return _are_plain(value)
    if type(value) is dict:
        texts = _TEXTS.issuperset(map(type, value))
        numbers = not texts and all(type(key) is int and 0 <= key <= _WHOLE_MAX for key in value)
        return (texts or numbers) and _are_plain(value.values())
    return type(value) in _PLAIN and (type(value) is not int or -_WHOLE_MAX - 1 <= value <= _WHOLE_MAX)


def _are_plain(items: Iterable[object]) -> bool:
    return all(is_plain(item) for item in items if type(item) not in _ALWAYS_PLAIN)


def fields(raw: bytes, bytes_max: int, what: str, types: tuple[type, ...]) -> list[object]:
    """The fields of a canonical list of exactly these types, in order. Raises Malformed or TooLarge."""
    value = decode(raw, bytes_max, what)
    return expect_types(value, what, types)


def expect_types(value: object, what: str, types: tuple[type, ...]) -> list[object]:
    """`value` as a list whose items have exactly these types. Raises Malformed."""
    if type(value) is not list or len(value) != len(types):
        message = f"{what} is not a list of {len(types)} fields"
        raise Malformed(message)
    if tuple(map(type, value)) == types:
        return value
    for place, (item, wanted) in enumerate(zip(value, types, strict=True), start=1):
        if wanted is not object and type(item) is not wanted:
            message = f"field {place} of {what} is not {type_names[wanted]}"
            raise Malformed(message)
    return value
