"""What `mesh why` answers in system tests: asked by the real command, and each cause looked at."""

from __future__ import annotations

import time

from mesh.node.socket_client import Told
from mesh.node.why.causes import CAUSES
from tests.system.harness import Device

SLACK_MS = 90_000
"""When something came is known to the minute, by the last commit in it."""


def why(device: Device, subject: str, state: str | None = None) -> Told:
    """What a device says of something, by the real command where no agent runs; the answer has the promised form."""
    told = device.done("why", subject) if device.pid is None else device.call("why", subject=subject)
    assert isinstance(told["subject"], dict), told
    assert set(told["subject"]) == {"kind", "id", "name"}
    for one in causes(told):
        assert set(one) == {"code", "what", "where", "device", "since", "evidence", "fix"}, one
        assert one["what"] == CAUSES[str(one["code"])].what
        assert one["since"] is None or isinstance(one["since"], int)
        assert one["evidence"], one
        assert one["fix"], one
    if state is not None:
        assert told["state"] == state, told
    return told


def causes(told: Told) -> list[Told]:
    """The causes in an answer."""
    found = told["causes"]
    assert isinstance(found, list), told
    return found


def codes(told: Told) -> set[tuple[str, str]]:
    """Which causes, and where."""
    return {(str(one["code"]), str(one["where"])) for one in causes(told)}


def cause(told: Told, code: str, where: str) -> Told:
    """The one cause of this sort at this place."""
    found = [one for one in causes(told) if (one["code"], one["where"]) == (code, where)]
    assert len(found) == 1, told
    return found[0]


def since(found: Told, earliest_ms: int, latest_ms: int | None = None) -> None:
    """A cause began between two moments, as far as that can be known."""
    at = found["since"]
    latest = latest_ms or now_ms()
    assert isinstance(at, int), found
    assert earliest_ms - SLACK_MS <= at <= latest + SLACK_MS, (at, earliest_ms, latest)


def seen(found: Told, *words: str) -> None:
    """Each of these stands in the evidence."""
    text = "\n".join(map(str, found["evidence"]))  # type: ignore[call-overload]
    for word in words:
        assert word in text, (word, found)


def now_ms() -> int:
    """The clock that devices on this machine have."""
    return time.time_ns() // 1_000_000
