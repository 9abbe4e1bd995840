"""Calling an inviter: which addresses are tried how often, and how many guesses at the code are given away."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager

import pytest

from mesh.errors import DiskFull, Refused, Unreachable
from mesh.limits import PAIRING_CALLS_MAX
from mesh.node import timing
from mesh.node.invitation import Asking, Host
from mesh.node.pairing import Caller, Dropped, carry, entropy, next_frame
from mesh.sync.pairing import Invitation, Inviter
from tests.unit.node.test_invitation import ADMISSION, CODE, HOST, OTHER, PATIENCE_S, REQUEST, inviting, welcomed

Behave = Callable[[asyncio.StreamReader, asyncio.StreamWriter], Awaitable[None]]


async def keep(admission: str) -> str:
    """Keep an admission."""
    return admission


def caller(waiting: Callable[[], None] = lambda: None) -> Caller:
    """A device that joins."""
    return Caller(CODE, REQUEST, waiting)


@asynccontextmanager
async def listening(behave: Behave) -> AsyncIterator[str]:
    """Somebody who behaves so at an address."""

    async def accepted(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            await behave(reader, writer)
        except (OSError, asyncio.IncompleteReadError):
            pass
        finally:
            writer.transport.abort()

    server = await asyncio.start_server(accepted, HOST, 0)
    async with asyncio.timeout(PATIENCE_S), server:
        yield f"{HOST}:{server.sockets[0].getsockname()[1]}"


class Rogue:
    """Answers the exchange with a guess of its own at the code, takes the proof and hangs up."""

    def __init__(self) -> None:
        self.proofs = 0

    async def __call__(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        """One caller."""
        inviter = Inviter(Invitation(OTHER, 0.0), entropy())
        await carry(writer, inviter.heard(await next_frame(reader, 256), 0.0))
        await next_frame(reader, 256)
        self.proofs += 1


async def hangs_up(_reader: asyncio.StreamReader, _writer: asyncio.StreamWriter) -> None:
    """Nobody is at home."""


async def refused_port() -> str:
    """An address where nobody listens."""
    async with listening(hangs_up) as address:
        pass
    return address


async def test_the_first_address_that_answers_is_taken() -> None:
    """Addresses where nobody listens are passed over."""
    host = Host(CODE)
    nowhere = await refused_port()
    waited = 0

    def waiting() -> None:
        nonlocal waited
        waited += 1

    async with inviting(host) as address, asyncio.TaskGroup() as group:
        kept = group.create_task(caller(waiting).called([[nowhere, address]], keep))
        await welcomed(host)
    assert (kept.result(), waited) == (ADMISSION, 1)


async def test_a_false_inviter_costs_its_address_a_try() -> None:
    """The true one behind it is reached all the same; the false one learned nothing but that its guess was wrong."""

    async def false(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        inviter = Inviter(Invitation(OTHER, 0.0), entropy())
        while True:
            await carry(writer, inviter.heard(await next_frame(reader, inviter.bytes_max), 0.0))

    host = Host(CODE)
    async with listening(false) as rogue, inviting(host) as address, asyncio.TaskGroup() as group:
        kept = group.create_task(caller().called([[rogue], [address]], keep))
        await welcomed(host)
    assert kept.result() == ADMISSION


async def test_so_many_guesses_and_no_more(monkeypatch: pytest.MonkeyPatch) -> None:
    """Whoever takes a proof and hangs up, or announces many addresses, gets a bounded number of proofs."""
    monkeypatch.setattr(timing, "PAIRING_AGAIN_S", 0.0)
    rogue = Rogue()
    async with listening(rogue) as address:
        with pytest.raises(Dropped):
            await caller().called([[address]] * 30, keep)
    assert rogue.proofs == PAIRING_CALLS_MAX


async def test_a_refusal_ends_the_addresses_of_one_inviter() -> None:
    """A mistyped code is not tried at each address of the same device: that would kill it at once."""
    host = Host(OTHER)
    async with inviting(host) as address:
        with pytest.raises(Refused, match="is not the one"):
            await caller().called([[address, address, address]], keep)
    assert host.invitation.tries_left == 2


async def test_what_went_wrong_is_told_best() -> None:
    """A refusal says more than an address where nobody is."""
    host = Host(OTHER)
    nowhere = await refused_port()
    async with inviting(host) as address:
        with pytest.raises(Refused):
            await caller().called([[nowhere], [address], [nowhere]], keep)
    with pytest.raises(Unreachable, match="nobody invites at"):
        await caller().called([[nowhere]], keep)


async def test_it_calls_again_when_it_is_pushed_out(monkeypatch: pytest.MonkeyPatch) -> None:
    """A crowd may hang up on us before the proofs: that is tried again until it works, within its time."""
    monkeypatch.setattr(timing, "PAIRING_AGAIN_S", 0.01)
    calls = 0
    host = Host(CODE)
    async with inviting(host) as true:

        async def busy(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
            nonlocal calls
            calls += 1
            if calls < 4:
                return
            behind, ahead = await asyncio.open_connection(*true.split(":"))
            async with asyncio.TaskGroup() as group:
                group.create_task(pumped(reader, ahead))
                group.create_task(pumped(behind, writer))

        async with listening(busy) as address, asyncio.TaskGroup() as group:
            kept = group.create_task(caller().called([[address]], keep))
            await welcomed(host)
    assert (kept.result(), calls) == (ADMISSION, 4)
    monkeypatch.setattr(timing, "PAIRING_CALL_S_MAX", 0.0)
    async with listening(hangs_up) as address:
        with pytest.raises(Dropped):
            await caller().called([[address]], keep)


async def pumped(source: asyncio.StreamReader, target: asyncio.StreamWriter) -> None:
    """Pass on what comes."""
    while chunk := await source.read(1000):
        target.write(chunk)
        await target.drain()
    target.close()


async def test_a_failure_to_keep_is_final() -> None:
    """A full disk here is told as what it is; no other inviter is called, and nothing is acknowledged."""

    async def full(_admission: str) -> str:
        message = "no room"
        raise DiskFull(message)

    host = Host(CODE)
    rogue = Rogue()
    async with inviting(host) as address, listening(rogue) as other, asyncio.TaskGroup() as group:
        failed = group.create_task(outcome(caller().called([[address], [other]], full)))
        assert isinstance(await host.heard(), Asking)
        await host.answer(ADMISSION)
        assert isinstance(await host.heard(), Dropped)
    assert isinstance(failed.result(), DiskFull)
    assert rogue.proofs == 0


async def outcome(work: Awaitable[object]) -> object:
    """A result, or the error instead of it."""
    try:
        return await work
    except (Refused, Unreachable) as error:
        return error


@pytest.mark.parametrize("address", ["", "nonsense", "127.0.0.1", "127.0.0.1:0", "127.0.0.1:99999", "a b:1"])
async def test_addresses_that_are_none(address: str) -> None:
    """They come from a QR or from the network, and may be anything."""
    with pytest.raises(Unreachable):
        await caller().called([[address]], keep)


@pytest.mark.parametrize("host", ["a..b", "x" * 64, "."])
async def test_an_address_that_names_no_host_is_an_address_that_does_not_answer(host: str) -> None:
    """It may have been typed wrongly, or be announced by anybody: one sentence, and the next address is tried."""
    with pytest.raises(Unreachable, match="cannot be reached"):
        await caller().called([[f"{host}:4222"]], keep)
