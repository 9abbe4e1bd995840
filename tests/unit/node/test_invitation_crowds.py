"""Crowds at the pairing port that prove nothing: no try is spent, and whoever has the code gets in."""

from __future__ import annotations

import asyncio
import contextlib
import os

import pytest

from mesh.limits import (
    PAIRING_CONNECTIONS_MAX,
    PAIRING_CONNECTIONS_PER_SOURCE_MAX,
    PAIRING_TRIES_MAX,
)
from mesh.node import timing
from mesh.node.invitation import Asking, Host, Joined
from mesh.node.pairing import carry, entropy
from mesh.sync.pairing import Joiner
from mesh.sync.pairing_frames import framed
from tests.unit.node.test_invitation import (
    ADMISSION,
    CODE,
    HOST,
    OTHER,
    REQUEST,
    connected,
    inviting,
    joining,
    welcomed,
)

BEGUN = Joiner(OTHER, REQUEST, entropy()).begin()  # made once, as whoever wants to cost others work would do


async def silent(address: str, source: str) -> None:
    """Connect, and say nothing until thrown out."""
    reader, writer = await connected(address, source)
    try:
        await reader.read()
    finally:
        writer.transport.abort()


async def half(address: str, source: str) -> None:
    """Go as far as one can without a proof, and wait there until thrown out."""
    reader, writer = await connected(address, source)
    try:
        await carry(writer, BEGUN)
        await reader.read()
    finally:
        writer.transport.abort()


async def garbage(address: str, source: str) -> None:
    """Send what is no frame."""
    reader, writer = await connected(address, source)
    try:
        writer.write(framed(os.urandom(50)))
        await reader.read()
    finally:
        writer.transport.abort()


CROWDS = {"silent": silent, "half": half, "garbage": garbage}


ELSEWHERE = [f"127.0.1.{number}" for number in range(1, 41)]


@pytest.mark.parametrize("manner", CROWDS)
@pytest.mark.parametrize(
    ("sources", "count", "pause_s"),
    [([HOST], 8, 0.1), (["127.0.0.2"], 40, 0.01), (ELSEWHERE, 40, 0.01)],
    ids=["from the same address", "from one other address", "from forty addresses"],
)
async def test_a_crowd_that_proves_nothing(
    manner: str, sources: list[str], count: int, pause_s: float, monkeypatch: pytest.MonkeyPatch
) -> None:
    """They come again as soon as they are thrown out: the honest one gets in all the same, and no try is spent."""
    if sources == [HOST]:
        monkeypatch.setattr(timing, "PAIRING_GRACE_S", 0.2)  # drawing lots among equals is quicker so
    host = Host(CODE)
    act = CROWDS[manner]
    came = asyncio.Semaphore(0)

    async def crowd(address: str, number: int) -> None:
        while True:
            with contextlib.suppress(OSError):
                await act(address, sources[number % len(sources)])
            came.release()
            await asyncio.sleep(pause_s)

    async with inviting(host) as address, asyncio.TaskGroup() as group:
        many = [group.create_task(crowd(address, number)) for number in range(count)]
        for _ in range(2 * count):
            await came.acquire()  # the crowd is under way
        group.create_task(joining(address))
        await welcomed(host)
        for task in many:
            task.cancel()
    assert host.invitation.tries_left == PAIRING_TRIES_MAX


async def test_sources_are_remembered_in_bounds(monkeypatch: pytest.MonkeyPatch) -> None:
    """Of many sources the oldest are forgotten."""
    monkeypatch.setattr("mesh.node.invitation.PAIRING_SOURCES_MAX", 3)
    host = Host(CODE)
    async with inviting(host) as address:
        for source in ELSEWHERE[:6]:
            reader, writer = await connected(address, source)
            writer.write(bytes(4))  # an empty frame is answered with a refusal
            while await reader.read(100):
                pass
            writer.close()
        remembered = host._strikes  # noqa: SLF001 - a bound on memory shows nowhere else
        assert set(remembered) == set(ELSEWHERE[3:6])


async def test_a_crowd_takes_a_bounded_number_of_connections() -> None:
    """So many from one source, so many in all; the others are hung up on at once."""
    host = Host(CODE)

    async def held(sources: list[str], address: str) -> int:
        streams = [await connected(address, source) for source in sources]
        ended = await asyncio.gather(*(hung_up(reader) for reader, _ in streams))
        for _, writer in streams:
            writer.transport.abort()
        return ended.count(False)

    async with inviting(host) as address:
        assert await held([HOST] * 10, address) == PAIRING_CONNECTIONS_PER_SOURCE_MAX
    host = Host(CODE)
    async with inviting(host) as address:
        assert await held([f"127.0.2.{n}" for n in range(1, 31)], address) == PAIRING_CONNECTIONS_MAX


async def hung_up(reader: asyncio.StreamReader) -> bool:
    """Whether the other side ends a connection soon."""
    try:
        async with asyncio.timeout(timing.PAIRING_GRACE_S / 2):
            return await reader.read() == b""
    except TimeoutError:
        return False
    except ConnectionError:
        return True


async def test_whoever_proved_is_never_pushed_out(monkeypatch: pytest.MonkeyPatch) -> None:
    """However long its person takes and however many call."""
    monkeypatch.setattr(timing, "PAIRING_GRACE_S", 0.0)
    host = Host(CODE)
    async with inviting(host) as address, asyncio.TaskGroup() as group:
        kept = group.create_task(joining(address))
        assert isinstance(await host.heard(), Asking)
        for _ in range(5 * PAIRING_CONNECTIONS_PER_SOURCE_MAX):
            _, writer = await connected(address)
            writer.close()
        await host.answer(ADMISSION)
        assert isinstance(await host.heard(), Joined)
    assert kept.result() == ADMISSION
