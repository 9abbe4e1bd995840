"""Control logs as the worst of all admins could leave them, drawn from a Random.

Every statement may speak of every other, also of those that come later and of such as nobody holds; chains fork; marks
name false places; adoptions go in circles, which no hash could.
"""

from __future__ import annotations

from random import Random

from mesh.clocks.chain import Head
from mesh.clocks.lamport import Stamp
from mesh.events.event import Lane
from mesh.events.kinds import (
    ANY,
    Adopt,
    Body,
    Close,
    Forget,
    Genesis,
    Grant,
    Located,
    Mark,
    Opening,
    Ungrant,
    kind_of,
)
from mesh.events.verdict import Statement
from mesh.limits import KEY_BYTES, SALT_BYTES
from mesh.names import ZERO, Digest
from tests.unit.household import NOTE, let_in, rekey
from tests.unit.small_mesh import fixed

MESH = Digest(fixed(32, "any mesh"))


class Lot:
    """Draws one log."""

    def __init__(self, rng: Random, count: int) -> None:
        """Name all statements before anything is said, so that each can speak of all."""
        self.rng = rng
        # Counted, since whoever draws on purpose draws the same bytes twice, and no two statements have one digest.
        self.names = [MESH, *(Digest(fixed(32, f"{nth} {rng.randbytes(8).hex()}")) for nth in range(count))]
        self.people = [MESH, *rng.sample(self.names[1:], count // 3)]
        self.log: list[Statement] = []

    def drawn(self) -> list[Statement]:
        """The whole log, each statement after its parent."""
        genesis = Genesis(bytes(KEY_BYTES), bytes(KEY_BYTES), bytes(SALT_BYTES))
        self.log = [Statement(MESH, MESH, Stamp(1, MESH), "genesis", genesis, 1, ZERO)]
        for name in self.names[1:]:
            self.log.append(self._statement(name))
        return self.log

    def _statement(self, name: Digest) -> Statement:
        rng = self.rng
        parent = rng.choice(self.log)
        body = self._body(name)
        kind = kind_of(body) if body else rng.choice(("", "admit", "decree"))
        if rng.random() < 0.3:  # another chain
            admission = rng.choice(self.people)
            return Statement(name, admission, Stamp(rng.randint(1, 9), name), kind, body, 1, ZERO)
        stamp = Stamp(parent.stamp.lamport + 1, parent.stamp.chain)
        return Statement(name, parent.admission, stamp, kind, body, parent.seq + 1, parent.digest)

    def _body(self, name: Digest) -> Body | None:
        rng = self.rng
        if name in self.people:
            return let_in(name.hex(), rng.choice((1, 2, 3, 4, 9, 9, 10, 200)))
        subject = rng.choice(self.people) if rng.random() < 0.9 else rng.choice(self.names)
        grants = [s.digest for s in self.log if isinstance(s.body, Grant)] or self.names
        return rng.choice(
            (
                Close(subject, self._marks()),
                Close(subject, self._marks()),
                Grant(subject, "", ANY, (ANY,), (ANY,)),
                Ungrant(rng.choice((rng.choice(grants), rng.choice(self.names))), self._marks()),
                Adopt(self._some()),
                Adopt(self._some()),
                Forget(NOTE),
                rekey(subject),
                Located(subject, ("there:1",)),
                Opening(subject, Lane.CONTROL, "new", bytes(SALT_BYTES)),
                Genesis(bytes(KEY_BYTES), bytes(KEY_BYTES), bytes(SALT_BYTES)),
                None,
            )
        )

    def _some(self) -> tuple[Digest, ...]:
        pool = [*self.names, Digest(self.rng.randbytes(32))]
        return tuple(sorted(self.rng.sample(pool, min(len(pool), self.rng.randint(1, 4)))))

    def _marks(self) -> tuple[Mark, ...]:
        rng = self.rng
        found = {Mark(s.stamp.chain, Head(s.seq, s.digest)) for s in rng.sample(self.log, min(len(self.log), 3))}
        if rng.random() < 0.2:  # nobody holds it
            found.add(Mark(rng.choice(self.log).stamp.chain, Head(rng.randint(1, 9), Digest(rng.randbytes(32)))))
        if rng.random() < 0.2:  # a false place
            said = rng.choice(self.log)
            found.add(Mark(said.stamp.chain, Head(said.seq + 1, said.digest)))
        return tuple(sorted(rng.sample(sorted(found), rng.randint(0, len(found)))))


def any_statements(rng: Random, count: int) -> list[Statement]:
    """A log of so many statements beside the genesis."""
    return Lot(rng, count).drawn()
