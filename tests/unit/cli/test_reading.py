"""What a command reads: all of it or nothing, and never more than its bound."""

from __future__ import annotations

import os
import time
from collections.abc import Callable
from pathlib import Path

import pytest

from mesh.cli import reading
from mesh.errors import Malformed, Misuse, TooLarge
from tests.unit.cli.conftest import Ended
from tests.unit.cli.fake_agent import FakeAgent, result
from tests.unit.cli.samples import SAID

Mesh = Callable[..., Ended]
Agent = Callable[..., FakeAgent]
Pipe = Callable[[bytes], None]


@pytest.mark.parametrize(
    ("argv", "raw", "title", "body"),
    [
        (["a title"], b"", "a title", ""),
        (["a title"], b"piped\n", "a title", "piped\n"),
        (["--title", "a title", "--body", "-"], b"piped", "a title", "piped"),
        (["a title", "--body", "given"], b"not read", "a title", "given"),
        ([], b"\n\n  first line \r\n\r\nsecond\nthird\n", "first line", "second\nthird\n"),
        ([], b"only a title", "only a title", ""),
        (["--body", "first\nrest"], b"not read", "first", "rest"),
        (["é日"], "\ufeffß🌱".encode(), "é日", "ß🌱"),
        (["--", "--json"], b"", "--json", ""),
        (["a", "--file", "-"], b"piped", "a", "piped"),
    ],
)
def test_where_title_and_body_come_from(
    argv: list[str], raw: bytes, title: str, body: str, agent: Agent, mesh: Mesh, piped: Pipe
) -> None:
    """An argument, an option, a file, a pipe: each to its place."""
    fake = agent({"note.add": result(**SAID)})
    piped(raw)
    code, _, err = mesh("note", "add", *argv)
    assert (code, err) == (0, "")
    assert fake.asked == [("note.add", {"title": title, "body": body, "tags": [], "path": ""})]


def test_a_file(agent: Agent, mesh: Mesh, tmp_path: Path) -> None:
    """The first line of a file is the title unless one is given."""
    fake = agent({"note.add": result(**SAID)})
    file = tmp_path / "minutes.md"
    file.write_text("Minutes\n\nAll there.\n")
    assert mesh("note", "add", "--file", str(file))[0] == 0
    assert mesh("note", "add", "--title", "Other", "--file", str(file))[0] == 0
    assert [(told["title"], told["body"]) for _, told in fake.asked] == [
        ("Minutes", "All there.\n"),
        ("Other", "Minutes\n\nAll there.\n"),
    ]


@pytest.mark.parametrize(
    ("argv", "raw", "code"),
    [
        ([], b"", 2),
        (["", "--body", "x"], b"", 2),
        (["a", "--title", "b"], b"", 2),
        (["a", "--body", "x", "--file", "y"], b"", 2),
        (["a", "--file", "/nowhere/at/all"], b"", 2),
        (["a", "--file", "/"], b"", 2),
        (["a", "--tag", " "], b"", 2),
        (["a"], b"\xff\xfe\x00", 3),
        (["t" * 5000], b"", 3),
        ([], b"t" * 5000, 3),
        (["bad \udcff"], b"", 2),
    ],
)
def test_bad_input_is_refused_before_the_agent_is_asked(
    argv: list[str], raw: bytes, code: int, agent: Agent, mesh: Mesh, piped: Pipe
) -> None:
    """One sentence, a hint, the right code, and nothing half written."""
    fake = agent({"note.add": result(**SAID)})
    piped(raw)
    ended, out, err = mesh("note", "add", *argv)
    assert (ended, out) == (code, "")
    assert err.startswith("error: ")
    assert "\nhint: " in err
    assert not fake.asked


def test_a_pipe_of_a_device_is_not_read(agent: Agent, mesh: Mesh) -> None:
    """With /dev/null or a terminal there is no body, and nobody waits."""
    fake = agent({"note.add": result(**SAID)})
    began = time.monotonic()
    assert mesh("note", "add", "t")[0] == 0
    assert time.monotonic() - began < 1
    assert fake.asked[0][1]["body"] == ""


def test_a_closed_standard_input_is_none(monkeypatch: pytest.MonkeyPatch) -> None:
    """A daemon may have none at all."""
    monkeypatch.setattr(reading, "STANDARD_INPUT", 999_999)
    assert reading.note_text(None, None) is None


def test_waiting_is_told(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    """Whoever started a command that waits for input learns that it does."""
    reader, writer = os.pipe()
    monkeypatch.setattr(reading, "STANDARD_INPUT", reader)
    monkeypatch.setattr(reading, "QUIET_S", 0.01)
    monkeypatch.setattr(reading, "_bounded", lambda *_: b"")
    reading.from_input(10, "a note's text")
    os.close(writer)
    os.close(reader)
    assert "reading a note's text from standard input" in capsys.readouterr().err


def test_bounds(tmp_path: Path) -> None:
    """As many bytes as the bound are taken, one more is not."""
    file = tmp_path / "f"
    file.write_bytes(b"x" * 100)
    assert reading.from_file(str(file), 100, "it") == b"x" * 100
    with pytest.raises(TooLarge):
        reading.from_file(str(file), 99, "it")


def test_carried_texts(piped: Pipe) -> None:
    """A request or an admission from an argument or from a pipe, never an empty one."""
    assert reading.carried_text("abc", 10, "request") == "abc"
    piped(b"  abc \n")
    assert reading.carried_text("-", 10, "request") == "abc"
    piped(b" \n")
    with pytest.raises(Misuse):
        reading.carried_text("-", 10, "request")
    piped(b"\xff")
    with pytest.raises(Malformed):
        reading.carried_text("-", 10, "request")
