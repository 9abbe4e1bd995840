"""Memories: who may have one count, what gives way to what, and what is found for a question."""

from __future__ import annotations

import pytest

from mesh.errors import Misuse, Refused
from mesh.names import DocumentId
from mesh.state import memories, records
from mesh.state.memories import APPROVED, EXPIRED, NOTED, PENDING, REJECTED, STALE, SUPERSEDED, Said
from mesh.state.records import Record


def kept(wanted: Said, old: Record | None = None, **more: str | int) -> Record:
    """A memory as lists show it; `more`: registers that were written since."""
    born = records.birth(memories.KIND, memories.registers(wanted, old), salt=bytes(16))
    record = records.view(DocumentId("home", memories.KIND, bytes(16)), born)
    return Record(record.document, {**record.registers, **{k.replace("_", "-"): v for k, v in more.items()}}, "")


@pytest.mark.parametrize(
    ("by", "scope", "state"),
    [
        ("human", "global", APPROVED),
        ("human", "project", APPROVED),
        ("claude", "global", PENDING),
        ("claude", "project", NOTED),
        ("claude", "device", NOTED),
        ("claude", "agent", NOTED),
    ],
)
def test_who_may_have_it_count(by: str, scope: str, state: str) -> None:
    """An agent's memory that would hold everywhere waits; elsewhere it is usable and says that nobody approved it."""
    record = kept(Said("Tests need node 20", scope=scope, by=by))
    assert memories.state(record, 1) == state
    assert memories.told(record, 1)["by"] == by


def test_an_agent_does_not_outdo_a_person() -> None:
    """What a person approved gives way only when a person approves what stands for it."""
    mine, claudes = kept(Said("Deploy on Fridays")), kept(Said("Deploy on Mondays", scope="project", by="claude"))
    wanted = Said("Never deploy", scope="project", by="claude")
    assert memories.state(kept(wanted, mine), 1) == PENDING
    assert not memories.takes_effect(wanted, mine)
    assert memories.state(kept(wanted, claudes), 1) == NOTED
    assert memories.takes_effect(wanted, claudes)
    assert memories.takes_effect(Said("Never deploy"), mine)


def test_what_a_memory_counts_for() -> None:
    """In this order: rejected, superseded, expired, stale, and what a person said."""
    wanted = Said("x", scope="project", by="claude", about={"expires": 10})
    assert memories.state(kept(wanted), 9) == NOTED
    assert memories.state(kept(wanted), 10) == EXPIRED
    assert memories.state(kept(wanted), 9, changed=True) == STALE
    assert memories.state(kept(wanted, superseded_by="home/memory/b"), 10) == SUPERSEDED
    assert memories.state(kept(wanted, superseded_by="home/memory/b", state=REJECTED), 10) == REJECTED
    assert memories.state(kept(wanted, state="blessed"), 1) == PENDING, "a state that nobody knows counts for nothing"


def test_one_gives_way_once() -> None:
    """To one other memory; who comes later is told of that one."""
    old = kept(Said("x"))
    assert memories.superseding(old, "b") == {"superseded-by": "b"}
    with pytest.raises(Refused, match="superseded already, by b"):
        memories.superseding(kept(Said("x"), superseded_by="b"), "c")
    assert memories.superseding(kept(Said("x"), superseded_by="b"), "b") == {"superseded-by": "b"}
    assert memories.approved(old) == {"state": APPROVED}
    with pytest.raises(Refused, match="was rejected"):
        memories.approved(kept(Said("x"), state=REJECTED))


@pytest.mark.parametrize(
    "wanted",
    [
        Said(""),
        Said(" \n "),
        Said("x" * 501),
        Said("x", kind="rumour"),
        Said("x", scope="moon"),
        Said("x", evidence=["e"] * 17),
    ],
)
def test_bounds(wanted: Said) -> None:
    """Nothing, too much, or no such kind."""
    with pytest.raises(Misuse):
        memories.registers(wanted)


def test_a_long_one_has_a_short_title() -> None:
    """Lists show the beginning; the words are whole."""
    record = kept(Said("word " * 60))
    assert len(record.word("title")) == 80
    assert record.word("words") == ("word " * 60).strip()


def test_finding() -> None:
    """The words that say something, and what most of them found."""
    assert memories.terms("How do I run the tests on the laptop?", 8) == ["laptop", "tests", "run"]
    assert memories.terms("of the a", 8) == []
    assert memories.ranked([["a", "b"], ["b", "c"], ["b"]]) == ["b", "a", "c"]
