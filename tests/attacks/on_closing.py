"""Attacks by devices that were taken out, on real agents. They end the two thieves of a town, so they come last."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence

from mesh.clocks.chain import Head
from mesh.errors import MeshError
from mesh.events.event import Lane, Run
from mesh.events.founding import with_rank
from mesh.events.kinds import Adopt, Body, Close, Grant, Mark
from mesh.events.speaking import Draft
from mesh.events.weigh import CLOSED
from mesh.names import ZERO, Digest
from mesh.node import agent as agents
from mesh.node.engine import Engine
from mesh.sync import messages
from mesh.sync.messages import Have
from tests.attacks.catalogue import real
from tests.attacks.on_statements import devices
from tests.attacks.thief import Quill, Thief
from tests.attacks.town import MEMBER, Town
from tests.system.harness import DEADLINE_S, Device


async def says(town: Town, device: Device, *bodies: Body) -> tuple[Digest, ...]:
    """An honest device says statements, by its own code and its own key, while its agent is off; their digests."""

    async def make(_engine: Engine) -> Sequence[Draft]:
        return tuple(Draft(body) for body in bodies)

    await asyncio.to_thread(device.stop)
    try:
        async with agents.opened(device.home) as agent:
            said = await agent.engine.say(Lane.CONTROL, make)
    finally:
        await asyncio.to_thread(device.start)
    await asyncio.to_thread(town.fleet.link, town.birch, town.alder)
    return tuple(event.digest for event in said)[-len(bodies) :]


def all_marks(device: Device, name: str) -> tuple[Mark, ...]:
    """Everything that a device holds of another one, as marks."""
    rows = device.call("log", device=name, limit=1000)["events"]
    assert isinstance(rows, list)
    chains = {row["chain"] for row in rows}
    frontier = device.status()["frontier"]
    assert isinstance(frontier, dict)
    return tuple(
        sorted(
            Mark(Digest(bytes.fromhex(chain)), Head(seq, Digest(bytes.fromhex(digest))))
            for chain, heads in frontier.items()
            if chain in chains
            for seq, digest in heads
        )
    )


async def tried(town: Town, thief: Thief, *runs: Run) -> str:
    """Offer events to both honest devices, by whatever door is open; whether that was as a member or not at all."""
    how = []
    for device in town.honest:
        try:
            async with thief.at(device) as line:
                await line.push(*runs)
            how.append("let in")
        except MeshError as error:
            how.append(type(error).__name__)
        try:
            async with thief.guest_at(device) as line:
                await line.push(*runs)
        except MeshError:
            continue
    return ", ".join(how)


@real(91, "void for ever beyond the marks, on every device; what was under them stays", slow=True)
async def closed_member_goes_on(town: Town) -> str:
    """Holds dogwood's keys after alder closed it. Goes on, branches off before the mark, comes as a guest."""
    async with town.thief(MEMBER) as thief:
        quill = thief.quill()
        kept = quill.say(thief.draft("before it was lost"))
        place = quill.head
        branch = Quill.at(thief, Lane.DATA, quill.chain, place, quill.lamport)
        fallen = quill.say(thief.draft("after it was lost"))
        async with thief.at(town.alder) as line:
            await line.push(quill.run())
        await asyncio.to_thread(town.held, fallen, "honoured")
        marks = [mark for mark in all_marks(town.alder, MEMBER) if mark.chain != quill.chain]
        close = Close(thief.admission, tuple(sorted([*marks, Mark(quill.chain, place)])), "lost")
        await says(town, town.alder, close)
        await asyncio.to_thread(town.held, fallen, "void", CLOSED)
        await asyncio.to_thread(town.held, kept, "honoured")
        await asyncio.to_thread(town.mark)
        late = [quill.say(thief.draft("late")), branch.say(thief.draft("back-dated"), time_ms=0)]
        fresh = thief.quill()
        late.append(fresh.say(thief.draft("on a new chain")))
        how = await tried(town, thief, quill.run(), branch.run(), fresh.run())
    for device in town.honest:
        for event in late:
            assert town.standing(device, event)[0] in {"", "void"}, "it counts"
    await asyncio.to_thread(town.works)
    return f"{how}; nothing that it said after the mark counts anywhere"


