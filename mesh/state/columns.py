"""The small codes that an Automerge change is made of: LEB128 numbers and run-length columns.

Reading is strict: of all the ways to write the same values only the one that Automerge itself would write is
accepted, since Automerge recomputes the bytes when it loads a document and must come to the same hash. Runs are
counted before they are expanded. This module knows no operations and never guesses.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from functools import lru_cache
from itertools import groupby
from typing import TypeVar

from mesh.errors import Malformed, TooLarge
from mesh.limits import CHANGE_OPERATIONS_MAX, SEQ_MAX

T = TypeVar("T")

_CONTINUES = 0x80
_LOW = 0x7F
_SIGN = 0x40
_SHIFT_MAX = 63  # ten bytes: what 64 bits need
_SHORT_BYTES = 12  # columns up to this length are looked up: most small changes differ in two columns only
_SHORT_ROWS = 32
_SHORT_KEPT = 2048
_ROWS_MAX = 2 * CHANGE_OPERATIONS_MAX  # a derived genesis has a text of that many letters, and its registers


def unsigned(data: bytes, at: int) -> tuple[int, int]:
    """Read a number and the place after it. Raises Malformed, or IndexError at the end of the data."""
    value = data[at]
    at += 1
    if value < _CONTINUES:
        return value, at
    value &= _LOW
    shift = 7
    while True:
        byte = data[at]
        at += 1
        value |= (byte & _LOW) << shift
        if byte < _CONTINUES:
            break
        shift += 7
        if shift > _SHIFT_MAX:
            _refuse_number()
    if byte == 0 or value > SEQ_MAX:
        _refuse_number()
    return value, at


def signed(data: bytes, at: int) -> tuple[int, int]:
    """Read a number with its sign and the place after it. Raises like `unsigned`."""
    byte = data[at]
    at += 1
    if byte < _CONTINUES:
        return (byte - _CONTINUES if byte & _SIGN else byte), at
    value = byte & _LOW
    shift = 7
    while byte >= _CONTINUES:
        if shift > _SHIFT_MAX:
            _refuse_number()
        before = byte
        byte = data[at]
        at += 1
        value |= (byte & _LOW) << shift
        shift += 7
    if (byte == 0 and not before & _SIGN) or (byte == _LOW and before & _SIGN):
        _refuse_number()
    if byte & _SIGN:
        value -= 1 << shift
    if not -SEQ_MAX <= value <= SEQ_MAX:
        _refuse_number()
    return value, at


def _refuse_number() -> None:
    raise Malformed("a number in a change is written longer than it need be, or is out of range")


def text(data: bytes, at: int) -> tuple[str, int]:
    """Read a text with its length before it. Raises Malformed, or IndexError at the end of the data."""
    length, at = unsigned(data, at)
    if at + length > len(data):
        raise IndexError
    return utf8(data[at : at + length]), at + length


def utf8(raw: bytes) -> str:
    """Bytes as text. Raises Malformed when they are no UTF-8, which lone surrogates never are."""
    try:
        return raw.decode()
    except UnicodeDecodeError:
        raise Malformed("a text in a change is not UTF-8") from None


def write_unsigned(value: int) -> bytes:
    """Write a number of at least zero."""
    if value < _CONTINUES:
        return bytes((value,))
    out = bytearray()
    while value >= _CONTINUES:
        out.append(value & _LOW | _CONTINUES)
        value >>= 7
    out.append(value)
    return bytes(out)


def write_signed(value: int) -> bytes:
    """Write a number with its sign."""
    out = bytearray()
    while not -_SIGN <= value < _SIGN:
        out.append(value & _LOW | _CONTINUES)
        value >>= 7
    out.append(value & _LOW)
    return bytes(out)


def write_text(value: str) -> bytes:
    """Write a text with its length before it."""
    raw = value.encode()
    return write_unsigned(len(raw)) + raw


def numbers(raw: bytes) -> tuple[int | None, ...]:
    """The rows of a column of unsigned numbers."""
    if len(raw) <= _SHORT_BYTES and (known := _short_numbers(raw)) is not None:
        return known
    rows = _expand(raw, unsigned, write_unsigned)
    return tuple(rows)


def texts(raw: bytes) -> tuple[str | None, ...]:
    """The rows of a column of texts."""
    if len(raw) <= _SHORT_BYTES and (known := _short_texts(raw)) is not None:
        return known
    rows = _expand(raw, text, write_text)
    return tuple(rows)


def deltas(raw: bytes) -> tuple[int | None, ...]:
    """The rows of a column that holds the differences between numbers, which themselves are at least zero."""
    out: list[int | None] = []
    total = 0
    for step in _expand(raw, signed, write_signed):
        if step is not None:
            total += step
            if not 0 <= total <= SEQ_MAX:
                _refuse_number()
        out.append(None if step is None else total)
    return tuple(out)


def booleans(raw: bytes) -> tuple[bool, ...]:
    """The rows of a column of truth values, which is run lengths that begin with those of False."""
    out: list[bool] = []
    at, value = 0, False
    while at < len(raw):
        first = at == 0
        count, at = unsigned(raw, at)
        _room(len(out), count)
        if count == 0 and (not first or at == len(raw)):
            _refuse_column()
        out += [value] * count
        value = not value
    return tuple(out)


def _expand(raw: bytes, read: Callable[[bytes, int], tuple[T, int]], write: Callable[[T], bytes]) -> list[T | None]:
    """All rows of a run-length column, if these are the bytes that Automerge would write for them."""
    out: list[T | None] = []
    at, end = 0, len(raw)
    while at < end:
        count, at = signed(raw, at)
        if count > 0:
            value, at = read(raw, at)
            _room(len(out), count)
            out += [value] * count
        elif count < 0:
            _room(len(out), -count)
            for _ in range(-count):
                value, at = read(raw, at)
                out.append(value)
        else:
            count, at = unsigned(raw, at)
            _room(len(out), count)
            out += [None] * count
    if join_runs(runs(out), write) != raw:
        _refuse_column()
    return out


def _room(rows: int, more: int) -> None:
    if rows + more > _ROWS_MAX:
        raise TooLarge(f"a change has more than {CHANGE_OPERATIONS_MAX} operations")


def _refuse_column() -> None:
    raise Malformed("a column of a change is not written the way Automerge writes it")


@lru_cache(maxsize=_SHORT_KEPT)
def _short_numbers(raw: bytes) -> tuple[int | None, ...] | None:
    rows = _expand(raw, unsigned, write_unsigned)
    return tuple(rows) if len(rows) <= _SHORT_ROWS else None


@lru_cache(maxsize=_SHORT_KEPT)
def _short_texts(raw: bytes) -> tuple[str | None, ...] | None:
    rows = _expand(raw, text, write_text)
    return tuple(rows) if len(rows) <= _SHORT_ROWS else None


def runs(values: Iterable[T]) -> list[tuple[T, int]]:
    """Values as runs. All must be of one type: True would be taken for 1."""
    return [(value, len(list(same))) for value, same in groupby(values)]


def join_runs(parts: Iterable[tuple[T | None, int]], write: Callable[[T], bytes]) -> bytes:
    """Write a run-length column: repeats, absences, and the single values between them as one literal."""
    out, single = bytearray(), bytearray()
    singles, present = 0, False
    for value, count in parts:
        if value is not None and count == 1:
            single += write(value)
            singles += 1
            continue
        if singles:
            out += write_signed(-singles) + single
            single.clear()
            singles, present = 0, True
        if value is None:
            out += b"\0" + write_unsigned(count)
        else:
            out += write_signed(count) + write(value)
            present = True
    if singles:
        out += write_signed(-singles) + single
    return bytes(out) if present or singles else b""


def write_numbers(values: Iterable[int | None]) -> bytes:
    """Write a column of unsigned numbers."""
    return join_runs(runs(values), write_unsigned)


def write_texts(values: Iterable[str | None]) -> bytes:
    """Write a column of texts."""
    return join_runs(runs(values), write_text)


def write_deltas(values: Iterable[int | None]) -> bytes:
    """Write a column of differences."""
    steps: list[int | None] = []
    before = 0
    for value in values:
        steps.append(None if value is None else value - before)
        before = before if value is None else value
    return join_runs(runs(steps), write_signed)


def write_booleans(values: Iterable[bool]) -> bytes:
    """Write a column of truth values."""
    out = bytearray()
    expected = False
    for value, count in runs(values):
        out += b"" if value is expected else b"\0"
        out += write_unsigned(count)
        expected = not value
    return bytes(out)
