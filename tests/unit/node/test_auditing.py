"""Auditing: a row that was changed behind everybody's back is seen, and only that."""

from __future__ import annotations

import sqlite3
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import replace
from pathlib import Path
from typing import cast

import pytest

from mesh.events.verdict import Standing
from mesh.limits import AUDIT_WAITS_MAX
from mesh.names import DocumentId
from mesh.node import auditing, timing
from mesh.node.engine import Engine
from mesh.node.storage.store import open_store
from mesh.node.storage.store_port import Batch, Weighed
from tests.unit.node.engines import Small, founded, joined_by, retitle, write


@pytest.fixture(autouse=True)
def _at_once(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(timing, "AUDIT_PAUSE_S", 0.0)
    monkeypatch.setattr(timing, "AUDIT_CALM_S", 0.0)


@asynccontextmanager
async def noted(count: int = 5) -> AsyncIterator[tuple[Small, list[DocumentId]]]:
    """A device with a few notes, each edited, one of them with a conflict."""
    async with founded() as mac, joined_by(mac, "laptop") as laptop:
        documents = [await write(mac.engine, f"note {n}") for n in range(count)]
        await laptop.engine.hear("mac", await mac.everything())
        await retitle(laptop.engine, documents[0], "theirs")
        for document in documents:
            await retitle(mac.engine, document, "ours")
        await mac.engine.hear("laptop", await laptop.everything())
        assert (await mac.store.counts()).conflicts == 1
        yield mac, documents


async def test_what_is_sound_is_found_sound() -> None:
    """Nothing is said of documents that show what their events come to, conflicts included, and nothing is written."""
    async with noted() as (mac, documents):
        root = await mac.store.view_root()
        assert await auditing.audited(mac.engine) == ()
        assert await auditing.misfolded(mac.engine, documents) == []
        assert await mac.store.view_root() == root


class Keeping:
    """A device on which something is kept so many times, as an audit sees it."""

    def __init__(self, times: int) -> None:
        self.looks, self._times, self.shelf = 0, times, self

    @property
    def last_row(self) -> int:
        """Until where it is kept."""
        self.looks += 1
        return min(self.looks, self._times)


@pytest.mark.parametrize(("times", "seen"), [(1, 1), (7, 7), (10**6, 2 * AUDIT_WAITS_MAX)])
async def test_an_audit_waits_until_nothing_is_kept_but_not_for_ever(times: int, seen: int) -> None:
    """An import of a large folder must not share the device with it."""
    keeping = Keeping(times)
    assert await auditing._calm(cast("Engine", keeping), -1) == seen  # noqa: SLF001 - nothing else shows it in no time
    assert keeping.looks <= 2 * AUDIT_WAITS_MAX


async def test_a_view_that_its_events_do_not_come_to() -> None:
    """A title that nobody wrote, a note that is not shown: each is named."""
    async with noted() as (mac, documents):
        row = await mac.store.note(documents[1])
        assert row is not None
        forged = replace(row, note=replace(row.note, title="never written"))
        await mac.store.commit(Batch(notes=(forged,), unshown=(documents[2],)))
        found = await auditing.misfolded(mac.engine, documents)
        assert [line.split(":")[0] for line in found] == [f"document {documents[n]}" for n in (1, 2)]
        await mac.engine.rebuild()
        assert await auditing.misfolded(mac.engine, documents) == []


async def test_a_standing_that_the_verdict_does_not_give() -> None:
    """An honoured event that was made void: the event is named, and a rebuild mends it."""
    async with noted() as (mac, documents):
        event = (await mac.store.rows(documents[3]))[-1].placed.digest
        await mac.store.commit(Batch(standings=(Weighed(event, Standing.VOID, "dropped"),)))
        found = await auditing.misfolded(mac.engine, documents)
        assert found == [
            f"document {documents[3]}: event {event.hex()[:12]} counts by the verdict, and here it is otherwise"
        ]
        await mac.engine.rebuild()
        assert await auditing.misfolded(mac.engine, documents) == []


async def test_conflicts_that_are_not_there() -> None:
    """A conflict that the tables lost."""
    async with noted() as (mac, documents):
        await mac.store.commit(Batch(conflicts=((documents[0], ()),)))
        (line,) = await auditing.misfolded(mac.engine, documents)
        assert "conflicts" in line


async def test_a_row_that_a_disk_changed_changes_the_view_root(tmp_path: Path) -> None:
    """The root is made of digests beside the rows: an audit has it say what the rows say, and names the wrong one."""
    store = await open_store(tmp_path)
    try:
        async with founded(store) as mac:
            document = await write(mac.engine, "true")
            await write(mac.engine, "another")
            root = await mac.store.view_root()
            with sqlite3.connect(tmp_path / "mesh.db") as db:
                db.execute("UPDATE note SET title = 'false' WHERE title = 'true'")
            assert await mac.store.view_root() == root, "nobody looked yet"
            assert await auditing.audited(mac.engine) == (document,)
            assert await mac.store.view_root() != root
            assert await auditing.audited(mac.engine) == ()
            await mac.engine.rebuild()
            assert await mac.store.view_root() == root
    finally:
        await store.close()
