"""Lines of the socket as messages: what is none is answered, and the next line is read."""

from __future__ import annotations

import asyncio
import json
import socket
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import mcp_types
import pytest
from mcp.shared.message import SessionMessage

from mesh.node.mcp.wire import Incoming, Outgoing

LIMIT = 1024
PING = b'{"jsonrpc":"2.0","id":1,"method":"ping"}\n'
PATIENCE_S = 30.0


@asynccontextmanager
async def streams() -> AsyncIterator[tuple[Incoming, Outgoing, asyncio.StreamReader, asyncio.StreamWriter]]:
    """Our side of a connection, and the client's."""
    ours, theirs = socket.socketpair()
    reader, writer = await asyncio.open_unix_connection(sock=ours, limit=LIMIT)
    there, said = await asyncio.open_unix_connection(sock=theirs)
    outgoing = Outgoing(writer)
    try:
        async with asyncio.timeout(PATIENCE_S):
            yield Incoming(reader, outgoing), outgoing, there, said
    finally:
        for side in (writer, said):
            side.close()


@pytest.mark.parametrize(
    ("line", "code"),
    [
        (b"not json\n", -32700),
        (b"\xff\xfe\n", -32700),
        (b'{"jsonrpc":"1.0","id":1,"method":"ping"}\n', -32600),
        (b"[]\n", -32600),
        (b"[" * 900 + b"\n", -32700),
        (b"x" * (3 * LIMIT) + b"\n", -32600),
        (b'{"a":"' + b"y" * LIMIT + b'"}\n', -32600),
    ],
    ids=["text", "bytes", "version", "batch", "deep", "long", "too long by little"],
)
async def test_a_slip_is_answered_and_ends_nothing(line: bytes, code: int) -> None:
    """The client learns what was wrong, and its next message arrives."""
    async with streams() as (incoming, _, there, said):
        said.write(line + b"\n" + PING)
        message = await anext(incoming)
        assert isinstance(message, SessionMessage)
        assert isinstance(message.message, mcp_types.JSONRPCRequest)
        told = json.loads(await there.readline())
        assert (told["id"], told["error"]["code"]) == (None, code)


async def test_the_end_of_the_client_ends_the_messages() -> None:
    """Half a line at the end is none."""
    async with streams() as (incoming, outgoing, _, said):
        said.write(PING + b'{"jsonrpc"')
        said.write_eof()
        assert len([message async for message in incoming]) == 1
        said.close()
        for _ in range(8):  # whoever is gone gets nothing, and nothing fails by it
            await outgoing.line("x" * LIMIT)
