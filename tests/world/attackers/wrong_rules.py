"""What wrong rules of authority would be: each is put in place of the true one by `sabotages`."""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable
from contextlib import AbstractContextManager, ExitStack
from dataclasses import replace
from unittest.mock import patch

from mesh.clocks.chain import Head
from mesh.events import judge, weigh
from mesh.events.event import Inner, Placed
from mesh.events.judge import Judgement
from mesh.events.kinds import ANY, VERBS, Admit, Adopt, Body, Close, Grant, Mark, Ungrant
from mesh.events.reasserting import falling, reassertions
from mesh.events.verdict import Cut, Standing, Statement, Verdict, admitted, under
from mesh.events.weigh import CLOSED, Lineage, Weight
from mesh.limits import RANK_RECOVERY
from mesh.names import Digest
from tests.unit import household
from tests.unit.events import test_reasserting
from tests.world.attackers import holding, people
from tests.world.attackers.device import Device
from tests.world.attackers.holding import Held, Told
from tests.world.attackers.people import World

# ---------------------------------------------------------------- hold


def _forked(events: Iterable[tuple[Digest, Digest, int]]) -> int | None:
    """The number of the first event of a chain that has a twin."""
    seen: dict[Digest, Digest] = {}
    twins = [seq for digest, parent, seq in events if seq > 1 and seen.setdefault(parent, digest) != digest]
    return min(twins, default=None)


# ---------------------------------------------------------------- judge

_may = Judgement._may  # noqa: SLF001 - the sabotages of this file are built into it
_say = Judgement._say  # noqa: SLF001
_add = Judgement.add

Speaker = judge._Speaker  # noqa: SLF001
May = Callable[[Judgement, Speaker, Body], bool]


def rules(may: Callable[[Judgement, Speaker, Body], bool | None]) -> Callable[[], AbstractContextManager[object]]:
    """Another reach; None: as it is."""

    def built(self: Judgement, speaker: Speaker, body: Body) -> bool:
        found = may(self, speaker, body)
        return _may(self, speaker, body) if found is None else found

    return lambda: patch.object(Judgement, "_may", built)


def equal_admitted(_: Judgement, speaker: Speaker, body: Body) -> bool | None:
    """An admin lets in an equal."""
    return body.rank >= speaker.rank if isinstance(body, Admit) else None


def any_admitted(_: Judgement, __: Speaker, body: Body) -> bool | None:
    """An admin lets in any rank."""
    return True if isinstance(body, Admit) else None


def closes_itself(_: Judgement, speaker: Speaker, body: Body) -> bool | None:
    """One may close oneself."""
    return True if isinstance(body, Close) and body.admission == speaker.digest else None


def any_granted(_: Judgement, __: Speaker, body: Body) -> bool | None:
    """Any admin grants to anybody."""
    return True if isinstance(body, Grant) else None


def any_ungranted(self: Judgement, __: Speaker, body: Body) -> bool | None:
    """Any admin ends any grant."""
    found = self.statements.get(body.grant) if isinstance(body, Ungrant) else None
    return True if found and isinstance(found.body, Grant) else None


def reach(least: Callable[[int], int]) -> Callable[[], AbstractContextManager[object]]:
    """Another reach of closes and grants, by the speaker's rank."""

    def junior(self: Judgement, speaker: Speaker, subject: Digest) -> bool:
        found = admitted(self.statements.get(subject))
        return found is not None and found.rank >= least(speaker.rank)

    return lambda: patch.object(Judgement, "_junior", junior)


Inside = Callable[[Judgement, Speaker, list[set[Digest]]], set[Digest]]


def cutting(inside: Inside) -> Callable[[], AbstractContextManager[object]]:
    """Another idea of what several closes leave."""

    def built(self: Judgement, speaker: Speaker, _: Speaker | None) -> set[Digest]:
        cuts = []
        for cut in speaker.cuts:
            found, missing = under(cut.marks, self.statements)
            cuts.append(found)
            for digest in missing:
                self._awaited[digest].add(speaker.digest)
        return inside(self, speaker, cuts)

    return lambda: patch.object(Judgement, "_inside", built)


