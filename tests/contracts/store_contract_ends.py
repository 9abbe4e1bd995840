"""What every Store promises about ends: what is under a mark, and where a device was at some time, forks included."""

from __future__ import annotations

from random import Random

from mesh.clocks.chain import Head
from mesh.events.event import Lane
from mesh.events.kinds import Mark
from mesh.events.verdict import Standing
from mesh.names import ZERO, Digest
from mesh.node.storage.store_port import Batch, Row, Store
from tests.contracts.store_writers import Writer, document, kept

_MINUTE = 60_000
_NOON = 1_700_000_040_000  # a whole minute


def path(writer: Writer, head: Head) -> frozenset[Digest]:
    """An event and what it stands on."""
    known = {placed.digest: placed for placed in writer.said}
    found, digest = set(), head.digest
    while digest != ZERO:
        found.add(digest)
        digest = known[digest].parent
    return frozenset(found)


def forked(writer: Writer, events: int, seed: int) -> None:
    """Let a writer go on, every now and then from an earlier place."""
    random = Random(seed)
    for _ in range(events):
        writer.say(after=random.choice(writer.said).head if random.random() < 0.3 else None)


async def keep(store: Store, writer: Writer, first: int, last: int, time_ms: int) -> None:
    """Commit some of what a writer said, at a time."""
    await store.commit(Batch(tuple(kept(placed) for placed in writer.said[first:last]), time_ms=time_ms))


