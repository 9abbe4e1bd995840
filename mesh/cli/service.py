"""The agent as a service of systemd or launchd: installed, removed, looked at.

It asks the node for everything; the home itself stays as it is, and no secret is ever written into a unit.
"""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from mesh.cli import agent
from mesh.cli.options import Command, examples, running, tree
from mesh.cli.run import Run
from mesh.cli.screen import Screen, one_line
from mesh.errors import Misuse, Refused
from mesh.node.background.service import SYSTEM_HOME, Service
from mesh.node.paths import home_path

services = tree("Have the agent start at boot, and again after a crash.")
_System = Annotated[
    bool, typer.Option("--system", help=f"Under a user of its own, with its home in {SYSTEM_HOME}; needs root.")
]
Told = dict[str, object]


def add_to(app: typer.Typer) -> None:
    """Put these commands into the tree."""
    app.add_typer(services, name="service")


@services.command(
    "install", cls=Command, epilog=examples("mesh service install", "sudo mesh service install --system --json")
)
def install(context: typer.Context, *, system: _System = False) -> None:
    """Make the service of this home and start it. Again is fine, and takes over what --interface says now."""
    from mesh.node.background import service_manager as manager

    run, service = _asked(context, system=system)
    manager.must_be_managed(service)
    changed = manager.install(service, run.interfaces)
    joined = _joined(service.home)
    told = manager.condition(service)
    if joined and (changed or not told.running):
        agent.ended(run)  # one started by `mesh up` hands over to the service
        manager.start(service)
        agent.answering(run)
    result = _told(service)
    if not joined:
        run.out.notice(f"{service.home} is in no mesh yet, so nothing was started: {_join_hint(service)}")
    if service.kind == "systemd-user" and not result["lingering"]:
        run.out.notice(f"it starts when you log in, not at boot: have root run `loginctl enable-linger {service.user}`")
    run.out.acknowledge(result, lambda screen: _lines(screen, result))


@services.command("remove", cls=Command, epilog=examples("mesh service remove", "sudo mesh service remove --system"))
def remove(context: typer.Context, *, system: _System = False) -> None:
    """Stop the agent and take its service away; the home stays. Where there is none, that is fine."""
    from mesh.node.background import service_manager as manager

    run, service = _asked(context, system=system)
    there = service.installed
    if there:
        manager.remove(service)
    result = {**_told(service), "removed": there}
    word = f"removed {service.unit}; {service.home} stays" if there else "no service was installed"
    run.out.acknowledge(result, lambda _: [one_line(word)])


@services.command("status", cls=Command, epilog=examples("mesh service status", "mesh service status --json"))
def status(context: typer.Context, *, system: _System = False) -> None:
    """Show whether the service is installed, starts at boot, and runs."""
    run, service = _asked(context, system=system)
    result = _told(service)
    run.out.result(result, lambda screen: _lines(screen, result))


def _asked(context: typer.Context, *, system: bool) -> tuple[Run, Service]:
    from mesh.node.background.service import service_of

    run = running(context)
    if system:
        if run.home not in {SYSTEM_HOME, home_path(None)}:
            message = f"--system keeps its home in {SYSTEM_HOME}"
            raise Misuse(message, hint="Leave out --home.")
        run.home = SYSTEM_HOME
    return run, service_of(run.home, system=system)


def _joined(home: Path) -> bool:
    from mesh.cli.local import state_of

    try:
        return state_of(home) == "joined"
    except Refused:  # sealed, and the passphrase is known to the service only
        return True


def _told(service: Service) -> Told:
    from mesh.node.background import service_manager as manager
    from mesh.node.background.service import lingers

    found = manager.condition(service)
    return {
        "installed": service.installed,
        "enabled": found.enabled,
        "running": found.running,
        "pid": found.pid,
        "unit": str(service.path),
        "kind": service.kind,
        "lingering": lingers(service.user) if service.kind == "systemd-user" else None,
        "problem": found.problem,
        "hint": found.hint,
    }


def _join_hint(service: Service) -> str:
    if service.kind == "systemd-system":
        return f"`sudo -u {service.user} mesh --home {service.home} join --request`, then `install` again."
    return "`mesh join --new` or `mesh join --request`, then `mesh up`."


def _lines(screen: Screen, told: Told) -> list[str]:
    if not told["installed"]:
        state = screen.ink("not installed", "yellow")
    elif told["running"]:
        state = screen.ink("running", "green") + (f", pid {told['pid']}" if told["pid"] else "")
    else:
        state = screen.ink("not running", "red")
    boot = "yes" if told["enabled"] and told["lingering"] is not False else "at login" if told["enabled"] else "no"
    lines = screen.fields([("service", state), ("at boot", boot), ("unit", one_line(told["unit"]))])
    if told["problem"]:
        lines += screen.wrapped(one_line(told["problem"]), screen.ink("! ", "red"), "  ")
    if told["hint"]:
        lines += screen.wrapped(one_line(told["hint"]), screen.ink("  hint: ", "dim"), "        ")
    return lines
