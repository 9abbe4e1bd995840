"""More cases of the event vectors: requests, admissions, verdicts, padding, trails."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator, Sequence
from dataclasses import replace

from mesh.clocks.chain import Head, event_digest, signed_bytes, trail_places
from mesh.events import cbor
from mesh.events.event import CLEAR, Event, Header, Inner, Placed, Run
from mesh.events.founding import (
    ADMISSION_PREFIX,
    REQUEST_PREFIX,
    Packet,
    admission_text,
    default_grant,
    request_text,
    with_rank,
)
from mesh.events.founding import _armoured as armoured  # the armour of texts that are wrong inside
from mesh.events.keys import proof_bytes, wrap
from mesh.events.kinds import Admit, Grant, Located, Rekey
from mesh.events.seal import commitment, pad_body, pad_inner, padded_bytes
from mesh.names import Digest, short
from tests.unit.small_mesh import (
    EPOCH_KEY,
    MESH,
    NOTE,
    TIME_MS,
    browser_key,
    browser_request,
    browser_secret,
    fixed,
    one_run,
    request,
    secret_keys,
)
from tests.vectors.event_cases import CONTROL, EPOCH, Case, pushed, recorded, refused

LAPTOP, PHONE = secret_keys("laptop"), secret_keys("phone")
SEALED_FOR = b"mesh/admission/1"


def fields_of(admit: Admit) -> list[object]:
    """A request's fields."""
    keys = [admit.sign_key, admit.kem_key, admit.transport_key, admit.tls_key]
    return [*keys, admit.name, admit.proof, admit.rank]


def armoured_request(fields: Sequence[object]) -> str:
    """A request of any fields."""
    return REQUEST_PREFIX + armoured(cbor.encode(list(fields)))


def requests() -> Iterator[tuple[str, Case]]:
    """requests: what a device prints to be admitted."""
    good = request("laptop")
    text = request_text(good)
    names = ("sign_key", "kem_key", "transport_key", "tls_key", "name", "proof", "rank")
    values = [v.hex() if isinstance(v, bytes) else v for v in fields_of(good)]
    expect = dict(zip(names, values, strict=True))
    yield "valid_request", {"text": text, "expect": expect}
    broken = "\n".join(text[n : n + 64] for n in range(0, len(text), 64)) + "\n"
    yield "valid_with_line_breaks", {"text": broken, "expect": expect}
    yield "valid_other_rank", {"text": request_text(with_rank(good, 3)), "expect": {**expect, "rank": 3}}
    fields = fields_of(good)
    browser = browser_request("phone")
    shown = [v.hex() if isinstance(v, bytes) else v for v in fields_of(browser)]
    yield "valid_browser", {"text": request_text(browser), "expect": dict(zip(names, shown, strict=True))}
    beside = replace(browser, kem_key=browser.kem_key[:-1] + bytes([browser.kem_key[-1] ^ 1]))
    beside = replace(beside, proof=PHONE.sign(proof_bytes(beside)))
    packed = replace(browser, kem_key=b"\x02" + browser.kem_key[1:33])

    def put(place: int, value: object) -> str:
        return armoured_request([*fields[:place], value, *fields[place + 1 :]])

    unsafe = Admit(good.sign_key, bytes(32), good.transport_key, good.tls_key, good.name, b"", 10)
    proven = replace(unsafe, proof=LAPTOP.sign(proof_bytes(unsafe)))
    wrong = {
        "cut_short": (text[:-1], "Malformed"),
        "empty": ("", "Malformed"),
        "other_prefix": (text.replace("-1.", "-2.", 1), "Malformed"),
        "padding_characters": (text + "==", "Malformed"),
        "sign_key_31_bytes": (put(0, bytes(31)), "Malformed"),
        "sign_key_of_small_order": (put(0, bytes(32)), "Malformed"),
        "wrapping_key_of_small_order": (request_text(proven), "Malformed"),
        "wrapping_key_beside_the_curve": (request_text(beside), "Malformed"),
        "wrapping_key_compressed": (request_text(packed), "Malformed"),
        "name_empty": (put(4, ""), "Malformed"),
        "name_65_bytes": (put(4, "n" * 65), "Malformed"),
        "name_altered": (put(4, "mac"), "Forged"),
        "transport_key_exchanged": (put(2, request("mac").transport_key), "Forged"),
        "proof_of_another_device": (put(5, request("mac").proof), "Forged"),
        "proof_empty": (put(5, b""), "Malformed"),
        "rank_0": (put(6, 0), "Malformed"),
        "rank_256": (put(6, 256), "Malformed"),
        "field_more": (armoured_request([*fields, 0]), "Malformed"),
    }
    for name, (altered, kind) in wrong.items():
        yield name, {"text": altered, "expect": refused(kind)}


