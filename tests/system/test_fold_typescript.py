"""Documents with void work in TypeScript, as the phone will have it: the same view, the same bytes of the next edit."""

import json
from pathlib import Path

import pytest

from tests.system import typescript
from tests.system.typescript import ROOT, run
from tests.vectors import mask_cases
from tests.vectors.mask_cases import EDITS
from tests.world import masks
from tests.world.masks import World

SEEN = ("text", "live", "heads", "hidden", "aside", "next")

pytestmark = [pytest.mark.system, *typescript.NEEDS]


@pytest.fixture
def fold(javascript: Path) -> Path:
    """The module as JavaScript."""
    return javascript / "engine" / "state" / "fold.js"


def compare(fold: Path, vectors: list[mask_cases.Case]) -> None:
    """Hold what TypeScript says against what the vectors say."""
    asked = "\n".join(json.dumps(vector) for vector in vectors)
    found = [json.loads(line) for line in run("../tests/interop/masks.mjs", str(fold), said=asked).splitlines()]
    assert len(found) == len(vectors)
    for vector, said in zip(vectors, found, strict=True):
        assert {key: said[key] for key in SEEN} == {key: vector[key] for key in SEEN}


def test_the_vectors_of_masks_are_the_same_in_typescript(fold: Path) -> None:
    """Those in the files, not those made now: the files are what others hold themselves against."""
    files = sorted((ROOT / "tests" / "vectors" / "masks").glob("*.json"))
    vectors = [json.loads(path.read_text("utf-8")) for path in files]
    assert len(vectors) > 20
    assert sum(bool(vector["hidden"]) for vector in vectors) > 12
    compare(fold, vectors)


def test_the_vectors_of_records_are_the_same_in_typescript(fold: Path) -> None:
    """Every type of record, claimed, answered, ended and in conflict: the first of what lives is what is shown."""
    files = sorted((ROOT / "tests" / "vectors" / "records").glob("valid_*.json"))
    vectors = [json.loads(path.read_text("utf-8")) for path in files]
    assert len(vectors) > 20
    for vector in vectors:
        shown = {key: values[0][0] for key, values in vector["live"].items() if key != "body"}
        assert vector["shown"]["registers"] == shown
    compare(fold, vectors)


def test_worlds_with_void_work_are_the_same_in_typescript(fold: Path) -> None:
    """What writers left behind who were closed, restricted and adopted, in a hundred seeds."""
    vectors = []
    for seed in range(100):
        world = World(seed)
        for _ in range(masks.STEPS):
            world.step()
        void = masks.void_of(world.entries.values(), world.statements)
        changes = [entry.change for entry in world.entries.values()]
        vectors.append(mask_cases.mask_case(masks.DOCUMENT, masks.BIRTH, changes, void, EDITS))
    assert sum(bool(vector["hidden"]) for vector in vectors) > 40
    compare(fold, vectors)


def test_a_wrong_view_would_be_noticed(fold: Path) -> None:
    """The comparison is not blind: with another void set it differs."""
    vector = mask_cases.mask_case(masks.DOCUMENT, masks.BIRTH, [], {masks.FIRST}, EDITS)
    with pytest.raises(AssertionError):
        compare(fold, [{**vector, "void": ["00" * 32]}])
