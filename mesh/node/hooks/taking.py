"""Taking an event of a hook in: from a hook that waits for the answer, or out of the spool.

What looks like a secret goes before anything is kept or told. It knows no tool's form and no act.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import replace
from typing import TYPE_CHECKING

from mesh.errors import Busy, Misuse
from mesh.limits import HOOK_ID_CHARACTERS_MAX, SEQ_MAX
from mesh.node import clock, timing
from mesh.node.arguments import Arguments, needed, number, text, yes
from mesh.node.hooks import claude, doing, gemini
from mesh.node.hooks.doing import Event
from mesh.node.hooks.happening import Happening, Json, Reply, What, whole
from mesh.node.redaction import redacted, redacted_value

if TYPE_CHECKING:
    from mesh.node.agent import Agent

_TOOLS: Mapping[str, tuple[Callable[[Json], Happening | None], Callable[[What, Reply], Json]]] = {
    "claude": (claude.read, claude.said),
    "gemini": (gemini.read, gemini.said),
}


async def taken(agent: Agent, arguments: Arguments) -> Json:
    """Take one in; what the tool is to read. Raises MeshError: Unreachable where it should come again."""
    tool, name = needed(arguments, "tool"), needed(arguments, "id")
    body = whole(arguments.get("body"))
    if tool not in _TOOLS:
        raise Misuse(f"mesh reads no hooks of {tool!r}", hint=f"It knows {', '.join(_TOOLS)}.")
    if not isinstance(body, dict) or len(name) > HOOK_ID_CHARACTERS_MAX:
        raise Misuse("an event of a hook has an id and a body")
    read, said = _TOOLS[tool]
    happening = read(body)
    trails = agent.memory.trails
    if name in trails.under_way:
        raise Busy("this event is being worked on")
    if happening is None or trails.was_taken(name):
        return {}
    event = Event(
        name,
        tool,
        text(arguments, "as") or tool,
        min(number(arguments, "at_ms", 0, SEQ_MAX), clock.now_ms()),
        number(arguments, "wait_s", 0, timing.HOOK_WAIT_S_MAX),
        yes(arguments, "late"),
    )
    trails.under_way.add(name)
    try:
        reply = await doing.done(agent, event, _clean(happening))
        trails.took(name)
        return said(happening.what, reply)
    finally:
        trails.under_way.discard(name)


def _clean(happening: Happening) -> Happening:
    """The same without what looks like a secret. What a command printed is only digested, and stays as it is."""
    detail = redacted_value(happening.detail)
    return replace(
        happening,
        words=redacted(happening.words),
        text=redacted(happening.text),
        command=redacted(happening.command),
        detail=detail if isinstance(detail, dict) else {},
    )
