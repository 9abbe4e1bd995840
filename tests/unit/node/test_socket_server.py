"""Streams over the local socket: items at once, errors as errors, and an end as soon as the caller goes."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator
from pathlib import Path

import pytest

from mesh.errors import Refused
from mesh.node import progress
from mesh.node.log import silent
from mesh.node.socket_client import connect
from mesh.node.socket_server import Arguments, served

PATIENCE_S = 30.0


async def test_a_stream_ends_when_its_caller_goes(tmp_home: Path) -> None:
    """Also while it has nothing to say: whatever it holds open is closed then."""
    path = tmp_home / "agent.sock"
    ended = asyncio.Event()

    async def items() -> AsyncGenerator[object, None]:
        try:
            yield {"n": 1}
            await asyncio.Event().wait()
        finally:
            ended.set()

    async def call(_name: str, _arguments: Arguments) -> object:
        return items()

    def first() -> object:
        connection = connect(path)
        assert connection is not None
        with connection:
            return next(connection.stream("follow", {}))

    async with asyncio.timeout(PATIENCE_S), served(path, call, silent):
        assert await asyncio.to_thread(first) == {"n": 1}
        await ended.wait()


@pytest.mark.parametrize("count", [0, 2])
async def test_an_error_in_a_stream_is_told_as_it_is(count: int, tmp_home: Path) -> None:
    """After any number of items, as the class it was raised as."""
    path = tmp_home / "agent.sock"

    async def items() -> AsyncGenerator[object, None]:
        for number in range(count):
            yield {"n": number}
        message = "no more"
        raise Refused(message, hint="stop")

    async def call(_name: str, _arguments: Arguments) -> object:
        return items()

    def everything() -> list[object]:
        connection = connect(path)
        assert connection is not None
        told: list[object] = []
        with connection:
            try:
                told += connection.stream("follow", {})
            except Refused as error:
                told.append((str(error), error.hint))
        return told

    async with asyncio.timeout(PATIENCE_S), served(path, call, silent):
        told = await asyncio.to_thread(everything)
    assert told == [*({"n": number} for number in range(count)), ("no more", "stop")]


async def test_a_long_call_tells_how_far_it_is(tmp_home: Path) -> None:
    """Whoever asked hears of it before the result; a call that tells nothing is as it always was."""
    path = tmp_home / "agent.sock"

    async def call(name: str, _arguments: Arguments) -> object:
        if name == "long":
            progress.tell("counting", 3, 7)
        return {"did": name}

    def asked() -> tuple[list[dict[str, object]], list[dict[str, object]]]:
        connection = connect(path)
        assert connection is not None
        heard: list[dict[str, object]] = []
        with connection:
            return heard, [connection.call(name, {}, progress=heard.append) for name in ("long", "short")]

    async with asyncio.timeout(PATIENCE_S), served(path, call, silent):
        heard, results = await asyncio.to_thread(asked)
    assert heard == [{"what": "counting", "done": 3, "all": 7}]
    assert results == [{"did": "long"}, {"did": "short"}]
