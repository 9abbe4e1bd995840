"""Databases of homes, past the store: for tests that damage them, look into them, or make them older than they are."""

from __future__ import annotations

import sqlite3
from collections.abc import Awaitable, Callable
from pathlib import Path

from mesh.node.storage import schema
from mesh.node.storage.store import SqliteStore

Opener = Callable[[], Awaitable[SqliteStore]]
"""Opens the store of a test's home."""


def plain(home: Path, sql: str) -> list[tuple[object, ...]]:
    """Run a statement past the store."""
    database = sqlite3.connect(home / "mesh.db", isolation_level=None)
    rows = database.execute(sql).fetchall()
    database.close()
    return rows


def as_of(home: Path, version: int) -> None:
    """Make the database of a home one of an older version, with the rows that it would have."""
    current, old = home / "mesh.db", home / "old.db"
    database = sqlite3.connect(old, isolation_level=None)
    for statement in (one for step in schema.MIGRATIONS[:version] for one in step if isinstance(one, str)):
        database.execute(statement)
    database.execute(f"PRAGMA user_version = {version}")
    database.execute("ATTACH ? AS new", (str(current),))
    tables = database.execute(
        "SELECT name FROM main.sqlite_master WHERE type = 'table' AND name NOT LIKE 'note_words%'"
    )
    for (table,) in tables.fetchall():
        names = ", ".join(name for _, name, *_ in database.execute(f"PRAGMA main.table_info({table})").fetchall())
        of_state = " WHERE id < 4096" if table in {"bucket", "dirty_bucket"} else ""
        database.execute(f"INSERT OR REPLACE INTO main.{table} SELECT {names} FROM new.{table}{of_state}")  # noqa: S608
    database.execute("INSERT INTO note_words (note_words) VALUES ('rebuild')")
    database.execute("DETACH new")
    database.close()
    old.replace(current)
