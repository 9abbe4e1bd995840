"""`mesh brief` and `mesh session`: what they ask the agent, and what people see of its answers."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path

import pytest

from mesh.cli import view_sessions
from mesh.cli.screen import Screen
from tests.unit.cli import samples
from tests.unit.cli.conftest import Ended
from tests.unit.cli.fake_agent import FakeAgent, result

Mesh = Callable[..., Ended]
Agent = Callable[..., FakeAgent]

SESSION: dict[str, object] = {
    "document": "home/session/s426txu6pye2ejgxncrplddvcq", "agent": "claude", "model": "opus", "tool": "claude",
    "device_name": "mini", "project_name": "mesh", "state": "rate_limited", "state_at_ms": 1_762_000_000_000,
    "until_ms": None, "goal": "stream the importer", "topic": "bound its memory", "branch": "main", "from": "",
}  # fmt: skip
RESUME: dict[str, object] = {
    "command": "cd /srv/mesh && claude", "native": False, "path": "/srv/mesh",
    "why": "its transcript is on mini, so a new session begins here", "hint": "It gets the brief.",
}  # fmt: skip
BRIEF: dict[str, object] = {
    "as_of_ms": 1_762_000_000_000, "since_ms": 1_761_900_000_000, "devices": [], "notes": [], "text": "# Brief\n",
}  # fmt: skip


def test_a_brief_goes_on_from_the_last_one_that_a_person_saw(agent: Agent, mesh: Mesh) -> None:
    """Unless it is about something else, or is asked for as an agent or a script gets it."""
    fake = agent({"brief": result(**BRIEF)})
    assert mesh("brief")[0] == 0
    assert "Nothing waits" in mesh("brief", "--project", "mesh")[1]
    assert mesh("brief", "--markdown", "--budget", "300")[1] == "# Brief\n"
    assert json.loads(mesh("brief", "--json")[1]) == BRIEF
    assert [asked for _, asked in fake.asked] == [
        {"shown": True}, {"project": "mesh"}, {"budget": 300}, {},
    ]  # fmt: skip


def test_an_agent_gets_its_brief_as_it_reads_it(agent: Agent, mesh: Mesh) -> None:
    """The same command, given by an agent."""
    fake = agent({"brief": result(**BRIEF)})
    assert mesh("brief", "--as", "claude")[1] == "# Brief\n"
    assert fake.asked == [("brief", {"as": "claude"})]


def test_a_dot_is_the_project_of_this_folder(
    agent: Agent, mesh: Mesh, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """For every command that takes a project."""
    fake = agent({"brief": result(**BRIEF), "session.list": result(sessions=[])})
    monkeypatch.chdir(tmp_path)
    mesh("brief", "--project", ".", "--since", "2025-11-01")
    mesh("session", "list", "--project", ".", "--all", "--limit", "5", "--device", "mini")
    (_, brief), (_, listed) = fake.asked
    assert brief["cwd"] == listed.pop("cwd") == str(tmp_path)
    assert isinstance(brief["since_ms"], int)
    assert listed == {"device": "mini", "limit": 5, "all": True}
    assert mesh("brief", "--since", "some day")[0] == 2
    assert mesh("brief", "--budget", "0")[0] == 2


def test_sessions_are_shown_with_how_to_go_on(agent: Agent, mesh: Mesh) -> None:
    """One a line, and one whole; the command alone on its line."""
    points = [{"at_ms": 1_762_000_000_000, "summary": "half of it", "open": ["the rest"], "files": ["a.py"]}]
    shown = {**SESSION, "checkpoints": points, "resume": RESUME}
    fake = agent({
        "session.list": result(sessions=[SESSION]), "session.show": result(**shown), "session.resume": result(**RESUME),
    })  # fmt: skip
    assert "s426txu6  claude  mini    mesh     rate limited" in mesh("session", "list")[1]
    out = mesh("session", "show", "s426txu6")[1]
    for line in ("goal     stream the importer", "now      bound its memory", "  - the rest", "cd /srv/mesh && claude"):
        assert line in out.splitlines()
    assert mesh("session", "resume", "s426txu6")[1].splitlines()[-1] == "cd /srv/mesh && claude"
    assert json.loads(mesh("session", "resume", "s426txu6", "--json")[1]) == RESUME
    assert fake.asked[1:] == [("session.show", {"id": "s426txu6"}), *[("session.resume", {"id": "s426txu6"})] * 2]


def test_no_foreign_text_draws_on_the_terminal() -> None:
    """Every text of a session comes from another device or an agent."""
    points = [{"at_ms": 1, "summary": samples.ESCAPE, "open": [samples.ESCAPE], "files": [samples.ESCAPE]}]
    resume = dict.fromkeys(RESUME, samples.ESCAPE)
    hostile = {**dict.fromkeys(SESSION, samples.ESCAPE), "checkpoints": points, "resume": resume}
    out = [*view_sessions.shown(Screen(80), hostile), *view_sessions.listed(Screen(80), {"sessions": [hostile]})]
    assert not [line for line in out if "\x1b" in line or "\u202e" in line]
    assert view_sessions.listed(Screen(80), {}) == ["no sessions; --all shows those that are over"]
