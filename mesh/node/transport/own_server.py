"""The own nats-server as the bus needs it: up, with exactly the roster let in, and a wire of ours to it.

Starts it again when it falls, reloads it when the roster changes and then looks who is still connected. It never
talks to peers. With an external server it only keeps the wire: who may enter there is not ours to say.
"""

from __future__ import annotations

import asyncio
import contextlib
import json
import os
import time
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from mesh.errors import MeshError, Unreachable
from mesh.limits import SERVER_CONNECTIONS_MAX
from mesh.node import timing
from mesh.node.ports import Peer, ServerState, ServerStatus, TransportKeys, WebPlace
from mesh.node.transport.broker import Broker, find_server, free_port
from mesh.node.transport.broker_config import (
    ServerKeys,
    ServerPlace,
    address_text,
    guest_seed,
    inbox,
    nkey_public,
    server_config,
    subject,
)
from mesh.node.transport.door import Door
from mesh.node.transport.forwarder import Forwarder
from mesh.node.transport.tls import TlsFiles, leaf_name, mesh_context, pinned_context, public_of
from mesh.node.transport.wires import Arrived, Dialler, Listener, Login, Wire

_SEED_BYTES = 32
_REDIALS_MAX = 3  # a server that lives and does not answer so often is ended and started anew
_KICKS_MAX = 3
_WILDCARDS = {"0.0.0.0": "127.0.0.1", "::": "::1"}  # noqa: S104 a device listens to its peers; TLS and nkeys guard


@dataclass(frozen=True, slots=True)
class Listening:
    """Where the own server is to listen, or which external one to use instead."""

    hosts: Sequence[str] = ("0.0.0.0",)  # noqa: S104 as above; Go listens on IPv6 as well
    port: int = 0
    """0 means: choose one once."""
    server_path: Path | None = None
    external_url: str = ""
    sitter: bool | None = None


@dataclass(slots=True)
class Told:
    """Whom the own server tells what."""

    arrived: Listener
    up: Callable[[], None]
    down: Callable[[], None]
    gone: Callable[[str], Awaitable[None]]
    """A connection with this nkey ended."""


@dataclass(slots=True)
class _Condition:
    state: ServerState = "off"
    problem: str = ""
    hint: str = ""
    since_s: float = field(default_factory=time.monotonic)


