"""Records: born and edited as they are shown, read whatever somebody wrote into them."""

from __future__ import annotations

from collections.abc import Mapping

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mesh.errors import Malformed, Misuse, TooLarge
from mesh.events.bodies import document_of
from mesh.events.kinds import Born, Value
from mesh.limits import BODY_PLAIN_BYTES_MAX, JSON_DEPTH_MAX, LIST_REGISTER_BYTES_MAX, SEQ_MAX
from mesh.names import DocumentId
from mesh.state import records
from mesh.state.catalogue import BODY
from mesh.state.documents import Document
from mesh.state.edits import Delete, Put
from mesh.state.records import Record

ABOUT = DocumentId("home", "task", bytes(16))
ACTOR = bytes(16)
TEXTS = st.text(st.characters(blacklist_characters="\0", blacklist_categories=["Cs"]), max_size=12)
VALUES = st.one_of(TEXTS, st.booleans(), st.integers(-(2**53) + 1, 2**53 - 1), st.none())
KEYS = st.text("abcö/-", min_size=1, max_size=4).filter(lambda key: key != BODY)
JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | TEXTS,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(TEXTS, inner, max_size=3),
    max_leaves=6,
)


def record(more: Mapping[str, Value] | None = None, **registers: Value) -> Record:
    """A task that has these registers."""
    return Record(ABOUT, {**registers, **(more or {})}, "")


def born(kind: str, birth: Born) -> Document:
    """A document with Automerge, from its birth."""
    return Document.born(document_of("home", kind, birth), birth)


@given(st.dictionaries(KEYS, VALUES, max_size=6), TEXTS)
def test_a_birth_alone_is_shown_as_its_document(registers: dict[str, Value], text: str) -> None:
    """Without Automerge and with it, of a type that may have any registers."""
    birth = Born(registers, text, b"")
    document = born("from-the-future", birth)
    assert records.view_of(document) == records.view(document.id, birth)


@given(st.dictionaries(KEYS, VALUES, max_size=5), st.dictionaries(KEYS, VALUES, max_size=5), TEXTS, TEXTS)
def test_edits_make_it_what_is_wanted(
    before: dict[str, Value], wanted: dict[str, Value], text: str, later: str
) -> None:
    """Registers that are named are as given afterwards, None takes one away, all others stay; a second time nothing."""
    document = born("from-the-future", Born(before, text, b""))
    edits = records.edits(document, wanted, later)
    if edits:
        document.take([document.edit(ACTOR, edits)])
    shown = records.view_of(document)
    assert shown.text == later
    gone = {key for key, value in wanted.items() if value is None}
    kept = {key: value for key, value in (before | wanted).items() if key not in gone}
    assert shown.registers == kept
    assert [type(shown.registers[key]) for key in kept] == [type(value) for value in kept.values()]
    assert records.edits(document, wanted, later) == ()


def test_edits_are_checked() -> None:
    """What a type may not have is refused before anything is written; what stays is not touched."""
    document = born("task", records.birth("task", {"title": "x", "state": "open"}, "text"))
    for wrong in ({"owner": "x"}, {"priority": "high"}, {"state": 1}):
        with pytest.raises(Malformed):
            records.edits(document, wrong)
    assert records.edits(document, {"title": "x", "state": "done", "reason": None}) == (Put("state", "done"),)
    assert records.edits(document, {"state": None}) == (Delete("state"),)
    long = born("task", records.birth("task", {"title": "x"}, "y" * 70_000))
    assert records.edits(long, {}, "y" * 70_000) == ()
    long.take([long.edit(ACTOR, records.edits(long, {}, "short"))])
    assert records.view_of(long).text == "short"
    assert BODY not in records.view_of(long).registers


