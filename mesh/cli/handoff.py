"""Hand-offs on the command line: leaving work, picking it up, saying no to it."""

from __future__ import annotations

from typing import Annotated

import typer

from mesh.cli import frequent, reading, view_work
from mesh.cli.options import Command, examples, running, tree
from mesh.cli.places import Project, where
from mesh.cli.prompts import confirm
from mesh.cli.screen import one_line
from mesh.cli.times import read_time

_Id = Annotated[str, typer.Argument(metavar="HANDOFF", help="Its id, the beginning of it, or its exact goal.")]
_Session = Annotated[str | None, typer.Option(metavar="ID", help="The session that it is done in.")]
_Texts = list[str] | None

handoffs = tree("Leave work for whoever comes next: another agent, another device, or a person.")


def add_to(app: typer.Typer) -> None:
    """Put these commands into the tree."""
    app.add_typer(handoffs, name="handoff")
    lines = examples(
        "mesh pickup", "mesh pickup home/handoff/k5q2", "mesh pickup home/handoff/k5q2 --yes", "mesh pickup --json"
    )
    app.command("pickup", cls=Command, epilog=lines)(pickup)


@handoffs.command(
    "new",
    cls=Command,
    epilog=examples(
        'mesh handoff new "Rotate the API keys" --verify "make check"',
        'mesh handoff new "Rotate the API keys" --remaining "Delete the old one"',
        'mesh handoff new "Choose a colour" --reason needs_human --to human',
    ),
)
def new(
    context: typer.Context,
    goal: Annotated[str, typer.Argument(metavar="GOAL", help="What is wanted, in a sentence.")],
    *,
    remaining: Annotated[
        _Texts, typer.Option(metavar="TEXT", help="What is to be done still, one step each; they become tasks.")
    ] = None,
    done: Annotated[_Texts, typer.Option(metavar="TEXT", help="What was done.")] = None,
    verify: Annotated[_Texts, typer.Option(metavar="COMMAND", help="What shows that it is done.")] = None,
    decision: Annotated[_Texts, typer.Option(metavar="TEXT", help="What was decided.")] = None,
    rejected: Annotated[_Texts, typer.Option(metavar="TEXT", help="What was tried and failed, and why.")] = None,
    assumption: Annotated[_Texts, typer.Option(metavar="TEXT", help="What was taken for true.")] = None,
    file: Annotated[_Texts, typer.Option(metavar="FILE", help="A file that it is about.")] = None,
    blocker: Annotated[_Texts, typer.Option(metavar="TEXT", help="What stops it.")] = None,
    words: Annotated[
        str | None, typer.Option("--context", metavar="TEXT|-", help="All else; - reads standard input.")
    ] = None,
    to: Annotated[str | None, typer.Option(metavar="WHO", help="anyone, human, an agent, or a device.")] = None,
    reason: Annotated[
        str | None,
        typer.Option(metavar="WHY", help="done_for_now, rate_limit, context_full, blocked, needs_human, scheduled."),
    ] = None,
    supersedes: Annotated[str | None, typer.Option(metavar="HANDOFF", help="The one that this stands for.")] = None,
    expires: Annotated[
        str | None, typer.Option(metavar="TIME", help='Until when it is to be picked up, as "in 3 days".')
    ] = None,
    project: Project = None,
    session: _Session = None,
    anyway: Annotated[bool, typer.Option("--anyway", help="Even if it leaves questions open.")] = False,
) -> None:
    """Leave work. What could not be worked with is sent back, with what to add; nobody can change it later."""
    run = running(context)
    lists = {
        "remaining": remaining, "done": done, "verify": verify, "decisions": decision, "rejected": rejected,
        "assumptions": assumption, "files": file, "blockers": blocker,
    }  # fmt: skip
    named = {
        "to": to, "reason": reason, "supersedes": supersedes, "session": session,
        "expires_ms": read_time(expires) if expires else None,
    }  # fmt: skip
    given = {key: value for key, value in {**lists, **named}.items() if value}
    text = reading.note_text(words, None) if words is not None else None
    arguments = {"goal": goal, **given, **({"context": text} if text else {}), **where(project)}
    result = run.ask("handoff.new", {**arguments, "anyway": True} if anyway else arguments)
    run.out.acknowledge(result, lambda screen: view_work.handed(screen, result))


@handoffs.command("list", cls=Command, epilog=examples("mesh handoff list", "mesh handoff list --all --json"))
def listed(
    context: typer.Context,
    *,
    every: Annotated[bool, typer.Option("--all", help="Also those that are over.")] = False,
    project: Project = None,
    limit: Annotated[int | None, typer.Option(metavar="N", help="At most so many; 20 unless given.")] = None,
) -> None:
    """List the hand-offs that wait, and who has which."""
    frequent.handoff_list(running(context), every=every, project=project, limit=limit)


@handoffs.command("show", cls=Command, epilog=examples("mesh handoff show home/handoff/k5q2"))
def show(context: typer.Context, handoff: _Id) -> None:
    """Show one hand-off, whole."""
    run = running(context)
    result = run.ask("handoff.show", {"id": handoff})
    run.out.result(result, lambda screen: view_work.handoff(screen, result))


@handoffs.command("decline", cls=Command, epilog=examples('mesh handoff decline home/handoff/k5q2 "not my project"'))
def decline(
    context: typer.Context,
    handoff: _Id,
    words: Annotated[str | None, typer.Argument(metavar="WORDS", help="Why.")] = None,
) -> None:
    """Say no to a hand-off, or give back one that you have. Others may pick it up."""
    _close(context, "handoff.decline", handoff, words)


@handoffs.command("done", cls=Command, epilog=examples("mesh handoff done home/handoff/k5q2"))
def done(
    context: typer.Context,
    handoff: _Id,
    words: Annotated[str | None, typer.Argument(metavar="WORDS", help="What came of it.")] = None,
) -> None:
    """Say that it is done; it is so by itself when the last of its tasks is."""
    _close(context, "handoff.done", handoff, words)


def _close(context: typer.Context, call: str, handoff: str, words: str | None) -> None:
    run = running(context)
    result = run.ask(call, {"id": handoff, **({"words": words} if words else {})})
    run.out.acknowledge(result, lambda screen: view_work.closed(screen, result))


def pickup(
    context: typer.Context,
    handoff: Annotated[
        str | None, typer.Argument(metavar="HANDOFF", help="Its id or the beginning of it; else the best that waits.")
    ] = None,
    *,
    project: Project = None,
    session: _Session = None,
    take: Annotated[bool, typer.Option("--take", help="Even from whoever has it; a person only.")] = False,
) -> None:
    """Take over a hand-off, so that nobody else does. Of an old one it asks whether it holds still."""
    run = running(context)
    named = {"id": handoff, "session": session}
    flags = {"yes": run.yes, "take": take}
    given = {**{key: value for key, value in named.items() if value}, **{key: True for key, on in flags.items() if on}}
    given |= where(project) | ({} if run.principal else {"ask": True})
    result = run.ask("pickup", given)
    if question := result.get("ask"):
        confirm(run, f"{one_line(question)}. Take it all the same?")
        result = run.ask("pickup", {**given, "id": result["document"], "yes": True})
    run.out.result(result, lambda screen: view_work.picked_up(screen, result))
