"""The pure gate for attacks: the small mesh, what is said in it, and what counts of that for whoever holds it.

`mac` is the founder, `laptop` an admin of rank 2, `phone` a member; any of their keys may be the thief's.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from itertools import permutations

from mesh.clocks.chain import Head
from mesh.events.event import Lane, Placed
from mesh.events.founding import with_rank
from mesh.events.judge import Judgement, judge
from mesh.events.kinds import Body, Mark
from mesh.events.reading import read_inner, statement
from mesh.events.verdict import Standing, Verdict
from mesh.events.weigh import Weight, weigh
from mesh.names import Digest
from tests.unit.lineage import Log
from tests.unit.small_mesh import MESH, Device, request

ORDERS_MAX = 24


class Ledger:
    """Everything that was said, and its verdict."""

    def __init__(self, *events: Iterable[Placed]) -> None:
        """Hold the founding and these."""
        self.events = [*MESH.control]
        for some in events:
            self.events += some

    def hold(self, *events: Iterable[Placed]) -> Ledger:
        """One that holds more."""
        return Ledger(self.events[len(MESH.control) :], *events)

    @property
    def verdict(self) -> Verdict:
        """What counts, judged from scratch; the same event by event, in whatever order they come."""
        control = [statement(event) for event in self.events if event.lane is Lane.CONTROL]
        found = judge(control, MESH.id)
        said = control[len(MESH.control) :]
        for number, order in enumerate(permutations(said)):
            if number >= ORDERS_MAX:
                break
            judgement = Judgement(MESH.id)
            for one in (*order, *control[: len(MESH.control)]):
                judgement.add([one])
            assert judgement.verdict == found, "the order of arrival decides"
        return found

    def weight(self, event: Placed) -> Weight:
        """What a data event counts for."""
        inner = read_inner(MESH.keyring(), event)
        assert inner is not None, event
        log = Log(event for event in self.events)
        return weigh(self.verdict, event, inner, log)

    def standings(self, events: Sequence[Placed]) -> list[Standing]:
        """What some data events count for."""
        return [self.weight(event).standing for event in events]


def said(device: Device, *bodies: Body, salt: str = "") -> tuple[Placed, ...]:
    """A control chain of an admin."""
    return MESH.control_chain(device, bodies, salt)


def wrote(device: Device, count: int, salt: str = "") -> tuple[Placed, ...]:
    """A data chain of a device: its opening, and births of notes."""
    return MESH.written(device, count, salt)


def mark(event: Placed) -> Mark:
    """A place that a close names."""
    return Mark(event.chain, event.head)


def nowhere(event: Placed) -> Mark:
    """A mark that names a true event at a number that it does not have."""
    return Mark(event.chain, Head(event.seq + 5, event.digest))


def newcomer(name: str, rank: int) -> Body:
    """An admission."""
    return with_rank(request(name), rank)


def admission(chain: Sequence[Placed], number: int = 1) -> Digest:
    """The digest of what a chain said at this place after its opening."""
    return chain[number].digest
