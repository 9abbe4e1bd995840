"""The store on disk: one SQLite database, one connection that writes and one that reads, each on its own thread.

Reads go on while a commit runs (write-ahead log). Each call is one hop onto a connection's thread, since an awaited
statement costs 0.1 ms. What the statements mean stands in `ledger*.py`. It never decides anything about events.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Collection, Mapping, Sequence
from pathlib import Path
from typing import TypeVar

from mesh.clocks.frontier import Span
from mesh.errors import Damaged
from mesh.events.event import Run
from mesh.events.kinds import Mark
from mesh.limits import BODIES_MISSING_MAX, LIST_MAX, ROWS_READ_MAX
from mesh.names import Digest, DocumentId
from mesh.node.lock import take
from mesh.node.storage import (
    ledger_arrivals,
    ledger_conflicts,
    ledger_documents,
    ledger_forgotten,
    ledger_records,
    ledger_rows,
    ledger_search,
    ledger_settlements,
    ledger_spans,
    schema,
)
from mesh.node.storage.connection import Connection, OperationalError, connect, make_private
from mesh.node.storage.ledger import Writing
from mesh.node.storage.ledger_check import forget_state, problems
from mesh.node.storage.ledger_state import STATE, VIEWS, Tree
from mesh.node.storage.sql import Sql
from mesh.node.storage.store_port import (
    Batch,
    Boot,
    ChainFacts,
    ConflictRow,
    Counts,
    ForkFacts,
    NoteRow,
    RecordRow,
    Row,
    SettlementRow,
    Snapshot,
)

_T = TypeVar("_T")
_Trees = tuple[Tree, ...]


async def open_store(home: Path) -> SqliteStore:
    """Open the store in a home, making it when there is none. Raises Busy when another process has it."""
    lock = take(home)
    try:
        make_private(home)
        writer = await connect(home, reading=False)
        try:
            await writer.run(schema.migrate)
            reader = await connect(home, reading=True)
        except BaseException:
            await writer.close()
            raise
    except BaseException:
        os.close(lock)
        raise
    return SqliteStore(writer, reader, lock)


def _committed(db: Sql, trees: _Trees, batch: Batch) -> int:
    """One transaction. The trees learn of it only after it is on disk, and on the same thread."""

    def write() -> tuple[frozenset[int], int]:
        writing = Writing(db)
        return writing.write(batch), writing.last

    buckets, last = _transaction(db, write)
    for tree in trees:
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


def _root(db: Sql, tree: Tree) -> Digest:
    root = tree.settled(db).root()
    if tree.worth_saving:
        _save(db, (tree,))
    return root


def _save(db: Sql, trees: _Trees) -> None:
    """Keep what was hashed. Without it the next start hashes again, so a full disk is no reason to fail."""
    for tree in trees:
        try:
            _transaction(db, lambda tree=tree: tree.save(db))  # type: ignore[misc]
        except OperationalError:
            return
        tree.saved()


def _erased(db: Sql, before_ms: int) -> int:
    count = _transaction(db, lambda: ledger_forgotten.erase(db, before_ms))
    if count:  # the log of writes has the pages as they were before
        db.execute("PRAGMA wal_checkpoint(TRUNCATE)").fetchall()
    return count


def _forget(db: Sql, trees: _Trees) -> None:
    _transaction(db, lambda: forget_state(db))
    for tree in trees:
        tree.forget()


class SqliteStore:
    """The store of one home. Made by `open_store`."""

    def __init__(self, writer: Connection, reader: Connection, lock: int) -> None:
        """Take over two open connections and the lock."""
        self._writer, self._reader, self._lock = writer, reader, lock
        self._state, self._views = self._trees = Tree(STATE), Tree(VIEWS)
        self._closed = False

    async def commit(self, batch: Batch) -> int:
        """Keep all of it or nothing. Returns the largest row id of an event."""
        return await self._writer.run(_committed, self._trees, batch)

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

    async def under(self, mark: Mark, events: Collection[Digest]) -> frozenset[Digest] | None:
        """Which of these events are a mark or under it."""
        return await self._reader.read(ledger_spans.read_under, mark, events)

    async def heads_at(self, admission: Digest, before_ms: int | None = None) -> tuple[Mark, ...]:
        """The tips of a device's chains, of what had come before that time; None: of what is held now."""
        return await self._reader.read(ledger_arrivals.read_heads_at, admission, before_ms)

    async def beyond(
        self, admission: Digest, marks: Collection[Mark], after: int = 0, limit: int = ROWS_READ_MAX
    ) -> tuple[Row, ...]:
        """Data events of a device that are honoured and not under any of these marks."""
        return await self._reader.read(ledger_rows.read_beyond, admission, marks, after, limit)

    async def arrivals(self, rows: Collection[int]) -> dict[int, int]:
        """When these rows were held here at the latest."""
        return await self._reader.read(ledger_arrivals.read_arrivals, rows)

    async def spaces(self, before_ms: int | None = None) -> Mapping[str, int]:
        """How many documents there were in each space, by what had come before that time; None: by now."""
        return await self._reader.read(ledger_arrivals.read_spaces, before_ms)

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
        """(event, digest of its body) of events whose body is not here and is wanted, oldest first."""
        return await self._reader.read(ledger_forgotten.read_missing, limit)

    async def erase(self, before_ms: int) -> int:
        """Delete the bodies of documents that were forgotten before that time."""
        return await self._writer.run(_erased, before_ms)

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

    async def about(
        self, types: Collection[str], after: int = 0, limit: int = ROWS_READ_MAX
    ) -> tuple[tuple[int, DocumentId], ...]:
        """Documents of these types that events with a larger row id belong to."""
        return await self._reader.read(ledger_rows.read_about, types, after, limit)

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

    async def forks(self, limit: int) -> tuple[ForkFacts, ...]:
        """The places at which chains fork."""
        return await self._reader.read(ledger_rows.read_forks, limit)

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

    async def titles(self, documents: Collection[DocumentId]) -> dict[DocumentId, str]:
        """What these documents are called."""
        return await self._reader.read(ledger_documents.read_titles, documents)

    async def notes(
        self,
        *,
        tag: str | None = None,
        search: str | None = None,
        at: tuple[str, str] | None = None,
        deleted: bool = False,
        limit: int,
        after: NoteRow | None = None,
    ) -> tuple[NoteRow, ...]:
        """Notes, the latest first."""
        return await self._reader.read(
            ledger_documents.read_notes, tag=tag, search=search, at=at, deleted=deleted, limit=limit, after=after
        )

    async def record(self, document: DocumentId) -> RecordRow | None:
        """One record."""
        return await self._reader.read(ledger_records.read_record, document)

    async def records(
        self,
        *,
        types: Collection[str],
        project: str = "",
        states: Collection[str] = (),
        search: str = "",
        deleted: bool = False,
        limit: int,
        after: RecordRow | None = None,
    ) -> tuple[RecordRow, ...]:
        """Records of some types, the latest first."""
        asked = ledger_records.Asked(types, project, states, search, deleted=deleted)
        return await self._reader.read(ledger_records.read_records, asked, limit, after)

    async def hits(
        self, search: str, *, types: Collection[str] = (), project: str = "", limit: int
    ) -> tuple[DocumentId, ...]:
        """Notes and records in which every word begins a word, the best first."""
        return await self._reader.read(ledger_search.read_hits, ledger_search.Sought(search, types, project), limit)

    async def conflicts(
        self,
        *,
        document: DocumentId | None = None,
        kind: str | None = None,
        device: Digest | None = None,
        limit: int = LIST_MAX,
        after: ConflictRow | None = None,
    ) -> tuple[ConflictRow, ...]:
        """Open conflicts, the latest first."""
        return await self._reader.read(
            ledger_conflicts.read_conflicts, document=document, kind=kind, device=device, limit=limit, after=after
        )

    async def conflict(self, prefix: str) -> tuple[ConflictRow, ...]:
        """The open conflicts whose name begins with these hex digits."""
        return await self._reader.read(ledger_conflicts.read_conflict, prefix)

    async def settlements(
        self, *, document: DocumentId | None = None, conflict: str = "", limit: int = LIST_MAX, before: int = 0
    ) -> tuple[SettlementRow, ...]:
        """Settlements, the latest first."""
        return await self._reader.read(ledger_settlements.read_settlements, document, conflict, limit, before)

    async def of_changes(self, document: DocumentId, changes: Collection[bytes]) -> dict[bytes, Row]:
        """The event of each change of a document."""
        return await self._reader.read(ledger_settlements.read_changes, document, changes)

    async def find_documents(self, prefix: str, limit: int = ROWS_READ_MAX) -> tuple[DocumentId, ...]:
        """Documents that a person may mean."""
        return await self._reader.read(ledger_documents.read_documents, prefix, limit)

    # ── state ────────────────────────────────────────────────────────────────────────────────────

    async def digest(self) -> Digest:
        """The root over all honoured data events that belong to a document."""
        # On the writer's thread: there the tree and the rows are of one age.
        return await self._writer.run(_root, self._state)

    async def digest_children(self, level: int, index: int) -> tuple[Digest, ...]:
        """The children of a node of the state tree."""
        return await self._writer.run(lambda db: tuple(self._state.settled(db).children(level, index)))

    async def view_root(self) -> Digest:
        """The root over what all notes and records show."""
        return await self._writer.run(_root, self._views)

    async def view_children(self, level: int, index: int) -> tuple[Digest, ...]:
        """The children of a node of the tree over views."""
        return await self._writer.run(lambda db: tuple(self._views.settled(db).children(level, index)))

    async def leaves(self, bucket: int, *, views: bool) -> tuple[tuple[DocumentId, Digest], ...]:
        """The documents of a bucket, each with its leaf in one of the trees."""
        found = await self._reader.read((VIEWS if views else STATE).of, bucket)
        return tuple(sorted((one.document, one.leaf) for one in found))

    async def counts(self) -> Counts:
        """How much there is."""
        return await self._reader.read(ledger_rows.read_counts)

    async def forget_state(self) -> None:
        """Drop what follows from the log."""
        await self._writer.run(_forget, self._trees)

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
            await self._writer.run(_save, self._trees)
        finally:
            try:
                await self._reader.close()
                await self._writer.close()
            finally:
                os.close(self._lock)
