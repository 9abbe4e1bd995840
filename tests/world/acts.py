"""What people, faults and thieves do in a seed, one act a step, and how it comes to rest at the end."""

from __future__ import annotations

from collections.abc import Callable

from mesh.clocks.chain import Head
from mesh.errors import Misuse
from mesh.events.event import CLEAR, Inner, Lane
from mesh.events.kinds import Changed, Grant
from mesh.events.seal import Keyring
from mesh.events.speaking import Draft
from mesh.events.verdict import Standing
from mesh.limits import CHAIN_HEADS_MAX
from mesh.names import DocumentId, short
from mesh.state.edits import Splice
from tests.world import checks, law, settling
from tests.world.devices import Device, Struck
from tests.world.hostile import Pen, forged
from tests.world.wire import Temper
from tests.world.world import World, claim

DEVICES_MAX = 8
LETTERS_PER_STEP = 100  # the wildest seeds need some sixty
REST_MS = 60_000
QUIET_MS = 20_000
FAVOURITES = 3
FAVOURED = 0.6  # most edits meet in few documents
ALPHABET = "abc déf 🌱"


def play(world: World, steps: int) -> None:
    """Some steps of a seed."""
    plan = weights(world)
    acts, shares = list(plan), list(plan.values())
    for number in range(steps):
        world.letters_max += LETTERS_PER_STEP
        world.wire.run_until(world.wire.now_ms + world.rng.choice((1, 30, 300, 1500)))
        devices = [device for device in world.devices.values() if device.up]
        if devices:
            world.rng.choices(acts, shares)[0](world, world.rng.choice(devices))
            law.act(world)
            settling.act(world)
        if number == steps // 2 and (fit := world.honest()):
            checks.same_in_any_order(world, world.rng.choice(fit))


def weights(world: World) -> dict[Callable[[World, Device], None], float]:
    """How often each act happens: other habits in every seed."""
    rng = world.rng

    def wild(most: float) -> float:
        return rng.choice((0.0, most / 3, most))

    return {
        write: 30,
        edit: 10 + wild(20),
        burst: 3,
        agent: 4,
        admit: 1 + wild(4),
        grant: 3,
        new_epoch: 0.5,
        cut: wild(8),
        mend: 4,
        crash: wild(3),
        back_up: 3,
        restore: wild(4),
        turn_hostile: wild(1),
        steal: wild(2),
        pilfer: wild(8),
        fan_out: rng.choice((0, 0, 0, 0.6)),
        alter: 2,
    }


# ---------------------------------------------------------------- people and agents


def write(world: World, device: Device) -> None:
    """A note, a task."""
    text = "".join(world.rng.choices(ALPHABET, k=8)) if world.rng.random() < 0.5 else ""
    world.write(device, (world.birth(device, text=text),))


def burst(world: World, device: Device) -> None:
    """Several at once, in one commit."""
    count = world.rng.randrange(2, 9)
    world.write(device, tuple(world.birth(device) for _ in range(count)))


def edit(world: World, device: Device) -> None:
    """An edit of a document that is here."""
    known = sorted(_documents(device))
    if not known:
        return
    name = world.rng.choice(known[:FAVOURITES] if world.rng.random() < FAVOURED else known)
    if not world.real:
        world.write(device, (Draft(Changed(world.rng.randbytes(12)), name),))
        return
    document = device.meaning.document(name)
    actor = device.actor(name)
    edits = settling.retitled(document, f"{device.name} {world.rng.randrange(99)}")
    if document.body is not None and world.rng.random() < 0.7:
        text = document.text()
        at = world.rng.randrange(len(text) + 1)
        edits.append(Splice(at, min(len(text) - at, world.rng.randrange(3)), "".join(world.rng.choices(ALPHABET, k=3))))
    try:
        change = document.edit(actor, edits, bare=not edits)
    except Misuse as error:
        claim("blocked", False, f"{device.name} cannot edit: {error}")  # noqa: FBT003
        raise
    said = world.write(device, (Draft(Changed(change.raw), name),))
    world.edits.update((placed.digest, change.hash) for placed in said[-1:])


def _documents(device: Device) -> set[DocumentId]:
    if device.world.real:
        return set(device.meaning.births)
    readings = device.meaning.readings.values()
    return {r.inner.document for r in readings if r.inner and r.inner.document and r.standing is Standing.HONOURED}


def agent(world: World, device: Device) -> None:
    """An agent says something that its grants may or may not allow."""
    world.write(device, (world.birth(device, agent="bot"),))


def grant(world: World, _: Device) -> None:
    """An admin lets an agent on some device write in one space."""
    admins = world.admins()
    if not admins:
        return
    subject = world.rng.choice(list(world.devices.values()))
    admin = admins[0]
    if subject is not admin and subject.replica.own_rank <= admin.replica.own_rank:
        return
    spoken = Grant(subject.own.admission, "bot", world.rng.choice(("home", "work", "*")), ("note",), ("create",))
    try:
        world.control(admin, Draft(spoken))
    except Struck:
        return


def admit(world: World, _: Device) -> None:
    """An admin lets a device in."""
    admins = world.admins()
    if len(world.devices) >= DEVICES_MAX or not admins:
        return
    admin = world.rng.choice(admins)
    rank = world.rng.choice((admin.replica.own_rank + 1, 10, 10, 12))
    world.admit(admin, rank)


def new_epoch(world: World, _: Device) -> None:
    """An admin starts a new epoch."""
    admins = world.admins()
    if admins:
        _rekey(world, world.rng.choice(admins))


