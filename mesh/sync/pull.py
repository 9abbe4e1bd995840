"""Pulls: what one device is fetching from another, span by span, until nothing is lacking or nothing comes.

Every Want is paid for by a Have or by a page that moved a cursor towards its target, so each pull ends by
construction. This module never sees an event's content.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass, field

from mesh.clocks.chain import Head
from mesh.clocks.frontier import Span
from mesh.limits import TRAIL_HEADS_MAX, WANT_SPANS_MAX
from mesh.names import Digest
from mesh.sync.messages import Want

Target = tuple[Digest, Head]
"""A chain, and the tip of it that is fetched."""


@dataclass(slots=True)
class Pull:
    """What is fetched from one peer: control first, then data, then single bodies."""

    targets: list[Target]
    bodies: list[Digest] = field(default_factory=list)
    cursors: dict[Target, Head] = field(default_factory=dict)
    asked: tuple[Target, ...] = ()
    asked_bodies: tuple[Digest, ...] = ()
    idle: bool = False  # nothing came since the last tick

    def want(self, after: Callable[[Digest], tuple[Head, ...]]) -> Want | None:
        """The next question; None when nothing is left. `after` says which places of a chain are held."""
        self.asked = tuple(self.targets[:WANT_SPANS_MAX])
        self.asked_bodies = () if self.asked else tuple(self.bodies)
        if not (self.asked or self.asked_bodies):
            return None
        spans = []
        for target in self.asked:
            chain, head = target
            cursor = self.cursors.get(target)
            places = (cursor,) if cursor else after(chain)
            spans.append(Span(chain, head, places[:TRAIL_HEADS_MAX]))
        return Want(tuple(spans), self.asked_bodies)

    def advance(self, ends: Iterable[tuple[Digest, Head]]) -> bool:
        """Move the cursors by an answer's runs, each given by its chain and end. Returns whether anything moved."""
        moved = bool(self.asked_bodies)
        self.bodies = [] if self.asked_bodies else self.bodies
        for chain, end in ends:
            target = next((t for t in self.asked if t[0] == chain and self._beyond(t, end)), None)
            if target is None:
                continue
            moved, self.idle = True, False
            self.cursors[target] = end
            if end == target[1]:
                self.targets.remove(target)
        return moved

    def _beyond(self, target: Target, end: Head) -> bool:
        cursor = self.cursors.get(target)
        return (cursor is None or end.seq > cursor.seq) and end.seq <= target[1].seq and target in self.targets
