"""Many worlds of one document and all sabotages of its masks, on as many cores as there are."""

# ruff: noqa: T201 - it is part of a command, it prints

from __future__ import annotations

import json
import time
from collections.abc import Iterable, Iterator
from concurrent.futures import ProcessPoolExecutor
from multiprocessing import get_context

from tests.world.mask_sabotages import ALL, hunt
from tests.world.masks import play
from tests.world.sabotages import Caught


def attempt(seed: int) -> tuple[int, bool, str]:
    """Play one world: its seed, whether something was hidden in the end, and what broke, if anything did."""
    try:
        return seed, play(seed), ""
    except Exception as error:  # noqa: BLE001 - whatever goes wrong in a seed is the finding
        return seed, False, f"{type(error).__name__}: {error}"


def worlds(seeds: Iterable[int], jobs: int) -> Iterator[tuple[int, bool, str]]:
    """Play worlds, in order of their seeds."""
    with ProcessPoolExecutor(jobs, mp_context=get_context("spawn")) as pool:
        yield from pool.map(attempt, seeds, chunksize=10)


def hunts(jobs: int) -> dict[str, Caught | None]:
    """Build in each fault and look whether the worlds notice."""
    with ProcessPoolExecutor(jobs, mp_context=get_context("spawn")) as pool:
        return dict(zip((sabotage.name for sabotage in ALL), pool.map(_hunt, range(len(ALL))), strict=True))


def _hunt(number: int) -> Caught | None:
    return hunt(ALL[number])


def report(first: int, count: int, jobs: int, *, as_json: bool) -> int:
    """Play, say what it came to, and say with the exit code whether all is well."""
    began = time.monotonic()
    found = list(worlds(range(first, first + count), jobs))
    caught = hunts(jobs)
    missed = [name for name, how in caught.items() if how is None]
    failures = [{"seed": seed, "why": why} for seed, _, why in found if why]
    figures = {
        "worlds": count,
        "masked": sum(masked for _, masked, _ in found),
        "failures": failures,
        "sabotages": len(caught),
        "missed": missed,
        "seconds": round(time.monotonic() - began, 1),
    }
    if not as_json:
        for name, how in caught.items():
            print(f"    {name:<24} {f'after {how.seeds:>2} worlds: {how.why}' if how else 'NOT CAUGHT':.120}")
    print(json.dumps(figures, indent=2))
    return 1 if failures or missed else 0
