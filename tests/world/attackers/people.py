"""Devices of the attackers' world, and what their people do: write, gossip, restore, remove, let in, adopt, forget.

`World.honest` is what the person knows: which events their own software said. Nothing here looks into a device's mind.
"""

from __future__ import annotations

import itertools
from collections.abc import Callable, Iterable, Sequence
from random import Random

from mesh.events.event import Lane
from mesh.events.founding import asked
from mesh.events.keys import SecretKeys
from mesh.events.kinds import (
    Adopt,
    Close,
    Forget,
    Genesis,
    Grant,
    Located,
    Mark,
    Opening,
    Rekey,
    Ungrant,
)
from mesh.events.reasserting import reassertions
from mesh.events.verdict import Standing, Statement, Verdict
from mesh.events.weigh import CLOSED, FORGOTTEN, UNGRANTED
from mesh.limits import KEY_BYTES, RANK_ADMIN_LAST, RANK_RECOVERY, RANK_RELAY, SALT_BYTES
from mesh.names import Digest, DocumentId, short
from tests.world.attackers.device import Device, claim
from tests.world.attackers.holding import Held, Sight, Told, content, told

SPACES, TYPES, VERBS = ("home", "work"), ("note", "task"), ("create", "edit")
DOCUMENTS = [DocumentId(s, t, bytes([n]) * 16) for s in SPACES for t in TYPES for n in (1, 2)]
DEVICES_MAX = 10
THIEVES_MAX = 2


Saved = tuple[list[Told], dict[Lane, Told]]


