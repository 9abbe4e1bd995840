"""Documents with void work, for the vectors of `masks`: what was written on what, and which of it does not count."""

import random
from collections.abc import Iterable, Iterator, Sequence
from collections.abc import Set as AbstractSet
from dataclasses import dataclass
from hashlib import sha256

from mesh.events.kinds import Born
from mesh.limits import TEXT_BYTES_MAX
from mesh.names import DocumentId
from mesh.state.documents import Document
from mesh.state.edits import Delete, Edit, Put, Splice
from mesh.state.genesis import derive
from mesh.state.operations import Change

Case = dict[str, object]

DOCUMENT = DocumentId("home", "list", bytes(range(16)))
BIRTH = Born({"title": "seeds", "tag/garden": True}, "ABCDEFGH", b"")
EMPTY = Born({}, "", b"")
LONG = Born({"title": "long"}, "x" * (TEXT_BYTES_MAX + 1), b"")
WRITERS = {name: bytes([number]) * 16 for number, name in enumerate("abcdefgh", start=1)}
NEXT = bytes([99]) * 16
EDITS: tuple[Edit, ...] = (
    Put("title", "next"),
    Put("n", -7),
    Delete("tag/garden"),
    Put("path", None),
    Put("path", "p"),
)


@dataclass
class Story:
    """Changes by their names, written one after the other; `on`: what the writer had seen, by default everything."""

    birth: Born = BIRTH

    def __post_init__(self) -> None:
        """Begin with the birth."""
        self.changes: dict[str, Change] = {}
        self.void: set[bytes] = set()

    def write(self, name: str, *edits: Edit, on: str | None = None, void: Iterable[str] = ()) -> None:
        """A change, by the writer that its name begins with. `void`: the names that the writer knew not to count."""
        seen = [self.changes[one] for one in (self.changes if on is None else on.split())]
        known = frozenset(self.changes[one].hash for one in void)
        document = Document.fold(DOCUMENT, self.birth, [(c.hash, c) for c in seen], known)
        self.changes[name] = document.edit(WRITERS[name[0]], edits)

    def case(self, *void: str, edits: Sequence[Edit] = EDITS, birth: bool = False) -> Case:
        """The vector in which the changes of these names, and perhaps the birth, do not count."""
        hashes = {self.changes[name].hash for name in void}
        if birth:
            hashes.add(derive(DOCUMENT, self.birth).hash)
        return mask_case(DOCUMENT, self.birth, self.changes.values(), hashes, edits)


