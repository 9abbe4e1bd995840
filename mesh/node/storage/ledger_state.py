"""The state digest and the view root in tables: leaves, buckets of them, and the tree above each.

For the state digest there is a roll for each (document, chain), kept by the same transaction as the events that it adds
up; what a document shows is hashed with its view. Buckets are hashed when somebody asks; which ones are stale is in the
tables too, so a crash never leaves a root that does not fit the rows. A tree holds 4,096 digests in memory, and nothing
for each document.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Container, Iterable
from dataclasses import dataclass
from itertools import groupby
from typing import NamedTuple

from mesh.limits import BUCKETS_UNSAVED_MAX, CONFLICT_NAME_BYTES
from mesh.names import ZERO, Digest, DocumentId
from mesh.node.storage.sql import Sql, insert
from mesh.state.digest import BUCKETS, Part, Trie, bucket, bucket_digest, key, leaf, roll
from mesh.state.view_digest import view_leaf

CHAIN_BITS = 31
"""A roll's row id is document * 2^31 + chain."""

_COUNTED = (
    "SELECT e.seq, e.digest FROM event e CROSS JOIN branch b ON b.id = e.branch"
    " WHERE e.document = ? AND b.chain = ? AND e.standing = 0 ORDER BY e.seq, e.digest"
)
_BUCKET = (
    "SELECT d.id, d.space, d.type, d.name, c.digest, r.count, r.hash FROM document d"
    " CROSS JOIN roll r ON r.place BETWEEN d.id << 31 AND (d.id << 31) + 2147483647"
    " CROSS JOIN chain c ON c.id = r.place & 2147483647 WHERE d.bucket = ? ORDER BY d.id"
)

_VIEWS = (
    "SELECT d.space, d.type, d.name, coalesce(n.content, r.content) AS shown,"
    " (SELECT group_concat(hex(c.name), '') FROM conflict c WHERE c.document = d.id)"
    " FROM document d LEFT JOIN note n ON n.document = d.id LEFT JOIN record r ON r.document = d.id"
    " WHERE d.bucket = ? AND shown IS NOT NULL"
)

_Roll = tuple[int, int, int, Digest]


def bucket_of(document: DocumentId) -> int:
    """Which of the 4,096 buckets a document's leaf lies in."""
    return bucket(key(document))


class Rolls:
    """What one batch does to the rolls."""

    def __init__(self, db: Sql) -> None:
        """Start with nothing changed."""
        self._db = db
        self._added: dict[int, list[tuple[int, Digest]]] = {}
        self._recount: set[int] = set()

    def honour(self, document: int, chain: int, event: tuple[int, Digest]) -> None:
        """An event, given as sequence number and digest, counts from now on."""
        self._added.setdefault(document << CHAIN_BITS | chain, []).append(event)

    def recount(self, document: int, chain: int) -> None:
        """An event does not count any more: the roll is made anew from the rows."""
        self._recount.add(document << CHAIN_BITS | chain)

    def write(self, fresh: Container[int]) -> frozenset[int]:
        """Write the rolls, once the events are written. Returns the documents concerned; `fresh` ones have no roll."""
        rows = []
        for place, added in self._added.items():
            if place not in self._recount:
                row = self._extended(place, sorted(added), known=place >> CHAIN_BITS not in fresh)
                if row:
                    rows.append(row)
        for place in self._recount:
            count, seq, value = counted(self._db, place)
            if count:
                rows.append((place, count, seq, value))
            else:
                self._db.execute("DELETE FROM roll WHERE place = ?", (place,))
        insert(self._db, "INSERT OR REPLACE INTO roll (place, count, seq, hash)", rows)
        return frozenset(place >> CHAIN_BITS for place in (*self._added, *self._recount))

    def _extended(self, place: int, added: list[tuple[int, Digest]], *, known: bool) -> _Roll | None:
        row = None
        if known:
            row = self._db.execute("SELECT count, seq, hash FROM roll WHERE place = ?", (place,)).fetchone()
        count, seq, value = row or (0, 0, ZERO)
        if added[0][0] <= seq:
            # It stands before one that was rolled, or beside it in a forked chain.
            self._recount.add(place)
            return None
        for _, digest in added:
            value = roll(value, digest)
        return place, count + len(added), added[-1][0], value


