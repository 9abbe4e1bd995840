"""An invitation on real sockets: crowds, callers who hang up, and what the person is told."""

from __future__ import annotations

import asyncio
import contextlib
import socket
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager

import pytest

from mesh.errors import Misuse, Refused, Unreachable
from mesh.events.founding import request_text
from mesh.limits import (
    INVITATION_S_MAX,
    PAIRING_TRIES_MAX,
)
from mesh.node.invitation import Asking, Host, Joined, Wrong, bound, source_of
from mesh.node.pairing import Caller, Dropped, carry, entropy, next_frame
from mesh.sync.pairing import Joiner
from mesh.sync.pairing_frames import Code
from tests.unit.small_mesh import request

CODE = Code.parse("7-orbit-velvet-canoe")
OTHER = Code.parse("7-orbit-velvet-cannon")
REQUEST = request_text(request("laptop", 2))
ADMISSION = "mesh-admission-1.AAAA"
HOST = "127.0.0.1"
PATIENCE_S = 60.0

Streams = tuple[asyncio.StreamReader, asyncio.StreamWriter]


@asynccontextmanager
async def inviting(host: Host) -> AsyncIterator[str]:
    """An open invitation on loopback; where it is."""
    async with asyncio.timeout(PATIENCE_S), host.listening([HOST]) as port:
        yield f"{HOST}:{port}"


async def joining(address: str, code: Code = CODE) -> str:
    """A device that joins with a code; the admission that it kept."""

    async def keep(admission: str) -> str:
        return admission

    return await Caller(code, REQUEST, lambda: None).called([[address]], keep)


async def connected(address: str, source: str = HOST) -> Streams:
    """A connection from an address of this machine."""
    host, _, port = address.partition(":")
    return await asyncio.open_connection(host, int(port), local_addr=(source, 0))


async def spoken(address: str, steps: int, code: Code = CODE) -> tuple[Joiner, Streams]:
    """A device that has gone so many frames far, and says nothing more."""
    reader, writer = await connected(address)
    joiner = Joiner(code, REQUEST, entropy())
    step = joiner.begin()
    for number in range(steps):
        await carry(writer, step)
        if number < steps - 1:
            step = joiner.heard(await next_frame(reader, joiner.bytes_max))
    return joiner, (reader, writer)


async def welcomed(host: Host) -> None:
    """Let in whoever asks first, and see that it says so."""
    while not isinstance(news := await host.heard(), Asking):
        assert isinstance(news, Wrong)
    await host.answer(ADMISSION)
    assert isinstance(await host.heard(), Joined)


async def test_a_device_is_let_in() -> None:
    """The person hears who asks, and that it has joined; the device has the admission."""
    host = Host(CODE)
    async with inviting(host) as address, asyncio.TaskGroup() as group:
        kept = group.create_task(joining(address))
        news = await host.heard()
        assert isinstance(news, Asking)
        assert (news.admit.name, news.request) == ("laptop", REQUEST)
        await host.answer(ADMISSION)
        assert isinstance(await host.heard(), Joined)
    assert kept.result() == ADMISSION


async def test_a_device_is_declined() -> None:
    """Both sides end with a sentence."""
    host = Host(CODE)
    async with inviting(host) as address, asyncio.TaskGroup() as group:
        joined = group.create_task(joined_or_not(address))
        assert isinstance(await host.heard(), Asking)
        await host.answer("")
        assert isinstance(await host.heard(), Refused)
    assert "did not let this one in" in joined.result()


async def joined_or_not(address: str, code: Code = CODE) -> str:
    """Why a device did not get in."""
    try:
        return await joining(address, code)
    except (Refused, Unreachable) as error:
        return str(error)


async def test_wrong_codes_are_told_and_the_third_ends_it() -> None:
    """The person sees each wrong try at once; the code is dead after three, whoever comes then."""
    host = Host(CODE)
    async with inviting(host) as address:
        for left in (2, 1):
            assert "is not the one" in await joined_or_not(address, OTHER)
            assert await host.heard() == Wrong(left)
        assert "dead" in await joined_or_not(address, OTHER)
        assert isinstance(end := await host.heard(), Refused)
        assert "three wrong codes" in str(end)
        assert "dead" in await joined_or_not(address)


async def test_two_joiners_at_once() -> None:
    """Both have the right code: one comes in, the other hears that it was used."""
    host = Host(CODE)
    async with inviting(host) as address, asyncio.TaskGroup() as group:
        both = [group.create_task(joined_or_not(address)) for _ in range(2)]
        done, _ = await asyncio.wait(both, return_when=asyncio.FIRST_COMPLETED)
        assert ["used already" in task.result() for task in done] == [True]
        await welcomed(host)
    assert sorted(task.result() == ADMISSION for task in both) == [False, True]
    assert host.invitation.tries_left == PAIRING_TRIES_MAX


async def test_nobody_comes_in_time() -> None:
    """The end comes by itself, as an error for the person."""
    now_s = 0.0
    host = Host(CODE, clock=lambda: now_s)
    async with inviting(host) as address:
        now_s = INVITATION_S_MAX + 1.0
        with pytest.raises(Refused, match="five minutes"):
            await host.heard()
        assert "five minutes" in await joined_or_not(address)


