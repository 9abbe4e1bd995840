"""Documents in tables: their numbers, their snapshots, and the views and words by which notes are listed and found.

A view is written by the commit that changes its document, never on its own. This module never reads an event.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable

from mesh.limits import NOTES_LISTED_MAX
from mesh.names import DocumentId
from mesh.node.storage.ledger_search import retitle, search_words
from mesh.node.storage.ledger_state import bucket_of
from mesh.node.storage.ledger_views import COLUMNS, NONE, SELECT, Texts, note_row, texts_of, view_columns
from mesh.node.storage.placings import place_number
from mesh.node.storage.sql import Sql, insert
from mesh.node.storage.store_port import NoteRow, Snapshot
from mesh.state.notes import KIND as NOTE

_WORDS = "SELECT title, tags, body FROM note WHERE document = ?"
_UNWORDED = "INSERT INTO note_words (note_words, rowid, title, tags, body) VALUES ('delete', ?, ?, ?, ?)"
_LAST_NAME = 2**128
_NAME_BITS = 128
_BITS_PER_LETTER = 5
_LETTERS = "abcdefghijklmnopqrstuvwxyz234567"


def document_number(db: Sql, document: DocumentId) -> int | None:
    """The number of a document that has one."""
    row = _find(db, document)
    return row[0] if row else None


def _find(db: Sql, document: DocumentId) -> tuple[int, int] | None:
    row: tuple[int, int] | None = db.execute(
        "SELECT id, bucket FROM document WHERE substr(name, 1, 5) = ? AND name = ? AND space = ? AND type = ?",
        (document.name[:5], document.name, document.space, document.type),
    ).fetchone()
    return row


class Documents:
    """The numbers of the documents that one batch names, and the rows of those that are new."""

    def __init__(self, db: Sql) -> None:
        """Know none yet."""
        self._db = db
        self._numbers: dict[tuple[str, str, bytes], int] = {}
        self._buckets: dict[int, int] = {}
        self._next = 0
        self.fresh: dict[int, DocumentId] = {}
        """Those that no row names yet."""

    def number(self, document: DocumentId) -> int:
        """The number of a document; it gets the next one when it has none."""
        name = (document.space, document.type, document.name)
        number = self._numbers.get(name)
        if number is None:
            number, bucket = _find(self._db, document) or self._add(document)
            self._numbers[name] = number
            self._buckets[number] = bucket
        return number

    def _add(self, document: DocumentId) -> tuple[int, int]:
        if not self._next:
            (self._next,) = self._db.execute("SELECT coalesce(max(id), 0) + 1 FROM document").fetchone()
        number, self._next = self._next, self._next + 1
        self.fresh[number] = document
        return number, bucket_of(document)

    def bucket(self, number: int) -> int:
        """The bucket of a document that was named or that a row names."""
        if number not in self._buckets:
            (self._buckets[number],) = self._db.execute(
                "SELECT bucket FROM document WHERE id = ?", (number,)
            ).fetchone()
        return self._buckets[number]

    def write(self) -> None:
        """Write the rows of those that are new."""
        rows = [(number, self._buckets[number], d.name, d.space, d.type) for number, d in self.fresh.items()]
        insert(self._db, "INSERT INTO document (id, bucket, name, space, type)", rows)


# ---------------------------------------------------------------- writing


def keep_snapshot(db: Sql, document: int, snapshot: Snapshot) -> None:
    """Replace a document's snapshot."""
    db.execute(
        "INSERT OR REPLACE INTO snapshot (document, upto, data) VALUES (?, ?, ?)",
        (document, snapshot.upto, snapshot.data),
    )


def drop_snapshots(db: Sql, documents: Iterable[DocumentId]) -> None:
    """Drop documents' snapshots, where there are any."""
    numbers = (document_number(db, document) for document in documents)
    db.executemany("DELETE FROM snapshot WHERE document = ?", [(n,) for n in numbers if n is not None])


class Notes:
    """The views that one batch writes: gathered, so that each table is written by one statement."""

    def __init__(self, db: Sql, documents: Documents) -> None:
        """Start with none."""
        self._db, self._documents = db, documents
        self._waiting: dict[int, tuple[NoteRow, Texts, Texts | None]] = {}
        self.changed: set[int] = set()
        """Documents that show something else once all of it is written."""

    def keep(self, rows: Iterable[NoteRow], *, as_born: bool) -> None:
        """Replace notes' views. `as_born`: only where there is none yet."""
        for row in rows:
            number = self._documents.number(row.note.document)
            if number in self._waiting:
                if as_born:
                    continue
                was = self._waiting[number][2]
            elif number in self._documents.fresh:
                was = None
            else:
                was = self._db.execute(_WORDS, (number,)).fetchone()
            if was is None or not as_born:
                self._waiting[number] = (row, texts_of(row.note), was)

    def drop(self, documents: Iterable[DocumentId]) -> None:
        """Drop notes' views at once, with their words and tags, where there are any."""
        for document in documents:
            number = document_number(self._db, document)
            was = self._db.execute(_WORDS, (number,)).fetchone()
            if number is not None and was is not None:
                self.changed.add(number)
                self._db.execute(_UNWORDED, (number, *was))
                self._db.execute("DELETE FROM note WHERE document = ?", (number,))
                self._db.execute("DELETE FROM note_tag WHERE document = ?", (number,))
                retitle(self._db, [(number, was[0], None)])

    def write(self) -> None:
        """Write them; words and tags only where they changed."""
        self.changed |= self._waiting.keys()
        views = [view_columns(number, row, texts) for number, (row, texts, _) in self._waiting.items()]
        words = [(n, texts, was) for n, (_, texts, was) in self._waiting.items() if texts != was]
        # The index holds no texts of its own: it must be told what it is to forget.
        self._db.executemany(_UNWORDED, [(number, *was) for number, _, was in words if was is not None])
        insert(self._db, f"INSERT OR REPLACE INTO note ({COLUMNS})", views)
        come = [(number, *texts) for number, texts, _ in words]
        insert(self._db, "INSERT INTO note_words (rowid, title, tags, body)", come)
        retitle(self._db, [(number, was[0] if was else None, texts[0]) for number, texts, was in words])
        retagged = [(n, was) for n, texts, was in words if texts[1] != (was[1] if was else NONE)]
        self._db.executemany("DELETE FROM note_tag WHERE document = ?", [(n,) for n, was in retagged if was])
        tags = [(tag, n) for n, _ in retagged for tag in dict.fromkeys(self._waiting[n][0].note.tags)]
        insert(self._db, "INSERT INTO note_tag (tag, document)", tags)


