"""The tables of a device's database, and how an older database becomes one of this version.

Compact on purpose: an event costs at most 300 bytes over its body, indexed. So names are looked up by their first
5 bytes, chains and documents are small numbers, and the parent of an event is not stored: within a branch it is the
event before, at a branch's beginning the branch names it. This module never looks at data.
"""

from __future__ import annotations

from collections.abc import Callable

from mesh.errors import Refused
from mesh.limits import STORE_BUSY_S, STORE_CACHE_BYTES, STORE_PAGE_BYTES, STORE_WAL_BYTES, STORE_WAL_KEPT_BYTES
from mesh.node.storage.ledger_views import copy_notes
from mesh.node.storage.sql import Sql
from mesh.state.digest import BUCKETS

APPLICATION = 0x6D657368
"""`mesh`: marks the file as ours, in its header."""


def settings(*, reading: bool) -> tuple[str, ...]:
    """What each connection is told when it opens, before anything else."""
    shared = (
        f"PRAGMA busy_timeout = {int(STORE_BUSY_S * 1000)}",
        f"PRAGMA cache_size = -{STORE_CACHE_BYTES // 1024}",
        "PRAGMA temp_store = MEMORY",
        "PRAGMA trusted_schema = OFF",
    )
    if reading:
        return (*shared, "PRAGMA query_only = ON")
    return (
        f"PRAGMA page_size = {STORE_PAGE_BYTES}",
        "PRAGMA journal_mode = WAL",
        "PRAGMA synchronous = FULL",
        # On macOS plain fsync does not reach the disk; elsewhere both of these do nothing.
        "PRAGMA fullfsync = ON",
        "PRAGMA checkpoint_fullfsync = ON",
        # What was forgotten must not be found in free pages.
        "PRAGMA secure_delete = ON",
        f"PRAGMA wal_autocheckpoint = {STORE_WAL_BYTES // STORE_PAGE_BYTES}",
        f"PRAGMA journal_size_limit = {STORE_WAL_KEPT_BYTES}",
        *shared,
    )


