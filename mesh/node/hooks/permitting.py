"""A permission that a tool asks for, as a question that a person may answer on another device while the tool waits.

It never says yes or no by itself: without an answer in time the tool asks at its own place, as it would without us.
"""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

from mesh.limits import RANK_RELAY, SUMMARY_CHARACTERS_MAX
from mesh.node import clock
from mesh.node.hooks.happening import NOTHING, Happening, Reply, line, word
from mesh.node.hooks.once import once

if TYPE_CHECKING:
    from mesh.node.agent import Agent
    from mesh.node.hooks.doing import Doing
    from mesh.node.keeping import Told

ALLOW, DENY = "allow", "deny"
_DETAIL_CHARACTERS = 4000


async def permitted(doing: Doing) -> Reply:
    """Ask, and wait for the answer as long as the tool was told to. Raises MeshError."""
    event, happening = doing.event, doing.happening
    if event.late or event.wait_s <= 0 or not _somebody_else(doing.agent):
        return NOTHING
    expires_ms = clock.now_ms() + event.wait_s * 1000

    async def act() -> Told:
        return await doing.ask(
            "ask.new",
            question=_question(doing),
            options=[ALLOW, DENY],
            detail={"tool": happening.words, "input": _detail(happening), "cwd": happening.cwd},
            session=doing.trail.document,
            project=doing.trail.project,
            expires_ms=expires_ms,
        )

    asked = await once(doing.agent, event.id, act)
    if asked is None:  # it was asked before, and nobody waits any more
        return NOTHING
    told = await doing.agent.call("ask.take", {"id": asked["document"], "wait_ms": event.wait_s * 1000})
    answer = told.get("answer") if isinstance(told, dict) else None
    if not isinstance(answer, dict) or answer.get("option") not in {ALLOW, DENY}:
        return NOTHING
    who = answer.get("name")
    reason = str(answer.get("text") or "") or f"It was denied on {who}."
    return Reply(allowed=answer["option"] == ALLOW, reason=reason)


def _somebody_else(agent: Agent) -> bool:
    """Whether there is another device with a person: a relay reads nothing."""
    live = agent.engine.replica.verdict.live.values()
    return any(one.digest != agent.engine.own.admission and one.rank < RANK_RELAY for one in live)


def _question(doing: Doing) -> str:
    """In one line: who wants what."""
    given = doing.happening.detail
    what = word(given, "command", "file_path", "notebook_path", "url", "query", "pattern")
    about = f": {what}" if what else ""
    asked = line(f"May {doing.event.tool} use {doing.happening.words or 'a tool'}{about}", SUMMARY_CHARACTERS_MAX)
    return f"{asked}?"


def _detail(happening: Happening) -> object:
    """What the permission is for, where it is short enough to be read."""
    whole = json.dumps(happening.detail, ensure_ascii=False)
    return happening.detail if len(whole) <= _DETAIL_CHARACTERS else f"{whole[:_DETAIL_CHARACTERS]}…"
