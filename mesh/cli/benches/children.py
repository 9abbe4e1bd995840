"""A contender's process, told what to do by lines of JSON on its standard input, answering by lines on its output."""

from __future__ import annotations

import asyncio
import json
import subprocess
import sys
import threading
from collections.abc import Awaitable, Callable
from types import TracebackType
from typing import Self

from mesh.errors import Unreachable

Told = dict[str, object]
Doing = Callable[[Told], Awaitable[Told]]


class Child:
    """One process, for as long as the block lasts."""

    def __init__(self, module: str, *words: str) -> None:
        """Of a module of this package."""
        self._words = [sys.executable, "-m", f"mesh.cli.benches.{module}", *words]
        self._process: subprocess.Popen[bytes] | None = None

    def __enter__(self) -> Self:
        self._process = subprocess.Popen(self._words, stdin=subprocess.PIPE, stdout=subprocess.PIPE)  # noqa: S603 - ours
        self.read()
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None) -> None:
        process = self._process
        assert process is not None
        process.communicate(timeout=10)

    @property
    def pid(self) -> int:
        """Its process."""
        assert self._process is not None
        return self._process.pid

    def tell(self, **what: object) -> None:
        """Say what it is to do; `read` takes the answer."""
        assert self._process is not None
        assert self._process.stdin is not None
        self._process.stdin.write(json.dumps(what).encode() + b"\n")
        self._process.stdin.flush()

    def read(self) -> Told:
        """Its next answer. Raises Unreachable when it ended instead."""
        assert self._process is not None
        assert self._process.stdout is not None
        raw = self._process.stdout.readline()
        if not raw:
            raise Unreachable(f"the contender {self._words[2]} ended by itself")
        found: Told = json.loads(raw)
        return found

    def ask(self, **what: object) -> Told:
        """Say what it is to do, and wait until it is done."""
        self.tell(**what)
        return self.read()


async def obey(do: Doing) -> None:
    """The other side: ready, then do what each line says, until the input ends."""
    loop, lines = asyncio.get_running_loop(), asyncio.Queue[bytes]()

    def reading() -> None:
        for line in sys.stdin.buffer:
            loop.call_soon_threadsafe(lines.put_nowait, line)
        loop.call_soon_threadsafe(lines.put_nowait, b"")

    threading.Thread(target=reading, daemon=True).start()
    _answer({"ready": True})
    while line := await lines.get():
        _answer(await do(json.loads(line)))


def _answer(told: Told) -> None:
    sys.stdout.write(json.dumps(told) + "\n")
    sys.stdout.flush()
