"""Authority in the simulated world: admins close, ungrant, adopt and forget; whoever has an admin's key does it too.

It is played in some seeds only, and draws from a Random of its own, so that the histories of the others stay as they
are. What counts in the end is told once more here, without the code that is under test.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from random import Random
from typing import TYPE_CHECKING

from mesh.clocks.chain import START, Head, event_digest, opening_digest, signed_bytes
from mesh.events.bodies import encode_body
from mesh.events.event import CLEAR, Event, Header, Inner, Lane, Placed, Run
from mesh.events.founding import asked
from mesh.events.keys import SecretKeys
from mesh.events.kinds import (
    ANY,
    VERBS,
    Admit,
    Adopt,
    Body,
    Close,
    Forget,
    Genesis,
    Grant,
    Located,
    Mark,
    Opening,
    Ungrant,
    kind_of,
)
from mesh.events.reasserting import reassertions
from mesh.events.speaking import Draft
from mesh.events.verdict import Cut, Standing, Verdict, admitted
from mesh.limits import KEY_BYTES, LAMPORT_STEP_MAX, RANK_ADMIN_LAST, SALT_BYTES
from mesh.names import Digest, short
from tests.unit.plain_judge import plainly
from tests.world.devices import Device, Struck

if TYPE_CHECKING:
    from tests.world.world import World

LAW_EVERY = 3
ACTS = 0.3
CLOSES_MAX = 3
LIVE_MIN = 3


@dataclass
class Law:
    """What one seed knows of it: its chance, the keys in wrong hands, what honest admins said."""

    rng: Random
    rogues: list[Device] = field(default_factory=list)
    said: set[Digest] = field(default_factory=set)
    offered: set[Digest] = field(default_factory=set)
    closes: int = 0


def law_of(seed: int) -> Law | None:
    """Whether authority is played in a seed."""
    return Law(Random(f"law {seed}")) if seed % LAW_EVERY == LAW_EVERY - 1 else None


def act(world: World) -> None:
    """Perhaps one act of somebody who has authority, or has stolen it."""
    law = world.law
    if law is None or law.rng.random() >= ACTS:
        return
    admins = world.admins()
    if not admins:
        return
    chosen: Callable[[World, Law, Device], None] = law.rng.choices(
        (close, ungrant, adopt, forget, steal, rogue), (2, 2, 3, 0.5, 2, 6)
    )[0]
    try:
        chosen(world, law, law.rng.choice(admins))
    except Struck:
        return


# ---------------------------------------------------------------- people


def close(world: World, law: Law, admin: Device) -> None:
    """An admin takes a device out, keeps up what falls with it, and makes a new key."""
    juniors = [d for d in world.devices.values() if d is not admin and _rank(admin, d) > admin.replica.own_rank]
    if law.closes >= CLOSES_MAX or len(admin.replica.verdict.live) <= LIVE_MIN or not juniors:
        return
    device = law.rng.choice(juniors)
    body = Close(device.own.admission, _places(law, admin, device.own.admission))
    statements = admin.replica.statements
    unwanted = statements.keys() - law.said
    adopts = reassertions(statements.values(), world.mesh, admin.own.admission, [body], unwanted)
    law.closes += 1
    world.note(f"{admin.name} closes {device.name}")
    world.control(admin, Draft(body), *(Draft(one) for one in adopts))
    world.rekey(admin)


def ungrant(world: World, law: Law, admin: Device) -> None:
    """An admin ends a grant, of an agent most often."""
    verdict, rank = admin.replica.verdict, admin.replica.own_rank
    names = {short(digest): digest for digest in admin.replica.statements}
    fit = sorted(
        name
        for name, grant in verdict.grants.items()
        if name not in verdict.ungrants
        and _rank_of(admin, grant.admission) > rank
        and (grant.agent or law.rng.random() < 0.2)
    )
    if fit:
        name = law.rng.choice(fit)
        marks = _places(law, admin, verdict.grants[name].admission)
        world.control(admin, Draft(Ungrant(names[name], marks)))


def adopt(world: World, law: Law, admin: Device) -> None:
    """An admin stands for some of what is void, its own device's view of it."""
    void = sorted(d for d, reading in admin.meaning.readings.items() if reading.standing is Standing.VOID)
    if void:
        events = law.rng.sample(void, law.rng.randint(1, min(3, len(void))))
        world.control(admin, Draft(Adopt(tuple(sorted(events)))))


