"""Bytes of dropped files by plain HTTP: a phone brings chunks while its page is closed, and plays what it has not.

Each request is signed by a live phone, and names a place in a drop that counts here, as the verb `chunk` does: nothing
is looked up by digest, so nobody finds out what else is here. No record is written; what this device fetches is told.
"""

from __future__ import annotations

import asyncio
import hashlib
import re
from bisect import bisect_right
from collections import Counter
from collections.abc import AsyncIterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import accumulate
from typing import TYPE_CHECKING

from aiohttp import web

from mesh.errors import Busy, Forged, Malformed, NotGranted, Refused, Stranger, Unreachable
from mesh.events.keys import verify
from mesh.events.verdict import Admission
from mesh.limits import BLOB_INDEXES_MAX, BLOBS_PER_PHONE_MAX, CHUNK_BYTES_MAX
from mesh.names import DocumentId
from mesh.node import clock, timing
from mesh.node.gateway import ranges
from mesh.node.gateway.replies import NotHere, Routes, body_of
from mesh.node.gateway.subscriptions import phones
from mesh.state.drops import KIND, Chunk, Drop, drop_of, unpacked

if TYPE_CHECKING:
    from mesh.node.agent import Agent

_DOMAIN = b"mesh/blob/1"
_SIGNATURE = "&signature="
_DIGEST = re.compile(r"[0-9a-f]{64}")
_NUMBER = re.compile(r"[0-9]{1,7}")
_PLAYED = re.compile(r"(audio|video)/[a-z0-9][a-z0-9.+-]{0,63}")
_BYTES = "application/octet-stream"
_ALONE = "default-src 'none'; sandbox"  # what others wrote is no page of this origin, whatever it says it is
_MS = 1000
_WHOLE, _NO_CONTENT, _PART, _BEYOND = 200, 204, 206, 416
_UNKEPT = "no-store"


@dataclass(frozen=True, slots=True)
class Place:
    """Where in a drop bytes are: the whole, a piece of the list of its chunks, or a chunk by its row in a piece."""

    document: DocumentId
    piece: int | None
    row: int | None


@dataclass(frozen=True, slots=True)
class _Part:
    """Bytes of a chunk: from and to where."""

    chunk: Chunk
    start: int
    end: int


@dataclass(frozen=True, slots=True)
class _Head:
    """How an answer begins, and what of the whole it has; None: nothing, for what was asked for is beyond its end."""

    status: int
    headers: Mapping[str, str]
    span: ranges.Span | None

    @classmethod
    def of(cls, request: web.Request, size: int) -> _Head:
        """Of an answer to this, out of so many bytes."""
        tag = f'"{request.match_info["digest"]}"'
        headers = {"ETag": tag, "Accept-Ranges": "bytes", "Cache-Control": _UNKEPT, "Content-Security-Policy": _ALONE}
        span = None
        try:
            if ranges.is_of(request.headers.get("If-Range", ""), tag):
                span = ranges.asked(request.headers.get("Range", ""), size)
        except IndexError:
            return cls(_BEYOND, {**headers, "Content-Range": f"bytes */{size}"}, None)
        if span is None:
            return cls(_WHOLE, headers, ranges.Span(0, size))
        return cls(_PART, {**headers, "Content-Range": span.told(size)}, span)


