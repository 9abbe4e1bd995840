"""Reading changes: what Automerge writes is read, in both of its forms, and nothing else is."""

from __future__ import annotations

import random
import zlib
from collections.abc import Callable
from typing import TYPE_CHECKING

import pytest
from automerge import core

from mesh.errors import Malformed, Refused, TooLarge
from mesh.limits import CHANGE_BYTES_MAX, CHANGE_OPERATIONS_MAX
from mesh.state import columns, encoding
from mesh.state.changes import decode
from mesh.state.encoding import encode, hash_of, seal
from mesh.state.operations import Action, Change, Operation, OperationId
from tests.unit.state import writers

if TYPE_CHECKING:
    from automerge.core import Change as AutomergeChange  # it has no such name when it runs

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
    """The other form of a change, as Automerge writes it for longer ones."""
    machine = zlib.compressobj(wbits=-15)
    packed = machine.compress(body_of(change)) + machine.flush()
    return change.raw[:8] + b"\x02" + columns.write_unsigned(len(packed)) + packed


def change_of(*operations: Operation) -> Change:
    """A change with these operations."""
    return encode([TIP], ACTOR, 1, 5, operations)


@pytest.mark.parametrize("seed", range(30))
def test_what_automerge_writes_is_read(seed: int) -> None:
    """Whole and deflated, with the same hash, and written again byte for byte."""
    for change in _automerge(random.Random(seed)):
        raw = bytes(change.raw_bytes)
        for form in (raw, bytes(change.bytes)):
            read = decode(form)
            assert read.raw == raw
            assert read.hash == bytes(change.hash)
            assert (read.actor, read.sequence, read.start) == (bytes(change.actor_id), change.seq, change.start_op)
            assert encode(read.dependencies, read.actor, read.sequence, read.start, read.operations) == read


def _automerge(lots: random.Random) -> list[AutomergeChange]:
    """The history of a document that three writers made with Automerge itself."""
    base = core.Document(bytes([1]) * 16)
    with base.transaction() as tx:
        text = tx.put_object(core.ROOT, "body", core.ObjType.Text)
    held = [base.fork() for _ in range(3)]
    for number, document in enumerate(held):
        document.set_actor(bytes([0x30 * (3 - number)]) * 16)
    for _ in range(20):
        document, other = lots.sample(held, 2)
        if lots.random() < 0.3:
            document.merge(other)
            continue
        with document.transaction() as tx:
            for _ in range(lots.randint(1, 4)):
                _automerge_edit(lots, tx, text)
    held[0].merge(held[1])
    held[0].merge(held[2])
    return held[0].get_changes([])


def _automerge_edit(lots: random.Random, tx: core.Transaction, text: bytes) -> None:
    what, length, key = lots.random(), tx.length(text), lots.choice("ab")
    if what < 0.2:
        tx.put(core.ROOT, key, core.ScalarType.Int, lots.randint(-(2**40), 2**40))
    elif what < 0.3:
        tx.put(core.ROOT, key, core.ScalarType.Str, "é🌱" * lots.randint(0, 99))
    elif what < 0.4:
        tx.put(core.ROOT, key, core.ScalarType.Boolean, lots.random() < 0.5)
    elif what < 0.5 and tx.get(core.ROOT, key):
        tx.delete(core.ROOT, key)
    elif what < 0.7 and length:
        tx.delete(text, lots.randrange(length))
    else:
        position = lots.randint(0, length)
        for offset in range(lots.randint(1, 9)):
            tx.insert(text, position + offset, core.ScalarType.Str, lots.choice("abc🌱"))


def test_a_deflated_change_is_the_same_change() -> None:
    """The form of transport does not change the hash, and only one form goes on from here."""
    change = change_of(PUT)
    assert decode(deflated(change)) == change


def test_a_change_cannot_inflate_without_end() -> None:
    """A few kilobytes that become a gigabyte are refused after the first megabyte."""
    machine = zlib.compressobj(wbits=-15)
    packed = machine.compress(bytes(64 * CHANGE_BYTES_MAX)) + machine.flush()
    raw = encoding.MAGIC + bytes(4) + b"\x02" + columns.write_unsigned(len(packed)) + packed
    with pytest.raises(TooLarge):
        decode(raw)


def test_a_change_is_bounded_before_it_is_read() -> None:
    """Bytes and operations."""
    with pytest.raises(TooLarge):
        decode(bytes(CHANGE_BYTES_MAX + 1))
    many = change_of(*[PUT._replace(key=f"{i % 2}") for i in range(CHANGE_OPERATIONS_MAX + 1)])
    with pytest.raises(TooLarge):
        decode(many.raw)


def test_a_run_that_explodes_is_refused() -> None:
    """A column of nine bytes says that it has nine quadrillion rows."""
    bomb = columns.write_signed(2**52) + b"\x01"
    raw, _ = seal([TIP], [ACTOR], 1, 5, [(encoding.ACTION, bomb)])
    with pytest.raises(TooLarge):
        decode(raw)


def test_every_cut_is_refused() -> None:
    """A change that lost its end, whether or not its length and checksum were made to fit again."""
    for change in writers.honest(1, steps=5):
        body = body_of(change)
        for end in range(len(body)):
            with pytest.raises(Refused):
                decode(sealed(body[:end]))
            with pytest.raises(Refused):
                decode(change.raw[:end])


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
    "no_operations": lambda: seal([TIP], [ACTOR], 1, 5, [])[0],
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


@pytest.mark.parametrize("name", WRONG)
def test_what_is_wrong_is_refused(name: str) -> None:
    """Each with one thing wrong, and with a right checksum."""
    with pytest.raises((Malformed, TooLarge)):
        decode(WRONG[name]())


def test_the_body_is_where_the_cases_think_it_is() -> None:
    """The cases above cut at fixed places; this shows that without their fault they would be read."""
    assert decode(sealed(BODY)) == change_of(PUT)
    assert BODY[50:54] == b"\x01\x05\0\0"
    assert decode(spoiled(encoding.INSERT, b"\x01", PUT)) == change_of(PUT)
    assert decode(change_of(INSERT).raw) == change_of(INSERT)
