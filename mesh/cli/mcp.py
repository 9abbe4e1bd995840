"""`mesh mcp` in the full command tree: what a client of MCP starts. The plain front knows it as well, and is faster."""

from __future__ import annotations

import typer

from mesh.cli import frequent
from mesh.cli.options import Command, examples, running


def add_to(app: typer.Typer) -> None:
    """Put this command into the tree."""
    app.command("mcp", cls=Command, epilog=examples("mesh mcp --as claude", "mesh mcp"))(mcp)


def mcp(context: typer.Context) -> None:
    """Speak MCP on standard input and output, for AI agents: their clients start this command.

    Starts the agent when none runs. The client acts as the agent named with --as, else as it calls itself, within
    the grants that `mesh agents add NAME` gave that name; never as you.
    """
    frequent.mcp(running(context))
