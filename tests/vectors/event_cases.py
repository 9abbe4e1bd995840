"""The cases of the event vectors: what each file holds, and what must come out; derived from fixed names only.

A case is a JSON object; `expect` is written down here from how the case was made, never from what the code answers.
HPKE draws its own randomness: texts made with it are recorded once and used again.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator, Mapping
from dataclasses import asdict, replace
from pathlib import Path

from mesh.clocks.chain import START, Head, event_digest, genesis_digest, opening_digest, signed_bytes
from mesh.clocks.frontier import Span
from mesh.events import cbor
from mesh.events.bodies import encode_body
from mesh.events.event import CLEAR, Event, Header, Inner, Lane, Run
from mesh.events.founding import default_grant
from mesh.events.kinds import Body, Born, Changed, Genesis, Located, Opening, Settled, Undone, kind_of
from mesh.events.seal import pad_body, pad_inner
from mesh.events.speaking import runs
from mesh.limits import BODY_PLAIN_BYTES_MAX, CBOR_DEPTH_MAX, LAMPORT_STEP_MAX, SEQ_MAX
from mesh.names import Digest, short
from mesh.sync.messages import Have, Message, Push, Want, encode
from tests.unit.small_mesh import (
    EPOCH_KEY,
    MESH,
    NOTE,
    OTHER,
    TIME_MS,
    fixed,
    one_run,
    request,
    secret_keys,
    signed_commit,
    without_body,
)
from tests.unit.wrong_forms import (
    BAD_HEADERS,
    BAD_INNERS,
    GOOD_BODIES,
    GOOD_HEADER,
    GOOD_INNER,
    LANES,
    WRONG_CBOR,
    WRONG_FIELDS,
    WRONG_MESSAGES,
)

Case = Mapping[str, object]
RECORDED = Path(__file__).parent / "recorded.json"
LONGEST_HEX = 6000
WRITTEN = MESH.written(MESH.phone, 4)
RUN = one_run(WRITTEN, "phone")
EPOCH = short(MESH.epoch)


def refused(kind: str) -> dict[str, str]:
    """What a refusal is expected to be: whose fault, and which."""
    return {"family": "Refused", "class": kind}


# A key with a part of order 8, and a signature over the phone's run that fits if both sides are multiplied by 8.
MIXED_KEY = "e1240c4a2cfbafe18bb26f2ffdb49c78e81de755ec67193f9168c31a5b44f442"
MIXED_SIGNATURE = (
    "00b76653fb2b36b5c18589e1b562f00d9a9b79750cb539448896aebb10d0aa13"
    "0565c7b68869ae0c332e111ebc0c08c9a32e3c6c6c27653b2aa28ec6901aa200"
)
WAITS = {"family": "Waits", "class": "Gap"}
FITS = {"fits": True}


def heads(*places: Head) -> list[list[object]]:
    """Places as JSON."""
    return [[place.seq, place.digest.hex()] for place in places]


def recorded(name: str, make: Callable[[], str]) -> str:
    """A text that was drawn once: from the record, or made and put there."""
    known: dict[str, str] = json.loads(RECORDED.read_text("utf-8")) if RECORDED.exists() else {}
    if name not in known:
        known[name] = make()
        RECORDED.write_text(json.dumps(known, indent=1, sort_keys=True) + "\n", "utf-8")
    return known[name]


def as_json(value: object) -> object:
    """A decoded CBOR value as JSON: bytes as {"hex": ...}."""
    if isinstance(value, bytes):
        return {"hex": value.hex()}
    if isinstance(value, list):
        return [as_json(item) for item in value]
    return {str(k): as_json(v) for k, v in value.items()} if isinstance(value, dict) else value


def codec() -> Iterator[tuple[str, Case]]:
    """cbor: one value in its one encoding, and everything that is not."""
    values: dict[str, object] = {
        "numbers": [0, 23, 24, 255, 256, 65535, 65536, 2**32 - 1, 2**32, SEQ_MAX, 2**64 - 1, -1, -24, -25, -(2**64)],
        "texts_bytes_constants": ["", "ä🌱", b"", b"\x00\xff", True, False, None],
        "keys_sorted": {"": 0, "a": 1, "b": 2, "aa": 3, "ä": 4},
        "number_keys": {0: "a", 24: "b", 2**32: "c"},
        "byte_order_mark": ["\ufeff", "\ufefftext", {"\ufeff": 1}],
    }
    for name, value in values.items():
        yield f"valid_{name}", {"bytes": cbor.encode(value).hex(), "expect": {"value": as_json(value)}}
    deepest = bytes.fromhex("81" * CBOR_DEPTH_MAX + "01")
    yield "valid_deepest", {"bytes": deepest.hex(), "expect": {"value": json.loads("[" * 8 + "1" + "]" * 8)}}
    empty = bytes.fromhex("81" * CBOR_DEPTH_MAX + "80")
    yield "valid_deepest_empty", {"bytes": empty.hex(), "expect": {"value": json.loads("[" * 9 + "]" * 9)}}
    for name, raw in WRONG_CBOR.items():
        yield name, {"bytes": raw, "expect": refused("Malformed")}


def chains() -> Iterator[tuple[str, Case]]:
    """chains: the formulas of digests and of what is signed."""
    opening, birth = WRITTEN[0], WRITTEN[1]
    key, recovery = secret_keys("phone").sign_key, secret_keys("recovery").sign_key
    genesis = MESH.founding[0]
    given = {"rule": "genesis", "key": recovery.hex(), "header": genesis.event.header.hex()}
    yield "valid_genesis", {**given, "expect": {"digest": genesis_digest(recovery, genesis.event.header).hex()}}
    given = {"rule": "opening", "mesh": MESH.id.hex(), "key": key.hex(), "header": opening.event.header.hex()}
    yield "valid_opening", {**given, "expect": {"digest": opening_digest(MESH.id, key, opening.event.header).hex()}}
    for name, after in (("valid_event", opening.head), ("valid_event_high", Head(SEQ_MAX - 1, opening.digest))):
        digest = event_digest(RUN.chain, after, birth.event.header)
        place = {"rule": "event", "chain": RUN.chain.hex(), "after": heads(after)[0]}
        yield name, {**place, "header": birth.event.header.hex(), "expect": {"digest": digest.hex()}}
    head = WRITTEN[-1].head
    signed = {"rule": "signature", "key": key.hex(), "chain": RUN.chain.hex(), "head": heads(head)[0]}
    right = {**signed, "signed_bytes": signed_bytes(RUN.chain, head).hex(), "signature": RUN.signature.hex()}
    yield "valid_signature", {**right, "expect": FITS}
    altered = bytes([RUN.signature[0] ^ 1]) + RUN.signature[1:]
    wrong: dict[str, dict[str, object]] = {
        "signature_altered": {"signature": altered.hex()},
        "signature_cut": {"signature": RUN.signature[:63].hex()},
        "signature_of_another_head": {"head": heads(WRITTEN[-2].head)[0]},
        "signature_of_another_key": {"key": secret_keys("laptop").sign_key.hex()},
        "signature_for_another_chain": {"chain": MESH.id.hex()},
        "signature_that_the_cofactor_would_mend": {"key": MIXED_KEY, "signature": MIXED_SIGNATURE},
    }
    for name, change in wrong.items():
        yield name, {**signed, "signature": RUN.signature.hex(), **change, "expect": refused("Forged")}


def header_fields(header: Header) -> dict[str, object]:
    """A header as JSON."""
    fields = asdict(header)
    extensions = {str(k): v.hex() for k, v in header.extensions.items()}
    return {**{k: v.hex() if isinstance(v, bytes) else v for k, v in fields.items()}, "extensions": extensions}


def headers() -> Iterator[tuple[str, Case]]:
    """headers: outer headers."""
    good = {
        "clear": MESH.founding[1].header,
        "sealed": WRITTEN[1].header,
        "extensions": replace(WRITTEN[1].header, extensions={0: b"", 7: b"more"}),
        "largest_numbers": replace(WRITTEN[1].header, lamport=SEQ_MAX, body_bytes=128 * 1024),
    }
    for name, header in good.items():
        yield f"valid_{name}", {"header": header.encode().hex(), "expect": header_fields(header)}
    later = cbor.encode([2, *GOOD_HEADER[1:], {"new": [1]}])
    expect = header_fields(replace(Header(5, CLEAR, Digest(bytes(32)), 200, b"inner"), version=2))
    yield "valid_later_version_with_more_fields", {"header": later.hex(), "expect": expect}
    for name, change in BAD_HEADERS.items():
        yield name, {"header": cbor.encode(change(GOOD_HEADER)).hex(), "expect": refused("Malformed")}
    plain = cbor.encode(GOOD_HEADER)
    yield "trailing_byte", {"header": (plain + b"\0").hex(), "expect": refused("Malformed")}
    yield "list_length_not_minimal", {"header": (b"\x98\x07" + plain[1:]).hex(), "expect": refused("Malformed")}
    twice = plain[:-1] + bytes.fromhex("a201400140")
    yield "extension_twice", {"header": twice.hex(), "expect": refused("Malformed")}
    yield "longer_than_4_kib", {"header": bytes(4097).hex(), "expect": refused("TooLarge")}


def inner_fields(inner: Inner) -> dict[str, object]:
    """An inner header as JSON."""
    document = [inner.document.space, inner.document.type, inner.document.name.hex()] if inner.document else []
    return {
        "time_ms": inner.time_ms,
        "kind": inner.kind,
        "agent": inner.agent,
        "document": document,
        "grant": inner.grant.hex(),
    }


def inners() -> Iterator[tuple[str, Case]]:
    """inner: inner headers, unsealed."""
    good = {
        "person": Inner(TIME_MS, "born", "", NOTE, MESH.grant(MESH.phone)),
        "agent": Inner(TIME_MS, "changed", "claude", NOTE, MESH.grant(MESH.phone)),
        "statement": Inner(TIME_MS, "admit"),
        "kind_to_come": Inner(0, "poem"),
        "kind_that_is_no_word": Inner(0, "Ä"),
    }
    for name, inner in good.items():
        yield f"valid_{name}", {"inner": inner.encode().hex(), "expect": inner_fields(inner)}
    for name, change in BAD_INNERS.items():
        yield name, {"inner": cbor.encode(change(GOOD_INNER)).hex(), "expect": refused("Malformed")}


def bodies() -> Iterator[tuple[str, Case]]:
    """bodies: each kind of this version."""
    said: dict[str, tuple[Lane, Body]] = {
        "opening_of_data": (Lane.DATA, Opening(MESH.phone.admission, Lane.DATA, "new", fixed(16, "salt"))),
        "opening_of_control": (Lane.CONTROL, Opening(MESH.mac.admission, Lane.CONTROL, "restored", fixed(16, "salt"))),
        "genesis": (
            Lane.CONTROL,
            Genesis(secret_keys("recovery").sign_key, secret_keys("recovery").kem_key, bytes(16)),
        ),
        "admit": (Lane.CONTROL, request("phone")),
        "grant": (Lane.CONTROL, default_grant(MESH.phone.admission)),
        "grant_of_an_agent": (
            Lane.CONTROL,
            replace(
                default_grant(MESH.phone.admission),
                agent="claude",
                space="home",
                types=("note", "task"),
                verbs=("edit",),
                until_ms=TIME_MS,
            ),
        ),
        "rekey": (Lane.CONTROL, MESH.rekey(MESH.mac)),
        "located": (Lane.CONTROL, Located(MESH.mac.admission, ("192.0.2.7:4222", "[2001:db8::7]:4222"))),
        "located_nowhere": (Lane.CONTROL, Located(MESH.mac.admission, ())),
        "born": (Lane.DATA, Born({"title": "Shopping", "done": False, "rank": -3, "due": None}, "milk\n", bytes(16))),
        "born_without_salt": (Lane.DATA, Born({}, "", b"")),
        "changed": (Lane.DATA, Changed(b"an Automerge change")),
        "settled": (Lane.DATA, Settled(b"an Automerge change", fixed(16, "conflict"))),
        "settled_by_a_rule": (
            Lane.DATA,
            Settled(
                b"an Automerge change", fixed(16, "conflict"), tuple(sorted(fixed(16, n) for n in "abc")), "prefix"
            ),
        ),
        "undone": (Lane.DATA, Undone(b"an Automerge change", Digest(fixed(32, "event")))),
    }
    for name, (lane, body) in said.items():
        raw = encode_body(body)
        listed = as_json(cbor.decode(raw, BODY_PLAIN_BYTES_MAX, name))
        expect = {"fields": listed}
        yield f"valid_{name}", {"lane": int(lane), "kind": kind_of(body), "body": raw.hex(), "expect": expect}
    counts: dict[tuple[str, int], int] = {}
    for kind, place, bad in WRONG_FIELDS:
        count = counts[kind, place] = counts.get((kind, place), 0) + 1
        fields = [*GOOD_BODIES[kind][:place], bad, *GOOD_BODIES[kind][place + 1 :]]
        lane = LANES.get(kind, Lane.CONTROL)
        body_hex = cbor.encode(fields).hex()
        if len(body_hex) <= LONGEST_HEX:
            case = {"lane": int(lane), "kind": kind, "body": body_hex, "expect": refused("Malformed")}
            yield f"{kind}_field_{place + 1}_wrong_{count}", case


def seals() -> Iterator[tuple[str, Case]]:
    """seals: parts under an epoch key at a place."""
    ring, nonce = MESH.keyring(), fixed(12, "nonce")
    key = {"epoch": EPOCH.hex(), "epoch_key": EPOCH_KEY.hex()}
    for part, plain, padded in (
        ("body", b"a body", pad_body(b"a body")),
        ("header", b"an inner header", pad_inner(b"an inner header")),
        ("body", b"", pad_body(b"")),
    ):
        sealed = ring.seal(EPOCH, RUN.chain, 7, part.encode(), padded, nonce)
        place = {"chain": RUN.chain.hex(), "seq": 7, "part": part}
        name = f"valid_{part}" if plain else "valid_empty_body"
        yield name, {**key, **place, "sealed": sealed.hex(), "expect": {"plain": plain.hex(), "padded": padded.hex()}}
    sealed = ring.seal(EPOCH, RUN.chain, 7, b"body", pad_body(b"a body"), nonce)
    right = {**key, "chain": RUN.chain.hex(), "seq": 7, "part": "body", "sealed": sealed.hex()}
    forged: dict[str, dict[str, object]] = {
        "other_chain": {"chain": MESH.id.hex()},
        "other_seq": {"seq": 8},
        "other_part": {"part": "header"},
        "wrong_epoch_key": {"epoch_key": fixed(32, "another key").hex()},
        "tag_altered": {"sealed": (sealed[:-1] + bytes([sealed[-1] ^ 1])).hex()},
        "nonce_altered": {"sealed": (bytes([sealed[0] ^ 1]) + sealed[1:]).hex()},
        "cut_short": {"sealed": sealed[:-1].hex()},
        "shorter_than_a_nonce": {"sealed": sealed[:11].hex()},
        "empty": {"sealed": ""},
    }
    for name, change in forged.items():
        yield name, {**right, **change, "expect": refused("Forged")}
    unpadded = ring.seal(EPOCH, RUN.chain, 7, b"body", b"a body", nonce)
    yield "not_padded", {**right, "sealed": unpadded.hex(), "expect": refused("Malformed")}


def pushed(*some: Run) -> str:
    """Runs as a Push message in hex."""
    return encode(Push(some)).hex()


CONTROL = [pushed(run) for run in runs(MESH.control)]


def sound_runs() -> Iterator[tuple[str, Case]]:
    """runs, those that are taken or wait."""
    held = {"mesh": MESH.id.hex(), "held": CONTROL}
    known = {**held, "held": [*CONTROL, pushed(one_run(WRITTEN[:3], "phone"))]}
    places = [placed.head for placed in WRITTEN]
    yield (
        "valid_genesis",
        {**held, "held": [], "run": CONTROL[0], "expect": {"new": heads(*[p.head for p in MESH.founding])}},
    )
    yield "valid_chain", {**held, "run": pushed(RUN), "expect": {"new": heads(*places)}}
    bare = replace(RUN, events=(RUN.events[0], *(without_body(event) for event in RUN.events[1:])))
    yield "valid_without_bodies", {**held, "run": pushed(bare), "expect": {"new": heads(*places)}}
    tail = pushed(one_run(WRITTEN[1:], "phone"))
    yield "valid_overlap", {**known, "run": tail, "expect": {"new": heads(*places[3:])}}
    yield "valid_replay", {**known, "run": pushed(one_run(WRITTEN[:2], "phone")), "expect": {"new": []}}
    voice, opening = MESH.voice(MESH.phone, Lane.DATA)
    fork = (opening, MESH.say_data(voice, MESH.phone, Changed(b"another continuation")))
    expect = {"new": heads(fork[1].head)}
    yield "valid_fork", {**known, "run": pushed(one_run(fork[1:], "phone")), "expect": expect}
    yield "gap", {**held, "run": tail, "expect": WAITS}
    yield "gap_in_a_known_chain", {**known, "run": pushed(one_run(WRITTEN[4:], "phone")), "expect": WAITS}
    yield "admission_not_held", {**held, "held": CONTROL[:1], "run": pushed(RUN), "expect": WAITS}


def wrong_runs() -> Iterator[tuple[str, Case]]:
    """runs, those that are refused."""
    events, laptop = RUN.events, MESH.written(MESH.laptop, 4)
    member = one_run(MESH.control_chain(MESH.phone, []), "phone")
    statement = replace(one_run(MESH.mac_commit[1:], "mac"), after=START, chain=RUN.chain)
    swapped = Event(events[2].header, events[3].body)
    wrong: dict[str, tuple[Run, str]] = {
        "reordered": (replace(RUN, events=(*events[:2], events[3], events[2], *events[4:])), "Malformed"),
        "truncated_tail": (replace(RUN, events=events[:-1]), "Forged"),
        "event_left_out": (replace(RUN, events=(*events[:2], *events[3:])), "Forged"),
        "empty": (replace(RUN, events=()), "Malformed"),
        "spliced_from_two_devices": (replace(RUN, events=(*events[:2], *(p.event for p in laptop[2:]))), "Forged"),
        "signed_by_another_device": (replace(RUN, signature=one_run(WRITTEN, "laptop").signature), "Forged"),
        "other_mesh": (runs(OTHER.control)[0], "Stranger"),
        "genesis_of_another_mesh_renamed": (replace(runs(OTHER.control)[0], chain=MESH.id), "Forged"),
        "chain_renamed": (replace(RUN, chain=Digest(fixed(32, "any"))), "Forged"),
        "body_swapped": (replace(RUN, events=(*events[:2], swapped, *events[3:])), "Forged"),
        "opening_without_body": (replace(RUN, events=(without_body(events[0]), *events[1:])), "Malformed"),
        "first_event_sealed": (replace(one_run(WRITTEN[1:], "phone"), after=START), "Malformed"),
        "first_event_a_statement": (statement, "Malformed"),
        "member_opens_a_control_chain": (member, "Malformed"),
        "seq_overflow": (replace(one_run(WRITTEN[1:], "phone"), after=Head(SEQ_MAX, WRITTEN[0].digest)), "Malformed"),
    }
    for name, (run, kind) in wrong.items():
        yield name, {"mesh": MESH.id.hex(), "held": CONTROL, "run": pushed(run), "expect": refused(kind)}
    known = [*CONTROL, pushed(one_run(WRITTEN, "phone"))]
    last = WRITTEN[-1]
    by_hand: dict[str, Header] = {
        "lamport_jump": replace(last.header, lamport=last.header.lamport + LAMPORT_STEP_MAX + 1),
        "lamport_does_not_grow": last.header,
        "clear_in_the_data_lane": replace(last.header, lamport=last.header.lamport + 1, epoch=CLEAR),
    }
    for name, header in by_hand.items():
        run = signed_by_hand(header, last.event.body)
        yield name, {"mesh": MESH.id.hex(), "held": known, "run": pushed(run), "expect": refused("Malformed")}
    furthest = replace(last.header, lamport=last.header.lamport + LAMPORT_STEP_MAX)
    run = signed_by_hand(furthest, last.event.body)
    head = Head(last.seq + 1, event_digest(RUN.chain, last.head, furthest.encode()))
    expect = {"new": heads(head)}
    yield "valid_largest_lamport_step", {"mesh": MESH.id.hex(), "held": known, "run": pushed(run), "expect": expect}


def signed_by_hand(header: Header, body: bytes | None) -> Run:
    """One more event on the phone's chain, made by hand, with the phone's true signature."""
    last = WRITTEN[-1].head
    digest = event_digest(RUN.chain, last, header.encode())
    signature = secret_keys("phone").sign(signed_bytes(RUN.chain, Head(last.seq + 1, digest)))
    return Run(RUN.chain, last, (Event(header.encode(), body),), signature)


def message_cases() -> Iterator[tuple[str, Case]]:
    """messages: Have, Want and Push."""
    chains = MESH.chains()
    for placed in signed_commit(WRITTEN, "phone"):
        chains.take(placed, secret_keys("phone").sign_key)
    state, verdict = Digest(fixed(32, "state")), Digest(fixed(32, "verdict"))
    span_after = chains.after(RUN.chain)
    good: dict[str, Message] = {
        "have": Have(chains.frontier(Lane.CONTROL), chains.frontier(Lane.DATA), state, verdict, asks=True),
        "have_of_nothing": Have({}, {}, state, verdict, asks=False),
        "want": Want(spans_of(span_after), (WRITTEN[1].digest,)),
        "want_nothing": Want(()),
        "push": Push((RUN,), ((WRITTEN[1].digest, WRITTEN[1].event.body or b""),), answer=True),
        "push_nothing": Push(()),
    }
    for name, message in good.items():
        raw = encode(message)
        value = as_json(cbor.decode(raw, len(raw), name))
        kind = type(message).__name__.lower()
        yield f"valid_{name}", {"message": kind, "bytes": raw.hex(), "expect": {"value": value}}
    for name, (wrong_kind, fields, error) in WRONG_MESSAGES.items():
        raw = cbor.encode(fields)
        if len(raw) * 2 <= LONGEST_HEX:
            kind = wrong_kind.__name__.lower()
            yield name, {"message": kind, "bytes": raw.hex(), "expect": refused(error.__name__)}


def spans_of(after: tuple[Head, ...]) -> tuple[Span, ...]:
    """Two spans: one with known places, one from the opening."""
    return (Span(RUN.chain, WRITTEN[-1].head, after), Span(MESH.id, MESH.founding[-1].head, ()))
