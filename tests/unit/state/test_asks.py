"""Asks: an answer arrives once or expires, never both, in whatever order devices hear of each other."""

from __future__ import annotations

from itertools import permutations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mesh.errors import Misuse, Refused
from mesh.events.kinds import Value
from mesh.names import DocumentId
from mesh.state import asks, records
from mesh.state.asks import ANSWERED, EXPIRED, TAKEN, WAITING, Question
from mesh.state.records import Record

MAC, PHONE, PAD = "mac", "phone", "pad"
NAME = DocumentId("home", asks.KIND, bytes(16))


def asked(*, options: tuple[str, ...] = ("allow", "deny"), default: str = "deny", expires: int = 100) -> Record:
    """A question of the mac."""
    about: dict[str, Value] = {"device": MAC, "agent": "claude", "at": 1, "expires": expires}
    question = Question("May I push?", options, default, {"tool": "Bash"}, about)
    return records.view(NAME, records.birth(asks.KIND, asks.registers(question), salt=bytes(16)))


def with_(record: Record, *several: dict[str, Value]) -> Record:
    """The record with more registers."""
    merged = dict(record.registers)
    for one in several:
        merged |= one
    return Record(record.document, merged, "")


def test_the_life_of_a_question() -> None:
    """Waiting, answered elsewhere, taken by who asked; a taken one stays as it is."""
    record = asked()
    assert asks.state(record, 99) == (WAITING, None)
    assert asks.taking(record, MAC, 99) == {}
    answer = asks.answering(record, PHONE, "ALLOW", "go on", 50)
    record = with_(record, answer)
    how, found = asks.state(record, 1000)
    assert how == ANSWERED, "an answer that came counts, also when it is looked at later"
    assert found is not None
    assert (found.option, found.text, found.device, found.at_ms) == ("allow", "go on", PHONE, 50)
    record = with_(record, asks.taking(record, MAC, 60))
    assert asks.state(record, 1000)[0] == TAKEN
    assert asks.taken(record) == found
    assert asks.taking(record, MAC, 70) == {}, "once"
    with pytest.raises(Refused, match="answered already: allow"):
        asks.answering(record, PAD, "deny", "", 61)


def test_the_time_is_over() -> None:
    """The default holds, and nobody answers any more."""
    record = asked()
    assert asks.state(record, 100) == (EXPIRED, asks.Answer("deny"))
    with pytest.raises(Refused, match=r"expired, and its default holds \(deny\)"):
        asks.answering(record, PHONE, "allow", "", 100)
    record = with_(record, asks.taking(record, MAC, 100))
    how, done = asks.state(record, 5)
    assert (how, done) == (TAKEN, asks.Answer("deny"))
    assert done is not None
    assert done.expired


def test_a_late_answer_changes_nothing() -> None:
    """Story H: the phone answered in time by its own clock, and the mac heard of it after it took the default."""
    answer = asks.answering(asked(), PHONE, "allow", "", 99)
    record = with_(asked(), asks.taking(asked(), MAC, 100), answer)
    assert asks.state(record, 101) == (TAKEN, asks.Answer("deny"))
    assert [one.option for one in asks.answers(record)] == ["allow"], "it is kept, and does not count"


def test_the_earliest_answer_counts_everywhere() -> None:
    """Whatever the order in which they come; equal times go by device."""
    answers = [
        asks.answering(asked(), PHONE, "allow", "", 50),
        asks.answering(asked(), PAD, "deny", "", 50),
        asks.answering(asked(), "watch", "allow", "", 51),
    ]
    for order in permutations(answers):
        how, found = asks.state(with_(asked(), *order), 60)
        assert how == ANSWERED
        assert found is not None
        assert found.device == PAD


def test_who_takes_and_who_answers() -> None:
    """Only the device that asked takes; a device may better its own answer while nobody took it."""
    with pytest.raises(Refused, match="another device"):
        asks.taking(asked(), PHONE, 5)
    record = with_(asked(), asks.answering(asked(), PHONE, "allow", "", 50))
    assert asks.answering(record, PHONE, "2", "", 51)[f"answer/{PHONE}"] != record.registers[f"answer/{PHONE}"]
    with pytest.raises(Refused, match="answered already"):
        asks.answering(record, PAD, "deny", "", 52)


def test_answers_in_words() -> None:
    """Without options an answer is words; with them it is one of them."""
    free = asked(options=(), default="")
    assert (
        asks.answers(with_(free, asks.answering(free, PHONE, "use the blue one", "", 2)))[0].text == "use the blue one"
    )
    with pytest.raises(Misuse):
        asks.answering(free, PHONE, " ", "", 2)
    for odd in ("maybe", "0", "3", "", "²"):
        with pytest.raises(Misuse):
            asks.answering(asked(), PHONE, odd, "", 2)
    with pytest.raises(Misuse):
        asks.answering(free, PHONE, "x" * 5000, "", 2)


@pytest.mark.parametrize(
    "question",
    [
        Question(""),
        Question("x", ["a", "a"]),
        Question("x", [str(n) for n in range(17)]),
        Question("x", ["a"], "b"),
        Question("x", [" "]),
    ],
)
def test_bounds(question: Question) -> None:
    """No words, options twice or too many, a default that is none."""
    with pytest.raises(Misuse):
        asks.registers(question)


@given(
    st.lists(st.tuples(st.sampled_from(["answer", "take", "hear"]), st.integers(0, 2), st.integers(0, 30)), max_size=12)
)
def test_never_both(steps: list[tuple[str, int, int]]) -> None:
    """Three devices that hear of each other when they like: what one of them saw as final is the only end."""
    devices = (MAC, PHONE, PAD)
    own = [asked(expires=60) for _ in devices]
    now, finals = 40, set()
    for what, who, later in steps:
        now += later
        if what == "answer":
            try:
                own[who] = with_(own[who], asks.answering(own[who], devices[who], "allow", "", now))
            except Refused:
                continue
        elif what == "take":
            own[0] = with_(own[0], asks.taking(own[0], MAC, now))
        else:
            own[who] = with_(own[who], *({k: v} for one in own for k, v in one.registers.items()))
        finals |= {str(asks.taken(one)) for one in own if asks.taken(one) is not None}
        assert len(finals) <= 1
