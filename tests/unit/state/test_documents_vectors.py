"""The vectors that other programs share: the files are what we make, and we say of them what they say."""

import json
from collections.abc import Callable
from collections.abc import Set as AbstractSet
from hashlib import sha256
from pathlib import Path

import pytest

from mesh.errors import Refused
from mesh.events.kinds import Born
from mesh.names import Digest, DocumentId
from mesh.state import digest
from mesh.state.changes import decode
from mesh.state.documents import Document
from mesh.state.edits import Delete, Edit, Put, Splice
from mesh.state.footprints import Footprint, print_name
from mesh.state.genesis import derive
from mesh.state.operations import Change, OperationId
from mesh.state.shapes import gate
from tests.vectors import make_state

MADE = make_state.files()
EDITS: dict[str, Callable[..., Edit]] = {"put": Put, "delete": Delete, "splice": Splice}
FOLDERS = ("changes", "documents", "masks", "overlaps", "digest")


def cases(folder: str) -> list[Path]:
    """The files of a folder that are checked in."""
    return sorted((make_state.FOLDER / folder).glob("*.json"))


@pytest.mark.parametrize("folder", FOLDERS)
def test_the_files_are_what_we_make(folder: str) -> None:
    """Run tests/vectors/make_state.py when a difference is meant, and say so in the commit."""
    assert cases(folder) == sorted(path for path in MADE if path.parent.name == folder)
    for path in cases(folder):
        assert path.read_text("utf-8") == MADE[path], path.name


@pytest.mark.parametrize("path", cases("changes"), ids=lambda path: path.stem)
def test_a_change_is_read_and_allowed_as_it_says(path: Path) -> None:
    """Refused changes are refused by name of the one thing that is wrong in them."""
    case = json.loads(path.read_text("utf-8"))
    raw = bytes.fromhex(case["change"])
    if not case["read"]:
        with pytest.raises(Refused):
            decode(raw)
        return
    change = decode(raw)
    assert change.hash.hex() == case["hash"]
    if "allowed" in case:
        body = OperationId(case["body"][0], bytes.fromhex(case["body"][1]))
        try:
            gate(change, admission=bytes.fromhex(case["admission"]), kind=case["type"], body=body)
            allowed = True
        except Refused:
            allowed = False
        assert allowed is case["allowed"]
    assert path.stem.removeprefix("note_").startswith("valid_") == case.get("allowed", True)


@pytest.mark.parametrize("path", cases("documents"), ids=lambda path: path.stem)
def test_a_document_is_as_it_says(path: Path) -> None:
    """In the order of the file and in the opposite one."""
    case = json.loads(path.read_text("utf-8"))
    text = case["birth"]["text"]
    if isinstance(text, list):
        text = text[0] * (case["birth_characters"] - 1) + text[1]
    birth = Born(case["birth"]["registers"], text, b"")
    document_id = DocumentId.parse(case["document"])
    assert derive(document_id, birth).hash.hex() == case["genesis_hash"]
    events = [(bytes.fromhex(event), decode(bytes.fromhex(raw))) for event, raw in case["events"]]
    for order in (events, events[::-1]):
        document = Document.fold(document_id, birth, order)
        taken = document.take([])
        assert sha256(document.text().encode()).hexdigest() == case["text_sha256"]
        assert [head.hex() for head in document.heads] == case["heads"]
        assert list(document.conflicts()) == case["conflicts"]
        assert [name.hex() for name in taken.waiting] == case["waiting"]
        assert [name.hex() for name, _ in taken.refused] == case["refused"]
        if case["live"] is not None:
            live = {key: [[v.value, v.change.hex()] for v in document.live(key)] for key in document.registers()}
            assert live == case["live"]
    assert path.stem.startswith("valid_") == (not case["waiting"] and not case["refused"])


