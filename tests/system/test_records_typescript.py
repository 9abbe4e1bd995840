"""Records in TypeScript, as the phone has them: read, weighed and written as Python does it, whatever stands in them.

Who has a task, what became of a hand-off and which answer counts must be one thing on every device, so registers that
no device of ours would write are among them.
"""

from __future__ import annotations

import json
import math
import random
from collections import Counter
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import replace
from functools import partial
from hashlib import sha256
from pathlib import Path
from typing import Any

import pytest

from mesh.errors import Malformed, Misuse, Refused
from mesh.events.bodies import encode_body
from mesh.events.kinds import Born, Value
from mesh.limits import CHUNK_BYTES_MAX, SEQ_MAX, TAGS_MAX, TITLE_BYTES_MAX
from mesh.names import DocumentId
from mesh.state import asks, drops, handoffs, leases, memories, notes, projects, receipts, records, sessions, tasks
from mesh.state.documents import Document
from mesh.state.edits import Delete, Edit, Put, Splice
from mesh.state.excerpts import excerpt
from mesh.state.leases import Claim, Who
from mesh.state.records import Record
from mesh.state.rewording import splices
from tests.system import typescript
from tests.system.browsers import Asked

pytestmark = [pytest.mark.system, *typescript.NEEDS]

NOW = 1_800_000_000_000
DEVICES = ("air", "phone", "studio", "\U0001f331", "\ufeff")  # the last two: half letters sort the other way round
NAMES = ("a" * 16, "b" * 16, "z", "\U0001f331", "\ufeff", "2", "10", "__proto__")
TIMES = (0, 1, 5, NOW - 1, NOW, NOW + 1, NOW + 10**6, SEQ_MAX)
NUMBERS = (
    "1",
    "2",
    "3",
    "2.0",
    "-1",
    "0",
    "1.5",
    "true",
    '"1"',
    "null",
    "1e0",
    "-0.0",
    str(SEQ_MAX),
    str(2**53),
    "1e400",
)
WORDS = ("", "a", "Žluťoučký", "\U0001f331 kůň", "ß", "İı", "two words", "x\ty", "\u2028", "e\u0301", "\ufeff", "done")


@pytest.fixture(scope="module")
def asked(javascript: Path) -> Iterator[Asked]:
    """A process that answers questions about records."""
    process = Asked(javascript)
    yield process
    process.end()


def either(call: Callable[[], Any]) -> dict[str, Any]:
    """What comes of a call: an answer, or whose fault it is, as `Asked.tell` has it."""
    try:
        return {"answer": call()}
    except (Misuse, Refused) as error:
        return {"refused": type(error).__name__}


def document(number: int, kind: str = "task") -> DocumentId:
    """One of many."""
    return DocumentId("home", kind, sha256(str(number).encode()).digest()[:16])


def sent(record: Record) -> dict[str, Any]:
    """A record as web/tests/recorded.ts reads it."""
    return {"document": str(record.document), "registers": dict(record.registers), "text": record.text}


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


def strange_claim(rng: random.Random) -> str:
    """A claim that no device of ours writes, or nearly one that it does."""
    over = ",".join(f'"{rng.choice(NAMES)}":{rng.choice(NUMBERS)}' for _ in range(rng.choice([0, 1, 2, 20])))
    parts = {
        "number": rng.choice([*"123456", *NUMBERS]),
        "until": rng.choice([*NUMBERS, *map(str, TIMES)]),
        "over": rng.choice([f"{{{over}}}", f"{{{over}}}", "[]", "null"]),
        "device": rng.choice([*(f'"{one}"' for one in DEVICES), "5"]),
        "agent": rng.choice(['""', '"claude"', "null"]),
        "session": rng.choice(['""', '"home/session/x"']),
    }
    kept = [f'"{key}":{value}' for key, value in parts.items() if rng.random() > 0.02]
    rng.shuffle(kept)
    return rng.choice([f"{{{','.join(kept)}}}"] * 8 + ["[]", "nonsense", f"[{','.join(kept)}]"])


