"""The front: quick, of the standard library only, and each fault has its exit code."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path

import pytest

from mesh.cli import front, plain
from mesh.limits import BODY_PLAIN_BYTES_MAX, MIB
from tests.conftest import Spawn
from tests.unit.cli import samples
from tests.unit.cli.conftest import Ended
from tests.unit.cli.fake_agent import FakeAgent, error, result

COMMAND = [sys.executable, "-X", "utf8", "-m", "mesh.cli.front"]
ROOT = Path(front.__file__).resolve().parent.parent.parent
# Of the standard library too, only what a frequent command needs: each of these costs it milliseconds.
SLOW = {"argparse", "asyncio", "dataclasses", "inspect", "logging", "socket", "sqlite3", "ssl", "subprocess", "typing"}


@pytest.mark.parametrize(
    "argv",
    [["status"], ["note", "add", "x", "--json"], ["note", "list"], ["note", "show", "x"], ["log"], ["--version"]],
    ids=" ".join,
)
def test_the_plain_way_imports_no_library(argv: list[str], agent: Callable[..., FakeAgent]) -> None:
    """With an agent that answers, a frequent command imports the standard library and a few modules of ours."""
    agent(
        {
            "note.add": result(**samples.SAID),
            "note.list": result(notes=[samples.LINE]),
            "note.show": result(**samples.LINE, body="plain"),
            "status": result(**{**samples.STATUS, "peers": [samples.PEER], "problems": []}),
            "log": result(events=[samples.EVENT_LINE]),
        }
    )
    argv = [sys.executable, "-X", "utf8", "-X", "importtime", "-c", "from mesh.cli.front import main; main()", *argv]
    done = subprocess.run(argv, cwd=ROOT, capture_output=True, text=True, check=True, stdin=subprocess.DEVNULL)
    lines = [line for line in done.stderr.splitlines() if line.startswith("import time:")]
    names = {line.rpartition("|")[2].strip() for line in lines}
    tops = {name.partition(".")[0] for name in names if name.partition(".")[0]}
    # what an interpreter imports by itself: an environment made by pip brings setuptools' hook with it
    foreign = tops - set(sys.stdlib_module_names) - {"mesh", "imported package", "sitecustomize", "_distutils_hack"}
    assert not foreign
    assert not names & SLOW
    assert not {name for name in names if name.startswith("mesh.")} & {"mesh.names", "mesh.events", "mesh.cli.app"}


@pytest.mark.parametrize(
    ("kind", "family", "code"),
    [
        ("Misuse", "Misuse", 2),
        ("TooLarge", "Refused", 3),
        ("Stranger", "Refused", 3),
        ("Damaged", "Damaged", 4),
        ("DiskFull", "Unreachable", 5),
        ("NewerThanUs", "Refused", 3),
        ("KeyError", "Bug", 1),
    ],
)
def test_a_fault_ends_with_its_code(
    kind: str, family: str, code: int, agent: Callable[..., FakeAgent], mesh: Callable[..., Ended]
) -> None:
    """People get a sentence and a hint on standard error, scripts an object on standard output; both the code."""
    agent({"status": error(kind, family, code, f"it failed {samples.ESCAPE}")})
    ended, out, err = mesh("status")
    assert (ended, out) == (code, "")
    assert err.startswith("error: it failed \\u001b[31mred")
    assert "\nhint: do otherwise\n" in err
    ended, out, _ = mesh("status", "--json")
    told = json.loads(out)["error"]
    assert ended == code
    assert (told["family"], told["exit"], told["hint"]) == (family, code, "do otherwise")
    assert set(told) == {"family", "class", "message", "hint", "exit"}


@pytest.mark.parametrize("argv", [["nope"], ["note", "list", "--nope"], ["note", "list", "--limit", "x"], ["admit"]])
def test_misuse_is_one_object_too(argv: list[str], mesh: Callable[..., Ended]) -> None:
    """What the command tree does not understand is reported like every other fault."""
    code, out, err = mesh(*argv)
    assert (code, out) == (2, "")
    assert err.count("\n") == 2
    code, out, _ = mesh(*argv, "--json")
    assert code == 2
    assert json.loads(out)["error"]["family"] == "Misuse"


def test_a_bug_is_one_clear_line(home: Path, mesh: Callable[..., Ended], monkeypatch: pytest.MonkeyPatch) -> None:
    """The trace goes into a file that only its user reads, without the words that were typed."""

    def broken(_: list[str]) -> None:
        message = "a slip"
        raise ZeroDivisionError(message)

    monkeypatch.setattr(plain, "understood", broken)
    code, out, err = mesh("note", "add", "my secret", "--json")
    assert code == 1
    assert json.loads(out)["error"]["family"] == "Bug"
    assert "Traceback" not in err
    kept = home / "log" / "commands.log"
    assert str(kept) in err
    assert "a slip" in kept.read_text()
    assert "my secret" not in kept.read_text()
    assert kept.stat().st_mode & 0o777 == 0o600


def test_an_interrupt_ends_with_130(agent: Callable[..., FakeAgent], spawn: Spawn) -> None:
    """Ctrl-C while the agent thinks: the code of shells, and one object for scripts."""

    def slow(_: object) -> list[object]:
        time.sleep(5)
        return []

    fake = agent({"status": slow})
    heeding = (
        "import os, signal, sys; signal.signal(signal.SIGINT, signal.SIG_DFL); os.execv(sys.argv[1], sys.argv[1:])"
    )
    command = [sys.executable, "-c", heeding, *COMMAND, "status", "--json"]  # a job in the background ignores Ctrl-C
    process = spawn(command, cwd=ROOT, stdout=subprocess.PIPE, stderr=subprocess.PIPE)
    until = time.monotonic() + 10
    while not fake.asked and time.monotonic() < until:
        time.sleep(0.01)
    process.send_signal(signal.SIGINT)
    out, err = process.communicate(timeout=10)
    assert process.returncode == 130
    assert json.loads(out)["error"]["exit"] == 130
    assert b"Traceback" not in err


def test_a_reader_that_has_seen_enough(agent: Callable[..., FakeAgent]) -> None:
    """`mesh log | head -1` complains about nothing."""
    agent({"log": result(events=[samples.EVENT_LINE] * 5000)})
    command = " ".join([*COMMAND, "log", "--limit", "5000", "|", "head", "-1"])
    done = subprocess.run(["sh", "-c", command], cwd=ROOT, capture_output=True, text=True, check=False)
    assert done.stdout.startswith("TIME")
    assert done.stderr == ""


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="only Linux has a disk that is always full")
def test_a_full_disk_under_the_output(agent: Callable[..., FakeAgent]) -> None:
    """A result that cannot be written is told, with the code of the world's faults."""
    agent({"log": result(events=[samples.EVENT_LINE])})
    with Path("/dev/full").open("w") as full:
        done = subprocess.run([*COMMAND, "log"], cwd=ROOT, stdout=full, stderr=subprocess.PIPE, text=True, check=False)
    assert done.returncode == 5
    assert done.stderr.startswith("error: the result could not be written")
    assert "Traceback" not in done.stderr


