"""The fold: with nothing masked it is Automerge, and nobody can make it slow."""

import random
from collections.abc import Sequence

import pytest

from mesh.events.kinds import Born
from mesh.state.changes import decode
from mesh.state.documents import Document
from mesh.state.edits import Delete, Edit, Put, Splice
from mesh.state.encoding import encode
from mesh.state.fold import Fold
from mesh.state.genesis import derive
from mesh.state.history import History
from mesh.state.operations import Action, Change, Operation, OperationId
from tests.unit.state import writers
from tests.unit.state.writers import BIRTH, DOCUMENT, actor

NOTHING: frozenset[bytes] = frozenset()


class Counted(OperationId):
    """A name that counts how often it is compared."""

    compared = 0

    def __lt__(self, other: object) -> bool:
        Counted.compared += 1
        return tuple.__lt__(self, other)  # type: ignore[operator]


def write(seen: Sequence[Change], number: int, *edits: Edit, void: Sequence[Change] = ()) -> Change:
    """A change of somebody who has seen these, and knows that some do not count."""
    known = frozenset(change.hash for change in void)
    document = Document.fold(DOCUMENT, BIRTH, [(change.hash, change) for change in seen], known)
    return document.edit(actor(number), edits)


def seen(changes: Sequence[Change], *void: Change) -> Document:
    """The document of these changes without some."""
    hashes = frozenset(change.hash for change in void)
    return Document.fold(DOCUMENT, BIRTH, [(change.hash, change) for change in changes], hashes)


@pytest.mark.parametrize("seed", range(40))
@pytest.mark.parametrize("make", [writers.honest, writers.hostile])
def test_with_nothing_masked_a_fold_is_automerge(make: object, seed: int) -> None:
    """Text, and every live value with its place, whoever wrote it; also of documents that are masked now."""
    written: list[Change] = make(seed)  # type: ignore[operator]
    lots = random.Random(seed)
    assert seen(written).disagreements() == ()
    masked = seen(written, *lots.sample(written, len(written) // 3))
    assert masked.disagreements() == ()
    assert Document.load(masked.save()).disagreements() == ()


@pytest.mark.parametrize("seed", range(20))
def test_with_everything_masked_nothing_is_seen(seed: int) -> None:
    """All of it is still there: the hidden and the aside are all changes."""
    written = writers.honest(seed)
    hashes = frozenset([derive(DOCUMENT, BIRTH).hash, *(change.hash for change in written)])
    document = Document.fold(DOCUMENT, BIRTH, [(change.hash, change) for change in written], hashes)
    assert document.text() == ""
    assert document.registers() == {}
    assert {*document.hidden, *document.aside} == hashes
    assert document.change_count == 1


def test_the_self_check_is_not_blind(monkeypatch: pytest.MonkeyPatch) -> None:
    """A letter that is lost, or a value that is another one, is named."""
    document = seen(writers.honest(1))
    monkeypatch.setattr(Fold, "shown", lambda self, name, _: name != max(self._letters))
    assert document.disagreements() == ("body",)
    monkeypatch.undo()
    monkeypatch.setattr(Fold, "_live", lambda *_: {})
    assert "title" in seen(writers.honest(1)).disagreements()
    monkeypatch.undo()
    assert seen(writers.honest(1)).disagreements() == ()


def test_a_deletion_that_does_not_count_deletes_nothing() -> None:
    """What was written into the hole in between stays where it was written."""
    gone = write([], 1, Splice(0, 5, ""))
    into = write([gone], 2, Splice(0, 0, "Peas"))
    assert seen([gone, into]).text() == "Peas, péas 🌱"
    assert seen([gone, into], gone).text() == "Peasbeans, péas 🌱"
    again = write([gone, into], 3, Splice(4, 5, ""), void=[gone])
    assert seen([gone, into, again], gone).text() == "Peas, péas 🌱"


def test_a_value_does_not_rise_beside_the_one_that_took_its_place() -> None:
    """Over a void value or after a void removal: the later writer saw nothing of what was beneath."""
    for edit in (Put("title", "void"), Delete("title")):
        under = write([], 1, edit)
        over = write([under], 2, Put("title", "over"))
        beside = write([under], 3, Put("path", "x"))
        assert [live.value for live in seen([under, over], under).live("title")] == ["over"]
        assert [live.value for live in seen([under, beside], under).live("title")] == ["seeds"]


def test_a_value_beside_a_void_one_is_not_replaced_by_it() -> None:
    """Only who stands on both replaces both."""
    left, right = write([], 1, Put("title", "left")), write([], 2, Put("title", "right"))
    both = write([left, right], 1, Put("title", "both"))
    after = write([left, right, both], 3, Put("path", "x"))
    assert {live.value for live in seen([left, right, both, after], both).live("title")} == {"left", "right"}
    assert {live.value for live in seen([left, right, both, after], both, left).live("title")} == {"right"}


def test_the_order_of_adding_does_not_matter() -> None:
    """A view is of the set."""
    written = writers.honest(4)
    document = seen(written)
    history = History()
    history.begin(derive(DOCUMENT, BIRTH))
    for change in written:
        history.add(change)
    changes = [decode(derive(DOCUMENT, BIRTH).raw), *written]
    views = []
    for seed in range(5):
        random.Random(seed).shuffle(changes)
        fold = Fold(history)
        fold.take(changes)
        views.append(fold.view({change.hash for change in written[::3]}))
        assert fold.view(NOTHING).text == document.text()
    assert all(view == views[0] for view in views)


def test_many_letters_at_one_place_cost_no_more_than_sorting() -> None:
    """Somebody who writes at the head on top of nothing makes every other letter there be skipped, if one skips."""
    birth = Born({}, "", b"")
    genesis = derive(DOCUMENT, birth)
    count, body = 3000, genesis.body
    history = History()
    history.begin(genesis)
    fold = Fold(history)
    operation = Operation(Action.PUT, body, None, insert=True, value="x")
    tips: tuple[bytes, ...] = (genesis.hash,)
    first: list[Change] = []
    for number in range(count):
        first.append(encode(tips, actor(1), number + 1, number + 2, [operation]))
        tips = (first[-1].hash,)
    low = [encode((genesis.hash,), number.to_bytes(16, "big"), 1, 2, [operation]) for number in range(count)]
    for change in [*first, *low]:
        history.add(change)
        fold.take([change])
    fold._after = {None: [Counted(*name) for name in fold._after[None]]}  # noqa: SLF001 - to count what is done
    Counted.compared = 0
    assert len(fold.view(NOTHING).letters) == 2 * count
    assert Counted.compared < 2 * count * 20
