"""Inputs and effects: plain values; who is a guest is written in the name."""

from __future__ import annotations

from mesh.sync.inputs import GUEST, Effects, Heard, Met, is_guest
from mesh.sync.messages import Push


def test_guests_are_named() -> None:
    """A question mark, alone or before an address, is a guest; a device is not."""
    assert is_guest(GUEST)
    assert is_guest("?192.0.2.7:4222")
    assert not is_guest("aaaqeayeaudaocaj")


def test_effects_say_nothing_unless_told() -> None:
    """An input without consequence has empty effects, and nothing is held unless the log says so."""
    effects = Effects()
    assert not (effects.ask)
    assert not (effects.append)
    assert not (effects.bodies)
    assert not (effects.serve)
    assert not (effects.send)
    assert not (effects.meet)
    assert not (effects.judged)
    assert not (effects.alarms)
    assert Heard("a", Push(())).held == {}
    assert Met("a") == Met("a")