def test_no_agent_and_no_mesh(mesh: Callable[..., Ended]) -> None:
    """Before joining, every command says what to do."""
    code, _, err = mesh("status")
    assert code == 2
    assert "mesh join --new" in err


def test_a_hundred_megabytes_are_refused_unread(agent: Callable[..., FakeAgent]) -> None:
    """The text of a note is read to its limit and no further, and the agent is not asked at all."""
    fake = agent({"note.add": result(**samples.SAID)})
    process = subprocess.Popen(
        [*COMMAND, "note", "add", "big", "--json"], cwd=ROOT, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=False
    )
    assert process.stdin is not None
    sent = 0
    try:
        for _ in range(100):
            sent += process.stdin.write(b"x" * MIB)
    except BrokenPipeError:
        pass
    out, _ = process.communicate() if process.stdin.closed else _outcome(process)
    assert process.returncode == 3
    assert json.loads(out)["error"]["class"] == "TooLarge"
    assert sent < 4 * MIB
    assert not fake.asked


def _outcome(process: subprocess.Popen[bytes]) -> tuple[bytes, bytes]:
    assert process.stdin is not None
    assert process.stdout is not None
    with suppress(BrokenPipeError):
        process.stdin.close()
    out = process.stdout.read()
    process.wait()
    process.stdout.close()
    return out, b""


def test_the_environment_names_the_home(
    tmp_home: Path, agent: Callable[..., FakeAgent], mesh: Callable[..., Ended]
) -> None:
    """--home counts before MESH_HOME."""
    agent({"status": result(**samples.STATUS)})
    assert mesh("status")[0] == 0
    assert mesh("status", "--home", str(tmp_home / "other"))[0] == 2
    assert os.environ["MESH_HOME"].startswith(str(tmp_home))


def test_the_limit_of_a_note_is_that_of_an_event(agent: Callable[..., FakeAgent], mesh: Callable[..., Ended]) -> None:
    """Exactly as much as fits is taken, one byte more is not."""
    fake = agent({"note.add": result(**samples.SAID)})
    assert mesh("note", "add", "t", "--body", "x" * BODY_PLAIN_BYTES_MAX)[0] == 0
    assert mesh("note", "add", "t", "--body", "x" * (BODY_PLAIN_BYTES_MAX + 1))[0] == 3
    assert len(fake.asked) == 1
