"""Devices that write events for store tests: chained as on the wire, but neither sealed nor signed for real.

A store trusts what it is given, so what a seal or a signature says does not matter to it.
"""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from dataclasses import dataclass, field
from random import Random

from mesh.clocks.chain import START, Head, event_digest, opening_digest
from mesh.events.event import CLEAR, Event, Header, Lane, Placed
from mesh.events.kinds import Value
from mesh.events.verdict import Standing
from mesh.limits import SIGNATURE_BYTES
from mesh.names import ZERO, Digest, DocumentId, Short
from mesh.node.storage.store_port import Author, Kept, NoteRow, RecordRow
from mesh.state.notes import Note
from mesh.state.records import Record

MESH = Digest(hashlib.sha256(b"a mesh").digest())
EPOCH = Short(b"an epoch's name.")
INNER_BYTES = 93  # makes a header of 152 bytes, as a sealed inner header does


def document(number: int, space: str = "home", kind: str = "note") -> DocumentId:
    """One of endlessly many documents."""
    return DocumentId(space, kind, hashlib.sha256(b"document %d" % number).digest()[:16])


def note_row(about: DocumentId, title: str, lamport: int = 1, **parts: object) -> NoteRow:
    """A note's view; parts are fields of Note."""
    filled: dict[str, object] = {"body": "", "tags": (), "path": None, "deleted": False, **parts}
    note = Note(about, title, **filled)  # type: ignore[arg-type]
    return NoteRow(note, 1_700_000_000_000 + lamport, MESH, lamport)


def author(lamport: int, device: str = "alder", agent: str = "") -> Author:
    """Who said something."""
    event, by = (
        Digest(hashlib.sha256(f"{what} {device}".encode()).digest()) for what in (f"event {lamport}", "admission")
    )
    return Author(event, by, agent, 1_700_000_000_000 + lamport, lamport)


def record_row(about: DocumentId, lamport: int, registers: Mapping[str, Value], text: str = "") -> RecordRow:
    """A record's view, born and touched at once; registers without a value are left out."""
    kept = {key: value for key, value in registers.items() if value is not None}
    return RecordRow(Record(about, kept, text), author(lamport), author(lamport))


@dataclass
class Writer:
    """One chain of one admission. Several heads make a fork."""

    seed: int = 1
    lane: Lane = Lane.DATA
    body_bytes: int = 60
    head: Head = START
    lamport: int = 0
    chain: Digest = ZERO
    said: list[Placed] = field(default_factory=list)

    def __post_init__(self) -> None:
        """Begin with the opening."""
        self._random = Random(self.seed)
        self.admission = Digest(hashlib.sha256(b"admission %d" % self.seed).digest())
        self.say()

    def say(self, *, sign: bool = True, after: Head | None = None, body: bytes | None = None, step: int = 1) -> Placed:
        """The next event; on another place than the head it makes a fork, and the head moves there."""
        if after is not None:
            self.head = after
            self.lamport = next(p.header.lamport for p in self.said if p.head == after)
        self.lamport += step
        content = self._random.randbytes(self.body_bytes) if body is None else body
        epoch = CLEAR if self.head == START or self.lane is Lane.CONTROL else EPOCH
        inner = self._random.randbytes(INNER_BYTES)
        header = Header(self.lamport, epoch, Digest(hashlib.sha256(content).digest()), len(content), inner)
        raw, parent = header.encode(), self.head
        opens = parent == START
        digest = opening_digest(MESH, self.admission, raw) if opens else event_digest(self.chain, parent, raw)
        self.chain = digest if opens else self.chain
        self.head = Head(parent.seq + 1, digest)
        signature = self._random.randbytes(SIGNATURE_BYTES) if sign else None
        event = Event(raw, content)
        placed = Placed(
            self.chain, self.admission, self.lane, self.head.seq, parent.digest, digest, header, event, signature
        )
        self.said.append(placed)
        return placed

    def run(self, events: int, signed_every: int = 1) -> list[Placed]:
        """Several events; the last one is signed, and each so-many-th before it."""
        return [self.say(sign=number % signed_every == 0 or number == events) for number in range(1, events + 1)]


def kept(placed: Placed, about: DocumentId | None = None, standing: Standing = Standing.HONOURED) -> Kept:
    """An event as weighed."""
    return Kept(placed, about, standing, "" if standing is Standing.HONOURED else "a reason")
