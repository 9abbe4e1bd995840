"""What each tool does: the calls that it is made of, asked as the principal of the client.

A tool decides nothing that its calls do not decide; what it answers is what they answered. This module knows no
protocol, and no document.
"""

from __future__ import annotations

import json
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass

from mesh.errors import MeshError, Misuse
from mesh.limits import RECALL_WORDS_MAX
from mesh.node import agents
from mesh.node.mcp.caller import Caller, Told
from mesh.node.mcp.schemas import BY_NAME
from mesh.node.mcp.sessions import session_of
from mesh.node.socket_server import error_json
from mesh.state.memories import ranked, terms

Given = Mapping[str, object]

DAY_MS = 86_400_000
_TITLE_CHARACTERS = 120  # of a note's first line, where it is given no path


@dataclass(frozen=True, slots=True)
class Answer:
    """What a tool answers: text for the model, the same as an object where it is one, and whether it failed."""

    text: str
    told: Told | None = None
    failed: bool = False


async def answered(caller: Caller, name: str, given: Given) -> Answer:
    """Do what a tool is asked for; a refusal is an answer too, with what can be done. Raises KeyError: no such tool."""
    tool = BY_NAME[name]
    try:
        tool.check(given)
        agents.must_have_grants(caller.agent, caller.name)
        found = await _DOES[name](caller, given)
    except MeshError as error:
        told = error_json(error)
        return Answer(f"{error}\n{error.hint}".rstrip(), {"error": told}, failed=True)
    return found if isinstance(found, Answer) else Answer(json.dumps(found, ensure_ascii=False), found)


async def brief(caller: Caller, given: Given) -> str:
    """The briefing as Markdown, as long as the budget lets it be. Raises MeshError."""
    where, session = caller.where(given.get("project")), await session_of(caller)
    told = await caller.call("brief", **where, budget=given.get("budget"), session=session)
    return str(told["text"])


async def _continuity(caller: Caller, given: Given) -> Answer:
    return Answer(await brief(caller, given))  # as text alone: the budget is for what the model reads


async def _pickup(caller: Caller, given: Given) -> Told:
    where = {"project": given.get("project"), "cwd": caller.cwd or None}
    about = {"id": given.get("id"), "yes": given.get("yes"), "session": await session_of(caller)}
    return await caller.call("pickup", **about, **where)


async def _handoff(caller: Caller, given: Given) -> Told:
    rest = {key: value for key, value in given.items() if key != "project"}
    return await caller.call(
        "handoff.new", **rest, **caller.where(given.get("project")), session=await session_of(caller)
    )


async def _receipt(caller: Caller, given: Given) -> Told:
    where = {"project": given.get("project"), "cwd": caller.cwd or None}  # claims are looked at where the work was
    return await caller.call("receipt.new", **{**given, **where}, session=await session_of(caller))


async def _remember(caller: Caller, given: Given) -> Told:
    rest = {key: value for key, value in given.items() if key not in {"project", "expires_days"}}
    days = given.get("expires_days")
    expires = days * DAY_MS if isinstance(days, int) else None
    about = {"expires_in_ms": expires, "session": await session_of(caller)}
    return await caller.call("memory.add", **rest, **about, **caller.where(given.get("project")))


async def _recall(caller: Caller, given: Given) -> Told:
    about = {"project": given.get("project"), "limit": given.get("limit")}
    memory = await caller.call("recall", query=given["query"], kind=given.get("kind"), **about)
    if given.get("kind"):
        return {"memory": memory["hits"]}
    query = str(given["query"])
    found = await _sought(caller, query, about)
    if not found:  # a question in a sentence: what has most of its words
        several = [await _sought(caller, word, about) for word in terms(query, RECALL_WORDS_MAX)]
        hits = {hit["document"]: hit for hits in several for hit in hits}
        order = ranked([[hit["document"] for hit in hits] for hits in several])
        found = [hits[document] for document in order][: len(max(several, key=len, default=()))]
    return {"memory": memory["hits"], "found": found}


