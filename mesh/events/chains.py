"""The chains that a device holds: where each stands, under which key, and whether a run of events fits on one.

Hold decides by the own chain, and for an opening by the admission, alone: no quota, no clock, no other device's chain
refuses an event (PROTOCOL, "Hold"). The log itself is never kept here; what only the log can tell comes in as `held`.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field

from mesh.clocks.chain import START, Head, Trail, event_digest, genesis_digest, opening_digest, signed_bytes
from mesh.clocks.frontier import Frontier
from mesh.clocks.lamport import follows
from mesh.errors import Forged, Malformed, Stranger
from mesh.events.bodies import decode_body
from mesh.events.event import CLEAR, VERSION, Event, Header, Lane, Placed, Run, decode_header, decode_inner, run_fits
from mesh.events.keys import verify
from mesh.events.kinds import Genesis, Opening
from mesh.events.verdict import Admission, Statement, admitted
from mesh.limits import RANK_ADMIN_LAST
from mesh.names import Digest, shown


class Gap(Exception):
    """A run stands on an event, a chain or an admission that is not held yet. The rest must be asked for first."""


@dataclass(slots=True)
class Chain:
    """One chain: what it lives under, its tips with their Lamport numbers, and a trail of places."""

    admission: Digest
    lane: Lane
    key: bytes
    tips: dict[Head, int] = field(default_factory=dict)
    trail: Trail = field(default_factory=Trail)

    def ends(self) -> tuple[Head, ...]:
        """Its tips, ascending. Nearly every chain has one: frontiers are made for each message."""
        return tuple(self.tips) if len(self.tips) == 1 else tuple(sorted(self.tips))


Held = Mapping[Digest, tuple[int, int]]
"""Facts from the log: digest of an event that is held -> (sequence number, Lamport number)."""


@dataclass(frozen=True, slots=True)
class Fitted:
    """What a run brings: its events that are new here, where it ends, and the key of its chain."""

    events: tuple[Placed, ...]
    end: Head
    key: bytes


class Chains:
    """All chains of a mesh that a device holds."""

    def __init__(self, mesh: Digest) -> None:
        """Start with none."""
        self.mesh = mesh
        self.chains: dict[Digest, Chain] = {}

    def frontier(self, lane: Lane) -> Frontier:
        """The tips of all chains of one lane."""
        return {name: chain.ends() for name, chain in self.chains.items() if chain.lane is lane}

    def add(self, name: Digest, chain: Chain) -> None:
        """Take over a chain as the log has it."""
        self.chains[name] = chain

    def take(self, placed: Placed, key: bytes) -> bool:
        """Move the tip of a chain under `key` to an event that fits. Returns whether that made a fork."""
        chain = self.chains.get(placed.chain)
        if chain is None:
            chain = self.chains[placed.chain] = Chain(placed.admission, placed.lane, key)
        parent = Head(placed.seq - 1, placed.parent)
        forked = placed.seq > 1 and parent not in chain.tips
        chain.tips.pop(parent, None)
        chain.tips[placed.head] = placed.header.lamport
        chain.trail.extend(placed.head)
        return forked

    def after(self, name: Digest) -> tuple[Head, ...]:
        """Places of a chain that are held, best first, for a Want."""
        chain = self.chains.get(name)
        if chain is None:
            return ()
        return tuple(dict.fromkeys((*sorted(chain.tips, reverse=True), *chain.trail.heads())))

    def unsure(self, run: Run) -> tuple[Digest, ...]:
        """The digests that the log must be asked about before `place`: none when the run starts at a tip."""
        chain = self.chains.get(run.chain)
        if chain is None or run.after in chain.tips:
            return ()
        return (run.after.digest, *(head.digest for head, _ in _hashed(run, chain.key, self.mesh)))

    def end(self, run: Run) -> Head:
        """Where a run of a chain that is held ends."""
        *_, (head, _) = _hashed(run, self.chains[run.chain].key, self.mesh)
        return head

    def place(self, run: Run, statements: Mapping[Digest, Statement], held: Held) -> Fitted:
        """The events of a run that are new, in place, all checked. Raises Refused, or Gap; changes nothing."""
        run_fits(run)
        chain = self.chains.get(run.chain) or self._opened(run, statements)
        lamport = self._lamport_at(chain, run.after, held)
        placed = tuple(_checked(run, chain, lamport, self.mesh))
        verify(chain.key, signed_bytes(run.chain, placed[-1].head), run.signature)
        new = tuple(event for event in placed if event.digest not in held and event.head not in chain.tips)
        return Fitted(new, placed[-1].head, chain.key)

    def _lamport_at(self, chain: Chain, after: Head, held: Held) -> int:
        if after in chain.tips:
            return chain.tips[after]
        if after == START:
            return 0
        seq, lamport = held.get(after.digest, (-1, 0))
        if seq != after.seq:
            raise Gap
        return lamport

    def _opened(self, run: Run, statements: Mapping[Digest, Statement]) -> Chain:
        """A chain that is not held yet, from the opening that its first run starts with."""
        if run.after != START:
            raise Gap
        first = run.events[0]
        header = decode_header(first.header)
        inner = decode_inner(header.inner) if header.epoch == CLEAR else None
        if inner is None or inner.kind not in {"opening", "genesis"} or first.body is None:
            message = "a chain does not start with an opening"
            raise Malformed(message)
        body = decode_body(Lane.CONTROL, inner.kind, first.body)
        if isinstance(body, Genesis):
            return self._founded(run.chain, body)
        assert isinstance(body, Opening), body
        found = admitted(statements.get(body.admission))
        if found is None:
            raise Gap
        return _chain_under(found, body, run, self.mesh)

    def _founded(self, name: Digest, body: Genesis) -> Chain:
        if name != self.mesh:
            message = "it belongs to another mesh"
            raise Stranger(message)
        return Chain(self.mesh, Lane.CONTROL, body.sign_key)


def _chain_under(found: Admission, opening: Opening, run: Run, mesh: Digest) -> Chain:
    if opening.lane is Lane.CONTROL and found.rank > RANK_ADMIN_LAST:
        message = f"{shown(found.name)} is a member and writes no control events"
        raise Malformed(message)
    if opening_digest(mesh, found.sign_key, run.events[0].header) != run.chain:
        message = "a chain's opening is not the one that it is named after"
        raise Forged(message)
    return Chain(opening.admission, opening.lane, found.sign_key)


def _hashed(run: Run, key: bytes, mesh: Digest) -> Iterator[tuple[Head, Event]]:
    head = run.after
    for event in run.events:
        if head != START:
            digest = event_digest(run.chain, head, event.header)
        elif run.chain == mesh:
            digest = genesis_digest(key, event.header)
        else:
            digest = opening_digest(mesh, key, event.header)
        head = Head(head.seq + 1, digest)
        yield head, event


def _checked(run: Run, chain: Chain, lamport: int, mesh: Digest) -> Iterator[Placed]:
    parent, last = run.after.digest, run.after.seq + len(run.events)
    for head, event in _hashed(run, chain.key, mesh):
        if head.seq == 1 and head.digest != run.chain:
            message = "a chain's opening is not the one that it is named after"
            raise Forged(message)
        header = decode_header(event.header)
        if not follows(header.lamport, lamport):
            message = f"Lamport number {header.lamport} cannot follow {lamport}"
            raise Malformed(message)
        _check_parts(event, header, chain.lane, head.seq)
        signature = run.signature if head.seq == last else None
        yield Placed(run.chain, chain.admission, chain.lane, head.seq, parent, head.digest, header, event, signature)
        parent, lamport = head.digest, header.lamport


def _check_parts(event: Event, header: Header, lane: Lane, seq: int) -> None:
    clear = lane is Lane.CONTROL or seq == 1
    if header.version == VERSION and clear is not (header.epoch == CLEAR):
        message = "an event is sealed in the control lane, or clear in the data lane"
        raise Malformed(message)
    if event.body is None:
        if clear:
            message = "an event of the control lane, or an opening, came without its body"
            raise Malformed(message)
    else:
        check_body(header, event.body)


def check_body(header: Header, body: bytes) -> None:
    """Refuse a body that is not the one that the header names."""
    if len(body) != header.body_bytes or hashlib.sha256(body).digest() != header.body_digest:
        message = "a body is not the one that its header names"
        raise Forged(message)
