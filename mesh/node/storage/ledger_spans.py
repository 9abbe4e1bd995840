"""Serving: which events of a chain somebody lacks, and the longest signed run of them that fits into a page.

A path is a few segments of branches, so a forked chain of any length is walked in as many steps as it has forks.
Nothing here writes.
"""

from __future__ import annotations

from collections.abc import Collection, Iterator, Sequence
from dataclasses import dataclass

from mesh.clocks.chain import START, Head
from mesh.clocks.frontier import Span
from mesh.errors import Damaged
from mesh.events.event import CLEAR, Event, Run, decode_header
from mesh.events.kinds import Mark
from mesh.limits import (
    EVENT_OVERHEAD_BYTES,
    KIB,
    PAGE_BYTES_MAX,
    PUSH_BYTES_MAX,
    SIGNED_RUN_BYTES_MAX,
    SIGNED_RUN_EVENTS_MAX,
)
from mesh.names import Digest
from mesh.node.storage.sql import Sql

_OF_DIGEST = (
    "SELECT e.branch, e.seq, c.digest FROM event e CROSS JOIN branch b ON b.id = e.branch"
    " CROSS JOIN chain c ON c.id = b.chain WHERE substr(e.digest, 1, 5) = ? AND e.digest = ?"
)


@dataclass(frozen=True, slots=True)
class Segment:
    """A stretch of one branch, both ends included."""

    branch: int
    first: int
    last: int


def spot_of(db: Sql, digest: Digest) -> tuple[int, int, Digest] | None:
    """Branch, sequence number and chain of an event that is held."""
    row = db.execute(_OF_DIGEST, (digest[:5], digest)).fetchone()
    return (row[0], row[1], row[2]) if row else None


def path_to(db: Sql, digest: Digest) -> tuple[Segment, ...]:
    """From the opening to an event, as segments in order; empty when it is not held."""
    spot = spot_of(db, digest)
    found: list[Segment] = []
    while spot:
        branch, seq = spot[0], spot[1]
        if found and branch >= found[-1].branch:
            message = "a branch in the database stands on one that began later"
            raise Damaged(message)
        first, parent = db.execute("SELECT first, parent FROM branch WHERE id = ?", (branch,)).fetchone()
        found.append(Segment(branch, first, seq))
        spot = db.execute("SELECT branch, seq FROM event WHERE id = ?", (parent,)).fetchone()
    return tuple(reversed(found))


def read_run(db: Sql, span: Span, bytes_max: int, *, bodies: bool) -> Run | None:
    """What to serve of a span."""
    target = spot_of(db, span.target.digest)
    if target is None or target[1:] != (span.target.seq, span.chain):
        return None
    path = path_to(db, span.target.digest)
    after = next((head for head in span.after if _on_path(db, path, head)), START)
    page = _Page(min(bytes_max, PAGE_BYTES_MAX))
    for header, body, body_bytes, signature in _beyond(db, path, after.seq, bodies=bodies):
        if not page.take(header, body, body_bytes, signature):
            break
    return Run(span.chain, after, tuple(page.events[: page.signed]), page.signature) if page.signed else None


def is_held(db: Sql, mark: Mark) -> bool:
    """Whether the event of a mark is held, at the place that it names."""
    spot = spot_of(db, mark.head.digest)
    return spot is not None and spot[1:] == (mark.head.seq, mark.chain)


def read_under(db: Sql, mark: Mark, events: Collection[Digest]) -> frozenset[Digest] | None:
    """Which of these events are a mark or under it; None when the mark is not held."""
    if not is_held(db, mark):
        return None
    path = {segment.branch: segment for segment in path_to(db, mark.head.digest)}
    found = set()
    for digest in events:
        place = spot_of(db, digest)
        if place and (segment := path.get(place[0])) and place[1] <= segment.last:
            found.add(digest)
    return frozenset(found)


class _Page:
    """A run that grows as long as it fits, remembering where it may end."""

    def __init__(self, bytes_max: int) -> None:
        self.events: list[Event] = []
        self.signed, self.signature = 0, b""
        self._size, self._bytes_max = 0, bytes_max

    def take(self, header: bytes, body: bytes | None, body_bytes: int, signature: bytes | None) -> bool:
        """Add an event; returns False when the page is full."""
        self._size += len(header) + body_bytes + EVENT_OVERHEAD_BYTES
        overhead = (len(self.events) + 1) * EVENT_OVERHEAD_BYTES
        long = self._size - overhead > SIGNED_RUN_BYTES_MAX or len(self.events) >= SIGNED_RUN_EVENTS_MAX
        if self.signed and (long or self._size > self._bytes_max):
            return False
        self.events.append(Event(header, body))
        if self._size > PUSH_BYTES_MAX - KIB:
            # One signature over more than a message: only headers without bodies can have come that way, and only
            # so can they go on. Events that must have their bodies came with them, so they are few and small.
            self.events = [Event(e.header, e.body if _is_clear(e.header) else None) for e in self.events]
        if signature is not None:
            self.signed, self.signature = len(self.events), signature
        return True


def _is_clear(header: bytes) -> bool:
    return decode_header(header).epoch == CLEAR


def _on_path(db: Sql, path: Sequence[Segment], head: Head) -> bool:
    spot = spot_of(db, head.digest)
    if spot is None or spot[1] != head.seq:
        return False
    return any(s.branch == spot[0] and s.first <= head.seq <= s.last for s in path)


def _beyond(
    db: Sql, path: Sequence[Segment], seq: int, *, bodies: bool
) -> Iterator[tuple[bytes, bytes | None, int, bytes | None]]:
    """(header, body, length of the body, signature) of the events on a path after a sequence number.

    Clear events, that is control and openings, never go without their bodies.
    """
    for segment in path:
        rows = db.execute(
            "SELECT e.header, CASE WHEN ? OR c.lane = 0 OR e.seq = 1 THEN e.body END, length(e.body), e.signature"
            " FROM event e CROSS JOIN branch b ON b.id = e.branch CROSS JOIN chain c ON c.id = b.chain"
            " WHERE e.branch = ? AND e.seq BETWEEN ? AND ? ORDER BY e.seq",
            (bodies, segment.branch, max(segment.first, seq + 1), segment.last),
        )
        for header, body, body_bytes, signature in rows:
            yield header, body, decode_header(header).body_bytes if body_bytes is None else body_bytes, signature


def read_bodies(db: Sql, digests: Sequence[Digest], bytes_max: int) -> tuple[tuple[Digest, bytes], ...]:
    """Bodies of these events, as many as fit."""
    found: list[tuple[Digest, bytes]] = []
    size = 0
    for digest in digests:
        row = db.execute(
            "SELECT body FROM event WHERE substr(digest, 1, 5) = ? AND digest = ? AND body IS NOT NULL",
            (digest[:5], digest),
        ).fetchone()
        if row is None:
            continue
        size += len(row[0]) + EVENT_OVERHEAD_BYTES
        if found and size > bytes_max:
            break
        found.append((digest, row[0]))
    return tuple(found)