@pytest.mark.parametrize("path", cases("masks"), ids=lambda path: path.stem)
def test_a_masked_document_is_as_it_says(path: Path) -> None:
    """In the order of the file, in the opposite one, and one by one; and so is what would be written next."""
    case = json.loads(path.read_text("utf-8"))
    registers = dict(case["birth"]["registers"])
    text = registers.pop("body") if case["birth"]["text"] is None else case["birth"]["text"]
    document_id, birth = DocumentId.parse(case["document"]), Born(registers, text, b"")
    assert derive(document_id, birth).hash.hex() == case["first"]
    events = [(bytes.fromhex(event), decode(bytes.fromhex(raw))) for event, raw in case["changes"]]
    void = {bytes.fromhex(digest) for digest in case["void"]}
    for document in (
        Document.fold(document_id, birth, events, void),
        Document.fold(document_id, birth, events[::-1], void),
        _step_by_step(document_id, birth, events, void),
    ):
        taken = document.take([])
        assert document.text() == case["text"]
        assert {k: [[v.value, v.change.hex()] for v in document.live(k)] for k in document.registers()} == case["live"]
        assert [head.hex() for head in document.heads] == case["heads"]
        assert sorted(digest_.hex() for digest_ in document.hidden) == case["hidden"]
        assert [digest_.hex() for digest_ in document.aside] == case["aside"]
        assert [digest_.hex() for digest_ in taken.waiting] == case["waiting"]
        assert [digest_.hex() for digest_, _ in taken.refused] == case["refused"]
        edits = [EDITS[name](*rest) for name, *rest in case["edit"]["edits"]]
        assert document.edit(bytes.fromhex(case["edit"]["actor"]), edits).raw.hex() == case["next"]
        assert document.disagreements() == ()
    assert path.stem.startswith("valid_") == (not case["waiting"] and not case["refused"])


def _step_by_step(
    name: DocumentId, birth: Born, events: list[tuple[bytes, Change]], void: AbstractSet[bytes]
) -> Document:
    document = Document.fold(name, birth, (), void)
    for number, (_, change) in enumerate(events, start=1):
        if document.take([change], void).doubled:
            document = Document.fold(name, birth, events[:number], void)
    return document


@pytest.mark.parametrize("path", cases("overlaps"), ids=lambda path: path.stem)
def test_the_regions_of_a_document_are_as_it_says(path: Path) -> None:
    """In the order of the file, in the opposite one, and one by one; each print has the name that it should have."""
    case = json.loads(path.read_text("utf-8"))
    document_id, birth = (
        DocumentId.parse(case["document"]),
        Born(case["birth"]["registers"], case["birth"]["text"], b""),
    )
    events = [(bytes.fromhex(event), decode(bytes.fromhex(raw))) for event, raw in case["changes"]]
    void = {bytes.fromhex(digest) for digest in case["void"]}
    settled = [{bytes.fromhex(one) for one in names} for names in case["settled"]]
    for name, one in case["prints"].items():
        edges = _letter(one["left"]), _letter(one["right"])
        print_ = Footprint(bytes.fromhex(one["change"]), *edges, frozenset(), ())
        assert print_name(document_id, print_).hex() == name
    for document in (
        Document.fold(document_id, birth, events, void),
        Document.fold(document_id, birth, events[::-1], void),
        _step_by_step(document_id, birth, events, void),
    ):
        assert document.text() == case["text"]
        found = document.regions(lambda one: frozenset(bytes([n]) for n, names in enumerate(settled) if one in names))
        for region, said in zip(found, case["regions"], strict=True):
            assert [one.hex() for one in region.prints] == said["prints"]
            assert [[side.change.hex(), side.text] for side in region.sides] == said["sides"]
            assert (region.ancestor, region.merged) == (said["ancestor"], said["merged"])
            assert (region.start, region.length) == (said["start"], said["length"])
            assert document.text()[region.start :][: region.length] == region.merged


def _letter(text: str) -> OperationId | None:
    counter, _, actor = text.partition("@")
    return OperationId(int(counter), bytes.fromhex(actor)) if text else None


@pytest.mark.parametrize("path", cases("digest"), ids=lambda path: path.stem)
def test_a_digest_is_as_it_says(path: Path) -> None:
    """From the events in the order of the file."""
    case = json.loads(path.read_text("utf-8"))
    chains: dict[DocumentId, dict[Digest, list[tuple[int, Digest]]]] = {}
    for name, chain, seq, event in case["events"]:
        of = chains.setdefault(DocumentId.parse(name), {}).setdefault(Digest(bytes.fromhex(chain)), [])
        of.append((seq, Digest(bytes.fromhex(event))))
    buckets: dict[int, list[tuple[Digest, Digest]]] = {}
    for document, parts in chains.items():
        key = digest.key(document)
        leaf = digest.leaf(key, [digest.part(*part) for part in parts.items()])
        assert leaf.hex() == case["leaves"][str(document)]
        buckets.setdefault(digest.bucket(key), []).append((key, leaf))
    tree = digest.Trie((bucket, digest.bucket_digest(leaves)) for bucket, leaves in buckets.items())
    assert tree.root().hex() == case["root"]
