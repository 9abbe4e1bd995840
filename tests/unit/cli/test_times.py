"""Times as people type them."""

from __future__ import annotations

import os
import time
from collections.abc import Iterator

import pytest

from mesh.cli.times import read_time
from mesh.errors import Misuse

NOW_S = 1_762_000_000  # 2025-11-01 12:26:40 UTC
DAY_MS = 86_400_000
NOON_MS = 1_761_998_400_000
MIDNIGHT_MS = NOON_MS - DAY_MS // 2


@pytest.fixture(autouse=True)
def in_utc(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """This machine is in UTC for the test."""
    monkeypatch.setenv("TZ", "UTC")
    time.tzset()
    yield
    os.environ.pop("TZ", None)
    time.tzset()


@pytest.mark.parametrize(
    ("typed", "moment_ms"),
    [
        ("now", NOW_S * 1000),
        ("2025-11-01", MIDNIGHT_MS),
        ("2025-11-01 12:00", NOON_MS),
        ("2025-11-01T12:00:00", NOON_MS),
        ("2025-11-01 13:00+01:00", NOON_MS),
        ("12:00", NOON_MS),
        ("today 12:00", NOON_MS),
        ("  Yesterday   12:00 ", NOON_MS - DAY_MS),
        ("yesterday", MIDNIGHT_MS - DAY_MS),
        ("tomorrow 12:00", NOON_MS + DAY_MS),
        ("90 minutes ago", NOW_S * 1000 - 5_400_000),
        ("1 hour ago", NOW_S * 1000 - 3_600_000),
        ("2 weeks ago", NOW_S * 1000 - 14 * DAY_MS),
        ("in 30 days", NOW_S * 1000 + 30 * DAY_MS),
        ("in 2h", NOW_S * 1000 + 7_200_000),
    ],
)
def test_what_people_type(typed: str, moment_ms: int) -> None:
    """Days, hours, and lengths from now."""
    assert read_time(typed, NOW_S) == moment_ms


@pytest.mark.parametrize(
    "typed",
    ["", "soon", "25:00", "yesterday noon", "3 moons ago", "in a while", "2025-13-01", "1", "99999999 days ago"],
)
def test_what_is_no_time(typed: str) -> None:
    """Nothing is guessed."""
    with pytest.raises(Misuse, match="no time"):
        read_time(typed, NOW_S)
