"""A stand-in for the agent: it answers on a real Unix socket as a table says, and remembers what it was asked.

For the protocol of the command line only; what an agent does is tested with real ones, in tests/system.
"""

from __future__ import annotations

import json
import socket
import threading
from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from pathlib import Path
from types import TracebackType
from typing import Self

Told = dict[str, object]
Lines = Sequence[Told | bytes]
"""What is sent for one call, line by line: objects, or raw bytes. END, or nothing at all, ends the conversation."""
END = b""


class FakeAgent:
    """Use it as a context manager; `asked` holds (call, arguments) in the order in which they came."""

    def __init__(self, path: Path, answers: Mapping[str, Lines | Callable[[Told], Lines]]) -> None:
        self.path = path
        self.answers = dict(answers)
        self.asked: list[tuple[str, Told]] = []
        self.versions: set[object] = set()
        self._listener = socket.socket(socket.AF_UNIX)
        self._threads: list[threading.Thread] = []

    def __enter__(self) -> Self:
        self.path.parent.mkdir(parents=True, exist_ok=True)
        self._listener.bind(str(self.path))
        self._listener.listen()
        self._start(self._accept)
        return self

    def __exit__(
        self, kind: type[BaseException] | None, value: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._listener.shutdown(socket.SHUT_RDWR)
        self._listener.close()
        self.path.unlink()
        for thread in self._threads:
            thread.join(5)

    def _start(self, work: Callable[..., None], *values: object) -> None:
        thread = threading.Thread(target=work, args=values, daemon=True)
        self._threads.append(thread)
        thread.start()

    def _accept(self) -> None:
        while True:
            try:
                connection, _ = self._listener.accept()
            except OSError:
                return
            self._start(self._converse, connection)

    def _converse(self, connection: socket.socket) -> None:
        # The other side may go at any time: it has seen enough.
        with suppress(OSError), connection, connection.makefile("rb") as stream:
            for line in stream:
                request = json.loads(line)
                self.asked.append((request["call"], request["arguments"]))
                self.versions.add(request["version"])
                found = self.answers.get(request["call"], ())
                lines = found(request["arguments"]) if callable(found) else found
                for told in lines:
                    connection.sendall(told if isinstance(told, bytes) else json.dumps(told).encode() + b"\n")
                if not lines or lines[-1] == END:
                    return


def result(**values: object) -> Lines:
    """One result."""
    return ({"result": values},)


def error(kind: str, family: str, code: int, message: str = "it was refused", hint: str = "do otherwise") -> Lines:
    """One error."""
    return ({"error": {"family": family, "class": kind, "message": message, "hint": hint, "exit": code}},)