# ---------------------------------------------------------------- reading


def read_snapshot(db: Sql, document: DocumentId) -> Snapshot | None:
    """A document's snapshot."""
    number = document_number(db, document)
    row = db.execute("SELECT data, upto FROM snapshot WHERE document = ?", (number,)).fetchone()
    return Snapshot(document, *row) if row else None


def read_setting(db: Sql, key: str) -> bytes | None:
    """What was stored under a key."""
    row = db.execute("SELECT value FROM setting WHERE key = ?", (key,)).fetchone()
    return row[0] if row else None


def read_note(db: Sql, document: DocumentId) -> NoteRow | None:
    """One note's view."""
    number = document_number(db, document)
    row = db.execute(f"{SELECT} WHERE n.document = ?", (number,)).fetchone()
    return note_row(row) if row else None


def read_titles(db: Sql, documents: Collection[DocumentId]) -> dict[DocumentId, str]:
    """What these documents are called."""
    found = {}
    for document in documents:
        number = document_number(db, document)
        table = "note" if document.type == NOTE else "record"
        row = db.execute(f"SELECT title FROM {table} WHERE document = ?", (number,)).fetchone()  # noqa: S608 - a constant
        if row:
            found[document] = row[0]
    return found


def read_notes(
    db: Sql,
    *,
    tag: str | None,
    search: str | None,
    at: tuple[str, str] | None,
    deleted: bool,
    limit: int,
    after: NoteRow | None,
) -> tuple[NoteRow, ...]:
    """Notes, the latest first."""
    where = ["n.deleted = ?"]
    found: list[object] = [int(deleted)]
    if tag is not None:
        where.append("n.document IN (SELECT document FROM note_tag WHERE tag = ?)")
        found.append(tag)
    if search is not None:
        where.append("n.document IN (SELECT rowid FROM note_words WHERE note_words MATCH ?)")
        found.append(search_words(search))
    if at is not None:
        where.append("n.place = ? AND d.space = ? AND n.path = ?")
        found += [place_number(*at), *at]
    if after is not None:
        document = after.note.document
        where.append("n.lamport <= ? AND (n.lamport < ? OR (d.name, d.space, d.type) > (?, ?, ?))")
        found += [after.lamport, after.lamport, document.name, document.space, document.type]
    order = "ORDER BY n.lamport DESC, d.name, d.space, d.type LIMIT ?"
    sql = f"{SELECT} WHERE {' AND '.join(where)} {order}"
    return tuple(note_row(row) for row in db.execute(sql, (*found, min(limit, NOTES_LISTED_MAX))))


def read_documents(db: Sql, prefix: str, limit: int) -> tuple[DocumentId, ...]:
    """Documents whose name begins like that, in the space and of the type that stand before it."""
    *words, letters = prefix.strip().lower().split("/")
    span = name_span(letters)
    if span is None or len(words) > 2:
        return ()
    kind = words[-1] if words else None
    space = words[0] if len(words) > 1 else None
    rows = db.execute(
        "SELECT space, type, name FROM document WHERE substr(name, 1, 5) BETWEEN ? AND ? AND name BETWEEN ? AND ?"
        " AND (? IS NULL OR type = ?) AND (? IS NULL OR space = ?) ORDER BY substr(name, 1, 5), name, space, type"
        " LIMIT ?",
        (span[0][:5], span[1][:5], *span, kind, kind, space, space, limit),
    )
    return tuple(DocumentId(*row) for row in rows)


def name_span(letters: str) -> tuple[bytes, bytes] | None:
    """The first and the last name that are written with these letters first; None when none is."""
    if any(letter not in _LETTERS for letter in letters):
        return None
    number = 0
    for letter in letters:
        number = number << _BITS_PER_LETTER | _LETTERS.index(letter)
    free = _NAME_BITS - _BITS_PER_LETTER * len(letters)
    if free < 0:
        # The last of 26 letters carries two bits that are no part of the name, always zero.
        number, rest = divmod(number, 1 << -free)
        if rest or len(letters) * _BITS_PER_LETTER - _NAME_BITS >= _BITS_PER_LETTER:
            return None
        free = 0
    first = number << free
    last = min(first + (1 << free), _LAST_NAME) - 1
    return first.to_bytes(_NAME_BITS // 8, "big"), last.to_bytes(_NAME_BITS // 8, "big")
