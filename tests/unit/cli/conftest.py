"""What the tests of the command line share: a home, an agent that answers in it, and a way to run a command."""

from __future__ import annotations

import io
import os
import warnings
from collections.abc import Callable, Iterator, Mapping
from importlib import import_module
from pathlib import Path

import pytest

from mesh.cli import front, reading
from mesh.node.paths import socket_path
from tests.unit.cli.fake_agent import FakeAgent

Ended = tuple[int, str, str]
"""The exit code of a command, its standard output, and its standard error."""


with warnings.catch_warnings():
    # typer 0.20 re-exports names that click 8.5 calls deprecated; it does so once, when it is imported.
    warnings.simplefilter("ignore", DeprecationWarning)
    import_module("typer")


@pytest.fixture
def home(tmp_home: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A home folder that all commands of the test use; nothing comes in on standard input."""
    path = tmp_home / "mesh"
    path.mkdir()
    monkeypatch.setenv("MESH_HOME", str(path))
    monkeypatch.setenv("TZ", "UTC")
    nothing = os.open(os.devnull, os.O_RDONLY)
    monkeypatch.setattr(reading, "STANDARD_INPUT", nothing)
    return path


@pytest.fixture
def agent(home: Path) -> Iterator[Callable[[Mapping[str, object]], FakeAgent]]:
    """Start an agent that answers as the table says."""
    started: list[FakeAgent] = []

    def start(answers: Mapping[str, object]) -> FakeAgent:
        fake = FakeAgent(socket_path(home), answers)  # type: ignore[arg-type]  # tables are easier to read untyped
        started.append(fake.__enter__())
        return fake

    yield start
    for fake in started:
        fake.__exit__(None, None, None)


@pytest.fixture
def mesh(home: Path, capsys: pytest.CaptureFixture[str]) -> Callable[..., Ended]:
    """Run one command in this process."""
    assert home.is_dir()

    def run(*words: str) -> Ended:
        capsys.readouterr()
        code = front.ran(list(words))
        out, err = capsys.readouterr()
        return code, out, err

    return run


@pytest.fixture
def piped(monkeypatch: pytest.MonkeyPatch) -> Callable[[bytes], None]:
    """Put bytes on what the command takes for its standard input."""

    def pipe(raw: bytes) -> None:
        reader, writer = os.pipe()
        os.write(writer, raw)
        os.close(writer)
        monkeypatch.setattr(reading, "STANDARD_INPUT", reader)

    return pipe


@pytest.fixture
def says(monkeypatch: pytest.MonkeyPatch) -> Callable[[str], None]:
    """What the person answers."""
    monkeypatch.setattr("sys.stdin", io.StringIO(""))

    def say(text: str) -> None:
        monkeypatch.setattr("sys.stdin", io.StringIO(text))

    return say