def forget(world: World, law: Law, admin: Device) -> None:
    """The founder forgets a document."""
    readings = admin.meaning.readings.values()
    known = sorted({r.inner.document for r in readings if r.inner and r.inner.document})
    if known and admin.replica.own_rank <= 1:
        world.control(admin, Draft(Forget(law.rng.choice(known))))


def confirm(world: World) -> None:
    """What the founder does in the end: stand for honest statements that fell because nobody had heard of them."""
    law, founder = world.law, next(iter(world.admins()), None)
    if law is None or founder is None or founder.replica.own_rank > 1:
        return
    statements, verdict = founder.replica.statements, founder.replica.verdict
    fell = {d for d in law.said if d in statements and d not in verdict.said}
    fell = {d for d in fell if not isinstance(statements[d].body, Opening | Genesis | Located)}
    if fell - law.offered:
        law.offered |= fell
        world.control(founder, Draft(Adopt(tuple(sorted(fell)))))


def _rank_of(device: Device, admission: Digest) -> int:
    found = admitted(device.replica.statements.get(admission))
    return found.rank if found else 0


def _rank(device: Device, other: Device) -> int:
    return _rank_of(device, other.own.admission)


def _places(law: Law, device: Device, admission: Digest) -> tuple[Mark, ...]:
    """Where the chains of an admission end here; some of them further back."""
    own = [placed for placed in device.disk.log.values() if placed.admission == admission]
    parents = {placed.parent for placed in own}
    ends = sorted(Mark(placed.chain, placed.head) for placed in own if placed.digest not in parents)
    for number, mark in enumerate(ends):
        if law.rng.random() < 0.2:
            ends[number] = _further_back(law, device, mark)
    return tuple(sorted(set(ends)))


def _further_back(law: Law, device: Device, mark: Mark) -> Mark:
    placed = device.disk.log[mark.head.digest]
    for _ in range(law.rng.randint(0, 3)):
        placed = device.disk.log.get(placed.parent, placed)
    return Mark(placed.chain, placed.head)


# ---------------------------------------------------------------- thieves


def steal(world: World, law: Law, _: Device) -> None:
    """Somebody copies the key of an admin who is not the founder."""
    fit = [d for d in world.admins() if 1 < d.replica.own_rank <= RANK_ADMIN_LAST and d not in law.rogues]
    if fit and len(law.rogues) < 2:
        victim = law.rng.choice(fit)
        law.rogues.append(victim)
        world.forkable.add(victim.own.admission)
        world.note(f"the admin key of {victim.name} is stolen")


def rogue(world: World, law: Law, _: Device) -> None:
    """Whoever has an admin's key says something at any place of its chains, to whom he likes."""
    if not law.rogues:
        return
    victim = law.rng.choice(law.rogues)
    run = _forged_place(world, law, victim, _anything(world, law, victim))
    fit = [d for d in world.honest() if victim.own.admission in d.replica.statements]
    for device in law.rng.sample(fit, min(len(fit), law.rng.randint(1, 2))):
        world.hear_stray(device, victim, run)


