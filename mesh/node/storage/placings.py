"""Several notes at one path of a space: which event gave each its path, and the conflict that they are.

Nothing is kept of such a conflict; a store finds the notes when somebody asks. It renames nothing.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Sequence
from typing import NamedTuple

from mesh.limits import CONFLICT_SIDES_KEPT
from mesh.names import Digest, DocumentId
from mesh.node.storage.store_port import Author, ConflictRow, NoteRow, SideRow
from mesh.state.conflicts import Kind, name_of
from mesh.state.notes import Note

FIELD = "path"
_PLACE_BYTES = 8


class Placing(NamedTuple):
    """How a note came to its path, in the order in which notes came to it.

    Of a note that an older mesh wrote down `author` is None, and the event is empty: the other numbers are then those
    of whoever touched it last.
    """

    lamport: int
    event: bytes
    document: DocumentId
    by: Digest
    time_ms: int
    author: Author | None


def placing_of(row: NoteRow) -> Placing:
    """How a note came to its path."""
    author = row.placed
    if author is None:
        return Placing(row.lamport, b"", row.note.document, row.updated_by, row.updated_ms, None)
    return Placing(author.lamport, author.event, row.note.document, author.admission, author.time_ms, author)


def place_of(note: Note) -> int | None:
    """A number for the space and the path of a note that is not deleted; different places may share one."""
    return None if note.deleted or not note.path else place_number(note.document.space, note.path)


def place_number(space: str, path: str) -> int:
    """A number for a path of a space."""
    raw = hashlib.sha256(f"{space}/{path}".encode()).digest()
    return int.from_bytes(raw[:_PLACE_BYTES], "big", signed=True)


def name_of_path(placings: Iterable[Placing]) -> bytes:
    """The name of the conflict of notes at one path."""
    found = sorted(placings)
    return _named(found, [str(one.document) for one in found])


def _named(placings: Sequence[Placing], texts: Sequence[str]) -> bytes:
    members = [text.encode() for text in texts] + [one.event for one in placings if one.event]
    return name_of(placings[0].document, Kind.PATH, FIELD, members)


def conflict_at(placings: Iterable[Placing]) -> ConflictRow:
    """The conflict of notes at one path, of which there are at least two."""
    found = sorted(placings)
    texts = [str(one.document) for one in found]
    sides = zip(texts[:CONFLICT_SIDES_KEPT], found, strict=False)
    return ConflictRow(
        _named(found, texts),
        found[0].document,
        Kind.PATH.value,
        FIELD,
        since_ms=found[1].time_ms,
        lamport=found[-1].lamport,
        count=len(found),
        devices=tuple(dict.fromkeys(one.by for one in found)),
        sides=tuple(SideRow(text, len(text), one.author) for text, one in sides),
    )
