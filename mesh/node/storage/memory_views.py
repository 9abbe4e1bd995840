"""What the store in memory says of documents: notes, conflicts, and the trees over what is held and what is shown."""

from __future__ import annotations

from collections.abc import Collection

from mesh.limits import LIST_MAX, NOTES_LISTED_MAX, ROWS_READ_MAX
from mesh.names import Digest, DocumentId
from mesh.node.storage.ledger_conflicts import order
from mesh.node.storage.memory_conflicts import Disputes, carried, settled, some
from mesh.node.storage.memory_conflicts import named as conflicts_named
from mesh.node.storage.memory_rows import (
    is_deleted,
    is_meant,
    list_order,
    matches,
    named,
    project_of,
    state_leaves,
    trie_of,
    view_leaves,
    wanted_words,
    worth,
)
from mesh.node.storage.store_port import ConflictRow, NoteRow, RecordRow, Row, SettlementRow, Shown, Snapshot
from mesh.state.digest import Trie, key
from mesh.state.digest import bucket as bucket_of
from mesh.state.records import PROJECT, STATE, TITLE


class Views:
    """What follows from the rows. Whoever takes it over writes all of it."""

    def __init__(self) -> None:
        """Start empty."""
        self._rows: list[Row] = []
        self._documents: set[DocumentId] = set()
        self._notes: dict[DocumentId, NoteRow] = {}
        self._records: dict[DocumentId, RecordRow] = {}
        self._snapshots: dict[DocumentId, Snapshot] = {}
        self._disputes = Disputes()
        self._trie = self._views = Trie()

    # ── documents ────────────────────────────────────────────────────────────────────────────────

    async def snapshot(self, document: DocumentId) -> Snapshot | None:
        """The newest snapshot of a document."""
        return self._snapshots.get(document)

    async def note(self, document: DocumentId) -> NoteRow | None:
        """One note."""
        return self._notes.get(document)

    async def titles(self, documents: Collection[DocumentId]) -> dict[DocumentId, str]:
        """What these documents are called."""
        notes = {document: self._notes[document].note.title for document in documents if document in self._notes}
        records = (self._records[document].record for document in documents if document in self._records)
        return notes | {record.document: record.word(TITLE) for record in records}

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
        wanted = None if search is None else wanted_words(search)
        found = [
            row
            for row in self._notes.values()
            if row.note.deleted is deleted
            and (tag is None or tag in row.note.tags)
            and (wanted is None or matches(row, wanted))
            and (at is None or (not deleted and (row.note.document.space, row.note.path) == at))
            and (after is None or list_order(row) > list_order(after))
        ]
        return tuple(sorted(found, key=list_order)[: min(limit, NOTES_LISTED_MAX)])

    async def record(self, document: DocumentId) -> RecordRow | None:
        """One record."""
        return self._records.get(document)

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
        wanted = wanted_words(search)
        found = [
            row
            for row in self._records.values()
            if row.record.kind in types
            and row.record.deleted is deleted
            and (not project or row.record.word(PROJECT) == project)
            and (not states or row.record.word(STATE) in states)
            and (not search or matches(row, wanted))
            and (after is None or list_order(row) > list_order(after))
        ]
        return tuple(sorted(found, key=list_order)[: min(limit, LIST_MAX)])

    async def hits(
        self, search: str, *, types: Collection[str] = (), project: str = "", limit: int
    ) -> tuple[DocumentId, ...]:
        """Notes and records in which every word begins a word, the best first."""
        wanted = wanted_words(search)
        found = [row for row in self._shown() if (not types or named(row).type in types) and matches(row, wanted)]
        found = [row for row in found if not is_deleted(row) and (not project or project_of(row) == project)]
        best = sorted(found, key=lambda row: (worth(row, wanted), list_order(row)))
        return tuple(named(row) for row in best[: min(limit, LIST_MAX)])

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
        found = some(self._disputes, self._notes.values(), document, kind, device)
        return tuple(row for row in found if after is None or order(row) > order(after))[:limit]

    async def conflict(self, prefix: str) -> tuple[ConflictRow, ...]:
        """The open conflicts whose name begins with these hex digits."""
        return conflicts_named(self._disputes, self._notes.values(), prefix)

    async def settlements(
        self, *, document: DocumentId | None = None, conflict: str = "", limit: int = LIST_MAX, before: int = 0
    ) -> tuple[SettlementRow, ...]:
        """Settlements, the latest first."""
        return settled(self._disputes, document, conflict, limit, before)

    async def of_changes(self, document: DocumentId, changes: Collection[bytes]) -> dict[bytes, Row]:
        """The event of each change of a document."""
        return carried(self._disputes, self._rows, document, changes)

    async def find_documents(self, prefix: str, limit: int = ROWS_READ_MAX) -> tuple[DocumentId, ...]:
        """Documents that a person may mean."""
        found = [document for document in self._documents if is_meant(document, prefix)]
        return tuple(sorted(found, key=lambda document: (document.name, document.space, document.type))[:limit])

    # ── state ────────────────────────────────────────────────────────────────────────────────────

    async def digest(self) -> Digest:
        """The root over all honoured data events that belong to a document."""
        self._trie = trie_of(state_leaves(self._rows))
        return self._trie.root()

    async def digest_children(self, level: int, index: int) -> tuple[Digest, ...]:
        """The children of a node of the state tree; ask `digest` first."""
        return tuple(self._trie.children(level, index))

    async def view_root(self) -> Digest:
        """The root over what all notes and records show."""
        self._views = trie_of(view_leaves(self._shown(), self._disputes.names))
        return self._views.root()

    async def view_children(self, level: int, index: int) -> tuple[Digest, ...]:
        """The children of a node of the tree over views; ask `view_root` first."""
        return tuple(self._views.children(level, index))

    async def leaves(self, bucket: int, *, views: bool) -> tuple[tuple[DocumentId, Digest], ...]:
        """The documents of a bucket, each with its leaf in one of the trees."""
        found = view_leaves(self._shown(), self._disputes.names) if views else state_leaves(self._rows)
        return tuple(sorted(pair for pair in found if bucket_of(key(pair[0])) == bucket))

    def _shown(self) -> list[Shown]:
        return [*self._notes.values(), *self._records.values()]