def wraps() -> Iterator[tuple[str, Case]]:
    """wraps: a secret that was sealed for a device in a browser."""
    secret, purpose = fixed(32, "secret"), b"mesh/rekey/1"
    text = recorded("browser_wrap", lambda: wrap(secret, browser_key("phone"), purpose).hex())
    given = {"private": format(browser_secret("phone").private_numbers().private_value, "064x"), "wrapped": text}
    yield "valid_p256", {**given, "purpose": purpose.hex(), "expect": {"secret": secret.hex()}}
    yield "another_purpose", {**given, "purpose": b"mesh/rekey/2".hex(), "expect": refused("Forged")}
    cut = {**given, "wrapped": text[:-2]}
    yield "cut_short", {**cut, "purpose": purpose.hex(), "expect": refused("Forged")}


def admissions() -> Iterator[tuple[str, Case]]:
    """admissions: what is handed to the device that asked, sealed for it."""
    epochs = {short(MESH.epoch): EPOCH_KEY}
    control = tuple(bytes.fromhex(push) for push in CONTROL)
    packet = Packet(MESH.id, MESH.laptop.admission, fixed(32, "transport"), epochs, control, ("192.0.2.7:4222",))
    text = recorded("admission", lambda: admission_text(packet, LAPTOP.kem_key))
    expect = {
        "mesh": packet.mesh.hex(),
        "admission": packet.admission.hex(),
        "transport": packet.transport.hex(),
        "epochs": {epoch.hex(): key.hex() for epoch, key in epochs.items()},
        "control": CONTROL,
        "addresses": list(packet.addresses),
    }
    seed = {"kem_seed": LAPTOP.kem_seed.hex()}
    yield "valid_admission", {**seed, "text": text, "expect": expect}
    middle = len(text) // 2
    whole = len(ADMISSION_PREFIX) + (len(text) - len(ADMISSION_PREFIX) - 1) // 4 * 4  # of base64url's groups
    swapped = "A" if text[middle] != "A" else "B"
    yield "truncated", {**seed, "text": text[:whole], "expect": refused("Stranger")}
    yield "altered", {**seed, "text": text[:middle] + swapped + text[middle + 1 :], "expect": refused("Stranger")}
    foreign = {"kem_seed": secret_keys("phone").kem_seed.hex()}
    yield "for_another_device", {**foreign, "text": text, "expect": refused("Stranger")}
    yield "other_prefix", {**seed, "text": text.replace("admission", "request", 1), "expect": refused("Malformed")}
    key = bytes(32)
    bad = {
        "field_missing": [MESH.id, MESH.id, [], [], []],
        "mesh_31_bytes": [bytes(31), MESH.id, key, [], [], []],
        "transport_31_bytes": [MESH.id, MESH.id, bytes(31), [], [], []],
        "epoch_key_31_bytes": [MESH.id, MESH.id, key, [[EPOCH, bytes(31)]], [], []],
        "control_not_bytes": [MESH.id, MESH.id, key, [], ["text"], []],
        "address_not_text": [MESH.id, MESH.id, key, [], [], [7]],
    }
    for name, fields in bad.items():
        made = recorded(name, lambda f=fields: _sealed(f))  # type: ignore[misc]
        yield name, {**seed, "text": made, "expect": refused("Malformed")}


