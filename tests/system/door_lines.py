"""What a phone says at the door: its keys, NATS over a WebSocket of the page, and the Bus that an engine talks over.

It opens no door; `doors` does.
"""

from __future__ import annotations

import asyncio
import base64
import contextlib
import itertools
import json
import secrets
from collections.abc import AsyncIterator, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

import aiohttp
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from mesh.errors import MeshError, Unreachable
from mesh.events.founding import request_text, with_rank
from mesh.events.keys import SecretKeys, proof_bytes
from mesh.events.kinds import Admit
from mesh.limits import RANK_MEMBER
from mesh.names import ZERO, Digest, device_text
from mesh.node.agent import Agent
from mesh.node.gateway import authority
from mesh.node.ports import Handler, LinkStatus, Peer, ServerStatus, WebPlace
from mesh.node.transport.broker_config import inbox, nkey_public, subject
from mesh.node.transport.wires import Arrived, answer_bytes, read_answer

if TYPE_CHECKING:
    from tests.system.doors import Door

HOST = "127.0.0.1"
LIMIT_S = 45.0


@dataclass
class Phone:
    """A phone's keys, and its device once it was let in."""

    name: str
    keys: SecretKeys = field(default_factory=lambda: SecretKeys.from_entropy(secrets.token_bytes(32)))
    wrapping: bytes = field(default_factory=authority.new_key)
    transport: Ed25519PrivateKey = field(default_factory=Ed25519PrivateKey.generate)
    admission: Digest = ZERO

    @property
    def device(self) -> str:
        """Its id."""
        return device_text(self.admission)

    def asked(self) -> Admit:
        """What it asks to be let in with."""
        key = self.transport.public_key().public_bytes_raw()
        bare = Admit(self.keys.sign_key, authority.public_of(self.wrapping), key, key, self.name, b"", RANK_MEMBER)
        return with_rank(bare, RANK_MEMBER, self.keys.sign(proof_bytes(bare)))

    async def let_in(self, agent: Agent) -> None:
        """Have an admin admit it, and its server know it."""
        await agent.call("admit", {"request": request_text(self.asked()), "rank": "member"})
        live = agent.engine.replica.verdict.live.values()
        self.admission = next(one.digest for one in live if one.sign_key == self.keys.sign_key)
        await agent.let_in()


class Line:
    """A NATS client over the page's WebSocket."""

    def __init__(self, socket: aiohttp.ClientWebSocketResponse, phone: Phone) -> None:
        self.socket, self._phone = socket, phone
        self._numbers = itertools.count(1)
        self._waiting: dict[str, asyncio.Future[bytes]] = {}
        self._rest = b""

    async def frame(self) -> bytes:
        """The next frame, or nothing at its end."""
        message = await self.socket.receive(timeout=LIMIT_S)
        return message.data if message.type is aiohttp.WSMsgType.BINARY else b""

    async def log_in(self, *, sign: bool = True) -> bytes:
        """Answer the server's greeting; what it says to that."""
        greeting = await self.frame()
        told = json.loads(greeting.removeprefix(b"INFO "))
        assert set(told) <= {
            "server_id", "server_name", "version", "nonce", "max_payload", "headers", "proto", "auth_required",
        }  # fmt: skip
        await self.socket.send_bytes(self.login(told["nonce"].encode() if sign else b"another nonce"))
        return await self.frame()

    def login(self, nonce: bytes) -> bytes:
        """CONNECT and PING."""
        signature = base64.urlsafe_b64encode(self._phone.transport.sign(nonce)).decode().rstrip("=")
        nkey = nkey_public(self._phone.transport.public_key().public_bytes_raw())
        options = {"nkey": nkey, "sig": signature, "verbose": False, "pedantic": False, "protocol": 1}
        options |= {"headers": True, "no_responders": True, "lang": "test", "version": "1"}
        return b"CONNECT " + json.dumps(options).encode() + b"\r\nPING\r\n"

    async def publish(self, to: str, body: bytes, reply: str = "") -> None:
        """Say something."""
        await self.socket.send_bytes(f"PUB {to} {reply} {len(body)}\r\n".encode() + body + b"\r\n")

    async def listen(self, to: str) -> None:
        """Take what comes under a subject."""
        await self.socket.send_bytes(f"SUB {to} {next(self._numbers)}\r\n".encode())

    async def ask(self, to: str, body: bytes, timeout_s: float) -> bytes:
        """Ask, and wait for the answer."""
        reply = f"{inbox(self._phone.device)}.{next(self._numbers)}"
        self._waiting[reply] = asyncio.get_running_loop().create_future()
        await self.publish(to, body, reply)
        try:
            async with asyncio.timeout(timeout_s):
                return await self._waiting[reply]
        except TimeoutError as error:
            raise Unreachable("no answer") from error
        finally:
            del self._waiting[reply]

    async def answer(self, reply: str, raw: bytes) -> None:
        """Answer what was asked."""
        await self.publish(reply, raw)

    async def arrived(self) -> AsyncIterator[tuple[str, str, bytes]]:
        """Subject, reply and body of what comes, until the end; answers go where they are waited for."""
        while frame := await self.frame():
            self._rest += frame
            while (taken := self._next()) is not None:
                to, reply, body = taken
                waits = self._waiting.get(to)
                if waits is not None and not waits.done():
                    waits.set_result(body)
                elif to:
                    yield to, reply, body
                elif reply == "PING":
                    await self.socket.send_bytes(b"PONG\r\n")
        for waits in self._waiting.values():
            if not waits.done():
                waits.set_exception(Unreachable("the line is closed"))

    def _next(self) -> tuple[str, str, bytes] | None:
        line, end, rest = self._rest.partition(b"\r\n")
        if not end:
            return None
        words = line.decode().split()
        if words[0] not in {"MSG", "HMSG"}:
            self._rest = rest
            return "", words[0], line
        size = int(words[-1])
        if len(rest) < size + 2:
            return None
        body, self._rest = rest[:size], rest[size + 2 :]
        head = int(words[-2]) if words[0] == "HMSG" else 0
        extra = 5 if words[0] == "HMSG" else 4
        return words[1], words[3] if len(words) > extra else "", body[head:]


