"""The store in memory: for tests, simulated worlds, and whoever wants a mesh that leaves nothing behind.

It does everything the plain way, by looking at all rows, and so it is also what the SQLite store is compared with. It
never touches a disk.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from dataclasses import replace

from mesh.clocks.chain import START, Head, trail_places
from mesh.clocks.frontier import Frontier, Span, frontier_of
from mesh.errors import Damaged
from mesh.events.event import Event, Lane, Placed, Run
from mesh.events.kinds import Mark
from mesh.events.verdict import Standing
from mesh.limits import BODIES_MISSING_MAX, EVENT_OVERHEAD_BYTES, MATCHES_MAX, ROWS_READ_MAX
from mesh.names import Digest, DocumentId
from mesh.node.storage import store_port
from mesh.node.storage.ledger_arrivals import MINUTE_MS
from mesh.node.storage.memory_conflicts import Disputes, some
from mesh.node.storage.memory_rows import is_data, is_of, paged, stamp
from mesh.node.storage.memory_views import Views
from mesh.node.storage.store_port import Batch, Boot, ChainFacts, Counts, Kept, NoteRow, Row, Weighed


class MemoryStore(Views):
    """A store that ends with the process."""

    def __init__(self) -> None:
        """Start empty."""
        super().__init__()
        self._ids: dict[Digest, int] = {}
        self._settings: dict[str, bytes] = {}
        self._arrivals: dict[int, tuple[int, int]] = {}  # minute -> (the last time in it, the rows until then)
        self._forgotten: dict[DocumentId, int] = {}  # since when

    # ── writing ──────────────────────────────────────────────────────────────────────────────────

    async def commit(self, batch: Batch) -> int:
        """Keep all of it or nothing. Returns the largest row id of an event."""
        self._refuse(batch)
        for kept in batch.events:
            self._keep(kept)
        if batch.events and batch.time_ms:
            self._arrivals[batch.time_ms // MINUTE_MS] = (batch.time_ms, len(self._rows))
        for digest, body in batch.bodies:
            self._fill(digest, body)
        for weighed in batch.standings:
            self._weigh(weighed)
        if batch.forgotten is not None:
            self._forgotten = {name: self._forgotten.get(name, batch.time_ms) for name in batch.forgotten}
        for document in batch.unshown:
            self._notes.pop(document, None)
            self._records.pop(document, None)
        for document in batch.stale:
            self._snapshots.pop(document, None)
        for row in batch.born:
            if isinstance(row, NoteRow):
                self._notes.setdefault(row.note.document, row)
            else:
                self._records.setdefault(row.record.document, row)
        self._notes |= {row.note.document: row for row in batch.notes}
        self._records |= {row.record.document: row for row in batch.records}
        self._disputes.write(batch)
        self._snapshots |= {snapshot.document: snapshot for snapshot in batch.snapshots}
        self._documents |= (
            self._notes.keys() | self._records.keys() | self._snapshots.keys() | self._disputes.documents()
        )
        self._settings |= dict(batch.settings)
        return len(self._rows)

    def _refuse(self, batch: Batch) -> None:
        """Find what cannot be kept before anything is."""
        known = dict.fromkeys(self._ids)
        for kept in batch.events:
            if kept.placed.seq > 1 and kept.placed.parent not in known:
                message = f"event {kept.placed.seq} of a chain was to be kept without the one before it"
                raise Damaged(message)
            known[kept.placed.digest] = None
        for weighed in batch.standings:
            if weighed.event not in known:
                message = "an event was weighed that is not held"
                raise Damaged(message)
            row = self._row(weighed.event)
            if row and row.document and weighed.document not in {None, row.document}:
                message = "an event was to be moved to another document"
                raise Damaged(message)

    def _keep(self, kept: Kept) -> None:
        if kept.placed.digest in self._ids:
            return
        row = Row(len(self._rows) + 1, kept.placed, kept.standing, kept.reason, kept.document)
        self._rows.append(row)
        self._ids[kept.placed.digest] = row.id
        if kept.document:
            self._documents.add(kept.document)

    def _row(self, digest: Digest) -> Row | None:
        number = self._ids.get(digest)
        return None if number is None else self._rows[number - 1]

    def _fill(self, digest: Digest, body: bytes) -> None:
        row = self._row(digest)
        if row and row.placed.event.body is None:
            event = Event(row.placed.event.header, body)
            self._rows[row.id - 1] = replace(row, placed=replace(row.placed, event=event))

    def _weigh(self, weighed: Weighed) -> None:
        row = self._row(weighed.event)
        assert row is not None, weighed
        document = weighed.document or row.document
        self._rows[row.id - 1] = replace(row, standing=weighed.standing, reason=weighed.reason, document=document)
        if document:
            self._documents.add(document)

    # ── at start, looking up ─────────────────────────────────────────────────────────────────────

    async def boot(self) -> Boot:
        """What an agent needs at start."""
        tips, lamports = self._tips(), {row.placed.digest: row.placed.header.lamport for row in self._rows}
        return Boot(
            control=tuple(row.placed for row in self._rows if row.placed.lane is Lane.CONTROL),
            tips=tips,
            lamports={chain: max(lamports[head.digest] for head in heads) for chain, heads in tips.items()},
            trails={chain: self._trail(max(heads)) for chain, heads in tips.items()},
            openings={row.placed.chain: (row.placed.admission, row.placed.lane) for row in self._rows},
            tip_lamports={head.digest: lamports[head.digest] for heads in tips.values() for head in heads},
            settings=dict(self._settings),
            missing_bodies=await self.missing_bodies(),
        )

    def _tips(self, upto: int | None = None) -> Frontier:
        rows = self._rows[:upto]
        parents = {row.placed.parent for row in rows}
        leaves = (row.placed for row in rows if row.placed.digest not in parents)
        return frontier_of((placed.chain, placed.head) for placed in leaves)

    def _trail(self, tip: Head) -> tuple[Head, ...]:
        path = {placed.seq: placed.head for placed in self._path(tip.digest)}
        return tuple(path[seq] for seq in trail_places(tip.seq))

    def _path(self, digest: Digest) -> Iterator[Placed]:
        """From an event down to its opening."""
        while row := self._row(digest):
            yield row.placed
            digest = row.placed.parent

    async def held(self, digests: Collection[Digest]) -> frozenset[Digest]:
        """Which of these events are held."""
        return frozenset(digest for digest in digests if digest in self._ids)

    async def places(self, digests: Collection[Digest]) -> dict[Digest, tuple[int, int]]:
        """Sequence number and Lamport number of those events that are held."""
        found = {digest: row.placed for digest in digests if (row := self._row(digest))}
        return {digest: (placed.seq, placed.header.lamport) for digest, placed in found.items()}

    async def under(self, mark: Mark, events: Collection[Digest]) -> frozenset[Digest] | None:
        """Which of these events are held and are the mark, or under it in its chain. None: the mark is not held."""
        row = self._row(mark.head.digest)
        if row is None or (row.placed.chain, row.placed.head) != (mark.chain, mark.head):
            return None
        return frozenset(events) & {placed.digest for placed in self._path(mark.head.digest)}

    async def heads_at(self, admission: Digest, before_ms: int | None = None) -> tuple[Mark, ...]:
        """The tips of a device's chains, of what had come before that time; None: of what is held now."""
        tips = self._tips(None if before_ms is None else self._upto(before_ms))
        own = {row.placed.chain for row in self._rows if row.placed.admission == admission}
        return tuple(sorted(Mark(chain, head) for chain, heads in tips.items() if chain in own for head in heads))

    async def beyond(
        self, admission: Digest, marks: Collection[Mark], after: int = 0, limit: int = ROWS_READ_MAX
    ) -> tuple[Row, ...]:
        """Data events of a device that are honoured and not under any of these marks."""
        inside = {digest for mark in marks for digest in await self.under(mark, self._ids.keys()) or ()}

        def fits(row: Row) -> bool:
            mine = row.placed.admission == admission and is_data(row) and row.standing is Standing.HONOURED
            return mine and row.placed.digest not in inside

        return self._some(fits, after, limit)

    async def arrivals(self, rows: Collection[int]) -> dict[int, int]:
        """When these rows were held here at the latest."""
        known = {row: [(upto, at) for at, upto in self._arrivals.values() if upto >= row] for row in rows}
        return {row: min(ends)[1] for row, ends in known.items() if ends}

    async def spaces(self, before_ms: int | None = None) -> Mapping[str, int]:
        """How many documents there were in each space, by what had come before that time; None: by now."""
        upto = len(self._rows) if before_ms is None else self._upto(before_ms)
        return dict(sorted(Counter(d.space for d in {row.document for row in self._rows[:upto]} if d).items()))

    def _upto(self, before_ms: int) -> int:
        return max((n for time_ms, n in self._arrivals.values() if time_ms < before_ms), default=0)

    async def event(self, prefix: str | bytes) -> tuple[Row, ...]:
        """The events whose digest starts with these hex digits or bytes."""
        digits = prefix.hex() if isinstance(prefix, bytes) else prefix.strip().lower()
        found = (row for row in self._rows if digits and row.placed.digest.hex().startswith(digits))
        return tuple(sorted(found, key=lambda row: row.placed.digest)[:MATCHES_MAX])

    async def setting(self, name: str) -> bytes | None:
        """What was stored under a name."""
        return self._settings.get(name)

    # ── serving ──────────────────────────────────────────────────────────────────────────────────

    async def serve(self, span: Span, bytes_max: int, *, bodies: bool = True) -> Run | None:
        """The longest run towards the span's target that fits and ends on a signed event."""
        path = list(self._path(span.target.digest))[::-1]
        if not path or path[-1].head != span.target or path[-1].chain != span.chain:
            return None
        heads = {placed.head for placed in path}
        after = next((head for head in span.after if head in heads), START)
        return paged(span.chain, after, path[after.seq :], bytes_max, bodies=bodies)

    async def bodies(self, digests: Sequence[Digest], bytes_max: int) -> tuple[tuple[Digest, bytes], ...]:
        """Bodies of these events, as many as fit; at least one if any is held."""
        found: list[tuple[Digest, bytes]] = []
        size = 0
        for digest in digests:
            row = self._row(digest)
            body = row.placed.event.body if row else None
            if body is not None:
                size += len(body) + EVENT_OVERHEAD_BYTES
                if found and size > bytes_max:
                    break
                found.append((digest, body))
        return tuple(found)

    async def missing_bodies(self, limit: int = BODIES_MISSING_MAX) -> tuple[tuple[Digest, Digest], ...]:
        """(event, digest of its body) of events whose body is not here, oldest first; none of forgotten documents."""
        wanted = (row for row in self._rows if row.document not in self._forgotten)
        found = (row.placed for row in wanted if row.placed.event.body is None)
        return tuple((placed.digest, placed.header.body_digest) for placed in found)[:limit]

    async def erase(self, before_ms: int) -> int:
        """Delete the bodies of documents that were forgotten before that time. Returns how many went."""
        over = {name for name, since_ms in self._forgotten.items() if since_ms < before_ms}
        gone = [row for row in self._rows if row.document in over]
        self._disputes.erase(row.placed.digest for row in gone)
        rows = [row for row in gone if row.placed.event.body is not None]
        for row in rows:
            event = Event(row.placed.event.header, None)
            self._rows[row.id - 1] = replace(row, placed=replace(row.placed, event=event))
        return len(rows)

    # ── rows ─────────────────────────────────────────────────────────────────────────────────────

    def _some(self, fits: Callable[[Row], bool], after: int, limit: int | None = None) -> tuple[Row, ...]:
        return tuple(row for row in self._rows[after:] if fits(row))[:limit]

    async def rows(self, document: DocumentId, after: int = 0) -> tuple[Row, ...]:
        """All events of a document with a larger row id."""
        return self._some(lambda row: row.document == document, after)

    async def unsettled(
        self, document: DocumentId | None = None, after: int = 0, limit: int = ROWS_READ_MAX
    ) -> tuple[Row, ...]:
        """Data events that wait or are void."""

        def fits(row: Row) -> bool:
            mine = document is None or row.document == document
            return mine and is_data(row) and row.standing in {Standing.WAITS, Standing.VOID}

        return self._some(fits, after, limit)

    async def replay(self, after: int = 0, limit: int = ROWS_READ_MAX) -> tuple[Row, ...]:
        """Data events in the order of row ids."""
        return self._some(is_data, after, limit)

    async def about(
        self, types: Collection[str], after: int = 0, limit: int = ROWS_READ_MAX
    ) -> tuple[tuple[int, DocumentId], ...]:
        """Documents of these types that events with a larger row id belong to."""
        rows = self._some(lambda row: row.document is not None and row.document.type in types, after, limit)
        return tuple((row.id, row.document) for row in rows if row.document)

    async def log(
        self, *, admission: Digest | None = None, document: DocumentId | None = None, after: int = 0, limit: int
    ) -> tuple[Row, ...]:
        """Events in the order in which they were kept here."""
        return self._some(lambda row: is_of(row, admission, document), after, limit)

    async def newest(
        self,
        *,
        admission: Digest | None = None,
        document: DocumentId | None = None,
        before: Row | None = None,
        limit: int,
    ) -> tuple[Row, ...]:
        """Events by stamp, the latest first."""
        found = [row for row in self._rows if is_of(row, admission, document)]
        if before:
            found = [row for row in found if stamp(row) < stamp(before)]
        return tuple(sorted(found, key=stamp, reverse=True)[:limit])

    async def chains(self) -> tuple[ChainFacts, ...]:
        """All chains, by digest."""
        found: dict[Digest, list[Placed]] = {}
        for row in self._rows:
            found.setdefault(row.placed.chain, []).append(row.placed)
        tips = self._tips()
        return tuple(ChainFacts(c, e[0].admission, e[0].lane, tips[c], len(e)) for c, e in sorted(found.items()))

    async def forks(self, limit: int) -> tuple[store_port.ForkFacts, ...]:
        """The places at which chains fork."""
        placed = (row.placed for row in self._rows if row.placed.seq > 1)
        found = Counter((p.chain, Head(p.seq - 1, p.parent)) for p in placed)
        return tuple(store_port.ForkFacts(*place, count) for place, count in sorted(found.items()) if count > 1)[:limit]

    async def walk(self, chain: Digest, after: int = 0, limit: int = ROWS_READ_MAX) -> tuple[Row, ...]:
        """Every event of a chain, parents before children."""
        return self._some(lambda row: row.placed.chain == chain, after, limit)

    # ── state ────────────────────────────────────────────────────────────────────────────────────

    async def counts(self) -> Counts:
        """How much there is; bytes are those of headers and bodies."""
        data = [row.standing for row in self._rows if is_data(row)]
        size = sum(len(e.header) + len(e.body or b"") for e in (row.placed.event for row in self._rows))
        conflicts = len(some(self._disputes, self._notes.values()))
        waiting, void = data.count(Standing.WAITS), data.count(Standing.VOID)
        return Counts(len(self._rows), len(self._documents), conflicts, waiting, void, size)

    async def forget_state(self) -> None:
        """Drop what follows from the log."""
        self._notes.clear()
        self._records.clear()
        self._snapshots.clear()
        self._disputes = Disputes()
        self._rows = [replace(row, standing=Standing.WAITS, reason="") if is_data(row) else row for row in self._rows]

    async def check(self, *, deep: bool) -> tuple[str, ...]:
        """Nothing: memory has no sectors."""
        del deep
        return ()

    async def close(self) -> None:
        """Nothing to let go of."""
