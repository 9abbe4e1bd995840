"""How far a long work is: one line on a terminal, which is gone when the work is done.

It shows nothing where no person looks: into a pipe, with --json or --quiet.
"""

from __future__ import annotations

import sys
import time

from mesh.cli.run import Run

SHOWN_EVERY_S = 0.1


class ProgressLine:
    """The line of one work."""

    def __init__(self, run: Run) -> None:
        self._shows = sys.stderr.isatty() and not run.out.json and not run.out.quiet
        self._last = 0.0
        self._shown = False

    def told(self, what: str, done: int, of: int) -> None:
        """Show it, if it is worth it by now."""
        if self._shows and time.monotonic() - self._last > SHOWN_EVERY_S:
            self._last, self._shown = time.monotonic(), True
            print(f"\r{what} {100 * done // max(of, 1):3d} %\x1b[K", end="", file=sys.stderr, flush=True)

    def end(self) -> None:
        """Leave no trace."""
        if self._shown:
            print("\r\x1b[K", end="", file=sys.stderr, flush=True)
