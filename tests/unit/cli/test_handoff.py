"""The commands about hand-offs and tasks: what they ask, and what they print; foreign texts do no harm."""

from __future__ import annotations

import io
import json
from collections.abc import Callable
from pathlib import Path

import pytest

from mesh.cli import view_work
from mesh.cli.screen import Screen, columns
from mesh.cli.times import read_time
from tests.unit.cli.conftest import Ended
from tests.unit.cli.fake_agent import FakeAgent, error, result
from tests.unit.cli.samples import ESCAPE, EVENT

Mesh = Callable[..., Ended]
Agent = Callable[..., FakeAgent]
TASK, HANDOFF = "home/task/5xwpwyppmavz7pgz4enyggwbem", "home/handoff/cua7ne3wpnfcjanzft2h5pbqrq"
TIME_MS = 1_762_000_000_000
CLAIM = {
    "name": "a" * 16, "device": "a" * 16, "device_name": ESCAPE, "agent": ESCAPE, "session": "", "until_ms": TIME_MS,
    "over": True, "end": "", "words": ESCAPE, "acknowledged": True, "yours": False,
}  # fmt: skip
LOST = {"document": TASK, "type": "task", "title": ESCAPE, "claim": CLAIM, "by": {**CLAIM, "end": "done"}}
TOLD_TASK = {
    "document": TASK, "title": f"dig {ESCAPE}", "state": "in_progress", "priority": 1, "due_ms": TIME_MS,
    "reason": ESCAPE, "receipt": ESCAPE, "needs": {}, "waits_for": [TASK], "claim": CLAIM, "text": f"deep\n{ESCAPE}\n",
    "acceptance": [ESCAPE], "handoffs": [HANDOFF], "waits": [{"document": TASK, "title": ESCAPE, "state": "done"}],
    "lost": [LOST],
}  # fmt: skip
TOLD_HANDOFF = {
    "document": HANDOFF, "goal": f"rotate {ESCAPE}", "state": "claimed", "to": ESCAPE, "reason": "done_for_now",
    "from": {"name": ESCAPE, "agent": ESCAPE}, "at_ms": TIME_MS, "age_ms": 90_000, "claim": CLAIM,
    "expires_ms": TIME_MS,
    "remaining": [{"document": TASK, "title": ESCAPE, "state": state} for state in ("done", "open", "unknown")],
    "done": [ESCAPE], "decisions": [ESCAPE], "rejected": [ESCAPE], "blockers": [ESCAPE],
    "assumptions": [{"text": ESCAPE}], "files": [{"path": ESCAPE}], "verify": [{"cmd": ESCAPE, "expect": ESCAPE}],
    "context": f"more\n{ESCAPE}\n", "supersedes": HANDOFF, "superseded_by": [HANDOFF], "declined": [CLAIM],
    "lost": [{**LOST, "by": None}, {**LOST, "by": None, "superseded_by": ESCAPE}],
}  # fmt: skip
PICKED = {"handoff": TOLD_HANDOFF, "claim": CLAIM, "warnings": [ESCAPE], "resume": {"command": ESCAPE}}
RING = {"tasks": [{"document": TASK, "title": ESCAPE}], "break": ESCAPE}
CHANGED = {"document": TASK, "event": EVENT, "state": "done", "handoffs": [HANDOFF]}
PRINTED: dict[str, Callable[[Screen], list[str]]] = {
    "handed": lambda screen: view_work.handed(screen, {"document": HANDOFF, "tasks": [TASK], "warnings": [ESCAPE]}),
    "handoffs": lambda screen: view_work.handoffs(screen, {"handoffs": [TOLD_HANDOFF]}),
    "handoff": lambda screen: view_work.handoff(screen, TOLD_HANDOFF),
    "picked up": lambda screen: view_work.picked_up(screen, PICKED),
    "closed": lambda screen: view_work.closed(screen, {"document": HANDOFF, "state": ESCAPE}),
    "tasks": lambda screen: view_work.tasks(screen, {"tasks": [TOLD_TASK, {**TOLD_TASK, "state": "open"}], "more": 3}),
    "rings": lambda screen: view_work.tasks(screen, {"tasks": [], "rings": [RING]}),
    "task": lambda screen: view_work.task(screen, TOLD_TASK),
    "changed": lambda screen: view_work.changed(screen, CHANGED),
}