def speech(self: Judgement, speaker: Speaker) -> list[Statement]:
    """All that an admission said."""
    return self._speeches[speaker.digest]


def sticky(self: Judgement, speaker: Speaker, cuts: list[set[Digest]]) -> set[Digest]:
    """Closes count beyond a cut."""
    return set.intersection(*cuts) | {s.digest for s in speech(self, speaker) if isinstance(s.body, Close)}


def by_number(self: Judgement, speaker: Speaker, cuts: list[set[Digest]]) -> set[Digest]:
    """What has a small number is under a mark."""
    most = min(max((self.statements[d].seq for d in cut), default=0) for cut in cuts)
    return {s.digest for s in speech(self, speaker) if s.seq <= most}


def adopted_by_recovery(self: Judgement, speaker: Speaker, statement: Statement, into: Verdict) -> None:
    """What is adopted is said as if by the recovery key."""
    before, adopts = speaker.rank, isinstance(statement.body, Adopt)
    speaker.rank = RANK_RECOVERY if adopts else before
    _say(self, speaker, statement, into)
    speaker.rank = before


def adopts_no_statement(self: Judgement, speaker: Speaker, statement: Statement, into: Verdict) -> None:
    """An adoption reaches data only."""
    if not isinstance(statement.body, Adopt):
        _say(self, speaker, statement, into)
        return
    into.said.add(statement.digest)
    for name in statement.body.events:
        into.adopted[name] = speaker.rank


def frozen(self: Judgement, control: Iterable[Statement]) -> bool:
    """Statements from a fork on count for nothing."""
    for one in control:
        self.statements[one.digest] = one
    by_chain: dict[Digest, list[Statement]] = {}
    for one in self.statements.values():
        by_chain.setdefault(one.stamp.chain, []).append(one)
    points = {name: _forked((s.digest, s.parent, s.seq) for s in said) for name, said in by_chain.items()}
    fit = [s for s in self.statements.values() if (at := points[s.stamp.chain]) is None or s.seq < at]
    fresh, before = Judgement(self.mesh), self.verdict
    _add(fresh, fit)
    self.verdict = fresh.verdict
    return before != self.verdict


def false_places(marks: tuple[Mark, ...], statements: dict[Digest, Statement]) -> tuple[set[Digest], set[Digest]]:
    """A mark is where its event is, wherever it says that it is."""
    held = ((mark, statements[mark.head.digest]) for mark in marks if mark.head.digest in statements)
    true = [Mark(said.stamp.chain, Head(said.seq, said.digest)) for _, said in held]
    found, _ = under(tuple(true), statements)
    return found, {mark.head.digest for mark in marks} - found


def never_tells(self: Judgement, control: Iterable[Statement]) -> bool:
    """Nobody hears of a change of the verdict."""
    _add(self, control)
    return False


# ---------------------------------------------------------------- weigh

_weigh = weigh.weigh
_shut = weigh._shut  # noqa: SLF001
Weigh = Callable[[Verdict, Placed, Inner, Lineage], Weight]


def weighing(wrong: Weigh) -> Callable[[], AbstractContextManager[object]]:
    """Another scale, wherever one is used."""

    def built() -> AbstractContextManager[object]:
        stack = ExitStack()
        stack.enter_context(patch.object(holding, "weigh", wrong))
        stack.enter_context(patch.object(household, "weigh", wrong))
        return stack

    return built


def ending(wrong: Callable[[int, str], int | None]) -> Callable[[], AbstractContextManager[object]]:
    """Another rank of adoption against an end; None: that end is not looked at."""

    def built(placed: Placed, cuts: Iterable[Cut], adopted: int, lineage: Lineage, reason: str) -> Weight:
        rank = wrong(adopted, reason)
        return Weight(Standing.HONOURED) if rank is None else _shut(placed, cuts, rank, lineage, reason)

    return lambda: patch.object(weigh, "_shut", built)


