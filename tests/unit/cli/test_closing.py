"""Closing a device by command: it is shown what falls, each admission and grant is asked about, and then told of."""

from __future__ import annotations

import io
import json
import sys
from collections.abc import Callable

import pytest

from mesh.cli import prompts
from tests.unit.cli import samples
from tests.unit.cli.conftest import Ended
from tests.unit.cli.fake_agent import FakeAgent, Told, result

Mesh = Callable[..., Ended]
Agent = Callable[..., FakeAgent]
TIME_MS = 1_762_000_000_000


def falling(name: str, kind: str, *, asked: bool, kept: bool = True) -> Told:
    """A statement that would fall."""
    says = f"{kind} of {samples.ESCAPE}"
    return {
        "id": name * 32, "kind": kind, "says": says, "by": "laptop", "time_ms": TIME_MS, "asked": asked, "kept": kept,
    }  # fmt: skip


FALLS = [falling("a1", "close", asked=False), falling("b2", "admit", asked=True), falling("c3", "grant", asked=True)]
PLANNED: Told = {
    "device": {"id": "x" * 16, "name": f"laptop {samples.ESCAPE}", "rank": 2, "role": "admin"},
    "reason": "lost",
    "since_ms": None,
    "marks": 2,
    "falls": FALLS,
    "falls_more": 0,
    "could_read": {
        "last_touch_ms": TIME_MS,
        "exact": True,
        "spaces": [{"space": "home", "documents": 3}],
        "epochs": ["00"],
    },
}
DONE: Told = {
    **PLANNED,
    "event": "ee" * 32,
    "epoch": "ff" * 32,
    "hidden": 4,
    "to_do": ["change passwords"],
    "warning": "",
}


@pytest.fixture
def closing(agent: Agent) -> FakeAgent:
    """An agent that has the plan, and does it."""

    def answer(arguments: Told) -> object:
        return result(**(PLANNED if arguments.get("look") else DONE))

    return agent({"lost": answer, "remove": answer, "rank": lambda a: result(**PLANNED, rank=10) if a.get("look") else
                  result(**DONE, rank=10, role="member", id="y" * 16)})  # fmt: skip


def test_with_yes_everything_stays(closing: FakeAgent, mesh: Mesh) -> None:
    """What stays is said, what it could read and what is hidden are told; nothing foreign reaches the terminal raw."""
    code, out, err = mesh("lost", "laptop", "--since", "2025-11-01", "--yes")
    assert code == 0
    look, done = (arguments for _, arguments in closing.asked)
    assert set(look) - set(done) == {"look"}
    assert set(done) == {"device", "drop", "since_ms"}
    assert closing.asked[1][1]["drop"] == []
    assert err.count("stays") == 4
    assert "home (3 documents); 1 key; as of 2025-11-01" in out
    assert "4 changes of it; `mesh void list`" in out
    assert "- change passwords" in out
    assert "\x1b" not in out + err


def test_each_admission_and_grant_is_asked_about(
    closing: FakeAgent, mesh: Mesh, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A no lets it fall; a close is never asked about; silence for the act itself is no yes."""
    monkeypatch.setattr(sys, "stdin", io.StringIO("n\n\ny\n"))
    assert mesh("lost", "laptop")[0] == 0
    assert closing.asked[1][1]["drop"] == ["b2" * 32]
    monkeypatch.setattr(sys, "stdin", io.StringIO("\n\n\n"))
    assert mesh("lost", "laptop")[0] == 3
    assert len(closing.asked) == 3
    assert prompts.ANSWER_CHARACTERS_MAX


def test_what_is_dropped_by_name(closing: FakeAgent, mesh: Mesh) -> None:
    """It is looked at with, and done with."""
    mesh("remove", "laptop", "--drop", "b2", "--drop", "c3", "--yes")
    assert [arguments["drop"] for _, arguments in closing.asked] == [["b2", "c3"]] * 2


def test_a_look_changes_nothing(closing: FakeAgent, mesh: Mesh) -> None:
    """It asks nothing either."""
    code, out, _ = mesh("lost", "laptop", "--look")
    assert code == 0
    assert "3 statements would fall with it:" in out
    assert "\x1b" not in out
    assert json.loads(mesh("lost", "laptop", "--look", "--json")[1]) == PLANNED
    assert all(arguments["look"] for _, arguments in closing.asked)


def test_what_was_approved_is_not_asked_about_again(closing: FakeAgent, mesh: Mesh) -> None:
    """The statements are those that the other device saw."""
    assert mesh("lost", "laptop", "--approved", "k5q2")[0] == 0
    assert closing.asked[1][1] == {"device": "laptop", "approved": "k5q2"}


def test_a_rank(closing: FakeAgent, mesh: Mesh) -> None:
    """In words, with what follows from it."""
    code, out, err = mesh("rank", "laptop", "member", "--yes")
    assert code == 0
    assert out.startswith("done  laptop")
    assert "is member now" in out
    assert "another one from now on" in err
    assert [arguments["rank"] for _, arguments in closing.asked] == ["member"] * 2


def test_a_time_that_is_none(closing: FakeAgent, mesh: Mesh) -> None:
    """Before anything is asked of the agent."""
    assert mesh("lost", "laptop", "--since", "the other day")[0] == 2
    assert closing.asked == []
