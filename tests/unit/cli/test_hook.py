"""`mesh-hook` as the process that it is: what it passes on, what it leaves in the spool, and that it stops no tool.

The agents here only answer as a table says; what becomes of an event is tested with real ones, in tests/system.
"""

from __future__ import annotations

import json
import os
import socket
import stat
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

import pytest

from mesh.cli import hook
from mesh.limits import HOOK_KEPT_BYTES_MAX, HOOK_TEXT_CHARACTERS_MAX, SPOOL_FILES_MAX
from mesh.node.paths import socket_path, spool_path
from tests.unit.cli.fake_agent import FakeAgent, Lines, error, result

Agent = Callable[..., FakeAgent]
STOP = {"hook_event_name": "Stop", "session_id": "s1", "cwd": "/project", "stop_hook_active": False}


def run(*words: str, given: object = STOP, **env: str) -> tuple[str, str]:
    """Both streams of one hook, which ended with 0 as every one does."""
    raw = given if isinstance(given, bytes) else json.dumps(given, indent=2).encode()
    argv = [sys.executable, "-m", "mesh.cli.hook", *words]
    done = subprocess.run(argv, input=raw, capture_output=True, check=False, timeout=60, env={**os.environ, **env})
    assert done.returncode == 0, done
    return done.stdout.decode(), done.stderr.decode()


def spooled(home: Path, count: int) -> list[dict[str, object]]:
    """What waits for an agent, in order, as soon as so much does."""
    until = time.monotonic() + 30
    while len(found := sorted(spool_path(home).glob("*.json"))) < count:
        assert time.monotonic() < until, found
        time.sleep(0.01)
    return [json.loads(path.read_bytes()) for path in found]


def test_the_agent_is_told_and_its_answer_printed(home: Path, agent: Agent) -> None:
    """All of the event goes on, with who says it, a random id and the time; only the answer's JSON is printed."""
    output = {"hookSpecificOutput": {"hookEventName": "Stop", "additionalContext": "grüße"}}
    fake = agent({"hook": result(output=output)})
    out, err = run("claude")
    assert (json.loads(out), err) == (output, "")
    run("claude", MESH_AGENT="scribe")
    (call, told), (_, again) = fake.asked
    assert call == "hook"
    assert told["body"] == STOP
    assert (told["tool"], told["as"], again["as"]) == ("claude", "claude", "scribe")
    assert len(str(told["id"])) == 16
    assert told["id"] != again["id"]
    assert isinstance(told["at_ms"], int)
    assert fake.versions == {1}
    assert not spool_path(home).exists()


def test_no_answer_prints_nothing(agent: Agent) -> None:
    """An empty answer is no output at all: the tools read an empty object as one."""
    agent({"hook": result()})
    assert run("gemini") == ("", "")


def test_what_a_refusal_says_goes_to_standard_error(home: Path, agent: Agent) -> None:
    """It is no reason to stop the tool, and it will be refused again: it is not kept."""
    agent({"hook": error("NotGranted", "Refused", 3, "no grant lets claude do that", "give it one")})
    assert run("claude") == ("", "mesh-hook: no grant lets claude do that give it one\n")
    assert not spool_path(home).exists()


@pytest.mark.parametrize("answers", [{"hook": error("DiskFull", "Unreachable", 5)}, {"hook": ()}, {}])
def test_an_agent_that_cannot_take_it_gets_it_later(home: Path, agent: Agent, answers: dict[str, object]) -> None:
    """Full, or gone before it answered: what happened is in the spool, under the id that the agent has seen."""
    fake = agent(answers)
    out, _ = run("claude")
    assert out == ""
    (kept,) = spooled(home, 1)
    assert kept["id"] == fake.asked[0][1]["id"]
    assert kept["body"] == STOP


def test_without_an_agent_it_is_spooled_in_order_without_secrets(home: Path) -> None:
    """One file an event, for this user only; the secrets of the event are in none of them."""
    secret = "ghp_" + "aB3dE5gH7jK9" * 3
    given = {"hook_event_name": "PostToolUse", "tool_input": {"command": f"curl -H 'Authorization: token {secret}'"}}
    assert run("claude", given=given) == ("", "")
    run("gemini")
    first, second = spooled(home, 2)
    assert secret not in json.dumps(first)
    assert "[redacted:" in json.dumps(first)
    assert (first["tool"], second["tool"], second["as"]) == ("claude", "gemini", "gemini")
    assert stat.S_IMODE(spool_path(home).stat().st_mode) == 0o700
    for path in spool_path(home).iterdir():
        assert stat.S_IMODE(path.stat().st_mode) == 0o600
        assert path.suffix == ".json", "no draft is left"


