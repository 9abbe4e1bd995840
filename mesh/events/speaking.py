"""Speaking: how a draft becomes an event: sealed, chained, signed.

Time, randomness and keys come in as arguments. Who speaks has asked the verdict before; this module decides nothing.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace

from mesh.clocks.chain import START, Head, event_digest, genesis_digest, opening_digest, signed_bytes
from mesh.clocks.lamport import tick
from mesh.errors import TooLarge
from mesh.events.bodies import encode_body
from mesh.events.event import CLEAR, Event, Header, Inner, Lane, Placed, Run
from mesh.events.kinds import Body, Genesis, kind_of
from mesh.events.seal import Keyring, pad_body, pad_inner
from mesh.limits import BODY_PLAIN_BYTES_MAX, NONCE_BYTES, SIGNED_RUN_BYTES_MAX, SIGNED_RUN_EVENTS_MAX
from mesh.names import Digest, DocumentId, Short

NONCES_BYTES = 2 * NONCE_BYTES
"""Random bytes that one sealed event takes: a nonce for the header, one for the body."""


@dataclass(frozen=True, slots=True)
class Draft:
    """What somebody wants to say; it has no place, no time and no signature yet."""

    body: Body
    document: DocumentId | None = None
    agent: str = ""
    grant: Short = CLEAR
    plain: bytes = b""
    """The body's canonical bytes, where whoever made it has them already: a birth is named after them."""


@dataclass(slots=True)
class Voice:
    """The end of an own chain, and what is needed to go on with it. It moves with every event that is said."""

    mesh: Digest
    chain: Digest  # ZERO before the opening
    admission: Digest
    lane: Lane
    head: Head
    lamport: int
    sign_key: bytes
    sign: Callable[[bytes], bytes]

    def say(self, draft: Draft, time_ms: int, heard: int) -> Placed:
        """A clear event: control, an opening, or the genesis."""
        plain = _plain(draft)
        return self._next(draft, plain, CLEAR, lambda _seq: _inner(draft, time_ms), heard)

    def say_sealed(self, draft: Draft, time_ms: int, heard: int, seal: tuple[Keyring, Short], nonces: bytes) -> Placed:
        """A sealed event of the data lane."""
        keyring, epoch = seal
        seq = self.head.seq + 1
        plain, inner = pad_body(_plain(draft)), pad_inner(_inner(draft, time_ms))
        body = keyring.seal(epoch, self.chain, seq, b"body", plain, nonces[NONCE_BYTES:NONCES_BYTES])
        header = keyring.seal(epoch, self.chain, seq, b"header", inner, nonces[:NONCE_BYTES])
        return self._next(draft, body, epoch, lambda _seq: header, heard)

    def _next(self, draft: Draft, body: bytes, epoch: Short, inner: Callable[[int], bytes], heard: int) -> Placed:
        self.lamport = tick(self.lamport, heard)
        header = Header(self.lamport, epoch, Digest(hashlib.sha256(body).digest()), len(body), inner(self.head.seq + 1))
        raw, parent = header.encode(), self.head
        digest = self._digest(raw, isinstance(draft.body, Genesis))
        if parent == START:
            self.chain = digest
            self.mesh = digest if isinstance(draft.body, Genesis) else self.mesh
            self.admission = digest if isinstance(draft.body, Genesis) else self.admission
        self.head = Head(parent.seq + 1, digest)
        return Placed(
            self.chain, self.admission, self.lane, self.head.seq, parent.digest, digest, header, Event(raw, body)
        )

    def _digest(self, raw: bytes, founds: bool) -> Digest:  # noqa: FBT001 - one caller, one line above
        if self.head != START:
            return event_digest(self.chain, self.head, raw)
        return genesis_digest(self.sign_key, raw) if founds else opening_digest(self.mesh, self.sign_key, raw)


def _plain(draft: Draft) -> bytes:
    plain = draft.plain or encode_body(draft.body)
    if len(plain) > BODY_PLAIN_BYTES_MAX:
        message = f"it has {len(plain):,} bytes; one event holds at most {BODY_PLAIN_BYTES_MAX:,}"
        raise TooLarge(message)
    return plain


def _inner(draft: Draft, time_ms: int) -> bytes:
    return Inner(time_ms, kind_of(draft.body), draft.agent, draft.document, draft.grant).encode()


def signed(commit: Sequence[Placed], sign: Callable[[bytes], bytes]) -> tuple[Placed, ...]:
    """A commit with its signatures: on the last event, and before a run grows over its limits."""
    done: list[Placed] = []
    events = size = 0
    for placed, following in zip(commit, (*commit[1:], None), strict=True):
        events, size = events + 1, size + event_bytes(placed.event)
        full = following is not None and (
            events >= SIGNED_RUN_EVENTS_MAX or size + event_bytes(following.event) > SIGNED_RUN_BYTES_MAX
        )
        ends = following is None or following.chain != placed.chain or full
        done.append(replace(placed, signature=sign(signed_bytes(placed.chain, placed.head))) if ends else placed)
        events, size = (0, 0) if ends else (events, size)
    return tuple(done)


def event_bytes(event: Event) -> int:
    """The bytes of an event's header and body."""
    return len(event.header) + len(event.body or b"")


def runs(placed: Sequence[Placed]) -> tuple[Run, ...]:
    """The signed runs that consecutive events of chains make up, as they travel."""
    found: list[Run] = []
    begun: list[Placed] = []
    for event in placed:
        begun.append(event)
        if event.signature is not None:
            after = Head(begun[0].seq - 1, begun[0].parent)
            found.append(Run(event.chain, after, tuple(e.event for e in begun), event.signature))
            begun = []
    assert not begun, f"{len(begun)} events without a signature"
    return tuple(found)


def joined(placed: Sequence[Placed]) -> tuple[Run, ...]:
    """The same events in as few runs as fit: a later signature stands for the earlier events of its chain too."""
    found: list[Run] = []
    size = 0
    for run in runs(placed):
        more = sum(event_bytes(event) for event in run.events)
        last = found[-1] if found else None
        follows = last and last.chain == run.chain and last.after.seq + len(last.events) == run.after.seq
        fits = last and len(last.events) + len(run.events) <= SIGNED_RUN_EVENTS_MAX
        if last and follows and fits and size + more <= SIGNED_RUN_BYTES_MAX:
            found[-1] = Run(run.chain, last.after, last.events + run.events, run.signature)
            size += more
        else:
            found.append(run)
            size = more
    return tuple(found)
