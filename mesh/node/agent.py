"""The agent: one device of one mesh, at work. It owns the home, restarts what failed, and shuts down in order.

Used by the background process with a network and a local socket, and by single commands without either; both run the
same engine under the same lock.
"""

from __future__ import annotations

import asyncio
import contextlib
import json
import os
import signal
import time
from collections.abc import AsyncIterator, Awaitable, Callable, Coroutine, Mapping, Sequence
from contextlib import asynccontextmanager
from dataclasses import replace
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING

import mesh
from mesh.errors import MeshError, Misuse
from mesh.events.seal import Keyring
from mesh.limits import ADDRESSES_PER_PEER_MAX
from mesh.names import Digest, DocumentId, device_text
from mesh.node import calls, timing, vault
from mesh.node.booting import own_of
from mesh.node.drops.drops import Drops
from mesh.node.engine import Engine
from mesh.node.home import PORT, addresses_key, fixed_port
from mesh.node.log import Log, keep_bounded, silent
from mesh.node.log import opened as log_opened
from mesh.node.meetings import Meetings
from mesh.node.memory import Memory
from mesh.node.moving import machine
from mesh.node.paths import output_path, socket_path
from mesh.node.presence import Presence
from mesh.node.roster import roster
from mesh.node.socket_server import Arguments, served
from mesh.node.storage.store import open_store
from mesh.node.storage.store_port import Store
from mesh.node.succession import succeed, successor
from mesh.node.supervision import WRITER, ended, innermost, supervised, told
from mesh.node.vaults.keeper import Keeper
from mesh.sync.inputs import Effects
from mesh.sync.inputs import Peer as PeerName
from mesh.sync.messages import Want

if TYPE_CHECKING:
    from mesh.node.duties import Duties
    from mesh.node.evidence import Evidence
    from mesh.node.gateway.door import Door
    from mesh.node.invitation import Host
    from mesh.node.mcp.clients import Clients
    from mesh.node.nearby.finding import Finding
    from mesh.node.nearby.locations import Locations
    from mesh.node.ports import Bus
    from mesh.node.rulings import Rulings
    from mesh.node.talk import Talk
    from mesh.node.transcripts.keeper import Transcripts

_STRANGE = "addresses"


