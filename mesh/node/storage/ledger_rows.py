"""Reading the log: rows in their orders, looked up, listed, and what an agent needs at start.

Each function is one reading on the thread of a connection; the caller holds the transaction that makes several
statements see one state. Nothing here writes.
"""

from __future__ import annotations

import heapq
from collections.abc import Collection, Iterable, Sequence
from itertools import chain as chained
from typing import Any

from mesh.clocks.chain import Head, trail_places
from mesh.clocks.frontier import frontier_of
from mesh.errors import Damaged, Malformed
from mesh.events.event import Event, Lane, Placed, decode_header
from mesh.events.kinds import Mark
from mesh.events.verdict import Standing
from mesh.limits import DIGEST_BYTES, MATCHES_MAX
from mesh.names import ZERO, Digest, DocumentId
from mesh.node.storage.ledger_conflicts import count_conflicts
from mesh.node.storage.ledger_documents import document_number
from mesh.node.storage.ledger_forgotten import read_missing
from mesh.node.storage.ledger_spans import is_held, path_to
from mesh.node.storage.sql import Sql
from mesh.node.storage.store_port import Boot, ChainFacts, Counts, ForkFacts, Row

_ROW = (
    "SELECT e.id, c.digest, c.admission, c.lane, e.seq, coalesce(p.digest, q.digest), e.digest, e.header, e.body,"
    " e.signature, e.standing, e.reason, d.space, d.type, d.name FROM event e"
    " CROSS JOIN branch b ON b.id = e.branch CROSS JOIN chain c ON c.id = b.chain"
    " LEFT JOIN event p ON p.branch = e.branch AND p.seq = e.seq - 1 LEFT JOIN event q ON q.id = b.parent"
    " LEFT JOIN document d ON d.id = e.document "
)

_ABOUT = "SELECT e.id, d.space, d.type, d.name FROM event e CROSS JOIN document d ON d.id = e.document"
_CONTROL_BRANCHES = "SELECT b.id FROM chain c CROSS JOIN branch b ON b.chain = c.id WHERE c.lane = 0"


def read_rows(db: Sql, tail: str, values: Sequence[object]) -> tuple[Row, ...]:
    """The rows that the rest of a statement selects: `e` is the event, `b` its branch, `c` its chain."""
    return tuple(_row(columns) for columns in db.execute(_ROW + tail, values))


def _row(columns: Sequence[Any]) -> Row:
    number, chain, admission, lane, seq, parent, digest, header, body, signature, standing, reason, *document = columns
    try:
        decoded = decode_header(header)
    except Malformed as error:
        message = f"the header of event {number} in the database is not what was written"
        raise Damaged(message) from error
    placed = Placed(
        chain, admission, Lane(lane), seq, ZERO if parent is None else parent, digest, decoded,
        Event(header, body), signature,
    )  # fmt: skip
    known = None if document[0] is None else DocumentId(*document)
    return Row(number, placed, Standing(standing), reason or "", known)


# ---------------------------------------------------------------- at start


def read_boot(db: Sql, bodies_max: int) -> Boot:
    """What an agent holds in memory."""
    tips, lamports, trails = [], {}, {}
    openings = {c: (a, Lane(n)) for c, a, n in db.execute("SELECT digest, admission, lane FROM chain ORDER BY id")}
    numbers: dict[Digest, list[tuple[Head, int]]] = {}
    for name, head, lamport in _tips(db):
        tips.append((name, head))
        numbers.setdefault(name, []).append((head, lamport))
    for name, found in numbers.items():
        lamports[name] = max(lamport for _, lamport in found)
        trails[name] = _trail(db, max(head for head, _ in found))
    control = read_rows(db, f"WHERE e.branch IN ({_CONTROL_BRANCHES}) ORDER BY e.id", ())
    return Boot(
        control=tuple(row.placed for row in control),
        tips=frontier_of(tips),
        lamports=lamports,
        trails=trails,
        openings=openings,
        tip_lamports={head.digest: lamport for head, lamport in chained.from_iterable(numbers.values())},
        settings=dict(db.execute("SELECT key, value FROM setting")),
        missing_bodies=read_missing(db, bodies_max),
    )


