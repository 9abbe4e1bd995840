"""history, undo and restore by command: what they ask of the agent, and what makes no sense."""

from __future__ import annotations

import json
from collections.abc import Callable

import pytest

from mesh.cli.history import moment
from mesh.errors import Misuse
from tests.unit.cli.conftest import Ended
from tests.unit.cli.fake_agent import FakeAgent, result

Mesh = Callable[..., Ended]
Agent = Callable[..., FakeAgent]
EVENT = "3ac91f0e"


def test_digits_are_an_event_and_all_else_a_time() -> None:
    """A time that is no time says how one is written."""
    assert moment("3AC9") == "3ac9"
    assert moment("2027-01-01 14:00") == moment("2027-01-01T14:00")
    assert isinstance(moment("2 hours ago"), int)
    with pytest.raises(Misuse, match="is no time"):
        moment("whenever")


def test_each_form_of_history_asks_for_what_it_shows(mesh: Mesh, agent: Agent) -> None:
    """The list, the note as it was, what is different."""
    past = {"document": "d", "at": EVENT, "events": 2, "title": "seeds", "body": "one", "tags": [], "conflicts": []}
    fake = agent(
        {
            "history": result(document="d", title="seeds", entries=[]),
            "history.at": result(**past),
            "history.diff": result(document="d", at=EVENT, to=None, registers={}, lines=[]),
        }
    )
    assert mesh("history", "seeds", "--limit", "3", "--before", EVENT)[:2] == (0, "nothing of seeds is here\n")
    code, out, _ = mesh("history", "seeds", "--at", EVENT)
    assert (code, out.splitlines()[:2]) == (0, [f"as it was at event {EVENT}, after 2 of its events", "seeds"])
    assert mesh("history", "seeds", "--at", EVENT, "--diff", "--to", "2027-01-01")[0] == 0
    asked = dict(fake.asked)
    assert asked["history"] == {"document": "seeds", "limit": 3, "before": EVENT}
    assert asked["history.at"] == {"document": "seeds", "at": EVENT}
    assert asked["history.diff"]["at"] == EVENT
    assert isinstance(asked["history.diff"]["to"], int)


@pytest.mark.parametrize(
    "words", [("--diff",), ("--to", EVENT), ("--at", EVENT, "--to", EVENT), ("--at", EVENT, "--limit", "1")]
)
def test_what_does_not_go_together_is_misuse(mesh: Mesh, words: tuple[str, ...]) -> None:
    """And asks nobody."""
    assert mesh("history", "seeds", *words)[0] == 2


def test_undo_and_restore_say_how_they_are_taken_back(mesh: Mesh, agent: Agent) -> None:
    """And with --json what they did."""
    done = {"document": "home/note/k5q2", "event": "b7" * 32}
    fake = agent({"undo": result(**done, undoes=EVENT), "restore": result(**done)})
    code, out, _ = mesh("undo", EVENT)
    assert (code, out) == (0, f"taken back  {EVENT}\n`mesh undo {'b7' * 6}` brings it back.\n")
    assert json.loads(mesh("undo", EVENT, "--json")[1]) == {**done, "undoes": EVENT}
    code, out, _ = mesh("restore", "seeds", "--at", EVENT)
    assert (code, out.splitlines()[0]) == (0, "restored  home/note/k5q2")
    assert fake.asked[-1] == ("restore", {"document": "seeds", "at": EVENT})


def test_an_agent_restores_a_note_and_no_home(mesh: Mesh, agent: Agent) -> None:
    """A home out of a backup is a person's business."""
    fake = agent({"restore": result(document="d", event="b7" * 32)})
    assert mesh("restore", "seeds", "--at", EVENT, "--as", "claude")[0] == 0
    assert fake.asked[-1][1]["as"] == "claude"
    assert mesh("restore", "seeds", "--as", "claude")[0] == 3
