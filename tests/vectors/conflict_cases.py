"""Makes the vectors for conflicts: `python -m tests.vectors.conflict_cases` writes them, a test holds the files to it.

What people wrote, settled and took back; what is in conflict by that, how each of it may be settled, and how each event
is taken back. Letters are written as `counter@actor`.
"""

import json
import random
from collections.abc import Iterable, Iterator, Sequence
from collections.abc import Set as AbstractSet
from dataclasses import dataclass, field
from hashlib import sha256
from pathlib import Path

from mesh.events.kinds import Born, Carrier, Changed, Settled, Undone
from mesh.names import Digest, DocumentId
from mesh.state import undoing
from mesh.state.conflicts import Conflict, Kind, conflicts_of, fields, name_of, replaced_by
from mesh.state.documents import Document
from mesh.state.edits import Delete, Edit, Put, Splice
from mesh.state.lines import BuiltOn, Reversal, Took
from mesh.state.operations import Change
from mesh.state.settling import Choice, Merge, Say, Settlements, Take, edits_for, moved_aside, named_together
from mesh.state.undos import Undos
from tests.vectors.mask_cases import BIRTH, LONG, NEXT, WRITERS

Case = dict[str, object]

FOLDER = Path(__file__).resolve().parent / "conflicts"
NOTE = DocumentId("home", "note", bytes(range(16)))


@dataclass(frozen=True)
class Event:
    """One event: its change and what it says."""

    digest: Digest
    change: Change
    body: Carrier


@dataclass
class Tale:
    """Events by their names, said one after the other; `on`: what the writer had seen, by default everything."""

    birth: Born = BIRTH
    events: dict[str, Event] = field(default_factory=dict)

    def document(self, names: Iterable[str], void: AbstractSet[bytes] = frozenset()) -> Document:
        """A document with these events."""
        seen = [self.events[name] for name in names]
        return Document.fold(NOTE, self.birth, [(one.digest, one.change) for one in seen], void)

    def settlements(self, names: Iterable[str], void: AbstractSet[bytes] = frozenset()) -> Settlements:
        """What these events settle and take back."""
        found = Settlements()
        for one in (self.events[name] for name in names):
            if one.change.hash not in void:
                found.add(one.digest, one.body)
        return found

    def write(self, name: str, *edits: Edit, on: str | None = None) -> None:
        """A change, by the writer that its name begins with."""
        document = self.document(self.events if on is None else on.split())
        self._keep(name, document.edit(WRITERS[name[0]], edits), Changed)

    def settle(self, name: str, choice: Choice, on: str | None = None, number: int = 0) -> None:
        """A conflict, the first by default, is settled."""
        names = list(self.events) if on is None else on.split()
        document = self.document(names)
        conflict = conflicts_of(document, self.settlements(names))[number]
        change = document.edit(WRITERS[name[0]], edits_for(document, conflict, choice), bare=True)
        self._keep(name, change, lambda raw: Settled(raw, conflict.name, conflict.prints))

    def undo(self, name: str, target: str, on: str | None = None) -> None:
        """An event is taken back."""
        names = list(self.events) if on is None else on.split()
        document, event = self.document(names), self.events[target]
        edits = _back(document, [self.events[one] for one in names], event)
        assert edits is not None, target
        change = document.edit(WRITERS[name[0]], edits, bare=True)
        self._keep(name, change, lambda raw: Undone(raw, event.digest))

    def _keep(self, name: str, change: Change, body: type[Changed] | object) -> None:
        assert callable(body), body
        digest = Digest(sha256(change.raw + name.encode()).digest())
        self.events[name] = Event(digest, change, body(change.raw))

    def case(self, *void: str) -> Case:
        """The vector in which the changes of these names do not count."""
        return conflict_case(self.birth, self.events.values(), {self.events[name].change.hash for name in void})