def strange(rng: random.Random, number: int) -> Record:
    """A record with registers that anybody may have written."""
    registers: dict[str, Value] = {}
    for name in rng.sample(NAMES, rng.randrange(1, 6)):
        registers[f"claim/{name}"] = strange_claim(rng)
        for device in rng.sample(DEVICES, rng.randrange(3)):
            registers[f"ack/{name}/{device}"] = rng.choice(TIMES)
        if rng.random() < 0.3:
            end = rng.choice(["done", "released", "declined", "eaten", ""])
            registers[f"end/{name}"] = rng.choice(
                [f'{{"end":"{end}","words":"w"}}', f'["{end}"]', f'{{"end":{name!r}}}']
            )
    for device in rng.sample(DEVICES, rng.randrange(3)):
        at = rng.choice([*NUMBERS, *map(str, TIMES)])
        registers[f"answer/{device}"] = rng.choice([f'{{"option":"yes","text":5,"at":{at},"device":"x"}}', "[]", "{}"])
    several: Mapping[str, Sequence[Value]] = {
        "state": [
            "open",
            "blocked",
            "needs_human",
            "dropped",
            "done",
            "pending",
            "noted",
            "approved",
            "rejected",
            "filed",
        ],
        "expires": [*TIMES, -5],
        "taken": ['{"option":"no","text":"","device":"","at":5}', "[]", '{"option":1}'],
        "default": ["no", ""],
        "device": DEVICES,
        "to": ["", "anyone", "human", "agent:claude", "device:phone"],
        "superseded-by": ["", "home/memory/x"],
        "remaining": [json.dumps([str(document(1)), 5, "x"]), "{}", ""],
        "claims": ['[{"status":"verified"},{"status":"sure"},5,{"status":"inferred"}]', ""],
        "goal": ["", *WORDS],
        "title": WORDS,
        "digest": ["a" * 64, "A" * 64, "a" * 64 + "\n"],
        "chunks": ["b" * 64, "", f"{'b' * 64}\n{'c' * 64}", "b" * 63],
        "size": [0, 5, -1, 2**40],
        "needs/" + str(document(2)): ["blocks", "related"],
        "tag/" + rng.choice(WORDS[1:]): [True],
        "dispute/x": ['{"claim":1}', "[]"],
        "checkpoint/" + rng.choice(NAMES): [
            '{"at":5.0,"summary":"s","open":["a",5],"files":"x"}',
            '{"at":5.5,"summary":"s"}',
        ],
        "got/" + rng.choice(DEVICES): [5, 7],
        "root": ["5" * 40],
        "remote/1": ["example.org/me/mesh", "", "example.org/me/mesh/"],
        "path/" + rng.choice(DEVICES): ["/srv/a/", "C:\\b", "/"],
        "first-remote": ["example.org/x"],
    }
    for key, values in several.items():
        if rng.random() < 0.5:
            registers[key] = rng.choice(values)
    return Record(document(number), dict(rng.sample(sorted(registers.items()), len(registers))), rng.choice(WORDS))


def told_claim(claim: Claim) -> dict[str, Any]:
    """A claim as the phone's engine has it."""
    return {
        "name": claim.name, "number": claim.number, "device": claim.device, "agent": claim.agent,
        "session": claim.session, "untilMs": claim.until_ms, "over": [list(pair) for pair in claim.over],
        "end": claim.end, "words": claim.words, "acknowledged": claim.acknowledged,
    }  # fmt: skip


def told_answer(answer: asks.Answer | None) -> dict[str, Any] | None:
    """An answer as the phone's engine has it."""
    if answer is None:
        return None
    return {"option": answer.option, "text": answer.text, "device": answer.device, "atMs": answer.at_ms}


def held(record: Record) -> dict[str, Any]:
    """Who has it, and whose claims do not count."""
    found = leases.holder(record)
    return {
        "holder": found.name if found else None,
        "acknowledged": bool(found and found.acknowledged),
        "free": leases.is_free(record, NOW),
        "lost": sorted(claim.name for device in DEVICES for claim in leases.lost(record, device)),
    }