def mark_dirty(db: Sql, buckets: Iterable[int]) -> None:
    """Remember in the tables that these buckets must be hashed anew."""
    insert(db, "INSERT OR IGNORE INTO dirty_bucket (id)", [(index,) for index in buckets])


def counted(db: Sql, place: int) -> tuple[int, int, Digest]:
    """Count, last sequence number and roll of a place, from the rows."""
    count, seq, value = 0, 0, ZERO
    for last, digest in db.execute(_COUNTED, (place >> CHAIN_BITS, place & (1 << CHAIN_BITS) - 1)):
        count, seq, value = count + 1, last, roll(value, digest)
    return count, seq, value


class Leaf(NamedTuple):
    """A document, its place in the tree, and its leaf there."""

    document: DocumentId
    key: Digest
    leaf: Digest


def state_leaves(db: Sql, index: int) -> list[Leaf]:
    """The documents of a bucket, each with the leaf that its rolls make."""
    return [
        Leaf(document := DocumentId(*name), place := key(document), leaf(place, (Part(*row[4:]) for row in rows)))
        for (_, *name), rows in groupby(db.execute(_BUCKET, (index,)), lambda row: row[:4])
    ]


def view_leaves(db: Sql, index: int) -> list[Leaf]:
    """The notes and records of a bucket, each with the leaf of what it shows."""
    return [
        Leaf(document := DocumentId(*name), place := key(document), view_leaf(place, content, _split(names or "")))
        for *name, content, names in db.execute(_VIEWS, (index,))
    ]


def _split(digits: str) -> list[bytes]:
    names = bytes.fromhex(digits)
    return [names[place : place + CONFLICT_NAME_BYTES] for place in range(0, len(names), CONFLICT_NAME_BYTES)]


@dataclass(frozen=True, slots=True)
class Leaves:
    """What a tree stands on: the leaves of each bucket, and the number under which tables have the first one."""

    of: Callable[[Sql, int], list[Leaf]]
    first: int


STATE = Leaves(state_leaves, 0)
VIEWS = Leaves(view_leaves, BUCKETS)


class Tree:
    """The tree over all buckets, in memory; used on the thread of the writing connection only."""

    def __init__(self, leaves: Leaves) -> None:
        """Start unread: the first question reads the tables."""
        self._leaves = leaves
        self._trie = Trie()
        self._stale: set[int] = set()
        self._unsaved: dict[int, Digest] = {}
        self._read = False

    def touch(self, buckets: Collection[int]) -> None:
        """These changed, numbered as in tables, and the change is committed; those of other trees are left alone."""
        self._stale |= self._mine(buckets)

    def forget(self) -> None:
        """Everything was dropped, and that is committed."""
        self._trie = Trie()
        self._stale.clear()
        self._unsaved.clear()

    def settled(self, db: Sql) -> Trie:
        """The tree as the committed rows make it."""
        if not self._read:
            for index, digest in db.execute("SELECT id, digest FROM bucket WHERE id BETWEEN ? AND ?", self._span):
                self._trie.set(index - self._leaves.first, Digest(digest))
            self._stale |= self._mine(index for (index,) in db.execute("SELECT id FROM dirty_bucket"))
            self._read = True
        for index in self._stale:
            digest = self._unsaved[index] = bucket_digest((one.key, one.leaf) for one in self._leaves.of(db, index))
            self._trie.set(index, digest)
        self._stale.clear()
        return self._trie

    @property
    def worth_saving(self) -> bool:
        """Whether so much was hashed that it should not be hashed again after a crash."""
        return len(self._unsaved) >= BUCKETS_UNSAVED_MAX

    def save(self, db: Sql) -> None:
        """Write the digests of buckets; the caller holds a transaction, and calls `saved` once it is committed."""
        first = self._leaves.first
        fresh = [(first + index, digest) for index, digest in self._unsaved.items() if index not in self._stale]
        db.executemany("INSERT OR REPLACE INTO bucket (id, digest) VALUES (?, ?)", fresh)
        db.executemany("DELETE FROM dirty_bucket WHERE id = ?", [(index,) for index, _ in fresh])

    def saved(self) -> None:
        """What was written is on disk."""
        self._unsaved.clear()

    @property
    def _span(self) -> tuple[int, int]:
        return self._leaves.first, self._leaves.first + BUCKETS - 1

    def _mine(self, buckets: Iterable[int]) -> set[int]:
        first, last = self._span
        return {index - first for index in buckets if first <= index <= last}
