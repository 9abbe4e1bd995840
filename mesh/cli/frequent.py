"""The frequent commands: the brief, notes, lists of tasks and hand-offs, conflicts, status, log. Standard library only.

Both ways in, the plain front and the full command tree, end in these functions, so they cannot differ. Each one
builds its calls with the functions of `mesh.cli.calls`.
"""

from __future__ import annotations

from mesh.cli import (
    calls,
    reading,
    view_brief,
    view_conflicts,
    view_memories,
    view_notes,
    view_receipts,
    view_search,
    view_status,
    view_work,
)
from mesh.cli.run import Run
from mesh.cli.screen import lines_of
from mesh.errors import Misuse


def note_add(
    run: Run,
    *,
    title: str | None = None,
    title_option: str | None = None,
    body: str | None = None,
    file: str | None = None,
    tags: tuple[str, ...] = (),
    path: str = "",
    space: str | None = None,
) -> None:
    """Write a note."""
    if title is not None and title_option is not None:
        message = "the title was given twice"
        raise Misuse(message, hint="Give it as an argument or with --title, not both.")
    title = title if title is not None else title_option
    text = reading.note_text(body, file)
    if title is None:
        if not (text or "").strip():
            message = "a note needs a title or a text"
            raise Misuse(message, hint='For example: mesh note add "buy seeds"')
        title, text = reading.first_line(text or "")
    result = run.ask(*calls.note_add(title=title, body=text or "", tags=tags, path=path, space=space))
    run.out.acknowledge(result, lambda screen: view_notes.kept(screen, result))


def note_list(
    run: Run,
    *,
    tag: str | None = None,
    search: str | None = None,
    deleted: bool = False,
    limit: int | None = None,
    after: str | None = None,
) -> None:
    """List notes: all of them page by page, or one page when a limit is given."""
    notes: list[object] = []
    while True:
        page = run.ask(*calls.note_list(tag=tag, search=search, deleted=deleted, limit=limit, after=after))
        found = page.get("notes")
        notes += found if isinstance(found, list) else []
        following = page.get("next")
        if limit is not None or not isinstance(following, str) or following == after:
            break
        after = following
    result: dict[str, object] = {"notes": notes}
    if limit is not None and following is not None:
        result["next"] = following
    run.out.result(result, lambda screen: view_notes.listed(screen, result))


def note_show(run: Run, *, document: str) -> None:
    """Show one note."""
    result = run.ask(*calls.note_show(document=document))
    run.out.result(result, lambda screen: view_notes.shown(screen, result))


def conflicts(
    run: Run,
    *,
    document: str | None = None,
    kind: str | None = None,
    device: str | None = None,
    limit: int | None = None,
    after: str | None = None,
) -> None:
    """List open conflicts, so many of them."""
    found: list[object] = []
    wanted = calls.CONFLICTS_SHOWN if limit is None else limit
    while True:
        left = wanted - len(found)
        page = run.ask(*calls.conflicts(document=document, kind=kind, device=device, limit=left, after=after))
        rows = page.get("conflicts")
        found += rows if isinstance(rows, list) else []
        following = page.get("next")
        if not isinstance(following, str) or following == after or len(found) >= wanted:
            break
        after = following
    result: dict[str, object] = {"conflicts": found, "total": page.get("total")}
    if following is not None:
        result["next"] = following
    run.out.result(result, lambda screen: view_conflicts.listed(screen, result))


def conflicts_show(
    run: Run, *, conflict: str, limit: int | None = None, after: int | None = None, whole: bool = False
) -> None:
    """Show one conflict, with a page of its values."""
    result = run.ask(*calls.conflicts_show(conflict=conflict, limit=limit, after=after))
    run.out.result(result, lambda screen: view_conflicts.shown(screen, result, whole=whole))


