"""The parts of an agent: each is kept at work once, since two of one kind would do everything twice."""

from __future__ import annotations

from collections import Counter
from pathlib import Path

from mesh.node import parts
from tests.unit.node.families import family


async def test_every_part_is_there_once(tmp_path: Path) -> None:
    """By its name."""
    async with family(tmp_path) as (alder,):
        counts = Counter(name for name, _ in parts.of(alder))
    assert {"drops", "vault", "audit"} <= counts.keys()
    assert [name for name, count in counts.items() if count > 1] == []
