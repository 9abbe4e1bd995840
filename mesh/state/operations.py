"""What a document's history consists of: operations, and the changes that carry them.

Values only. This module reads and writes no bytes.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import IntEnum
from typing import NamedTuple

from mesh.events.kinds import Value

ACTOR_BYTES = 16


class Action(IntEnum):
    """What an operation does, by Automerge's number for it."""

    PUT = 1
    DELETE = 3
    MAKE_TEXT = 4


class OperationId(NamedTuple):
    """Names one operation of a document; of two in one place Automerge shows the greater."""

    counter: int
    actor: bytes


class Operation(NamedTuple):
    """One step of a change. Its own id is (start + its place, actor of the change).

    `object` None is the document itself. `key` is a register's name there; in a text it is the element that the
    step stands on, None before the first. `before` are the operations that it replaces.
    """

    action: Action
    object: OperationId | None
    key: str | OperationId | None
    insert: bool = False
    value: Value = None
    before: tuple[OperationId, ...] = ()


@dataclass(frozen=True, slots=True)
class Change:
    """What one actor did to a document at once. `raw` are Automerge's own bytes, never deflated."""

    hash: bytes
    dependencies: tuple[bytes, ...]
    actor: bytes
    sequence: int
    start: int
    operations: tuple[Operation, ...]
    raw: bytes
