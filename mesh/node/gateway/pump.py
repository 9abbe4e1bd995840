"""A phone's way to the own nats-server: a WebSocket of the page's origin, passed on to the listener on loopback.

It reads only the greeting of the server and the login of the client, so that nothing but a login of a live phone ever
reaches the server; then it passes frames both ways without looking at them. Whether the login is genuine, the server
says: nobody here knows a phone's key. What a browser tells about itself goes no further.
"""

from __future__ import annotations

import asyncio
import contextlib
import json
from collections import Counter
from collections.abc import Callable, Iterator
from typing import TYPE_CHECKING

import aiohttp
from aiohttp import WSMsgType, web

from mesh.errors import Malformed
from mesh.events.verdict import Admission
from mesh.limits import (
    DOOR_FRAME_BYTES_MAX,
    DOOR_LINKS_PER_PHONE_MAX,
    DOOR_LOGIN_BYTES_MAX,
    DOOR_UNPROVEN_MAX,
    DOOR_UNPROVEN_PER_SOURCE_MAX,
    INFO_BYTES_MAX,
    SERVER_PENDING_BYTES_MAX,
)
from mesh.names import Digest
from mesh.node import timing
from mesh.node.invitation import source_of
from mesh.node.transport.broker_config import nkey_public

if TYPE_CHECKING:
    from mesh.node.agent import Agent

REMOVED = 4403
"""The close code that tells a phone: this node does not count you as a device of the mesh (any more)."""
AGAIN = 1012
"""Service restart (RFC 6455, IANA registry): the server behind went; try again."""

_BROKEN = 1008  # policy violation
_REPLACED = 4409
_BUSY, _NOT_NOW = 429, 503
_TOLD = ("server_id", "server_name", "version", "nonce", "max_payload", "headers", "proto", "auth_required")
"""What of the server's greeting a stranger hears. Without the version nats-core fails without a word."""
_PONG = b"PONG\r\n"
_PING = b"\r\nPING\r\n"


class _Unknown(Exception):
    """The login names no live phone."""


class _NotTaken(Exception):
    """The server did not take the login."""


class _Gone(Exception):
    """The other side went before it was through."""


Socket = web.WebSocketResponse | aiohttp.ClientWebSocketResponse


