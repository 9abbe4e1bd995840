"""A connection as everything below `store.py` sees it: it runs statements, and that is all. It knows no table.

Many rows go in by few statements: while SQLite works through one, the other threads of this process go on.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from itertools import chain
from typing import Any, Protocol

from mesh.limits import STORE_ROWS_TOGETHER


class Cursor(Protocol):
    """What a statement answers."""

    rowcount: int

    def fetchone(self) -> Any:  # noqa: ANN401 - a row is whatever the statement selects
        """The next row, or None."""

    def fetchall(self) -> list[Any]:
        """All rows that are left."""

    def __iter__(self) -> Iterator[Any]: ...


class Sql(Protocol):
    """A connection as everything below `store.py` sees it; only `connection.py` imports the library."""

    @property
    def in_transaction(self) -> bool:
        """Whether a transaction is open."""

    def execute(self, sql: str, parameters: Sequence[object] = ..., /) -> Cursor:
        """Run one statement."""

    def executemany(self, sql: str, parameters: Iterable[Sequence[object]], /) -> Cursor:
        """Run one statement for each row."""


def insert(db: Sql, into: str, rows: Sequence[Sequence[object]]) -> None:
    """Insert rows: `into` is the statement up to its values. Rows that are left over go in one by one.

    A statement hands the interpreter over and waits for it again each time that it runs, which costs a busy process
    more than the row.
    """
    if not rows:
        return
    marks = f"({', '.join('?' * len(rows[0]))})"
    whole = len(rows) - len(rows) % STORE_ROWS_TOGETHER
    for start in range(0, whole, STORE_ROWS_TOGETHER):
        values = tuple(chain.from_iterable(rows[start : start + STORE_ROWS_TOGETHER]))
        db.execute(f"{into} VALUES {', '.join([marks] * STORE_ROWS_TOGETHER)}", values)
    db.executemany(f"{into} VALUES {marks}", rows[whole:])
