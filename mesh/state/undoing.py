"""Taking a change back: the edits that make a document what it would be if that change did not count.

A document comes to what its changes come to that stand. What an undo writes is the difference that its target makes,
and is not counted for itself: so an undo can be taken back like anything else, and changes one after the other. Only
what nothing later is built on is taken back. This module knows no events but by the changes that they carry.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from collections.abc import Set as AbstractSet

from mesh.errors import Refused
from mesh.state.catalogue import BODY
from mesh.state.documents import Document
from mesh.state.edits import Edit, Put, Revive, Strike, Swap
from mesh.state.encoding import encode
from mesh.state.fold import Write
from mesh.state.lines import Lines, Reversal
from mesh.state.operations import Action, Change, OperationId

_DELETED = "deleted"


def inverse(document: Document, reversal: Reversal) -> tuple[Edit, ...]:
    """The edits by which a change does not count any more, or counts again. They may be none. Raises BuiltOn."""
    changes = (reversal.root, *(took.change for took in reversal.took))
    keys = sorted({str(o.key) for one in changes for o in one.operations if o.object is None}, key=str.encode)
    registers = [swap for key in keys if (swap := _Values(document, reversal, key).swap()) is not None]
    return (*registers, *_Letters(document, reversal).edits())


def unborn(document: Document) -> tuple[Edit, ...]:
    """The edits by which a document is as if it had not been born: it is deleted. Raises Refused."""
    live = document.live(_DELETED)
    if len({one.value for one in live}) > 1:
        raise Refused("whether it is deleted is in conflict", hint="`mesh conflicts` shows it; settle it first.")
    if [one.value for one in live] == [True]:
        raise Refused("it is deleted already")
    return (Put(_DELETED, value=True),)


def beside(change: Change) -> Change:
    """A change that does nothing and stands on one that was just made by the same actor."""
    return encode((change.hash,), change.actor, change.sequence + 1, change.start + len(change.operations), ())


class _Values(Lines):
    """The values of one register."""

    def __init__(self, document: Document, reversal: Reversal, key: str) -> None:
        super().__init__(document, reversal)
        self._key = key
        self._live = document.live_operations(key)
        self._writes = {write.id: write for write in self.fold.writes(key)}
        self._removers: dict[OperationId, list[bytes]] = {}
        self._copies: dict[OperationId, list[OperationId]] = {}
        for write in self._writes.values():
            for name in write.before:
                self._removers.setdefault(name, []).append(write.change)
            if (older := self.copied(write.id)) is not None:
                self._copies.setdefault(older, []).append(write.id)

    def maker(self, name: OperationId) -> bytes:
        return self._writes[name].change

    def removers(self, name: OperationId) -> Iterable[bytes]:
        return self._removers.get(name, ())

    def copied(self, name: OperationId) -> OperationId | None:
        write = self._writes[name]
        if write.change not in self.reversal.undos or write.action is not Action.PUT:
            return None
        same = [before for before in write.before if _value(self._writes[before]) == _value(write)]
        return min(same, default=None)  # what comes back is older than what had taken its place

    def copies(self, name: OperationId) -> Iterable[OperationId]:
        return self._copies.get(name, ())

    def shown(self, name: OperationId) -> bool:
        return name in self._live

    def swap(self) -> Swap | None:
        """The values that go and come."""
        self.must_not_build(write.change for write in self._writes.values())
        put, gone = self._of(self.reversal.root)
        taken = [(took, *self._of(took.change)) for took in self.reversal.took]
        away, back = (put, gone) if self.reversal.stops else (gone, put)
        replaced = self.going([*(name for _, made, _ in taken for name in made), *away])
        again = self.coming([(name, took) for took, _, removed in taken for name in removed], back)
        if self._key == BODY and replaced and not again:  # a text is never removed: what stays is written once more
            stays = self._live.keys() - {*replaced}
            again = [max(stays)] if stays else []
            replaced = [*replaced, *again] if stays else []
        if not (replaced or again):
            return None
        return Swap(self._key, tuple(replaced), tuple(self._writes[name].value for name in again), tuple(again))

    def _of(self, change: Change) -> tuple[list[OperationId], list[OperationId]]:
        """The values that a change wrote, and those that it replaced or removed."""
        own = [write for write in self._writes.values() if write.change == change.hash]
        put = [write.id for write in own if write.action is Action.PUT]
        olders = {self.copied(name) for name in put}  # an undo names what it brings back among what it replaces
        return put, sorted({name for write in own for name in write.before} - olders - {*put})


class _Letters(Lines):
    """The letters of the text."""

    def maker(self, name: OperationId) -> bytes:
        return self.fold.letter(name).change

    def removers(self, name: OperationId) -> Iterable[bytes]:
        return self.fold.deleters(name)

    def copied(self, name: OperationId) -> OperationId | None:
        value, change, left = self.fold.letter(name)
        if change not in self.reversal.undos or left is None or self.fold.letter(left).value != value:
            return None
        return left

    def copies(self, name: OperationId) -> Iterable[OperationId]:
        return (other for other in self.fold.behind(name) if self.copied(other) == name)

    def shown(self, name: OperationId) -> bool:
        return self.fold.shown(name, self.hidden)

    def edits(self) -> Iterator[Edit]:
        """The letters that go, and those that come back."""
        inserted, deleted = _touched(self.reversal.root)
        taken = [(took, *_touched(took.change)) for took in self.reversal.took]
        away, back = (inserted, deleted) if self.reversal.stops else (deleted, inserted)
        away = [*(name for _, made, _ in taken for name in made), *away]
        for name in dict.fromkeys(self.above(name)[-1] for name in away):
            self.must_not_build(self.killers(name))
        struck = self.going(away)
        self._must_not_write_inside({*struck}, {one for name in away for one in self.line(name)})
        revived = self.coming([(name, took) for took, _, gone in taken for name in gone], back)
        if struck:
            yield Strike(tuple(struck))
        if revived:
            yield Revive(tuple((name, self.fold.letter(name).value) for name in revived))

    def _must_not_write_inside(self, struck: AbstractSet[OperationId], lines: AbstractSet[OperationId]) -> None:
        """Raise BuiltOn where later work is between letters that go, and was not beside anything that stays."""
        between: list[bytes] = []
        within = False
        for name, *_ in self.fold.strokes() if len(struck) > 1 else ():
            if name in struck:
                self.must_not_build(between)
                within, between = True, []
            elif within and name not in lines:
                by = self.maker(self.above(name)[-1])
                if not self.shown(name):
                    within = not any(self.saw(took.change.hash, name) for took in self.reversal.took)
                elif self.later(by):
                    between.append(by)
                else:
                    within = False
            between = between if within else []


def _touched(change: Change) -> tuple[list[OperationId], list[OperationId]]:
    """The letters that a change inserted, and those that it deleted and found there."""
    inserted = [
        OperationId(change.start + place, change.actor)
        for place, o in enumerate(change.operations)
        if o.object is not None and o.insert
    ]
    deleted = [o.key for o in change.operations if o.action is Action.DELETE and isinstance(o.key, OperationId)]
    own = {*inserted}
    return inserted, [name for name in deleted if name not in own]


def _value(write: Write) -> tuple[type, object]:
    return type(write.value), write.value
