"""What settles itself, in TypeScript as in Python: the same rule, the same letters that go, the same losers."""

from __future__ import annotations

import random
from collections import Counter
from typing import Any

import pytest

from mesh.events.kinds import Changed, Settled, Undone
from mesh.state.conflicts import conflicts_of
from mesh.state.edits import Splice, Strike
from mesh.state.operations import OperationId
from mesh.state.rules import ruling
from mesh.state.settling import Settlements
from tests.system import typescript
from tests.system.browsers import Asked
from tests.system.documented import named
from tests.system.test_conflicts_typescript import born
from tests.unit.state.test_conflicts import Devices
from tests.unit.state.test_settling import event
from tests.unit.state.writers import BIRTH, DOCUMENT
from tests.vectors import conflict_cases

pytestmark = [pytest.mark.system, *typescript.NEEDS]

WORDS = ("milk", "milk, bread", "\U0001f331", "\U0001f331\U0001f332", "corn", "\nmilk")
END = len(BIRTH.text)


def struck(edits: object) -> list[dict[str, Any]]:
    """Letters that are taken out, as the phone's engine has them."""
    assert isinstance(edits, tuple)
    out = []
    for one in edits:
        assert isinstance(one, Strike)
        letters: list[OperationId] = list(one.letters)
        out.append({"edit": "strike", "letters": [named(letter) for letter in letters]})
    return out


def test_rules_say_the_same(asked: Asked) -> None:
    """Of people who write the same, or go on with it, here or there; also where it was taken back once."""
    lots, seen = random.Random(1), Counter[str]()
    for _ in range(250):
        devices = Devices()
        place = lots.choice([(END, 0), (END, 0), (7, 0), (7, 4), (0, 3)])
        words = lots.choice([WORDS, WORDS[:2], WORDS[2:4], WORDS[:1]])
        changes = []
        for number in range(lots.choice([2, 3])):
            changes.append(devices.write(number, Splice(*place, lots.choice(words))))
            if lots.random() < 0.1:
                changes.append(devices.write(number, Splice(lots.randrange(5), 1, "")))
        found, said = devices.open(), Settlements()
        told = [[change.hash.hex(), change.raw.hex(), *conflict_cases.said(Changed(change.raw))] for change in changes]
        if found and lots.random() < 0.3:
            settled = devices.write(0, Splice(0, 0, "x"))
            body = Settled(settled.raw, found[0].name, (), "")
            said.add(event(1), body)
            told.append([event(1).hex(), settled.raw.hex(), *conflict_cases.said(body)])
            if lots.random() < 0.5:
                undo = devices.write(0, Splice(0, 1, ""))
                back = Undone(undo.raw, event(1))
                said.add(event(2), back)
                told.append([event(2).hex(), undo.raw.hex(), *conflict_cases.said(back)])
        devices.meet()
        expected = []
        for one in conflicts_of(devices.held[0], said):
            rule = ruling(one, said)
            losers = sorted(loser.hex() for loser in rule.losers) if rule else []
            expected.append([one.name.hex(), rule.rule, struck(rule.edits), losers] if rule else None)
            seen[rule.rule if rule else "people"] += 1
        given = {"document": str(DOCUMENT), "birth": born(BIRTH), "events": told, "void": []}
        assert asked("rules", **given) == expected, given
    assert min(seen.values()) > 20, seen
    assert len(seen) == 3, seen
