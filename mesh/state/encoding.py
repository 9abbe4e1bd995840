"""Writing a change: the bytes that Automerge itself would write for the same operations, so the hash is the same.

This module checks nothing: what it is given was made by us.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Mapping, Sequence

from mesh.events.kinds import Value
from mesh.state import columns
from mesh.state.columns import write_signed, write_unsigned
from mesh.state.operations import Change, Operation, OperationId

# Automerge's own numbers for the parts of a change. Columns that are not named here do not occur in a mesh.
MAGIC = b"\x85\x6f\x4a\x83"
CHECKSUM_END = 8  # magic and the first four bytes of the hash
PLAIN, DEFLATED = 1, 2

OBJECT_ACTOR, OBJECT_COUNTER = 0x01, 0x02
KEY_ACTOR, KEY_COUNTER, KEY_TEXT = 0x11, 0x13, 0x15
INSERT, ACTION = 0x34, 0x42
VALUE_META, VALUE_RAW = 0x56, 0x57
BEFORE_COUNT, BEFORE_ACTOR, BEFORE_COUNTER = 0x70, 0x71, 0x73
COLUMNS = frozenset(
    (
        *(OBJECT_ACTOR, OBJECT_COUNTER, KEY_ACTOR, KEY_COUNTER, KEY_TEXT, INSERT, ACTION),
        *(VALUE_META, VALUE_RAW, BEFORE_COUNT, BEFORE_ACTOR, BEFORE_COUNTER),
    )
)

NULL, FALSE, TRUE, INTEGER, TEXT = 0, 1, 2, 4, 6  # the low four bits of a value's meta; the rest is its length
META_BITS = 4
META_LOW = (1 << META_BITS) - 1
CONSTANTS: Mapping[int, bool | None] = {NULL: None, FALSE: False, TRUE: True}

_SYNC = b"\x42\0\0\0"  # a sync message without heads, needs and haves


def encode(
    dependencies: Iterable[bytes], actor: bytes, sequence: int, start: int, operations: Sequence[Operation]
) -> Change:
    """Write one change as Automerge would write it."""
    tips = tuple(sorted(dependencies))
    actors = _actors(actor, operations)
    raw, digest = seal(tips, actors, sequence, start, _columns(operations, {a: i for i, a in enumerate(actors)}))
    return Change(digest, tips, actor, sequence, start, tuple(operations), raw)


def seal(
    tips: Sequence[bytes], actors: Sequence[bytes], sequence: int, start: int, parts: Iterable[tuple[int, bytes]]
) -> tuple[bytes, bytes]:
    """The bytes and the hash of a change from its columns; the first actor is its own."""
    filled = [(column, data) for column, data in parts if data]
    body = bytearray(write_unsigned(len(tips)) + b"".join(tips))
    body += write_unsigned(len(actors[0])) + actors[0] + write_unsigned(sequence) + write_unsigned(start) + b"\0\0"
    body += write_unsigned(len(actors) - 1) + b"".join(write_unsigned(len(a)) + a for a in actors[1:])
    body += write_unsigned(len(filled))
    for column, data in filled:
        body += write_unsigned(column) + write_unsigned(len(data))
    for _, data in filled:
        body += data
    rest = bytes((PLAIN,)) + write_unsigned(len(body)) + body
    digest = hashlib.sha256(rest).digest()
    return MAGIC + digest[: CHECKSUM_END - len(MAGIC)] + rest, digest


def sync_message(changes: Sequence[bytes]) -> bytes:
    """Changes as one of Automerge's sync messages."""
    sized = b"".join(write_unsigned(len(raw)) + raw for raw in changes)
    return _SYNC + write_unsigned(len(changes)) + sized


def hash_of(raw: bytes) -> bytes:
    """The hash of a change by its bytes, which are not deflated."""
    return hashlib.sha256(raw[CHECKSUM_END:]).digest()


def _actors(own: bytes, operations: Iterable[Operation]) -> list[bytes]:
    """The actors that a change names, its own first, the others ascending."""
    named = set()
    for operation in operations:
        if operation.object:
            named.add(operation.object.actor)
        if isinstance(operation.key, OperationId):
            named.add(operation.key.actor)
        named.update(id_.actor for id_ in operation.before)
    return [own, *sorted(named - {own})]


def _columns(operations: Sequence[Operation], index: dict[bytes, int]) -> Iterable[tuple[int, bytes]]:
    elements = [o.key if isinstance(o.key, OperationId) else None for o in operations]
    counters = [e.counter if e else 0 if o.key is None else None for e, o in zip(elements, operations, strict=True)]
    before = [id_ for o in operations for id_ in o.before]
    values = [write_value(o.value) for o in operations]
    yield OBJECT_ACTOR, columns.write_numbers(o.object and index[o.object.actor] for o in operations)
    yield OBJECT_COUNTER, columns.write_numbers(o.object and o.object.counter for o in operations)
    yield KEY_ACTOR, columns.write_numbers(e and index[e.actor] for e in elements)
    yield KEY_COUNTER, columns.write_deltas(counters)
    yield KEY_TEXT, columns.write_texts(o.key if isinstance(o.key, str) else None for o in operations)
    yield INSERT, columns.write_booleans(o.insert for o in operations)
    yield ACTION, columns.write_numbers(int(o.action) for o in operations)
    yield VALUE_META, columns.write_numbers(meta for meta, _ in values)
    yield VALUE_RAW, b"".join(raw for _, raw in values)
    yield BEFORE_COUNT, columns.write_numbers(len(o.before) for o in operations)
    yield BEFORE_ACTOR, columns.write_numbers(index[id_.actor] for id_ in before)
    yield BEFORE_COUNTER, columns.write_deltas(id_.counter for id_ in before)


def write_value(value: Value) -> tuple[int, bytes]:
    """A value's meta and its bytes."""
    if isinstance(value, str):
        raw = value.encode()
        return len(raw) << META_BITS | TEXT, raw
    if value is None or isinstance(value, bool):
        return {None: NULL, False: FALSE, True: TRUE}[value], b""
    raw = write_signed(value)
    return len(raw) << META_BITS | INTEGER, raw
