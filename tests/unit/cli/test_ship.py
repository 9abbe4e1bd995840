"""`mesh ship`, `shipped`, `receipt`: what they ask the agent, and that nobody takes a word for a proof."""

from __future__ import annotations

import io
import json
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from mesh.cli import view_receipts
from mesh.cli.screen import Screen
from tests.unit.cli import samples
from tests.unit.cli.conftest import Ended
from tests.unit.cli.fake_agent import FakeAgent, result

Mesh = Callable[..., Ended]
Agent = Callable[..., FakeAgent]
FILED = result(
    document="home/receipt/x",
    claims=samples.RECEIPT["claims"],
    changed=[],
    redacted=0,
    warnings=["the task is not closed"],
)
PROPOSED = result(changed=[{"kind": "file", "ref": "b.txt"}], commits=[{"commit": "5f2a9c01", "subject": "first"}])


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> str:
    """The folder that the commands are given in."""
    monkeypatch.chdir(tmp_path)
    return str(tmp_path)


def test_what_git_says_is_proposed(agent: Agent, mesh: Mesh, folder: str) -> None:
    """Shown to the person, and filed, unless they say what changed."""
    fake = agent({"receipt.new": FILED, "receipt.proposal": PROPOSED})
    code, out, err = mesh("ship", "Built it")
    assert code == 0
    assert out.startswith("filed  home/receipt/x\n")
    assert "the task is not closed" in out
    assert "b.txt" in err
    assert "5f2a9c01 first" in err
    assert fake.asked[0] == ("receipt.proposal", {"cwd": folder})
    assert fake.asked[1] == ("receipt.new", {"summary": "Built it", "changed": ["5f2a9c01", "b.txt"], "cwd": folder})
    mesh("ship", "Built it", "--changed", "a.py", "--quiet")
    assert fake.asked[2:] == [("receipt.new", {"summary": "Built it", "changed": ["a.py"], "cwd": folder})]


def test_claims_and_their_evidence(agent: Agent, mesh: Mesh, folder: str) -> None:
    """In the same place; the rest has none."""
    fake = agent({"receipt.new": FILED})
    words = ["--claim", "tests pass", "--evidence", "pytest -q", "--claim", "fast", "--changed", "x", "--task", "t"]
    assert mesh("ship", "Built it", *words, "--not-done", "docs", "--as", "claude")[0] == 0
    assert fake.asked == [
        (
            "receipt.new",
            {
                "summary": "Built it", "changed": ["x"], "not_done": ["docs"], "task": "t",
                "cwd": folder, "as": "claude",
                "claims": [{"text": "tests pass", "evidence": "pytest -q"}, {"text": "fast"}],
            },
        )
    ]  # fmt: skip
    code, _, err = mesh("ship", "x", "--evidence", "pytest")
    assert code == 2
    assert "more evidence than claims" in err


@pytest.mark.usefixtures("folder")
def test_nobody_there_to_say_what_was_built(agent: Agent, mesh: Mesh, monkeypatch: pytest.MonkeyPatch) -> None:
    """Without a summary, and without anybody who types one."""
    monkeypatch.setattr(sys, "stdin", io.StringIO(""))
    fake = agent({"receipt.proposal": PROPOSED})
    code, _, err = mesh("ship")
    assert code == 2
    assert "nobody answers" in err
    assert [name for name, _ in fake.asked] == ["receipt.proposal"]


def test_secrets_are_told(agent: Agent, mesh: Mesh, folder: str) -> None:
    """That something was left out, on standard error."""
    assert folder
    agent({"receipt.new": result(document="home/receipt/x", claims=[], redacted=2, warnings=[])})
    assert "2 things that look like secrets were left out" in mesh("ship", "x", "--changed", "y")[2]


def test_shipped(agent: Agent, mesh: Mesh, folder: str) -> None:
    """Words in any number; `.` is the project of this folder."""
    fake = agent({"receipt.list": result(receipts=[samples.RECEIPT])})
    code, out, _ = mesh("shipped", "did", "I", "build", "it", "--project", ".")
    assert code == 0
    assert "1 verified, 1 inferred, 2 asserted, 1 dispute" in out
    assert "\x1b" not in out
    assert mesh("shipped", "--unreported", "--limit", "3")[0] == 0
    assert mesh("shipped", "--limit", "0")[0] == 2
    assert fake.asked == [
        ("receipt.list", {"words": "did I build it", "cwd": folder}),
        ("receipt.list", {"state": "unreported", "limit": 3}),
    ]


def test_a_receipt_whole(agent: Agent, mesh: Mesh) -> None:
    """Foreign text cannot draw; each claim says what it stands on."""
    agent({"receipt.show": result(**samples.RECEIPT), "receipt.dispute": result(document="home/receipt/x", event="ab")})
    code, out, _ = mesh("receipt", "show", "k5q2")
    assert code == 0
    assert "\x1b" not in out
    assert "asserted  tests pass  [pytest -q (nobody saw it run)]" in out
    assert "asserted  it builds  [make ended with 2: it ended with 2]" in out
    assert "left out by the author" in out
    assert json.loads(mesh("receipt", "show", "k5q2", "--json")[1]) == samples.RECEIPT
    assert mesh("receipt", "dispute", "k5q2", "no", "--claim", "1") == (0, "disputed  home/receipt/x\n", "")


def test_asserted_is_amber_and_never_green() -> None:
    """Green is for what the machine saw; red for what it saw otherwise."""
    lines = view_receipts.filed(Screen(100, colours=True), {"claims": samples.RECEIPT["claims"]})
    verified, fast, unseen, failed = lines[1:]
    assert "\x1b[32mverified" in verified
    for line in (fast, unseen):
        assert "\x1b[33masserted" in line
    assert "\x1b[31masserted" in failed
    assert not any("\x1b[32m" in line for line in (fast, unseen, failed))


def test_an_agent_may_ship(agent: Agent, mesh: Mesh, folder: str) -> None:
    """And look, and doubt; its name goes with it."""
    assert folder
    fake = agent({"receipt.list": result(receipts=[])})
    assert mesh("shipped", "--as", "claude") == (0, "nothing was filed\n", "")
    assert fake.asked == [("receipt.list", {"as": "claude"})]
