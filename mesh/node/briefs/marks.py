"""How far back a brief looks, and what came late: the briefs that a person saw here, each with its place in the log.

So what was written long ago and came only now is told of too. The last few are kept as one setting; nothing is decided
by it.
"""

from __future__ import annotations

import json
import time
from collections.abc import Sequence
from typing import TYPE_CHECKING

from mesh.limits import BRIEF_MARKS_MAX

if TYPE_CHECKING:
    from mesh.node.agent import Agent

_KEPT = "brief/marks"
_WEEK_MS = 7 * 86_400_000
_DAYS_BACK = 1

Mark = tuple[int, int]
"""When a brief was shown, and the newest row of the log by then."""


async def kept(agent: Agent) -> tuple[Mark, ...]:
    """The last briefs, the oldest first."""
    found = json.loads(await agent.store.setting(_KEPT) or b"[]")
    return tuple((int(at), int(row)) for at, row in found)


async def remember(agent: Agent, now_ms: int) -> None:
    """A person sees a brief now. Raises MeshError."""
    new = (now_ms, agent.engine.shelf.last_row)
    marks = [mark for mark in await kept(agent) if mark[0] < now_ms]
    await agent.engine.remember(_KEPT, json.dumps([*marks, new][-BRIEF_MARKS_MAX:]).encode())


def since(marks: Sequence[Mark], now_ms: int) -> int:
    """From when on things are told: since the last brief, at least all of yesterday, at most a week."""
    day = time.localtime(now_ms / 1000)
    yesterday = time.mktime((day.tm_year, day.tm_mon, day.tm_mday - _DAYS_BACK, 0, 0, 0, 0, 0, -1))
    last = marks[-1][0] if marks else now_ms
    return max(now_ms - _WEEK_MS, min(last, int(yesterday * 1000)))


def row_at(marks: Sequence[Mark], since_ms: int) -> int | None:
    """The row after which things came late, for a brief since then: that of the last brief before, else the first.

    None where no brief was shown yet: then nothing is late.
    """
    before = [row for at, row in marks if at <= since_ms]
    return before[-1] if before else marks[0][1] if marks else None
