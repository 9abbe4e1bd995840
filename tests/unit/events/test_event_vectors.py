"""The event vectors: the files are what the generator makes, and each behaves as it says."""

from __future__ import annotations

import json
import re
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.asymmetric.ec import SECP256R1, derive_private_key
from cryptography.hazmat.primitives.hpke import AEAD, KDF, KEM, Suite

from mesh.clocks.chain import Head, event_digest, genesis_digest, opening_digest, signed_bytes, trail_places
from mesh.clocks.lamport import Stamp
from mesh.errors import Forged, Refused
from mesh.events import cbor
from mesh.events.bodies import decode_body, encode_body
from mesh.events.chains import Chains, Gap
from mesh.events.epochs import Learner
from mesh.events.event import Lane, decode_header, decode_inner
from mesh.events.founding import read_admission, read_request
from mesh.events.judge import judge
from mesh.events.keys import SecretKeys, verify
from mesh.events.kinds import known
from mesh.events.pake import Exchange, Role
from mesh.events.reading import statement
from mesh.events.seal import Keyring, pad_body, pad_inner, padded_bytes, unpad
from mesh.events.verdict import Statement
from mesh.names import ZERO, Digest, Short, short
from mesh.sync.inputs import Heard
from mesh.sync.messages import decode_have, decode_push, decode_want
from mesh.sync.messages import encode as encode_message
from mesh.sync.offer import Offer, phones_proof, token_text, typed_text
from mesh.sync.pairing import Invitation, Inviter, Joiner
from mesh.sync.pairing_frames import Code
from mesh.sync.replica import Own, Replica
from tests.unit.lineage import weighed
from tests.unit.small_mesh import secret_keys
from tests.unit.wrong_forms import GOOD_BODIES
from tests.vectors import make_events
from tests.vectors.event_cases import as_json, header_fields, heads, inner_fields

Json = dict[str, Any]
HERE = Path(make_events.__file__).parent
BYTES_MAX = 2**20


def raw(case: Json, name: str) -> bytes:
    """A field in hex."""
    return bytes.fromhex(case[name])


def digest(case: Json, name: str) -> Digest:
    """A digest in hex."""
    return Digest(raw(case, name))


def place(value: list[Any]) -> Head:
    """A place in JSON."""
    return Head(value[0], Digest(bytes.fromhex(value[1])))


def run_cbor(case: Json) -> object:
    """Decode and encode again."""
    value = cbor.decode(raw(case, "bytes"), BYTES_MAX, "it")
    assert cbor.encode(value) == raw(case, "bytes")
    return {"value": as_json(value)}


def run_chains(case: Json) -> object:
    """Apply the formula that the case names."""
    if case["rule"] == "genesis":
        return {"digest": genesis_digest(raw(case, "key"), raw(case, "header")).hex()}
    if case["rule"] == "opening":
        return {"digest": opening_digest(digest(case, "mesh"), raw(case, "key"), raw(case, "header")).hex()}
    if case["rule"] == "event":
        return {"digest": event_digest(digest(case, "chain"), place(case["after"]), raw(case, "header")).hex()}
    signed = signed_bytes(digest(case, "chain"), place(case["head"]))
    assert case.get("signed_bytes", signed.hex()) == signed.hex()
    verify(raw(case, "key"), signed, raw(case, "signature"))
    return {"fits": True}


def run_headers(case: Json) -> object:
    """Decode; of version 1 encode again."""
    header = decode_header(raw(case, "header"))
    assert header.version > 1 or header.encode() == raw(case, "header")
    return header_fields(header)


def run_inner(case: Json) -> object:
    """Decode and encode again."""
    inner = decode_inner(raw(case, "inner"))
    assert inner.encode() == raw(case, "inner")
    return inner_fields(inner)


def run_bodies(case: Json) -> object:
    """Decode and encode again."""
    body = decode_body(Lane(case["lane"]), case["kind"], raw(case, "body"))
    assert encode_body(body) == raw(case, "body")
    return {"fields": as_json(cbor.decode(encode_body(body), BYTES_MAX, "it"))}


def run_seals(case: Json) -> object:
    """Open, pad and seal again."""
    epoch, part = Short(raw(case, "epoch")), case["part"].encode()
    ring, sealed = Keyring({epoch: raw(case, "epoch_key")}), raw(case, "sealed")
    plain = ring.open(epoch, digest(case, "chain"), case["seq"], part, sealed)
    padded = pad_body(plain) if part == b"body" else pad_inner(plain)
    assert ring.seal(epoch, digest(case, "chain"), case["seq"], part, padded, sealed[:12]) == sealed
    return {"plain": plain.hex(), "padded": padded.hex()}


