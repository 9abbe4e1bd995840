"""A wire over nats-py, the only file that imports nats: it connects, frames, and tells at once when it is over.

When to dial and whom to trust is decided elsewhere (`links`, `visits`, `own_server`). It never reconnects by itself and
keeps nothing: what must arrive is asked for again by who needs it.
"""

from __future__ import annotations

import asyncio
import contextlib
import itertools
import logging
import sys
from collections.abc import Iterator

from mesh.errors import Unreachable
from mesh.node import timing
from mesh.node.transport.broker_config import nkey_seed
from mesh.node.transport.visits import unreachable
from mesh.node.transport.wires import Arrived, LineDown, Listener, Login, NobodyThere, NotLetIn, Wire


@contextlib.contextmanager
def _without(name: str) -> Iterator[None]:
    """As if a package were not installed, for what is imported meanwhile."""
    before = {name: sys.modules[name]} if name in sys.modules else {}
    sys.modules[name] = None  # type: ignore[assignment] # what the import system itself calls "there is none"
    try:
        yield
    finally:
        del sys.modules[name]
        sys.modules.update(before)


with _without("aiohttp"):  # nats-py takes it for WebSockets, which no agent dials: 0.2 s and 10 MB of each agent
    from nats.aio.client import Client
    from nats.aio.msg import Msg
    from nats.errors import Error as NatsError
    from nats.errors import UnexpectedEOF

_NO_RESPONDERS = "503"
_EOF_NOISE = "returning true from eof_received() has no effect when using ssl"
logging.getLogger("asyncio").addFilter(lambda record: record.getMessage() != _EOF_NOISE)  # nats-py, at each closed link


