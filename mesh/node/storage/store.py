"""The store on disk: one SQLite database, one connection that writes and one that reads, each on its own thread.

Reads go on while a commit runs (write-ahead log). Each call is one hop onto a connection's thread, since an awaited
statement costs 0.1 ms. This is the only file that imports the database library; what the statements mean stands in
`ledger*.py`. It never decides anything about events.
"""

from __future__ import annotations

import asyncio
import contextlib
import os
import sqlite3
import threading
import time
from collections.abc import Callable, Collection, Sequence
from pathlib import Path
from typing import Any, Concatenate, ParamSpec, TypeVar

import aiosqlite

from mesh.clocks.frontier import Span
from mesh.errors import Busy, Damaged, DiskFull, MeshError, Unreachable
from mesh.events.event import Run
from mesh.limits import BODIES_MISSING_MAX, FREE_BYTES_MIN, ROWS_READ_MAX, STORE_COPY_PAGES
from mesh.names import Digest, DocumentId
from mesh.node.lock import no_home, take
from mesh.node.paths import database_path
from mesh.node.storage import ledger_documents, ledger_rows, ledger_spans, schema
from mesh.node.storage.ledger import Writing
from mesh.node.storage.ledger_check import forget_state, problems
from mesh.node.storage.ledger_state import StateTree
from mesh.node.storage.schema import Sql
from mesh.node.storage.store_port import Batch, Boot, ChainFacts, Counts, NoteRow, Row, Snapshot

_STEPS_BETWEEN_LOOKS = 100_000  # of SQLite's machine, some milliseconds

_P = ParamSpec("_P")
_T = TypeVar("_T")


async def open_store(home: Path) -> SqliteStore:
    """Open the store in a home, making it when there is none. Raises Busy when another process has it."""
    lock = take(home)
    try:
        _make_private(home)
        writer = await _connect(home, reading=False)
        try:
            await writer.run(schema.migrate)
            reader = await _connect(home, reading=True)
        except BaseException:
            await writer.close()
            raise
    except BaseException:
        os.close(lock)
        raise
    return SqliteStore(writer, reader, lock)


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

    _make_private(to)
    source = await _connect(home, reading=True)
    try:
        await source.run(copy)  # type: ignore[arg-type] # a plain connection: here more of it is needed
    except asyncio.CancelledError:
        ended.set()
        raise
    finally:
        await source.close()


def _make_private(home: Path) -> None:
    """SQLite gives its other files the rights of this one."""
    try:
        os.close(os.open(database_path(home), os.O_RDWR | os.O_CREAT, 0o600))
    except OSError as error:
        raise no_home(error, home) from error


class _Connection(aiosqlite.Connection):
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


async def _connect(home: Path, *, reading: bool) -> _Connection:
    def connect() -> sqlite3.Connection:
        return sqlite3.connect(database_path(home), isolation_level=None, cached_statements=256)

    def prepare(db: Sql) -> None:
        for setting in schema.settings(reading=reading):
            db.execute(setting).fetchall()

    connection = _Connection(connect, iter_chunk_size=64)
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


def _committed(db: Sql, tree: StateTree, batch: Batch) -> int:
    """One transaction. The tree learns of it only after it is on disk, and on the same thread."""

    def write() -> tuple[frozenset[int], int]:
        writing = Writing(db)
        return writing.write(batch), writing.last

    buckets, last = _transaction(db, write)
    tree.touch(buckets)
    return last


def _transaction(db: Sql, write: Callable[[], _T]) -> _T:
    db.execute("BEGIN IMMEDIATE")
    try:
        found = write()
        db.execute("COMMIT")
    except BaseException:
        if db.in_transaction:  # on some errors SQLite has rolled back by itself
            db.execute("ROLLBACK")
        raise
    return found


def _root(db: Sql, tree: StateTree) -> Digest:
    root = tree.settled(db).root()
    if tree.worth_saving:
        _save(db, tree)
    return root


def _save(db: Sql, tree: StateTree) -> None:
    """Keep what was hashed. Without it the next start hashes again, so a full disk is no reason to fail."""
    try:
        _transaction(db, lambda: tree.save(db))
    except sqlite3.OperationalError:
        return
    tree.saved()


def _forget(db: Sql, tree: StateTree) -> None:
    _transaction(db, lambda: forget_state(db))
    tree.forget()