def told_drop(record: Record) -> object:
    """What file it is."""
    try:
        drop = drops.drop_of(record)
    except Malformed:
        return "Malformed"
    pieces = [one.hex() for one in drop.pieces]
    return {"name": drop.name, "size": drop.size, "pieces": pieces, "got": dict(drop.got)}


def facts(record: Record) -> dict[str, Any]:
    """All that is read of a record, whatever its type."""
    claims, (how, answer) = leases.claims(record), asks.state(record, NOW)
    memory = {"state": memories.state(record, NOW)}
    points = [dict(sessions.told_checkpoint(one)) for one in sessions.checkpoints(record)]
    return {
        "claims": [told_claim(claim) for claim in claims],
        "words": list(record.words()),
        "tags": list(record.tags),
        "project": {"name": projects.Known([record]).name(str(record.document))},
        "session": {"state": record.word("state"), "goal": sessions.goal_of(record), "checkpoints": points},
        "handoff": {"state": handoffs.state(record, NOW), "remaining": [*record.listed("remaining")], **held(record)},
        "task": {"state": tasks.state(record, NOW), "needs": list(tasks.needs(record)), **held(record)},
        "receipt": {
            "state": record.word("state"), "claims": receipts.counts(record), "disputes": {**receipts.disputes(record)},
        },
        "ask": {"state": how, "answer": answer.option if answer else None, "by": answer.device if answer else None},
        "memory": memory,
        "decision": memory,
        "drop": told_drop(record),
        "seen": [found.name if (found := leases.unseen(record, device)) else None for device in DEVICES],
        "instead": [found.name if (found := leases.instead(record, claim)) else None for claim in claims],
        "answers": [told_answer(one) for one in asks.answers(record)],
        "taken": told_answer(asks.taken(record)),
    }  # fmt: skip


def test_what_follows_from_strange_registers_is_the_same(asked: Asked) -> None:
    """Who has it, who lost it, how it stands: of thousands of records that no device of ours wrote."""
    rng, seen = random.Random(2), Counter[str]()
    for number in range(900):
        record = strange(rng, number)
        expected = facts(record)
        assert asked("facts", **sent(record), now_ms=NOW, devices=DEVICES) == expected, record
        seen.update(f"{kind} {expected[kind]['state']}" for kind in ("handoff", "task", "ask", "memory"))
        seen["a file"] += expected["drop"] != "Malformed"
        seen["lost"] += bool(expected["task"]["lost"])
    assert len(seen) > 20, seen


def who(rng: random.Random) -> Who:
    """Somebody."""
    return Who(rng.choice(DEVICES), rng.choice(["", "claude"]), rng.choice(["", "s"]))


def named(one: Who) -> dict[str, str]:
    """Somebody, as the phone's engine has it."""
    return {"device": one.device, "agent": one.agent, "session": one.session}


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


# ── births ───────────────────────────────────────────────────────────────────────────────────────


def said(rng: random.Random, number: int) -> tuple[str, str, dict[str, Any], list[Any], Callable[[], Any]]:
    """Something that a person says: its type, what is asked for, what is given, and the same in Python."""
    title, words, one = rng.choice(WORDS), [rng.choice(WORDS) for _ in range(rng.randrange(3))], who(rng)
    if number % 4 == 0:
        priority, due = rng.choice([0, 2, 4, 5, -1]), rng.choice([None, 0, 5])
        given = {"title": title, "priority": priority, "dueMs": due, "acceptance": words, "needs": ["a"]}
        given |= {"discoveredFrom": "b", "project": "p", "kind": "k"}
        task = tasks.Draft(title, "p", priority, ["a"], "b", due, "k", words)
        return "task", "a task", given, [], lambda: tasks.registers(task)
    if number % 4 == 1:
        to, reason = rng.choice(["human", "x", "agent:claude", "agent:device:a"]), rng.choice([*handoffs.REASONS, "x"])
        expires, verify = rng.choice([0, 5, NOW + 5]), rng.choice([[], [{"cmd": "make", "n": 5}]])
        given = {"goal": title, "to": to, "reason": reason, "done": words, "verify": verify}
        given |= {"expiresMs": expires, "context": title}
        left = handoffs.Draft(title, to, reason, words, verify=verify, expires_ms=expires, context=title)
        more = [named(one), ["t"], NOW]
        return "handoff", "a hand-off", given, more, lambda: handoffs.registers(left, one, ["t"], NOW)
    if number % 4 == 2:
        options = rng.choice([[], ["a", "b"], ["a", "a"], ["a", "\n"], [str(n) for n in range(17)]])
        default, detail = rng.choice(["", "a", "b"]), {"b": [1], "a": title}
        about: dict[str, Value] = {"at": NOW, "session": ""}
        given = {"words": title, "options": options, "default": default, "detail": detail, "about": about}
        asked_ = asks.Question(title, options, default, detail, about)
        return "ask", "an ask", given, [], lambda: asks.registers(asked_)
    digest, piece = b"a" * 32, b"b" * 32
    given = {"name": title, "size": 5, "digest": digest.hex(), "pieces": [piece.hex()], "sender": "air", "to": ""}
    given |= {"atMs": NOW, "mime": "text/plain"}
    file = partial(drops.registers, name=title, size=5, digest=digest, pieces=[piece], sender="air", to="", at_ms=NOW)
    return "drop", "a drop", given, [], partial(file, mime="text/plain")


