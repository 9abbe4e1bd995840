"""Records in tables: their views, and the words by which they are found.

A view is written by the commit that changes its document, never on its own. This module never reads an event.
"""

from __future__ import annotations

import json
from collections.abc import Collection, Iterable, Sequence
from dataclasses import dataclass
from typing import Any

from mesh.limits import LIST_MAX
from mesh.names import DocumentId
from mesh.node.storage.ledger_documents import Documents, document_number
from mesh.node.storage.ledger_search import retitle, search_words
from mesh.node.storage.ledger_views import listed
from mesh.node.storage.sql import Sql, insert
from mesh.node.storage.store_port import Author, RecordRow
from mesh.state.records import PROJECT, STATE, TITLE, Record
from mesh.state.view_digest import content_of

_COLUMNS = (
    "document, type, deleted, lamport, project, state, content, born_event, born_by, born_agent, born_ms, born_lamport,"
    " updated_event, updated_by, updated_agent, updated_ms, conflicts, title, registers, words, body"
)
_SELECT = (
    "SELECT d.space, d.type, d.name, r.registers, r.body, r.conflicts, r.born_event, r.born_by, r.born_agent,"
    " r.born_ms, r.born_lamport, r.updated_event, r.updated_by, r.updated_agent, r.updated_ms, r.lamport"
    " FROM record r CROSS JOIN document d ON d.id = r.document"
)
_TEXTS = "SELECT title, words, body FROM record WHERE document = ?"
_UNWORDED = "INSERT INTO record_words (record_words, rowid, title, words, body) VALUES ('delete', ?, ?, ?, ?)"
_ORDER = "r.lamport DESC, d.name, d.space, d.type"

_JSON = json.JSONEncoder(ensure_ascii=False, separators=(",", ":"), sort_keys=True)
_Texts = tuple[str, str, str]


@dataclass(frozen=True, slots=True)
class Asked:
    """Which records are asked for."""

    types: Collection[str]
    project: str
    states: Collection[str]
    search: str
    deleted: bool


class Records:
    """The views that one batch writes: gathered, so that each table is written by one statement."""

    def __init__(self, db: Sql, documents: Documents) -> None:
        """Start with none."""
        self._db, self._documents = db, documents
        self._waiting: dict[int, tuple[RecordRow, _Texts, _Texts | None]] = {}
        self.changed: set[int] = set()
        """Documents that show something else once all of it is written."""

    def keep(self, rows: Iterable[RecordRow], *, as_born: bool) -> None:
        """Replace records' views. `as_born`: only where there is none yet."""
        for row in rows:
            number = self._documents.number(row.record.document)
            if number in self._waiting:
                if as_born:
                    continue
                was = self._waiting[number][2]
            else:
                was = self._db.execute(_TEXTS, (number,)).fetchone()
            if was is None or not as_born:
                self._waiting[number] = (row, _texts_of(row.record), was)

    def drop(self, documents: Iterable[DocumentId]) -> None:
        """Drop records' views at once, with their words, where there are any."""
        for document in documents:
            number = document_number(self._db, document)
            was = self._db.execute(_TEXTS, (number,)).fetchone()
            if number is not None and was is not None:
                self.changed.add(number)
                self._db.execute(_UNWORDED, (number, *was))
                self._db.execute("DELETE FROM record WHERE document = ?", (number,))
                retitle(self._db, [(number, was[0], None)])

    def write(self) -> None:
        """Write them; words only where they changed."""
        self.changed |= self._waiting.keys()
        words = [(n, texts, was) for n, (_, texts, was) in self._waiting.items() if texts != was]
        # The index holds no texts of its own: it must be told what it is to forget.
        self._db.executemany(_UNWORDED, [(number, *was) for number, _, was in words if was is not None])
        views = [_columns(number, row, texts) for number, (row, texts, _) in self._waiting.items()]
        insert(self._db, f"INSERT OR REPLACE INTO record ({_COLUMNS})", views)
        come = [(number, *texts) for number, texts, _ in words]
        insert(self._db, "INSERT INTO record_words (rowid, title, words, body)", come)
        retitle(self._db, [(number, was[0] if was else None, texts[0]) for number, texts, was in words])


def _texts_of(record: Record) -> _Texts:
    return record.word(TITLE), "\n".join(record.words()), record.text


def _columns(document: int, row: RecordRow, texts: _Texts) -> tuple[object, ...]:
    """A record's view as `_COLUMNS`."""
    record, born, updated = row.record, row.born, row.updated
    title, words, body = texts
    return (
        document, record.kind, int(record.deleted), updated.lamport, record.word(PROJECT), record.word(STATE),
        content_of(record), born.event, born.admission, born.agent, born.time_ms, born.lamport, updated.event,
        updated.admission, updated.agent, updated.time_ms, listed(record.conflicts) if record.conflicts else None,
        title, _JSON.encode(dict(record.registers)), words, body,
    )  # fmt: skip


def _row(columns: Sequence[Any]) -> RecordRow:
    """A row of `_SELECT` as a view."""
    space, kind, name, registers, body, conflicts, *authors = columns
    named = tuple(json.loads(conflicts)) if conflicts else ()
    record = Record(DocumentId(space, kind, name), json.loads(registers), body, named)
    return RecordRow(record, Author(*authors[:5]), Author(*authors[5:]))


# ---------------------------------------------------------------- reading


def read_record(db: Sql, document: DocumentId) -> RecordRow | None:
    """One record's view."""
    row = db.execute(f"{_SELECT} WHERE r.document = ?", (document_number(db, document),)).fetchone()
    return _row(row) if row else None


def read_records(db: Sql, asked: Asked, limit: int, after: RecordRow | None) -> tuple[RecordRow, ...]:
    """Records, the latest first."""
    where = ["r.deleted = ?", f"r.type IN ({_marks(asked.types)})"]
    values: list[object] = [int(asked.deleted), *asked.types]
    if asked.project:
        where.append("r.project = ?")
        values.append(asked.project)
    if asked.states:
        where.append(f"r.state IN ({_marks(asked.states)})")
        values += asked.states
    if asked.search:
        where.append("r.document IN (SELECT rowid FROM record_words WHERE record_words MATCH ?)")
        values.append(search_words(asked.search))
    if after is not None:
        document, lamport = after.record.document, after.updated.lamport
        where.append("r.lamport <= ? AND (r.lamport < ? OR (d.name, d.space, d.type) > (?, ?, ?))")
        values += [lamport, lamport, document.name, document.space, document.type]
    sql = f"{_SELECT} WHERE {' AND '.join(where)} ORDER BY {_ORDER} LIMIT ?"
    return tuple(_row(row) for row in db.execute(sql, (*values, min(limit, LIST_MAX))))


def _marks(values: Collection[object]) -> str:
    return ", ".join("?" * len(values))
