"""One connection to a nats-server, in our own words, and the form of requests and answers on it.

The protocol that `wire_nats` implements with nats-py and that links and the own server use; it imports no NATS and
never decides whom to call.
"""

from __future__ import annotations

import asyncio
import ssl
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from enum import IntEnum
from typing import Protocol

from mesh.errors import MeshError, Refused, TooLarge, Unreachable
from mesh.limits import PUSH_BYTES_MAX
from mesh.names import shown
from mesh.node.ports import Trouble


class LineDown(Unreachable):
    """The connection is closed."""


class NobodyThere(Unreachable):
    """The server lives, and nobody listens to that subject: the agent behind it is gone."""


class NotLetIn(Unreachable):
    """The server does not know our nkey."""


class NoAddress(Unreachable):
    """Nobody said where to call."""

    hint = "It may be asleep or on another network; `mesh peer add` takes an address."


class Away(Unreachable):
    """It lives in a browser, which calls by itself and cannot be called."""

    hint = "Open the page on it; it fetches and brings by itself what is due."


class NoAnswer(Unreachable):
    """Nothing comes back from an address."""


class NotMesh(Unreachable):
    """The address answers, and nothing of a mesh is there."""


class WrongProof(Unreachable):
    """Whoever is there cannot prove to be the device that we look for."""


_TROUBLES: tuple[tuple[type[Unreachable], Trouble], ...] = (
    (NoAddress, "no-address"),
    (Away, "away"),
    (NoAnswer, "no-answer"),
    (NotMesh, "nobody-there"),
    (NobodyThere, "nobody-there"),
    (WrongProof, "wrong-proof"),
    (NotLetIn, "not-let-in"),
)


def trouble_of(error: Unreachable) -> Trouble:
    """What kept a link from coming up, in one word."""
    return next((word for kind, word in _TROUBLES if isinstance(error, kind)), "lost" if str(error) else "")


@dataclass(frozen=True, slots=True)
class Login:
    """Where to connect, as whom, and whom to accept there."""

    url: str
    seed: bytes
    inbox: str
    """Prefix of the reply subjects that the server lets us listen to."""
    tls: ssl.SSLContext | None
    tls_name: str
    timeout_s: float


class Answering(Protocol):
    """Where an answer can be put."""

    async def answer(self, reply: str, raw: bytes) -> None:
        """Answer what came on this wire. Raises LineDown."""


@dataclass(frozen=True, slots=True)
class Arrived:
    """A message as it came, and the wire to answer it on."""

    subject: str
    reply: str
    body: bytes
    wire: Answering


Listener = Callable[[Arrived], Awaitable[None]]
"""Takes a message; must return at once, since the next one of the subscription waits for it."""


class Wire(Answering, Protocol):
    """A connection to a nats-server."""

    closed: asyncio.Event
    problem: str
    """The last thing that went wrong on it, for people."""

    async def ask(self, subject: str, body: bytes, *, timeout_s: float) -> bytes:
        """Ask and return the raw answer. Raises LineDown, NobodyThere, Unreachable."""

    async def tell(self, subject: str, body: bytes) -> None:
        """Say without an answer. Raises LineDown."""

    async def listen(self, subject: str, listener: Listener) -> None:
        """Take what comes under a subject; returns when the server knows it. Raises LineDown."""

    def give_up(self, prefix: str) -> None:
        """Fail what was asked under subjects that begin so: nobody is there to answer any more."""

    async def quiet(self) -> None:
        """Return when nothing that was asked on this wire, by us or of us, waits for its answer."""

    async def close(self) -> None:
        """Close, at once and for good."""


class Dialler(Protocol):
    """Opens wires."""

    async def __call__(self, login: Login) -> Wire:
        """Connect and log in. Raises NotLetIn, Unreachable."""


HELLO = "hello"
"""Asked over a dialled link: is the agent itself there? The body names the connection."""
BYE = "bye"
"""The dialler is about to close this link."""


class Status(IntEnum):
    """The first byte of an answer."""

    OK = 0
    REFUSED = 1
    UNABLE = 2
    """Not refused, but it could not be answered now: busy, disk full."""


def checked_body(body: bytes) -> bytes:
    """A body that may travel. Raises TooLarge."""
    if len(body) > PUSH_BYTES_MAX:
        message = f"a message of {len(body)} bytes; at most {PUSH_BYTES_MAX} travel at once"
        raise TooLarge(message)
    return body


def answer_bytes(result: bytes | MeshError) -> bytes:
    """An answer as it travels."""
    if isinstance(result, bytes):
        return bytes([Status.OK]) + result
    status = Status.REFUSED if isinstance(result, Refused) else Status.UNABLE
    return bytes([status]) + str(result).encode()


def read_answer(raw: bytes) -> bytes:
    """The body of an answer. Raises Refused or Unreachable if that is what the other side said."""
    if not raw or len(raw) - 1 > PUSH_BYTES_MAX:
        message = f"an answer of {len(raw)} bytes, which no agent gives"
        raise Refused(message)
    status, body = raw[0], raw[1:]
    if status == Status.OK:
        return body
    sentence = shown(body.decode(errors="replace"))
    if status == Status.UNABLE:
        message = f"the other device cannot answer now: {sentence}"
        raise Unreachable(message)
    message = f"the other device refused: {sentence}"
    raise Refused(message)
