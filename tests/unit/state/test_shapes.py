"""The gate of shapes: each thing that a change may not do, by name."""

import pytest

from mesh.errors import Malformed, NotGranted, Refused, TooLarge
from mesh.events.kinds import Born, Value
from mesh.limits import BODY_PLAIN_BYTES_MAX, PATH_BYTES_MAX, REGISTER_KEY_BYTES_MAX, SEQ_MAX, TITLE_BYTES_MAX
from mesh.state.encoding import encode
from mesh.state.operations import Action, Operation, OperationId
from mesh.state.shapes import SHAPES, check_birth, gate, shape_of

ADMISSION = bytes([7]) * 32
ACTOR = ADMISSION[:8] + bytes(8)
BODY = OperationId(2, bytes(16))
LETTER = OperationId(3, bytes(16))
TIP = bytes(32)


def put(key: str, value: Value, *before: OperationId) -> Operation:
    """A register set."""
    return Operation(Action.PUT, None, key, value=value, before=before)


def insert(value: Value, key: str | OperationId | None = LETTER) -> Operation:
    """A letter written."""
    return Operation(Action.PUT, BODY, key, insert=True, value=value)


def ask(operation: Operation, kind: str = "note", body: OperationId | None = BODY) -> None:
    """Ask the gate about one operation."""
    change = encode([TIP], ACTOR, 1, 5, [put("title", "fine") if kind == "note" else put("x", 1), operation])
    gate(change, admission=ADMISSION, kind=kind, body=body)


GOOD = {
    "a_title": put("title", "x" * TITLE_BYTES_MAX),
    "a_path": put("path", "x" * PATH_BYTES_MAX),
    "no_path": put("path", None),
    "a_mark_of_deletion": put("deleted", value=True),
    "a_tag": put("tag/" + "é" * 32, value=True),
    "a_tag_taken_away": Operation(Action.DELETE, None, "tag/a", before=(LETTER,)),
    "a_letter": insert("é"),
    "an_emoji": insert("🌱"),
    "a_first_letter": insert("a", None),
    "a_letter_taken_away": Operation(Action.DELETE, BODY, LETTER, before=(LETTER,)),
}
BAD = {
    "a_register_that_notes_do_not_have": put("owner", "me"),
    "a_tag_without_a_name": put("tag/", value=True),
    "a_tag_that_is_too_long": put("tag/" + "é" * 33, value=True),
    "a_tag_that_is_no": put("tag/a", value=False),
    "a_title_of_null": put("title", None),
    "a_title_of_a_number": put("title", 1),
    "a_yes_that_is_a_one": put("deleted", 1),
    "a_title_with_a_nul": put("title", "a\0b"),
    "a_title_that_is_too_long": put("title", "x" * (TITLE_BYTES_MAX + 1)),
    "a_whole_text_over_the_letters": put("body", "x"),
    "the_text_taken_away": Operation(Action.DELETE, None, "body", before=(BODY,)),
    "a_removal_of_nothing": Operation(Action.DELETE, None, "title"),
    "a_removal_with_a_value": Operation(Action.DELETE, None, "title", value=1, before=(LETTER,)),
    "a_removal_of_an_unknown_register": Operation(Action.DELETE, None, "owner", before=(LETTER,)),
    "a_new_text": Operation(Action.MAKE_TEXT, None, "title"),
    "a_new_text_in_the_text": Operation(Action.MAKE_TEXT, BODY, LETTER, insert=True),
    "an_insert_at_the_root": Operation(Action.PUT, None, "title", insert=True, value="x"),
    "an_element_at_the_root": Operation(Action.PUT, None, LETTER, value="x"),
    "another_object": Operation(Action.PUT, LETTER, LETTER, insert=True, value="x"),
    "two_characters_as_one": insert("ab"),
    "an_accent_with_its_letter_as_one": insert("e\u0301"),
    "no_character": insert(""),
    "a_number_in_the_text": insert(1),
    "null_in_the_text": insert(None),
    "a_nul_in_the_text": insert("\0"),
    "a_register_in_the_text": insert("a", "title"),
    "a_letter_that_replaces": insert("a")._replace(before=(LETTER,)),
    "a_letter_overwritten": Operation(Action.PUT, BODY, LETTER, value="x", before=(LETTER,)),
    "a_deletion_that_inserts": Operation(Action.DELETE, BODY, LETTER, insert=True, before=(LETTER,)),
    "a_deletion_of_another_letter": Operation(Action.DELETE, BODY, LETTER, before=(BODY,)),
    "a_deletion_of_no_letter": Operation(Action.DELETE, BODY, LETTER),
    "a_deletion_before_the_first": Operation(Action.DELETE, BODY, None, before=(LETTER,)),
    "a_deletion_with_a_value": Operation(Action.DELETE, BODY, LETTER, value="x", before=(LETTER,)),
}


