"""Calls about sessions: their tools tell when they begin, change and forget; people and agents look and go on.

A session is written when its state changes, never only since it is at work (presence.py).
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from mesh.limits import LIST_MAX, SEQ_MAX
from mesh.node import agents, clock, keeping, projects, subjects
from mesh.node.arguments import Arguments, needed, number, text, texts, yes
from mesh.node.claiming import device_name
from mesh.node.keeping import New, Registers, Told
from mesh.node.storage.store_port import RecordRow
from mesh.state import projects as project_core
from mesh.state import sessions
from mesh.state.projects import Known
from mesh.state.records import PROJECT, TITLE, Record, must_be_line

if TYPE_CHECKING:
    from mesh.node.agent import Agent

_LIST_DEFAULT = 20
_NAMED = ("agent", "model", "transcript", "from")


async def begin(agent: Agent, arguments: Arguments) -> object:
    """A session begins, or goes on; one that is known by its tool's id is that one."""
    name, tool = agents.name_in(arguments), needed(arguments, "tool")
    born = sessions.registers_of_birth(tool, needed(arguments, "native"), agent.device)
    new = New(sessions.KIND, born, salted=False)
    document, _ = new.birth()
    fresh = await agent.store.record(document) is None
    found = await projects.here(agent, name, text(arguments, "cwd") or "")
    await keeping.made(agent, name, new)
    given: dict[str, object] = {key: text(arguments, key) for key in _NAMED}
    given["agent"] = given["agent"] or name or tool
    if found:
        given |= {PROJECT: str(found[0].document), "branch": found[1].branch, "cwd": found[1].inside}

    def wanted(record: Record) -> Registers:
        known: dict[str, str] = {key: value for key, value in given.items() if isinstance(value, str) and value}
        return {**known, **sessions.state_registers(record, sessions.WORKING, clock.now_ms())}

    await keeping.changed(agent, name, document, wanted)
    agent.presence.seen(str(document))
    project = project_core.told(found[0]) if found else None
    return {"document": str(document), "fresh": fresh, "project": project}


async def state(agent: Agent, arguments: Arguments) -> object:
    """A session's state changed, or what it is about. What comes late about one that is over changes nothing."""
    name, row = await meant(agent, arguments)
    wanted, words = needed(arguments, "state"), text(arguments, "words")
    until = number(arguments, "until_ms", 0, SEQ_MAX) or None
    topic = {TITLE: must_be_line(words, "session's topic")} if words else {}

    def registers(record: Record) -> Registers:
        goal = {"goal": topic[TITLE]} if topic and not record.word("goal") else {}
        return {**topic, **goal, **sessions.state_registers(record, wanted, clock.now_ms(), until)}

    event = await keeping.changed(agent, name, row.record.document, registers)
    if wanted in sessions.OVER:
        agent.presence.gone(str(row.record.document))
    else:
        agent.presence.seen(str(row.record.document))
    return {"document": str(row.record.document), "event": event}


async def checkpoint(agent: Agent, arguments: Arguments) -> object:
    """What a session had come to, before its tool forgets it."""
    name, row = await meant(agent, arguments)
    summary = needed(arguments, "summary")
    still_open, files, at = texts(arguments, "open"), texts(arguments, "files"), clock.now_ms()
    event = await keeping.changed(
        agent,
        name,
        row.record.document,
        lambda record: sessions.checkpoint_registers(record, at, summary, still_open, files),
    )
    agent.presence.seen(str(row.record.document))
    return {"document": str(row.record.document), "event": event}


async def listed(agent: Agent, arguments: Arguments) -> object:
    """Sessions, the latest first: those that are not over, or all."""
    name = agents.name_in(arguments)
    limit = number(arguments, "limit", _LIST_DEFAULT, LIST_MAX)
    states = () if yes(arguments, "all") else sessions.OPEN
    device = text(arguments, "device")
    wanted = subjects.device_of(agent, device).digest if device else None
    project = await projects.chosen(agent, name, arguments)
    those = await projects.known(agent, name)
    ids = those.ids(project) if project else frozenset()
    rows = await keeping.listed(agent, name, (sessions.KIND,), states=states, limit=LIST_MAX)
    rows = [row for row in rows if not ids or row.record.word(PROJECT) in ids]
    rows = [row for row in rows if wanted is None or row.born.admission == wanted]
    return {"sessions": [told(agent, row, those) for row in rows[:limit]]}


async def show(agent: Agent, arguments: Arguments) -> object:
    """One session whole, with its checkpoints and how to go on with it."""
    name, row = await meant(agent, arguments)
    found = sessions.checkpoints(row.record)
    return {
        **told(agent, row, await projects.known(agent, name)),
        "checkpoints": [sessions.told_checkpoint(one) for one in found],
        "transcript": row.record.word("transcript"),
        "resume": await _resume(agent, name, row.record),
    }


async def resume(agent: Agent, arguments: Arguments) -> object:
    """How to go on with a session on this device: the command, in the folder that its project has here."""
    name, row = await meant(agent, arguments)
    return {"document": str(row.record.document), **await _resume(agent, name, row.record)}


async def _resume(agent: Agent, name: str, record: Record) -> Told:
    """The native command where the transcript is; elsewhere the command that begins anew, and what is missing."""
    here = record.word("device") == agent.device
    project = (await projects.known(agent, name)).get(record.word(PROJECT))
    top = project_core.path_on(project, agent.device) if project else ""
    path = "/".join(filter(None, (top, record.word("cwd")))) if top else ""
    why, hint = "", ""
    if not here:
        where = device_name(agent, record.word("device"))
        why = f"its transcript is on {where}, so a new session begins here"
        hint = "It gets the brief; what this one had come to is in `mesh session show`, what it left in `mesh pickup`."
    if project and not top:
        remotes = project_core.remotes(project)
        clone = f"Clone {remotes[0]} here" if remotes else "Clone it here"
        why = f"{project_core.name_of(project)} was never met on this device"
        hint = f"{clone}, then `mesh brief --project .` in its folder, so that mesh knows where it is."
    command = (sessions.resume_command if here else sessions.begin_command)(record, path)
    return {"command": command, "native": here, "path": path or None, "why": why, "hint": hint}


def told(agent: Agent, row: RecordRow, those: Known) -> Told:
    """A session, for answers."""
    own = sessions.told(row.record)
    return {
        **keeping.told(agent, row),
        **own,
        "device_name": device_name(agent, row.record.word("device")),
        "project_name": those.name(row.record.word(PROJECT)),
        "at_work": agent.presence.at_work(str(row.record.document)),
    }


async def meant(agent: Agent, arguments: Arguments) -> tuple[str, RecordRow]:
    """The session that a call is about: by its document, the beginning of it, or its tool's own id. Raises Misuse."""
    name, said = agents.name_in(arguments), needed(arguments, "id")
    if "/" not in said:
        rows = await keeping.listed(agent, name, (sessions.KIND,), search=said)
        native = [row for row in rows if row.record.word("native") == said]
        if len(native) == 1:
            return name, native[0]
    return name, await keeping.chosen(agent, name, said, (sessions.KIND,))
