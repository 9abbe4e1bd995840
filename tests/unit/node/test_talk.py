"""Talk over a bus that loses and doubles: true engines on memory stores find to one state."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import AsyncExitStack, asynccontextmanager

import pytest

from mesh.clocks.chain import Head
from mesh.limits import ALARMS_PER_S_MAX
from mesh.names import device_text
from mesh.node import timing
from mesh.node.engine import Engine
from mesh.node.log import silent
from mesh.node.ports import Peer
from mesh.node.talk import Talk
from mesh.node.transport.bus_memory import MemoryNetwork
from mesh.sync.inputs import Effects
from tests.unit.node.closing import close
from tests.unit.node.engines import Small, founded, joined_by, retitle, write

PATIENCE_S = 60.0


async def until(fits: Callable[[], object], what: str) -> None:
    """Wait until something is true; fail with what was waited for."""
    async with asyncio.timeout(PATIENCE_S):
        while not await fits():  # type: ignore[misc]  # noqa: ASYNC110 - a store tells nobody when it grows
            await asyncio.sleep(0.01)
    assert what


class Owner:
    """Passes an engine's wishes to its talk."""

    def __init__(self) -> None:
        self.talk: Talk | None = None


def peer_of(engine: Engine, digest: bytes) -> Peer:
    """A device as the bus knows it."""
    found = next(a for a in engine.replica.verdict.devices.values() if a.digest == digest)
    name = device_text(found.digest)
    return Peer(name, found.name, found.transport_key, found.tls_key, (f"{name}:1",))


@asynccontextmanager
async def talking(network: MemoryNetwork, *devices: Small) -> AsyncIterator[None]:
    """All devices on one network, each knowing all others."""
    async with AsyncExitStack() as stack:
        group = await stack.enter_async_context(asyncio.TaskGroup())
        tasks = []
        for small in devices:
            engine = small.engine
            bus = network.bus(device_text(engine.own.admission))

            async def nothing() -> None:
                """The roster is fixed here."""

            talk = Talk(engine, bus, silent, nothing)
            engine.owner = talk
            admissions = [a for a in engine.replica.verdict.devices if a != engine.own.admission]
            await bus.roster([peer_of(engine, a) for a in admissions])
            tasks.append(group.create_task(talk.run()))
        yield
        for task in tasks:
            task.cancel()


async def same(*devices: Small) -> bool:
    """Whether all have one digest, and it is not that of nothing."""
    digests = {await small.store.digest() for small in devices}
    return len(digests) == 1 and any(digests.pop())


async def test_news_arrive_by_themselves() -> None:
    """What one device says is shown on the other without anybody asking."""
    async with founded() as mac, joined_by(mac, "laptop") as laptop:
        await laptop.engine.hear("mac", await mac.everything())
        async with talking(MemoryNetwork(), mac, laptop):
            document = await write(mac.engine, "seeds")
            await until(lambda: laptop.store.note(document), "the note on the laptop")
            await retitle(laptop.engine, document, "more seeds")
            await until(lambda: same(mac, laptop), "one state")


async def test_a_long_absence_is_made_up_for() -> None:
    """Hundreds of notes on either side, written apart, are on both after they meet."""
    async with founded() as mac, joined_by(mac, "laptop") as laptop:
        for n in range(300):
            await write(mac.engine, f"mac {n}", "x" * 2000)
            await write(laptop.engine, f"laptop {n}")
        async with talking(MemoryNetwork(), mac, laptop):
            await until(lambda: same(mac, laptop), "one state")
        assert len(await laptop.store.notes(limit=1000)) == 600


async def test_a_burst_is_not_left_half_told() -> None:
    """Two hundred notes at once arrive at once: what the bus drops is missed soon, not at the next comparison."""
    async with founded() as mac, joined_by(mac, "laptop") as laptop, talking(MemoryNetwork(), mac, laptop):
        await asyncio.gather(*(write(mac.engine, f"note {n}") for n in range(200)))
        await until(lambda: same(mac, laptop), "one state")


