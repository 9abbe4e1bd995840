"""What people write into records and notes, in TypeScript as in Python: births, edits, excerpts, lists."""

from __future__ import annotations

import random
from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import replace
from functools import partial
from typing import Any

import pytest

from mesh.events.bodies import encode_body
from mesh.events.kinds import Born, Value
from mesh.limits import CHUNK_BYTES_MAX, TAGS_MAX, TITLE_BYTES_MAX
from mesh.state import asks, drops, handoffs, notes, projects, receipts, records, tasks
from mesh.state.documents import Document
from mesh.state.edits import Delete, Edit, Put, Splice
from mesh.state.excerpts import excerpt
from mesh.state.leases import Who
from mesh.state.records import Record
from mesh.state.rewording import splices
from tests.system import typescript
from tests.system.browsers import Asked
from tests.system.strange_records import (
    DEVICES,
    NOW,
    WORDS,
    document,
    either,
    named,
    sent,
    strange,
    who,
)

pytestmark = [pytest.mark.system, *typescript.NEEDS]


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
