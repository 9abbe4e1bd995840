"""Hooks as tools call them: the installed command line, JSON on its standard input, real agents, and kills."""

from __future__ import annotations

import json
import os
import random
import shlex
import subprocess
import sys
import time
from collections.abc import Sequence
from pathlib import Path

import pytest

from mesh.node.paths import spool_path
from mesh.node.socket_client import Told
from tests.conftest import Spawn
from tests.system.harness import Device, Fleet, wait
from tests.system.sizes import sized
from tests.system.test_trust import approved
from tests.unit.node.hooks.sent import sent

pytestmark = pytest.mark.system

ROUNDS, BURST = sized(3, 6), 8
_SETTINGS = {"claude": ".claude/settings.json", "gemini": ".gemini/settings.json"}
_HOOK_S = 60


class Tool:
    """An agent tool that was set up, on one device, working in one folder."""

    def __init__(self, name: str, device: Device, cwd: Path) -> None:
        self.name, self.device, self.cwd = name, device, cwd
        told = json.loads((Path(os.environ["HOME"]) / _SETTINGS[name]).read_bytes())
        hooks: dict[str, list[dict[str, list[dict[str, object]]]]] = told["hooks"]
        self.commands = {event: str(entries[0]["hooks"][0]["command"]) for event, entries in hooks.items()}

    def begin(self, case: str, **other: object) -> subprocess.Popen[bytes]:
        """Call the hook for one case, as the tool does, without waiting for it."""
        body = sent(self.name, case, cwd=str(self.cwd), **other)
        words = ["sh", "-c", f"exec {self.commands[str(body['hook_event_name'])]}"]
        hook = subprocess.Popen(words, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.PIPE)
        assert hook.stdin is not None
        hook.stdin.write(json.dumps(body).encode())
        hook.stdin.close()
        hook.stdin = None
        return hook

    def tell(self, case: str, **other: object) -> Told:
        """Call the hook for one case; what it printed."""
        return answer(self.begin(case, **other))


def answer(hook: subprocess.Popen[bytes]) -> Told:
    """What a hook printed; it ended with 0."""
    out, err = hook.communicate(timeout=_HOOK_S)
    assert hook.returncode == 0, err
    told = json.loads(out or b"{}")
    assert isinstance(told, dict)
    return told


def context(told: Told) -> str:
    """What the agent is told beside what it knows."""
    specific = told.get("hookSpecificOutput")
    return str(specific["additionalContext"]) if isinstance(specific, dict) else ""


def rows(device: Device, call: str, key: str, **more: object) -> list[Told]:
    """The rows of a list."""
    found = device.call(call, **more)[key]
    assert isinstance(found, list)
    return found


def repository(folder: Path, of: Path | None = None) -> Path:
    """A repository, or a clone of one."""
    who = ("-c", "user.name=Ada", "-c", "user.email=ada@example.test")
    if of is not None:
        subprocess.run(["git", "clone", "-q", str(of), str(folder)], check=True, capture_output=True)
        return folder
    folder.mkdir()
    (folder / "importer.py").write_text("done = 0\n")
    for words in (("init", "-q"), ("add", "."), ("commit", "-q", "-m", "first")):
        subprocess.run(["git", *who, *words], cwd=folder, check=True, capture_output=True)
    return folder


def evidence(home: Path) -> list[str]:
    """The commands that the agent has evidence of, in the order in which they came."""
    lines = [line for path in (home / "evidence").glob("*.jsonl") for line in path.read_bytes().splitlines()]
    return [json.loads(line)["command"] for line in lines]


def test_a_rate_limit_ends_one_session_and_another_goes_on(fleet: Fleet, spawn: Spawn, tmp_path: Path) -> None:
    """Goal (story B): Claude reaches its limit, Gemini on another device goes on, and its receipt comes back.

    It is told, picks it up with its files, and what its own hooks saw verifies what it claims.
    """
    mini, laptop = fleet.linked(2)
    there = repository(tmp_path / "mini")
    here = repository(tmp_path / "laptop", there)
    approved(fleet, mini, laptop, spawn, "agents", "install", "claude")
    approved(fleet, laptop, mini, spawn, "agents", "install", "gemini")
    claude, gemini = Tool("claude", mini, there), Tool("gemini", laptop, here)

    claude.tell("session_start")
    claude.tell("user_prompt", prompt="Make the importer resume after a cut")
    (there / "importer.py").write_text("done = 1\n")
    claude.tell("edit", tool_input={"file_path": str(there / "importer.py")})
    claude.tell("bash_failed", tool_input={"command": "pytest -q"})
    claude.tell("rate_limit")
    fleet.converged()

    brief = context(gemini.tell("session_start"))
    assert "Make the importer resume after a cut" in brief
    (session,) = [one for one in rows(laptop, "session.list", "sessions") if one["tool"] == "gemini"]
    picked = laptop.call("pickup", cwd=str(here), session=session["document"], **{"as": "gemini"})
    handoff = picked["handoff"]
    assert isinstance(handoff, dict)
    assert handoff["reason"] == "rate_limit"
    assert "`pytest -q` ended with 2" in handoff["context"]
    (remaining,) = handoff["remaining"]
    assert any(str(one["path"]).endswith("importer.py") for one in handoff["files"])
    assert "its transcript is on alder" in str(picked["resume"])

    gemini.tell("write_file", tool_input={"file_path": str(here / "importer.py")})
    gemini.tell("shell", tool_input={"command": "pytest -q"})
    asked = gemini.tell("after_agent")
    assert asked["decision"] == "deny"
    filed = laptop.call(
        "receipt.new",
        summary="The importer resumes",
        claims=[{"text": "tests pass", "evidence": "pytest -q"}],
        session=session["document"],
        cwd=str(here),
        task=remaining["document"],
        **{"as": "gemini"},
    )
    assert [claim["status"] for claim in filed["claims"]] == ["verified"]  # type: ignore[attr-defined]
    assert gemini.tell("after_agent") == {}
    gemini.tell("session_end")
    fleet.converged()
    (receipt,) = [one for one in rows(mini, "receipt.list", "receipts") if one["state"] == "filed"]
    assert (receipt["summary"], receipt["agent"], receipt["device_name"]) == ("The importer resumes", "gemini", "birch")
    assert [one["state"] for one in rows(mini, "handoff.list", "handoffs", all=True)] == ["completed"]


