"""Records in TypeScript, as the phone has them: read, weighed and written as Python does it, whatever stands in them.

Who has a task, what became of a hand-off and which answer counts must be one thing on every device, so registers that
no device of ours would write are among them.
"""

from __future__ import annotations

import math
import random
from collections import Counter
from collections.abc import Callable
from typing import Any

import pytest

from mesh.events.kinds import Value
from mesh.state import asks, leases, memories, records, tasks
from mesh.state.records import Record
from tests.system import typescript
from tests.system.browsers import Asked
from tests.system.strange_records import (
    DEVICES,
    NOW,
    NUMBERS,
    WORDS,
    document,
    either,
    facts,
    named,
    sent,
    strange,
    who,
)

pytestmark = [pytest.mark.system, *typescript.NEEDS]


# ── JSON in registers ────────────────────────────────────────────────────────────────────────────


def scribble(rng: random.Random, depth: int = 0) -> str:
    """JSON, or nearly, as anybody may write it."""
    kind = rng.randrange(9 if depth < 4 else 5)
    if kind <= 1:
        return rng.choice(
            [*NUMBERS, "01", "1.", ".5", "NaN", "Infinity", "-", "9" * 400, "9" * 401, "9" * 5000, "12345678901234567"]
        )
    if kind <= 3:
        return rng.choice(['""', '"a"', '"\\u2028"', '"\\ud83c\\udf31"', '"\\x"', '"\n"', '"un', "tru", "true", "null"])
    if kind <= 6:
        return f"[{','.join(scribble(rng, depth + 1) for _ in range(rng.randrange(4)))}{rng.choice(['', '', ','])}]"
    pairs = (f'"{rng.choice("abc2")}":{scribble(rng, depth + 1)}' for _ in range(rng.randrange(4)))
    return f"{{{rng.choice(['', ' ', chr(10)])}{','.join(pairs)}}}"


def shown(value: object) -> object:
    """JSON as JavaScript would write it: what it cannot hold is null, whole numbers are those of a browser."""
    if isinstance(value, dict):
        return {key: shown(one) for key, one in value.items()}
    if isinstance(value, list):
        return [shown(one) for one in value]
    if isinstance(value, int | float) and not isinstance(value, bool):
        number = float(value) if abs(value) < 10**308 else math.inf
        return None if math.isinf(number) else int(number) if number.is_integer() else number
    return value


def test_it_reads_the_same_json(asked: Asked) -> None:
    """The same is none, and the same numbers are whole; the depth that is read has the same end."""
    rng, found = random.Random(1), Counter[bool]()
    deep = ["[" * n + "]" * n for n in (63, 64, 65, 3000)] + ['{"a":' * n + "1" + "}" * n for n in (63, 64, 65)]
    for text in [*deep, "", " ", "\ufeff1", *(scribble(rng) for _ in range(3000))]:
        value = records.read(text)
        whole = [records.whole(one) for one in value] if isinstance(value, list) else None
        assert asked("read", text=text) == {"found": shown(value), "whole": whole}, text
        found[value is None] += 1
    assert min(found.values()) > 300


def test_people_see_numbers_that_a_browser_would_round(asked: Asked) -> None:
    """As their digits; in texts nothing is touched."""
    text = '{"id": 12345678901234567890, "small": 5, "in": "12345678901234567890, \\" 99999999999999999", "f": [1.5e3]}'
    words = '12345678901234567890, " 99999999999999999'
    assert asked("exactly", text=text) == {"id": "12345678901234567890", "small": 5, "in": words, "f": [1500]}


# ── claims and states ────────────────────────────────────────────────────────────────────────────


