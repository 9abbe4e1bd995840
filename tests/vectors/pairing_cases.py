"""Cases of the event vectors: pairing. SPAKE2 is computed here anew, from the page, without a library for it.

Slow and not constant in time, for fixed numbers only.
"""

from __future__ import annotations

import base64
import hashlib
import hmac
from collections.abc import Iterator, Mapping

from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.kdf.hkdf import HKDF

from mesh.events import cbor
from mesh.events.founding import request_text
from tests.unit.small_mesh import browser_request, fixed, request
from tests.vectors.event_cases import Case, refused

NAMEPLATE, WORDS = 7, "orbit-velvet-canoe"
FIELD = 2**255 - 19
ORDER = 2**252 + 27742317777372353535851937790883648493
CURVE_D = -121665 * pow(121666, -1, FIELD) % FIELD
ROOT = pow(2, (FIELD - 1) // 4, FIELD)
BLINDS = {  # M of the joiner, N of the inviter
    "joiner": bytes.fromhex("15cfd18e385952982b6a8f8c7854963b58e34388c8e6dae891db756481a02312"),
    "inviter": bytes.fromhex("f04f2e7eb734b2a8f8b472eaf9c3c632576ac64aea650b496a8a20ff00e583c3"),
}
BASE = (4 * pow(5, -1, FIELD) % FIELD).to_bytes(32, "little")
OTHERS = {"joiner": "inviter", "inviter": "joiner"}
ENTROPY = {role: fixed(64, "pairing", role) for role in BLINDS}

Point = tuple[int, int]


def _point(raw: bytes) -> Point:
    sign, y = raw[31] >> 7, int.from_bytes(raw, "little") & (2**255 - 1)
    square = (y * y - 1) * pow(CURVE_D * y * y + 1, -1, FIELD) % FIELD
    x = pow(square, (FIELD + 3) // 8, FIELD)
    x = x if (x * x - square) % FIELD == 0 else x * ROOT % FIELD
    return (x if x & 1 == sign else FIELD - x), y


def _bytes(point: Point) -> bytes:
    return (point[1] | (point[0] & 1) << 255).to_bytes(32, "little")


def _sum(one: Point, other: Point) -> Point:
    (a, b), (c, d) = one, other
    cross = CURVE_D * a * b * c * d
    x = (a * d + b * c) * pow(1 + cross, -1, FIELD)
    return x % FIELD, (b * d + a * c) * pow(1 - cross, -1, FIELD) % FIELD


def _times(count: int, point: Point) -> Point:
    total: Point = (0, 1)
    for bit in f"{count:b}":
        total = _sum(total, total)
        total = _sum(total, point) if bit == "1" else total
    return total


def _hkdf(secret: bytes, info: str, length: int = 32) -> bytes:
    return HKDF(algorithm=SHA256(), length=length, salt=None, info=info.encode()).derive(secret)


def _password(words: str) -> int:
    return int.from_bytes(_hkdf(words.encode(), "SPAKE2 pw", 48), "big") % ORDER


def _scalar(role: str) -> int:
    return int.from_bytes(ENTROPY[role], "big") % ORDER


def element(role: str, words: str = WORDS) -> bytes:
    """What a side sends: its point, blinded with the words."""
    blinded = _times(_password(words), _point(BLINDS[role]))
    return _bytes(_sum(_times(_scalar(role), _point(BASE)), blinded))


def secret(role: str, other: bytes, words: str = WORDS, nameplate: int = NAMEPLATE) -> bytes:
    """What a side comes to, given the other side's element."""
    unblinded = _sum(_point(other), _times(ORDER - _password(words), _point(BLINDS[OTHERS[role]])))
    shared = _bytes(_times(_scalar(role), unblinded))
    names = [hashlib.sha256(f"mesh/pairing/1/{each}/{nameplate}".encode()).digest() for each in BLINDS]
    own = element(role, words)
    both = [own, other] if role == "joiner" else [other, own]
    return hashlib.sha256(b"".join([hashlib.sha256(words.encode()).digest(), *names, *both, shared])).digest()


def exchanges() -> Iterator[tuple[str, Case]]:
    """pairing: the exchange alone, with what it is refused for."""
    given = {"rule": "exchange", "nameplate": NAMEPLATE, "words": WORDS}
    for role in BLINDS:
        heard = element(OTHERS[role])
        case = {**given, "role": role, "entropy": ENTROPY[role].hex(), "element": heard.hex()}
        expect = {"element": element(role).hex(), "secret": secret(role, heard).hex()}
        yield f"valid_exchange_of_the_{role}", {**case, "expect": expect}
    other = element("inviter", "orbit-velvet-canyon")
    joiner = {**given, "role": "joiner", "entropy": ENTROPY["joiner"].hex()}
    expect = {"element": element("joiner").hex(), "secret": secret("joiner", other).hex()}
    yield "valid_exchange_with_other_words", {**joiner, "element": other.hex(), "expect": expect}
    eighth = (2707385501144840649318225287225658788936804267575313519463743609750303402022).to_bytes(32, "little")
    wrong = {
        "element_empty": b"",
        "element_31_bytes": element("inviter")[:31],
        "element_33_bytes": element("inviter") + b"\0",
        "element_neutral": (1).to_bytes(32, "little"),
        "element_of_order_2": (FIELD - 1).to_bytes(32, "little"),
        "element_of_order_8": eighth,
        "element_of_mixed_order": _bytes(_sum(_point(element("inviter")), _point(eighth))),
        "element_not_canonical": (FIELD + 3).to_bytes(32, "little"),
        "element_not_on_the_curve": (2).to_bytes(32, "little"),
        "element_reflected": element("joiner"),
    }
    for name, raw in wrong.items():
        yield name, {**joiner, "element": raw.hex(), "expect": refused("Malformed")}


FIRST = cbor.encode(["exchange", 1, NAMEPLATE, element("joiner")])
ANSWER = cbor.encode(["exchange", 1, element("inviter")])
SECRET = secret("joiner", element("inviter"))
TRANSCRIPT = hashlib.sha256(
    b"mesh/pairing/transcript/1"
    + b"".join(len(frame).to_bytes(4, "big") + frame for frame in (FIRST, ANSWER))
).digest()  # fmt: skip


def _proof(role: str, key: bytes = SECRET) -> bytes:
    return hmac.digest(_hkdf(key, f"mesh/pairing/proof/1/{role}"), TRANSCRIPT, "sha256")


def _sealed(role: str, number: int, value: object) -> bytes:
    key = _hkdf(SECRET, f"mesh/pairing/channel/1/{role}/{TRANSCRIPT.hex()}")
    return AESGCM(key).encrypt(number.to_bytes(12, "big"), cbor.encode(value), None)


ASKED = request_text(request("laptop", 2))
ADMISSION = "mesh-admission-1.AAAA"  # sealed for a device; a pairing only carries it
SAID = {
    "joiner": [
        FIRST,
        cbor.encode(["proof", _proof("joiner")]),
        _sealed("joiner", 0, ["request", ASKED]),
        _sealed("joiner", 1, ["joined"]),
    ],
    "inviter": [
        ANSWER,
        cbor.encode(["proof", _proof("inviter")]),
        _sealed("inviter", 0, ["admission", ADMISSION]),
    ],
}


def conversations() -> Iterator[tuple[str, Case]]:
    """pairing: one side of a whole conversation, frame by frame."""
    given: Mapping[str, object] = {"rule": "conversation", "code": f"{NAMEPLATE}-{WORDS}"}
    inviter = {**given, "role": "inviter", "entropy": ENTROPY["inviter"].hex(), "admission": ADMISSION}
    joiner = {**given, "role": "joiner", "entropy": ENTROPY["joiner"].hex(), "request": ASKED}

    def told(role: str) -> list[str]:
        return [frame.hex() for frame in SAID[role]]

    yield "valid_inviter", {**inviter, "heard": told("joiner"), "expect": {"said": told("inviter"), "joined": True}}
    yield "valid_joiner", {**joiner, "heard": told("inviter"), "expect": {"said": told("joiner"), "joined": True}}

    def refusing(heard: list[bytes], said: list[bytes], reason: str, left: int) -> Case:
        answers = [*said, cbor.encode(["refused", reason, left])]
        expect = {"said": [frame.hex() for frame in answers], "joined": False}
        return {**inviter, "heard": [frame.hex() for frame in heard], "expect": expect}

    first = ["exchange", 1, NAMEPLATE, element("joiner")]
    yield "inviter_other_number", refusing([cbor.encode([*first[:2], 8, first[3]])], [], "other", 3)
    yield "inviter_other_version", refusing([cbor.encode(["exchange", 2, *first[2:]])], [], "version", 3)
    yield "inviter_no_frame", refusing([b"GET / HTTP/1.1"], [], "form", 3)
    yield "inviter_small_order", refusing([cbor.encode([*first[:3], bytes(32)])], [], "form", 3)
    other = secret("joiner", element("inviter"), "orbit-velvet-canyon")
    wrong_words = cbor.encode(["proof", _proof("joiner", other)])
    yield "inviter_wrong_words", refusing([FIRST, wrong_words], [ANSWER], "wrong", 2)
    reflected = cbor.encode(["proof", _proof("inviter")])
    yield "inviter_proof_of_the_wrong_side", refusing([FIRST, reflected], [ANSWER], "wrong", 2)
    for name, frames in {
        "joiner_wrong_proof": [ANSWER, cbor.encode(["proof", _proof("joiner")])],
        "joiner_altered_admission": [*SAID["inviter"][:2], SAID["inviter"][2][:-1] + b"\0"],
    }.items():
        yield name, {**joiner, "heard": [frame.hex() for frame in frames], "expect": refused("Forged")}
    for name, frames in {
        "joiner_told_of_wrong_words": [ANSWER, cbor.encode(["refused", "wrong", 2])],
        "joiner_told_that_it_is_used": [cbor.encode(["refused", "used", 3])],
        "joiner_told_something_new": [cbor.encode(["refused", "moon", 3])],
    }.items():
        yield name, {**joiner, "heard": [frame.hex() for frame in frames], "expect": refused("Refused")}
    padded = {"joiner_admission_in_clear": [*SAID["inviter"][:2], cbor.encode(["admission", ADMISSION])]}
    yield from ((name, {**joiner, "heard": [f.hex() for f in frames], "expect": refused("Forged")})
                for name, frames in padded.items())  # fmt: skip


def doors() -> Iterator[tuple[str, Case]]:
    """pairing: what a phone and the device that lets it in make of one token."""
    token, asking, admitter = fixed(16, "door"), browser_request("phone"), request("mac")
    asked, answering = request_text(asking), request_text(admitter)
    key = _hkdf(token, "mesh/door/proof/1")
    digest = hashlib.sha256(b"mesh/door/digits/1" + token + asking.sign_key + admitter.sign_key).digest()
    letters = base64.b32encode(token).decode().lower()[:26]
    expect = {
        "token_id": hashlib.sha256(b"mesh/door/1" + token).hexdigest()[:16],
        "qr": base64.urlsafe_b64encode(token).decode()[:22],
        "typed": "-".join(letters[at : at + 4] for at in range(0, 26, 4)),
        "proof": hmac.digest(key, asked.encode(), "sha256").hex(),
        "admitters_proof": hmac.digest(key, b"admitter" + asked.encode() + answering.encode(), "sha256").hex(),
        "digits": f"{(int.from_bytes(digest) >> 236) % 1_000_000:06}",
    }
    yield (
        "valid_door",
        {"rule": "door", "token": token.hex(), "request": asked, "admitter": answering, "expect": expect},
    )
