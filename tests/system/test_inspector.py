"""The full-screen inspector on a real terminal, before a real agent, with conflicts of real devices."""

from __future__ import annotations

import os
import signal
from pathlib import Path

import pytest

from tests.system.harness import Device, Fleet
from tests.system.terminal import ALTERNATE, Terminal
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
        terminal.shows("1 open conflict", "by ", "live")
        terminal.press(ENTER)
        terminal.shows("before they parted", "by alder", "by birch", "u takes it back")
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


@pytest.mark.parametrize(
    ("term", "env"), [("xterm-256color", {"NO_COLOR": "1"}), ("vt100", {}), ("linux", {}), ("screen", {})], ids=str
)
def test_it_works_on_plain_terminals(term: str, env: dict[str, str], fleet: Fleet) -> None:
    """Goal: no terminal has to answer a question or know colours; nothing of a colour is sent where none is wanted."""
    (one,) = fleet.joined(1)
    one.start().note("Garden")
    with Terminal(one.home, "inspect", columns=80, lines=24, TERM=term, COLORTERM="", **env) as terminal:
        terminal.shows("No conflicts", "live", "Help")
        terminal.press("?")
        terminal.shows("keys and signs", "Side by side")
        terminal.press(ESC)
        terminal.shows("No conflicts")
        terminal.size(50, 200)
        terminal.shows("No conflicts")
        terminal.press("q")
        assert terminal.ended() == 0
        if term == "vt100" or env:
            assert b"38;2;" not in terminal.drawn, "true colours"
            assert b"38;5;" not in terminal.drawn, "256 colours"


def test_a_dumb_terminal_is_told_the_plain_command(fleet: Fleet) -> None:
    """Goal: it refuses in two lines, draws nothing, and names what does without a screen."""
    (one,) = fleet.joined(1)
    with Terminal(one.home, "inspect", TERM="dumb") as terminal:
        terminal.shows("TERM=dumb", "mesh conflicts")
        assert terminal.ended() == 2
        assert ALTERNATE not in terminal.drawn


def test_however_it_ends_the_terminal_is_as_it_was(fleet: Fleet) -> None:
    """Goal: Ctrl-C, SIGTERM, and a home that cannot be opened: the screen, the cursor and the modes are back."""
    (one,) = fleet.joined(1)
    one.start()
    with Terminal(one.home, "inspect") as terminal:
        terminal.shows("No conflicts", "live")
        terminal.press(CONTROL_C)
        assert terminal.ended() == 130
    with Terminal(one.home, "inspect") as terminal:
        terminal.shows("No conflicts", "live")
        os.kill(terminal.pid, signal.SIGTERM)
        assert terminal.ended() == 128 + signal.SIGTERM
    with Terminal(fleet.folder / "nothing", "inspect") as terminal:
        terminal.shows("belongs to no mesh yet")
        assert terminal.ended() == 2
        assert ALTERNATE not in terminal.drawn


def test_without_an_agent_it_works_and_goes_on_when_one_comes(apart: tuple[Device, Device, str]) -> None:
    """Goal: the agent goes, which is said; what is settled then counts; an agent that comes is heard again."""
    one, _, document = apart
    one.stop()
    with Terminal(one.home, "inspect") as terminal:
        terminal.shows("no agent runs", "1 open conflict")
        terminal.press(ENTER)
        terminal.shows("before they parted")
        terminal.press("1")
        terminal.shows("settled, on all devices", "No conflicts")
        one.start()
        terminal.shows("live")
        terminal.press("q")
        assert terminal.ended() == 0
    assert conflicts(one) == []
    assert note(one, document)["title"] in {"by alder", "by birch"}


def test_a_value_is_written_in_the_editor_of_the_person(apart: tuple[Device, Device, str], tmp_path: Path) -> None:
    """Goal: e leaves the screen to $EDITOR, and comes back with what was written as the settlement."""
    one, _, document = apart
    script = tmp_path / "editor.sh"
    script.write_text('#!/bin/sh\nsed -i "1s/.*/Garden of both/" "$1"\n')
    script.chmod(0o700)
    with Terminal(one.home, "inspect", EDITOR=str(script)) as terminal:
        terminal.shows("1 open conflict")
        terminal.press(ENTER)
        terminal.shows("before they parted")
        terminal.press("e")
        terminal.shows("settled, on all devices: as you wrote it")
        terminal.press("q")
        assert terminal.ended() == 0
    assert note(one, document)["title"] == "Garden of both"
