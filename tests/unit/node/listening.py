"""Devices at work on a bus that writes down what each says; for the tests of receipts and comparisons."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass, field, replace

from mesh.names import DocumentId, device_text
from mesh.node import timing
from mesh.node.agreeing import shown
from mesh.node.log import silent
from mesh.node.storage.store_port import Batch
from mesh.node.talk import Talk
from mesh.node.transport.bus_memory import MemoryBus, MemoryNetwork
from mesh.sync.comparing import Finding
from tests.unit.node.engines import Small, founded, joined_by, write
from tests.unit.node.test_talk import peer_of, until

Answer = Callable[[bytes], bytes]


@dataclass
class Device:
    """A device at work, and what it asked and told, in order."""

    small: Small
    talk: Talk
    said: list[tuple[str, str, bytes]] = field(default_factory=list)
    answers: dict[str, Answer] = field(default_factory=dict)
    """Verb -> what it answers instead of the truth."""

    @property
    def name(self) -> str:
        """As the bus knows it."""
        return device_text(self.small.engine.own.admission)

    def sent(self, verb: str) -> list[bytes]:
        """The messages of one verb that it sent."""
        return [body for _, one, body in self.said if one == verb]

    async def agrees(self, other: Device) -> bool:
        """Whether it holds a receipt of the other one that is what it shows itself."""
        side = self.talk.agreeing.sides.get(other.name)
        return bool(side and side.receipt and side.receipt.shown == await shown(self.small.engine))

    async def finding(self, other: Device) -> Finding | None:
        """Where it knows that the other one differs."""
        side = self.talk.agreeing.sides.get(other.name)
        return side.finding if side else None


@asynccontextmanager
async def talking(*smalls: Small, network: MemoryNetwork | None = None) -> AsyncIterator[list[Device]]:
    """Devices on one network; each message that they send is written down."""
    air = network or MemoryNetwork()
    async with AsyncExitStack() as stack:
        group = await stack.enter_async_context(asyncio.TaskGroup())
        devices, tasks = [], []
        for small in smalls:
            engine = small.engine
            bus = air.bus(device_text(engine.own.admission))

            async def nothing() -> None:
                """The roster is fixed here."""

            talk = Talk(engine, bus, silent, nothing)
            engine.owner = talk
            device = Device(small, talk)
            devices.append(device)
            _listened(device, bus)
            admissions = [a for a in engine.replica.verdict.devices if a != engine.own.admission]
            await bus.roster([peer_of(engine, a) for a in admissions])
            tasks.append(group.create_task(talk.run()))
        yield devices
        for task in tasks:
            task.cancel()


def _listened(one: Device, bus: MemoryBus) -> None:
    """Write down what a device sends, and let it lie where a test wants that."""
    request, tell, heard = bus.request, bus.tell, one.talk.heard

    async def requested(device: str, verb: str, body: bytes, *, timeout_s: float) -> bytes:
        one.said.append((device, verb, body))
        return await request(device, verb, body, timeout_s=timeout_s)

    async def told(device: str, verb: str, body: bytes) -> None:
        one.said.append((device, verb, body))
        await tell(device, verb, body)

    async def answered(sender: str | None, verb: str, body: bytes) -> bytes:
        return one.answers[verb](body) if verb in one.answers else await heard(sender, verb, body)

    bus.request, bus.tell, one.talk.heard = requested, told, answered  # type: ignore[method-assign]


@asynccontextmanager
async def two() -> AsyncIterator[tuple[Small, Small]]:
    """Two devices with three notes that both hold."""
    async with founded() as mac, joined_by(mac, "laptop") as laptop:
        for n in range(3):
            await write(mac.engine, f"note {n}")
        await laptop.engine.hear("mac", await mac.everything())
        yield mac, laptop


async def agreed(*devices: Device) -> None:
    """Wait until each holds the receipt of each."""
    for one in devices:
        for other in devices:
            if one is not other:
                await until(lambda one=one, other=other: one.agrees(other), "a receipt that agrees")  # type: ignore[misc]


async def settled() -> None:
    """Long enough for whatever would still be sent."""
    await asyncio.sleep(timing.NEWS_DELAY_S + 2 * (timing.RECEIPT_CALM_S + timing.RECEIPT_TURN_S))


async def title(small: Small, document: DocumentId, text: str) -> None:
    """Change what a note shows behind everybody's back."""
    row = await small.store.note(document)
    assert row is not None
    await small.store.commit(Batch(notes=(replace(row, note=replace(row.note, title=text)),)))


async def told_receipt(one: Device, other: Device) -> bool:
    """Whether a device has the receipt of another one."""
    side = one.talk.agreeing.sides.get(other.name)
    return side is not None and side.receipt is not None