@pytest.mark.parametrize("steps", [0, 1])
async def test_a_caller_who_hangs_up_early_changes_nothing(steps: int) -> None:
    """No news, no try, and the next one gets in."""
    host = Host(CODE)
    async with inviting(host) as address, asyncio.TaskGroup() as group:
        _, (_, writer) = await spoken(address, steps)
        writer.transport.abort()
        group.create_task(joining(address))
        await welcomed(host)
    assert host.invitation.tries_left == PAIRING_TRIES_MAX


@pytest.mark.parametrize("steps", [2, 3])
async def test_a_device_that_goes_away_after_its_proof(steps: int) -> None:
    """The code is used: the person hears that the device went away, also when the question is already asked."""
    host = Host(CODE)
    async with inviting(host) as address:
        _, (_, writer) = await spoken(address, steps)
        if steps == 3:
            assert isinstance(await host.heard(), Asking)
        writer.transport.abort()
        assert isinstance(end := await host.heard(), Dropped)
        assert "went away" in str(end)
        with pytest.raises((Dropped, Misuse)):
            await host.answer(ADMISSION)


async def test_a_device_that_goes_away_with_its_admission() -> None:
    """It is told that the device is let in, though it never said that it has it."""
    host = Host(CODE)
    async with inviting(host) as address:
        joiner, (reader, writer) = await spoken(address, 3)
        assert isinstance(await host.heard(), Asking)
        await host.answer(ADMISSION)
        assert joiner.heard(await next_frame(reader, joiner.bytes_max)).admission == ADMISSION
        writer.transport.abort()
        assert isinstance(end := await host.heard(), Dropped)
        assert "is let in" in str(end)
        assert "same admission" in end.hint


async def test_closing_declines_whoever_waits() -> None:
    """A person who ends the invitation says no; nobody is left waiting."""
    host = Host(CODE)
    async with asyncio.TaskGroup() as group, inviting(host) as address:
        waiting = group.create_task(joined_or_not(address))
        assert isinstance(await host.heard(), Asking)
    assert "did not let this one in" in waiting.result()


async def test_closing_does_not_take_an_admission_back() -> None:
    """Who was let in before the end still gets to its own end."""
    host = Host(CODE)
    async with asyncio.TaskGroup() as group, inviting(host) as address:
        kept = group.create_task(joining(address))
        assert isinstance(await host.heard(), Asking)
        await host.answer(ADMISSION)
    assert kept.result() == ADMISSION


async def test_answers_that_nobody_waits_for() -> None:
    """Before somebody asks, and a second time."""
    host = Host(CODE)
    async with inviting(host) as address, asyncio.TaskGroup() as group:
        with pytest.raises(Misuse):
            await host.answer(ADMISSION)
        group.create_task(joining(address))
        await welcomed(host)
        with pytest.raises(Misuse):
            await host.answer(ADMISSION)


@pytest.mark.parametrize("raw", [b"\xff\xff\xff\xff", b"GET / HTTP/1.1\r\n\r\n", b"\0\0\1\1" + bytes(257)])
async def test_a_frame_that_is_too_long_ends_the_conversation(raw: bytes) -> None:
    """Nobody is waited for, and nothing is held for it."""
    host = Host(CODE)
    async with inviting(host) as address:
        reader, writer = await connected(address)
        writer.write(raw)
        with contextlib.suppress(ConnectionError):
            assert await reader.read() == b""
        writer.transport.abort()
    assert host.invitation.tries_left == PAIRING_TRIES_MAX


# ---------------------------------------------------------------- addresses


@pytest.mark.parametrize(
    ("host", "source"),
    [
        ("192.0.2.7", "192.0.2.7"),
        ("::ffff:192.0.2.7", "192.0.2.7"),
        ("2001:db8:1:2:3:4:5:6", "2001:db8:1:2::/64"),
        ("fe80::1%lo", "fe80::/64"),
    ],
)
def test_sources(host: str, source: str) -> None:
    """Somebody with a whole network of addresses counts as one."""
    assert source_of(host) == source


def test_one_port_on_all_addresses() -> None:
    """The code names one port; an address that is not there is left out only where nobody asked for it."""
    sockets = bound([HOST, "127.0.0.3"], some=False)
    ports = {sock.getsockname()[1] for sock in sockets}
    for sock in sockets:
        sock.close()
    assert (len(sockets), len(ports)) == (2, 1)
    (only,) = bound([HOST, "192.0.2.1"], some=True)
    only.close()
    with pytest.raises(Unreachable) as told:
        bound([HOST, "192.0.2.1"], some=False)
    assert "--interface" in told.value.hint


def test_a_port_that_is_free_on_some_addresses_only(monkeypatch: pytest.MonkeyPatch) -> None:
    """Another one is taken, instead of giving up."""
    real: Callable[..., list[object]] = socket.getaddrinfo  # type: ignore[assignment]
    taken = socket.create_server((HOST, 0))
    ports = iter([taken.getsockname()[1]])

    def first_taken(host: str, port: int, **options: object) -> list[object]:
        return real(host, port or (next(ports, 0) if host == "127.0.0.3" else 0), **options)

    monkeypatch.setattr(socket, "getaddrinfo", first_taken)
    sockets = bound(["127.0.0.3", HOST], some=False)
    assert sockets[0].getsockname()[1] == sockets[1].getsockname()[1] != taken.getsockname()[1]
    for sock in [*sockets, taken]:
        sock.close()
