"""Settling conflicts: which settlements are in effect, and what must be written so that a conflict is settled.

A settlement is an event; it is in effect unless an event takes it back that is itself not taken back. This module
holds no document and says nothing: it only tells what somebody would have to say.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from itertools import combinations
from unicodedata import category

from mesh.errors import Misuse, Refused
from mesh.events.kinds import Carrier, Settled, Undone, Value
from mesh.limits import PATH_BYTES_MAX, SETTLED_PRINTS_MAX
from mesh.names import Digest
from mesh.state import notes
from mesh.state.catalogue import BODY
from mesh.state.changes import decode
from mesh.state.conflicts import DELETED, PATH, Conflict, Kind
from mesh.state.documents import Document
from mesh.state.edits import Edit, Put, Splice
from mesh.state.rewording import splices
from mesh.state.shapes import check_register
from mesh.state.undos import Undos
from mesh.state.versions import Region, Version

_NAMES_TRIED = 1000  # for a document that gives way


@dataclass(frozen=True, slots=True)
class Take:
    """The side of that number, from 0."""

    side: int


@dataclass(frozen=True, slots=True)
class Say:
    """Something else than any side, or one of them in other words."""

    value: Value


@dataclass(frozen=True, slots=True)
class Merge:
    """The text as it is shown, with what both sides wrote."""


Choice = Take | Say | Merge


class Settlements:
    """The honoured `settled` and `undone` events of one document, in whatever order they came."""

    __slots__ = ("_changes", "_naming", "_rivals", "_settled", "_undos")

    def __init__(self) -> None:
        """Begin with none."""
        self._settled: dict[Digest, Settled] = {}
        self._naming: dict[bytes, set[Digest]] = {}
        self._undos = Undos()
        self._changes: dict[Digest, bytes] = {}
        self._rivals: frozenset[tuple[bytes, bytes]] | None = None

    def __bool__(self) -> bool:
        """Whether there are any."""
        return bool(self._settled or self._undos)

    def add(self, event: Digest, body: Carrier, change: bytes = b"") -> None:
        """Take in what an event says; of a plain change that is nothing. `change`: its hash, where that is known."""
        self._rivals = None
        if isinstance(body, Settled):
            self._settled[event] = body
            if change or body.change:
                self._changes[event] = change or decode(body.change).hash
            for name in body.prints:
                self._naming.setdefault(name, set()).add(event)
        elif isinstance(body, Undone):
            self._undos.add(event, body.event)

    def effective(self, event: Digest) -> bool:
        """Whether nothing takes an event back, or only what is taken back itself."""
        return self._undos.stands(event)

    def undone_by(self, event: Digest) -> Digest | None:
        """The event that takes this one back and is in effect; of several the one with the smallest digest."""
        return next((Digest(undo) for undo in self._undos.of(event)), None)

    def naming(self, name: bytes) -> frozenset[Digest]:
        """The settlements in effect that name an overlapping edit."""
        return frozenset(event for event in self._naming.get(name, ()) if self.effective(event))

    def settled(self, one: bytes, other: bytes) -> bool:
        """Whether a settlement that is in effect names both of two overlapping edits."""
        return not self.naming(one).isdisjoint(self.naming(other))

    def choices(self, name: bytes) -> frozenset[bytes]:
        """The changes by which an overlapping edit was settled, by settlements in effect."""
        return frozenset(self._changes[Digest(event)] for event in self.naming(name) if event in self._changes)

    def rivals(self) -> frozenset[tuple[bytes, bytes]]:
        """The changes by which the same edit was settled more than once, two by two, by settlements in effect."""
        if self._rivals is None:
            known = self._changes.keys()
            groups = {frozenset(self._changes[event] for event in self.naming(n) & known) for n in self._naming}
            self._rivals = frozenset(pair for group in groups for pair in combinations(sorted(group), 2))
        return self._rivals

    def of(self, conflict: bytes) -> tuple[Digest, ...]:
        """The settlements of a conflict, in effect or not."""
        return tuple(sorted(event for event, body in self._settled.items() if body.conflict == conflict))


def edits_for(document: Document, conflict: Conflict, choice: Choice) -> tuple[Edit, ...]:
    """What must be written so that an open conflict of a document is settled this way; nothing where that is shown.

    Several documents at one path are settled by moving them (`moved_aside`). Raises Misuse, or Refused for a value
    that the document cannot hold.
    """
    if isinstance(choice, Take) and not 0 <= choice.side < len(conflict.sides):
        raise Misuse(f"this conflict has {len(conflict.sides)} values, there is no value {choice.side + 1}")
    if conflict.kind is Kind.TEXT:
        return _reworded(conflict, choice)
    if isinstance(choice, Merge):
        raise Misuse("only texts can be merged", hint="Take one of the values, or give another one.")
    if conflict.kind is Kind.PATH:
        raise Misuse("documents at one path are settled by moving some of them")
    if conflict.kind is Kind.DELETED:
        gone = choice.side == 0 if isinstance(choice, Take) else choice.value
        if not isinstance(gone, bool):
            raise Misuse("a document is deleted or not, there is nothing in between", hint="Take one of the values.")
        return (Put(DELETED, value=gone),)
    if isinstance(choice, Take):
        return (Put(conflict.field, conflict.sides[choice.side].value),)
    return _said(document, conflict.field, choice.value)


def _said(document: Document, key: str, value: Value) -> tuple[Edit, ...]:
    """A register set to what a person says, checked as any other edit is."""
    if document.id.type == notes.KIND and isinstance(value, str):
        if key == "title":
            return notes.edits(document, title=value)
        if key == PATH:
            return notes.edits(document, path=value)
        if key == BODY:
            return notes.edits(document, body=value)
    check_register(document.id.type, key, value)
    return (Put(key, value),)


def _reworded(conflict: Conflict, choice: Choice) -> tuple[Edit, ...]:
    """The region of a text in other words; what stays keeps its letters, so that others' edits find their place."""
    region = conflict.region
    assert region is not None, conflict
    if isinstance(choice, Merge):
        return ()
    if isinstance(choice, Take):
        return tuple(_as_had(region, region.sides[choice.side]))
    if not isinstance(choice.value, str):
        raise Misuse("a text is settled by a text")
    found = splices(conflict.merged, choice.value)
    return tuple(Splice(conflict.start + one.position, one.deleted, one.inserted) for one in found)


