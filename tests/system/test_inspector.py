"""The full-screen inspector on a real terminal, before a real agent, with conflicts of real devices."""

from __future__ import annotations

import pytest

from tests.system.harness import Device, Fleet
from tests.system.terminal import Terminal
from tests.system.test_conflicts import conflicts, note

pytestmark = pytest.mark.system

ESC, ENTER, CONTROL_C, CONTROL_S, HOME = "\x1b", "\r", "\x03", "\x13", "\x1b[H"


@pytest.fixture
def apart(fleet: Fleet) -> tuple[Device, Device, str]:
    """Two devices that gave one note two titles, and its document."""
    one, other = fleet.linked(2)
    document = one.note("Garden", "Buy seeds.\n")
    fleet.converged()
    for device in (one, other):
        device.stop()
    for device in (one, other):
        device.done("note", "edit", document, "--title", f"by {device.name}")
    for device in (one, other):
        device.start()
    fleet.converged()
    return one, other, document


def test_a_person_takes_a_side_takes_it_back_and_leaves(apart: tuple[Device, Device, str], fleet: Fleet) -> None:
    """Goal: open, side by side, a key settles it on both devices, u brings it back, q leaves all as it was."""
    one, other, document = apart
    (conflict,) = conflicts(one)
    with Terminal(one.home, "inspect") as terminal:
        terminal.shows("1 open conflict", "by alder", "live")
        terminal.press(ENTER)
        terminal.shows("before they parted", "by birch", "u takes it back")
        terminal.press("2")
        terminal.shows("settled, on all devices", "No conflicts")
        fleet.wait("the other one hears of it", lambda: not conflicts(other))
        second = conflict["values"][1]["value"]  # type: ignore[index]
        assert note(other, document)["title"] == second
        terminal.press("s")
        terminal.shows("1 settlement")
        terminal.press(ESC)
        terminal.shows("No conflicts")
        terminal.press("u")
        terminal.shows("taken back, on all devices", "1 open conflict")
        terminal.press("q")
        assert terminal.ended() == 0
    fleet.converged()
    assert [each["values"] for each in conflicts(one)] == [each["values"] for each in conflicts(other)] != []
