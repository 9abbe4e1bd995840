"""How lists show a document: a note as a note, everything else as a record. This module folds and decides nothing."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

from mesh.names import Digest, DocumentId
from mesh.node.gathered import Birth, Loaded, Step
from mesh.node.storage.store_port import Author, NoteRow, RecordRow, Shown, Store
from mesh.state import notes, records


def as_born(document: DocumentId, birth: Birth) -> Shown:
    """How lists show a document at its birth."""
    author = birth.author
    if document.type != notes.KIND:
        return RecordRow(records.view(document, birth.born), author, author)
    view = notes.view(document, birth.born)
    return NoteRow(view, author.time_ms, author.admission, author.lamport, author if view.path else None)


async def as_kept(store: Store, document: DocumentId) -> Shown | None:
    """How lists show a document, as the store has it."""
    return await (store.note(document) if document.type == notes.KIND else store.record(document))


async def called(store: Store, title: str, *, deleted: bool, limit: int) -> tuple[DocumentId, ...]:
    """The documents of exactly this title, looked for among so many that have all of its words."""
    kept = await store.notes(search=title, deleted=deleted, limit=limit)
    found = [row.note.document for row in kept if row.note.title == title]
    others = await store.records(types=records.TYPES, search=title, deleted=deleted, limit=limit) if title else ()
    return (*found, *(row.record.document for row in others if title_of(row) == title))


def show(loaded: Loaded, entered: Sequence[Step]) -> None:
    """How lists show a document after these came into it; nothing of it where nothing counts."""
    if not loaded.shown:
        loaded.row = None
        return
    newest = max(entered, key=_order, default=None)
    if loaded.document.id.type == notes.KIND:
        loaded.row = _note(loaded, newest.author if newest else None)
    else:
        loaded.row = _record(loaded, newest.author if newest else None)


def _note(loaded: Loaded, newest: Author | None) -> NoteRow | None:
    old = loaded.row
    assert not isinstance(old, RecordRow), old
    view = notes.view_of(loaded.document, old.note.conflicts if old else ())
    placed = old.placed if old else None
    if newest and (old is None or _stamp(newest) >= (old.lamport, old.updated_by)):
        return NoteRow(view, newest.time_ms, newest.admission, newest.lamport, placed)
    return NoteRow(view, old.updated_ms, old.updated_by, old.lamport, placed) if old else None


def _record(loaded: Loaded, newest: Author | None) -> RecordRow | None:
    old = loaded.row
    assert not isinstance(old, NoteRow), old
    view = records.view_of(loaded.document, old.record.conflicts if old else ())
    if newest and (old is None or _stamp(newest) >= _stamp(old.updated)):
        born = old.born if old else loaded.born
        assert born, loaded.document.id
        return RecordRow(view, born, newest)
    return replace(old, record=view) if old else None


def _order(step: Step) -> tuple[int, Digest]:
    return step.placed.header.lamport, step.placed.admission


def _stamp(author: Author) -> tuple[int, Digest]:
    return author.lamport, author.admission


def title_of(row: Shown | None) -> str:
    """What it is called; empty where nothing is shown."""
    if row is None:
        return ""
    return row.note.title if isinstance(row, NoteRow) else row.record.word(records.TITLE)


def is_deleted(row: Shown) -> bool:
    """Whether it was put away."""
    return row.note.deleted if isinstance(row, NoteRow) else row.record.deleted


def touched(row: Shown) -> tuple[int, Digest]:
    """When it was touched last, and by which admission."""
    return (
        (row.updated_ms, row.updated_by) if isinstance(row, NoteRow) else (row.updated.time_ms, row.updated.admission)
    )


def conflicts_in(row: Shown) -> tuple[str, ...]:
    """What is in conflict in it."""
    return row.note.conflicts if isinstance(row, NoteRow) else row.record.conflicts


def with_conflicts(row: Shown, fields: tuple[str, ...]) -> Shown:
    """The same, with what is in conflict in it."""
    if isinstance(row, NoteRow):
        return replace(row, note=replace(row.note, conflicts=fields))
    return replace(row, record=replace(row.record, conflicts=fields))
