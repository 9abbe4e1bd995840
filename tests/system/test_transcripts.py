"""Transcripts of sessions on other devices: told by the tool's own hooks, through kills, read by a command."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from tests.conftest import Spawn
from tests.system.harness import Device, Fleet
from tests.system.test_hooks import Tool, repository, rows
from tests.system.test_trust import approved

pytestmark = pytest.mark.system

TURNS = 4
TOKEN = "ghp_" + "a1B2c3D4e5" * 4


def said(number: int, words: str = "") -> bytes:
    """A line as the tool writes one."""
    return json.dumps({"type": "assistant", "n": number, "text": words or f"answer {number}"}).encode() + b"\n"


def kept(device: Device, session: str) -> list[int]:
    """How long what is kept of a session is, by number."""
    found = device.call("session.transcript", id=session)["transcripts"]
    assert isinstance(found, list)
    return [one["size"] for one in found]


def put_down(device: Device, session: str, folder: Path) -> list[bytes]:
    """The transcripts of a session, as a command puts them down here."""
    folder.mkdir()
    found = device.done("session", "transcript", session, "--into", folder)["transcripts"]
    assert isinstance(found, list)
    assert sorted(str(path) for path in folder.iterdir()) == sorted(one["path"] for one in found), "and nothing else"
    return [Path(one["path"]).read_bytes() for one in found]


def test_a_transcript_grows_on_the_other_device(fleet: Fleet, spawn: Spawn, tmp_path: Path) -> None:
    """Goal (story I): each turn reaches the other device, also through kills; no secret, no conflict, one file each."""
    mini, laptop = fleet.linked(2)
    approved(fleet, mini, laptop, spawn, "agents", "install", "claude")
    assert mini.done("session", "transcripts") == {"on": False}
    mini.done("session", "transcripts", "on")
    claude, path = Tool("claude", mini, repository(tmp_path / "work")), tmp_path / "6f1c.jsonl"
    path.write_bytes(b"")
    claude.tell("session_start", transcript_path=str(path))
    session = str(rows(mini, "session.list", "sessions")[0]["document"])
    wanted = b""
    for turn in range(TURNS):
        wanted += said(turn, "x" * 50_000)
        path.write_bytes(wanted + b'{"type":')
        claude.tell("pre_compact", transcript_path=str(path))
        if turn % 2:  # it may have been kept by now, or not: then it is as soon as the agent starts
            mini.kill()
            mini.start()
        fleet.wait("it grew there", lambda: kept(laptop, session) == [len(wanted)])  # noqa: B023 - it waits here
    path.write_bytes(wanted + said(TURNS, f"export GH={TOKEN}"))
    claude.tell("session_end", transcript_path=str(path))
    fleet.wait("its end is there", lambda: kept(laptop, session) > [len(wanted)])
    path.write_bytes(said(0, "written anew"))
    claude.tell("session_end", transcript_path=str(path))
    fleet.wait("the second is there", lambda: len(kept(laptop, session)) == 2)
    first, second = put_down(laptop, session, tmp_path / "out")
    assert first.startswith(wanted)
    assert first.count(b"\n") == TURNS + 1
    assert TOKEN.encode() not in first
    assert second == said(0, "written anew")
    fleet.converged()
    for device in (mini, laptop):
        assert put_down(device, session, tmp_path / device.name) == [first, second]
        assert device.done("conflicts")["conflicts"] == []
        assert device.call("drop.list")["drops"] == []