def conflict_case(birth: Born, events: Iterable[Event], void: AbstractSet[bytes] = frozenset()) -> Case:
    """The vector of some events."""
    every = sorted(events, key=lambda one: one.digest)
    document = Document.fold(NOTE, birth, [(one.digest, one.change) for one in every], void)
    settlements = Settlements()
    for one in every:
        if document.contains(one.change.hash) and one.change.hash not in void:
            settlements.add(one.digest, one.body)
    found = conflicts_of(document, settlements)
    counting = [one for one in every if document.contains(one.change.hash) and one.change.hash not in void]
    return {
        "document": str(NOTE),
        "birth": {"registers": dict(birth.registers), "text": birth.text},
        "events": [[one.digest.hex(), one.change.raw.hex(), *said(one.body)] for one in every],
        "void": sorted(digest.hex() for digest in void),
        "actor": NEXT.hex(),
        "expect": {
            "text": document.text(),
            "fields": list(fields(found)),
            "conflicts": [told(one) for one in found],
            "effective": {one.digest.hex(): settlements.effective(one.digest) for one in every},
            "settles": [list(_settling(document, one)) for one in found],
            "ended": [[told(one) for one in replaced_by(document, event.change)] for event in counting],
            "undoes": {one.digest.hex(): _taken_back(document, counting, one) for one in counting},
        },
    }


def said(body: Carrier) -> list[object]:
    """What an event says, as JSON."""
    match body:
        case Settled(_, conflict, prints, rule):
            return ["settled", conflict.hex(), [one.hex() for one in prints], rule]
        case Undone(_, event):
            return ["undone", event.hex()]
    return ["changed"]


def told(one: Conflict) -> Case:
    """A conflict as JSON."""
    return {
        "name": one.name.hex(),
        "kind": one.kind.value,
        "field": one.field,
        "sides": [[side.change.hex(), side.value] for side in one.sides],
        "ancestor": one.ancestor,
        "prints": [name.hex() for name in one.prints],
        "place": [one.start, one.length, one.merged],
        "words": list(one.words),
    }


def _settling(document: Document, one: Conflict) -> Iterator[object]:
    """How a conflict may be settled, each with the change that somebody new would write."""
    choices: list[tuple[object, Choice]] = [(number, Take(number)) for number in range(len(one.sides))]
    if one.kind is Kind.TEXT:
        choices += [("merge", Merge()), ("say", Say("bóth 🌱"))]
    elif one.kind is Kind.REGISTER and one.field == "title":
        choices += [("say", Say("bóth 🌱"))]
    for name, choice in choices:
        yield [name, document.edit(NEXT, edits_for(document, one, choice), bare=True).raw.hex()]


def _undos(events: Sequence[Event]) -> Undos:
    known = {one.digest for one in events}
    return Undos([(e.digest, e.body.event) for e in events if isinstance(e.body, Undone) and e.body.event in known])


def _back(document: Document, events: Sequence[Event], event: Event) -> Sequence[Edit] | None:
    """What takes an event back, as the call works it out. None where it was. Raises BuiltOn."""
    undos, by_digest = _undos(events), {bytes(one.digest): one for one in events}
    if not undos.stands(event.digest):
        return None
    plan = undos.plan(event.digest)
    if not plan.turns:
        return ()

    def took(name: bytes) -> Took:
        change = by_digest[name].change

        def knew(undo: bytes) -> bool:
            other = by_digest[undo].change
            return other != change and document.history.stands_on(change.hash, other.hash)

        return Took(change, _changes(undos.known(knew).back))

    def _changes(names: AbstractSet[bytes]) -> frozenset[bytes]:
        return frozenset(by_digest[name].change.hash for name in names)

    root = by_digest[plan.root].change
    stops = undos.stands(plan.root)
    reversal = Reversal(tuple(map(took, plan.names)), root, stops, _changes(undos.undos), _changes(undos.back))
    return undoing.inverse(document, reversal)


def _taken_back(document: Document, events: Sequence[Event], event: Event) -> object:
    """The change that takes an event back, or that something is built on it; None where it is taken back."""
    try:
        edits = _back(document, events, event)
    except BuiltOn:
        return ["built on"]  # which of several such changes is named depends on the order of arrival
    return None if edits is None else document.edit(NEXT, edits, bare=True).raw.hex()


# ---------------------------------------------------------------- the cases


def conflicts() -> Iterator[tuple[str, Case]]:
    """Every case by its name."""
    yield from _registers()
    yield from _texts()
    yield from _deletions()
    yield from _undone()
    yield from _void()
    for seed in range(8):
        yield f"valid_random_{seed}", _random(seed)


