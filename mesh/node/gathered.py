"""What is gathered for one commit: events as weighed, standings and views that change, and what the log says by then.

It weighs nothing and writes nothing; the engine commits it, or drops it as a whole.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, replace

from mesh.events.event import Event, Placed
from mesh.events.kinds import Born, Carrier
from mesh.events.reading import Reading
from mesh.events.verdict import Standing
from mesh.names import Digest, DocumentId
from mesh.node.storage.store_port import (
    Author,
    Batch,
    ConflictRow,
    Kept,
    NoteRow,
    RecordRow,
    Row,
    SettlementRow,
    Shown,
    Snapshot,
    Weighed,
)
from mesh.state.documents import Document
from mesh.state.operations import Change
from mesh.state.settling import Settlements


@dataclass(frozen=True, slots=True)
class Birth:
    """How a document was born, by one event. `counts`: authority allows it."""

    placed: Placed
    born: Born
    time_ms: int
    counts: bool
    agent: str = ""

    @property
    def author(self) -> Author:
        """Who said it."""
        return author_of(self.placed, self.agent, self.time_ms)


@dataclass(frozen=True, slots=True)
class Step:
    """One change of a document, by one event. `counts`: authority allows it; others may stand on it even if not."""

    placed: Placed
    change: Change
    time_ms: int
    counts: bool
    body: Carrier
    agent: str = ""

    @property
    def author(self) -> Author:
        """Who said it."""
        return author_of(self.placed, self.agent, self.time_ms)


def author_of(placed: Placed, agent: str, time_ms: int) -> Author:
    """Who said an event, by what its headers say."""
    return Author(placed.digest, placed.admission, agent, time_ms, placed.header.lamport)


@dataclass(slots=True)
class Loaded:
    """A document in memory."""

    document: Document
    row: Shown | None = None
    born: Author | None = None
    """Who said its birth, where it was made from that; else its row says so, if it has one."""
    aside: dict[Digest, Step] = field(default_factory=dict)
    """Changes that count and wait, by event."""
    whole: bool = False
    """Whether it was given its void changes too: not before something waits, which may stand on one of them."""
    actor: bytes = b""  # fresh for this document and this run of the agent
    unsaved: int = 0  # changes since the last snapshot
    settlements: Settlements = field(default_factory=Settlements)
    """What was settled in it and taken back, as far as it is honoured."""
    conflicts: tuple[ConflictRow, ...] | None = None
    """Its open conflicts as the store has them, or will with this commit; None: nobody looked."""
    entered: list[Step] = field(default_factory=list)
    """What came into it since its conflicts were looked at."""
    authors: dict[bytes, Author] = field(default_factory=dict)
    """Who wrote the changes that are sides of its open conflicts."""

    @property
    def letters(self) -> int:
        """How long its text is: what it takes in memory goes by that."""
        match self.row:
            case NoteRow(note):
                return len(note.body)
            case RecordRow(record):
                return len(record.text)
        return 0

    @property
    def shown(self) -> bool:
        """Whether anything in it counts."""
        hidden = self.document.hidden
        return not hidden or self.document.change_count > len(hidden)


class Gathered:
    """Everything of the next commit. `begin` starts it anew; `waiting` and `unsettled` go on."""

    def __init__(self) -> None:
        """Start with nothing."""
        self.waiting: set[DocumentId] = set()
        """Documents of which an event waits, or did."""
        self.unsettled: set[DocumentId] = set()
        """Documents of which an event waits or is void, or did or was."""
        self.begin()

    def begin(self) -> None:
        """Begin the next commit."""
        self.events: dict[Digest, Kept] = {}  # in the order of arrival, which is that of each chain
        self.weighed: dict[Digest, Weighed] = {}
        self.bodies: dict[Digest, bytes] = {}
        self.births: dict[DocumentId, Birth] = {}
        self.fresh: set[DocumentId] = set()
        """Documents that were born in this commit, and of which nothing was shown before."""
        self.born: dict[DocumentId, Shown] = {}
        self.rows: dict[DocumentId, Shown | None] = {}  # None: nothing of the document is shown
        self.stale: dict[DocumentId, None] = {}
        self.steps: dict[Digest, tuple[int, Step, Reading]] = {}
        """Changes that were read for this commit, and how often the scales had been turned then."""
        self.conflicts: dict[DocumentId, tuple[ConflictRow, ...]] = {}
        self.settlements: dict[DocumentId, tuple[dict[Digest, SettlementRow], bool]] = {}
        self.changes: dict[Digest, bytes] = {}
        self.forgotten: tuple[DocumentId, ...] | None = None
        self._log: dict[Digest, Weighed] = {}  # what is said of events in the log, of those that were read
        self._named: dict[DocumentId, list[Placed]] = {}  # those that the log does not know to be of a document

    def arrived(self, events: Iterable[Placed]) -> None:
        """Events that the log takes with this commit, each after its parent."""
        self.events |= {event.digest: Kept(event, None, Standing.WAITS) for event in events}

    def stand(self, event: Placed, document: DocumentId | None, standing: Standing, why: str = "") -> None:
        """Say what an event counts for; the last word counts."""
        if standing in {Standing.WAITS, Standing.VOID} and document:
            self.unsettled.add(document)
            if standing is Standing.WAITS:
                self.waiting.add(document)
        if event.digest in self.events:
            self.events[event.digest] = Kept(event, document, standing, why)
            return
        word, before = Weighed(event.digest, standing, why, document), self._log.get(event.digest)
        if word == before:
            self.weighed.pop(event.digest, None)
            return
        if document and event.digest not in self.weighed and (before is None or before.document is None):
            self._named.setdefault(document, []).append(event)
        self.weighed[event.digest] = word

    def carries(self, step: Step) -> None:
        """Say which change an event carries, where the log may not know it: it is new, or was not honoured."""
        event = step.placed.digest
        known = self._log.get(event)
        if known is None or known.standing is not Standing.HONOURED:
            self.changes[event] = step.change.hash

    def settles(self, document: DocumentId, rows: Iterable[SettlementRow], *, whole: bool) -> None:
        """Settlements of a document that are new, or all that it has."""
        found = {row.author.event: row for row in rows}
        before, was_whole = self.settlements.get(document, ({}, False))
        if whole:
            self.settlements[document] = found, True
        elif found:
            self.settlements[document] = before | found, was_whole

    def read(self, rows: Iterable[Row]) -> list[Placed]:
        """The events of rows, with the bodies of this commit; what the log says of them is remembered."""
        found = []
        for row in rows:
            placed, digest = row.placed, row.placed.digest
            self._log[digest] = Weighed(digest, row.standing, row.reason, row.document)
            if placed.event.body is None and digest in self.bodies:
                placed = replace(placed, event=Event(placed.event.header, self.bodies[digest]))
            found.append(placed)
        return found

    def of(self, document: DocumentId, rows: Iterable[Row]) -> list[Placed]:
        """All events of a document: its rows, and those of this commit."""
        found = {placed.digest: placed for placed in self.read(rows)}
        found |= {placed.digest: placed for placed in self._named.get(document, ())}
        found |= {digest: kept.placed for digest, kept in self.events.items() if kept.document == document}
        return list(found.values())

    def batch(self, snapshots: Iterable[Snapshot], settings: Mapping[str, bytes], time_ms: int) -> Batch:
        """All of it as the store takes it."""
        return Batch(
            events=tuple(self.events.values()),
            bodies=tuple(self.bodies.items()),
            standings=tuple(self.weighed.values()),
            forgotten=self.forgotten,
            unshown=tuple(name for name, row in self.rows.items() if row is None),
            stale=tuple(self.stale),
            born=tuple(row for name, row in self.born.items() if name not in self.rows),
            notes=tuple(row for row in self.rows.values() if isinstance(row, NoteRow)),
            records=tuple(row for row in self.rows.values() if isinstance(row, RecordRow)),
            conflicts=tuple(self.conflicts.items()),
            settlements=tuple((name, tuple(rows.values()), all_) for name, (rows, all_) in self.settlements.items()),
            changes=tuple(self.changes.items()),
            snapshots=tuple(snapshots),
            settings=tuple(settings.items()),
            time_ms=time_ms,
        )
