"""Memories on the command line: saying one, finding some, and what a person makes of those of agents."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from mesh.cli import calls, frequent, view_memories
from mesh.cli.options import Command, examples, running, tree
from mesh.cli.times import read_time

_Id = Annotated[str, typer.Argument(metavar="MEMORY", help="Its id, or the beginning of it.")]
_Project = Annotated[str | None, typer.Option(metavar="NAME", help="A project by name or id; . for this folder's.")]
_Limit = Annotated[int | None, typer.Option(metavar="N", help="At most so many.")]
_AsIs = Annotated[bool, typer.Option("--as-is", help="Keep also what looks like a secret.")]

memory = tree("What is remembered: one thing a memory; an agent's word waits where it would hold everywhere.")


def add_to(app: typer.Typer) -> None:
    """Put these commands into the tree."""
    lines = examples(
        'mesh remember "Deploy on Fridays only" --kind preference',
        'mesh remember "Tests need node 20" --project . --about package.json',
    )
    app.command("remember", cls=Command, epilog=lines)(remember)
    app.command("recall", cls=Command, epilog=examples("mesh recall which database", "mesh recall deploy --json"))(
        recall
    )
    app.add_typer(memory, name="memory")


def remember(
    context: typer.Context,
    text: Annotated[str, typer.Argument(metavar="TEXT", help="One thing, in a sentence.")],
    *,
    kind: Annotated[
        str | None, typer.Option(metavar="KIND", help="fact, decision, preference, pitfall or procedure.")
    ] = None,
    scope: Annotated[str | None, typer.Option(metavar="SCOPE", help="global, project, device or agent.")] = None,
    project: _Project = None,
    evidence: Annotated[list[str] | None, typer.Option(metavar="TEXT", help="What it rests on.")] = None,
    about: Annotated[
        list[Path] | None, typer.Option(metavar="FILE", help="A file that it is about: when it changes, this is stale.")
    ] = None,
    expires: Annotated[str | None, typer.Option(metavar="TIME", help='Until when it holds, as "in 30 days".')] = None,
    supersedes: Annotated[str | None, typer.Option(metavar="MEMORY", help="What it stands for from now on.")] = None,
    as_is: _AsIs = False,
) -> None:
    """Remember one thing, on every device and for every agent that may read it."""
    run = running(context)
    named = {
        "kind": kind, "scope": scope, "evidence": evidence, "supersedes": supersedes, "as_is": as_is,
        "recheck": [str(path.absolute()) for path in about or ()],
        "expires_ms": read_time(expires) if expires else None,
    }  # fmt: skip
    given = {key: value for key, value in named.items() if value}
    result = run.ask("memory.add", {"text": text, **given, **calls.about(project)})
    frequent.tell_redacted(run, result)
    run.out.acknowledge(result, lambda screen: view_memories.remembered(screen, result))


def recall(
    context: typer.Context,
    words: Annotated[list[str], typer.Argument(metavar="WORDS…", help="A question in your own words.")],
    *,
    kind: Annotated[list[str] | None, typer.Option(metavar="KIND", help="Only of this kind; may be repeated.")] = None,
    project: _Project = None,
    limit: _Limit = None,
) -> None:
    """Find what is remembered about something; what does not hold any more says so and comes last."""
    frequent.recall(running(context), words=" ".join(words), kinds=tuple(kind or ()), project=project, limit=limit)


@memory.command("list", cls=Command, epilog=examples("mesh memory list", "mesh memory list --state pending"))
def listed(
    context: typer.Context,
    *,
    state: Annotated[
        str | None,
        typer.Option(metavar="STATE", help="pending, noted, approved, stale, expired, superseded, rejected."),
    ] = None,
    every: Annotated[bool, typer.Option("--all", help="Also what does not hold any more.")] = False,
    project: _Project = None,
    limit: _Limit = None,
) -> None:
    """List what is remembered, the latest first."""
    run = running(context)
    named = {"state": state, "all": every, "limit": limit}
    given = {key: value for key, value in named.items() if value}
    result = run.ask("memory.list", {**given, **calls.about(project)})
    run.out.result(result, lambda screen: view_memories.memories(screen, result))


@memory.command("approve", cls=Command, epilog=examples("mesh memory approve home/memory/k5q2"))
def approve(context: typer.Context, document: _Id) -> None:
    """Stand for a memory of an agent; what it supersedes gives way now."""
    _judged(context, "approve", document)


@memory.command("reject", cls=Command, epilog=examples("mesh memory reject home/memory/k5q2"))
def reject(context: typer.Context, document: _Id) -> None:
    """Do away with a memory; it stays in the log."""
    _judged(context, "reject", document)


@memory.command(
    "supersede", cls=Command, epilog=examples('mesh memory supersede home/memory/k5q2 "Deploy on Mondays too"')
)
def supersede(
    context: typer.Context,
    document: _Id,
    text: Annotated[str, typer.Argument(metavar="TEXT", help="What holds instead.")],
    *,
    as_is: _AsIs = False,
) -> None:
    """Say a memory anew, in place of another one."""
    run = running(context)
    result = run.ask("memory.supersede", {"id": document, "text": text, **({"as_is": True} if as_is else {})})
    frequent.tell_redacted(run, result)
    run.out.acknowledge(result, lambda screen: view_memories.remembered(screen, result))


def _judged(context: typer.Context, verb: str, document: str) -> None:
    run = running(context)
    result = run.ask(f"memory.{verb}", {"id": document})
    run.out.acknowledge(result, lambda screen: view_memories.changed(screen, result))
