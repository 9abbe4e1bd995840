"""Receipts on the command line: filing what was built, finding it again, doubting it."""

from __future__ import annotations

import sys
from typing import Annotated

import typer

from mesh.cli import frequent, prompts, view_receipts
from mesh.cli.options import Command, examples, running, tree
from mesh.cli.places import Project, where
from mesh.cli.run import Run
from mesh.cli.view_work import parts
from mesh.errors import Misuse

_Id = Annotated[str, typer.Argument(metavar="RECEIPT", help="Its id, or the beginning of it.")]
_Session = Annotated[str | None, typer.Option(metavar="ID", help="The session that the work was done in.")]
_Limit = Annotated[int | None, typer.Option(metavar="N", help="At most so many; 20 unless given.")]

receipts = tree("Receipts of work: what was changed, what is claimed, and what of it the machine saw.")


def add_to(app: typer.Typer) -> None:
    """Put these commands into the tree."""
    lines = examples(
        'mesh ship "Login with passkeys"',
        'mesh ship "Login with passkeys" --claim "tests pass" --evidence "pytest -q"',
        'mesh ship "New unit for nginx" --changed /etc/nginx.conf --not-done "TLS" --task home/task/k5q2',
    )
    app.command("ship", cls=Command, epilog=lines)(ship)
    looks = examples("mesh shipped passkeys", "mesh shipped did I build the login", "mesh shipped --unreported")
    app.command("shipped", cls=Command, epilog=looks)(shipped)
    app.add_typer(receipts, name="receipt")


def ship(
    context: typer.Context,
    summary: Annotated[str | None, typer.Argument(metavar="SUMMARY", help="One line: what was built.")] = None,
    *,
    why: Annotated[str | None, typer.Option(metavar="TEXT", help="Why, and what else is to be known.")] = None,
    changed: Annotated[
        list[str] | None, typer.Option(metavar="WHAT", help="A path or a commit; without any, what git says changed.")
    ] = None,
    claim: Annotated[list[str] | None, typer.Option(metavar="TEXT", help="Something that is so now.")] = None,
    evidence: Annotated[
        list[str] | None,
        typer.Option(metavar="WHAT", help="For the claim in the same place: a command that ran, a commit, a path."),
    ] = None,
    not_done: Annotated[list[str] | None, typer.Option(metavar="TEXT", help="What was left.")] = None,
    undo: Annotated[list[str] | None, typer.Option(metavar="TEXT", help="How to take it back.")] = None,
    task: Annotated[str | None, typer.Option(metavar="TASK", help="The task that is done with it.")] = None,
    handoff: Annotated[str | None, typer.Option(metavar="ID", help="The hand-off that is done with it.")] = None,
    session: _Session = None,
    project: Project = None,
    as_is: Annotated[bool, typer.Option("--as-is", help="Keep also what looks like a secret.")] = False,
) -> None:
    """File a receipt. A claim is verified only by what the agent of this device saw itself; else it is asserted."""
    run = running(context)
    claims, proofs = claim or [], evidence or []
    if len(proofs) > len(claims):
        raise Misuse("there is more evidence than claims", hint="Each --evidence is for the --claim in the same place.")
    if not changed:
        changed = _proposed(run)
    if summary is None:
        summary = prompts.answered(
            "What was built, in one line: ", hint='For example: mesh ship "Login with passkeys".'
        )
    pairs = [*zip(claims, proofs, strict=False), *((text, "") for text in claims[len(proofs) :])]
    named = {
        "why": why, "changed": changed, "not_done": not_done, "undo": undo, "task": task, "handoff": handoff,
        "session": session, "as_is": as_is,
        "claims": [{"text": text, "evidence": proof} if proof else {"text": text} for text, proof in pairs],
    }  # fmt: skip
    given = {key: value for key, value in named.items() if value}
    result = run.ask("receipt.new", {"summary": summary, **given, **where(project)})
    frequent.tell_redacted(run, result)
    run.out.acknowledge(result, lambda screen: view_receipts.filed(screen, result))


def _proposed(run: Run) -> list[str]:
    """What git says changed in this folder since the last receipt; shown to a person who is there."""
    cwd = where(None)
    if not cwd:
        return []
    told = run.ask("receipt.proposal", cwd)
    lines = view_receipts.proposed(told)
    if lines and sys.stderr is not None:
        run.out.notice("\n".join(["Changed here since the last receipt, as git says:", *lines]))
    commits = [str(one.get("commit")) for one in parts(told.get("commits"))]
    return [*commits, *(str(one.get("ref")) for one in parts(told.get("changed")))]


def shipped(
    context: typer.Context,
    words: Annotated[list[str] | None, typer.Argument(metavar="[WORDS]…", help="What it was about.")] = None,
    *,
    project: Annotated[
        str | None, typer.Option(metavar="NAME", help="Only of this project; . for this folder's.")
    ] = None,
    unreported: Annotated[bool, typer.Option("--unreported", help="Only work that nobody reported.")] = False,
    limit: _Limit = None,
) -> None:
    """Find what was built: did I do this already? Without words the latest."""
    frequent.shipped(running(context), words=" ".join(words or ()), project=project, unreported=unreported, limit=limit)


@receipts.command("show", cls=Command, epilog=examples("mesh receipt show home/receipt/k5q2"))
def show(context: typer.Context, receipt: _Id) -> None:
    """Show one receipt whole: each claim, and what it stands on."""
    run = running(context)
    result = run.ask("receipt.show", {"id": receipt})
    run.out.result(result, lambda screen: view_receipts.shown(screen, result))


@receipts.command(
    "dispute", cls=Command, epilog=examples('mesh receipt dispute home/receipt/k5q2 "they fail here" --claim 1')
)
def dispute(
    context: typer.Context,
    receipt: _Id,
    words: Annotated[str, typer.Argument(metavar="WORDS", help="What is not so.")],
    *,
    claim: Annotated[int | None, typer.Option(metavar="N", help="The claim that is doubted, from 1; else all.")] = None,
) -> None:
    """Doubt a receipt, or one claim of it. What it says stays as it is."""
    run = running(context)
    about = {"claim": claim} if claim is not None else {}
    result = run.ask("receipt.dispute", {"id": receipt, "words": words, **about})
    run.out.acknowledge(result, lambda screen: [f"{screen.ink('disputed', 'green')}  {result['document']}"])
