"""Faults in what becomes of conflicts, built in one by one: the world must notice that a value is gone, or is hidden.

Each changes what devices write or show, never what the world tells once more from the changes.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from contextlib import AbstractContextManager
from unittest.mock import patch

from mesh.events.kinds import Changed
from mesh.names import Digest
from mesh.state import conflicts
from mesh.state.conflicts import Conflict, conflicts_of
from mesh.state.documents import Document
from mesh.state.edits import Edit, Put
from mesh.state.footprints import Footprint
from mesh.state.overlaps import Overlaps
from mesh.state.settling import Settlements
from tests.world import meaning, settling
from tests.world.sabotages import Sabotage


def _over_all(_: Document, title: str) -> list[Edit]:
    return [Put(settling.TITLE, title)]


def _without_a_word(raw: bytes, _conflict: bytes, _prints: object = (), _rule: str = "") -> Changed:
    return Changed(raw)


def _any_settlement(self: Settlements, _: bytes) -> frozenset[bytes]:
    return frozenset(event for event in self._settled if self.effective(event))


def _never_given_back(self: Settlements, event: Digest) -> bool:
    return event not in self._undos._of  # noqa: SLF001 - it is what the fault is built into


def _at_most_two(document: Document, settlements: Settlements) -> tuple[Conflict, ...]:
    return tuple(one for one in conflicts_of(document, settlements) if len(one.sides) < 3)


_met = Overlaps._met  # noqa: SLF001 - it is what the fault is built into


def _to_the_right_only(self: Overlaps, new: Footprint, taken: Iterable[int]) -> Iterator[tuple[object, object]]:
    return ((part, place) for part, place in _met(self, new, taken) if part.name != "LEFT")


def _fault(name: str, what: str, build: Callable[[], AbstractContextManager[object]], shown_by: int = 0) -> Sabotage:
    return Sabotage(name, what, build, real=True, shown_by=shown_by)


ALL = (
    _fault(
        "an edit replaces all values",
        "Whoever edits a register that is in conflict writes over every value that lives in it.",
        lambda: patch.object(settling, "retitled", _over_all),
        shown_by=40,
    ),
    _fault(
        "settled without a word",
        "A settlement is written as any other change, without the event that says so.",
        lambda: patch.object(settling, "Settled", _without_a_word),
    ),
    _fault(
        "the last writer wins",
        "Of several values in a register only the one that is shown is told of.",
        lambda: patch.object(Document, "conflicts", lambda _: ()),
    ),
    _fault(
        "two sides at most",
        "A conflict with a third side is not listed.",
        lambda: patch.object(meaning, "conflicts_of", _at_most_two),
    ),
    _fault(
        "a deletion wins",
        "Where one deletes what another edits, nobody hears of it.",
        lambda: patch.object(conflicts, "_deleted", lambda _: ()),
    ),
    _fault(
        "one settlement for all",
        "A settlement settles every overlap of its document.",
        lambda: patch.object(Settlements, "naming", _any_settlement),
    ),
    _fault(
        "settled for ever",
        "A settlement that was taken back is still in effect.",
        lambda: patch.object(Settlements, "effective", lambda *_: True),
    ),
    _fault(
        "never given back",
        "What was taken back stays so, even if that is taken back itself.",
        lambda: patch.object(Settlements, "effective", _never_given_back),
    ),
    _fault(
        "only to the right",
        "Words that two put behind the same letter do not overlap.",
        lambda: patch.object(Overlaps, "_met", _to_the_right_only),
    ),
)