def test_a_birth_leaves_out_what_has_no_value() -> None:
    """And has bounds."""
    birth = records.birth("task", {"title": "x", "state": "", "due": None, "priority": 0}, "text")
    assert birth == Born({"priority": 0, "title": "x"}, "text", b"")
    with pytest.raises(Malformed):
        records.birth("task", {"nonsense": "x"})
    with pytest.raises(TooLarge):
        records.birth("task", {"title": "x"}, "y" * BODY_PLAIN_BYTES_MAX)


@given(JSON)
def test_json_in_a_register(value: object) -> None:
    """What was said is read again; equal things are one text."""
    text = records.said(value)
    assert records.read(text) == value
    assert records.said(records.read(text)) == text
    assert record(x=text).said("x") == value


@pytest.mark.parametrize("text", ["", "{", "nonsense", "[NaN]", "[Infinity]", "[" * 100_000, "1 2", '{"a":}'])
def test_what_cannot_be_read_is_none(text: str) -> None:
    """Anybody may have written it; nothing fails on it."""
    assert records.read(text) is None
    hostile = record(x=text)
    assert (hostile.said("x"), hostile.listed("x"), hostile.maps("x"), hostile.saids("x")) == (None, (), (), {})


def test_json_is_read_as_a_browser_reads_it() -> None:
    """Numbers are whole if a browser takes them for that, however they are written; what is deep is not read."""
    found = records.read(f"[5.0, 5e0, -0.0, 1.5, {SEQ_MAX}, {SEQ_MAX + 1}, 1e400, {'9' * 5000}, true]")
    assert isinstance(found, list)
    assert [records.whole(one) for one in found] == [5, 5, 0, None, SEQ_MAX, None, None, None, None]
    deep = "[" * JSON_DEPTH_MAX + "]" * JSON_DEPTH_MAX
    assert records.read(deep) is not None
    assert records.read(f'{{"x": {deep}}}') is None


def test_a_list_has_a_bound() -> None:
    """What is longer is refused with a hint."""
    with pytest.raises(TooLarge) as caught:
        records.said(["x" * LIST_REGISTER_BYTES_MAX])
    assert caught.value.hint


def test_registers_are_read_by_what_they_should_hold() -> None:
    """And are empty where they hold something else."""
    one = record(
        {"tag/b": True, "tag/a": True, "claim/2": '{"n":2}', "claim/1": "[]", "claim/3": 7},
        word="x", number=3, yes=True, list='["a",1,"b"]', maps='[{"k":1},2]', deleted=True,
    )  # fmt: skip
    assert (one.word("word"), one.word("number"), one.word("none")) == ("x", "", "")
    assert (one.number("number"), one.number("yes", 9), one.number("word", 9), one.number("none")) == (3, 9, 9, 0)
    assert (one.listed("list"), one.listed("maps"), one.listed("word")) == (("a", "b"), (), ())
    assert (one.maps("maps"), one.maps("list")) == (({"k": 1},), ())
    assert (one.tags, one.deleted, record(deleted=1).deleted) == (("a", "b"), True, False)
    assert one.under("claim/") == {"1": "[]", "2": '{"n":2}', "3": 7}
    assert one.saids("claim/") == {"2": {"n": 2}}
    assert records.listing(["a", " ", "", "b"]) == '["a","b"]'
    assert records.listing(["", " "]) == ""


def test_what_it_is_found_by() -> None:
    """Texts in registers, taken out of JSON; tags; neither the title, which has a place of its own, nor claims."""
    one = record(
        {"tag/t": True, "claim/x": '{"device":"d"}', "ack/x/d": 1, "end/x": '{"words":"w"}', "chunks": "c"},
        title="title", reason="a reason", done='["one",{"k":["two"]},3,true]', broken="[not json", priority=3,
    )  # fmt: skip
    assert set(one.words()) == {"t", "a reason", "one", "two", "[not json"}


def test_one_line() -> None:
    """Blanks are made one; what is no line of text is refused."""
    assert records.must_be_line("  a \n b\t", "goal") == "a b"
    for wrong in ("", " \n", "a\x07b"):
        with pytest.raises(Misuse, match="goal"):
            records.must_be_line(wrong, "goal")