def search(
    run: Run,
    *,
    words: tuple[str, ...],
    types: tuple[str, ...] = (),
    project: str | None = None,
    limit: int | None = None,
) -> None:
    """Find notes and records by their words."""
    result = run.ask(*calls.search(words=" ".join(words), types=types, project=project, limit=limit))
    run.out.result(result, lambda screen: view_search.found(screen, result))


def inspect(run: Run, *, document: str | None = None) -> None:
    """Open the full-screen inspector of conflicts."""
    from mesh.cli.inspector.opening import opened

    run.exit_code = opened(run, document)


def mcp(run: Run) -> None:
    """Carry what a client of MCP says to the agent, and back."""
    from mesh.cli.mcp_pipe import piped

    piped(run)


def agent(run: Run) -> None:
    """Run the agent in the foreground."""
    from mesh.cli.serving import served

    served(run)


def brief(
    run: Run,
    *,
    project: str | None = None,
    since: str | None = None,
    markdown: bool = False,
    budget: int | None = None,
) -> None:
    """Show what happened and what waits; to an agent as it reads it."""
    name, arguments = calls.brief(project=project, since=since, budget=budget)
    for_agent = markdown or bool(run.principal)
    if not (for_agent or run.out.json) and project is None and since is None:
        arguments["shown"] = True  # to a person, so the next one goes on from here
    result = run.ask(name, arguments)
    if for_agent:
        run.out.result(result, lambda _: lines_of(str(result["text"]).rstrip("\n")))
    else:
        run.out.result(result, lambda screen: view_brief.lines(screen, result))


def status(run: Run) -> None:
    """Show how this device and its mesh are."""
    result = run.ask(*calls.status())
    run.out.result(result, lambda screen: view_status.lines(screen, result))


def log(
    run: Run,
    *,
    device: str | None = None,
    document: str | None = None,
    limit: int | None = None,
    before: str | None = None,
) -> None:
    """List events."""
    result = run.ask(*calls.log(device=device, document=document, limit=limit, before=before))
    run.out.result(result, lambda screen: view_status.events(screen, result))


def task_list(run: Run, *, wanted: str = "open", project: str | None = None, limit: int | None = None) -> None:
    """List tasks: those that are not over, or what is wanted of them."""
    result = run.ask(*calls.task_list(wanted=wanted, project=project, limit=limit))
    run.out.result(result, lambda screen: view_work.tasks(screen, result))


def task_ready(run: Run, *, project: str | None = None, limit: int | None = None) -> None:
    """List tasks that can be begun."""
    result = run.ask(*calls.task_ready(project=project, limit=limit))
    run.out.result(result, lambda screen: view_work.tasks(screen, result))


def handoff_list(run: Run, *, every: bool = False, project: str | None = None, limit: int | None = None) -> None:
    """List hand-offs that wait, or all."""
    result = run.ask(*calls.handoff_list(every=every, project=project, limit=limit))
    run.out.result(result, lambda screen: view_work.handoffs(screen, result))


def shipped(
    run: Run, *, words: str = "", project: str | None = None, unreported: bool = False, limit: int | None = None
) -> None:
    """Find receipts of work."""
    result = run.ask(*calls.shipped(words=words, project=project, unreported=unreported, limit=limit))
    run.out.result(result, lambda screen: view_receipts.listed(screen, result))


def recall(
    run: Run, *, words: str, kinds: tuple[str, ...] = (), project: str | None = None, limit: int | None = None
) -> None:
    """Find memories."""
    result = run.ask(*calls.recall(words=words, kinds=kinds, project=project, limit=limit))
    run.out.result(result, lambda screen: view_memories.recalled(screen, result))


def tell_redacted(run: Run, result: dict[str, object]) -> None:
    """That something was left out since it looks like a secret."""
    if count := result.get("redacted"):
        what = "1 thing that looks like a secret was" if count == 1 else f"{count} things that look like secrets were"
        run.out.warn(f"Note: {what} left out; --as-is keeps it.")
