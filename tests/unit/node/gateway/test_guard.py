"""The accept loop: what counts as one source, how many it may have, and how fast. Real attackers try the rest."""

from __future__ import annotations

import asyncio
import socket
import time

import pytest
from aiohttp import web

from mesh.errors import Unreachable
from mesh.limits import (
    DOOR_CONNECTIONS_MAX,
    DOOR_CONNECTIONS_PER_SOURCE_MAX,
    DOOR_HANDSHAKES_PER_S_MAX,
    DOOR_SOURCES_MAX,
)
from mesh.node.gateway import guard as guards
from mesh.node.gateway.guard import Guard, listening
from mesh.node.invitation import source_of

HOST = "127.0.0.1"
LIMIT_S = 45


async def never(_: web.BaseRequest) -> web.StreamResponse:
    """Nobody asks here."""
    raise AssertionError


async def test_one_source_has_its_share_and_no_more() -> None:
    """By number and by rate, whatever its addresses within one network of IPv6; another source is not touched by it."""
    guard = Guard(web.Server(never), None, {}, 1.0)
    crowd = [source_of(f"fd83:47::{number:x}") for number in range(DOOR_HANDSHAKES_PER_S_MAX)]
    assert len(set(crowd)) == 1
    assert all(guard._may(one, 100.0) for one in crowd)  # noqa: SLF001 - whom it lets in is decided here
    assert not guard._may(source_of("fd83:47::ffff"), 100.0)  # noqa: SLF001 - as above
    assert guard._may(source_of("fd83:48::1"), 100.0)  # noqa: SLF001 - as above
    assert guard._may(crowd[0], 100.2)  # noqa: SLF001 - as above
    guard._of_source[crowd[0]] = DOOR_CONNECTIONS_PER_SOURCE_MAX  # noqa: SLF001 - as many as are open
    assert not guard._may(crowd[0], 200.0)  # noqa: SLF001 - as above


async def test_a_crowd_of_sources_costs_a_bounded_memory() -> None:
    """Each is forgotten when enough others came after it."""
    guard = Guard(web.Server(never), None, {}, 1.0)
    for number in range(2 * DOOR_SOURCES_MAX):
        assert guard._may(f"10.0.{number // 256}.{number % 256}", 1.0)  # noqa: SLF001 - as above
    assert len(guard._handshakes) == DOOR_SOURCES_MAX < 10 * DOOR_CONNECTIONS_MAX  # noqa: SLF001 - as above


async def test_who_asks_too_fast_waits_its_turn(monkeypatch: pytest.MonkeyPatch) -> None:
    """Over all connections of one source; another one is answered meanwhile, and nobody is refused."""
    monkeypatch.setattr(guards, "DOOR_REQUESTS_PER_S_MAX", 5)

    async def answer(request: web.BaseRequest) -> web.StreamResponse:
        await guard.asked(request.protocol)
        return web.Response(text="x")

    guard = Guard(web.Server(answer), None, {}, 30.0)
    (listener,) = listening([HOST], 0)
    port = listener.getsockname()[1]
    ends_s: dict[str, float] = {}

    async def asks(source: str, count: int) -> None:
        reader, writer = await asyncio.open_connection(HOST, port, local_addr=(source, 0))
        writer.write(b"GET / HTTP/1.1\r\nHost: x\r\n\r\n" * count)
        for _ in range(count):
            assert (await reader.readuntil(b"\r\n\r\nx")).startswith(b"HTTP/1.1 200 ")
        ends_s[source] = time.monotonic()
        writer.transport.abort()

    async with asyncio.timeout(LIMIT_S), asyncio.TaskGroup() as group:
        running = group.create_task(guard.run([listener]))
        began_s = time.monotonic()
        await asyncio.gather(asks(HOST, 8), asks(HOST, 8), asks("127.0.0.2", 5))
        running.cancel()
    assert ends_s[HOST] - began_s > 2  # 16 at 5 a second, of which 5 at once
    assert ends_s["127.0.0.2"] < ends_s[HOST]


def test_a_port_that_is_taken_is_told_of() -> None:
    """On some addresses only: those that are free are used; on all of them: a sentence, and what to do."""
    with socket.create_server((HOST, 0)) as taken:
        port = taken.getsockname()[1]
        with pytest.raises(Unreachable, match=str(port)) as refused:
            listening([HOST], port)
        assert "MESH_PHONE_PORT" in refused.value.hint
        (free,) = listening([HOST, "127.0.0.2"], port)
        assert free.getsockname() == ("127.0.0.2", port)
        free.close()
