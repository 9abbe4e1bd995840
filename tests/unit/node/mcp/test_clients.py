"""Who may connect: so many at once, on a device that can read; and no client asks more at once than it may."""

from __future__ import annotations

import asyncio
import json
import socket
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import pytest

from mesh.errors import Busy, NotGranted
from mesh.events.speaking import Draft
from mesh.limits import CALL_BYTES_MAX
from mesh.node import home as homes
from mesh.node import timing
from mesh.node.agent import Agent, opened
from mesh.node.engine import Engine
from mesh.node.mcp import clients, server, tools
from mesh.node.socket_server import Takeover

META = {
    "io.modelcontextprotocol/protocolVersion": "2026-07-28",
    "io.modelcontextprotocol/clientInfo": {"name": "Any Tool", "version": "1"},
    "io.modelcontextprotocol/clientCapabilities": {},
}
PATIENCE_S = 30.0


async def nothing(_engine: Engine) -> Sequence[Draft]:
    """Nothing to say."""
    return ()


class Talk:
    """The client's end of a connection."""

    def __init__(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self._reader, self.writer = reader, writer

    def ask(self, number: int, method: str, **params: object) -> None:
        """Send a request."""
        request = {"jsonrpc": "2.0", "id": number, "method": method, "params": {**params, "_meta": META}}
        self.writer.write(json.dumps(request).encode() + b"\n")

    async def read(self) -> dict[str, Any]:
        """The next answer."""
        async with asyncio.timeout(PATIENCE_S):
            found: dict[str, Any] = json.loads(await self._reader.readline())
            return found


@asynccontextmanager
async def talking(agent: Agent, **arguments: object) -> AsyncIterator[Talk]:
    """A client that is connected."""
    taken = await agent.call("mcp", arguments)
    assert isinstance(taken, Takeover)
    ours, theirs = socket.socketpair()
    streams = await asyncio.open_unix_connection(sock=ours, limit=CALL_BYTES_MAX)
    reader, writer = await asyncio.open_unix_connection(sock=theirs, limit=CALL_BYTES_MAX)

    async def serve() -> None:
        await taken.converse(*streams)
        streams[1].close()

    async with asyncio.TaskGroup() as group:
        group.create_task(serve())
        yield Talk(reader, writer)
        writer.close()


async def test_no_more_than_so_many_are_connected(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """One more is told so; when one goes there is room again."""
    monkeypatch.setattr(clients, "CLIENTS_MAX", 1)
    await homes.found(tmp_path, "mac")
    async with opened(tmp_path) as agent:
        async with talking(agent) as talk:
            talk.ask(1, "tools/list")
            assert len((await talk.read())["result"]["tools"]) == 10
            with pytest.raises(Busy):
                await agent.call("mcp", {})
        async with talking(agent) as talk:
            talk.ask(1, "tools/list")
            assert "result" in await talk.read()


async def test_a_relay_takes_no_client(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """It could neither read nor write for it."""
    await homes.found(tmp_path, "mac")
    async with opened(tmp_path) as agent:
        monkeypatch.setattr(Engine, "is_relay", property(lambda _: True))
        with pytest.raises(NotGranted):
            await agent.call("mcp", {})


async def test_one_client_asks_no_more_at_once_than_it_may(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """What is over the bound is refused at once, and what is under way is answered all the same."""
    monkeypatch.setattr(server, "CLIENT_REQUESTS_MAX", 2)
    waits = asyncio.Event()

    async def slow(*_: object) -> tools.Answer:
        await waits.wait()
        return tools.Answer("done")

    monkeypatch.setattr(tools, "answered", slow)
    await homes.found(tmp_path, "mac")
    async with opened(tmp_path) as agent, talking(agent) as talk:
        for number in (1, 2, 3):
            talk.ask(number, "tools/call", name="tasks")
        refused = await talk.read()
        assert (refused["id"], refused["error"]["code"]) == (3, -32000)
        waits.set()
        assert {(await talk.read())["id"] for _ in range(2)} == {1, 2}
        talk.ask(4, "tools/call", name="tasks")
        assert "result" in await talk.read()


async def test_a_tool_that_is_none_is_an_error_of_the_protocol(tmp_path: Path) -> None:
    """And a fault of ours ends neither the connection nor the agent."""
    await homes.found(tmp_path, "mac")
    async with opened(tmp_path) as agent, talking(agent) as talk:
        talk.ask(1, "tools/call", name="grant")
        assert (await talk.read())["error"]["code"] == -32602
        talk.ask(2, "tools/call", name="note", arguments={"text": 3})
        assert (await talk.read())["result"]["isError"] is True


async def test_what_is_said_by_a_client_that_goes_is_kept(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A client that ends in the middle of its call has written it, or not; never half."""
    await homes.found(tmp_path, "mac")
    async with opened(tmp_path) as agent:
        await agent.call("agents.add", {"name": "any-tool", "space": "home"})
        said, true = asyncio.Event(), Engine._submit  # noqa: SLF001 - where the client goes

        async def submit(self: Engine, run: Any) -> Any:  # noqa: ANN401 - passed on
            said.set()
            return await true(self, run)

        async with talking(agent) as talk:
            talk.ask(1, "tools/call", name="note", arguments={"text": "kept"})
            monkeypatch.setattr(Engine, "_submit", submit)
            async with asyncio.timeout(PATIENCE_S):
                await said.wait()
        await agent.engine.look(nothing)  # when it is this job's turn, those before it are kept
        listed = await agent.call("note.list", {})
        assert isinstance(listed, dict)
        assert [note["title"] for note in listed["notes"]] == ["kept"]


@pytest.mark.parametrize(
    "given",
    ['{"text":"\\ud800"}', '{"\\ud800":"x"}', '{"text":"x","path":"\\udfff/\\u202e.md"}', '{"text":"x","mode":[[[]]]}'],
)
async def test_half_characters_and_nonsense_end_nothing(given: str, tmp_path: Path) -> None:
    """Each request is answered, and the next one too."""
    await homes.found(tmp_path, "mac")
    async with opened(tmp_path) as agent, talking(agent) as talk:
        await agent.call("agents.add", {"name": "any-tool", "space": "home"})
        params = json.dumps({"name": "note", "arguments": {}, "_meta": META}).replace(
            '"arguments": {}', f'"arguments":{given}'
        )
        talk.writer.write(b'{"jsonrpc":"2.0","id":1,"method":"tools/call","params":' + params.encode() + b"}\n")
        found = await talk.read()
        assert "error" in found or found["result"]["isError"], found
        talk.ask(2, "tools/list")
        assert "result" in await talk.read()


async def test_where_clients_came_before_none_waits_for_the_sdk(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """An agent that never had one does not load it; after the first one each start does, before the next one comes."""
    loaded: list[str] = []
    true_type = clients._server_type  # noqa: SLF001 - what is counted

    def counted() -> type[server.McpServer]:
        loaded.append("again")
        return true_type()

    monkeypatch.setattr(clients, "_server_type", counted)
    monkeypatch.setattr(timing, "CLIENTS_READY_S", 0.0)
    await homes.found(tmp_path, "mac")
    for before, came in (([], False), ([], True), (["again"], False)):
        loaded.clear()
        async with opened(tmp_path) as agent, asyncio.TaskGroup() as group:
            part = group.create_task(agent.clients.run())
            async with asyncio.timeout(PATIENCE_S):
                while not agent.news:  # noqa: ASYNC110 - it is ready then
                    await asyncio.sleep(0)
            assert loaded == before
            if came:
                await agent.call("mcp", {})
                assert loaded == ["again"]
            part.cancel()
