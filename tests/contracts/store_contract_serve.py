"""What every Store promises about serving: spans as signed runs, page by page, forked chains included."""

from __future__ import annotations

from random import Random

import pytest

from mesh.clocks.chain import START, Head
from mesh.clocks.frontier import Span
from mesh.events.event import Event, Lane, Run
from mesh.limits import EVENT_OVERHEAD_BYTES, KIB, PUSH_BYTES_MAX, SIGNED_RUN_BYTES_MAX, SIGNED_RUN_EVENTS_MAX
from mesh.names import Digest
from mesh.node.storage.store_port import Batch, ForkFacts, Store
from tests.contracts.store_contract import PLENTY, bodiless, whole
from tests.contracts.store_writers import Writer, kept


def size_of(run: Run) -> int:
    """What the events of a run cost in a page."""
    return sum(len(e.header) + len(e.body or b"") + EVENT_OVERHEAD_BYTES for e in run.events)


class ServeContract:
    """Spans are served as signed runs."""

    async def test_a_span_is_served_from_the_best_place(self, store: Store) -> None:
        """From the first place of the asker that is under the target; else from the opening."""
        writer = Writer()
        writer.run(20, 5)
        await store.commit(whole(writer))
        places = [placed.head for placed in writer.said]
        strange = Head(7, Digest(bytes(32)))
        lying = Head(3, writer.said[9].digest)
        for after, start in (
            ((), 0),
            ((strange, lying), 0),
            ((strange, places[9], places[4]), 10),
            ((places[4], places[9]), 5),
            ((START,), 0),
        ):
            run = await store.serve(Span(writer.chain, writer.head, after), PLENTY)
            assert run is not None
            assert run.after == (places[start - 1] if start else START)
            assert run.events == tuple(placed.event for placed in writer.said[start:])
            assert run.signature == writer.said[-1].signature

    async def test_forks_are_known_by_their_place(self, store: Store) -> None:
        """Where more than one event stands on one, and how many do; in the order of chains and places."""
        first, second, plain = Writer(seed=1), Writer(seed=2), Writer(seed=3)
        for writer in (first, second, plain):
            writer.run(8)
        for writer, after in ((first, 2), (first, 2), (first, 5), (second, 0)):
            writer.say(after=writer.said[after].head)
            writer.run(2)
        second.say(after=second.said[-2].head)  # beside the end of a branch that itself began at a fork
        for writer in (first, second, plain):
            await store.commit(whole(writer))
        expected = [
            ForkFacts(first.chain, first.said[2].head, 3),
            ForkFacts(first.chain, first.said[5].head, 2),
            ForkFacts(second.chain, second.said[0].head, 2),
            ForkFacts(second.chain, second.said[-3].head, 2),
        ]
        expected.sort(key=lambda fork: (fork.chain, fork.after))
        assert await store.forks(PLENTY) == tuple(expected)
        assert await store.forks(1) == tuple(expected[:1])

    async def test_a_place_on_another_branch_is_no_beginning(self, store: Store) -> None:
        """Who holds the other branch of a fork is served from the last place that both have."""
        writer = Writer()
        writer.run(6)
        fork, other = writer.said[2].head, writer.head
        writer.say(after=fork)
        writer.run(5)
        await store.commit(whole(writer))
        for target, theirs in ((writer.head, other), (other, writer.head)):
            run = await store.serve(Span(writer.chain, target, (theirs, fork)), PLENTY)
            assert run is not None
            assert run.after == fork
            assert len(run.events) == target.seq - fork.seq

    async def test_one_signature_over_more_than_a_message(self, store: Store) -> None:
        """Such a run came without bodies, and goes on without; what must have its body keeps it."""
        writer = Writer(body_bytes=100 * KIB)
        await store.commit(whole(writer))
        events = writer.run(8, 100)
        await store.commit(Batch(tuple(kept(placed) for placed in events)))
        run = await store.serve(Span(writer.chain, writer.head, ()), PLENTY)
        assert run is not None
        assert len(run.events) == 1
        run = await store.serve(Span(writer.chain, writer.head, (writer.said[0].head,)), PLENTY)
        assert run is not None
        assert len(run.events) == 8
        assert size_of(run) < PUSH_BYTES_MAX

    async def test_nothing_is_served_of_what_is_not_there(self, store: Store) -> None:
        """An unknown target, one named with another chain or number, and one that the asker has."""
        writer, other = Writer(), Writer(2)
        writer.run(3)
        await store.commit(whole(writer))
        head = writer.head
        for span in (
            Span(other.chain, other.head, ()),
            Span(other.chain, head, ()),
            Span(writer.chain, Head(2, head.digest), ()),
            Span(writer.chain, head, (head,)),
        ):
            assert await store.serve(span, PLENTY) is None

    async def test_a_run_fits_and_ends_on_a_signed_event(self, store: Store) -> None:
        """The longest that fits; one signed run at least; never more events than one signature may cover."""
        writer = Writer(body_bytes=100)
        writer.run(60, 7)
        await store.commit(whole(writer))
        sizes = [len(placed.event.header) + 100 + EVENT_OVERHEAD_BYTES for placed in writer.said]
        of_8, of_22 = sum(sizes[:8]), sum(sizes[:22])
        for bytes_max, events in {0: 1, of_8 - 1: 1, of_8: 8, of_22 - 1: 15, of_22: 22}.items():
            run = await store.serve(Span(writer.chain, writer.head, ()), bytes_max)
            assert run is not None
            assert len(run.events) == events, bytes_max
            assert run.signature == writer.said[events - 1].signature
        run = await store.serve(Span(writer.chain, writer.head, (writer.said[1].head,)), 1)
        assert run is not None
        assert len(run.events) == 6
        small = Writer(2, body_bytes=0)
        small.run(SIGNED_RUN_EVENTS_MAX + 10)
        await store.commit(whole(small))
        run = await store.serve(Span(small.chain, small.head, ()), 100 * PLENTY)
        assert run is not None
        assert len(run.events) == SIGNED_RUN_EVENTS_MAX

    async def test_runs_that_are_joined_stay_within_what_one_signature_may_cover(self, store: Store) -> None:
        """Else whoever asked would refuse them, and never get on: many small commits are more than that in a page."""
        writer = Writer(body_bytes=10 * KIB)
        for _ in range(60):
            writer.run(1)
        await store.commit(whole(writer))
        after: tuple[Head, ...] = ()
        fetched = 0
        while run := await store.serve(Span(writer.chain, writer.head, after), PLENTY):
            size = sum(len(event.header) + len(event.body or b"") for event in run.events)
            assert SIGNED_RUN_BYTES_MAX // 2 < size <= SIGNED_RUN_BYTES_MAX or fetched + len(run.events) == len(
                writer.said
            )
            fetched += len(run.events)
            after = (writer.said[fetched - 1].head,)
        assert fetched == len(writer.said)

    async def test_a_target_inside_a_signed_run_is_not_overshot(self, store: Store) -> None:
        """What lies beyond the target is not given; without a signature up to it, nothing is."""
        writer = Writer()
        writer.run(9, 3)
        await store.commit(whole(writer))
        run = await store.serve(Span(writer.chain, writer.said[5].head, ()), PLENTY)
        assert run is not None
        assert len(run.events) == 4
        inside = Span(writer.chain, writer.said[5].head, (writer.said[3].head,))
        assert await store.serve(inside, PLENTY) is None

    async def test_without_bodies_clear_events_keep_theirs(self, store: Store) -> None:
        """Openings and control events are refused without a body, so they never travel without."""
        data, control = Writer(), Writer(2, Lane.CONTROL)
        for writer in (data, control):
            writer.run(4)
            await store.commit(whole(writer))
        run = await store.serve(Span(data.chain, data.head, ()), PLENTY, bodies=False)
        assert run is not None
        assert [event.body is None for event in run.events] == [False, True, True, True, True]
        run = await store.serve(Span(control.chain, control.head, ()), PLENTY, bodies=False)
        assert run is not None
        assert run.events == tuple(placed.event for placed in control.said)

    async def test_missing_bodies_count_towards_the_page(self, store: Store) -> None:
        """Else one signature would cover more than a page once the bodies have come."""
        writer = Writer(body_bytes=80 * KIB)
        writer.run(5)
        await store.commit(Batch(tuple(kept(p if p.seq == 1 else bodiless(p)) for p in writer.said)))
        for bodies in (True, False):
            run = await store.serve(Span(writer.chain, writer.head, ()), PLENTY, bodies=bodies)
            assert run is not None
            assert len(run.events) == 2

    @pytest.mark.parametrize("seed", range(8))
    async def test_any_tree_is_pulled_page_by_page(self, store: Store, seed: int) -> None:
        """A forked chain arrives whole at an asker who knows some of it, through pages of any size."""
        random = Random(seed)
        writer = Writer(seed)
        for _ in range(120):
            after = random.choice(writer.said).head if random.random() < 0.15 else None
            writer.say(after=after)
        for number in range(0, len(writer.said), 11):
            await store.commit(Batch(tuple(kept(placed) for placed in writer.said[number : number + 11])))
        path = {placed.head: placed for placed in writer.said}
        for target in (await store.boot()).tips[writer.chain]:
            wanted: list[Event] = []
            head = target
            while head.seq:
                placed = path[head]
                wanted.insert(0, placed.event)
                head = Head(head.seq - 1, placed.parent)
            got: list[Event] = []
            cursor = START
            while run := await store.serve(Span(writer.chain, target, (cursor,)), random.randint(1, 2000)):
                assert run.after == cursor
                got += run.events
                end = next(p.head for p in writer.said if p.event == run.events[-1])
                assert size_of(run) <= 2000 or len(run.events) == 1
                cursor = end
            assert got == wanted
