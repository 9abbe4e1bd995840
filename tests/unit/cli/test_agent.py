"""Starting and ending the agent, as far as no true one is needed: answers, waiting, and what is told when it fails."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

import pytest

from mesh.cli import agent as commands
from mesh.cli import serving
from mesh.cli.run import Options, Run
from mesh.errors import Busy, Damaged, Misuse, Unreachable
from mesh.node.paths import socket_path
from tests.conftest import Spawn
from tests.unit.cli.conftest import Ended
from tests.unit.cli.fake_agent import FakeAgent, result

Mesh = Callable[..., Ended]
Agent = Callable[..., FakeAgent]


def test_up_when_it_runs(agent: Agent, mesh: Mesh) -> None:
    """Starting twice is fine, and says which one runs."""
    agent({"ping": result(version="0.1.0", pid=4242)})
    assert mesh("up") == (0, "agent was running, pid 4242\n", "")
    assert json.loads(mesh("up", "--json")[1]) == {"agent": {"pid": 4242, "version": "0.1.0", "started": False}}


def test_down_when_none_runs(mesh: Mesh) -> None:
    """Ending what does not run is fine."""
    assert mesh("down") == (0, "agent was not running\n", "")
    assert json.loads(mesh("down", "--json")[1]) == {"agent": {"pid": None, "running": False}}


def test_down_waits_for_the_end_of_the_process(agent: Agent, mesh: Mesh, spawn: Spawn) -> None:
    """It returns when the process is gone, even where nobody collects it."""
    process = spawn([sys.executable, "-c", "import time; time.sleep(60)"])
    killed: list[float] = []

    def down(_: object) -> list[object]:
        subprocess.Popen(["sh", "-c", f"sleep 0.3; kill {process.pid}"]).wait()
        killed.append(time.monotonic())
        return [{"result": {}}, b""]

    agent({"ping": result(version="0.1.0", pid=process.pid), "down": down})
    assert mesh("down") == (0, "agent ended\n", "")
    assert killed


def test_an_agent_that_does_not_end(agent: Agent, mesh: Mesh, spawn: Spawn, monkeypatch: pytest.MonkeyPatch) -> None:
    """After a while the person is told which process it is."""
    monkeypatch.setattr(commands, "ENDED_S", 0.1)
    process = spawn([sys.executable, "-c", "import time; time.sleep(60)"])
    agent({"ping": result(version="0.1.0", pid=process.pid), "down": [{"result": {}}, b""]})
    code, _, err = mesh("down")
    assert code == 5
    assert f"kill -9 {process.pid}" in err


def test_the_foreground_agent_beside_another(agent: Agent, mesh: Mesh) -> None:
    """Two agents in one home are refused before anything is opened."""
    agent({"ping": result(version="0.1.0", pid=1)})
    assert mesh("agent")[0] == Busy.exit_code


def test_up_without_a_mesh(mesh: Mesh, tmp_path: Path) -> None:
    """The child's own sentence reaches the person, and no home is made."""
    code, _, err = mesh("up", "--home", str(tmp_path / "none"))
    assert code == 2
    assert "mesh join" in err
    assert not (tmp_path / "none").exists()
    code, out, _ = mesh("up", "--json")
    assert code == 2
    assert json.loads(out)["error"]["class"] == "Misuse"


@pytest.mark.parametrize(
    ("text", "kind", "says"),
    [
        (
            '{"error": {"family": "Damaged", "class": "Damaged", "message": "a page", "hint": "h", "exit": 4}}',
            Damaged,
            "a page",
        ),
        ("{}\nTraceback\nKeyError: 1", Unreachable, "KeyError: 1"),
        ("", Unreachable, "it said nothing"),
        ("\x1b[31mred", Unreachable, "\\u001b[31mred"),
    ],
)
def test_why_it_did_not_start(text: str, kind: type[Exception], says: str, tmp_path: Path) -> None:
    """What the child said last, as the error it was."""
    file = tmp_path / "start.log"
    file.write_text(text)
    found = commands._failed(file, 1)  # noqa: SLF001 - the true way to it needs a broken agent
    assert type(found) is kind
    assert says in str(found)
    assert isinstance(commands._failed(tmp_path / "none", 1), Unreachable)  # noqa: SLF001


def test_a_process_that_ended_uncollected_does_not_live(spawn: Spawn) -> None:
    """A zombie has ended."""
    process = spawn([sys.executable, "-c", ""])
    until = time.monotonic() + 10
    while commands._lives(process.pid) and time.monotonic() < until:  # noqa: SLF001 - the point of the test
        time.sleep(0.01)
    assert process.returncode is None
    assert not commands._lives(process.pid)  # noqa: SLF001
    assert commands._lives(os.getpid())  # noqa: SLF001


def test_the_child_gets_what_we_got(home: Path) -> None:
    """Home and interfaces are handed on."""
    options = Options()
    options.interfaces = ["127.0.0.1", "::1"]
    words = commands._argv(Run(options))  # noqa: SLF001
    assert words[-6:] == [str(home), "--interface", "127.0.0.1", "--interface", "::1", "agent"]


def test_an_agent_that_ends_while_pinged(agent: Agent, home: Path) -> None:
    """An answer that never comes because it ended is no agent; one that is silent is."""
    agent({"ping": ()})
    assert serving.pinged(Run(Options())) is None
    assert socket_path(home).exists()
    assert Misuse.exit_code == 2
