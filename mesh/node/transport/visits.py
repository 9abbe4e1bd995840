"""Calling at other devices' servers: as ourselves at a peer that we pin, or as a guest where nobody knows us yet.

Our nkey signs nothing before the other side proved in the TLS handshake that it has the very key we expect; only
`look_at`, which never logs in, takes any member's certificate.
"""

from __future__ import annotations

import asyncio
import contextlib
import errno
import json
import os
import ssl
from dataclasses import dataclass

from mesh.errors import Malformed, Unreachable
from mesh.limits import ADDRESS_BYTES_MAX, INFO_BYTES_MAX
from mesh.names import shown
from mesh.node import timing
from mesh.node.ports import GuestLink, Peer, TransportKeys, Visiting
from mesh.node.transport.broker_config import GUEST, GUEST_INBOX, guest_seed, inbox, subject
from mesh.node.transport.tls import TlsFiles, key_of, leaf_name, mesh_context, pinned_context
from mesh.node.transport.wires import (
    Dialler,
    Login,
    NoAnswer,
    NotMesh,
    Wire,
    WrongProof,
    checked_body,
    read_answer,
)

_DEVICE_CHARACTERS = 16
_SUFFIX_BYTES = 8
_SOME_PORT = 1


@dataclass(frozen=True, slots=True)
class Found:
    """Who sits at an address, by its own word and proof."""

    device: str
    """By its word alone: whom a guest addresses there. No right follows from it."""
    tls_key: bytes
    """Proven in the handshake."""


class Visit(GuestLink):
    """A connection with guest rights."""

    def __init__(self, wire: Wire, device: str) -> None:
        self._wire = wire
        self._device = device

    async def request(self, verb: str, body: bytes, *, timeout_s: float) -> bytes:
        """Ask the owner of the server. Raises Unreachable, Refused."""
        words = subject(self._device, GUEST, verb)
        return read_answer(await self._wire.ask(words, checked_body(body), timeout_s=timeout_s))


class Visitor:
    """Knows our keys and how to prove and check them at other devices' servers."""

    def __init__(self, device: str, keys: TransportKeys, files: TlsFiles, dial: Dialler) -> None:
        self._device = device
        self._keys = keys
        self._files = files
        self._dial = dial
        self.dials = 0
        """Calls at others' addresses so far."""

    async def call(self, peer: Peer, address: str) -> Wire:
        """Log in at a peer's server as ourselves. Raises NotLetIn, Unreachable."""
        self.dials += 1
        return await self._dial(self._login(peer.tls_key, address, self._keys.nkey_seed, inbox(self._device)))

    async def visit(self, peer: Peer, address: str, handler: Visiting, *, known: bool = True) -> None:
        """Let the handler trade control statements with the peer as a guest. Raises Unreachable, Refused."""
        self.dials += 1
        suffix = os.urandom(_SUFFIX_BYTES).hex()
        login = self._login(peer.tls_key, address, guest_seed(self._keys.mesh_secret), f"{GUEST_INBOX}.{suffix}")
        wire = await self._dial(login)
        try:
            async with asyncio.timeout(timing.GUEST_S_MAX):
                await handler.guest(Visit(wire, peer.device), peer.device if known else None)
        except TimeoutError:
            message = f"the visit to {peer.name} as a guest took over {timing.GUEST_S_MAX:g} s"
            raise Unreachable(message) from None
        finally:
            await wire.close()

    async def look_at(self, address: str) -> Found:
        """Whose server is at an address, without logging in. Raises Unreachable, Malformed."""
        host, port = split_address(address)
        self.dials += 1
        context = mesh_context(self._files, self._keys.mesh_secret)
        try:
            async with asyncio.timeout(timing.DIAL_TIMEOUT_S):
                reader, writer = await asyncio.open_connection(
                    host, port, ssl=context, server_hostname="", limit=INFO_BYTES_MAX
                )
                try:
                    return _found(writer.get_extra_info("ssl_object"), await reader.readline())
                finally:
                    writer.transport.abort()
                    with contextlib.suppress(OSError):
                        await writer.wait_closed()
        except (OSError, ValueError, TimeoutError) as error:
            raise unreachable(address, error) from error

    def _login(self, tls_key: bytes, address: str, seed: bytes, prefix: str) -> Login:
        host, port = split_address(address)
        secret = self._keys.mesh_secret
        url = f"tls://[{host}]:{port}" if ":" in host else f"tls://{host}:{port}"
        context = pinned_context(self._files, secret, tls_key)
        return Login(url, seed, prefix, context, leaf_name(secret, tls_key), timing.DIAL_TIMEOUT_S)


def split_address(address: str) -> tuple[str, int]:
    """Read `host:port` or `[v6]:port`. Raises Unreachable: an address may come from others, and be nonsense."""
    host, _, port = address.rpartition(":")
    host = host.removeprefix("[").removesuffix("]")
    short = address.isprintable() and len(address.encode()) <= ADDRESS_BYTES_MAX  # half a character is not printable
    good = host and short and port.isascii() and port.isdecimal()
    # What nats-py would read as more than a host must not get there.
    if not good or not _SOME_PORT <= int(port) < 1 << 16 or set(host) & set("/@?#[]\\ ,"):
        message = f"{shown(address, ADDRESS_BYTES_MAX)!r} is not an address"
        raise Unreachable(message, hint="An address is host:port or [IPv6]:port.")
    return host, int(port)


def unreachable(address: str, error: Exception) -> Unreachable:
    """What went wrong on the way to an address, as a sentence with a hint."""
    if isinstance(error, ssl.SSLCertVerificationError):
        message = f"whoever is at {address} cannot prove to be the device we look for"
        return WrongProof(message, hint="The address may be another device's by now; `mesh peer add` takes a new one.")
    if isinstance(error, ssl.SSLError | ConnectionResetError | asyncio.IncompleteReadError):
        message = f"no device of this mesh talks to us at {address} ({shown(str(error), 200)})"
        return NotMesh(message, hint="Is it the right address, and does mesh run there?")
    if isinstance(error, TimeoutError):
        hint = "It may be asleep, on another network or behind a firewall."
        return NoAnswer(f"no answer from {address}", hint=hint)
    if isinstance(error, OSError) and error.errno == _EHOSTUNREACH_MACOS:
        hint = "macOS may deny local network access to this process: see System Settings, Privacy, Local Network."
        return NoAnswer(f"no route to {address}", hint=hint)
    silent = isinstance(error, OSError) and error.errno in {errno.EHOSTUNREACH, errno.ENETUNREACH, errno.ETIMEDOUT}
    return (NoAnswer if silent else NotMesh)(
        f"{address} cannot be reached ({shown(str(error), 200)})", hint="Does mesh run there?"
    )


_EHOSTUNREACH_MACOS = 65


def _found(tls: object, greeting: bytes) -> Found:
    assert isinstance(tls, ssl.SSLObject), "a TLS connection has its object"
    certificate = tls.getpeercert(binary_form=True)
    assert certificate is not None, "the handshake asked for a certificate"
    try:
        info = json.loads(greeting.removeprefix(b"INFO "))
        device = info["server_name"]
    except (ValueError, KeyError, TypeError, RecursionError):
        device = None
    if not isinstance(device, str) or len(device) != _DEVICE_CHARACTERS or not device.isalnum():
        message = "what answers there is no server of mesh"
        raise Malformed(message)
    return Found(device, key_of(certificate))
