"""What the agent asks of its store: the port, and the plain values that cross it.

The log of events is the truth; notes, records, snapshots and digests are views of it, kept by the same commit.
Nothing here does anything: the memory store and the SQLite store both pass one contract suite.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Protocol

from mesh.clocks.chain import Head
from mesh.clocks.frontier import Span
from mesh.events.event import Lane, Placed, Run
from mesh.events.kinds import Mark, Value
from mesh.events.verdict import Standing
from mesh.limits import BODIES_MISSING_MAX, ROWS_READ_MAX
from mesh.names import Digest, DocumentId
from mesh.node.storage.views_port import Views
from mesh.state.notes import Note
from mesh.state.records import Record

# ---------------------------------------------------------------- what is written


@dataclass(frozen=True, slots=True)
class Kept:
    """An event to be kept, as weighed. `document` is None for control events, openings, and what cannot be read yet."""

    placed: Placed
    document: DocumentId | None
    standing: Standing
    reason: str = ""


@dataclass(frozen=True, slots=True)
class Weighed:
    """A held event that was weighed anew. `document`: what it belongs to, once it can be read; it never moves."""

    event: Digest
    standing: Standing
    reason: str = ""
    document: DocumentId | None = None


@dataclass(frozen=True, slots=True)
class Author:
    """Who said an event, and when: the event, the admission, the agent (empty for the person), its numbers."""

    event: Digest
    admission: Digest
    agent: str
    time_ms: int
    lamport: int


@dataclass(frozen=True, slots=True)
class NoteRow:
    """A note as lists show it, with who touched it last (an admission) and when; `placed` says who gave it its path."""

    note: Note
    updated_ms: int
    updated_by: Digest
    lamport: int
    placed: Author | None = None


@dataclass(frozen=True, slots=True)
class RecordRow:
    """A record as lists show it, with who said its birth and who touched it last."""

    record: Record
    born: Author
    updated: Author


Shown = NoteRow | RecordRow
"""What lists show of a document."""


@dataclass(frozen=True, slots=True)
class SideRow:
    """One side of a conflict as lists show it: the value, at most CONFLICT_SIDE_CHARACTERS of it; its true size."""

    value: Value
    characters: int
    author: Author | None


@dataclass(frozen=True, slots=True)
class ConflictRow:
    """An open conflict as lists show it, with at most CONFLICT_SIDES_KEPT of its `count` sides.

    `since_ms`: when the second of its sides was written, by that device's clock. `lamport`: of its newest side.
    `devices` are the admissions of all sides.
    """

    name: bytes
    document: DocumentId
    kind: str
    field: str
    since_ms: int
    lamport: int
    count: int
    devices: tuple[Digest, ...]
    sides: tuple[SideRow, ...]
    ancestor: Value = None


@dataclass(frozen=True, slots=True)
class SettlementRow:
    """An honoured `settled` or `undone` event of a document: what it settles, or which event it takes back."""

    document: DocumentId
    author: Author
    conflict: bytes  # empty for `undone`
    prints: tuple[bytes, ...]
    rule: str
    undoes: Digest | None
    change: bytes = b""  # the hash of the change that it carries


@dataclass(frozen=True, slots=True)
class Snapshot:
    """A document's saved form; `upto` is the row id of the newest event that it includes."""

    document: DocumentId
    data: bytes
    upto: int


