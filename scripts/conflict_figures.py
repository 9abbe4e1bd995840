"""What it costs to know where edits of a text overlap: milliseconds of CPU and MiB, for documents of several histories.

`python scripts/conflict_figures.py [CASE …]`, from the checkout. It prints and judges nothing. Each case runs in a
process of its own, so that memory is its own; CPU time stands beside wall time, since the machine may have other work.
"""

from __future__ import annotations

import argparse
import random
import resource
import subprocess
import sys
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from functools import partial
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parent.parent))

from mesh.events.kinds import Born
from mesh.names import DocumentId
from mesh.state.documents import Document
from mesh.state.edits import Splice
from mesh.state.operations import Change

DOCUMENT = DocumentId("home", "note", bytes(16))
BIRTH = Born({}, "lorem ipsum dolor sit amet " * 200, b"")
ADMISSION = bytes([7]) * 8
LINEAR, OFFLINE, CROWD, LATER = 50_000, 10_000, 1000, 20
PIECE = 30
ALL = frozenset((b"all",))


def actor(number: int) -> bytes:
    """One run of one writer."""
    return ADMISSION + number.to_bytes(8)


def measured(what: str, call: Callable[[], object], times: int = 1) -> None:
    """One line: the mean of several calls, and the memory of this process so far."""
    wall, cpu = time.perf_counter(), time.process_time()
    for _ in range(times):
        call()
    wall, cpu = (time.perf_counter() - wall) / times, (time.process_time() - cpu) / times
    memory = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
    print(f"  {what:<58} {cpu * 1e3:>10.3f} ms CPU {wall * 1e3:>10.3f} ms wall {memory:>6.0f} MiB", flush=True)


def written(document: Document, by: bytes, count: int, edit: Callable[[int], Splice]) -> list[Change]:
    """Changes by one writer, one on the other; `edit` is told how long the text is."""
    out = []
    length = len(document.text())
    for _ in range(count):
        splice = edit(length)
        out.append(document.edit(by, [splice]))
        document.take(out[-1:])
        length += len(splice.inserted) - splice.deleted
    return out


def anywhere(lots: random.Random, length: int) -> Splice:
    """A small edit at any place."""
    position = lots.randint(0, length)
    return Splice(position, min(length - position, lots.choice([0, 0, 3])), "xyz")


def at_end(length: int) -> Splice:
    """A few letters more."""
    return Splice(length, 0, "xyz")


def live(document: Document) -> Callable[[], object]:
    """Somebody edits on, and it is asked for regions after each edit."""

    def step() -> None:
        document.take([document.edit(actor(99), [Splice(0, 1, "L")])])
        document.regions()

    return step


def linear() -> Iterator[tuple[str, Callable[[], object], int]]:
    """A document that was never edited in two places at once; then somebody comes with an old edit."""
    document = Document.born(DOCUMENT, BIRTH)
    late = document.edit(actor(5), [Splice(40, 3, "late")])
    lots = random.Random(1)  # noqa: S311 - words, not secrets
    written(document, actor(1), LINEAR, partial(anywhere, lots))
    saved = document.save()
    loaded = Document.load(saved)
    yield "is anything concurrent", lambda: document.concurrent, 1000
    yield "regions", document.regions, 1000
    yield "of a snapshot just loaded: regions", loaded.regions, 1000
    yield "a live change, and regions", live(document), LATER
    yield "a late change that stands on the birth is taken", lambda: document.take([late]), 1
    yield "regions, for the first time", document.regions, 1
    yield "regions again", document.regions, LATER
    yield "a live change, and regions", live(document), LATER


def offline(edit: Callable[[int], Splice]) -> Iterator[tuple[str, Callable[[], object], int]]:
    """Two devices that each wrote for long without the other."""
    held = [Document.born(DOCUMENT, BIRTH) for _ in range(2)]
    changes = [one for number, side in enumerate(held) for one in written(side, actor(number), OFFLINE, edit)]
    document = Document.born(DOCUMENT, BIRTH)
    yield "all changes are taken", lambda: document.take(changes), 1
    yield "all operations are arranged (the fold)", document.folded, 1
    yield from _regions(document)


def crowd(deleted: int) -> Iterator[tuple[str, Callable[[], object], int]]:
    """Many devices that wrote something else at one place, none of whom knew of the others."""
    base, document = Document.born(DOCUMENT, BIRTH), Document.born(DOCUMENT, BIRTH)
    all_ = [base.edit(actor(n), [Splice(99, deleted, f"words {n}")]) for n in range(CROWD + LATER)]
    late = all_[CROWD:]
    document.take(all_[:CROWD])
    yield "all operations are arranged (the fold)", document.folded, 1
    yield from _regions(document)

    def step() -> None:
        document.take([late.pop()])
        document.regions()

    yield "one more of them, and regions", step, LATER


def _regions(document: Document) -> Iterator[tuple[str, Callable[[], object], int]]:
    yield "regions, for the first time", document.regions, 1
    regions = document.regions()
    edits = sum(len(region.prints) for region in regions)
    print(f"  {len(regions)} regions of {edits} edits, {sum(len(region.sides) for region in regions)} sides")
    yield "regions again", document.regions, 3
    yield "regions, where all are settled", lambda: document.regions(lambda _: ALL), 3
    names = sorted(name for region in regions for name in region.prints)
    thirds = {name: frozenset((bytes([n % 3]), bytes([n // 3 % 3]))) for n, name in enumerate(names)}
    yield "regions, where half the pairs are settled", lambda: document.regions(thirds.__getitem__), 3
    yield "a live change, and regions", live(document), 3
    yield "a live change, and regions where all are settled", _settled(document), 3


def _settled(document: Document) -> Callable[[], object]:
    def step() -> None:
        document.take([document.edit(actor(99), [Splice(0, 1, "S")])])
        document.regions(lambda _: ALL)

    return step


CASES: Mapping[str, tuple[str, Callable[[], Iterator[tuple[str, Callable[[], object], int]]]]] = {
    "linear": (f"{LINEAR:,} changes, each on the one before", linear),
    "anywhere": (
        f"two devices with {OFFLINE:,} changes each, anywhere in a text of {len(BIRTH.text):,}",
        lambda: offline(partial(anywhere, random.Random(1))),  # noqa: S311 - words, not secrets
    ),
    "end": (f"two devices with {OFFLINE:,} changes each, at the end", lambda: offline(at_end)),
    "inserts": (f"{CROWD:,} concurrent inserts at one place", lambda: crowd(0)),
    "rewrites": (
        f"{CROWD:,} concurrent replacements of {PIECE} letters",
        lambda: crowd(PIECE),
    ),
}


def main(names: Sequence[str]) -> None:
    """Run the cases that are named, or each in a process of its own."""
    if len(names) == 1:
        title, case = CASES[names[0]]
        print(title, flush=True)
        for what, call, times in case():
            measured(what, call, times)
        return
    for name in names or CASES:
        subprocess.run([sys.executable, __file__, name], check=True)


if __name__ == "__main__":
    options = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    options.add_argument(
        "cases", nargs="*", metavar="CASE", choices=CASES, help=f"of {', '.join(CASES)}; all unless given"
    )
    main(options.parse_args().cases)