def _tips(db: Sql) -> Iterable[tuple[Digest, Head, int]]:
    """The tips of all chains: an event that continues a branch's last one stays in it, so branches end in tips."""
    rows = db.execute(
        "SELECT c.digest, e.seq, e.digest, e.lamport FROM branch b CROSS JOIN chain c ON c.id = b.chain"
        " CROSS JOIN event e ON e.branch = b.id AND e.seq = (SELECT max(seq) FROM event WHERE branch = b.id)"
    )
    return [(chain, Head(seq, digest), lamport) for chain, seq, digest, lamport in rows]


def _trail(db: Sql, tip: Head) -> tuple[Head, ...]:
    segments = path_to(db, tip.digest)
    found = []
    for seq in trail_places(tip.seq):
        branch = next(s.branch for s in segments if s.first <= seq <= s.last)
        (digest,) = db.execute("SELECT digest FROM event WHERE branch = ? AND seq = ?", (branch, seq)).fetchone()
        found.append(Head(seq, digest))
    return tuple(found)


# ---------------------------------------------------------------- looking up


def read_places(db: Sql, digests: Collection[Digest]) -> dict[Digest, tuple[int, int]]:
    """Sequence and Lamport numbers of those that are held."""
    found = {}
    for digest in digests:
        row = db.execute(
            "SELECT seq, lamport FROM event WHERE substr(digest, 1, 5) = ? AND digest = ?", (digest[:5], digest)
        ).fetchone()
        if row:
            found[digest] = (row[0], row[1])
    return found


def read_matching(db: Sql, prefix: str | bytes) -> tuple[Row, ...]:
    """The events whose digest starts like that."""
    digits = prefix.hex() if isinstance(prefix, bytes) else prefix.strip().lower()
    try:
        first = bytes.fromhex(digits.ljust(2 * DIGEST_BYTES, "0"))
        last = bytes.fromhex(digits.ljust(2 * DIGEST_BYTES, "f"))
    except ValueError:
        return ()
    tail = "WHERE substr(e.digest, 1, 5) BETWEEN ? AND ? AND e.digest BETWEEN ? AND ? LIMIT ?"
    return read_rows(db, tail, (first[:5], last[:5], first, last, MATCHES_MAX)) if digits else ()


# ---------------------------------------------------------------- in the order of row ids


def read_document(db: Sql, document: DocumentId, after: int, limit: int = -1) -> tuple[Row, ...]:
    """Events of a document."""
    number = document_number(db, document)
    return read_rows(db, "WHERE e.document = ? AND e.id > ? ORDER BY e.id LIMIT ?", (number, after, limit))


def read_unsettled(db: Sql, document: DocumentId | None, after: int, limit: int) -> tuple[Row, ...]:
    """Data events that wait or are void."""
    if document is not None:
        number = document_number(db, document)
        tail = "WHERE e.document = ? AND e.id > ? AND e.standing IN (1, 2) ORDER BY e.id LIMIT ?"
        return read_rows(db, tail, (number, after, limit))
    # One ordered reading for each standing, so that the index on standings serves the order too.
    tail = "WHERE e.standing = ? AND e.standing <> 0 AND e.id > ? AND c.lane = 1 ORDER BY e.id LIMIT ?"
    found = (read_rows(db, tail, (int(s), after, limit)) for s in (Standing.WAITS, Standing.VOID))
    return tuple(heapq.merge(*found, key=lambda row: row.id))[:limit]


def read_replay(db: Sql, after: int, limit: int) -> tuple[Row, ...]:
    """Data events."""
    return read_rows(db, "WHERE e.id > ? AND c.lane = 1 ORDER BY e.id LIMIT ?", (after, limit))


def read_about(db: Sql, types: Collection[str], after: int, limit: int) -> tuple[tuple[int, DocumentId], ...]:
    """Documents of these types, by the rows of their events."""
    where = f"e.id > ? AND d.type IN ({', '.join('?' * len(types))})"
    rows = db.execute(f"{_ABOUT} WHERE {where} ORDER BY e.id LIMIT ?", (after, *types, limit))
    return tuple((number, DocumentId(*name)) for number, *name in rows)


