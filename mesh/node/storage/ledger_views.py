"""What notes show, in tables: the columns of a view, and how they become a note again.

Beside its texts a view has a digest of what it shows, so that views are compared without reading them, and a number
for its path, so that several notes at one path are found. This module never reads an event.
"""

from __future__ import annotations

import json
from collections.abc import Sequence

from mesh.names import Digest, DocumentId
from mesh.node.storage.placings import place_of, placing_of
from mesh.node.storage.sql import Sql
from mesh.node.storage.store_port import Author, NoteRow
from mesh.state.notes import Note
from mesh.state.view_digest import content_of

COLUMNS = (
    "document, lamport, updated_ms, updated_by, deleted, content, place, placed_lamport, placed_ms, placed_event,"
    " placed_by, placed_agent, path, conflicts, title, tags, body"
)
_MARKS = ", ".join("?" * len(COLUMNS.split(",")))
SELECT = (
    "SELECT d.space, d.type, d.name, n.title, n.body, n.tags, n.path, n.deleted, n.conflicts, n.updated_ms,"
    " n.updated_by, n.lamport, n.placed_event, n.placed_by, n.placed_agent, n.placed_ms, n.placed_lamport"
    " FROM note n CROSS JOIN document d ON d.id = n.document"
)
NONE = "[]"
Texts = tuple[str, str, str]
"""Title, tags and body, as tables have them."""

_JSON = json.JSONEncoder(ensure_ascii=False)
_OLD = (
    "SELECT n.document, d.space, d.type, d.name, n.title, n.body, n.tags, n.path, n.deleted, n.conflicts, n.updated_ms,"
    " n.updated_by, n.lamport, NULL, NULL, NULL, NULL, NULL FROM note n CROSS JOIN document d ON d.id = n.document"
)


def texts_of(note: Note) -> Texts:
    """The texts of a note as tables have them."""
    return note.title, listed(note.tags), note.body


def listed(texts: Sequence[str]) -> str:
    """Texts as one text."""
    return _JSON.encode(texts) if texts else NONE


def view_columns(document: int, row: NoteRow, texts: Texts) -> tuple[object, ...]:
    """A note's view as `COLUMNS`."""
    note, author = row.note, row.placed
    conflicts = listed(note.conflicts) if note.conflicts else None
    placed = (author.time_ms, author.event, author.admission, author.agent) if author else (None,) * 4
    return (
        document, row.lamport, row.updated_ms, row.updated_by, int(note.deleted), content_of(note), place_of(note),
        placing_of(row).lamport, *placed, note.path, conflicts, *texts,
    )  # fmt: skip


def note_row(row: Sequence[object]) -> NoteRow:
    """A row of `SELECT` as a view."""
    space, kind, name, title, body, tags, path, deleted, conflicts, *rest = row
    updated_ms, updated_by, lamport, *placed = rest
    named = tuple(json.loads(str(conflicts))) if conflicts else ()
    note = Note(
        DocumentId(str(space), str(kind), name),  # type: ignore[arg-type]
        str(title), str(body), tuple(json.loads(str(tags))), None if path is None else str(path), bool(deleted), named,
    )  # fmt: skip
    author = None if placed[0] is None else Author(*placed)  # type: ignore[arg-type]
    return NoteRow(note, updated_ms, Digest(updated_by), lamport, author)  # type: ignore[arg-type]


def copy_notes(db: Sql) -> None:
    """Copy the views of the second version into the table of the third one; who gave a note its path is not known."""
    sql = f"INSERT INTO shown ({COLUMNS}) VALUES ({_MARKS})"  # noqa: S608 - the names stand above
    for number, *row in db.execute(_OLD):
        view = note_row(row)
        db.execute(sql, view_columns(number, view, texts_of(view.note)))
