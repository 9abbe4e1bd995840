"""Regions: in worlds of three devices they are what somebody finds who looks at every pair of edits and every text."""

import random
from collections.abc import Callable, Sequence

import pytest

from mesh.events.kinds import Born
from mesh.state.documents import Document
from mesh.state.edits import Put, Splice
from mesh.state.footprints import overlap, print_name
from mesh.state.operations import Change
from mesh.state.versions import Region
from tests.unit.state.overlap_worlds import BIRTH, DOCUMENT, NOBODY, Seen, connected, shown, world
from tests.unit.state.writers import actor

Naming = Callable[[bytes], frozenset[bytes]]
LATER = 7


def expected(
    changes: Sequence[Change], void: frozenset[bytes] = NOBODY, naming: Naming = lambda _: NOBODY
) -> list[dict[str, object]]:
    """What should be shown of a world."""
    seen = Seen(changes)
    pairs = seen.edges(overlap, void)
    settled = {print_name(DOCUMENT, one): naming(print_name(DOCUMENT, one)) for pair in pairs for one in pair}
    return _ordered([seen.region(group, void) for group in connected(pairs, settled)])


def found(document: Document, naming: Naming = lambda _: NOBODY) -> list[dict[str, object]]:
    """What is shown of it."""
    regions = document.regions(naming)
    for region in regions:
        assert document.text()[region.start :][: region.length] == region.merged
        assert len(region.letters) == region.length
        assert all(len(side.letters) == len(side.text) for side in region.sides)
        assert tuple(print_name(DOCUMENT, one) for one in region.footprints) == region.prints
        assert {one.change for one in region.footprints} == set(region.changes)
    starts = [region.start for region in regions]
    assert starts == sorted(starts)
    return _ordered([shown(region) for region in regions])


def _ordered(regions: list[dict[str, object]]) -> list[dict[str, object]]:
    return sorted(regions, key=lambda region: str(region["prints"]))


def some_void(lots: random.Random, changes: Sequence[Change]) -> frozenset[bytes]:
    """A few changes, most of them with others on top."""
    return frozenset(change.hash for change in changes if lots.random() < 0.2)


def within(changes: Sequence[Change], void: frozenset[bytes]) -> list[Change]:
    """Those that are in the document: what counts, and what that stands on."""
    kept: set[bytes] = set()
    for change in reversed(changes):
        if change.hash not in void or change.hash in kept:
            kept |= {change.hash, *change.dependencies}
    return [change for change in changes if change.hash in kept]


