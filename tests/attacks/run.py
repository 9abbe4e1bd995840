"""Plays the attacks and says what became of them: the figures of `scripts/attacks`.

An attack has passed when it did what it says and the honest devices show afterwards what they showed before. What was
not run has not passed.
"""

# ruff: noqa: T201 - it is a command, it prints

from __future__ import annotations

import argparse
import asyncio
import json
import os
import shutil
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import AsyncIterator, Iterable, Sequence
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import asdict, dataclass
from pathlib import Path

from tests.attacks.catalogue import RESEARCHED, Attack, everything
from tests.attacks.town import Town, town
from tests.conftest import BEACON, Spawn

_GRACE_S = 5.0


@dataclass(frozen=True)
class Outcome:
    """What became of one attack."""

    number: int
    name: str
    expected: str
    result: str
    """`passed`, `failed` or `not run`."""
    happened: str
    digest: str
    """`unchanged`, `changed`, or `-` where no device was involved."""
    seconds: float


class Ground:
    """Where attacks are played: one town for many, another one after a failure."""

    def __init__(self) -> None:
        """No town yet: pure attacks need none."""
        self._stack = AsyncExitStack()
        self._town: Town | None = None

    async def town(self) -> Town:
        """The town, made when it is first needed."""
        if self._town is None:
            folder = Path(tempfile.mkdtemp(prefix="mesh-"))
            self._stack.callback(shutil.rmtree, folder, ignore_errors=True)
            started: list[subprocess.Popen[bytes]] = []
            self._stack.callback(_ended, started)
            self._town = await self._stack.enter_async_context(town(folder, _spawner(started)))
        return self._town

    async def leave(self) -> None:
        """End the town, whatever state it is in."""
        stack, self._stack, self._town = self._stack, AsyncExitStack(), None
        await stack.aclose()


def _spawner(started: list[subprocess.Popen[bytes]]) -> Spawn:
    def spawn(argv: Sequence[str | Path], **options: object) -> subprocess.Popen[bytes]:
        process = subprocess.Popen([str(part) for part in argv], start_new_session=True, **options)  # type: ignore[call-overload]
        started.append(process)
        return process  # type: ignore[no-any-return]

    return spawn


def _ended(started: Iterable[subprocess.Popen[bytes]]) -> None:
    for process in started:
        if process.poll() is None:
            os.killpg(process.pid, signal.SIGTERM)
            try:
                process.wait(_GRACE_S)
            except subprocess.TimeoutExpired:
                os.killpg(process.pid, signal.SIGKILL)
                process.wait()


@asynccontextmanager
async def ground() -> AsyncIterator[Ground]:
    """A ground that is left with the block."""
    made = Ground()
    try:
        yield made
    finally:
        await made.leave()


async def played(attack: Attack, where: Ground) -> Outcome:
    """Play one attack."""
    began, digest, happened, result = time.monotonic(), "-", "", "passed"
    if attack.not_run:
        return Outcome(attack.number, attack.name, attack.expected, "not run", attack.not_run, "-", 0.0)
    try:
        if attack.pure:
            happened = await asyncio.to_thread(attack.pure)  # some of them run a loop of their own
        elif attack.real:
            place = await where.town()
            happened = await attack.real(place)
            digest = "changed"
            await asyncio.to_thread(place.unchanged)
            digest = "unchanged"
    except Exception as error:  # noqa: BLE001 - whatever goes wrong in an attack is the finding
        result, happened = "failed", f"{type(_innermost(error)).__name__}: {_innermost(error)}"
        try:
            await where.leave()  # the next one shall not suffer for it
        except Exception as left:  # noqa: BLE001 - a process that would not end is part of the finding
            happened += f"; {_innermost(left)}"
    return Outcome(
        attack.number, attack.name, attack.expected, result, happened, digest, round(time.monotonic() - began, 1)
    )


def _innermost(error: BaseException) -> BaseException:
    while isinstance(error, BaseExceptionGroup):
        error = error.exceptions[0]
    return error


async def campaign(attacks: Iterable[Attack], *, told: bool) -> list[Outcome]:
    """Play these attacks one after the other."""
    outcomes = []
    async with ground() as where:
        for attack in attacks:
            outcomes.append(await played(attack, where))
            if told:
                _tell(outcomes[-1])
    return outcomes


def _tell(outcome: Outcome) -> None:
    print(f"{outcome.number:3} {outcome.result:8} {outcome.seconds:5.1f} s  {outcome.name}")
    print(f"      must: {outcome.expected}\n      did:  {outcome.happened[:1000]}", flush=True)


def table() -> list[str]:
    """All attacks as docs/THREATS.md shows them."""
    rows = ["| | attack | must be answered by | played against |", "|---|---|---|---|"]
    for one in everything():
        where = "nothing yet" if one.not_run else "real agents" if one.real else "the pure gate"
        rows.append(f"| {one.number} | {one.name} | {one.expected} | {where} |")
    return rows


def main(argv: Sequence[str] | None = None) -> int:
    """Play, report, and say with the exit code whether all passed."""
    os.environ[BEACON] = "off"
    options = _options(argv)
    chosen = [attack for attack in everything() if not options.only or attack.number in options.only]
    if options.list:
        for attack in chosen:
            print(f"{attack.number:3} {attack.name}: {attack.holds or attack.not_run}")
        return 0
    if options.table:
        print("\n".join(table()))
        return 0
    outcomes = asyncio.run(campaign(chosen, told=not options.json))
    passed = [one for one in outcomes if one.result == "passed"]
    figures = {
        "passed": len(passed),
        "total": len(outcomes),
        "researched": sum(one.number <= RESEARCHED for one in outcomes),
        "failed": [asdict(one) for one in outcomes if one.result == "failed"],
        "not_run": [asdict(one) for one in outcomes if one.result == "not run"],
    }
    if options.json:
        print(json.dumps({**figures, "attacks": [asdict(one) for one in outcomes]}, indent=2))
    else:
        rest = ", ".join(str(one.number) for one in outcomes if one.result != "passed")
        print(
            f"{len(passed)} of {len(outcomes)} attacks were answered as they must be{f'; not: {rest}' if rest else ''}"
        )
    return 0 if len(passed) == len(outcomes) and outcomes else 1


def _options(argv: Sequence[str] | None) -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="scripts/attacks", description=__doc__)
    parser.add_argument(
        "--only", type=int, action="append", default=[], metavar="N", help="may be given more than once"
    )
    parser.add_argument("--list", action="store_true", help="what each attacker holds, without playing")
    parser.add_argument("--table", action="store_true", help="the table of docs/THREATS.md, without playing")
    parser.add_argument("--json", action="store_true", help="one object on standard output")
    return parser.parse_args(argv)


if __name__ == "__main__":
    sys.exit(main())
