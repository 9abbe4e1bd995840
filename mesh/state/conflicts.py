"""Conflicts of one document: where people or agents disagreed without knowing of each other.

A conflict is a fact of the log: it follows from the honoured events of its document alone, and its name is the same
on every device that holds them. This module finds and settles nothing by itself that could lose a value, and it
knows nothing of two documents at one path (the store finds these).
"""

from __future__ import annotations

import hashlib
import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from enum import StrEnum
from typing import TYPE_CHECKING

from mesh.events.kinds import Value
from mesh.limits import CONFLICT_NAME_BYTES, WORD_SHOWN_CHARACTERS
from mesh.names import DocumentId
from mesh.state.catalogue import BODY, NOTICES
from mesh.state.documents import Document
from mesh.state.footprints import operation_name
from mesh.state.history import Live
from mesh.state.operations import Change, OperationId
from mesh.state.versions import Region

if TYPE_CHECKING:
    from mesh.state.settling import Settlements

DELETED, PATH = "deleted", "path"
"""The registers that say whether a document is deleted, and where an imported one came from."""

_NAME = b"mesh/conflict/1"
_FIRST_WORD, _LAST_WORD = re.compile(r"\w+"), re.compile(r"\w+\Z")


class Kind(StrEnum):
    """What sort of disagreement it is."""

    REGISTER = "register"  # different values of one register
    RENAMED = "renamed"  # the same, of the path: one rename to two places
    TEXT = "text"  # edits of one region of a text that overlap
    DELETED = "deleted"  # deleted there, edited here
    PATH = "path"  # several documents at one path


@dataclass(frozen=True, slots=True)
class Side:
    """One of the values that live side by side, and the change of the document that wrote it.

    Of a text it is the region as that side had it, and its change is the last one that made it so. Of a deletion it is
    `deleted` or `edited`, and the change is the deletion, or the newest edit beside it.
    """

    value: Value
    change: bytes


@dataclass(frozen=True, slots=True)
class Conflict:
    """One open conflict. `sides` are in an order that is the same everywhere, the shown one first for registers.

    `ancestor` is what both sides began with, None where there was nothing. `prints` name the overlapping edits of a
    text; `start` and `length` say where in the shown text the region is, and its shown content is `merged`.
    """

    name: bytes
    kind: Kind
    field: str
    sides: tuple[Side, ...]
    ancestor: Value
    region: Region | None = None
    words: tuple[str, str] = ("", "")
    """What stands in the text right before and after the region, where that would cut a word; it is in all values."""

    @property
    def prints(self) -> tuple[bytes, ...]:
        """The names of the edits of a text that overlap; empty for other conflicts."""
        return self.region.prints if self.region else ()

    @property
    def start(self) -> int:
        """Where in the shown text the region begins."""
        return self.region.start - len(self.words[0]) if self.region else 0

    @property
    def length(self) -> int:
        """How many characters of the shown text are in the region."""
        return self.region.length + sum(map(len, self.words)) if self.region else 0

    @property
    def merged(self) -> str:
        """What the shown text has there."""
        return self.region.merged.join(self.words) if self.region else ""


def name_of(document: DocumentId, kind: Kind, field: str, members: Iterable[bytes]) -> bytes:
    """The name of a conflict, from what lives side by side in it: operations, edits or documents, as bytes."""
    digest = hashlib.sha256(_NAME)
    for part in (str(document).encode(), kind.encode(), field.encode(), *sorted(set(members))):
        digest.update(len(part).to_bytes(4, "big") + part)
    return digest.digest()[:CONFLICT_NAME_BYTES]


def conflicts_of(document: Document, settlements: Settlements) -> tuple[Conflict, ...]:
    """The open conflicts of a document: of its registers, of its text from beginning to end, delete against edit."""
    registers = (_register(document, key) for key in document.conflicts())
    regions = document.regions(settlements.naming, settlements.rivals, settlements.choices)
    text = document.text() if regions else ""
    return (*registers, *(_text(document, text, region) for region in regions), *_deleted(document))


