"""A home that woke up on another machine, and a device that leaves its mesh: `moved` and `leave`.

What a copy is, and whether a device goes, is the person's to say; nothing here is guessed.
"""

from __future__ import annotations

import time
from contextlib import suppress
from typing import Annotated

import typer

from mesh.cli import agent, calls, local, prompts, serving
from mesh.cli.options import Command, examples, running
from mesh.cli.run import Run
from mesh.cli.screen import counted, one_line
from mesh.errors import MeshError, Misuse, Refused

Told = dict[str, object]
TOLD_S = 10.0  # for another device to hear that this one leaves
POLL_S = 0.1


def add_to(app: typer.Typer) -> None:
    """Put these commands into the tree."""
    app.command("moved", cls=Command, epilog=examples("mesh moved", "mesh moved --second-device"))(moved)
    app.command("leave", cls=Command, epilog=examples("mesh leave", "mesh leave --yes --force"))(leave)


def moved(
    context: typer.Context,
    *,
    second_device: Annotated[
        bool, typer.Option("--second-device", help="No: this copy is to be a device of its own.")
    ] = False,
) -> None:
    """Say that this device lives on this machine from now on, and that the old machine no longer runs it."""
    from mesh.node.moving import machine, moving

    run = running(context)
    if not second_device:
        result: Told = {**local.done(moving.moved(run.home)), "second_device": False, "set_aside": None}
        run.out.acknowledge(result, lambda screen: [f"{screen.ink('moved', 'green')}  {one_line(result['name'])}"])
        run.out.notice("Next: `mesh up`. Do not start this device on the old machine again.")
        return
    if not machine.elsewhere(run.home):
        message = "this home was not copied from another machine"
        raise Misuse(message, hint="A second device on one machine lives in another home: --home DIR.")
    told, aside = moving.second_device(run.home)
    result = {**told, "second_device": True, "set_aside": str(aside)}
    run.out.acknowledge(result, lambda _: [f"the copy of {one_line(told['name'])} was set aside: {one_line(aside)}"])
    run.out.notice(
        "Next: `mesh join` with a code from `mesh invite`. Delete what was set aside once all is well: "
        "it holds the keys of the other device."
    )


def leave(
    context: typer.Context,
    *,
    force: Annotated[bool, typer.Option("--force", help="Even if something may be on this device only.")] = False,
) -> None:
    """Let this device forget its mesh: its keys and its database here go, what it wrote stays with the others."""
    from mesh.cli import installing
    from mesh.node.background.service import installed_for
    from mesh.node.moving import leaving

    run = running(context)
    if not leaving.something_is_left(run.home):
        message = "this device belongs to no mesh"
        raise Misuse(message, hint="There is nothing to leave.")
    device = leaving.who(run.home)
    may_leave(run, f"Leave the mesh with {one_line(device['name']) or 'this device'}?", force=force)
    agent.ended(run)
    installing.put_all_back(run)
    left = leaving.leave(run.home)
    if installed_for(run.home) is not None:
        run.out.notice("Its service is still installed: `mesh service remove` takes it away.")
    result: Told = {"left": True, **device, "stays": list(left)}
    stays = f"; not made by mesh, so it stays: {', '.join(map(one_line, left))}" if left else ""
    run.out.acknowledge(result, lambda screen: [f"{screen.ink('left', 'green')}{stays}"])


def may_leave(run: Run, question: str, *, force: bool) -> None:
    """Ask whether this device is to go. Raises Refused without a yes, or when something may be on no other device."""
    from mesh.node.moving import leaving

    if not leaving.has_keys(run.home):
        return  # it has gone already, but for what is to be removed
    device = leaving.who(run.home)
    only_asked = device["mesh"] is None and device["name"] is not None
    sure = force or only_asked
    if not sure:
        _must_be_elsewhere(run)
    for line in (
        "What this device wrote stays on the other devices. They go on listing it until an admin closes it, with",
        "`mesh remove` there. Its keys and its database go from here: it cannot come back as itself.",
    ):
        run.out.notice(line)
    prompts.confirm(run, question)
    if not only_asked:
        _tell(run)
    if not sure:
        _must_be_elsewhere(run)  # once more: the answer may have taken a while


def _tell(run: Run) -> None:
    """Have the other devices know that this one leaves, where any of them is in reach."""
    with suppress(MeshError):
        if serving.pinged(run) is None or not _lacking(run):
            return  # nobody is in reach
        run.ask("leaving", {})
        until = time.monotonic() + TOLD_S
        while 0 not in _lacking(run) and time.monotonic() < until:
            time.sleep(POLL_S)
        run.out.notice("An admin device shows in `mesh status` that this one has left.")


def _lacking(run: Run) -> list[int]:
    """How many events each other device lacks of what is here, as far as that is known. Raises MeshError."""
    peers = run.ask(*calls.status()).get("peers")
    lacking = [peer.get("they_lack") for peer in peers] if isinstance(peers, list) else []
    return [count for count in lacking if isinstance(count, int)]


def _must_be_elsewhere(run: Run) -> None:
    """Raises Refused unless some other device holds all that is here, as far as it is known."""
    known: list[int] = []
    with suppress(MeshError):
        known = _lacking(run)
    if 0 in known:
        return
    force = "`mesh leave --force` leaves all the same."
    if known:
        message = f"{counted(min(known), 'event')} of this device may be on no other one"
        raise Refused(message, hint=f"Wait until `mesh status` shows a peer that lacks nothing. {force}")
    message = "it is not known whether any other device holds what is on this one"
    raise Refused(message, hint=f"Start the agent with `mesh up` and let it meet another device. {force}")
