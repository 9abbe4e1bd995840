"""The one writer: jobs together, commits whole, nothing told before it is durable, nothing kept that failed."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from dataclasses import replace

import pytest

from mesh.errors import DiskFull, NotGranted
from mesh.events.event import Lane
from mesh.events.speaking import Draft
from mesh.node.engine import Engine
from mesh.node.storage.store_memory import MemoryStore
from mesh.node.storage.store_port import Batch
from mesh.sync.messages import Push, Want
from tests.unit.node.engines import draft, founded, joined_by, retitle, write


class FullAtTimes(MemoryStore):
    """A store whose disk is full whenever the test says so."""

    full = False
    commits = 0

    async def commit(self, batch: Batch) -> int:
        """Refuse while the disk is full."""
        if self.full:
            raise DiskFull("no space")
        self.commits += 1
        return await super().commit(batch)


async def test_what_is_said_is_kept_and_shown() -> None:
    """A note that was acknowledged is in the log, in the list, and in the digest."""
    async with founded() as small:
        before = await small.store.digest()
        document = await write(small.engine, "seeds", "tomato")
        row = await small.store.note(document)
        assert row is not None
        assert (row.note.title, row.note.body) == ("seeds", "tomato")
        assert await small.store.digest() != before


async def test_jobs_that_come_together_share_a_commit() -> None:
    """A hundred writers at once cost a few commits, and each of them is kept."""
    store = FullAtTimes()
    async with founded(store) as small:
        before = store.commits
        documents = await asyncio.gather(*(write(small.engine, f"note {n}") for n in range(100)))
        assert store.commits - before < 20
        kept = await store.notes(limit=1000)
        assert {row.note.document for row in kept} == set(documents)


async def test_news_of_one_commit_goes_out_as_one_run() -> None:
    """What was said together is told together: one push with one run, not a hundred."""
    async with founded() as small:
        small.owner.told.clear()
        await asyncio.gather(*(write(small.engine, f"note {n}") for n in range(50)))
        pushes = [m for effects in small.owner.told for _, m in effects.send if isinstance(m, Push)]
        assert sum(len(run.events) for push in pushes for run in push.runs) == 51  # with the chain's opening
        assert len(pushes) < 10
        assert all(len(push.runs) == 1 for push in pushes)


async def test_a_full_disk_refuses_and_changes_nothing() -> None:
    """What could not be committed never happened: not told, not shown, and the chain goes on where the log ends."""
    store = FullAtTimes()
    async with founded(store) as small:
        first = await write(small.engine, "before")
        small.owner.told.clear()
        frontier = small.engine.replica.chains.frontier(Lane.DATA)
        store.full = True
        with pytest.raises(DiskFull):
            await write(small.engine, "lost")
        assert small.owner.told == []
        assert small.engine.replica.chains.frontier(Lane.DATA) == frontier
        assert [row.note.document for row in await store.notes(limit=10)] == [first]
        store.full = False
        await write(small.engine, "after")
        chains = [facts for facts in await store.chains() if facts.lane is Lane.DATA]
        assert [(len(facts.tips), facts.events) for facts in chains] == [(1, 3)]


async def test_a_full_disk_loses_no_edit_base() -> None:
    """An edit that failed on a full disk leaves the document as the log has it, and the next edit fits on it."""
    store = FullAtTimes()
    async with founded(store) as small:
        document = await write(small.engine, "one")
        await retitle(small.engine, document, "two")
        store.full = True
        with pytest.raises(DiskFull):
            await retitle(small.engine, document, "lost")
        store.full = False
        await retitle(small.engine, document, "three")
        row = await store.note(document)
        assert row is not None
        assert (row.note.title, row.note.conflicts) == ("three", ())


async def test_one_refused_job_spares_the_others() -> None:
    """A draft that nothing allows is refused to its writer alone; jobs beside it are kept."""
    async with founded() as small:
        document, unallowed = draft("by an agent without a grant")

        async def make(_engine: Engine) -> Sequence[Draft]:
            return (replace(unallowed, agent="stranger"),)

        results = await asyncio.gather(
            write(small.engine, "a"),
            small.engine.say(Lane.DATA, make),
            write(small.engine, "b"),
            return_exceptions=True,
        )
        assert isinstance(results[1], NotGranted)
        assert await small.store.note(document) is None
        assert len(await small.store.notes(limit=10)) == 2


async def test_a_message_taken_twice_changes_nothing() -> None:
    """Doubles on the wire are harmless: second time, nothing is appended, and there is no fork."""
    async with founded() as small, joined_by(small, "laptop") as laptop:
        await write(small.engine, "seeds")
        push = await small.everything()
        assert (await laptop.engine.hear("mac", push)).append
        digest = await laptop.store.digest()
        again = await laptop.engine.hear("mac", push)
        assert (again.append, again.alarms) == ((), ())
        assert await laptop.store.digest() == digest == await small.store.digest()


async def test_serve_keeps_to_a_page_and_goes_on_from_there() -> None:
    """A long absence is served page by page; the asker ends with everything."""
    async with founded() as small, joined_by(small, "laptop") as laptop:
        for n in range(40):
            await write(small.engine, f"note {n}", "x" * 20_000)
        effects = await laptop.engine.hear("mac", small.engine.replica.have("laptop", asks=False))
        pages, want = 0, effects.ask[0][1] if effects.ask else None
        while want is not None:
            push = await small.engine.serve("laptop", want)
            pages += 1
            told = await laptop.engine.hear("mac", push)
            want = told.ask[0][1] if told.ask else None
        assert pages > 2
        assert await laptop.store.digest() == await small.store.digest()


async def test_guests_are_served_no_data() -> None:
    """Somebody with guest rights gets control events and nothing else, whatever is asked for."""
    async with founded() as small, joined_by(small, "laptop") as laptop:
        await write(small.engine, "secret")
        asked = (await laptop.engine.hear("mac", small.engine.replica.have("laptop", asks=False))).ask
        ((_, want),) = asked
        assert (await small.engine.serve("laptop", want)).runs
        assert (await small.engine.serve("?", want)).runs == ()
        assert (
            await small.engine.serve("?", Want((), tuple(h.digest for s in want.spans for h in s.after)))
        ).bodies == ()


async def test_work_ends_after_what_was_asked_before() -> None:
    """`stop` lets everything that was submitted before it be done first."""
    async with founded() as small:
        async with asyncio.timeout(10), asyncio.TaskGroup() as group:
            writes = [group.create_task(write(small.engine, f"n{n}")) for n in range(10)]
            await asyncio.sleep(0)  # they are asked for, and none is done
            assert not any(task.done() for task in writes)
            await small.engine.stop()
        assert len(await small.store.notes(limit=100)) == 10
