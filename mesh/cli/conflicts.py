"""Conflicts: where devices or agents disagreed without knowing of each other; shown, settled, and taken back."""

from __future__ import annotations

from typing import Annotated

import typer

from mesh.cli import conflict_drafts, frequent, reading, view_conflicts
from mesh.cli.options import Command, Group, examples, running
from mesh.errors import Misuse

Told = dict[str, object]
KINDS = ("register", "renamed", "text", "deleted", "path")
_Id = Annotated[str, typer.Argument(metavar="ID", help="A conflict, as `mesh conflicts` shows it.")]
_Document = Annotated[str | None, typer.Option(metavar="NOTE", help="Only of this note.")]
_Limit = Annotated[int | None, typer.Option(metavar="N", help="At most so many.")]


def add_to(app: typer.Typer) -> None:
    """Put these commands into the tree."""
    conflicts = typer.Typer(
        cls=Group,
        help="Show where devices or agents disagreed, and settle it; nothing is lost by it, and all can be taken back.",
        add_completion=False,
        rich_markup_mode="rich",
        invoke_without_command=True,
        epilog=examples(
            "mesh conflicts",
            'mesh conflicts --document "buy seeds" --kind text',
            "mesh conflicts show 3fa9c1d2",
            "mesh conflicts resolve 3fa9c1d2 --take 2",
            "mesh conflicts undo 3fa9c1d2",
        ),
    )
    conflicts.callback()(listed)
    lines = examples(
        "mesh conflicts show 3fa9c1d2", "mesh conflicts show 3fa9c1d2 --whole", "mesh conflicts show 3f --json"
    )
    conflicts.command("show", cls=Command, epilog=lines)(show)
    lines = examples(
        "mesh conflicts resolve 3fa9c1d2 --take 2",
        'mesh conflicts resolve 3fa9c1d2 --value "Garden in spring"',
        "mesh conflicts resolve 3fa9c1d2 --edit",
        "mesh conflicts resolve 3fa9c1d2 --merge",
    )
    conflicts.command("resolve", cls=Command, epilog=lines)(resolve)
    conflicts.command("undo", cls=Command, epilog=examples("mesh conflicts undo 3fa9c1d2"))(undo)
    lines = examples("mesh conflicts settled", 'mesh conflicts settled --document "buy seeds" --limit 5')
    conflicts.command("settled", cls=Command, epilog=lines)(settled)
    app.add_typer(conflicts, name="conflicts")


def listed(
    context: typer.Context,
    *,
    document: _Document = None,
    kind: Annotated[str | None, typer.Option(metavar="KIND", help=f"Only {', '.join(KINDS)}.")] = None,
    device: Annotated[str | None, typer.Option(metavar="DEVICE", help="Only where this one wrote a value.")] = None,
    limit: Annotated[int | None, typer.Option(metavar="N", help="At most so many; 100 unless given.")] = None,
    after: Annotated[str | None, typer.Option(metavar="ID", help="Go on after this one (`next`).")] = None,
) -> None:
    """List open conflicts, the latest first."""
    if context.invoked_subcommand is None:
        frequent.conflicts(running(context), document=document, kind=kind, device=device, limit=limit, after=after)


def show(
    context: typer.Context,
    conflict: _Id,
    *,
    limit: Annotated[int | None, typer.Option(metavar="N", help="At most so many values; 20 unless given.")] = None,
    after: Annotated[int | None, typer.Option(metavar="N", min=0, help="Go on after this value.")] = None,
    whole: Annotated[bool, typer.Option("--whole", help="Cut no value.")] = False,
) -> None:
    """Show one conflict: every value with who wrote it and when, beside what they began with.

    What a value adds stands in {+ +}, what it leaves out in [- -].
    """
    frequent.conflicts_show(running(context), conflict=conflict, limit=limit, after=after, whole=whole)


def resolve(
    context: typer.Context,
    conflict: _Id,
    *,
    take: Annotated[int | None, typer.Option(metavar="N", min=1, help="The value of this number.")] = None,
    value: Annotated[str | None, typer.Option(metavar="VALUE|-", help="Another value; - reads it.")] = None,
    edit: Annotated[
        bool, typer.Option("--edit", help="Write it in $VISUAL or $EDITOR, all values before you.")
    ] = False,
    merge: Annotated[bool, typer.Option("--merge", help="Of a text: as it is now, with all edits in it.")] = False,
) -> None:
    """Settle a conflict, on every device. It is an event: `mesh conflicts undo` takes it back."""
    run = running(context)
    if sum((take is not None, value is not None, edit, merge)) != 1:
        hint = f"`mesh conflicts show {conflict}` numbers the values."
        raise Misuse("give one of --take, --value, --edit and --merge", hint=hint)
    if edit:
        result = conflict_drafts.settled(run, conflict)
    else:
        text = reading.note_text(value, None) if value is not None else None
        named: Told = {"take": take, "value": text, "merge": merge or None}
        chosen = {name: each for name, each in named.items() if each is not None}
        result = run.ask("conflicts.resolve", {"id": conflict, **chosen})
    run.out.acknowledge(result, lambda screen: view_conflicts.resolved(screen, result))


def undo(context: typer.Context, conflict: _Id) -> None:
    """Take back how a conflict was settled, on every device: its values stand side by side again."""
    run = running(context)
    result = run.ask("conflicts.undo", {"id": conflict})
    run.out.acknowledge(result, lambda screen: view_conflicts.undone(screen, result))


def settled(context: typer.Context, *, document: _Document = None, limit: _Limit = None) -> None:
    """List what was settled, the latest first, by whom, and whether that was taken back."""
    run = running(context)
    given: Told = {"document": document, "limit": limit}
    result = run.ask("conflicts.settled", {name: value for name, value in given.items() if value is not None})
    run.out.result(result, lambda screen: view_conflicts.settled(screen, result))
