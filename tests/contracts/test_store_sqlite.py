"""The store on SQLite keeps the contract."""

from __future__ import annotations

from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from mesh.node.store import open_store
from mesh.node.store_port import Store
from tests.contracts.store_contract import LogContract, ServeContract
from tests.contracts.store_contract_views import NotesContract, StateContract

pytestmark = pytest.mark.contract


@pytest.fixture
async def store(tmp_path: Path) -> AsyncIterator[Store]:
    """An empty one."""
    opened = await open_store(tmp_path)
    yield opened
    await opened.close()


class TestLog(LogContract):
    """Events."""


class TestServe(ServeContract):
    """Spans."""


class TestState(StateContract):
    """Standings and the state digest."""


class TestNotes(NotesContract):
    """Views."""