def run_epochs(case: Json) -> object:
    """Take the statements in, one after the other."""
    keys = SecretKeys(bytes(32), raw(case, "kem_seed"))
    learner = Learner(digest(case, "mesh"), digest(case, "admission"), keys, Keyring())
    faults: set[str] = set()
    for place, (name, body) in enumerate(case["rekeys"], 1):
        said = decode_body(Lane.CONTROL, "rekey", bytes.fromhex(body))
        stamp = Stamp(place, Digest(bytes(32)))
        statement = Statement(Digest(bytes.fromhex(name)), Digest(bytes(32)), stamp, "rekey", said, place, ZERO)
        faults |= {short(fault.epoch).hex() for fault in learner.add([statement])[1]}
    return {
        "keys": {name.hex(): key.hex() for name, key in learner.keyring.keys().items()},
        "missing": sorted(short(epoch.digest).hex() for epoch in learner.missing),
        "faults": sorted(faults),
    }


def run_runs(case: Json) -> object:
    """Hold what is held, then place the run."""
    chains, statements, log = Chains(digest(case, "mesh")), dict[Digest, Statement](), dict[Digest, tuple[int, int]]()

    def fitted(push: str) -> list[Head]:
        (run,) = decode_push(bytes.fromhex(push)).runs
        asked = chains.unsure(run)
        found = chains.place(run, statements, {d: log[d] for d in asked if d in log})
        for placed in found.events:
            chains.take(placed, found.key)
            log[placed.digest] = (placed.seq, placed.header.lamport)
            if placed.lane is Lane.CONTROL:
                statements[placed.digest] = statement(placed)
        return [placed.head for placed in found.events]

    for push in case["held"]:
        fitted(push)
    return {"new": heads(*fitted(case["run"]))}


def run_messages(case: Json) -> object:
    """Decode and encode again."""
    decode = {"have": decode_have, "want": decode_want, "push": decode_push}[case["message"]]
    message = decode(raw(case, "bytes"))
    assert encode_message(message) == raw(case, "bytes")  # type: ignore[arg-type]
    return {"value": as_json(cbor.decode(raw(case, "bytes"), BYTES_MAX, "it"))}


def run_requests(case: Json) -> object:
    """Read a request."""
    admit = read_request(case["text"])
    fields = {name: getattr(admit, name) for name in admit.__dataclass_fields__}
    return {name: value.hex() if isinstance(value, bytes) else value for name, value in fields.items()}


def run_wraps(case: Json) -> object:
    """What a browser opens; here by the library, for Python never lives in one."""
    private = derive_private_key(int(case["private"], 16), SECP256R1())
    suite = Suite(KEM.P256, KDF.HKDF_SHA256, AEAD.AES_256_GCM)
    try:
        return {"secret": suite.decrypt(bytes.fromhex(case["wrapped"]), private, bytes.fromhex(case["purpose"])).hex()}
    except InvalidTag as error:
        raise Forged(str(error)) from error


def run_admissions(case: Json) -> object:
    """Open an admission."""
    packet = read_admission(case["text"], SecretKeys(bytes(32), raw(case, "kem_seed")))
    return {
        "mesh": packet.mesh.hex(),
        "admission": packet.admission.hex(),
        "epochs": {epoch.hex(): key.hex() for epoch, key in packet.epochs.items()},
        "control": [push.hex() for push in packet.control],
        "transport": packet.transport.hex(),
        "addresses": list(packet.addresses),
    }


def run_verdicts(case: Json) -> object:
    """Judge a control log, and weigh what the case asks about."""
    mesh = digest(case, "mesh")
    replica = Replica(Own(mesh, mesh, secret_keys("recovery")), Keyring())
    for push in case["control"]:
        assert not replica.handle(Heard("vector", decode_push(bytes.fromhex(push)))).refused
    verdict = replica.verdict
    assert judge(reversed(list(replica.statements.values())), mesh) == verdict
    for asked in case.get("weigh", []):
        standing = weighed(verdict, digest(asked, "admission"), decode_inner(raw(asked, "inner"))).standing
        assert standing.name == asked["expect"]
    epoch = verdict.epoch()
    return {
        "admissions": {name.hex(): found.rank for name, found in verdict.admissions.items()},
        "grants": sorted(name.hex() for name in verdict.grants),
        "epoch": epoch.hex() if epoch else None,
        "unknown": sorted(name.hex() for name in verdict.unknown),
        "located": {name.hex(): list(verdict.addresses_of(name)) for name in verdict.located},
        "digest": replica.verdict_digest.hex(),
    }


def run_padding(case: Json) -> object:
    """A length, or a padded part."""
    if "length" in case:
        return {"padded_bytes": padded_bytes(case["length"])}
    plain = unpad(raw(case, "padded"))
    assert (pad_body if case["part"] == "body" else pad_inner)(plain) == raw(case, "padded")
    return {"plain": plain.hex()}


def run_trails(case: Json) -> object:
    """The places of a trail."""
    return {"places": list(trail_places(case["length"]))}


