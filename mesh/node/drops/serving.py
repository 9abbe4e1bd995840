"""Serving chunks to other devices: only places in drops that count here, and only to devices that read.

It looks nothing up by digest, so nobody finds out what else is here; and it writes nothing.
"""

from __future__ import annotations

import asyncio
import secrets
from collections.abc import Collection

from mesh.errors import Refused
from mesh.limits import DROPS_AT_ONCE_MAX, NONCE_BYTES, PAGE_BYTES_MAX
from mesh.names import DocumentId
from mesh.node.drops.pool import Pool
from mesh.node.engine import Engine
from mesh.state.drops import KIND, Chunk, Drop, drop_of, unpacked
from mesh.sync.drops import Ask, Page, opened_ask, sealed_page
from mesh.sync.inputs import Peer
from mesh.sync.saying import epoch_to_write


class Serving:
    """What one device serves."""

    def __init__(self, engine: Engine, pool: Pool) -> None:
        """Out of a pool."""
        self._engine, self._pool = engine, pool
        self._pieces: dict[bytes, tuple[Chunk, ...]] = {}  # those that were read last
        self.bytes: dict[DocumentId, int] = {}
        """How much of each drop was served since the start."""

    def forget_all_but(self, there: Collection[DocumentId]) -> None:
        """All other drops are gone."""
        self.bytes = {document: count for document, count in self.bytes.items() if document in there}

    async def answer(self, peer: Peer, raw: bytes) -> bytes:
        """Answer a peer that is let in. Raises Refused."""
        replica = self._engine.replica
        admission = replica.verdict.devices.get(replica.devices[peer])
        if admission is None or admission.digest not in replica.verdict.readers():
            raise Refused("files are for devices that read")
        ask = opened_ask(raw, self._engine.keyring)
        drop = await self._drop(ask.document)
        if ask.piece >= len(drop.pieces):
            raise Refused("this drop has no such piece")
        page = await asyncio.to_thread(self._page, drop, ask)
        sent = sum(len(data) for _, data in page.chunks)
        self.bytes[drop.document] = self.bytes.get(drop.document, 0) + sent
        epoch = epoch_to_write(replica.verdict, self._engine.keyring)
        return sealed_page(page, self._engine.keyring, epoch, secrets.token_bytes(NONCE_BYTES))

    async def _drop(self, document: DocumentId) -> Drop:
        row = await self._engine.store.record(document) if document.type == KIND else None
        if row is None or row.record.deleted:
            raise Refused("there is no such drop here")
        return drop_of(row.record)

    def _page(self, drop: Drop, ask: Ask) -> Page:
        """As much of what was asked for as is here and fits a page."""
        if not ask.rows:
            piece = self._pool.read(drop.pieces[ask.piece])
            return Page(((0, piece),) if piece is not None else ())
        listed = self._listed(drop.pieces[ask.piece])
        chunks: list[tuple[int, bytes]] = []
        room = PAGE_BYTES_MAX
        for row in ask.rows:
            if row >= len(listed):
                if listed:
                    raise Refused("this piece has no such row")
                break
            room -= listed[row].size
            if room < 0 and chunks:
                break
            data = self._pool.read(listed[row].digest)
            if data is not None:
                chunks.append((row, data))
        return Page(tuple(chunks))

    def _listed(self, digest: bytes) -> tuple[Chunk, ...]:
        """The rows of a piece; none where it is not here."""
        known = self._pieces.get(digest)
        if known is None:
            raw = self._pool.read(digest)
            known = unpacked(raw) if raw is not None else ()
            kept = {**self._pieces, digest: known} if known else self._pieces
            self._pieces = dict(list(kept.items())[-DROPS_AT_ONCE_MAX:])
        return known
