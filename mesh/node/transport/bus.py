"""The bus on NATS: the only file that imports nats. One own server, one link per peer, requests in both directions.

nats-py connects and frames; when to dial, whom to trust and what a link is, is decided elsewhere (`links`, `visits`,
`own_server`). Nothing is stored or sent twice here: what must arrive is asked for again by who needs it.
"""

from __future__ import annotations

import asyncio
import contextlib
import itertools
import logging
from collections.abc import Iterator, Sequence
from pathlib import Path

from nats.aio.client import Client
from nats.aio.msg import Msg
from nats.errors import Error as NatsError
from nats.errors import UnexpectedEOF

from mesh.errors import Misuse, Unreachable
from mesh.limits import PEERS_MAX, STRANGE_ADDRESSES_MAX
from mesh.node import timing
from mesh.node.ports import Handler, LinkStatus, Peer, ServerStatus, TransportKeys, WebPlace
from mesh.node.transport.broker_config import GUEST, GUEST_INBOX, IMPORTED_REPLY, nkey_public, nkey_seed
from mesh.node.transport.links import Input, LinkTimes
from mesh.node.transport.own_server import Listening, OwnServer, Told
from mesh.node.transport.peer_link import PeerLink, Surroundings
from mesh.node.transport.reception import Inbox
from mesh.node.transport.strangers import Strangers
from mesh.node.transport.tls import write_files
from mesh.node.transport.visits import Visitor, unreachable
from mesh.node.transport.wires import Arrived, LineDown, Listener, Login, NobodyThere, NotLetIn, Wire

_NO_RESPONDERS = "503"
_EOF_NOISE = "returning true from eof_received() has no effect when using ssl"
logging.getLogger("asyncio").addFilter(lambda record: record.getMessage() != _EOF_NOISE)  # nats-py, at each closed link
_FOLDER_MODE = 0o700


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
    assert task is not None, "a wire is used by tasks"
    before = task.cancelling()
    try:
        yield
    finally:
        if task.cancelling() > before:
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