def replaced_by(document: Document, settlement: Change) -> tuple[Conflict, ...]:
    """The conflicts of registers that this change of a document ended: of what it replaced several were different."""
    found = []
    for operation in settlement.operations:
        if operation.object is None and isinstance(operation.key, str):
            writes = {write.id: write for write in document.folded().writes(operation.key)}
            live = {name: Live(writes[name].value, writes[name].change) for name in operation.before if name in writes}
            if len({(type(one.value), one.value) for one in live.values()}) > 1:
                found.append(_register_of(document, operation.key, live))
    return tuple(found)


def fields(conflicts: Iterable[Conflict]) -> tuple[str, ...]:
    """What is in conflict in a document: registers, `body` for its text, `deleted`; each once."""
    return tuple(sorted({conflict.field for conflict in conflicts}, key=str.encode))


def _register(document: Document, key: str) -> Conflict:
    """Different values that live in one register."""
    return _register_of(document, key, document.live_operations(key))


def _register_of(document: Document, key: str, live: Mapping[OperationId, Live]) -> Conflict:
    """Different values of one register. Equal ones are one side, by the greatest of their operations."""
    sides: dict[tuple[type, Value], Side] = {}
    for operation in sorted(live, reverse=True):
        value = live[operation].value
        sides.setdefault((type(value), value), Side(value, live[operation].change))
    kind = Kind.RENAMED if key == PATH else Kind.REGISTER
    before = document.folded().parted(key, live, document.hidden)
    name = name_of(document.id, kind, key, map(operation_name, live))
    return Conflict(name, kind, key, tuple(sides.values()), before[0] if len(before) == 1 else None)


def _text(document: Document, text: str, region: Region) -> Conflict:
    """Edits of one region of the text that overlap."""
    name = name_of(document.id, Kind.TEXT, BODY, region.prints)
    words = _words_beside(text, region)
    sides = tuple(Side(side.text.join(words), side.change) for side in region.sides)
    return Conflict(name, Kind.TEXT, BODY, sides, region.ancestor.join(words), region, words)


def _words_beside(text: str, region: Region) -> tuple[str, str]:
    """What completes the words that a region cuts: people read words, and edits are of letters."""
    texts = (region.ancestor, region.merged, *(side.text for side in region.sides))
    before = text[max(region.start - WORD_SHOWN_CHARACTERS, 0) : region.start]
    end = region.start + region.length
    after = text[end : end + WORD_SHOWN_CHARACTERS]
    left, right = _LAST_WORD.search(before), _FIRST_WORD.match(after)
    cut = any(_FIRST_WORD.match(each) for each in texts), any(_LAST_WORD.search(each) for each in texts)
    return left[0] if left and cut[0] else "", right[0] if right and cut[1] else ""


def _deleted(document: Document) -> Iterable[Conflict]:
    """Deletions that live, and edits beside them: their writers did not know of each other. Notices are no edits."""
    live, history = document.live_operations(DELETED), document.history
    if not live or any(one.value is not True for one in live.values()):
        return  # where some say so and some do not, that is a conflict of the register
    gone = {one.change for one in live.values()}
    beyond = {*history.difference(history.reach(history.heads), history.reach(gone))} - document.hidden
    numbers = [history.number(change) for change in gone]
    aware = {c for c in beyond if any(history.covers(history.reach([c]), *number) for number in numbers)}
    if not (beside := document.folded().beside(DELETED, beyond - aware, NOTICES) if beyond > aware else set()):
        return
    newest = max(beside, key=history.age)
    sides = (Side("deleted", live[max(live)].change), Side("edited", newest))
    members = {*map(operation_name, live), *beside}
    yield Conflict(name_of(document.id, Kind.DELETED, DELETED, members), Kind.DELETED, DELETED, sides, None)
