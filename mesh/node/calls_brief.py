"""The call behind the morning view: what happened on which device since, what waits, what is wrong.

For an agent the same as Markdown within a budget. That a person saw it is kept, so that the next one goes on there.
"""

from __future__ import annotations

import contextlib
from typing import TYPE_CHECKING

from mesh.errors import MeshError, Misuse
from mesh.limits import BRIEF_TOKENS_DEFAULT, BRIEF_TOKENS_MAX, BRIEF_TOKENS_MIN, SEQ_MAX
from mesh.names import DocumentId
from mesh.node import agents, agreeing, calls_peers, calls_status, clock, presence, projects
from mesh.node.arguments import Arguments, number, text, yes
from mesh.node.briefs import marks, words
from mesh.node.briefs.gathering import Gathering, Wanted, goal_of
from mesh.node.keeping import Told
from mesh.state import sessions

if TYPE_CHECKING:
    from mesh.node.agent import Agent


async def brief(agent: Agent, arguments: Arguments) -> object:
    """What happened since, what waits, and how the devices are; `text` is all that for an agent."""
    name, now_ms = agents.name_in(arguments), clock.now_ms()
    seen = await marks.kept(agent)
    given = arguments.get("since_ms") is not None
    since_ms = number(arguments, "since_ms", 0, SEQ_MAX) if given else marks.since(seen, now_ms)
    wanted = Wanted(
        name, now_ms, since_ms, marks.row_at(seen, since_ms),
        await projects.chosen(agent, name, arguments), _session(arguments),
    )  # fmt: skip
    budget = number(arguments, "budget", BRIEF_TOKENS_DEFAULT, BRIEF_TOKENS_MAX)
    if budget < BRIEF_TOKENS_MIN:
        raise Misuse(f"a brief takes at least {BRIEF_TOKENS_MIN} tokens", hint="Leave the budget out, or give more.")
    told = await gathered(agent, wanted)
    told["text"] = words.written(told, budget)
    if yes(arguments, "shown") and not name:
        with contextlib.suppress(MeshError):  # a full disk must not keep anybody from reading
            await marks.remember(agent, now_ms)
    return told


async def gathered(agent: Agent, wanted: Wanted) -> Told:
    """All parts of a brief but its text."""
    found = await Gathering.read(agent, wanted)
    own = await found.session()
    points = [point for record in own for point in sessions.checkpoints(record)]
    waiting, answers = await found.questions()
    filed, unreported = await found.receipts()
    pending, usable = await found.memories()
    left = await found.handoffs()
    ready, rings = await found.tasks()
    peers = await calls_peers.peers(agent, await agreeing.shown(agent.engine))
    return {
        "as_of_ms": wanted.now_ms,
        "since_ms": wanted.since_ms,
        "project": wanted.project,
        "project_name": found.known.name(wanted.project),
        "session": wanted.session,
        "goal": goal_of(left, own),
        "checkpoint": sessions.told_checkpoint(points[0]) if points else None,
        "lost_claims": await found.lost_claims(),
        "handoffs": left,
        "questions": waiting,
        "answers": answers,
        "tasks": ready,
        "rings": rings,
        "memories": usable,
        "memories_pending": pending,
        "receipts": filed,
        "unreported": unreported,
        "sessions": await found.sessions(),
        "tasks_changed": await found.new_tasks(),
        "notes": await found.notes(),
        "conflicts": await found.conflicts(),
        "at_work": await presence.told(agent, wanted.name),
        "devices": _devices(agent, peers),
        "problems": [] if wanted.name else await calls_status.troubles(agent, peers),
    }


def _session(arguments: Arguments) -> str:
    said = text(arguments, "session") or ""
    if said and DocumentId.parse(said).type != sessions.KIND:
        raise Misuse(f"{said} is no session", hint="`mesh session list` shows those that there are.")
    return said


def _devices(agent: Agent, peers: list[dict[str, object]]) -> list[Told]:
    """This device, and how each other one is: when it told something last, and what is on its way."""
    own: Told = {"device": agent.device, "name": agent.held.name, "self": True, "connected": False}
    keys = ("device", "name", "connected", "heard_ms", "in_sync", "in_sync_ms", "we_lack", "they_lack", "doing")
    return [own, *({"self": False, **{key: peer[key] for key in keys}} for peer in peers)]
