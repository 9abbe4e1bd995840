"""The processes of a browser in the phone's figures: what they take, and how they are slowed down.

It measures nothing by itself, and stops no process that the browser did not start.
"""

from __future__ import annotations

import argparse
import contextlib
import os
import signal
import sys
import threading
import time
from collections.abc import Iterator, Sequence
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parent.parent))

from tests.phone.browsers import Browser

RUNS_S = 0.002  # of a browser that is slowed, between two stops


def family(pid: int) -> list[int]:
    """A process and all that descend from it."""
    found = [pid]
    for one in found:
        with contextlib.suppress(OSError):
            for task in Path(f"/proc/{one}/task").iterdir():
                found += [int(child) for child in (task / "children").read_text().split()]
    return found


def cpu_s(pid: int) -> float:
    """What a process and its descendants have computed."""
    total = 0
    for one in family(pid):
        with contextlib.suppress(OSError):
            fields = Path(f"/proc/{one}/stat").read_text().rpartition(")")[2].split()
            total += int(fields[11]) + int(fields[12])
    return total / os.sysconf("SC_CLK_TCK")


def resident_mb(pids: Sequence[int]) -> float:
    """What processes hold in memory, pages that are shared counted in parts."""
    total = 0
    for pid in pids:
        with contextlib.suppress(OSError):
            lines = Path(f"/proc/{pid}/smaps_rollup").read_text().splitlines()
            total += next(int(line.split()[1]) for line in lines if line.startswith("Pss:"))
    return total / 1024


def renderer(browser: Browser) -> int:
    """The process with the page and its worker: the largest of those that draw pages."""
    drawing = []
    for pid in family(browser.pid):
        with contextlib.suppress(OSError):
            if b"--type=renderer" in Path(f"/proc/{pid}/cmdline").read_bytes():
                drawing.append(pid)
    return max(drawing, key=lambda pid: resident_mb([pid]))


@contextlib.contextmanager
def slowed(browser: Browser, times: float) -> Iterator[None]:
    """A browser that runs one of so many moments: all its processes are stopped in the others."""
    if times == 1:
        yield
        return
    group, over = os.getpgid(browser.pid), threading.Event()
    assert group != os.getpgid(0), "that would stop us"

    def beat() -> None:
        owed, stopped = 0.0, time.monotonic()
        while not over.is_set():
            os.killpg(group, signal.SIGCONT)
            began = time.monotonic()
            owed -= began - stopped
            time.sleep(max(RUNS_S, -owed / (times - 1)))  # whoever was stopped for too long runs for longer
            os.killpg(group, signal.SIGSTOP)
            stopped = time.monotonic()
            owed += (stopped - began) * (times - 1)
            time.sleep(max(0.0, owed))
        os.killpg(group, signal.SIGCONT)

    beating = threading.Thread(target=beat)
    beating.start()
    try:
        yield
    finally:
        over.set()
        beating.join()


if __name__ == "__main__":
    argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter).print_help()
