"""What others ask of us: a bounded queue and a few workers for each sender, so that nobody holds up anybody else.

It calls the handler and answers; it never decides who may ask (the server's allow-lists did) and drops nothing
without saying so to who asked.
"""

from __future__ import annotations

import asyncio
import contextlib
import logging
import time

from mesh.errors import MeshError, Unreachable
from mesh.limits import (
    GUEST_QUEUED_MAX,
    GUEST_REQUESTS_PER_S_MAX,
    INCOMING_AT_ONCE_PER_PEER_MAX,
    INCOMING_QUEUED_PER_PEER_MAX,
)
from mesh.node.ports import Handler
from mesh.node.transport.wires import Arrived, LineDown, answer_bytes, checked_body

_LOG = logging.getLogger(__name__)
_BUSY = Unreachable("too much waits for an answer already")


class Inbox:
    """Requests and tidings of one sender, handled in the order of arrival, a few at once."""

    def __init__(self, sender: str | None, handler: Handler, reply_prefixes: tuple[str, ...]) -> None:
        """An answer goes only where the sender may listen: replies elsewhere would speak with our rights."""
        guest = sender is None
        self._sender = sender
        self._handler = handler
        self._reply_prefixes = reply_prefixes
        self._at_once = 1 if guest else INCOMING_AT_ONCE_PER_PEER_MAX
        queued_max = GUEST_QUEUED_MAX if guest else INCOMING_QUEUED_PER_PEER_MAX
        self._queue: asyncio.Queue[tuple[Arrived, str]] = asyncio.Queue(queued_max)
        self._bucket = Bucket(GUEST_REQUESTS_PER_S_MAX) if guest else None

    async def serve(self) -> None:
        """Handle what comes until cancelled."""
        async with asyncio.TaskGroup() as group:
            for _ in range(self._at_once):
                group.create_task(self._work())

    async def take(self, message: Arrived, verb: str) -> None:
        """Queue a message, or say at once that there is no room."""
        if self._bucket is not None and not self._bucket.take(time.monotonic()):
            await self.answer(message, _BUSY)
            return
        try:
            self._queue.put_nowait((message, verb))
        except asyncio.QueueFull:
            await self.answer(message, _BUSY)

    async def answer(self, message: Arrived, result: bytes | MeshError) -> None:
        """Answer what was asked; what was told has no answer."""
        if not message.reply.startswith(self._reply_prefixes):
            return
        with contextlib.suppress(LineDown):  # who asked notices it by itself
            await message.wire.answer(message.reply, answer_bytes(result))

    async def _work(self) -> None:
        while True:
            message, verb = await self._queue.get()
            began_s = time.monotonic()
            await self.answer(message, await self._handled(message, verb))
            if self._bucket is not None:  # guests take half of our time at most, whatever their requests cost
                await asyncio.sleep(time.monotonic() - began_s)

    async def _handled(self, message: Arrived, verb: str) -> bytes | MeshError:
        try:
            return checked_body(await self._handler.heard(self._sender, verb, checked_body(message.body)))
        except MeshError as error:
            return error
        except Exception:  # noqa: BLE001 a fault of ours that one message triggers must not end the links to everybody
            _LOG.exception("a %s from %s could not be handled", verb, self._sender or "a guest")
            return Unreachable("something is wrong there; its log says what")


class Bucket:
    """So many a second on average, and no more than a second's worth at once."""

    def __init__(self, per_s_max: int) -> None:
        self._per_s = per_s_max
        self._left = float(per_s_max)
        self._then_s: float | None = None

    def take(self, now_s: float) -> bool:
        """Whether one more is within the rate."""
        if self._then_s is not None:
            self._left = min(float(self._per_s), self._left + (now_s - self._then_s) * self._per_s)
        self._then_s = now_s
        if self._left < 1:
            return False
        self._left -= 1
        return True
