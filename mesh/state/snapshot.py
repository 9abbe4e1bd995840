"""A loaded document as bytes for our own store: Automerge's bytes, and what Automerge does not keep.

Never sent and never compared: Automerge's bytes depend on the order of arrival. This module does no I/O.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from mesh.errors import Malformed
from mesh.events import cbor
from mesh.events.kinds import Value
from mesh.limits import SNAPSHOT_BYTES_MAX, TEXT_BYTES_MAX
from mesh.names import DocumentId

_VERSION = 2
_WITHOUT_VOID = 1  # written before a change could be void: as a later one without any
_WHAT = "a document's snapshot"
_VALUES = (str, int, bool, type(None))


@dataclass(frozen=True, slots=True)
class Snapshot:
    """The fields of a snapshot: how the document was born, Automerge's bytes, and the changes that are not in them.

    `aside` are the void changes that are not in the document, `void` the hashes of all that are void.
    """

    document: DocumentId
    has_text: bool
    letters: int
    registers: Mapping[str, Value]
    engine: bytes
    waiting: tuple[bytes, ...]
    refused: tuple[tuple[bytes, str], ...]
    aside: tuple[bytes, ...] = ()
    void: tuple[bytes, ...] = ()


def encode(snapshot: Snapshot) -> bytes:
    """Write a snapshot."""
    name = snapshot.document
    born = [snapshot.has_text, snapshot.letters, dict(snapshot.registers)]
    refused = [list(pair) for pair in snapshot.refused]
    beside = [list(snapshot.waiting), refused, list(snapshot.aside), list(snapshot.void)]
    return cbor.encode([_VERSION, [name.space, name.type, name.name], born, snapshot.engine, beside])


def decode(raw: bytes) -> Snapshot:
    """Read a snapshot. Raises Refused."""
    version, name, born, engine, beside = cbor.fields(raw, SNAPSHOT_BYTES_MAX, _WHAT, (int, list, list, bytes, list))
    if version not in {_WITHOUT_VOID, _VERSION}:
        raise Malformed(f"{_WHAT} has version {version}, not {_VERSION}")
    if version == _WITHOUT_VOID:
        beside = [*beside, [], []]  # type: ignore[misc]
    has_text, letters, registers = cbor.expect_types(born, _WHAT, (bool, int, dict))
    waiting, refused, aside, void = cbor.expect_types(beside, _WHAT, (list, list, list, list))
    pairs = [cbor.expect_types(pair, _WHAT, (bytes, str)) for pair in refused]  # type: ignore[attr-defined]
    others = (*waiting, *aside, *void)  # type: ignore[misc]
    whole = all(type(k) is str and type(v) in _VALUES for k, v in registers.items())  # type: ignore[attr-defined]
    if not (whole and all(type(raw) is bytes for raw in others) and 0 <= letters <= TEXT_BYTES_MAX):  # type: ignore[operator]
        raise Malformed(f"{_WHAT} says what no document has")
    return Snapshot(
        DocumentId.checked(*cbor.expect_types(name, _WHAT, (str, str, bytes))),
        bool(has_text),
        letters,  # type: ignore[arg-type]
        registers,  # type: ignore[arg-type]
        engine,  # type: ignore[arg-type]
        tuple(waiting),  # type: ignore[arg-type]
        tuple((change, reason) for change, reason in pairs),  # type: ignore[misc]
        tuple(aside),  # type: ignore[arg-type]
        tuple(void),  # type: ignore[arg-type]
    )
