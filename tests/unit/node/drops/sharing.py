"""Devices of one mesh with dropped files, on one network without wires: the true engines, talk and pools."""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncIterator, Sequence
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass
from pathlib import Path

from mesh.events.event import Lane
from mesh.events.kinds import Changed
from mesh.events.speaking import Draft
from mesh.names import DocumentId, device_text
from mesh.node.drops.drops import Drops
from mesh.node.engine import Engine
from mesh.node.keeping import New
from mesh.node.log import silent
from mesh.node.ports import Peer
from mesh.node.talk import Talk
from mesh.node.transport.bus_memory import MemoryBus, MemoryNetwork
from mesh.state import records
from mesh.state.drops import KIND, Drop, drop_of, got_by, registers
from tests.unit.node.drops.files import cut
from tests.unit.node.engines import Small
from tests.unit.node.test_talk import peer_of, until

__all__ = ["Sharer", "sharing", "until"]


@dataclass
class Sharer:
    """One device: its engine, its drops and its end of the network."""

    small: Small
    drops: Drops
    bus: MemoryBus

    @property
    def name(self) -> str:
        """As the bus knows it."""
        return device_text(self.small.engine.own.admission)

    async def drop(self, data: bytes, *, to: str = "") -> DocumentId:
        """Drop a file of these bytes."""
        made = cut(self.drops.pool, data)
        values = registers(
            name="a file", size=made.size, digest=made.digest, pieces=made.pieces,
            sender=self.name, to=to, at_ms=1, mime="",
        )  # fmt: skip
        document, born = New(KIND, values).birth()
        await self.say(Draft(born, document))
        return document

    async def say(self, draft: Draft) -> None:
        """Say something."""

        async def make(_engine: Engine) -> Sequence[Draft]:
            return (draft,)

        await self.small.engine.say(Lane.DATA, make)

    async def change(self, document: DocumentId, values: dict[str, object]) -> None:
        """Change registers of a drop."""

        async def make(engine: Engine) -> Sequence[Draft]:
            loaded = await engine.shelf.load(document)
            assert loaded is not None
            edits = records.edits(loaded.document, values)  # type: ignore[arg-type]
            actor = engine.shelf.actor(loaded, engine.own.admission)
            return (Draft(Changed(loaded.document.edit(actor, edits).raw), document),) if edits else ()

        await self.small.engine.say(Lane.DATA, make)

    async def known(self, document: DocumentId) -> Drop | None:
        """The drop as this device sees it."""
        row = await self.small.store.record(document)
        return drop_of(row.record) if row else None

    async def whole(self, document: DocumentId) -> bool:
        """Whether this device says that it has all of it."""
        drop = await self.known(document)
        return drop is not None and self.name in drop.got


class _Owner:
    """Passes an engine's wishes to its talk and its drops."""

    def __init__(self, talk: Talk, drops: Drops) -> None:
        self._talk, self._drops = talk, drops
        self.ask = talk.ask

    def happened(self, effects: object) -> None:
        """Tell both."""
        self._talk.happened(effects)  # type: ignore[arg-type]
        self._drops.look_soon()


@asynccontextmanager
async def sharing(network: MemoryNetwork, folder: Path, *devices: Small) -> AsyncIterator[list[Sharer]]:
    """All devices on one network, the founder first, each knowing all others, with folders of their own."""
    founder, *others = devices
    for small in others:  # those who came later are known to those who came before
        await small.engine.hear("mac", await founder.everything())
    async with AsyncExitStack() as stack:
        group = await stack.enter_async_context(asyncio.TaskGroup())
        tasks, made = [], []
        for number, small in enumerate(devices):
            engine = small.engine
            bus = network.bus(device_text(engine.own.admission))
            sharer: list[Sharer] = []

            async def nothing() -> None:
                """The roster is fixed here."""

            async def got(document: DocumentId, sharer: list[Sharer] = sharer) -> None:
                own = sharer[0]
                await own.change(document, {got_by(own.small.engine.own.admission): int(time.time() * 1000)})

            drops = Drops(folder / str(number), engine, silent, got)
            drops.fetching.bus = bus
            sharer.append(Sharer(small, drops, bus))
            talk = Talk(engine, bus, silent, nothing, files=drops)
            engine.owner = _Owner(talk, drops)
            await bus.roster(_others(engine))
            tasks += [group.create_task(talk.run()), group.create_task(drops.run())]
            made += sharer
        yield made
        for task in tasks:
            task.cancel()


def _others(engine: Engine) -> list[Peer]:
    return [peer_of(engine, a) for a in engine.replica.verdict.devices if a != engine.own.admission]
