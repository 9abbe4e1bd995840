"""Cutting a file into chunks where its content says so (FastCDC), so that a changed file shares most of them.

Only the steps that are asked for are done, so whoever asks can stop in between; nothing is said of the file until then.
A few megabytes are in memory at a time, however large the file is.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterator
from dataclasses import dataclass
from typing import BinaryIO

from pyfastcdc import FastCDC

from mesh.errors import Misuse, TooLarge
from mesh.limits import (
    CHUNK_BYTES_MAX,
    CHUNK_BYTES_MIN,
    CHUNK_BYTES_USUAL,
    CUT_STEP_BYTES,
    DROP_BYTES_MAX,
    MIB,
)
from mesh.node.drops.pool import Pool
from mesh.state.drops import PIECE_ROWS, Chunk, packed

_GIB = 1024 * MIB


@dataclass(frozen=True, slots=True)
class Cut:
    """A whole file as chunks: its length, digest and the pieces of its list; how many bytes were not here before."""

    size: int
    digest: bytes
    pieces: tuple[bytes, ...]
    chunks: int
    new_bytes: int


class Cutting:
    """One file on its way into the pool."""

    def __init__(self, file: BinaryIO, pool: Pool) -> None:
        """Of an open file, which the caller closes."""
        cdc = FastCDC(CHUNK_BYTES_USUAL, min_size=CHUNK_BYTES_MIN, max_size=CHUNK_BYTES_MAX)
        self._chunks: Iterator[bytes] = (bytes(chunk.data) for chunk in cdc.cut_stream(file))
        self._pool = pool
        self._whole = hashlib.sha256()
        self._rows: list[Chunk] = []
        self._pieces: list[bytes] = []
        self.size = self._count = self._new_bytes = 0

    def step(self) -> bool:
        """Cut some more and keep it; whether there may be more. Raises MeshError."""
        until = self.size + CUT_STEP_BYTES
        try:
            for data in self._chunks:
                self._take(data)
                if self.size >= until:
                    return True
        except OSError as error:
            raise Misuse(f"the file cannot be read: {error.strerror or error}") from error
        return False

    def _take(self, data: bytes) -> None:
        self.size += len(data)
        if self.size > DROP_BYTES_MAX:
            raise TooLarge(f"a dropped file has at most {DROP_BYTES_MAX // _GIB} GiB")
        self._whole.update(data)
        self._count += 1
        chunk = Chunk.of(data)
        self._new_bytes += chunk.size if self._pool.keep(chunk, data) else 0
        self._rows.append(chunk)
        if len(self._rows) == PIECE_ROWS:
            self._end_piece()

    def _end_piece(self) -> None:
        piece = packed(self._rows)
        chunk = Chunk.of(piece)
        self._pool.keep(chunk, piece)
        self._pool.settle()
        self._pieces.append(chunk.digest)
        self._rows.clear()

    def done(self) -> Cut:
        """The whole, when no step is left: all of it is on the disk."""
        if self._rows:
            self._end_piece()
        return Cut(self.size, self._whole.digest(), tuple(self._pieces), self._count, self._new_bytes)