def test_hooks_of_an_agent_that_is_killed(fleet: Fleet) -> None:
    """Goal (story G): kill -9 of the agent again and again while hooks tell of commands and of limits.

    Every command is evidence once, every limit left one hand-off, and nothing is left in the spool.
    """
    (device,) = fleet.joined(1)
    device.start()
    device.done("agents", "install", "claude")
    tool = Tool("claude", device, device.home)
    tool.tell("session_start")
    dice, commands, limits = random.Random(os.environ.get("MESH_SEED", "hooks")), [], 0
    for number in range(ROUNDS):
        hooks = []
        for shot in range(BURST):
            commands.append(f"pytest tests/test_{number}_{shot}.py")
            hooks.append(tool.begin("bash", tool_input={"command": commands[-1]}))
        hooks.append(tool.begin("rate_limit"))
        limits += 1
        kill_soon(device, dice)
        for hook in hooks:
            answer(hook)
        hooks = [tool.begin("rate_limit")]  # nobody is there
        limits += 1
        device.start()
        for hook in hooks:
            answer(hook)
    tool.tell("notification_idle")
    wait("the spool is empty", lambda: not left(device), (device,), _HOOK_S * 2)
    wait("every command is evidence", lambda: len(evidence(device.home)) >= len(commands), (device,))
    assert sorted(evidence(device.home)) == sorted(commands)
    assert len(rows(device, "handoff.list", "handoffs", all=True, limit=100)) == limits
    assert len(rows(device, "session.list", "sessions", all=True)) == 1
    assert not device.mesh("verify").code


def kill_soon(device: Device, dice: random.Random) -> None:
    """Kill the agent somewhere in the middle of what it is told."""
    time.sleep(dice.uniform(0, 0.4))  # where it hits is the point of it
    device.kill()


def left(device: Device) -> Sequence[str]:
    """What still waits: in the spool, or in children of hooks that still write it. The agent is told to look."""
    device.call("hook", tool="claude", id=os.urandom(8).hex(), at_ms=1, body=sent("claude", "notification_idle"))
    folder = spool_path(device.home)
    return [path.name for path in folder.iterdir()] if folder.is_dir() else []


def test_a_permission_is_answered_on_another_device(fleet: Fleet, spawn: Spawn) -> None:
    """Goal: the tool waits for a permission, which a person gives by a command on another device."""
    mini, laptop = fleet.linked(2)
    approved(fleet, mini, laptop, spawn, "agents", "install", "claude", "--permission-wait", "120")
    tool = Tool("claude", mini, mini.home)
    waiting = tool.begin("permission")
    asked = wait("the question arrives", lambda: rows(laptop, "ask.list", "asks"), (mini, laptop))
    laptop.call("ask.answer", id=asked[0]["document"], option="allow")
    decision = answer(waiting)["hookSpecificOutput"]
    assert decision == {"hookEventName": "PermissionRequest", "decision": {"behavior": "allow"}}


def test_settings_come_back(fleet: Fleet) -> None:
    """Goal: by the real commands, what a tool's settings were is what they are in the end, byte for byte."""
    (device,) = fleet.joined(1)
    path = Path(os.environ["HOME"]) / _SETTINGS["claude"]
    path.parent.mkdir()
    path.write_bytes(b'{\t"model": "opus" }')
    shown = device.mesh("agents", "install", "claude", "--dry-run")
    assert shown.code == 0
    assert path.read_bytes() == b'{\t"model": "opus" }'
    device.done("agents", "install", "claude")
    command = json.loads(path.read_bytes())["hooks"]["Stop"][0]["hooks"][0]["command"]
    assert Path(shlex.split(command)[0]).is_file()
    device.done("agents", "remove", "claude")
    assert path.read_bytes() == b'{\t"model": "opus" }'
    assert rows(device.start(), "agents.list", "agents") == []


def test_the_command_is_there_beside_mesh() -> None:
    """Goal: `mesh-hook` is in the environment that `scripts/mesh` makes, and nonsense never stops a tool."""
    found = Path(sys.executable).with_name("mesh-hook")
    done = subprocess.run([found, "claude"], input=b"nonsense", capture_output=True, check=True, timeout=_HOOK_S)
    assert done.stdout == b""