def _sealed(fields: Sequence[object]) -> str:
    return ADMISSION_PREFIX + armoured(wrap(cbor.encode(list(fields)), LAPTOP.kem_key, SEALED_FOR))


def verdict_of(more: Sequence[Placed], **counts: object) -> dict[str, object]:
    """What counts: the small mesh's own, and more."""
    own = [MESH.recovery, MESH.mac, MESH.laptop, MESH.phone]
    admissions = {device.admission.hex(): rank for device, rank in zip(own, (0, 1, 2, 10), strict=True)}
    said = {placed.digest for placed in (*MESH.control, *more)} - set(counts.get("void", ()))  # type: ignore[call-overload]
    digest = hashlib.sha256(b"mesh/verdict/1" + b"".join(sorted(said))).hexdigest()
    named: dict[str, int] = counts.get("admissions", {})  # type: ignore[assignment]
    return {
        "admissions": {**admissions, **named},
        "grants": sorted([MESH.grant(d).hex() for d in own[1:]] + list(counts.get("grants", []))),  # type: ignore[call-overload]
        "epoch": counts.get("epoch", MESH.epoch.hex()),
        "unknown": counts.get("unknown", []),
        "located": counts.get("located", {}),
        "digest": digest,
    }


def verdicts() -> Iterator[tuple[str, Case]]:
    """verdicts: what counts of a control log, and whether data events of an admission are allowed."""
    mesh = {"mesh": MESH.id.hex()}
    yield "valid_small_mesh", {**mesh, "control": CONTROL, "expect": verdict_of([]), "weigh": weighed()}
    tries: dict[str, tuple[object, bool]] = {
        "junior_admits_equal": (with_rank(request("new"), 2), False),
        "junior_admits_senior": (with_rank(request("new"), 1), False),
        "valid_junior_admits_junior": (with_rank(request("new"), 3), True),
        "forged_admission_proof": (replace(with_rank(request("new"), 3), name="other"), False),
        "grant_to_a_senior": (default_grant(MESH.mac.admission), False),
        "grant_to_a_stranger": (default_grant(Digest(fixed(32, "nobody"))), False),
        "valid_grant_to_a_junior": (default_grant(MESH.phone.admission), True),
        "valid_grant_to_an_own_agent": (Grant(MESH.laptop.admission, "claude", "home", ("*",), ("edit",)), True),
        "valid_rekey_of_the_living": (rekey_for(MESH.mac.admission), True),
        "rekey_for_a_stranger_is_not_written_under": (rekey_for(Digest(fixed(32, "nobody"))), True),
        "valid_located_itself": (Located(MESH.laptop.admission, ("192.0.2.7:4222",)), True),
        "valid_located_a_junior": (Located(MESH.phone.admission, ("192.0.2.7:4222", "[2001:db8::7]:4222")), True),
        "located_a_senior": (Located(MESH.mac.admission, ("192.0.2.7:4222",)), False),
    }
    for name, (body, counts) in tries.items():
        chain = MESH.control_chain(MESH.laptop, [body], name)  # type: ignore[list-item]
        said = chain[1].digest
        facts: dict[str, object] = {} if counts and not isinstance(body, Located) else {"void": [said]}
        if counts and isinstance(body, Located):
            facts["located"] = {body.admission.hex(): list(body.addresses)}
        if counts and isinstance(body, Admit):
            facts["admissions"] = {said.hex(): body.rank}
        if counts and isinstance(body, Grant):
            facts["grants"] = [short(said).hex()]
        if name == "valid_rekey_of_the_living":
            facts["epoch"] = said.hex()
        control = [*CONTROL, pushed(one_run(chain, "laptop"))]
        yield name, {**mesh, "control": control, "expect": verdict_of(chain, **facts)}