class Agent:
    """One device at work. Use `opened` or `run`."""

    def __init__(self, home: Path, held: vault.Secrets, store: Store, log: Log) -> None:
        """Take over a home's secrets and store."""
        self.home, self.held, self.store, self.log = home, held, store, log
        keyring = Keyring(held.epochs)
        self.engine = Engine(own_of(held.mesh, held.admission, held.keys), keyring, store, self)
        self.device = device_text(held.admission)
        self.drops = Drops(home, self.engine, log, self._say_got)
        self.talk: Talk | None = None
        self.duties: Duties | None = None
        self.rulings: Rulings | None = None
        self.bus: Bus | None = None
        self.host: Host | None = None  # of the invitation that is open
        self.finding: Finding | None = None
        self.gateway: Door | None = None  # as soon as a phone is wanted
        self.locations: Locations | None = None
        self.interfaces: tuple[str, ...] = ()
        self.strange: tuple[str, ...] = ()
        self.addresses: dict[str, tuple[str, ...]] = {}
        self.meetings = Meetings(self.engine, {})  # as the store has them, once it was read
        self.started = time.monotonic()
        self.ending = asyncio.Event()
        self.memory = Memory()
        self.presence = Presence()
        self.news: list[asyncio.Event] = []  # of parts that look again when something was kept
        self.vault = Keeper(self)
        self.again = False  # whether it ends only to start anew
        self.problem: tuple[str, str] | None = None  # what failed last, and its hint

    @cached_property
    def clients(self) -> Clients:
        """The programs that speak MCP with it."""
        from mesh.node.mcp.clients import Clients  # noqa: PLC0415 - commands must not wait for it

        return Clients(self)

    @cached_property
    def evidence(self) -> Evidence:
        """What was seen of the work of sessions."""
        from mesh.node.evidence import Evidence  # noqa: PLC0415 - as above

        return Evidence(self.home)

    @cached_property
    def transcripts(self) -> Transcripts:
        """The transcripts of sessions."""
        from mesh.node.transcripts.keeper import Transcripts  # noqa: PLC0415 - as above

        return Transcripts(self)

    async def _say_got(self, document: DocumentId) -> None:
        from mesh.node import calls_drops  # noqa: PLC0415 - as above

        await calls_drops.say_got(self, document)

    async def start(self) -> None:
        """Read what the store holds."""
        boot = await self.engine.start()
        for key, value in boot.settings.items():
            if key == _STRANGE:
                self.strange = tuple(json.loads(value))
            elif key.startswith(addresses_key("")):
                self.addresses[key.removeprefix(addresses_key(""))] = tuple(json.loads(value))
        self.settings = boot.settings
        self.meetings = Meetings(self.engine, boot.settings)
        self.drops.start(boot.settings)
        self.port = fixed_port() or int(boot.settings.get(PORT, b"0"))

    async def call(self, name: str, arguments: Arguments) -> object:
        """Do what a command asks. Raises MeshError."""
        return await calls.call(self, name, arguments)

    # ── owner of the engine, where there is no network ───────────────────────────────────────────

    def ask(self, peer: PeerName, want: Want) -> None:
        """Ask a peer."""
        if self.talk:
            self.talk.ask(peer, want)

    def happened(self, effects: Effects) -> None:
        """Tell the others."""
        if self.talk:
            self.talk.happened(effects)
        if self.duties and effects.judged:
            self.duties.judged()
        if self.rulings:
            self.rulings.look_soon()
        for one in self.news:
            one.set()
        self.vault.happened(effects)
        self.drops.look_soon()

    async def keep_keys(self) -> None:
        """Keep in the vault which epoch keys are here. Raises MeshError; then the log still gives those it gave."""
        keys = self.engine.keyring.keys()
        if keys != self.held.epochs:
            held = replace(self.held, epochs=keys)
            await asyncio.to_thread(vault.renew, self.home, held)
            self.held = held

    # ── network ──────────────────────────────────────────────────────────────────────────────────

    def make_bus(self) -> None:
        """Set up the bus and the talk over it."""
        from mesh.node import networking  # noqa: PLC0415 - as above

        networking.set_up(self)

    def successor(self) -> Digest | None:
        """The admission that this device has instead of its own, which was closed."""
        own = self.engine.own
        return successor(self.engine.replica.verdict, own.admission, own.keys.sign_key)

    async def let_in(self) -> None:
        """Let the bus know who is live, and where they were last. Whoever was taken out only visits."""
        if self.bus is None:
            return
        if self.successor() is not None:
            self.again = True
            self.ending.set()  # everybody calls this device by another name now: it starts anew under that
        peers = roster(self.engine.replica.verdict, self.engine.own.admission, self._dialled_at)
        try:
            await self.bus.roster(peers, self.strange)
        except MeshError as error:
            self.log("roster.failed", error=str(error))

    def known_at(self, device: str) -> tuple[str, ...]:
        """Addresses where a device was reached, or which it told itself, newest first."""
        return self.addresses.get(device, ())

    def _dialled_at(self, admission: Digest) -> tuple[str, ...]:
        """Where to dial a device: what we know ourselves, then what statements say, also under an admission before.

        A relay calls nobody.
        """
        if self.engine.is_relay:
            return ()
        verdict = self.engine.replica.verdict
        key = verdict.admissions[admission].sign_key
        names = [admission, *(name for name, found in verdict.closed.items() if found.sign_key == key)]
        known = [one for name in names for one in (*self.known_at(device_text(name)), *verdict.addresses_of(name))]
        return tuple(dict.fromkeys(known))[:ADDRESSES_PER_PEER_MAX]

    async def note_addresses(self) -> None:
        """Keep where peers were reached and which port the own server has, for the next start."""
        if self.bus is None:
            return
        from mesh.node import touch  # noqa: PLC0415 - as above

        await touch.look(self, self.bus.links())
        await self.meetings.look()
        port = self.bus.server().port
        if port and port != self.port:
            self.port = port
            await self.engine.remember(PORT, str(port).encode())
            if self.talk:
                self.talk.moved()
        for link in self.bus.links():
            known = self.known_at(link.device)
            if link.connected and link.address and link.direction in {"out", "both"}:
                await self._keep_addresses(link.device, (link.address, *known))

    async def _keep_addresses(self, device: str, addresses: Sequence[str]) -> None:
        newest = tuple(dict.fromkeys(addresses))[:ADDRESSES_PER_PEER_MAX]
        if newest != self.known_at(device):
            self.addresses[device] = newest
            await self.engine.remember(addresses_key(device), json.dumps(newest).encode())

    def own_addresses(self) -> tuple[str, ...]:
        """Where others may reach this device's server."""
        from mesh.node import networking  # noqa: PLC0415 - as above

        port = self.bus.server().port if self.bus else 0
        return networking.addresses(self.interfaces, port) if port else ()

    async def learned(self, device: str, addresses: Sequence[str]) -> None:
        """Keep where a device told that it can be reached, and dial it there from now on; a relay need not know."""
        if self.engine.is_relay:
            return
        if self.locations is not None:
            self.locations.told[device] = tuple(addresses)
        before = self.known_at(device)
        await self._keep_addresses(device, (*addresses, *before))
        if self.known_at(device) != before:
            await self.let_in()

    async def strange_addresses(self, addresses: Sequence[str]) -> None:
        """Keep the addresses that the person typed, and dial them."""
        await self.engine.remember(_STRANGE, json.dumps(list(addresses)).encode())
        self.strange = tuple(addresses)
        await self.let_in()

    async def serve(self, ready: Callable[[], None]) -> None:
        """Work as the background agent until asked to end."""
        from mesh.node import networking  # noqa: PLC0415 - as above

        await networking.choose_port(self)
        self.make_bus()
        async with served(socket_path(self.home), self.call, self.log), asyncio.TaskGroup() as group:
            tasks = [group.create_task(self._supervised(name, part)) for name, part in self._parts()]
            await self.let_in()
            ready()
            await self.ending.wait()
            await self._note_addresses_at_last()
            await ended(tasks, self.log)

    def _parts(self) -> Sequence[tuple[str, Callable[[], Awaitable[None]]]]:
        """What is kept at work, this agent's own parts first."""
        from mesh.node import parts  # noqa: PLC0415 - as above
        from mesh.node.nearby import moves  # noqa: PLC0415 - as above

        assert self.talk and self.duties and self.rulings and self.locations  # noqa: PT018 - one fact, of `make_bus`
        return (
            ("talk", self.talk.run),
            ("addresses", self._watch_addresses),
            ("output", lambda: keep_bounded(output_path(self.home))),
            ("moves", lambda: moves.watch(self.interfaces, self.moved)),
            ("locations", self.locations.run),
            ("duties", self.duties.run),
            ("rules", self.rulings.run),
            *parts.of(self),
            *((("beacon", self.finding.run),) if self.finding is not None else ()),
        )

    def moved(self, doubtful: bool) -> None:  # noqa: FBT001 - what `moves` tells
        """This machine slept or has other addresses; links may be dead by it."""
        assert self.bus is not None and self.talk is not None, "only while serving"  # noqa: PT018
        self.log("moved", doubtful=doubtful)
        if doubtful:
            self.bus.moved()
        self.talk.moved()
        if self.finding is not None:
            self.finding.moved()

    async def _watch_addresses(self) -> None:
        while True:
            await self.note_addresses()
            await asyncio.sleep(timing.ADDRESSES_INTERVAL_S)

    async def _note_addresses_at_last(self) -> None:
        with contextlib.suppress(MeshError):  # a full disk must not keep the agent from ending
            await self.note_addresses()
            await self.meetings.keep()

    def _supervised(self, name: str, part: Callable[[], Awaitable[None]]) -> Coroutine[None, None, None]:
        return supervised(name, part, self._failed)

    def _failed(self, part: str, error: Exception) -> None:
        """A part failed: it is shown until another one does."""
        self.problem = (f"{part}: {error!s}", told(error))
        self.log("part.failed", part=part, error=repr(innermost(error)))


