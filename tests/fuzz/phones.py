"""The parsers of what phones, and devices that serve them, send: questions at the door, certificates, doorways."""

from __future__ import annotations

import json
from collections.abc import Iterable

from mesh.errors import Malformed, Refused
from mesh.events.bodies import decode_body, encode_body
from mesh.events.event import Lane
from mesh.events.founding import request_text
from mesh.events.kinds import Born
from mesh.names import DocumentId
from mesh.node.gateway import authority, push
from mesh.node.gateway.pairing import read_question
from mesh.node.gateway.waking import read_subscription
from mesh.state import doorways, records
from mesh.sync import offer
from tests.fuzz.parsers import Parser
from tests.unit.small_mesh import MESH, browser_key, browser_request, fixed

_KEY = fixed(32, "leaf")
_NAME = "mesh-aaaaaa.local"
_AUTHORITY = authority.new_authority(_NAME, 1_800_000_000)


def _json(value: object) -> bytes:
    return json.dumps(value).encode()


def _doorway(raw: bytes) -> object:
    """A birth of a doorway with any content."""
    born = decode_body(Lane.DATA, "born", raw)
    assert isinstance(born, Born)
    found = doorways.read(DocumentId("mesh", doorways.KIND, bytes(16)), born.registers, 1)
    return doorways.current([found] if found else [], MESH.verdict, MESH.statements())


def _leaf(raw: bytes) -> object:
    authority.check_leaf(raw, _AUTHORITY.certificate, _KEY, 1_800_000_000)
    return authority.good_s(raw)[1]


def phones() -> Iterable[Parser]:
    """All of them."""
    asked, token = request_text(browser_request("phone")), fixed(16, "token")
    proof = offer.phones_proof(token, asked).hex()
    question = _json({"token_id": offer.name_of(token), "request": asked, "proof": proof})
    yield Parser("phone-question", read_question, [question], structured=False)
    said = {
        "endpoint": "https://push.example.net/",
        "key": push.packed(browser_key("a")),
        "auth": push.packed(bytes(16)),
    }
    whole = {"device": "a" * 16, "said": json.dumps({**said, "at_ms": 1}), "signature": "00" * 64}
    yield Parser("subscription", read_subscription, [_json(whole)], structured=False)
    yield Parser("subscription-bytes", lambda raw: push.unpacked(raw.decode("latin-1")), [b"AAAA"], structured=False)
    wanted = [authority.csr(_KEY, _NAME)]
    yield Parser("leaf-request", authority.asked_key, wanted, errors=(Refused,), structured=False, share=0.5)
    leaf = _AUTHORITY.leaf(authority.public_of(_KEY), 1_800_000_000, 7)
    yield Parser("leaf", _leaf, [leaf], errors=(Refused,), structured=False, share=0.5)
    wraps = {MESH.mac.admission: bytes(80)}
    born = records.birth(doorways.KIND, doorways.registers_of_birth(_AUTHORITY.certificate, 1, wraps))
    yield Parser("doorway", _doorway, [encode_body(born)], errors=(Malformed, Refused), share=0.5)