MIGRATIONS: tuple[tuple[str | Callable[[Sql], None], ...], ...] = (
    (
        f"PRAGMA application_id = {APPLICATION}",
        "CREATE TABLE setting (key TEXT PRIMARY KEY, value BLOB NOT NULL)",
        (
            "CREATE TABLE chain (id INTEGER PRIMARY KEY, digest BLOB NOT NULL UNIQUE, admission BLOB NOT NULL,"
            " lane INTEGER NOT NULL)"
        ),
        # A chain that was never forked has one branch. `parent`: the event it stands on, `first`: where it begins.
        "CREATE TABLE branch (id INTEGER PRIMARY KEY, chain INTEGER NOT NULL, parent INTEGER, first INTEGER NOT NULL)",
        "CREATE INDEX branch_chain ON branch (chain)",
        # The body stands last: what is long spills into pages of its own, and what stands before it needs no spilling.
        (
            "CREATE TABLE event (id INTEGER PRIMARY KEY, branch INTEGER NOT NULL, seq INTEGER NOT NULL,"
            " lamport INTEGER NOT NULL, document INTEGER, standing INTEGER NOT NULL, digest BLOB NOT NULL,"
            " header BLOB NOT NULL, signature BLOB, reason TEXT, body BLOB)"
        ),
        "CREATE UNIQUE INDEX event_place ON event (branch, seq)",
        "CREATE INDEX event_digest ON event (substr(digest, 1, 5))",
        "CREATE INDEX event_document ON event (document) WHERE document IS NOT NULL",
        "CREATE INDEX event_unsettled ON event (standing) WHERE standing <> 0",
        "CREATE INDEX event_bodiless ON event (id) WHERE body IS NULL",
        (
            "CREATE TABLE document (id INTEGER PRIMARY KEY, bucket INTEGER NOT NULL, name BLOB NOT NULL,"
            " space TEXT NOT NULL, type TEXT NOT NULL)"
        ),
        "CREATE INDEX document_name ON document (substr(name, 1, 5))",
        "CREATE INDEX document_bucket ON document (bucket)",
        "CREATE TABLE snapshot (document INTEGER PRIMARY KEY, upto INTEGER NOT NULL, data BLOB NOT NULL)",
        # `place` is document * 2^31 + chain: one row for each chain that has honoured events in the document.
        (
            "CREATE TABLE roll (place INTEGER PRIMARY KEY, count INTEGER NOT NULL, seq INTEGER NOT NULL,"
            " hash BLOB NOT NULL)"
        ),
        "CREATE TABLE bucket (id INTEGER PRIMARY KEY, digest BLOB NOT NULL)",
        "CREATE TABLE dirty_bucket (id INTEGER PRIMARY KEY)",
        (
            "CREATE TABLE note (document INTEGER PRIMARY KEY, lamport INTEGER NOT NULL, updated_ms INTEGER NOT NULL,"
            " updated_by BLOB NOT NULL, deleted INTEGER NOT NULL, path TEXT, conflicts TEXT, title TEXT NOT NULL,"
            " tags TEXT NOT NULL, body TEXT NOT NULL)"
        ),
        "CREATE INDEX note_lamport ON note (deleted, lamport)",
        "CREATE INDEX note_conflicts ON note (document) WHERE conflicts IS NOT NULL",
        "CREATE TABLE note_tag (tag TEXT NOT NULL, document INTEGER NOT NULL)",
        "CREATE INDEX note_tag_tag ON note_tag (tag, document)",
        "CREATE INDEX note_tag_document ON note_tag (document)",
        (
            # Words without their places: a third of the space and twice the speed; phrases cannot be asked for.
            "CREATE VIRTUAL TABLE note_words USING fts5 (title, tags, body, content = 'note',"
            " content_rowid = 'document', detail = none, columnsize = 0,"
            " tokenize = 'unicode61 remove_diacritics 2')"
        ),
    ),
    (
        # At most one row a minute: until when which events had come. What an older mesh kept had come before all.
        "CREATE TABLE arrival (minute INTEGER PRIMARY KEY, time_ms INTEGER NOT NULL, upto INTEGER NOT NULL)",
        "INSERT INTO arrival (minute, time_ms, upto) SELECT 0, 0, max(id) FROM event HAVING max(id) IS NOT NULL",
        # Documents whose bodies are not wanted any more, and since when this device knows it.
        (
            "CREATE TABLE forgotten (name BLOB NOT NULL, space TEXT NOT NULL, type TEXT NOT NULL,"
            " since_ms INTEGER NOT NULL, PRIMARY KEY (name, space, type)) WITHOUT ROWID"
        ),
    ),
    (
        # What a note shows, as a digest, and who gave it its path; the texts stand last, as bodies of events do.
        # `place`: a number for its space and path, so that several notes at one path are found.
        (
            "CREATE TABLE shown (document INTEGER PRIMARY KEY, lamport INTEGER NOT NULL, updated_ms INTEGER NOT NULL,"
            " updated_by BLOB NOT NULL, deleted INTEGER NOT NULL, content BLOB NOT NULL, place INTEGER,"
            " placed_lamport INTEGER NOT NULL, placed_ms INTEGER, placed_event BLOB, placed_by BLOB,"
            " placed_agent TEXT, path TEXT, conflicts TEXT, title TEXT NOT NULL, tags TEXT NOT NULL,"
            " body TEXT NOT NULL)"
        ),
        copy_notes,
        "DROP TABLE note",
        "ALTER TABLE shown RENAME TO note",
        "CREATE INDEX note_lamport ON note (deleted, lamport)",
        "CREATE INDEX note_place ON note (place, placed_lamport) WHERE place IS NOT NULL",
        # The tree over views stands beside that over events, each of its buckets 4,096 further on.
        (
            f"INSERT INTO dirty_bucket (id) SELECT DISTINCT {BUCKETS} + d.bucket FROM note n"  # noqa: S608 - a number
            " CROSS JOIN document d ON d.id = n.document"
        ),
        # Which event carries a change of a document, by the first bytes of the change's hash.
        (
            "CREATE TABLE event_change (document INTEGER NOT NULL, change BLOB NOT NULL, event INTEGER NOT NULL,"
            " PRIMARY KEY (document, change, event)) WITHOUT ROWID"
        ),
        # The ancestor stands before the sides, in one text.
        (
            "CREATE TABLE conflict (id INTEGER PRIMARY KEY, document INTEGER NOT NULL, name BLOB NOT NULL,"
            " kind TEXT NOT NULL, field TEXT NOT NULL, since_ms INTEGER NOT NULL, lamport INTEGER NOT NULL,"
            " count INTEGER NOT NULL, devices BLOB NOT NULL, sides TEXT NOT NULL)"
        ),
        "CREATE INDEX conflict_document ON conflict (document, name)",
        "CREATE INDEX conflict_name ON conflict (name)",
        "CREATE INDEX conflict_newest ON conflict (lamport DESC, name)",
        (
            "CREATE TABLE settlement (id INTEGER PRIMARY KEY, document INTEGER NOT NULL, event BLOB NOT NULL,"
            " lamport INTEGER NOT NULL, admission BLOB NOT NULL, agent TEXT NOT NULL, time_ms INTEGER NOT NULL,"
            " conflict BLOB NOT NULL, undoes BLOB, change BLOB NOT NULL, rule TEXT NOT NULL, prints BLOB NOT NULL)"
        ),
        "CREATE UNIQUE INDEX settlement_event ON settlement (document, event)",
        "CREATE INDEX settlement_conflict ON settlement (conflict)",
        "CREATE INDEX settlement_newest ON settlement (lamport DESC, event)",
    ),
    (
        # Records: their registers as JSON, what is found in these, and the texts last. `born_*`, `updated_*`: who.
        (
            "CREATE TABLE record (document INTEGER PRIMARY KEY, type TEXT NOT NULL, deleted INTEGER NOT NULL,"
            " lamport INTEGER NOT NULL, project TEXT NOT NULL, state TEXT NOT NULL, content BLOB NOT NULL,"
            " born_event BLOB NOT NULL, born_by BLOB NOT NULL, born_agent TEXT NOT NULL, born_ms INTEGER NOT NULL,"
            " born_lamport INTEGER NOT NULL, updated_event BLOB NOT NULL, updated_by BLOB NOT NULL,"
            " updated_agent TEXT NOT NULL, updated_ms INTEGER NOT NULL, conflicts TEXT, title TEXT NOT NULL,"
            " registers TEXT NOT NULL, words TEXT NOT NULL, body TEXT NOT NULL)"
        ),
        "CREATE INDEX record_lamport ON record (deleted, type, lamport)",
        "CREATE INDEX record_project ON record (project, type, lamport) WHERE project <> ''",
        (
            "CREATE VIRTUAL TABLE record_words USING fts5 (title, words, body, content = 'record',"
            " content_rowid = 'document', detail = none, columnsize = 0,"
            " tokenize = 'unicode61 remove_diacritics 2')"
        ),
        # What notes and records are called, so that titles are found before texts.
        (
            "CREATE VIRTUAL TABLE title_words USING fts5 (title, content = '', detail = none, columnsize = 0,"
            " tokenize = 'unicode61 remove_diacritics 2')"
        ),
        "INSERT INTO title_words (rowid, title) SELECT document, title FROM note",
        # An older mesh showed nothing of documents that are no notes: their events wait until they are weighed again.
        (
            "UPDATE event SET standing = 1, reason = NULL WHERE standing = 0 AND document IN"
            " (SELECT id FROM document WHERE type <> 'note')"
        ),
        "DELETE FROM roll WHERE place >> 31 IN (SELECT id FROM document WHERE type <> 'note')",
        "INSERT OR IGNORE INTO dirty_bucket (id) SELECT DISTINCT bucket FROM document WHERE type <> 'note'",
        "DELETE FROM setting WHERE key = 'weighed' AND EXISTS (SELECT 1 FROM document WHERE type <> 'note')",
    ),
)
"""What each version adds, oldest first. A version that was released never changes."""


def migrate(db: Sql) -> None:
    """Bring the database to this version, in one transaction. Raises Refused when a later mesh wrote it."""
    (version,) = db.execute("PRAGMA user_version").fetchone()
    if version > len(MIGRATIONS):
        message = f"the database is of version {version}; this mesh reads versions up to {len(MIGRATIONS)}"
        raise Refused(message, hint="A newer mesh wrote it: upgrade this one. Nothing was changed.")
    (application,) = db.execute("PRAGMA application_id").fetchone()
    (tables,) = db.execute("SELECT count(*) FROM sqlite_master").fetchone()
    if tables and application != APPLICATION:
        message = "the database was not written by mesh"
        raise Refused(message, hint="Move the file away, or choose another home. Nothing was changed.")
    if version == len(MIGRATIONS):
        return
    db.execute("BEGIN IMMEDIATE")
    try:
        for statements in MIGRATIONS[version:]:
            for statement in statements:
                if isinstance(statement, str):
                    db.execute(statement)
                else:
                    statement(db)
        db.execute(f"PRAGMA user_version = {len(MIGRATIONS)}")
        db.execute("COMMIT")
    except BaseException:
        if db.in_transaction:
            db.execute("ROLLBACK")
        raise
