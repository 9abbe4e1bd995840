"""The accept loop of the door: how many may call, how fast, and for how long they may say nothing.

It counts before TLS and before the first request, where an HTTP server alone holds whoever is silent for minutes. A
source is an IPv4 address or an IPv6 network of 64 bits. It reads no request and knows nobody.
"""

from __future__ import annotations

import asyncio
import contextlib
import socket
import ssl
import time
from collections import Counter, OrderedDict
from collections.abc import Sequence
from dataclasses import dataclass, field

from aiohttp import web

from mesh.errors import Unreachable
from mesh.limits import (
    DOOR_CONNECTIONS_MAX,
    DOOR_CONNECTIONS_PER_SOURCE_MAX,
    DOOR_HANDSHAKES_PER_S_MAX,
    DOOR_SOURCES_MAX,
)
from mesh.node import timing
from mesh.node.invitation import source_of
from mesh.node.transport.reception import Bucket

_ACCEPT_AGAIN_S = timing.SERVER_POLL_S
_BACKLOG = 64


@dataclass(slots=True)
class _Caller:
    """One connection."""

    source: str
    since_s: float
    transport: asyncio.Transport | None = None
    asked: bool = False
    """A whole request has arrived on it."""
    unsent: int = 0
    """Bytes that waited for it at the last look."""
    still_s: float = field(default=0.0)
    """Since when that number has not changed."""


def listening(hosts: Sequence[str], port: int) -> list[socket.socket]:
    """Sockets at a port, on those of the hosts that exist. Raises Unreachable when there is none."""
    found: list[socket.socket] = []
    problem: OSError | None = None
    for host in hosts:
        family = socket.AF_INET6 if ":" in host else socket.AF_INET
        try:
            listener = socket.create_server((host, port), family=family, backlog=_BACKLOG)
        except OSError as error:
            problem = error
            continue
        listener.settimeout(0)
        found.append(listener)
    if not found:
        hint = "End the other program (`ss -ltnp` shows it), or give phones another port by MESH_PHONE_PORT."
        raise Unreachable(f"the page for phones cannot listen on port {port}: {problem}", hint=hint)
    return found


class Guard:
    """Accepts connections for a server, within limits; with a context, by TLS."""

    def __init__(self, handlers: web.Server, context: ssl.SSLContext | None) -> None:
        """Use `run`."""
        self._handlers, self._context = handlers, context
        self._callers: dict[web.RequestHandler, _Caller] = {}
        self._of_source: Counter[str] = Counter()
        self._buckets: OrderedDict[str, Bucket] = OrderedDict()
        self._lost = handlers.connection_lost
        handlers.connection_lost = self._left  # type: ignore[method-assign] # protocols have slots, and it hears of all

    async def run(self, listeners: Sequence[socket.socket]) -> None:
        """Accept until cancelled; then every connection is gone."""
        try:
            async with asyncio.TaskGroup() as group:
                for listener in listeners:
                    group.create_task(self._accept(listener, group))
                while True:
                    await asyncio.sleep(timing.DOOR_LOOK_S)
                    self._look(time.monotonic())
        finally:
            for listener in listeners:
                listener.close()
            for caller in list(self._callers.values()):
                _end(caller)

    def asked(self, handler: web.RequestHandler) -> None:
        """A whole request has arrived on this connection."""
        caller = self._callers.get(handler)
        if caller is not None:
            caller.asked = True

    @property
    def callers(self) -> int:
        """How many connections there are, of whatever kind."""
        return len(self._callers)

    async def _accept(self, listener: socket.socket, group: asyncio.TaskGroup) -> None:
        loop = asyncio.get_running_loop()
        while True:
            try:
                connection, address = await loop.sock_accept(listener)
            except OSError:  # the caller left already, or this process has no more files
                await asyncio.sleep(_ACCEPT_AGAIN_S)
                continue
            source = source_of(address[0])
            if self._may(source, time.monotonic()):
                group.create_task(self._greet(connection, source))
            else:
                connection.close()

    def _may(self, source: str, now_s: float) -> bool:
        if len(self._callers) >= DOOR_CONNECTIONS_MAX or self._of_source[source] >= DOOR_CONNECTIONS_PER_SOURCE_MAX:
            return False
        bucket = self._buckets.pop(source, None) or Bucket(DOOR_HANDSHAKES_PER_S_MAX)
        self._buckets[source] = bucket
        while len(self._buckets) > DOOR_SOURCES_MAX:
            self._buckets.popitem(last=False)
        return bucket.take(now_s)

    async def _greet(self, connection: socket.socket, source: str) -> None:
        """TLS, and then the connection is the server's."""
        handler = self._handlers()
        caller = self._callers[handler] = _Caller(source, time.monotonic())
        self._of_source[source] += 1
        more: dict[str, float] = {}
        if self._context is not None:
            more = {"ssl_handshake_timeout": timing.DOOR_TLS_S, "ssl_shutdown_timeout": timing.CLOSE_TIMEOUT_S}
        try:
            caller.transport, _ = await asyncio.get_running_loop().connect_accepted_socket(
                lambda: handler, connection, ssl=self._context, **more
            )
        except (OSError, TimeoutError):  # ssl.SSLError is one of the first
            self._forget(handler)
            connection.close()
        except asyncio.CancelledError:
            self._forget(handler)
            connection.close()
            raise

    def _left(self, handler: web.RequestHandler, exc: BaseException | None = None) -> None:
        self._forget(handler)
        self._lost(handler, exc)

    def _forget(self, handler: web.RequestHandler) -> None:
        caller = self._callers.pop(handler, None)
        if caller is None:
            return
        self._of_source[caller.source] -= 1
        if self._of_source[caller.source] <= 0:
            del self._of_source[caller.source]

    def _look(self, now_s: float) -> None:
        """End who asked nothing in time, and who does not take what was asked for."""
        for caller in list(self._callers.values()):
            if caller.transport is None or caller.transport.is_closing():  # TLS has times of its own for both
                continue
            unsent = caller.transport.get_write_buffer_size()
            if unsent != caller.unsent or not unsent:
                caller.unsent, caller.still_s = unsent, now_s
            silent = not caller.asked and now_s - caller.since_s > timing.DOOR_FIRST_S
            if silent or now_s - caller.still_s > timing.DOOR_STILL_S:
                _end(caller)


def _end(caller: _Caller) -> None:
    if caller.transport is not None:
        with contextlib.suppress(OSError):
            caller.transport.abort()
