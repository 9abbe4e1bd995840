"""What must hold in every world with attackers, whatever their keys sign; and one world from beginning to end."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Sequence
from random import Random
from typing import NamedTuple

from mesh.clocks.lamport import Stamp
from mesh.events.event import Lane
from mesh.events.judge import judge
from mesh.events.kinds import Admit, Adopt
from mesh.events.verdict import Standing, Verdict, admitted
from mesh.events.weigh import CLOSED, FORGOTTEN, Weight
from mesh.limits import LAMPORT_STEP_MAX, RANK_ADMIN_LAST, RANK_RECOVERY
from mesh.names import Digest
from tests.unit.plain_judge import plainly
from tests.world.attackers.device import Device, claim
from tests.world.attackers.holding import Held, Told
from tests.world.attackers.people import World, reached
from tests.world.attackers.thieves import attack, evil
from tests.world.once import SIGHT, once

HOSTILE = 12
HONOURED, WAITS, VOID = Standing.HONOURED, Standing.WAITS, Standing.VOID


class Answer(NamedTuple):
    """What a set of events comes to."""

    honoured: frozenset[Digest]
    verdict: Verdict
    weights: dict[Digest, Weight]


def answer(world: World, events: Iterable[Told]) -> Answer:
    """What these come to, heard in this order."""
    held = Held(world.mesh, world.sight, events)
    return Answer(held.honoured(), held.verdict, dict(held.weights()))


def same_in_any_order(world: World, events: Sequence[Told]) -> None:
    """One set, one answer: shuffled, some of it twice; and step by step the same as from scratch."""
    first = answer(world, events)
    mixed: list[Told] = []
    for _ in range(2):
        mixed = [*events, *world.rng.sample(list(events), len(events) // 3)]
        world.rng.shuffle(mixed)
        claim("order", answer(world, mixed) == first)
    held, known = Held(world.mesh, world.sight), -1
    for count, one in enumerate(mixed):
        held.hear(one)
        if count % 12 == 0 and known != len(held.told):
            known = len(held.told)
            anew = plainly(held.judgement.statements.values(), world.mesh)
            claim("incremental", held.verdict == anew, count)
            claim("incremental", held.weights() == {o.digest: held.weigh(o, anew) for o in held.data}, count)
    claim("incremental", held.honoured() == first.honoured)
    story(held)


def story(held: Held) -> None:
    """In the order that people see, everything comes after what it stands on in its chain, and no clock runs off."""
    order = sorted(held.told.values(), key=lambda one: Stamp(one.placed.header.lamport, one.placed.chain))
    place = {one.digest: number for number, one in enumerate(order)}
    for one in order:
        parent = held.told.get(one.placed.parent)
        step = one.placed.header.lamport - (parent.placed.header.lamport if parent else 0)
        claim("lamport", 0 < step <= LAMPORT_STEP_MAX, step)
    claim("story", all(one.placed.seq == 1 or place[one.placed.parent] < place[one.digest] for one in order))


def settled(world: World, events: Sequence[Told]) -> None:
    """Under one verdict more data only end waiting; they never take anything away."""
    held = Held(world.mesh, world.sight, [one for one in events if one.placed.lane is Lane.CONTROL])
    data = [one for one in events if one.placed.lane is Lane.DATA]
    world.rng.shuffle(data)
    before: dict[Digest, Weight] = {}
    for count, one in enumerate(data):
        held.hear(one)
        if count % 10 == 0 or count == len(data) - 1:
            now = {found.digest: held.weigh(found) for found in held.data}
            for digest, was in before.items():
                claim("settled", was.standing is WAITS or was.standing is now[digest].standing, (was, now[digest]))
            before = now


def closed_keys_change_nothing(world: World) -> None:
    """Whatever a closed key signs from now on: the same events count, and nothing of it."""
    events = list(world.all.values())
    before = answer(world, events)
    for loot in world.stolen:
        for one in events:
            loot.held.hear(one)
        more = [one for _ in range(HOSTILE) for one in evil(loot, 1)]
        after = answer(world, [*events, *more])
        claim("non-interference", after.honoured == before.honoured, len(after.honoured ^ before.honoured))
        claim("non-interference", after.verdict == before.verdict, len(after.verdict.said ^ before.verdict.said))


def traceless(world: World, told: Answer) -> None:
    """After the thefts are closed at places that the person vouches for, nothing of the thieves counts."""
    claim("traceless-data", told.honoured <= world.honest, len(told.honoured - world.honest))
    claim("traceless-control", told.verdict.said <= world.honest, len(told.verdict.said - world.honest))


def seniors_unmoved(world: World) -> None:
    """A live key of some rank may do what it likes: admissions, closes, grants and work of smaller ranks stay."""
    events = list(world.all.values())
    held = Held(world.mesh, world.sight, events)
    before, weights = held.verdict, dict(held.weights())
    fit = [device for device in world.devices if before.is_live(device.admission) and device.rank > 1]
    if not fit:
        return
    device = world.rng.choice(fit)
    rebel = Device(world, "rebel", device.keys, device.rank, device.admission, Held(world.mesh, world.sight, events))
    real = dict(world.all)
    more = [one for _ in range(HOSTILE + 2) for one in evil(rebel, 1)]
    world.all = real  # it was only a question
    wide = Held(world.mesh, world.sight, [*events, *more])
    ranks = {d: s.body.rank for d, s in wide.judgement.statements.items() if isinstance(s.body, Admit)}
    ranks[world.mesh] = RANK_RECOVERY
    _authority_unmoved(device, before, wide.verdict, ranks)
    _work_unmoved(device, (held, before, weights), wide)


def _authority_unmoved(device: Device, before: Verdict, after: Verdict, ranks: dict[Digest, int]) -> None:
    for admission, found in before.admissions.items():
        if found.rank <= device.rank:
            claim("senior-admission", after.admissions.get(admission) == found)
            claim("senior-close", after.closes.get(admission) == before.closes.get(admission))
    for admission in after.admissions.keys() - before.admissions.keys():
        claim("escalation", after.admissions[admission].rank > device.rank)
    if device.rank > RANK_ADMIN_LAST:
        claim("member-authority", after == before)
    for name, grant in after.grants.items():
        if ranks.get(grant.admission, 999) <= device.rank and grant.admission != device.admission:
            claim("senior-grant", name in before.grants and after.ungrants.get(name) == before.ungrants.get(name))
    for admission, word in after.located.items():
        if ranks.get(admission, 999) <= device.rank and admission != device.admission:
            claim("senior-place", before.located.get(admission) == word)
    if device.rank > 1:
        claim("senior-forget", after.forgotten == before.forgotten)


def _work_unmoved(device: Device, was: tuple[Held, Verdict, dict[Digest, Weight]], wide: Held) -> None:
    held, before, weights = was
    for one in held.data:
        found, author = before.admissions.get(one.placed.admission), one.placed.admission
        if found and found.rank < device.rank and weights[one.digest].standing is HONOURED:
            claim("senior-work", wide.weights()[one.digest].standing is HONOURED, wide.weights()[one.digest])
        ranks = [c.rank for c in before.closes.get(author, ()) if one.digest not in reached(c.marks, held)]
        if ranks and min(ranks) < device.rank and weights[one.digest].reason == CLOSED:
            claim("senior-cut", wide.weights()[one.digest].standing is not HONOURED, one.placed)


def nobody_is_blocked(world: World) -> None:
    """Member thieves at work, unnoticed: every honest event that no honest person ended counts, everywhere."""
    honest = [*world.free(), world.paper]
    world.meet(honest)
    while world.settle():
        world.meet(honest)
    for device in honest:
        if device.open:
            no_loss(world, device.held, "blocked")


def no_loss(world: World, held: Held, name: str) -> None:
    """Work of untouched devices counts, but for what an honest statement ended."""
    weights = held.weights()
    for device in world.free():
        if device.admission in world.touched or not held.verdict.is_live(device.admission):
            continue
        for digest in device.mine:
            claim(name, digest in weights, f"an event of {device.name} is not even held")
            found = weights[digest]
            ended = found.reason == FORGOTTEN or found.by in world.honest
            claim(name, found.standing is HONOURED or (found.standing is VOID and ended), (device.name, found))


def converged(world: World) -> Held:
    """All honest devices hold the same and say the same, and each of them is still let in."""
    held = world.paper.held
    verdict = held.verdict
    for one in held.control:
        found = admitted(held.judgement.statements[one.placed.admission])
        claim("lanes", found and found.rank <= RANK_ADMIN_LAST, "a member has a control chain")
    epoch = verdict.epoch()
    readers = [name for name, _ in verdict.rekeys[epoch][1].wraps] if epoch else []
    claim("epoch", all(verdict.is_live(name) for name in readers))
    for device in world.survivors:
        if verdict.is_live(device.admission):
            claim("converged-held", device.held.told.keys() == held.told.keys(), device.name)
            claim("converged", device.verdict == verdict, device.name)
            claim("converged", device.held.weights() == held.weights(), device.name)
        if device.admission not in world.touched:
            claim("expelled", verdict.is_live(device.admission), device.name)
    return held


def lean(world: World) -> None:
    """Data beyond the closes, to which neither a mark nor an adoption leads, need not be held (control: all of it)."""
    events = list(world.all.values())
    held = Held(world.mesh, world.sight, events)
    verdict = held.verdict
    named = {name for s in held.judgement.statements.values() if isinstance(s.body, Adopt) for name in s.body.events}
    ends = [cut.marks for cuts in (*verdict.closes.values(), *verdict.ungrants.values()) for cut in cuts]
    path = reached([mark for marks in ends for mark in marks], held)
    path |= reached([held.told[name].mark for name in named if name in held.told], held)
    keep = [one for one in events if one.digest in path or not _beyond(held, one)]
    claim("lean", answer(world, keep).honoured == held.honoured())


def _beyond(held: Held, one: Told) -> bool:
    if one.placed.lane is Lane.CONTROL or one.digest not in held.told:
        return False
    cuts = held.verdict.closes.get(one.placed.admission, ())
    return any(one.digest not in reached(cut.marks, held) for cut in cuts)


def one_world(seed: int, counts: Counter[str] | None = None) -> None:
    """A life with thieves, all questions, the healing, all questions again. Raises Broken."""
    rng = Random(f"attackers {seed}")
    with once(*SIGHT):
        world = World(rng, "member" if rng.random() < 0.35 else "any")
        world.live(rng.randint(20, 90), attack)
        if world.thief_ranks == "member":
            nobody_is_blocked(world)
        seniors_unmoved(world)
        same_in_any_order(world, list(world.all.values()))
        settled(world, list(world.all.values()))
        world.heal()
        held = converged(world)
        no_loss(world, held, "lost")
        told = answer(world, held.told.values())
        claim("scratch", told.verdict == judge(held.judgement.statements.values(), world.mesh))
        traceless(world, told)
        same_in_any_order(world, list(world.all.values()))
        lean(world)
        closed_keys_change_nothing(world)
    if counts is not None:
        _count(world, held, counts)


def _count(world: World, held: Held, counts: Counter[str]) -> None:
    hostile = world.all.keys() - world.honest
    counts.update(seeds=1, events=len(world.all), hostile=len(hostile), thieves=len(world.stolen))
    counts.update(admin_thieves=sum(one.rank <= RANK_ADMIN_LAST for one in world.stolen))
    parents = Counter(one.placed.parent for one in held.told.values() if one.placed.seq > 1)
    counts.update(forks=sum(number > 1 for number in parents.values()))
    counts.update(Counter(found.standing.name.lower() for found in held.weights().values()))
