"""Stand-ins for mesh.state.notes and mesh.state.digest until they land; nothing else may import this."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from mesh.names import ZERO, Digest, DocumentId


@dataclass(frozen=True, slots=True)
class Note:
    """A note as people see it."""

    document: DocumentId
    title: str
    body: str
    tags: tuple[str, ...] = ()
    path: str = ""
    deleted: bool = False
    conflicts: tuple[str, ...] = ()


def _hash(*parts: bytes) -> Digest:
    return Digest(hashlib.sha256(b"".join(parts)).digest())


def roll(prev: bytes, event: bytes) -> Digest:
    """The rolling hash after one more event."""
    return _hash(b"mesh/digest/event/1", prev, event)


def key(document: DocumentId) -> Digest:
    """Where a document stands in the tree."""
    return _hash(str(document).encode())


def leaf(name: bytes, parts: Mapping[Digest, tuple[int, bytes]]) -> Digest:
    """One document's leaf: chain -> count, roll."""
    return _hash(b"mesh/digest/leaf/1", name, *(c + n.to_bytes(8, "big") + h for c, (n, h) in sorted(parts.items())))


def bucket_digest(leaves: Iterable[tuple[bytes, bytes]]) -> Digest:
    """One bucket of leaves."""
    found = sorted(leaves)
    return _hash(b"mesh/digest/bucket/1", *(k + v for k, v in found)) if found else ZERO


class Trie:
    """Sixteen children a node, three levels."""

    def __init__(self) -> None:
        """Start empty."""
        self._buckets: dict[int, Digest] = {}

    def set(self, bucket: int, digest: Digest) -> None:
        """Put a bucket's digest."""
        self._buckets[bucket] = digest

    def node(self, level: int, index: int) -> Digest:
        """One node."""
        if level == 3:
            return self._buckets.get(index, ZERO)
        below = self.children(level, index)
        return ZERO if all(c == ZERO for c in below) else _hash(b"mesh/digest/node/1", *below)

    def root(self) -> Digest:
        """The root."""
        return self.node(0, 0)

    def children(self, level: int, index: int) -> tuple[Digest, ...]:
        """The children of a node."""
        return tuple(self.node(level + 1, index << 4 | i) for i in range(16))
