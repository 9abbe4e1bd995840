"""Documents: the same state from the same changes in any order, and no foreign byte that takes the process down."""

import random
from collections.abc import Callable

import pytest
from automerge import core

from mesh.errors import Damaged, Malformed, Misuse, Refused, TooLarge
from mesh.events.kinds import Born, Value
from mesh.limits import BODY_PLAIN_BYTES_MAX, TEXT_BYTES_MAX
from mesh.state import engine, snapshot
from mesh.state.changes import decode
from mesh.state.documents import Document
from mesh.state.edits import Delete, Put, Splice
from mesh.state.encoding import encode, hash_of
from mesh.state.history import Live
from mesh.state.intake import OUTDONE, Taken
from mesh.state.operations import Action, Change, Operation
from mesh.state.shapes import gate
from tests.unit.state import writers
from tests.unit.state.writers import ADMISSION, BIRTH, DOCUMENT, actor

View = tuple[str, dict[str, tuple[Live, ...]], tuple[bytes, ...], int]


def born() -> Document:
    """The document of these tests at its birth."""
    return Document.born(DOCUMENT, BIRTH)


def fold(changes: list[Change]) -> Document:
    """The document of these tests from scratch, each change its own event."""
    return Document.fold(DOCUMENT, BIRTH, [(change.hash, change) for change in changes])


def view(document: Document) -> View:
    """All that a document shows."""
    live = {key: document.live(key) for key in document.registers()}
    return document.text(), live, document.heads, document.change_count


def test_a_born_document_shows_its_birth() -> None:
    """Nothing is lost between a birth and the document derived from it."""
    document = born()
    assert document.text() == BIRTH.text
    assert document.registers() == BIRTH.registers
    assert document.change_count == 1


def test_edits_make_one_change_and_leave_the_document_alone() -> None:
    """An edit that is never committed must leave no trace."""
    document = born()
    before = view(document)
    change = document.edit(
        actor(1), [Put("title", "x"), Splice(0, 5, "Beans"), Delete("tag/garden"), Splice(1, 1, "é")]
    )
    assert view(document) == before
    gate(change, admission=ADMISSION, kind="note", body=document.body)
    assert document.take([change]).applied == (change.hash,)
    assert document.text() == "Béans, péas 🌱"
    assert document.registers() == {"title": "x"}
    assert document.contains(change.hash)


def test_a_second_put_in_one_edit_replaces_the_first() -> None:
    """Edits of one change stand on each other."""
    document = born()
    document.take([document.edit(actor(1), [Put("path", "a"), Put("path", "b"), Delete("title"), Put("title", "t")])])
    assert document.registers() == {"path": "b", "title": "t", "tag/garden": True}
    assert document.conflicts() == ()


@pytest.mark.parametrize("seed", range(30))
def test_order_of_arrival_does_not_matter(seed: int) -> None:
    """Whatever comes first, whatever comes twice, the document is that of one device that had it all in order."""
    lots = random.Random(seed)
    written = writers.honest(seed)
    expected = fold(written)
    arriving = born()
    order = written + lots.sample(written, 5)
    lots.shuffle(order)
    while order:
        count = lots.randint(1, 4)
        arriving.take(order[:count])
        order = order[count:]
    assert view(arriving) == view(expected)
    assert arriving.take([]) == Taken()


@pytest.mark.parametrize("seed", range(30))
def test_live_values_are_those_of_the_graph_of_changes(seed: int) -> None:
    """A value lives when no other change that writes or removes the register stands on it."""
    written = writers.honest(seed)
    document = fold(written)
    for key in ("title", "path", "tag/a", "tag/b"):
        assert {live.change for live in document.live(key)} == _live_by_graph(written, key)


