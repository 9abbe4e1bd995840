"""The local socket: one JSON object a line, for the command line and for everything else of this user.

It is created 0600 and answers only the user who owns the home. It never decides anything: it passes calls to the agent.
"""

from __future__ import annotations

import asyncio
import contextlib
import json
import os
import time
from collections.abc import AsyncGenerator, AsyncIterator, Awaitable, Callable, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path

from mesh.errors import Malformed, MeshError, Misuse, NeedsApproval
from mesh.limits import CALL_BYTES_MAX
from mesh.node.progress import Listener, heard_by
from mesh.node.timing import PROGRESS_INTERVAL_S

Arguments = Mapping[str, object]
Call = Callable[[str, Arguments], Awaitable[object]]
"""A call and its arguments -> its result, an async iterator of items for calls that stream, or a Takeover."""


@dataclass(frozen=True, slots=True)
class Takeover:
    """A result after which the connection speaks another protocol: `converse` has it until it returns."""

    told: Arguments
    converse: Callable[[asyncio.StreamReader, asyncio.StreamWriter], Awaitable[None]]


def error_json(error: Exception) -> dict[str, object]:
    """An error as it travels over the socket and as --json prints it."""
    known = isinstance(error, MeshError)
    family = next((c.__name__ for c in type(error).__mro__ if MeshError in c.__bases__), "Bug")
    return {
        "family": family if known else "Bug",
        "class": type(error).__name__,
        "message": str(error) if known else f"unexpected: {error!r}",
        "hint": error.hint if isinstance(error, MeshError) else "See `mesh logs`; this is a fault of mesh.",
        "exit": error.exit_code if isinstance(error, MeshError) else 1,
        **({"approval": error.approval} if isinstance(error, NeedsApproval) else {}),
    }


def _make_room(path: Path) -> None:
    path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
    path.unlink(missing_ok=True)


@asynccontextmanager
async def served(path: Path, call: Call, log: Callable[..., None]) -> AsyncIterator[None]:
    """Listen while inside. A socket file that nobody answers is replaced."""
    _make_room(path)

    async def answer(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            await _converse(reader, writer, call, log)
        except (ConnectionError, asyncio.IncompleteReadError):
            pass  # the other side is gone; nothing of it is left here
        finally:
            writer.close()

    server = await asyncio.start_unix_server(answer, path=str(path), limit=CALL_BYTES_MAX)
    os.chmod(path, 0o600)  # noqa: PTH101 - a call of microseconds
    try:
        yield
    finally:
        server.close()
        with contextlib.suppress(FileNotFoundError):
            os.unlink(path)  # noqa: PTH108 - as above


async def _converse(
    reader: asyncio.StreamReader, writer: asyncio.StreamWriter, call: Call, log: Callable[..., None]
) -> None:
    while True:
        try:
            line = await reader.readuntil(b"\n")
        except asyncio.LimitOverrunError:
            error = Malformed(f"a call is longer than {CALL_BYTES_MAX:,} bytes")
            await _send(writer, {"error": error_json(error)})
            return
        try:
            name, arguments = _parsed(line)
            with heard_by(_progress(writer)):
                result = await call(name, arguments)
            if isinstance(result, AsyncGenerator):
                await _stream(reader, writer, result)
                return
            if isinstance(result, Takeover):
                await _send(writer, {"result": result.told})
                await result.converse(reader, writer)
                return
            await _send(writer, {"result": result})
        except MeshError as error:
            await _send(writer, {"error": error_json(error)})
        except ConnectionError:
            raise
        except Exception as error:  # noqa: BLE001 - one call's bug must not end the agent; it is logged and told
            log("call.failed", error=repr(error))
            await _send(writer, {"error": error_json(error)})


async def _stream(
    reader: asyncio.StreamReader, writer: asyncio.StreamWriter, items: AsyncGenerator[object, None]
) -> None:
    """Send items as they come; the stream ends as soon as the caller goes, not only when there is something to send."""

    async def gone() -> None:
        await reader.read(1)  # who has asked for a stream says nothing more
        raise ConnectionResetError

    try:
        async with contextlib.aclosing(items), asyncio.TaskGroup() as group:
            watch = group.create_task(gone())
            async for item in items:
                await _send(writer, {"item": item})
            watch.cancel()
    except BaseExceptionGroup as group:
        raise group.exceptions[0] from group


def _progress(writer: asyncio.StreamWriter) -> Listener:
    """Tells the caller how far its call is, a few times a second; a caller that does not read misses some of it."""
    last = 0.0

    def told(what: str, done: int, of: int) -> None:
        nonlocal last
        now = time.monotonic()
        if now - last < PROGRESS_INTERVAL_S or writer.transport.get_write_buffer_size():
            return
        last = now
        writer.write(_line({"progress": {"what": what, "done": done, "all": of or None}}))

    return told


def _parsed(line: bytes) -> tuple[str, Arguments]:
    try:
        request = json.loads(line)
        name, arguments = request["call"], request.get("arguments") or {}
    except (ValueError, KeyError, TypeError, AttributeError, RecursionError) as error:
        raise Misuse('a call is one line of JSON: {"call": NAME, "arguments": {…}}') from error
    if not isinstance(name, str) or not isinstance(arguments, dict):
        raise Misuse("a call's name is a text and its arguments are a map")
    return name, arguments


async def _send(writer: asyncio.StreamWriter, answer: Mapping[str, object]) -> None:
    writer.write(_line(answer))
    await writer.drain()


def _line(answer: Mapping[str, object]) -> bytes:
    return json.dumps(answer, ensure_ascii=True, separators=(",", ":")).encode() + b"\n"
