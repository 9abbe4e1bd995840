"""Documents in a process of Node, told what documents in Python are told; what both show is compared.

Nothing here draws lots.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from collections.abc import Set as AbstractSet
from contextlib import suppress
from typing import Any

from mesh.errors import Misuse, Refused
from mesh.events.bodies import encode_body
from mesh.events.kinds import Born
from mesh.names import DocumentId
from mesh.state import branching, past
from mesh.state.changes import decode
from mesh.state.documents import Document
from mesh.state.edits import Delete, Edit, Put, Revive, Splice, Strike, Swap
from mesh.state.intake import Taken
from mesh.state.operations import Change, Operation, OperationId
from mesh.state.past import Past
from tests.system.browsers import Asked

NONE: frozenset[bytes] = frozenset()


def named(operation: OperationId | None) -> str | None:
    """An operation's name as the engine of the phone has it."""
    return None if operation is None else operation.counter.to_bytes(8, "big").hex() + operation.actor.hex()


def written(edit: Edit) -> list[Any]:
    """An edit as web/tests/documented.ts reads it."""
    match edit:
        case Put(key, value):
            return ["put", key, value]
        case Delete(key):
            return ["delete", key]
        case Splice(position, deleted, inserted):
            return ["splice", position, deleted, inserted]
        case Swap(key, replaced, values, again):
            return ["swap", key, [*map(named, replaced)], list(values), [*map(named, again)]]
        case Strike(letters):
            return ["strike", [*map(named, letters)]]
        case Revive(letters):
            return ["revive", [[named(name), letter] for name, letter in letters]]


def spelled(change: Change) -> dict[str, Any]:
    """A change as web/tests/documents_asked.ts tells it."""
    return {
        "hash": change.hash.hex(),
        "dependencies": [name.hex() for name in change.dependencies],
        "actor": change.actor.hex(),
        "sequence": change.sequence,
        "start": change.start,
        "operations": [_operation(one) for one in change.operations],
        "raw": change.raw.hex(),
    }


def _operation(one: Operation) -> dict[str, Any]:
    return {
        "action": int(one.action),
        "object": named(one.object),
        "key": one.key if isinstance(one.key, str) else None,
        "element": named(one.key) if isinstance(one.key, OperationId) else None,
        "insert": one.insert,
        "value": one.value,
        "before": [named(name) for name in one.before],
    }


def told(taken: Taken) -> dict[str, Any]:
    """What became of changes."""
    return {
        "applied": [digest.hex() for digest in taken.applied],
        "waiting": [digest.hex() for digest in taken.waiting],
        "refused": [[digest.hex(), reason] for digest, reason in taken.refused],
        "doubled": taken.doubled,
    }


def look(document: Document) -> dict[str, Any]:
    """All that a document shows."""
    return {
        "text": document.text(),
        "live": {k: [[v.value, v.change.hex()] for v in document.live(k)] for k in document.registers()},
        "conflicts": list(document.conflicts()),
        "heads": [head.hex() for head in document.heads],
        "changes": document.change_count,
        "hidden": sorted(digest.hex() for digest in document.hidden),
        "aside": [digest.hex() for digest in document.aside],
        "concurrent": document.concurrent,
        "disagreements": list(document.disagreements()),
        **told(document.take([])),
    }


class Twins:
    """One document in Python and in Node."""

    def __init__(self, asked: Asked, name: str, document: DocumentId, birth: Born) -> None:
        """As it was born."""
        self.asked, self.name, self.id, self.birth = asked, name, document, birth
        self.events: dict[bytes, Change] = {}
        self.void: AbstractSet[bytes] = NONE
        self.fold()

    def fold(self) -> None:
        """Fold both anew from all events."""
        self.document = Document.fold(self.id, self.birth, self.events.items(), self.void)
        events = [[event.hex(), change.raw.hex()] for event, change in self.events.items()]
        void = [digest.hex() for digest in self.void]
        born = encode_body(self.birth).hex()
        self.asked("fold", name=self.name, document=str(self.id), born=born, events=events, isVoid=void)

    def take(self, events: Iterable[tuple[bytes, Change]], void: AbstractSet[bytes] = NONE) -> None:
        """Give events to both, of which and of all before these changes are void: they do the same."""
        new = dict(events)
        self.events |= new
        self.void = void
        taken = self.document.take(list(new.values()), void)
        raws, hashes = [change.raw.hex() for change in new.values()], [digest.hex() for digest in void]
        assert self.asked("take", name=self.name, changes=raws, isVoid=hashes) == told(taken)
        if taken.doubled or void != self.document.void:
            self.fold()

    def edit(self, actor: bytes, edits: Sequence[Edit], *, bare: bool = False) -> Change:
        """The change that edits are: both write the same bytes, and what Node wrote is read. Raises as both refuse."""
        found = self.asked.tell("edit", name=self.name, actor=actor.hex(), edits=[*map(written, edits)], bare=bare)
        expected: dict[str, str] = {}
        try:
            expected = {"answer": self.document.edit(actor, edits, bare=bare).raw.hex()}
        except (Misuse, Refused) as error:
            expected = {"refused": type(error).__name__}
            raise
        finally:
            assert found == expected
        return decode(bytes.fromhex(found["answer"]))

    def branch(self, heads: Sequence[bytes], actor: bytes, edits: Sequence[Edit]) -> Change:
        """The same, made when the document had these heads."""
        given = {"heads": [head.hex() for head in heads], "edits": [*map(written, edits)]}
        found = self.asked.tell("branch", name=self.name, actor=actor.hex(), **given)
        change = branching.branch(self.document, heads, actor, edits)
        assert found == {"answer": change.raw.hex()}
        return decode(bytes.fromhex(found["answer"]))

    def past(self, changes: Iterable[bytes]) -> Past:
        """The document as it was, and the way back."""
        names = [name.hex() for name in changes]
        found = self.asked.tell("past", name=self.name, changes=names)
        seen = past.at(self.document, map(bytes.fromhex, names))
        shown = {"registers": dict(seen.registers), "conflicts": list(seen.conflicts)}
        expected: dict[str, Any] = {"refused": "Refused"}
        with suppress(Refused):
            ways = [written(edit) for edit in past.restoring(self.document, seen)]
            expected = {"answer": {**shown, "text": seen.text, "changes": seen.changes, "restoring": ways}}
        assert found == expected
        return seen

    def reload(self) -> None:
        """Save and load both."""
        self.document = Document.load(self.document.save())
        self.asked("reload", name=self.name)

    def look(self) -> dict[str, Any]:
        """All that both show."""
        shown = look(self.document)
        assert self.asked("look at", name=self.name) == shown
        return shown
