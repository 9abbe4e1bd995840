"""Long fuzzing: every parser in turn, for as long as is asked; what breaks one is made small and kept in the corpus."""

# ruff: noqa: T201 - it is a command, it prints

from __future__ import annotations

import argparse
import json
import sys
import time
from collections.abc import Sequence
from dataclasses import asdict, dataclass

from hypothesis import HealthCheck, given, seed, settings
from hypothesis import strategies as st

from tests.fuzz.bounds import corpus, keep, look
from tests.fuzz.mutations import mutated
from tests.fuzz.parsers import Parser
from tests.fuzz.shell import everything

EXAMPLES = 2000
RANDOM_BYTES_MAX = 300
_QUIET = settings(
    deadline=None, database=None, report_multiple_bugs=False, print_blob=False, suppress_health_check=list(HealthCheck)
)


@dataclass
class Found:
    """Bytes that broke a parser."""

    parser: str
    why: str
    kept: str


def foreign(parser: Parser) -> st.SearchStrategy[bytes]:
    """What a parser is given: mostly what is nearly right, sometimes noise; under a right outside, where it has one."""
    near = mutated(parser.good, structured=parser.structured) if parser.near is None else parser.near
    inside = st.one_of(near, near, near, st.binary(max_size=RANDOM_BYTES_MAX))
    return inside.map(parser.dress) if parser.dress else inside


def attempt(parser: Parser, examples: int, number: int) -> tuple[int, Found | None]:
    """Fuzz one parser; how many examples it took, and the smallest of what was found."""
    count, broke = 0, b""

    @seed(number)
    @settings(_QUIET, max_examples=examples)
    @given(foreign(parser))
    def one(raw: bytes) -> None:
        nonlocal count, broke
        count += 1
        try:
            look(parser, raw)
        except Exception:
            broke = raw  # Hypothesis shows the smallest one last
            raise

    try:
        one()
    except Exception as error:  # noqa: BLE001 - whatever it raises is the finding
        path = keep(parser, broke)
        return count, Found(parser.name, f"{type(error).__name__}: {error}", str(path))
    return count, None


def main(argv: Sequence[str] | None = None) -> int:
    """Fuzz, report, and say with the exit code whether anything was found."""
    options = _options(argv)
    parsers = {name: parser for name, parser in everything().items() if not options.only or name in options.only}
    if not parsers:
        print(f"there are: {', '.join(everything())}", file=sys.stderr)
        return 2
    began, counts, found, number = time.monotonic(), dict.fromkeys(parsers, 0), list[Found](), options.seed
    for parser in parsers.values():
        for name, raw in corpus(parser):
            try:
                look(parser, raw)
            except Exception as error:  # noqa: BLE001 - as in `attempt`
                found.append(Found(parser.name, f"{type(error).__name__}: {error}", name))
    while True:
        for name, parser in parsers.items():
            if options.seconds and time.monotonic() - began >= options.seconds:
                break
            count, bad = attempt(parser, max(1, int(options.examples * parser.share)), number)
            counts[name] += count
            if bad:
                found.append(bad)
                print(f"{bad.parser}: {bad.why}\n    {bad.kept}", file=sys.stderr, flush=True)
        number += 1
        if not options.seconds or found or time.monotonic() - began >= options.seconds:
            break
    return _report(options, counts, found, time.monotonic() - began)


def _report(options: argparse.Namespace, counts: dict[str, int], found: list[Found], seconds: float) -> int:
    figures = {"examples": sum(counts.values()), "parsers": counts, "found": [asdict(one) for one in found]}
    if options.json:
        print(json.dumps({**figures, "seconds": round(seconds, 1)}, indent=2))
    else:
        print(f"{sum(counts.values()):,} examples, {len(counts)} parsers, {len(found)} found, {seconds:.0f} s")
    return 1 if found else 0


def _options(argv: Sequence[str] | None) -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="scripts/fuzz", description=__doc__)
    parser.add_argument("--examples", type=int, default=EXAMPLES, help="for each parser and round; dear ones get less")
    parser.add_argument("--seconds", type=float, default=0.0, help="go on in rounds for so long; without it one round")
    parser.add_argument("--seed", type=int, default=0, help="of the first round")
    parser.add_argument("--only", action="append", default=[], metavar="PARSER", help="may be given more than once")
    parser.add_argument("--json", action="store_true", help="one object on standard output")
    return parser.parse_args(argv)


if __name__ == "__main__":
    sys.exit(main())
