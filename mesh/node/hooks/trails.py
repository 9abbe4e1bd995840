"""What the agent remembers of the sessions whose hooks reach it, until it ends: where each is, and what it was told.

All of it can be lost: a session goes on with the next thing that it tells.
"""

from __future__ import annotations

import asyncio
from dataclasses import dataclass, field

from mesh.limits import HOOK_ANSWERS_TOLD_MAX, HOOK_EVENTS_REMEMBERED_MAX, HOOK_SESSIONS_MAX


@dataclass(slots=True)
class Trail:
    """One session."""

    document: str
    cwd: str = ""
    project: str = ""
    prompt: str = ""
    """What it was asked to do last, in one line."""
    turn_ms: int = 0
    """When it was given news last."""
    waits: bool = False
    """For its person, as far as is known."""
    demanded: str = ""
    """The last change that it had made when it was asked for a receipt."""
    told: dict[str, None] = field(default_factory=dict)
    """Hand-offs and answers that it was told of."""

    def is_news(self, document: str) -> bool:
        """Whether it was never told of this; from now on it was."""
        if document in self.told:
            return False
        self.told[document] = None
        if len(self.told) > HOOK_ANSWERS_TOLD_MAX:
            del self.told[next(iter(self.told))]
        return True


class Trails:
    """All of them, by tool and the tool's own id; and which events of hooks are being worked on."""

    def __init__(self) -> None:
        """Nothing was heard yet."""
        self._found: dict[tuple[str, str], Trail] = {}
        self.under_way: set[str] = set()
        self._taken: dict[str, None] = {}
        self.spool = asyncio.Lock()
        self.acts = asyncio.Lock()
        self.done: list[str] | None = None
        """Events whose act was kept, as the store has them; None before it was read."""

    def get(self, tool: str, native: str) -> Trail | None:
        """The trail of a session, which is the latest now."""
        found = self._found.pop((tool, native), None)
        if found is not None:
            self._found[(tool, native)] = found
        return found

    def was_taken(self, event: str) -> bool:
        """Whether an event was taken in since the agent's start."""
        return event in self._taken

    def took(self, event: str) -> None:
        """An event was taken in."""
        self._taken[event] = None
        if len(self._taken) > HOOK_EVENTS_REMEMBERED_MAX:
            del self._taken[next(iter(self._taken))]

    def put(self, tool: str, native: str, trail: Trail) -> None:
        """Remember one; of too many the one that was silent for longest goes."""
        self._found[(tool, native)] = trail
        while len(self._found) > HOOK_SESSIONS_MAX:
            del self._found[next(iter(self._found))]
