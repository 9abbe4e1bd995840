"""The agent's log: one JSON object a line, rotated by size, never with secrets or contents.

What the agent says on its own streams goes to a file too, and has the same bound.
"""

from __future__ import annotations

import asyncio
import contextlib
import json
import logging
import logging.handlers
import os
import time
from collections.abc import Callable
from pathlib import Path

from mesh.limits import LOG_FILE_BYTES_MAX, LOG_FILES_MAX
from mesh.node.paths import log_path
from mesh.node.timing import OUTPUT_LOOK_S

Log = Callable[..., None]
"""`log("what.happened", field=value, …)`."""


class _Quiet(logging.handlers.RotatingFileHandler):
    def handleError(self, record: logging.LogRecord) -> None:  # noqa: N802 - the library names it so
        """Lose the line: there is nowhere better to complain."""


class _Lines(logging.Formatter):
    def format(self, record: logging.LogRecord) -> str:
        fields = getattr(record, "fields", {})
        entry = {"time": time.strftime("%Y-%m-%dT%H:%M:%S", time.gmtime(record.created)) + "Z", "what": record.msg}
        return json.dumps({**entry, **fields}, ensure_ascii=True, default=str)


def opened(home: Path) -> tuple[Log, Callable[[], None]]:
    """A log for this home, and how to close it. A full disk loses log lines, never work."""
    path = log_path(home)
    path.parent.mkdir(mode=0o700, exist_ok=True)
    handler = _Quiet(path, maxBytes=LOG_FILE_BYTES_MAX, backupCount=LOG_FILES_MAX - 1, encoding="utf-8", delay=True)
    handler.setFormatter(_Lines())

    def log(what: str, **fields: object) -> None:
        record = logging.LogRecord("mesh", logging.INFO, "", 0, what, None, None)
        record.fields = fields
        handler.handle(record)

    return log, handler.close


def bounded(path: Path) -> None:
    """Begin a file anew that others append to, when it is over the bound; they go on at its start."""
    with contextlib.suppress(OSError):
        if path.stat().st_size > LOG_FILE_BYTES_MAX:
            os.truncate(path, 0)


async def keep_bounded(path: Path) -> None:
    """Look at such a file now and then, until cancelled."""
    while True:
        bounded(path)
        await asyncio.sleep(OUTPUT_LOOK_S)


def silent(_what: str, **_fields: object) -> None:
    """A log for one-shot commands, whose errors the person sees anyway."""