class Blobs:
    """Those of one agent."""

    def __init__(self, agent: Agent) -> None:
        """Use `routes`."""
        self._agent = agent
        self._under = Counter[bytes]()
        self._sizes: dict[DocumentId, tuple[int, ...]] = {}  # of the pieces of drops that were played last

    def routes(self) -> Routes:
        """What is answered."""
        return [("GET", "/api/blob/{digest}", self.get), ("PUT", "/api/blob/{digest}", self.put)]

    # ── who asks ─────────────────────────────────────────────────────────────────────────────────

    def _asking(self, request: web.Request) -> tuple[Admission, Place]:
        """The live phone that signed this just now, and the place it names. Raises Refused."""
        said, cut, signature = request.raw_path.rpartition(_SIGNATURE)
        if not cut:
            message = "nothing is told here without a signature"
            raise NotGranted(message, hint="Only a phone of this mesh may ask.")
        query = request.query
        phone = phones(self._agent).get(query.get("by", ""))
        if phone is None or phone.digest not in self._agent.engine.replica.verdict.readers():
            message = "only a phone of this mesh may ask for bytes"
            raise Stranger(message)
        try:
            verify(phone.sign_key, signed(self._agent.engine.own.mesh, request.method, said), bytes.fromhex(signature))
            at_ms = int(query.get("at", ""))
            place = Place(DocumentId.parse(query.get("drop", "")), _number(query, "piece"), _number(query, "row"))
        except ValueError as error:
            message = "that is no place in a dropped file"
            raise Malformed(message) from error
        if abs(clock.now_ms() - at_ms) > timing.DOOR_GUEST_CLOCK_S * _MS:
            message = "that question is not of now"
            raise Refused(message, hint="Compare the clocks of your devices.")
        return phone, place

    async def _drop(self, place: Place) -> Drop:
        """The drop of a place. Raises NotHere."""
        document = place.document
        row = await self._agent.store.record(document) if document.type == KIND else None
        if row is None or row.record.deleted:
            raise NotHere("there is no such drop here")
        return drop_of(row.record)

    def _chunk(self, drop: Drop, place: Place, digest: bytes) -> Chunk:
        """What is at the place of a piece or a chunk, which has this digest. Blocks. Raises NotHere."""
        assert place.piece is not None, "the whole is no chunk"
        if place.piece >= len(drop.pieces):
            raise NotHere("this drop has no such piece")
        piece = drop.pieces[place.piece]
        if place.row is None:
            found = Chunk(piece, CHUNK_BYTES_MAX)  # at most
        else:
            raw = self._agent.drops.pool.read(piece)
            rows = unpacked(raw) if raw is not None else ()
            if place.row >= len(rows):
                raise NotHere("the list of this drop is not here, or has no such row")
            found = rows[place.row]
        if found.digest != digest:
            raise NotHere("something else is in that place")
        return found

    # ── what a phone brings ──────────────────────────────────────────────────────────────────────

    async def put(self, request: web.Request) -> web.Response:
        """Keep a chunk of a phone's own drop, or a piece of its list and tell what that lacks. Raises MeshError."""
        phone, place = self._asking(request)
        drop, digest = await self._drop(place), _digest(request)
        if phones(self._agent).get(drop.sender) != phone:
            message = "a phone brings what it dropped itself"
            raise NotGranted(message, hint="Other files are fetched from whoever has them.")
        if place.piece is None:
            message = "a file comes in chunks"
            raise Malformed(message)
        wanted = await asyncio.to_thread(self._chunk, drop, place, digest)
        data = await body_of(request, wanted.size)
        if hashlib.sha256(data).digest() != digest or (place.row is not None and len(data) != wanted.size):
            message = "what came is not what its digest says"
            raise Forged(message)
        listed = data if place.row is None else None
        lacks, whole = await asyncio.to_thread(
            self._kept, drop.pieces[place.piece], Chunk(digest, len(data)), data, listed
        )
        if whole:
            self._agent.drops.look_soon()
        if lacks is None:
            return web.Response(status=_NO_CONTENT, headers={"Cache-Control": _UNKEPT})
        return web.json_response({"lacks": lacks}, headers={"Cache-Control": _UNKEPT})

    def _kept(self, piece: bytes, chunk: Chunk, data: bytes, listed: bytes | None) -> tuple[list[int] | None, bool]:
        """Keep it durably; for a piece, the rows that are lacking, each chunk once; and whether none is lacking now."""
        pool = self._agent.drops.pool
        rows = unpacked(listed if listed is not None else pool.read(piece) or b"")
        pool.must_have_room(len(data))
        pool.keep(chunk, data)
        pool.settle()
        if listed is None:
            return None, all(pool.has(one) for one in reversed(rows))  # they come in order: the last one tells most
        lacking = {one.digest: row for row, one in reversed(list(enumerate(rows))) if not pool.has(one)}
        return sorted(lacking.values()), not lacking

    # ── what a phone plays ───────────────────────────────────────────────────────────────────────

    async def get(self, request: web.Request) -> web.StreamResponse:
        """A whole file, a piece or a chunk, or one range of it. Raises MeshError."""
        phone, place = self._asking(request)
        drop, digest = await self._drop(place), _digest(request)
        if self._under[phone.digest] >= BLOBS_PER_PHONE_MAX:
            message = "this phone reads much at once already"
            raise Busy(message, hint="Try again in a moment.")
        self._under[phone.digest] += 1
        try:
            if place.piece is not None:
                return await self._one(request, await asyncio.to_thread(self._chunk, drop, place, digest))
            if drop.digest != digest:
                raise NotHere("that is the digest of another file")
            return await self._whole(request, phone, drop)
        finally:
            self._under[phone.digest] -= 1
            if not self._under[phone.digest]:
                del self._under[phone.digest]

    async def _one(self, request: web.Request, chunk: Chunk) -> web.Response:
        """A piece or a chunk."""
        data = await asyncio.to_thread(self._agent.drops.pool.read, chunk.digest)
        if data is None:
            raise Unreachable("this chunk is not here", hint=_COMES)
        head = _Head.of(request, len(data))
        body = data[head.span.start : head.span.end] if head.span else None
        return web.Response(status=head.status, body=body, headers={**head.headers, "Content-Type": _BYTES})

    async def _whole(self, request: web.Request, phone: Admission, drop: Drop) -> web.StreamResponse:
        """As much of a file as is asked for, chunk by chunk, as fast as it is taken."""
        head = _Head.of(request, drop.size)
        if head.span is None:
            return web.Response(status=head.status, headers=head.headers)
        parts = await asyncio.to_thread(self._covering, drop, head.span) if head.span.size else []
        kind = drop.mime if _PLAYED.fullmatch(drop.mime) else _BYTES
        response = web.StreamResponse(status=head.status, headers={**head.headers, "Content-Type": kind})
        response.content_length = head.span.size
        await response.prepare(request)
        async for data in self._read(phone, parts):
            await response.write(data)
        await response.write_eof()
        return response

    async def _read(self, phone: Admission, parts: Sequence[_Part]) -> AsyncIterator[memoryview]:
        """The bytes. Where they go meanwhile, or the phone does, the answer is cut off, and whoever reads sees that."""
        for part in parts:
            data = await asyncio.to_thread(self._agent.drops.pool.read, part.chunk.digest)
            if data is None or not self._agent.engine.replica.verdict.is_live(phone.digest):
                message = "what was asked for is not to be had any more"
                raise ConnectionAbortedError(message)
            yield memoryview(data)[part.start : part.end]

    def _covering(self, drop: Drop, span: ranges.Span) -> list[_Part]:
        """The parts of a span; all of them are here. Blocks. Raises Unreachable, Malformed."""
        ends = list(accumulate(self._sizes_of(drop)))
        found: list[_Part] = []
        first = bisect_right(ends, span.start)
        at = ends[first - 1] if first else 0
        for digest in drop.pieces[first:]:
            for chunk in self._rows(digest):
                start, end = max(span.start - at, 0), min(span.end - at, chunk.size)
                at += chunk.size
                if start < end:
                    self._must_be_here(chunk)
                    found.append(_Part(chunk, start, end))
            if at >= span.end:
                break
        return found

    def _sizes_of(self, drop: Drop) -> tuple[int, ...]:
        """How many bytes each piece of a drop lists. Raises Unreachable, Malformed."""
        found = self._sizes.get(drop.document)
        if found is None:
            found = tuple(sum(chunk.size for chunk in self._rows(digest)) for digest in drop.pieces)
            if sum(found) != drop.size:
                raise Malformed("the list of this drop is not as long as its file")
            self._sizes = dict([*self._sizes.items(), (drop.document, found)][-BLOB_INDEXES_MAX:])
        return found

    def _rows(self, digest: bytes) -> tuple[Chunk, ...]:
        raw = self._agent.drops.pool.read(digest)
        if raw is None:
            raise Unreachable(_LACKING, hint=_COMES)
        return unpacked(raw)

    def _must_be_here(self, chunk: Chunk) -> None:
        if not self._agent.drops.pool.has(chunk):
            raise Unreachable(_LACKING, hint=_COMES)


_LACKING = "not all of this file is on the device that answers"
_COMES = "It comes when a device that has it is linked."


def signed(mesh: bytes, method: str, target: str) -> bytes:
    """What a phone signs to ask for bytes or to bring some: method and target, as it sends them."""
    return _DOMAIN + hashlib.sha256(mesh + f"{method} {target}".encode()).digest()


def _digest(request: web.Request) -> bytes:
    text = request.match_info["digest"]
    if not _DIGEST.fullmatch(text):
        raise Malformed("that is no digest of SHA-256")
    return bytes.fromhex(text)


def _number(query: Mapping[str, str], name: str) -> int | None:
    said = query.get(name)
    if said is None:
        return None
    if not _NUMBER.fullmatch(said):
        raise Malformed("a place is told by numbers")
    return int(said)
