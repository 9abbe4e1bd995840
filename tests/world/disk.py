"""The log of one simulated device: a disk that may lose what was not synced, and answers what only a log can tell.

It keeps events in the order in which they were written and serves spans by walking parents, so a forked chain is
nothing special. It decides nothing.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field, replace

from mesh.clocks.chain import START, Head
from mesh.clocks.frontier import Frontier, Span
from mesh.events.chains import Held
from mesh.events.event import Event, Lane, Placed, Run
from mesh.events.speaking import event_bytes
from mesh.limits import SIGNED_RUN_EVENTS_MAX, WANT_SPANS_MAX
from mesh.names import Digest, Short
from mesh.sync.messages import Push, Want


@dataclass
class Disk:
    """What survives a crash: events, epoch keys, and which own chains are spoken on."""

    log: dict[Digest, Placed] = field(default_factory=dict)
    keys: dict[Short, bytes] = field(default_factory=dict)
    own: dict[Lane, Digest] = field(default_factory=dict)
    """The chains to go on with, written together with the events on them."""
    _unsynced: list[tuple[Digest, Placed | None]] = field(default_factory=list)
    """(event, what stood there before), the newest last."""
    _own_before: tuple[dict[Lane, Digest], ...] = ()
    """What `own` was before anything was written that is not safe yet."""

    def write(
        self,
        events: Iterable[Placed],
        bodies: Iterable[tuple[Digest, bytes]] = (),
        voices: Mapping[Lane, Digest] | None = None,
    ) -> None:
        """One transaction, with the own chains that it goes on with. It is not safe before `sync`."""
        self._own_before = self._own_before or (dict(self.own),)
        self.own |= voices or {}
        for placed in events:
            assert placed.digest not in self.log, f"{placed.digest.hex()[:8]} was appended twice"
            self._unsynced.append((placed.digest, None))
            self.log[placed.digest] = placed
        for digest, body in bodies:
            was = self.log[digest]
            self._unsynced.append((digest, was))
            self.log[digest] = replace(was, event=Event(was.event.header, body))

    def sync(self) -> None:
        """Make safe what was written."""
        self._unsynced.clear()
        self._own_before = ()

    def lose_tail(self) -> None:
        """What a power cut does to what was not synced."""
        for digest, was in reversed(self._unsynced):
            if was is None:
                del self.log[digest]
            else:
                self.log[digest] = was
        for own in self._own_before:
            self.own = own
        self.sync()

    def copy(self) -> Disk:
        """A backup."""
        return Disk(dict(self.log), dict(self.keys), dict(self.own))

    def facts(self, digests: Iterable[Digest]) -> Held:
        """What `held` asks: the place of each of these events that is here."""
        found = ((digest, self.log.get(digest)) for digest in digests)
        return {digest: (placed.seq, placed.header.lamport) for digest, placed in found if placed}

    # ── serving ──

    def serve(self, want: Want, page_bytes: int) -> Push:
        """One page of what is wanted, each run from the best shared place and ending on a signed event."""
        runs: list[Run] = []
        left = page_bytes
        for span in want.spans[:WANT_SPANS_MAX]:
            run = self.run(span, left if runs else max(left, 1), first=not runs)
            if run:
                runs.append(run)
                left -= sum(event_bytes(event) for event in run.events)
            if left <= 0:
                break
        return Push(tuple(runs), tuple(self._bodies(want.bodies, page_bytes)), answer=True)

    def _bodies(self, digests: Iterable[Digest], page_bytes: int) -> Iterator[tuple[Digest, bytes]]:
        for digest in digests:
            placed = self.log.get(digest)
            body = placed.event.body if placed else None
            if body is not None and page_bytes > 0:
                page_bytes -= len(body)
                yield digest, body

    def run(self, span: Span, bytes_max: int, *, first: bool = True) -> Run | None:
        """The run that a span asks for, cut to what fits; its first signed part always fits where it comes first."""
        path = self.path(span)
        size, end = 0, 0
        for count, placed in enumerate(path[:SIGNED_RUN_EVENTS_MAX], start=1):
            size += event_bytes(placed.event)
            if size > bytes_max and (end or not first):
                break
            end = count if placed.signature else end
        if not end:
            return None
        last = path[end - 1]
        assert last.signature, last
        after = Head(path[0].seq - 1, path[0].parent)
        return Run(span.chain, after, tuple(placed.event for placed in path[:end]), last.signature)

    def path(self, span: Span) -> list[Placed]:
        """The events from after the best shared place up to the target; none when the target is not here."""
        found: list[Placed] = []
        shared = {head.digest for head in span.after if head != START}
        digest = span.target.digest
        while digest in self.log and digest not in shared:
            found.append(self.log[digest])
            digest = found[-1].parent
        return found[::-1]

    def pages(self, mine: Frontier, theirs: Mapping[Digest, tuple[Head, ...]], order: Iterable[Digest]) -> Push:
        """Everything of these chains that somebody with tips `theirs` may lack, in this order of chains."""
        runs = []
        for chain in order:
            for tip in mine[chain]:
                run = self.run(Span(chain, tip, theirs.get(chain, ())), 1 << 20)
                runs += [run] if run else []
        return Push(tuple(runs))
