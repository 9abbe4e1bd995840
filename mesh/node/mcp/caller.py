"""Who asks over MCP: a principal of its own, which acts within its grants and never as the person.

Everything that it does goes through the same calls as a command with `--as`. This module knows no protocol.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import TYPE_CHECKING

from mesh.limits import WORD_CHARACTERS_MAX

if TYPE_CHECKING:
    from mesh.node.agent import Agent
    from mesh.node.mcp.clients import Client

Told = dict[str, object]

UNNAMED = "mcp"
"""The principal of a client that does not say what it is."""

_NO_WORD = re.compile(r"[^a-z0-9]+")


def principal(said: str) -> str:
    """The principal of a client that calls itself so: its name as a word."""
    return _NO_WORD.sub("-", said.lower())[: WORD_CHARACTERS_MAX + 1].strip("-")[:WORD_CHARACTERS_MAX] or UNNAMED


@dataclass(frozen=True, slots=True)
class Caller:
    """Who asks: a client, and the principal that it is in this request."""

    client: Client
    name: str

    @property
    def agent(self) -> Agent:
        """The agent that it asks."""
        return self.client.agent

    @property
    def cwd(self) -> str:
        """The folder in which the client was started; empty where it is not known."""
        return self.client.cwd

    async def call(self, name: str, **arguments: object) -> Told:
        """Ask as this principal; what is None is left out. Raises MeshError."""
        given = {key: value for key, value in arguments.items() if value is not None}
        found = await self.agent.call(name, {**given, "as": self.name})
        assert isinstance(found, dict), f"{name} streams, or answers with {type(found).__name__}"
        return found

    def where(self, project: object) -> Told:
        """The project that is meant: the one that is named, else that of the folder."""
        if project is not None:
            return {"project": project}
        return {"cwd": self.cwd} if self.cwd else {}
