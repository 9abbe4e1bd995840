"""Files and drops for tests of dropped files: bytes that look random and are the same each time."""

from __future__ import annotations

import io
import random
from pathlib import Path

from mesh.names import DocumentId, device_text
from mesh.node.drops.cutting import Cut, Cutting
from mesh.node.drops.pool import Pool
from mesh.state.drops import Drop
from tests.unit.small_mesh import fixed

LAPTOP = device_text(fixed(32, "laptop"))


def noise(size: int, seed: int = 0) -> bytes:
    """So many bytes."""
    return random.Random(seed).randbytes(size)


def cut(pool: Pool, data: bytes) -> Cut:
    """A file of these bytes, in the pool."""
    cutting = Cutting(io.BytesIO(data), pool)
    while cutting.step():
        continue
    return cutting.done()


def drop_of(made: Cut, name: str = "plan.pdf") -> Drop:
    """The drop that such a file is."""
    document = DocumentId("home", "drop", made.digest[:16])
    return Drop(document, name, made.size, made.digest, made.pieces, LAPTOP, "", 1, "", {LAPTOP: 1}, deleted=False)


def chunk_files(pool: Pool) -> list[Path]:
    """All files in a pool."""
    return sorted(path for path in pool.folder.rglob("*") if path.is_file())