class Pump:
    """The WebSockets of one agent's door."""

    def __init__(self, agent: Agent, origin: str, port: Callable[[], int]) -> None:
        """`port`: where the own server takes WebSockets; it takes them from our origin only."""
        self._agent, self._origin, self._port = agent, origin, port
        self._unproven: Counter[str] = Counter()
        self._links: dict[Digest, list[web.WebSocketResponse]] = {}

    async def nats(self, request: web.Request) -> web.StreamResponse:
        """One client, from its upgrade to its end."""
        source = source_of(request.remote or "0.0.0.0")  # noqa: S104 - a caller whose address nobody knows
        if self._unproven[source] >= DOOR_UNPROVEN_PER_SOURCE_MAX or self._unproven.total() >= DOOR_UNPROVEN_MAX:
            return web.Response(status=_BUSY, text="Too many are logging in.\n")
        async with contextlib.AsyncExitStack() as stack:
            proven = stack.enter_context(self._counted(source))
            upstream = await self._dialled(stack)
            if upstream is None:  # before the upgrade: the page sees at once that there is nobody
                return web.Response(status=_NOT_NOW, text="The nats-server is not up.\n")
            client = web.WebSocketResponse(
                compress=False, max_msg_size=DOOR_FRAME_BYTES_MAX, timeout=timing.CLOSE_TIMEOUT_S
            )
            await client.prepare(request)
            phone = await self._let_in(client, upstream)
            proven()
            if phone is not None:
                await self._pass(client, upstream, phone)
            return client

    @contextlib.contextmanager
    def _counted(self, source: str) -> Iterator[Callable[[], None]]:
        """Counts who has not proved anything yet, until the function that it gives is called."""
        counts = True
        self._unproven[source] += 1

        def proven() -> None:
            nonlocal counts
            if counts:
                counts = False
                self._unproven[source] -= 1
                if not self._unproven[source]:
                    del self._unproven[source]

        try:
            yield proven
        finally:
            proven()

    async def _dialled(self, stack: contextlib.AsyncExitStack) -> aiohttp.ClientWebSocketResponse | None:
        # No User-Agent: to a browser's the server speaks in frames of 4 KiB, four times as slow.
        session = await stack.enter_async_context(
            aiohttp.ClientSession(skip_auto_headers=["User-Agent"], headers={"Origin": self._origin})
        )
        url = f"ws://127.0.0.1:{self._port()}/"
        try:
            async with asyncio.timeout(timing.DIAL_TIMEOUT_S):
                upstream = await session.ws_connect(url, max_msg_size=SERVER_PENDING_BYTES_MAX, compress=0)
        except (aiohttp.ClientError, OSError, TimeoutError):
            return None
        return await stack.enter_async_context(upstream)

    async def _let_in(self, client: web.WebSocketResponse, upstream: Socket) -> Admission | None:
        """See a login through; whose it was, or None: then the client was told and sent away."""
        try:
            async with asyncio.timeout(timing.DOOR_LOGIN_S):
                return await self._logged_in(client, upstream)
        except _Unknown:
            await client.send_bytes(b"-ERR 'Authorization Violation'\r\n")
            await self._closed(client, REMOVED, b"not a phone of this mesh")
        except _NotTaken:
            await self._closed(client, AGAIN, b"the server did not take the login")
        except (_Gone, Malformed, TimeoutError, ConnectionError):
            await self._closed(client, _BROKEN, b"no login")
        return None

    async def _logged_in(self, client: web.WebSocketResponse, upstream: Socket) -> Admission:
        await client.send_bytes(thinned(await _frame(upstream)))
        said = b""
        while not said.endswith(_PING):
            said += await _frame(client)
            if len(said) > DOOR_LOGIN_BYTES_MAX:
                raise Malformed("too much before the login")
        phone = self._phone(nkey_of(said))
        await upstream.send_bytes(said)
        answer = await _frame(upstream)
        if not answer.startswith(_PONG):
            raise _NotTaken
        await client.send_bytes(answer)
        return phone

    def _phone(self, nkey: str) -> Admission:
        """The live phone with this login. Raises _Unknown."""
        for found in self._agent.engine.replica.verdict.live.values():
            if found.in_browser and nkey_public(found.transport_key) == nkey:
                return found
        raise _Unknown

    async def _pass(self, client: web.WebSocketResponse, upstream: Socket, phone: Admission) -> None:
        """Frames both ways, until one side goes or the phone is no device of the mesh any more."""
        mine = self._links.setdefault(phone.digest, [])
        mine.append(client)
        self._agent.log("phone.in", device=phone.name, links=len(mine))
        try:
            async with asyncio.TaskGroup() as group:
                if len(mine) > DOOR_LINKS_PER_PHONE_MAX:
                    group.create_task(self._closed(mine.pop(0), _REPLACED, b"another page of this phone"))
                ways = [group.create_task(way) for way in (_passed(client, upstream), _passed(upstream, client))]
                await asyncio.wait(ways, return_when=asyncio.FIRST_COMPLETED)
                for way in ways:
                    way.cancel()
            live = self._agent.engine.replica.verdict.is_live(phone.digest)
            await self._closed(client, AGAIN if live else REMOVED, b"the server went" if live else b"removed")
        finally:
            if client in mine:
                mine.remove(client)
            if not mine:
                self._links.pop(phone.digest, None)
            self._agent.log("phone.out", device=phone.name)

    @staticmethod
    async def _closed(client: web.WebSocketResponse, code: int, why: bytes) -> None:
        with contextlib.suppress(ConnectionError):
            await client.close(code=code, message=why)


async def _passed(source: Socket, target: Socket) -> None:
    """What comes from one, to the other; whoever cannot take more is waited for."""
    with contextlib.suppress(ConnectionError):
        async for message in source:
            if message.type is not WSMsgType.BINARY:
                return  # nats clients send nothing else
            await target.send_bytes(message.data)


async def _frame(socket: Socket) -> bytes:
    """The next frame. Raises _Gone."""
    message = await socket.receive()
    if message.type is not WSMsgType.BINARY:
        raise _Gone
    data: bytes = message.data
    return data


def thinned(greeting: bytes) -> bytes:
    """The server's greeting without what is no stranger's business. Raises Malformed."""
    if not greeting.startswith(b"INFO ") or len(greeting) > INFO_BYTES_MAX:
        raise Malformed("no greeting of a nats-server")
    told = _object(greeting.removeprefix(b"INFO "))
    return b"INFO " + json.dumps({key: told[key] for key in _TOLD if key in told}).encode() + b"\r\n"


def nkey_of(said: bytes) -> str:
    """As whom a client logs in, which says `CONNECT` and `PING` and nothing else. Raises Malformed."""
    line = said.removesuffix(_PING)
    if not line.startswith(b"CONNECT ") or b"\r" in line or b"\n" in line:
        raise Malformed("no login")
    return str(_object(line.removeprefix(b"CONNECT ")).get("nkey", ""))


def _object(raw: bytes) -> dict[str, object]:
    try:
        told = json.loads(raw)
    except (ValueError, RecursionError) as error:
        raise Malformed("that is no JSON") from error
    if not isinstance(told, dict):
        raise Malformed("that is no object")
    return told