@pytest.mark.parametrize("name", GOOD)
def test_what_a_note_consists_of_passes(name: str) -> None:
    """Each alone, beside a put of the title."""
    ask(GOOD[name])


@pytest.mark.parametrize("name", BAD)
def test_anything_else_is_refused(name: str) -> None:
    """Each with a sentence."""
    with pytest.raises((Malformed, TooLarge), match=r"\w+ \w+"):
        ask(BAD[name])


def test_a_text_that_is_a_register_takes_no_letters() -> None:
    """Which of the two it is, is decided at birth."""
    ask(put("body", "x" * BODY_PLAIN_BYTES_MAX), body=None)
    for operation in (insert("a"), put("body", 1), put("body", "x" * (BODY_PLAIN_BYTES_MAX + 1))):
        with pytest.raises(Refused):
            ask(operation, body=None)


def test_nobody_writes_in_the_name_of_another() -> None:
    """The first half of an actor is the first half of half the admission."""
    change = encode([TIP], bytes([8]) + ACTOR[1:], 1, 5, [put("title", "x")])
    with pytest.raises(NotGranted):
        gate(change, admission=ADMISSION, kind="note", body=BODY)
    change = encode([TIP], ACTOR[:7] + bytes([8]) + ACTOR[8:], 1, 5, [put("title", "x")])
    with pytest.raises(NotGranted):
        gate(change, admission=ADMISSION, kind="note", body=BODY)


def test_a_change_stands_on_something() -> None:
    """There is one first change, and it is derived."""
    with pytest.raises(Malformed):
        gate(encode([], ACTOR, 1, 5, [put("title", "x")]), admission=ADMISSION, kind="note", body=BODY)


@pytest.mark.parametrize("value", ["x", 1, SEQ_MAX, -SEQ_MAX, True, None])
def test_an_unknown_type_may_have_any_register(value: Value) -> None:
    """A newer version's documents are held and folded by an older one."""
    ask(put("x" * REGISTER_KEY_BYTES_MAX, value), kind="from-the-future")


@pytest.mark.parametrize(("key", "value"), [("", 1), ("x" * (REGISTER_KEY_BYTES_MAX + 1), 1), ("a\0", 1)])
def test_an_unknown_type_has_bounds_too(key: str, value: Value) -> None:
    """Not without a name, not with a long one."""
    with pytest.raises(Refused):
        ask(put(key, value), kind="from-the-future")


def test_every_shape_has_a_text() -> None:
    """The gate and the genesis rely on it."""
    assert all("body" in shape.registers for shape in SHAPES.values())
    assert "body" in shape_of("from-the-future").registers


@pytest.mark.parametrize(
    "birth",
    [
        Born({"body": "x"}, "", b""),
        Born({"owner": "x"}, "", b""),
        Born({"title": 1}, "", b""),
        Born({"title": "\ud800"}, "", b""),
        Born({"title": "x" * (TITLE_BYTES_MAX + 1)}, "", b""),
        Born({"tag/a": False}, "", b""),
        Born({}, "\0", b""),
        Born({}, "\udfff", b""),
        Born({}, "x" * (BODY_PLAIN_BYTES_MAX + 1), b""),
    ],
)
def test_a_birth_has_the_same_bounds(birth: Born) -> None:
    """What no change may write, no birth may have."""
    with pytest.raises(Refused):
        check_birth("note", birth)


def test_a_number_that_a_phone_cannot_hold_is_refused() -> None:
    """It would be another number there."""
    check_birth("from-the-future", Born({"n": SEQ_MAX}, "", b""))
    with pytest.raises(TooLarge):
        check_birth("from-the-future", Born({"n": -SEQ_MAX - 1}, "", b""))
