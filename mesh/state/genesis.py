"""The first change of a document, derived from its birth: everybody who edits it first writes the same bytes.

A document that nobody edited needs no Automerge at all. At the first edit its birth becomes a change with an actor
that is a hash of the document's id, so that two devices that edit at once stand on the same letters. This module
asks nobody and draws no lots.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from itertools import groupby

from mesh.events.kinds import Born, Value
from mesh.limits import CHANGE_OPERATIONS_MAX, TEXT_BYTES_MAX
from mesh.names import DocumentId
from mesh.state import columns, encoding
from mesh.state.catalogue import BODY
from mesh.state.columns import join_runs, write_signed, write_text, write_unsigned
from mesh.state.encoding import seal, write_value
from mesh.state.operations import ACTOR_BYTES, Action, OperationId

FIRST_OPERATIONS_MAX = 2 * CHANGE_OPERATIONS_MAX
"""A derived first change, which we wrote, may have a text of as many letters as a change, and its registers."""

_DOMAIN = b"mesh/genesis-actor/1"
_FIRST = 1


@dataclass(frozen=True, slots=True)
class Genesis:
    """A derived first change, and what is in it: registers in the order of their operations, then letters."""

    hash: bytes
    actor: bytes
    registers: Mapping[str, Value]
    body: OperationId | None
    letters: int
    raw: bytes


def actor_of(document: DocumentId) -> bytes:
    """The actor of a document's first change, which no device has."""
    return hashlib.sha256(_DOMAIN + str(document).encode()).digest()[:ACTOR_BYTES]


def is_register(birth: Born) -> bool:
    """Whether a text was born so long that it is one value, and not letters that merge."""
    return len(birth.text.encode()) > TEXT_BYTES_MAX


def body_of(document: DocumentId, birth: Born) -> OperationId | None:
    """The Text object that a document is born with, None when its text is a register."""
    return None if is_register(birth) else OperationId(_FIRST + len(birth.registers), actor_of(document))


def derive(document: DocumentId, birth: Born) -> Genesis:
    """The first change of a document. Its birth has passed `shapes.check_birth`."""
    registers = {key: birth.registers[key] for key in sorted(birth.registers, key=str.encode)}
    letters = birth.text
    if is_register(birth):
        registers[BODY], letters = birth.text, ""
    body = body_of(document, birth)
    actor = actor_of(document)
    parts = _columns(registers, letters, None if body is None else body.counter)
    raw, digest = seal((), (actor,), 1, _FIRST, parts)
    return Genesis(digest, actor, registers, body, len(letters), raw)


def known(document: DocumentId, registers: Mapping[str, Value], letters: int, *, has_text: bool) -> Genesis:
    """What is known of a first change without its bytes: all but its hash."""
    ordered = {key: registers[key] for key in sorted(registers.keys() - {BODY}, key=str.encode)}
    if BODY in registers:
        ordered[BODY] = registers[BODY]
    actor = actor_of(document)
    body = OperationId(_FIRST + len(ordered), actor) if has_text else None
    return Genesis(b"", actor, ordered, body, letters, b"")


def _columns(registers: Mapping[str, Value], letters: str, body: int | None) -> Iterable[tuple[int, bytes]]:
    """The columns of the first change, written as runs: a letter costs next to nothing."""
    count, roots = len(letters), len(registers) + (body is not None)
    values = [write_value(value) for value in registers.values()]
    sizes = [
        (size << encoding.META_BITS | encoding.TEXT, len(list(same))) for size, same in groupby(letters, _byte_length)
    ]
    counter = body or 0
    names = [(key, 1) for key in registers]
    yield encoding.OBJECT_ACTOR, _numbers((None, roots), (0, count))
    yield encoding.OBJECT_COUNTER, _numbers((None, roots), (counter, count))
    yield encoding.KEY_ACTOR, _numbers((None, roots + 1), (0, count - 1))
    yield encoding.KEY_COUNTER, _steps((None, roots), (0, min(count, 1)), (counter + 1, count > 1), (1, count - 2))
    yield encoding.KEY_TEXT, join_runs(_filled(*names, (BODY, int(body is not None)), (None, count)), write_text)
    yield encoding.INSERT, columns.write_booleans([*[False] * roots, *[True] * count])
    put, text = int(Action.PUT), int(Action.MAKE_TEXT)
    yield encoding.ACTION, _numbers((put, len(registers)), (text, int(body is not None)), (put, count))
    yield encoding.VALUE_META, _numbers(*((meta, 1) for meta, _ in values), (0, int(body is not None)), *sizes)
    yield encoding.VALUE_RAW, b"".join(raw for _, raw in values) + letters.encode()
    yield encoding.BEFORE_COUNT, _numbers((0, roots + count))


def _numbers(*parts: tuple[int | None, int]) -> bytes:
    return join_runs(_merged(parts), write_unsigned)


def _steps(*parts: tuple[int | None, int]) -> bytes:
    return join_runs(_merged(parts), write_signed)


def _filled(*parts: tuple[str | None, int]) -> Iterable[tuple[str | None, int]]:
    return (part for part in parts if part[1] > 0)


def _merged(parts: Iterable[tuple[int | None, int]]) -> Iterable[tuple[int | None, int]]:
    """Runs without empty ones, and with equal neighbours as one."""
    for value, same in groupby((part for part in parts if part[1] > 0), key=lambda part: part[0]):
        yield value, sum(count for _, count in same)


def _byte_length(letter: str) -> int:
    return len(letter.encode())