def mask_case(
    name: DocumentId, birth: Born, written: Iterable[Change], void: AbstractSet[bytes], edits: Sequence[Edit]
) -> Case:
    """The vector of changes, each its own event."""
    events = sorted((sha256(change.raw).digest(), change) for change in written)
    document = Document.fold(name, birth, events, void)
    genesis, taken = derive(name, birth), document.take([])
    text = document.text()
    splices = [] if genesis.body is None else [Splice(len(text), 0, "é🌱z"), Splice(len(text) // 2, 1, "")]
    wanted = [*edits, *(splices if text else splices[:1])]
    registers = {**birth.registers, **({"body": birth.text} if genesis.body is None else {})}
    return {
        "document": str(name),
        "actor": genesis.actor.hex(),
        "birth": {"registers": registers, "text": None if genesis.body is None else birth.text},
        "first": genesis.hash.hex(),
        "changes": [[event.hex(), change.raw.hex()] for event, change in events],
        "void": sorted(digest.hex() for digest in void),
        "text": text,
        "live": {key: [[v.value, v.change.hex()] for v in document.live(key)] for key in document.registers()},
        "heads": [head.hex() for head in document.heads],
        "hidden": sorted(digest.hex() for digest in document.hidden),
        "aside": [digest.hex() for digest in document.aside],
        "waiting": [digest.hex() for digest in taken.waiting],
        "refused": [digest.hex() for digest, _ in taken.refused],
        "edit": {"actor": NEXT.hex(), "edits": [_written(edit) for edit in wanted]},
        "next": document.edit(NEXT, wanted).raw.hex(),
    }


def _written(edit: Edit) -> list[object]:
    if isinstance(edit, Splice):
        return ["splice", edit.position, edit.deleted, edit.inserted]
    if isinstance(edit, Put):
        return ["put", edit.key, edit.value]
    assert isinstance(edit, Delete), edit
    return ["delete", edit.key]


def masks() -> Iterator[tuple[str, Case]]:
    """Every case by its name."""
    yield from _texts()
    yield from _registers()
    yield from _sets()
    for seed in range(6):
        yield f"valid_random_{seed}", _random(seed)


def _texts() -> Iterator[tuple[str, Case]]:
    story = Story()
    story.write("a1", Splice(4, 0, "void"))
    story.write("b1", Splice(6, 0, "honest"))
    yield "valid_honest_words_inside_void_ones", story.case("a1")
    yield "valid_nothing_void", story.case()
    story = Story()
    story.write("a1", Splice(2, 4, ""))
    story.write("b1", Splice(2, 0, "!"))
    story.write("c1", Splice(3, 1, "🌻"), void=["a1"])
    yield "valid_what_was_deleted_returns", story.case("a1")
    yield "valid_the_mask_is_lifted", story.case()
    story = Story()
    for name in ("a1", "b1", "c1"):
        story.write(name, Splice(3, 0, name), on="")
    story.write("d1", Splice(5, 0, "-"))
    yield "valid_letters_at_one_place", story.case("b1")
    story = Story(EMPTY)
    story.write("a1", Splice(0, 0, "x" * 300))
    story.write("b1", Splice(150, 0, "y" * 300))
    yield "valid_a_long_change", story.case("a1", edits=[Splice(100, 150, "w" * 400), Put("title", "é" * 400)])


def _registers() -> Iterator[tuple[str, Case]]:
    story = Story()
    story.write("a1", Put("title", "void"))
    story.write("b1", Put("title", "over it"))
    yield "valid_a_value_over_a_void_one", story.case("a1")
    story = Story()
    story.write("a1", Put("title", "void"))
    story.write("b1", Put("path", "elsewhere"))
    yield "valid_a_value_beneath_a_void_one_returns", story.case("a1")
    story = Story()
    story.write("a1", Delete("title"), Delete("tag/garden"))
    story.write("b1", Put("title", "after a void removal"))
    yield "valid_a_value_after_a_void_removal", story.case("a1")
    story = Story()
    story.write("a1", Put("title", "hidden"))
    story.write("b1", Put("path", "on it"))
    story.write("c1", Put("title", "by one who did not see it"), void=["a1"])
    yield "valid_a_value_over_a_hidden_one", story.case("a1")
    yield "valid_a_hidden_value_that_was_replaced_stays_so", story.case()
    story = Story()
    story.write("a1", Put("title", "a1"))
    story.write("a2", Put("title", "a2"))
    story.write("b1", Put("n", 2**53 - 1), Put("no", value=False))
    story.write("c1", Put("title", "beside"), on="")
    yield "valid_two_void_values_in_a_row", story.case("a1", "a2")
    yield "valid_the_later_value_alone_is_void", story.case("a2")


def _sets() -> Iterator[tuple[str, Case]]:
    story = Story()
    story.write("a1", Splice(0, 0, "1"))
    story.write("b1", Put("path", "on a1"))
    story.write("a2", Splice(1, 0, "2"))
    story.write("a3", Put("title", "3"))
    yield "valid_a_void_tail_is_aside", story.case("a1", "a2", "a3")
    story.write("b2", Put("path", "on a2"), on="a1 b1 a2")
    yield "valid_part_of_a_void_tail_comes_in", story.case("a1", "a2", "a3")
    yield "valid_everything_void", story.case(*story.changes)
    yield "valid_a_void_birth", story.case("a1", birth=True)
    story = Story(LONG)
    story.write("a1", Put("body", "short"))
    story.write("b1", Put("path", "x"))
    yield "valid_a_void_birth_with_a_long_text", story.case(birth=True)
    yield "a_void_number_given_twice", _twice()
    story = Story()
    story.write("a1", Put("title", "missing"))
    story.write("b1", Put("title", "waits"))
    story.write("c1", Put("path", "void and waits"), on="a1")
    del story.changes["a1"]
    yield "waits_for_what_is_not_there", story.case("c1")


def _twice() -> Case:
    """Of the two void changes the one that others stand on stays, whatever the digests of their events are."""
    story = Story()
    story.write("a1", Put("title", "used"))
    used = story.changes["a1"]
    for number in range(100):
        story.write("a1", Put("title", f"pushes {number}"), on="")
        if sha256(story.changes["a1"].raw).digest() < sha256(used.raw).digest():
            break
    story.changes["a other"] = story.changes["a1"]
    story.changes["a1"] = used
    story.write("b1", Put("path", "on the used one"), on="a1")
    return story.case("a1", "a other")


def _random(seed: int) -> Case:
    """Three writers that hear each other now and then, a third of whose changes are void."""
    lots = random.Random(seed)
    written: list[Change] = []
    heard: list[list[Change]] = [[], [], []]
    for step in range(18):
        number = lots.randrange(3)
        if lots.random() < 0.4:
            heard[number] = written.copy()
        document = Document.fold(DOCUMENT, BIRTH, [(c.hash, c) for c in heard[number]])
        length = len(document.text())
        position = lots.randint(0, length)
        edits: list[Edit] = [Splice(position, min(length - position, lots.randint(0, 2)), chr(0x4E00 + step))]
        if lots.random() < 0.5:
            edits.append(Put(lots.choice(["title", "path"]), str(step)))
        elif document.live("path"):
            edits.append(Delete("path"))
        written.append(document.edit(WRITERS["abc"[number]], edits))
        heard[number].append(written[-1])
    void = {change.hash for change in written if lots.random() < 0.35}
    return mask_case(DOCUMENT, BIRTH, written, void, EDITS)