class NatsWire:
    """A connection of nats-py that tells at once when it is closed, and never reconnects by itself."""

    def __init__(self, login: Login) -> None:
        self.closed = asyncio.Event()
        self.problem = ""
        self._login = login
        self._client = Client()
        self._numbers = itertools.count()
        self._waiting: dict[str, tuple[str, asyncio.Future[Msg]]] = {}
        self._owed: set[str] = set()
        self._quiet = asyncio.Event()
        self._quiet.set()

    async def connect(self) -> None:
        """Log in. Raises NotLetIn, Unreachable."""
        login = self._login
        more = {"tls": login.tls, "tls_hostname": login.tls_name, "tls_handshake_first": True} if login.tls else {}
        try:
            async with asyncio.timeout(login.timeout_s):  # nats-py alone would go on for minutes
                with _heeding_cancel():
                    await self._client.connect(
                        login.url,
                        nkeys_seed_str=nkey_seed(login.seed),
                        inbox_prefix=login.inbox,
                        error_cb=self._went_wrong,  # the default logs a traceback for each
                        closed_cb=self._ended,
                        allow_reconnect=False,
                        max_reconnect_attempts=1,
                        reconnect_time_wait=0,
                        connect_timeout=int(login.timeout_s) + 1,
                        ping_interval=timing.PING_INTERVAL_S,
                        max_outstanding_pings=timing.PINGS_MISSED_MAX,
                        **more,  # type: ignore[arg-type]
                    )
                    await self._client.subscribe(f"{login.inbox}.*", cb=self._answered)
        except (OSError, TimeoutError, NatsError) as error:
            raise self._failed(error) from error

    async def ask(self, subject: str, body: bytes, *, timeout_s: float) -> bytes:
        """Ask and return the raw answer. Raises LineDown, NobodyThere, Unreachable."""
        number = str(next(self._numbers))
        answer: asyncio.Future[Msg] = asyncio.get_running_loop().create_future()
        self._waiting[number] = subject, answer
        self._quiet.clear()
        try:
            async with asyncio.timeout(timeout_s):
                await self._publish(subject, body, f"{self._login.inbox}.{number}")
                message = await answer
        except TimeoutError:
            if "permissions violation" in self.problem.lower():  # the same key, let in anew
                raise NotLetIn("the server knows this device by another name") from None
            problem = f"no answer within {timeout_s:g} s"
            raise Unreachable(problem) from None
        finally:
            del self._waiting[number]
            self._settle()
        if message.headers and message.headers.get("Status") == _NO_RESPONDERS:
            problem = "nobody answers there"
            raise NobodyThere(problem)
        return message.data

    async def tell(self, subject: str, body: bytes) -> None:
        """Say without an answer. Raises LineDown."""
        await self._publish(subject, body, "")

    async def answer(self, reply: str, raw: bytes) -> None:
        """Answer what came on this wire. Raises LineDown."""
        try:
            await self._publish(reply, raw, "")
        finally:
            self._owed.discard(reply)
            self._settle()

    async def listen(self, subject: str, listener: Listener) -> None:
        """Take what comes under a subject; returns when the server knows it. Raises LineDown."""

        async def came(message: Msg) -> None:
            if message.reply:
                self._owed.add(message.reply)
                self._quiet.clear()
            await listener(Arrived(message.subject, message.reply, message.data, self))

        try:
            with _heeding_cancel():
                await self._client.subscribe(subject, cb=came)
                await self._client.flush(timeout=int(timing.DIAL_TIMEOUT_S))
        except (NatsError, OSError) as error:
            raise self._down() from error

    def give_up(self, prefix: str) -> None:
        """Fail what was asked under subjects that begin so."""
        for subject, answer in self._waiting.values():
            if subject.startswith(prefix) and not answer.done():
                answer.set_exception(self._down())

    async def quiet(self) -> None:
        """Return when nothing waits for an answer."""
        await self._quiet.wait()

    async def close(self) -> None:
        """Close, at once and for good."""
        try:
            if self._client.is_connected:  # else a login failed half way, and nats-py would wait for a farewell in vain
                await self._say_farewell()
        finally:
            self._abort()
            await self._ended()

    async def _say_farewell(self) -> None:
        with contextlib.suppress(NatsError, OSError, TimeoutError):
            async with asyncio.timeout(timing.CLOSE_TIMEOUT_S):
                with _heeding_cancel():
                    await self._client.close()

    async def _publish(self, subject: str, body: bytes, reply: str) -> None:
        if self.closed.is_set():
            raise self._down()
        try:
            with _heeding_cancel():
                await self._client.publish(subject, body, reply=reply)
        except (NatsError, OSError) as error:
            if self._client.is_closed:
                await self._ended()
            raise self._down() from error

    async def _answered(self, message: Msg) -> None:
        _, answer = self._waiting.get(message.subject.rpartition(".")[2], ("", None))
        if answer is not None and not answer.done():
            answer.set_result(message)

    async def _went_wrong(self, error: Exception) -> None:
        self.problem = str(error) or type(error).__name__
        if isinstance(error, OSError | UnexpectedEOF):
            await self._ended()  # nats-py tells it after the farewell, or never if something was still to be sent

    async def _ended(self) -> None:
        self.closed.set()
        self._owed.clear()
        self.give_up("")
        self._settle()

    def _settle(self) -> None:
        if not self._waiting and not self._owed:
            self._quiet.set()

    def _down(self) -> LineDown:
        return LineDown(f"the connection is closed{': ' if self.problem else ''}{self.problem}")

    def _failed(self, error: Exception) -> Unreachable:
        if "authorization violation" in str(error).lower():
            return NotLetIn("the server does not know this device")
        address = self._login.url.partition("//")[2]
        cause = self._cause if isinstance(error, NatsError) and self._cause is not None else error
        return unreachable(address, cause)

    @property
    def _cause(self) -> Exception | None:
        """What went wrong before nats-py gave up with a word of its own."""
        return self._client.last_error

    def _abort(self) -> None:
        # nats-py waits up to 30 s for the other side's TLS farewell, which a sleeping peer never says.
        transport = getattr(self._client, "_transport", None)
        writer = getattr(transport, "_io_writer", None)
        if writer is not None:
            writer.transport.abort()


@contextlib.contextmanager
def _heeding_cancel() -> Iterator[None]:
    """Raise a cancellation that nats-py swallows: itself, or in `asyncio.wait_for` of Python 3.11, by a race."""
    task = asyncio.current_task()
    before = task.cancelling() if task is not None else 0
    try:
        yield
    finally:
        if task is not None and task.cancelling() > before:
            raise asyncio.CancelledError


async def connect(login: Login) -> Wire:
    """Open a wire. Raises NotLetIn, Unreachable."""
    wire = NatsWire(login)
    try:
        await wire.connect()
    except BaseException:
        await wire.close()
        raise
    return wire
