"""The vectors of conflicts: the files are what the generator makes, and each is what its parts say."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from mesh.events.kinds import Born, Settled, Undone
from mesh.names import Digest, DocumentId
from mesh.state.changes import decode
from mesh.state.conflicts import conflicts_of
from mesh.state.documents import Document
from mesh.state.settling import Settlements
from tests.vectors import conflict_cases

MADE = conflict_cases.files()
CASES = sorted(path for path in MADE if path.stem != "names")


def test_the_files_are_what_we_make() -> None:
    """Run tests/vectors/conflict_cases.py when a difference is meant, and say so in the commit."""
    assert sorted(conflict_cases.FOLDER.glob("*.json")) == sorted(MADE)
    for path, text in MADE.items():
        assert path.read_text("utf-8") == text, path.name


def test_they_are_about_something() -> None:
    """Every kind, settled and not, taken back, built on, and void."""
    cases = [json.loads(path.read_text("utf-8")) for path in CASES]
    kinds = {one["kind"] for case in cases for one in case["expect"]["conflicts"]}
    assert kinds == {"register", "renamed", "text", "deleted"}
    undoes = [one for case in cases for one in case["expect"]["undoes"].values()]
    assert {type(one) for one in undoes} == {str, list, type(None)}
    assert any(case["void"] for case in cases)
    assert any(not all(case["expect"]["effective"].values()) for case in cases)


@pytest.mark.parametrize("path", CASES, ids=lambda path: path.stem)
def test_what_is_open_follows_from_what_was_said(path: Path) -> None:
    """In any order of arrival, from the bytes of the events alone."""
    case = json.loads(path.read_text("utf-8"))
    birth = Born(case["birth"]["registers"], case["birth"]["text"], b"")
    events = [(Digest(bytes.fromhex(event)), decode(bytes.fromhex(raw)), said) for event, raw, *said in case["events"]]
    void = {bytes.fromhex(digest) for digest in case["void"]}
    for some in (events, events[::-1]):
        document = Document.fold(DocumentId.parse(case["document"]), birth, [(e, c) for e, c, _ in some], void)
        settlements = Settlements()
        for event, change, (kind, *told) in some:
            if change.hash in void or kind == "changed":
                continue
            if kind == "settled":
                prints = tuple(map(bytes.fromhex, told[1]))
                settlements.add(event, Settled(change.raw, bytes.fromhex(told[0]), prints, told[2]))
            else:
                settlements.add(event, Undone(change.raw, Digest(bytes.fromhex(told[0]))))
        found = [(one.name.hex(), one.kind, one.merged) for one in conflicts_of(document, settlements)]
        expected = case["expect"]["conflicts"]
        assert found == [(one["name"], one["kind"], one["place"][2]) for one in expected]
