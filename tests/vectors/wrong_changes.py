"""Changes with one thing wrong in each, and otherwise right to the checksum."""

from collections.abc import Callable

from mesh.state import columns, encoding
from mesh.state.encoding import encode, hash_of, seal
from mesh.state.operations import Action, Change, Operation, OperationId

ACTOR, OTHER = bytes([2]) * 16, bytes([1]) * 16
TIP = bytes([9]) * 32
PUT = Operation(Action.PUT, None, "a", value=1)


def sealed(body: bytes) -> bytes:
    """A chunk with a right length and a right checksum around whatever body."""
    rest = b"\x01" + columns.write_unsigned(len(body)) + body
    raw = encoding.MAGIC + bytes(4) + rest
    return encoding.MAGIC + hash_of(raw)[:4] + rest


def body_of(change: Change) -> bytes:
    """What a chunk is about."""
    length, at = columns.unsigned(change.raw, 9)
    assert at + length == len(change.raw)
    return change.raw[at:]


def deflated(change: Change) -> bytes:
    """The other form of a change, as Automerge writes it for longer ones; stored, so that every zlib agrees."""
    body = body_of(change)
    size = len(body).to_bytes(2, "little")
    packed = b"\x01" + size + bytes(byte ^ 0xFF for byte in size) + body
    return change.raw[:8] + b"\x02" + columns.write_unsigned(len(packed)) + packed


def change_of(*operations: Operation) -> Change:
    """A change with these operations."""
    return encode([TIP], ACTOR, 1, 5, operations)


BODY = body_of(change_of(PUT))
ELEMENT = OperationId(3, OTHER)
INSERT = Operation(Action.PUT, ELEMENT, ELEMENT, insert=True, value="x")


def columns_of(*operations: Operation) -> dict[int, bytes]:
    """The columns of a change by number, to be spoiled one by one."""
    parts = encoding._columns(operations, {ACTOR: 0, OTHER: 1})  # noqa: SLF001 - the only way to spoil one of them
    return dict(parts)


def spoiled(column: int, data: bytes, *operations: Operation) -> bytes:
    """A change with one column replaced."""
    parts = columns_of(*operations) | {column: data}
    actors = [ACTOR, OTHER] if any(operation.object for operation in operations) else [ACTOR]
    return seal([TIP], actors, 1, 5, sorted(parts.items()))[0]


def _long_length() -> bytes:
    rest = b"\x01" + bytes([len(BODY) | 0x80, 0]) + BODY
    return encoding.MAGIC + hash_of(bytes(8) + rest)[:4] + rest


