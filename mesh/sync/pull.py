"""Pulls: what one device is fetching from others, span by span, until nothing is lacking or nothing comes.

Every Want is paid for by a Have or by a page that moved a cursor towards its target, so each pull ends by
construction. This module never sees an event's content.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from itertools import chain as joined

from mesh.clocks.chain import Head
from mesh.clocks.frontier import Span
from mesh.limits import TRAIL_HEADS_MAX, WANT_SPANS_MAX
from mesh.names import Digest
from mesh.sync.inputs import Peer
from mesh.sync.messages import Want

Target = tuple[Digest, Head]
"""A chain, and the tip of it that is fetched."""

After = Callable[[Digest], tuple[Head, ...]]
"""Which places of a chain are held, best first."""


class Pull:
    """What is fetched from one peer: control first and in its order, then data in turns, then single bodies."""

    def __init__(self, control: Iterable[Target], data: Iterable[Target] = (), bodies: Iterable[Digest] = ()) -> None:
        """Start with nothing asked."""
        self.control = dict.fromkeys(control)
        self.data = dict.fromkeys(data)
        self.bodies = list(bodies)
        self.cursors: dict[Target, Head] = {}
        self.asked: dict[Digest, Target] = {}
        self.asked_bodies: tuple[Digest, ...] = ()
        self.idle = False  # nothing came since the last tick
        self._fed: set[Digest] = set()  # chains that moved in this turn: a long one waits for the short ones

    @property
    def targets(self) -> list[Target]:
        """All that is still fetched."""
        return [*self.control, *self.data]

    def want(self, after: After) -> Want | None:
        """The next question; None when nothing is left."""
        self.asked = self._next()
        self.asked_bodies = () if self.asked else tuple(self.bodies)
        if not (self.asked or self.asked_bodies):
            return None
        spans = []
        for chain, target in self.asked.items():
            cursor = self.cursors.get(target)
            places = (cursor,) if cursor else after(chain)
            spans.append(Span(chain, target[1], places[:TRAIL_HEADS_MAX]))
        return Want(tuple(spans), self.asked_bodies)

    def advance(self, ends: Iterable[tuple[Digest, Head]]) -> bool:
        """Move the cursors by an answer's runs, each given by its chain and end. Returns whether anything moved."""
        moved = bool(self.asked_bodies)
        self.bodies = [] if self.asked_bodies else self.bodies
        for chain, end in ends:
            target = self.asked.get(chain)
            if target is None or not self._beyond(target, end):
                continue
            moved, self.idle = True, False
            self.cursors[target] = end
            if target in self.data:
                self._fed.add(chain)
            if end == target[1]:
                self.control.pop(target, None)
                self.data.pop(target, None)
        return moved

    def _next(self) -> dict[Digest, Target]:
        """The targets of the next question. Of a forked chain one branch, or nobody could say which a run is on."""
        chosen = self._hungry()
        if not chosen:
            self._fed.clear()
            chosen = self._hungry()
        return chosen

    def _hungry(self) -> dict[Digest, Target]:
        chosen: dict[Digest, Target] = {}
        for target in joined(self.control, (one for one in self.data if one[0] not in self._fed)):
            chosen.setdefault(target[0], target)
            if len(chosen) == WANT_SPANS_MAX:
                break
        return chosen

    def _beyond(self, target: Target, end: Head) -> bool:
        cursor = self.cursors.get(target)
        fetched = target in self.control or target in self.data
        return fetched and (cursor is None or end.seq > cursor.seq) and end.seq <= target[1].seq


class Pulls:
    """All that is under way: one pull for each peer, and no chain from two peers at once."""

    def __init__(self) -> None:
        """Start with none."""
        self.under_way: dict[Peer, Pull] = {}
        self.skipped: set[Peer] = set()  # peers that offered what was on its way already

    def offered(
        self, peer: Peer, control: Sequence[Target], data: Sequence[Target]
    ) -> tuple[list[Target], list[Target]] | None:
        """What of an offer may be fetched from this peer now; None while it is being asked for something."""
        busy = {
            t[0] for other, pull in self.under_way.items() if other != peer for t in joined(pull.control, pull.data)
        }
        free = [t for t in control if t[0] not in busy], [t for t in data if t[0] not in busy]
        pull = self.under_way.get(peer)
        late = pull is not None and any(t not in pull.control and t not in pull.data for t in joined(*free))
        if late or sum(map(len, free)) < len(control) + len(data):
            self.skipped.add(peer)
        return None if pull else free

    def onwards(self, peer: Peer, ends: Iterable[tuple[Digest, Head]], after: After) -> Want | None:
        """After an answer to a Want: the next question. None: there is no pull, or it is at its end."""
        pull = self.under_way.get(peer)
        return pull.want(after) if pull and pull.advance(ends) else None

    def end(self, peer: Peer) -> set[Peer]:
        """Forget what was fetched from a peer; whoever offered the same, or more meanwhile, may now be asked."""
        if self.under_way.pop(peer, None) is None:
            return set()
        skipped, self.skipped = self.skipped, set()
        return skipped

    def tick(self) -> None:
        """Some time went by: give up what did not move in all of it."""
        for peer, pull in list(self.under_way.items()):
            if pull.idle:
                self.end(peer)
            pull.idle = True
