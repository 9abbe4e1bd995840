"""The agent's log as people read it, followed through its rotation."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from mesh.cli import crash, logs
from mesh.cli.screen import Screen
from mesh.node.paths import log_path
from tests.unit.cli.conftest import Ended
from tests.unit.cli.samples import ESCAPE


def line(what: str, **fields: object) -> str:
    """A line as the agent writes it."""
    return json.dumps({"time": "2026-01-02T03:04:05Z", "what": what, **fields}) + "\n"


@pytest.fixture
def log(home: Path) -> Path:
    """The log of this home, empty."""
    path = log_path(home)
    path.parent.mkdir(parents=True)
    path.touch()
    return path


def test_lines_for_people_and_for_scripts(log: Path, mesh: Callable[..., Ended]) -> None:
    """A line of text each, or an object each; foreign texts are safe in both."""
    log.write_text(line("agent.start", pid=7, device="laptop") + line("part.failed", error=ESCAPE) + "no json\n")
    code, out, err = mesh("logs")
    assert (code, err) == (0, "")
    first, second, third = out.splitlines()
    assert first == "2026-01-02T03:04:05Z  agent.start  pid=7  device=laptop"
    assert second.isprintable()
    assert third == "no json"
    code, out, _ = mesh("logs", "--json", "--lines", "2")
    assert [json.loads(text)["what"] for text in out.splitlines()] == ["part.failed", "no json"]


def test_no_log_yet(mesh: Callable[..., Ended]) -> None:
    """Before the first start there is nothing to show."""
    assert mesh("logs")[0] == 2


def test_the_last_lines_come_from_rotated_files_too(log: Path) -> None:
    """The oldest file has the highest number."""
    log.with_name(f"{log.name}.2").write_text("1\n2\n")
    log.with_name(f"{log.name}.1").write_text("3\n")
    log.write_text("4\n")
    assert logs.last_lines(log, 3) == ["2", "3", "4"]
    assert logs.last_lines(log, 50) == ["1", "2", "3", "4"]


def test_following_through_a_rotation(log: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Nothing is missed and nothing comes twice when the file is replaced while it is read."""
    steps: Iterator[Callable[[], object]] = iter(
        [
            lambda: append(log, "half"),
            lambda: append(log, " one\ntwo\n"),
            lambda: append(log, "three\n") or log.rename(log.with_name(f"{log.name}.1")),
            lambda: append(log, "four\n"),
            lambda: log.write_text("5\n"),
        ]
    )
    monkeypatch.setattr("mesh.cli.logs.time.sleep", lambda _: next(steps)())
    log.write_text("old\n")
    lines = logs.followed(log)
    assert [next(lines) for _ in range(5)] == ["half one", "two", "three", "four", "5"]


def append(path: Path, text: str) -> bool:
    """Write as a logger does."""
    with path.open("a") as file:
        file.write(text)
    return False


def test_a_log_that_is_not_there_yet(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Following may begin before the agent has ever run."""
    path = tmp_path / "agent.jsonl"
    monkeypatch.setattr("mesh.cli.logs.time.sleep", lambda _: append(path, "first\n"))
    assert next(logs.followed(path)) == "first"


def test_values_with_spaces_are_quoted() -> None:
    """So that a line can be read field by field."""
    assert logs.pretty(Screen(80), line("x", a="b c", d=[1, 2])).endswith('x  a="b c"  d=[1, 2]')


def test_traces_of_bugs_are_bounded(home: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The file of a command's own faults begins anew over its bound; the last trace is always in it."""
    monkeypatch.setattr(crash, "LOG_FILE_BYTES_MAX", 10_000)
    for number in range(100):
        place = Path(crash.kept([], f"trace {number}\n" + "x" * 1_000))
        assert place == home / "log" / "commands.log"
        assert place.stat().st_size <= 12_000
        assert f"trace {number}\n" in place.read_text()
    assert place.stat().st_mode & 0o077 == 0
