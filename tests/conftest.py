"""What every test may rely on: a home of its own, processes that end with it, and a CI in which nothing is skipped.

It never ends a process that it did not start.
"""

import asyncio
import os
import shutil
import signal
import subprocess
import sys
import tempfile
import time
import uuid
from collections.abc import Callable, Generator, Iterator, Sequence
from contextlib import suppress
from pathlib import Path
from typing import TextIO

import pytest
from hypothesis import HealthCheck, settings

IN_CI = os.environ.get("CI") == "true"
GRACE_S = 3.0
HANGS_S = 840
# Children inherit the environment, so whoever carries this value was started by this very session.
MARK = "MESH_TEST_SESSION"
BEACON = "MESH_BEACON"
MARK_VALUE = uuid.uuid4().hex

# A busy machine is no reason to fail, and a failure seen in CI must be the same at the desk.
settings.register_profile("desk", deadline=None, suppress_health_check=[HealthCheck.too_slow])
settings.register_profile("ci", settings.get_profile("desk"), derandomize=True, print_blob=True)
settings.load_profile("ci" if IN_CI else "desk")

_skipped: list[tuple[str, str]] = []
_leftovers: list[str] = []
_terminal: list[TextIO] = []


# ---------------------------------------------------------------- nothing is skipped in CI


def _reason(longrepr: object) -> str:
    return str(longrepr[2]) if isinstance(longrepr, tuple) else str(longrepr)


def pytest_runtest_logreport(report: pytest.TestReport) -> None:
    """Remember each skipped test (an expected failure is no skip)."""
    if report.skipped and not hasattr(report, "wasxfail"):
        _skipped.append((report.nodeid, _reason(report.longrepr)))


def pytest_collectreport(report: pytest.CollectReport) -> None:
    """Remember each file that skipped itself as a whole."""
    if report.skipped:
        _skipped.append((report.nodeid, _reason(report.longrepr)))


@pytest.hookimpl(tryfirst=True)
def pytest_sessionfinish(session: pytest.Session, exitstatus: int) -> None:
    """End what the tests left running; with CI=true turn a skip into a failure."""
    if not session.config.getoption("numprocesses", None):  # its workers carry the mark too, and end their own
        _leftovers.extend(_end_marked())
    if IN_CI and _skipped and exitstatus == pytest.ExitCode.OK:
        session.exitstatus = pytest.ExitCode.TESTS_FAILED


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter) -> None:
    """Say what was skipped in CI, and what was still running at the end."""
    if IN_CI and _skipped:
        terminalreporter.section("skipped, which CI does not accept", red=True)
        for nodeid, reason in _skipped:
            terminalreporter.line(f"{nodeid}: {reason}")
    if _leftovers:
        terminalreporter.section("left running by a test, ended now", yellow=True)
        for line in _leftovers:
            terminalreporter.line(line)


# ---------------------------------------------------------------- tests that hang


def _tell_tasks(_number: int, _frame: object) -> None:
    """What each task of the loop waits for: the stacks of threads alone do not say."""
    with suppress(RuntimeError):  # no loop runs
        for task in asyncio.all_tasks():
            task.print_stack(file=_terminal[0])


@pytest.hookimpl(wrapper=True)
def pytest_runtest_protocol() -> Generator[None, object, object]:
    """Have a test that hangs say what it waits for, before its time is over (`faulthandler_timeout`)."""
    signal.signal(signal.SIGALRM, _tell_tasks)
    signal.alarm(HANGS_S)
    try:
        return (yield)
    finally:
        signal.alarm(0)


# ---------------------------------------------------------------- processes


def pytest_configure() -> None:
    """Mark the environment before anything can be started, and let no test announce anything unless it means to."""
    os.environ[MARK] = MARK_VALUE
    os.environ[BEACON] = "off"
    _terminal[:] = [os.fdopen(os.dup(2), "w", buffering=1)]  # before what tests print is captured


def _marked() -> list[int]:
    """Processes that inherited the mark; found on Linux only, elsewhere the `spawn` fixture has to do."""
    needle = f"{MARK}={MARK_VALUE}".encode()
    found = []
    for entry in Path("/proc").glob("[0-9]*"):
        try:
            held = needle in (entry / "environ").read_bytes().split(b"\0")
        except OSError:
            continue
        if held and int(entry.name) != os.getpid():
            found.append(int(entry.name))
    return found


def _command(pid: int) -> str:
    try:
        return Path(f"/proc/{pid}/cmdline").read_bytes().replace(b"\0", b" ").decode(errors="replace").strip()
    except OSError:
        return "?"


def _signal(pid: int, number: signal.Signals) -> None:
    try:
        os.kill(pid, number)
    except ProcessLookupError:
        return


def _end_marked() -> list[str]:
    lines = [f"{pid} {_command(pid)}" for pid in _marked()]
    for number in (signal.SIGTERM, signal.SIGKILL):
        for pid in _marked():
            _signal(pid, number)
        until = time.monotonic() + GRACE_S
        while _marked() and time.monotonic() < until:
            time.sleep(0.05)
    return lines


Spawn = Callable[..., subprocess.Popen[bytes]]


@pytest.fixture
def spawn() -> Iterator[Spawn]:
    """Start a process in a group of its own; the whole group ends with the test."""
    started: list[subprocess.Popen[bytes]] = []

    def start(argv: Sequence[str | Path], **options: object) -> subprocess.Popen[bytes]:
        process = subprocess.Popen([str(part) for part in argv], start_new_session=True, **options)  # type: ignore[call-overload]
        started.append(process)
        return process  # type: ignore[no-any-return]

    yield start
    for process in started:
        if process.poll() is None:
            os.killpg(process.pid, signal.SIGTERM)
            try:
                process.wait(GRACE_S)
            except subprocess.TimeoutExpired:
                os.killpg(process.pid, signal.SIGKILL)
                process.wait()
        for stream in (process.stdin, process.stdout, process.stderr):
            if stream is not None:
                stream.close()


# ---------------------------------------------------------------- a home


@pytest.fixture
def tmp_home(monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """A home folder of its own, for this process and its children.

    Not below pytest's `tmp_path`: a Unix socket in it must fit into 104 bytes.
    """
    short = "/tmp" if sys.platform == "darwin" else None  # noqa: S108  (the default there is 50 bytes long)
    home = Path(tempfile.mkdtemp(prefix="mesh-", dir=short))
    for name in [name for name in os.environ if name.startswith(("MESH_", "XDG_")) and name not in {MARK, BEACON}]:
        monkeypatch.delenv(name)
    monkeypatch.setenv("HOME", str(home))
    yield home
    shutil.rmtree(home, ignore_errors=True)