def read_log(db: Sql, admission: Digest | None, document: DocumentId | None, after: int, limit: int) -> tuple[Row, ...]:
    """Events as they were kept."""
    number = None if document is None else document_number(db, document)
    if document is not None and number is None:
        return ()
    where = ["e.id > ?"]
    values: list[object] = [after]
    if number is not None:
        where.append("e.document = ?")
        values.append(number)
    if admission is not None:
        where.append("c.admission = ?")
        values.append(admission)
    return read_rows(db, f"WHERE {' AND '.join(where)} ORDER BY e.id LIMIT ?", (*values, limit))


def read_beyond(db: Sql, admission: Digest, marks: Collection[Mark], after: int, limit: int) -> tuple[Row, ...]:
    """Data events of a device that are honoured and not under these marks."""
    inside: dict[int, int] = {}  # branch -> until where
    for mark in marks:
        if is_held(db, mark):
            for segment in path_to(db, mark.head.digest):
                inside[segment.branch] = max(segment.last, inside.get(segment.branch, 0))
    branches = db.execute(
        "SELECT b.id FROM branch b CROSS JOIN chain c ON c.id = b.chain WHERE c.admission = ? AND c.lane = 1",
        (admission,),
    ).fetchall()
    tail = "WHERE e.branch = ? AND e.seq > ? AND e.id > ? AND e.standing = 0 ORDER BY e.seq LIMIT ?"
    found = [read_rows(db, tail, (branch, inside.get(branch, 0), after, limit)) for (branch,) in branches]
    return tuple(heapq.merge(*found, key=lambda row: row.id))[:limit]


# ---------------------------------------------------------------- in the order of stamps

_Stamp = tuple[int, Digest, Digest]
_LATEST: _Stamp = (2**63 - 1, ZERO, ZERO)


def read_newest(
    db: Sql, admission: Digest | None, document: DocumentId | None, before: Row | None, limit: int
) -> tuple[Row, ...]:
    """Events by (Lamport number, chain, digest), the latest first."""
    placed = before.placed if before else None
    stamp = (placed.header.lamport, placed.chain, placed.digest) if placed else _LATEST
    if document is None:
        ids = _newest_of_branches(db, admission, stamp, limit)
    else:
        ids = _newest_of_document(db, document, admission, stamp, limit)
    return tuple(row for number in ids for row in read_rows(db, "WHERE e.id = ?", (number,)))


def _newest_of_document(
    db: Sql, document: DocumentId, admission: Digest | None, stamp: _Stamp, limit: int
) -> list[int]:
    rows = db.execute(
        "SELECT e.id FROM event e CROSS JOIN branch b ON b.id = e.branch CROSS JOIN chain c ON c.id = b.chain"
        " WHERE e.document = ? AND (e.lamport, c.digest, e.digest) < (?, ?, ?) AND (? IS NULL OR c.admission = ?)"
        " ORDER BY e.lamport DESC, c.digest DESC, e.digest DESC LIMIT ?",
        (document_number(db, document), *stamp, admission, admission, limit),
    )
    return [number for (number,) in rows]


def _newest_of_branches(db: Sql, admission: Digest | None, stamp: _Stamp, limit: int) -> list[int]:
    """Lamport numbers rise along a branch, so the ends of all branches, merged, are in order without an index."""
    found: list[tuple[_Stamp, int]] = []
    branches = db.execute(
        "SELECT b.id, c.digest FROM branch b CROSS JOIN chain c ON c.id = b.chain WHERE ? IS NULL OR c.admission = ?",
        (admission, admission),
    ).fetchall()
    for branch, chain in branches:
        rows = db.execute(
            "SELECT lamport, digest, id FROM event WHERE branch = ? AND seq < ? ORDER BY seq DESC LIMIT ?",
            # One more than asked for: the latest one may stand at the very Lamport number of the stamp.
            (branch, _first_after(db, branch, stamp[0]), limit + 1),
        )
        found += [((lamport, chain, digest), number) for lamport, digest, number in rows]
    return [number for place, number in sorted(found, reverse=True) if place < stamp][:limit]


