"""Attacks on chains: what is forged, misplaced, forked, replayed or out of time, against real agents."""

from __future__ import annotations

import asyncio
import secrets
from dataclasses import replace

from mesh.clocks.chain import Head
from mesh.events.event import Event, Lane
from mesh.events.founding import with_rank
from mesh.events.speaking import Draft, runs
from mesh.limits import LAMPORT_STEP_MAX
from mesh.names import ZERO, Digest
from mesh.sync.messages import Have
from tests.attacks.catalogue import real
from tests.attacks.thief import Quill, now_ms
from tests.attacks.town import MEMBER, Town
from tests.system.harness import Device
from tests.unit.small_mesh import OTHER

_YEAR_MS = 366 * 24 * 3600 * 1000
_REPLAYED = 500
_REPLAYS = 200


def refused(device: Device) -> int:
    """How many messages and runs a device refused so far."""
    return int(str(device.status()["refused"]))


def alarms(device: Device) -> str:
    """What it sounds."""
    return str(device.status()["alarms"])


@real(1, "refused, counted, an alarm; nothing is held")
async def bad_signature(town: Town) -> str:
    """Holds cedar's keys. Sends an event of its own chain under a signature that does not fit."""
    before = refused(town.alder)
    async with town.thief() as thief, thief.at(town.alder) as line:
        quill = thief.quill()
        digest = quill.say(thief.draft())
        await line.push(replace(quill.run(), signature=secrets.token_bytes(64)))
    assert refused(town.alder) == before + 1
    assert "a signature does not fit" in alarms(town.alder)
    town.nobody_holds(digest)
    return "refused once, an alarm names the sender"


@real(2, "a chain of an unknown device waits unstored; an admission beyond the admitter's rank is held and void")
async def unknown_device(town: Town) -> str:
    """Holds cedar's keys (rank 2). Opens a chain for an admission that nobody said; then admits a device as founder."""
    known = len(town.alder.call("devices")["devices"])  # type: ignore[arg-type]
    async with town.thief() as thief, thief.at(town.alder) as line:
        quill = thief.quill(Lane.DATA, Digest(secrets.token_bytes(32)))
        digest = quill.say(thief.draft())
        await line.push(quill.run())
        town.nobody_holds(digest, quill.chain)
        control = thief.quill(Lane.CONTROL)
        fake = control.say(Draft(with_rank(thief.request("second founder"), 1)))
        await line.push(control.run())
    await asyncio.to_thread(town.held, fake, "honoured")  # in the control lane held is all that the log says
    for device in town.honest:
        assert len(device.call("devices")["devices"]) == known  # type: ignore[arg-type]
    return "nothing stored; the fake founder is held and lets nobody in"


@real(4, "refused as a stranger")
async def another_mesh(town: Town) -> str:
    """Holds cedar's keys and the whole control log of another mesh, which it offers."""
    before = refused(town.alder)
    async with town.thief() as thief, thief.at(town.alder) as line:
        await line.push(*runs(OTHER.control))
    assert refused(town.alder) > before
    assert "it belongs to another mesh" in alarms(town.alder)
    town.nobody_holds(*(event.digest for event in OTHER.control))
    return "refused, an alarm says that it belongs to another mesh"


@real(5, "refused")
async def body_swapped(town: Town) -> str:
    """Holds cedar's keys. Sends a truly signed event with another body than its header names."""
    before = refused(town.alder)
    async with town.thief() as thief, thief.at(town.alder) as line:
        quill = thief.quill()
        digest = quill.say(thief.draft())
        run = quill.run()
        swapped = Event(run.events[-1].header, b"x" * len(run.events[-1].body or b""))
        await line.push(replace(run, events=(*run.events[:-1], swapped)))
    assert refused(town.alder) == before + 1
    assert "a body is not the one that its header names" in alarms(town.alder)
    town.nobody_holds(digest)
    return "refused: the header names its body"


@real(6, "held back, the rest asked for, bounded")
async def sequence_gap(town: Town) -> str:
    """Holds cedar's keys. Sends the end of a chain without its beginning, a hundred times, then the beginning."""
    async with town.thief() as thief, thief.at(town.alder) as line:
        quill = thief.quill()
        quill.say(thief.draft("first"))
        begin = quill.run()
        later = quill.say(thief.draft("second"))
        end = quill.run()
        events = town.alder.events
        for _ in range(100):
            await line.push(end)
        assert town.alder.events == events, "a tail without a beginning was stored"
        await line.push(begin)
        await line.push(end)
        await asyncio.to_thread(town.held, later, "honoured")
    await asyncio.to_thread(town.mark)
    return "nothing was stored before the beginning came"


@real(7, "both branches are held and both count; it is shown")
async def fork_at_the_head(town: Town) -> str:
    """Holds dogwood's keys. Says two different things at one place, one to each honest device."""
    async with town.thief(MEMBER) as thief:
        quill = thief.quill()
        quill.say(thief.draft("before the fork"))
        begin, head, lamport = quill.run(), quill.head, quill.lamport
        left = quill.say(thief.draft("left"))
        other = Quill.at(thief, Lane.DATA, quill.chain, head, lamport)
        right = other.say(thief.draft("right"))
        async with thief.at(town.alder) as line:
            await line.push(begin)
            await line.push(quill.run())
        async with thief.at(town.birch) as line:
            await line.push(begin)
            await line.push(other.run())
    for event in (left, right):
        await asyncio.to_thread(town.held, event, "honoured")
    await asyncio.to_thread(town.mark)
    for device in town.honest:
        assert device.status()["forks"], device.last_words()
        told = await asyncio.to_thread(device.done, "forks")
        assert told["forks"], "with both stories and a proof"
    return "both branches on both devices; both show the fork"


