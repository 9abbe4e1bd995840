"""How large the campaigns of the system tests are: a share that proves the mechanism, or all of it with `scripts/long`.

A share is picked, never drawn: every run of the suite does the same.
"""

from __future__ import annotations

import os
from collections.abc import Sequence
from typing import TypeVar

LONG = os.environ.get("MESH_TESTS_LONG") == "1"
"""Whether all of it was asked for."""

T = TypeVar("T")


def sized(share: T, whole: T) -> T:
    """A number of devices, rounds or events: that of the suite, or that of the whole campaign."""
    return whole if LONG else share


def spread(moments: Sequence[T], share: int) -> list[T]:
    """So many of the moments, over the whole range of them and with both ends; all of them in the whole campaign."""
    if LONG or share >= len(moments):
        return list(moments)
    assert share > 1, "both ends are in it"
    return [moments[round(number * (len(moments) - 1) / (share - 1))] for number in range(share)]