@pytest.mark.parametrize("name", PRINTED)
def test_nothing_that_a_terminal_obeys(name: str) -> None:
    """Goals, titles, names and texts of others are data."""
    lines = PRINTED[name](Screen(100))
    assert lines
    assert all(line.isprintable() for line in lines)


@pytest.mark.parametrize("view", [view_work.handoffs, view_work.tasks, view_work.handoff, view_work.task])
def test_what_is_missing_harms_nothing(view: Callable[[Screen, view_work.Told], list[str]]) -> None:
    """An answer of another version may lack anything."""
    assert view(Screen(80), {})


def test_lists_fit_the_screen() -> None:
    """The first column gives way."""
    for name in ("handoffs", "tasks"):
        assert all(columns(line) <= 140 for line in PRINTED[name](Screen(140)))


def test_the_goal_stands_first_and_last() -> None:
    """A reader with a small window sees it either way."""
    lines = view_work.handoff(Screen(None), {**TOLD_HANDOFF, "goal": "rotate the keys"})
    assert "rotate the keys" in lines[0]
    assert "rotate the keys" in lines[-1]


def test_what_a_hand_off_asks(agent: Agent, mesh: Mesh, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """Every option, and the folder that it was given in."""
    monkeypatch.chdir(tmp_path)
    fake = agent({"handoff.new": result(document=HANDOFF, tasks=[TASK], warnings=[])})
    words = ["--remaining", "delete it", "--remaining", "tell them", "--verify", "make", "--decision", "d"]
    words += ["--rejected", "r", "--assumption", "a", "--file", "f", "--blocker", "b", "--done", "x", "--to", "human"]
    words += ["--reason", "blocked", "--context", "more", "--project", "shop", "--supersedes", HANDOFF, "--anyway"]
    words += ["--expires", "2100-01-01 00:00"]
    code, out, _ = mesh("handoff", "new", "rotate the keys", *words)
    assert (code, out) == (0, f"handed off  {HANDOFF}  1 task\n")
    assert fake.asked == [
        (
            "handoff.new",
            {
                "goal": "rotate the keys", "remaining": ["delete it", "tell them"], "done": ["x"], "verify": ["make"],
                "decisions": ["d"], "rejected": ["r"], "assumptions": ["a"], "files": ["f"], "blockers": ["b"],
                "to": "human", "reason": "blocked", "supersedes": HANDOFF, "context": "more", "cwd": str(tmp_path),
                "project": "shop", "anyway": True, "expires_ms": read_time("2100-01-01 00:00"),
            },
        )
    ]  # fmt: skip


def test_picking_up(agent: Agent, mesh: Mesh, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """A yes is passed on; a refusal is told with its hint."""
    monkeypatch.chdir(tmp_path)
    fake = agent({"pickup": result(**PICKED)})
    assert json.loads(mesh("pickup", "--json")[1]) == PICKED
    mesh("pickup", "home/handoff/cua7", "--yes", "--take", "--session", "home/session/x")
    mesh("pickup", "--as", "claude")
    here = {"cwd": str(tmp_path)}
    asked = {"id": "home/handoff/cua7", "yes": True, "take": True, "session": "home/session/x", "ask": True}
    assert [one[1] for one in fake.asked] == [{**here, "ask": True}, {**here, **asked}, {**here, "as": "claude"}]


def test_an_old_one_is_taken_after_a_yes_only(agent: Agent, mesh: Mesh, monkeypatch: pytest.MonkeyPatch) -> None:
    """The question is the agent's; a no, and nobody to answer, take nothing."""

    def pickup(arguments: dict[str, object]) -> list[dict[str, object]]:
        question: dict[str, object] = {"ask": f"{ESCAPE} was left 2.0 days ago", "document": HANDOFF}
        return [{"result": PICKED if arguments.get("yes") else question}]

    fake = agent({"pickup": pickup})
    monkeypatch.setattr("sys.stdin", io.StringIO("n\n"))
    code, out, err = mesh("pickup")
    assert (code, out) == (3, "")
    assert "2.0 days ago. Take it all the same? [y/N]" in err
    assert "\x1b" not in err
    monkeypatch.setattr("sys.stdin", io.StringIO(""))
    assert mesh("pickup")[0] == 2
    assert len(fake.asked) == 2
    monkeypatch.setattr("sys.stdin", io.StringIO("y\n"))
    assert "yours" in mesh("pickup")[1]
    assert fake.asked[-1][1]["id"] == HANDOFF


def test_a_refusal_is_told(agent: Agent, mesh: Mesh) -> None:
    """Who has it, and nothing on standard output."""
    agent({"task.claim": error("Refused", "Refused", 3, "it is taken already", "claude@mac has it")})
    code, out, err = mesh("task", "claim", "dig")
    assert (code, out) == (3, "")
    assert "claude@mac has it" in err


@pytest.mark.parametrize(
    ("argv", "asked"),
    [
        (["ready"], [("task.list", {"filter": "ready"})]),
        (["list", "--mine", "--limit", "3"], [("task.list", {"filter": "mine", "limit": 3})]),
        (["list", "--blocked", "--project", "x"], [("task.list", {"filter": "blocked", "project": "x"})]),
        (["claim", "dig", "--take"], [("task.claim", {"id": "dig", "take": True})]),
        (["done", "dig", "it is", "--receipt", "r"], [("task.done", {"id": "dig", "words": "it is", "receipt": "r"})]),
        (
            ["block", "dig", "frozen", "--needs-human"],
            [("task.state", {"id": "dig", "state": "needs_human", "reason": "frozen"})],
        ),
        (
            ["block", "dig", "frozen", "--on", "thaw"],
            [
                ("task.edit", {"id": "dig", "needs": ["thaw"]}),
                ("task.state", {"id": "dig", "state": "blocked", "reason": "frozen"}),
            ],
        ),
        (["open", "dig"], [("task.state", {"id": "dig", "state": "open"})]),
        (["drop", "dig", "no"], [("task.state", {"id": "dig", "state": "dropped", "reason": "no"})]),
        (["edit", "dig", "--priority", "0"], [("task.edit", {"id": "dig", "priority": 0})]),
        (["show", "dig"], [("task.show", {"id": "dig"})]),
    ],
    ids=lambda value: " ".join(value) if value and isinstance(value[0], str) else None,
)
def test_what_a_task_command_asks(
    argv: list[str], asked: list[tuple[str, dict[str, object]]], agent: Agent, mesh: Mesh
) -> None:
    """The call and its arguments, and nothing more."""
    names = ("task.list", "task.claim", "task.done", "task.state", "task.edit", "task.show")
    fake = agent({**{name: result(**CHANGED) for name in names}, "task.list": result(tasks=[TOLD_TASK], more=0)})
    code, out, _ = mesh("task", *argv)
    assert code == 0
    assert out
    assert fake.asked == asked


def test_adding_a_task(agent: Agent, mesh: Mesh, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """Every option."""
    monkeypatch.chdir(tmp_path)
    fake = agent({"task.add": result(document=TASK)})
    words = ["--priority", "0", "--needs", "a", "--needs", "b", "--text", "deep", "--kind", "chore", "--accept", "c"]
    assert mesh("task", "add", "dig", *words, "--found-in", "d", "--due", "2027-01-01")[0] == 0
    (asked,) = fake.asked
    assert isinstance(asked[1].pop("due_ms"), int)
    assert asked[1] == {
        "title": "dig", "text": "deep", "needs": ["a", "b"], "kind": "chore", "acceptance": ["c"], "priority": 0,
        "discovered_from": "d", "cwd": str(tmp_path),
    }  # fmt: skip


@pytest.mark.parametrize(
    "argv", [["list", "--mine", "--all"], ["block", "dig"], ["edit", "dig"], ["list", "--limit", "0"]]
)
def test_what_makes_no_sense_is_told_before_anybody_is_asked(argv: list[str], agent: Agent, mesh: Mesh) -> None:
    """Exit 2."""
    fake = agent({})
    assert mesh("task", *argv)[0] == 2
    assert fake.asked == []