def _registers() -> Iterator[tuple[str, Case]]:
    tale = Tale()
    for name, title in (("a1", "one"), ("b1", "two"), ("c1", "one")):
        tale.write(name, Put("title", title), on="")
    yield "valid_equal_values_are_one_side", tale.case()
    tale.settle("d1", Take(1))
    yield "valid_a_title_is_settled", tale.case()
    tale.write("e1", Put("title", "late"), on="")
    yield "valid_a_late_title", tale.case()
    tale = Tale()
    tale.write("a1", Put("path", "one.md"), on="")
    tale.write("b1", Put("path", "two.md"), on="")
    tale.write("b2", Put("title", "two"))
    tale.write("c1", Put("n", 1), Put("yes", value=True), Put("no", None), on="")
    tale.write("d1", Put("n", value=True), Put("yes", 1), Put("no", ""), on="")
    yield "valid_renamed_and_values_of_other_types", tale.case()
    tale = Tale()
    tale.write("a1", Delete("tag/garden"), on="")
    tale.write("b1", Put("tag/garden", value=True), on="")
    yield "valid_removed_and_written_again_is_no_conflict", tale.case()
    tale = Tale(LONG)
    tale.write("a1", Put("body", "short"), on="")
    tale.write("b1", Put("body", "other"), on="")
    yield "valid_a_text_that_is_one_value", tale.case()


def _texts() -> Iterator[tuple[str, Case]]:
    tale = Tale(Born({"title": "t"}, "naïve 🌱 seeds, beans", b""))
    tale.write("a1", Splice(8, 5, "carrot"), on="")
    tale.write("b1", Splice(6, 4, "many"), on="")
    yield "valid_words_that_an_edit_cuts", tale.case()
    tale.settle("c1", Take(0))
    yield "valid_a_text_is_settled", tale.case()
    tale.settle("d1", Take(1), on="a1 b1")
    yield "valid_two_settle_differently", tale.case()
    tale.undo("e1", "d1")
    yield "valid_a_settlement_is_taken_back", tale.case()
    tale.write("f1", Splice(7, 3, "late"), on="")
    yield "valid_late_work_in_a_settled_region", tale.case()
    tale = Tale()
    tale.write("a1", Splice(4, 0, "one"), on="")
    tale.write("b1", Splice(4, 0, "two"), on="")
    tale.write("c1", Splice(0, 1, "Z"), on="")
    tale.write("d1", Splice(0, 1, ""), on="")
    tale.settle("e1", Merge(), number=1)
    yield "valid_one_region_of_two_is_merged", tale.case()
    tale.undo("a2", "e1")
    tale.undo("b2", "a2")
    yield "valid_the_undo_is_undone", tale.case()


def _deletions() -> Iterator[tuple[str, Case]]:
    tale = Tale()
    tale.write("a1", Put("deleted", value=True), on="")
    tale.write("b1", Splice(1, 1, "x"), on="")
    tale.write("b2", Put("title", "beside"), on="b1")
    yield "valid_deleted_there_and_edited_here", tale.case()
    tale.write("c1", Put("deleted", value=True), on="b1")
    yield "valid_deleted_by_two", tale.case()
    tale.settle("d1", Take(1))
    yield "valid_it_stays", tale.case()
    tale = Tale()
    tale.write("a1", Put("deleted", value=True), on="")
    tale.write("b1", Put("deleted", value=False), on="")
    yield "valid_deleted_and_not", tale.case()
    tale = Tale()
    tale.write("a1", Put("deleted", value=True), on="")
    tale.write("b1", Put("ack/x", value=True), Put("got/y", value=True), on="")
    yield "valid_deleted_beside_a_notice", tale.case()


def _undone() -> Iterator[tuple[str, Case]]:
    tale = Tale()
    tale.write("a1", Splice(2, 3, "inserted"), Put("title", "by a"))
    tale.write("b1", Splice(4, 2, ""), Put("path", "b.md"))
    yield "valid_later_work_inside", tale.case()
    tale.undo("c1", "b1")
    tale.undo("d1", "a1")
    yield "valid_taken_back_one_after_the_other", tale.case()
    tale.undo("e1", "a1", on="a1 b1 c1")
    yield "valid_taken_back_by_two", tale.case()
    tale.undo("f1", "d1")
    yield "valid_it_stands_again_for_one", tale.case()


