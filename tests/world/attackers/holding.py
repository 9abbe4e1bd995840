"""What one device of the attackers' world holds: the product's chains, judgement and weighing, fed with single events.

Events are true bytes under true keys. Whatever comes in whatever order: what lacks its parent or admission waits.
"""

from __future__ import annotations

import hashlib
from collections import defaultdict
from collections.abc import Iterable
from dataclasses import dataclass, field

from mesh.clocks.chain import START, Head, event_digest, genesis_digest, opening_digest, signed_bytes
from mesh.errors import Refused
from mesh.events.bodies import encode_body
from mesh.events.chains import Chains, Gap
from mesh.events.event import CLEAR, Event, Header, Inner, Lane, Placed, Run
from mesh.events.judge import Judgement
from mesh.events.keys import SecretKeys
from mesh.events.kinds import Body, Genesis, Mark, Opening, kind_of
from mesh.events.reading import read_inner, statement
from mesh.events.seal import Keyring, pad_body, pad_inner
from mesh.events.speaking import NONCES_BYTES
from mesh.events.verdict import Standing, Statement, Verdict
from mesh.events.weigh import Weight, weigh
from mesh.limits import KEY_BYTES, NONCE_BYTES, SHORT_BYTES
from mesh.names import ZERO, Digest, Short
from tests.unit.lineage import Log

EPOCH = Short(bytes(range(SHORT_BYTES)))
KEYRING = Keyring({EPOCH: bytes(range(KEY_BYTES))})
_UNREADABLE = Weight(Standing.VOID, "unreadable")


@dataclass(frozen=True, slots=True)
class Told:
    """One event as it travels, alone under a signature, and what must be held before it (ZERO: nothing)."""

    placed: Placed
    run: Run
    needs: Digest

    @property
    def digest(self) -> Digest:
        """Its name."""
        return self.placed.digest

    @property
    def mark(self) -> Mark:
        """Its place."""
        return Mark(self.placed.chain, self.placed.head)


@dataclass(frozen=True, slots=True)
class Content:
    """What an event is to say: a body, its kind if that is to be another, and for data the rest of the inner header."""

    body: Body | bytes
    inner: Inner


def content(body: Body) -> Content:
    """A statement."""
    return Content(body, Inner(0, kind_of(body)))


def told(mesh: Digest, keys: SecretKeys, what: Content, after: Told | None, lamport: int) -> Told:
    """An event by this key after that one; without one, the opening that its body is, or the genesis."""
    body = what.body if isinstance(what.body, bytes) else encode_body(what.body)
    inner, epoch, parent = what.inner.encode(), CLEAR, after.placed.head if after else START
    if after and after.placed.lane is Lane.DATA:
        nonces = hashlib.sha256(body + parent.digest).digest()[:NONCES_BYTES]
        place, epoch = (EPOCH, after.placed.chain, parent.seq + 1), EPOCH
        body = KEYRING.seal(*place, b"body", pad_body(body), nonces[:NONCE_BYTES])
        inner = KEYRING.seal(*place, b"header", pad_inner(inner), nonces[NONCE_BYTES:])
    header = Header(lamport, epoch, Digest(hashlib.sha256(body).digest()), len(body), inner)
    raw = header.encode()
    if after:
        admission, lane, needs = after.placed.admission, after.placed.lane, parent.digest
        digest = event_digest(after.placed.chain, parent, raw)
        chain = after.placed.chain
    elif isinstance(what.body, Opening):
        admission, lane, needs = what.body.admission, what.body.lane, what.body.admission
        digest = chain = opening_digest(mesh, keys.sign_key, raw)
    else:
        assert isinstance(what.body, Genesis), what
        digest = chain = admission = genesis_digest(keys.sign_key, raw)
        lane, needs = Lane.CONTROL, ZERO
    head = Head(parent.seq + 1, digest)
    event, signature = Event(raw, body), keys.sign(signed_bytes(chain, head))
    placed = Placed(chain, admission, lane, head.seq, parent.digest, digest, header, event, signature)
    return Told(placed, Run(chain, parent, (event,), signature), needs)