class World:
    """One mesh under one seed."""

    def __init__(self, rng: Random, thief_ranks: str = "any") -> None:
        """Found it: the paper lets the mac in, the mac some others."""
        self.rng, self.thief_ranks = rng, thief_ranks
        self.sight = Sight()
        self.all: dict[Digest, Told] = {}
        self.honest: set[Digest] = set()
        self.devices: list[Device] = []
        self.stolen: list[Device] = []  # what the thieves hold: key, chains, all that was held then
        self.touched: set[Digest] = set()  # admissions that the person closed, or whose key a thief has
        self.offered: set[Digest] = set()
        self.survivors: list[Device] = []
        paper = SecretKeys.from_entropy(rng.randbytes(KEY_BYTES))
        genesis = content(Genesis(paper.sign_key, paper.kem_key, rng.randbytes(SALT_BYTES)))
        first = told(Digest(bytes(32)), paper, genesis, None, 1)
        self.mesh = first.digest
        self.all[first.digest] = first
        self.honest.add(first.digest)
        self.paper = Device(self, "paper", paper, 0, self.mesh, Held(self.mesh, self.sight, [first]))
        self.paper.heads[Lane.CONTROL] = first
        self.mac = self.admit(self.paper, 1)
        for rank in (2, 10, *rng.sample([2, 3, 4, 10, 11, 200], rng.randint(0, 4))):
            self.admit(self.mac, rank)
        self.snapshots = {device.name: self.snapshot(device) for device in self.devices}

    # ── what the person and honest software do ──

    def admit(self, admin: Device, rank: int, old: Device | None = None) -> Device:
        """Somebody lets a device in, or an old one with a new key."""
        number = len(self.devices)
        keys = SecretKeys.from_entropy(self.rng.randbytes(KEY_BYTES))
        name = f"{old.name}'" if old else f"d{number}r{rank}"
        body = asked(keys, self.rng.randbytes(KEY_BYTES), self.rng.randbytes(KEY_BYTES), name, rank)
        admission = admin.say(body).digest
        held = old.held if old else Held(self.mesh, self.sight)
        device = Device(self, name, keys, rank, admission, held, mine=set(old.mine) if old else set())
        self.devices.append(device)
        self.grant(admin, device)
        self.sync(admin, device, whole=True)
        return device

    def grant(self, admin: Device, device: Device) -> None:
        """What a newcomer may write; relays write nothing."""
        if device.rank >= RANK_RELAY:
            return
        for space in SPACES:
            admin.say(Grant(device.admission, "", space, TYPES, VERBS))
        if self.rng.random() < 0.4:
            admin.say(Grant(device.admission, "agent", "work", ("task",), VERBS))

    def free(self) -> list[Device]:
        """The honest devices."""
        return [device for device in self.devices if not device.gone]

    def admins(self) -> list[Device]:
        """The honest admins that count, by their own view."""
        return [device for device in self.free() if device.rank <= RANK_ADMIN_LAST and device.open]

    def write(self) -> None:
        """Somebody, or an agent, edits."""
        device = self.rng.choice(self.free())
        if device.open and (grants := device.my_grants()):
            name, grant = self.rng.choice(grants)
            fit = [d for d in DOCUMENTS if grant.space in {"*", d.space} and {"*", d.type} & set(grant.types)]
            if fit and {"*", "edit"} & set(grant.verbs):
                device.edit(self.rng.choice(fit), name, grant.agent)

    def sync(self, a: Device, b: Device, *, whole: bool = False) -> None:
        """Control with everybody who was ever let in; data only between who is open in each other's view."""
        pairs = ((a, b), (b, a))
        for giver, taker in pairs:
            self.hand(giver.held.control, taker, whole=whole)
        if all(x.verdict.is_live(y.admission) or x.rank == RANK_RECOVERY for x, y in pairs):
            for giver, taker in pairs:
                self.hand(giver.held.data, taker, whole=whole)

    def hand(self, given: Sequence[Told], taker: Device, *, whole: bool) -> None:
        """Bring somebody what it lacks, in any order, often not all of it."""
        new = [one for one in given if one.digest not in taker.held.told]
        self.rng.shuffle(new)
        for one in new if whole or self.rng.random() < 0.7 else new[: self.rng.randint(0, len(new))]:
            taker.held.hear(one)

    def gossip(self) -> None:
        """Two meet."""
        self.sync(*self.rng.sample([*self.free(), *self.stolen], 2))

    def snapshot(self, device: Device) -> Saved:
        """A backup."""
        return list(device.held.told.values()), dict(device.heads)

    def backup(self) -> None:
        """Somebody copies a disk."""
        device = self.rng.choice(self.free())
        self.snapshots[device.name] = self.snapshot(device)

    def restore(self) -> None:
        """An old copy comes back; noticed, and a new chain is opened, or not, and the next event forks the old one."""
        device = self.rng.choice([*self.free(), *([] if self.mac.gone else [self.mac])])
        if device.name not in self.snapshots:
            return
        events, heads = self.snapshots[device.name]
        device.held = Held(self.mesh, self.sight, events)
        device.heads = {} if self.rng.random() < 0.3 else dict(heads)
        device.mine = {digest for digest in device.mine if digest in device.held.told}
        before = self.judged().live.keys()
        if device.rank <= RANK_ADMIN_LAST:
            device.say(Rekey(bytes(32), ()))
        claim("restore-removes-nobody", before <= self.judged().live.keys())

    def judged(self) -> Verdict:
        """What counts of all that was ever said."""
        return Held(self.mesh, self.sight, self.all.values()).verdict

    def ungrant(self) -> None:
        """An admin ends a grant where it stands."""
        if not (admins := self.admins()):
            return
        admin = self.rng.choice(admins)
        verdict = admin.verdict
        names = {short(digest): digest for digest in admin.held.judgement.statements}
        ranks = {name: found.rank for name, found in verdict.admissions.items()}
        fit = [n for n, g in sorted(verdict.grants.items()) if ranks.get(g.admission, 0) > admin.rank]
        fit = [n for n in fit if n not in verdict.ungrants]
        if fit:
            name = self.rng.choice(fit)
            admin.say(Ungrant(names[name], admin.held.tips(verdict.grants[name].admission, self.honest)))

    def forget(self) -> None:
        """The mac forgets a document."""
        if not self.mac.gone and self.mac.open:
            self.mac.say(Forget(self.rng.choice(DOCUMENTS)))

    def locate(self) -> None:
        """An admin says where somebody is."""
        if admins := self.admins():
            self.rng.choice(admins).say(Located(self.rng.choice(self.devices).admission, ("there:1",)))

    def adopt(self) -> None:
        """The person saves late honest work; two admins may do it apart."""
        for admin in self.rng.sample(self.admins(), min(2, len(self.admins()))):
            weights = admin.held.weights()
            late = sorted(d for d, w in weights.items() if d in self.honest and w.reason in {CLOSED, UNGRANTED})
            if late:
                admin.say(Adopt(tuple(sorted(self.rng.sample(late, self.rng.randint(1, len(late)))))))

    def rekey(self) -> None:
        """An admin starts an epoch for all who read."""
        if admins := self.admins():
            admin = self.rng.choice(admins)
            admin.say(Rekey(self.rng.randbytes(32), tuple((name, b"w") for name in sorted(admin.verdict.readers()))))

    def close(self, closer: Device, target: Digest, *, doubt: bool) -> None:
        """Take a device out. With `doubt` the person vouches only for what their own software said."""
        close = Close(target, closer.held.tips(target, self.honest if doubt else None))
        self.never_unclosed(closer, close)
        before = dict(closer.held.judgement.statements)
        unwanted = before.keys() - self.honest
        closer.say(close)
        for adopt in reassertions(before.values(), self.mesh, closer.admission, [close], unwanted):
            closer.say(adopt)

    def never_unclosed(self, closer: Device, close: Close) -> None:
        """The least duty: with everything kept that takes away, nobody comes back and no end moves out."""
        statements = closer.held.judgement.statements
        unwanted = {d for d, s in statements.items() if not isinstance(s.body, Close | Ungrant)}
        adopts = reassertions(statements.values(), self.mesh, closer.admission, [close], unwanted)
        would = Held(self.mesh, self.sight, closer.held.told.values())
        paper = Device(self, "would", closer.keys, closer.rank, closer.admission, would, dict(closer.heads))
        real = dict(self.all), set(self.honest)
        paper.say(close)
        for adopt in adopts:
            paper.say(adopt)
        self.all, self.honest = real
        before, after = closer.verdict, would.verdict
        for admission in before.closes:
            claim("close-uncloses", admission in after.closes, admission.hex()[:8])
            claim("close-widens", left(after, admission, would) <= left(before, admission, would), admission.hex()[:8])

    def retire(self) -> None:
        """Removal, another rank, a return: always a close and, perhaps, a new admission with a new key."""
        pairs = [(a, d) for a in self.admins() for d in self.free() if d.rank > a.rank and d is not self.mac]
        if not pairs or len(self.free()) <= 3:
            return
        admin, device = self.rng.choice(pairs)
        self.touched.add(device.admission)
        self.close(admin, device.admission, doubt=False)
        device.gone = True
        if self.rng.random() < 0.6:
            self.admit(admin, self.rng.choice([r for r in (2, 3, 10, 11) if r > admin.rank]), old=device)

    def newcomer(self) -> None:
        """One more device."""
        if (admins := self.admins()) and len(self.devices) < DEVICES_MAX:
            admin = self.rng.choice(admins)
            self.admit(admin, self.rng.choice([r for r in (3, 9, 10, 200) if r > admin.rank] or [10]))

    def steal(self) -> None:
        """Somebody takes a key and all that lies beside it; the owner goes on with the device, or has lost it."""
        fit = [d for d in self.free() if self.thief_ranks == "any" or d.rank > RANK_ADMIN_LAST]
        if len(self.stolen) >= THIEVES_MAX or not fit or len(self.free()) <= 3:
            return
        device = self.rng.choice(fit)
        held = Held(self.mesh, self.sight, device.held.told.values())
        self.stolen.append(Device(self, f"thief of {device.name}", device.keys, device.rank, device.admission, held))
        self.touched.add(device.admission)
        device.gone = self.rng.random() < 0.6

    # ── putting it right ──

    def meet(self, devices: Sequence[Device]) -> None:
        """Everybody hears everything that anybody of them holds, until nothing is new."""
        before: list[int] = []
        while before != (now := [len(device.held.told) for device in devices]):
            before = now
            for a, b in itertools.combinations(devices, 2):
                self.sync(a, b, whole=True)

    def heal(self) -> None:
        """The thefts are noticed and closed; then rounds of talk and of duties, until nobody has anything to do."""
        honest = self.free()
        self.meet([*honest, self.paper])
        self.paper.heads = {}  # each use of the words opens a new chain
        for loot in sorted(self.stolen, key=lambda one: one.rank):
            seniors = [d for d in honest if d.rank < min(loot.rank, 10) and d.open and d.admission not in self.touched]
            trust = seniors and self.rng.random() < 0.5
            self.close(min(seniors, key=lambda d: d.rank) if trust else self.paper, loot.admission, doubt=True)
            for clone in [d for d in self.free() if d.admission == loot.admission]:
                clone.gone = True
                honest = [d for d in honest if d is not clone] + [self.admit(self.paper, clone.rank or 1, old=clone)]
        rounds = 0
        for rounds in range(30):  # noqa: B007 - looked at below
            self.meet([*honest, self.paper])
            if not self.settle() and not self.save(honest):
                break
        claim("healing-ends", rounds < 29)
        self.survivors = honest

    def settle(self) -> bool:
        """What a person with the words confirms: honest statements that fell, since nobody had heard of them."""
        held = self.paper.held
        fell = {one.digest for one in held.control if one.digest in self.honest and _says(held, one)}
        return self._adopted(fell - held.verdict.said)

    def save(self, devices: Sequence[Device]) -> bool:
        """Honest work that was allowed by a thief only, and that its device may write: somebody stands for it."""
        found: set[Digest] = set()
        weights = self.paper.held.weights()
        for device in devices:
            if device.open and device.admission not in self.touched:
                void = {d for d in device.mine if d in weights and weights[d].standing is Standing.VOID}
                found |= {d for d in void if weights[d].by not in self.honest and weights[d].reason != FORGOTTEN}
        return self._adopted(found)

    def _adopted(self, events: set[Digest]) -> bool:
        if not events - self.offered:
            return False
        self.offered |= events
        self.paper.say(Adopt(tuple(sorted(events))))
        return True

    # ── a life ──

    def live(self, steps: int, attack: Callable[[World], None]) -> None:
        """So many acts."""
        acts: list[tuple[Callable[[], None], int]] = [
            (self.write, 30),
            (self.gossip, 30),
            (lambda: attack(self), 14),
            (self.backup, 4),
            (self.restore, 4),
            (self.steal, 3),
            (self.ungrant, 2),
            (self.retire, 2),
            (self.adopt, 2),
            (self.newcomer, 2),
            (self.rekey, 1),
            (self.locate, 1),
            (self.forget, 1),
        ]
        shares = [share for _, share in acts]
        for _ in range(steps):
            self.rng.choices([act for act, _ in acts], shares)[0]()


def _says(held: Held, one: Told) -> bool:
    statement: Statement = held.judgement.statements[one.digest]
    return not isinstance(statement.body, Opening | Genesis | Located)


def left(verdict: Verdict, admission: Digest, held: Held) -> set[Digest]:
    """What the closes of an admission leave of all that is held."""
    return set.intersection(*(reached(cut.marks, held) for cut in verdict.closes[admission]))


def reached(marks: Iterable[Mark], held: Held) -> set[Digest]:
    """The events that are one of the marks, or that one stands on."""
    found: set[Digest] = set()
    for mark in marks:
        one = held.told.get(mark.head.digest)
        while one is not None and one.digest not in found:
            found.add(one.digest)
            one = held.told.get(one.placed.parent)
    return found
