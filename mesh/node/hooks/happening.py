"""What happened in a tool, whichever tool it was, and what it is to be told. Values only."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import Enum

Json = Mapping[str, object]
_DEPTH_MAX = 16  # of what tools send: they nest four deep


class What(Enum):
    """The kinds of what happens."""

    STARTED = "started"
    PROMPTED = "prompted"
    RAN = "ran"
    """A command ended."""
    EDITED = "edited"
    """A file was written."""
    FORGETTING = "forgetting"
    """The tool is about to make its context shorter."""
    LIMITED = "limited"
    """The service wants no more for now."""
    STOPPED = "stopped"
    """The agent thinks that it is done."""
    ASKED = "asked"
    """It wants a permission, and the tool waits for a yes or no."""
    WAITING = "waiting"
    """The tool waits for its person."""
    TASK_MADE = "task made"
    TASK_DONE = "task done"
    MOVED = "moved"
    """It is in another folder now."""
    ENDED = "ended"


@dataclass(frozen=True, slots=True)
class Happening:
    """One thing that happened."""

    what: What
    native: str
    """The session, as the tool calls it."""
    cwd: str = ""
    transcript: str = ""
    model: str = ""
    words: str = ""
    """A prompt, a message, a task's title; for a permission, the tool that wants it."""
    text: str = ""
    """More of it: a task's description, what somebody wants kept."""
    anew: bool = False
    """Of a start: after its context was made shorter; of a stop: after it was asked for something once."""
    permission: bool = False
    """Of waiting: for a permission, not for words."""
    command: str = ""
    exit: int | None = None
    """How a command ended; None where that is not known."""
    output: str = ""
    path: str = ""
    task: str = ""
    """The tool's own id of it."""
    detail: Json = field(default_factory=dict)
    """Of a permission: what it is to be used for."""


@dataclass(frozen=True, slots=True)
class Reply:
    """What the tool is to be told; nothing, unless something is set."""

    context: str = ""
    """For the agent, beside what it knows."""
    demand: str = ""
    """Why it should not stop yet."""
    allowed: bool | None = None
    """What a person said to a permission."""
    reason: str = ""
    """In their words."""


NOTHING = Reply()


def word(body: Json, *keys: str) -> str:
    """The first of some texts that is there."""
    for key in keys:
        found = body.get(key)
        if isinstance(found, str) and found:
            return found
    return ""


def whole(value: object, depth: int = 0) -> object:
    """JSON with texts that can be kept: a tool cuts them anywhere, and half a character is none; nor is NUL."""
    if isinstance(value, str):
        return value.encode(errors="replace").decode().replace("\0", "")
    if depth > _DEPTH_MAX:
        return None
    if isinstance(value, dict):
        return {str(whole(key)): whole(one, depth + 1) for key, one in value.items()}
    return [whole(one, depth + 1) for one in value] if isinstance(value, list) else value


def line(text: str, characters_max: int) -> str:
    """A text as one line, without what only moves a terminal."""
    return " ".join("".join(one if one >= " " and one != "\x7f" else " " for one in text).split())[:characters_max]


def inner(body: Json, key: str) -> Json:
    """A map in it; empty where there is none."""
    found = body.get(key)
    return found if isinstance(found, dict) else {}
