"""A contender's process: a server of the SDK with one tool that echoes, over standard input and output."""

from __future__ import annotations

from mcp.server.mcpserver import MCPServer

server = MCPServer("echo")


@server.tool()
def echo(text: str) -> str:
    """Answer with the same text."""
    return text


if __name__ == "__main__":
    server.run("stdio")
