"""The catalogue of types: what PROTOCOL says of it, and that what is said once stays said."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from mesh.errors import Malformed
from mesh.events.kinds import Value
from mesh.limits import TAG_BYTES_MAX
from mesh.state import records
from mesh.state.catalogue import BODY, SHAPES, Rule, fixed, shape_of
from mesh.state.encoding import encode
from mesh.state.operations import Action, Operation
from mesh.state.shapes import check_birth, gate
from tests.vectors.shape_cases import ACTOR, ADMISSION, LETTER, TIP, put
from tests.vectors.shape_cases import BODY as TEXT

PROTOCOL = Path(__file__).resolve().parents[3] / "docs" / "PROTOCOL.md"
EXAMPLES: dict[type, Value] = {str: "x", int: 7, bool: True}
REGISTERS = [
    (kind, key, rule) for kind, shape in SHAPES.items() for key, rule in shape.registers.items() if key != BODY
]
FIXED = [(kind, key, rule) for kind, key, rule in REGISTERS if rule.fixed]


def asked(kind: str, operation: Operation) -> None:
    """Ask the gate about one operation on a document of a type."""
    change = encode([TIP], ACTOR, 1, 5, [operation])
    gate(change, admission=ADMISSION, kind=kind, body=TEXT)


def row(kind: str) -> tuple[str, ...]:
    """A type as the table of PROTOCOL has it: registers that anybody may write, those of the birth, prefixes."""
    shape = SHAPES[kind]

    def listed(*, once: bool) -> str:
        return " ".join(f"`{key}:{_holds(rule)}`" for key, rule in shape.registers.items() if rule.fixed is once)

    prefixes = " ".join(f"`{key}…:{_holds(rule)}`" for key, rule in shape.prefixes.items())
    return f"`{kind}`", listed(once=False), listed(once=True), prefixes


def _holds(rule: Rule) -> str:
    """What a register may hold: a text of so many bytes, a number, a yes."""
    names = {str: f"t{rule.bytes_max}", int: "n", bool: "b", type(None): "0"}
    return "".join(names[one] for one in rule.types)


def test_the_table_in_protocol_is_the_catalogue() -> None:
    """Each type with all of its registers, in their order, and nothing else: a line is `" | ".join(row(kind))`."""
    text = PROTOCOL.read_text("utf-8").split("### Types\n", 1)[1].split("\n### ", 1)[0]
    rows = [
        tuple(cell.strip() for cell in line.strip("|").split("|"))
        for line in re.findall(r"^\| `.*\|$", text, re.MULTILINE)
    ]
    assert rows == [row(kind) for kind in SHAPES]


@pytest.mark.parametrize(("kind", "key", "rule"), FIXED, ids=[f"{kind}-{key}" for kind, key, _ in FIXED])
def test_what_is_said_once_is_never_changed(kind: str, key: str, rule: Rule) -> None:
    """Neither written anew nor taken away, by whoever; the birth may say it."""
    value = EXAMPLES[rule.types[0]]
    check_birth(kind, records.birth(kind, {key: value}))
    for operation in (put(key, value), Operation(Action.DELETE, None, key, before=(LETTER,))):
        with pytest.raises(Malformed, match="once and for ever"):
            asked(kind, operation)


@pytest.mark.parametrize(("kind", "key", "rule"), REGISTERS, ids=[f"{kind}-{key}" for kind, key, _ in REGISTERS])
def test_each_register_holds_its_type(kind: str, key: str, rule: Rule) -> None:
    """What it may hold passes birth and, where it is not fixed, change; anything else neither."""
    for one, value in EXAMPLES.items():
        if one in rule.types:
            records.birth(kind, {key: value})
            if not rule.fixed:
                asked(kind, put(key, value))
        else:
            with pytest.raises(Malformed):
                records.birth(kind, {key: value})
            with pytest.raises(Malformed):
                asked(kind, put(key, value))


@pytest.mark.parametrize("kind", SHAPES)
def test_what_every_type_has(kind: str) -> None:
    """A text, a title, a mark of deletion, tags; nothing without a rule; behind each prefix a name that has a bound."""
    shape = shape_of(kind)
    assert {BODY, "title", "deleted"} <= shape.registers.keys()
    assert "tag/" in shape.prefixes
    assert shape.rule("nonsense") is None
    for prefix in shape.prefixes:
        assert shape.rule(prefix + "x" * TAG_BYTES_MAX) is not None
        assert shape.rule(prefix) is shape.rule(prefix + "x" * (TAG_BYTES_MAX + 1)) is None


def test_two_claims_do_not_stand_in_each_others_way() -> None:
    """What several devices may say at once has a register for each of them."""
    for kind in ("handoff", "task"):
        assert {"claim/", "ack/", "end/"} <= SHAPES[kind].prefixes.keys()
        assert not any(rule.fixed for rule in SHAPES[kind].prefixes.values())
    assert fixed(Rule((str,), 5)) == Rule((str,), 5, fixed=True)


def test_an_unknown_type_fixes_nothing() -> None:
    """Of a newer mesh's type nobody here knows what was said once."""
    asked("from-the-future", put("anything", "x"))
    assert not shape_of("from-the-future").prefixes
