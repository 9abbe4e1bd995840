"""What settles itself: overlapping edits of a text of which one can go without a letter being lost.

A rule looks at the edits and at what is left of them, and gives the same answer on every device. It says nothing by
itself, and nothing twice: what a person took back is left to people.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from mesh.limits import SETTLED_PRINTS_MAX
from mesh.state.conflicts import Conflict
from mesh.state.edits import Edit, Strike
from mesh.state.footprints import Footprint
from mesh.state.operations import OperationId
from mesh.state.settling import Settlements
from mesh.state.versions import Region

EQUAL = "equal"
"""The same words instead of the same words: one copy stays."""

PREFIX = "prefix"
"""Words at the end of the text with which others go on: the longer ones stay."""


@dataclass(frozen=True, slots=True)
class Ruling:
    """How a conflict settles itself: by which rule, what is to be written, and the changes of which something goes."""

    rule: str
    conflict: Conflict
    edits: tuple[Edit, ...]
    losers: frozenset[bytes]


def ruling(conflict: Conflict, settlements: Settlements) -> Ruling | None:
    """How an open conflict settles itself, None where only people can do it."""
    region = conflict.region
    if region is None or settlements.of(conflict.name):
        return None
    edits = region.footprints
    if len(edits) > SETTLED_PRINTS_MAX or len({(one.left, one.right, one.deleted) for one in edits}) > 1:
        return None
    places = {letter: place for place, letter in enumerate(region.letters)}
    inserted = frozenset(letter for one in edits for letter in one.inserted)
    texts = [_whole(one, places, region, inserted) for one in edits]
    longest = max(len(text or "") for text in texts)
    kept = min((one for one, text in zip(edits, texts, strict=True) if len(text or "") == longest), key=_by_change)
    words = texts[edits.index(kept)]
    if words is None or not all(text and words.startswith(text) for text in texts):
        return None
    if all(text == words for text in texts):
        rule = EQUAL
    elif kept.right is None and not kept.deleted:
        rule = PREFIX
    else:
        return None
    gone = [one for one in edits if one is not kept]
    return Ruling(rule, conflict, _removed(gone), frozenset(one.change for one in gone))


def _by_change(one: Footprint) -> bytes:
    return one.change


def _whole(
    one: Footprint, places: Mapping[OperationId, int], region: Region, inserted: frozenset[OperationId]
) -> str | None:
    """What an edit put into the text, if all of it is still there and nobody else wrote or deleted inside.

    Letters that several bring back at once stand among each other, each where it was.
    """
    found = [places.get(letter, -1) for letter in one.inserted]
    if not found or min(found) < 0 or not inserted >= {*region.letters[found[0] : found[-1] + 1]}:
        return None
    return "".join(region.merged[place] for place in found)


def _removed(gone: Sequence[Footprint]) -> tuple[Edit, ...]:
    """What these put into the text taken out."""
    return (Strike(tuple(letter for one in gone for letter in one.inserted)),)
