"""The file of a bundle: events as they travel between devices, on a stick instead of a wire (PROTOCOL, "Bundles").

It is sealed as it was and says nothing new: whoever finds it learns what somebody on the network would. What is read
is taken for foreign: frames are bounded, and the last one must fit all that came before, so a cut is noticed. This
module knows neither home nor store, and decides nothing about events.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterator
from dataclasses import dataclass
from typing import BinaryIO

from mesh.clocks.frontier import Frontier
from mesh.errors import Damaged, Malformed, Refused
from mesh.events import cbor
from mesh.limits import BUNDLE_HEAD_BYTES_MAX, DIGEST_BYTES, PUSH_BYTES_MAX
from mesh.names import Digest
from mesh.sync.messages import Push, as_digest, decode_push, encode, frontier_list, read_frontier

MAGIC = b"mesh bundle 1\n"
_LENGTH_BYTES = 4
_CUT = "The file is not whole: copy it again. What was taken in until here is kept, and counts."


@dataclass(frozen=True, slots=True)
class Head:
    """What a bundle says of itself: the mesh, what is in it, and after what it begins (0: it holds everything).

    `tips`: where each chain ends that it has events of. Whoever holds all of these needs nothing of it.
    """

    mesh: Digest
    since_ms: int
    tips: Frontier


class Writer:
    """Writes one bundle: a head, pages, an end."""

    def __init__(self, file: BinaryIO, head: Head) -> None:
        """Begin with the head."""
        self._file, self._digest = file, hashlib.sha256()
        self.bytes = 0
        self._put(MAGIC)
        self._frame(cbor.encode([head.mesh, head.since_ms, frontier_list(head.tips)]))

    def page(self, push: Push) -> None:
        """Add a page."""
        self._frame(encode(push))

    def end(self) -> None:
        """Say that this is all."""
        self._put(bytes(_LENGTH_BYTES))
        self._file.write(self._digest.digest())
        self.bytes += DIGEST_BYTES

    def _frame(self, raw: bytes) -> None:
        self._put(len(raw).to_bytes(_LENGTH_BYTES, "big"))
        self._put(raw)

    def _put(self, raw: bytes) -> None:
        self._file.write(raw)
        self._digest.update(raw)
        self.bytes += len(raw)


class Reader:
    """Reads one bundle; a page is given out before the end was seen, since each stands on its own."""

    def __init__(self, file: BinaryIO) -> None:
        """Read the head. Raises Malformed."""
        self._file, self._digest = file, hashlib.sha256()
        if self._take(len(MAGIC)) != MAGIC:
            raise Malformed("this is no bundle of a mesh", hint="`mesh export FILE.meshbundle` makes one.")
        raw = self._take(self._length(BUNDLE_HEAD_BYTES_MAX))
        mesh, since_ms, tips = cbor.fields(raw, BUNDLE_HEAD_BYTES_MAX, "a bundle's head", (bytes, int, list))
        self.head = Head(as_digest(mesh), int(since_ms), read_frontier(tips))  # type: ignore[call-overload]

    def pages(self) -> Iterator[Push]:
        """All pages. Raises Malformed, and Damaged when the file was cut or changed."""
        while length := self._length(PUSH_BYTES_MAX):
            yield decode_push(self._take(length))
        expected = self._digest.digest()
        if self._file.read(DIGEST_BYTES + 1) != expected:
            raise Damaged("the bundle does not end as it was written", hint=_CUT)

    def _length(self, most: int) -> int:
        length = int.from_bytes(self._take(_LENGTH_BYTES), "big")
        if length > most:
            raise Refused(f"a page of the bundle has {length:,} bytes, more than {most:,}", hint=_CUT)
        return length

    def _take(self, count: int) -> bytes:
        raw = self._file.read(count)
        if len(raw) < count:
            raise Damaged("the bundle was cut", hint=_CUT)
        self._digest.update(raw)
        return raw
