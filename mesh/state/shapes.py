"""What a change may do to a document of a type: the gate for every change, said or heard.

The gate looks at one change alone and at nothing else that may be held, so it gives the same answer everywhere and
always. Whether a change fits the history it stands on is decided in history.py. This module never waits for anything.
"""

from __future__ import annotations

from mesh.errors import Malformed, NotGranted, TooLarge
from mesh.events.kinds import Born, Value
from mesh.limits import SEQ_MAX
from mesh.state.catalogue import BODY, TAG, Rule, Shape, shape_of
from mesh.state.operations import Action, Change, Operation, OperationId

_ADMISSION_IN_ACTOR = 8  # the first half of an actor says whose it is, the rest is random


def check_birth(kind: str, birth: Born) -> None:
    """Refuse a birth that a document of this type cannot have. Raises Malformed or TooLarge."""
    shape = shape_of(kind)
    if BODY in birth.registers:
        raise Malformed("a birth has its text among the registers")
    for key, value in birth.registers.items():
        check_register(kind, _clean(key), value)
    _check_value(BODY, shape.registers[BODY], birth.text)


def gate(change: Change, *, admission: bytes, kind: str, body: OperationId | None) -> None:
    """Refuse a change that its author may not make, or that no document of this type consists of.

    `body` is the document's Text object as its birth gives it (genesis.py), None when its text is a register.
    Raises Malformed, TooLarge or NotGranted.
    """
    if change.actor[:_ADMISSION_IN_ACTOR] != admission[:_ADMISSION_IN_ACTOR]:
        raise NotGranted("a change is written in the name of another device", hint="Nothing was changed.")
    if not change.dependencies:
        raise Malformed("a change stands on nothing, not even on its document's birth")
    shape = shape_of(kind)
    for operation in change.operations:
        if operation.object is not None:
            _check_letter(operation, body)
        elif isinstance(operation.key, str):
            _check_root(operation, shape, kind, is_text=body is not None)
        else:
            raise Malformed("an operation names an element where a register belongs")


def _check_letter(operation: Operation, body: OperationId | None) -> None:
    if body is None or operation.object != body:
        raise Malformed("a change writes into an object that the document was not born with")
    if operation.action is Action.PUT and operation.insert:
        value = operation.value
        if not isinstance(value, str) or len(value) != 1 or value == "\0" or operation.before:
            raise Malformed("a text is not written in single characters")
    elif operation.action is not Action.DELETE or operation.insert or operation.value is not None:
        raise Malformed("a text can only gain and lose characters")
    elif operation.before != (operation.key,):
        raise Malformed("a deletion in a text names something else than its character")
    if isinstance(operation.key, str):
        raise Malformed("an operation names a register where a character belongs")


def _check_root(operation: Operation, shape: Shape, kind: str, *, is_text: bool) -> None:
    key = _clean(str(operation.key))
    if operation.insert or operation.action is Action.MAKE_TEXT:
        raise Malformed("a change makes an object, which only a birth does")
    if key == BODY and is_text:
        raise Malformed("a change would replace a whole text at once")
    if (rule := shape.rule(key)) is not None and rule.fixed:
        raise Malformed(f"a {kind} says that once and for ever, in its birth")
    if operation.action is Action.PUT:
        check_register(kind, key, operation.value)
    elif operation.value is not None or not operation.before:
        raise Malformed("a removal has a value, or removes nothing")
    elif key == BODY or rule is None:
        raise Malformed(f"a {kind} has no register of that name to remove")


def check_register(kind: str, key: str, value: Value) -> None:
    """Refuse a value that a register of this type cannot have. Raises Malformed or TooLarge."""
    shape = shape_of(kind)
    rule = shape.rule(key)
    if rule is None:
        raise Malformed(f"a {kind} has no register of that name")
    if type(value) not in rule.types or (key.startswith(TAG) and TAG in shape.prefixes and value is not True):
        raise Malformed(f"a register of a {kind} holds a value of the wrong type")
    _check_value(key, rule, value)


def _check_value(key: str, rule: Rule, value: Value) -> None:
    if isinstance(value, str):
        if (size := len(_clean(value).encode())) > rule.bytes_max:
            place = "text" if key == BODY else "register"
            raise TooLarge(f"a {place} has {size} bytes, more than {rule.bytes_max}")
    elif isinstance(value, int) and not -SEQ_MAX <= value <= SEQ_MAX:
        raise TooLarge("a number is larger than every device can hold")


def _clean(text: str) -> str:
    try:
        text.encode()
    except UnicodeEncodeError:
        raise Malformed("a text has half a character in it") from None
    if "\0" in text:
        raise Malformed("a text has a NUL in it")
    return text
