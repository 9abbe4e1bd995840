"""Where results, notices and errors go: one JSON object or text to standard output, all else to standard error.

Standard library only. It never decides what is worth saying.
"""

from __future__ import annotations

import json
import os
import sys
from collections.abc import Callable, Iterable

from mesh.cli.screen import Screen, lines_of, of_stream, one_line
from mesh.errors import MeshError, Unreachable
from mesh.node.socket_client import error_told

TYPE_CHECKING = False
if TYPE_CHECKING:  # `typing` itself would cost a frequent command 3 ms
    from typing import TextIO

INTERRUPTED = 130  # 128 + SIGINT, as shells count
BROKEN_PIPE = 141  # 128 + SIGPIPE
BUG = 1

Result = dict[str, object]
Lines = Callable[[Screen], Iterable[str]]


class Output:
    """The two streams of one command. With `json` people read standard error only; with `quiet` less of it."""

    def __init__(self, *, as_json: bool, quiet: bool) -> None:
        self.json = as_json
        self.quiet = quiet
        for stream in (sys.stdout, sys.stderr):
            if hasattr(stream, "reconfigure"):
                # A terminal of another encoding shows an escape instead of ending the command.
                stream.reconfigure(errors="backslashreplace")

    @property
    def screen(self) -> Screen:
        """What standard output leads to."""
        return _screen(sys.stdout)

    @property
    def error_screen(self) -> Screen:
        """What standard error leads to."""
        return _screen(sys.stderr)

    def result(self, result: Result, lines: Lines) -> None:
        """The one answer of a command: the object itself, or its lines for people."""
        if self.json:
            _print(json.dumps(result))
        else:
            text = "\n".join(lines(self.screen))
            if text:
                _print(text)

    def acknowledge(self, result: Result, lines: Lines) -> None:
        """As `result`, where the lines only say that it was done: with --quiet there are none."""
        self.result(result, _nothing if self.quiet else lines)

    def item(self, item: Result, line: Callable[[Screen], str]) -> None:
        """One of many answers, at once."""
        _print(json.dumps(item) if self.json else line(self.screen), flush=True)

    def notice(self, text: str) -> None:
        """Something to know; left out with --quiet."""
        if not self.quiet:
            self.warn(text)

    def warn(self, text: str) -> None:
        """Something to know in any case. Foreign parts must be safe already."""
        if sys.stdout is not None:
            sys.stdout.flush()
        print(text, file=sys.stderr, flush=True)

    def error(self, error: MeshError) -> None:
        """A sentence and its hint; with --json also as the object of this command."""
        self.told_error(error_told(error))

    def interrupted(self) -> None:
        """Ctrl-C: no fault of anybody, yet scripts get their object."""
        if self.json:
            words = {"family": "Interrupted", "class": "Interrupted", "message": "interrupted", "hint": ""}
            _print(json.dumps({"error": {**words, "exit": INTERRUPTED}}), flush=True)
        self.warn("interrupted")

    def told_error(self, told: Result) -> None:
        """As `error`, for what is described already."""
        if self.json:
            _print(json.dumps({"error": told}), flush=True)
        screen = self.error_screen
        self.warn("\n".join(error_lines(screen, str(told["message"]), str(told["hint"]))))


def error_lines(screen: Screen, message: str, hint: str) -> list[str]:
    """An error for people. The sentence may quote foreign text, so it is made safe here once more."""
    lines = [" ".join(lines_of(message)).rstrip(".") + "."]
    lines[0] = screen.ink("error:", "red") + " " + lines[0]
    if hint:
        lines.append(screen.ink("hint:", "dim") + " " + one_line(hint))
    return lines


def settled() -> None:
    """Flush what was printed, while it can still be told that nobody takes it. Raises BrokenPipeError, Unreachable."""
    _print("", end="", flush=True)


def hushed() -> None:
    """After standard output has failed: let nothing complain about the rest at exit."""
    nowhere = os.open(os.devnull, os.O_WRONLY)
    os.dup2(nowhere, 1)


def _print(text: str, *, end: str = "\n", flush: bool = False) -> None:
    try:
        print(text, end=end, flush=flush)
    except BrokenPipeError:
        raise
    except OSError as error:
        hushed()
        message = f"the result could not be written: {error.strerror}"
        raise Unreachable(message, hint="What was asked for is done; only this output is lost.") from error


def _nothing(_: Screen) -> Iterable[str]:
    return ()


def _screen(stream: TextIO | None) -> Screen:
    if stream is None:  # closed before we began
        return Screen(None)
    try:
        return of_stream(stream.fileno(), terminal=stream.isatty())
    except (OSError, ValueError):  # no file at all
        return Screen(None)