class EndsContract:
    """Marks, and tips of earlier times."""

    async def test_under_a_mark_is_its_own_branch_only(self, store: Store) -> None:
        """In a chain that was forked many times: of all events those that the mark stands on, and itself."""
        writer, other = Writer(1), Writer(2)
        forked(writer, 60, 4)
        for one in (writer, other):
            await store.commit(Batch(tuple(kept(placed) for placed in one.said)))
        everything = [placed.digest for placed in (*writer.said, *other.said)]
        strange = Digest(bytes(31) + b"\1")
        for placed in writer.said:
            found = await store.under(Mark(writer.chain, placed.head), [*everything, strange])
            assert found == path(writer, placed.head)
        assert await store.under(Mark(writer.chain, writer.head), []) == frozenset()

    async def test_a_mark_that_is_not_held_says_nothing(self, store: Store) -> None:
        """Nor does one that names another place, or another chain, than the event has."""
        writer, other = Writer(1), Writer(2)
        writer.run(4)
        for one in (writer, other):
            await store.commit(Batch(tuple(kept(placed) for placed in one.said[:4])))
        held, coming = writer.said[3], writer.said[4]
        events = [placed.digest for placed in writer.said]
        assert await store.under(Mark(writer.chain, held.head), events) == frozenset(events[:4])
        for wrong in (
            Mark(writer.chain, coming.head),
            Mark(writer.chain, Head(held.seq + 1, held.digest)),
            Mark(other.chain, held.head),
        ):
            assert await store.under(wrong, events) is None

    async def test_beyond_marks_is_what_counts_and_is_under_none(self, store: Store) -> None:
        """Of all branches, page by page; nothing of another device, of control, or that does not count anyway."""
        writer, control, other = Writer(1), Writer(1, Lane.CONTROL), Writer(2)
        forked(writer, 50, 4)
        standings = {p.digest: Standing.VOID if p.seq % 4 == 0 else Standing.HONOURED for p in writer.said}
        for one in (writer, control, other):
            events = (kept(p, None, standings.get(p.digest, Standing.HONOURED)) for p in one.said)
            await store.commit(Batch(tuple(events)))
        counting = [p.digest for p in writer.said if standings[p.digest] is Standing.HONOURED]
        lost = Mark(writer.chain, Head(99, Digest(bytes(32))))
        wrong = Mark(writer.chain, Head(writer.said[9].seq + 1, writer.said[9].digest))
        for places in ((), (20,), (7, 33), (len(writer.said) - 1, 3, 12)):
            marks = [Mark(writer.chain, writer.said[place].head) for place in places]
            inside = frozenset[Digest]().union(*(path(writer, mark.head) for mark in marks))
            found: list[Row] = []
            while rows := await store.beyond(writer.admission, [*marks, lost, wrong], found[-1].id if found else 0, 7):
                found += rows
            assert [row.placed.digest for row in found] == [d for d in counting if d not in inside]

    async def test_where_a_device_was_at_some_time(self, store: Store) -> None:
        """What came before that time, in both lanes, by the clock of whoever kept it; another device is left out."""
        control, data, other = Writer(1, Lane.CONTROL), Writer(1), Writer(2)
        for writer in (control, data, other):
            writer.run(4)
        await keep(store, control, 0, 2, _NOON)
        await keep(store, data, 0, 3, _NOON + 1_000)
        await keep(store, other, 0, 5, _NOON + _MINUTE)
        await keep(store, data, 3, 5, _NOON + 5 * _MINUTE)
        await keep(store, control, 2, 5, _NOON + 6 * _MINUTE)
        early = (Mark(control.chain, control.said[1].head), Mark(data.chain, data.said[2].head))
        later = (early[0], Mark(data.chain, data.head))
        now = (Mark(control.chain, control.head), later[1])
        assert await store.heads_at(data.admission, _NOON) == ()
        assert await store.heads_at(data.admission, _NOON + 1_001) == tuple(sorted(early))
        assert await store.heads_at(data.admission, _NOON + 5 * _MINUTE) == tuple(sorted(early))
        assert await store.heads_at(data.admission, _NOON + 5 * _MINUTE + 1) == tuple(sorted(later))
        assert await store.heads_at(data.admission, _NOON + 9 * _MINUTE) == tuple(sorted(now))
        assert await store.heads_at(data.admission) == tuple(sorted(now))
        assert await store.heads_at(other.admission) == (Mark(other.chain, other.head),)
        assert await store.heads_at(Digest(bytes(32))) == ()

    async def test_a_minute_is_over_with_its_last_commit(self, store: Store) -> None:
        """Commits of one minute share a row: a time between them is before all of them."""
        writer = Writer()
        writer.run(9)
        await keep(store, writer, 0, 2, _NOON - _MINUTE)
        for number in range(2, 10):
            await keep(store, writer, number, number + 1, _NOON + number * 1_000)
        before = (Mark(writer.chain, writer.said[1].head),)
        assert await store.heads_at(writer.admission, _NOON + 5_500) == before
        assert await store.heads_at(writer.admission, _NOON + 9_001) == (Mark(writer.chain, writer.head),)

    async def test_a_forked_chain_had_the_tips_of_that_time(self, store: Store) -> None:
        """Whatever the order in which branches came and grew."""
        for seed in range(8):
            writer = Writer(10 + seed)
            forked(writer, 40, seed)
            for number in range(len(writer.said)):
                await keep(store, writer, number, number + 1, _NOON + number * _MINUTE)
            for number in range(1, len(writer.said), 3):
                had = writer.said[:number]
                parents = {placed.parent for placed in had}
                tips = sorted(Mark(writer.chain, p.head) for p in had if p.digest not in parents)
                assert list(await store.heads_at(writer.admission, _NOON + number * _MINUTE)) == tips

    async def test_what_came_at_no_time_is_held_now(self, store: Store) -> None:
        """Without a time nothing is noted; the next commit that has one speaks for it too."""
        writer = Writer()
        writer.run(2)
        await keep(store, writer, 0, 2, 0)
        assert await store.heads_at(writer.admission, _NOON) == ()
        await keep(store, writer, 2, 3, _NOON)
        assert await store.heads_at(writer.admission, _NOON + 1) == (Mark(writer.chain, writer.head),)

    async def test_how_many_documents_there_were_in_each_space(self, store: Store) -> None:
        """By when the first event of each came; by now, where no time is asked for."""
        writer = Writer()
        writer.run(4)
        about = [document(1), document(2, "work"), document(1), document(3)]
        assert await store.spaces() == await store.spaces(_NOON) == {}
        for number, (placed, one) in enumerate(zip(writer.said[1:], about, strict=True)):
            events = (kept(writer.said[0]),) * (number == 0) + (kept(placed, one),)
            await store.commit(Batch(events, time_ms=_NOON + number * 5 * _MINUTE))
        assert await store.spaces(_NOON) == {}
        assert await store.spaces(_NOON + 1) == {"home": 1}
        assert await store.spaces(_NOON + 10 * _MINUTE + 1) == {"home": 1, "work": 1}
        assert await store.spaces(_NOON + 15 * _MINUTE + 1) == await store.spaces() == {"home": 2, "work": 1}

    async def test_by_when_a_row_was_held(self, store: Store) -> None:
        """To the minute, by the last commit in it; nothing of what came at a time that nobody kept."""
        writer = Writer(1)
        writer.run(6)
        await keep(store, writer, 0, 2, _NOON)
        await keep(store, writer, 2, 4, _NOON + 1)
        await keep(store, writer, 4, 6, _NOON + _MINUTE)
        await keep(store, writer, 6, 7, 0)
        rows = {row.placed.digest: row.id for row in await store.log(limit=10)}
        ids = [rows[placed.digest] for placed in writer.said]
        found = await store.arrivals(ids)
        assert [found.get(row) for row in ids] == [_NOON + 1] * 4 + [_NOON + _MINUTE] * 2 + [None]
        assert await store.arrivals([]) == {}
