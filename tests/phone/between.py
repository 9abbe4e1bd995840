"""Whoever else answers where the page's name leads, with a certificate that the browser accepts.

It hands everything on to a device, unless it is told to change what comes from there, or to be somebody itself: then it
speaks as a nats-server that claims to be a device whose key it has not. It keeps what it was given, for tests to see.
"""

from __future__ import annotations

import asyncio
import contextlib
import json
import secrets
import socket
import ssl
import threading
import time
from collections.abc import AsyncIterator, Callable, Iterator
from dataclasses import dataclass, field

import aiohttp
from aiohttp import WSMsgType, web
from aiohttp.abc import AbstractResolver, ResolveResult

from mesh.node.gateway import authority
from tests.phone.phones import Phone

HERE = "127.0.0.2"
READY_S = 20.0
FAREWELL_S = 0.5
_SERIAL_BITS = 127
_MAX_PAYLOAD = 8_388_608
_HOPS = {"host", "connection", "upgrade", "transfer-encoding", "content-length", "keep-alive"}
_OK = b"\0"

Change = Callable[[bytes], bytes]
Socket = web.WebSocketResponse | aiohttp.ClientWebSocketResponse


@dataclass(frozen=True)
class Target:
    """A door that everything is handed on to: its origin, and the address where it is."""

    origin: str
    host: str = "127.0.0.1"


@dataclass(frozen=True)
class Claim:
    """A device that somebody says to be."""

    device: str


@dataclass
class Between:
    """Who answers for the page. `to`: whom it hands on to, or who it says to be; `change`: what it does to a frame."""

    phone: Phone
    to: Target | Claim
    change: Change | None = None
    asked: list[str] = field(default_factory=list)
    given: dict[str, bytes] = field(default_factory=dict)
    """What was said to the one that it claims to be: the latest body of each verb or path."""

    def __post_init__(self) -> None:
        """Where the page is, as the phone knows it."""
        name, _, port = self.phone.origin.removeprefix("https://").partition(":")
        self._name, self._port = name, int(port)
        self._ended: Callable[[], object] = lambda: None

    # ── as the browser sees it ───────────────────────────────────────────────────────────────────

    def serve(self) -> None:
        """Answer from now on, until `close`."""
        made = authority.new_authority(self._name, int(time.time()))
        key = authority.new_key()
        leaf = made.leaf(authority.public_of(key), int(time.time()), secrets.randbits(_SERIAL_BITS))
        folder = self.phone.browser.folder
        (folder / "between.crt").write_bytes(made.certificate)
        (folder / "between.pem").write_bytes(authority.chain_pem(leaf) + authority.key_pem(key))
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.load_cert_chain(folder / "between.pem")
        self.phone.browser.trust("between", folder / "between.crt")
        up = threading.Event()
        self._thread = threading.Thread(target=lambda: asyncio.run(self._run(context, up)))
        self._thread.start()
        assert up.wait(READY_S), "nobody can listen there"

    def close(self) -> None:
        """Answer no more."""
        self._ended()
        self._thread.join(READY_S)

    async def _run(self, context: ssl.SSLContext, up: threading.Event) -> None:
        loop, over = asyncio.get_running_loop(), asyncio.Event()
        self._ended = lambda: loop.call_soon_threadsafe(over.set)
        app = web.Application()
        app.router.add_route("*", "/{path:.*}", self._answer)
        runner = web.AppRunner(app, access_log=None, shutdown_timeout=1)
        await runner.setup()
        assert runner.server is not None, "set up just now"
        place = HERE, self._port
        server = await loop.create_server(runner.server, *place, ssl=context, ssl_shutdown_timeout=FAREWELL_S)
        up.set()
        await over.wait()
        server.close()
        await runner.cleanup()
        await asyncio.sleep(2 * FAREWELL_S)  # a line over TLS ends after that, and nothing tells when

    # ── handing on ───────────────────────────────────────────────────────────────────────────────

    async def _answer(self, request: web.Request) -> web.StreamResponse:
        self.asked.append(request.path)
        if isinstance(self.to, Claim):
            return await (self._nats if request.path == "/nats" else self._page)(request, self.to)
        kept = {name: value for name, value in request.headers.items() if name.lower() not in _HOPS}
        async with _session(self.to.host) as session:
            if "Origin" in kept:
                kept["Origin"] = self.to.origin
            if request.headers.get("Upgrade"):
                return await self._pumped(request, session, self.to)
            url = f"{self.to.origin}{request.rel_url}"
            try:
                async with session.request(request.method, url, headers=kept, data=await request.read()) as answer:
                    said = {name: value for name, value in answer.headers.items() if name.lower() not in _HOPS}
                    return web.Response(status=answer.status, body=await answer.read(), headers=said)
            except aiohttp.ClientError:
                return web.Response(status=502)

    async def _pumped(
        self, request: web.Request, session: aiohttp.ClientSession, to: Target
    ) -> web.WebSocketResponse | web.Response:
        try:
            far = await session.ws_connect(f"{to.origin}{request.path}", origin=to.origin, max_msg_size=0, compress=0)
        except aiohttp.ClientError:
            return web.Response(status=502)
        try:
            near = web.WebSocketResponse(max_msg_size=0, compress=False)
            await near.prepare(request)
            async with asyncio.TaskGroup() as group:
                ways = [group.create_task(_passed(near, far, None)), group.create_task(self._back(far, near))]
                await asyncio.wait(ways, return_when=asyncio.FIRST_COMPLETED)
                for way in ways:
                    way.cancel()
            await near.close(code=far.close_code or 1011)
        finally:
            await far.close()
        return near

    async def _back(self, far: Socket, near: Socket) -> None:
        await _passed(far, near, lambda frame: self.change(frame) if self.change else frame)

    # ── being somebody ───────────────────────────────────────────────────────────────────────────

    async def _page(self, request: web.Request, claim: Claim) -> web.Response:
        """It is the page as well, and says yes to everything."""
        self.given[request.path] = await request.read()
        said = {"device": claim.device, "door": self._name, "held": 1_000, "tips": []}
        return web.json_response(said, headers={"Cache-Control": "no-store"})

    async def _nats(self, request: web.Request, claim: Claim) -> web.WebSocketResponse:
        near = web.WebSocketResponse(max_msg_size=0, compress=False)
        await near.prepare(request)
        told = {"server_id": "X", "server_name": claim.device, "version": "2.12.1", "nonce": "bm9uY2U", "proto": 1}
        await near.send_bytes(b"INFO " + json.dumps({**told, "max_payload": _MAX_PAYLOAD}).encode() + b"\r\n")
        held, answers = b"", b""
        async for message in near:
            held += message.data if isinstance(message.data, bytes) else b""
            while b"\r\n" in held:
                line, rest = held.split(b"\r\n", 1)
                words = line.split()
                if words[0] == b"PUB":
                    size = int(words[-1])
                    if len(rest) < size + 2:
                        break
                    body, rest = rest[:size], rest[size + 2 :]
                    if answer := self._heard(words[1:-1], body):
                        await near.send_bytes(b"MSG %s %s %d\r\n%s\r\n" % (words[2], answers, len(answer), answer))
                elif words[0] == b"PING":
                    await near.send_bytes(b"PONG\r\n")
                elif words[0] == b"SUB" and words[1].startswith(b"_INBOX_"):
                    answers = words[2]
                held = rest
        return near

    def _heard(self, words: list[bytes], body: bytes) -> bytes:
        """What it says to a message: yes; and to who it is, that by a key of its own."""
        verb = words[0].rpartition(b".")[2].decode()
        self.given[verb] = body
        if len(words) == 1:
            return b""
        return _OK + (secrets.token_bytes(64) if verb == "who" else b"")


