"""What one data event counts for under a verdict: one lookup, whatever else is held.

Under one verdict more data only end waiting: honoured stays honoured, void stays void. Only authority is asked here;
whether the content fits its document is for the document to say. This module reads no log: what only the log can tell
about a chain is asked of a Lineage (PROTOCOL, "Authority").
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import NamedTuple, Protocol

from mesh.events.event import Inner, Lane, Placed
from mesh.events.kinds import Mark, known
from mesh.events.verdict import Cut, Standing, Verdict, covers
from mesh.limits import RANK_ADMIN_LAST
from mesh.names import ZERO, Digest


class Lineage(Protocol):
    """What the log knows of the chains that are held."""

    def under(self, placed: Placed, mark: Mark) -> bool | None:
        """Whether a mark later in the event's chain stands on the event. None: the mark is not held yet."""


class Weight(NamedTuple):
    """What an event counts for, why it does not, and the statement that says so (ZERO when none does)."""

    standing: Standing
    reason: str = ""
    by: Digest = ZERO


FORGOTTEN = "its document is forgotten"
NOT_ADMITTED = "its device was never let in"
NOT_GRANTED = "nothing allows it"
CLOSED = "written after its device was closed"
UNGRANTED = "written after the grant was withdrawn"
UNSURE = "where its device or its grant ended is not here yet"

_HONOURED = Weight(Standing.HONOURED)


def weigh(verdict: Verdict, placed: Placed, inner: Inner, lineage: Lineage) -> Weight:
    """Whether a data event is allowed, with the reason where it is not."""
    if not known(Lane.DATA, inner.kind):
        return Weight(Standing.OPAQUE, f"of kind {inner.kind!r}, which this version does not read")
    if inner.kind == "opening":
        return _HONOURED
    if inner.document in verdict.forgotten:
        return Weight(Standing.VOID, FORGOTTEN)
    adopted = verdict.adopted.get(placed.digest)
    if adopted is None:
        if placed.admission not in verdict.admissions:
            return Weight(Standing.VOID, NOT_ADMITTED)
        grant = verdict.grants.get(inner.grant)
        if grant is None or not covers(grant, placed.admission, inner):
            return Weight(Standing.VOID, NOT_GRANTED)
    rank = RANK_ADMIN_LAST + 1 if adopted is None else adopted
    closed = _shut(placed, verdict.closes.get(placed.admission, ()), rank, lineage, CLOSED)
    ungranted = _shut(placed, verdict.ungrants.get(inner.grant, ()), rank, lineage, UNGRANTED)
    return max(closed, ungranted, key=lambda weight: weight.standing)


def _shut(placed: Placed, cuts: Iterable[Cut], adopted: int, lineage: Lineage, reason: str) -> Weight:
    """What several ends come to. An adoption overrides those of its own rank and of junior ranks."""
    found = _HONOURED
    for cut in sorted(cuts):
        inside = adopted <= cut.rank or _inside(placed, cut.marks, lineage)
        if inside is False:
            return Weight(Standing.VOID, reason, cut.by)
        if inside is None:
            found = Weight(Standing.WAITS, UNSURE, cut.by)
    return found


def _inside(placed: Placed, marks: tuple[Mark, ...], lineage: Lineage) -> bool | None:
    answers = {_reached(placed, mark, lineage) for mark in marks if mark.chain == placed.chain}
    return True if True in answers else None if None in answers else False


def _reached(placed: Placed, mark: Mark, lineage: Lineage) -> bool | None:
    if mark.head.seq <= placed.seq:
        return mark.head == placed.head
    return lineage.under(placed, mark)
