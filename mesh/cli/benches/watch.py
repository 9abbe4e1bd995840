"""Looking into a database from outside, as a second reader, so that the process under test is not asked anything.

What is seen here is committed: durable where synchronous is FULL, and shown to every reader. It never writes.
"""

from __future__ import annotations

import sqlite3
import time
from pathlib import Path
from types import TracebackType
from typing import Any, Self

LOOK_S = 0.0002
"""Pause between two looks where latency is measured: with the look itself it adds 0.1 to 0.2 ms to what is found."""
LOOK_SELDOM_S = 0.01
"""The same where seconds are measured."""


class Watch:
    """A reader of one database."""

    def __init__(self, database: Path) -> None:
        """Open it for reading only."""
        self._db = sqlite3.connect(f"file:{database}?mode=ro", uri=True, isolation_level=None)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None) -> None:
        self._db.close()

    def one(self, sql: str, *values: object) -> object:
        """The first column of the first row; None without a row."""
        row = self._db.execute(sql, values).fetchone()
        return row[0] if row else None

    def until(self, wanted: object, sql: str, *values: object, limit_s: float, pause_s: float) -> float:
        """Look until the query answers what is wanted; the time then. Raises TimeoutError."""
        end = time.perf_counter() + limit_s
        while (found := self.one(sql, *values)) != wanted:
            if time.perf_counter() > end:
                message = f"after {limit_s} s still {found!r}, not {wanted!r}"
                raise TimeoutError(message)
            time.sleep(pause_s)
        return time.perf_counter()

    def rows(self, sql: str, *values: object) -> list[tuple[Any, ...]]:
        """All rows."""
        return self._db.execute(sql, values).fetchall()
