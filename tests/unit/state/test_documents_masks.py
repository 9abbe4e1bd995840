"""Documents with void changes: the same everywhere and in any order, and edits of what is seen fit for everybody."""

import random
from collections.abc import Sequence

import pytest

from mesh.errors import Misuse
from mesh.events import cbor
from mesh.events.kinds import Born
from mesh.limits import TEXT_BYTES_MAX
from mesh.state.documents import Document
from mesh.state.edits import Delete, Edit, Put, Splice
from mesh.state.encoding import encode
from mesh.state.genesis import derive
from mesh.state.intake import OUTDONE
from mesh.state.operations import Action, Change, Operation
from mesh.state.shapes import gate
from tests.unit.state import writers
from tests.unit.state.writers import ADMISSION, BIRTH, DOCUMENT, actor

FIRST = derive(DOCUMENT, BIRTH).hash
Shown = tuple[object, ...]


def shown(document: Document) -> Shown:
    """All that a document shows, and the bytes of what would be written next."""
    live = {key: document.live(key) for key in document.registers()}
    edits: list[Edit] = [Put("title", "next"), Put("path", "next"), Splice(0, min(3, len(document.text())), "next")]
    beneath = (document.heads, set(document.hidden), document.aside, document.change_count, document.void)
    return document.text(), live, beneath, document.edit(actor(200), edits).raw


def fold(changes: Sequence[Change], *void: bytes) -> Document:
    """The document from scratch, each change its own event."""
    return Document.fold(DOCUMENT, BIRTH, [(change.hash, change) for change in changes], frozenset(void))


def write(document: Document, number: int, *edits: Edit) -> Change:
    """A change that is taken in at once."""
    change = document.edit(actor(number), edits)
    document.take([change])
    return change


@pytest.mark.parametrize("seed", range(40))
@pytest.mark.parametrize("make", [writers.honest, writers.hostile])
def test_one_by_one_in_any_order_ends_as_folded_at_once(make: object, seed: int) -> None:
    """Honest and hostile changes, some of them void, with loads in between; folded again where that is asked for."""
    lots = random.Random(seed)
    written: list[Change] = make(seed)  # type: ignore[operator]
    void = frozenset(digest for digest in [FIRST, *(change.hash for change in written)] if lots.random() < 0.3)
    whole = fold(written, *void)
    lots.shuffle(written)
    document = fold([], *void)
    for number, change in enumerate(written, start=1):
        if document.take([change], void).doubled:
            document = fold(written[:number], *void)
        if lots.random() < 0.2:
            document = Document.load(document.save())
    assert shown(document) == shown(whole)
    assert document.take([]) == whole.take([])
    loaded = Document.load(whole.save())
    assert shown(loaded) == shown(whole)
    assert loaded.take(written, void) == whole.take(written, void)


def test_nothing_changes_for_a_document_without_void_changes() -> None:
    """There is no fold, and no second history."""
    document = fold(writers.honest(1))
    shown(document)
    assert document._fold is None  # noqa: SLF001 - that it is not made is the point
    assert document._intake._judged is document._intake.history  # noqa: SLF001


def test_a_void_change_is_aside_until_something_that_counts_stands_on_it() -> None:
    """Then it comes in with all beneath it, and what it did is not seen."""
    other = fold([])
    one, two = write(other, 1, Splice(0, 0, "1")), write(other, 1, Splice(1, 0, "2"))
    honest = write(other, 2, Splice(2, 0, "3"))
    void = {one.hash, two.hash}
    document = fold([])
    taken = document.take([two, one], void)
    assert (taken.applied, set(taken.aside)) == ((), void)
    assert document.heads == (FIRST,)
    assert document.text() == BIRTH.text
    assert document.change_count == 1
    taken = document.take([honest], void)
    assert taken.applied == (one.hash, two.hash, honest.hash)
    assert taken.aside == ()
    assert document.hidden == void
    assert document.text() == "3" + BIRTH.text


def test_a_void_change_that_waits_is_aside_too() -> None:
    """Nobody is told to wait for work that does not count."""
    other = fold([])
    one, two = write(other, 1, Splice(0, 0, "1")), write(other, 1, Splice(1, 0, "2"))
    document = fold([])
    taken = document.take([two], {two.hash})
    assert (taken.waiting, taken.aside) == ((), (two.hash,))
    honest = write(other, 2, Splice(2, 0, "3"))
    assert document.take([honest], {two.hash}).waiting == (honest.hash,)
    assert document.take([one]).applied == (one.hash, two.hash, honest.hash)


def test_another_standing_of_what_is_held_is_told() -> None:
    """The masks are not changed in place: the document is folded again from its events."""
    document = fold([])
    change = write(document, 1, Put("title", "x"))
    taken = document.take([change], {change.hash})
    assert taken.doubled
    assert document.register("title") == "x"
    again = fold([change], change.hash)
    assert again.take([change]).doubled
    assert not again.take([change], {change.hash}).doubled
    assert fold([change]).register("title") == "x"


