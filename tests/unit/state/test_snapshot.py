"""Snapshots: what is written comes back, and nothing else is read."""

from dataclasses import replace

import pytest

from mesh.errors import Refused
from mesh.events import cbor
from mesh.names import DocumentId
from mesh.state import snapshot
from mesh.state.snapshot import Snapshot

DOCUMENT = DocumentId("home", "note", bytes(16))
HALF = Snapshot(DOCUMENT, True, 3, {"title": "t", "n": None}, b"engine", (b"one",), ((b"two", "why"),))  # noqa: FBT003
WHOLE = replace(HALF, aside=(b"three", b"four"), void=(b"five",), linear=True)


def test_a_snapshot_comes_back() -> None:
    """With what waits, what was refused, what is aside and what is void."""
    assert snapshot.decode(snapshot.encode(WHOLE)) == WHOLE


def test_a_snapshot_from_before_anything_could_be_void_comes_back() -> None:
    """As one in which nothing is; but it says no more than such a one did."""
    fields = cbor.decode(snapshot.encode(HALF), 1000, "a snapshot")
    assert isinstance(fields, list)
    beside = fields[4]
    assert isinstance(beside, list)
    assert snapshot.decode(cbor.encode([1, *fields[1:4], beside[:2]])) == HALF
    with pytest.raises(Refused):
        snapshot.decode(cbor.encode([1, *fields[1:]]))


def test_a_snapshot_from_before_anybody_asked_for_concurrency_comes_back() -> None:
    """As one that has to be read to know; but it says no more than such a one did."""
    fields = cbor.decode(snapshot.encode(WHOLE), 1000, "a snapshot")
    assert isinstance(fields, list)
    beside = fields[4]
    assert isinstance(beside, list)
    assert snapshot.decode(cbor.encode([2, *fields[1:4], beside[:4]])) == replace(WHOLE, linear=False)
    with pytest.raises(Refused):
        snapshot.decode(cbor.encode([2, *fields[1:]]))


def test_another_version_is_refused() -> None:
    """It is made again from the log."""
    fields = cbor.decode(snapshot.encode(WHOLE), 1000, "a snapshot")
    assert isinstance(fields, list)
    with pytest.raises(Refused):
        snapshot.decode(cbor.encode([4, *fields[1:]]))


@pytest.mark.parametrize("place", range(5))
def test_a_field_of_another_type_is_refused(place: int) -> None:
    """A damaged file is told as such, not shown as an empty document."""
    fields = cbor.decode(snapshot.encode(WHOLE), 1000, "a snapshot")
    assert isinstance(fields, list)
    fields[place] = "x"
    with pytest.raises(Refused):
        snapshot.decode(cbor.encode(fields))


@pytest.mark.parametrize(
    ("letters", "registers", "place"),
    [
        (2**24, {}, 0),
        (-1, {}, 0),
        (3, {1: "x"}, 0),
        (3, {"a": b"x"}, 0),
        (3, {}, 1),
        (3, {}, 3),
        (3, {}, 4),
        (3, {}, 5),
    ],
)
def test_what_no_document_has_is_refused(letters: int, registers: object, place: int) -> None:
    """A number of letters that would take memory without end, and what is neither register nor change."""
    fields = cbor.decode(snapshot.encode(WHOLE), 1000, "a snapshot")
    assert isinstance(fields, list)
    beside: list[object] = [[], [], [], [], True]
    fields[2], fields[4] = [True, 3, {}], beside
    snapshot.decode(cbor.encode(fields))
    fields[2] = [True, letters, registers]
    if place:
        beside[place - 1] = ["text"]
    with pytest.raises(Refused):
        snapshot.decode(cbor.encode(fields))