def some_settled(lots: random.Random, names: Sequence[bytes]) -> Naming:
    """A few settlements, each of which names a few edits."""
    settlements = [set(lots.sample(names, len(names) // 3)) for _ in range(4)]
    return lambda name: frozenset(bytes([number]) for number, one in enumerate(settlements) if name in one)


@pytest.mark.parametrize("seed", range(40))
def test_regions_are_what_every_pair_and_every_text_say(seed: int) -> None:
    """All at once in another order, one by one with a look after each, and out of a snapshot."""
    changes, lots = world(seed), random.Random(seed)
    whole = Document.born(DOCUMENT, BIRTH)
    whole.take(lots.sample(changes, len(changes)))
    wanted = expected(changes)
    assert found(whole) == wanted
    assert found(Document.load(whole.save())) == wanted
    slowly = Document.born(DOCUMENT, BIRTH)
    for number, change in enumerate(lots.sample(changes, len(changes))):
        slowly.take([change])
        if number % 3 == 0:
            found(slowly)
    assert found(slowly) == wanted
    assert slowly.regions() == whole.regions()


@pytest.mark.parametrize("seed", range(30))
def test_what_is_settled_is_not_open(seed: int) -> None:
    """Of every pair that a settlement names; the rest stays connected as it is. Taken back, all is as before."""
    changes, lots = world(seed), random.Random(seed)
    document = Document.born(DOCUMENT, BIRTH)
    document.take(changes)
    before = document.regions()
    names = sorted({name for region in before for name in region.prints})
    naming = some_settled(lots, names)
    assert found(document, naming) == expected(changes, naming=naming)
    assert document.regions(lambda _: frozenset((b"all",))) == ()
    assert document.regions() == before


@pytest.mark.parametrize("seed", range(40))
def test_void_edits_do_not_count_and_are_not_shown(seed: int) -> None:
    """Whether they came before the others or after them."""
    changes, lots = world(seed), random.Random(seed)
    void = some_void(lots, changes)
    held = within(changes, void)
    naming = some_settled(lots, sorted(print_name(DOCUMENT, p) for c in held for p in Seen(changes).prints(c)))
    wanted, narrowed = expected(held, void), expected(held, void, naming)
    for _ in range(3):
        events = [(change.hash, change) for change in lots.sample(changes, len(changes))]
        document = Document.fold(DOCUMENT, BIRTH, events, void)
        assert sorted(c.hash for c in changes if document.contains(c.hash)) == sorted(c.hash for c in held)
        assert found(document) == wanted
        assert found(document, naming) == narrowed
        assert found(Document.load(document.save())) == wanted


def test_who_looks_at_text_alone_sees_what_automerge_shows() -> None:
    """The texts that the expectation is made of are those of Automerge at these heads."""
    for seed in range(10):
        seen = Seen(world(seed))
        for change in seen.changes:
            assert seen.masked(seen.closed(change)) == seen.letters([change])


def a_document(*edits: Splice, text: str = BIRTH.text) -> tuple[Document, list[Change]]:
    """A text, and edits by as many devices, none of whom knew of the others."""
    document = Document.born(DOCUMENT, Born({}, text, b""))
    changes = [document.edit(actor(number), [edit]) for number, edit in enumerate(edits, 1)]
    document.take(changes)
    return document, changes


def sides(region: Region) -> list[str]:
    """The texts of a region."""
    return [side.text for side in region.sides]


def test_both_versions_and_the_ancestor() -> None:
    """Of a word that two devices replaced, and not of the rest."""
    document, changes = a_document(Splice(7, 4, "radish"), Splice(7, 4, "carrots"), Splice(0, 5, "Beans"))
    (region,) = document.regions()
    assert sorted(sides(region)) == ["carrots", "radish"]
    assert region.ancestor == "peas"
    assert sorted(region.merged) == sorted("carrotsradish")
    assert {side.change for side in region.sides} == {change.hash for change in changes[:2]}
    assert region.start == len("Beans, ")


def test_without_concurrency_there_is_nothing_to_look_at() -> None:
    """A document in which each change stands on the one before asks for no fold; nor does one that was only written."""
    document = Document.born(DOCUMENT, BIRTH)
    assert not document.concurrent
    for number in range(20):
        document.take([document.edit(actor(number % 3), [Splice(number, 1, "x")])])
    assert not document.concurrent
    assert document.regions() == ()
    assert document._fold is None  # noqa: SLF001 - that nothing was done is the point
    again = Document.load(document.save())
    assert not again.concurrent
    assert again.regions() == ()
    assert again._held is None  # noqa: SLF001 - as above


def test_a_change_that_stands_on_everything_adds_nothing() -> None:
    """What was found before is not looked for again."""
    document, _ = a_document(Splice(7, 4, "radish"), Splice(7, 4, "carrots"))
    assert document.concurrent
    (before,) = document.regions()
    known = document._regions  # noqa: SLF001 - what is kept is the point
    assert known is not None
    prints = dict(known._prints)  # noqa: SLF001 - as above
    document.take([document.edit(actor(9), [Splice(0, 1, "B")])])
    (after,) = document.regions()
    assert known._prints == prints  # noqa: SLF001 - as above
    assert (after.prints, after.sides, after.ancestor) == (before.prints, before.sides, before.ancestor)


def test_late_work_connects_what_was_apart() -> None:
    """Two regions become one when somebody comes who wrote over both; a settlement names edits, not regions."""
    late = Document.born(DOCUMENT, Born({}, BIRTH.text, b"")).edit(actor(9), [Splice(2, 8, "everything")])
    document, _ = a_document(Splice(1, 2, "E"), Splice(1, 2, "A"), Splice(8, 2, "E"), Splice(8, 2, "A"))
    first, second = document.regions()
    document.take([late])
    (region,) = document.regions()
    assert set(region.prints) > {*first.prints, *second.prints}
    (rest,) = document.regions(lambda name: frozenset((b"1",)) if name in {*first.prints, *second.prints} else NOBODY)
    assert set(rest.prints) == set(region.prints)  # both still overlap the late one


def test_two_who_wrote_the_same() -> None:
    """Have one side between them, though the text has it twice."""
    document, _ = a_document(Splice(5, 0, " too"), Splice(5, 0, " too"))
    (region,) = document.regions()
    assert sides(region) == [" too"]
    assert region.merged == " too too"


def test_a_long_way_to_a_letter_that_all_see() -> None:
    """The bounds of a region are looked for further and further out, to both edges of the text."""
    text = "start" + "x" * 2000 + "end"
    middle = [Splice(900, 0, "one"), Splice(900, 0, "two")]
    document, _ = a_document(*middle, text=text)
    document.take([document.edit(actor(5), [Splice(3, 2000, "")])])
    (region,) = document.regions()
    assert (region.start, region.length) == (3, 0)
    assert sorted(map(len, sides(region))) == [len(text) + 3 - 3 - len(document.text()[3:])] * 2
    document.take([document.edit(actor(5), [Splice(0, len(document.text()), "")])])
    (region,) = document.regions()
    assert (region.start, region.merged) == (0, "")
    assert sorted(map(len, sides(region))) == [len(text) + 3] * 2


def test_a_text_that_is_one_value_has_no_regions() -> None:
    """It conflicts as a register."""
    document = Document.born(DOCUMENT, Born({}, "x" * 70_000, b""))
    document.take([document.edit(actor(number), [Put("body", f"{number}")]) for number in (1, 2)])
    assert document.concurrent
    assert document.regions() == ()


def test_a_thousand_edits_of_one_place() -> None:
    """Are one region with a side each, and no pair of them is kept; a thousand more are settled among themselves."""
    base = Document.born(DOCUMENT, BIRTH)
    changes = [base.edit(actor(0)[:8] + number.to_bytes(8), [Splice(5, 2, f"{number};")]) for number in range(1000)]
    document = Document.born(DOCUMENT, BIRTH)
    document.take(changes)
    (region,) = document.regions()
    assert len(region.prints) == len(region.sides) == len(changes)
    assert {side.text for side in region.sides} == {f"{number};" for number in range(1000)}
    assert region.ancestor == ", "
    assert document.regions(lambda _: frozenset((b"1",))) == ()
    document.take([base.edit(actor(LATER), [Splice(5, 1, "late")])])
    (region,) = document.regions(lambda name: frozenset((b"1",)) if name in region.prints else NOBODY)
    assert len(region.sides) == len(changes) + 1


def test_what_an_edit_takes_out_can_be_asked_for() -> None:
    """The document without one change that is in it, others standing on it or not."""
    document, changes = a_document(Splice(0, 5, "Beans"), Splice(7, 4, "Peas"))
    after = document.edit(actor(8), [Splice(0, 5, "BEANS")])
    document.take([after])
    assert document.without(after.hash).text == "Beans, Peas and lettuce"
    assert document.without(changes[1].hash).text == "BEANS, peas and lettuce"
