"""A phone in Python, as far as it goes over https: it trusts what /trust serves, comes in by a code, and sends events.

Its keys are in software; all else is real: the certificate page, TLS, an agent's offer, the engine that it writes in.
"""

from __future__ import annotations

import asyncio
import contextlib
import json
import os
import secrets
import socket
import ssl
import subprocess
from collections.abc import AsyncIterator, Sequence
from dataclasses import dataclass, field
from urllib.parse import parse_qs, urlsplit

import aiohttp
from aiohttp.abc import AbstractResolver, ResolveResult
from cryptography.hazmat.primitives.asymmetric.ec import SECP256R1, EllipticCurvePrivateKey, generate_private_key
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from cryptography.hazmat.primitives.hpke import AEAD, KDF, KEM, Suite
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat

from mesh.events.bodies import document_of
from mesh.events.event import Lane, Placed
from mesh.events.founding import Packet, asked, read_admission, read_request, request_text
from mesh.events.keys import SecretKeys
from mesh.events.seal import Keyring
from mesh.events.speaking import Draft, joined
from mesh.names import Digest, device_text
from mesh.node.engine import Engine
from mesh.node.socket_client import Told
from mesh.node.storage.store_memory import MemoryStore
from mesh.state import notes
from mesh.sync import offer
from mesh.sync.inputs import Effects
from mesh.sync.messages import Push, Want, decode_push, encode
from mesh.sync.replica import Own
from tests.system.commands import command
from tests.system.harness import HOST, Device

LIMIT_S = 60.0
_HPKE = Suite(KEM.P256, KDF.HKDF_SHA256, AEAD.AES_256_GCM)


def two_ports() -> int:
    """A port that is free on loopback, and so is the next one."""
    for _ in range(64):
        with socket.socket() as first, socket.socket() as second, contextlib.suppress(OSError):
            first.bind((HOST, 0))
            port = int(first.getsockname()[1])
            second.bind((HOST, port + 1))
            return port
    raise AssertionError("no two ports in a row")


class Here(AbstractResolver):
    """Every name leads to this machine, as mDNS would have it."""

    async def resolve(
        self, host: str, port: int = 0, family: socket.AddressFamily = socket.AF_INET
    ) -> list[ResolveResult]:
        """Loopback."""
        return [ResolveResult(hostname=host, host=HOST, port=port, family=family, proto=0, flags=0)]

    async def close(self) -> None:
        """Nothing is open."""


@dataclass(frozen=True)
class BrowserKeys(SecretKeys):
    """An identity whose wrapping key is of P-256, as a browser keeps it."""

    wrapping: EllipticCurvePrivateKey = field(default_factory=lambda: generate_private_key(SECP256R1()), repr=False)

    @property
    def kem_key(self) -> bytes:
        """The public half."""
        return self.wrapping.public_key().public_bytes(Encoding.X962, PublicFormat.UncompressedPoint)

    def unwrap(self, wrapped: bytes, purpose: bytes) -> bytes:
        """Open what was wrapped for it."""
        return _HPKE.decrypt(wrapped, self.wrapping, purpose)


class Alone:
    """The owner of an engine without a network."""

    def ask(self, peer: str, want: Want) -> None:
        """Nobody is there."""

    def happened(self, effects: Effects) -> None:
        """Nobody hears of it."""


