"""A connection as everything below `store.py` sees it: it runs statements, and that is all. It knows no table."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from typing import Any, Protocol


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