def _void() -> Iterator[tuple[str, Case]]:
    tale = Tale()
    tale.write("a1", Splice(4, 0, "void"), Put("title", "a"), on="")
    tale.write("b1", Splice(4, 0, "beside"), Put("title", "b"), on="")
    tale.write("c1", Splice(6, 1, "on it"), Put("title", "c"), on="a1")
    tale.settle("d1", Take(0))
    yield "valid_nothing_void", tale.case()
    yield "valid_a_void_side_on_which_others_stand", tale.case("a1")
    yield "valid_a_void_settlement", tale.case("d1")


def _random(seed: int) -> Case:
    """Three people that hear each other now and then, write, settle and take back; of some seeds some is void."""
    lots, tale = random.Random(seed), Tale()
    heard: list[list[str]] = [[], [], []]
    for step in range(24):
        number = lots.randrange(3)
        if lots.random() < 0.35:
            heard[number] = list(tale.events)
        name, on = f"{'abc'[number]}{step}", " ".join(heard[number])
        document = tale.document(heard[number])
        what, open_ = lots.random(), conflicts_of(document, tale.settlements(heard[number]))
        if what < 0.25 and open_:
            place = lots.randrange(len(open_))
            tale.settle(name, Take(lots.randrange(len(open_[place].sides))), on, place)
        elif what < 0.35 and heard[number]:
            try:
                tale.undo(name, lots.choice(heard[number]), on)
            except (BuiltOn, AssertionError):
                continue
        elif what < 0.6 and "title" not in document.conflicts():
            tale.write(name, Put(lots.choice(["title", "path"]), lots.choice(["p", "q", "r"])), on=on)
        elif what < 0.63 and "deleted" not in document.conflicts():
            tale.write(name, Put("deleted", value=True), on=on)
        else:
            length = len(document.text())
            place = lots.randint(0, length)
            gone = min(length - place, lots.choice([0, 0, 1, 2]))
            tale.write(name, Splice(place, gone, lots.choice(["x", "y🌱", "éé"])), on=on)
        heard[number].append(name)
    return tale.case(*(name for name in tale.events if seed % 2 and lots.random() < 0.15))


def names() -> Case:
    """Names of conflicts by what lives side by side in them, and where documents go that give way."""
    members = [str(NOTE).encode(), b"", bytes(16), bytes(range(200))]
    papers = [DocumentId("home", "note", bytes([n]) * 16) for n in range(3)]
    asked: list[tuple[DocumentId, Kind, str, Sequence[bytes]]] = [
        (NOTE, Kind.REGISTER, "title", members),
        (NOTE, Kind.REGISTER, "tag/ü🌱", members[::-1] * 2),
        (papers[0], Kind.PATH, "path", [*(str(one).encode() for one in papers), bytes(32)]),
        (NOTE, Kind.TEXT, "body", []),
    ]
    long = "ü" * 600
    moves = [("a/b.md", "mac"), ("a/b", "mac"), (".hidden", "a/b\n"), ("ü.tar.gz", "ph🌱ne"), (f"{long}.md", "mac")]
    prints = [sha256(b"%d" % number).digest()[:16] for number in range(11)]
    return {
        "names": [
            {
                "document": str(document),
                "kind": kind.value,
                "field": of,
                "members": [one.hex() for one in some],
                "name": name_of(document, kind, of, some).hex(),
            }
            for document, kind, of, some in asked
        ],
        "moved": [
            [path, device, first, moved_aside(path, device, first.__eq__)]
            for path, device in moves
            for first in [moved_aside(path, device, "".__eq__)]
        ],
        "together": [
            [
                [one.hex() for one in prints[:count]],
                4,
                [[x.hex() for x in y] for y in named_together(prints[:count], 4)],
            ]
            for count in (0, 3, 4, 5, 11)
        ],
    }


def files() -> dict[Path, str]:
    """Every file of these vectors, with what stands in it."""
    made = {**dict(conflicts()), "names": names()}
    return {FOLDER / f"{name}.json": json.dumps(one, indent=1, sort_keys=True) + "\n" for name, one in made.items()}


if __name__ == "__main__":
    for path, text in files().items():
        path.parent.mkdir(exist_ok=True)
        path.write_text(text, encoding="utf-8")
