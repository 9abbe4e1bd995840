"""Hints of a beacon at the bus on NATS: they end waiting and hanging dials, and bring about no endless dialling."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import AsyncIterator
from dataclasses import dataclass, field, replace
from pathlib import Path

import pytest

from tests.contracts import nats_town
from tests.contracts.nats_town import HOST, TIMES, peer_of, town, up

pytestmark = [pytest.mark.contract, pytest.mark.system]

LONG_S = 300.0


@pytest.fixture(autouse=True)
def patient(monkeypatch: pytest.MonkeyPatch) -> None:
    """Whoever failed once waits longer than any test."""
    monkeypatch.setattr(nats_town, "TIMES", replace(TIMES, backoff_first_s=LONG_S, backoff_s_max=LONG_S))


@dataclass
class Mute:
    """Something that takes connections and never says a word."""

    address: str = ""
    taken: int = 0
    writers: list[asyncio.StreamWriter] = field(default_factory=list)

    def take(self, _reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        """Count it."""
        self.taken += 1
        self.writers.append(writer)


@contextlib.asynccontextmanager
async def mute() -> AsyncIterator[Mute]:
    """One for as long as the block lasts."""
    made = Mute()
    server = await asyncio.start_server(made.take, HOST, 0)
    made.address = f"{HOST}:{server.sockets[0].getsockname()[1]}"
    try:
        yield made
    finally:
        server.close()
        for writer in made.writers:
            writer.transport.abort()


async def test_a_sighting_ends_the_waiting(tmp_path: Path) -> None:
    """Goal: of a device whose address nobody knows, and which was dialled in vain, all sighted addresses are tried."""
    async with town(2, tmp_path) as (a, b):
        await up(b)
        await b.bus.roster([peer_of(a.device)])
        await a.bus.roster([peer_of(b.device)])
        async with asyncio.timeout(15):
            while not a.bus.links()[0].problem:  # noqa: ASYNC110 - a dial in vain tells nobody
                await asyncio.sleep(0.01)
        a.bus.seen("nobody-we-know", b.peer.addresses)
        a.bus.seen(b.device, ("192.0.2.1:x", f"{HOST}:1", *b.peer.addresses))
        await a.linked_to(b)
        assert a.bus.links()[0].address == b.peer.addresses[0]


async def test_a_sighting_ends_a_dial_that_hangs(tmp_path: Path) -> None:
    """Goal: old addresses that swallow everything do not have to time out one after the other."""
    async with town(2, tmp_path) as (a, b), mute() as first, mute() as second:
        await up(b)
        await b.bus.roster([peer_of(a.device)])
        await a.bus.roster([replace(peer_of(b.device), addresses=(first.address, second.address))])
        async with asyncio.timeout(15):
            while not first.taken:  # noqa: ASYNC110 - it hangs there, and tells nobody
                await asyncio.sleep(0.01)
        a.bus.seen(b.device, b.peer.addresses)
        await a.linked_to(b)
        assert second.taken == 0


async def test_attack_a_flood_of_sightings_brings_a_few_dials(tmp_path: Path) -> None:
    """Goal: who repeats a device's tag with an address of its own makes others dial there seldom."""
    async with town(2, tmp_path) as (a, b), mute() as evil:
        await a.bus.roster([peer_of(b.device)])
        for _ in range(300):
            a.bus.seen(b.device, (evil.address,))
            await asyncio.sleep(0.01)
        assert 1 <= evil.taken <= 4  # after 0, 1 and 3 seconds, and one for a slow machine


async def test_a_move_dials_anew(tmp_path: Path) -> None:
    """Goal: a machine that woke closes what looks alive, and is linked again at once."""
    async with town(2, tmp_path) as (a, b):
        await b.bus.roster([peer_of(a.device)])
        await up(b)
        await a.knows(b)
        await a.linked_to(b)
        a.bus.moved()
        await a.ear.until(lambda: a.ear.links == [(word, b.device) for word in ("linked", "parted", "linked")])
