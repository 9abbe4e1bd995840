"""A household for tests of authority: paper, mac (rank 1), laptop (2), tablet (3) and phone (10), with a grant each.

Statements and data events are made as `judge` and `weigh` read them, in chains that may fork, without keys or bytes.
"""

from __future__ import annotations

from dataclasses import dataclass

from mesh.clocks.chain import Head
from mesh.clocks.lamport import Stamp
from mesh.events.event import CLEAR, Event, Header, Inner, Lane, Placed
from mesh.events.judge import Judgement
from mesh.events.kinds import Admit, Body, Close, Genesis, Grant, Mark, Opening, Rekey, kind_of
from mesh.events.verdict import Statement, Verdict
from mesh.events.weigh import Weight, weigh
from mesh.limits import KEY_BYTES, SALT_BYTES, SIGNATURE_BYTES
from mesh.names import ZERO, Digest, DocumentId, Short, short
from tests.unit.lineage import Log
from tests.unit.plain_judge import plainly
from tests.unit.small_mesh import fixed

RANKS = {"mac": 1, "laptop": 2, "tablet": 3, "phone": 10}
NOTE = DocumentId("home", "note", bytes(16))


def let_in(name: str, rank: int) -> Admit:
    """An admission with keys that nobody checks."""
    sign, kem, transport, tls = (fixed(KEY_BYTES, name, part) for part in ("sign", "kem", "transport", "tls"))
    return Admit(sign, kem, transport, tls, name, bytes(SIGNATURE_BYTES), rank)


def rekey(*admissions: Digest) -> Rekey:
    """An epoch for these."""
    return Rekey(bytes(32), tuple((name, b"wrap") for name in sorted(admissions)))


def mark(event: Statement | Placed) -> Mark:
    """The place of an event."""
    if isinstance(event, Placed):
        return Mark(event.chain, event.head)
    return Mark(event.stamp.chain, Head(event.seq, event.digest))


def marks(*events: Statement | Placed) -> tuple[Mark, ...]:
    """The places of several."""
    return tuple(sorted(mark(event) for event in events))


@dataclass(frozen=True)
class Written:
    """A data event, in place, and what is sealed in it."""

    placed: Placed
    inner: Inner


class Household:
    """What was said and written, and where each chain stands."""

    def __init__(self) -> None:
        """Found it; the mac lets everybody else in."""
        self.judgement = Judgement(Digest(fixed(32, "mesh")))
        self.log = Log()
        self.of: dict[str, Digest] = {}
        self.grants: dict[str, Short] = {}
        self.tips: dict[tuple[str, Lane], Statement | Placed] = {}
        self._number = 0
        genesis = Genesis(bytes(KEY_BYTES), bytes(KEY_BYTES), bytes(SALT_BYTES))
        self.mesh = self.judgement.mesh
        self._hear(Statement(self.mesh, self.mesh, Stamp(1, self.mesh), "genesis", genesis, 1, ZERO))
        self.of["paper"] = self.mesh
        self.tips["paper", Lane.CONTROL] = self.statements[self.mesh]
        self.admit("paper", "mac", 1)
        for name, rank in RANKS.items():
            if name != "mac":
                self.admit("mac", name, rank)

    def admit(self, admin: str, name: str, rank: int) -> Statement:
        """Somebody lets a device in, and grants it the notes at home."""
        said = self.say(admin, let_in(name, rank))
        self.of[name] = said.digest
        grant = self.say(admin, Grant(said.digest, "", "home", ("note",), ("create", "edit")))
        self.grants[name] = short(grant.digest)
        return said

    # ── control ──

    def say(self, who: str, body: Body | None, *, after: Statement | None = None, kind: str = "") -> Statement:
        """A statement, held. `after`: in another place than the end of the chain."""
        said = self.spoken(who, body, after=after, kind=kind)
        self._hear(said)
        if after is None:
            self.tips[who, Lane.CONTROL] = said
        return said

    def spoken(self, who: str, body: Body | None, *, after: Statement | None = None, kind: str = "") -> Statement:
        """A statement that nobody holds yet."""
        parent = after or self.tips.get((who, Lane.CONTROL)) or self.open(who)
        assert isinstance(parent, Statement), parent
        return self.following(parent, self.of[who], body, kind)

    def following(self, parent: Statement, admission: Digest, body: Body | None, kind: str = "") -> Statement:
        """A statement that stands on another one."""
        kind = kind or (kind_of(body) if body else "")
        digest = self._digest(kind)
        stamp = Stamp(parent.stamp.lamport + 1, parent.stamp.chain)
        return Statement(digest, admission, stamp, kind, body, parent.seq + 1, parent.digest)

    def open(self, who: str) -> Statement:
        """Another control chain."""
        opening = Opening(self.of[who], Lane.CONTROL, "new", bytes(SALT_BYTES))
        digest = self._digest("opening")
        said = Statement(digest, self.of[who], Stamp(1, digest), "opening", opening, 1, ZERO)
        self._hear(said)
        self.tips[who, Lane.CONTROL] = said
        return said

    def close(self, closer: str, who: str, *events: Statement | Placed) -> Statement:
        """Somebody takes a device out; of what it said, only what is under these counts."""
        return self.say(closer, Close(self.of[who], marks(*events)))

    def _hear(self, said: Statement) -> None:
        self.judgement.add([said])

    @property
    def statements(self) -> dict[Digest, Statement]:
        """All that was said."""
        return self.judgement.statements

    def _digest(self, *names: object) -> Digest:
        self._number += 1
        return Digest(fixed(32, "household", self._number, *names))

    # ── data ──

    def write(
        self,
        who: str,
        *,
        after: Placed | None = None,
        inner: Inner | None = None,
        hold: bool = True,
        anew: bool = False,
    ) -> Written:
        """A data event of a device. `anew`: in another chain."""
        parent = after or self.tips.get((who, Lane.DATA))
        digest = self._digest("data")
        header = Header(1, CLEAR, ZERO, 0, b"")
        inner = inner or Inner(0, "changed", "", NOTE, self.grants[who])
        if parent is None or anew:
            placed = Placed(digest, self.of[who], Lane.DATA, 1, ZERO, digest, header, Event(b"", None))
        else:
            assert isinstance(parent, Placed), parent
            seq, chain = parent.seq + 1, parent.chain
            placed = Placed(chain, self.of[who], Lane.DATA, seq, parent.digest, digest, header, Event(b"", None))
        if hold:
            self.log.add([placed])
        if after is None:
            self.tips[who, Lane.DATA] = placed
        return Written(placed, inner)

    # ── what counts ──

    @property
    def verdict(self) -> Verdict:
        """What counts of all that was said, judged step by step and the plain way."""
        assert self.judgement.verdict == plainly(self.statements.values(), self.mesh)
        return self.judgement.verdict

    @property
    def live(self) -> set[str]:
        """The names of the devices that nobody closed."""
        live = self.verdict.live
        return {name for name, admission in self.of.items() if admission in live}

    def weight(self, written: Written) -> Weight:
        """What a data event counts for."""
        return weigh(self.verdict, written.placed, written.inner, self.log)