def test_an_agent_that_does_not_answer_is_not_waited_for(
    home: Path, monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]
) -> None:
    """The tool stands still meanwhile: after a while it is spooled."""
    monkeypatch.setattr(hook, "HOOK_ANSWER_S", 0.2)
    with socket.socket(socket.AF_UNIX) as deaf:
        deaf.bind(str(socket_path(home)))
        deaf.listen()
        out, left = hook.passed_on(["claude"], json.dumps(STOP).encode())
    assert out == b""
    assert left is not None
    left()
    assert len(spooled(home, 1)) == 1
    assert capfd.readouterr() == ("", "")


def test_only_a_permission_waits_for_a_person(home: Path, agent: Agent, monkeypatch: pytest.MonkeyPatch) -> None:
    """As long as the settings say; anything else that takes as long is spooled."""
    monkeypatch.setattr(hook, "HOOK_ANSWER_S", 0.2)

    def slowly(_told: object) -> Lines:
        time.sleep(1)
        return result(output={"late": True})

    fake = agent({"hook": slowly})
    asked = b'{"hook_event_name":"PermissionRequest"}'
    assert hook.passed_on(["claude", "--wait", "60"], asked) == (b'{"late": true}\n', None)
    assert fake.asked[0][1]["wait_s"] == 60
    out, left = hook.passed_on(["claude", "--wait", "60"], json.dumps(STOP).encode())
    assert out == b""
    assert left is not None
    assert spool_path(home).is_dir()


@pytest.mark.parametrize(
    ("words", "given", "said"),
    [
        ((), b"{}", "takes the name of a tool"),
        (("vim",), b"{}", "'vim'"),
        (("claude", "--wait", "soon"), b"{}", "invalid literal"),
        (("claude",), b"", "no JSON object"),
        (("claude",), b"[1]", "no JSON object"),
        (("claude", "--home", "/nowhere/at/all"), b"{}", "no mesh in"),
    ],
)
def test_what_makes_no_sense_stops_no_tool(home: Path, words: tuple[str, ...], given: bytes, said: str) -> None:
    """One line on standard error, nothing else, and nothing is kept."""
    out, err = run(*words, given=given)
    assert out == ""
    assert said in err
    assert len(err.splitlines()) == 1
    assert not spool_path(home).exists() or not list(spool_path(home).iterdir())


@pytest.mark.parametrize("given", [b'{"a": ', b'{"a": "\xff"}', b"{" * 100_000])
def test_what_is_no_json_is_not_kept(home: Path, given: bytes) -> None:
    """It is found out when the tool has gone on already."""
    run("claude", given=given)
    run("claude")
    (kept,) = spooled(home, 1)
    assert kept["body"] == STOP


def test_a_whole_file_is_cut(home: Path, agent: Agent) -> None:
    """What a tool wrote may be megabytes; what it is about goes on, and fits into a call."""
    given = {
        "hook_event_name": "PostToolUse",
        "tool_input": {"file_path": "/project/big.txt", "content": "\n\u2028ß" * 500_000},
        "many": [{"deep": ["x" * 3000] * 20}] * 100,
    }
    fake = agent({"hook": result()})
    run("claude", given=given)
    body = fake.asked[0][1]["body"]
    assert isinstance(body, dict)
    assert body["hook_event_name"] == "PostToolUse"
    assert len(json.dumps(body)) <= HOOK_KEPT_BYTES_MAX
    small = {"tool_input": {"file_path": "/project/big.txt", "content": "y" * 200_000 + "z"}}
    run("claude", given=small)
    cut = fake.asked[1][1]["body"]
    half = HOOK_TEXT_CHARACTERS_MAX // 2
    content = "y" * half + "…" + "y" * (half - 1) + "z"
    assert cut == {"tool_input": {"file_path": "/project/big.txt", "content": content}}, "head and end of it"
    assert home.is_dir()


def test_a_full_spool_says_so(home: Path) -> None:
    """It is bounded: what was kept first stays, and the person is told what to do."""
    folder = spool_path(home)
    folder.mkdir()
    for number in range(SPOOL_FILES_MAX):
        (folder / f"{number:015d}-a.json").touch()
    out, err = run("claude")
    assert out == ""
    assert "mesh up" in err
    assert len(list(folder.iterdir())) == SPOOL_FILES_MAX


def test_it_reads_no_json_while_an_agent_runs(agent: Agent) -> None:
    """The budget of a hook is spent on Python itself: nothing is imported that is not needed."""
    agent({"hook": (b'{"result":{}}\n',)})
    code = (
        "import sys; from mesh.cli import hook; "
        "assert hook.passed_on(['claude'], b'{}') == (b'', None); "
        "print(*sorted({'json', 're', 'pathlib', 'typing', 'hashlib', 'asyncio', 'subprocess'} & set(sys.modules)))"
    )
    argv = [sys.executable, "-I", "-S", "-c", f"import sys; sys.path.insert(0, {str(Path.cwd())!r}); {code}"]
    done = subprocess.run(argv, capture_output=True, check=True, timeout=60)
    assert done.stdout.split() == []


def test_help() -> None:
    """For the person who looks."""
    out, _ = run("--help", given=b"")
    assert out.startswith("mesh-hook TOOL")
