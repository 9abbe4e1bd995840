"""A loaded document as bytes for our own store: Automerge's bytes, and what Automerge does not keep.

Never sent and never compared: Automerge's bytes depend on the order of arrival. This module does no I/O.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace

from mesh.errors import Malformed
from mesh.events import cbor
from mesh.events.kinds import Value
from mesh.limits import SNAPSHOT_BYTES_MAX, TEXT_BYTES_MAX
from mesh.names import DocumentId
from mesh.state.changes import decode as decode_change
from mesh.state.encoding import hash_of
from mesh.state.genesis import Genesis
from mesh.state.intake import Intake
from mesh.state.operations import Change

_VERSION = 3
_MISSING: Mapping[int, tuple[object, ...]] = {
    1: ([], [], False),  # written before a change could be void: as a later one without any
    2: (False,),  # written before anybody asked whether changes are concurrent: as one in which some may be
    _VERSION: (),
}
_WHAT = "a document's snapshot"
_VALUES = (str, int, bool, type(None))


@dataclass(frozen=True, slots=True)
class Snapshot:
    """The fields of a snapshot: how the document was born, Automerge's bytes, and the changes that are not in them.

    `aside` are the void changes that are not in the document, `void` the hashes of all that are void. `linear`: no two
    changes of the document are concurrent.
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
    linear: bool = False


def taken(document: DocumentId, genesis: Genesis, held: Intake, engine: bytes) -> Snapshot:
    """What is to be kept of a document: `engine` are Automerge's bytes."""
    waiting, aside = (tuple(c.raw for _, c in sorted(part.items())) for part in (held.waiting, held.aside))
    refused = tuple((change.raw, reason) for _, (change, reason) in sorted(held.refused.items()))
    birth = (genesis.body is not None, genesis.letters, genesis.registers)
    void, linear = tuple(sorted(held.void)), not held.history.parted
    return Snapshot(document, *birth, engine, waiting, refused, aside, void, linear)


def restored(saved: Snapshot, genesis: Genesis, first: bytes, others: Iterable[Change]) -> Intake:
    """The history as it was when this was taken, and what was beside it. The changes are what Automerge holds."""
    void = frozenset(saved.void)
    held = Intake.begun(replace(genesis, hash=hash_of(first)), void)
    held.void.update(void)
    for change in others:
        held.restore(change)
    for raw, reason in saved.refused:
        held.refuse(decode_change(raw), reason)
    held.admit(decode_change(raw) for raw in (*saved.waiting, *saved.aside))
    return held


def encode(snapshot: Snapshot) -> bytes:
    """Write a snapshot."""
    name = snapshot.document
    born = [snapshot.has_text, snapshot.letters, dict(snapshot.registers)]
    refused = [list(pair) for pair in snapshot.refused]
    beside = [list(snapshot.waiting), refused, list(snapshot.aside), list(snapshot.void), snapshot.linear]
    return cbor.encode([_VERSION, [name.space, name.type, name.name], born, snapshot.engine, beside])


def decode(raw: bytes) -> Snapshot:
    """Read a snapshot. Raises Refused."""
    version, name, born, engine, beside = cbor.fields(raw, SNAPSHOT_BYTES_MAX, _WHAT, (int, list, list, bytes, list))
    if version not in _MISSING:
        raise Malformed(f"{_WHAT} has version {version}, not {_VERSION}")
    beside = [*beside, *_MISSING[version]]  # type: ignore[index, misc]
    has_text, letters, registers = cbor.expect_types(born, _WHAT, (bool, int, dict))
    waiting, refused, aside, void, linear = cbor.expect_types(beside, _WHAT, (list, list, list, list, bool))
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
        bool(linear),
    )
