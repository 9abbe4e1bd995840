"""Tasks on the command line: what is to be done, who is at it, and what is done."""

from __future__ import annotations

from typing import Annotated

import typer

from mesh.cli import frequent, reading, view_work
from mesh.cli.options import Command, examples, running, tree
from mesh.cli.places import Project, where
from mesh.cli.times import read_time
from mesh.errors import Misuse

_Id = Annotated[str, typer.Argument(metavar="TASK", help="Its id, the beginning of it, or its exact title.")]
_Text = Annotated[str | None, typer.Option(metavar="TEXT|-", help="More about it; - reads standard input.")]
_Priority = Annotated[int | None, typer.Option(metavar="0-4", help="0 is the most urgent; 2 unless given.")]
_Needs = Annotated[list[str] | None, typer.Option(metavar="TASK", help="A task that must be done before.")]
_Due = Annotated[str | None, typer.Option(metavar="TIME", help="By when, as 2027-01-01.")]
_Session = Annotated[str | None, typer.Option(metavar="ID", help="The session that it is done in.")]
_Limit = Annotated[int | None, typer.Option(metavar="N", help="At most so many; 50 unless given.")]

tasks = tree("What is to be done: one thing a task, taken by one at a time.")


def add_to(app: typer.Typer) -> None:
    """Put these commands into the tree."""
    app.add_typer(tasks, name="task")


@tasks.command(
    "add",
    cls=Command,
    epilog=examples(
        'mesh task add "dig the bed" --priority 1 --due "in 3 days"',
        'mesh task add "sow beans" --needs home/task/k5q2',
        'mesh task add "mend the spade" --found-in home/task/k5q2',
    ),
)
def add(
    context: typer.Context,
    title: Annotated[str, typer.Argument(metavar="TITLE", help="What is to be done.")],
    *,
    text: _Text = None,
    priority: _Priority = None,
    needs: _Needs = None,
    due: _Due = None,
    kind: Annotated[str | None, typer.Option(metavar="WORD", help="bug, chore, or any other word.")] = None,
    accept: Annotated[list[str] | None, typer.Option(metavar="TEXT", help="When it counts as done.")] = None,
    found_in: Annotated[str | None, typer.Option(metavar="TASK", help="The task at which it turned up.")] = None,
    project: Project = None,
) -> None:
    """Add a task."""
    run = running(context)
    named = {
        "text": reading.note_text(text, None) if text is not None else None,
        "needs": needs, "kind": kind, "acceptance": accept, "discovered_from": found_in,
        "due_ms": read_time(due) if due else None,
    }  # fmt: skip
    given = {key: value for key, value in named.items() if value}
    urgent = {} if priority is None else {"priority": priority}
    result = run.ask("task.add", {"title": title, **given, **urgent, **where(project)})
    run.out.acknowledge(result, lambda screen: view_work.added(screen, result))


@tasks.command("ready", cls=Command, epilog=examples("mesh task ready", "mesh task ready --project shop --json"))
def ready(context: typer.Context, *, project: Project = None, limit: _Limit = None) -> None:
    """List what can be begun now: open, waiting for nothing, and taken by nobody."""
    frequent.task_ready(running(context), project=project, limit=limit)


@tasks.command("list", cls=Command, epilog=examples("mesh task list", "mesh task list --mine", "mesh task list --all"))
def listed(
    context: typer.Context,
    *,
    mine: Annotated[bool, typer.Option("--mine", help="Only what you have taken.")] = False,
    blocked: Annotated[bool, typer.Option("--blocked", help="Only what waits for something or somebody.")] = False,
    every: Annotated[bool, typer.Option("--all", help="Also what is done or dropped.")] = False,
    project: Project = None,
    limit: _Limit = None,
) -> None:
    """List tasks that are not over, the most urgent first."""
    chosen = [word for word, on in (("mine", mine), ("blocked", blocked), ("all", every)) if on]
    if len(chosen) > 1:
        raise Misuse("--mine, --blocked and --all exclude each other")
    frequent.task_list(running(context), wanted="".join(chosen) or "open", project=project, limit=limit)


@tasks.command("show", cls=Command, epilog=examples('mesh task show "dig the bed"'))
def show(context: typer.Context, task: _Id) -> None:
    """Show one task, whole."""
    run = running(context)
    result = run.ask("task.show", {"id": task})
    run.out.result(result, lambda screen: view_work.task(screen, result))


