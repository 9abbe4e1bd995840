"""Fixtures of the system tests: a fleet of devices in a folder of its own, ended with the test."""

from __future__ import annotations

from collections.abc import AsyncIterator, Iterator
from pathlib import Path

import pytest

from tests.conftest import Spawn
from tests.system import harness, sharing, typescript
from tests.system.browsers import Asked
from tests.system.door_lines import Phone
from tests.system.doors import Door, door


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


@pytest.fixture(scope="module")
def asked(javascript: Path) -> Iterator[Asked]:
    """A process of Node that answers questions to the phone's engine."""
    process = Asked(javascript)
    yield process
    process.end()


@pytest.fixture
async def opened(tmp_home: Path, monkeypatch: pytest.MonkeyPatch) -> AsyncIterator[Door]:
    """A door on loopback."""
    monkeypatch.setenv("MESH_BEACON", "off")
    async with door(tmp_home / "alder") as made:
        yield made


@pytest.fixture
async def phone(opened: Door) -> Phone:
    """A phone that was let in."""
    made = Phone("phone")
    await made.let_in(opened.agent)
    return made