def _first_after(db: Sql, branch: int, lamport: int) -> int:
    """The first sequence number of a branch whose Lamport number is larger than this, by halving."""
    # Two questions: asked for both ends at once, SQLite reads everything between them.
    (low,) = db.execute("SELECT min(seq) FROM event WHERE branch = ?", (branch,)).fetchone()
    (high,) = db.execute("SELECT max(seq) + 1 FROM event WHERE branch = ?", (branch,)).fetchone()
    while low < high:
        middle = (low + high) // 2
        (found,) = db.execute("SELECT lamport FROM event WHERE branch = ? AND seq = ?", (branch, middle)).fetchone()
        low, high = (low, middle) if found > lamport else (middle + 1, high)
    assert isinstance(low, int), low
    return low


# ---------------------------------------------------------------- chains


def read_chains(db: Sql) -> tuple[ChainFacts, ...]:
    """All chains, by digest."""
    tips = frontier_of((name, head) for name, head, _ in _tips(db))
    rows = db.execute(
        "SELECT c.digest, c.admission, c.lane, count(*) FROM chain c CROSS JOIN branch b ON b.chain = c.id"
        " CROSS JOIN event e ON e.branch = b.id GROUP BY c.id ORDER BY c.digest"
    )
    return tuple(ChainFacts(name, admission, Lane(lane), tips[name], n) for name, admission, lane, n in rows)


def read_forks(db: Sql, limit: int) -> tuple[ForkFacts, ...]:
    """The events on which branches begin; one of them goes on in the event's own branch."""
    rows = db.execute(
        "SELECT c.digest, p.seq, p.digest, count(*) + 1 FROM branch b CROSS JOIN event p ON p.id = b.parent"
        " CROSS JOIN chain c ON c.id = b.chain WHERE b.parent IS NOT NULL"
        " GROUP BY b.parent ORDER BY c.digest, p.seq, p.digest LIMIT ?",
        (limit,),
    )
    return tuple(ForkFacts(chain, Head(seq, digest), branches) for chain, seq, digest, branches in rows)


def read_walk(db: Sql, chain: Digest, after: int, limit: int) -> tuple[Row, ...]:
    """A chain, branch by branch: a branch's parent lies in one that began earlier."""
    branch, seq = 0, 0
    if after:
        branch, seq = db.execute("SELECT branch, seq FROM event WHERE id = ?", (after,)).fetchone() or (0, 0)
    found: list[Row] = []
    later = db.execute(
        "SELECT b.id FROM branch b CROSS JOIN chain c ON c.id = b.chain WHERE c.digest = ? AND b.id >= ? ORDER BY b.id",
        (chain, branch),
    ).fetchall()
    for (number,) in later:
        beyond = seq if number == branch else 0
        tail = "WHERE e.branch = ? AND e.seq > ? ORDER BY e.seq LIMIT ?"
        found += read_rows(db, tail, (number, beyond, limit - len(found)))
        if len(found) >= limit:
            break
    return tuple(found)


def read_counts(db: Sql) -> Counts:
    """How much there is."""
    (events,) = db.execute("SELECT count(*) FROM event").fetchone()
    (documents,) = db.execute("SELECT count(*) FROM document").fetchone()
    conflicts = count_conflicts(db)
    standings = dict(
        db.execute(
            "SELECT e.standing, count(*) FROM event e CROSS JOIN branch b ON b.id = e.branch"
            " CROSS JOIN chain c ON c.id = b.chain WHERE e.standing <> 0 AND c.lane = 1 GROUP BY e.standing"
        )
    )
    (pages,), (size,) = db.execute("PRAGMA page_count").fetchone(), db.execute("PRAGMA page_size").fetchone()
    waiting, void = standings.get(Standing.WAITS, 0), standings.get(Standing.VOID, 0)
    return Counts(events, documents, conflicts, waiting, void, pages * size)