@contextlib.asynccontextmanager
async def line(door: Door, phone: Phone, source: str = HOST) -> AsyncIterator[Line]:
    """A WebSocket of the page's origin that nobody has logged in at yet."""
    async with door.browsing(source) as session, session.ws_connect("/nats", headers={"Origin": door.url}) as socket:
        yield Line(socket, phone)


class PhoneBus:
    """The Bus of a phone: one line to the node that served its page."""

    def __init__(self, door: Door, phone: Phone) -> None:
        self._door, self._phone, self._node = door, phone, door.agent.device
        self.line: Line | None = None
        self.greeted = False
        self.closed_with: int | None = None

    async def run(self, handler: Handler) -> None:
        """One life of the line."""
        async with line(self._door, self._phone) as own:
            assert (await own.log_in()).startswith(b"PONG")
            await own.listen(subject(self._phone.device, self._node, ">"))
            await own.listen(f"{inbox(self._phone.device)}.>")
            self.line = own
            async with asyncio.TaskGroup() as group:
                group.create_task(self._greet(handler))
                async for to, reply, body in own.arrived():
                    group.create_task(self._heard(handler, Arrived(to, reply, body, own)))
            self.closed_with = own.socket.close_code
            self.line = None
        await handler.parted(self._node)

    async def _greet(self, handler: Handler) -> None:
        with contextlib.suppress(Unreachable):
            await self.request(self._node, "hello", secrets.token_bytes(8), timeout_s=LIMIT_S)
            self.greeted = True
            await handler.linked(self._node)

    async def _heard(self, handler: Handler, message: Arrived) -> None:
        verb = message.subject.split(".", 3)[3]
        answer: bytes | MeshError = b""
        if verb not in {"hello", "bye"}:
            try:
                answer = await handler.heard(self._node, verb, message.body)
            except MeshError as error:
                answer = error
        if message.reply:
            with contextlib.suppress(ConnectionError):
                await message.wire.answer(message.reply, answer_bytes(answer))

    async def request(self, device: str, verb: str, body: bytes, *, timeout_s: float) -> bytes:
        """Ask the node."""
        if self.line is None:
            raise Unreachable("no line")
        return read_answer(await self.line.ask(subject(device, self._phone.device, verb), body, timeout_s))

    async def tell(self, device: str, verb: str, body: bytes) -> None:
        """Tell the node."""
        if self.line is None:
            raise Unreachable("no line")
        await self.line.publish(subject(device, self._phone.device, verb), body)

    def links(self) -> tuple[LinkStatus, ...]:
        """The one."""
        up = self.line is not None
        return (LinkStatus(self._node, up, "out" if up else "", "", None, None, "", ""),)

    async def roster(self, peers: Sequence[Peer], strange_addresses: Sequence[str] = ()) -> None:
        """A phone lets nobody in."""

    async def open_web(self, place: WebPlace | None) -> None:
        """A phone serves nobody."""

    def seen(self, device: str, addresses: Sequence[str]) -> None:
        """A phone dials nobody."""

    def moved(self) -> None:
        """As above."""

    def server(self) -> ServerStatus:
        """There is none."""
        return ServerStatus("", 0, None, "off", "", "", external=False)

    def dials(self) -> int:
        """None."""
        return 0
