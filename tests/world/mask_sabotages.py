"""Faults that somebody could build into the handling of void work, each of which the world of one document must notice.

Each is a patch at run time, with one sentence.
"""

# ruff: noqa: SLF001 - the inner parts are what the faults are built into

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from collections.abc import Set as AbstractSet
from dataclasses import replace
from unittest.mock import patch

from mesh.state import documents, intake, snapshot
from mesh.state.documents import Document
from mesh.state.edits import Edit, Letters
from mesh.state.fold import Fold, View
from mesh.state.genesis import Genesis
from mesh.state.history import History, Live
from mesh.state.intake import Intake
from mesh.state.operations import Change, OperationId
from mesh.state.snapshot import Snapshot
from tests.world.masks import play
from tests.world.sabotages import Caught, Sabotage

WORLDS_MAX = 120
NONE: frozenset[bytes] = frozenset()


def hunt(sabotage: Sabotage) -> Caught | None:
    """Play worlds with the fault built in until one breaks."""
    with sabotage.build():
        for seed in range(WORLDS_MAX):
            try:
                play(seed)
            except Exception as error:  # noqa: BLE001 - whatever breaks, breaks
                return Caught(sabotage.name, seed + 1, f"{type(error).__name__} {error}"[:160])
    return None


# ---------------------------------------------------------------- the fold

_live, _view, _take = Fold._live, Fold.view, Fold.take


def _any_delete(self: Fold, name: OperationId, void: AbstractSet[bytes]) -> bool:
    return self._letters[name].change not in void and not self._gone.get(name)


def _any_insert(self: Fold, name: OperationId, void: AbstractSet[bytes]) -> bool:
    return all(by in void for by in self._gone.get(name, ()))


def _as_they_came(self: Fold, name: OperationId | None) -> Sequence[OperationId]:
    return self._after.get(name, ())


def _by_counter(self: Fold, name: OperationId | None) -> Sequence[OperationId]:
    return sorted(self._after.get(name, ()), key=lambda one: one.counter)


def _nothing_behind(self: Fold, void: AbstractSet[bytes]) -> View:
    def in_order() -> Iterator[OperationId]:
        following = [*self.behind(None)]
        while following:
            name = following.pop()
            if self._letters[name].change not in void:
                yield name
                following += self.behind(name)

    with patch.object(Fold, "_in_order", lambda _: in_order()):
        return _view(self, void)


def _every_value(self: Fold, writes: Sequence[object], _: AbstractSet[bytes]) -> dict[OperationId, Live]:
    return _live(self, writes, NONE)  # type: ignore[arg-type]


def _once(self: Fold, changes: Iterable[Change]) -> None:
    if not self._letters and not self._writes:
        _take(self, changes)


# ---------------------------------------------------------------- what is in the document

_begun, _beneath, _contest = Intake.begun, Intake._beneath, intake.contest


def _void_too(self: Intake, change: Change) -> list[Change]:
    self.restore(change)
    return [change]


def _parents_only(self: Intake, change: Change) -> list[Change]:
    return [found for name in change.dependencies if (found := self._aside.pop(name, None))]


def _aside_still(self: Intake, change: Change) -> list[Change]:
    with patch.dict(self._aside):
        return _beneath(self, change)


def _true_birth(genesis: Genesis, _: AbstractSet[bytes] = NONE) -> Intake:
    return _begun(genesis)


def _smallest_event(
    changes: Iterable[tuple[bytes, Change]], _: AbstractSet[bytes] = NONE
) -> tuple[list[Change], list[Change]]:
    return _contest(changes)


# ---------------------------------------------------------------- edits and snapshots

_encode = snapshot.encode


def _through_automerge(self: Document) -> Letters:
    return Letters(self._engine.length(), self._engine.letter)


def _what_is_seen(self: Document, _: Edit, key: str) -> Iterable[OperationId]:
    return self.live_operations(key)


def _forgets_void(found: Snapshot) -> bytes:
    return _encode(replace(found, void=()))


def _forgets_aside(found: Snapshot) -> bytes:
    return _encode(replace(found, aside=()))


def _fault(name: str, what: str, where: object, attribute: str, instead: object) -> Sabotage:
    return Sabotage(name, what, lambda: patch.object(where, attribute, instead))


ALL = (
    _fault("void deletes count", "What a void change deleted stays away.", Fold, "shown", _any_delete),
    _fault("void letters are seen", "A void insert is shown.", Fold, "shown", _any_insert),
    _fault("order of arrival", "Of two letters behind one the later heard goes first.", Fold, "behind", _as_they_came),
    _fault(
        "counters alone", "Of two letters with one counter the later heard goes first.", Fold, "behind", _by_counter
    ),
    _fault("nothing behind", "What was written behind a void letter is hidden with it.", Fold, "view", _nothing_behind),
    _fault("void values count", "Registers know no mask.", Fold, "_live", _every_value),
    _fault(
        "by name alone",
        "A write replaces what it names only, though that was void.",
        History,
        "covers",
        lambda *_: False,
    ),
    _fault("void writes replace", "What a void write replaced stays replaced.", History, "covers", lambda *_: True),
    _fault("folded once", "What comes after the first fold is not folded.", Fold, "take", _once),
    _fault(
        "aside included",
        "A void change is in the document whether anything stands on it or not.",
        Intake,
        "_enter",
        _void_too,
    ),
    _fault("parents only", "Of the void changes beneath only the nearest come in.", Intake, "_beneath", _parents_only),
    _fault("aside still", "What came into the document is told as aside as well.", Intake, "_beneath", _aside_still),
    _fault("births are true", "A void birth is seen.", Intake, "begun", _true_birth),
    _fault(
        "smallest event",
        "A void change pushes out what counts, if its event has the smaller digest.",
        documents,
        "contest",
        _smallest_event,
    ),
    _fault(
        "through Automerge",
        "Edits of a masked text name the letters that Automerge has there.",
        Document,
        "_letters",
        _through_automerge,
    ),
    _fault("seen alone", "An edit of a register leaves what is hidden in it.", Document, "_replaced", _what_is_seen),
    _fault("void forgotten", "A snapshot forgets what is void.", snapshot, "encode", _forgets_void),
    _fault("aside forgotten", "A snapshot forgets what is aside.", snapshot, "encode", _forgets_aside),
)