def no_admission(known: Verdict, placed: Placed, inner: Inner, lineage: Lineage) -> Weight:
    """Data need no admission."""
    admissions = {placed.admission: known.admissions.get(known_first(known)), **known.admissions}
    return _weigh(replace(known, admissions=admissions), placed, inner, lineage)  # type: ignore[arg-type]


def known_first(known: Verdict) -> Digest:
    """Anybody who counts."""
    return next(iter(known.admissions))


def adopted_is_not_forgotten(known: Verdict, placed: Placed, inner: Inner, lineage: Lineage) -> Weight:
    """An adoption is stronger than a forget."""
    forgotten = set() if placed.digest in known.adopted else known.forgotten
    return _weigh(replace(known, forgotten=forgotten), placed, inner, lineage)


def nothing_is_forgotten(known: Verdict, placed: Placed, inner: Inner, lineage: Lineage) -> Weight:
    """A forget does nothing."""
    return _weigh(replace(known, forgotten=set()), placed, inner, lineage)


def fork_voids(self: Held, one: Told, by: Verdict | None = None) -> Weight:
    """Data count for nothing from a fork on, until a close."""
    chain = [o.placed for o in self.data if o.placed.chain == one.placed.chain]
    at = _forked((p.digest, p.parent, p.seq) for p in chain)
    if at is not None and one.placed.seq >= at and one.placed.admission not in self.verdict.closes:
        return Weight(Standing.VOID, CLOSED)
    return _held_weigh(self, one, by)


_held_weigh = Held.weigh


def unknown_is_final(placed: Placed, marks: tuple[object, ...], lineage: Lineage) -> bool:
    """Nothing waits for a mark."""
    return weigh_inside(placed, marks, lineage) is True  # type: ignore[arg-type]


weigh_inside = weigh._inside  # noqa: SLF001


def scope(*parts: str) -> Callable[[], AbstractContextManager[object]]:
    """A grant of which only these parts are looked at."""

    def built(grant: Grant, admission: Digest, inner: Inner) -> bool:
        document = inner.document
        if document is None:
            return False
        fits = {
            "admission": grant.admission == admission,
            "agent": grant.agent == inner.agent,
            "space": grant.space in {ANY, document.space},
            "type": ANY in grant.types or document.type in grant.types,
            "verb": ANY in grant.verbs or VERBS.get(inner.kind) in grant.verbs,
        }
        return all(fits[part] for part in parts)

    return lambda: patch.object(weigh, "covers", built)


# ---------------------------------------------------------------- duties


def once(
    statements: Iterable[Statement],
    mesh: Digest,
    by: Digest,
    closes: list[Close],
    unwanted: Collection[Digest] = (),
) -> tuple[Adopt, ...]:
    """What falls is looked for once, and not again under what was said again."""
    held = list(statements)
    first = {one.digest for one in falling(held, mesh, by, closes)}
    adopts = (first & set(adopt.events) for adopt in reassertions(held, mesh, by, closes, unwanted))
    return tuple(Adopt(tuple(sorted(names))) for names in adopts if names)


def reasserting(wrong: Callable[..., tuple[Adopt, ...]]) -> Callable[[], AbstractContextManager[object]]:
    """Another duty of who closes."""

    def built() -> AbstractContextManager[object]:
        stack = ExitStack()
        stack.enter_context(patch.object(people, "reassertions", wrong))
        stack.enter_context(patch.object(test_reasserting, "reassertions", wrong))
        return stack

    return built


_hand = World.hand


def not_with_the_closed(self: World, given: list[Told], taker: Device, *, whole: bool) -> None:
    """Control of closed devices is not handed on."""
    fit = [one for one in given if one.placed.admission not in taker.verdict.closes]
    _hand(self, fit, taker, whole=whole)


def closed_keep_reading(self: Verdict) -> tuple[Digest, ...]:
    """Epochs whoever they reach."""
    fit = ((stamp, digest) for digest, (stamp, rekey) in self.rekeys.items() if rekey.wraps)
    return tuple(digest for _, digest in sorted(fit, reverse=True))
