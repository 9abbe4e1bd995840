"""Connections to the database of a home, each on a thread of its own, with their errors in our words.

This is the only file that imports the database library. What the statements mean stands in `ledger*.py`.
"""

from __future__ import annotations

import asyncio
import contextlib
import os
import sqlite3
import threading
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any, Concatenate, ParamSpec, TypeVar

import aiosqlite

from mesh.errors import Busy, Damaged, DiskFull, MeshError, Unreachable
from mesh.limits import FREE_BYTES_MIN, STORE_COPY_PAGES
from mesh.node.lock import no_home
from mesh.node.paths import database_path
from mesh.node.storage import schema
from mesh.node.storage.sql import Sql

OperationalError = sqlite3.OperationalError
_STEPS_BETWEEN_LOOKS = 100_000  # of SQLite's machine, some milliseconds

_P = ParamSpec("_P")
_T = TypeVar("_T")


def beside(home: Path, look: Callable[[Sql], _T], *, stop_s: float) -> _T:
    """One look at the database beside whoever has it open; nothing is written. Raises MeshError, Busy after a while."""
    until = time.monotonic() + stop_s
    try:
        with contextlib.closing(sqlite3.connect(f"{database_path(home).as_uri()}?mode=ro", uri=True)) as db:
            db.set_progress_handler(lambda: time.monotonic() > until, _STEPS_BETWEEN_LOOKS)
            sql: Any = db  # its own types are narrower than what we call it with
            return look(sql)
    except sqlite3.Error as error:
        if time.monotonic() > until:
            message = f"the database takes more than {stop_s:.0f} s to look through, so that was left"
            raise Busy(message, hint="`mesh verify --deep` takes the time it needs.") from error
        raise _translated(error, home) from error


async def copy_store(home: Path, to: Path, told: Callable[[int, int], None]) -> None:
    """Copy a home's database as it is at this moment into another folder, whoever else reads and writes it.

    `told` hears on another thread how many of how many pages are done. Raises what a store raises.
    """
    if not database_path(home).is_file():
        message = f"the database of the home {home} is not there"
        raise Damaged(message, hint="Restore a backup, or join again; what other devices hold can be fetched.")
    ended = threading.Event()

    def copy(db: sqlite3.Connection) -> None:
        def step(_status: int, left: int, of: int) -> None:
            if ended.is_set():
                raise InterruptedError
            told(of - left, of)

        with contextlib.closing(sqlite3.connect(database_path(to), isolation_level=None)) as target:
            target.execute("PRAGMA journal_mode = OFF")  # who is killed starts anew
            target.execute("PRAGMA synchronous = OFF")
            db.execute("BEGIN")
            db.execute("SELECT count(*) FROM setting").fetchall()  # from here on it reads one state
            db.backup(target, pages=STORE_COPY_PAGES, progress=step, sleep=0)

    make_private(to)
    source = await connect(home, reading=True)
    try:
        await source.run(copy)  # type: ignore[arg-type] # a plain connection: here more of it is needed
    except asyncio.CancelledError:
        ended.set()
        raise
    finally:
        await source.close()


def make_private(home: Path) -> None:
    """Make the database's file for this user only; SQLite gives its other files the rights of this one."""
    try:
        os.close(os.open(database_path(home), os.O_RDWR | os.O_CREAT, 0o600))
    except OSError as error:
        raise no_home(error, home) from error


class Connection(aiosqlite.Connection):
    """A connection that takes a whole function onto its thread; the library itself takes single statements only."""

    home: Path

    async def run(self, function: Callable[Concatenate[Sql, _P], _T], *args: _P.args, **kwargs: _P.kwargs) -> _T:
        """Run a function with the plain connection on this connection's thread; its errors come as ours."""
        try:
            found: _T = await self._execute(function, self._conn, *args, **kwargs)  # type: ignore[no-untyped-call]
        except (sqlite3.ProgrammingError, sqlite3.InterfaceError):
            raise  # only our own bug can cause these
        except sqlite3.Error as error:
            raise _translated(error, self.home) from error
        return found

    async def read(self, function: Callable[Concatenate[Sql, _P], _T], *args: _P.args, **kwargs: _P.kwargs) -> _T:
        """As `run`, with one state of the database for all statements."""

        def reading(db: Sql) -> _T:
            db.execute("BEGIN")
            try:
                return function(db, *args, **kwargs)
            finally:
                if db.in_transaction:
                    db.execute("ROLLBACK")

        return await self.run(reading)


async def connect(home: Path, *, reading: bool) -> Connection:
    """A connection to the database of a home, ready for use. Raises what a store raises."""

    def opened() -> sqlite3.Connection:
        return sqlite3.connect(database_path(home), isolation_level=None, cached_statements=256)

    def prepare(db: Sql) -> None:
        for setting in schema.settings(reading=reading):
            db.execute(setting).fetchall()

    connection = Connection(opened, iter_chunk_size=64)
    connection.home = home
    try:
        await connection
    except sqlite3.Error as error:
        raise _translated(error, home) from error
    try:
        await connection.run(prepare)
    except BaseException:
        await connection.close()
        raise
    return connection


_DAMAGE = {sqlite3.SQLITE_CORRUPT, sqlite3.SQLITE_NOTADB, sqlite3.SQLITE_FORMAT, sqlite3.SQLITE_CONSTRAINT}
_NO_ROOM = {sqlite3.SQLITE_IOERR, sqlite3.SQLITE_CANTOPEN}


def _translated(error: sqlite3.Error, home: Path) -> MeshError:
    """What went wrong, in our words."""
    extended: int | None = getattr(error, "sqlite_errorcode", None)
    code = 0 if extended is None else extended & 0xFF
    if code == sqlite3.SQLITE_FULL or (code in _NO_ROOM and _free_bytes(home) < FREE_BYTES_MIN):
        message = "the disk is full: nothing new can be kept"
        return DiskFull(message)
    # An error without a code is the library's own: a text in the file that is no text.
    if code in _DAMAGE or extended is None:
        message = f"the database is damaged: {error}"
        return Damaged(message)
    if code in {sqlite3.SQLITE_BUSY, sqlite3.SQLITE_LOCKED}:
        message = "the database is in use by another program"
        return Busy(message, hint="Close whatever has mesh.db open (a backup, a database browser), then try again.")
    message = f"the disk does not serve the database: {error}"
    return Unreachable(message, hint=f"Check the disk and the permissions of {home}, then try again.")


def _free_bytes(home: Path) -> int:
    found = os.statvfs(home)
    return found.f_bavail * found.f_frsize
