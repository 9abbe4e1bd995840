"""Forgotten documents: which they are and since when, and how their bodies leave the file for good.

Headers stay, since chains stand on them. Nothing here decides what is forgotten.
"""

from __future__ import annotations

from collections.abc import Iterable

from mesh.events.event import decode_header
from mesh.names import Digest, DocumentId
from mesh.node.storage.ledger_search import index_anew
from mesh.node.storage.sql import Sql

_MISSING = (
    "SELECT e.digest, e.header FROM event e LEFT JOIN document d ON d.id = e.document WHERE e.body IS NULL"
    " AND NOT EXISTS (SELECT 1 FROM forgotten f WHERE f.name = d.name AND f.space = d.space AND f.type = d.type)"
    " ORDER BY e.id LIMIT ?"
)
_OVER = (
    "SELECT d.id FROM forgotten f CROSS JOIN document d ON substr(d.name, 1, 5) = substr(f.name, 1, 5)"
    " AND f.name = d.name AND f.space = d.space AND f.type = d.type WHERE f.since_ms < ?"
)
_BODIES = f"SELECT id FROM event WHERE document IN ({_OVER}) AND body IS NOT NULL"  # noqa: S608 - a constant


def note_forgotten(db: Sql, documents: Iterable[DocumentId], time_ms: int) -> None:
    """Remember which documents are forgotten, each since it first was; the others are not any more."""
    wanted = {(document.name, document.space, document.type) for document in documents}
    held = {tuple(row) for row in db.execute("SELECT name, space, type FROM forgotten").fetchall()}
    db.executemany("DELETE FROM forgotten WHERE name = ? AND space = ? AND type = ?", sorted(held - wanted))
    db.executemany(
        "INSERT INTO forgotten (name, space, type, since_ms) VALUES (?, ?, ?, ?)",
        [(*name, time_ms) for name in sorted(wanted - held)],
    )


def read_missing(db: Sql, limit: int) -> tuple[tuple[Digest, Digest], ...]:
    """Events whose body is not here and is wanted, oldest first."""
    return tuple((digest, decode_header(header).body_digest) for digest, header in db.execute(_MISSING, (limit,)))


def erase(db: Sql, before_ms: int) -> int:
    """Delete the bodies of documents forgotten before that time; the caller holds a transaction. Returns how many.

    What the pages had is overwritten (`secure_delete`). The words are indexed anew, since the index only marks what
    is deleted.
    """
    bodies = db.execute(_BODIES, (before_ms,)).fetchall()
    db.executemany("UPDATE event SET body = NULL WHERE id = ?", bodies)
    db.execute(f"DELETE FROM event_change WHERE document IN ({_OVER})", (before_ms,))  # noqa: S608
    if bodies:
        index_anew(db)
    return len(bodies)
