"""What each command asks of the agent: its call and the arguments, checked as far as no agent is needed for it.

The one table for both ways into a command. Standard library only; it never asks anything itself.
"""

from __future__ import annotations

import os

from mesh.errors import Misuse, TooLarge
from mesh.limits import BODY_PLAIN_BYTES_MAX, KIB, LIST_MAX, TITLE_BYTES_MAX

NOTE_BYTES_MAX = BODY_PLAIN_BYTES_MAX  # a note's text travels in one event
NOTES_PAGE = 500  # notes in one answer
CONFLICTS_SHOWN = 100  # conflicts that `mesh conflicts` shows unless told otherwise
VALUES_SHOWN = 20  # values of one conflict, likewise
HITS_SHOWN = 20  # documents that `mesh search` shows unless told otherwise
EVENTS_SHOWN = 50  # events that `mesh log` shows unless told otherwise
RANKS = ("admin", "member", "relay")
COUNT_MAX = 100_000

Call = tuple[str, dict[str, object]]


def note_add(*, title: str, body: str, tags: tuple[str, ...], path: str, space: str | None = None) -> Call:
    """A new note."""
    _texts(title=title, body=body, path=path, space=space)
    _tags(tags)
    _title(title)
    _body(body)
    where = {} if space is None else {"space": space}
    return "note.add", {"title": title, "body": body, "tags": list(tags), "path": path, **where}


def note_list(*, tag: str | None, search: str | None, deleted: bool, limit: int | None, after: str | None) -> Call:
    """A page of notes."""
    _texts(tag=tag, search=search, after=after)
    _limit(limit)
    named: dict[str, object] = {"tag": tag, "search": search, "after": after}
    arguments = {name: value for name, value in named.items() if value is not None}
    if deleted:
        arguments["deleted"] = True
    return "note.list", {**arguments, "limit": NOTES_PAGE if limit is None else limit}


def note_show(*, document: str) -> Call:
    """One note, by its id, a prefix of it, or its title."""
    _texts(document=document)
    return "note.show", {"document": document}


def note_edit(
    *,
    document: str,
    title: str | None = None,
    body: str | None = None,
    base_body: str | None = None,
    add_tags: tuple[str, ...] = (),
    remove_tags: tuple[str, ...] = (),
    path: str | None = None,
) -> Call:
    """Changes of one note: only what is named changes."""
    _texts(document=document, title=title, body=body, path=path)
    _tags((*add_tags, *remove_tags))
    if title is not None:
        _title(title)
    _body(body or "")
    named: dict[str, object] = {"title": title, "body": body, "base_body": base_body, "path": path}
    arguments = {name: value for name, value in named.items() if value is not None}
    if add_tags:
        arguments["add_tags"] = list(add_tags)
    if remove_tags:
        arguments["remove_tags"] = list(remove_tags)
    return "note.edit", {"document": document, **arguments}


def note_rm(*, document: str) -> Call:
    """The removal of one note; its history stays in the log."""
    _texts(document=document)
    return "note.rm", {"document": document}


def conflicts(*, document: str | None, kind: str | None, device: str | None, limit: int, after: str | None) -> Call:
    """A page of open conflicts."""
    _texts(document=document, kind=kind, device=device, after=after)
    _limit(limit)
    named = {"document": document, "kind": kind, "device": device, "after": after}
    given: dict[str, object] = {name: value for name, value in named.items() if value is not None}
    return "conflicts", {**given, "limit": min(limit, LIST_MAX)}


def conflicts_show(*, conflict: str, limit: int | None, after: int | None) -> Call:
    """One conflict, with a page of its values."""
    _texts(id=conflict)
    _limit(limit)
    shown = VALUES_SHOWN if limit is None else limit
    return "conflicts.show", {"id": conflict, "offset": after or 0, "limit": min(shown, LIST_MAX)}


def inspect(*, document: str | None) -> Call:
    """What the inspector begins with: a page of open conflicts."""
    return conflicts(document=document, kind=None, device=None, limit=CONFLICTS_SHOWN, after=None)


def task_list(*, wanted: str, project: str | None, limit: int | None) -> Call:
    """Tasks."""
    return "task.list", {"filter": wanted, **_page(project, limit)}


def task_ready(*, project: str | None, limit: int | None) -> Call:
    """Tasks that can be begun."""
    return task_list(wanted="ready", project=project, limit=limit)


def handoff_list(*, every: bool, project: str | None, limit: int | None) -> Call:
    """Hand-offs."""
    return "handoff.list", {**({"all": True} if every else {}), **_page(project, limit)}


def _page(project: str | None, limit: int | None) -> dict[str, object]:
    _limit(limit)
    return {**about(project), **({"limit": min(limit, LIST_MAX)} if limit else {})}


def search(*, words: str, types: tuple[str, ...], project: str | None, limit: int | None) -> Call:
    """Notes and records with these words."""
    _texts(words=words)
    for kind in types:
        _texts(type=kind)
    _limit(limit)
    if not words.strip():
        message = "a search needs at least one word"
        raise Misuse(message, hint="For example: mesh search pump valve")
    shown = HITS_SHOWN if limit is None else limit
    return "search", {"words": words, "types": list(types), **about(project), "limit": min(shown, LIST_MAX)}


