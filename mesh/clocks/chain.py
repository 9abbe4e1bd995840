"""Hash chains: how one event stands on another, and how a chain is remembered without its log.

Chain, sequence number and parent are part of every digest, so they cost no bytes in the event and cannot be moved
(PROTOCOL, "Chains"). This module never sees an event's content and never keeps a log.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterable
from dataclasses import dataclass

from mesh.names import ZERO, Digest

_GENESIS = b"mesh/genesis/1"
_OPENING = b"mesh/opening/1"
_EVENT = b"mesh/event/1"
_SIGNATURE = b"mesh/signature/1"
_SEQ_BYTES = 8


@dataclass(frozen=True, slots=True, order=True)
class Head:
    """A place in a chain: the sequence number (from 1) and the digest there. (0, ZERO) is before the opening."""

    seq: int
    digest: Digest


START = Head(0, ZERO)


def genesis_digest(key: bytes, header: bytes) -> Digest:
    """The digest of a genesis said by the recovery key `key`: the id of its mesh and of its chain."""
    return Digest(hashlib.sha256(_GENESIS + key + hashlib.sha256(header).digest()).digest())


def opening_digest(mesh: Digest, key: bytes, header: bytes) -> Digest:
    """The digest of an opening by the device key `key` in a mesh: the id of the chain that it opens."""
    return Digest(hashlib.sha256(_OPENING + mesh + key + hashlib.sha256(header).digest()).digest())


def event_digest(chain: Digest, after: Head, header: bytes) -> Digest:
    """The digest of the event with this header that stands on `after` in a chain."""
    seq = (after.seq + 1).to_bytes(_SEQ_BYTES, "big")
    return Digest(hashlib.sha256(_EVENT + chain + seq + after.digest + hashlib.sha256(header).digest()).digest())


def signed_bytes(chain: Digest, head: Head) -> bytes:
    """What a device signs to stand for everything up to and with this head."""
    return _SIGNATURE + chain + head.seq.to_bytes(_SEQ_BYTES, "big") + head.digest


def trail_places(length: int) -> tuple[int, ...]:
    """What the trail of a chain of this length keeps: of each power of 2 the newest odd multiple that fits in it."""
    places, step = [], 1
    while step <= length:
        multiple = length // step
        places.append((multiple - 1 + multiple % 2) * step)
        step *= 2
    return tuple(sorted(places, reverse=True))


class Trail:
    """A few places of a chain, dense near its end and sparse far back.

    With it a device that lacks the log can still say where it is, in a chain that was forked: the other side starts
    at the newest place that it shares.
    """

    def __init__(self, heads: Iterable[Head] = ()) -> None:
        """Start from places that an earlier trail kept."""
        self._kept = {head.seq: head.digest for head in heads}

    def extend(self, head: Head) -> None:
        """Take the next event's place and drop the one that is no longer needed (see `trail_places`)."""
        self._kept[head.seq] = head.digest
        self._kept.pop(head.seq - 2 * (head.seq & -head.seq), None)

    def heads(self) -> tuple[Head, ...]:
        """The kept places, newest first."""
        return tuple(Head(seq, self._kept[seq]) for seq in sorted(self._kept, reverse=True))
