"""Tasks: states that people set, states that come of claims, and what can be begun."""

from __future__ import annotations

from dataclasses import replace

import pytest

from mesh.errors import Misuse, Refused
from mesh.events.kinds import Value
from mesh.limits import SALT_BYTES
from mesh.names import DocumentId
from mesh.state import leases, records, tasks
from mesh.state.leases import Who
from mesh.state.records import Record
from mesh.state.tasks import Draft

DIG = DocumentId("home", "task", bytes(16))
BUY = DocumentId("home", "task", bytes([1] * 16))
ME = Who("here", "claude")
NOW = 1_700_000_000_000


def shown(draft: Draft, document: DocumentId = DIG, more: dict[str, Value] | None = None) -> Record:
    """A task as it was born, with what was written since."""
    born = records.birth("task", tasks.registers(draft), salt=bytes(SALT_BYTES))
    changed = {**born.registers, **(more or {})}
    return Record(document, {key: value for key, value in changed.items() if value is not None}, "")


def with_(record: Record, more: dict[str, Value]) -> Record:
    """The same, with more written."""
    return replace(record, registers={k: v for k, v in {**record.registers, **more}.items() if v is not None})


def test_a_claim_is_what_makes_it_in_progress() -> None:
    """And the end of its lease makes it open again."""
    task = shown(Draft("dig the bed"))
    assert tasks.state(task, NOW) == "open"
    held = with_(task, leases.claimed(task, "a" * 16, ME, NOW + 10))
    assert tasks.state(held, NOW) == "in_progress"
    assert tasks.state(held, NOW + 10) == "open"


def test_done_beats_what_anybody_set_at_the_same_time() -> None:
    """Blocked on one device, done on another: it is done."""
    task = shown(Draft("dig the bed"))
    ending = leases.closed(task, "a" * 16, ME, leases.DONE)
    done = with_(task, tasks.finished(task, ending, "home/receipt/x", ""))
    assert tasks.state(done, NOW) == "done"
    assert tasks.state(with_(done, {"state": "blocked"}), NOW) == "done"
    assert done.word("receipt") == "home/receipt/x"
    with pytest.raises(Refused, match="done"):
        tasks.set_state(done, "blocked")


def test_what_is_done_can_be_opened_again() -> None:
    """Its receipt goes with it."""
    task = shown(Draft("dig the bed"))
    done = with_(task, tasks.finished(task, leases.closed(task, "a" * 16, ME, leases.DONE), "home/receipt/x", "dug"))
    again = with_(done, tasks.set_state(done, "open"))
    assert tasks.state(again, NOW) == "open"
    assert (again.word("receipt"), again.word("reason")) == ("", "")


@pytest.mark.parametrize("state", ["done", "in_progress", "eaten", ""])
def test_what_cannot_be_set(state: str) -> None:
    """What comes of claims, and what there is not."""
    with pytest.raises(Misuse):
        tasks.set_state(shown(Draft("dig")), state)


def test_what_needs_another_waits_for_it() -> None:
    """Until that is done or dropped; where it was only discovered there it does not wait."""
    dig = shown(Draft("dig the bed", needs=(str(BUY),)))
    buy = shown(Draft("buy a spade"), BUY)
    others = {str(DIG): dig, str(BUY): buy}
    assert tasks.needs(dig) == (str(BUY),)
    assert not tasks.is_ready(dig, others, NOW)
    assert tasks.is_ready(buy, others, NOW)
    for state in ("done", "dropped"):
        assert tasks.is_ready(dig, {**others, str(BUY): with_(buy, {"state": state})}, NOW)
    assert not tasks.is_ready(dig, {str(DIG): dig}, NOW), "one that is not here is waited for"
    found = shown(Draft("mend the spade", discovered_from=str(BUY)))
    assert tasks.links(found) == {str(BUY): "discovered-from"}
    assert tasks.is_ready(found, others, NOW)


def waiting(**on: str) -> list[Record]:
    """Tasks, each with those that it waits for, by letters."""
    names = {letter: DocumentId("home", "task", letter.encode() * 16) for letter in on}
    return [
        shown(Draft(letter, needs=[str(names.get(one, DIG)) for one in ones]), names[letter])
        for letter, ones in on.items()
    ]


@pytest.mark.parametrize(
    ("tasks_", "rings"),
    [
        (waiting(a="b", b=""), []),
        (waiting(a="b", b="c", c="?", d="ab"), []),
        (waiting(b="a", a="b", c="a", d=""), ["ab"]),
        (waiting(c="a", b="c", a="b", d="abc"), ["abc"]),
        (waiting(a="bc", b="a", c="d", d="c"), ["ab", "cd"]),
        (waiting(a="b", b="ac", c="b"), ["ab"]),
        (waiting(a="a"), ["a"]),
    ],
)
def test_who_waits_for_each_other_is_found(tasks_: list[Record], rings: list[str]) -> None:
    """In any order: from the smallest name on, each waits for the next; who only waits for them is none of them."""
    for found in (tasks_, tasks_[::-1]):
        assert ["".join(one.word("title") for one in ring) for ring in tasks.rings(found)] == rings
        for ring in tasks.rings(found):
            for one, following in zip(ring, (*ring[1:], ring[0]), strict=True):
                assert str(following.document) in tasks.needs(one)
    done = [with_(one, {"state": "done"}) if one.word("title") == "a" else one for one in tasks_]
    assert "a" not in "".join(one.word("title") for ring in tasks.rings(done) for one in ring)


def test_the_most_urgent_comes_first() -> None:
    """Then what is due first; what is never due comes last."""
    drafts = [Draft("a", priority=3), Draft("b"), Draft("c", due_ms=9), Draft("d", due_ms=5), Draft("e", priority=0)]
    found = [shown(draft) for draft in drafts]
    assert [one.word("title") for one in sorted(found, key=tasks.order)] == ["e", "d", "c", "b", "a"]


@pytest.mark.parametrize("draft", [Draft(" "), Draft("x", priority=5), Draft("x", priority=-1)])
def test_what_is_no_task(draft: Draft) -> None:
    """A title of one line, a priority from 0 to 4."""
    with pytest.raises(Misuse):
        tasks.registers(draft)