def test_what_follows_from_strange_registers_is_the_same(asked: Asked) -> None:
    """Who has it, who lost it, how it stands: of thousands of records that no device of ours wrote."""
    rng, seen = random.Random(2), Counter[str]()
    for number in range(900):
        record = strange(rng, number)
        expected = facts(record)
        assert asked("facts", **sent(record), now_ms=NOW, devices=DEVICES) == expected, record
        seen.update(f"{kind} {expected[kind]['state']}" for kind in ("handoff", "task", "ask", "memory"))
        seen["a file"] += expected["drop"] != "Malformed"
        seen["a doorway"] += bool(expected["doorway"] and expected["doorway"]["wraps"])
        seen["lost"] += bool(expected["task"]["lost"])
    assert len(seen) > 20, seen
    assert seen["a doorway"] > 5


def act(rng: random.Random, record: Record, now_ms: int) -> tuple[str, list[Any], Callable[[], Any]]:
    """Something that somebody does to a record: what it is called, what is given, and the same in Python."""
    one, name = who(rng), f"{rng.randrange(16**16):016x}"
    held_, unseen = leases.holder(record), leases.unseen(record, one.device)
    taking, end, words = rng.random() < 0.3, rng.choice(leases.ENDS), rng.choice(WORDS)
    option, state = rng.choice(["yes", " YES ", "2", "3", "", "maybe", "²"]), rng.choice([*tasks.STATES, "x"])
    ending = {"end/x": "{}"}
    found: list[tuple[str, list[Any], Callable[[], Any]]] = [
        ("claimed", [name, named(one), now_ms + 500, taking],
         lambda: leases.claimed(record, name, one, now_ms + 500, taking=taking)),
        ("closed", [name, named(one), end, words], lambda: leases.closed(record, name, one, end, words)),
        ("reopened", [], lambda: leases.reopened(record)),
        ("set", [state, words], lambda: tasks.set_state(record, state, words)),
        ("finished", [ending, words], lambda: tasks.finished(record, ending, "", words)),
        ("answering", [one.device, option, words, now_ms],
         lambda: asks.answering(record, one.device, option, words, now_ms)),
        ("taking", [one.device, now_ms], lambda: asks.taking(record, one.device, now_ms)),
        ("superseding", [words], lambda: memories.superseding(record, words)),
        ("approved", [], lambda: memories.approved(record)),
    ]  # fmt: skip
    if held_ is not None:
        found += [
            ("renewed", [now_ms + 900], lambda: leases.renewed(held_, now_ms + 900)),
            ("ended", [end, words], lambda: leases.ended(held_, end, words)),
        ]
    if unseen is not None:
        found.append(("seen", [one.device, now_ms], lambda: leases.seen(unseen, one.device, now_ms)))
    return rng.choice(found)


def test_what_is_written_is_the_same(asked: Asked) -> None:
    """Thousands of acts on copies that drift apart and meet: each writes the same registers, or is refused alike."""
    rng, done, now_ms = random.Random(3), Counter[str](), 1000
    born: dict[str, Value] = {
        "device": "air",
        "expires": 40_000,
        "options": '["yes","no"]',
        "default": "no",
        "state": "open",
    }
    copies: list[dict[str, Value]] = [dict(born), dict(born)]
    for step in range(1000):
        if step % 40 == 0:
            copies, now_ms = [dict(born), dict(born)], 1000
        copy = rng.choice(copies)
        now_ms += rng.choice([1, 100, 400, 5000])
        record = Record(document(step), copy, "")
        what, given, call = act(rng, record, now_ms)
        expected = either(call)
        assert asked.tell("writes", **sent(record), what=what, given=given) == expected, (what, given, record)
        done[f"{what} {next(iter(expected))}"] += 1
        copy.update(expected.get("answer", {}))
        for key in [key for key, value in copy.items() if value is None]:
            del copy[key]
        if rng.random() < 0.1:  # they meet
            copies = [copies[0] | copies[1], copies[1] | copies[0]]
        assert asked("facts", **sent(Record(record.document, copy, "")), now_ms=NOW, devices=DEVICES) == facts(
            Record(record.document, copy, "")
        )
    assert {"set refused", "answering refused", "taking refused", "seen answer", "ended answer"} < set(done), done
    assert len(done) > 14, done