def _forged_place(world: World, law: Law, victim: Device, body: Body) -> Run:
    keys, raw = victim.own.keys, encode_body(body)
    own = [p for p in victim.disk.log.values() if p.admission == victim.own.admission and p.lane is Lane.CONTROL]
    if not own or law.rng.random() < 0.2:
        opening = encode_body(Opening(victim.own.admission, Lane.CONTROL, "new", law.rng.randbytes(SALT_BYTES)))
        first = Header(1, CLEAR, _sum(opening), len(opening), Inner(0, "opening").encode()).encode()
        after, lamport, chain = START, 1, opening_digest(world.mesh, keys.sign_key, first)
        events, head = [Event(first, opening)], Head(1, chain)
    else:
        place = law.rng.choice(own)
        after, lamport, chain, events = place.head, place.header.lamport, place.chain, []
        head = after
    lamport += law.rng.choice((1, 1, 9, LAMPORT_STEP_MAX))
    header = Header(lamport, CLEAR, _sum(raw), len(raw), Inner(0, kind_of(body)).encode()).encode()
    end = Head(head.seq + 1, event_digest(chain, head, header))
    return Run(chain, after, (*events, Event(header, raw)), keys.sign(signed_bytes(chain, end)))


def _sum(body: bytes) -> Digest:
    return Digest(hashlib.sha256(body).digest())


def _anything(world: World, law: Law, victim: Device) -> Body:
    rng, log = law.rng, victim.disk.log
    target = rng.choice([device.own.admission for device in world.devices.values()])
    events = sorted(rng.sample(sorted(log), min(len(log), 3)))
    places = tuple(sorted(Mark(log[d].chain, log[d].head) for d in events))
    unknown = Mark(victim.own.admission, Head(rng.randint(1, 9), Digest(rng.randbytes(KEY_BYTES))))
    grants = sorted(d for d, s in victim.replica.statements.items() if isinstance(s.body, Grant))
    keys = SecretKeys.from_entropy(rng.randbytes(KEY_BYTES))
    fake: Admit = asked(keys, bytes(KEY_BYTES), bytes(KEY_BYTES), "fake", rng.choice((1, 2, 3, 10)))
    return rng.choice(
        (
            Close(target, places),
            Close(target, tuple(sorted({*places, unknown}))),
            Ungrant(rng.choice(grants or [target]), places),
            Adopt(tuple(events)),
            Grant(target, "bot", ANY, (ANY,), (ANY,)),
            fake,
        )
    )


# ---------------------------------------------------------------- what counts, told once more


def grants_now(device: Device, mesh: Digest) -> list[Grant]:
    """The grants that count on a device, by the rules told once more; none when it was closed."""
    verdict = plainly(device.replica.statements.values(), mesh)
    live = verdict.is_live(device.own.admission)
    return [grant for name, grant in verdict.grants.items() if live and name not in verdict.ungrants]


def lawful(verdict: Verdict, log: Mapping[Digest, Placed], placed: Placed, inner: Inner) -> Standing:
    """What authority says of a data event, by walking from every mark."""
    document = inner.document
    if document is None:
        return Standing.HONOURED
    if document in verdict.forgotten:
        return Standing.VOID
    rank = verdict.adopted.get(placed.digest, RANK_ADMIN_LAST + 1)
    grant = verdict.grants.get(inner.grant)
    wanted = (placed.admission, inner.agent, document.space, document.type, VERBS.get(inner.kind))
    allowed = grant is not None and all(
        have in {ANY, want} or (isinstance(have, tuple) and {ANY, want} & set(have))
        for have, want in zip(
            (grant.admission, grant.agent, grant.space, grant.types, grant.verbs), wanted, strict=True
        )
    )
    if rank > RANK_ADMIN_LAST and not (placed.admission in verdict.admissions and allowed):
        return Standing.VOID
    ends = {*verdict.closes.get(placed.admission, ()), *verdict.ungrants.get(inner.grant, ())}
    return max((_ended(cut, log, placed) for cut in ends if rank > cut.rank), default=Standing.HONOURED)


def _ended(cut: Cut, log: Mapping[Digest, Placed], placed: Placed) -> Standing:
    found = Standing.VOID
    for mark in cut.marks:
        step = log.get(mark.head.digest)
        if mark.chain != placed.chain or mark.head.seq < placed.seq:
            continue
        if step is None or step.head != mark.head or step.chain != mark.chain:
            found = Standing.WAITS if mark.head.seq > placed.seq else found
        while step is not None and step.chain == mark.chain:
            if step.digest == placed.digest:
                return Standing.HONOURED
            step = log.get(step.parent)
    return found