def run_pairing(case: Json) -> object:
    """One side of an exchange, or of a whole conversation; or what both make of a phone's token."""
    if case["rule"] == "door":
        return run_door(raw(case, "token"), case["request"], case["admitter"])
    role, entropy = Role(case["role"]), raw(case, "entropy")
    if case["rule"] == "exchange":
        exchange = Exchange(role, case["nameplate"], case["words"], entropy)
        return {"element": exchange.element.hex(), "secret": exchange.finish(raw(case, "element")).hex()}
    code = Code.parse(case["code"])
    said: list[bytes] = []
    joined = False
    if role is Role.JOINER:
        joiner = Joiner(code, case["request"], entropy)
        said += joiner.begin().send
        for frame in map(bytes.fromhex, case["heard"]):
            step = joiner.heard(frame)
            said += step.send
            if step.admission:
                said += joiner.kept().send
                joined = True
    else:
        inviter = Inviter(Invitation(code, 0.0), entropy)
        for frame in map(bytes.fromhex, case["heard"]):
            step = inviter.heard(frame, 1.0)
            said += step.send
            joined = step.joined
            if step.asking:
                said += inviter.decided(case["admission"]).send
    return {"said": [frame.hex() for frame in said], "joined": joined}


def run_door(token: bytes, asked: str, admitter: str) -> object:
    """What both sides of an offer to a phone come to."""
    one = Offer(token, 0.0, admitter)
    proof = phones_proof(token, asked)
    one.heard(asked, proof, 1.0)
    shown = {"token_id": one.name, "qr": token_text(token), "typed": typed_text(token), "digits": one.digits()}
    return {**shown, "proof": proof.hex(), "admitters_proof": one.proof().hex()}


RUNNERS: dict[str, Callable[[Json], object]] = {
    "cbor": run_cbor,
    "chains": run_chains,
    "headers": run_headers,
    "inner": run_inner,
    "bodies": run_bodies,
    "seals": run_seals,
    "epochs": run_epochs,
    "runs": run_runs,
    "messages": run_messages,
    "requests": run_requests,
    "admissions": run_admissions,
    "wraps": run_wraps,
    "verdicts": run_verdicts,
    "padding": run_padding,
    "trails": run_trails,
    "pairing": run_pairing,
}


def outcome(folder: str, case: Json) -> object:
    """What comes out of a case: a value, or whose fault it is and which."""
    try:
        return RUNNERS[folder](case)
    except Refused as error:
        return {"family": "Refused", "class": type(error).__name__}
    except Gap:
        return {"family": "Waits", "class": "Gap"}


def test_the_files_are_what_the_generator_makes() -> None:
    """Checked-in vectors are never edited by hand; run `python -m tests.vectors.make_events`."""
    assert make_events.made() == make_events.found()


def test_each_folder_has_a_runner_and_sound_and_wrong_cases() -> None:
    """No folder is forgotten, and most show what is taken beside what is refused."""
    assert set(RUNNERS) == set(make_events.FOLDERS)
    for folder in RUNNERS:
        names = [path.name for path in (HERE / folder).glob("*.json")]
        assert any(name.startswith("valid_") for name in names), folder
        assert folder == "trails" or any(not name.startswith("valid_") for name in names), folder


@pytest.mark.parametrize("path", sorted(make_events.found()))
def test_a_vector_behaves_as_it_says(path: str) -> None:
    """The value or the refusal that stands in the file comes out; valid ones are never refused."""
    case = json.loads((HERE / path).read_text("utf-8"))
    folder, name = path.split("/")
    assert outcome(folder, case) == case["expect"]
    if name.startswith("valid_"):
        assert "family" not in case["expect"]


EXAMPLE = re.compile(r"\| [^|]+ \| `([a-z/_]+\.json)` `([a-z_.]+)` \| `([0-9a-f]+)` \|")


def test_the_protocols_worked_example_is_taken_from_the_vectors() -> None:
    """Each line of the example names a file and a field, and shows exactly what is there."""
    document = (HERE.parent.parent / "docs" / "PROTOCOL.md").read_text("utf-8")
    rows = EXAMPLE.findall(document.split("## Worked example")[1])
    assert len(rows) >= 10
    for path, field, shown in rows:
        value = json.loads((HERE / path).read_text("utf-8"))
        for name in field.split("."):
            value = value[name]
        assert value == shown, (path, field)


def test_the_protocol_names_every_domain_and_kind() -> None:
    """A domain or kind that is in the code and not on the page would be missing from a second implementation."""
    document = (HERE.parent.parent / "docs" / "PROTOCOL.md").read_text("utf-8")
    sources = [
        path.read_text("utf-8") for path in (HERE.parent.parent / "mesh").rglob("*.py") if "cli" not in path.parts
    ]
    domains = {name for text in sources for name in re.findall(r'b?"(mesh/[a-z/-]+/1/?)"', text)}
    local = {"mesh/lockbox/1", "mesh/machine/1"}  # at rest on one device
    assert len(domains) > 15
    assert not [name for name in sorted(domains - local) if f"`{name}`" not in document]
    kinds = {kind for lane in Lane for kind in ("genesis", "opening", *GOOD_BODIES) if known(lane, kind)}
    assert not [kind for kind in kinds if f"`{kind}`" not in document]