@pytest.mark.parametrize("seed", range(5))
async def test_loss_and_doubles_do_not_matter(seed: int, monkeypatch: pytest.MonkeyPatch) -> None:
    """A bus that loses a third and doubles a third of all messages still brings both to one state."""
    monkeypatch.setattr(timing, "COMPARE_INTERVAL_S", 0.1)
    monkeypatch.setattr(timing, "ASK_TIMEOUT_S", 0.2)
    async with founded() as mac, joined_by(mac, "laptop") as laptop:
        async with talking(MemoryNetwork(seed=seed, loss=0.3, doubles=0.3), mac, laptop):
            for n in range(30):
                await write(mac.engine, f"mac {n}")
                await write(laptop.engine, f"laptop {n}")
            await until(lambda: same(mac, laptop), f"one state, seed {seed}")
        assert len(await mac.store.notes(limit=1000)) == 60


async def test_a_device_in_the_middle_passes_on() -> None:
    """Two devices that never meet get each other's notes through a third."""
    async with founded() as mac, joined_by(mac, "laptop") as laptop, joined_by(mac, "server") as server:
        await laptop.engine.hear("mac", await mac.everything())
        network = MemoryNetwork()
        network.part(device_text(laptop.engine.own.admission), device_text(server.engine.own.admission))
        async with talking(network, mac, laptop, server):
            first, second = await write(laptop.engine, "from the laptop"), await write(server.engine, "from the server")
            await until(lambda: server.store.note(first), "the laptop's note on the server")
            await until(lambda: laptop.store.note(second), "the server's note on the laptop")
            await until(lambda: same(mac, laptop, server), "one state")


async def test_a_partition_heals() -> None:
    """What was said on both sides of a cut is on both after it heals."""
    async with founded() as mac, joined_by(mac, "laptop") as laptop:
        network = MemoryNetwork()
        names = [device_text(small.engine.own.admission) for small in (mac, laptop)]
        async with talking(network, mac, laptop):
            await write(mac.engine, "before")
            await until(lambda: same(mac, laptop), "one state")
            network.part(*names)
            await write(mac.engine, "here")
            await write(laptop.engine, "there")
            assert not await same(mac, laptop)
            network.heal(*names)
            await until(lambda: same(mac, laptop), "one state again")


async def test_what_the_writer_tells_after_the_end_is_no_fault() -> None:
    """The engine finishes what it has begun after its talk has ended: nobody is told, and nothing breaks."""
    async with founded() as mac:
        network = MemoryNetwork()

        async def nothing() -> None:
            """The roster is fixed here."""

        talk = Talk(mac.engine, network.bus(device_text(mac.engine.own.admission)), silent, nothing)
        mac.engine.owner = talk
        async with asyncio.TaskGroup() as group:
            task = group.create_task(talk.run())
            await asyncio.sleep(0)
            task.cancel()
        await talk.linked("anybody")
        await write(mac.engine, "kept all the same")
        assert len(await mac.store.notes(limit=10)) == 1


async def test_an_alarm_is_shown_once_and_many_fill_no_log() -> None:
    """The same alarm a thousand times is one line in the status, a few in the log, and the rest are counted."""
    logged: list[tuple[str, dict[str, object]]] = []
    async with founded() as mac:

        async def nothing() -> None:
            """The roster is fixed here."""

        def log(what: str, **fields: object) -> None:
            logged.append((what, fields))

        talk = Talk(mac.engine, MemoryNetwork().bus(device_text(mac.engine.own.admission)), log, nothing)
        fork = (mac.engine.own.mesh, Head(1, mac.engine.own.mesh))
        for _ in range(500):
            talk.happened(Effects(alarms=("refused from somebody",), forks=(fork,)))
        assert talk.alarms == ["refused from somebody"]
        assert ALARMS_PER_S_MAX <= len(logged) < 100
        assert talk._unlogged == 1000 - len(logged)  # noqa: SLF001 - what it left out is under test


async def test_who_was_taken_out_gets_no_news() -> None:
    """Its link is still up, and what is said from now on is not sent there; others get it."""
    async with founded() as mac, joined_by(mac, "laptop") as laptop, joined_by(mac, "server") as server:
        await laptop.engine.hear("mac", await mac.everything())
        async with talking(MemoryNetwork(), mac, laptop, server):
            await write(mac.engine, "before")
            await until(lambda: same(mac, laptop, server), "one state")
            await close(mac.engine, server.engine.own.admission)
            after = await write(mac.engine, "after")
            await until(lambda: laptop.store.note(after), "the note on the laptop")
            assert await server.store.note(after) is None
            await asyncio.sleep(4 * timing.NEWS_DELAY_S)  # long enough for tips, if they were told
            assert await server.store.note(after) is None
