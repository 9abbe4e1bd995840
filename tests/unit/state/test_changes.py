"""Reading changes: what Automerge writes is read, in both of its forms, and nothing else is."""

from __future__ import annotations

import random
import zlib
from typing import TYPE_CHECKING

import pytest
from automerge import core

from mesh.errors import Malformed, Refused, TooLarge
from mesh.limits import CHANGE_BYTES_MAX, CHANGE_OPERATIONS_MAX
from mesh.state import columns, encoding
from mesh.state.changes import decode
from mesh.state.encoding import encode, seal
from tests.unit.state import writers
from tests.vectors.wrong_changes import (
    ACTOR,
    BODY,
    INSERT,
    PUT,
    TIP,
    WRONG,
    body_of,
    change_of,
    deflated,
    sealed,
    spoiled,
)

if TYPE_CHECKING:
    from automerge.core import Change as AutomergeChange  # it has no such name when it runs


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
