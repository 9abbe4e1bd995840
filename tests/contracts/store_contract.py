"""What every Store promises about the log: the memory store and the one on SQLite pass the same tests.

A test class of each implementation brings the fixture `store`; writers make the events.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from random import Random

import pytest

from mesh.clocks.chain import Trail
from mesh.errors import Damaged
from mesh.events.event import Event, Lane, Placed
from mesh.events.verdict import Standing
from mesh.limits import (
    EVENT_OVERHEAD_BYTES,
    PAGE_BYTES_MAX,
)
from mesh.names import ZERO, Digest
from mesh.node.storage.store_port import Batch, Boot, Counts, Row, Store, Weighed
from tests.contracts.store_writers import Writer, document, kept

PLENTY = PAGE_BYTES_MAX


def whole(writer: Writer) -> Batch:
    """All that a writer said, in one commit."""
    return Batch(tuple(kept(placed) for placed in writer.said))


def digests(rows: Sequence[Row]) -> list[Digest]:
    """Which events these rows are."""
    return [row.placed.digest for row in rows]


def bodiless(placed: Placed) -> Placed:
    """The event as it comes without its body."""
    return replace(placed, event=Event(placed.event.header, None))


class LogContract:
    """Events are kept, found, listed and served."""

    async def test_an_empty_store_answers(self, store: Store) -> None:
        """Nothing is there, and nothing fails."""
        assert await store.boot() == Boot()
        assert replace(await store.counts(), bytes=0) == Counts(0, 0, 0, 0, 0, 0)
        assert await store.digest() == ZERO
        assert not (await store.chains())
        assert not (await store.notes(limit=1))
        assert not (await store.newest(limit=1))
        assert await store.commit(Batch()) == 0
        assert await store.check(deep=True) == ()

    async def test_events_come_back_as_they_were_kept(self, store: Store) -> None:
        """Every byte and every field, with the standing they were given."""
        writer = Writer()
        writer.run(3)
        home = document(1)
        events = (kept(writer.said[0]), *(kept(placed, home, Standing.VOID) for placed in writer.said[1:]))
        assert await store.commit(Batch(events)) == 4
        rows = await store.rows(home)
        assert [row.placed for row in rows] == writer.said[1:]
        assert [(row.id, row.standing, row.reason, row.document) for row in rows] == [
            (number, Standing.VOID, "a reason", home) for number in (2, 3, 4)
        ]
        assert await store.event(writer.said[0].digest) == (Row(1, writer.said[0], Standing.HONOURED, "", None),)

    async def test_what_is_held_already_stays_as_it_is(self, store: Store) -> None:
        """A batch may bring what is held: all of it, a part, or in a later branch of a fork."""
        writer = Writer()
        writer.run(5)
        await store.commit(Batch(whole(writer).events[:3]))
        again = tuple(replace(one, standing=Standing.VOID) for one in whole(writer).events)
        assert await store.commit(Batch(again)) == 6
        assert await store.commit(Batch(again)) == 6
        rows = await store.log(limit=10)
        assert digests(rows) == [placed.digest for placed in writer.said]
        assert [row.standing for row in rows] == [Standing.HONOURED] * 3 + [Standing.VOID] * 3

    async def test_a_refused_batch_leaves_nothing(self, store: Store) -> None:
        """One event without its parent, or a weighing of what is not held: all of the batch is dropped."""
        writer, other = Writer(), Writer(2)
        writer.run(2)
        with pytest.raises(Damaged):
            await store.commit(Batch((*whole(other).events, kept(writer.said[1])), settings=(("a", b"b"),)))
        with pytest.raises(Damaged):
            await store.commit(Batch(whole(other).events, standings=(Weighed(writer.said[0].digest, Standing.VOID),)))
        assert await store.boot() == Boot()
        assert await store.commit(whole(writer)) == 3

    async def test_boot_brings_what_an_agent_holds(self, store: Store) -> None:
        """Control whole and parents first; of all chains the tips, trails and Lamport numbers."""
        control, data, short = Writer(1, Lane.CONTROL), Writer(2), Writer(3)
        control.run(4)
        data.run(100, 10)
        trail = Trail()
        for placed in data.said:
            trail.extend(placed.head)
        for writer in (data, control, short):
            await store.commit(whole(writer))
        await store.commit(Batch(settings=(("epoch", b"1"), ("name", b"2"))))
        boot = await store.boot()
        assert list(boot.control) == control.said
        assert boot.tips == {writer.chain: (writer.head,) for writer in (control, data, short)}
        assert boot.lamports == {writer.chain: writer.lamport for writer in (control, data, short)}
        assert boot.tip_lamports == {writer.head.digest: writer.lamport for writer in (control, data, short)}
        assert boot.trails[data.chain] == trail.heads()
        assert boot.openings == {w.chain: (w.admission, w.lane) for w in (control, data, short)}
        assert (boot.settings, boot.missing_bodies) == ({"epoch": b"1", "name": b"2"}, ())
        assert await store.setting("name") == b"2"
        assert await store.setting("nothing") is None

    async def test_both_branches_of_a_fork_are_held(self, store: Store) -> None:
        """A fork may begin at the opening, inside one batch, or on what was held before; and be forked again."""
        writer = Writer()
        opening = writer.head
        writer.run(3)
        middle, first = writer.said[2].head, writer.head
        writer.say(after=opening)
        second = writer.head
        await store.commit(whole(writer))
        later = [writer.say(after=middle), *writer.run(2)]
        third = writer.head
        later.append(writer.say(after=later[0].head))
        for placed in later:
            await store.commit(Batch((kept(placed),)))
        boot = await store.boot()
        assert boot.tips[writer.chain] == tuple(sorted((first, second, third, writer.head)))
        assert boot.tip_lamports.keys() == {head.digest for head in boot.tips[writer.chain]}
        assert await store.held([placed.digest for placed in writer.said]) == {p.digest for p in writer.said}
        assert boot.trails[writer.chain][0] == max(boot.tips[writer.chain])
        rows = await store.walk(writer.chain)
        seen = {ZERO}
        for row in rows:
            assert row.placed.parent in seen
            seen.add(row.placed.digest)
        assert sorted(digests(rows)) == sorted(placed.digest for placed in writer.said)

    async def test_places_and_prefixes(self, store: Store) -> None:
        """Events are found by digest, and for people by its first digits; foreign input finds nothing."""
        writer = Writer()
        writer.run(40)
        await store.commit(whole(writer))
        wanted = writer.said[7]
        unknown = Digest(bytes(31) + b"\1")
        assert await store.places([wanted.digest, unknown]) == {wanted.digest: (8, 8)}
        assert await store.held([unknown]) == frozenset()
        for length in (1, 7, 15, 16, 17, 31, 63, 64):
            found = await store.event(wanted.digest.hex()[:length])
            fitting = [p.digest for p in writer.said if p.digest.hex().startswith(wanted.digest.hex()[:length])]
            assert sorted(digests(found)) == sorted(fitting)
        for foreign in ("", "xyz", "%", "0" * 65, b""):
            assert await store.event(foreign) == ()

    async def test_lists_in_the_order_of_arrival(self, store: Store) -> None:
        """The log, replay and walk go on where the last page ended; a document's rows stand together."""
        one, two, control = Writer(1), Writer(2), Writer(3, Lane.CONTROL)
        events = [kept(one.said[0]), kept(two.said[0]), kept(control.said[0])]
        for number in range(30):
            writer = (one, two, control)[number % 3]
            about = document(number % 2) if writer is not control else None
            events.append(kept(writer.say(), about))
        await store.commit(Batch(tuple(events)))
        order = [event.placed.digest for event in events]
        assert digests(await store.log(limit=100)) == order
        assert digests(await store.log(after=5, limit=7)) == order[5:12]
        assert digests(await store.log(admission=two.admission, limit=100)) == [p.digest for p in two.said]
        of_both = [e.placed.digest for e in events if e.document == document(1) and e.placed.chain == one.chain]
        assert digests(await store.log(admission=one.admission, document=document(1), limit=100)) == of_both
        assert await store.log(document=document(99), limit=100) == ()
        assert digests(await store.replay(limit=100)) == [e.placed.digest for e in events if e.placed.lane is Lane.DATA]
        notes = [(row.id, row.document) for row in await store.log(limit=100) if row.document]
        assert await store.about(["note", "task"], limit=100) == tuple(notes)
        assert await store.about(["note"], notes[2][0], limit=4) == tuple(notes[3:7])
        assert await store.about(["task"]) == ()
        first = await store.walk(one.chain, limit=4)
        rest = await store.walk(one.chain, after=first[-1].id)
        assert digests((*first, *rest)) == [placed.digest for placed in one.said]
        after = (await store.rows(document(0)))[2].id
        assert len(await store.rows(document(0), after)) == len(await store.rows(document(0))) - 3

    async def test_the_newest_come_in_the_order_of_stamps(self, store: Store) -> None:
        """Whatever the order of arrival; pages follow each other without loss or double, forks included."""
        random = Random(5)
        writers = [Writer(number) for number in range(4)]
        about = document(1)
        events = [kept(writer.said[0]) for writer in writers]
        for _ in range(60):
            writer = random.choice(writers)
            after = random.choice(writer.said[:4]).head if random.random() < 0.1 else None
            events.append(kept(writer.say(after=after, step=random.randint(1, 3)), about))
        await store.commit(Batch(tuple(events)))
        order = sorted(events, key=lambda e: (e.placed.header.lamport, e.placed.chain, e.placed.digest), reverse=True)
        for narrowed in (None, writers[0].admission):
            fitting = [e.placed.digest for e in order if narrowed in {None, e.placed.admission}]
            assert digests(await store.newest(admission=narrowed, limit=100)) == fitting
            paged: list[Row] = []
            for limit in (1, 7):
                paged.clear()
                while page := await store.newest(admission=narrowed, before=paged[-1] if paged else None, limit=limit):
                    paged += page
                assert digests(paged) == fitting, limit
        in_document = [e.placed.digest for e in order if e.document]
        first = await store.newest(document=about, limit=9)
        rest = await store.newest(document=about, before=first[-1], limit=100)
        assert digests((*first, *rest)) == in_document

    async def test_chains_are_counted(self, store: Store) -> None:
        """What a chain lives under, where it ends, how long it is."""
        one, two = Writer(1), Writer(2, Lane.CONTROL)
        one.run(4)
        one.say(after=one.said[1].head)
        for writer in (one, two):
            await store.commit(whole(writer))
        found = {facts.chain: facts for facts in await store.chains()}
        assert (found[one.chain].events, len(found[one.chain].tips), found[one.chain].lane) == (6, 2, Lane.DATA)
        assert (found[two.chain].events, found[two.chain].admission) == (1, two.admission)

    async def test_bodies_may_come_later(self, store: Store) -> None:
        """A missing body is known as missing, is filled in once, and is served from then on."""
        writer = Writer()
        writer.run(3)
        await store.commit(Batch(tuple(kept(p if p.seq < 3 else bodiless(p)) for p in writer.said)))
        third, fourth = writer.said[2], writer.said[3]
        lacking = ((third.digest, third.header.body_digest), (fourth.digest, fourth.header.body_digest))
        assert await store.missing_bodies() == (await store.boot()).missing_bodies == lacking
        assert await store.missing_bodies(1) == lacking[:1]
        body = third.event.body
        assert body is not None
        await store.commit(Batch(bodies=((third.digest, body),)))
        await store.commit(Batch(bodies=((third.digest, b"another"), (Digest(bytes(32)), b"stranger"))))
        assert await store.bodies([fourth.digest, third.digest], PLENTY) == ((third.digest, body),)
        assert await store.missing_bodies() == lacking[1:]
        everything = [placed.digest for placed in writer.said]
        assert len(await store.bodies(everything, 1)) == 1
        assert len(await store.bodies(everything, 2 * (60 + EVENT_OVERHEAD_BYTES))) == 2

    async def test_counts(self, store: Store) -> None:
        """Events of both lanes, documents, and data events that do not count."""
        control, data = Writer(1, Lane.CONTROL), Writer(2)
        data.run(4)
        control.say()
        standings = [Standing.HONOURED, Standing.HONOURED, Standing.WAITS, Standing.VOID, Standing.OPAQUE]
        about = [None, document(1), document(1), document(2), None]
        events = [kept(p, d, s) for p, d, s in zip(data.said, about, standings, strict=True)]
        events += [kept(placed, None, Standing.VOID) for placed in control.said]
        await store.commit(Batch(tuple(events)))
        counts = await store.counts()
        assert replace(counts, bytes=0) == Counts(7, 2, 0, 1, 1, 0)
        assert counts.bytes > 7 * 152
