"""What a grant permits beside saying, and how it stands."""

from __future__ import annotations

import pytest

from mesh.events.kinds import ANY, Close, Grant, Ungrant
from mesh.events.permits import State, agents_of, live_grants, may_read, state_of
from mesh.events.verdict import grant_name
from mesh.names import DocumentId
from tests.unit.household import NOTE, Household, marks

WORK = DocumentId("work", "note", bytes(16))
TASK = DocumentId("work", "task", bytes(16))


@pytest.fixture
def home() -> Household:
    """Paper, mac, laptop, tablet and phone."""
    return Household()


def agent_grant(home: Household, **parts: object) -> Grant:
    """What an agent on the laptop may do."""
    values = {"space": "work", "types": ("note",), "verbs": ("create", "edit", "read"), "until_ms": None, **parts}
    return Grant(home.of["laptop"], "claude", **values)  # type: ignore[arg-type]


def reads(home: Household, document: DocumentId, agent: str = "claude", now_ms: int = 0) -> bool:
    """Whether an agent on the laptop is shown a document."""
    return may_read(home.verdict, home.of["laptop"], agent, document, now_ms)


def test_a_person_reads_everything_and_an_agent_what_it_was_given(home: Household) -> None:
    """By space, type and verb; another agent, and the same name on another device, nothing."""
    assert reads(home, TASK, agent="")
    assert not reads(home, WORK)
    home.say("mac", agent_grant(home))
    assert reads(home, WORK)
    assert not reads(home, TASK)
    assert not reads(home, NOTE)
    assert not reads(home, WORK, agent="other")
    assert not may_read(home.verdict, home.of["tablet"], "claude", WORK, 0)


@pytest.mark.parametrize(
    ("parts", "seen"),
    [
        ({"verbs": ("create", "edit")}, set()),
        ({"verbs": (ANY,)}, {WORK}),
        ({"types": (ANY,)}, {WORK, TASK}),
        ({"space": ANY}, {WORK, NOTE}),
    ],
)
def test_the_verb_read_and_what_stands_for_all(
    home: Household, parts: dict[str, object], seen: set[DocumentId]
) -> None:
    """Whoever may only write sees nothing."""
    home.say("mac", agent_grant(home, **parts))
    assert {document for document in (WORK, TASK, NOTE) if reads(home, document)} == seen


def test_how_a_grant_stands(home: Household) -> None:
    """Live, over by the clock of who asks, ended, and closed with its device."""
    name = grant_name(home.say("mac", agent_grant(home, until_ms=100)).digest)
    assert state_of(home.verdict, name, 100) is State.LIVE
    assert state_of(home.verdict, name, 101) is State.OVER
    assert not reads(home, WORK, now_ms=101)
    digest = next(d for d in home.statements if grant_name(d) == name)
    home.say("mac", Ungrant(digest))
    assert state_of(home.verdict, name, 0) is State.ENDED
    assert not reads(home, WORK)
    home.say("mac", Close(home.of["laptop"], marks()))
    assert state_of(home.verdict, name, 0) is State.CLOSED


def test_agents_are_those_with_a_grant_now(home: Household) -> None:
    """Sorted by name; whose grants are over is none."""
    home.say("mac", agent_grant(home, until_ms=100))
    home.say("mac", Grant(home.of["laptop"], "bot", "work", ("note",), ("read",)))
    assert agents_of(home.verdict, home.of["laptop"], 50) == ("bot", "claude")
    assert agents_of(home.verdict, home.of["laptop"], 200) == ("bot",)
    assert agents_of(home.verdict, home.of["tablet"], 50) == ()
    assert [grant.agent for _, grant in live_grants(home.verdict, home.of["laptop"], "bot", 0)] == ["bot"]
