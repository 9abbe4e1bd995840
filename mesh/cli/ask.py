"""Questions on the command line: asking the person, seeing what waits, and answering on any device."""

from __future__ import annotations

import time
from typing import Annotated

import click
import typer

from mesh.cli import view_memories
from mesh.cli.options import Command, Group, examples, running
from mesh.cli.places import Project, where
from mesh.cli.run import Run
from mesh.cli.times import read_time
from mesh.errors import Misuse

WAIT_STEP_MS = 10_000  # of one call while --wait waits: well below the time in which a call must answer
WAIT_S_MAX = 86_400.0

_Id = Annotated[str, typer.Argument(metavar="ASK", help="Its id, the beginning of it, or the exact question.")]


class _Asking(Group):
    """`mesh ask QUESTION` is `mesh ask new QUESTION`."""

    def parse_args(self, ctx: click.Context, args: list[str]) -> list[str]:
        """Put `new` before what names no command of this group."""
        if args and args != ["--help"] and not any(word in self.commands for word in args):
            args = ["new", *args]
        return super().parse_args(ctx, args)


asks = typer.Typer(
    cls=_Asking,
    help="Questions to the person: an answer arrives once, or the default holds when its time is over.",
    add_completion=False,
    rich_markup_mode="rich",
)


def add_to(app: typer.Typer) -> None:
    """Put these commands into the tree."""
    app.add_typer(asks, name="ask")
    lines = examples("mesh answer home/ask/k5q2 allow", 'mesh answer home/ask/k5q2 1 --text "but not main"')
    app.command("answer", cls=Command, epilog=lines)(answer)


@asks.command(
    "new",
    cls=Command,
    epilog=examples(
        'mesh ask new "May I push?" --option yes --option no --default no',
        'mesh ask new "Which blue?" --wait --expires "in 10 minutes"',
    ),
)
def new(
    context: typer.Context,
    question: Annotated[str, typer.Argument(metavar="QUESTION", help="In one line.")],
    *,
    option: Annotated[list[str] | None, typer.Option(metavar="TEXT", help="What may be answered; repeated.")] = None,
    default: Annotated[str | None, typer.Option(metavar="TEXT", help="What holds when nobody answers in time.")] = None,
    expires: Annotated[str | None, typer.Option(metavar="TIME", help='Until when, as "in 10 minutes".')] = None,
    detail: Annotated[str | None, typer.Option(metavar="TEXT", help="What it is about.")] = None,
    session: Annotated[str | None, typer.Option(metavar="ID", help="The session that asks.")] = None,
    project: Project = None,
    wait: Annotated[bool, typer.Option("--wait", help="Wait for the answer, or until its time is over.")] = False,
) -> None:
    """Ask the person something, on every device of theirs. It answers at once with an id, unless --wait waits."""
    run = running(context)
    named = {
        "options": option, "default": default, "detail": detail, "session": session,
        "expires_ms": read_time(expires) if expires else None,
    }  # fmt: skip
    given = {key: value for key, value in named.items() if value}
    result = run.ask("ask.new", {"question": question, **given, **where(project)})
    if not wait:
        run.out.acknowledge(result, lambda screen: view_memories.asked(screen, result))
        return
    run.out.notice(f"Waiting: `mesh answer {result['document']}` on any device. Ctrl-C ends waiting, not the question.")
    told = _waited(run, str(result["document"]))
    run.out.result(told, lambda screen: view_memories.question(screen, told))


def _waited(run: Run, document: str) -> dict[str, object]:
    """How a question stands once it waits no more. Raises Misuse after a day."""
    until = time.monotonic() + WAIT_S_MAX
    while time.monotonic() < until:
        told = run.ask("ask.wait", {"id": document, "wait_ms": WAIT_STEP_MS})
        if told["state"] != "waiting":
            return told
    raise Misuse("nobody answered within a day", hint=f"`mesh ask show {document}` shows it.")


@asks.command("list", cls=Command, epilog=examples("mesh ask list", "mesh ask list --state all"))
def listed(
    context: typer.Context,
    *,
    state: Annotated[
        str | None,
        typer.Option(metavar="STATE", help="waiting, answered, expired, taken or all; waiting unless given."),
    ] = None,
    limit: Annotated[int | None, typer.Option(metavar="N", help="At most so many; 50 unless given.")] = None,
) -> None:
    """List questions that wait for an answer."""
    run = running(context)
    named = {"state": state, "limit": limit}
    result = run.ask("ask.list", {key: value for key, value in named.items() if value})
    run.out.result(result, lambda screen: view_memories.questions(screen, result))


@asks.command("show", cls=Command, epilog=examples("mesh ask show home/ask/k5q2"))
def show(context: typer.Context, ask: _Id) -> None:
    """Show one question, and how it stands."""
    run = running(context)
    result = run.ask("ask.show", {"id": ask})
    run.out.result(result, lambda screen: view_memories.question(screen, result))


def answer(
    context: typer.Context,
    ask: _Id,
    words: Annotated[
        str, typer.Argument(metavar="ANSWER", help="An option or its number; words where there are none.")
    ],
    *,
    text: Annotated[str | None, typer.Option(metavar="TEXT", help="More about it.")] = None,
) -> None:
    """Answer a question. Only the first answer counts; too late it changes nothing and says so."""
    run = running(context)
    more = {"text": text} if text else {}
    result = run.ask("ask.answer", {"id": ask, "option": words, **more})
    run.out.acknowledge(result, lambda screen: view_memories.question(screen, result))
