"""An invitation that listens: who calls at the pairing port, in which order, and how much of the machine they may take.

Callers who have proven nothing cost a bounded number of connections and make room for others. It admits nobody: it
says who asks, and passes the answer on.
"""

from __future__ import annotations

import asyncio
import contextlib
import errno
import ipaddress
import socket
import time
from collections.abc import AsyncIterator, Callable, Mapping, Sequence
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass, field

from mesh.errors import MeshError, Misuse, Refused, TooLarge, Unreachable
from mesh.events.kinds import Admit
from mesh.limits import (
    PAIRING_CLEAR_BYTES_MAX,
    PAIRING_CONNECTIONS_MAX,
    PAIRING_CONNECTIONS_PER_SOURCE_MAX,
    PAIRING_SOURCES_MAX,
)
from mesh.node import timing
from mesh.node.pairing import Dropped, carry, entropy, next_frame
from mesh.sync.pairing import Invitation, Inviter
from mesh.sync.pairing_frames import Code

_ANYWHERE = ("0.0.0.0", "::")  # noqa: S104 - whoever has the code may come from any network, unless --interface says so
_NETWORK_BITS = 64  # what one customer of IPv6 has at least


@dataclass(frozen=True, slots=True)
class Wrong:
    """Somebody called with another code."""

    tries_left: int


@dataclass(frozen=True, slots=True)
class Asking:
    """Somebody who knows the code asks to be let in."""

    admit: Admit
    request: str


@dataclass(frozen=True, slots=True)
class Joined:
    """Whoever was let in holds its admission."""


News = Wrong | Asking | Joined | MeshError
"""What an invitation has to tell; an error is the end of it."""


@dataclass(eq=False, slots=True)
class _Caller:
    """One connection."""

    source: str
    writer: asyncio.StreamWriter
    inviter: Inviter
    limit: asyncio.Timeout
    waits_since_s: float | None
    """Since when we wait for it; None while it waits for us."""
    asking: Asking | None = None
    answered: bool = False
    let_in: bool = False
    told: bool = False
    """Whether its end is among the news."""

    def wait(self, for_s: float) -> None:
        """From now on it is the other side's turn, for so long."""
        self.waits_since_s = time.monotonic()
        self.limit.reschedule(asyncio.get_running_loop().time() + for_s)


