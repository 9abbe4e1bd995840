"""Where the trace of an unexpected error is kept: a file beside the agent's log, bounded, of this user only."""

from __future__ import annotations

import os
import time

from mesh.limits import LOG_FILE_BYTES_MAX
from mesh.node.paths import home_path, log_path


def kept(argv: list[str], trace: str) -> str:
    """Append a trace; the file's path, or nothing when it could not be kept. It makes no home where there is none."""
    try:
        home = home_path(_home_named(argv))
        if not home.is_dir():
            return ""
        path = log_path(home).with_name("commands.log")
        path.parent.mkdir(mode=0o700, exist_ok=True)
        new = not path.exists() or path.stat().st_size > LOG_FILE_BYTES_MAX
        flags = os.O_WRONLY | os.O_CREAT | (os.O_TRUNC if new else os.O_APPEND)
        with os.fdopen(os.open(path, flags, 0o600), "w", encoding="utf-8", errors="backslashreplace") as file:
            # The words of the command line are not kept: they may be somebody's note.
            file.write(f"{time.strftime('%Y-%m-%dT%H:%M:%S')} mesh\n{trace}\n")
    except OSError:
        return ""
    return str(path)


def _home_named(argv: list[str]) -> str | None:
    for index, word in enumerate(argv):
        if word == "--home" and index + 1 < len(argv):
            return argv[index + 1]
        if word.startswith("--home="):
            return word.partition("=")[2]
    return None
