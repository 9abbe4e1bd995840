"""The accept loop of the door: how many may call, how fast, and for how long they may say nothing.

It counts before TLS and before the first request, where an HTTP server alone holds whoever is silent for minutes. A
source is an IPv4 address or an IPv6 network of 64 bits. What is no HTTP is answered here too. It reads no request and
knows nobody.
"""

from __future__ import annotations

import asyncio
import math
import socket
import ssl
import time
from collections import Counter, OrderedDict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from aiohttp import web
from aiohttp.http import HttpProcessingError

from mesh.errors import Unreachable
from mesh.limits import (
    DOOR_CONNECTIONS_MAX,
    DOOR_CONNECTIONS_PER_SOURCE_MAX,
    DOOR_HANDSHAKES_PER_S_MAX,
    DOOR_REQUESTS_PER_S_MAX,
    DOOR_SOURCES_MAX,
)
from mesh.node import timing
from mesh.node.invitation import source_of
from mesh.node.transport.reception import Bucket

_ACCEPT_AGAIN_S = timing.SERVER_POLL_S
_BACKLOG = 64
_THEIRS = (HttpProcessingError, web.RequestPayloadError)
"""What somebody else got wrong, and nobody is to read about in a log of ours."""


class _Paused(asyncio.Protocol):
    """Reads nothing before TLS does: its first bytes may be there already."""

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Wait."""
        assert isinstance(transport, asyncio.Transport), "a stream"
        transport.pause_reading()


class _Early(asyncio.Protocol):
    """Keeps what comes with the last word of a handshake, until the server hears of the connection."""

    def __init__(self) -> None:
        self.came = bytearray()

    def data_received(self, data: bytes) -> None:
        """The beginning of a request."""
        self.came += data


class _Handler(web.RequestHandler):
    """Reads the requests of one connection."""

    def __init__(self, guard: Guard, handlers: web.Server, keep_s: float) -> None:
        super().__init__(
            handlers,
            loop=asyncio.get_running_loop(),
            keepalive_timeout=keep_s,
            access_log=None,  # type: ignore[arg-type] # as an AppRunner is told that there is none
            auto_decompress=False,  # nobody sends compressed bodies here, and a small one could be long work
        )
        self._guard = guard

    def handle_error(
        self,
        request: web.BaseRequest,
        status: int = 500,
        exc: BaseException | None = None,
        message: str | None = None,
    ) -> web.StreamResponse:
        """The answer to what is no HTTP, and to what we did not expect."""
        response = super().handle_error(request, status, exc, message)
        response.headers.update(self._guard.fence)
        return response

    def log_exception(self, *args: object, **kw: object) -> None:
        """Faults of ours alone."""
        if not isinstance(kw.get("exc_info"), _THEIRS):
            super().log_exception(*args, **kw)

    def connection_lost(self, exc: BaseException | None) -> None:
        """The guard counts it no more."""
        self._guard.forget(self)
        super().connection_lost(exc)


@dataclass(slots=True)
class _Caller:
    """One connection."""

    source: str
    since_s: float
    bare: asyncio.Transport | None = None
    """Its TCP connection, below TLS: what waits for it is here."""
    asked: bool = False
    """A whole request has arrived on it."""
    unsent: int = 0
    """Bytes that waited for it at the last look."""
    still_s: float = math.inf
    """Since when that number has not become smaller."""


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


class _Rates:
    """How fast each source may do something; who did nothing for long is forgotten."""

    def __init__(self, per_s_max: int) -> None:
        self._per_s_max = per_s_max
        self._buckets: OrderedDict[str, Bucket] = OrderedDict()

    def __len__(self) -> int:
        return len(self._buckets)

    def take(self, source: str, now_s: float) -> bool:
        """Whether one more of this source is within its rate."""
        bucket = self._buckets.pop(source, None) or Bucket(self._per_s_max)
        self._buckets[source] = bucket
        while len(self._buckets) > DOOR_SOURCES_MAX:
            self._buckets.popitem(last=False)
        return bucket.take(now_s)


class Guard:
    """Accepts connections for a server, within limits; with a context, by TLS."""

    def __init__(
        self, handlers: web.Server, context: ssl.SSLContext | None, fence: Mapping[str, str], keep_s: float
    ) -> None:
        """`fence`: what every answer has; `keep_s`: how long a connection waits for its next request."""
        self.fence = fence
        self._handlers, self._context, self._keep_s = handlers, context, keep_s
        self._callers: dict[web.RequestHandler, _Caller] = {}
        self._of_source: Counter[str] = Counter()
        self._handshakes, self._requests = _Rates(DOOR_HANDSHAKES_PER_S_MAX), _Rates(DOOR_REQUESTS_PER_S_MAX)

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

    async def asked(self, handler: web.RequestHandler) -> None:
        """A whole request has arrived on this connection; returns when it is the turn of its source."""
        caller = self._callers.get(handler)
        if caller is not None:
            caller.asked = True
            while not self._requests.take(caller.source, time.monotonic()):  # noqa: ASYNC110 - a rate tells no event
                await asyncio.sleep(timing.DOOR_TURN_S)

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
        return self._handshakes.take(source, now_s)

    async def _greet(self, connection: socket.socket, source: str) -> None:
        """TLS, and then the connection is the server's."""
        handler = _Handler(self, self._handlers, self._keep_s)
        caller = self._callers[handler] = _Caller(source, time.monotonic())
        self._of_source[source] += 1
        loop, through = asyncio.get_running_loop(), False
        try:
            if self._context is None:
                caller.bare, _ = await loop.connect_accepted_socket(lambda: handler, connection)
            else:
                caller.bare, _ = await loop.connect_accepted_socket(_Paused, connection)
                await _secured(caller.bare, handler, self._context)
            through = True
        except (OSError, TimeoutError):  # ssl.SSLError is one of the first
            return
        finally:
            if not through:
                self.forget(handler)
                _end(caller)
                connection.close()

    def forget(self, handler: web.RequestHandler) -> None:
        """This connection is over."""
        caller = self._callers.pop(handler, None)
        if caller is None:
            return
        self._of_source[caller.source] -= 1
        if self._of_source[caller.source] <= 0:
            del self._of_source[caller.source]

    def _look(self, now_s: float) -> None:
        """End who asked nothing in time, and who does not take what was asked for."""
        for caller in list(self._callers.values()):
            if caller.bare is None or caller.bare.is_closing():
                continue
            unsent = caller.bare.get_write_buffer_size()
            if unsent < caller.unsent or not unsent:
                caller.still_s = now_s
            caller.unsent = unsent
            silent = not caller.asked and now_s - caller.since_s > timing.DOOR_FIRST_S
            if silent or now_s - caller.still_s > timing.DOOR_STILL_S:
                _end(caller)


async def _secured(bare: asyncio.Transport, handler: web.RequestHandler, context: ssl.SSLContext) -> None:
    """TLS over a connection, and then it is the handler's. Raises OSError, TimeoutError."""
    early = _Early()
    transport = await asyncio.get_running_loop().start_tls(
        bare,
        early,
        context,
        server_side=True,
        ssl_handshake_timeout=timing.DOOR_TLS_S,
        ssl_shutdown_timeout=timing.CLOSE_TIMEOUT_S,
    )
    if transport is None or transport.is_closing():
        message = "the caller left"
        raise ConnectionError(message)
    transport.set_protocol(handler)
    handler.connection_made(transport)
    if early.came:
        handler.data_received(bytes(early.came))


def _end(caller: _Caller) -> None:
    if caller.bare is not None:
        caller.bare.abort()
