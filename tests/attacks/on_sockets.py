"""Attacks below the words: what no client says at the port, and what no command says at the local socket."""

from __future__ import annotations

import asyncio
import contextlib
import socket

from mesh.clocks.frontier import Span
from mesh.limits import CALL_BYTES_MAX, KIB, MIB, PUSH_BYTES_MAX, WANT_BODIES_MAX, WANT_SPANS_MAX
from mesh.node.paths import socket_path
from mesh.sync import messages
from mesh.sync.messages import Want
from tests.attacks.catalogue import real
from tests.attacks.town import MEMBER, Town
from tests.system.harness import Device

_PATIENCE_S = 60.0


@real(67, "hung up on; others are not concerned")
async def rubbish_after_the_login(town: Town) -> str:
    """Holds cedar's keys. Publishes twice the largest message, an endless line, and words that no server knows."""
    async with town.thief() as thief:
        for rubbish in (
            b"PUB a 2097152\r\n" + bytes(2 * MIB) + b"\r\n",
            b"PUB " + b"x" * 64 * KIB + b" 1\r\nx\r\n",
            b"\xff" * 1000 + b"\r\n",
        ):
            async with thief.login(town.alder, *thief.own_login) as wire:
                wire._client._transport.write(rubbish)  # type: ignore[union-attr]  # noqa: SLF001 - below the client
                await wire._client._transport.drain()  # type: ignore[union-attr]  # noqa: SLF001
                async with asyncio.timeout(_PATIENCE_S):
                    await wire.closed.wait()
    await asyncio.to_thread(town.works)
    return "hung up on three times"


@real(68, "refused with one sentence each; the agent answers on")
async def rubbish_at_the_local_socket(town: Town) -> str:
    """Is another program of the same user. Sends the agent what is no call, endless lines and half characters."""
    said = [
        b"[" * 200_000 + b"\n",
        b"\xff\xfe\n",
        b"{}\n",
        b'{"call": 7}\n',
        b'{"call": "note.add", "arguments": {"title": "\\ud800"}}\n',
        b'{"call": "note.add", "arguments": {"title": "a", "space": "\\ud800"}}\n',
        b'{"call": "peer.add", "arguments": {"address": "h:' + b"9" * 5000 + b'"}}\n',
        b'{"call": "note.list", "arguments": {"limit": 1e400, "search": "\\"*\\" OR ("}}\n',
        b"x" * (2 * CALL_BYTES_MAX) + b"\n",
    ]
    for line in said:
        answer = await asyncio.to_thread(_at_socket, town.alder, line)
        assert b'"family":"Bug"' not in answer.replace(b" ", b""), (line[:80], answer[:300])
    await asyncio.to_thread(town.works)
    return f"{len(said)} lines, no fault of ours"


def _at_socket(device: Device, line: bytes) -> bytes:
    with socket.socket(socket.AF_UNIX) as plain:
        plain.settimeout(_PATIENCE_S)
        plain.connect(str(socket_path(device.home)))
        with contextlib.suppress(BrokenPipeError, ConnectionResetError):
            plain.sendall(line)
        with contextlib.suppress(ConnectionResetError):
            return plain.recv(64 * KIB)
        return b""


@real(69, "answers are bounded, whatever is asked")
async def asks_for_everything_at_once(town: Town) -> str:
    """Holds dogwood's keys. A small question that names 64 times the same long chain, over and over."""
    async with town.thief(MEMBER) as thief, thief.at(town.alder) as line:
        quill = thief.quill()
        for _ in range(30):
            quill.say(thief.draft("x" * 3000))
        await line.push(quill.run())
        await asyncio.to_thread(town.mark)
        want = Want((Span(quill.chain, quill.head, ()),) * WANT_SPANS_MAX, (quill.head.digest,) * WANT_BODIES_MAX)
        sizes = [len(messages.encode(await line.want(want))) for _ in range(50)]
        assert max(sizes) <= PUSH_BYTES_MAX, sizes
    await asyncio.to_thread(town.works)
    return f"answers of at most {max(sizes):,} bytes"
