"""What becomes of a happening: the session, its evidence, a checkpoint, a hand-off, a task; and what the tool is told.

Everything is asked of the agent's own calls, in the name of the tool's principal, so its grants hold here as well.
"""

from __future__ import annotations

import hashlib
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING

from mesh.errors import Refused
from mesh.limits import HOOK_TEXT_CHARACTERS_MAX, LIST_MAX, SUMMARY_CHARACTERS_MAX
from mesh.node import clock, keeping
from mesh.node.hooks import permitting
from mesh.node.hooks.happening import NOTHING, Happening, Reply, What, line
from mesh.node.hooks.once import once
from mesh.node.hooks.trails import Trail
from mesh.node.keeping import Told
from mesh.state import claims, sessions, tasks

if TYPE_CHECKING:
    from mesh.node.agent import Agent

_FILES_TOLD = 40  # files that a checkpoint or a hand-off of the machine names, the latest
_RUNS_TOLD = 3  # commands in it
_NEWS_TOLD = 5  # things that a session is told of with one prompt
_TITLE_CHARACTERS = 200
_MODEL_CHARACTERS, _PATH_CHARACTERS = 60, 1000


_WRITES = frozenset({What.STARTED, What.STOPPED, What.FORGETTING, What.LIMITED, What.ENDED})
"""After these its transcript is kept, where the person wants that."""


@dataclass(frozen=True, slots=True)
class Event:
    """One event of a hook, as it reached the agent."""

    id: str
    tool: str
    principal: str
    at_ms: int
    wait_s: int = 0
    late: bool = False
    """It comes out of the spool: nobody reads an answer."""


@dataclass(frozen=True, slots=True)
class Doing:
    """One happening in one session."""

    agent: Agent
    event: Event
    happening: Happening
    trail: Trail

    async def ask(self, call: str, **arguments: object) -> Told:
        """A call in the principal's name; what is empty is left out. Raises MeshError."""
        given = {key: value for key, value in arguments.items() if value not in (None, "", [])}
        found = await self.agent.call(call, {**given, "as": self.event.principal})
        assert isinstance(found, dict), call
        return found

    async def state(self, state: str, words: str = "") -> None:
        """The session is in another state."""
        self.trail.waits = state in {sessions.WAITING_PERMISSION, sessions.WAITING_INPUT}
        await self.ask("session.state", id=self.trail.document, state=state, words=words)


async def done(agent: Agent, event: Event, happening: Happening) -> Reply:
    """Do what follows from a happening. Raises MeshError."""
    if not happening.native:
        raise Refused(f"{event.tool} tells of no session", hint="`session_id` is missing in what its hook sent.")
    trail = await _trail(agent, event, happening)
    agent.presence.seen(trail.document)
    reply = await _DOES[happening.what](Doing(agent, event, happening, trail))
    if happening.what in _WRITES:
        calm = happening.what in {What.STARTED, What.STOPPED}
        await agent.transcripts.told(trail.document, happening.transcript, calm=calm)
    return reply


async def _trail(agent: Agent, event: Event, happening: Happening) -> Trail:
    """The session's trail; it begins in the mesh where it is new here, starts again or is elsewhere now."""
    trail = agent.memory.trails.get(event.tool, happening.native)
    moved = trail is not None and happening.what in {What.STARTED, What.MOVED}
    if trail is not None and not moved:
        return trail
    given = {
        "tool": event.tool, "native": happening.native, "cwd": happening.cwd, "as": event.principal,
        "model": line(happening.model, _MODEL_CHARACTERS), "transcript": line(happening.transcript, _PATH_CHARACTERS),
    }  # fmt: skip
    found = await agent.call("session.begin", {key: value for key, value in given.items() if value})
    assert isinstance(found, dict), "a session"
    trail = trail or Trail(str(found["document"]))
    trail.cwd = happening.cwd or trail.cwd
    project = found["project"]
    trail.project = str(project["document"]) if isinstance(project, dict) else ""
    agent.memory.trails.put(event.tool, happening.native, trail)
    return trail


# ── at work ──────────────────────────────────────────────────────────────────────────────────────


async def _started(doing: Doing) -> Reply:
    """It gets the brief, also after its context was made shorter."""
    doing.trail.turn_ms = clock.now_ms()
    if doing.event.late:
        return NOTHING
    told = await doing.ask("brief", cwd=doing.trail.cwd, session=doing.trail.document)
    for one in (*_maps(told, "handoffs"), *_maps(told, "answers")):
        doing.trail.is_news(str(one.get("document")))
    return Reply(context=str(told.get("text", "")))


