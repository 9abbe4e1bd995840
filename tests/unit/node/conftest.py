"""Fixtures of the tests of the node."""

from __future__ import annotations

import pytest

from mesh.node import timing


@pytest.fixture
def soon(monkeypatch: pytest.MonkeyPatch) -> None:
    """Looks for differences begin at once."""
    monkeypatch.setattr(timing, "DIFFER_S", 0.2)
    monkeypatch.setattr(timing, "DIFFER_TURN_S", 2.0)