def _rekey(world: World, admin: Device) -> None:
    try:
        world.rekey(admin)
    except Struck:
        return


# ---------------------------------------------------------------- faults


def cut(world: World, device: Device) -> None:
    """One way between two devices, or all ways from and to one, are cut."""
    others = [other for other in world.devices.values() if other is not device]
    if not others:
        return
    if world.rng.random() < 0.3:
        for other in others:
            world.wire.cut |= {(device.name, other.name), (other.name, device.name)}
        world.note(f"{device.name} goes offline")
        return
    other = world.rng.choice(others)
    world.wire.cut.add((device.name, other.name))
    world.note(f"what {device.name} says to {other.name} is lost")


def mend(world: World, _: Device) -> None:
    """All ways are open again."""
    if world.wire.cut:
        world.wire.cut.clear()
        world.note("all ways are open")


def crash(world: World, device: Device) -> None:
    """A device dies in its sleep."""
    world.crash(device)


def back_up(_: World, device: Device) -> None:
    """Somebody copies a disk."""
    device.backup = device.disk.copy()


def restore(world: World, device: Device) -> None:
    """Somebody puts the copy back."""
    if device.backup is not None:
        world.restore(device, noticed=world.rng.random() < 0.5)


# ---------------------------------------------------------------- thieves


def turn_hostile(world: World, device: Device) -> None:
    """A member's own software writes whatever it likes, in its own chain."""
    if len(world.honest()) > 2 and device.replica.own_rank > 1:
        device.hostile = True
        world.note(f"{device.name} turns hostile")
        steal(world, device)


def steal(world: World, victim: Device) -> None:
    """Somebody copies a key and the log that goes with it."""
    lane = Lane.CONTROL if victim.head(Lane.CONTROL) and world.rng.random() < 0.3 else Lane.DATA
    found = victim.head(lane)
    epoch = victim.replica.verdict.epoch()
    if found is None or epoch is None or short(epoch) not in victim.disk.keys:
        return
    chain, head, lamport = found
    if world.rng.random() < 0.3:  # from further back: another branch in the middle of the chain
        older = [p for p in victim.disk.log.values() if p.chain == chain and p.seq > 1]
        if older:
            place = world.rng.choice(older)
            head, lamport = place.head, place.header.lamport
    birth = world.birth(victim)
    granted = victim.replica.verdict.grant_for(victim.own.admission, Inner(0, "born", "", birth.document))
    keyring = Keyring(victim.disk.keys)
    fate: dict[bytes, Standing] = {}
    pen = Pen(world.rng, victim.own, keyring, short(epoch), granted or CLEAR, chain, head, lamport, fate)  # type: ignore[arg-type]
    pen.expected, pen.lane = world.expected, lane
    world.forkable.add(victim.own.admission)
    world.pens.append((victim, pen))
    world.note(f"the key of {victim.name} is stolen")


def pilfer(world: World, _: Device) -> None:
    """A thief writes, and tells somebody."""
    if not world.pens:
        return
    victim, pen = world.rng.choice(world.pens)
    if world.rng.random() < 0.1:
        _tell(world, victim, pen.open(pen.lane))
    _tell(world, victim, pen.run(world.rng.randrange(1, 4)))


def fan_out(world: World, _: Device) -> None:
    """A thief forks a chain into more branches than one Have names."""
    if not world.pens:
        return
    victim, pen = world.rng.choice(world.pens)
    base, lamport = Head(pen.head.seq, pen.head.digest), pen.lamport
    for _branch in range(CHAIN_HEADS_MAX + 4):
        pen.head, pen.lamport = base, lamport
        _tell(world, victim, pen.run(1))


def _tell(world: World, victim: Device, run: object) -> None:
    fit = [device for device in world.honest() if device is victim or device.knows(victim)]
    for device in world.rng.sample(fit, min(len(fit), world.rng.randrange(1, 3))):
        world.hear_stray(device, victim, run)  # type: ignore[arg-type]


def alter(world: World, device: Device) -> None:
    """Somebody on the way alters what is sent; nobody may take it."""
    told = [placed for placed in device.disk.log.values() if placed.signature and placed.lane is Lane.DATA]
    others = [other for other in world.honest() if other is not device and other.knows(device)]
    if not told or not others:
        return
    placed, other = world.rng.choice(told), world.rng.choice(others)
    checks.forgery_changes_nothing(other, device, forged(world.rng, checks.run_to(device.disk, placed)))


# ---------------------------------------------------------------- coming to rest


def rest(world: World) -> None:
    """No more faults: everybody must come to hold the same, write a last note, and come to hold that too."""
    world.wire.temper = world.temper = Temper()
    world.wire.cut.clear()
    for device in world.devices.values():
        world.back(device)
    until_same(world)
    for device in world.honest():
        draft = world.birth(device)
        fit = world.allowed(device, draft)
        said = world.write(device, (draft,))
        claim("blocked", said or not fit, f"{device.name} cannot write at the end")
    until_same(world)


def until_same(world: World) -> None:
    """Wait until all devices hold the same and nothing is awaited."""
    end_ms = world.wire.now_ms + REST_MS
    while True:
        world.wire.run_until(world.wire.now_ms + 1000)
        admins = world.admins()
        if admins and admins[0].own.admission in admins[0].replica.verdict.admissions and world.owes_key(admins[0]):
            _rekey(world, admins[0])
        law.confirm(world)
        reasons = checks.differences(world)
        if not reasons:
            return
        claim("convergence", world.wire.now_ms < end_ms, reasons)
