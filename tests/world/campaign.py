"""Many seeds and all sabotages, on as many cores as there are: the figures of `scripts/world`."""

# ruff: noqa: T201 - it is a command, it prints

from __future__ import annotations

import argparse
import json
import os
import sys
import time
import traceback
from collections.abc import Iterable, Iterator, Sequence
from concurrent.futures import ProcessPoolExecutor
from dataclasses import asdict, dataclass
from functools import partial
from multiprocessing import get_context

from tests.world import dispute_sabotages, mask_campaign
from tests.world.attackers import campaign as attackers
from tests.world.run import Outcome, is_real, play
from tests.world.sabotages import ALL, Caught, Sabotage, hunt

FAULTS = (*ALL, *dispute_sabotages.ALL)
STEPS = 120
SEEDS = 300


@dataclass(frozen=True, slots=True)
class Failure:
    """A seed that broke something, and how to see it again."""

    seed: int
    steps: int
    why: str

    @property
    def again(self) -> str:
        """The command that plays exactly this seed and shows everything that happens."""
        return f"scripts/world --seed {self.seed} --steps {self.steps} --transcript"


def attempt(seed: int, steps: int) -> Outcome | Failure:
    """Play one seed; whatever breaks is told, not raised."""
    try:
        return play(seed, steps)
    except Exception as error:  # noqa: BLE001 - whatever goes wrong in a seed is the finding
        place = traceback.extract_tb(error.__traceback__)[-1]
        why = f"{type(error).__name__}: {error} ({os.path.basename(place.filename)}:{place.lineno})"  # noqa: PTH119
        return Failure(seed, steps, why)


def campaign(seeds: Iterable[int], steps: int, jobs: int) -> Iterator[Outcome | Failure]:
    """Play seeds, in order of their numbers."""
    if jobs <= 1:
        yield from (attempt(seed, steps) for seed in seeds)
        return
    with ProcessPoolExecutor(jobs, mp_context=get_context("spawn")) as pool:
        yield from pool.map(partial(attempt, steps=steps), seeds, chunksize=5)


def hunts(steps: int, jobs: int) -> Iterator[tuple[Sabotage, Caught | None]]:
    """Build in each fault and look whether the world notices."""
    names = range(len(FAULTS))
    if jobs <= 1:
        yield from ((FAULTS[number], hunt(FAULTS[number], steps)) for number in names)
        return
    with ProcessPoolExecutor(jobs, mp_context=get_context("spawn")) as pool:
        yield from zip(FAULTS, pool.map(partial(_hunt, steps=steps), names), strict=True)


def _hunt(number: int, steps: int) -> Caught | None:
    return hunt(FAULTS[number], steps)


def main(argv: Sequence[str] | None = None) -> int:
    """Play, report, and say with the exit code whether all is well."""
    options = _options(argv)
    if options.attackers is not None:
        return attackers.main(options)
    began = time.monotonic()
    if options.masks:
        return mask_campaign.report(options.first, options.masks, options.jobs, as_json=options.json)
    if options.transcript:
        return _transcript(options.seed or 0, options.steps)
    seeds = [options.seed] if options.seed is not None else range(options.first, options.first + options.seeds)
    outcomes: list[Outcome] = []
    failures: list[Failure] = []
    for done, result in enumerate(campaign(seeds, options.steps, options.jobs), start=1):
        if isinstance(result, Failure):
            failures.append(result)
            print(f"seed {result.seed} FAILS  {result.why}\n    {result.again}", file=sys.stderr)
        else:
            outcomes.append(result)
        if done % 25 == 0 and not options.json:
            print(
                f"{done} seeds, {sum(o.events for o in outcomes):,} events, {time.monotonic() - began:.0f} s",
                flush=True,
            )
    caught = list(hunts(STEPS, options.jobs)) if options.seed is None and not options.no_sabotages else []
    return _report(options, outcomes, failures, caught, time.monotonic() - began)


def _report(
    options: argparse.Namespace,
    outcomes: list[Outcome],
    failures: list[Failure],
    hunted: list[tuple[Sabotage, Caught | None]],
    seconds: float,
) -> int:
    missed = [sabotage.name for sabotage, caught in hunted if caught is None]
    figures = {
        "seeds": len(outcomes) + len(failures),
        "real": sum(is_real(o.seed) for o in outcomes),
        "steps": options.steps,
        "events": sum(o.events for o in outcomes),
        "letters": sum(o.letters for o in outcomes),
        "failures": [asdict(f) | {"again": f.again} for f in failures],
        "sabotages": len(hunted),
        "caught": len(hunted) - len(missed),
        "missed": missed,
        "seconds": round(seconds, 1),
    }
    if options.json:
        print(json.dumps(figures, indent=2))
    else:
        for sabotage, caught in hunted:
            found = f"after {caught.seeds:>2} seeds: {caught.why}" if caught else "NOT CAUGHT"
            print(f"    {sabotage.name:<24} {found:.120}")
        words = [f"{value:,} {name}" for name, value in figures.items() if isinstance(value, int)]
        print(f"{', '.join(words)}, {len(failures)} failures, {figures['seconds']} s")
        if len(outcomes) == 1:
            print(f"trace {outcomes[0].trace}")
    return 1 if failures or missed else 0


def _transcript(seed: int, steps: int) -> int:
    lines: list[str] = []
    try:
        outcome = play(seed, steps, lines=lines)
    except Exception:
        print("\n".join(lines))
        raise
    print("\n".join(lines))
    print(f"trace {outcome.trace}")
    return 0


def _options(argv: Sequence[str] | None) -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="scripts/world", description=__doc__)
    parser.add_argument("--seeds", type=int, default=SEEDS, help="how many")
    parser.add_argument("--first", type=int, default=0, help="the first of them")
    parser.add_argument("--steps", type=int, default=STEPS, help="acts in each")
    parser.add_argument(
        "--attackers",
        type=int,
        nargs="?",
        const=attackers.SEEDS,
        metavar="SEEDS",
        help="instead, so many worlds of whoever holds stolen keys, and every wrong rule of authority",
    )
    parser.add_argument("--seed", type=int, help="only this one")
    parser.add_argument("--transcript", action="store_true", help="print everything that happens in the seed")
    parser.add_argument("--masks", type=int, default=0, help="instead, worlds of one document with void work: how many")
    parser.add_argument("--jobs", type=int, default=os.cpu_count() or 1, help="processes")
    parser.add_argument("--no-sabotages", action="store_true", help="leave out the faults that must be caught")
    parser.add_argument("--json", action="store_true", help="figures for programs")
    return parser.parse_args(argv)
