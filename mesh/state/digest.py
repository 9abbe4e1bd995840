"""The state digest: whether two devices hold and honour the same events, and in which document they first differ.

Per document and chain a rolling hash of the honoured events, per document a leaf, over all leaves a tree of three
levels with sixteen branches. Order within a chain is given, so plain hashes do; sums would fall to a member who
solves for them. This module keeps no events and compares no views.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Sequence
from typing import NamedTuple

from mesh.names import ZERO, Digest, DocumentId

LEVELS = 3
BRANCHES = 16
BUCKETS = BRANCHES**LEVELS

_EVENT = b"mesh/digest/event/1"
_LEAF = b"mesh/digest/leaf/1"
_BUCKET = b"mesh/digest/bucket/1"
_NODE = b"mesh/digest/node/1"
_COUNT_BYTES = 8


class Part(NamedTuple):
    """What one chain gave to a document: how many honoured events, and their rolling hash."""

    chain: Digest
    events: int
    roll: Digest


def roll(previous: Digest, event: Digest) -> Digest:
    """A chain's rolling hash with one more honoured event; begins with ZERO."""
    return _hash(_EVENT, previous, event)


def part(chain: Digest, events: Iterable[tuple[int, Digest]]) -> Part:
    """The part of a chain, forked or not, from its honoured events with their seq, in whatever order they come."""
    count, rolled = 0, ZERO
    for _, event in sorted(events):
        count, rolled = count + 1, roll(rolled, event)
    return Part(chain, count, rolled)


def leaf(key_: Digest, parts: Iterable[Part]) -> Digest:
    """The digest of one document from its parts; ZERO when no event of it is honoured."""
    filled = sorted(part_ for part_ in parts if part_.events)
    pieces = (piece.chain + piece.events.to_bytes(_COUNT_BYTES, "big") + piece.roll for piece in filled)
    return _hash(_LEAF, key_, *pieces) if filled else ZERO


def key(document: DocumentId) -> Digest:
    """Where a document stands in the tree, which tells nobody its name."""
    return Digest(hashlib.sha256(str(document).encode()).digest())


def bucket(key_: Digest) -> int:
    """The bucket of a document: the first twelve bits of its key."""
    return key_[0] << 4 | key_[1] >> 4


def bucket_digest(leaves: Iterable[tuple[Digest, Digest]]) -> Digest:
    """The digest of one bucket from the keys and leaves of its documents; ZERO when it has none."""
    filled = sorted(pair for pair in leaves if pair[1] != ZERO)
    return _hash(_BUCKET, *(key_ + leaf_ for key_, leaf_ in filled)) if filled else ZERO


class Trie:
    """The tree over all buckets. Level 0 is the root, level 3 are the buckets; a node above nothing is ZERO.

    Setting a bucket only marks what is above it; nodes are hashed when somebody asks.
    """

    __slots__ = ("_dirty", "_levels")

    def __init__(self, buckets: Iterable[tuple[int, Digest]] = ()) -> None:
        """Begin with these bucket digests, all others empty."""
        self._levels = [[ZERO] * BRANCHES**level for level in range(LEVELS + 1)]
        self._dirty: set[int] = set()
        for index, digest in buckets:
            self.set(index, digest)

    def set(self, index: int, digest: Digest) -> None:
        """Give a bucket its digest, ZERO when it is empty."""
        if self._levels[LEVELS][index] != digest:
            self._levels[LEVELS][index] = digest
            self._dirty.add(index)

    def root(self) -> Digest:
        """The digest of everything."""
        self._settle()
        return self._levels[0][0]

    def children(self, level: int, index: int) -> Sequence[Digest]:
        """The sixteen nodes under a node, at level 2 the buckets themselves."""
        self._settle()
        return tuple(self._levels[level + 1][index * BRANCHES : (index + 1) * BRANCHES])

    def _settle(self) -> None:
        above = self._dirty
        for level in reversed(range(LEVELS)):
            above = {index // BRANCHES for index in above}
            below, nodes = self._levels[level + 1], self._levels[level]
            for index in above:
                nodes[index] = _node(below[index * BRANCHES : (index + 1) * BRANCHES])
        self._dirty = set()


def _node(children: Sequence[Digest]) -> Digest:
    return _hash(_NODE, *children) if any(child != ZERO for child in children) else ZERO


def _hash(*parts: bytes) -> Digest:
    return Digest(hashlib.sha256(b"".join(parts)).digest())
