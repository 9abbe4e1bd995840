"""The commands about desktop notifications of the agent: on, off, and how they are."""

from __future__ import annotations

from collections.abc import Mapping

import typer

from mesh.cli.options import Command, examples, running, tree
from mesh.cli.screen import Screen, moment, one_line

notify = tree("Desktop notifications: a question waits, a conflict, a device silent for days.")


def add_to(app: typer.Typer) -> None:
    """Put these commands into the tree."""
    app.add_typer(notify, name="notify")


@notify.command("on", cls=Command, epilog=examples("mesh notify on"))
def on(context: typer.Context) -> None:
    """Show a notification when a question waits, something is in conflict, or a device was silent for days."""
    _switched(context, wanted=True)


@notify.command("off", cls=Command, epilog=examples("mesh notify off"))
def off(context: typer.Context) -> None:
    """Show no more."""
    _switched(context, wanted=False)


@notify.command("status", cls=Command, epilog=examples("mesh notify status"))
def status(context: typer.Context) -> None:
    """Whether they are on, what shows them here, and what went wrong last."""
    run = running(context)
    result = run.ask("notify.status", {})
    run.out.result(result, lambda screen: _lines(screen, result))


def _switched(context: typer.Context, *, wanted: bool) -> None:
    run = running(context)
    result = run.ask("notify.set", {"on": wanted})
    run.out.acknowledge(result, lambda screen: _lines(screen, result))


def _lines(screen: Screen, told: Mapping[str, object]) -> list[str]:
    by = one_line(told.get("by"))
    where = "written to the log: no program here shows them" if by == "log" else f"shown by {by}"
    out = screen.fields([
        ("notifications", screen.ink("on", "green") if told.get("on") else "off"),
        ("they are", where if told.get("on") else ""),
        ("the last", moment(told.get("last_ms"))),
    ])  # fmt: skip
    return (
        out + screen.wrapped(one_line(told["problem"]), screen.ink("! ", "red"), "  ") if told.get("problem") else out
    )
