"""The agent of this process, and what is looked at before one starts; without the command tree."""

from __future__ import annotations

import os
import sys
import time
from collections.abc import Mapping

from mesh.cli import calls, local, prompts
from mesh.cli.run import Run, must_be_a_person
from mesh.cli.screen import one_line
from mesh.errors import Busy, Unreachable

PING_S = 5.0
FREED_S = 15.0  # for a home that single commands hold, one after the other, before an agent gives up
POLL_S = 0.02


def served(run: Run) -> None:
    """Be the agent until SIGTERM, Ctrl-C or `mesh down`. Raises MeshError."""
    must_be_a_person(run)
    from mesh.node.agent import run as serve
    from mesh.node.background.service_manager import notify

    at_home(run)
    told_ready: list[Mapping[str, object]] = []

    def ready(told: Mapping[str, object]) -> None:
        told_ready.append(told)
        result: dict[str, object] = {"agent": {"pid": os.getpid(), "device": told.get("device")}}
        run.out.item(result, lambda _: f"agent of {one_line(told.get('device'))} is running, pid {os.getpid()}")
        notify("READY=1")

    until = time.monotonic() + FREED_S
    while True:
        if pinged(run) is not None:
            message = "an agent is running in this home already"
            raise Busy(message, hint="`mesh status` shows it, `mesh down` ends it.")
        try:
            local.done(serve(run.home, run.interfaces, ready))
        except Busy:
            if told_ready or time.monotonic() >= until:
                raise
            time.sleep(POLL_S)  # a single command holds the home, for a moment
        else:
            return


def pinged(run: Run) -> dict[str, object] | None:
    """Which agent answers, if one runs."""
    connection = run.agent()
    if connection is None:
        return None
    with connection:
        try:
            return connection.call(*calls.agent(), answer_s=PING_S)
        except Busy:
            raise
        except Unreachable:
            return None  # it ended just now


def at_home(run: Run) -> None:
    """Before a device starts or joins: ask about a home from another machine. Raises Elsewhere if nobody answers."""
    from mesh.node.moving import machine, moving

    if not machine.elsewhere(run.home):
        return
    if run.out.json or not (sys.stdin and sys.stdin.isatty()):
        machine.must_be_here(run.home)
    run.out.warn(
        "This home comes from another machine. Has this device moved here (the old machine no longer runs it), "
        "or is this a second device?"
    )
    answer = prompts.answered("m = moved, s = second device, anything else = stop: ").lower()
    if answer in {"m", "moved"}:
        local.done(moving.moved(run.home))
    elif answer in {"s", "second", "second device"}:
        told, aside = moving.second_device(run.home)
        run.out.warn(f"the copy of {one_line(told['name'])} was set aside: {one_line(aside)}")
    else:
        machine.must_be_here(run.home)