def test_births_are_the_same_bytes(asked: Asked) -> None:
    """Of tasks, hand-offs, questions and drops as people say them; what cannot be said is refused alike."""
    rng, done, salt = random.Random(4), Counter[str](), bytes(range(16))
    for number in range(600):
        kind, what, given, more, call = said(rng, number)
        expected, text = either(call), rng.choice(WORDS)
        nobody = {"document": str(document(0)), "registers": {}}
        assert asked.tell("writes", **nobody, what=what, given=[given, *more]) == expected, (what, given)
        done[f"{what} {next(iter(expected))}"] += 1
        if registers := expected.get("answer"):
            born = either(partial(encoded, partial(records.birth, kind, registers, text, salt)))
            assert asked.tell("born", kind=kind, registers=registers, text=text, salt=salt.hex()) == born
    assert len(done) == 7, done


def test_notes_are_born_and_edited_alike(asked: Asked) -> None:
    """Titles, texts, tags and paths, sound and not; and what has to be done so that a note is as somebody wants it."""
    rng, done = random.Random(5), Counter[str]()
    titles = [*WORDS, "a\nb", "x" * TITLE_BYTES_MAX, "é" * TITLE_BYTES_MAX, "nul\0"]
    salt = bytes(range(16))
    for number in range(400):
        tags = rng.choice(
            [[], ["e\u0301", "\u00e9"], [" b ", "\ufeff"], ["x" * 65], [""], [str(n) for n in range(TAGS_MAX + 1)]]
        )
        title, body, path = (
            rng.choice(titles),
            rng.choice(["", "a\nb\nc\n", "\0", "text"]),
            rng.choice([None, "", "p/q"]),
        )
        birth, born = partial(notes.birth, title, body, tags, path, salt), [title, body, tags, path, salt.hex()]
        expected = either(partial(encoded, birth))
        assert asked.tell("note", born=born) == expected, born
        done[f"born {next(iter(expected))}"] += 1
        if "refused" in expected:
            continue
        wanted: dict[str, Any] = {
            "title": rng.choice([title, *titles]), "body": rng.choice(["", "a\nx\nc\n", "text more"]),
            "path": rng.choice(["", "p/q", "r"]), "deleted": rng.choice([True, False]),
            "add_tags": [rng.choice(WORDS)], "remove_tags": rng.choice([[], ["e\u0301"], ["b"], ["a"]]),
        }  # fmt: skip
        kept = {key: value for key, value in wanted.items() if rng.random() < 0.6}
        note = Document.born(document(number, "note"), birth())
        edits = either(partial(told_edits, partial(notes.edits, note, **kept)))
        assert asked.tell("note edits", document=str(note.id), born=born, wanted=kept) == edits, (born, kept)
        done[f"edited {next(iter(edits))}"] += 1
    assert len(done) == 4, done


def encoded(birth: Callable[[], Born]) -> str:
    """A birth, as it goes into an event."""
    return encode_body(birth()).hex()


