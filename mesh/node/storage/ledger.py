"""Writing the log: one batch becomes rows, synchronously, inside a transaction that the caller holds.

It runs on the thread of the writing connection. It never opens, commits or rolls back anything itself, and it trusts
what it is given: events were checked and weighed before.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import NamedTuple

from mesh.errors import Damaged
from mesh.events.event import Lane, Placed
from mesh.events.verdict import Standing
from mesh.names import ZERO, Digest
from mesh.node.storage.ledger_arrivals import note_arrival
from mesh.node.storage.ledger_conflicts import Disputes
from mesh.node.storage.ledger_documents import Documents, Notes, drop_snapshots, keep_snapshot
from mesh.node.storage.ledger_forgotten import note_forgotten
from mesh.node.storage.ledger_records import Records
from mesh.node.storage.ledger_settlements import keep_changes, keep_settlements
from mesh.node.storage.ledger_state import VIEWS, Rolls, mark_dirty
from mesh.node.storage.sql import Sql, insert
from mesh.node.storage.store_port import Batch, Kept, NoteRow, RecordRow, Weighed

_OF_DIGEST = (
    "SELECT e.id, e.branch, e.seq, b.chain, e.document, e.standing FROM event e CROSS JOIN branch b ON b.id = e.branch"
    " WHERE substr(e.digest, 1, 5) = ? AND e.digest = ?"
)
_EVENTS = "INSERT INTO event (id, branch, seq, lamport, document, standing, digest, header, signature, reason, body)"


class _Spot(NamedTuple):
    """Where an event stands in the tables."""

    id: int
    branch: int
    seq: int
    chain: int
    document: int | None = None
    standing: int = 0


class Writing:
    """One batch on its way into the tables. It is thrown away afterwards, whether the commit worked or not."""

    def __init__(self, db: Sql) -> None:
        """Start with nothing written."""
        self._db = db
        self._documents = Documents(db)
        self._rolls = Rolls(db)
        self._new: dict[Digest, _Spot] = {}
        self._last: dict[int, int] = {}  # branch -> its last sequence number
        self._next: int = db.execute("SELECT coalesce(max(id), 0) + 1 FROM event").fetchone()[0]

    @property
    def last(self) -> int:
        """The largest row id of an event."""
        return self._next - 1

    def write(self, batch: Batch) -> frozenset[int]:
        """Write all of it. Returns the buckets of both trees that changed."""
        insert(self._db, _EVENTS, list(self._rows(batch.events)))
        if batch.events and batch.time_ms:
            note_arrival(self._db, batch.time_ms, self.last)
        for digest, body in batch.bodies:
            self._db.execute(
                "UPDATE event SET body = ? WHERE substr(digest, 1, 5) = ? AND digest = ? AND body IS NULL",
                (body, digest[:5], digest),
            )
        for weighed in batch.standings:
            self._weigh(weighed)
        disputes = Disputes(self._db, self._documents)
        if batch.forgotten is not None:
            note_forgotten(self._db, batch.forgotten, batch.time_ms)
            disputes.drop(batch.forgotten)
        notes, records = Notes(self._db, self._documents), Records(self._db, self._documents)
        disputes.drop(batch.unshown)
        notes.drop(batch.unshown)
        records.drop(batch.unshown)
        drop_snapshots(self._db, batch.stale)
        notes.keep((row for row in batch.born if isinstance(row, NoteRow)), as_born=True)
        notes.keep(batch.notes, as_born=False)
        notes.write()
        records.keep((row for row in batch.born if isinstance(row, RecordRow)), as_born=True)
        records.keep(batch.records, as_born=False)
        records.write()
        disputes.keep(batch.conflicts)
        keep_settlements(self._db, self._documents, batch.settlements)
        keep_changes(self._db, batch.changes)
        for snapshot in batch.snapshots:
            keep_snapshot(self._db, self._documents.number(snapshot.document), snapshot)
        self._db.executemany("INSERT OR REPLACE INTO setting (key, value) VALUES (?, ?)", batch.settings)
        changed = self._rolls.write(self._documents.fresh)
        self._documents.write()
        shown = map(self._documents.bucket, notes.changed | records.changed | disputes.changed)
        buckets = frozenset((*map(self._documents.bucket, changed), *(VIEWS.first + bucket for bucket in shown)))
        mark_dirty(self._db, buckets)
        return buckets

    # ── events ───────────────────────────────────────────────────────────────────────────────────

    def _rows(self, events: tuple[Kept, ...]) -> Iterator[tuple[object, ...]]:
        """The rows of those that are new. This loop runs for every event there is: it looks up what changes only."""
        tip, about = ZERO, None
        branch = chain = document = 0
        for kept in events:
            placed = kept.placed
            digest, seq = placed.digest, placed.seq
            # What stands on the event before it continues its branch, and is new since that one was.
            if placed.parent != tip or seq == 1:
                found = self._place(placed)
                if found is None:
                    continue
                branch, chain = found
            tip, number = digest, self._next
            self._next = number + 1
            self._new[digest] = _Spot(number, branch, seq, chain)
            self._last[branch] = seq
            if kept.document is not None:
                if kept.document is not about:
                    about, document = kept.document, self._documents.number(kept.document)
                if kept.standing is Standing.HONOURED and placed.lane is Lane.DATA:
                    self._rolls.honour(document, chain, (seq, digest))
            yield (
                number, branch, seq, placed.header.lamport, None if kept.document is None else document,
                int(kept.standing), digest, placed.event.header, placed.signature, kept.reason or None,
                placed.event.body,
            )  # fmt: skip

    def _place(self, placed: Placed) -> tuple[int, int] | None:
        """Branch and chain of an event that is new; None when it is held."""
        if placed.seq == 1:
            return self._open(placed)
        parent = self._spot(placed.parent)
        if parent is None:
            message = f"event {placed.seq} of a chain was to be kept without the one before it"
            raise Damaged(message)
        if self._last_of(parent.branch) == parent.seq:
            return parent.branch, parent.chain  # it had no child yet, so this one is new, without a look
        if self._spot(placed.digest) is not None:
            return None
        return self._branch(parent.chain, parent.id, placed.seq), parent.chain

    def _open(self, placed: Placed) -> tuple[int, int] | None:
        found = self._db.execute("SELECT 1 FROM chain WHERE digest = ?", (placed.chain,)).fetchone()
        if found:
            return None
        (chain,) = self._db.execute("SELECT coalesce(max(id), 0) + 1 FROM chain").fetchone()
        self._db.execute(
            "INSERT INTO chain (id, digest, admission, lane) VALUES (?, ?, ?, ?)",
            (chain, placed.chain, placed.admission, int(placed.lane)),
        )
        return self._branch(chain, None, 1), chain

    def _branch(self, chain: int, parent: int | None, first: int) -> int:
        (branch,) = self._db.execute("SELECT coalesce(max(id), 0) + 1 FROM branch").fetchone()
        self._db.execute(
            "INSERT INTO branch (id, chain, parent, first) VALUES (?, ?, ?, ?)", (branch, chain, parent, first)
        )
        assert isinstance(branch, int), branch
        return branch

    def _last_of(self, branch: int) -> int:
        if branch not in self._last:
            found = self._db.execute("SELECT max(seq) FROM event WHERE branch = ?", (branch,)).fetchone()
            self._last[branch] = found[0]
        return self._last[branch]

    def _spot(self, digest: Digest) -> _Spot | None:
        spot = self._new.get(digest)
        if spot is None:
            row = self._db.execute(_OF_DIGEST, (digest[:5], digest)).fetchone()
            spot = _Spot(*row) if row else None
        return spot

    # ── weighed anew ─────────────────────────────────────────────────────────────────────────────

    def _weigh(self, weighed: Weighed) -> None:
        row = self._db.execute(_OF_DIGEST, (weighed.event[:5], weighed.event)).fetchone()
        if row is None:
            message = "an event was weighed that is not held"
            raise Damaged(message)
        spot = _Spot(*row)
        document = spot.document if weighed.document is None else self._documents.number(weighed.document)
        if spot.document not in {None, document}:
            message = "an event was to be moved to another document"
            raise Damaged(message)
        self._db.execute(
            "UPDATE event SET standing = ?, reason = ?, document = ? WHERE id = ?",
            (int(weighed.standing), weighed.reason or None, document, spot.id),
        )
        if document is None or not self._in_data_lane(spot.chain):
            return
        was = spot.document is not None and spot.standing == Standing.HONOURED
        counts = weighed.standing is Standing.HONOURED
        if counts and not was:
            self._rolls.honour(document, spot.chain, (spot.seq, weighed.event))
        elif was and not counts:
            self._rolls.recount(document, spot.chain)

    def _in_data_lane(self, chain: int) -> bool:
        (lane,) = self._db.execute("SELECT lane FROM chain WHERE id = ?", (chain,)).fetchone()
        return bool(lane == Lane.DATA)