def mcp(*, cwd: str) -> Call:
    """A connection that speaks MCP from then on, for a client that works in this folder."""
    return "mcp", {"cwd": cwd}


def agent() -> Call:
    """Whether an agent answers, and which."""
    return "ping", {}


def status() -> Call:
    """How this device and its mesh are."""
    return "status", {}


def brief(*, project: str | None, since: str | None, budget: int | None) -> Call:
    """What happened since, and what waits; `since` as people say it."""
    arguments = about(project)
    if since is not None:
        from mesh.cli.times import read_time

        arguments["since_ms"] = max(read_time(since), 0)
    if budget is not None:
        _limit(budget)
        arguments["budget"] = budget
    return "brief", arguments


def session_list(*, project: str | None, device: str | None, every: bool, limit: int | None) -> Call:
    """Sessions of agents."""
    _texts(device=device)
    _limit(limit)
    named: dict[str, object] = {"device": device, "limit": limit and min(limit, LIST_MAX), "all": every or None}
    return "session.list", {**about(project), **{key: value for key, value in named.items() if value is not None}}


def session(verb: str, said: str) -> Call:
    """One session."""
    _texts(session=said)
    return f"session.{verb}", {"id": said}


def about(project: str | None) -> dict[str, object]:
    """The arguments that name a project; `.` is the one of the folder that the command was given in."""
    _texts(project=project)
    if project is None:
        return {}
    return {"cwd": os.getcwd()} if project == "." else {"project": project}  # noqa: PTH109 - pathlib is a library to wait for


def shipped(*, words: str, project: str | None, unreported: bool, limit: int | None) -> Call:
    """Receipts of work."""
    _texts(words=words)
    named: dict[str, object] = {"words": words, "state": "unreported" if unreported else ""}
    return "receipt.list", {**{key: value for key, value in named.items() if value}, **_page(project, limit)}


def recall(*, words: str, kinds: tuple[str, ...], project: str | None, limit: int | None) -> Call:
    """Memories about something."""
    _texts(words=words)
    _tags(kinds)
    return "recall", {"query": words, **({"kind": list(kinds)} if kinds else {}), **_page(project, limit)}


def devices() -> Call:
    """Who belongs to the mesh."""
    return "devices", {}


def log(*, device: str | None, document: str | None, limit: int | None, before: str | None) -> Call:
    """The latest events, or those before one of them."""
    _limit(limit)
    _texts(before=before)
    page = {"before": before} if before is not None else {}
    return "log", {**_about(device, document), **page, "limit": EVENTS_SHOWN if limit is None else limit}


def log_follow(*, device: str | None, document: str | None) -> Call:
    """Events as they come in."""
    return "log.follow", _about(device, document)


def admit(*, request: str, rank: str) -> Call:
    """Letting a device in."""
    _texts(request=request)
    if rank not in RANKS:
        message = "a device comes in as admin, as member or as relay"
        raise Misuse(message, hint="Computers are admins, phones and servers members; a relay reads nothing.")
    return "admit", {"request": request, "rank": rank}


def peer(verb: str, address: str) -> Call:
    """Adding or removing the address of a device."""
    _texts(address=address)
    return f"peer.{verb}", {"address": address}


def verify(*, deep: bool) -> Call:
    """A check of all that is stored."""
    return "verify", {"deep": deep}


def _about(device: str | None, document: str | None) -> dict[str, object]:
    _texts(device=device, document=document)
    named = {"device": device, "document": document}
    return {name: value for name, value in named.items() if value is not None}


def _texts(**texts: str | None) -> None:
    for name, text in texts.items():
        try:
            (text or "").encode()
        except UnicodeEncodeError as error:  # an argument in another encoding arrives as lone surrogates
            message = f"the {name} is not text in UTF-8"
            raise Misuse(message, hint="Set the terminal to UTF-8, or convert the text first.") from error


def _tags(tags: tuple[str, ...]) -> None:
    for tag in tags:
        _texts(tag=tag)
        if not tag.strip():
            message = "a tag must not be empty"
            raise Misuse(message, hint="For example: --tag garden")


def _title(title: str) -> None:
    if not title.strip():
        message = "the title must not be empty"
        raise Misuse(message, hint="For example: --title 'buy seeds'")
    if len(title.encode()) > TITLE_BYTES_MAX:
        message = f"a title has at most {TITLE_BYTES_MAX // KIB} KiB, and this is more"
        raise TooLarge(message, hint="Give a short one with --title. Nothing was changed.")


def _body(text: str) -> None:
    if len(text) > NOTE_BYTES_MAX or len(text.encode()) > NOTE_BYTES_MAX:
        raise too_large("a note's text", NOTE_BYTES_MAX)


def too_large(what: str, bytes_max: int) -> TooLarge:
    """The refusal of something over its bound."""
    return TooLarge(f"{what} has at most {bytes_max // KIB} KiB, and this is more")


def _limit(limit: int | None) -> None:
    if limit is not None and not 1 <= limit <= COUNT_MAX:
        message = f"a limit lies between 1 and {COUNT_MAX:,}"
        raise Misuse(message)
