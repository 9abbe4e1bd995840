"""The bus on NATS: one own server, one link per peer, requests in both directions.

When to dial, whom to trust and what a link is, is decided elsewhere (`links`, `visits`, `own_server`). Nothing is
stored or sent twice here: what must arrive is asked for again by who needs it.
"""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from pathlib import Path

from mesh.errors import Misuse, Unreachable
from mesh.limits import PEERS_MAX, STRANGE_ADDRESSES_MAX
from mesh.node.ports import Handler, LinkStatus, Peer, ServerStatus, TransportKeys, WebPlace
from mesh.node.transport.broker_config import GUEST, GUEST_INBOX, IMPORTED_REPLY, nkey_public
from mesh.node.transport.links import Input, LinkTimes
from mesh.node.transport.own_server import Listening, OwnServer, Told
from mesh.node.transport.peer_link import PeerLink, Surroundings
from mesh.node.transport.reception import Inbox
from mesh.node.transport.strangers import Strangers
from mesh.node.transport.tls import write_files
from mesh.node.transport.visits import Visitor
from mesh.node.transport.wire_nats import connect
from mesh.node.transport.wires import Arrived

_FOLDER_MODE = 0o700


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