def _live_by_graph(written: list[Change], key: str) -> set[bytes]:
    below: dict[bytes, set[bytes]] = {born().heads[0]: set()}
    last: dict[bytes, Action] = {born().heads[0]: Action.PUT} if key in BIRTH.registers else {}
    for change in written:
        below[change.hash] = set(change.dependencies).union(*(below[name] for name in change.dependencies))
        actions = [o.action for o in change.operations if o.object is None and o.key == key]
        if actions:
            last[change.hash] = actions[-1]
    over = set[bytes]().union(*(below[digest] for digest in last)) if last else set()
    return {digest for digest, action in last.items() if action is Action.PUT and digest not in over}


def test_what_is_shown_first_is_what_automerge_shows() -> None:
    """Every reader of the bytes must pick the same winner."""
    for seed in range(20):
        document = fold(writers.honest(seed))
        plain = _plain(document)
        for key, value in document.registers().items():
            shown = plain.get(core.ROOT, key)
            assert shown is not None
            assert shown[0][1] == value  # type: ignore[index]
        assert set(plain.keys(core.ROOT)) == {*document.registers(), "body"}


def _plain(document: Document) -> core.Document:
    """The same changes in a document of the binding itself."""
    return core.Document.load(snapshot.decode(document.save()).engine)


def test_equal_values_written_at_once_are_no_conflict() -> None:
    """Two devices that agree need nobody to decide, and both writes are kept."""
    left = born().edit(actor(1), [Put("title", "same"), Put("path", "l")])
    right = born().edit(actor(2), [Put("title", "same"), Put("path", "r")])
    document = fold([left, right])
    assert len(document.live("title")) == 2
    assert document.conflicts() == ("path",)


def test_true_and_one_are_different_values() -> None:
    """Python takes them for equal; a document must not."""
    birth = Born({}, "", b"")
    start = Document.born(DOCUMENT, birth)
    changes = [start.edit(actor(1), [Put("n", value=True)]), start.edit(actor(2), [Put("n", 1)])]
    start.take(changes)
    assert start.conflicts() == ("n",)


@pytest.mark.parametrize("seed", range(60))
def test_hostile_changes_end_the_same_everywhere(seed: int) -> None:
    """Changes that pass the gate and name what they do not stand on: same end in any order, after load, in a fold."""
    lots = random.Random(seed)
    written = writers.hostile(seed)
    for change in written:
        gate(decode(change.raw), admission=ADMISSION, kind="note", body=born().body)
    expected = fold(written)
    for _ in range(3):
        lots.shuffle(written)
        again, arriving = fold(written), born()
        assert view(again) == view(expected)
        assert again.take([]) == expected.take([])
        doubled = any(arriving.take([change]).doubled for change in written)
        if not doubled:
            assert view(arriving) == view(expected)
            assert arriving.take([]) == expected.take([])
    loaded = Document.load(expected.save())
    assert view(loaded) == view(expected)
    assert loaded.take(written) == expected.take(written)


def test_hostile_changes_do_get_in() -> None:
    """The test above would say nothing if everything were refused or waited."""
    applied = sum(fold(writers.hostile(seed)).change_count - 1 for seed in range(60))
    refused = sum(len(fold(writers.hostile(seed)).take([]).refused) for seed in range(60))
    assert applied > 400
    assert refused > 30


@pytest.mark.parametrize("seed", range(40))
def test_mutated_bytes_are_refused_or_harmless(seed: int) -> None:
    """Flipped, cut, doubled and spliced bytes, with a right checksum or not: only Refused, never a panic."""
    lots = random.Random(seed)
    written = writers.honest(seed, steps=8)
    document = born()
    document.take(written[:4])
    refused = 0
    for _ in range(100):
        raw = _mutated(lots, lots.choice(written).raw)
        try:
            change = decode(raw)
            gate(change, admission=ADMISSION, kind="note", body=document.body)
            document.take([change])
        except Refused:
            refused += 1
    assert refused > 60
    assert not document.spoiled
    assert view(Document.load(document.save())) == view(document)