def joined(home: Path) -> vault.Secrets:
    """The secrets of a home in a mesh. Raises Misuse when it is in none, Elsewhere on another machine."""
    machine.must_be_here(home)
    held = vault.load(home)
    if held is None or not held.joined:
        raise Misuse("this device is in no mesh yet", hint="`mesh join` founds one, or joins one by a code.")
    return held


async def _started(home: Path, held: vault.Secrets, store: Store, log: Log) -> Agent:
    """An agent that has read its store, under the admission that counts."""
    agent = Agent(home, held, store, log)
    await agent.start()
    if (again := agent.successor()) is None:
        return agent
    log("succession", device=device_text(again), before=agent.device)
    agent = Agent(home, succeed(home, held, again), store, log)
    await agent.start()
    return agent


@asynccontextmanager
async def opened(home: Path, *, interfaces: Sequence[str] = (), log: Log = silent) -> AsyncIterator[Agent]:
    """An agent on this home, for as long as the block lasts. Raises Misuse, Busy, Damaged."""
    held = joined(home)
    store = await open_store(home)
    try:
        machine.adopt(home)
        agent = await _started(home, held, store, log)
        agent.interfaces = tuple(interfaces)
        async with asyncio.TaskGroup() as group:
            group.create_task(agent.engine.work(), name=WRITER)
            yield agent
            with contextlib.suppress(MeshError):  # the log gives them again
                await agent.vault.closed()
                await agent.keep_keys()
            await agent.engine.stop()
    except BaseExceptionGroup as group:
        raise innermost(group) from group
    finally:
        await store.close()


async def run(home: Path, interfaces: Sequence[str], ready: Callable[[Mapping[str, object]], None]) -> None:
    """The background agent: until SIGTERM, SIGINT or `mesh down`. Raises MeshError when it cannot start."""
    joined(home)  # where there is nothing, nothing is made
    vault.make_home(home)
    log, close = log_opened(home)
    try:
        while await _served_once(home, interfaces, ready, log):
            continue
    finally:
        close()


async def _served_once(
    home: Path, interfaces: Sequence[str], ready: Callable[[Mapping[str, object]], None], log: Log
) -> bool:
    """One life of the agent; whether it is to start anew."""
    async with opened(home, interfaces=interfaces, log=log) as agent:
        loop = asyncio.get_running_loop()
        stopped = False

        def stop() -> None:
            nonlocal stopped
            stopped = True
            agent.ending.set()

        for name in (signal.SIGTERM, signal.SIGINT):
            loop.add_signal_handler(name, stop)
        log("agent.start", version=mesh.__version__, pid=os.getpid(), device=agent.device)
        with contextlib.suppress(asyncio.CancelledError):
            await agent.serve(lambda: ready({"pid": os.getpid(), "device": agent.device}))
        log("agent.end", pid=os.getpid())
        return agent.again and not stopped
