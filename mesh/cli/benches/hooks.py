"""Hook: how long a tool stands still for `mesh-hook`, as a whole process, beside Python that does nothing at all.

A real agent runs, and each event is evidence that it keeps durably. Without an agent the tool waits until the child
is started that writes into the spool, not until it has written. All are started the same way, one after the other.
"""

from __future__ import annotations

import asyncio
import json
import resource
import statistics
import subprocess
import sys
import time
from collections.abc import Sequence
from pathlib import Path

from mesh.cli.benches.measure import Series, folder_on_disk, percentile, report
from mesh.cli.benches.pair import Device
from mesh.errors import Unreachable
from mesh.node import home as homes

EVENTS, EVENTS_QUICK = 100, 5
_START = ("-I", "-c", "from mesh.cli.hook import main; main()")
"""What the installed script `mesh-hook` does."""
_TYPES = ["ask", "handoff", "project", "receipt", "session", "task"]


def run(*, quick: bool, count: int | None, rounds: int) -> dict[str, object]:
    """Milliseconds of a whole process."""
    events = count or (EVENTS_QUICK if quick else EVENTS)
    ours = Series("mesh-hook", "a command ended: told to the agent, which keeps it durably and answers")
    brief = Series("session start", "mesh-hook that waits for the brief")
    without = Series("no agent", "mesh-hook that leaves the event in the spool")
    bare = Series("bare Python", "python -I -c pass")
    for _ in range(rounds):
        with folder_on_disk() as folder:
            home = folder / "a"
            asyncio.run(homes.found(home, "a"))
            with Device(home) as device:
                device.call("agents.add", {"name": "claude", "space": "home", "types": _TYPES})
                _told(home, "SessionStart", 0)
                _add(ours, [_told(home, "PostToolUse", number) for number in range(events)])
                _add(brief, [_told(home, "SessionStart", number) for number in range(events)])
            _add(without, [_told(home, "PostToolUse", number) for number in range(events)])
            _add(bare, [_timed(["-I", "-c", "pass"], b"") for _ in range(events)])
    ratios = {"p50_ms over bare Python": ours.over(bare, "p50_ms"), "goal": "a median under 60 ms",
              "processor_ms over bare Python": ours.over(bare, "processor_ms")}  # fmt: skip
    return report("hook", ours, [brief, without, bare], ratios, f"mesh bench hook -n {events} --rounds {rounds}")


def _add(series: Series, seconds: Sequence[tuple[float, float]]) -> None:
    found = [1000 * one for one, _ in seconds]
    busy_ms = 1000 * statistics.median(one for _, one in seconds)
    series.add(p50_ms=statistics.median(found), p95_ms=percentile(found, 0.95), processor_ms=busy_ms)


def _told(home: Path, event: str, number: int) -> tuple[float, float]:
    """Seconds for one event: on the clock, and of a processor in the hook itself."""
    body = {
        "hook_event_name": event, "session_id": "bench", "cwd": str(home), "source": "startup", "tool_name": "Bash",
        "tool_input": {"command": f"pytest -q tests/test_{number}.py"},
        "tool_response": {"stdout": "3 passed\n" * 100, "stderr": "", "interrupted": False},
    }  # fmt: skip
    return _timed([*_START, "claude", "--home", str(home)], json.dumps(body).encode())


def _timed(words: Sequence[str], given: bytes) -> tuple[float, float]:
    busy, began = _busy_s(), time.perf_counter()
    done = subprocess.run([sys.executable, *words], input=given, capture_output=True, check=False)  # noqa: S603 - ours
    seconds = time.perf_counter() - began
    if done.returncode or done.stderr:
        raise Unreachable(f"a hook failed: {done.stderr.decode(errors='replace')[-500:]}")
    return seconds, _busy_s() - busy


def _busy_s() -> float:
    """Processor time of all hooks that ended."""
    used = resource.getrusage(resource.RUSAGE_CHILDREN)
    return used.ru_utime + used.ru_stime
