"""Where things are printed, seen on a true terminal too."""

from __future__ import annotations

import fcntl
import os
import pty
import struct
import subprocess
import sys
import termios
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path

import pytest

from mesh.cli import front
from tests.unit.cli import samples
from tests.unit.cli.fake_agent import FakeAgent, result

ROOT = Path(front.__file__).resolve().parent.parent.parent


def on_terminal(width: int, words: list[str], **environment: str) -> tuple[int, str]:
    """Run a command on a terminal of its own; its code and all it printed."""
    ours, theirs = pty.openpty()
    fcntl.ioctl(theirs, termios.TIOCSWINSZ, struct.pack("HHHH", 40, width, 0, 0))
    process = subprocess.Popen(
        [sys.executable, "-X", "utf8", "-m", "mesh.cli.front", *words],
        cwd=ROOT,
        env={**os.environ, "TERM": "xterm-256color", **environment},
        stdin=theirs,
        stdout=theirs,
        stderr=theirs,
    )
    os.close(theirs)
    parts = []
    with suppress(OSError):  # how a terminal tells that nobody writes any more
        while part := os.read(ours, 65_536):
            parts.append(part)
    os.close(ours)
    return process.wait(), b"".join(parts).decode().replace("\r\n", "\n")


@pytest.mark.parametrize("width", [80, 120])
def test_status_on_a_terminal(width: int, agent: Callable[..., FakeAgent]) -> None:
    """Colours, no line over the width, and nothing of a hostile name but its letters."""
    agent({"status": result(**samples.STATUS)})
    code, out = on_terminal(width, ["status"])
    assert code == 0
    assert "\x1b[32mrunning\x1b[0m" in out
    assert "\x1b[31mred" not in out
    assert "\x1b]0;" not in out
    code, plain = on_terminal(width, ["status"], NO_COLOR="1")
    assert "\x1b" not in plain
    assert max(len(line) for line in plain.splitlines()) <= width


def test_an_error_on_a_terminal(agent: Callable[..., FakeAgent]) -> None:
    """One line for what happened, one for what to do."""
    agent({})
    code, out = on_terminal(80, ["xyzzy"], NO_COLOR="1")
    assert code == 2
    assert out == "error: no such command 'xyzzy'.\nhint: `mesh --help` shows what it takes.\n"
