"""The screen of `mesh status` and its like, as people see it at two widths."""

from __future__ import annotations

import pytest

from mesh.cli import view_status
from mesh.cli.screen import Screen, columns
from tests.unit.cli import samples

EXPECTED = """\
device   laptop, founder  7ri5dhxcs7j44tlb
mesh     3c3c3c3c3c3c3c3c…
agent    running, pid 4242, version 0.1.0, up 1 h
server   up, 127.0.0.1:4222, pid 4243
synced   not yet  0f0f0f0f0f0f0f0f…
holds    1,234 events, 1 document, 2 conflicts
waiting  3 events for what they stand on, 1 event not honoured
at work  claude at mac on mesh: waiting input

PEER   STATE        HEARD  ROUND TRIP  WE LACK  THEY LACK  IN SYNC
mac    connected  2 s ago      1.2 ms        0      1,200  no
phone  away         never           -        0      1,200  no
  mac: events on their way there: 1,200; never in sync so far
  phone: away; last in sync 2025-11-01 12:26

! the disk is full
  hint: Free some space on this disk."""


def test_the_screen() -> None:
    """Everything that matters on one screen of 80 columns."""
    away = {**samples.PEER, "name": "phone", "connected": False, "last_heard_s": None, "round_trip_ms": None}
    away |= {"doing": "away", "in_sync_ms": 1_762_000_000_000}
    problem = {"what": "the disk is full", "hint": "Free some space on this disk."}
    told = {**samples.STATUS, "peers": [samples.PEER, away], "problems": [problem]}
    told["at_work"] = [{"agent": "claude", "name": "mac", "project": "mesh", "state": "waiting_input"}]
    assert "\n".join(view_status.lines(Screen(80), told)) == EXPECTED


@pytest.mark.parametrize("width", [80, 120])
def test_no_line_is_wider_than_the_screen(width: int) -> None:
    """A name of a thousand characters breaks no line."""
    long = {**samples.PEER, "name": "n" * 1000}
    told = {**samples.STATUS, "peers": [long], "problems": [{"what": "w " * 300, "hint": "h " * 300}]}
    assert max(columns(line) for line in view_status.lines(Screen(width), told)) <= width


def test_without_agent() -> None:
    """A device that only looks at itself says so, and how to start."""
    told = {**samples.STATUS, "agent": {"running": False}, "server": {"state": "off", "address": ""}, "peers": []}
    text = "\n".join(view_status.lines(Screen(80), told))
    assert "agent    not running; `mesh up` starts it" in text
    assert "synced   no device in reach" in text


@pytest.mark.parametrize("told", [{}, {"device": 1, "peers": "x", "problems": [1, {}]}, {"peers": [{}], "mesh": None}])
def test_an_answer_of_another_version(told: dict[str, object]) -> None:
    """What is missing or of another type is shown as not known."""
    assert view_status.lines(Screen(80), told)
    assert view_status.events(Screen(80), told)
    assert view_status.devices(Screen(80), told)
    assert view_status.addresses(Screen(80), told)


def test_ranks() -> None:
    """Ranks are told in words."""
    assert [view_status.rank(value) for value in (0, 1, 2, 9, 10, 199, 200, 255, None)] == [
        "recovery",
        "founder",
        "admin",
        "admin",
        "member",
        "member",
        "relay",
        "relay",
        "-",
    ]


def test_lists() -> None:
    """Devices, addresses and events, one a line, without anything that a terminal obeys."""
    devices = {"devices": [{"id": "a" * 16, "name": samples.ESCAPE, "rank": 10, "self": True}]}
    addresses = {"addresses": ["h:1"], "devices": [{"device": "b", "name": samples.ESCAPE, "addresses": ["k:2"]}]}
    text = [
        *view_status.devices(Screen(120), devices),
        *view_status.addresses(Screen(120), addresses),
        *view_status.events(Screen(120), samples.LOG),
        view_status.event_line(samples.LOG["events"][1]),
    ]
    assert all(line.isprintable() for line in text)
    assert text[1].endswith("this device")
    assert any("void cut" in line for line in text)
