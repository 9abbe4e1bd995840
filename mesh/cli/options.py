"""What all commands share in the full command tree: the options of every command, examples in --help, and their Run.

The options may stand before or after the command; --home given twice counts where it stands last.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import click
import typer
from rich.markup import escape
from typer.core import TyperCommand, TyperGroup, TyperOption

from mesh.cli.run import Options, Run, must_be_a_person

_KEPT = "mesh.options"
FOR_AGENTS = frozenset(
    {
        *("note", "history", "undo", "restore", "conflicts", "status", "devices", "grants", "agents", "why", "log"),
        *("trace", "void", "logs", "up", "doctor", "brief", "session", "handoff", "pickup", "task"),
        *("ship", "shipped", "receipt", "remember", "recall", "memory", "ask"),
        "mcp",
        "drop",
    }
)
"""The commands that an agent may give at all; what of them it may do, its grants say."""
_PANEL = "Options of every command"


class Command(TyperCommand):
    """A command with the options of every command."""

    def __init__(self, *args: Any, **values: Any) -> None:  # noqa: ANN401 - passed on to typer as it came
        super().__init__(*args, **values)
        self.params.extend(_common())


class Group(TyperGroup):
    """A group of commands; it takes the options of every command too."""

    def __init__(self, *args: Any, **values: Any) -> None:  # noqa: ANN401 - passed on to typer as it came
        super().__init__(*args, **values)
        self.params.extend(_common())


def tree(help_text: str, **values: Any) -> typer.Typer:  # noqa: ANN401 - passed on to typer as it came
    """A typer app or sub-app of our kind."""
    values.setdefault("cls", Group)
    return typer.Typer(help=help_text, add_completion=False, rich_markup_mode="rich", **values)


def running(context: typer.Context) -> Run:
    """The Run of this command line: the options before and after the command. Raises NotGranted for agents."""
    run = Run(_options(context))
    words = context.command_path.split()
    if len(words) > 1 and words[1] not in FOR_AGENTS:
        must_be_a_person(run)
    return run


def examples(*lines: str) -> str:
    """What stands below the options in --help: commands that work as they are."""
    # An empty line between them is how typer is told to break the line.
    return "\n\n".join(["[bold]Examples[/bold]", *(f"[dim]$[/dim] {escape(line)}" for line in lines)])


def _options(context: click.Context) -> Options:
    held = context.find_root().meta.setdefault(_KEPT, Options())
    assert isinstance(held, Options), "the context keeps our options"
    return held


def _common() -> list[click.Parameter]:
    return [
        _option("--json", "Print one JSON object on standard output.", is_flag=True),
        _option("--home", "Where this device keeps its mesh.", metavar="DIR", envvar_shown="MESH_HOME"),
        _option("--yes", "Answer yes to what the command asks.", is_flag=True),
        _option(
            "--interface",
            "Listen and announce on this address only; may be repeated.",
            metavar="ADDRESS",
            multiple=True,
            envvar_shown="MESH_INTERFACES, comma separated",
        ),
        _option("--quiet", "Print only results and errors.", is_flag=True),
        _option("--as", "Act as this agent, within its grants.", metavar="AGENT", envvar_shown="MESH_AGENT"),
    ]


def _option(name: str, text: str, *, envvar_shown: str = "", **values: Any) -> TyperOption:  # noqa: ANN401 - as above
    # The variables are read by Run, the same way on both ways into a command; here they are only named.
    named = f"{text} [dim](also {envvar_shown})[/dim]" if envvar_shown else text
    plain: dict[str, Any] = {"default": False} if values.get("is_flag") else {}
    return TyperOption(
        param_decls=[name, f"common_{name[2:]}"],
        help=named,
        expose_value=False,
        callback=_remember,
        rich_help_panel=_PANEL,
        **plain,
        **values,
    )


def _remember(context: click.Context, parameter: click.Parameter, value: object) -> None:
    held = _options(context)
    name = (parameter.name or "").removeprefix("common_")
    if name == "interface":
        held.interfaces += [str(each) for each in value] if isinstance(value, Sequence) else []
    elif name == "home":
        held.home = str(value) if value else held.home
    elif name == "as":
        held.principal = str(value) if value is not None else held.principal
    elif value:
        setattr(held, name, True)
