"""Texts with concurrent edits, for the vectors of `overlaps`: the names of all footprints, and the open regions.

Letters are written as `counter@actor`, "" is the edge of the text.
"""

import random
from collections.abc import Iterable, Iterator, Sequence
from collections.abc import Set as AbstractSet
from hashlib import sha256

from mesh.events.kinds import Born
from mesh.names import DocumentId
from mesh.state.documents import Document
from mesh.state.edits import Splice
from mesh.state.footprints import Footprint, footprints, print_name
from mesh.state.moments import Moments
from mesh.state.operations import Change, OperationId
from mesh.state.versions import Region
from tests.vectors.mask_cases import BIRTH, DOCUMENT, EMPTY, WRITERS, Story

Case = dict[str, object]


def overlap_case(
    name: DocumentId,
    birth: Born,
    written: Iterable[Change],
    void: AbstractSet[bytes],
    settled: Sequence[AbstractSet[bytes]],
) -> Case:
    """The vector of changes, each its own event. `settled`: whose edits each settlement names."""
    events = sorted((sha256(change.raw).digest(), change) for change in written)
    document = Document.fold(name, birth, events, void)
    history = document.history
    moments = Moments(document.folded(), history, 1)
    named = {print_name(name, one): one for one in footprints(moments, history, history.placed(1, len(history)))}
    names = sorted(named)
    settlements = [[one for one in names if named[one].change in changes] for changes in settled]
    regions = document.regions(lambda one: frozenset(bytes([n]) for n, s in enumerate(settlements) if one in s))
    return {
        "document": str(name),
        "birth": {"registers": dict(birth.registers), "text": birth.text},
        "changes": [[event.hex(), change.raw.hex()] for event, change in events],
        "void": sorted(digest.hex() for digest in void),
        "text": document.text(),
        "prints": {one.hex(): _print(named[one]) for one in names},
        "settled": [[one.hex() for one in settlement] for settlement in settlements],
        "regions": [_region(region) for region in regions],
    }


def _print(one: Footprint) -> Case:
    return {
        "change": one.change.hex(),
        "left": _letter(one.left),
        "right": _letter(one.right),
        "deleted": [_letter(letter) for letter in sorted(one.deleted)],
        "inserted": [_letter(letter) for letter in one.inserted],
    }


def _letter(letter: OperationId | None) -> str:
    return f"{letter.counter}@{letter.actor.hex()}" if letter else ""


def _region(region: Region) -> Case:
    return {
        "prints": [one.hex() for one in region.prints],
        "sides": [[side.change.hex(), side.text] for side in region.sides],
        "ancestor": region.ancestor,
        "start": region.start,
        "length": region.length,
        "merged": region.merged,
    }


def _case(story: Story, *void: str, settled: Sequence[str] = ()) -> Case:
    hashes, *settlements = ({story.changes[name].hash for name in names} for names in (void, *map(str.split, settled)))
    return overlap_case(DOCUMENT, story.birth, story.changes.values(), hashes, settlements)


def _beside(birth: Born, *edits: Splice) -> Story:
    """Edits of one text, by as many writers, none of whom knew of the others."""
    story = Story(birth)
    for name, edit in zip("abcdefgh", edits, strict=False):
        story.write(f"{name}1", edit, on="")
    return story


