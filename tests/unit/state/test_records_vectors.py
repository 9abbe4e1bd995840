"""The vectors of records: the files are what we make, and a device shows of each what it says there."""

import json
from hashlib import sha256
from pathlib import Path
from typing import Any

import cbor2
import pytest

from mesh.errors import Malformed
from mesh.events.kinds import Born
from mesh.names import DocumentId
from mesh.state import records
from mesh.state.catalogue import SHAPES
from mesh.state.changes import decode
from mesh.state.documents import Document
from mesh.state.genesis import derive
from mesh.state.operations import OperationId
from mesh.state.shapes import check_birth, gate
from mesh.state.view_digest import content_of
from tests.vectors import record_cases

MADE = record_cases.files()
DOCUMENTS = sorted(record_cases.FOLDER.glob("valid_*.json"))
REFUSED = json.loads((record_cases.FOLDER / "refused.json").read_text("utf-8"))


def test_the_files_are_what_we_make() -> None:
    """Run tests/vectors/record_cases.py when a difference is meant, and say so in the commit."""
    assert sorted(record_cases.FOLDER.glob("*.json")) == sorted(MADE)
    for path, text in MADE.items():
        assert path.read_text("utf-8") == text, path.name


def test_every_type_of_record_is_there() -> None:
    """With a birth that is changed, and with everything refused that is said once."""
    changed = {DocumentId.parse(case["document"]).type for path in DOCUMENTS if (case := _read(path))["changes"]}
    assert changed == set(records.TYPES)
    fixed = {f"{kind}_{key}" for kind, shape in SHAPES.items() for key, rule in shape.registers.items() if rule.fixed}
    assert {name.rpartition("_")[0] for name in REFUSED} == fixed


@pytest.mark.parametrize("path", DOCUMENTS, ids=lambda path: path.stem)
def test_a_record_is_as_it_says(path: Path) -> None:
    """Its name from the bytes of its birth; what it shows and means, in the order of the file and backwards."""
    case = _read(path)
    document_id, raw = DocumentId.parse(case["document"]), bytes.fromhex(case["born"])
    named = b"mesh/birth/1" + cbor2.dumps([document_id.space, document_id.type, raw], canonical=True)
    assert sha256(named).digest()[:16] == document_id.name
    registers, text, salt = cbor2.loads(raw)
    birth = Born(registers, text, salt)
    check_birth(document_id.type, birth)
    assert derive(document_id, birth).hash.hex() == case["first"]
    events = [(bytes.fromhex(event), decode(bytes.fromhex(change))) for event, change in case["changes"]]
    for order in (events, events[::-1]):
        document = Document.fold(document_id, birth, order)
        record = records.view_of(document, document.conflicts())
        shown = {"registers": record.registers, "text": record.text, "conflicts": list(record.conflicts)}
        assert shown == case["shown"]
        assert shown["registers"] == {key: live[0][0] for key, live in case["live"].items() if key != "body"}
        assert record_cases.MEANS[document_id.type](record) == case["means"]
        assert content_of(record).hex() == case["content"]
    content = cbor2.dumps([case["shown"]["registers"], case["shown"]["text"]], canonical=True)
    assert sha256(content).hexdigest() == case["content"]


@pytest.mark.parametrize("name", sorted(REFUSED))
def test_what_is_said_once_is_refused(name: str) -> None:
    """By the gate, and for that reason."""
    case = REFUSED[name]
    body = OperationId(case["body"][0], bytes.fromhex(case["body"][1]))
    change = decode(bytes.fromhex(case["change"]))
    with pytest.raises(Malformed, match="once and for ever"):
        gate(change, admission=bytes.fromhex(case["admission"]), kind=case["type"], body=body)


def _read(path: Path) -> dict[str, Any]:
    found: dict[str, Any] = json.loads(path.read_text("utf-8"))
    return found
