"""`mesh notify` and `mesh projection`: what they ask the agent, and what people see of its answers."""

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

NOTIFY: dict[str, object] = {"on": True, "by": "log", "last_ms": 1_762_000_000_000, "problem": samples.ESCAPE}
FILES: dict[str, object] = {
    "folder": f"/srv/{samples.ESCAPE}", "files": 8, "written_ms": 1_762_000_000_000, "aside": [samples.ESCAPE],
    "problem": samples.ESCAPE,
}  # fmt: skip


def test_notifications_are_switched_and_looked_at(agent: Agent, mesh: Mesh) -> None:
    """And a system without a program for them is told of."""
    fake = agent({"notify.set": result(**NOTIFY), "notify.status": result(**NOTIFY)})
    assert mesh("notify", "off")[0] == 0
    code, out, _ = mesh("notify", "on")
    assert code == 0
    assert "no program here shows them" in out
    assert "\x1b" not in out
    assert json.loads(mesh("notify", "status", "--json")[1]) == NOTIFY
    assert fake.asked == [("notify.set", {"on": False}), ("notify.set", {"on": True}), ("notify.status", {})]
    assert mesh("notify", "on", "--as", "claude")[0] == 3


def test_a_folder_is_named_whole(agent: Agent, mesh: Mesh, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The agent lives elsewhere than the command; what was put aside is shown safely."""
    fake = agent({"projection.set": result(**FILES), "projection.status": result(**FILES)})
    monkeypatch.chdir(tmp_path)
    code, out, _ = mesh("projection", "on", "Mesh")
    assert code == 0
    assert "8 files" in out
    assert "put aside" in out
    assert "\x1b" not in out
    assert mesh("projection", "off", "--quiet")[1] == ""
    assert json.loads(mesh("projection", "status", "--json")[1]) == FILES
    folders = [asked.get("folder") for _, asked in fake.asked]
    assert folders == [str(tmp_path / "Mesh"), "", None]
    assert mesh("projection", "on", "x", "--as", "claude")[0] == 3
