"""What somebody does to a document, and the operations that this becomes.

Edits count in code points. Text is always written in single characters: Automerge takes a longer insert for one
element that nobody could write into. This module changes no document; it only says what a change consists of.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass

from mesh.errors import Misuse, TooLarge
from mesh.events.kinds import Value
from mesh.limits import BODY_PLAIN_BYTES_MAX, CHANGE_OPERATIONS_MAX
from mesh.state.operations import Action, Operation, OperationId


@dataclass(frozen=True, slots=True)
class Put:
    """Set a register. All values that live in it are replaced."""

    key: str
    value: Value


@dataclass(frozen=True, slots=True)
class Swap:
    """Of the values that live in a register take out the named ones, which live, and put others beside the rest.

    `again`: values that were written before come back, each the one of this operation, which does not live; the new
    operation names it among what it replaces, and so stands for it (undoing.py).
    """

    key: str
    replaced: tuple[OperationId, ...]
    values: tuple[Value, ...] = ()
    again: tuple[OperationId, ...] = ()


@dataclass(frozen=True, slots=True)
class Delete:
    """Remove a register with all values that live in it. Removing nothing is no edit."""

    key: str


@dataclass(frozen=True, slots=True)
class Splice:
    """At a place in the text, after the edits before this one, take characters out and put others in."""

    position: int
    deleted: int
    inserted: str


@dataclass(frozen=True, slots=True)
class Strike:
    """Take letters out of the text, by name; they are shown. After splices only."""

    letters: tuple[OperationId, ...]


@dataclass(frozen=True, slots=True)
class Revive:
    """Write letters that are gone once more, each where it was: behind itself. After splices only."""

    letters: tuple[tuple[OperationId, str], ...]


Edit = Put | Swap | Delete | Splice | Strike | Revive


class Letters:
    """The letters of a text by place, while edits are made; the document is asked only for those that are touched."""

    def __init__(self, length: int, at: Callable[[int], OperationId]) -> None:
        """Begin with a document's text, of which `at` names the letter at a place."""
        self._at = at
        self._pieces: list[range | Sequence[OperationId]] = [range(length)]
        self.length = length

    def letter(self, position: int) -> OperationId:
        """The name of the letter at a place."""
        for piece in self._pieces:
            if position < len(piece):
                found = piece[position]
                return self._at(found) if isinstance(found, int) else found
            position -= len(piece)
        raise AssertionError(position)

    def splice(self, position: int, deleted: int, inserted: Sequence[OperationId]) -> None:
        """Take letters out and put others in."""
        pieces = [*self._cut(0, position), inserted, *self._cut(position + deleted, self.length)]
        self._pieces = [piece for piece in pieces if len(piece)]
        self.length += len(inserted) - deleted

    def _cut(self, first: int, end: int) -> Iterable[range | Sequence[OperationId]]:
        offset = 0
        for piece in self._pieces:
            yield piece[max(first - offset, 0) : max(end - offset, 0)]
            offset += len(piece)


class Draft:
    """Edits on their way to becoming one change."""

    def __init__(self, start: int, actor: bytes, body: OperationId | None, letters: Letters) -> None:
        """Begin with no operation; `start` is the counter of the first one."""
        self._start, self._actor, self._body, self._letters = start, actor, body, letters
        self._written: dict[str, tuple[OperationId, ...]] = {}
        self.operations: list[Operation] = []

    def apply(self, edit: Edit, live: Callable[[str], Iterable[OperationId]]) -> None:
        """Add the operations of one edit. Raises Misuse or TooLarge."""
        if isinstance(edit, Splice):
            self._splice(edit)
        elif isinstance(edit, Strike):
            self._strike(edit.letters)
        elif isinstance(edit, Revive):
            self._revive(edit)
        elif isinstance(edit, Swap):
            self._swap(edit)
        else:
            before = self._written.get(edit.key)
            self._register(edit, tuple(sorted(live(edit.key))) if before is None else before)
        if len(self.operations) > CHANGE_OPERATIONS_MAX:
            raise TooLarge(f"an edit has more than {CHANGE_OPERATIONS_MAX} operations")

    def _next(self) -> OperationId:
        return OperationId(self._start + len(self.operations), self._actor)

    def _swap(self, edit: Swap) -> None:
        """Several values of one change live side by side: only the first replaces what is to go."""
        replaced = tuple(sorted(edit.replaced))
        for place, value in enumerate(edit.values):
            before = tuple(sorted({*(() if place else replaced), *edit.again[place : place + 1]}))
            self.operations.append(Operation(Action.PUT, None, edit.key, value=value, before=before))
        if not edit.values and replaced:
            self.operations.append(Operation(Action.DELETE, None, edit.key, before=replaced))

    def _register(self, edit: Put | Delete, before: tuple[OperationId, ...]) -> None:
        if isinstance(edit, Put):
            self._written[edit.key] = (self._next(),)
            self.operations.append(Operation(Action.PUT, None, edit.key, value=edit.value, before=before))
        elif before:
            self._written[edit.key] = ()
            self.operations.append(Operation(Action.DELETE, None, edit.key, before=before))

    def _splice(self, edit: Splice) -> None:
        letters = self._letters
        if self._body is None:
            raise Misuse("this text is one value, since it was born long", hint="Put the whole text as `body`.")
        if not 0 <= edit.position <= edit.position + edit.deleted <= letters.length:
            raise Misuse(f"the text has {letters.length} characters, not {edit.position + edit.deleted}")
        self._must_fit(letters.length + len(edit.inserted) - edit.deleted, len(edit.inserted) - edit.deleted)
        self._strike([letters.letter(place) for place in range(edit.position, edit.position + edit.deleted)])
        left = letters.letter(edit.position - 1) if edit.position else None
        made: list[OperationId] = []
        for letter in edit.inserted:
            made.append(self._next())
            self.operations.append(Operation(Action.PUT, self._body, left, insert=True, value=letter))
            left = made[-1]
        letters.splice(edit.position, edit.deleted, made)

    def _strike(self, letters: Iterable[OperationId]) -> None:
        for gone in letters:
            self.operations.append(Operation(Action.DELETE, self._body, gone, before=(gone,)))

    def _revive(self, edit: Revive) -> None:
        self._must_fit(self._letters.length + len(edit.letters), len(edit.letters))
        for gone, letter in edit.letters:
            self.operations.append(Operation(Action.PUT, self._body, gone, insert=True, value=letter))

    def _must_fit(self, length: int, growth: int) -> None:
        if growth > 0 and length > BODY_PLAIN_BYTES_MAX:
            raise TooLarge(f"a text has more than {BODY_PLAIN_BYTES_MAX} characters")
