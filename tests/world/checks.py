"""What must hold in every seed, read off the devices' logs and told once more from the bytes.

The chains are hashed here a second time, without the code that is under test.
"""

from __future__ import annotations

import hashlib
from typing import TYPE_CHECKING

from mesh.clocks.chain import START
from mesh.events.chains import Chains
from mesh.events.event import CLEAR, Lane, Placed, Run
from mesh.events.keys import verify
from mesh.events.kinds import Born
from mesh.events.reading import Reading
from mesh.events.seal import Keyring
from mesh.events.verdict import Standing, admitted
from mesh.names import Digest, short
from mesh.sync.inputs import Heard
from mesh.sync.messages import Push
from mesh.sync.replica import Replica
from tests.unit.plain_judge import plainly
from tests.world.disk import Disk
from tests.world.law import lawful
from tests.world.meaning import BIRTH_MISSING, Meaning

if TYPE_CHECKING:
    from tests.world.devices import Device
    from tests.world.world import World

TRAIL_EACH = 2
QUIET_MS = 21_000


def claim(name: str, truth: object, detail: object = "") -> None:
    """Raise Broken unless it is so."""
    from tests.world.world import claim as really  # noqa: PLC0415 - the world imports the acts, which import this

    really(name, truth, detail)


def everything(world: World) -> None:
    """All checks at the end of a seed."""
    quiet(world)
    world.kept()
    devices = sorted(world.devices.values(), key=lambda device: not world.live(device))
    first = devices[0]
    chains_verify(world, first)
    honest_chains_are_whole(world, first)
    for device in devices:
        bounded(world, device)
        same_as_told_at_once(world, device)
        same = device.replica.verdict == first.replica.verdict
        claim("verdict", same, f"{device.name} and {first.name} judge differently")
        if not world.live(device):
            continue  # it was closed: later keys are not wrapped for it, so it sees less
        bodies_fit(world, device)
        claim("digest", device.meaning.root() == first.meaning.root(), f"{device.name} and {first.name} differ")
        claim("digest", device.replica.state == first.replica.state, f"{device.name} tells another state")
        claim("state", device.meaning.state() == first.meaning.state(), f"{device.name} and {first.name} differ")
    authority(world, first)
    expectations(world, first)
    same_in_any_order(world, world.rng.choice(devices))
    everything_acknowledged(world)


def differences(world: World) -> list[str]:
    """Why the devices are not at one yet; nothing when they are."""
    devices = list(world.devices.values())
    reasons = []
    for device in devices:
        union = due(world, device)
        lacking = union - device.disk.log.keys()
        if lacking:
            reasons.append(f"{device.name} lacks {sorted(d.hex()[:8] for d in lacking)[:5]} of {len(union)}")
        if not world.live(device):
            continue  # it was closed: nobody gives it data
        if bodies := device.replica.missing.keys() - bodies_lost(world):
            reasons.append(f"{device.name} lacks {len(bodies)} bodies")
        if device.replica.pulls.under_way:
            reasons.append(f"{device.name} is still fetching")
        if not device.hostile and world.lacks_key(device):
            reasons.append(f"{device.name} has no key to write under")
    if world.wire.under_way:
        reasons.append(f"{world.wire.under_way} letters are under way")
    return reasons


def due(world: World, device: Device) -> set[Digest]:
    """What a device must come to hold: all control events, and if it is live the data of all that are live."""
    givers = [other for other in world.devices.values() if world.live(device) and world.live(other)]
    control = {p.digest for d in world.devices.values() for p in d.disk.log.values() if p.lane is Lane.CONTROL}
    return control.union(*(other.disk.log for other in givers))


def bodies_lost(world: World) -> set[Digest]:
    """Events of which nobody has the body any more: its only holder was replaced by an old copy."""
    held: set[Digest] = set()
    known: set[Digest] = set()
    for device in world.devices.values():
        known |= device.disk.log.keys()
        if world.live(device):
            held |= {digest for digest, placed in device.disk.log.items() if placed.event.body is not None}
    return known - held