WRONG: dict[str, Callable[[], bytes]] = {
    "empty": lambda: b"",
    "another_magic": lambda: b"\x85\x6f\x4a\x84" + change_of(PUT).raw[4:],
    "a_document_chunk": lambda: change_of(PUT).raw[:8] + b"\x00" + change_of(PUT).raw[9:],
    "a_wrong_checksum": lambda: change_of(PUT).raw[:4] + bytes(4) + change_of(PUT).raw[8:],
    "a_byte_too_many": lambda: change_of(PUT).raw + b"\0",
    "a_byte_after_the_columns": lambda: sealed(BODY + b"\0"),
    "a_deflated_tail": lambda: _deflated_with(b"\0"),
    "deflated_rubbish": lambda: change_of(PUT).raw[:8] + b"\x02\x03\xff\xff\xff",
    "dependencies_out_of_order": lambda: _renamed([bytes([3]) * 32, bytes([2]) * 32]),
    "a_dependency_twice": lambda: _renamed([TIP, TIP]),
    "a_short_actor": lambda: sealed(b"\x00\x0f" + bytes(15) + BODY[50:]),
    "sequence_zero": lambda: seal([TIP], [ACTOR], 0, 5, columns_of(PUT).items())[0],
    "start_zero": lambda: seal([TIP], [ACTOR], 1, 0, columns_of(PUT).items())[0],
    "a_time": lambda: sealed(BODY[:52] + b"\x01" + BODY[53:]),
    "a_message": lambda: sealed(BODY[:53] + b"\x01x" + BODY[54:]),
    "an_actor_that_is_not_named": lambda: seal([TIP], [ACTOR, OTHER], 1, 5, columns_of(PUT).items())[0],
    "its_own_actor_among_the_others": lambda: seal([TIP], [ACTOR, ACTOR], 1, 5, columns_of(PUT).items())[0],
    "an_unknown_column": lambda: spoiled(0x61, b"\x7f\x01", PUT),
    "columns_out_of_order": lambda: seal([TIP], [ACTOR], 1, 5, list(columns_of(PUT).items())[::-1])[0],
    "a_mark": lambda: spoiled(encoding.ACTION, b"\x7f\x07", PUT),
    "a_counter": lambda: spoiled(encoding.VALUE_META, b"\x7f\x18", PUT),
    "an_increment": lambda: spoiled(encoding.ACTION, b"\x7f\x05", PUT),
    "a_map": lambda: spoiled(encoding.ACTION, b"\x7f\x00", PUT),
    "an_absent_action": lambda: spoiled(encoding.ACTION, b"\x00\x01\x7f\x01", PUT),
    "a_float": lambda: spoiled(encoding.VALUE_META, b"\x7f\x15", PUT),
    "a_null_with_bytes": lambda: spoiled(encoding.VALUE_META, b"\x7f\x10", PUT),
    "a_number_with_a_tail": lambda: spoiled(encoding.VALUE_RAW, b"\x01\x01", PUT),
    "a_value_beyond_its_column": lambda: spoiled(encoding.VALUE_META, b"\x7f\x24", PUT),
    "an_absent_value": lambda: spoiled(encoding.VALUE_META, b"\x00\x01", PUT),
    "two_inserts_for_one_operation": lambda: spoiled(encoding.INSERT, b"\x02", PUT),
    "two_keys_for_one_operation": lambda: spoiled(encoding.KEY_TEXT, b"\x7e\x01a\x01b", PUT),
    "a_key_of_both_kinds": lambda: spoiled(encoding.KEY_COUNTER, b"\x7f\x03", PUT),
    "no_key": lambda: spoiled(encoding.KEY_TEXT, b"", PUT),
    "an_object_by_half": lambda: spoiled(encoding.OBJECT_COUNTER, b"", INSERT),
    "an_object_of_an_unlisted_actor": lambda: spoiled(encoding.OBJECT_ACTOR, b"\x7f\x02", INSERT),
    "an_object_with_counter_zero": lambda: spoiled(encoding.OBJECT_COUNTER, b"\x7f\x00", INSERT),
    "a_count_of_what_is_replaced_that_is_too_high": lambda: spoiled(encoding.BEFORE_COUNT, b"\x7f\x01", PUT),
    "no_count_of_what_is_replaced": lambda: spoiled(encoding.BEFORE_COUNT, b"", PUT),
    "replaced_out_of_order": lambda: change_of(PUT._replace(before=(OperationId(4, OTHER), ELEMENT))).raw,
    "replaced_twice": lambda: change_of(PUT._replace(before=(ELEMENT, ELEMENT))).raw,
    "text_that_is_no_utf8": lambda: spoiled(encoding.VALUE_RAW, b"\xff", PUT._replace(value="x")),
    "a_key_that_is_no_utf8": lambda: spoiled(encoding.KEY_TEXT, b"\x7f\x01\xff", PUT),
    "a_length_that_is_written_long": _long_length,
}


def _deflated_with(tail: bytes) -> bytes:
    raw = deflated(change_of(PUT))
    _, at = columns.unsigned(raw, 9)
    packed = raw[at:] + tail
    return raw[:9] + columns.write_unsigned(len(packed)) + packed


def _renamed(tips: list[bytes]) -> bytes:
    return seal(tips, [ACTOR], 1, 5, columns_of(PUT).items())[0]