async def _prompted(doing: Doing) -> Reply:
    """It works on something, and is told in a few lines what came since it was told last."""
    trail = doing.trail
    trail.prompt = line(doing.happening.words, _TITLE_CHARACTERS)
    await doing.state(sessions.WORKING, trail.prompt)
    since_ms, trail.turn_ms = trail.turn_ms, clock.now_ms()
    if doing.event.late or not since_ms:
        return NOTHING
    lost = await doing.ask("claims.lost", session=trail.document, fresh=True)
    told = await doing.ask("brief", cwd=trail.cwd, session=trail.document, since_ms=since_ms)
    lines = [f"“{one.get('title')}” is done by another one now: leave it." for one in _maps(lost, "lost")]
    lines += [
        f"A new hand-off waits: “{one.get('title')}” ({one.get('document')})."
        for one in _maps(told, "handoffs")
        if trail.is_news(str(one.get("document")))
    ]
    lines += [
        f"“{one.get('title')}” was answered: {one.get('answer')}."
        for one in _maps(told, "answers")
        if trail.is_news(str(one.get("document")))
    ]
    return Reply(context="\n".join(["From the mesh:", *lines[:_NEWS_TOLD]]) if lines else "")


async def _ran(doing: Doing) -> Reply:
    """A command ended: evidence. What it printed is only digested, and only where all of it came."""
    happening = doing.happening
    whole = not doing.event.late and len(happening.output) < HOOK_TEXT_CHARACTERS_MAX
    digest = hashlib.sha256(happening.output.encode(errors="replace")).hexdigest() if whole else ""
    if happening.command.strip():
        await _evidence(doing, claims.RUN, command=happening.command, exit=happening.exit, output_sha=digest)
    return NOTHING


async def _edited(doing: Doing) -> Reply:
    """A file was written: evidence, with its digest as the agent finds it."""
    await _evidence(doing, claims.FILE, path=doing.happening.path)
    return NOTHING


async def _evidence(doing: Doing, kind: str, **about: object) -> None:
    cwd = doing.happening.cwd or doing.trail.cwd
    given = {key: value for key, value in about.items() if value not in (None, "")}
    arguments = {
        **given, "kind": kind, "session": doing.trail.document, "cwd": cwd, "id": doing.event.id,
        "at_ms": doing.event.at_ms,
    }  # fmt: skip
    await doing.agent.call("evidence.add", arguments)
    await doing.ask("claims.renew", session=doing.trail.document)
    if doing.trail.waits:  # it was answered at its own place
        await doing.state(sessions.WORKING)


async def _forgetting(doing: Doing) -> Reply:
    """What it had come to is kept before the tool makes its context shorter."""
    files, runs = await _traces(doing)
    wanted = line(doing.happening.text, HOOK_TEXT_CHARACTERS_MAX)
    summary = "; ".join(part for part in (doing.trail.prompt, wanted, *runs) if part)
    await doing.ask(
        "session.checkpoint",
        id=doing.trail.document,
        summary=(summary or "Its context was made shorter.")[:HOOK_TEXT_CHARACTERS_MAX],
        open=[title for title, _ in await _own_tasks(doing)],
        files=files,
    )
    return NOTHING


async def _waiting(doing: Doing) -> Reply:
    waits = sessions.WAITING_PERMISSION if doing.happening.permission else sessions.WAITING_INPUT
    await doing.state(waits)
    return NOTHING


async def _moved(_doing: Doing) -> Reply:
    """Its project was looked at anew when it began there."""
    return NOTHING


# ── ends ─────────────────────────────────────────────────────────────────────────────────────────


async def _limited(doing: Doing) -> Reply:
    """The work goes to whoever picks it up: the machine writes the hand-off, once."""
    await doing.state(sessions.RATE_LIMITED)
    files, runs = await _traces(doing)
    own = await _own_tasks(doing)
    shown = await doing.ask("session.show", id=doing.trail.document)
    goal = str(shown.get("goal") or "") or doing.trail.prompt or f"The work of {doing.event.tool} that was cut off"
    remaining = [title for title, _ in own] or [f"Go on with: {doing.trail.prompt or goal}"]
    context = [f"{doing.event.tool} reached its rate limit, and could not write this itself.", *runs]
    if doing.happening.words:
        context.append(f"It said last: {doing.happening.words[:HOOK_TEXT_CHARACTERS_MAX]}")

    async def act() -> Told:
        return await doing.ask(
            "handoff.new",
            goal=goal,
            reason="rate_limit",
            remaining=remaining,
            files=files,
            session=doing.trail.document,
            project=doing.trail.project,
            context="\n".join(context),
        )

    await once(doing.agent, doing.event.id, act)
    return NOTHING


