"""The derived first change: byte for byte what Automerge would write letter by letter."""

import random

import pytest
from automerge import core
from hypothesis import given
from hypothesis import strategies as st

from mesh.events.kinds import Born, Value
from mesh.limits import TEXT_BYTES_MAX
from mesh.names import DocumentId
from mesh.state.changes import decode
from mesh.state.genesis import actor_of, body_of, derive, is_register, known

DOCUMENT = DocumentId("home", "note", bytes(range(16)))
SCALARS = {
    str: core.ScalarType.Str,
    int: core.ScalarType.Int,
    bool: core.ScalarType.Boolean,
    type(None): core.ScalarType.Null,
}
TEXTS = st.text(st.characters(codec="utf-8", exclude_characters="\0"), max_size=40)
VALUES = st.one_of(TEXTS, st.integers(-(2**53) + 1, 2**53 - 1), st.booleans(), st.none())


def letter_by_letter(birth: Born) -> bytes:
    """What Automerge writes for a birth."""
    document = core.Document(actor_of(DOCUMENT))
    with document.transaction() as tx:
        for key in sorted(birth.registers, key=str.encode):
            tx.put(core.ROOT, key, SCALARS[type(birth.registers[key])], birth.registers[key])
        if is_register(birth):
            tx.put(core.ROOT, "body", core.ScalarType.Str, birth.text)
        else:
            text = tx.put_object(core.ROOT, "body", core.ObjType.Text)
            for place, letter in enumerate(birth.text):
                tx.insert(text, place, core.ScalarType.Str, letter)
    return bytes(document.get_changes([])[0].raw_bytes)


@given(st.dictionaries(st.text(st.characters(codec="utf-8"), min_size=1, max_size=8), VALUES, max_size=6), TEXTS)
def test_any_birth_becomes_the_bytes_of_automerge(registers: dict[str, Value], text: str) -> None:
    """Whoever edits first, and with whatever program, writes the same first change."""
    registers.pop("body", None)
    birth = Born(registers, text, b"")
    assert derive(DOCUMENT, birth).raw == letter_by_letter(birth)


@pytest.mark.parametrize("size", [0, 1, 2, 3, 1000])
def test_emoji_and_combining_characters_are_one_letter_each_code_point(size: int) -> None:
    """A family of three is five letters; an accent of its own is one."""
    lots = random.Random(size)
    birth = Born({"title": "t"}, "".join(lots.choices("a é\u0301\n👨\u200d👩漢🌱", k=size)), b"")
    genesis = derive(DOCUMENT, birth)
    assert genesis.raw == letter_by_letter(birth)
    assert genesis.letters == size


@pytest.mark.parametrize("more", [0, 1])
def test_a_long_text_is_a_register(more: int) -> None:
    """The border is in bytes, and belongs to the letters."""
    birth = Born({"a": 1, "z": 2}, "é" * (TEXT_BYTES_MAX // 2) + "x" * more, b"")
    genesis = derive(DOCUMENT, birth)
    assert is_register(birth) is bool(more)
    assert (genesis.body is None) is bool(more)
    assert list(genesis.registers) == ["a", "z", "body"][: 2 + more]
    if more:
        assert genesis.raw == letter_by_letter(birth)


def test_the_body_is_named_without_deriving_anything() -> None:
    """The gate needs it for every change."""
    birth = Born({"a": 1, "b": "x"}, "text", b"")
    genesis = derive(DOCUMENT, birth)
    change = decode(genesis.raw)
    assert genesis.body == body_of(DOCUMENT, birth) == (3, actor_of(DOCUMENT))
    assert change.operations[3].object == genesis.body
    assert change.hash == genesis.hash


def test_another_document_has_another_actor() -> None:
    """Equal births of two documents share no letter."""
    other = DocumentId("home", "task", DOCUMENT.name)
    birth = Born({}, "same", b"")
    assert derive(other, birth).hash != derive(DOCUMENT, birth).hash


@pytest.mark.parametrize("text", ["short", "x" * (TEXT_BYTES_MAX + 1)])
def test_what_is_known_without_the_bytes_is_the_same(text: str) -> None:
    """A loaded document has only this."""
    genesis = derive(DOCUMENT, Born({"b": 1, "a": 2}, text, b""))
    shuffled = dict(list(genesis.registers.items())[::-1])
    found = known(DOCUMENT, shuffled, genesis.letters, has_text=genesis.body is not None)
    assert list(found.registers) == list(genesis.registers)
    assert (found.actor, found.body, found.letters) == (genesis.actor, genesis.body, genesis.letters)
