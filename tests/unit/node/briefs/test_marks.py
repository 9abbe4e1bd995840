"""How far back a brief looks: to the last one, at least all of yesterday, at most a week."""

import time

import pytest

from mesh.node.briefs import marks

DAY_MS = 86_400_000
NOW = int(time.mktime((2026, 11, 27, 7, 30, 0, 0, 0, -1)) * 1000)
YESTERDAY = int(time.mktime((2026, 11, 26, 0, 0, 0, 0, 0, -1)) * 1000)


@pytest.mark.parametrize(
    ("last", "since"),
    [
        (None, YESTERDAY),  # the first brief there is
        (NOW - 60_000, YESTERDAY),  # a minute ago: still all of yesterday
        (NOW - 3 * DAY_MS, NOW - 3 * DAY_MS),  # after a long weekend
        (NOW - 30 * DAY_MS, NOW - 7 * DAY_MS),  # after a month a week is enough
    ],
)
def test_since(last: int | None, since: int) -> None:
    """As the person of this device last saw one."""
    assert marks.since([] if last is None else [(last, 5)], NOW) == since


def test_what_came_after_the_brief_before_came_late() -> None:
    """The row of the last brief before the time that is asked for; where that is older than any, of the first one."""
    seen = [(100, 10), (200, 20), (300, 30)]
    assert marks.row_at(seen, 250) == 20
    assert marks.row_at(seen, 300) == 30
    assert marks.row_at(seen, 50) == 10
    assert marks.row_at([], 50) is None
