"""What a log knows of its chains, told the plain way: by walking from a mark down to the opening."""

from __future__ import annotations

from collections.abc import Iterable

from mesh.events.event import CLEAR, Event, Header, Inner, Lane, Placed
from mesh.events.kinds import Mark
from mesh.events.verdict import Verdict
from mesh.events.weigh import Weight, weigh
from mesh.names import ZERO, Digest


class Log:
    """The Lineage of a plain list of events."""

    def __init__(self, events: Iterable[Placed] = ()) -> None:
        """Take over the events that are held."""
        self._events = {event.digest: event for event in events}

    def add(self, events: Iterable[Placed]) -> None:
        """Hold more."""
        self._events |= {event.digest: event for event in events}

    def under(self, placed: Placed, mark: Mark) -> bool | None:
        """Whether a mark stands on an event."""
        step = self._events.get(mark.head.digest)
        if step is None or (step.chain, step.head) != (mark.chain, mark.head):
            return None
        while step is not None and step.digest != placed.digest:
            step = self._events.get(step.parent)
        return step is not None


def said_by(admission: Digest, chain: bytes = b"", seq: int = 2, digest: bytes = b"") -> Placed:
    """A data event of a device, of which only its place matters."""
    header = Header(1, CLEAR, ZERO, 0, b"")
    name = Digest((chain or admission)[:32])
    return Placed(name, admission, Lane.DATA, seq, ZERO, Digest(digest or bytes(32)), header, Event(b"", None))


def weighed(verdict: Verdict, admission: Digest, inner: Inner) -> Weight:
    """What an event of this device weighs where no mark matters."""
    return weigh(verdict, said_by(admission), inner, Log())
