"""A command on a terminal of its own (a pty): what it draws, keys, a size, and whether all is left as it was.

It answers no question that the program asks of the terminal, as many terminals do not.
"""

from __future__ import annotations

import fcntl
import os
import pty
import re
import select
import struct
import subprocess
import termios
import time
from pathlib import Path
from types import TracebackType
from typing import Self

from tests.system.commands import command

DEADLINE_S = 45.0
POLL_S = 0.05
CHUNK_BYTES = 65_536
# Another place on the screen is another word; styles are none.
_MOVES = re.compile(r"\x1b\[[0-9;]*[HfABCDEFG]|\r|\n")
_OTHERS = re.compile(r"\x1b\[[0-9;?<>=$]*[ -/]*[@-~]|\x1b\][^\x07\x1b]*(?:\x07|\x1b\\)|\x1b[()][A-Z0-9]|\x1b[=>78c]")
ALTERNATE, NORMAL = b"\x1b[?1049h", b"\x1b[?1049l"


class Terminal:
    """Use it as a context manager; the program is ended with it."""

    def __init__(self, home: Path, *argv: str, columns: int = 100, lines: int = 30, **env: str) -> None:
        self._argv = [*command(home), *argv]
        self._size = (lines, columns)
        self._env = {**os.environ, "TERM": "xterm-256color", "TZ": "UTC", **env}
        self.drawn = b""
        self._seen = 0

    def __enter__(self) -> Self:
        self._ours, self._theirs = pty.openpty()
        self.size(*self._size)
        self._before = termios.tcgetattr(self._theirs)
        self._process = subprocess.Popen(
            self._argv,
            stdin=self._theirs,
            stdout=self._theirs,
            stderr=self._theirs,
            env=self._env,
            start_new_session=True,
            preexec_fn=lambda: fcntl.ioctl(0, termios.TIOCSCTTY, 0),  # noqa: PLW1509 - the terminal shall send signals
        )
        return self

    def __exit__(
        self, kind: type[BaseException] | None, value: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._process.kill()
        self._process.wait()
        os.close(self._ours)
        os.close(self._theirs)

    @property
    def pid(self) -> int:
        """The program."""
        return self._process.pid

    def size(self, lines: int, columns: int) -> None:
        """Make it so large."""
        fcntl.ioctl(self._ours, termios.TIOCSWINSZ, struct.pack("HHHH", lines, columns, 0, 0))

    def press(self, keys: str) -> None:
        """Type; what is drawn from now on is looked at by `shows`."""
        self._read(0)
        self._seen = len(self.drawn)
        os.write(self._ours, keys.encode())

    def shows(self, *words: str) -> str:
        """Wait until all of these were drawn since the last key; all that was."""
        until = time.monotonic() + DEADLINE_S
        while not all(word in (text := self.text()) for word in words):
            assert time.monotonic() < until, f"{words} were not drawn:\n{text}"
            alive = self._process.poll() is None
            self._read(POLL_S)
            assert alive or all(word in self.text() for word in words), f"it ended, without {words}:\n{self.text()}"
        return text

    def text(self) -> str:
        """What was drawn since the last key, without how."""
        drawn = self.drawn[self._seen :].decode(errors="replace")
        lines = (line.strip() for line in _OTHERS.sub("", _MOVES.sub("\n", drawn)).split("\n"))
        return "\n".join(filter(None, lines))

    def ended(self) -> int:
        """Wait for the end; the exit code. The terminal must be as it was before."""
        until = time.monotonic() + DEADLINE_S
        while self._process.poll() is None:
            assert time.monotonic() < until, f"it does not end:\n{self.text()}"
            self._read(POLL_S)
        self._read(0)
        assert termios.tcgetattr(self._theirs) == self._before, "the terminal is not as it was"
        assert self.drawn.count(ALTERNATE) == self.drawn.count(NORMAL), "the screen is not as it was"
        assert self.drawn.rfind(b"\x1b[?25l") <= self.drawn.rfind(b"\x1b[?25h"), "the cursor is not shown"
        return self._process.returncode

    def _read(self, wait_s: float) -> None:
        while select.select([self._ours], [], [], wait_s)[0]:
            self.drawn += os.read(self._ours, CHUNK_BYTES)
            wait_s = 0