@dataclass
class Handset:
    """One phone. `root` is what it trusts."""

    name: str = "handset"
    keys: BrowserKeys = field(default_factory=lambda: BrowserKeys(secrets.token_bytes(32), secrets.token_bytes(32)))
    root: bytes = b""
    packet: Packet | None = None

    @property
    def request(self) -> str:
        """What it asks to be let in with."""
        return self._request

    def __post_init__(self) -> None:
        """Have a transport key, which is its TLS key too."""
        key = Ed25519PrivateKey.generate().public_key().public_bytes_raw()
        self._request = request_text(asked(self.keys, key, key, self.name))

    async def trust(self, url: str) -> str:
        """Fetch the certificate and trust it, and it alone; the page that says how."""
        async with aiohttp.ClientSession() as session:
            async with session.get(url) as answer:
                page = await answer.text()
            async with session.get(f"{url}/mesh.crt") as answer:
                self.root = await answer.read()
        return page

    @contextlib.asynccontextmanager
    async def browsing(self, origin: str) -> AsyncIterator[aiohttp.ClientSession]:
        """A session that trusts what the phone trusts, and says that it is the page's own."""
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
        context.load_verify_locations(cadata=ssl.DER_cert_to_PEM_cert(self.root))
        connector = aiohttp.TCPConnector(resolver=Here(), ssl=context, force_close=True)
        async with aiohttp.ClientSession(origin, connector=connector, headers={"Origin": origin}) as session:
            yield session

    # ── being let in ─────────────────────────────────────────────────────────────────────────────

    async def ask(self, url: str, *, request: str = "", proof: bytes = b"", token: bytes = b"") -> tuple[int, Told]:
        """Ask to be let in by the code of a QR: the status, and what comes back."""
        origin, own = origin_of(url), token or token_of(url)
        said = request or self.request
        shown = proof or offer.phones_proof(own, said)
        told = {"token_id": offer.name_of(own), "request": said, "proof": shown.hex()}
        async with self.browsing(origin) as session, session.post("/api/pair", json=told) as answer:
            return answer.status, await answer.json()

    def digits(self, url: str, answer: Told) -> str:
        """What it shows, once it has seen that whoever answers knows the token and heard its own request."""
        token, admitter = token_of(url), str(answer["admitter"])
        assert bytes.fromhex(str(answer["proof"])) == offer.admitters_proof(token, self.request, admitter)
        return offer.digits_of(token, self.keys.sign_key, read_request(admitter).sign_key)

    async def wait(self, url: str) -> tuple[int, Told]:
        """Ask for the person's answer until there is one."""
        async with self.browsing(origin_of(url)) as session, asyncio.timeout(LIMIT_S):
            while True:
                async with session.get(f"/api/pair/{offer.name_of(token_of(url))}") as answer:
                    if answer.status != 202:
                        return answer.status, await answer.json()

    def take(self, admission: object) -> Packet:
        """Open the admission, as a device that was let in."""
        self.packet = read_admission(str(admission), self.keys)
        return self.packet

    @property
    def device(self) -> str:
        """Its id."""
        assert self.packet is not None
        return device_text(self.packet.admission)

    # ── writing ──────────────────────────────────────────────────────────────────────────────────

    async def written(self, title: str) -> Push:
        """A note, written with nothing but the admission; what it sends of it."""
        assert self.packet is not None
        store = MemoryStore()
        own = Own(self.packet.mesh, self.packet.admission, self.keys)
        engine = Engine(own, Keyring(self.packet.epochs), store, Alone())
        await engine.start()
        birth = notes.birth(title, "", [], None, secrets.token_bytes(16))

        async def make(_engine: Engine) -> Sequence[Draft]:
            return (Draft(birth, document_of("home", notes.KIND, birth)),)

        async with asyncio.TaskGroup() as group:
            group.create_task(engine.work())
            for page in self.packet.control:
                await engine.hear("page", decode_push(page))
            said = await engine.say(Lane.DATA, make)
            await engine.stop()
        rows = [row.placed for row in await store.log(limit=1000)]
        return Push(joined(_of(rows, said[-1].chain)))

    async def send(self, origin: str, push: Push) -> tuple[int, Told]:
        """Hand its events to the device that served its page."""
        async with self.browsing(origin) as session, session.post("/api/ev", data=encode(push)) as answer:
            return answer.status, await answer.json()


def _of(rows: Sequence[Placed], chain: Digest) -> list[Placed]:
    return [placed for placed in rows if placed.chain == chain]


def token_of(url: str) -> bytes:
    """The token of a QR."""
    import base64  # noqa: PLC0415 - here alone

    text = parse_qs(urlsplit(url).fragment)["p"][0]
    return base64.urlsafe_b64decode(text + "==")


def origin_of(url: str) -> str:
    """The page that a QR leads to."""
    parts = urlsplit(url)
    return f"{parts.scheme}://{parts.netloc}"


class Adding:
    """`mesh phone add` as a process, with the objects that it prints."""

    def __init__(self, process: asyncio.subprocess.Process) -> None:
        self.process = process

    async def told(self, key: str) -> Told:
        """The next object that has this key; others are passed over, but no error."""
        async with asyncio.timeout(LIMIT_S):
            while True:
                line = await self._line()
                if key in line:
                    return line
                assert "error" not in line, line

    async def _line(self) -> Told:
        assert self.process.stdout is not None
        raw = await self.process.stdout.readline()
        assert raw, (await self.ended())[1]
        found = json.loads(raw)
        assert isinstance(found, dict)
        return found

    async def error(self) -> Told:
        """The error that it ends with."""
        found = (await self.told("error"))["error"]
        assert isinstance(found, dict)
        return found

    async def answer(self, words: str) -> None:
        """Type the person's answer."""
        assert self.process.stdin is not None
        self.process.stdin.write(f"{words}\n".encode())
        await self.process.stdin.drain()

    async def ended(self) -> tuple[int, str]:
        """Its exit code, and what it said to people."""
        async with asyncio.timeout(LIMIT_S):
            _, err = await self.process.communicate()
        assert self.process.returncode is not None
        return self.process.returncode, err.decode(errors="replace")


@contextlib.asynccontextmanager
async def adding(device: Device, *more: str) -> AsyncIterator[Adding]:
    """Offer a phone to come in, on a device whose agent runs."""
    argv = [*command(device.home), "--json", "phone", "add", *more]
    pipe = subprocess.PIPE
    process = await asyncio.create_subprocess_exec(*argv, stdin=pipe, stdout=pipe, stderr=pipe, env=dict(os.environ))
    try:
        yield Adding(process)
    finally:
        if process.returncode is None:
            with contextlib.suppress(ProcessLookupError):  # it ended just now
                process.terminate()
        await process.communicate()  # to the end of its pipes, or their transports outlive the loop