def overlaps() -> Iterator[tuple[str, Case]]:
    """Every case by its name."""
    pairs = {
        "two_inserts_at_one_place": (Splice(4, 0, "one"), Splice(4, 0, "two")),
        "two_inserts_of_one_text": (Splice(4, 0, "same"), Splice(4, 0, "same")),
        "two_inserts_apart": (Splice(3, 0, "one"), Splice(5, 0, "two")),
        "both_replaced": (Splice(2, 3, "one"), Splice(3, 3, "two")),
        "both_deleted_which_is_agreement": (Splice(2, 3, ""), Splice(3, 3, "")),
        "deleted_and_replaced": (Splice(2, 3, ""), Splice(4, 1, "x")),
        "inserted_within_what_was_deleted": (Splice(2, 4, ""), Splice(4, 0, "within")),
        "inserted_at_the_edge_of_what_was_deleted": (Splice(2, 4, ""), Splice(2, 0, "edge")),
        "inserted_at_the_edge_of_what_was_replaced": (Splice(2, 4, "new"), Splice(6, 0, "edge")),
        "replaced_by_the_same_letter": (Splice(2, 1, "C"), Splice(2, 1, "x")),
        "connected_through_a_third": (Splice(1, 2, "one"), Splice(4, 2, "two"), Splice(2, 3, "both")),
        "at_both_ends": (Splice(0, 0, "<"), Splice(8, 0, ">"), Splice(8, 0, "!"), Splice(0, 1, "(")),
    }
    for name, edits in pairs.items():
        yield f"valid_{name}", _case(_beside(BIRTH, *edits))
    yield "valid_an_empty_text", _case(_beside(EMPTY, Splice(0, 0, "first"), Splice(0, 0, "words")))
    yield "valid_equal_letters", _case(_beside(Born({}, "aaaa", b""), Splice(1, 2, "a"), Splice(0, 1, "aa")))
    yield "valid_two_places_of_one_change", _case(_two_places())
    yield from _later()
    yield from _void()
    for seed in range(6):
        yield f"valid_random_{seed}", _random(seed)


def _two_places() -> Story:
    story = Story()
    story.write("a1", Splice(6, 1, "g"), Splice(1, 1, "b"))
    story.write("b1", Splice(6, 2, "!"), Splice(1, 0, "-"), on="")
    return story


def _later() -> Iterator[tuple[str, Case]]:
    """What was settled, and what came late."""
    story = _beside(BIRTH, Splice(2, 3, "one"), Splice(3, 3, "two"))
    yield "valid_settled", _case(story, settled=["a1 b1"])
    story.write("c1", Splice(0, 1, ""))
    yield "valid_a_change_that_stands_on_all_adds_nothing", _case(story)
    story.write("d1", Splice(3, 1, "three"), on="")
    yield "valid_late_work", _case(story)
    yield "valid_late_work_on_what_was_settled", _case(story, settled=["a1 b1"])
    yield "valid_settled_in_pairs", _case(story, settled=["a1 b1", "b1 d1", "a1 d1"])
    story = Story()
    story.write("a1", Splice(2, 3, "one"))
    story.write("a2", Splice(2, 3, "three"), on="a1")
    story.write("b1", Splice(4, 0, "two"), on="")
    yield "valid_a_side_of_two_changes", _case(story)


def _void() -> Iterator[tuple[str, Case]]:
    """Work that does not count, on which other work stands."""
    story = Story()
    story.write("a1", Splice(4, 0, "void"))
    story.write("b1", Splice(6, 0, "honest"))
    story.write("c1", Splice(4, 0, "beside"), on="")
    yield "valid_before_anything_was_void", _case(story)
    yield "valid_a_void_side", _case(story, "a1")
    story.write("d1", Splice(6, 0, "other"), on="a1")
    yield "valid_beside_void_letters", _case(story, "a1")


def _random(seed: int) -> Case:
    """Three writers that hear each other now and then; some of it is void, some is settled."""
    lots = random.Random(seed)
    heard: list[list[Change]] = [[], [], []]
    written: list[Change] = []
    for step in range(20):
        number = step % 3
        if lots.random() < 0.3:
            heard[number] = written.copy()
        document = Document.fold(DOCUMENT, BIRTH, [(one.hash, one) for one in heard[number]])
        length = len(document.text())
        position = lots.randint(0, length)
        deleted = min(length - position, lots.choice([0, 0, 1, 2, 4]))
        edit = Splice(position, deleted, lots.choice(["x", "yz", "ABC", ""] if deleted else ["x", "yz"]))
        change = document.edit(WRITERS["abc"[number]], [edit])
        heard[number].append(change)
        written.append(change)
    void = {change.hash for change in written if seed % 2 and lots.random() < 0.2}
    settled = [{one.hash for one in lots.sample(written, 7)} for _ in range(seed)] if seed > 2 else []
    return overlap_case(DOCUMENT, BIRTH, written, void, settled)