def not_understood() -> Iterator[tuple[str, Case]]:
    """Verdicts with a statement that this version does not read: an upgrade is needed to agree."""
    last = MESH.mac_commit[-1]
    good = Header(last.header.lamport + 1, CLEAR, Digest(hashlib.sha256(b"body").digest()), 4, b"")
    headers = {
        "valid_unknown_statement": replace(good, inner=Inner(TIME_MS, "later").encode()),
        "valid_statement_of_a_later_version": replace(good, inner=b"whatever it is by then", version=2),
        "statement_that_cannot_be_read": replace(good, inner=b"whatever it is"),
    }
    for name, header in headers.items():
        digest = event_digest(last.chain, last.head, header.encode())
        signature = secret_keys("mac").sign(signed_bytes(last.chain, Head(last.seq + 1, digest)))
        run = Run(last.chain, last.head, (Event(header.encode(), b"body"),), signature)
        expect = verdict_of([], unknown=[digest.hex()] if name.startswith("valid_") else [])
        yield name, {"mesh": MESH.id.hex(), "control": [*CONTROL, pushed(run)], "expect": expect}


def rekey_for(recipient: Digest) -> Rekey:
    """An epoch that reaches one device."""
    return Rekey(commitment(EPOCH_KEY), ((recipient, fixed(80, "wrap")),))


def weighed() -> list[dict[str, object]]:
    """Inner headers of data events, and what each counts for."""
    grant = MESH.grant(MESH.phone)
    cases = [
        (Inner(TIME_MS, "born", "", NOTE, grant), "HONOURED"),
        (Inner(TIME_MS, "changed", "", NOTE, grant), "HONOURED"),
        (Inner(TIME_MS, "opening"), "HONOURED"),
        (Inner(TIME_MS, "born", "claude", NOTE, grant), "VOID"),
        (Inner(TIME_MS, "born", "", None, grant), "VOID"),
        (Inner(TIME_MS, "born", "", NOTE, MESH.grant(MESH.laptop)), "VOID"),
        (Inner(TIME_MS, "born", "", NOTE), "VOID"),
        (Inner(TIME_MS, "poem", "", NOTE, grant), "OPAQUE"),
        (Inner(TIME_MS, "admit", "", NOTE, grant), "OPAQUE"),
    ]
    phone = MESH.phone.admission.hex()
    return [{"admission": phone, "inner": inner.encode().hex(), "expect": standing} for inner, standing in cases]


def paddings() -> Iterator[tuple[str, Case]]:
    """padding: lengths by PADMÉ, and what is padded."""
    known = {0: 16, 1: 16, 15: 16, 16: 16, 17: 18, 31: 32, 33: 36, 100: 104, 255: 256, 257: 272, 1000: 1024, 4097: 4352}
    for length, padded in known.items():
        yield f"valid_length_{length:05}", {"length": length, "expect": {"padded_bytes": padded}}
    for plain in (b"", b"plain", b"ends in zeros\0\0", b"ends in the mark\x80", bytes(15), bytes(16)):
        name = hashlib.sha256(plain).hexdigest()[:6]
        body, inner = pad_body(plain), pad_inner(plain)
        yield f"valid_body_{name}", {"part": "body", "padded": body.hex(), "expect": {"plain": plain.hex()}}
        yield f"valid_inner_{name}", {"part": "header", "padded": inner.hex(), "expect": {"plain": plain.hex()}}
    for name, padded_part in (("empty", b""), ("only_zeros", bytes(16)), ("no_mark", b"plain\0\0\0")):
        yield name, {"part": "body", "padded": padded_part.hex(), "expect": refused("Malformed")}
    assert all(padded_bytes(length) == padded for length, padded in known.items()), known


def trails() -> Iterator[tuple[str, Case]]:
    """trails: which places of a chain a trail keeps."""
    for length in (0, 1, 2, 3, 4, 11, 16, 100, 1023, 1024, 10**6, 2**53 - 1):
        places = []
        for power in range(64):
            step = 2**power
            multiples = [step * ((length // step) - back) for back in (0, 1)]
            odd = [m for m in multiples if m > 0 and (m // step) % 2]
            places += odd[:1]
        expect = {"places": sorted(places, reverse=True)}
        assert tuple(expect["places"]) == trail_places(length), length
        yield f"valid_length_{length:016}", {"length": length, "expect": expect}
