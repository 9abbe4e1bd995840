"""Who must leave the guests' door, by time and by address."""

from __future__ import annotations

from mesh.limits import GUEST_CONNECTIONS_PER_SOURCE_MAX
from mesh.node import timing
from mesh.node.transport.door import Door

NOW_S = 1000.0
SHARE = GUEST_CONNECTIONS_PER_SOURCE_MAX


def test_a_guest_stays_for_its_time() -> None:
    """Counted from when it was seen first; afterwards it goes, and is looked at until it is gone."""
    door = Door()
    assert door.leaving({7: "a"}, NOW_S) == []
    assert door.leaving({7: "a", 8: "b"}, NOW_S + timing.GUEST_STAY_S / 2) == []
    late_s = NOW_S + timing.GUEST_STAY_S
    assert door.leaving({7: "a", 8: "b"}, late_s) == [7]
    assert door.leaving({7: "a", 8: "b"}, late_s) == [7]
    assert door.leaving({8: "b"}, late_s) == []


def test_the_oldest_of_a_crowd_goes() -> None:
    """From one address more than its share; other addresses are not concerned."""
    crowd = dict.fromkeys(range(10, 10 + SHARE + 2), "a") | {1: "b", 99: "c"}
    assert Door().leaving(crowd, NOW_S) == [10, 11]
    assert Door().leaving({number: str(number) for number in range(50)}, NOW_S) == []


def test_numbers_are_not_remembered_for_ever() -> None:
    """Who left is forgotten: a long life of the server costs no memory."""
    door = Door()
    for number in range(1000):
        door.leaving({number: "a"}, NOW_S)
    assert len(door._since_s) == 1  # noqa: SLF001 - what it remembers is under test
