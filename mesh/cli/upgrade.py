"""A newer version of mesh in place of this one, and taking mesh off this machine; the agent follows, the homes stay.

What was remembered is never touched. The agent is started again by the new code, in a process of its own.
"""

from __future__ import annotations

import json
import shutil
import subprocess
import sys
from typing import Annotated

import typer

from mesh.cli import agent, serving
from mesh.cli.options import Command, examples, running
from mesh.cli.prompts import confirm
from mesh.cli.run import Run
from mesh.cli.screen import Screen, counted, one_line
from mesh.errors import Unreachable
from mesh.node.paths import home_path

RESTARTED_S = 180.0  # an end, a start, and whatever the new version does to the database
_Check = Annotated[bool, typer.Option("--check", help="Only say what would happen.")]
Told = dict[str, object]


def add_to(app: typer.Typer) -> None:
    """Put these commands into the tree."""
    app.command("upgrade", cls=Command, epilog=examples("mesh upgrade --check", "mesh upgrade --json"))(upgrade)
    app.command(
        "uninstall",
        cls=Command,
        epilog=examples("mesh uninstall", "mesh uninstall --purge", "mesh uninstall --yes --json"),
    )(uninstall)


def upgrade(context: typer.Context, *, check: _Check = False) -> None:
    """Take the newer version of mesh, and start a running agent or service again with it."""
    from mesh.node.background import upgrade as upgrades

    run = running(context)
    found = upgrades.installation()
    before = found.version()
    commits = upgrades.waiting(found)
    ping = serving.pinged(run)
    result: Told = {"before": before, "after": before, "restarted": False, "kind": found.kind}
    if check:
        told = {**result, "waiting": commits, "would_restart": ping is not None and commits != 0}
        run.out.result(told, lambda screen: _would(screen, told))
        return
    if commits != 0:
        upgrades.take(found)
    elif found.kind == "checkout":
        upgrades.set_up(found.root)  # a set-up that was cut off is made whole
    result["after"] = found.version()
    if ping is not None and (result["after"] != before or ping.get("version") != _version_on_disk()):
        _restart(run, ping, f"To go back: {upgrades.way_back(found, before)}.")
        result["restarted"] = True
    run.out.acknowledge(result, lambda screen: _upgraded(screen, result))


def uninstall(
    context: typer.Context,
    *,
    purge: Annotated[bool, typer.Option("--purge", help="This home too, as `mesh leave` does.")] = False,
    force: Annotated[
        bool, typer.Option("--force", help="With --purge: even if something may be on this device only.")
    ] = False,
) -> None:
    """Take mesh off this machine: agent, services, environment. What you wrote stays, here and on other devices."""
    from mesh.cli import installing, moving
    from mesh.node.background import service_manager as manager
    from mesh.node.background.service import homes_served, installed_for
    from mesh.node.background.upgrade import own_environment
    from mesh.node.moving import leaving

    run = running(context)
    ours = {run.home, *homes_served()}  # each of them runs what is taken away
    services = [service for home in sorted(ours) if (service := installed_for(home)) is not None]
    environment = own_environment()
    what = ["the agent", *(f"the service {service.unit}" for service in services)]
    what += [f"the environment {environment}"] if environment else []
    if purge and leaving.has_keys(run.home):
        moving.may_leave(run, f"End and remove {', '.join(what)}, and forget {run.home}?", force=force)
    else:
        confirm(run, f"End and remove {', '.join(what)}? What you wrote stays.")
    pid, _ = agent.ended(run)
    installing.put_all_back(run)
    for service in services:
        manager.remove(service)
    if purge and leaving.something_is_left(run.home):
        leaving.leave(run.home)
    homes = sorted(home for home in ours | {home_path(None)} if home.is_dir())
    result: Told = {
        "agent": {"pid": pid, "running": False},
        "services": [str(service.path) for service in services],
        "environment": str(environment) if environment else None,
        "homes": [str(home) for home in homes],
    }
    if environment is not None:
        shutil.rmtree(environment)  # mesh itself lies in the checkout: what is still to be said can be said
    run.out.result(result, lambda screen: _uninstalled(screen, result))


def _restart(run: Run, ping: Told, way_back: str) -> None:
    """End the agent and start it with the code that is on disk now, where it listened before."""
    agent.ended(run)
    listened = ping.get("interfaces")
    named = [str(one) for one in listened] if isinstance(listened, list) else list(run.interfaces)
    words = ["--home", str(run.home), *(word for address in named for word in ("--interface", address))]
    try:
        asked = subprocess.run(  # noqa: S603 - ourselves
            [*_front(), "--json", "--quiet", *words, *_starting(run)],
            check=False,
            capture_output=True,
            text=True,
            errors="replace",
            stdin=subprocess.DEVNULL,
            cwd="/",
            timeout=RESTARTED_S,
        )
    except subprocess.TimeoutExpired as error:
        message = f"the agent of the new version has not started within {RESTARTED_S:.0f} s"
        raise Unreachable(message, hint=f"`mesh logs` tells more. {way_back}") from error
    if asked.returncode != 0:
        raise Unreachable(f"the agent of the new version did not start: {_said(asked)}", hint=way_back)


def _starting(run: Run) -> list[str]:
    """The command that starts the agent again; for a service the one that also renews its unit."""
    from mesh.node.background import service_manager as manager
    from mesh.node.background.service import installed_for

    service = installed_for(run.home)
    if service is None or not manager.manager_answers(service):
        return ["up"]
    return ["service", "install", *(["--system"] if service.kind == "systemd-system" else [])]


def _said(asked: subprocess.CompletedProcess[str]) -> str:
    try:
        return one_line(json.loads(asked.stdout)["error"]["message"])
    except (ValueError, KeyError, TypeError):
        lines = asked.stderr.strip().splitlines()
        return one_line(lines[-1]) if lines else f"it ended with {asked.returncode}"


def _version_on_disk() -> str:
    """The version that a new process has; empty when it does not even start."""
    asked = subprocess.run(  # noqa: S603 - ourselves
        [*_front(), "--version"], check=False, capture_output=True, text=True, stdin=subprocess.DEVNULL, cwd="/"
    )
    return asked.stdout.strip().removeprefix("mesh ")


def _front() -> list[str]:
    return [sys.executable, "-I", "-X", "utf8", "-m", "mesh.cli.front"]


def _would(screen: Screen, told: Told) -> list[str]:
    if told["waiting"] == 0:
        return [f"{told['before']} is the newest version"]
    what = counted(told["waiting"], "commit") + " would be taken" if told["waiting"] else "the installer would be asked"
    more = "; the agent would be started again" if told["would_restart"] else ""
    return [f"{told['before']}: {screen.ink(what, 'yellow')}{more}"]


def _upgraded(screen: Screen, told: Told) -> list[str]:
    same = told["before"] == told["after"]
    word = f"{told['before']} is the newest version" if same else f"{told['before']} → {told['after']}"
    return [screen.ink(word, "green") + ("; the agent was started again" if told["restarted"] else "")]


def _uninstalled(screen: Screen, told: Told) -> list[str]:
    services = told["services"]
    gone = [*services] if isinstance(services, list) else []
    gone += [told["environment"]] if told["environment"] else []
    lines = [screen.ink("removed  ", "dim") + one_line(path) for path in gone] or [
        "nothing was installed to be removed"
    ]
    homes = told["homes"]
    lines += [screen.ink("stays    ", "dim") + one_line(home) for home in homes] if isinstance(homes, list) else []
    return [*lines, "Other devices keep everything. A home is a folder: delete it yourself when you are sure."]
