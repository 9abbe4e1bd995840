"""The gate of shapes: each thing that a change may not do, by name."""

import pytest

from mesh.errors import Malformed, NotGranted, Refused, TooLarge
from mesh.events.kinds import Born, Value
from mesh.limits import BODY_PLAIN_BYTES_MAX, REGISTER_KEY_BYTES_MAX, SEQ_MAX, TITLE_BYTES_MAX
from mesh.state.catalogue import SHAPES, shape_of
from mesh.state.encoding import encode
from mesh.state.operations import Operation, OperationId
from mesh.state.shapes import check_birth, gate
from tests.vectors.shape_cases import ACTOR, ADMISSION, BAD, BODY, GOOD, TIP, insert, put


def ask(operation: Operation, kind: str = "note", body: OperationId | None = BODY) -> None:
    """Ask the gate about one operation."""
    change = encode([TIP], ACTOR, 1, 5, [put("title", "fine") if kind == "note" else put("x", 1), operation])
    gate(change, admission=ADMISSION, kind=kind, body=body)


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
