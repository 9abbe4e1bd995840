"""A real door on loopback, and phones in Python that call at it: an agent with its nats-server, TLS, and no mocks.

A phone here is a true engine; what a browser would do with NATS it does with a WebSocket and the protocol's few words.
"""

from __future__ import annotations

import asyncio
import contextlib
import os
import secrets
import ssl
from collections.abc import AsyncIterator, Callable, MutableMapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import aiohttp

from mesh.events.bodies import document_of
from mesh.events.event import Lane, Placed, Run
from mesh.events.seal import Keyring
from mesh.events.speaking import Draft, joined
from mesh.names import Digest
from mesh.node import agent as agents
from mesh.node import home as homes
from mesh.node.agent import Agent
from mesh.node.engine import Engine
from mesh.node.gateway import authority, part
from mesh.node.gateway.holding import Holding
from mesh.node.gateway.pairing import Pairing
from mesh.node.gateway.web import PORT_VARIABLE, Gateway
from mesh.node.log import silent
from mesh.node.storage.store_memory import MemoryStore
from mesh.node.storage.store_port import Store
from mesh.node.talk import Talk
from mesh.state import notes
from mesh.sync.inputs import Effects
from mesh.sync.messages import Push, Want
from mesh.sync.replica import Own
from tests.system.door_lines import HOST, LIMIT_S, Phone, PhoneBus
from tests.system.phones import Here, two_ports


@dataclass
class Door:
    """An agent with its door open."""

    agent: Agent
    gateway: Gateway
    holding: Holding
    pairing: Pairing

    @property
    def url(self) -> str:
        """The page."""
        return self.gateway.origin

    def trusting(self) -> ssl.SSLContext:
        """What a phone has that trusts the mesh's authority and nobody else."""
        root = self.holding.certificate()
        assert root is not None
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
        context.load_verify_locations(cadata=authority.certificate_pem(root).decode())
        return context

    @contextlib.asynccontextmanager
    async def browsing(self, source: str = HOST) -> AsyncIterator[aiohttp.ClientSession]:
        """A session that trusts the authority and finds the name; calling from an address of loopback."""
        connector = aiohttp.TCPConnector(resolver=Here(), ssl=self.trusting(), force_close=True, local_addr=(source, 0))
        async with aiohttp.ClientSession(self.url, connector=connector) as session:
            yield session


@contextlib.asynccontextmanager
async def door(home: Path, environ: MutableMapping[str, str] = os.environ) -> AsyncIterator[Door]:
    """A founded mesh, its agent at work on loopback, and its door open. `environ` takes the port."""
    environ[PORT_VARIABLE] = str(two_ports())
    if homes.state(home) == "none":
        await homes.found(home, home.name)
    async with agents.opened(home, interfaces=(HOST,)) as agent, asyncio.TaskGroup() as group:
        ready = asyncio.Event()
        serving = group.create_task(agent.serve(ready.set))
        await ready.wait()
        made = part.wanted(agent)
        await made.holding.wanted()
        made.page.look_soon()
        await until(lambda: made.page.open and agent.bus is not None and agent.bus.server().state == "up")
        yield Door(agent, made.page, made.holding, made.pairing)
        agent.ending.set()
        await serving


async def until(condition: Callable[[], object], limit_s: float = LIMIT_S) -> None:
    """Wait for a condition."""
    async with asyncio.timeout(limit_s):
        while not condition():  # noqa: ASYNC110 - what it looks at tells no event
            await asyncio.sleep(0.02)


class _Owner:
    talk: Talk | None = None

    def ask(self, peer: str, want: Want) -> None:
        if self.talk:
            self.talk.ask(peer, want)

    def happened(self, effects: Effects) -> None:
        if self.talk:
            self.talk.happened(effects)


async def _runs(store: Store, wanted: Callable[[Placed], bool]) -> tuple[Run, ...]:
    rows = await store.log(limit=10_000)
    chains: dict[Digest, list[Placed]] = {}
    for placed in sorted((row.placed for row in rows), key=lambda one: one.lane):
        if wanted(placed):
            chains.setdefault(placed.chain, []).append(placed)
    return tuple(run for chain in chains.values() for run in joined(chain))


async def signed_by(store: Store, admission: Digest) -> Push:
    """Everything that one device wrote, as it goes over the wire."""
    return Push(await _runs(store, lambda one: one.admission == admission))


@dataclass
class Companion:
    """A phone at work: its engine, and its line to the door."""

    phone: Phone
    engine: Engine
    store: MemoryStore
    bus: PhoneBus

    async def write(self, title: str) -> None:
        """A note."""
        birth = notes.birth(title, "", [], None, secrets.token_bytes(16))
        document = document_of("personal", notes.KIND, birth)

        async def make(_engine: Engine) -> Sequence[Draft]:
            return (Draft(birth, document),)

        await self.engine.say(Lane.DATA, make)

    async def titles(self) -> set[str]:
        """Of the notes that it shows."""
        return {row.note.title for row in await self.store.notes(limit=100)}

    async def outbox(self) -> Push:
        """Everything that it wrote, as it goes over the wire."""
        return await signed_by(self.store, self.phone.admission)


@contextlib.asynccontextmanager
async def companion(door: Door, phone: Phone, *, online: bool = True) -> AsyncIterator[Companion]:
    """A phone that was let in, talking through the door; or one in flight mode, with what it had until then."""
    store, owner = MemoryStore(), _Owner()
    own = Own(door.agent.engine.own.mesh, phone.admission, phone.keys)
    engine = Engine(own, Keyring(door.agent.engine.keyring.keys()), store, owner)
    await engine.start()
    bus = PhoneBus(door, phone)

    async def judged() -> None:
        """A phone lets nobody in."""

    owner.talk = Talk(engine, bus, silent, judged)
    async with asyncio.TaskGroup() as group:
        writing = group.create_task(engine.work())
        if online:
            talking = group.create_task(owner.talk.run())
        else:
            await engine.hear(door.agent.device, Push(await _runs(door.agent.store, lambda _: True)))
        yield Companion(phone, engine, store, bus)
        if online:
            talking.cancel()
        await engine.stop()
        await writing