@real(8, "both branches are held and both count until a close names heads")
async def fork_at_the_beginning_of_a_long_chain(town: Town) -> str:
    """Holds dogwood's keys. A chain of 60 events that all know gets a second branch right after its opening."""
    async with town.thief(MEMBER) as thief, thief.at(town.alder) as line:
        quill = thief.quill()
        begin, head, lamport = quill.run(), quill.head, quill.lamport
        events = [quill.say(thief.draft(f"old {number}")) for number in range(60)]
        await line.push(begin, quill.run())
        await asyncio.to_thread(town.held, events[-1], "honoured")
        late = Quill.at(thief, Lane.DATA, quill.chain, head, lamport)
        branch = late.say(thief.draft("rewritten history"))
        await line.push(late.run())
        await asyncio.to_thread(town.held, branch, "honoured")
        assert town.standing(town.birch, events[0])[0] == "honoured"
    await asyncio.to_thread(town.mark)
    return "the long branch stays as it is, the new one stands beside it"


@real(9, "ours is kept")
async def rollback(town: Town) -> str:
    """Holds cedar's keys. Tells alder an old head of alder's own chain, then that it holds nothing at all."""
    events = town.alder.events
    async with town.thief() as thief, thief.at(town.alder) as line:
        control, data = _frontier(town.alder)
        own = {chain: (Head(1, chain),) for chain in data}
        for have in (Have(control, own, ZERO, ZERO, True), Have({}, {}, ZERO, ZERO, True)):  # noqa: FBT003
            await line.have(have)
    assert town.alder.events == events
    return "nothing goes back"


def _frontier(device: Device) -> tuple[dict[Digest, tuple[Head, ...]], dict[Digest, tuple[Head, ...]]]:
    """The tips that a device shows; it does not matter here in which lane."""
    shown = device.status()["frontier"]
    assert isinstance(shown, dict)
    found = {
        Digest(bytes.fromhex(chain)): tuple(sorted(Head(seq, Digest(bytes.fromhex(digest))) for seq, digest in heads))
        for chain, heads in shown.items()
    }
    return {}, dict(sorted(found.items()))


@real(25, "idempotent, and the device goes on working", slow=True)
async def replay_of_100_000_events(town: Town) -> str:
    """Holds dogwood's keys. Sends a run of 500 events 200 times."""
    async with town.thief(MEMBER) as thief, thief.at(town.alder) as line:
        quill = thief.quill()
        for number in range(_REPLAYED - 1):
            last = quill.say(thief.draft(f"again {number}"))
        run = quill.run()
        await line.push(run)
        await asyncio.to_thread(town.held, last, "honoured")
        await asyncio.to_thread(town.mark)
        events = town.alder.events
        for _ in range(_REPLAYS):
            await line.push(run)
        assert town.alder.events == events
    await asyncio.to_thread(town.works)
    return f"{_REPLAYED * _REPLAYS:,} events again, none stored twice"


@real(26, "refused, by its chain alone; the largest allowed one runs nobody's clock out")
async def lamport_step(town: Town) -> str:
    """Holds cedar's keys. Claims numbers that are too far beyond its own last one, up to 2^53 - 1."""
    before = refused(town.alder)
    steps = (LAMPORT_STEP_MAX + 1, 2**52, 2**53 - 10)
    async with town.thief() as thief, thief.at(town.alder) as line:
        for step in steps:
            quill = thief.quill()
            begin = quill.run()
            digest = quill.say(thief.draft(), step=step)
            await line.push(begin, quill.run())
            town.nobody_holds(digest)
        quill = thief.quill()
        digest = quill.say(thief.draft("as far as it may"), step=LAMPORT_STEP_MAX)
        await line.push(quill.run())
        await asyncio.to_thread(town.held, digest, "honoured")
    assert refused(town.alder) == before + len(steps)
    await asyncio.to_thread(town.works)  # whoever heard the largest allowed one still writes, and is understood
    return "refused beyond 2^24; after the largest allowed one all go on writing"


@real(27, "stored; the time is display only")
async def a_year_ahead(town: Town) -> str:
    """Holds dogwood's keys. Writes notes dated a year ahead and in 1970."""
    async with town.thief(MEMBER) as thief, thief.at(town.alder) as line:
        quill = thief.quill()
        ahead = quill.say(thief.draft("from the future"), time_ms=now_ms() + _YEAR_MS)
        behind = quill.say(thief.draft("from 1970"), time_ms=0)
        await line.push(quill.run())
        for event in (ahead, behind):
            await asyncio.to_thread(town.held, event, "honoured")
    await asyncio.to_thread(town.works)
    newest = town.alder.call("log", limit=1)["events"]
    assert isinstance(newest, list)
    assert newest[0]["name"] == "alder", "the newest by order is the honest one, whatever others claim"
    return "both stored, the honest event after them is the newest"


@real(60, "refused: the key of the chain does not fit")
async def anothers_chain(town: Town) -> str:
    """Holds cedar's keys. Goes on with alder's own data chain, signed with the only key it has."""
    before = refused(town.alder)
    async with town.thief() as thief, thief.at(town.alder) as line:
        _, tips = _frontier(town.alder)
        mine = town.alder.call("log", device="alder", limit=1)["events"]
        assert isinstance(mine, list)
        chain = Digest(bytes.fromhex(mine[0]["chain"]))
        quill = Quill.at(thief, Lane.DATA, chain, tips[chain][0], mine[0]["lamport"])
        digest = quill.say(thief.draft("alder never wrote this"))
        await line.push(quill.run())
    assert refused(town.alder) == before + 1
    town.nobody_holds(digest)
    return "the key of the chain does not fit"
