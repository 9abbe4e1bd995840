"""The commands about notes as files: what they ask for, and what people read."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path

import pytest

from tests.unit.cli.conftest import Ended
from tests.unit.cli.fake_agent import FakeAgent, result

Mesh = Callable[..., Ended]
Agent = Callable[..., FakeAgent]
STATUS: dict[str, object] = {
    "linked": True,
    "folder": "/notes",
    "space": "home",
    "files": 1200,
    "left": 3,
    "left_files": [{"path": "a\x1b[2J.md", "reason": "it is no text"}],
    "behind": 1,
    "behind_notes": [{"document": "home/note/x", "reason": "the file is read-only"}],
    "missing": 0,
    "problem": "",
    "watched": True,
}


def test_linking_names_the_whole_path(
    agent: Agent, mesh: Mesh, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """From wherever the person stands; foreign names cannot draw on the terminal."""
    monkeypatch.chdir(tmp_path)
    fake = agent({"vault.link": result(**STATUS)})
    code, out, _ = mesh("vault", "link", "notes", "--space", "work", "--gone")
    assert fake.asked == [("vault.link", {"folder": str(tmp_path / "notes"), "space": "work", "gone": True})]
    assert code == 0
    assert "\x1b" not in out
    assert "/notes, 1,200 notes as files" in out
    assert "and 2 more" in out
    assert "home/note/x: the file is read-only" in out


def test_what_stopped_it_is_said_first(agent: Agent, mesh: Mesh) -> None:
    """With what to do."""
    gone = {**STATUS, "problem": "15 of 20 files are gone at once", "missing": 15, "left_files": [], "watched": False}
    agent({"vault.status": result(**gone)})
    _, out, _ = mesh("vault", "status")
    assert out.splitlines()[1] == "stopped: 15 of 20 files are gone at once"
    assert "mesh vault link DIR --gone" in out
    assert "every minute" in out


def test_without_a_vault(agent: Agent, mesh: Mesh) -> None:
    """The person learns how to link one."""
    agent({"vault.status": result(linked=False), "vault.unlink": result(linked=False, folder="/notes")})
    assert "mesh vault link DIR" in mesh("vault", "status")[1]
    assert json.loads(mesh("vault", "status", "--json")[1]) == {"linked": False}
    assert mesh("vault", "unlink")[1].startswith("/notes is a folder like any other")


def test_an_import_tells_what_it_made(agent: Agent, mesh: Mesh) -> None:
    """And what it left alone."""
    told = {"folder": "/n", "notes": 2, "known": 3, "bytes": 9, "left": 1, "took_ms": 5}
    agent({"vault.import": result(**told, files=[{"path": "x.md", "reason": "it is longer than a note can be"}])})
    _, out, _ = mesh("vault", "import", "/n")
    assert out.splitlines() == [
        "imported  2 notes, 3 were here already",
        "left alone  1",
        "  x.md: it is longer than a note can be",
    ]
