"""Times as people type them, in the zone of this machine: a day, a day and an hour, how long ago, in how long.

It looks at the clock once, and guesses nothing: what it does not know is Misuse.
"""

from __future__ import annotations

import re
import time
from datetime import datetime, timedelta

from mesh.errors import Misuse

_UNITS = {"minute": 60, "min": 60, "hour": 3600, "h": 3600, "day": 86_400, "d": 86_400, "week": 604_800, "w": 604_800}
_LENGTH = re.compile(r"(\d{1,5})\s*([a-z]+?)s?\Z")
_HINT = 'For example: 2027-01-01, "2027-01-01 14:00", "yesterday 14:00", "2 hours ago", "in 30 days".'


def read_time(typed: str, now_s: float | None = None) -> int:
    """A moment in milliseconds. Raises Misuse."""
    now = datetime.fromtimestamp(time.time() if now_s is None else now_s).astimezone()
    words = " ".join(typed.strip().lower().split())
    found = _relative(words, now) or _named(words, now) or _written(words)
    if found is None:
        raise Misuse(f"{typed[:40]!r} is no time", hint=_HINT)
    return int(found.timestamp() * 1000)


def _relative(words: str, now: datetime) -> datetime | None:
    ago, ahead = words.removesuffix(" ago"), words.removeprefix("in ")
    given = ago if ago != words else ahead if ahead != words else ""
    match = _LENGTH.match(given)
    seconds = _UNITS.get(match[2]) if match else None
    if match is None or seconds is None:
        return None
    length = timedelta(seconds=int(match[1]) * seconds)
    return now - length if given is ago else now + length


def _named(words: str, now: datetime) -> datetime | None:
    if words == "now":
        return now
    day, _, hour = words.partition(" ")
    days = {"yesterday": -1, "today": 0, "tomorrow": 1}.get(day)
    if days is None:
        days, hour = 0, words  # an hour alone is one of today
        if ":" not in words or "-" in words:
            return None
    try:
        at = datetime.strptime(hour or "00:00", "%H:%M").time()  # noqa: DTZ007 - the zone is this machine's
    except ValueError:
        return None
    return datetime.combine((now + timedelta(days=days)).date(), at).astimezone()


def _written(words: str) -> datetime | None:
    try:
        return datetime.fromisoformat(words.replace(" ", "T", 1).upper()).astimezone()
    except (ValueError, OverflowError, OSError):
        return None
