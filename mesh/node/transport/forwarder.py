"""Passes bytes from further listen addresses to the one on which nats-server listens.

TLS ends at nats-server, so what passes here is opaque. It never looks at a byte and never holds more than a bounded
number of connections.
"""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import Sequence

from mesh.errors import Unreachable
from mesh.limits import FORWARDED_CONNECTIONS_MAX
from mesh.node import timing

_CHUNK_BYTES = 64 * 1024


class Forwarder:
    """Accepts on some addresses and connects each caller to one other."""

    def __init__(self, hosts: Sequence[str], to_host: str, port: int) -> None:
        self._hosts = hosts
        self._to = (to_host, port)
        self._open = 0

    async def run(self) -> None:
        """Forward until cancelled. Raises Unreachable when an address is not ours or taken."""
        try:
            servers = await asyncio.start_server(self._accepted, self._hosts, self._to[1])
        except OSError as error:
            message = f"cannot listen on {', '.join(self._hosts)} port {self._to[1]}: {error.strerror}"
            raise Unreachable(message, hint="Check `--interface`, and that no other program has the port.") from error
        async with servers:
            await servers.serve_forever()

    async def _accepted(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        if self._open >= FORWARDED_CONNECTIONS_MAX:
            writer.transport.abort()
            return
        self._open += 1
        onward: asyncio.StreamWriter | None = None
        try:
            async with asyncio.timeout(timing.DIAL_TIMEOUT_S):
                back, onward = await asyncio.open_connection(*self._to)
            async with asyncio.TaskGroup() as group:
                group.create_task(_pump(reader, onward))
                group.create_task(_pump(back, writer))
        except* (OSError, TimeoutError):
            pass  # the caller sees a closed connection, as if nobody listened
        finally:
            self._open -= 1
            for end in (writer, onward):
                if end is not None:
                    end.transport.abort()


async def _pump(source: asyncio.StreamReader, target: asyncio.StreamWriter) -> None:
    while chunk := await source.read(_CHUNK_BYTES):
        target.write(chunk)
        await target.drain()
    with contextlib.suppress(OSError):
        target.write_eof()
