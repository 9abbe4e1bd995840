"""What the events of a simulated device mean: each one's standing, and the state that the honoured ones make.

Kept event by event as an agent does it, and told from the log at once for comparison. In worlds with Automerge the
state is the true documents; in the others it is which events count.
"""

from __future__ import annotations

import hashlib
from collections import defaultdict
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, replace

from mesh.errors import Refused
from mesh.events import cbor
from mesh.events.bodies import document_of
from mesh.events.event import Lane, Placed
from mesh.events.kinds import Born, Carrier
from mesh.events.reading import Reading, read
from mesh.events.seal import Keyring
from mesh.events.verdict import Standing, Verdict
from mesh.events.weigh import UNSURE, weigh
from mesh.names import Digest, DocumentId
from mesh.state import digest as state_digest
from mesh.state.changes import decode
from mesh.state.conflicts import Conflict, conflicts_of
from mesh.state.digest import Trie
from mesh.state.documents import Document
from mesh.state.genesis import body_of
from mesh.state.operations import Change
from mesh.state.settling import Settlements
from mesh.state.shapes import check_birth, gate
from tests.unit.lineage import Log

BIRTH_MISSING = "its document's birth is missing"


@dataclass
class Meaning:
    """The readings of all data events held, and the documents that the honoured ones make."""

    real: bool
    log: Log = field(default_factory=Log)
    readings: dict[Digest, Reading] = field(default_factory=dict)
    unsure: dict[Digest, Placed] = field(default_factory=dict)
    places: dict[Digest, tuple[Digest, int]] = field(default_factory=dict)
    births: dict[DocumentId, Born] = field(default_factory=dict)
    changes: defaultdict[DocumentId, dict[Digest, Change]] = field(default_factory=lambda: defaultdict(dict))
    said: defaultdict[DocumentId, dict[Digest, Carrier]] = field(default_factory=lambda: defaultdict(dict))
    documents: dict[DocumentId, Document] = field(default_factory=dict)
    orphans: defaultdict[DocumentId, list[Placed]] = field(default_factory=lambda: defaultdict(list))
    _root: Digest | None = None
    """What `root` said last, until a reading changes."""

    def weigh(self, keyring: Keyring, verdict: Verdict, events: Iterable[Placed]) -> None:
        """Read and weigh events, and fold in those that count now and did not before."""
        news = [placed for placed in events if placed.lane is Lane.DATA]
        self.log.add(news)
        for placed in [*news, *self._may_be_sure(news)]:
            if not self._counts(placed.digest):
                reading = read(keyring, verdict, placed, self.log)
                if self.real and reading.standing is Standing.HONOURED:
                    reading = self._fitted(placed, reading)
                self.readings[placed.digest] = reading
                self._root = None
                self.unsure.pop(placed.digest, None)
                if reading.reason == UNSURE:
                    self.unsure[placed.digest] = placed
                self.places[placed.digest] = (placed.chain, placed.seq)
                if self.real and reading.standing is Standing.HONOURED:
                    self._fold(keyring, verdict, placed, reading)

    def _may_be_sure(self, news: Iterable[Placed]) -> list[Placed]:
        """What waits for a mark in a chain that goes on now."""
        chains = {placed.chain for placed in news}
        return [placed for placed in self.unsure.values() if placed.chain in chains]

    def turn(self, keyring: Keyring, verdict: Verdict, log: Mapping[Digest, Placed]) -> None:
        """Weigh again under another verdict, or with more keys: what may begin to count, and what no longer does."""
        again = set(self.unsettled())
        fallen = [self.readings[digest].inner for digest in self.fallen(verdict, log)]
        for document in {inner.document for inner in fallen if inner}:
            again |= self._dropped(document)
        self.weigh(keyring, verdict, [log[digest] for digest in log if digest in again])

    def fallen(self, verdict: Verdict, log: Mapping[Digest, Placed]) -> tuple[Digest, ...]:
        """The events that count, and no longer do under this verdict."""
        counting = ((digest, reading) for digest, reading in self.readings.items() if self._counts(digest))
        return tuple(
            digest
            for digest, reading in counting
            if reading.inner and weigh(verdict, log[digest], reading.inner, self.log).standing is not Standing.HONOURED
        )

    def _dropped(self, document: DocumentId | None) -> set[Digest]:
        """Forget what was folded into a document. Returns its events, which have to be weighed again."""
        events = {d for d, reading in self.readings.items() if reading.inner and reading.inner.document == document}
        self._root = None
        for digest in events:
            del self.readings[digest]
        if document is not None:
            for kept in (self.births, self.changes, self.said, self.documents, self.orphans):
                kept.pop(document, None)
        return events

    def unsettled(self) -> tuple[Digest, ...]:
        """The events that do not count, and may when the verdict changes or a key or body comes."""
        return tuple(digest for digest in self.readings if not self._counts(digest))

    def _counts(self, digest: Digest) -> bool:
        reading = self.readings.get(digest)
        return reading is not None and reading.standing is Standing.HONOURED

    def _fitted(self, placed: Placed, reading: Reading) -> Reading:
        """Whether the content of an allowed event is what its document may hold."""
        body, inner = reading.body, reading.inner
        assert inner is not None, reading
        document = inner.document
        if document is None:
            return reading
        try:
            if isinstance(body, Born):
                check_birth(document.type, body)
                if document_of(document.space, document.type, body) != document:
                    return replace(reading, standing=Standing.VOID, reason="its document is called otherwise")
            if isinstance(body, Carrier):
                birth = self.births.get(document)
                if birth is None:
                    self.orphans[document].append(placed)
                    return replace(reading, standing=Standing.WAITS, reason=BIRTH_MISSING)
                change = decode(body.change)
                gate(change, admission=placed.admission, kind=document.type, body=body_of(document, birth))
        except Refused as error:
            return replace(reading, standing=Standing.VOID, reason=str(error))
        return reading

    def _fold(self, keyring: Keyring, verdict: Verdict, placed: Placed, reading: Reading) -> None:
        document = reading.inner.document if reading.inner else None
        if document is None:
            return
        if isinstance(reading.body, Born) and document not in self.births:
            self.births[document] = reading.body
            self.weigh(keyring, verdict, self.orphans.pop(document, []))
        if isinstance(reading.body, Carrier):
            change = decode(reading.body.change)
            self.changes[document][placed.digest] = change
            self.said[document][placed.digest] = reading.body
            if document in self.documents and self.documents[document].take([change]).doubled:
                del self.documents[document]

    def document(self, name: DocumentId) -> Document:
        """A document as it stands, folded from its events unless it is loaded."""
        found = self.documents.get(name)
        if found is None:
            birth, changes = self.births[name], self.changes[name].items()
            found = self.documents[name] = (
                Document.fold(name, birth, changes) if changes else Document.born(name, birth)
            )
        return found

    def carriers(self, name: DocumentId) -> dict[Digest, Carrier]:
        """What the events say whose changes are in a document."""
        document, changes = self.document(name), self.changes[name]
        return {digest: body for digest, body in self.said[name].items() if document.contains(changes[digest].hash)}

    def settlements(self, name: DocumentId) -> Settlements:
        """What was settled in a document, and taken back."""
        found = Settlements()
        for digest, body in self.carriers(name).items():
            found.add(digest, body)
        return found

    def conflicts(self, name: DocumentId) -> tuple[Conflict, ...]:
        """What is in conflict in a document."""
        return conflicts_of(self.document(name), self.settlements(name))

    def standings(self) -> dict[Digest, tuple[Standing, str]]:
        """What each data event counts for, and why."""
        return {digest: (reading.standing, reading.reason) for digest, reading in self.readings.items()}

    def root(self) -> Digest:
        """The state digest that devices compare: which events count, by document and chain."""
        if self._root is None:
            self._root = self._summed()
        return self._root

    def _summed(self) -> Digest:
        parts: defaultdict[DocumentId, defaultdict[Digest, list[tuple[int, Digest]]]]
        parts = defaultdict(lambda: defaultdict(list))
        for digest, reading in self.readings.items():
            if reading.standing is Standing.HONOURED and reading.inner and reading.inner.document:
                chain, seq = self.places[digest]
                parts[reading.inner.document][chain].append((seq, digest))
        buckets: defaultdict[int, list[tuple[Digest, Digest]]] = defaultdict(list)
        for document, chains in parts.items():
            key = state_digest.key(document)
            leaf = state_digest.leaf(key, (state_digest.part(chain, events) for chain, events in chains.items()))
            buckets[state_digest.bucket(key)].append((key, leaf))
        return Trie((index, state_digest.bucket_digest(leaves)) for index, leaves in buckets.items()).root()

    def state(self) -> Digest:
        """A digest of everything that a person would see."""
        told = hashlib.sha256()
        for digest in sorted(digest for digest in self.readings if self._counts(digest)):
            told.update(digest)
        for name in sorted(self.births):
            told.update(str(name).encode() + self.view(name))
        return Digest(told.digest())

    def view(self, name: DocumentId) -> bytes:
        """What one document shows: text, registers with all values, what it stands on and what is in conflict."""
        if not self.changes.get(name):
            birth = self.births[name]
            return cbor.encode([birth.text, sorted(birth.registers)])
        found = self.document(name)
        registers = [
            [key, [[live.value, live.change] for live in found.live(key)]] for key in sorted(found.registers())
        ]
        names = [conflict.name for conflict in self.conflicts(name)]
        return cbor.encode([found.text(), registers, list(found.heads), names])
