"""Presence: who is at work is told in bounded words, forgotten with the link, and over after silence."""

import pytest

from mesh.errors import Refused
from mesh.events import cbor
from mesh.limits import PRESENCE_MAX, WORD_REGISTER_BYTES_MAX
from mesh.names import DocumentId
from mesh.node import clock, presence, timing
from mesh.node.presence import AtWork, Presence

SESSION = str(DocumentId("home", "session", bytes(16)))
ONE = AtWork(SESSION, "claude", "mesh", "working", 1_700_000_000_000)


def test_who_is_at_work_travels_as_it_is() -> None:
    """As many as there is room for."""
    assert presence.decode(presence.encode([ONE])) == (ONE,)
    assert len(presence.decode(presence.encode([ONE] * 100))) == PRESENCE_MAX


@pytest.mark.parametrize(
    "value",
    [
        {}, [[]], [[SESSION, "claude", "mesh", "working"]], [["no session", "claude", "mesh", "working", 1]],
        [[SESSION, "claude", "mesh", "asleep", 1]], [[SESSION, "x" * (WORD_REGISTER_BYTES_MAX + 1), "", "idle", 1]],
        [[SESSION, "claude", "mesh", "working", "now"]], [[SESSION, "a", "b", "idle", 1]] * (PRESENCE_MAX + 1),
    ],
)  # fmt: skip
def test_what_is_no_such_list_is_refused(value: object) -> None:
    """A device may tell anything."""
    with pytest.raises(Refused):
        presence.decode(cbor.encode(value))
    with pytest.raises(Refused):
        presence.decode(b"\xff")


def test_a_session_is_at_work_until_it_is_over_or_silent(monkeypatch: pytest.MonkeyPatch) -> None:
    """Signs of life count by this device's clock; of too many the oldest are forgotten."""
    now = 1_000_000_000
    monkeypatch.setattr(clock, "now_ms", lambda: now)
    held = Presence()
    held.seen(SESSION)
    assert held.at_work(SESSION)
    assert held.news.is_set()
    now += int(timing.PRESENT_S_MAX * 1000)
    assert not held.at_work(SESSION)
    assert held.seen_ms(SESSION) == 1_000_000_000
    held.seen(SESSION)
    assert held.here() == (SESSION,)
    held.gone(SESSION)
    assert held.here() == ()
    for number in range(PRESENCE_MAX + 5):
        held.seen(str(number))
    assert held.here() == tuple(str(number) for number in range(5, PRESENCE_MAX + 5))


def test_what_a_device_told_goes_with_its_link() -> None:
    """Then nobody knows."""
    held = Presence()
    held.learned("dev", [ONE])
    assert held.at_work(SESSION)
    assert held.elsewhere() == {"dev": (ONE,)}
    held.learned("dev", [])
    assert held.elsewhere() == {}
    held.learned("dev", [ONE])
    held.parted("dev")
    assert not held.at_work(SESSION)
