"""Whoever holds a key in the attackers' world, and how it says the next thing in its own chains."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from mesh.clocks.lamport import tick
from mesh.events.event import Inner, Lane
from mesh.events.keys import SecretKeys
from mesh.events.kinds import (
    Body,
    Changed,
    Grant,
    Opening,
)
from mesh.events.verdict import Verdict
from mesh.limits import SALT_BYTES
from mesh.names import Digest, DocumentId, Short
from tests.world.attackers.holding import Content, Held, Told, content, told

if TYPE_CHECKING:
    from tests.world.attackers.people import World


class Broken(AssertionError):
    """A property does not hold; the first word names it."""


def claim(name: str, truth: object, detail: object = "") -> None:
    """Raise Broken unless it is so."""
    if not truth:
        raise Broken(f"{name}: {detail}")


@dataclass(eq=False)
class Device:
    """Whoever holds a key: an honest device, the paper, or a thief."""

    world: World
    name: str
    keys: SecretKeys
    rank: int
    admission: Digest
    held: Held
    heads: dict[Lane, Told] = field(default_factory=dict)
    mine: set[Digest] = field(default_factory=set)  # own edits, also those under an earlier admission
    fakes: list[tuple[SecretKeys, Digest]] = field(default_factory=list)  # a thief's: keys that it let in itself
    gone: bool = False  # in a thief's hands, retired, or broken

    @property
    def verdict(self) -> Verdict:
        """What counts here."""
        return self.held.verdict

    @property
    def open(self) -> bool:
        """Whether it counts, by its own view."""
        return self.verdict.is_live(self.admission)

    def say(self, what: Body | Content) -> Told:
        """A next event, in the lane where it belongs."""
        what = what if isinstance(what, Content) else content(what)
        lane = Lane.DATA if what.inner.document else Lane.CONTROL
        if lane not in self.heads:
            opening = Opening(self.admission, lane, "new", self.world.rng.randbytes(SALT_BYTES))
            self._append(told(self.world.mesh, self.keys, content(opening), None, 1), lane)
        head = self.heads[lane]
        heard = max((one.placed.header.lamport for one in self.held.told.values()), default=0)
        lamport = tick(head.placed.header.lamport, heard)
        return self._append(told(self.world.mesh, self.keys, what, head, lamport), lane)

    def _append(self, one: Told, lane: Lane) -> Told:
        claim("own-event-refused", one in self.held.hear(one), one.placed)
        self.heads[lane] = one
        self.world.honest.add(one.digest)
        self.world.all[one.digest] = one
        if one.placed.lane is Lane.DATA and one.placed.seq > 1:
            self.mine.add(one.digest)
        return one

    def my_grants(self) -> list[tuple[Short, Grant]]:
        """What it may write under now."""
        grants, ended = self.verdict.grants, self.verdict.ungrants
        return sorted((n, g) for n, g in grants.items() if g.admission == self.admission and n not in ended)

    def edit(self, document: DocumentId, grant: Short, agent: str) -> Told:
        """A change of a document."""
        inner = Inner(0, "changed", agent, document, grant)
        return self.say(Content(Changed(self.world.rng.randbytes(9)), inner))