class NatsBus:
    """The Bus between real devices."""

    def __init__(
        self,
        device: str,
        keys: TransportKeys,
        folder: Path,
        *,
        listening: Listening | None = None,
        times: LinkTimes | None = None,
    ) -> None:
        """The folder is this bus's own: configuration, certificates, log and pid file of its nats-server."""
        folder.mkdir(mode=_FOLDER_MODE, parents=True, exist_ok=True)
        files = write_files(folder, keys.mesh_secret, keys.tls_seed)
        self._device = device
        self._visitor = Visitor(device, keys, files, connect)
        self._own = OwnServer(device, keys, folder, listening or Listening(), connect, files)
        self._times = times or LinkTimes()
        self._peers: dict[str, Peer] = {}
        self._links: dict[str, tuple[PeerLink, asyncio.Task[None]]] = {}
        self._strange: tuple[str, ...] = ()
        self._strangers: Strangers | None = None
        self._around: Surroundings | None = None
        self._guests: Inbox | None = None
        self._group: asyncio.TaskGroup | None = None
        self._settling = asyncio.Lock()

    async def run(self, handler: Handler) -> None:
        """Serve until cancelled; leaves no process, task or connection behind."""
        self._around = Surroundings(self._device, self._visitor, handler, lambda: self._own.wire, self._times)
        self._guests = Inbox(None, handler, (f"{GUEST_INBOX}.", IMPORTED_REPLY))
        told = Told(self._arrived, self._server_up, self._server_down, self._connection_ended)
        try:
            async with asyncio.TaskGroup() as group:
                self._group = group
                self._strangers = Strangers(self._device, self._visitor, handler, self._find, group)
                group.create_task(self._own.run(told))
                group.create_task(self._guests.serve())
                self._dial_and_undial()
                self._strangers.look_for(self._strange)
                try:
                    await asyncio.Event().wait()  # until cancelled
                finally:
                    self._group = self._strangers = None  # nothing starts any more
        finally:
            self._links.clear()

    async def roster(self, peers: Sequence[Peer], strange_addresses: Sequence[str] = ()) -> None:
        """Let in and dial exactly these devices from now on. Raises Unreachable if the server did not take it."""
        if len(peers) > PEERS_MAX or len(strange_addresses) > STRANGE_ADDRESSES_MAX:
            message = f"a roster of {len(peers)} devices and {len(strange_addresses)} typed addresses"
            raise Misuse(message, hint=f"At most {PEERS_MAX} devices and {STRANGE_ADDRESSES_MAX} addresses.")
        async with self._settling:
            self._peers = {peer.device: peer for peer in peers if peer.device != self._device}
            self._strange = tuple(strange_addresses)
            if self._group is not None:
                for link in self._dial_and_undial():
                    await link.cut_off()
            try:
                await self._own.roster(list(self._peers.values()))
            finally:
                if self._strangers is not None:
                    self._strangers.look_for(self._strange)

    async def open_web(self, place: WebPlace | None) -> None:
        """Take devices in browsers there from now on, or nowhere."""
        await self._own.open_web(place)

    async def request(self, device: str, verb: str, body: bytes, *, timeout_s: float) -> bytes:
        """Ask a device. Raises Unreachable, Refused."""
        return await self._link(device).request(verb, body, timeout_s=timeout_s)

    async def tell(self, device: str, verb: str, body: bytes) -> None:
        """Tell a device. Raises Unreachable without a live link."""
        await self._link(device).tell(verb, body)

    def links(self) -> tuple[LinkStatus, ...]:
        """How each link is, and what typed addresses led to."""
        found = self._strangers.statuses() if self._strangers is not None else ()
        idle = [_idle(device) for device in self._peers.keys() - self._links.keys()]
        return (*(link.status() for link, _ in self._links.values()), *idle, *found)

    def server(self) -> ServerStatus:
        """How the own server is."""
        return self._own.status()

    def dials(self) -> int:
        """How often this device called at others' addresses so far, in vain or not."""
        return self._visitor.dials

    def moved(self) -> None:
        """The machine woke, or has other addresses: dial anew."""
        for link, _ in self._links.values():
            link.feed(Input.RESET)

    def seen(self, device: str, addresses: Sequence[str]) -> None:
        """Somebody (a beacon) saw a device there just now."""
        if device in self._links:
            self._links[device][0].seen_at(addresses)

    def _link(self, device: str) -> PeerLink:
        found = self._links.get(device)
        if found is None:
            message = f"{device} is no device that this one links to"
            raise Unreachable(message, hint="Is it in `mesh devices`, and does the agent run?")
        return found[0]

    def _dial_and_undial(self) -> list[PeerLink]:
        """Make the links those of the roster; returns what was undialled."""
        assert self._around is not None and self._group is not None, "only while running"  # noqa: PT018
        undialled = []
        for device, (link, task) in list(self._links.items()):
            peer = self._peers.get(device)
            if peer is None or _login_of(peer) != _login_of(link.peer):
                link.removed = True
                undialled.append(link)
                task.cancel()
                del self._links[device]
            else:
                link.update(peer)
        for device in self._peers.keys() - self._links.keys():
            link = PeerLink(self._around, self._peers[device])
            self._links[device] = (link, self._group.create_task(link.run()))
        return undialled

    async def _arrived(self, message: Arrived) -> None:
        """Something came on the own server, whose allow-lists prove the sender."""
        parts = message.subject.split(".", 3)
        if len(parts) != len(("mesh", "to", "from", "verb")):
            return
        sender, verb = parts[2], parts[3]
        if sender == GUEST and self._guests is not None:
            await self._guests.take(message, verb)
        elif sender in self._links:
            await self._links[sender][0].arrived(message, on_own_server=True)

    def _server_up(self) -> None:
        for link, _ in self._links.values():
            link.feed(Input.TICK)

    def _server_down(self) -> None:
        for link, _ in self._links.values():
            link.feed(Input.IN_LOST)

    async def _connection_ended(self, nkey: str) -> None:
        for link, _ in list(self._links.values()):
            if nkey_public(link.peer.transport_key) == nkey:
                link.doubt()

    def _find(self, tls_key: bytes) -> PeerLink | None:
        return next((link for link, _ in self._links.values() if link.peer.tls_key == tls_key), None)


def _login_of(peer: Peer) -> tuple[bytes, bytes, bool, bool]:
    """What a link cannot change while it lives."""
    return peer.transport_key, peer.tls_key, peer.only_visited, peer.in_browser


def _idle(device: str) -> LinkStatus:
    return LinkStatus(
        device=device,
        connected=False,
        direction="",
        address="",
        last_heard_s=None,
        round_trip_ms=None,
        problem="the agent does not run",
        hint="Start it with `mesh up`.",
        trouble="no-agent",
    )
