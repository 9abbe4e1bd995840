"""Bodies that are not here, and whom to ask for them when: again and again, but ever more rarely where it is in vain.

Whoever comes anew, or brought some, is asked at once. Time is counted in ticks of the anti-entropy; this module reads
no clock and knows no event.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterable
from itertools import islice

from mesh.limits import BODY_AGAIN_TICKS_MAX
from mesh.names import Digest
from mesh.sync.inputs import Peer


class Missing(dict[Digest, Digest]):
    """Event -> digest of its body, in the order in which they are asked for."""

    def __init__(self, bodies: Iterable[tuple[Digest, Digest]] = ()) -> None:
        """Start with these, and nobody asked."""
        super().__init__(bodies)
        self._ticks = 0
        # for each peer the bodies it was asked for: how many ticks to wait the next time, and until when now
        self._asked: dict[Peer, dict[Digest, tuple[int, int]]] = {}

    def brought(self, peer: Peer, bodies: Iterable[tuple[Digest, bytes]]) -> tuple[tuple[Digest, bytes], ...]:
        """Which of these were missing. What did not fit into this answer may be in the next one."""
        found = tuple((event, body) for event, body in bodies if self.fill(event, body))
        if found:
            self.anew(peer)
        return found

    def fill(self, event: Digest, body: bytes) -> bool:
        """Whether this is a body that was missing; then it is not any more."""
        if self.get(event) != hashlib.sha256(body).digest():
            return False
        del self[event]
        return True

    def due(self, peer: Peer, most: int) -> list[Digest]:
        """The bodies to ask a peer for now. They move to the end: what nobody has must not stand before the others."""
        asked = {event: again for event, again in self._asked.get(peer, {}).items() if event in self}
        chosen = list(islice((event for event in self if asked.get(event, (0, 0))[1] <= self._ticks), most))
        for event in chosen:
            self[event] = self.pop(event)
            wait, _ = asked.get(event, (1, 0))
            asked[event] = (min(2 * wait, BODY_AGAIN_TICKS_MAX), self._ticks + wait)
        self._asked[peer] = asked
        return chosen

    def anew(self, peer: Peer) -> None:
        """Ask a peer for everything again: it was gone, or brought something."""
        self._asked.pop(peer, None)

    def tick(self) -> None:
        """Some time went by."""
        self._ticks += 1
