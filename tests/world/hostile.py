"""What hostile members and thieves write: events with valid places and signatures, and whatever content they like.

A pen writes raw events on a chain whose key it has. It respects the form that Hold asks for and nothing else.
"""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from random import Random

from mesh.clocks.chain import START, Head, event_digest, opening_digest, signed_bytes
from mesh.events import cbor
from mesh.events.bodies import document_of, encode_body
from mesh.events.event import CLEAR, VERSION, Event, Header, Inner, Lane, Run
from mesh.events.keys import SecretKeys
from mesh.events.kinds import ANY, Born, Grant, Opening
from mesh.events.seal import Keyring, pad_body, pad_inner
from mesh.events.verdict import Standing
from mesh.limits import KEY_BYTES, LAMPORT_STEP_MAX, NONCE_BYTES, SALT_BYTES, SHORT_BYTES
from mesh.names import Digest, Short
from mesh.sync.replica import Own

TIMES = (0, 1, 10**15)


@dataclass
class Pen:
    """Writes on one chain. `expected`: what each event that it wrote must count for once all is known."""

    rng: Random
    own: Own
    keyring: Keyring
    epoch: Short
    grant: Short
    chain: Digest
    head: Head
    lamport: int
    expected: dict[Digest, Standing]
    lane: Lane = Lane.DATA

    @property
    def keys(self) -> SecretKeys:
        """The key that signs."""
        return self.own.keys

    def open(self, lane: Lane) -> Run:
        """Begin another chain under the same admission."""
        body = encode_body(Opening(self.own.admission, lane, "new", self.rng.randbytes(SALT_BYTES)))
        self.lamport = min(self.lamport + 1, LAMPORT_STEP_MAX)
        header = Header(self.lamport, CLEAR, _sum(body), len(body), Inner(0, "opening").encode()).encode()
        self.chain = opening_digest(self.own.mesh, self.keys.sign_key, header)
        self.head = Head(1, self.chain)
        signature = self.keys.sign(signed_bytes(self.chain, self.head))
        return Run(self.chain, START, (Event(header, body),), signature)

    def run(self, count: int) -> Run:
        """Some events under one signature."""
        after = self.head
        events = tuple(self.event() for _ in range(count))
        return Run(self.chain, after, events, self.keys.sign(signed_bytes(self.chain, self.head)))

    def event(self) -> Event:
        """One event of a sort that is drawn."""
        if self.lane is Lane.CONTROL:
            return self.statement()
        sorts = (self.honest, self.honest, self.rotten, self.later_kind, self.later_version, self.ungranted)
        return self.rng.choice((*sorts, self.unsealed_garbage, self.foreign_epoch))()

    def statement(self) -> Event:
        """A control event: of a kind or version to come, unreadable, or what an admin may say of its own device."""
        kind, body = self.rng.choice(
            (
                ("decree", cbor.encode(["be merry"])),
                ("admit", self.rng.randbytes(40)),
                ("grant", encode_body(Grant(self.own.admission, "bot", ANY, (ANY,), (ANY,)))),
            )
        )
        version = self.rng.choice((VERSION, VERSION, VERSION + 1))
        header = self._header(CLEAR, Inner(self.rng.choice(TIMES), kind).encode(), body, version)
        return self._place(header, body, Standing.OPAQUE)

    def honest(self) -> Event:
        """What the true device could have said."""
        birth = Born({"title": f"stolen {self.rng.randrange(99)}"}, "", self.rng.randbytes(SALT_BYTES))
        return self._sealed(self._inner("born", birth), encode_body(birth), Standing.HONOURED)

    def rotten(self) -> Event:
        """Allowed, but its body is nothing that can be read."""
        return self._sealed(self._inner("changed", None), self.rng.randbytes(40), Standing.VOID)

    def later_kind(self) -> Event:
        """Of a kind that a later version may know."""
        return self._sealed(self._inner("recoloured", None), cbor.encode(["blue"]), Standing.OPAQUE)

    def ungranted(self) -> Event:
        """By an agent that has no grant."""
        birth = Born({"title": "let me"}, "", self.rng.randbytes(SALT_BYTES))
        document = document_of("home", "note", birth)
        grant = self.rng.choice((self.grant, CLEAR, Short(self.rng.randbytes(SHORT_BYTES))))
        inner = Inner(self.rng.choice(TIMES), "born", "intruder", document, grant).encode()
        return self._sealed(inner, encode_body(birth), Standing.VOID)

    def later_version(self) -> Event:
        """Of a version that does not exist yet."""
        header = self._header(self.epoch, b"?", b"??", version=VERSION + 1)
        return self._place(header, b"??", Standing.OPAQUE)

    def unsealed_garbage(self) -> Event:
        """Under a true epoch, but not sealed with its key."""
        body = self.rng.randbytes(60)
        return self._place(self._header(self.epoch, self.rng.randbytes(60), body), body, Standing.VOID)

    def foreign_epoch(self) -> Event:
        """Under an epoch that nobody has the key of."""
        body = self.rng.randbytes(60)
        epoch = Short(self.rng.randbytes(SHORT_BYTES))
        return self._place(self._header(epoch, self.rng.randbytes(60), body), body, Standing.WAITS)

    def _inner(self, kind: str, birth: Born | None) -> bytes:
        birth = birth or Born({}, "", self.rng.randbytes(SALT_BYTES))
        document = document_of("home", "note", birth)
        return Inner(self.rng.choice(TIMES), kind, "", document, self.grant).encode()

    def _sealed(self, inner: bytes, plain: bytes, expected: Standing) -> Event:
        seq = self.head.seq + 1
        nonces = [self.rng.randbytes(NONCE_BYTES) for _ in range(2)]
        body = self.keyring.seal(self.epoch, self.chain, seq, b"body", pad_body(plain), nonces[0])
        sealed = self.keyring.seal(self.epoch, self.chain, seq, b"header", pad_inner(inner), nonces[1])
        return self._place(self._header(self.epoch, sealed, body), body, expected)

    def _header(self, epoch: Short, inner: bytes, body: bytes, version: int = VERSION) -> Header:
        step = self.rng.choice((1, 1, 2, LAMPORT_STEP_MAX))
        self.lamport += step
        extensions = {7: self.rng.randbytes(4)} if self.rng.random() < 0.2 else {}
        return Header(self.lamport, epoch, _sum(body), len(body), inner, extensions, version)

    def _place(self, header: Header, body: bytes, expected: Standing) -> Event:
        raw = header.encode()
        digest = event_digest(self.chain, self.head, raw)
        self.head = Head(self.head.seq + 1, digest)
        self.expected[digest] = expected
        return Event(raw, body)


def forged(rng: Random, run: Run) -> Run:
    """A run that somebody altered on its way; no device may take it."""
    choice = rng.randrange(4)
    if choice == 0:
        return Run(run.chain, run.after, run.events, bytes(reversed(run.signature)))
    if choice == 1:
        last = run.events[-1]
        return Run(run.chain, run.after, (*run.events[:-1], Event(last.header, rng.randbytes(9))), run.signature)
    if choice == 2:
        return Run(run.chain, Head(run.after.seq, Digest(rng.randbytes(KEY_BYTES))), run.events, run.signature)
    return Run(run.chain, Head(run.after.seq + 1, run.after.digest), run.events, run.signature)


def _sum(body: bytes) -> Digest:
    return Digest(hashlib.sha256(body).digest())
