"""What a note or a record shows, as a digest: every part counts, and nothing else."""

import json
from dataclasses import replace
from hashlib import sha256
from pathlib import Path

import cbor2
import pytest

from mesh.names import Digest
from mesh.state import digest
from mesh.state.view_digest import content_of, view_leaf
from tests.vectors import view_cases

MADE = view_cases.files()
NOTE = view_cases.note(1, "title", "body", tags=("a", "b"), path="p")


def test_the_files_are_what_we_make() -> None:
    """Run tests/vectors/view_cases.py when a difference is meant, and say so in the commit."""
    assert sorted(view_cases.FOLDER.glob("*.json")) == sorted(MADE)
    for path, text in MADE.items():
        assert path.read_text("utf-8") == text, path.name


@pytest.mark.parametrize("path", sorted(MADE), ids=lambda path: path.stem)
def test_a_view_root_is_as_it_says(path: Path) -> None:
    """Worked out here from nothing but the formulas of PROTOCOL, with another use of the codec."""
    case = json.loads(path.read_text("utf-8"))
    buckets: dict[int, list[tuple[bytes, bytes]]] = {}
    shown = [(document, parts, names) for document, *parts, names in (*case["notes"], *case["records"])]
    for document, parts, names in shown:
        key = sha256(document.encode()).digest()
        content = sha256(cbor2.dumps(parts, canonical=True)).digest()
        assert content.hex() == case["contents"][document]
        joined = b"".join(sorted(bytes.fromhex(name) for name in names))
        leaf = sha256(b"mesh/view/leaf/1" + key + content + joined).digest()
        assert leaf.hex() == case["leaves"][document]
        buckets.setdefault(int.from_bytes(key[:2], "big") >> 4, []).append((key, leaf))
    level = [bytes(32)] * 4096
    for index, leaves in buckets.items():
        level[index] = sha256(b"mesh/digest/bucket/1" + b"".join(a + b for a, b in sorted(leaves))).digest()
    while len(level) > 1:
        fours = [level[place : place + 16] for place in range(0, len(level), 16)]
        level = [sha256(b"mesh/digest/node/1" + b"".join(n)).digest() if any(map(any, n)) else bytes(32) for n in fours]
    assert level[0].hex() == case["root"]


@pytest.mark.parametrize(
    "other", [{"title": "b"}, {"body": ""}, {"tags": ("a",)}, {"tags": ("ab",)}, {"path": None}, {"path": ""}]
)
def test_each_part_counts(other: dict[str, object]) -> None:
    """And none runs into the next."""
    assert content_of(replace(NOTE, **other)) != content_of(NOTE)  # type: ignore[arg-type]


@pytest.mark.parametrize(
    "other", [{"text": "b"}, {"registers": {"title": "title", "n": 2}}, {"registers": {"title": "title"}}]
)
def test_each_part_of_a_record_counts(other: dict[str, object]) -> None:
    """Its registers with their types, and its text; not who wrote them, nor in which order they stand."""
    record = view_cases.record(1, "a", title="title", n=1)
    assert content_of(replace(record, **other)) != content_of(record)  # type: ignore[arg-type]
    assert content_of(replace(record, registers={"title": "title", "n": True})) != content_of(record)
    assert content_of(replace(record, registers={"n": 1, "title": "title"}, conflicts=("n",))) == content_of(record)


def test_what_does_not_count() -> None:
    """Which fields are in conflict, and which document it is: the leaf has that."""
    other = view_cases.note(2, "title", "body", tags=("a", "b"), path="p")
    assert content_of(other) == content_of(replace(NOTE, conflicts=("title",))) == content_of(NOTE)
    key, content = digest.key(NOTE.document), content_of(NOTE)
    assert view_leaf(key, content, ()) != view_leaf(digest.key(other.document), content, ())


def test_names_of_conflicts_count_in_any_order() -> None:
    """Each of them."""
    key, content, names = digest.key(NOTE.document), content_of(NOTE), [Digest(bytes([n]) * 16) for n in range(3)]
    leaves = {view_leaf(key, content, names[:count]) for count in range(4)}
    assert len(leaves) == 4
    assert view_leaf(key, content, names[::-1]) == view_leaf(key, content, names)