def _mutated(lots: random.Random, raw: bytes) -> bytes:
    data = bytearray(raw)
    for _ in range(lots.randint(1, 3)):
        place = lots.randrange(len(data))
        how = lots.randrange(4)
        if how == 0:
            data[place] ^= 1 << lots.randrange(8)
        elif how == 1:
            data[place] = lots.choice([0, 1, 2, 0x7F, 0x80, 0xFF])
        elif how == 2:
            del data[place : place + lots.randint(1, 3)]
        else:
            data[place:place] = data[place : place + lots.randint(1, 4)]
    if lots.random() < 0.9 and len(data) > 10:
        data[4:8] = hash_of(bytes(data))[:4]
    return bytes(data)


def test_a_change_waits_for_what_it_stands_on() -> None:
    """Nothing is lost that comes too early, and a save keeps it."""
    document = born()
    first = document.edit(actor(1), [Put("title", "1")])
    document.take([first])
    second = document.edit(actor(1), [Put("title", "2")])
    late = born()
    assert late.take([second]).waiting == (second.hash,)
    assert late.register("title") == "seeds"
    late = Document.load(late.save())
    taken = late.take([first])
    assert taken.applied == (first.hash, second.hash)
    assert taken.waiting == ()
    assert late.register("title") == "2"


def test_a_number_given_twice_is_told_and_the_smaller_event_counts() -> None:
    """A cloned home writes on: both branches are held, and every device counts the same one."""
    left = born().edit(actor(1), [Put("title", "left")])
    right = born().edit(actor(1), [Put("title", "right")])
    document = born()
    document.take([left])
    on_left = document.edit(actor(2), [Put("path", "on left")])
    assert document.take([right]) == Taken(doubled=True)
    assert document.register("title") == "left"
    events = [(b"\x02", left), (b"\x01", right), (b"\x03", on_left)]
    for order in (events, events[::-1]):
        again = Document.fold(DOCUMENT, BIRTH, order)
        assert again.register("title") == "right"
        taken = again.take([left, on_left])
        assert taken.refused == ((left.hash, OUTDONE),)
        assert taken.waiting == (on_left.hash,)
        assert not taken.doubled


def test_a_hole_in_a_sequence_never_reaches_automerge() -> None:
    """It takes one, and then cannot load what it saved."""
    document = born()
    first = document.edit(actor(1), [Put("title", "1")])
    change = encode(first.dependencies, first.actor, 3, first.start, first.operations)
    assert document.take([change]).refused[0][0] == change.hash
    assert document.change_count == 1


class PanicException(BaseException):
    """What the binding raises; the true class cannot be reached."""


@pytest.mark.parametrize("failure", [PanicException, ValueError])
def test_a_change_over_which_automerge_fails_is_set_aside(
    failure: type[BaseException], monkeypatch: pytest.MonkeyPatch
) -> None:
    """The document is spoiled, and its fold goes on without the change and what stands on it."""
    written = writers.honest(3, steps=9)
    bad = written[2]
    _fail_over(bad, failure, monkeypatch)
    document = born()
    document.take(written[:2])
    with pytest.raises(Malformed):
        document.take([bad])
    assert document.spoiled
    with pytest.raises(Misuse):
        document.text()
    folded = fold(written)
    taken = folded.take(written)
    assert [digest for digest, _ in taken.refused] == [bad.hash]
    assert all(digest == bad.hash or not folded.contains(digest) for digest in (bad.hash, *taken.waiting))
    assert folded.change_count + len(taken.waiting) == len(written)
    monkeypatch.undo()
    assert view(folded) == view(fold([change for change in written if change != bad]))


def _fail_over(change: Change, failure: type[BaseException], monkeypatch: pytest.MonkeyPatch) -> None:
    true: Callable[[bytes], core.Message] = core.Message.decode

    class Message:
        @staticmethod
        def decode(raw: bytes) -> core.Message:
            if change.raw in raw:
                raise failure
            return true(raw)

    monkeypatch.setattr(core, "Message", Message)


def test_a_change_that_automerge_leaves_out_without_a_word_is_noticed(monkeypatch: pytest.MonkeyPatch) -> None:
    """After each delivery its heads must be ours."""
    document = born()
    change = document.edit(actor(1), [Put("title", "1")])
    monkeypatch.setattr(engine, "sync_message", lambda _: b"\x42\0\0\0\0")
    with pytest.raises(Malformed):
        document.take([change])
    assert document.spoiled