@dataclass(frozen=True, slots=True)
class Batch:
    """Everything of one commit, applied in the order of the fields. Events: parents before children."""

    events: tuple[Kept, ...] = ()
    bodies: tuple[tuple[Digest, bytes], ...] = ()
    """Event digest -> the body that was missing. The caller has checked it against the header."""
    standings: tuple[Weighed, ...] = ()
    forgotten: tuple[DocumentId, ...] | None = None
    """All documents whose bodies nobody wants any more; None: as before."""
    unshown: tuple[DocumentId, ...] = ()  # documents in which nothing counts any more: their rows go
    stale: tuple[DocumentId, ...] = ()  # documents whose snapshot says what is not so any more: it goes
    born: tuple[Shown, ...] = ()
    """Notes and records as they are at their birth: written only where there is no row for the document yet."""
    notes: tuple[NoteRow, ...] = ()
    records: tuple[RecordRow, ...] = ()
    conflicts: tuple[tuple[DocumentId, tuple[ConflictRow, ...]], ...] = ()
    """Documents whose open conflicts changed, each with all that it has now."""
    settlements: tuple[tuple[DocumentId, tuple[SettlementRow, ...], bool], ...] = ()
    """Documents with settlements that are new (False), or with all that they have now (True)."""
    changes: tuple[tuple[Digest, bytes], ...] = ()
    """Event -> the hash of the change that it carries, so that the event of a change is found."""
    snapshots: tuple[Snapshot, ...] = ()
    settings: tuple[tuple[str, bytes], ...] = ()
    time_ms: int = 0
    """When this happens by this device's clock; 0 where nobody asks."""


# ---------------------------------------------------------------- what is read


@dataclass(frozen=True, slots=True)
class Row:
    """An event of the log. `id` counts from 1 in the order in which this device kept them."""

    id: int
    placed: Placed
    standing: Standing
    reason: str
    document: DocumentId | None


@dataclass(frozen=True, slots=True)
class Boot:
    """What an agent holds in memory, as the log has it."""

    control: tuple[Placed, ...] = ()
    """All events of control chains, parents first."""
    tips: Mapping[Digest, tuple[Head, ...]] = field(default_factory=dict)
    lamports: Mapping[Digest, int] = field(default_factory=dict)
    """Chain -> the largest Lamport number in it."""
    trails: Mapping[Digest, tuple[Head, ...]] = field(default_factory=dict)
    """Chain -> the places of its trail, newest first, under its highest tip."""
    openings: Mapping[Digest, tuple[Digest, Lane]] = field(default_factory=dict)
    """Chain -> the admission and the lane that it lives under."""
    tip_lamports: Mapping[Digest, int] = field(default_factory=dict)
    settings: Mapping[str, bytes] = field(default_factory=dict)
    missing_bodies: tuple[tuple[Digest, Digest], ...] = ()
    """(event, digest of its body), the oldest BODIES_MISSING_MAX of them."""


@dataclass(frozen=True, slots=True)
class ChainFacts:
    """One chain: what it lives under, its tips, and how many events of it are held."""

    chain: Digest
    admission: Digest
    lane: Lane
    tips: tuple[Head, ...]
    events: int


@dataclass(frozen=True, slots=True)
class ForkFacts:
    """A place in a chain on which more than one event stands, and how many do."""

    chain: Digest
    after: Head
    branches: int


@dataclass(frozen=True, slots=True)
class Counts:
    """How much there is. `waiting` and `void` count data events; `bytes` is the size on disk."""

    events: int
    documents: int
    conflicts: int
    waiting: int
    void: int
    bytes: int


