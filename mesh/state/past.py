"""A document as it was: with some changes and all that they stand on, and nothing else; and the way back to it.

What does not count now is not seen in the past either. This module changes nothing: it says what would have to be
written.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from mesh.errors import Refused
from mesh.events.kinds import Value
from mesh.state.catalogue import BODY
from mesh.state.documents import Document
from mesh.state.edits import Delete, Edit, Put
from mesh.state.rewording import splices


@dataclass(frozen=True, slots=True)
class Past:
    """What was to be seen: registers, each with the value that was shown, and which of them had several; the text.

    `changes`: how many changes had been made, the birth included.
    """

    registers: Mapping[str, Value]
    conflicts: tuple[str, ...]
    text: str
    changes: int


def before(document: Document, change: bytes) -> Past:
    """A document as whoever wrote this change, which is in it, had it before."""
    return at(document, [change], without=frozenset([change]))


def at(document: Document, changes: Iterable[bytes], *, without: frozenset[bytes] = frozenset()) -> Past:
    """A document as it was at these changes, which are in it; without any, as it was born."""
    history = document.history
    reach = history.reach([history.first, *changes])
    after = without | frozenset(history.difference(history.reach(history.heads), reach))
    view = document.folded().view(after | document.hidden)
    keys = sorted(view.live, key=str.encode)
    registers = {key: view.live[key][max(view.live[key])].value for key in keys}
    several = (key for key in keys if len({(type(one.value), one.value) for one in view.live[key].values()}) > 1)
    text = view.text if document.body is not None else str(registers.get(BODY) or "")
    return Past(registers, tuple(several), text, len(history) - len(after))


def today(document: Document) -> Past:
    """A document as it is."""
    return Past(document.registers(), document.conflicts(), document.text(), document.change_count)


def restoring(document: Document, past: Past) -> tuple[Edit, ...]:
    """The edits by which a document is as it was; none where it is. Raises Refused for a register in conflict."""
    now = document.registers()
    edits: list[Edit] = []
    for key in sorted({*now, *past.registers}, key=str.encode):
        if key in now and key in past.registers and same(now[key], past.registers[key]):
            continue
        if key in document.conflicts():
            raise Refused(
                f"{key} is in conflict, and this would write over all its values",
                hint="`mesh conflicts` shows it. Settle it first, then restore.",
            )
        edits.append(Put(key, past.registers[key]) if key in past.registers else Delete(key))
    return (*edits, *(splices(document.text(), past.text) if document.body is not None else ()))


def same(one: Value, other: Value) -> bool:
    """Whether two values are one: a number is no truth value."""
    return (type(one), one) == (type(other), other)