def told_edits(edits: Callable[[], Sequence[Edit]]) -> list[dict[str, Any]]:
    """Edits as the phone's engine has them."""
    return [edit(one) for one in edits()]


def edit(one: Edit) -> dict[str, Any]:
    """An edit as the phone's engine has it."""
    match one:
        case Put(key, value):
            return {"edit": "put", "key": key, "value": value}
        case Delete(key):
            return {"edit": "delete", "key": key}
        case Splice(position, deleted, inserted):
            return {"edit": "splice", "position": position, "deleted": deleted, "inserted": inserted}
    raise AssertionError(one)


def test_edits_of_records_are_the_same(asked: Asked) -> None:
    """Registers that shall be otherwise, or go; and another text."""
    rng, empty = random.Random(6), 0
    for number in range(200):
        begun: dict[str, Value] = {
            "title": "t",
            "state": rng.choice(["open", "blocked"]),
            "priority": rng.choice([1, 2]),
        }
        wanted: dict[str, Value] = {
            "title": rng.choice(["t", "u", None]), "state": rng.choice(["open", None]), "due": rng.choice([None, 5]),
            rng.choice(["reason", "nonsense"]): "why",
        }  # fmt: skip
        kept = {key: value for key, value in wanted.items() if rng.random() < 0.5}
        words = rng.choice([None, "", "in words", "in other words"])
        record = Document.born(document(number), records.birth("task", begun, "in words", bytes(16)))
        expected = either(partial(told_edits, partial(records.edits, record, kept, words)))
        born = ["task", begun, "in words"]
        told = asked.tell("record edits", document=str(document(number)), born=born, registers=kept, text=words)
        assert told == expected, (begun, kept, words)
        empty += expected == {"answer": []}
    assert empty > 5


# ── texts ────────────────────────────────────────────────────────────────────────────────────────

PIECES = (
    "a",
    "b",
    "the ",
    "end\n",
    "\n",
    "é",
    "e\u0301",
    "\U0001f331",
    "\U0001f332",
    "\U00010400",
    "- ",
    "x y\n",
    "ß",
    "ABC",
)


def text(rng: random.Random, pieces: int) -> str:
    """Some text."""
    return "".join(rng.choice(PIECES) for _ in range(rng.randrange(pieces)))


def reworded(rng: random.Random, old: str) -> str:
    """The same in other words, here and there."""
    letters = list(old)
    for _ in range(rng.randrange(5)):
        start = rng.randrange(len(letters) + 1)
        letters[start : start + rng.randrange(6)] = list(text(rng, 5))
    return "".join(letters)


def test_splices_are_the_same(asked: Asked) -> None:
    """Of short texts, of long ones in which every line is everywhere, and of letters that share a half."""
    rng, seen = random.Random(7), 0
    texts = [(old := text(rng, rng.choice([3, 20, 60])), reworded(rng, old)) for _ in range(1000)]
    long = "".join(f"{n % 7} line\n" for n in range(700))
    texts += [(long, reworded(rng, long)) for _ in range(10)]
    texts += [(long * 9, "x\n" + long * 9 + "y"), ("a b " * 3000, "b a " * 3000), ("\U0001f331", "\U0001f332")]
    for old, fresh in texts:
        found = [[one.position, one.deleted, one.inserted] for one in splices(old, fresh)]
        assert asked("splices", old=old, fresh=fresh) == found, (old, fresh)
        seen += len(found) > 1
    assert seen > 300


def test_excerpts_are_the_same(asked: Asked) -> None:
    """Around the first word that was searched for, in any case and with any accents."""
    rng, words = random.Random(8), ["Zlutoucky", "KUN", "strasse", "é", "a", "", "end", "\U00010428", "x_y", "-"]
    for _ in range(600):
        long = " ".join(rng.choice([*WORDS, "Straße", "x_y", "END", *PIECES]) for _ in range(rng.randrange(40)))
        sought, most = " ".join(rng.choice(words) for _ in range(rng.randrange(3))), rng.choice([5, 20, 160])
        assert asked("excerpt", text=long, words=sought, most=most) == excerpt(long, sought, most), (long, sought)