class Store(Views, Protocol):
    """The memory of one device. Every method raises Damaged, DiskFull or Unreachable when the disk does not serve."""

    async def commit(self, batch: Batch) -> int:
        """Keep all of it or nothing: when this returns it survives kill -9. Events that are held stay as they are.

        Returns the largest row id of an event, for snapshots of the next commit.
        """

    async def boot(self) -> Boot:
        """What an agent needs at start."""

    # ── looking up ──

    async def held(self, digests: Collection[Digest]) -> frozenset[Digest]:
        """Which of these events are held."""

    async def places(self, digests: Collection[Digest]) -> dict[Digest, tuple[int, int]]:
        """Sequence number and Lamport number of those events that are held."""

    async def under(self, mark: Mark, events: Collection[Digest]) -> frozenset[Digest] | None:
        """Those of these events that are held and are the mark, or under it in its chain. None: it is not held."""

    async def heads_at(self, admission: Digest, before_ms: int | None = None) -> tuple[Mark, ...]:
        """The tips of a device's chains in both lanes, of what `arrivals` puts before that time; None: of now."""

    async def beyond(
        self, admission: Digest, marks: Collection[Mark], after: int = 0, limit: int = ROWS_READ_MAX
    ) -> tuple[Row, ...]:
        """Data events of a device that are honoured and not under any of these marks, in the order of row ids.

        A mark that is not held has nothing under it.
        """

    async def arrivals(self, rows: Collection[int]) -> dict[int, int]:
        """By when rows were held here, where that was kept: of all of a minute it is the last commit that counts."""

    async def spaces(self, before_ms: int | None = None) -> Mapping[str, int]:
        """How many documents there were in each space, by what had come before that time; None: by now."""

    async def event(self, prefix: str | bytes) -> tuple[Row, ...]:
        """The events whose digest starts with these hex digits or bytes; the first few when there are many."""

    async def setting(self, name: str) -> bytes | None:
        """What was stored under a name."""

    # ── serving ──

    async def serve(self, span: Span, bytes_max: int, *, bodies: bool = True) -> Run | None:
        """The longest run towards the span's target that fits and ends on a signed event.

        It starts after the best place of `span.after` that is under the target. At least one signed run is given, even
        if it is larger. Bodies count as present even where they are not, so no signature ever covers more than a page.
        None when the target is not held, or the asker is there already.
        """

    async def bodies(self, digests: Sequence[Digest], bytes_max: int) -> tuple[tuple[Digest, bytes], ...]:
        """Bodies of these events, as many as fit; at least one if any is held."""

    async def missing_bodies(self, limit: int = BODIES_MISSING_MAX) -> tuple[tuple[Digest, Digest], ...]:
        """(event, digest of its body) of events whose body is not here, oldest first; none of forgotten documents."""

    async def erase(self, before_ms: int) -> int:
        """Delete the bodies of documents that were forgotten before that time, so that no file has them any more.

        Headers stay, so chains are whole. Returns how many bodies went.
        """

    # ── rows ──

    async def rows(self, document: DocumentId, after: int = 0) -> tuple[Row, ...]:
        """All events of a document with a larger row id, in the order of row ids."""

    async def unsettled(
        self, document: DocumentId | None = None, after: int = 0, limit: int = ROWS_READ_MAX
    ) -> tuple[Row, ...]:
        """Data events that wait or are void, in the order of row ids."""

    async def replay(self, after: int = 0, limit: int = ROWS_READ_MAX) -> tuple[Row, ...]:
        """Data events in the order of row ids."""

    async def about(
        self, types: Collection[str], after: int = 0, limit: int = ROWS_READ_MAX
    ) -> tuple[tuple[int, DocumentId], ...]:
        """Which documents of these types the events with a larger row id belong to, each with its row id, in order."""

    async def log(
        self, *, admission: Digest | None = None, document: DocumentId | None = None, after: int = 0, limit: int
    ) -> tuple[Row, ...]:
        """Events as they were kept here."""

    async def newest(
        self,
        *,
        admission: Digest | None = None,
        document: DocumentId | None = None,
        before: Row | None = None,
        limit: int,
    ) -> tuple[Row, ...]:
        """Events by stamp (and digest, in forked chains), the latest first: everywhere the same. `before`: a row."""

    async def chains(self) -> tuple[ChainFacts, ...]:
        """All chains, by digest."""

    async def forks(self, limit: int) -> tuple[ForkFacts, ...]:
        """The places at which chains fork, by chain and place; of more than the limit the first."""

    async def walk(self, chain: Digest, after: int = 0, limit: int = ROWS_READ_MAX) -> tuple[Row, ...]:
        """Every event of a chain, parents before children. `after`: row id of the last one seen."""

    # ── state ──

    async def digest(self) -> Digest:
        """The root over all honoured data events that belong to a document."""

    async def digest_children(self, level: int, index: int) -> tuple[Digest, ...]:
        """The children of a node of the state tree; ask `digest` first."""

    async def counts(self) -> Counts:
        """How much there is."""

    async def forget_state(self) -> None:
        """Drop what follows from the log: views, snapshots, rolls; every data event waits. The caller refolds it."""

    async def check(self, *, deep: bool) -> tuple[str, ...]:
        """What is wrong with the store itself; nothing if it is sound. `deep` reads all of it."""

    async def close(self) -> None:
        """Let go of files and lock."""
