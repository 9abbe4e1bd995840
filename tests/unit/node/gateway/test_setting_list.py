"""A short list in a setting: it is there again, and two who change it at once lose nothing."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path

import pytest

from mesh.errors import Misuse
from mesh.node.gateway.setting_list import SettingList
from tests.unit.node.families import family


@dataclass(frozen=True, slots=True)
class Boat:
    """Something to keep."""

    name: str
    sails: int | None = None


BOATS = SettingList("test/boats", Boat)


def added(boat: Boat, kept: Sequence[Boat]) -> Sequence[Boat]:
    """One more."""
    return [*kept, boat]


async def test_rows_come_back_as_they_went_in(tmp_path: Path) -> None:
    """At first there are none; each list is one of its own."""
    async with family(tmp_path) as (alder,):
        assert await BOATS.rows(alder) == []
        fleet = [Boat("Möwe 🛶"), Boat("Ente", 2)]
        await BOATS.change(alder, lambda _: fleet)
        assert await BOATS.rows(alder) == fleet
        assert await SettingList("test/others", Boat).rows(alder) == []


async def test_changes_at_once_are_made_one_after_the_other(tmp_path: Path) -> None:
    """Each sees what the one before left."""
    async with family(tmp_path) as (alder,):
        fleet = [Boat(f"boat {number}") for number in range(20)]
        await asyncio.gather(*(BOATS.change(alder, partial(added, boat)) for boat in fleet))
        assert await BOATS.rows(alder) == fleet


async def test_a_change_that_fails_changes_nothing(tmp_path: Path) -> None:
    """And whoever asked for it is told."""

    def refused(_: Sequence[Boat]) -> Sequence[Boat]:
        message = "no more boats"
        raise Misuse(message)

    async with family(tmp_path) as (alder,):
        await BOATS.change(alder, lambda _: [Boat("Ente")])
        with pytest.raises(Misuse, match="no more boats"):
            await BOATS.change(alder, refused)
        assert await BOATS.rows(alder) == [Boat("Ente")]
