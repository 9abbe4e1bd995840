"""Whether the store is sound, and how its views are dropped before they are made anew from the log."""

from __future__ import annotations

from mesh.events.verdict import Standing
from mesh.names import ZERO
from mesh.node.storage.ledger_state import CHAIN_BITS, counted
from mesh.node.storage.sql import Sql

_PROBLEMS_MAX = 100
_VIEWS = (
    "note", "note_tag", "record", "snapshot", "conflict", "settlement", "event_change", "roll", "bucket",
    "dirty_bucket",
)  # fmt: skip

_WORDS = ("note_words", "record_words", "title_words")


def problems(db: Sql, *, deep: bool) -> tuple[str, ...]:
    """What is wrong with the tables; nothing if they are sound."""
    rows = db.execute(f"PRAGMA {'integrity_check' if deep else 'quick_check'}({_PROBLEMS_MAX})").fetchall()
    found = [text for (text,) in rows if text != "ok"]
    if deep and not found:
        for words in _WORDS:  # raises when it is damaged
            db.execute(f"INSERT INTO {words} ({words}) VALUES ('integrity-check')")  # noqa: S608 - the names stand above
        found += _wrong_rolls(db)
    return tuple(found)


def _wrong_rolls(db: Sql) -> list[str]:
    """Rolls that do not follow from the rows: the state digest would say something false."""
    kept = dict(db.execute("SELECT place, hash FROM roll"))
    for document, chain in db.execute(
        "SELECT DISTINCT e.document, b.chain FROM event e CROSS JOIN branch b ON b.id = e.branch"
        " WHERE e.document IS NOT NULL AND e.standing = 0"
    ).fetchall():
        place = document << CHAIN_BITS | chain
        if kept.pop(place, ZERO) != counted(db, place)[2]:
            return [f"the state digest of document {document} does not follow from its events"]
    return ["the state digest counts a document without honoured events"] if kept else []


def forget_state(db: Sql) -> None:
    """Drop every view; every data event waits to be weighed again."""
    for words in _WORDS:
        db.execute(f"INSERT INTO {words} ({words}) VALUES ('delete-all')")  # noqa: S608 - the names stand above
    for table in _VIEWS:
        db.execute(f"DELETE FROM {table}")  # noqa: S608 - the names stand above
    db.execute(
        "UPDATE event SET standing = ?, reason = NULL WHERE branch IN"
        " (SELECT b.id FROM branch b JOIN chain c ON c.id = b.chain WHERE c.lane = 1)",
        (int(Standing.WAITS),),
    )
