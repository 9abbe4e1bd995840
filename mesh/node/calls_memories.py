"""Calls about memories: saying one, finding some, and what a person makes of those of agents.

Who said a memory is what the caller is, not what it says of itself.
"""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from mesh.events.kinds import Value
from mesh.limits import LIST_MAX, SEQ_MAX
from mesh.names import DocumentId
from mesh.node import agents, clock, evidence, keeping, projects, seeking
from mesh.node.arguments import Arguments, needed, number, text, texts, yes
from mesh.node.keeping import New, Registers, Told, Wanted
from mesh.node.redaction import counted
from mesh.node.storage.store_port import RecordRow
from mesh.state import memories
from mesh.state.memories import Said
from mesh.state.records import PROJECT, Record

if TYPE_CHECKING:
    from mesh.node.agent import Agent

_LIST_DEFAULT, _RECALL_DEFAULT = 100, 20


async def add(agent: Agent, arguments: Arguments) -> object:
    """Remember one thing."""
    name, now_ms = agents.name_in(arguments), clock.now_ms()
    words, left_out = needed(arguments, "text"), 0
    if name or not yes(arguments, "as_is"):
        words, left_out = counted(words)
    old_id = text(arguments, "supersedes")
    old = (await keeping.chosen(agent, name, old_id, memories.TYPES)).record if old_id else None
    project = await projects.chosen(agent, name, arguments) or (old.word(PROJECT) if old else "")
    about: dict[str, Value] = {
        PROJECT: project,
        "session": text(arguments, "session"),
        "at": now_ms,
        "expires": _expires(arguments, now_ms),
        "supersedes": str(old.document) if old else "",
    }
    kind = text(arguments, "kind") or (old.word("kind") if old else "fact")
    scope = text(arguments, "scope") or (old.word("scope") if old else "")
    wanted = Said(
        words,
        kind,
        scope or (memories.PROJECT if project else memories.GLOBAL),
        name or memories.HUMAN,
        [counted(one)[0] for one in _several(arguments, "evidence")],
        await _recheck(_several(arguments, "recheck"), text(arguments, "cwd") or ""),
        about,
    )
    what = memories.DECISION if kind == "decision" else memories.KIND
    space = text(arguments, "space") or keeping.SPACE
    document, born = New(what, memories.registers(wanted, old), space=space).birth()
    changes: dict[DocumentId, Wanted] = {}
    if old is not None and memories.takes_effect(wanted, old):
        changes[old.document] = _giving_way(str(document))
    await keeping.said_together(agent, name, [(document, born)], changes)
    state = memories.first_state(wanted, old)
    return {"document": str(document), "state": state, "scope": wanted.scope, "redacted": left_out}


def _giving_way(new: str) -> Wanted:
    def wanted(record: Record) -> Registers:
        return memories.superseding(record, new)

    return wanted


def _expires(arguments: Arguments, now_ms: int) -> int | None:
    in_ms = number(arguments, "expires_in_ms", 0, SEQ_MAX - now_ms)
    return number(arguments, "expires_ms", 0, SEQ_MAX) or (now_ms + in_ms if in_ms else None)


def _several(arguments: Arguments, key: str) -> tuple[str, ...]:
    """A list of texts, or one text."""
    value = arguments.get(key)
    return texts({key: [value]} if isinstance(value, str) and value else arguments if value else {}, key)


async def _recheck(paths: Sequence[str], cwd: str) -> list[dict[str, object]]:
    """The files that a memory is about, as they are now."""
    places = [Path(cwd, path) for path in paths]
    found = [(str(place), await asyncio.to_thread(evidence.digest_of, place)) for place in places]
    return [{"path": path, "digest": digest} for path, digest in found if digest]


async def listed(agent: Agent, arguments: Arguments) -> object:
    """Memories, the latest first: those that count and those that wait; `all`: also those that do not."""
    name, limit = agents.name_in(arguments), number(arguments, "limit", _LIST_DEFAULT, LIST_MAX)
    ids = await _ids(agent, name, arguments)
    rows = await keeping.listed(agent, name, memories.TYPES)
    wanted = text(arguments, "state")
    found = [await told(agent, row) for row in rows if not ids or row.record.word(PROJECT) in {*ids, ""}]
    if wanted:
        found = [one for one in found if one["state"] == wanted]
    elif not yes(arguments, "all"):
        found = [one for one in found if one["state"] in {*memories.USABLE, memories.PENDING, memories.STALE}]
    return {"memories": found[:limit]}


async def show(agent: Agent, arguments: Arguments) -> object:
    """One memory."""
    row = await _meant(agent, arguments)
    return await told(agent, row)


async def recall(agent: Agent, arguments: Arguments) -> object:
    """What is remembered about something, the best first; what was superseded or is stale says so and comes last.

    An agent does not get what waits for a person, or was rejected.
    """
    name, limit = agents.name_in(arguments), number(arguments, "limit", _RECALL_DEFAULT, LIST_MAX)
    ids, kinds = await _ids(agent, name, arguments), _several(arguments, "kind")
    rows = await seeking.sought(agent, name, needed(arguments, "query"), memories.TYPES)
    rows = [row for row in rows if not ids or row.record.word(PROJECT) in {*ids, ""}]
    found = [await told(agent, row) for row in rows if not kinds or row.record.word("kind") in kinds]
    hidden = {memories.REJECTED, *((memories.PENDING,) if name else ())}
    found = [one for one in found if one["state"] not in hidden]
    found.sort(key=lambda one: one["state"] not in {*memories.USABLE, memories.PENDING})
    return {"hits": found[:limit]}


async def approve(agent: Agent, arguments: Arguments) -> object:
    """Stand for a memory of an agent; what it supersedes gives way now."""
    row = await _meant(agent, arguments)
    changes: dict[DocumentId, Wanted] = {row.record.document: memories.approved}
    if before := row.record.word("supersedes"):
        changes[DocumentId.parse(before)] = _giving_way(str(row.record.document))
    await keeping.said_together(agent, "", [], changes)
    return {"document": str(row.record.document), "state": memories.APPROVED}


async def reject(agent: Agent, arguments: Arguments) -> object:
    """Do away with a memory; it stays in the log."""
    row = await _meant(agent, arguments)
    await keeping.changed(agent, "", row.record.document, memories.rejected)
    return {"document": str(row.record.document), "state": memories.REJECTED}


async def supersede(agent: Agent, arguments: Arguments) -> object:
    """Say a memory anew, in place of another one."""
    return await add(agent, {**arguments, "supersedes": needed(arguments, "id")})


async def _meant(agent: Agent, arguments: Arguments) -> RecordRow:
    return await keeping.chosen(agent, agents.name_in(arguments), needed(arguments, "id"), memories.TYPES)


async def _ids(agent: Agent, name: str, arguments: Arguments) -> frozenset[str]:
    project = await projects.chosen(agent, name, arguments)
    return (await projects.known(agent, name)).ids(project) if project else frozenset()


async def told(agent: Agent, row: RecordRow) -> Told:
    """A memory, for answers."""
    changed = await asyncio.to_thread(_is_changed, row.record)
    own = memories.told(row.record, clock.now_ms(), changed=changed)
    common = keeping.told(agent, row)
    return {**common, **own, "author": common["created"]}


def _is_changed(record: Record) -> bool:
    """Whether a file that a memory is about is here and another one now."""
    for one in record.maps("recheck"):
        path, digest = one.get("path"), one.get("digest")
        if isinstance(path, str) and Path(path).is_absolute():
            now = evidence.digest_of(Path(path))
            if now and now != digest:
                return True
    return False