async def _sought(caller: Caller, words: str, about: Told) -> list[Told]:
    types = ["note", "receipt", "handoff", "task"]
    hits = (await caller.call("search", words=words, types=types, **about))["hits"]
    assert isinstance(hits, list), "as `search` answers"
    return hits


async def _tasks(caller: Caller, given: Given) -> Told:
    about = {"project": given.get("project"), "limit": given.get("limit"), "session": await session_of(caller)}
    return await caller.call("task.list", filter=given.get("filter") or "ready", **about)


# ── notes ────────────────────────────────────────────────────────────────────────────────────────


async def _note(caller: Caller, given: Given) -> Told:
    path, text, mode = given.get("path"), str(given["text"]), given.get("mode") or "create"
    if mode == "create":
        return await _new_note(caller, str(path or ""), text, given)
    if not path:
        raise Misuse(f"{mode} needs the note's path, title or id", hint="`recall` finds it by its words.")
    if mode == "append":
        return await caller.call("note.edit", document=path, append=text, add_tags=given.get("tags"))
    if not given.get("old"):
        raise Misuse("replace needs old: the text that is replaced", hint="As it stands in the note, once.")
    return await caller.call("note.edit", document=path, old=given["old"], new=text, add_tags=given.get("tags"))


async def _new_note(caller: Caller, path: str, text: str, given: Given) -> Told:
    is_file = path.endswith(".md")
    stem = path.rpartition("/")[2].removesuffix(".md")
    first = next((line.strip("# ").strip() for line in text.splitlines() if line.strip("# ").strip()), "")
    title = (stem if is_file else path) or first[:_TITLE_CHARACTERS]
    if is_file and await caller.agent.store.notes(at=("home", path), limit=1):
        raise Misuse(f"there is a note at {path} already", hint="Append to it, or replace text in it.")
    where = path if is_file else None
    return await caller.call("note.add", title=title, body=text, path=where, tags=given.get("tags"))


# ── tasks ────────────────────────────────────────────────────────────────────────────────────────


async def _task(caller: Caller, given: Given) -> Told:
    task, status, notes, session = given.get("id"), given.get("status"), given.get("notes"), await session_of(caller)
    if not task:
        about = {"needs": given.get("needs"), "discovered_from": given.get("discovered_from")}
        where = caller.where(given.get("project"))
        told = await caller.call("task.add", title=given.get("title"), text=notes, **about, **where)
        task = told["document"]
        if not (given.get("claim") or status not in (None, "open")):
            return told
    told = {"document": task}
    if given.get("claim") or status == "in_progress":
        told = await caller.call("task.claim", id=task, session=session)
    if status == "done":
        told = await caller.call("task.done", id=task, receipt=given.get("receipt"), words=notes, session=session)
    elif status not in (None, "in_progress"):
        told = await caller.call("task.state", id=task, state=status, reason=notes, session=session)
    elif not given.get("claim") and status is None:
        return await caller.call("task.show", id=task)
    return told


# ── questions ────────────────────────────────────────────────────────────────────────────────────


async def _ask(caller: Caller, given: Given) -> Told:
    if handle := given.get("handle"):
        return await caller.call("ask.show", id=handle)
    if not given.get("question"):
        raise Misuse("ask needs a question, or the handle of one", hint="It answers with a handle at once.")
    seconds = given.get("expires_s")
    expires = seconds * 1000 if isinstance(seconds, int) else None
    about = {"options": given.get("options"), "default": given.get("default"), "expires_in_ms": expires}
    about["session"] = await session_of(caller)
    told = await caller.call("ask.new", question=given["question"], **about, **caller.where(None))
    return {**told, "handle": told["document"]}


_DOES: Mapping[str, Callable[[Caller, Given], Awaitable[Told | Answer]]] = {
    "continuity": _continuity,
    "pickup": _pickup,
    "handoff": _handoff,
    "receipt": _receipt,
    "remember": _remember,
    "recall": _recall,
    "note": _note,
    "tasks": _tasks,
    "task": _task,
    "ask": _ask,
}
