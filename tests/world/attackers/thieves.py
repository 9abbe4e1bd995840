"""What a stolen key signs: forks, back-dating, fakes, closes, adoptions, lies about places and about Lamport time.

Every event is well formed enough to be looked at; beyond that a thief writes whatever the key can sign.
"""

from __future__ import annotations

from collections.abc import Iterable

from mesh.clocks.chain import Head
from mesh.events.event import Inner, Lane
from mesh.events.founding import asked, default_grant
from mesh.events.keys import SecretKeys
from mesh.events.kinds import (
    ANY,
    Admit,
    Adopt,
    Body,
    Changed,
    Close,
    Forget,
    Grant,
    Located,
    Mark,
    Opening,
    Rekey,
    Ungrant,
)
from mesh.limits import KEY_BYTES, LAMPORT_STEP_MAX, RANK_ADMIN_LAST, SALT_BYTES
from mesh.names import Digest, Short
from tests.world.attackers.device import Device
from tests.world.attackers.holding import Content, Told, content, told
from tests.world.attackers.people import DOCUMENTS, SPACES, TYPES, VERBS, World

NOWHERE = Digest(b"nowhere.".ljust(32, b"."))


def attack(world: World) -> None:
    """A thief says a few things, each to whom he likes."""
    if not world.stolen:
        return
    thief = world.rng.choice(world.stolen)
    for one in evil(thief, world.rng.randint(1, 4)):
        for victim in world.rng.sample(world.free(), world.rng.randint(1, len(world.free()))):
            victim.held.hear(one)


def evil(thief: Device, count: int) -> list[Told]:
    """So many events under the stolen key, or under keys that it let in."""
    rng, made = thief.world.rng, []
    for _ in range(count):
        keys, admission = rng.choice([(thief.keys, thief.admission), *thief.fakes])
        others = rng.random() < 0.05  # under the name of somebody whose key it has not
        own = [one for one in thief.held.told.values() if others or one.placed.admission == admission]
        if not own or rng.random() < 0.25:
            rank = _rank(thief, admission)
            lane = rng.choice((Lane.CONTROL, Lane.DATA)) if rank <= RANK_ADMIN_LAST or rng.random() < 0.1 else Lane.DATA
            opening = Opening(admission, lane, "restored", rng.randbytes(SALT_BYTES))
            one = told(thief.world.mesh, keys, content(opening), None, rng.randint(1, 50))
        else:
            after = rng.choice(own[-3:] if rng.random() < 0.3 else own)
            what = _edit(thief, admission) if after.placed.lane is Lane.DATA else _statement(thief, admission)
            step = rng.choice((1, 1, 7, LAMPORT_STEP_MAX, LAMPORT_STEP_MAX + 1, 0, -2))
            lamport = max(1, after.placed.header.lamport + step)
            one = told(thief.world.mesh, keys, what, after, lamport)
            if isinstance(what.body, Admit):
                thief.fakes.append((_keys_of(what.body.name), one.digest))
        thief.held.hear(one)
        thief.world.all[one.digest] = one
        made.append(one)
    return made


def _keys_of(name: str) -> SecretKeys:
    """The keys of a fake: they follow from its name, so that whoever finds its admission can use them."""
    return SecretKeys.from_entropy(name.encode().ljust(KEY_BYTES, b"."))


def _rank(thief: Device, admission: Digest) -> int:
    found = thief.held.judgement.statements.get(admission)
    return found.body.rank if found and isinstance(found.body, Admit) else 0


def _some(thief: Device, pool: Iterable[Digest], most: int = 3) -> tuple[Digest, ...]:
    names = sorted(pool)
    found = set(thief.world.rng.sample(names, min(len(names), thief.world.rng.randint(0, most))))
    return tuple(sorted(found | ({NOWHERE} if not found or thief.world.rng.random() < 0.1 else set())))


def _marks(thief: Device) -> tuple[Mark, ...]:
    """Any places: of anybody's chains, of such as nobody holds, or false ones."""
    rng, events = thief.world.rng, thief.held.told
    found = {events[name].mark for name in _some(thief, events) if name in events}
    if found and rng.random() < 0.2:
        mark = rng.choice(sorted(found))
        false = (Head(mark.head.seq + 1, NOWHERE), Head(mark.head.seq + 1, mark.head.digest), Head(1, mark.head.digest))
        found.add(Mark(mark.chain, rng.choice(false)))
    return tuple(sorted(found))


def _edit(thief: Device, admission: Digest) -> Content:
    rng = thief.world.rng
    grants = thief.held.verdict.grants.items()
    fit = sorted(n for n, g in grants if g.admission == admission or rng.random() < 0.1) or [Short(bytes(16))]
    inner = Inner(
        rng.choice((0, 10**12)),
        rng.choice(("changed", "changed", "born", "recoloured")),
        rng.choice(("", "", "agent")),
        rng.choice(DOCUMENTS),
        rng.choice(fit),
    )
    return Content(Changed(rng.randbytes(9)), inner)


def _statement(thief: Device, admission: Digest) -> Content:
    rng, statements = thief.world.rng, thief.held.judgement.statements
    people = [thief.world.mesh, *sorted(d for d, s in statements.items() if isinstance(s.body, Admit))]
    grants = sorted(d for d, s in statements.items() if isinstance(s.body, Grant)) or [NOWHERE]
    target = rng.choice(people)
    events = thief.held.told
    body: Body
    match rng.randint(0, 11):
        case 0 | 1:
            body = Close(target, _marks(thief))
        case 2:
            name = str(rng.randrange(10**6))
            body = asked(_keys_of(name), bytes(KEY_BYTES), bytes(KEY_BYTES), name, rng.choice((1, 2, 3, 9, 10)))
        case 3 | 10 | 11:
            body = Grant(target, rng.choice(("", "agent")), rng.choice((*SPACES, ANY)), TYPES, VERBS)
        case 4:
            body = Ungrant(rng.choice(grants), _marks(thief))
        case 5 | 6:
            body = Adopt(_some(thief, events, 5))
        case 7:
            return Content(rng.randbytes(20), Inner(0, rng.choice(("decree", "admit", "close"))))
        case 8:
            body = default_grant(admission)
        case _:
            wraps = tuple((name, b"w") for name in _some(thief, people))
            body = rng.choice((Forget(rng.choice(DOCUMENTS)), Rekey(bytes(32), wraps), Located(target, ("evil:1",))))
    return content(body)