class OwnServer:
    """The server of this device."""

    def __init__(
        self, device: str, keys: TransportKeys, folder: Path, listening: Listening, dial: Dialler, files: TlsFiles
    ) -> None:
        self.wire: Wire | None = None
        self.port = listening.port
        self._device = device
        self._keys = keys
        self._folder = folder
        self._listening = listening
        self._dial = dial
        self._files = files
        self._system_seed = os.urandom(_SEED_BYTES)
        self._system: Wire | None = None
        self._peers: tuple[Peer, ...] = ()
        self._web: WebPlace | None = None
        self._applied = ""
        self._lock = asyncio.Lock()
        self._knocked = asyncio.Event()
        self._broker: Broker | None = None
        self._condition = _Condition()

    def status(self) -> ServerStatus:
        """How it is, for people."""
        external = self._listening.external_url
        condition = self._condition
        address = external or address_text(self._listening.hosts[0], self.port)
        pid = self._broker.pid if self._broker is not None else None
        known = (condition.problem, condition.hint)
        return ServerStatus(address, self.port, pid, condition.state, *known, external=bool(external))

    async def run(self, told: Told) -> None:
        """Keep it up until cancelled; then it is gone."""
        fails = 0
        try:
            while True:
                started_s = time.monotonic()
                try:
                    await self._once(told)
                    self._condition = _Condition("waiting", "nats-server ended by itself", f"See {self._folder}.")
                except* MeshError as group:
                    error = _first(group)
                    self._condition = _Condition("waiting", str(error), error.hint)
                except* OSError as group:  # a full disk, a folder that is gone
                    self._condition = _Condition("waiting", str(group.exceptions[0]), f"Look at {self._folder}.")
                fails = 0 if time.monotonic() - started_s >= timing.SERVER_STEADY_S else fails + 1
                wait_s = timing.SERVER_BACKOFF_FIRST_S * 2 ** min(max(fails - 1, 0), 16)
                await asyncio.sleep(min(timing.SERVER_BACKOFF_S_MAX, wait_s))
        finally:
            self._condition = _Condition("off")

    async def roster(self, peers: Sequence[Peer]) -> None:
        """Let in exactly these. Raises Unreachable when the server did not take it; then it is restarted."""
        self._peers = tuple(peers)
        await self._settle()

    async def open_web(self, place: WebPlace | None) -> None:
        """Take WebSockets there from now on. nats-server reloads nothing of this, so it is started anew."""
        async with self._lock:
            changed, self._web = place != self._web, place
            if changed and self._broker is not None:
                await self._broker.stop()

    async def _once(self, told: Told) -> None:
        """One life of the server."""
        if self._listening.external_url:
            await self._attend(told, None)
            return
        broker = self._prepared()
        try:
            async with self._lock:
                self._condition.state = "starting"
                await broker.end_left_over()
                self._applied = ""
                text = self._text()
                await broker.write(text)
                await broker.start()
                self._applied = text
            async with asyncio.TaskGroup() as group:
                forwarding = group.create_task(self._forward())
                await self._attend(told, broker)
                forwarding.cancel()
        finally:
            await broker.stop()

    def _prepared(self) -> Broker:
        if self._broker is None:
            binary = find_server(self._listening.server_path)
            self._broker = Broker(self._folder, binary, sitter=self._listening.sitter)
        if self.port == 0:
            self.port = free_port(self._listening.hosts)
        return self._broker

    def _text(self) -> str:
        own = public_of(self._keys.nkey_seed)
        guest = public_of(guest_seed(self._keys.mesh_secret))
        keys = ServerKeys(own, public_of(self._system_seed), guest)
        place = ServerPlace(self._listening.hosts[0], self.port, self._folder, self._files, self._web)
        return server_config(self._device, keys, place, self._peers)

    async def _forward(self) -> None:
        hosts = self._listening.hosts
        if len(hosts) > 1:
            await Forwarder(hosts[1:], hosts[0], self.port).run()

    async def _attend(self, told: Told, broker: Broker | None) -> None:
        """Keep our wires to the server as long as it lives."""
        fails = 0
        while (broker is None or broker.running()) and fails < _REDIALS_MAX:
            try:
                await self._connect()
            except Unreachable as error:
                fails += 1
                self._condition.problem, self._condition.hint = str(error), error.hint
                await asyncio.sleep(timing.OWN_REDIAL_S)
                continue
            fails = 0
            try:
                await self._listen(told)
                self._condition = _Condition("external" if broker is None else "up")
                told.up()
                await self._watch()
            finally:
                await self._disconnect(told)
            if broker is not None:
                await _ended_soon(broker)
        if broker is None:
            raise Unreachable(self._condition.problem, hint="Is the external server up, and does it know this device?")

    async def _watch(self) -> None:
        """Keep the guests' door until our wire is closed."""
        assert self.wire is not None, "it is set until it is disconnected"
        async with asyncio.TaskGroup() as group:
            door = group.create_task(self._keep_door(self._system)) if self._system is not None else None
            await self.wire.closed.wait()
            if door is not None:
                door.cancel()

    async def _keep_door(self, system: Wire) -> None:
        """While guests are here, see to it that there is room for the next ones."""
        guest = nkey_public(public_of(guest_seed(self._keys.mesh_secret)))
        door = Door()
        while True:
            self._knocked.clear()
            try:
                here = {cid: source for cid, user, source in await self._connections(system) if user == guest}
                for cid in door.leaving(here, time.monotonic()):
                    await self._kick(system, cid)
            except Unreachable:
                here = {}  # the server ends, or the next guest tells
            with contextlib.suppress(TimeoutError):
                async with asyncio.timeout(timing.GUEST_LOOK_S if here else None):
                    await self._knocked.wait()

    async def _knock(self, message: Arrived) -> None:
        del message
        self._knocked.set()

    async def _connect(self) -> None:
        wire = await self._dial(self._login(self._keys.nkey_seed, inbox(self._device)))
        try:
            if not self._listening.external_url:
                self._system = await self._dial(self._login(self._system_seed, "_INBOX_SYS"))
        except BaseException:
            await wire.close()
            raise
        self.wire = wire

    async def _listen(self, told: Told) -> None:
        """Hear others, as the last of all: whoever is heard must be answerable, and in the roster of now."""
        await self._settle()
        if self._system is not None:
            await self._system.listen("$SYS.ACCOUNT.MESH.DISCONNECT", _ended(told))
            await self._system.listen("$SYS.ACCOUNT.GUEST.CONNECT", self._knock)
        assert self.wire is not None, "connected before"
        await self.wire.listen(subject(self._device, "*", ">"), told.arrived)

    async def _disconnect(self, told: Told) -> None:
        wires = (self.wire, self._system)
        self.wire = self._system = None
        told.down()
        for wire in wires:
            if wire is not None:
                await wire.close()

    def _login(self, seed: bytes, prefix: str) -> Login:
        secret = self._keys.mesh_secret
        url = self._listening.external_url
        if url:
            context = mesh_context(self._files, secret) if url.startswith("tls://") else None
            return Login(url, seed, prefix, context, "", timing.DIAL_TIMEOUT_S)
        host = _WILDCARDS.get(self._listening.hosts[0], self._listening.hosts[0])
        tls_key = public_of(self._keys.tls_seed)
        context = pinned_context(self._files, secret, tls_key)
        url = f"tls://{address_text(host, self.port)}"
        return Login(url, seed, prefix, context, leaf_name(secret, tls_key), timing.DIAL_TIMEOUT_S)

    async def _settle(self) -> None:
        """Make the running server let in what the roster says, and nobody else any more."""
        async with self._lock:
            system, broker = self._system, self._broker
            text = self._text()
            if system is None or broker is None or text == self._applied:
                return  # it is down: it starts with the roster of then
            self._applied = ""
            try:
                await broker.write(text)
                await self._reload(system)
                await self._expel(system)
            except MeshError:
                await broker.stop()  # better down for a moment than open to who was removed
                raise
            self._applied = text

    async def _reload(self, system: Wire) -> None:
        """Have the server read its configuration, and believe that it did only when its own word has changed."""
        server = await self._server_id(system)
        before = await self._loaded(system, server)
        answer = await self._system_asked(system, f"{server}.RELOAD", {})
        error = answer.get("error")
        if error or await self._loaded(system, server) == before:
            message = f"nats-server did not take the new roster: {error or 'its configuration is that of before'}"
            raise Unreachable(message, hint="It is restarted with it.")

    async def _loaded(self, system: Wire, server: str) -> object:
        """When the server read its configuration last."""
        data = (await self._system_asked(system, f"{server}.VARZ", {})).get("data")
        return data.get("config_load_time") if isinstance(data, dict) else None

    async def _expel(self, system: Wire) -> None:
        """Look who is connected, and end connections of those whom the roster no longer names."""
        keys = [self._keys.nkey_seed, self._system_seed, guest_seed(self._keys.mesh_secret)]
        allowed = {nkey_public(public_of(seed)) for seed in keys}
        allowed |= {nkey_public(peer.transport_key) for peer in self._peers if not peer.only_visited}
        for _ in range(_KICKS_MAX):
            strangers = [cid for cid, user, _ in await self._connections(system) if user not in allowed]
            if not strangers:
                return
            for cid in strangers:
                await self._kick(system, cid)
        message = "a device that was removed is still connected"
        raise Unreachable(message, hint="The server is restarted, which ends every connection.")

    async def _connections(self, system: Wire) -> list[tuple[int, str, str]]:
        """Number, nkey and address of each connection."""
        asked: dict[str, object] = {"auth": True, "limit": SERVER_CONNECTIONS_MAX}
        answer = await self._system_asked(system, f"{await self._server_id(system)}.CONNZ", asked)
        data = answer.get("data")
        told = data.get("connections", []) if isinstance(data, dict) else []
        return [(one["cid"], str(one.get("authorized_user", "")), str(one.get("ip", ""))) for one in told]

    async def _kick(self, system: Wire, cid: int) -> None:
        await self._system_asked(system, f"{await self._server_id(system)}.KICK", {"cid": cid})

    async def _server_id(self, system: Wire) -> str:
        answer = await self._system_asked(system, "PING", {})
        server = answer.get("server")
        return str(server["id"]) if isinstance(server, dict) else ""

    async def _system_asked(self, system: Wire, what: str, body: dict[str, object]) -> dict[str, object]:
        words = f"$SYS.REQ.SERVER.{what}"
        raw = await system.ask(words, json.dumps(body).encode(), timeout_s=timing.RELOAD_TIMEOUT_S)
        answer = json.loads(raw)
        assert isinstance(answer, dict), f"nats-server answers {what} with an object"
        return answer


def _ended(told: Told) -> Listener:
    async def ended(message: Arrived) -> None:
        client = json.loads(message.body).get("client", {})
        await told.gone(str(client.get("user", client.get("nkey", ""))))

    return ended


async def _ended_soon(broker: Broker) -> None:
    """After a closed wire: most often the whole process is gone, and the sooner that is known the better."""
    with contextlib.suppress(TimeoutError):
        async with asyncio.timeout(timing.OWN_REDIAL_S):
            await broker.ended()


def _first(group: BaseExceptionGroup[MeshError]) -> MeshError:
    error = group.exceptions[0]
    return _first(error) if isinstance(error, BaseExceptionGroup) else error