@tasks.command("claim", cls=Command, epilog=examples("mesh task claim home/task/k5q2"))
def claim(
    context: typer.Context,
    task: _Id,
    *,
    session: _Session = None,
    take: Annotated[bool, typer.Option("--take", help="Even from whoever has it; a person only.")] = False,
) -> None:
    """Take a task, so that nobody else does. An agent's claim ends two hours after it did something last."""
    run = running(context)
    given = {**({"session": session} if session else {}), **({"take": True} if take else {})}
    result = run.ask("task.claim", {"id": task, **given})
    run.out.result(result, lambda screen: view_work.task(screen, result))


@tasks.command(
    "done",
    cls=Command,
    epilog=examples('mesh task done "dig the bed" "two spades deep"', "mesh task done home/task/k5q2 --receipt home/r"),
)
def done(
    context: typer.Context,
    task: _Id,
    words: Annotated[str | None, typer.Argument(metavar="WORDS", help="What was done.")] = None,
    *,
    receipt: Annotated[str | None, typer.Option(metavar="RECEIPT", help="The receipt that says so.")] = None,
    session: _Session = None,
) -> None:
    """Say that a task is done. An agent gives a receipt, or says in words what it did."""
    named = {"words": words, "receipt": receipt, "session": session}
    _change(context, "task.done", task, {key: value for key, value in named.items() if value})


@tasks.command(
    "block",
    cls=Command,
    epilog=examples(
        'mesh task block "dig the bed" "the ground is frozen"', 'mesh task block "sow beans" --on "dig the bed"'
    ),
)
def block(
    context: typer.Context,
    task: _Id,
    why: Annotated[str | None, typer.Argument(metavar="WORDS", help="Why.")] = None,
    *,
    on: Annotated[list[str] | None, typer.Option(metavar="TASK", help="The task that must be done before.")] = None,
    needs_human: Annotated[bool, typer.Option("--needs-human", help="Only a person can go on.")] = False,
) -> None:
    """Say that a task cannot go on: in words, or by what must be done before."""
    if not why and not on:
        raise Misuse("what blocks it?", hint="Say it in words, or name a task with --on.")
    if on:
        _change(context, "task.edit", task, {"needs": on})
    if why:
        state = "needs_human" if needs_human else "blocked"
        _change(context, "task.state", task, {"state": state, "reason": why})


@tasks.command("open", cls=Command, epilog=examples('mesh task open "dig the bed"'))
def reopen(context: typer.Context, task: _Id) -> None:
    """Give back a task that you have, or open one again that was blocked, dropped or done."""
    _change(context, "task.state", task, {"state": "open"})


@tasks.command("drop", cls=Command, epilog=examples('mesh task drop "dig the bed" "no garden any more"'))
def drop(
    context: typer.Context,
    task: _Id,
    why: Annotated[str | None, typer.Argument(metavar="WORDS", help="Why.")] = None,
) -> None:
    """Say that a task will not be done."""
    _change(context, "task.state", task, {"state": "dropped", **({"reason": why} if why else {})})


@tasks.command("edit", cls=Command, epilog=examples('mesh task edit "dig the bed" --priority 0 --due tomorrow'))
def edit(
    context: typer.Context,
    task: _Id,
    *,
    title: Annotated[str | None, typer.Option(metavar="TEXT", help="The title.")] = None,
    text: _Text = None,
    priority: _Priority = None,
    needs: _Needs = None,
    unneeds: Annotated[list[str] | None, typer.Option(metavar="TASK", help="Wait for it no more.")] = None,
    due: _Due = None,
    project: Annotated[str | None, typer.Option(metavar="NAME", help="The project that it belongs to.")] = None,
) -> None:
    """Change what a task says; only what is named changes."""
    named: dict[str, object] = {
        "title": title, "text": reading.note_text(text, None) if text is not None else None, "priority": priority,
        "needs": needs, "unneeds": unneeds, "due_ms": read_time(due) if due else None, "project": project,
    }  # fmt: skip
    given = {key: value for key, value in named.items() if value is not None}
    if not given:
        raise Misuse("nothing would change", hint="For example: --priority 1")
    _change(context, "task.edit", task, given)


def _change(context: typer.Context, call: str, task: str, arguments: dict[str, object]) -> None:
    run = running(context)
    result = run.ask(call, {"id": task, **arguments})
    run.out.acknowledge(result, lambda screen: view_work.changed(screen, result))
