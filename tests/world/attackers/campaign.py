"""Many worlds with attackers, all wrong rules, and what judging costs: `scripts/world --attackers`."""

# ruff: noqa: T201 - it is a command, it prints

from __future__ import annotations

import argparse
import json
import sys
import time
import traceback
from collections import Counter
from collections.abc import Iterable, Iterator
from concurrent.futures import ProcessPoolExecutor
from multiprocessing import get_context
from pathlib import Path

from mesh.events.judge import Judgement, judge
from mesh.events.kinds import Close, Grant
from mesh.limits import RANK_MEMBER
from tests.unit.household import Household, marks, rekey
from tests.world.attackers.claims import one_world
from tests.world.attackers.sabotages import ALL, hunt

SEEDS = 1000
STATEMENTS = 5000
DEVICES = 20
HOSTILE = 500


def attempt(seed: int) -> Counter[str] | str:
    """Play one seed: its counts, or what broke."""
    counts: Counter[str] = Counter()
    try:
        one_world(seed, counts)
    except Exception as error:  # noqa: BLE001 - whatever goes wrong in a seed is the finding
        place = traceback.extract_tb(error.__traceback__)[-1]
        return f"{type(error).__name__} {error} ({Path(place.filename).name}:{place.lineno})"
    return counts


def _hunt(number: int) -> str | None:
    return hunt(ALL[number])


def spread(function: object, items: Iterable[int], jobs: int) -> Iterator[object]:
    """Call it with each, on as many cores."""
    assert callable(function), function
    if jobs <= 1:
        yield from map(function, items)
        return
    with ProcessPoolExecutor(jobs, mp_context=get_context("spawn")) as pool:
        yield from pool.map(function, items, chunksize=2)


def main(options: argparse.Namespace) -> int:
    """Play, report, and say with the exit code whether all is well."""
    began = time.monotonic()
    seeds = [options.seed] if options.seed is not None else range(options.first, options.first + options.attackers)
    counts: Counter[str] = Counter()
    failures: list[dict[str, object]] = []
    for seed, found in zip(seeds, spread(attempt, seeds, options.jobs), strict=True):
        if isinstance(found, Counter):
            counts += found
            continue
        again = f"scripts/world --attackers --seed {seed}"
        failures.append({"seed": seed, "why": found, "again": again})
        print(f"seed {seed} BREAKS {found}\n    {again}", file=sys.stderr, flush=True)
    hunted: list[object] = []
    if options.seed is None and not options.no_sabotages:
        hunted = list(spread(_hunt, range(len(ALL)), options.jobs))
    told = {
        "failures": failures,
        "sabotages": len(hunted),
        "missed": [one.name for one, how in zip(ALL, hunted, strict=False) if how is None],
        "caught": {one.name: how for one, how in zip(ALL, hunted, strict=False) if how},
        "counts": dict(counts),
        "judging": {} if options.no_sabotages else cost(),
        "seconds": round(time.monotonic() - began, 1),
    }
    print(json.dumps(told, indent=2) if options.json else _told(told, len(seeds)))
    return 1 if failures or told["missed"] else 0


def _told(told: dict[str, object], seeds: int) -> str:
    caught = told["caught"]
    assert isinstance(caught, dict), caught
    lines = [f"    {name:<24} {how}" for name, how in caught.items()]
    lines += [f"    {name:<24} NOT CAUGHT" for name in told["missed"]]  # type: ignore[attr-defined]
    lines += [f"{name}: {value}" for name, value in told["judging"].items()]  # type: ignore[attr-defined]
    lines.append(f"{seeds:,} seeds: {told['counts']}")
    lines.append(f"{len(told['failures'])} failures, {told['sabotages']} sabotages, {told['seconds']} s")  # type: ignore[arg-type]
    return "\n".join(lines)


# ---------------------------------------------------------------- what judging costs


def large(statements: int) -> Household:
    """A mesh of twenty devices, seven of them admins, that said so much."""
    home = Household()
    for number in range(DEVICES - len(home.of)):
        home.admit("mac", f"d{number}", (4, 5, RANK_MEMBER, RANK_MEMBER)[number % 4])
    admins = [name for name, admission in home.of.items() if home.verdict.admissions[admission].rank < RANK_MEMBER]
    while len(home.statements) < statements:
        number = len(home.statements)
        grant = Grant(home.of["phone"], f"agent {number}", "home", ("note",), ("create",))
        home.say(admins[number % len(admins)], grant if number % 3 else rekey(home.of["mac"]))
    return home


def cost() -> dict[str, str]:
    """Seconds to judge a large mesh from scratch, one statement at a time, and under a thief's closes."""
    home = large(STATEMENTS)
    said = list(home.statements.values())
    began = time.perf_counter()
    judge(said, home.mesh)
    scratch = time.perf_counter() - began
    judgement = Judgement(home.mesh)
    began = time.perf_counter()
    for one in said:
        judgement.add([one])
    steps = time.perf_counter() - began
    home.admit("laptop", "fake", 9)
    fakes = [home.say("fake", rekey()) for _ in range(HOSTILE)]
    closes = [home.spoken("laptop", Close(home.of["fake"], marks(one))) for one in reversed(fakes)]
    judgement.add(home.statements.values())
    began = time.perf_counter()
    for one in closes:
        judgement.add([one])
    hostile = time.perf_counter() - began
    return {
        f"{len(said):,} statements of {DEVICES} devices from scratch": f"{scratch:.3f} s",
        "one at a time": f"{steps:.3f} s",
        f"{HOSTILE} closes of a thief, each of which takes a statement away": f"{hostile:.3f} s",
    }