@dataclass
class Host:
    """One invitation and its callers."""

    code: Code
    member: bool = False
    """Whether whoever comes is let in as a member, whatever it asks for."""
    clock: Callable[[], float] = time.monotonic
    admitted: Mapping[str, object] = field(default_factory=dict, init=False)
    """Who was let in, as the admission tells it."""
    news: asyncio.Queue[News] = field(default_factory=asyncio.Queue, init=False)

    def __post_init__(self) -> None:
        """Begin the five minutes."""
        self.invitation = Invitation(self.code, self.clock())
        self._callers: list[_Caller] = []
        self._strikes: dict[str, int] = {}
        self._guest: _Caller | None = None
        self._turn = asyncio.Lock()

    @property
    def asking(self) -> Asking:
        """Who waits for an answer. Raises Misuse, Dropped."""
        return self._waiting()[1]

    def _waiting(self) -> tuple[_Caller, Asking]:
        guest = self._guest
        if guest is None or guest.asking is None or guest.answered:
            raise Misuse("nobody waits to be let in", hint="The question is asked by the command that shows the code.")
        if guest not in self._callers:
            raise Dropped("the other device went away before it was let in")
        return guest, guest.asking

    @asynccontextmanager
    async def listening(self, interfaces: Sequence[str]) -> AsyncIterator[int]:
        """Take calls while inside, at a port that is free; whoever was let in may end after it. Raises Unreachable."""
        sockets = bound(interfaces or _ANYWHERE, some=not interfaces)
        async with AsyncExitStack() as stack:
            for sock in sockets:
                server = await asyncio.start_server(self._accepted, sock=sock, limit=PAIRING_CLEAR_BYTES_MAX)
                stack.callback(server.close)
            try:
                yield int(sockets[0].getsockname()[1])
            finally:
                await self._close()

    async def heard(self) -> News:
        """The next news; an error when the code has come to its end."""
        while True:
            left_s = None if self.invitation.taken else self.invitation.ends_s - self.clock()
            try:
                async with asyncio.timeout(left_s if left_s is None else max(left_s, 0)):
                    return await self.news.get()
            except TimeoutError:
                if not self.invitation.taken:
                    message = "nobody came within five minutes, and the code is over"
                    raise Refused(message, hint="Make a new one: mesh invite") from None

    async def answer(self, admission: str) -> None:
        """Pass on the person's answer to whoever asks: an admission, or nothing to decline. Raises Misuse, Dropped."""
        guest, _ = self._waiting()
        guest.answered, guest.let_in = True, bool(admission)
        if not admission:
            self._tell_end(guest, Refused("the device was not let in"))
        guest.wait(timing.PAIRING_KEEP_S_MAX)
        async with self._turn:
            step = guest.inviter.decided(admission)
        with contextlib.suppress(OSError):  # its own task tells
            await carry(guest.writer, step)
        if not admission:
            guest.writer.close()

    async def _close(self) -> None:
        for caller in list(self._callers):
            if caller is self._guest and caller.asking and not caller.answered:
                await self.answer("")
            elif not caller.let_in:
                caller.writer.transport.abort()

    # ── one caller ───────────────────────────────────────────────────────────────────────────────

    async def _accepted(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        source = source_of(str(writer.get_extra_info("peername")[0]))
        if not self._has_room(source):
            writer.transport.abort()
            return
        caller: _Caller | None = None
        try:
            async with asyncio.timeout(timing.PAIRING_STEP_S) as limit:
                inviter = Inviter(self.invitation, entropy())
                caller = _Caller(source, writer, inviter, limit, time.monotonic())
                self._callers.append(caller)
                await self._converse(caller, reader)
            writer.close()
        except (OSError, TimeoutError, asyncio.IncompleteReadError, TooLarge):
            writer.transport.abort()
        finally:
            if caller is not None:
                self._left(caller)

    async def _converse(self, caller: _Caller, reader: asyncio.StreamReader) -> None:
        while True:
            frame = await next_frame(reader, caller.inviter.bytes_max)
            caller.waits_since_s = None
            async with self._turn:  # a crowd is served one after the other, and beside everything else
                tries_left = self.invitation.tries_left
                step = await asyncio.to_thread(caller.inviter.heard, frame, self.clock())
                wrong = self.invitation.tries_left < tries_left
            caller.wait(timing.PAIRING_STEP_S)
            if wrong:
                self.news.put_nowait(self._wrong())
            if caller.inviter.proven and self._guest is None:
                self._guest = caller
            await carry(caller.writer, step)
            if step.asking is not None:
                caller.wait(timing.PAIRING_PERSON_S_MAX)
                caller.asking = Asking(step.asking, step.request)
                self.news.put_nowait(caller.asking)
            if step.joined or step.over is not None:
                self._tell_end(caller, step.over or Joined())
                return

    def _wrong(self) -> News:
        if self.invitation.tries_left > 0:
            return Wrong(self.invitation.tries_left)
        message = "three wrong codes came in, and this one is dead"
        return Refused(message, hint="Somebody may be guessing. Read the next one out slowly: mesh invite")

    def _tell_end(self, caller: _Caller, news: News) -> None:
        if caller is self._guest and not caller.told:
            caller.told = True
            self.news.put_nowait(news)

    def _left(self, caller: _Caller) -> None:
        self._callers.remove(caller)
        if not caller.inviter.proven:
            self._strike(caller.source)
        if caller.let_in:
            message = "the device is let in, but went away before it said that it has its admission"
            hint = "Nothing is lost: `mesh devices` shows it. A new code gives it the same admission: mesh invite"
            self._tell_end(caller, Dropped(message, hint=hint))
        self._tell_end(caller, Dropped("the other device went away before it was let in"))

    # ── who may call ─────────────────────────────────────────────────────────────────────────────

    def _has_room(self, source: str) -> bool:
        """Whether one more may call; where it is full, somebody who has proven nothing may have to make room.

        That is whoever came in vain most often, then whoever has kept us waiting longest. Who answers in time is pushed
        out only by a source that was in vain less often, so a crowd can slow others down, and no more.
        """
        same = [caller for caller in self._callers if caller.source == source]
        crowd = same if len(same) >= PAIRING_CONNECTIONS_PER_SOURCE_MAX else self._callers
        if crowd is self._callers and len(crowd) < PAIRING_CONNECTIONS_MAX:
            return True
        now_s = time.monotonic()
        waits = [
            (self._strikes.get(caller.source, 0), now_s - caller.waits_since_s, caller)
            for caller in crowd
            if not caller.inviter.proven and caller.waits_since_s is not None
        ]
        if not waits:
            return False
        strikes, waited_s, worst = max(waits, key=lambda one: one[:2])
        if waited_s < timing.PAIRING_GRACE_S and strikes <= self._strikes.get(source, 0):
            return False
        worst.waits_since_s = None
        worst.writer.transport.abort()
        return True

    def _strike(self, source: str) -> None:
        self._strikes[source] = self._strikes.pop(source, 0) + 1
        if len(self._strikes) > PAIRING_SOURCES_MAX:
            del self._strikes[next(iter(self._strikes))]


def source_of(host: str) -> str:
    """What counts as one source: an IPv4 address, or a network of IPv6."""
    address = ipaddress.ip_address(host.partition("%")[0])
    if isinstance(address, ipaddress.IPv6Address):
        if address.ipv4_mapped:
            return str(address.ipv4_mapped)
        return str(ipaddress.ip_network((address, _NETWORK_BITS), strict=False))
    return str(address)


def bound(hosts: Sequence[str], *, some: bool) -> list[socket.socket]:
    """Sockets at one free port on these addresses, or on those of them that exist. Raises Unreachable."""
    problem: OSError | None = None
    for _ in range(timing.PAIRING_PORT_TRIES):
        sockets: list[socket.socket] = []
        for host in hosts:
            port = sockets[0].getsockname()[1] if sockets else 0
            try:
                sockets.append(_bound(host, port))
            except OSError as error:
                problem = error
                if not some or error.errno == errno.EADDRINUSE:
                    break
        else:
            if sockets:
                return sockets
        for sock in sockets:
            sock.close()
        if problem is not None and problem.errno != errno.EADDRINUSE:
            break
    reason = problem.strerror if problem else "no address"
    message = f"cannot listen on {', '.join(hosts)} for the other device: {reason}"
    raise Unreachable(message, hint="Check `--interface`.")


def _bound(host: str, port: int) -> socket.socket:
    family, _, _, _, address = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM, flags=socket.AI_PASSIVE)[0]
    sock = socket.socket(family, socket.SOCK_STREAM)
    try:
        if family == socket.AF_INET6:
            sock.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_V6ONLY, 1)
        sock.bind(address)
    except BaseException:
        sock.close()
        raise
    return sock
