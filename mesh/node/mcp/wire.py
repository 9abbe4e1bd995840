"""The local socket as the streams that the SDK reads and writes: one JSON-RPC message a line, as over stdio.

What is no message is answered as JSON-RPC wants it and the next line is read: a client's slip ends nothing. This module
understands no method.
"""

from __future__ import annotations

import asyncio
import contextlib
import json
from types import TracebackType
from typing import Generic, Self, TypeVar

import mcp_types
from mcp.shared.message import SessionMessage
from pydantic import ValidationError

from mesh.limits import CALL_BYTES_MAX

_PARSE_ERROR, _INVALID_REQUEST = -32700, -32600

T = TypeVar("T")


class _Stream(Generic[T]):
    """What both directions share: the connection is closed by whoever opened it, not by the SDK."""

    async def aclose(self) -> None:
        """Nothing more is read or written here."""

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None
    ) -> None:
        await self.aclose()


class Outgoing(_Stream[SessionMessage]):
    """Messages to the client."""

    def __init__(self, writer: asyncio.StreamWriter) -> None:
        """Over this side of the connection."""
        self._writer = writer

    async def send(self, item: SessionMessage, /) -> None:
        """Send one; returns when there is room for the next. A client that is gone gets nothing more."""
        await self.line(item.message.model_dump_json(by_alias=True, exclude_unset=True))

    async def line(self, text: str) -> None:
        """Send one line."""
        self._writer.write(text.encode() + b"\n")
        with contextlib.suppress(ConnectionError):
            await self._writer.drain()


class Incoming(_Stream[SessionMessage | Exception]):
    """Messages from the client, until it ends its side."""

    def __init__(self, reader: asyncio.StreamReader, outgoing: Outgoing) -> None:
        """What is no message is told over `outgoing`."""
        self._reader = reader
        self._outgoing = outgoing

    def __aiter__(self) -> Self:
        return self

    async def __anext__(self) -> SessionMessage | Exception:
        while True:
            try:
                line = await self._line()
            except (asyncio.IncompleteReadError, ConnectionError):
                raise StopAsyncIteration from None
            if not line.strip():
                continue
            try:
                return SessionMessage(mcp_types.jsonrpc_message_adapter.validate_json(line, by_name=False))
            except ValidationError:
                code = _PARSE_ERROR if _senseless(line) else _INVALID_REQUEST
                await self._refuse(code, "not a message of JSON-RPC 2.0")

    async def receive(self) -> SessionMessage | Exception:
        """The next one."""
        return await anext(self)

    async def _line(self) -> bytes:
        """The next line; one that is too long is refused, and reads as an empty one."""
        try:
            return await self._reader.readuntil(b"\n")
        except asyncio.LimitOverrunError:
            await self._skip()
            await self._refuse(_INVALID_REQUEST, f"a message has at most {CALL_BYTES_MAX:,} bytes")
            return b""

    async def _skip(self) -> None:
        """Read over what is left of a line that is too long."""
        while True:
            try:
                await self._reader.readuntil(b"\n")
            except asyncio.LimitOverrunError as error:
                await self._reader.readexactly(error.consumed)
            else:
                return

    async def _refuse(self, code: int, message: str) -> None:
        error = {"jsonrpc": "2.0", "id": None, "error": {"code": code, "message": message}}
        await self._outgoing.line(json.dumps(error))


def _senseless(line: bytes) -> bool:
    try:
        json.loads(line)
    except (ValueError, RecursionError):
        return True
    return False
