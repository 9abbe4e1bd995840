"""The wall clock, where a person's time is meant: in milliseconds, and as a day in words.

No order and no decision of the mesh rests on it but where a grant ends, by the clock of who writes.
"""

from __future__ import annotations

import time


def now_ms() -> int:
    """Now."""
    return time.time_ns() // 1_000_000


def day(time_ms: int | None) -> str:
    """A moment in the zone of this machine, to the minute."""
    if time_ms is None:
        return "-"
    try:
        return time.strftime("%Y-%m-%d %H:%M", time.localtime(time_ms / 1000))
    except (OverflowError, ValueError, OSError):
        return "?"
