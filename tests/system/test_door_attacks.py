"""Whoever is on the network tries the door: each attack is refused within its bound, and the page answers others."""

from __future__ import annotations

import asyncio
import contextlib
import time
from collections import Counter
from collections.abc import AsyncIterator, Sequence
from pathlib import Path

import aiohttp
import pytest

from mesh.limits import DOOR_CONNECTIONS_MAX, DOOR_HANDSHAKES_PER_S_MAX, DOOR_UNPROVEN_PER_SOURCE_MAX
from mesh.node import timing
from mesh.node.gateway import assets
from mesh.node.gateway.pump import AGAIN, REMOVED
from tests.system.door_lines import HOST, LIMIT_S, Phone, line
from tests.system.doors import Door, door

pytestmark = pytest.mark.system

ATTACKER, OTHER = "127.0.0.9", "127.0.0.2"
BROKEN, TOO_LARGE, CUT = 1008, 1009, 1006
LARGE = 8 << 20

Connection = tuple[asyncio.StreamReader, asyncio.StreamWriter]


@pytest.fixture
async def opened(tmp_home: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> AsyncIterator[Door]:
    """A door on loopback with a page, of which one file is large."""
    monkeypatch.setenv("MESH_BEACON", "off")
    monkeypatch.setattr(assets, "STATIC", tmp_path)
    (tmp_path / "assets").mkdir()
    (tmp_path / "index.html").write_text("<!doctype html><title>x</title>")
    (tmp_path / "assets" / "large.js").write_bytes(bytes(LARGE))
    async with door(tmp_home / "alder") as made:
        yield made


async def answers(opened: Door) -> None:
    """The page answers somebody else."""
    async with opened.browsing(OTHER) as session, session.get("/") as answer:
        assert answer.status == 200


async def callers(opened: Door, count: int, *, tls: bool, said: bytes, source: str = ATTACKER) -> list[Connection]:
    """Connections of one attacker, as many as come up."""
    found: list[Connection] = []

    async def one() -> None:
        with contextlib.suppress(OSError):
            context = opened.trusting() if tls else None
            name = opened.gateway.name if tls else None
            reader, writer = await asyncio.open_connection(
                HOST, opened.gateway.port, ssl=context, server_hostname=name, local_addr=(source, 0)
            )
            writer.write(said)
            found.append((reader, writer))

    await asyncio.gather(*(one() for _ in range(count)))
    return found


async def all_gone(found: Sequence[Connection]) -> None:
    """Each was ended by the other side."""
    async with asyncio.timeout(LIMIT_S):
        for reader, writer in found:
            with contextlib.suppress(OSError):
                assert await reader.read() == b""
            writer.transport.abort()


async def test_who_says_nothing_is_gone_soon(opened: Door) -> None:
    """Four attackers, a hundred calls each: few get in, none stays, and others are served meanwhile."""
    half = b"GET / HTTP/1.1\r\nHost: mesh-aaaaaa.local:8443\r\nX: "
    ways = ((False, b""), (True, b""), (True, half), (False, half))
    found: list[Connection] = []
    for number, (tls, said) in enumerate(ways):
        found += await callers(opened, 100, tls=tls, said=said, source=f"127.0.0.{10 + number}")
    guard = opened.gateway._guard  # noqa: SLF001 - how many it holds is seen nowhere else
    assert guard is not None
    assert guard.callers <= len(ways) * 2 * DOOR_HANDSHAKES_PER_S_MAX < DOOR_CONNECTIONS_MAX
    await answers(opened)
    await all_gone(found)
    await answers(opened)


async def test_who_does_not_read_is_gone_soon(opened: Door, monkeypatch: pytest.MonkeyPatch) -> None:
    """Whoever asks for much and takes nothing of it holds nothing for long."""
    monkeypatch.setattr(timing, "DOOR_STILL_S", 1.0)
    asked = f"GET /assets/large.js HTTP/1.1\r\nHost: {opened.gateway.name}:{opened.gateway.port}\r\n\r\n".encode()
    found = await callers(opened, 4, tls=True, said=asked)
    for reader, _ in found:
        reader._transport.pause_reading()  # type: ignore[attr-defined]  # noqa: SLF001 - as a hostile client does
    guard = opened.gateway._guard  # noqa: SLF001 - as above
    assert guard is not None
    async with asyncio.timeout(LIMIT_S):
        while guard.callers:  # noqa: ASYNC110 - it tells nobody
            await asyncio.sleep(0.1)
    for _, writer in found:
        writer.transport.abort()
    await answers(opened)


async def test_what_is_no_request_gets_an_answer_and_no_log(opened: Door, caplog: pytest.LogCaptureFixture) -> None:
    """Nonsense, bad headers, bodies that end badly or are compressed: refused inside the fence."""
    named = f"Host: {opened.gateway.name}:{opened.gateway.port}\r\nOrigin: {opened.url}\r\n"
    chunked = f"POST /api/ev HTTP/1.1\r\n{named}Transfer-Encoding: chunked\r\n\r\n"
    packed = f"POST /api/ev HTTP/1.1\r\n{named}Content-Encoding: gzip\r\nContent-Length: 5\r\n\r\n"
    for status, *parts in (
        (400, "nonsense\r\n\r\n"),
        (400, f"GET / HTTP/1.1\r\n{named}bad header\r\n\r\n"),
        (400, f"GET / HTTP/1.1\r\n{named}" + "X: y\r\n" * 200 + "\r\n"),
        (417, f"POST /api/ev HTTP/1.1\r\n{named}Expect: x\r\nContent-Length: 5\r\n\r\n"),
        (400, chunked + "zz\r\n"),
        (400, chunked + "5\r\nhello\r\n", "zz\r\n"),
        (400, packed + "hello"),
    ):
        ((reader, writer),) = await callers(opened, 1, tls=True, said=b"", source=OTHER)
        for part in parts:
            writer.write(part.encode())
            await asyncio.sleep(0.1)  # a part of its own
        async with asyncio.timeout(LIMIT_S):
            said = await reader.readuntil(b"\r\n\r\n")
        writer.transport.abort()
        assert int(said.split()[1]) == status, parts
        assert b"\r\nServer: mesh\r\n" in said
        assert b"frame-ancestors 'none'" in said
        await asyncio.sleep(1 / DOOR_HANDSHAKES_PER_S_MAX)
    await answers(opened)
    assert caplog.records == []


async def test_another_page_gets_nothing(opened: Door) -> None:
    """Another origin, no origin, another name for this address, and two at once."""
    async with opened.browsing(ATTACKER) as session:
        for origin in ("https://evil.example", "null", f"http://{opened.gateway.name}:{opened.gateway.port}", ""):
            with pytest.raises(aiohttp.WSServerHandshakeError) as refused:
                await session.ws_connect("/nats", headers={"Origin": origin} if origin else {})
            assert refused.value.status == 403
        for host in ("evil.example", HOST, opened.gateway.name, f"{HOST}:{opened.gateway.port}"):
            async with session.get("/who", headers={"Host": host}) as answer:
                assert answer.status == 421
                assert opened.agent.device not in await answer.text()
        async with session.post("/who", headers={"Origin": opened.url}) as answer:
            assert answer.status == 405
        async with session.get("/../../secrets") as answer:
            assert answer.status == 404
    await answers(opened)


async def test_only_a_login_is_passed_on(opened: Door, monkeypatch: pytest.MonkeyPatch) -> None:
    """What is no login, too long, in pieces that never end, or nothing: closed within its time."""
    monkeypatch.setattr(timing, "DOOR_LOGIN_S", 1.0)
    phone = Phone("phone")
    await phone.let_in(opened.agent)
    good = Phone("x").keys.sign_key.hex().encode()
    for said in (
        b"x" * (1 << 20),
        b"x" * (5 << 20),
        b"PUB a 1\r\nx\r\nPING\r\n",
        b'CONNECT {"nkey": 5}\r\nPUB a 1\r\nx\r\nPING\r\n',
        b'CONNECT {"a":' + b"[" * 1800 + b"\r\nPING\r\n",
        b"CONNECT []\r\nPING\r\n",
        b"CONNECT " + good,
        b"",
    ):
        async with line(opened, phone, ATTACKER) as one:
            await one.frame()
            await one.socket.send_bytes(said)
            assert await one.frame() == b""
            assert one.socket.close_code in {BROKEN, TOO_LARGE, CUT}, said[:20]
        await asyncio.sleep(1 / DOOR_HANDSHAKES_PER_S_MAX)
    async with line(opened, phone, ATTACKER) as one:
        await one.frame()
        await one.socket.send_str("CONNECT {}")
        assert await one.frame() == b""
        assert one.socket.close_code == BROKEN
    await answers(opened)


async def test_a_login_needs_a_phone_and_its_key(opened: Door) -> None:
    """An unknown key is told so; a known one with another signature gets nowhere."""
    phone, unknown = Phone("phone"), Phone("unknown")
    await phone.let_in(opened.agent)
    async with line(opened, unknown, ATTACKER) as one:
        assert b"Authorization Violation" in await one.log_in()
        assert await one.frame() == b""
        assert one.socket.close_code == REMOVED
    async with line(opened, phone, ATTACKER) as one:
        assert await one.log_in(sign=False) == b""
        assert one.socket.close_code == AGAIN
    async with line(opened, phone, ATTACKER) as one:
        assert (await one.log_in()).startswith(b"PONG")


async def test_silent_sockets_leave_room(opened: Door) -> None:
    """Of one source four wait for a login, for three seconds; a phone elsewhere comes in meanwhile."""
    phone = Phone("phone")
    await phone.let_in(opened.agent)

    async def silent() -> int:
        with contextlib.suppress(OSError, aiohttp.ServerDisconnectedError):
            try:
                async with line(opened, phone, ATTACKER) as one:
                    while await one.frame():
                        continue
                    return one.socket.close_code or 0
            except aiohttp.WSServerHandshakeError as error:
                return error.status
        return 0

    async def in_time() -> None:
        async with line(opened, phone, OTHER) as one:
            assert (await one.log_in()).startswith(b"PONG")

    async with asyncio.TaskGroup() as group:
        tries = [group.create_task(silent()) for _ in range(DOOR_HANDSHAKES_PER_S_MAX - 1)]
        group.create_task(in_time())
    counts = Counter(one.result() for one in tries)
    assert counts[429] > 0
    assert 0 < counts[BROKEN] <= DOOR_UNPROVEN_PER_SOURCE_MAX
    await answers(opened)


async def test_a_flood_of_tries_leaves_the_page_to_others(opened: Door) -> None:
    """Unknown keys as fast as one attacker can: some ten a second get as far as TLS, and everybody else is served."""
    unknown, ends_s, through = Phone("unknown"), time.monotonic() + 4, 0

    async def flood() -> None:
        nonlocal through
        while time.monotonic() < ends_s:
            with contextlib.suppress(OSError, aiohttp.ClientError):
                async with line(opened, unknown, ATTACKER) as one:
                    await one.log_in()
                    through += 1

    async def others() -> int:
        served = 0
        while time.monotonic() < ends_s:
            await answers(opened)
            served += 1
            await asyncio.sleep(0.3)
        return served

    async with asyncio.TaskGroup() as group:
        served = group.create_task(others())
        for _ in range(4):
            group.create_task(flood())
    assert served.result() > 0
    assert 0 < through <= (4 + 2) * DOOR_HANDSHAKES_PER_S_MAX + DOOR_HANDSHAKES_PER_S_MAX


async def test_plain_http_has_the_certificate_and_nothing_else(opened: Door) -> None:
    """The trust page, the certificate and the profile; no page, no API, no script, no redirect."""
    root = opened.holding.certificate()
    url = f"http://{HOST}:{opened.gateway.port + 1}"
    async with aiohttp.ClientSession(url) as session:
        async with session.get("/trust") as answer:
            text = await answer.text()
            assert opened.gateway.origin in text
            assert "<script" not in text
            assert "default-src 'none'" in answer.headers["Content-Security-Policy"]
        async with session.get("/trust/mesh.crt") as answer:
            assert (await answer.read(), answer.content_type) == (root, "application/x-x509-ca-cert")
        async with session.get("/trust/mesh.mobileconfig") as answer:
            assert answer.content_type == "application/x-apple-aspen-config"
        for path in ("/", "/who", "/nats", "/api/ev", "/api/pair", "/trust/", "/trust/../who"):
            async with session.get(path, allow_redirects=False) as answer:
                assert answer.status == 404, path
        async with session.post("/api/ev", data=b"x") as answer:
            assert answer.status == 404
    reader, writer = await asyncio.open_connection(HOST, opened.gateway.port + 1)
    writer.write(b"nonsense\r\n\r\n")
    said = await reader.read(1000)
    assert b"\r\nServer: mesh\r\n" in said
    assert b"default-src 'none'" in said
    writer.transport.abort()
    reader, writer = await asyncio.open_connection(HOST, opened.gateway.port)
    writer.write(b"GET / HTTP/1.1\r\n\r\n")
    with contextlib.suppress(OSError):
        assert not (await reader.read(1000)).startswith(b"HTTP")  # a TLS alert, or nothing
    writer.transport.abort()
