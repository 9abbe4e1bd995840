"""What the agent asks of the world: the bus and the beacon. Protocols and the plain values that cross them.

Nothing here does anything: each port has a memory implementation and a real one, and both pass one contract suite.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Literal, Protocol

BEACON_VARIABLE = "MESH_BEACON"
"""Set to `off`, nothing is announced or looked for by mDNS."""

Direction = Literal["out", "in", "both", ""]
"""Who dialled a link: we (`out`), the other device (`in`), both, or nobody."""

Trouble = Literal[
    "", "no-address", "away", "no-answer", "nobody-there", "wrong-proof", "not-let-in", "lost", "no-agent"
]
"""Why there is no link, in one word: no address is known; it lives in a browser and does not call; nothing comes back
from an address; nothing of a mesh is there; somebody else is; the device there does not let this one in; the line fell;
the own agent does not run."""

ServerState = Literal["off", "starting", "up", "waiting", "external"]
"""Where the own nats-server is; `waiting` means that it fell or did not start and is tried again."""


@dataclass(frozen=True, slots=True)
class Peer:
    """One other device of the roster, as the transport needs it."""

    device: str
    """`names.device_text(admission)`: 16 characters, also its word in subjects."""
    name: str
    transport_key: bytes
    """Ed25519 public key, 32 bytes, that it proves to nats-servers (an nkey)."""
    tls_key: bytes
    """Ed25519 public key, 32 bytes, of its TLS certificate."""
    addresses: tuple[str, ...] = ()
    """`host:port` or `[v6]:port`, newest first."""
    only_visited: bool = False
    """Called as a guest and never let in as itself: this device was taken out of the mesh."""
    in_browser: bool = False
    """It lives in a browser: nobody can dial it, and it comes by WebSocket only."""


@dataclass(frozen=True, slots=True)
class WebPlace:
    """Where the own nats-server takes WebSockets: a port of loopback, and the one origin that browsers may name."""

    port: int
    origin: str


@dataclass(frozen=True, slots=True)
class TransportKeys:
    """The own secrets of the transport. None of them is the identity key, and none signs events."""

    nkey_seed: bytes
    tls_seed: bytes
    mesh_secret: bytes
    """Shared by the mesh: makes the certificate authority and the guests' nkey."""

    def __repr__(self) -> str:
        """Name no secret: a repr ends up in logs."""
        return "TransportKeys(...)"


@dataclass(frozen=True, slots=True)
class LinkStatus:
    """How the link to one peer is, for `mesh status`."""

    device: str
    connected: bool
    direction: Direction
    address: str
    last_heard_s: float | None
    round_trip_ms: float | None
    problem: str
    hint: str
    trouble: Trouble = ""


@dataclass(frozen=True, slots=True)
class ServerStatus:
    """How the own nats-server is, for `mesh status` and for the caller that stores the chosen port."""

    address: str
    port: int
    pid: int | None
    state: ServerState
    problem: str
    hint: str
    external: bool


class GuestLink(Protocol):
    """A connection with guest rights at somebody's server."""

    async def request(self, verb: str, body: bytes, *, timeout_s: float) -> bytes:
        """Ask the owner of the server. Raises Unreachable, Refused."""


class Visiting(Protocol):
    """Who is to be a guest at somebody's server."""

    async def guest(self, link: GuestLink, device: str | None) -> None:
        """We got only guest rights at somebody's server: trade control statements, then return.

        The device is None when the address was typed and its owner is not in the roster.
        """


class Handler(Visiting, Protocol):
    """What the bus tells the agent."""

    async def heard(self, sender: str | None, verb: str, body: bytes) -> bytes:
        """Somebody asks or tells; the answer is ignored for what was told. A sender of None is a guest.

        Entered in the order of arrival for each sender; several may be under way at once. Raises Refused when
        the sender must hear so.
        """

    async def linked(self, device: str) -> None:
        """A link came up, or came up anew: what was told in between may be lost."""

    async def parted(self, device: str) -> None:
        """The last link to the device went down."""


class Bus(Protocol):
    """Requests and tidings between the devices of the mesh. At most once, nothing is stored."""

    async def run(self, handler: Handler) -> None:
        """Serve until cancelled; leaves no process, task or connection behind."""

    async def roster(self, peers: Sequence[Peer], strange_addresses: Sequence[str] = ()) -> None:
        """Let in and dial exactly these devices from now on; returns when that holds at the own server.

        Strange addresses were typed by the person; whose they are is found out by looking at the certificate.
        """

    async def request(self, device: str, verb: str, body: bytes, *, timeout_s: float) -> bytes:
        """Ask a device. Raises Unreachable without a live link or answer, Refused if the other side refused."""

    async def tell(self, device: str, verb: str, body: bytes) -> None:
        """Tell a device something, at most once and without an answer. Raises Unreachable without a live link."""

    async def open_web(self, place: WebPlace | None) -> None:
        """Take devices in browsers there from now on, or nowhere. The own server starts anew when that changes."""

    def seen(self, device: str, addresses: Sequence[str]) -> None:
        """Somebody (a beacon) saw a device there just now, by its own word: a hint to dial there first, and soon."""

    def moved(self) -> None:
        """This machine slept or has other addresses: whatever looks alive may be dead, so dial anew."""

    def links(self) -> tuple[LinkStatus, ...]:
        """How each link is."""

    def server(self) -> ServerStatus:
        """How the own server is."""

    def dials(self) -> int:
        """How often this device called at others' addresses so far, in vain or not."""


Calling = Literal["device", "invitation"]
"""What a notice calls for: the agent of a device, or whoever holds the code of an invitation."""


@dataclass(frozen=True, slots=True)
class Notice:
    """What this device announces on the local network. Everybody there can read it, so it names nobody."""

    calling: Calling
    port: int
    text: Mapping[str, bytes]
    """The TXT record (RFC 6763, section 6)."""


@dataclass(frozen=True, slots=True)
class Sighting:
    """What somebody else announces. Anybody can announce anything: it is a hint where to call, never a proof."""

    calling: Calling
    addresses: tuple[str, ...]
    """`host:port` or `[v6]:port`, at most `limits.ADDRESSES_PER_PEER_MAX`."""
    text: Mapping[str, bytes]


@dataclass(frozen=True, slots=True)
class BeaconStatus:
    """How finding each other is, for `mesh status` and `mesh doctor`."""

    heard: int
    """Announcements of others that are in sight now, of any mesh."""
    problem: str
    hint: str


@dataclass(frozen=True, slots=True)
class Sign:
    """A host name for the local network, and where it leads."""

    name: str
    port: int
    own: str
    """This machine's address in the network in which it is told."""
    hosts: tuple[str, ...]
    """Where it leads: this machine first."""


class Signpost(Protocol):
    """Tells the local network one host name. Whoever hears it believes a certificate, not this."""

    async def run(self) -> None:
        """Tell what is shown until cancelled, then say goodbye."""

    def show(self, sign: Sign | None) -> None:
        """Tell exactly this from now on, or nothing."""


class Beacon(Protocol):
    """Announces this device on the local network and looks out for others. Hints only; it notices no absence."""

    async def run(self, sighted: Callable[[Sighting], None]) -> None:
        """Announce and look out until cancelled, then say goodbye; a sighting may be told again at any time."""

    def announce(self, notices: Sequence[Notice]) -> None:
        """Announce exactly these from now on, under fresh random names."""

    def ask(self) -> None:
        """Ask the local network now: whoever is there is sighted within a moment, also if it was before."""

    def moved(self) -> None:
        """This machine has other addresses: announce there, look there."""

    def status(self) -> BeaconStatus:
        """How it is."""
