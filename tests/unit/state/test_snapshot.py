"""Snapshots: what is written comes back, and nothing else is read."""

import pytest

from mesh.errors import Refused
from mesh.events import cbor
from mesh.names import DocumentId
from mesh.state import snapshot
from mesh.state.snapshot import Snapshot

DOCUMENT = DocumentId("home", "note", bytes(16))
WHOLE = Snapshot(DOCUMENT, True, 3, {"title": "t", "n": None}, b"engine", (b"one",), ((b"two", "why"),))  # noqa: FBT003


def test_a_snapshot_comes_back() -> None:
    """With what waits and what was refused."""
    assert snapshot.decode(snapshot.encode(WHOLE)) == WHOLE


def test_another_version_is_refused() -> None:
    """It is made again from the log."""
    fields = cbor.decode(snapshot.encode(WHOLE), 1000, "a snapshot")
    assert isinstance(fields, list)
    with pytest.raises(Refused):
        snapshot.decode(cbor.encode([3, *fields[1:]]))


@pytest.mark.parametrize("place", range(5))
def test_a_field_of_another_type_is_refused(place: int) -> None:
    """A damaged file is told as such, not shown as an empty document."""
    fields = cbor.decode(snapshot.encode(WHOLE), 1000, "a snapshot")
    assert isinstance(fields, list)
    fields[place] = "x"
    with pytest.raises(Refused):
        snapshot.decode(cbor.encode(fields))


@pytest.mark.parametrize(
    ("letters", "registers", "waiting"),
    [(2**24, {}, []), (-1, {}, []), (3, {1: "x"}, []), (3, {"a": b"x"}, []), (3, {}, ["text"])],
)
def test_what_no_document_has_is_refused(letters: int, registers: object, waiting: object) -> None:
    """A number of letters that would take memory without end, and what is neither register nor change."""
    fields = cbor.decode(snapshot.encode(WHOLE), 1000, "a snapshot")
    assert isinstance(fields, list)
    fields[2], fields[4] = [True, letters, registers], [waiting, []]
    with pytest.raises(Refused):
        snapshot.decode(cbor.encode(fields))