def keys_lost(device: Device) -> set[Digest]:
    """Events under an epoch whose rekey nobody holds any more: its only holder was replaced by an old copy."""
    epochs = {short(digest) for digest in device.replica.verdict.rekeys} | {CLEAR}
    return {digest for digest, placed in device.disk.log.items() if placed.header.epoch not in epochs}


def quiet(world: World) -> None:
    """Talk ends: once all hold the same, nobody asks or sends anything but the regular comparison."""
    before = dict(world.counts)
    world.wire.run_until(world.wire.now_ms + QUIET_MS)
    more = {verb: count - before[verb] for verb, count in world.counts.items()}
    pairs = len(world.devices) * (len(world.devices) - 1)
    closed = not all(map(world.live, world.devices.values()))
    asking = (
        more["Have"] if bodies_lost(world) or closed else 0
    )  # a body that nobody has is asked for at each comparison
    claim("talk", more["Want"] <= asking and more["Push"] <= asking, f"still {more}")
    claim("talk", more["Have"] <= 2 * pairs * (QUIET_MS // 5000 + 1), f"{more['Have']} Haves among {pairs} pairs")


# ---------------------------------------------------------------- logs


def _hash(place: bytes, header: bytes) -> Digest:
    return Digest(hashlib.sha256(place + hashlib.sha256(header).digest()).digest())


def _digest(world: World, placed: Placed, key: bytes) -> Digest:
    header = placed.event.header
    if placed.seq > 1:
        place = b"mesh/event/1" + placed.chain + placed.seq.to_bytes(8, "big") + placed.parent
        return _hash(place, header)
    if placed.chain == world.mesh:
        return _hash(b"mesh/genesis/1" + key, header)
    return _hash(b"mesh/opening/1" + world.mesh + key, header)


def chains_verify(world: World, device: Device) -> None:
    """Every event stands on an event that is held and is under a signature by its device."""
    log = device.disk.log
    people = {digest: admitted(said) for digest, said in device.replica.statements.items()}
    keys = {digest: found.sign_key for digest, found in people.items() if found}
    for digest, placed in log.items():
        key = keys[placed.admission]
        parent = log.get(placed.parent)
        whole = placed.chain == digest if placed.seq == 1 else parent and parent.seq == placed.seq - 1
        claim("chains", whole, f"{world.told(placed)} stands on nothing")
        claim("chains", not parent or parent.chain == placed.chain, f"{world.told(placed)} changes its chain")
        claim("chains", _digest(world, placed, key) == digest, f"{world.told(placed)} has another hash")
        rises = not parent or 0 < placed.header.lamport - parent.header.lamport <= 2**24
        claim("chains", rises, f"{world.told(placed)} has an impossible Lamport number")
    covered: set[Digest] = set()
    for placed in log.values():
        if placed.signature:
            verify(
                keys[placed.admission],
                b"mesh/signature/1" + placed.chain + placed.seq.to_bytes(8, "big") + placed.digest,
                placed.signature,
            )
            at: Placed | None = placed
            while at and at.digest not in covered:
                covered.add(at.digest)
                at = log.get(at.parent)
    claim("chains", covered == log.keys(), "an event is under no signature")


def honest_chains_are_whole(world: World, device: Device) -> None:
    """A device that nobody copied never forks, whatever crashed, and each fork that was made is seen."""
    children: dict[Digest, set[Digest]] = {}
    for placed in device.disk.log.values():
        if placed.seq > 1:
            children.setdefault(placed.parent, set()).add(placed.digest)
    for parent, found in children.items():
        admission = device.disk.log[parent].admission
        what = f"{world.told(device.disk.log[parent])} of a device that nobody copied was continued twice"
        claim("fork", len(found) == 1 or admission in world.forkable, what)
    for name, chain in device.replica.chains.chains.items():
        tips = {p.digest for p in device.disk.log.values() if p.chain == name and p.digest not in children}
        claim("tips", {head.digest for head in chain.tips} == tips, f"of {name.hex()[:8]}")


def bodies_fit(world: World, device: Device) -> None:
    """Every body is the one that its header names, and is here if it is anywhere."""
    lost = bodies_lost(world)
    for placed in device.disk.log.values():
        body = placed.event.body
        if placed.digest in lost:
            continue
        fit = body is not None and hashlib.sha256(body).digest() == placed.header.body_digest
        claim("bodies", fit, f"{placed.digest.hex()[:8]} on {device.name}")


def everything_acknowledged(world: World) -> None:
    """What was acknowledged anywhere is everywhere."""
    for digest, name in world.acked.items():
        if not world.live(world.devices[name]):
            continue  # it was closed, perhaps before anybody heard of it
        for device in filter(world.live, world.devices.values()):
            fit = digest in device.disk.log or digest in world.excused
            claim("kept", fit, f"{digest.hex()[:8]}, acknowledged on {name}, is not on {device.name}")


def bounded(world: World, device: Device) -> None:
    """Memory grows with chains and statements, never with the log."""
    replica, log = device.replica, device.disk.log
    lengths: dict[Digest, int] = {}
    for placed in log.values():
        lengths[placed.chain] = max(lengths.get(placed.chain, 0), placed.seq)
    for name, chain in replica.chains.chains.items():
        most = TRAIL_EACH * lengths[name].bit_length() + 2 * len(chain.tips)
        claim("memory", len(chain.trail.heads()) <= most, f"a trail of {len(chain.trail.heads())} places")
    claim("memory", replica.chains.chains.keys() == lengths.keys(), "other chains than in the log")
    control = sum(1 for placed in log.values() if placed.lane is Lane.CONTROL)
    claim("memory", len(replica.statements) == control, f"{len(replica.statements)} statements of {control}")
    texts = {d.text for d in world.devices.values()}
    known = texts | {"?"} | {"?" + text for text in texts}
    claim(
        "memory",
        replica.met | replica.pulls.under_way.keys() | replica.pulls.skipped <= known,
        "of peers that do not exist",
    )
    lost, fetches = bodies_lost(world), bool(replica.pulls.under_way)
    done = (lost or not fetches) and replica.missing.keys() <= lost
    claim("memory", done or not world.live(device), "something is still fetched")


# ---------------------------------------------------------------- meaning


def same_as_told_at_once(world: World, device: Device) -> None:
    """What was weighed event by event is what the whole log says at once."""
    meaning = Meaning(world.real)
    meaning.weigh(device.keyring, device.replica.verdict, device.disk.log.values())
    ours, told = device.meaning.standings(), meaning.standings()
    differ = [f"{d.hex()[:8]} {ours.get(d)} {told[d]}" for d in told if ours.get(d) != told[d]]
    claim("incremental", ours == told, f"on {device.name}: {differ[:3]}")
    claim("incremental", device.meaning.state() == meaning.state(), f"on {device.name}, the documents")


def expectations(world: World, device: Device) -> None:
    """Each event counts for what the world knows it to be; an honest edit is in its document."""
    lost = bodies_lost(world) | keys_lost(device)
    for digest, reading in device.meaning.readings.items():
        expected = world.expected.get(digest)
        if world.law and expected in {Standing.HONOURED, Standing.VOID}:
            expected = by_law(device, digest, expected)
        what = f"{world.told(device.disk.log[digest])} is {reading.standing.name}: {reading.reason}"
        unborn = reading.reason == BIRTH_MISSING and not _was_born(world, reading)
        excused = digest in lost or unborn
        fit = expected in {None, reading.standing} or (excused and reading.standing is Standing.WAITS)
        claim("standing", fit, what)
    for digest, change in world.edits.items():
        told = device.meaning.readings.get(digest)
        counts = told and told.standing is Standing.HONOURED and not lost and not world.law
        if told and told.inner and told.inner.document and counts:
            document = device.meaning.document(told.inner.document)
            orphaned = world.excused and change in document.take(()).waiting  # on what only an old copy had held
            fit = orphaned or document.contains(change)
            claim("edits", fit, f"{digest.hex()[:8]} counts, but its document is without it")


def authority(world: World, device: Device) -> None:
    """The verdict is what the rules say when they are told once more, the plain way."""
    anew = plainly(device.replica.statements.values(), world.mesh)
    claim("authority", device.replica.verdict == anew, f"{device.name} judges otherwise than the rules say")


def _was_born(world: World, waiting: Reading) -> bool:
    """Whether anybody holds the birth of the document of an event that waits: its holders may all be old copies now."""
    readings = (reading for device in world.devices.values() for reading in device.meaning.readings.values())
    births = (reading.inner for reading in readings if isinstance(reading.body, Born) and reading.inner)
    return any(waiting.inner and inner.document == waiting.inner.document for inner in births)


def by_law(device: Device, digest: Digest, expected: Standing | None) -> Standing | None:
    """What an event must count for once somebody closed, ended, adopted or forgot; None: the world cannot say.

    Work on a birth that does not count waits; what is void for its content may be adopted, and stays void.
    """
    reading, verdict = device.meaning.readings[digest], device.replica.verdict
    if reading.inner is None or reading.reason == BIRTH_MISSING:
        return None
    if expected is Standing.VOID:
        return None if digest in verdict.adopted else expected
    return lawful(verdict, device.disk.log, device.disk.log[digest], reading.inner)


def run_to(disk: Disk, placed: Placed) -> Run:
    """The signed run that ends at this event, from the signed event before it."""
    events, at = [placed], disk.log.get(placed.parent)
    while at and not at.signature:
        events.append(at)
        at = disk.log.get(at.parent)
    assert placed.signature, placed
    after = at.head if at else START
    return Run(placed.chain, after, tuple(p.event for p in reversed(events)), placed.signature)


def same_in_any_order(world: World, device: Device) -> None:
    """The same events, in another order, some of them twice: the same verdict, chains and state."""
    runs = [run_to(device.disk, placed) for placed in device.disk.log.values() if placed.signature]
    runs += world.rng.sample(runs, len(runs) // 5)
    fresh, disk = Replica(device.own, Keyring(device.disk.keys), Chains(world.mesh)), Disk()
    meaning = Meaning(world.real)
    before = -1
    while before < len(disk.log) < len(device.disk.log):  # each round takes at least one run, or none ever fits
        before = len(disk.log)
        world.rng.shuffle(runs)
        for run in runs:
            push = Push((run,))
            effects = fresh.handle(Heard("other", push, disk.facts(fresh.unsure(push))))
            disk.write(effects.append)
            meaning.weigh(fresh.keyring, fresh.verdict, effects.append)
            if effects.judged:
                meaning.turn(fresh.keyring, fresh.verdict, disk.log)
    held = {placed.digest: placed.event.body for placed in device.disk.log.values()}
    claim("order", disk.log.keys() == held.keys(), f"{len(disk.log)} of {len(held)} events were taken")
    claim("order", fresh.verdict == device.replica.verdict, f"the verdict of {device.name} depends on the order")
    claim("order", meaning.standings() == device.meaning.standings(), f"standings of {device.name} depend on the order")
    claim("order", meaning.root() == device.meaning.root(), f"the digest of {device.name} depends on the order")
    claim("order", meaning.state() == device.meaning.state(), f"the state of {device.name} depends on the order")
    for name, chain in fresh.chains.chains.items():
        claim("order", chain.tips == device.replica.chains.chains[name].tips, f"tips of {name.hex()[:8]}")


def forgery_changes_nothing(device: Device, peer: Device, run: Run) -> None:
    """What was altered on its way is refused, and nothing has changed."""
    before = (dict(device.disk.log), device.replica.chains.frontier(Lane.DATA), device.replica.heard)
    push = Push((run,))
    effects = device.replica.handle(Heard(peer.text, push, device.disk.facts(device.replica.unsure(push))))
    after = (device.disk.log, device.replica.chains.frontier(Lane.DATA), device.replica.heard)
    claim("forgery", not effects.append and before == after, f"{device.name} takes a forged run")
