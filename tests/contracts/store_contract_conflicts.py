"""What every Store promises about conflicts inside documents, settlements, and which event carries a change."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import replace
from random import Random

from mesh.events.event import Placed
from mesh.events.verdict import Standing
from mesh.limits import CONFLICT_NAME_BYTES, CONFLICT_SIDE_CHARACTERS, CONFLICT_SIDES_KEPT, MATCHES_MAX
from mesh.names import DocumentId
from mesh.node.storage.store_port import Batch, ConflictRow, SideRow, Store, Weighed
from tests.contracts.store_disputes import all_conflicts, author, conflict, digest, settlement, side
from tests.contracts.store_writers import Writer, document, kept

HOSTILE = (
    *(
        "\0",
        "a\0b",
        "'; DROP TABLE conflict; --",
        "\x1b[2J\x1b]0;owned\x07",
        "\u202egnp.exe",
        "🌱" * 100,
        '"',
        "\\u0000",
    ),
    *("[]", "null", "true", "1", "", "\ufeff", "\ud7ff\ue000", "\U0010ffff", "%s %d {0}", "\r\n\t"),
)


def names(rows: tuple[ConflictRow, ...] | list[ConflictRow]) -> list[bytes]:
    """The names of conflicts."""
    return [row.name for row in rows]


class ConflictsContract:
    """Open conflicts are listed, found by their names, and replaced with their document."""

    async def test_a_conflict_comes_back_whole(self, store: Store) -> None:
        """Values of every type, sides without an author, and a document of which nothing else is known."""
        about = document(1, "work", "task")
        values = ("soil", 7, False, None, 2**60)
        sides = (*(side(value, 5, "birch", "claude") for value in values), SideRow("of nobody", 9, None))
        row = conflict(about, "state", 9, sides=sides, count=6, ancestor=True)
        assert await store.commit(Batch(conflicts=((about, (row,)),))) == 0
        (found,) = await store.conflicts()
        assert found == row
        assert [type(one.value) for one in found.sides] == [type(one.value) for one in row.sides]
        assert await store.conflict(row.name.hex()) == (row,)
        assert (await store.counts()).conflicts == 1
        assert await store.find_documents("") == (about,)

    async def test_hostile_texts_stay_what_they_are(self, store: Store) -> None:
        """In values, agents, fields, kinds and rules."""
        about = document(1)
        rows = tuple(
            conflict(
                about, text, number, sides=(side(text, 1, agent=text), side(text * 2, 2)), ancestor=text, kind=text
            )
            for number, text in enumerate(HOSTILE, 1)
        )
        said = tuple(settlement(about, number, rule=text) for number, text in enumerate(HOSTILE, 1))
        await store.commit(Batch(conflicts=((about, rows),), settlements=((about, said, True),)))
        assert await store.conflicts() == rows[::-1]
        assert await store.settlements() == said[::-1]
        for row, text in zip(rows, HOSTILE, strict=True):
            assert await store.conflicts(kind=text) == (row,)
            assert await store.conflict(text) == ()

    async def test_a_thousand_sides(self, store: Store) -> None:
        """Some are kept, all are counted, and every device is found."""
        about = document(1)
        devices = tuple(digest(f"device {number}") for number in range(1000))
        kept_sides = tuple(side("x" * CONFLICT_SIDE_CHARACTERS, number) for number in range(CONFLICT_SIDES_KEPT))
        row = conflict(about, sides=kept_sides, count=1000, devices=devices)
        other = conflict(document(2), lamport=5)
        await store.commit(Batch(conflicts=((about, (row,)), (document(2), (other,)))))
        assert await store.conflicts(device=devices[-1]) == await store.conflicts(device=devices[0]) == (row,)
        assert await store.conflicts(device=digest("birch")) == (other,)
        assert await store.conflicts(device=digest("nobody")) == ()

    async def test_lists_are_latest_first_filtered_and_paged(self, store: Store) -> None:
        """By Lamport number, equal ones by name; a page begins after the last row of the one before."""
        rows = [
            conflict(document(number % 5), f"field {number}", number // 4, kind=("register", "text")[number % 2])
            for number in range(30)
        ]
        by_document = {about: tuple(r for r in rows if r.document == about) for about in {r.document for r in rows}}
        await store.commit(Batch(conflicts=tuple(by_document.items())))
        expected = sorted(rows, key=lambda row: (-row.lamport, row.name))
        assert list(await store.conflicts()) == expected
        for limit in (1, 3, 30):
            assert await all_conflicts(store, limit) == expected
        assert await all_conflicts(store, kind="text") == [row for row in expected if row.kind == "text"]
        mine = [row for row in expected if row.document == document(2)]
        assert await all_conflicts(store, 2, document=document(2)) == mine
        assert await store.conflicts(document=document(2), kind="deleted") == ()
        assert await store.conflicts(document=document(99)) == ()

    async def test_pages_have_no_gaps_while_rows_change(self, store: Store) -> None:
        """What was open all the while is on exactly one page, whatever comes, goes and moves up meanwhile."""
        random = Random(5)
        rows = {number: conflict(document(number), lamport=random.randrange(20)) for number in range(120)}
        await store.commit(Batch(conflicts=tuple((row.document, (row,)) for row in rows.values())))
        stays = {rows[number].name for number in range(0, 120, 2)}
        found: list[ConflictRow] = []
        while page := await store.conflicts(limit=9, after=found[-1] if found else None):
            found += page
            touched = random.sample(range(1, 120, 2), 8)
            changed = [(document(n), (replace(rows[n], lamport=99),) if n % 3 else ()) for n in touched]
            fresh = [
                (document(200 + len(found)), (conflict(document(200 + len(found)), lamport=random.randrange(20)),))
            ]
            await store.commit(Batch(conflicts=(*changed, *fresh)))
        listed = names(found)
        assert stays <= set(listed)
        assert len(listed) == len(set(listed))

    async def test_a_conflict_is_found_by_the_beginning_of_its_name(self, store: Store) -> None:
        """In hex, of any length, in capitals too; a few of many; nothing that is no hex is found."""
        rows = [conflict(document(number)) for number in range(60)]
        await store.commit(Batch(conflicts=tuple((row.document, (row,)) for row in rows)))
        for row in rows[:9]:
            for length in (2, 3, 7, 31, 32):
                digits = row.name.hex()[:length]
                expected = sorted((r for r in rows if r.name.hex().startswith(digits)), key=lambda r: r.name)
                assert await store.conflict(digits) == tuple(expected[:MATCHES_MAX])
            assert await store.conflict(f" {row.name.hex().upper()} ") == (row,)
        assert await store.conflict("") == await store.conflict("seeds") == await store.conflict("%") == ()
        for more in ("0", "00", "ff"):
            assert await store.conflict(rows[0].name.hex() + more) == ()
        one = rows[0].name.hex()[0]
        many = [row for row in rows if row.name.hex().startswith(one)]
        assert len(await store.conflict(one)) == min(len(many), MATCHES_MAX)

    async def test_a_document_has_the_conflicts_that_were_said_last(self, store: Store) -> None:
        """None, others, or those of a document in which nothing counts any more, which go with its note."""
        one, two = document(1), document(2)
        first, second, third = conflict(one), conflict(one, "path", 2), conflict(two, lamport=3)
        await store.commit(Batch(conflicts=((one, (first,)), (two, (third,)))))
        await store.commit(Batch(conflicts=((one, (second,)),)))
        assert await store.conflicts() == (third, second)
        await store.commit(Batch(conflicts=((one, ()),)))
        assert await store.conflicts() == (third,)
        assert (await store.counts()).conflicts == 1
        await store.commit(Batch(conflicts=((one, (first,)),), settlements=((one, (settlement(one, 1),), False),)))
        await store.commit(Batch(unshown=(one, document(9))))
        assert await store.conflicts() == (third,)
        assert await store.settlements() == ()
        await store.commit(Batch(unshown=(two,), conflicts=((two, (third,)),)))
        assert await store.conflicts() == (third,)

    async def test_conflicts_of_what_is_forgotten_go_at_once(self, store: Store) -> None:
        """Their texts are those of the document. Once it is not forgotten any more, they may be said again."""
        gone, stays = document(1), document(2)
        rows = ((gone, (conflict(gone),)), (stays, (conflict(stays, lamport=2),)))
        said = tuple((about, (settlement(about, number),), False) for number, about in enumerate((gone, stays), 1))
        await store.commit(Batch(conflicts=rows, settlements=said))
        await store.commit(Batch(forgotten=(gone, document(9)), time_ms=1))
        assert [row.document for row in await store.conflicts()] == [stays]
        assert [row.document for row in await store.settlements()] == [stays]
        await store.commit(Batch(forgotten=(), conflicts=rows[:1]))
        assert [row.document for row in await store.conflicts()] == [stays, gone]

    async def test_forgotten_state_has_no_conflicts(self, store: Store) -> None:
        """They follow from the log, as settlements and changes do."""
        writer, about = Writer(), document(1)
        event = writer.say()
        await store.commit(Batch((kept(writer.said[0]), kept(event, about)), changes=((event.digest, digest("c")),)))
        await store.commit(
            Batch(conflicts=((about, (conflict(about),)),), settlements=((about, (settlement(about, 1),), False),))
        )
        assert len(await store.of_changes(about, [digest("c")])) == 1
        await store.forget_state()
        assert await store.conflicts() == ()
        assert await store.settlements() == ()
        assert await store.of_changes(about, [digest("c")]) == {}
        assert (await store.counts()).conflicts == 0


class SettlementsContract:
    """What was settled and taken back; the events of changes."""

    async def test_settlements_come_back_whole(self, store: Store) -> None:
        """By document, by the beginning of the conflict's name, the latest first."""
        one, two = document(1), document(2)
        prints = tuple(sorted(digest(f"print {number}")[:CONFLICT_NAME_BYTES] for number in range(3)))
        rows = [
            settlement(one, 1, prints=prints, rule="prefix"),
            settlement(one, 2, conflict=b"", undoes=author(1).event),
            settlement(two, 3, conflict=settlement(one, 1).conflict),
        ]
        await store.commit(Batch(settlements=((one, tuple(rows[:2]), False), (two, (rows[2],), True))))
        assert list(await store.settlements()) == rows[::-1]
        assert await store.settlements(document=one) == (rows[1], rows[0])
        assert await store.settlements(document=document(9)) == ()
        digits = rows[0].conflict.hex()
        for asked in (digits, digits[:5], digits[:1].upper()):
            assert await store.settlements(conflict=asked) == (rows[2], rows[0])
        assert await store.settlements(conflict=digits, document=one) == (rows[0],)
        assert await store.settlements(conflict="nothing") == await store.settlements(conflict=digits + "0") == ()

    async def test_settlements_are_added_or_replaced(self, store: Store) -> None:
        """Said again they are there once; where all are given, the others are gone."""
        about = document(1)
        one, two, three = (settlement(about, number) for number in (1, 2, 3))
        await store.commit(Batch(settlements=((about, (one, two), False),)))
        await store.commit(Batch(settlements=((about, (two, three), False),)))
        assert await store.settlements() == (three, two, one)
        await store.commit(Batch(settlements=((about, (two,), True),)))
        assert await store.settlements() == (two,)
        await store.commit(Batch(settlements=((about, (), True),)))
        assert await store.settlements() == ()

    async def test_pages_of_settlements_have_no_gaps(self, store: Store) -> None:
        """A page is not cut between equal numbers, since the next one begins below its last number."""
        about = document(1)
        rows = [
            replace(settlement(about, number), author=replace(author(number), lamport=1 + number // 5))
            for number in range(23)
        ]
        await store.commit(Batch(settlements=((about, tuple(rows), True),)))
        expected = sorted(rows, key=lambda row: (-row.author.lamport, row.author.event))
        for limit in (1, 3, 5, 50):
            paged, before = list[object](), 0
            while page := await store.settlements(limit=limit, before=before):
                paged += page
                before = page[-1].author.lamport
            assert paged == expected

    async def test_the_event_of_a_change(self, store: Store) -> None:
        """Of a change of that document; unknown ones are left out; one that was read later is known then."""
        writer, one, two = Writer(), document(1), document(2)
        writer.run(4)
        opening, first, second, late, _ = writer.said
        said = {event.digest: digest(f"change {number}") for number, event in enumerate((first, second, late))}
        events = (kept(opening), kept(first, one), kept(second, two), kept(late, None, Standing.WAITS))
        await store.commit(Batch(events, changes=tuple(said.items())[:2]))
        asked = [*said.values(), digest("unknown"), b"", digest("change 0")[:5]]
        assert await _events(store, one, asked) == {said[first.digest]: first}
        assert await _events(store, two, asked) == {said[second.digest]: second}
        assert await _events(store, document(9), asked) == await _events(store, one, ()) == {}
        later = Weighed(late.digest, Standing.HONOURED, document=one)
        await store.commit(Batch(standings=(later,), changes=((late.digest, said[late.digest]),)))
        assert await _events(store, one, asked) == {said[first.digest]: first, said[late.digest]: late}

    async def test_of_several_events_of_a_change_one_that_is_honoured(self, store: Store) -> None:
        """The same one on every device, in whatever order they came."""
        writers, about, change = [Writer(number) for number in range(3)], document(1), digest("change")
        for writer in writers:
            writer.say()
        standings = (Standing.VOID, Standing.HONOURED, Standing.HONOURED)
        said = [kept(w.said[1], about, s) for w, s in zip(writers, standings, strict=True)]
        for event in reversed(said):
            opening = next(w.said[0] for w in writers if w.said[1] is event.placed)
            await store.commit(Batch((kept(opening), event), changes=((event.placed.digest, change),)))
        best = min(said[1:], key=lambda event: event.placed.digest)
        assert await _events(store, about, [change]) == {change: best.placed}
        void = tuple(Weighed(event.placed.digest, Standing.VOID, "a reason") for event in said[1:])
        await store.commit(Batch(standings=void))
        first = min(said, key=lambda event: event.placed.digest)
        assert await _events(store, about, [change]) == {change: first.placed}

    async def test_changes_of_what_was_erased_are_not_known(self, store: Store) -> None:
        """Their hashes say something of what is gone."""
        writer, gone, stays = Writer(), document(1), document(2)
        one, two = writer.run(2)
        events = (kept(writer.said[0]), kept(one, gone), kept(two, stays))
        await store.commit(Batch(events, changes=((one.digest, digest("one")), (two.digest, digest("two")))))
        await store.commit(Batch(forgotten=(gone,), time_ms=1))
        assert await store.erase(2) == 1
        assert await _events(store, gone, [digest("one")]) == {}
        assert await _events(store, stays, [digest("two")]) == {digest("two"): two}


async def _events(store: Store, about: DocumentId, changes: Collection[bytes]) -> dict[bytes, Placed]:
    found = await store.of_changes(about, changes)
    return {change: row.placed for change, row in found.items()}
