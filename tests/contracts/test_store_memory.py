"""The store in memory keeps the contract."""

from __future__ import annotations

import pytest

from mesh.node.storage.store_memory import MemoryStore
from mesh.node.storage.store_port import Store
from tests.contracts.store_contract import LogContract
from tests.contracts.store_contract_conflicts import ConflictsContract, SettlementsContract
from tests.contracts.store_contract_ends import EndsContract
from tests.contracts.store_contract_paths import PathsContract, ViewRootContract
from tests.contracts.store_contract_records import RecordsContract
from tests.contracts.store_contract_serve import ServeContract
from tests.contracts.store_contract_views import ForgottenContract, NotesContract, StateContract

pytestmark = pytest.mark.contract


@pytest.fixture
def store() -> Store:
    """An empty one."""
    return MemoryStore()


class TestLog(LogContract):
    """Events."""


class TestEnds(EndsContract):
    """Marks, and tips of earlier times."""


class TestServe(ServeContract):
    """Spans."""


class TestState(StateContract):
    """Standings and the state digest."""


class TestForgotten(ForgottenContract):
    """What leaves."""


class TestNotes(NotesContract):
    """Views."""


class TestRecords(RecordsContract):
    """Everything that is no note."""


class TestConflicts(ConflictsContract):
    """Inside documents."""


class TestSettlements(SettlementsContract):
    """And changes."""


class TestPaths(PathsContract):
    """Several notes at one."""


class TestViewRoot(ViewRootContract):
    """What is shown."""