async def _stopped(doing: Doing) -> Reply:
    """It thinks that it is done: what it has stays its own; what it changed it must tell, and is asked once."""
    await doing.ask("claims.renew", session=doing.trail.document)
    demand = "" if doing.event.late or doing.happening.anew else await _demand(doing)
    await doing.state(sessions.WORKING if demand else sessions.IDLE)
    return Reply(demand=demand)


async def _demand(doing: Doing) -> str:
    """What it is asked for before it stops; nothing where nothing is owed, or it was asked since the last change."""
    owed = await doing.ask("receipt.owed", session=doing.trail.document)
    traces = await doing.agent.evidence.of(doing.trail.document)
    last = next((trace.id for trace in reversed(traces) if trace.kind != claims.RUN), "")
    if not owed.get("owed") or last == doing.trail.demanded:
        return ""
    doing.trail.demanded = last
    changed = [str(one.get("ref")) for one in _maps(owed, "changed")]
    named = ", ".join(changed[:_NEWS_TOLD]) + (", …" if len(changed) > _NEWS_TOLD else "")
    return (
        f"You changed {named}, and no receipt tells of it. File one with the tool `receipt` of the MCP server "
        "`mesh`: what you changed and why, what you claim with the command that shows it, and what you did not do. "
        "Claim only what you ran. If the work is not done, leave a `handoff` as well."
    )


async def _ended(doing: Doing) -> Reply:
    """It is over: what it changed and did not tell of gets a draft that the machine writes."""
    await doing.agent.call("receipt.draft", {"session": doing.trail.document})
    await doing.state(sessions.ENDED)
    return NOTHING


# ── tasks ────────────────────────────────────────────────────────────────────────────────────────


async def _task_made(doing: Doing) -> Reply:
    happening = doing.happening

    async def act() -> Told:
        title = line(happening.words, _TITLE_CHARACTERS) or f"A task of {doing.event.tool}"
        return await doing.ask(
            "task.add",
            title=title,
            text=happening.text[:HOOK_TEXT_CHARACTERS_MAX],
            project=doing.trail.project,
            external=_external(doing),
        )

    await once(doing.agent, doing.event.id, act)
    return NOTHING


async def _task_done(doing: Doing) -> Reply:
    """The tool says so; that is what the task is told, too."""
    rows = await keeping.listed(doing.agent, doing.event.principal, (tasks.KIND,), limit=LIST_MAX)
    found = [row.record for row in rows if row.record.word("external") == _external(doing)]
    if found and not tasks.is_over(found[0]):
        words = f"{doing.event.tool} says that it is done"
        await doing.ask("task.done", id=str(found[0].document), words=words, session=doing.trail.document)
    return NOTHING


def _external(doing: Doing) -> str:
    return line(f"{doing.event.tool}:{doing.happening.native}:{doing.happening.task}", _TITLE_CHARACTERS)


# ── what the machine knows ───────────────────────────────────────────────────────────────────────


async def _traces(doing: Doing) -> tuple[list[str], list[str]]:
    """The files that a session changed, the latest last, and in words how its last commands ended."""
    found = await doing.agent.evidence.of(doing.trail.document)
    files = list(dict.fromkeys(trace.path for trace in reversed(found) if trace.path))[:_FILES_TOLD]
    runs = [trace for trace in found if trace.kind == claims.RUN and trace.exit is not None][-_RUNS_TOLD:]
    told = [f"`{trace.command}` ended with {trace.exit}"[:SUMMARY_CHARACTERS_MAX] for trace in runs]
    return files[::-1], told


async def _own_tasks(doing: Doing) -> list[tuple[str, str]]:
    """Title and document of the tasks that it is at."""
    told = await doing.ask("task.list", filter="mine", session=doing.trail.document)
    return [(str(one.get("title")), str(one.get("document"))) for one in _maps(told, "tasks")]


def _maps(told: Told, key: str) -> list[Mapping[str, object]]:
    found = told.get(key)
    return [one for one in found if isinstance(one, dict)] if isinstance(found, list) else []


async def _asked(doing: Doing) -> Reply:
    """It wants a permission; where nobody elsewhere answers, it waits at its own place."""
    await doing.state(sessions.WAITING_PERMISSION)
    reply = await permitting.permitted(doing)
    if reply.allowed is not None:
        await doing.state(sessions.WORKING)
    return reply


_DOES: Mapping[What, Callable[[Doing], Awaitable[Reply]]] = {
    What.STARTED: _started,
    What.PROMPTED: _prompted,
    What.RAN: _ran,
    What.EDITED: _edited,
    What.FORGETTING: _forgetting,
    What.LIMITED: _limited,
    What.STOPPED: _stopped,
    What.ASKED: _asked,
    What.WAITING: _waiting,
    What.TASK_MADE: _task_made,
    What.TASK_DONE: _task_done,
    What.MOVED: _moved,
    What.ENDED: _ended,
}
