"""One Automerge change as values: strict bytes in, a frozen Change out.

Foreign bytes are read here, before Automerge sees them: it answers some of them by a panic, and others by accepting
what it cannot load again. Only what a document of this mesh consists of can be read: registers, single characters
of text, and the removal of either; no time, message, mark, counter or nested object. Whether a change is allowed,
and whether it fits a document, is not decided here (shapes.py, history.py).
"""

from __future__ import annotations

import hashlib
import zlib
from collections.abc import Sequence
from itertools import chain, pairwise
from typing import TypeVar

from mesh.errors import Malformed, TooLarge
from mesh.events.kinds import Value
from mesh.limits import CHANGE_BYTES_MAX, CHANGE_OPERATIONS_MAX, DIGEST_BYTES
from mesh.state import columns, encoding
from mesh.state.columns import signed, unsigned, utf8, write_unsigned
from mesh.state.operations import ACTOR_BYTES, Action, Change, Operation, OperationId

T = TypeVar("T")

_ACTIONS = {int(action): action for action in Action}


def decode(raw: bytes, operations_max: int = CHANGE_OPERATIONS_MAX) -> Change:
    """Read one change, deflated or not. Raises Malformed or TooLarge."""
    try:
        body, plain = _open(raw)
        digest = hashlib.sha256(plain[encoding.CHECKSUM_END :]).digest()
        if raw[len(encoding.MAGIC) : encoding.CHECKSUM_END] != digest[: encoding.CHECKSUM_END - len(encoding.MAGIC)]:
            raise Malformed("a change does not fit its own checksum")
        change = _read(body, digest, plain)
    except IndexError:
        raise Malformed("a change ends too early") from None
    if len(change.operations) > operations_max:
        raise TooLarge(f"a change has {len(change.operations)} operations, more than {operations_max}")
    return change


def hash_in(raw: bytes) -> bytes:
    """The hash of a change that was read before, without reading it again. Raises Malformed or TooLarge."""
    return encoding.hash_of(_open(raw)[1])


def _open(raw: bytes) -> tuple[bytes, bytes]:
    """A chunk's body, and the chunk as it would be without deflation."""
    if len(raw) > CHANGE_BYTES_MAX:
        raise TooLarge(f"a change has {len(raw)} bytes, more than {CHANGE_BYTES_MAX}")
    if raw[: len(encoding.MAGIC)] != encoding.MAGIC or raw[encoding.CHECKSUM_END] not in {
        encoding.PLAIN,
        encoding.DEFLATED,
    }:
        raise Malformed("not an Automerge change")
    length, at = unsigned(raw, encoding.CHECKSUM_END + 1)
    if at + length != len(raw):
        raise Malformed(f"a change says {length} bytes and has {len(raw) - at}")
    if raw[encoding.CHECKSUM_END] == encoding.PLAIN:
        return raw[at:], bytes(raw)
    body = _inflate(raw[at:])
    return body, raw[: encoding.CHECKSUM_END] + bytes((encoding.PLAIN,)) + write_unsigned(len(body)) + body


def _inflate(packed: bytes) -> bytes:
    machine = zlib.decompressobj(-zlib.MAX_WBITS)
    try:
        body = machine.decompress(packed, CHANGE_BYTES_MAX)
    except zlib.error:
        raise Malformed("a change cannot be inflated") from None
    if machine.unconsumed_tail:
        raise TooLarge(f"a change inflates to more than {CHANGE_BYTES_MAX} bytes")
    if not machine.eof or machine.unused_data:
        raise Malformed("a change's deflated bytes do not end where they should")
    return body


def _read(body: bytes, digest: bytes, plain: bytes) -> Change:
    dependencies, at = _names(body, 0, DIGEST_BYTES)
    if body[at] != ACTOR_BYTES:
        raise Malformed("an actor is not 16 bytes")
    actor, at = _piece(body, at + 1, ACTOR_BYTES)
    sequence, at = unsigned(body, at)
    start, at = unsigned(body, at)
    if sequence == 0 or start == 0:
        raise Malformed("a change counts from zero instead of one")
    if body[at] or body[at + 1]:
        raise Malformed("a change has a time or a message, which only its event may carry")
    others, at = _names(body, at + 2, ACTOR_BYTES, prefixed=True)
    if actor in others:
        raise Malformed("a change lists its own actor among the others")
    operations = _operations(_split(body, at), (actor, *others))
    return Change(digest, dependencies, actor, sequence, start, operations, plain)


def _piece(data: bytes, at: int, length: int) -> tuple[bytes, int]:
    if at + length > len(data):
        raise IndexError
    return data[at : at + length], at + length


def _names(data: bytes, at: int, length: int, *, prefixed: bool = False) -> tuple[tuple[bytes, ...], int]:
    """A counted list of hashes or of actors (these with their length), ascending, each once."""
    count, at = unsigned(data, at)
    out: list[bytes] = []
    for _ in range(count):
        if prefixed:
            if data[at] != length:
                raise Malformed("an actor is not 16 bytes")
            at += 1
        name, at = _piece(data, at, length)
        if out and name <= out[-1]:
            raise Malformed("names in a change are not ascending")
        out.append(name)
    return tuple(out), at


def _split(body: bytes, at: int) -> dict[int, bytes]:
    """The columns by their number: known ones, ascending, none empty, and nothing after them."""
    count, at = unsigned(body, at)
    spans: list[tuple[int, int]] = []
    before = 0
    for _ in range(count):
        column, at = unsigned(body, at)
        length, at = unsigned(body, at)
        if column not in encoding.COLUMNS or column <= before or length == 0:
            raise Malformed(f"column {column} of a change is unknown, empty or out of order")
        spans.append((column, length))
        before = column
    found = {}
    for column, length in spans:
        found[column], at = _piece(body, at, length)
    if at != len(body):
        raise Malformed("bytes follow the last column of a change")
    return found


