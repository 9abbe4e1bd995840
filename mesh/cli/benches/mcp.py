"""MCP: what a client of ours waits for and costs, beside a server that echoes, built on the SDK as its guide shows.

Both are spoken to in the same way: JSON lines in the stateless form of 2026-07-28, over the streams of a process that
is started for each client. Ours is the pipe and the agent behind it, which looks into its store for each call; the
other one is the SDK alone, once for each client, as MCP servers usually are.
"""

from __future__ import annotations

import asyncio
import json
import subprocess
import sys
import time
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from types import TracebackType
from typing import Self

from mesh.cli.benches import pair
from mesh.cli.benches.measure import Series, folder_on_disk, memory_mb, percentile, report
from mesh.errors import Unreachable
from mesh.node import home as homes

CALLS, CALLS_QUICK = 500, 20
CLIENTS = 6
"""For how many clients the memory is added up."""
NAME = "bench"
_META = {
    "io.modelcontextprotocol/protocolVersion": "2026-07-28",
    "io.modelcontextprotocol/clientInfo": {"name": NAME, "version": "1"},
    "io.modelcontextprotocol/clientCapabilities": {},
}


class Client:
    """A server as a process, and how it is asked, for as long as the block lasts."""

    def __init__(self, words: Sequence[str]) -> None:
        """Of this command line."""
        self._words = words
        self._process: subprocess.Popen[bytes] | None = None
        self._number = 0

    def __enter__(self) -> Self:
        self._process = subprocess.Popen(self._words, stdin=subprocess.PIPE, stdout=subprocess.PIPE)  # noqa: S603 - ours
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None) -> None:
        assert self._process is not None
        self._process.communicate(timeout=30)

    @property
    def pid(self) -> int:
        """Its process."""
        assert self._process is not None
        return self._process.pid

    def ask(self, method: str, **params: object) -> Mapping[str, object]:
        """A request, until its answer is here. Raises Unreachable for an error."""
        assert self._process is not None
        assert self._process.stdin is not None
        assert self._process.stdout is not None
        self._number += 1
        request = {"jsonrpc": "2.0", "id": self._number, "method": method, "params": {**params, "_meta": _META}}
        self._process.stdin.write(json.dumps(request).encode() + b"\n")
        self._process.stdin.flush()
        line = self._process.stdout.readline()
        answer: Mapping[str, object] = json.loads(line) if line else {}
        result = answer.get("result")
        if not isinstance(result, dict) or result.get("isError"):
            raise Unreachable(f"the server answered {method} with {line.decode(errors='replace')[:300]}")
        return result


def run(*, quick: bool, count: int | None, rounds: int) -> dict[str, object]:
    """Milliseconds a call and to the first answer; MiB."""
    calls = count or (CALLS_QUICK if quick else CALLS)
    ours = Series("mesh", "the tool `tasks` over `mesh mcp`; writes: the tool `note`, kept when it answers")
    echo = Series("SDK echo", "a tool that echoes, one server for each client")
    with folder_on_disk() as folder:
        asyncio.run(homes.found(folder / "a", "a"))
        with pair.Device(folder / "a") as device:
            device.call("agents.add", {"name": NAME, "space": "home", "types": ["*"]})
            before = memory_mb(device.pid)["rss_mb"]
            first = _started(_ours(device.home))  # it has the SDK loaded
            for _ in range(rounds):
                after = memory_mb(device.pid)["rss_mb"]
                agent = {"first_start_ms": first, "agent_without_mb": before, "agent_with_mb": after}
                write = {"write_p50_ms": _written(device.home, max(calls // 5, 1))}
                ours.add(**_measured(_ours(device.home), "tasks", {"limit": 1}, calls), **write, **agent)
                echo.add(**_measured(_echo(), "echo", {"text": "hello"}, calls))
    figures = ours.told()
    kept = _sum(figures, "agent_with_mb", -1, "agent_without_mb"), figures.get("client_rss_mb")
    others = echo.told().get("client_rss_mb")
    ratios: dict[str, object] = {
        "p50 over SDK echo": ours.over(echo, "p50_ms"),
        "start over SDK echo": ours.over(echo, "start_ms"),
        f"memory of {CLIENTS} clients over SDK echo": _shared(kept, others),
    }
    return report("mcp", ours, [echo], ratios, f"mesh bench mcp -n {calls} --rounds {rounds}")


def _sum(figures: Mapping[str, object], one: str, sign: int, other: str) -> float | None:
    a, b = figures.get(one), figures.get(other)
    return a + sign * b if isinstance(a, float | int) and isinstance(b, float | int) else None


def _shared(kept: tuple[object, object], others: object) -> float | None:
    """What our agent holds for MCP, and a pipe a client, over a whole server a client."""
    held, pipe = kept
    if not (isinstance(held, float | int) and isinstance(pipe, float | int) and isinstance(others, float | int)):
        return None
    return round((held + CLIENTS * pipe) / (CLIENTS * others), 3)


def _ours(home: Path) -> list[str]:
    return [sys.executable, "-m", "mesh.cli.front", "--home", str(home), "mcp"]


def _echo() -> list[str]:
    return [sys.executable, "-m", "mesh.cli.benches.mcp_echo"]


def _started(words: Sequence[str]) -> float:
    """Milliseconds from the start of a client's process to its first answer."""
    began = time.perf_counter()
    with Client(words) as client:
        client.ask("tools/list")
        return (time.perf_counter() - began) * 1000


def _measured(words: Sequence[str], tool: str, given: Mapping[str, object], calls: int) -> dict[str, float | None]:
    start_ms = _started(words)
    with Client(words) as client:
        client.ask("tools/list")
        found = _times(lambda _: client.ask("tools/call", name=tool, arguments=given), calls)
        rss = memory_mb(client.pid)["rss_mb"]
    p50, p99 = percentile(found, 0.5), percentile(found, 0.99)
    return {"p50_ms": p50, "p99_ms": p99, "start_ms": start_ms, "client_rss_mb": rss}


def _written(home: Path, calls: int) -> float:
    with Client(_ours(home)) as client:
        found = _times(lambda n: client.ask("tools/call", name="note", arguments={"text": f"note {n}"}), calls)
    return percentile(found, 0.5)


def _times(ask: Callable[[int], object], calls: int) -> list[float]:
    found = []
    for number in range(calls):
        began = time.perf_counter()
        ask(number)
        found.append((time.perf_counter() - began) * 1000)
    return found