@dataclass
class Sight:
    """What each event says. It follows from its bytes alone, so all devices of a world look it up in one place."""

    statements: dict[Digest, Statement] = field(default_factory=dict)
    inners: dict[Digest, Inner | None] = field(default_factory=dict)

    def statement(self, placed: Placed) -> Statement:
        """A control event as `judge` reads it."""
        if placed.digest not in self.statements:
            self.statements[placed.digest] = statement(placed)
        return self.statements[placed.digest]

    def inner(self, placed: Placed) -> Inner | None:
        """What is sealed in a data event; None where it does not open."""
        if placed.digest not in self.inners:
            try:
                self.inners[placed.digest] = read_inner(KEYRING, placed)
            except Refused:
                self.inners[placed.digest] = None
        return self.inners[placed.digest]


class Held:
    """What a device keeps, and what it makes of it, event by event."""

    def __init__(self, mesh: Digest, sight: Sight, tolds: Iterable[Told] = ()) -> None:
        """Hear these first."""
        self.mesh, self.sight = mesh, sight
        self.told: dict[Digest, Told] = {}
        self.chains = Chains(mesh)
        self.judgement = Judgement(mesh)
        self.log = Log()
        self.control: list[Told] = []
        self.data: list[Told] = []
        self._waiting: defaultdict[Digest, list[Told]] = defaultdict(list)
        self._weights: dict[Digest, Weight] = {}
        self._fresh: list[Told] = []
        self._turned = False
        for one in tolds:
            self.hear(one)

    def hear(self, one: Told) -> list[Told]:
        """Take an event. Returns all that is held now and was not before."""
        news, todo = [], [one]
        while todo:
            one = todo.pop()
            if one.digest in self.told:
                continue
            if one.needs != ZERO and one.needs not in self.told:
                self._waiting[one.needs].append(one)
            elif self._fits(one):
                news.append(one)
                todo += self._waiting.pop(one.digest, [])
        return news

    def _fits(self, one: Told) -> bool:
        run = one.run
        unsure = [self.told[d].placed for d in self.chains.unsure(run) if d in self.told]
        facts = {placed.digest: (placed.seq, placed.header.lamport) for placed in unsure}
        try:
            fitted = self.chains.place(run, self.judgement.statements, facts)
        except (Refused, Gap):
            return False
        for placed in fitted.events:
            self.chains.take(placed, fitted.key)
            self.told[placed.digest] = one
            if placed.lane is Lane.CONTROL:
                self.control.append(one)
                self._turned |= self.judgement.add([self.sight.statement(placed)])
            else:
                self.data.append(one)
                self.log.add([placed])
                self._fresh.append(one)
        return bool(fitted.events)

    @property
    def verdict(self) -> Verdict:
        """What counts."""
        return self.judgement.verdict

    def weights(self) -> dict[Digest, Weight]:
        """What each data event counts for: all are weighed anew if the verdict changed, else those that may differ."""
        waiting = [self.told[digest] for digest, found in self._weights.items() if found.standing is Standing.WAITS]
        for one in self.data if self._turned else [*waiting, *self._fresh]:
            self._weights[one.digest] = self.weigh(one)
        self._fresh, self._turned = [], False
        return self._weights

    def weigh(self, one: Told, verdict: Verdict | None = None) -> Weight:
        """What one data event counts for."""
        inner = self.sight.inner(one.placed)
        return _UNREADABLE if inner is None else weigh(verdict or self.verdict, one.placed, inner, self.log)

    def honoured(self) -> frozenset[Digest]:
        """The data events that count. Openings, which count always and say nothing, are left out."""
        weights = self.weights()
        fit = (one for one in self.data if weights[one.digest].standing is Standing.HONOURED)
        return frozenset(one.digest for one in fit if one.placed.seq > 1)

    def tips(self, admission: Digest, among: Iterable[Digest] | None = None) -> tuple[Mark, ...]:
        """Where the chains of an admission end, of all that is held or of these events only."""
        own = [one for one in self.told.values() if one.placed.admission == admission]
        if among is not None:
            wanted = set(among)
            own = [one for one in own if one.digest in wanted]
        parents = {one.placed.parent for one in own}
        return tuple(sorted(one.mark for one in own if one.digest not in parents))