# ── several at once ──────────────────────────────────────────────────────────────────────────────


def test_lists_of_records_are_the_same(asked: Asked) -> None:
    """Rings of tasks, their order, what waits; hand-offs that stand for others; drafts; projects that are one."""
    rng, seen = random.Random(9), Counter[str]()
    for _ in range(300):
        found = [strange(rng, number) for number in range(rng.randrange(1, 9))]
        ids = [str(one.document) for one in found]
        found = [linked(rng, one, ids) for one in found]
        told = [sent(one) for one in found]
        rings = [[str(one.document) for one in ring] for ring in tasks.rings(found)]
        assert asked("rings", found=told) == rings
        assert asked("order", found=told) == [str(one.document) for one in sorted(found, key=tasks.order)]
        here = {str(one.document): one for one in found}
        assert asked("waits", found=told) == [list(tasks.waits_for(one, here)) for one in found]
        later = handoffs.superseded(found)
        expected = []
        for one in found:
            anew = later.get(str(one.document))
            lost = handoffs.overtaken(one, anew, "phone") if anew else None
            state = handoffs.state(one, NOW, superseded=anew is not None)
            expected.append([state, lost.name if lost else None, handoffs.is_for(one, Who("phone"))])
        assert asked("hand-offs", found=told, now_ms=NOW, device="phone") == expected
        drafts = [str(one.document) for one in receipts.unreported(found)]
        assert asked("unreported", found=told) == drafts
        known, said = projects.Known(found), [*ids, "mesh", "x", ids[0][-26:], "a"]
        assert asked("projects", found=told, asked=said) == [
            [known.name(one), [str(each.document) for each in known.meant(one)]] for one in said
        ]
        seen += Counter(rings=bool(rings), drafts=bool(drafts), later=bool(later), lost=any(one[1] for one in expected))
    assert min(seen.values()) > 10, seen


def linked(rng: random.Random, record: Record, ids: Sequence[str]) -> Record:
    """The same, with words about the others."""
    more: dict[str, Value] = {f"needs/{rng.choice(ids)}": "blocks" for _ in range(rng.randrange(3))}
    if rng.random() < 0.5:
        more["supersedes"] = rng.choice(ids)
        more["from-device"] = rng.choice(DEVICES)
    if rng.random() < 0.5:
        more |= {
            "state": rng.choice(["filed", "unreported"]),
            "session": rng.choice(["", "s"]),
            "at": rng.choice([1, 2]),
        }
    return replace(record, registers={**record.registers, **more})


def test_it_says_what_a_hand_off_lacks(asked: Asked) -> None:
    """The same sentences: for a person who leaves work on the phone they are warnings."""
    goals = ["make the tests green", "go on", "TBD…", "finish the rest", "修复所有测试", "rotate keys"]
    for goal in goals:
        for reason, verify, blockers in (
            ("done_for_now", [], []),
            ("blocked", [], []),
            ("done_for_now", [{"cmd": "x"}], ["y"]),
        ):
            remaining = ["dig", "dig the bed", str(document(1)), "etc."]
            draft = handoffs.Draft(goal, reason=reason, remaining=remaining, verify=verify, blockers=blockers)
            given = {"goal": goal, "reason": reason, "remaining": remaining, "verify": verify, "blockers": blockers}
            assert asked("lacks", draft=given) == list(handoffs.lacks(draft)), goal


def test_it_reads_the_same_lists_of_chunks(asked: Asked) -> None:
    """Rows of digest and length, whole ones, in bounds."""
    rng = random.Random(10)
    for raw in [
        b"",
        rng.randbytes(35),
        rng.randbytes(36),
        bytes(36),
        *(rng.randbytes(32) + bytes([0, n, 1, 2]) for n in (0, 3, 4)),
    ]:
        expected = either(partial(drops.unpacked, raw))
        if "answer" in expected:
            rows = [[one.digest.hex(), one.size] for one in expected["answer"]]
            expected = {"answer": [rows, raw.hex()]}
            assert all(size <= CHUNK_BYTES_MAX for _, size in rows)
        assert asked.tell("rows", bytes=raw.hex()) == expected, raw
