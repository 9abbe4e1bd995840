"""`mesh remember`, `recall`, `memory`, `ask`, `answer`: what they ask the agent, and what people see of its answers."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path

import pytest

from tests.unit.cli import samples
from tests.unit.cli.conftest import Ended
from tests.unit.cli.fake_agent import FakeAgent, result

Mesh = Callable[..., Ended]
Agent = Callable[..., FakeAgent]


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> str:
    """The folder that the commands are given in."""
    monkeypatch.chdir(tmp_path)
    return str(tmp_path)


def test_remember(agent: Agent, mesh: Mesh, folder: str) -> None:
    """What is given, and nothing else; the project only when it is asked for."""
    fake = agent({"memory.add": result(document="home/memory/x", state="approved", scope="global", redacted=1)})
    code, out, err = mesh("remember", "The port is 80", "--kind", "fact", "--about", "a.toml", "--project", ".")
    assert (code, out) == (0, "remembered  home/memory/x\n")
    assert "1 thing that looks like a secret was left out" in err
    mesh("remember", "The port is 80", "--as-is", "--supersedes", "y")
    recheck = [f"{folder}/a.toml"]
    assert fake.asked == [
        ("memory.add", {"text": "The port is 80", "kind": "fact", "recheck": recheck, "cwd": folder}),
        ("memory.add", {"text": "The port is 80", "supersedes": "y", "as_is": True}),
    ]


def test_what_waits_says_so(agent: Agent, mesh: Mesh) -> None:
    """An agent's word that would hold everywhere."""
    agent({"memory.add": result(document="home/memory/x", state="pending", scope="global", redacted=0)})
    assert mesh("remember", "x", "--as", "claude")[1] == "waits for a person  home/memory/x\n"


def test_recall_and_list(agent: Agent, mesh: Mesh) -> None:
    """Foreign text cannot draw; by whom, and how it stands."""
    fake = agent({"recall": result(hits=[samples.MEMORY]), "memory.list": result(memories=[])})
    code, out, _ = mesh("recall", "which", "port", "--kind", "fact")
    assert code == 0
    assert "\x1b" not in out
    assert "pending  fact, global, by claude on" in out
    assert mesh("memory", "list", "--state", "pending") == (0, "nothing is remembered\n", "")
    assert fake.asked == [
        ("recall", {"query": "which port", "kind": ["fact"]}),
        ("memory.list", {"state": "pending"}),
    ]


def test_what_a_person_makes_of_one(agent: Agent, mesh: Mesh) -> None:
    """Approve, reject, say anew."""
    said = result(document="home/memory/x", state="approved", redacted=0)
    fake = agent({"memory.approve": said, "memory.reject": said, "memory.supersede": said})
    assert mesh("memory", "approve", "k5")[0] == 0
    assert mesh("memory", "reject", "k5")[0] == 0
    assert mesh("memory", "supersede", "k5", "better")[0] == 0
    assert fake.asked == [
        ("memory.approve", {"id": "k5"}),
        ("memory.reject", {"id": "k5"}),
        ("memory.supersede", {"id": "k5", "text": "better"}),
    ]


def test_ask_in_two_forms(agent: Agent, mesh: Mesh, folder: str) -> None:
    """With `new` and without; options may stand anywhere."""
    fake = agent({"ask.new": result(document="home/ask/x", state="waiting", expires_ms=None)})
    assert mesh("ask", "May I?")[:2] == (0, "asked  home/ask/x\n")
    assert mesh("ask", "--option", "yes", "May I?", "--option", "no")[0] == 0
    assert json.loads(mesh("ask", "--json", "new", "May I?")[1])["document"] == "home/ask/x"
    plain = {"question": "May I?", "cwd": folder}
    assert fake.asked == [("ask.new", plain), ("ask.new", {**plain, "options": ["yes", "no"]}), ("ask.new", plain)]
    assert mesh("ask")[0] == 2


@pytest.mark.usefixtures("folder")
def test_waiting(agent: Agent, mesh: Mesh) -> None:
    """It asks again until the question waits no more, and ends with that."""
    waiting, done = {**samples.ASK, "state": "waiting"}, {**samples.ASK, "state": "taken", "outcome": "yes"}
    answers = iter([waiting, waiting, done])
    fake = agent(
        {"ask.new": result(document="home/ask/x", state="waiting"), "ask.wait": lambda _: result(**next(answers))}
    )
    code, out, err = mesh("ask", "--wait", "May I?", "--json")
    assert code == 0
    assert json.loads(out) == done
    assert "mesh answer home/ask/x" in err
    assert [name for name, _ in fake.asked] == ["ask.new", "ask.wait", "ask.wait", "ask.wait"]


def test_questions_and_answers(agent: Agent, mesh: Mesh) -> None:
    """Foreign text cannot draw; what came too late is told apart."""
    fake = agent(
        {"ask.list": result(asks=[samples.ASK]), "ask.show": result(**samples.ASK), "ask.answer": result(**samples.ASK)}
    )
    for words in (
        ["ask", "list", "--state", "all"],
        ["ask", "show", "k5"],
        ["answer", "k5", "1", "--text", "not main"],
    ):
        code, out, _ = mesh(*words)
        assert code == 0
        assert "\x1b" not in out
        assert "deny" in out
    assert "too late" in mesh("ask", "show", "k5")[1]
    assert fake.asked[2] == ("ask.answer", {"id": "k5", "option": "1", "text": "not main"})
    code, _, err = mesh("answer", "k5", "1", "--as", "claude")
    assert code == 3
    assert "only a person" in err
