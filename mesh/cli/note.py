"""The commands about notes in the full tree; what they do for frequent forms is in `mesh.cli.frequent`."""

from __future__ import annotations

from typing import Annotated

import typer

from mesh.cli import calls, frequent, reading, view_notes
from mesh.cli.options import Command, examples, running, tree

_Document = Annotated[str, typer.Argument(metavar="NOTE", help="Its id, the beginning of it, or its exact title.")]
_Title = Annotated[str | None, typer.Option(metavar="TEXT", help="The title.")]
_Body = Annotated[str | None, typer.Option(metavar="TEXT|-", help="The text; - reads standard input.")]
_File = Annotated[str | None, typer.Option(metavar="FILE", help="Read the text from this file.")]
_Tags = Annotated[list[str] | None, typer.Option("--tag", metavar="TAG", help="A tag; may be repeated.")]
_Path = Annotated[str | None, typer.Option(metavar="PATH", help="Where it belongs in a folder of files.")]
_Limit = Annotated[int | None, typer.Option(metavar="N", help="At most so many.")]
_After = Annotated[str | None, typer.Option(metavar="NEXT", help="Go on where the last page ended (`next`).")]

notes = tree("Write, read and change notes.")


def add_to(app: typer.Typer) -> None:
    """Put these commands into the tree."""
    app.add_typer(notes, name="note")


@notes.command(
    "add",
    cls=Command,
    epilog=examples(
        'mesh note add "buy seeds" --tag garden',
        "mesh note add --title Minutes --file minutes.md",
        "git log -1 | mesh note add",
    ),
)
def add(
    context: typer.Context,
    title: Annotated[str | None, typer.Argument(metavar="TITLE", help="The title; else the first line.")] = None,
    title_option: Annotated[str | None, typer.Option("--title", metavar="TEXT", help="As TITLE.")] = None,
    *,
    body: _Body = None,
    file: _File = None,
    tag: _Tags = None,
    path: _Path = None,
    space: Annotated[str | None, typer.Option(metavar="SPACE", help="Where it belongs; home unless given.")] = None,
) -> None:
    """Write a note. Text that is piped in becomes its body."""
    values = {"title": title, "title_option": title_option, "body": body, "file": file}
    frequent.note_add(running(context), **values, tags=tuple(tag or ()), path=path or "", space=space)


@notes.command(
    "list",
    cls=Command,
    epilog=examples("mesh note list", "mesh note list --tag garden --search seeds", "mesh note list --json --limit 20"),
)
def listed(
    context: typer.Context,
    *,
    tag: Annotated[str | None, typer.Option(metavar="TAG", help="Only notes with this tag.")] = None,
    search: Annotated[str | None, typer.Option(metavar="WORDS", help="Only notes with these words.")] = None,
    deleted: Annotated[bool, typer.Option("--deleted", help="The removed ones instead.")] = False,
    limit: _Limit = None,
    after: _After = None,
) -> None:
    """List notes: all of them, or at most --limit."""
    frequent.note_list(running(context), tag=tag, search=search, deleted=deleted, limit=limit, after=after)


@notes.command(
    "show",
    cls=Command,
    epilog=examples('mesh note show "buy seeds"', "mesh note show home/note/k5q2 --json"),
)
def show(context: typer.Context, document: _Document) -> None:
    """Show one note, with all values where devices disagree."""
    frequent.note_show(running(context), document=document)


@notes.command(
    "edit",
    cls=Command,
    epilog=examples(
        'mesh note edit "buy seeds"',
        'mesh note edit "buy seeds" --title "buy seeds and soil" --untag later',
        "mesh note edit home/note/k5q2 --body - < new.txt",
    ),
)
def edit(
    context: typer.Context,
    document: _Document,
    *,
    title: _Title = None,
    body: _Body = None,
    file: _File = None,
    tag: _Tags = None,
    untag: Annotated[list[str] | None, typer.Option(metavar="TAG", help="Take a tag off; may be repeated.")] = None,
    path: _Path = None,
) -> None:
    """Change a note: in $VISUAL or $EDITOR, or what the options name."""
    run = running(context)
    if title is None and body is None and file is None and path is None and not tag and not untag:
        from mesh.cli.editor import edited

        result = edited(run, document)
    else:
        text = None if body is None and file is None else reading.note_text(body, file)
        found = run.ask(*calls.note_show(document=document))
        result = run.ask(
            *calls.note_edit(
                document=str(found["document"]),
                title=title,
                body=text,
                add_tags=tuple(tag or ()),
                remove_tags=tuple(untag or ()),
                path=path,
            )
        )
    run.out.acknowledge(result, lambda screen: view_notes.kept(screen, result))


@notes.command("rm", cls=Command, epilog=examples('mesh note rm "buy seeds"', "mesh note list --deleted"))
def rm(context: typer.Context, document: _Document) -> None:
    """Remove a note from all lists. What it said stays in the log."""
    run = running(context)
    found = run.ask(*calls.note_show(document=document))
    result = run.ask(*calls.note_rm(document=str(found["document"])))
    run.out.acknowledge(result, lambda screen: view_notes.removed(screen, {**found, **result}))
