"""Calling an inviter: frames over plain TCP, each step with its deadline, and again where a crowd pushed us out.

Nothing on this wire is trusted for where it comes from: the pure machines of `mesh.sync.pairing` say what holds.
"""

from __future__ import annotations

import asyncio
import contextlib
import os
import time
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass, field
from typing import TypeVar

from mesh.errors import MeshError, Refused, Unreachable
from mesh.events.pake import ENTROPY_BYTES
from mesh.limits import ADDRESS_BYTES_MAX, PAIRING_CALLS_MAX, PAIRING_CLEAR_BYTES_MAX
from mesh.names import shown
from mesh.node import timing
from mesh.node.transport.visits import split_address, unreachable
from mesh.sync.pairing import Joiner, Step
from mesh.sync.pairing_frames import LENGTH_BYTES, Code, frame_length, framed

T = TypeVar("T")
Keep = Callable[[str], Awaitable[T]]
"""Makes what an admission gives durable."""


class Dropped(Unreachable):
    """The connection ended in the middle of a pairing."""

    hint = "Nothing is lost: a new code goes on from here. On the other device: mesh invite"


def entropy() -> bytes:
    """Random bytes for one exchange."""
    return os.urandom(ENTROPY_BYTES)


async def next_frame(reader: asyncio.StreamReader, bytes_max: int) -> bytes:
    """The next frame. Raises TooLarge, and what a stream raises."""
    length = frame_length(await reader.readexactly(LENGTH_BYTES), bytes_max)
    return await reader.readexactly(length)


async def carry(writer: asyncio.StreamWriter, step: Step) -> None:
    """Send the frames of a step."""
    for frame in step.send:
        writer.write(framed(frame))
    await writer.drain()


@dataclass
class Caller:
    """Who calls: the code, what to ask, and how many guesses at the code were given away so far."""

    code: Code
    request: str
    waiting: Callable[[], None]
    """Told when the inviter has proven itself and its person is asked."""
    showed: int = 0
    proven: bool = field(default=False, init=False)

    async def called(self, inviters: Sequence[Sequence[str]], keep: Keep[T]) -> T:
        """Join at one of these inviters, each with its addresses. Raises the most telling of what went wrong."""
        problem: MeshError | None = None
        for addresses in inviters:
            try:
                return await self._inviter(addresses, keep)
            except (Refused, Unreachable) as error:
                if self.proven or self.showed >= PAIRING_CALLS_MAX:
                    raise
                problem = error if problem is None or isinstance(error, Refused) else problem
        assert problem is not None, "somebody was called"
        raise problem

    async def _inviter(self, addresses: Sequence[str], keep: Keep[T]) -> T:
        until = time.monotonic() + timing.PAIRING_CALL_S_MAX
        problem: Unreachable | None = None
        for address in addresses:
            while True:
                try:
                    return await self._call(address, keep)
                except Dropped as error:
                    if self.proven or self.showed >= PAIRING_CALLS_MAX or time.monotonic() >= until:
                        raise
                    problem = error
                except Unreachable as error:
                    problem = problem or error
                    break
                await asyncio.sleep(timing.PAIRING_AGAIN_S)
        assert problem is not None, "an inviter has an address"
        raise problem

    async def _call(self, address: str, keep: Keep[T]) -> T:
        host, port = split_address(address)
        try:
            async with asyncio.timeout(timing.DIAL_TIMEOUT_S):
                reader, writer = await asyncio.open_connection(host, port, limit=PAIRING_CLEAR_BYTES_MAX)
        except (OSError, ValueError, TimeoutError) as error:  # a ValueError: it is no name of a host at all
            if isinstance(error, ConnectionRefusedError):
                message = f"nobody invites at {shown(address, ADDRESS_BYTES_MAX)}"
                hint = "The invitation may be over: a code is good for five minutes and one device."
                raise Unreachable(message, hint=hint) from error
            raise unreachable(address, error) from error
        joiner = Joiner(self.code, self.request, entropy())
        try:
            return await self._converse(joiner, reader, writer, keep)
        except (OSError, TimeoutError, asyncio.IncompleteReadError) as error:
            raise _dropped(joiner) from error
        finally:
            self.showed += joiner.showed
            self.proven = self.proven or joiner.proven
            writer.close()

    async def _converse(
        self, joiner: Joiner, reader: asyncio.StreamReader, writer: asyncio.StreamWriter, keep: Keep[T]
    ) -> T:
        await carry(writer, joiner.begin())
        told = False
        while True:
            patience = timing.PAIRING_PERSON_S_MAX + timing.PAIRING_KEEP_S_MAX if told else timing.PAIRING_STEP_S
            async with asyncio.timeout(patience):
                step = joiner.heard(await next_frame(reader, joiner.bytes_max))
            if step.admission:
                kept = await keep(step.admission)
                with contextlib.suppress(OSError, TimeoutError):  # joined all the same
                    async with asyncio.timeout(timing.PAIRING_STEP_S):
                        await carry(writer, joiner.kept())
                        await reader.read(1)  # the inviter closes when it has heard
                return kept
            await carry(writer, step)
            if joiner.proven and not told:
                told = True
                self.waiting()


def _dropped(joiner: Joiner) -> Dropped:
    if joiner.proven:
        return Dropped("the other device ended the pairing before it let this one in")
    hint = "It may be busy with others, or the invitation is over. Try again, or make a new code: mesh invite"
    return Dropped("the other device ended the conversation", hint=hint)
