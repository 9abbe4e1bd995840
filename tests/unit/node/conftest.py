"""Fixtures of the tests of the node."""

from __future__ import annotations

import importlib.util
from pathlib import Path
from types import ModuleType

import pytest

from mesh.node import timing

VERIFIER = Path(__file__).parents[3] / "deploy" / "verify_mesh.py"


@pytest.fixture(scope="session")
def verifier() -> ModuleType:
    """The verifier as the one file that it is."""
    spec = importlib.util.spec_from_file_location("verify_mesh", VERIFIER)
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


@pytest.fixture
def soon(monkeypatch: pytest.MonkeyPatch) -> None:
    """Looks for differences begin at once."""
    monkeypatch.setattr(timing, "DIFFER_S", 0.2)
    monkeypatch.setattr(timing, "DIFFER_TURN_S", 2.0)
