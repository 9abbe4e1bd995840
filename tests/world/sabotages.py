"""Faults that somebody could build in, each of which the world must notice.

Each is a patch at run time, with one sentence. They are kept so that the world stays able to see.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import AbstractContextManager
from dataclasses import dataclass, replace
from unittest.mock import patch

from mesh.clocks.chain import Head, Trail
from mesh.clocks.frontier import Span
from mesh.errors import Malformed
from mesh.events import chains, reading, speaking
from mesh.events.chains import Chains, Fitted, Gap, Held
from mesh.events.event import Header, Inner, Lane, Placed, Run, decode_header
from mesh.events.judge import Judgement
from mesh.events.verdict import Standing, Statement, Verdict
from mesh.events.weigh import Lineage, Weight, weigh
from mesh.names import Digest, DocumentId
from mesh.sync.inputs import Effects, Input, Lost, Ticked
from mesh.sync.messages import Have
from mesh.sync.replica import Replica
from tests.world.devices import Device, Step
from tests.world.disk import Disk
from tests.world.meaning import Meaning
from tests.world.run import REAL_EVERY, play
from tests.world.wire import Letter
from tests.world.world import EPOCH_MS

SEEDS_MAX = 60
HOUR_MS = 3_600_000


@dataclass(frozen=True, slots=True)
class Sabotage:
    """A fault: its name, what it does, how it is built in, whether only real seeds can show it, and which one did.

    The seed that showed it is only where the hunt begins: what shows it no more is hunted through all the others.
    """

    name: str
    what: str
    build: Callable[[], AbstractContextManager[object]]
    real: bool = False
    shown_by: int = 0

    def seeds(self) -> Iterable[int]:
        """The seeds that may show it."""
        all_ = range(0, SEEDS_MAX * REAL_EVERY, REAL_EVERY) if self.real else range(SEEDS_MAX)
        first = all_.index(self.shown_by)
        return (*all_[first:], *all_[:first])


@dataclass(frozen=True, slots=True)
class Caught:
    """How a sabotage was noticed: after so many seeds, by which broken property."""

    name: str
    seeds: int
    why: str


def hunt(sabotage: Sabotage, steps: int) -> Caught | None:
    """Play seeds with the fault built in until one breaks."""
    with sabotage.build():
        for count, seed in enumerate(sabotage.seeds(), start=1):
            try:
                play(seed, steps)
            except Exception as error:  # noqa: BLE001 - whatever breaks, breaks
                return Caught(sabotage.name, count, f"{type(error).__name__} {error}"[:160])
    return None


# ---------------------------------------------------------------- the shell

_plan = Device.plan


def _send_first(self: Device, effects: Effects, letter: Letter | None, *, said: bool) -> Iterator[Step]:
    steps = list(_plan(self, effects, letter, said=said))
    yield from [step for step in steps if step.name == "send"]
    yield from [step for step in steps if step.name != "send"]


def _sync_last(self: Device, effects: Effects, letter: Letter | None, *, said: bool) -> Iterator[Step]:
    steps = list(_plan(self, effects, letter, said=said))
    yield from [step for step in steps if step.name != "sync"]
    yield from [step for step in steps if step.name == "sync"]


_path = Disk.path


def _one_less(self: Disk, span: Span) -> list[Placed]:
    return _path(self, span)[1 if span.after else 0 :]


def _one_short(self: Disk, span: Span) -> list[Placed]:
    """The page ends one before the target: an exclusive end where an inclusive one is meant."""
    path = _path(self, span)
    return path[:-1] if len(path) > 1 else path


def _same_actor(self: Device, document: DocumentId) -> bytes:
    return self.own.admission[:8] + document.name[:8]


def _newest_own(self: Device) -> dict[Lane, Digest]:
    """By the log alone: in each lane the own chain with the largest Lamport number."""
    own = [placed for placed in self.disk.log.values() if placed.admission == self.own.admission]
    return {placed.lane: placed.chain for placed in sorted(own, key=lambda placed: placed.header.lamport)}


_weigh = Device.weigh


def _by_the_clock(self: Device, events: list[Placed] | tuple[Placed, ...]) -> None:
    _weigh(self, events)
    latest = EPOCH_MS + self.world.wire.now_ms + self.skew_ms + HOUR_MS
    for placed in events:
        told = self.meaning.readings.get(placed.digest)
        if told and told.inner and told.inner.time_ms > latest:
            self.meaning.readings[placed.digest] = replace(told, standing=Standing.VOID, reason="from the future")


# ---------------------------------------------------------------- holding


def _any_parent(_: Chains, chain: chains.Chain, after: Head, held: Held) -> int:
    known = {**{head.digest: lamport for head, lamport in chain.tips.items()}, **{d: at[1] for d, at in held.items()}}
    return known.get(after.digest, max(chain.tips.values(), default=0)) if after.seq else 0


_place = Chains.place


def no_forks(self: Chains, run: Run, statements: Mapping[Digest, Statement], held: Held) -> Fitted:
    """Only the first branch of a fork is held."""
    fitted = _place(self, run, statements, held)
    chain = self.chains.get(run.chain)
    if chain and fitted.events and Head(fitted.events[0].seq - 1, fitted.events[0].parent) not in chain.tips:
        message = "a chain was forked"
        raise Malformed(message)
    return fitted


def _waits_for_cause(self: Chains, run: Run, statements: Mapping[Digest, Statement], held: Held) -> Fitted:
    fitted = _place(self, run, statements, held)
    heard = max((lamport for chain in self.chains.values() for lamport in chain.tips.values()), default=0)
    if fitted.events and self.chains and fitted.events[0].header.lamport > heard + 1:
        raise Gap
    return fitted


def _forked_waits(self: Chains, run: Run, statements: Mapping[Digest, Statement], held: Held) -> Fitted:
    if any(len(chain.tips) > 1 for name, chain in self.chains.items() if name != run.chain):
        raise Gap
    return _place(self, run, statements, held)


def _taken_again(self: Chains, run: Run, statements: Mapping[Digest, Statement], held: Held) -> Fitted:
    facts = {digest: at for digest, at in held.items() if digest == run.after.digest}
    return _place(self, run, statements, facts)


def _this_version_only(raw: bytes) -> Header:
    header = decode_header(raw)
    if header.version > 1:
        message = "a header of a later version"
        raise Malformed(message)
    return header


def _keep_all(self: Trail, head: Head) -> None:
    self._kept[head.seq] = head.digest


# ---------------------------------------------------------------- talk

_compare = Replica._compare  # noqa: SLF001 - it is what the fault is built into


def _always_answers(self: Replica, peer: str, have: Have, held: Held) -> Effects:
    return _compare(self, peer, replace(have, asks=True), held)


_handle = Replica.handle


def _never_gives_up(self: Replica, given: Input) -> Effects:
    if isinstance(given, Lost):
        self.met.discard(given.peer)
        return Effects()
    if isinstance(given, Ticked):
        return Effects(send=tuple((peer, self.have(peer, asks=True)) for peer in sorted(self.met)))
    return _handle(self, given)


# ---------------------------------------------------------------- authority


_add = Judgement.add


def _in_order_of_arrival(self: Judgement, control: Iterable[Statement]) -> bool:
    """A statement counts if its speaker counted when it came."""
    before = self.verdict.said | self.verdict.unknown
    for statement in control:
        counted = [self.statements[digest] for digest in self.verdict.said | self.verdict.unknown]
        self.statements[statement.digest] = statement
        fresh = Judgement(self.mesh)
        _add(fresh, [*counted, statement])
        self.verdict = fresh.verdict
    return before != self.verdict.said | self.verdict.unknown


def _all_granted(verdict: Verdict, placed: Placed, inner: Inner, lineage: Lineage) -> Weight:
    weight = weigh(verdict, placed, inner, lineage)
    return Weight(Standing.HONOURED) if weight.standing is Standing.VOID else weight


ALL = (
    Sabotage(
        "send before append",
        "Events go out before they are on disk.",
        lambda: patch.object(Device, "plan", _send_first),
    ),
    Sabotage(
        "acknowledge before sync",
        "The person is told `kept` before the disk is asked to keep it.",
        lambda: patch.object(Device, "plan", _sync_last),
    ),
    Sabotage(
        "span begins one late",
        "Serving starts one event after the place that the asker holds.",
        lambda: patch.object(Disk, "path", _one_less),
    ),
    Sabotage(
        "span ends one early",
        "Serving takes the end of a span for exclusive.",
        lambda: patch.object(Disk, "path", _one_short),
    ),
    Sabotage(
        "parent unchecked",
        "A run is held although what it stands on is not.",
        lambda: patch.object(Chains, "_lamport_at", _any_parent),
    ),
    Sabotage(
        "actor reused",
        "A device that was restored goes on with its old Automerge actor.",
        lambda: patch.object(Device, "actor", _same_actor),
        real=True,
        shown_by=110,
    ),
    Sabotage(
        "old chain taken up",
        "After a restart a restored device speaks on its newest chain, which may be one from before the restore.",
        lambda: patch.object(Device, "voices", _newest_own),
    ),
    Sabotage("fork branch refused", "Only the first branch is held.", lambda: patch.object(Chains, "place", no_forks)),
    Sabotage(
        "wait for the cause",
        "An event waits for what its writer had heard from other chains.",
        lambda: patch.object(Chains, "place", _waits_for_cause),
    ),
    Sabotage(
        "a fork stops everybody",
        "While some chain is forked, no other chain is taken on.",
        lambda: patch.object(Chains, "place", _forked_waits),
    ),
    Sabotage(
        "weighed by arrival",
        "A data event is weighed once, when it comes.",
        lambda: patch.object(Meaning, "unsettled", lambda _: ()),
    ),
    Sabotage(
        "what counts stays so",
        "A data event that once counted is not weighed again.",
        lambda: patch.object(Meaning, "fallen", lambda *_: ()),
    ),
    Sabotage(
        "judged by arrival",
        "A statement counts only if its speaker counted when it came.",
        lambda: patch.object(Judgement, "add", _in_order_of_arrival),
    ),
    Sabotage(
        "a clock decides",
        "An event from the future of the own wall clock does not count.",
        lambda: patch.object(Device, "weigh", _by_the_clock),
    ),
    Sabotage(
        "signature unchecked",
        "A run needs no true signature.",
        lambda: patch.object(chains, "verify", lambda *_: None),
        shown_by=28,
    ),
    Sabotage(
        "body unchecked",
        "A body need not be the one that its header names.",
        lambda: patch.object(chains, "check_body", lambda *_: None),
        shown_by=8,
    ),
    Sabotage(
        "grant unchecked",
        "Whatever a member says counts.",
        lambda: patch.object(reading, "weigh", _all_granted),
    ),
    Sabotage(
        "taken again",
        "What is held is held once more when it comes again.",
        lambda: patch.object(Chains, "place", _taken_again),
    ),
    Sabotage(
        "later versions refused",
        "A header of a version that is not known stops its chain.",
        lambda: patch.object(chains, "decode_header", _this_version_only),
        shown_by=18,
    ),
    Sabotage(
        "deaf clock",
        "Lamport time does not take over what was heard.",
        lambda: patch.object(speaking, "tick", lambda own, _: own + 1),
    ),
    Sabotage(
        "every Have is answered",
        "A Have is answered by a Have whether it asks or not.",
        lambda: patch.object(Replica, "_compare", _always_answers),
    ),
    Sabotage(
        "never gives up",
        "A question that was lost is waited for, for ever.",
        lambda: patch.object(Replica, "handle", _never_gives_up),
    ),
    Sabotage(
        "the trail grows", "Every place of a chain is remembered.", lambda: patch.object(Trail, "extend", _keep_all)
    ),
)
