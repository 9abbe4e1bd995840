"""When events came to be held here: one row a minute, so that an end can be set where a device was at some time.

The time is this device's own and leaves it nowhere else. Nothing here looks at an event.
"""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Collection

from mesh.clocks.chain import Head
from mesh.events.kinds import Mark
from mesh.names import Digest
from mesh.node.storage.sql import Sql

MINUTE_MS = 60_000


def note_arrival(db: Sql, time_ms: int, upto: int) -> None:
    """The events up to this row had come by that time."""
    db.execute(
        "INSERT OR REPLACE INTO arrival (minute, time_ms, upto) VALUES (?, ?, ?)", (time_ms // MINUTE_MS, time_ms, upto)
    )


def read_heads_at(db: Sql, admission: Digest, before_ms: int | None) -> tuple[Mark, ...]:
    """Where a device's chains ended in what had come before that time; None: in what is held.

    A branch begins at an event that its own branch had continued before, so each branch ends in a tip at any time.
    """
    upto = _upto(db, before_ms)
    found = []
    for branch, chain in db.execute(
        "SELECT b.id, c.digest FROM branch b CROSS JOIN chain c ON c.id = b.chain WHERE c.admission = ?", (admission,)
    ).fetchall():
        row = db.execute(
            "SELECT seq, digest FROM event WHERE branch = ? AND id <= ? ORDER BY seq DESC LIMIT 1", (branch, upto)
        ).fetchone()
        if row:
            found.append(Mark(chain, Head(*row)))
    return tuple(sorted(found))


def read_arrivals(db: Sql, rows: Collection[int]) -> dict[int, int]:
    """By when each of these rows was held; those of which it was not kept are left out."""
    if not rows:
        return {}
    found = db.execute("SELECT upto, time_ms FROM arrival WHERE upto >= ? ORDER BY upto", (min(rows),)).fetchall()
    ends = [upto for upto, _ in found]
    places = {row: bisect_left(ends, row) for row in rows}
    return {row: found[place][1] for row, place in places.items() if place < len(found) and found[place][1]}


def read_spaces(db: Sql, before_ms: int | None) -> dict[str, int]:
    """How many documents of each space had begun to come by then."""
    return dict(
        db.execute(
            "SELECT d.space, count(*) FROM document d"
            " WHERE (SELECT min(e.id) FROM event e WHERE e.document = d.id) <= ? GROUP BY d.space ORDER BY d.space",
            (_upto(db, before_ms),),
        )
    )


def _upto(db: Sql, before_ms: int | None) -> int:
    if before_ms is None:
        return 2**63 - 1
    (upto,) = db.execute("SELECT coalesce(max(upto), 0) FROM arrival WHERE time_ms < ?", (before_ms,)).fetchone()
    assert isinstance(upto, int), upto
    return upto