def _operations(found: dict[int, bytes], actors: tuple[bytes, ...]) -> tuple[Operation, ...]:
    actions = columns.numbers(found.get(encoding.ACTION, b""))
    rows = len(actions)
    objects = _objects(found, rows, actors)
    keys = _keys(found, rows, actors)
    inserts = _exact(columns.booleans(found.get(encoding.INSERT, b"")), rows)
    values = _values(
        _exact(columns.numbers(found.get(encoding.VALUE_META, b"")), rows), found.get(encoding.VALUE_RAW, b"")
    )
    before = _before(found, rows, actors)
    _all_named(found, len(actors))
    try:
        kinds = [_ACTIONS[action] for action in actions]  # type: ignore[index]
    except KeyError:
        raise Malformed("an operation is neither a put, a delete nor a new text") from None
    return tuple(map(Operation, kinds, objects, keys, inserts, values, before))


def _exact(rows: tuple[T, ...], count: int) -> tuple[T, ...]:
    if len(rows) != count:
        raise Malformed(f"a column of a change has {len(rows)} rows where {count} belong")
    return rows


def _id(counter: int | None, index: int | None, actors: tuple[bytes, ...]) -> OperationId:
    if not counter or index is None or index >= len(actors):
        raise Malformed("an operation is named by half, or by an actor that the change does not list")
    return OperationId(counter, actors[index])


def _objects(found: dict[int, bytes], rows: int, actors: tuple[bytes, ...]) -> Sequence[OperationId | None]:
    if encoding.OBJECT_ACTOR not in found and encoding.OBJECT_COUNTER not in found:
        return (None,) * rows
    indexes = _exact(columns.numbers(found.get(encoding.OBJECT_ACTOR, b"")), rows)
    counters = _exact(columns.numbers(found.get(encoding.OBJECT_COUNTER, b"")), rows)
    return [None if c is None is i else _id(c, i, actors) for c, i in zip(counters, indexes, strict=True)]


def _keys(found: dict[int, bytes], rows: int, actors: tuple[bytes, ...]) -> Sequence[str | OperationId | None]:
    absent = (None,) * rows
    names = _exact(columns.texts(found[encoding.KEY_TEXT]), rows) if encoding.KEY_TEXT in found else absent
    indexes = _exact(columns.numbers(found[encoding.KEY_ACTOR]), rows) if encoding.KEY_ACTOR in found else absent
    counters = _exact(columns.deltas(found[encoding.KEY_COUNTER]), rows) if encoding.KEY_COUNTER in found else absent
    out: list[str | OperationId | None] = []
    for name, index, counter in zip(names, indexes, counters, strict=True):
        if name is not None:
            if index is not None or counter is not None:
                raise Malformed("an operation has both a name and an element as its key")
            out.append(name)
        elif counter == 0 and index is None:
            out.append(None)
        else:
            out.append(_id(counter, index, actors))
    return out


def _values(metas: tuple[int | None, ...], raw: bytes) -> Sequence[Value]:
    out: list[Value] = []
    at = 0
    for meta in metas:
        if meta is None:
            raise Malformed("an operation has no value, not even null")
        kind, length = meta & encoding.META_LOW, meta >> encoding.META_BITS
        piece, at = _piece(raw, at, length)
        out.append(_value(kind, piece))
    if at != len(raw):
        raise Malformed("bytes follow the last value of a change")
    return out


def _value(kind: int, piece: bytes) -> Value:
    if kind == encoding.TEXT:
        return utf8(piece)
    if kind == encoding.INTEGER:
        number, end = signed(piece, 0)
        if end == len(piece):
            return number
    elif kind in encoding.CONSTANTS and not piece:
        return encoding.CONSTANTS[kind]
    raise Malformed("a value is neither text, whole number, yes or no, nor null")


def _before(found: dict[int, bytes], rows: int, actors: tuple[bytes, ...]) -> Sequence[tuple[OperationId, ...]]:
    counts = _exact(columns.numbers(found.get(encoding.BEFORE_COUNT, b"")), rows)
    total = sum(count or 0 for count in counts)
    if (
        encoding.BEFORE_ACTOR not in found
        and encoding.BEFORE_COUNTER not in found
        and total == 0
        and None not in counts
    ):
        return ((),) * rows
    indexes = columns.numbers(found.get(encoding.BEFORE_ACTOR, b""))
    counters = _exact(columns.deltas(found.get(encoding.BEFORE_COUNTER, b"")), total)
    ids = [_id(c, i, actors) for c, i in zip(counters, _exact(indexes, total), strict=True)]
    out = []
    at = 0
    for count in counts:
        if count is None:
            raise Malformed("an operation does not say how many it replaces")
        these = tuple(ids[at : at + count])
        if count > 1 and any(a >= b for a, b in pairwise(these)):
            raise Malformed("what an operation replaces is not ascending")
        out.append(these)
        at += count
    return out


def _all_named(found: dict[int, bytes], actors: int) -> None:
    """Whether every actor that the change lists is named in it: Automerge would not list it."""
    if actors > 1:
        indexes = (
            columns.numbers(found.get(c, b""))
            for c in (encoding.OBJECT_ACTOR, encoding.KEY_ACTOR, encoding.BEFORE_ACTOR)
        )
        if not set(range(1, actors)) <= set(chain.from_iterable(indexes)):
            raise Malformed("a change lists an actor that it does not name")
