"""`scripts/network`: runs the trials again and again, and prints median and worst of each figure. It judges nothing."""

from __future__ import annotations

import argparse
import contextlib
import json
import os
import signal
import statistics
import subprocess
import sys
import tempfile
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path

from tests.system import harness, trials
from tests.system.harness import Fleet
from tests.system.networks import Network, network
from tests.system.trials import Figures

RUNS = 3
FINDING_MAX = 5
MANY = 10
CUT_S = 60.0
STAR_S = 60.0
NOTES = 300
DELAY_S, LOSS = 0.075, 0.05
ENDED_S = 10.0
NEEDS_ROOT = 2

Trial = Callable[[Network, Fleet], Figures]


def main() -> int:
    """Run and print; the exit code."""
    asked = _asked()
    if os.geteuid() != 0:
        sys.stderr.write("scripts/network makes network namespaces, which needs root.\n")
        return NEEDS_ROOT
    found: dict[str, list[float]] = {}
    with tempfile.TemporaryDirectory(prefix="mesh-") as folder:
        harness.TEMPLATES.append(Path(folder) / "meshes")
        for run in range(asked.runs):
            for number, (name, trial) in enumerate(_trials(asked.devices)):
                sys.stderr.write(f"run {run + 1} of {asked.runs}: {name}\n")
                figures = _tried(trial, Path(folder) / f"{run}-{number}")
                for figure, value in figures.items():
                    found.setdefault(figure, []).append(value)
    command = f"scripts/network --devices {asked.devices} --runs {asked.runs}"
    _print(found, command, as_json=asked.json)
    return 0


def _asked() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="scripts/network", description="The mesh on bad networks, in figures.")
    parser.add_argument("--json", action="store_true", help="one object on standard output")
    parser.add_argument("--devices", type=int, default=MANY, metavar="N", help=f"at most so many ({MANY})")
    parser.add_argument("--runs", type=int, default=RUNS, metavar="R", help=f"how often ({RUNS})")
    asked = parser.parse_args()
    if not (2 <= asked.devices <= MANY and asked.runs >= 1):
        parser.error(f"at least one run, and 2 to {MANY} devices")
    return asked


def _trials(devices: int) -> list[tuple[str, Trial]]:
    def finding(count: int) -> Trial:
        return lambda net, fleet: trials.finding(net, fleet, count)

    few = min(3, devices)
    found = [(f"{count} devices find each other", finding(count)) for count in range(2, min(FINDING_MAX, devices) + 1)]
    found += [
        ("a slow line", lambda net, fleet: trials.slow_line(net, fleet, NOTES, DELAY_S, LOSS)),
        ("a cable is pulled", trials.unplugged),
        ("each process is killed", lambda net, fleet: trials.kills(net, fleet, few)),
    ]
    if devices > 2:
        found += [
            ("two are isolated", trials.isolated),
            ("a minute cut off, a minute asleep", lambda net, fleet: trials.cut_and_asleep(net, fleet, CUT_S)),
            ("a mesh and a star", lambda net, fleet: trials.many(net, fleet, devices, star_s=STAR_S)),
        ]
    return found


def _tried(trial: Trial, folder: Path) -> Figures:
    folder.mkdir()
    with _processes() as spawn, network() as net, harness.fleet(folder, spawn) as fleet:
        return trial(net, fleet)


@contextlib.contextmanager
def _processes() -> Iterator[Callable[..., subprocess.Popen[bytes]]]:
    """Start processes in groups of their own, which end with the block."""
    started: list[subprocess.Popen[bytes]] = []

    def spawn(argv: Sequence[str | Path], **options: object) -> subprocess.Popen[bytes]:
        process = subprocess.Popen([str(part) for part in argv], start_new_session=True, **options)  # type: ignore[call-overload]
        started.append(process)
        return process  # type: ignore[no-any-return]

    try:
        yield spawn
    finally:
        for process in started:
            if process.poll() is None:
                os.killpg(process.pid, signal.SIGKILL)
            process.wait(ENDED_S)


def _print(found: dict[str, list[float]], command: str, *, as_json: bool) -> None:
    figures = {
        name: {"median": round(statistics.median(values), 2), "worst": round(max(values), 2), "runs": len(values)}
        for name, values in found.items()
    }
    if as_json:
        sys.stdout.write(json.dumps({"name": "network", "figures": figures, "command": command}) + "\n")
        return
    width = max(map(len, figures))
    sys.stdout.write(f"{'SECONDS, OR DIALS':{width}}  {'MEDIAN':>8}  {'WORST':>8}\n")
    for name, told in figures.items():
        sys.stdout.write(f"{name:{width}}  {told['median']:8.2f}  {told['worst']:8.2f}\n")
    sys.stdout.write(f"\ncommand: {command}\n")
