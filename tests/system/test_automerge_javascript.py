"""Automerge in JavaScript, as the phone has it, against ours: the same first change, text and live values."""

import json
import random
import shutil
import subprocess
from pathlib import Path

import pytest

from mesh.state.documents import Document
from mesh.state.edits import Delete, Edit, Put, Splice, Swap
from mesh.state.operations import Change
from tests.unit.state import writers
from tests.vectors import make_state

FOLDER = Path(__file__).resolve().parent.parent / "interop"
TIMEOUT_S = 120

pytestmark = [
    pytest.mark.system,
    pytest.mark.skipif(shutil.which("node") is None, reason="node is not installed"),
    pytest.mark.skipif(not (FOLDER / "node_modules").is_dir(), reason="run `npm ci` in tests/interop"),
]


def answers(vectors: list[make_state.Case]) -> list[make_state.Case]:
    """What JavaScript makes of them."""
    asked = "\n".join(json.dumps(vector) for vector in vectors)
    argv = ["node", "check.mjs"]
    done = subprocess.run(argv, cwd=FOLDER, input=asked, capture_output=True, text=True, timeout=TIMEOUT_S, check=False)
    assert done.returncode == 0, done.stderr
    return [json.loads(line) for line in done.stdout.splitlines()]


def compare(vectors: list[make_state.Case]) -> None:
    """Hold what JavaScript says against what the vectors say."""
    found = answers(vectors)
    assert len(found) == len(vectors)
    for vector, said in zip(vectors, found, strict=True):
        live = vector["live"]
        assert isinstance(live, dict)
        assert said["genesis_hash"] == vector["genesis_hash"]
        assert said["text"] == vector["text"]
        assert said["heads"] == vector["heads"]
        assert said["loads"]
        assert said["shown"] == {key: values[0][0] for key, values in live.items()}
        assert said["values"] == {key: [value for value, _ in values[::-1]] for key, values in live.items()}


def test_the_vectors_are_the_same_in_javascript() -> None:
    """Those that have neither a refused nor a waiting change; the rules for these are ours."""
    vectors = [case for name, case in make_state.documents() if name.startswith("valid_") and case["live"] is not None]
    assert len(vectors) > 5
    compare(vectors)


def test_random_histories_are_the_same_in_javascript() -> None:
    """What three honest devices write, and what passes of what hostile ones write."""
    vectors = [make_state.document_case(writers.DOCUMENT, writers.BIRTH, writers.honest(seed)) for seed in range(40)]
    for seed in range(40):
        case = make_state.document_case(writers.DOCUMENT, writers.BIRTH, writers.hostile(seed))
        put_aside = {*case["waiting"], *case["refused"]}  # type: ignore[misc]
        kept = [c for c in writers.hostile(seed) if c.hash.hex() not in put_aside]
        vectors.append(make_state.document_case(writers.DOCUMENT, writers.BIRTH, kept))
    compare(vectors)


def swapping(seed: int) -> list[Change]:
    """What three devices write that put values beside each other, take single ones out, and only say what they saw."""
    lots = random.Random(seed)
    held = [Document.born(writers.DOCUMENT, writers.BIRTH) for _ in range(3)]
    written: list[Change] = []
    for _ in range(24):
        number = lots.randrange(3)
        document = held[number]
        if lots.random() < 0.4:
            document.take(lots.sample(written, lots.randint(0, len(written))))
        edits = _swaps(lots, document) if lots.random() < 0.85 else []
        change = document.edit(writers.actor(number), edits, bare=True)
        assert document.take([change]).applied
        assert document.disagreements() == ()
        written.append(change)
    return written


def _swaps(lots: random.Random, document: Document) -> list[Edit]:
    edits: list[Edit] = []
    for key in ("title", "path"):
        live = sorted(document.live_operations(key))
        gone = tuple(lots.sample(live, lots.randint(0, len(live))))
        values = tuple(lots.choices(["a", "é🌱", "", "same", None][: 4 if key == "title" else 5], k=lots.randint(0, 3)))
        other: list[Edit] = [Put(key, "alone"), Delete(key), Splice(0, 0, "x")]
        edits.append(Swap(key, gone, values) if lots.random() < 0.7 else lots.choice(other))
    return edits


def test_values_that_one_change_puts_side_by_side_are_so_in_javascript() -> None:
    """Swaps with several values, of some of those that live, and changes that do nothing, in random histories."""
    vectors = [make_state.document_case(writers.DOCUMENT, writers.BIRTH, swapping(seed)) for seed in range(60)]
    several = [values for case in vectors for values in case["live"].values()]  # type: ignore[attr-defined]
    assert sum(len(values) > len({change for _, change in values}) for values in several) > 10
    assert sum(not change.operations for change in swapping(0)) > 0
    compare(vectors)
