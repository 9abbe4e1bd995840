"""How good bytes are made bad: byte by byte, and as CBOR whose values, order and encodings are wrong.

Strategies for Hypothesis; nothing here knows what the bytes mean.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import cbor2
from hypothesis import strategies as st

from mesh.limits import CBOR_DEPTH_MAX, SEQ_MAX

Draw = Callable[[st.SearchStrategy[Any]], Any]
Step = Callable[[Draw, bytes, bytes], bytes]

STEPS_MAX = 4
PLACES_MAX = 300
_EDGES = (
    0,
    1,
    23,
    24,
    255,
    256,
    2**16,
    2**24,
    2**31,
    2**32,
    SEQ_MAX,
    SEQ_MAX + 1,
    2**63,
    2**64 - 1,
    2**64,
    -1,
    -(2**64),
)
_SPOTS = (b"\0", b"\x7f", b"\x80", b"\xff", b"\xff\xff\xff\xff", b"\x1b", b"\n", b'"', b"-", b"=")
_TEXTS = ("", "a", "*", "../x", "a/b", "\0", "\x1b[2J", "\u202e", "é", "e\u0301", "🌱" * 20, "x" * 300, "notes-private")
_ODD: st.SearchStrategy[object] = st.one_of(
    st.sampled_from(_EDGES),
    st.sampled_from(_TEXTS),
    st.binary(max_size=70),
    st.sampled_from([bytes(n) for n in (0, 1, 15, 16, 17, 31, 32, 33, 63, 64, 65, 5000)]),
    st.sampled_from([None, True, False, 1.0, float("nan"), float("inf"), cbor2.undefined]),
    st.builds(
        cbor2.CBORTag, st.sampled_from([0, 1, 2, 4, 28, 29, 30, 258, 60000]), st.sampled_from([0, b"\1", "x", [0, 1]])
    ),
    st.lists(st.sampled_from([0, "a", b"", None]), max_size=5),
    st.dictionaries(st.sampled_from(["a", "b", 0, 1, -1, b"k"]), st.sampled_from([0, "a", None]), max_size=4),
)


def mutated(good: Sequence[bytes], *, structured: bool) -> st.SearchStrategy[bytes]:
    """Good bytes after one to four steps away from good. `structured`: they are CBOR, and may be changed as such."""
    steps = (*_BYTES, *(_STRUCTURED * 2)) if structured else _BYTES

    @st.composite
    def strategy(draw: Draw) -> bytes:
        raw: bytes = draw(st.sampled_from(good))
        other: bytes = draw(st.sampled_from(good))
        for _ in range(draw(st.integers(1, STEPS_MAX))):
            raw = draw(st.sampled_from(steps))(draw, raw, other)
        return raw

    return strategy()


# ---------------------------------------------------------------- as bytes


def _place(draw: Draw, raw: bytes) -> int:
    return int(draw(st.integers(0, len(raw))))


def _flip(draw: Draw, raw: bytes, _other: bytes) -> bytes:
    if not raw:
        return b"\0"
    at = draw(st.integers(0, len(raw) - 1))
    return raw[:at] + bytes([raw[at] ^ (1 << draw(st.integers(0, 7)))]) + raw[at + 1 :]


def _set(draw: Draw, raw: bytes, _other: bytes) -> bytes:
    at = _place(draw, raw)
    put = bytes(draw(st.sampled_from(_SPOTS)))
    return raw[:at] + put + raw[at + len(put) :]


def _insert(draw: Draw, raw: bytes, _other: bytes) -> bytes:
    at = _place(draw, raw)
    return raw[:at] + bytes(draw(st.binary(min_size=1, max_size=9))) + raw[at:]


def _cut(draw: Draw, raw: bytes, _other: bytes) -> bytes:
    start, end = sorted((_place(draw, raw), _place(draw, raw)))
    return raw[:start] + raw[end:]


def _end(draw: Draw, raw: bytes, _other: bytes) -> bytes:
    return raw[: _place(draw, raw)]


def _again(draw: Draw, raw: bytes, _other: bytes) -> bytes:
    start, end = sorted((_place(draw, raw), _place(draw, raw)))
    return raw[:end] + raw[start:end] * int(draw(st.sampled_from([1, 2, 50]))) + raw[end:]


def _cross(draw: Draw, raw: bytes, other: bytes) -> bytes:
    return raw[: _place(draw, raw)] + other[_place(draw, other) :]


_BYTES: tuple[Step, ...] = (_flip, _set, _insert, _cut, _end, _again, _cross)

# ---------------------------------------------------------------- as CBOR

Put = Callable[[object], None]


def _places(value: object, put: Put, found: list[tuple[object, Put]]) -> None:
    """Every value inside a value, with how to put something else there."""
    if len(found) >= PLACES_MAX:
        return
    found.append((value, put))
    if isinstance(value, list):
        for number, item in enumerate(value):
            _places(item, lambda new, number=number: value.__setitem__(number, new), found)  # type: ignore[misc]
    elif isinstance(value, dict):
        for key, item in value.items():
            _places(item, lambda new, key=key: value.__setitem__(key, new), found)  # type: ignore[misc]


def _within(draw: Draw, raw: bytes, change: Callable[[Draw, object], object]) -> bytes:
    """Change one value inside; bytes that are no CBOR are flipped instead."""
    top: list[object] = []
    try:
        top.append(cbor2.loads(raw))
        found: list[tuple[object, Put]] = []
        _places(top[0], lambda new: top.__setitem__(0, new), found)
        value, put = draw(st.sampled_from(found))
        put(change(draw, value))
        return cbor2.dumps(top[0], canonical=draw(st.booleans()))
    except (cbor2.CBORError, ValueError, TypeError, RecursionError, OverflowError):
        return _flip(draw, raw, raw)


def _replace(draw: Draw, raw: bytes, _other: bytes) -> bytes:
    return _within(draw, raw, lambda draw, _: draw(_ODD))


def _near(draw: Draw, raw: bytes, _other: bytes) -> bytes:
    """A value that is almost the one that was there."""

    def change(draw: Draw, value: object) -> object:
        if isinstance(value, bool) or value is None:
            return draw(st.sampled_from([0, 1, None, True, False]))
        if isinstance(value, int):
            return value + draw(st.sampled_from([-1, 1, 2**24, 2**32]))
        if isinstance(value, bytes | str):
            end = draw(st.integers(0, len(value)))
            return draw(st.sampled_from([value[:end], value * 2, value[1:], value[:-1]]))
        return draw(_ODD)

    return _within(draw, raw, change)


def _shuffle(draw: Draw, raw: bytes, _other: bytes) -> bytes:
    """Items repeated, left out or in another order."""

    def change(draw: Draw, value: object) -> object:
        if isinstance(value, list) and value:
            item = draw(st.sampled_from(value))
            less = value[:-1]
            return draw(st.sampled_from([[*value, item], [item, *value], value[::-1], less, value * 40]))
        if isinstance(value, dict):
            return dict(reversed(value.items()))
        return [value]

    return _within(draw, raw, change)


def _deeper(draw: Draw, raw: bytes, _other: bytes) -> bytes:
    def change(draw: Draw, value: object) -> object:
        for _ in range(draw(st.sampled_from([1, CBOR_DEPTH_MAX, CBOR_DEPTH_MAX + 1, 200]))):
            value = [value]
        return value

    return _within(draw, raw, change)


_STRUCTURED: tuple[Step, ...] = (_replace, _near, _shuffle, _deeper)