def test_an_edit_of_what_is_seen_passes_the_gate_and_fits_for_everybody() -> None:
    """Also where something else is void, or nothing is, or the void change deleted what it stands on."""
    start = fold([])
    void = write(start, 1, Splice(0, 5, "VOID"), Put("title", "void"), Delete("tag/garden"))
    honest = write(start, 2, Splice(2, 0, "h"))
    masked = fold([void, honest], void.hash)
    assert masked.text() == "hbeans, péas 🌱"
    edit = masked.edit(actor(3), [Splice(3, 3, "E"), Put("title", "t"), Delete("tag/garden")])
    gate(edit, admission=ADMISSION, kind="note", body=masked.body)
    assert masked.take([edit]).applied == (edit.hash,)
    assert (masked.text(), masked.registers()) == ("hbeE, péas 🌱", {"title": "t"})
    for hashes in ([], [void.hash, honest.hash], [honest.hash]):
        document = fold([void, honest], *hashes)
        assert document.take([edit]).applied[-1] == edit.hash
        assert document.conflicts() == ()
        assert document.register("title") == "t"
        assert document.disagreements() == ()


def test_a_value_that_only_the_mask_shows_can_be_removed() -> None:
    """Automerge has no value there to name, since the void change removed it."""
    start = fold([])
    void = write(start, 1, Delete("title"))
    honest = write(start, 2, Put("path", "x"))
    masked = fold([void, honest], void.hash)
    assert masked.register("title") == "seeds"
    write(masked, 3, Delete("title"))
    assert masked.registers() == {"path": "x", "tag/garden": True}
    with pytest.raises(Misuse):
        masked.edit(actor(3), [Delete("title")])


def test_a_value_that_is_hidden_cannot_be_removed_but_is_replaced() -> None:
    """Lifting its mask brings no conflict with what was written meanwhile."""
    start = fold([])
    void = write(start, 1, Put("path", "hidden"))
    honest = write(start, 2, Put("title", "x"))
    masked = fold([void, honest], void.hash)
    assert masked.register("path") is None
    with pytest.raises(Misuse):
        masked.edit(actor(3), [Delete("path")])
    edit = write(masked, 3, Put("path", "seen"))
    lifted = fold([void, honest, edit])
    assert [live.value for live in lifted.live("path")] == ["seen"]


def test_a_void_birth_is_not_seen_and_can_be_written_on() -> None:
    """Its text is hidden, its Text object is there."""
    document = fold([], FIRST)
    assert (document.text(), document.registers(), set(document.hidden)) == ("", {}, {FIRST})
    write(document, 1, Splice(0, 0, "new"), Put("title", "t"))
    assert (document.text(), document.registers()) == ("new", {"title": "t"})
    assert Document.load(document.save()).text() == "new"


def test_a_void_birth_with_a_long_text_has_none() -> None:
    """There the text is a register."""
    birth = Born({"title": "t"}, "x" * (TEXT_BYTES_MAX + 1), b"")
    document = Document.fold(DOCUMENT, birth, [], {derive(DOCUMENT, birth).hash})
    assert document.text() == ""
    document.take([document.edit(actor(1), [Put("body", "y")])])
    assert document.text() == "y"


def test_a_writer_whose_change_is_aside_takes_another_actor() -> None:
    """Else it would give its number again."""
    document = fold([])
    change = write(document, 1, Put("title", "x"))
    again = fold([change], change.hash)
    with pytest.raises(Misuse):
        again.edit(actor(1), [Put("title", "y")])
    assert again.edit(actor(2), [Put("title", "y")]).sequence == 1


def test_who_was_shut_out_pushes_out_nobody() -> None:
    """A number given again: not an honoured change, nor a void one that honest work stands on, by any digest."""
    start = fold([])
    used = write(start, 1, Put("title", "used"))
    honest = write(start, 2, Put("path", "on it"))
    twin = encode(used.dependencies, used.actor, 1, used.start, [Operation(Action.PUT, None, "title", value="twin")])
    events = [(b"\x02", used), (b"\x03", honest), (b"\x01", twin)]
    for void in ({twin.hash}, {twin.hash, used.hash}):
        for order in (events, events[::-1]):
            document = Document.fold(DOCUMENT, BIRTH, order, void)
            assert document.contains(honest.hash)
            assert document.take([]).refused == ((twin.hash, OUTDONE),)
    document = Document.fold(DOCUMENT, BIRTH, [events[0], events[2]], {twin.hash, used.hash})
    assert document.take([]).refused == ((used.hash, OUTDONE),)
    assert document.take([honest], {twin.hash, used.hash}).doubled
    assert Document.fold(DOCUMENT, BIRTH, events, {used.hash}).take([]).waiting == (honest.hash,)


def test_a_snapshot_from_before_masks_is_read() -> None:
    """It is one without anything void."""
    document = fold(writers.honest(3))
    fields = cbor.decode(document.save(), 1_000_000, "a snapshot")
    assert isinstance(fields, list)
    beside = fields[4]
    assert isinstance(beside, list)
    old = Document.load(cbor.encode([1, *fields[1:4], beside[:2]]))
    assert shown(old) == shown(document)


def test_a_loaded_document_saves_the_same_before_and_after_it_is_used() -> None:
    """What it keeps beside Automerge's bytes, void or not."""
    written = writers.honest(5)
    whole = fold(written, *(change.hash for change in written[::3]))
    saved = whole.save()
    loaded = Document.load(saved)
    assert loaded.save() == saved
    shown(loaded)
    assert Document.load(loaded.save()).take([]) == whole.take([])
    assert loaded.void == whole.void
