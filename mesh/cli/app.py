"""The full command tree, with typer; imported only for what the plain front does not understand."""

from __future__ import annotations

from typing import Annotated

import click
import typer

import mesh
from mesh.cli import (
    agent,
    ask,
    backup,
    brief,
    closing,
    conflicts,
    consent,
    demo,
    doctor,
    drop,
    exporting,
    forks,
    grants,
    handoff,
    history,
    inspect,
    join,
    logs,
    mcp,
    moving,
    note,
    notify,
    pair,
    peer,
    projection,
    recover,
    remember,
    search,
    service,
    session,
    ship,
    task,
    upgrade,
    vault,
    void,
    why,
)
from mesh.cli.options import examples, running, tree
from mesh.errors import Misuse

app = tree(
    "The memory of your devices, on each of them: written offline, joined when they meet.",
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


# `mesh --help` lists them in this order.
_DAILY = (
    join,
    pair,
    note,
    vault,
    drop,
    search,
    brief,
    session,
    handoff,
    task,
    ship,
    remember,
    ask,
    history,
    conflicts,
    why,
    grants,
    closing,
    void,
    consent,
    peer,
)
_UPKEEP = (
    mcp, notify, projection, agent, service, doctor, upgrade, logs, inspect, forks, backup, exporting, moving, recover,
    demo,
)  # fmt: skip
for commands in (*_DAILY, *_UPKEEP):
    commands.add_to(app)


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