def _as_had(region: Region, side: Version) -> Iterable[Splice]:
    """A region as one side had it: what that does not show is deleted, what others deleted is inserted again.

    Both are in the order of all letters that ever were, so what they share comes in one order. The last splice first,
    so that none moves another.
    """
    today, shared = region.letters, set(region.letters).intersection(side.letters)
    found: list[Splice] = []
    at = had = 0
    while True:
        end = next((place for place in range(at, len(today)) if today[place] in shared), len(today))
        until = next(
            (place for place in range(had, len(side.letters)) if side.letters[place] in shared), len(side.text)
        )
        if end > at or until > had:
            found.append(Splice(region.start + at, end - at, side.text[had:until]))
        if end == len(today):
            return reversed(found)
        at, had = end + 1, until + 1


def named_together(prints: Iterable[bytes], most: int = SETTLED_PRINTS_MAX) -> tuple[tuple[bytes, ...], ...]:
    """What each of several settlements names, so that any two of these edits are named by one of them."""
    ordered = sorted(set(prints))
    if len(ordered) <= most:
        return (tuple(ordered),)
    half = most // 2
    blocks = [ordered[start : start + half] for start in range(0, len(ordered), half)]
    return tuple(tuple(sorted((*one, *other))) for one, other in combinations(blocks, 2))


def moved_aside(path: str, device: str, taken: Callable[[str], bool]) -> str:
    """Where a document goes that gives way: `stem (device).extension`, beside what is there. Raises Refused."""
    who = "".join("-" if one == "/" else one for one in device if category(one) != "Cc")
    folder, slash, name = path.rpartition("/")
    stem, dot, extension = name.rpartition(".")
    if not stem:
        stem, dot, extension = name, "", ""
    for number in range(1, _NAMES_TRIED):
        mark = f" ({who})" if number == 1 else f" ({who} {number})"
        room = PATH_BYTES_MAX - len(f"{folder}{slash}{mark}{dot}{extension}".encode())
        found = f"{folder}{slash}{stem.encode()[: max(room, 0)].decode(errors='ignore')}{mark}{dot}{extension}"
        if not taken(found) and len(found.encode()) <= PATH_BYTES_MAX:
            return found
    raise Refused(f"there is no free name beside {path!r}", hint="Rename one of the notes by hand.")
