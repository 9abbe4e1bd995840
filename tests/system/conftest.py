"""Fixtures of the system tests: a fleet of devices in a folder of its own, ended with the test."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.conftest import Spawn
from tests.system import harness, sharing, typescript


@pytest.fixture
def fleet(tmp_home: Path, spawn: Spawn) -> Iterator[harness.Fleet]:
    """Devices as real processes on loopback."""
    with harness.fleet(tmp_home, spawn) as made:
        yield made


@pytest.fixture(scope="session", autouse=True)
def templates(tmp_path_factory: pytest.TempPathFactory) -> None:
    """Where homes are made that tests copy."""
    harness.TEMPLATES.append(tmp_path_factory.mktemp("meshes"))


@pytest.fixture(scope="session")
def javascript(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    """The phone's engine and its tests, built after their types were checked."""
    with typescript.built(sharing.run_folder(tmp_path_factory)) as folder:
        yield folder