class SqliteStore:
    """The store of one home. Made by `open_store`."""

    def __init__(self, writer: _Connection, reader: _Connection, lock: int) -> None:
        """Take over two open connections and the lock."""
        self._writer, self._reader, self._lock = writer, reader, lock
        self._tree = StateTree()
        self._closed = False

    async def commit(self, batch: Batch) -> int:
        """Keep all of it or nothing. Returns the largest row id of an event."""
        return await self._writer.run(_committed, self._tree, batch)

    async def boot(self) -> Boot:
        """What an agent needs at start."""
        return await self._reader.read(ledger_rows.read_boot, BODIES_MISSING_MAX)

    # ── looking up ───────────────────────────────────────────────────────────────────────────────

    async def held(self, digests: Collection[Digest]) -> frozenset[Digest]:
        """Which of these events are held."""
        return frozenset(await self.places(digests))

    async def places(self, digests: Collection[Digest]) -> dict[Digest, tuple[int, int]]:
        """Sequence number and Lamport number of those events that are held."""
        return await self._reader.read(ledger_rows.read_places, digests)

    async def event(self, prefix: str | bytes) -> tuple[Row, ...]:
        """The events whose digest starts with these hex digits or bytes."""
        return await self._reader.read(ledger_rows.read_matching, prefix)

    async def setting(self, name: str) -> bytes | None:
        """What was stored under a name."""
        return await self._reader.read(ledger_documents.read_setting, name)

    # ── serving ──────────────────────────────────────────────────────────────────────────────────

    async def serve(self, span: Span, bytes_max: int, *, bodies: bool = True) -> Run | None:
        """The longest run towards the span's target that fits and ends on a signed event."""
        return await self._reader.read(ledger_spans.read_run, span, bytes_max, bodies=bodies)

    async def bodies(self, digests: Sequence[Digest], bytes_max: int) -> tuple[tuple[Digest, bytes], ...]:
        """Bodies of these events, as many as fit; at least one if any is held."""
        return await self._reader.read(ledger_spans.read_bodies, digests, bytes_max)

    async def missing_bodies(self, limit: int = BODIES_MISSING_MAX) -> tuple[tuple[Digest, Digest], ...]:
        """(event, digest of its body) of events whose body is not here, oldest first."""
        return await self._reader.read(ledger_rows.read_missing, limit)

    # ── rows ─────────────────────────────────────────────────────────────────────────────────────

    async def rows(self, document: DocumentId, after: int = 0) -> tuple[Row, ...]:
        """All events of a document with a larger row id."""
        return await self._reader.read(ledger_rows.read_document, document, after)

    async def unsettled(
        self, document: DocumentId | None = None, after: int = 0, limit: int = ROWS_READ_MAX
    ) -> tuple[Row, ...]:
        """Data events that wait or are void."""
        return await self._reader.read(ledger_rows.read_unsettled, document, after, limit)

    async def replay(self, after: int = 0, limit: int = ROWS_READ_MAX) -> tuple[Row, ...]:
        """Data events in the order of row ids."""
        return await self._reader.read(ledger_rows.read_replay, after, limit)

    async def log(
        self, *, admission: Digest | None = None, document: DocumentId | None = None, after: int = 0, limit: int
    ) -> tuple[Row, ...]:
        """Events in the order in which they were kept here."""
        return await self._reader.read(ledger_rows.read_log, admission, document, after, limit)

    async def newest(
        self,
        *,
        admission: Digest | None = None,
        document: DocumentId | None = None,
        before: Row | None = None,
        limit: int,
    ) -> tuple[Row, ...]:
        """Events by stamp, the latest first."""
        return await self._reader.read(ledger_rows.read_newest, admission, document, before, limit)

    async def chains(self) -> tuple[ChainFacts, ...]:
        """All chains, by digest."""
        return await self._reader.read(ledger_rows.read_chains)

    async def walk(self, chain: Digest, after: int = 0, limit: int = ROWS_READ_MAX) -> tuple[Row, ...]:
        """Every event of a chain, branch by branch, parents before children."""
        return await self._reader.read(ledger_rows.read_walk, chain, after, limit)

    # ── documents ────────────────────────────────────────────────────────────────────────────────

    async def snapshot(self, document: DocumentId) -> Snapshot | None:
        """The newest snapshot of a document."""
        return await self._reader.read(ledger_documents.read_snapshot, document)

    async def note(self, document: DocumentId) -> NoteRow | None:
        """One note."""
        return await self._reader.read(ledger_documents.read_note, document)

    async def notes(
        self,
        *,
        tag: str | None = None,
        search: str | None = None,
        deleted: bool = False,
        limit: int,
        after: NoteRow | None = None,
    ) -> tuple[NoteRow, ...]:
        """Notes, the latest first."""
        return await self._reader.read(
            ledger_documents.read_notes, tag=tag, search=search, deleted=deleted, limit=limit, after=after
        )

    async def find_documents(self, prefix: str, limit: int = ROWS_READ_MAX) -> tuple[DocumentId, ...]:
        """Documents that a person may mean."""
        return await self._reader.read(ledger_documents.read_documents, prefix, limit)

    # ── state ────────────────────────────────────────────────────────────────────────────────────

    async def digest(self) -> Digest:
        """The root over all honoured data events that belong to a document."""
        # On the writer's thread: there the tree and the rows are of one age.
        return await self._writer.run(_root, self._tree)

    async def digest_children(self, level: int, index: int) -> tuple[Digest, ...]:
        """The children of a node of the state tree."""
        return await self._writer.run(lambda db: tuple(self._tree.settled(db).children(level, index)))

    async def counts(self) -> Counts:
        """How much there is."""
        return await self._reader.read(ledger_rows.read_counts)

    async def forget_state(self) -> None:
        """Drop what follows from the log."""
        await self._writer.run(_forget, self._tree)

    async def check(self, *, deep: bool) -> tuple[str, ...]:
        """What is wrong with the store itself."""
        try:
            return await self._writer.run(problems, deep=deep)
        except Damaged as error:
            return (str(error),)

    async def close(self) -> None:
        """Let go of files and lock. A second time does nothing."""
        if self._closed:
            return
        self._closed = True
        try:
            await self._writer.run(_save, self._tree)
        finally:
            try:
                await self._reader.close()
                await self._writer.close()
            finally:
                os.close(self._lock)
