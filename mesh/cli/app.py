"""The full command tree, with typer; imported only for what the plain front does not understand.

A command's module is imported when the command is given, and all of them only to list them.
"""

from __future__ import annotations

from collections.abc import Mapping
from functools import cache
from importlib import import_module
from typing import Annotated

import click
import typer

import mesh
from mesh.cli.options import Group, examples, running, tree
from mesh.errors import Misuse

PLACES = {
    "join": "join", "admit": "join", "invite": "pair", "search": "search", "brief": "brief", "pickup": "handoff",
    "ship": "ship", "shipped": "ship", "remember": "remember", "recall": "remember", "answer": "ask",
    "history": "history", "undo": "history", "why": "why", "trace": "why",
    "grant": "grants", "ungrant": "grants", "grants": "grants",
    "lost": "closing", "remove": "closing", "rank": "closing", "rotate": "closing", "forget": "void",
    "passphrase": "consent", "approve": "consent",
    "mcp": "mcp", "up": "agent", "down": "agent", "agent": "agent", "doctor": "doctor",
    "upgrade": "upgrade", "uninstall": "upgrade", "logs": "logs",
    "status": "inspect", "inspect": "inspect", "devices": "inspect", "log": "inspect", "verify": "inspect",
    "rebuild": "inspect", "bench": "inspect",
    "backup": "backup", "restore": "backup", "export": "exporting", "import": "exporting",
    "moved": "moving", "leave": "moving", "recover": "recover", "demo": "demo",
    # groups of commands
    "note": "note", "vault": "vault", "drop": "drop", "session": "session", "handoff": "handoff", "task": "task",
    "receipt": "ship", "memory": "remember", "ask": "ask", "conflicts": "conflicts", "agents": "grants",
    "void": "void", "peer": "peer", "phone": "phone",
    "notify": "notify", "projection": "projection", "service": "service", "forks": "forks",
}  # fmt: skip
"""Which module has a command, in the order in which `mesh --help` lists them."""


class Root(Group):
    """All commands, each of which comes into the tree when it is given."""

    @property
    def commands(self) -> dict[str, click.Command]:
        """All of them, for whoever lists them."""
        return {name: _commands_in(place)[name] for name, place in PLACES.items()}

    @commands.setter
    def commands(self, given: Mapping[str, click.Command]) -> None:
        assert not given, "each one has its line in the table"

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        """The command of this name, without the others."""
        del ctx
        return _commands_in(PLACES[cmd_name])[cmd_name] if cmd_name in PLACES else None


@cache
def _commands_in(place: str) -> Mapping[str, click.Command]:
    part = tree("")
    import_module(f"mesh.cli.{place}").add_to(part)
    return typer.main.get_group(part).commands


app = tree(
    "The memory of your devices, on each of them: written offline, joined when they meet.",
    cls=Root,
    invoke_without_command=True,
    epilog=examples("mesh join", 'mesh note add "buy seeds"', "mesh status", "mesh note add --help"),
)


@app.callback()
def start(
    context: typer.Context,
    *,
    version: Annotated[bool, typer.Option("--version", help="Print the version, and nothing else.")] = False,
) -> None:
    """Begin with what stands before the command."""
    if version:
        told: dict[str, object] = {"version": mesh.__version__}
        running(context).out.result(told, lambda _: [f"mesh {mesh.__version__}"])
        raise typer.Exit
    if context.invoked_subcommand is None:
        if running(context).out.json:
            message = "no command was given"
            raise Misuse(message, hint="`mesh --help` lists the commands.")
        typer.echo(context.get_help())
        raise typer.Exit


def run(argv: list[str]) -> int:
    """Do what a command line says; the exit code. Raises MeshError, and KeyboardInterrupt for Ctrl-C."""
    command = typer.main.get_command(app)
    try:
        code = command.main(args=argv, prog_name="mesh", standalone_mode=False)
    except click.Abort as error:
        raise KeyboardInterrupt from error
    except click.ClickException as error:
        raise _misuse(error) from error
    if code == 128 + 2:  # how typer tells of Ctrl-C
        raise KeyboardInterrupt
    return code if isinstance(code, int) else 0


def _misuse(error: click.ClickException) -> Misuse:
    context = getattr(error, "ctx", None)
    place = context.command_path if context is not None else "mesh"
    message = " ".join(error.format_message().split())
    return Misuse(message[:1].lower() + message[1:], hint=f"`{place} --help` shows what it takes.")
