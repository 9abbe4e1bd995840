"""Homes of stores on SQLite that are closed again, whatever a test does."""

from __future__ import annotations

from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from mesh.node.storage.store import SqliteStore, open_store
from tests.contracts.store_homes import Opener


@pytest.fixture
async def opened(tmp_path: Path) -> AsyncIterator[Opener]:
    """Opens the store of this test's home; closes it at the end, since its threads would keep a failed run alive."""
    stores: list[SqliteStore] = []

    async def opener() -> SqliteStore:
        stores.append(await open_store(tmp_path))
        return stores[-1]

    yield opener
    for store in stores:
        await store.close()
