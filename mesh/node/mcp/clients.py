"""The clients of MCP that are connected: each over a connection of the local socket that the call `mcp` took over.

The SDK is loaded in a thread, so that the agent goes on with its work: soon after the start where clients came before,
so that none waits for it, else when the first one comes, so that nobody pays for it who has none. Who subscribed to a
resource is told that it changed, not more often than CLIENT_NEWS_S. This module knows no message.
"""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from mesh.errors import Busy, NotGranted
from mesh.limits import CLIENTS_MAX
from mesh.node import agents, timing
from mesh.node.arguments import Arguments, text
from mesh.node.mcp import sessions
from mesh.node.mcp.resources import CONFLICTS, CONTINUITY
from mesh.node.socket_server import Takeover

if TYPE_CHECKING:
    from mesh.node.agent import Agent
    from mesh.node.mcp.server import McpServer


CAME = "mcp/came"
"""The setting that says that a client came once: then others will."""


@dataclass(eq=False, slots=True)
class Client:
    """One connection: the principal it was started as (empty: as the client calls itself) and the folder it works in.

    `sessions`: the session that it speaks for, by principal; `begun`: the principal of those that began with it.
    `subscribed`: how it is told that a resource changed, in the form of the older handshakes.
    """

    agent: Agent
    name: str
    cwd: str
    under_way: int = 0
    sessions: dict[str, str] = field(default_factory=dict)
    begun: dict[str, str] = field(default_factory=dict)
    subscribed: dict[str, Callable[[str], Awaitable[None]]] = field(default_factory=dict)


class Clients:
    """All clients of one agent."""

    def __init__(self, agent: Agent) -> None:
        """Before the first one."""
        self._agent = agent
        self._server: McpServer | None = None
        self._loading = asyncio.Lock()
        self._clients: set[Client] = set()

    def add(self, client: Client) -> None:
        """One more is connected."""
        self._clients.add(client)

    def spoken_for(self, *, but: Client) -> frozenset[str]:
        """The sessions that other clients speak for."""
        return frozenset(
            session for client in self._clients if client is not but for session in client.sessions.values()
        )

    async def take(self, arguments: Arguments) -> Takeover:
        """Let one more in; its connection is MCP's from then on. Raises NotGranted, Busy, Misuse."""
        if self._agent.engine.is_relay:
            message = "this device is a relay: it holds what it cannot read, and writes nothing"
            raise NotGranted(message, hint="Connect the agent on one of your other devices.")
        if len(self._clients) >= CLIENTS_MAX:
            raise Busy(f"{CLIENTS_MAX} agents are connected already", hint="End one of them, then try again.")
        client = Client(self._agent, agents.name_in(arguments), text(arguments, "cwd") or "")
        server = await self._loaded()
        if CAME not in self._agent.settings:
            self._agent.settings = {**self._agent.settings, CAME: b"1"}
            await self._agent.engine.remember(CAME, b"1")

        async def converse(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
            self.add(client)
            try:
                await server.serve(client, reader, writer)
                await sessions.end(client)  # not when the agent itself ends: then nothing more is said
            finally:
                self._clients.discard(client)

        return Takeover({"server": "mcp"}, converse)

    async def _loaded(self) -> McpServer:
        async with self._loading:
            if self._server is None:
                self._server = (await asyncio.to_thread(_server_type))()
            return self._server

    # ── news ─────────────────────────────────────────────────────────────────────────────────────

    async def run(self) -> None:
        """Be ready for clients where some came before, and tell of news, until cancelled."""
        if CAME in self._agent.settings:
            await asyncio.sleep(timing.CLIENTS_READY_S)
            await self._loaded()
        news = asyncio.Event()
        self._agent.news.append(news)
        try:
            await self._watch(news)
        finally:
            self._agent.news.remove(news)

    async def _watch(self, news: asyncio.Event) -> None:
        while True:
            await news.wait()
            news.clear()
            for uri in (CONTINUITY, CONFLICTS):
                await self._tell(uri)
            await asyncio.sleep(timing.CLIENT_NEWS_S)

    async def _tell(self, uri: str) -> None:
        if self._server is not None:
            await self._server.changed(uri)
        for client in list(self._clients):
            tell = client.subscribed.get(uri)
            if tell is not None:
                with contextlib.suppress(TimeoutError, ConnectionError):  # it reads nothing: it will look itself
                    async with asyncio.timeout(timing.CLIENT_TOLD_S_MAX):
                        await tell(uri)


def _server_type() -> type[McpServer]:
    from mesh.node.mcp.server import McpServer  # noqa: PLC0415 - nobody waits for it who needs it not

    return McpServer


async def mcp(agent: Agent, arguments: Arguments) -> Takeover:
    """Turn this connection into one of MCP."""
    return await agent.clients.take(arguments)
