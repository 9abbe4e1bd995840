"""The agent's own log as text for people; it follows the file through its rotation and changes nothing."""

from __future__ import annotations

import json
import os
import time
from collections import deque
from collections.abc import Iterator
from pathlib import Path
from typing import Annotated, TextIO

import typer

from mesh.cli.options import Command, examples, running
from mesh.cli.run import Run
from mesh.cli.screen import Screen, one_line
from mesh.errors import Misuse
from mesh.node.paths import log_path

POLL_S = 0.2
LINES_SHOWN = 50
LINE_CHARACTERS_MAX = 64 * 1024


def add_to(app: typer.Typer) -> None:
    """Put these commands into the tree."""
    app.command("logs", cls=Command, epilog=examples("mesh logs", "mesh logs --follow", "mesh logs --lines 500"))(logs)


def logs(
    context: typer.Context,
    *,
    follow: Annotated[bool, typer.Option("--follow", help="Go on with what is written, until Ctrl-C.")] = False,
    lines: Annotated[int, typer.Option(min=1, metavar="N", help="How many of the last lines.")] = LINES_SHOWN,
) -> None:
    """Show what the agent has logged: what it did and what failed. The events themselves: `mesh log`."""
    run = running(context)
    path = log_path(run.home)
    if not path.exists() and not follow:
        message = "this home has no log yet"
        raise Misuse(message, hint="The agent writes it: `mesh up`.")
    for line in last_lines(path, lines):
        _print(run, line)
    if follow:
        for line in followed(path):
            _print(run, line)


def last_lines(path: Path, count: int) -> list[str]:
    """The last lines of a log, with those of its rotated files where needed, oldest first."""
    held: deque[str] = deque(maxlen=count)
    rotated = sorted(path.parent.glob(f"{path.name}.*"), key=_age, reverse=True) if path.parent.is_dir() else []
    for file in [*rotated, path]:
        try:
            with file.open(encoding="utf-8", errors="replace") as stream:
                held.extend(line.rstrip("\n") for line in stream)
        except FileNotFoundError:
            continue
    return list(held)


def followed(path: Path) -> Iterator[str]:
    """Each further line, also of the files that come after this one."""
    stream: TextIO | None = None
    part = ""
    try:
        while True:
            if stream is None:
                stream = _opened(path, at_end=not part)
                part = ""
            line = stream.readline(LINE_CHARACTERS_MAX) if stream else ""
            if line:
                part += line
                if part.endswith("\n"):
                    yield part.rstrip("\n")
                    part = ""
                continue
            if stream is not None and _replaced(path, stream):
                # What was written to the old file until now has been read; the new one is read from its start.
                stream.close()
                stream, part = None, "\0"
                continue
            time.sleep(POLL_S)
    finally:
        if stream is not None:
            stream.close()


def pretty(screen: Screen, line: str) -> str:
    """A line of the log for people; what is not of its form stays as it is."""
    told = parsed(line)
    at, what = one_line(told.pop("time", "")), one_line(told.pop("what", ""))
    rest = "  ".join(f"{one_line(name)}={_value(value)}" for name, value in told.items())
    bad = what.endswith(".failed")
    return "  ".join(filter(None, (screen.ink(at, "dim"), screen.ink(what, "red" if bad else "bold"), rest)))


def parsed(line: str) -> dict[str, object]:
    """A line of the log as an object."""
    try:
        told = json.loads(line)
    except ValueError:
        told = None
    return told if isinstance(told, dict) else {"what": line}


def _print(run: Run, line: str) -> None:
    run.out.item(parsed(line), lambda screen: pretty(screen, line))


def _value(value: object) -> str:
    text = one_line(value if isinstance(value, str) else json.dumps(value))
    return json.dumps(text, ensure_ascii=False) if " " in text and isinstance(value, str) else text


def _age(path: Path) -> int:
    suffix = path.name.rpartition(".")[2]
    return int(suffix) if suffix.isdigit() else 0


def _opened(path: Path, *, at_end: bool) -> TextIO | None:
    try:
        stream = path.open(encoding="utf-8", errors="replace")
    except FileNotFoundError:
        return None
    if at_end:
        stream.seek(0, os.SEEK_END)
    return stream


def _replaced(path: Path, stream: TextIO) -> bool:
    held = os.fstat(stream.fileno())
    try:
        now = path.stat()
    except FileNotFoundError:
        return False
    return (now.st_ino, now.st_dev) != (held.st_ino, held.st_dev) or now.st_size < stream.tell()