class _To(AbstractResolver):
    """Every name leads to one address."""

    def __init__(self, host: str) -> None:
        self._host = host

    async def resolve(
        self, host: str, port: int = 0, family: socket.AddressFamily = socket.AF_INET
    ) -> list[ResolveResult]:
        """That address."""
        return [ResolveResult(hostname=host, host=self._host, port=port, family=family, proto=0, flags=0)]

    async def close(self) -> None:
        """Nothing is open."""


@contextlib.asynccontextmanager
async def _session(host: str) -> AsyncIterator[aiohttp.ClientSession]:
    connector = aiohttp.TCPConnector(resolver=_To(host), ssl=False, force_close=True)
    async with aiohttp.ClientSession(connector=connector, auto_decompress=False) as session:
        yield session


async def _passed(source: Socket, target: Socket, change: Change | None) -> None:
    with contextlib.suppress(ConnectionError):
        async for message in source:
            if message.type is not WSMsgType.BINARY:
                return
            await target.send_bytes(change(message.data) if change else message.data)


def leads_to(phone: Phone, address: str) -> None:
    """From now on the page's name leads there, for this phone; the app is opened anew."""
    phone.browser.close()
    phone.browser.hosts[phone.origin.removeprefix("https://").partition(":")[0]] = address
    phone.again()


@contextlib.contextmanager
def between(phone: Phone, to: Target | Claim) -> Iterator[Between]:
    """Somebody between a phone and its mesh, as long as the block lasts."""
    made = Between(phone, to)
    made.serve()
    try:
        leads_to(phone, HERE)
        yield made
    finally:
        made.close()


def flipped(frame: bytes, place: int) -> bytes:
    """The same with one bit of one byte turned."""
    return frame[:place] + bytes([frame[place] ^ 1]) + frame[place + 1 :]