@pytest.mark.parametrize("stop", [KeyboardInterrupt, SystemExit, MemoryError, GeneratorExit])
def test_what_stops_a_program_still_stops_it(stop: type[BaseException], monkeypatch: pytest.MonkeyPatch) -> None:
    """The guard is for Automerge's failures only."""
    document = born()
    change = document.edit(actor(1), [Put("title", "1")])
    _fail_over(change, stop, monkeypatch)
    with pytest.raises(stop):
        document.take([change])


def test_a_text_born_long_is_one_value() -> None:
    """Letter by letter it would cost megabytes; edits replace it whole and show as a conflict when they meet."""
    long = "x" * (TEXT_BYTES_MAX + 1)
    document = Document.born(DOCUMENT, Born({"title": "t"}, long, b""))
    assert document.text() == long
    with pytest.raises(Misuse):
        document.edit(actor(1), [Splice(0, 1, "")])
    document.take([document.edit(actor(n), [Put("body", str(n))]) for n in (1, 2)])
    assert document.conflicts() == ("body",)
    assert Document.load(document.save()).text() == document.text()


@pytest.mark.parametrize(
    "edits", [[], [Delete("path")], [Splice(0, 99, "")], [Splice(-1, 0, "a")], [Splice(3, -1, "a")], [Splice(0, 0, "")]]
)
def test_edits_that_make_no_sense_are_misuse(edits: list[Put | Delete | Splice]) -> None:
    """Our own caller must hear of them before anything is signed."""
    with pytest.raises(Misuse):
        born().edit(actor(1), edits)


def test_an_edit_fits_into_an_event() -> None:
    """A change larger than an event's body is told to the writer, not found out by the store."""
    document = Document.born(DOCUMENT, Born({}, "", b""))
    with pytest.raises(TooLarge):
        document.edit(actor(1), [Splice(0, 0, "漢" * (BODY_PLAIN_BYTES_MAX // 3))])


def test_a_used_actor_cannot_go_on_beside_its_own_change() -> None:
    """A writer whose change waits would give its number twice."""
    other = born()
    first = other.edit(actor(2), [Put("title", "1")])
    other.take([first])
    waiting = other.edit(actor(1), [Put("title", "2")])
    document = born()
    document.take([waiting])
    with pytest.raises(Misuse):
        document.edit(actor(1), [Put("title", "3")])


@pytest.mark.parametrize("cut", [0, 1, 40, -1])
def test_a_damaged_snapshot_is_told(cut: int) -> None:
    """It is our own file, so the fault is ours, and the log can rebuild it."""
    with pytest.raises(Damaged):
        Document.load(born().save()[:cut])


def test_values_of_every_type_survive() -> None:
    """Text, numbers of any size, yes, no and null, through change, save and load."""
    values: list[Value] = ["", "é🌱", 0, -1, 63, 64, -64, -65, 2**53 - 1, -(2**53) + 1, True, False, None]
    document = Document.born(DOCUMENT, Born({}, "", b""))
    document.take([document.edit(actor(1), [Put(f"k{i}", value) for i, value in enumerate(values)])])
    loaded = Document.load(document.save())
    assert [loaded.register(f"k{i}") for i in range(len(values))] == values
    assert [type(loaded.register(f"k{i}")) for i in range(len(values))] == [type(value) for value in values]


def test_an_operation_of_nobody_is_no_letter() -> None:
    """A deletion that names a letter of an unknown actor does not fit."""
    document = born()
    assert document.body is not None
    nobody = document.body._replace(actor=bytes(16))
    operation = Operation(Action.DELETE, document.body, nobody, before=(nobody,))
    start = document.edit(actor(1), [Put("title", "x")]).start
    assert document.take([encode(document.heads, actor(1), 1, start, [operation])]).refused
