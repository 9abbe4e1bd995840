"""What a change did to the text, place by place, in the letters that its writer saw; and whether two such places meet.

A footprint follows from a change and from what it stands on, and from nothing else: not from what is void, not from
what came later, not from the order of arrival. So it has one name on every device. This module knows no Automerge
and does not ask whether two changes knew of each other (overlaps.py).
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Iterator
from typing import NamedTuple

from mesh.limits import CONFLICT_NAME_BYTES
from mesh.names import DocumentId
from mesh.state.history import History
from mesh.state.moments import Moments
from mesh.state.operations import OperationId

_NAME = b"mesh/print/1"
_COUNTER_BYTES = 8


class Footprint(NamedTuple):
    """Between two letters that stayed, those that a change took out, and those that it put there.

    `left` and `right` are the nearest letters that its writer saw and left alone, None at the start and at the end of
    the text. At least one letter was deleted or inserted.
    """

    change: bytes
    left: OperationId | None
    right: OperationId | None
    deleted: frozenset[OperationId]
    inserted: tuple[OperationId, ...]


def print_name(document: DocumentId, footprint: Footprint) -> bytes:
    """The name of a footprint: a change has only one to the right of any letter."""
    digest = hashlib.sha256(_NAME)
    for part in (str(document).encode(), footprint.change, operation_name(footprint.left)):
        digest.update(len(part).to_bytes(4, "big") + part)
    return digest.digest()[:CONFLICT_NAME_BYTES]


def operation_name(letter: OperationId | None) -> bytes:
    """A letter, or another operation, as bytes; none stands for the edge of the text."""
    return letter.counter.to_bytes(_COUNTER_BYTES, "big") + letter.actor if letter else b""


def overlap(one: Footprint, other: Footprint) -> bool:
    """Whether two concurrent edits touch the same place, so that somebody should look at what came of it.

    Both took out the same letter, and at least one of them put something there (else they agree); or both put
    something beside the same letter, or one of them beside a letter that the other took out; or one only put
    something between two letters of which the other took out both.
    """
    if not (one.inserted or other.inserted):
        return False
    if not one.deleted.isdisjoint(other.deleted):
        return True
    if one.inserted and other.inserted:
        return (
            one.left == other.left
            or one.right == other.right
            or not other.deleted.isdisjoint((one.left, one.right))
            or not one.deleted.isdisjoint((other.left, other.right))
        )
    return _within(one, other) or _within(other, one)


def _within(one: Footprint, other: Footprint) -> bool:
    """Whether one deleted nothing and inserted where the other deleted on both sides."""
    return not one.deleted and one.left in other.deleted and one.right in other.deleted


def footprints(moments: Moments, history: History, changes: Iterable[bytes]) -> Iterator[Footprint]:
    """The footprints of these changes, made after the start of the moments, of which nothing may be void there."""
    names: list[OperationId | None] = [*moments.names, None]  # so that both edges have no name
    for change in changes:
        moments.go(history.reach((change,)))
        inserted, deleted = (frozenset(places) for places in moments.effect(change))
        touched = sorted(inserted | deleted, reverse=True)
        with moments.hidden(inserted):
            while touched:
                left, right = moments.before(touched[-1]), moments.after(touched[-1])
                here = []
                while touched and touched[-1] < right:
                    here.append(touched.pop())
                gone = frozenset(moments.names[place] for place in here if place in deleted)
                made = tuple(moments.names[place] for place in here if place in inserted)
                yield Footprint(change, names[left], names[right], gone, made)
