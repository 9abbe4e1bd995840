"""True engines that write apart and then hear each other in messages cut anywhere: one state, whatever was mixed."""

from __future__ import annotations

import random

import pytest

from mesh.events.event import Lane
from mesh.events.speaking import joined, runs
from mesh.names import DocumentId
from mesh.sync.messages import Push
from tests.unit.node.engines import Small, founded, joined_by, retitle, write

SEEDS = 40
ACTS = 12


async def written_apart(lots: random.Random, small: Small, documents: list[DocumentId]) -> None:
    """Some acts of one device: new notes, and new titles for notes of either device."""
    own = list(documents)
    for number in range(ACTS):
        if not own or lots.random() < 0.3:
            own.append(await write(small.engine, f"note {number}"))
        else:
            await retitle(small.engine, lots.choice(own), f"title {lots.random()}")


async def heard(lots: random.Random, listener: Small, speaker: Small) -> None:
    """All that one says, to the other: single runs or joined ones, some messages twice."""
    rows = await speaker.store.log(limit=10_000)
    said = [row.placed for row in sorted(rows, key=lambda row: row.placed.seq) if row.placed.lane is Lane.DATA]
    for chain in sorted({placed.chain for placed in said}):
        left = [placed for placed in said if placed.chain == chain]
        while left:
            ends = [place for place, placed in enumerate(left, 1) if placed.signature]
            end = lots.choice(ends)
            part, left = left[:end], left[end:]
            message = Push(joined(part) if lots.random() < 0.5 else runs(part))
            for _ in range(lots.choice((1, 1, 2))):
                await listener.engine.hear("other", message)


@pytest.mark.parametrize("seed", range(SEEDS))
async def test_devices_that_wrote_apart_show_the_same(seed: int) -> None:
    """Births, changes of own notes and of the other's, in turn, heard in messages cut at any signature."""
    lots = random.Random(seed)
    async with founded() as mac, joined_by(mac, "laptop") as laptop:
        shared = [await write(mac.engine, f"shared {number}") for number in range(3)]
        await heard(lots, laptop, mac)
        await written_apart(lots, mac, shared)
        await written_apart(lots, laptop, shared)
        await heard(lots, laptop, mac)
        await heard(lots, mac, laptop)
        states = {await small.store.digest() for small in (mac, laptop)}
        assert len(states) == 1, f"seed {seed}"
        shown = [await small.store.notes(limit=1000) for small in (mac, laptop)]
        assert [row.note for row in shown[0]] == [row.note for row in shown[1]], f"seed {seed}"
        assert await mac.store.unsettled() == await laptop.store.unsettled() == ()
