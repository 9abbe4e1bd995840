"""Conflicts of one document: where people or agents disagreed without knowing of each other.

A conflict is a fact of the log: it follows from the honoured events of its document alone, and its name is the same
on every device that holds them. This module finds and settles nothing by itself that could lose a value, and it
knows nothing of two documents at one path (the store finds these).
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterable
from dataclasses import dataclass
from enum import StrEnum

from mesh.events.kinds import Value
from mesh.limits import CONFLICT_NAME_BYTES
from mesh.names import DocumentId

_NAME = b"mesh/conflict/1"


class Kind(StrEnum):
    """What sort of disagreement it is."""

    REGISTER = "register"  # different values of one register
    RENAMED = "renamed"  # the same, of the path: one rename to two places
    TEXT = "text"  # edits of one region of a text that overlap
    DELETED = "deleted"  # deleted there, edited here
    PATH = "path"  # several documents at one path


@dataclass(frozen=True, slots=True)
class Side:
    """One of the values that live side by side, and the change of the document that wrote it.

    Of a text it is the region as that side had it, and its change is the last one that made it so. Of a deletion it is
    `deleted` or `edited`, and the change is the deletion, or the newest edit beside it.
    """

    value: Value
    change: bytes


@dataclass(frozen=True, slots=True)
class Conflict:
    """One open conflict. `sides` are in an order that is the same everywhere, the shown one first for registers.

    `ancestor` is what both sides began with, None where there was nothing. `prints` name the overlapping edits of a
    text; `start` and `length` say where in the shown text the region is, and its shown content is `merged`.
    """

    name: bytes
    kind: Kind
    field: str
    sides: tuple[Side, ...]
    ancestor: Value
    prints: tuple[bytes, ...] = ()
    start: int = 0
    length: int = 0
    merged: str = ""


def name_of(document: DocumentId, kind: Kind, field: str, members: Iterable[bytes]) -> bytes:
    """The name of a conflict, from what lives side by side in it: operations, edits or documents, as bytes."""
    digest = hashlib.sha256(_NAME)
    for part in (str(document).encode(), kind.encode(), field.encode(), *sorted(set(members))):
        digest.update(len(part).to_bytes(4, "big") + part)
    return digest.digest()[:CONFLICT_NAME_BYTES]