@real(92, "void: who was closed lets nobody in", slow=True)
async def closed_admin_goes_on(town: Town) -> str:
    """Holds cedar's admin keys after alder closed it. Admits a device, grants, closes birch; on old and new chains."""
    async with town.thief() as thief:
        control = thief.quill(Lane.CONTROL)
        before = control.say(Draft(with_rank(thief.request("let in in time"), 30)))
        async with thief.at(town.alder) as line:
            await line.push(control.run())
        await asyncio.to_thread(town.held, before, "honoured")
        await asyncio.to_thread(town.agreed)
        await says(town, town.alder, Close(thief.admission, all_marks(town.alder, "cedar"), "removed"))
        await asyncio.to_thread(town.mark)
        known = [devices(device) for device in town.honest]
        assert any(name == "let in in time" for name, _ in known[0]), "what it said under the marks stands"
        fresh = thief.quill(Lane.CONTROL)
        for quill in (control, fresh):
            quill.say(Draft(with_rank(thief.request("too late"), 31)))
            quill.say(Draft(Close(town.admission_of(MEMBER))))
            quill.say(Draft(Grant(thief.admission, "bot", "*", ("*",), ("*",))))
            quill.say(Draft(Close(thief.admission, (), "I close myself earlier")))
        how = await tried(town, thief, control.run(), fresh.run())
    assert [devices(device) for device in town.honest] == known
    await asyncio.to_thread(town.works)
    return f"{how}; nobody came in, nobody was put out"


@real(93, "counts on all devices; a junior or closed one adopts in vain", slow=True)
async def adoption_of_void_work(town: Town) -> str:
    """Holds cedar's keys (closed, or rank 2), and adopts what alder's close left out; then alder adopts it itself."""
    event = await _left_out(town)
    async with town.thief() as thief:
        quill = thief.quill(Lane.CONTROL)
        quill.say(Draft(Adopt((event,))))
        await tried(town, thief, quill.run())
    await asyncio.to_thread(town.works)
    assert town.standing(town.birch, event)[0] == "void"
    await says(town, town.alder, Adopt((event,)))
    await asyncio.to_thread(town.held, event, "honoured")
    await asyncio.to_thread(town.mark)
    return "in vain by cedar; honoured on both after alder's"


async def _left_out(town: Town) -> Digest:
    """A note of dogwood that alder's close leaves out; the close of attack 91, where that was played before."""
    rows = town.alder.call("log", device=MEMBER, limit=1000)["events"]
    assert isinstance(rows, list)
    if void := [row["event"] for row in rows if row["reason"] == CLOSED]:
        return Digest(bytes.fromhex(void[-1]))
    async with town.thief(MEMBER) as thief:
        quill = thief.quill()
        event = quill.say(thief.draft("honest work that was left out"))
        async with thief.at(town.alder) as line:
            await line.push(quill.run())
    await asyncio.to_thread(town.held, event, "honoured")
    await says(town, town.alder, Close(town.admission_of(MEMBER), (), "lost"))
    await asyncio.to_thread(town.held, event, "void", CLOSED)
    await asyncio.to_thread(town.mark)
    return event


@real(90, "the open connection is ended, the key is not let in again, a guest sees control only", slow=True)
async def connection_that_outlives_its_close(town: Town) -> str:
    """Holds elder's member keys, and is logged in at alder when birch closes it; alder hears of that from birch."""
    async with town.thief("elder") as thief:
        quill = thief.quill()
        async with thief.at(town.alder) as line:
            quill.say(thief.draft("while it was in"))
            await line.push(quill.run())
            await asyncio.to_thread(town.mark)
            marks = all_marks(town.alder, "elder")
            await says(town, town.birch, Close(thief.admission, marks, "lost"))
            async with asyncio.timeout(DEADLINE_S):
                await line.wire.closed.wait()
        late = quill.say(thief.draft("after it was closed"))
        how = await tried(town, thief, quill.run())
        assert how == "NotLetIn, NotLetIn", how
        async with thief.guest_at(town.alder) as guest:
            told = messages.decode_have(await guest.have(Have({}, {}, ZERO, ZERO, asks=True)))
            assert told.control, "whoever was closed must be able to hear of it"
            assert not told.data
        town.nobody_holds(late)
    await asyncio.to_thread(town.works)
    return "hung up on, refused at both, told of control as a guest"
