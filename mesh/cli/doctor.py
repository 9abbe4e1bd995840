"""The doctor: what is wrong on this device, and what to do; with --fix it is done, and looked at again.

What could be missed by somebody is asked first. It never changes what is remembered.
"""

from __future__ import annotations

from typing import Annotated

import typer

from mesh.cli import agent
from mesh.cli.options import Command, examples, running
from mesh.cli.prompts import confirm
from mesh.cli.run import Run
from mesh.cli.screen import Screen, one_line
from mesh.errors import MeshError
from mesh.node.health.diagnosis import Examined, Look, agentless

_SIGNS = {True: ("✓", "green"), False: ("✗", "red"), None: ("?", "yellow")}
_QUESTIONS = {
    "restart": "End the agent and start it again?",
    "service": "Start the service again?",
    "lingering": "Have your services start at boot, without a login?",
}
_Fix = Annotated[bool, typer.Option("--fix", help="Mend what can be mended; asks before what is not plainly safe.")]


def add_to(app: typer.Typer) -> None:
    """Put this command into the tree."""
    lines = examples("mesh doctor", "mesh doctor --json", "mesh doctor --fix --yes")
    app.command("doctor", cls=Command, epilog=lines)(doctor)


def doctor(context: typer.Context, *, fix: _Fix = False) -> None:
    """Look for what is wrong on this device, and say what to do. Works without an agent, and without a mesh."""
    from mesh.node.health.diagnosis import exit_code
    from mesh.node.health.health import examined, looked

    run = running(context)
    look = looked(run.home, run.interfaces)
    found = examined(look)
    fixed = _fixed(run, look, found) if fix else []
    if fixed:
        found = examined(looked(run.home, run.interfaces))
    code = exit_code(found)
    result: dict[str, object] = {"ok": code == 0, "checks": [one.told() for one in found], "fixed": fixed}
    run.out.result(result, lambda screen: _lines(screen, found))
    if code:
        raise typer.Exit(code)


def _fixed(run: Run, look: Look, found: list[Examined]) -> list[str]:
    """Mend in the order of the checks, each thing once; what was done. What cannot be mended is told and left."""
    from mesh.node.health.mending import SAFE

    done: list[str] = []
    tried = set()
    for one in found:
        mend = one.diagnosis.mend
        if not mend or mend in tried or one.diagnosis.ok:
            continue
        tried.add(mend)
        try:
            if mend not in SAFE:
                confirm(run, f"{one.name}: {one.diagnosis.detail}. {_QUESTIONS[mend]}")
            said = _mended(run, look, mend)
        except MeshError as error:
            run.out.warn(f"{one.name}: {error}. {error.hint}")
            continue
        run.out.notice(f"{one.name}: {said}")
        done.append(said)
    return done


def _mended(run: Run, look: Look, mend: str) -> str:
    from mesh.node.health.mending import MENDS

    if mend == "restart":
        agent.ended(run)
    if mend in {"agent", "restart"}:
        told, _ = agent.begun(run)
        return f"the agent runs, pid {told['pid']}"
    return MENDS[mend](look)  # type: ignore[index]  # the names are those of the table


def _lines(screen: Screen, found: list[Examined]) -> list[str]:
    width = max(len(one.name) for one in found)
    lines = []
    untold = [one.name for one in found if one.diagnosis == agentless()]
    for one in (one for one in found if one.name not in untold):
        sign, style = _SIGNS[one.diagnosis.ok]
        head = f"{screen.ink(sign, style)} {one.name.ljust(width)}  "
        later = " " * (width + 4)
        # What belongs to a wrong diagnosis is shown whole, on lines of its own.
        lines += screen.wrapped(one_line(one.diagnosis.detail), head, later)
        if one.diagnosis.fix and not one.diagnosis.ok:
            lines += screen.wrapped(one_line(one.diagnosis.fix), later + screen.ink("do: ", "dim"), later + "    ")
    if untold:
        head = f"{screen.ink(_SIGNS[None][0], _SIGNS[None][1])} "
        lines += screen.wrapped(f"without an agent this cannot be told: {', '.join(untold)}", head, "  ")
    wrong = sum(one.diagnosis.ok is False for one in found)
    mendable = sum(bool(one.diagnosis.mend) and one.diagnosis.ok is False for one in found)
    if not wrong:
        return [*lines, "", screen.ink("nothing is wrong here", "green")]
    last = f"{wrong} wrong" + (f", {mendable} of it can be mended by `mesh doctor --fix`" if mendable else "")
    return [*lines, "", screen.ink(last, "red")]
