"""What was settled and taken back, and which event carries a change, in tables. Nothing here says what is open."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Sequence
from typing import Any

from mesh.events.verdict import Standing
from mesh.limits import CONFLICT_NAME_BYTES, SHORT_BYTES
from mesh.names import Digest, DocumentId
from mesh.node.storage.ledger_conflicts import name_span
from mesh.node.storage.ledger_documents import Documents, document_number
from mesh.node.storage.ledger_rows import read_rows
from mesh.node.storage.sql import Sql
from mesh.node.storage.store_port import Author, Row, SettlementRow

_SETTLEMENT = (
    "SELECT d.space, d.type, d.name, s.event, s.admission, s.agent, s.time_ms, s.lamport, s.conflict, s.prints, s.rule,"
    " s.undoes, s.change FROM settlement s CROSS JOIN document d ON d.id = s.document"
)
_CHANGE_BYTES = SHORT_BYTES
"""Of the hash of a change so much is kept: enough that nobody finds two changes that begin alike."""


def keep_settlements(
    db: Sql, documents: Documents, settlements: Iterable[tuple[DocumentId, tuple[SettlementRow, ...], bool]]
) -> None:
    """Add settlements of documents, or replace all that a document has."""
    for document, rows, whole in settlements:
        number = documents.number(document)
        if whole:
            db.execute("DELETE FROM settlement WHERE document = ?", (number,))
        db.executemany(
            "INSERT OR REPLACE INTO settlement (document, event, lamport, admission, agent, time_ms, conflict, undoes,"
            " change, rule, prints) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)",
            [
                (
                    number, r.author.event, r.author.lamport, r.author.admission, r.author.agent, r.author.time_ms,
                    r.conflict, r.undoes, r.change, r.rule, b"".join(r.prints),
                )
                for r in rows
            ],
        )  # fmt: skip


def keep_changes(db: Sql, changes: Iterable[tuple[Digest, bytes]]) -> None:
    """Remember which change each of these events carries, once it is known of which document."""
    db.executemany(
        "INSERT OR IGNORE INTO event_change (document, change, event) SELECT document, ?, id FROM event"
        " WHERE substr(digest, 1, 5) = ? AND digest = ? AND document IS NOT NULL",
        ((change[:_CHANGE_BYTES], event[:5], event) for event, change in changes),
    )


def read_settlements(
    db: Sql, document: DocumentId | None, conflict: str, limit: int, before: int
) -> tuple[SettlementRow, ...]:
    """Settlements, the latest first. A page is not cut between equal numbers, since the next one begins below them."""
    where, values = ["TRUE"], list[object]()
    if document is not None:
        where.append("s.document = ?")
        values.append(document_number(db, document))
    if conflict:
        span = name_span(conflict, CONFLICT_NAME_BYTES)
        if span is None:
            return ()
        where.append("s.conflict BETWEEN ? AND ?")
        values += span
    if before:
        where.append("s.lamport < ?")
        values.append(before)
    chosen = " AND ".join(where)
    (last,) = db.execute(
        f"SELECT min(lamport) FROM (SELECT s.lamport FROM settlement s WHERE {chosen} ORDER BY s.lamport DESC LIMIT ?)",  # noqa: S608
        (*values, limit),
    ).fetchone()
    sql = f"{_SETTLEMENT} WHERE {chosen} AND s.lamport >= ? ORDER BY s.lamport DESC, s.event"
    return tuple(_row(columns) for columns in db.execute(sql, (*values, last)))


def _row(columns: Sequence[Any]) -> SettlementRow:
    space, kind, name, *author, conflict, prints, rule, undoes, change = columns
    split = range(0, len(prints), CONFLICT_NAME_BYTES)
    names = tuple(prints[place : place + CONFLICT_NAME_BYTES] for place in split)
    return SettlementRow(DocumentId(space, kind, name), Author(*author), conflict, names, rule, undoes, change)


def read_changes(db: Sql, document: DocumentId, changes: Collection[bytes]) -> dict[bytes, Row]:
    """The event of each change of a document; of several one that is honoured, the same on every device."""
    number = document_number(db, document)
    found: dict[bytes, Row] = {}
    for change in changes:
        tail = "WHERE e.id IN (SELECT event FROM event_change WHERE document = ? AND change = ?)"
        if rows := read_rows(db, tail, (number, change[:_CHANGE_BYTES])):
            found[change] = min(rows, key=preferred)
    return found


def preferred(row: Row) -> tuple[bool, int, Digest]:
    """Of several events that say the same, the smallest of these is the one that is named."""
    return row.standing is not Standing.HONOURED, row.placed.header.lamport, row.placed.digest
