"""How large the campaigns of the system tests are: a share that proves the mechanism, or all of it with `scripts/long`.

A share is picked, never drawn: every run of the suite does the same.
"""

from __future__ import annotations

import os
from typing import TypeVar

LONG = os.environ.get("MESH_TESTS_LONG") == "1"
"""Whether all of it was asked for."""

T = TypeVar("T")


def sized(share: T, whole: T) -> T:
    """That of the suite, or that of the whole campaign: a number of devices, rounds or events."""
    return whole if LONG else share
