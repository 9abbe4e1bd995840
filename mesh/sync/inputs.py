"""What a replica is told, and what it wants done: inputs and effects, as plain values.

This module has no behaviour.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field

from mesh.clocks.chain import Head
from mesh.events.chains import Held
from mesh.events.event import Lane, Placed
from mesh.events.speaking import Draft
from mesh.names import Digest
from mesh.sync.messages import Have, Message, Push, Want

Peer = str
"""A device as the bus names it. `?` is a guest at our server; `?` and an address is a server where we are one."""

GUEST: Peer = "?"


def is_guest(peer: Peer) -> bool:
    """Whether only control events are traded with this peer."""
    return peer.startswith(GUEST)


Later = Callable[[Sequence[Placed]], Draft]
"""A draft of a statement that names others of its own commit: it is made when those have their digests."""


@dataclass(frozen=True, slots=True)
class Said:
    """Somebody at this device says something. `entropy`: 16 + 24 random bytes a draft. Data are never `Later`."""

    drafts: tuple[Draft | Later, ...]
    lane: Lane
    time_ms: int
    entropy: bytes
    reason: str = "new"


@dataclass(frozen=True, slots=True)
class Heard:
    """A message came from a peer. `held` answers `Replica.unsure(message)` from the log."""

    peer: Peer
    message: Message
    held: Held = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Met:
    """A link to a peer came up, or it is time to compare again."""

    peer: Peer


@dataclass(frozen=True, slots=True)
class Lost:
    """A peer does not answer, or its link is gone: what was asked of it may be asked of others."""

    peer: Peer


@dataclass(frozen=True, slots=True)
class Ticked:
    """Some time went by (anti-entropy period): compare with everybody, give up what does not move."""


Input = Said | Heard | Met | Lost | Ticked


Fork = tuple[Digest, Head]
"""A chain, and the event in it that more than one other stands on: restored from a backup, or stolen?"""


@dataclass(frozen=True, slots=True)
class Effects:
    """What the shell must do, in this order."""

    ask: tuple[tuple[Peer, Want], ...] = ()  # may go out before the append: a question promises nothing
    append: tuple[Placed, ...] = ()
    bodies: tuple[tuple[Digest, bytes], ...] = ()  # event -> body that was missing
    serve: tuple[tuple[Peer, Want], ...] = ()
    send: tuple[tuple[Peer | None, Have | Push], ...] = ()  # None: everybody met
    meet: frozenset[Peer] = frozenset()  # compare with these again soon
    judged: bool = False  # the verdict or the keys changed: what is not honoured must be weighed again
    alarms: tuple[str, ...] = ()
    forks: tuple[Fork, ...] = ()
    refused: int = 0  # runs of this message that did not hold; they changed nothing
