"""The phone's engine in TypeScript: every vector of its layers, and questions on which implementations differ."""

from __future__ import annotations

import random
import re
from collections.abc import Iterator
from dataclasses import replace
from hashlib import sha512
from pathlib import Path

import pytest

from mesh import limits
from mesh.errors import Refused
from mesh.events import cbor
from mesh.events.founding import read_request, request_text
from mesh.events.keys import check_kem_key, check_sign_key, verify
from mesh.names import Digest, DocumentId, short, shown
from mesh.sync import receipts
from mesh.sync.receipts import Receipt, Shown
from tests.system import typescript
from tests.system.browsers import Asked
from tests.system.typescript import run
from tests.unit.events.test_keys import P, add, point_with, times
from tests.unit.small_mesh import MESH, NOTE, OTHER, browser_key, browser_request, fixed, secret_keys
from tests.vectors import make_events

pytestmark = [pytest.mark.system, *typescript.NEEDS]

BYTES_MAX = 2**20
VECTORS = typescript.ROOT / "tests" / "vectors"
ORDER = 2**252 + 27742317777372353535851937790883648493
ORDER_8_Y = 2707385501144840649318225287225658788936804267575313519463743609750303402022
BASE_Y = 4 * pow(5, -1, P) % P


def test_every_vector_behaves_in_typescript_as_it_says(javascript: Path) -> None:
    """Node runs them, and fails where a folder or a file was left out; here it is seen that it did run them."""
    tests = sorted(str(path) for path in (javascript / "tests").glob("*.test.js"))
    assert tests
    told = run("--test", "--test-reporter=tap", *tests)
    (count, folders) = map(int, re.findall(r"# (\d+) vectors in (\d+) folders", told)[0])
    named = [folder for folder in make_events.FOLDERS if folder != "pairing"]  # a phone pairs by a way of its own
    assert folders == len(named)
    assert count == sum(len(list((VECTORS / folder).iterdir())) for folder in named)
    (count, folders) = map(int, re.findall(r"# (\d+) vectors of documents in (\d+) folders", told)[0])
    named = ["changes", "digest", "documents", "masks", "records", "views"]
    assert folders == len(named)
    assert count == sum(len(list((VECTORS / folder).iterdir())) for folder in named)
    assert re.search(r"^# (skipped|todo|cancelled) [1-9]", told, re.MULTILINE) is None


def test_its_bounds_are_those_of_python(asked: Asked) -> None:
    """Each has the name and the value of one in mesh/limits.py."""
    found = asked("limits")
    assert len(found) > 40
    assert found == {name: getattr(limits, name) for name in found}


def plain(rng: random.Random, depth: int = 0) -> object:
    """A value of the profile, or nearly."""
    kind = rng.randrange(8 if depth < 5 else 5)
    if kind == 0:
        return rng.choice([1, -1]) * (2 ** rng.randrange(66) + rng.randrange(-1, 2))
    if kind == 1:
        return rng.randbytes(rng.choice([0, 1, 23, 24, 300]))
    if kind == 2:
        return "".join(rng.choice("aä🌱\ufeff\0") for _ in range(rng.choice([0, 1, 9, 30])))
    if kind <= 4:
        return rng.choice([True, False, None, 1.5])
    size = rng.randrange(4)
    if kind == 5:
        return {rng.choice(["", "a", "b", "aa", "ä"]): plain(rng, depth + 1) for _ in range(size)}
    if kind == 6:
        return {rng.choice([0, 1, 24, 2**60, -1]): plain(rng, depth + 1) for _ in range(size)}
    return [plain(rng, depth + 1) for _ in range(size)]


def altered(rng: random.Random, raw: bytes) -> bytes:
    """The same with something wrong in it, perhaps."""
    place = rng.randrange(len(raw))
    return rng.choice(
        [
            raw,
            raw[:place] + rng.randbytes(1) + raw[place + 1 :],
            raw[:place] + rng.randbytes(1) + raw[place:],
            raw[:place] + raw[place + 1 :],
            raw[:place],
            raw + b"\0",
            b"\x81" * rng.randrange(10) + raw,
            rng.randbytes(rng.randrange(1, 6)),
        ]
    )


def test_it_reads_the_same_cbor(asked: Asked) -> None:
    """Of thousands of byte strings, sound and broken, both take the same, and write the same."""
    rng, taken = random.Random(7), 0
    for number in range(4000):
        try:
            raw = altered(rng, cbor.encode(plain(rng)))
        except OverflowError:
            continue
        try:
            expected = {"answer": cbor.encode(cbor.decode(raw, BYTES_MAX, "it")).hex()}
            taken += 1
        except Refused as error:
            expected = {"refused": type(error).__name__}
        assert asked.tell("cbor", bytes=raw.hex()) == expected, (number, raw.hex())
    assert 500 < taken < 3500


def little(number: int) -> bytes:
    """A number as Ed25519 writes it."""
    return number.to_bytes(32, "little")


def small_ones() -> set[bytes]:
    """Keys of small order and spellings that are not canonical, with and without the sign bit, and their neighbours."""
    curve = (
        325606250916557431795983626356110631294008115727848805560023387167927233504,
        39382357235489614581723060781553021112529911719440698176882885853963445705823,
    )
    numbers = {0, 1, 2, P - 2, P - 1, P, P + 1, P + 2, 2**255 - 1, ORDER_8_Y, P - ORDER_8_Y, *curve}
    return {little(number | sign << 255) for number in numbers for sign in (0, 1)} | {bytes(31), bytes(33), b""}


def test_it_refuses_the_same_keys(asked: Asked) -> None:
    """Of small order, not canonical, no point of P-256, of a wrong length."""
    sound = browser_key("phone")
    beside = [sound[:place] + bytes([sound[place] ^ 1]) + sound[place + 1 :] for place in (0, 1, 33, 64)]
    field = (2**256 - 2**224 + 2**192 + 2**96 - 1).to_bytes(32, "big")
    points = [sound, *beside, b"\x04" + field + field, b"\x04" + bytes(64), sound[:33], b"\x02" + sound[1:33]]
    keys = [*sorted(small_ones()), *points, *(fixed(32, "key", number) for number in range(20))]
    refused = 0
    for key in keys:
        for ask, check in (("sign key", check_sign_key), ("kem key", check_kem_key)):
            expected: dict[str, object] = {"answer": None}
            try:
                check(key)
            except Refused as error:
                expected = {"refused": type(error).__name__}
                refused += 1
            assert asked.tell(ask, bytes=key.hex()) == expected, (ask, key.hex())
    assert 40 < refused < 2 * len(keys) - 40


def test_it_takes_the_same_signatures(asked: Asked) -> None:
    """No cofactor, no second encoding of R or S: devices never disagree about a signature."""
    keys, message = secret_keys("phone"), b"mesh/signature/1 and so on"
    signature = keys.sign(message)
    answer = int.from_bytes(signature[32:], "little")
    tries = [(keys.sign_key, signature), (keys.sign_key, signature[:32] + little(answer + ORDER))]
    tries += [(keys.sign_key, bytes([*signature[:n], signature[n] ^ 1, *signature[n + 1 :]])) for n in range(0, 64, 7)]
    taken = 0
    for key, sent in [*tries, *with_small_parts(message)]:
        check_sign_key(key)
        expected: dict[str, object] = {"answer": None}
        try:
            verify(key, message, sent)
            taken += 1
        except Refused as error:
            expected = {"refused": type(error).__name__}
        found = asked.tell("verify", key=key.hex(), bytes=message.hex(), signature=sent.hex())
        assert found == expected, (key.hex(), sent.hex())
    assert taken > 2


def with_small_parts(message: bytes) -> Iterator[tuple[bytes, bytes]]:
    """Signatures with parts of small order in the key or in R; who multiplies by the cofactor takes most of them."""
    base, low = point_with(BASE_Y), point_with(ORDER_8_Y)
    assert base, BASE_Y
    assert low, ORDER_8_Y
    base = base if base[0] % 2 == 0 else (P - base[0], base[1])

    def spoken(key: bytes, sent: bytes, nonce: int, secret: int) -> tuple[bytes, bytes]:
        challenge = int.from_bytes(sha512(sent + key + message).digest(), "little") % ORDER
        return key, sent + little((nonce + challenge * secret) % ORDER)

    for number in range(12):
        secret, nonce = (int.from_bytes(fixed(32, part, number), "little") % ORDER for part in ("secret", "nonce"))
        own = times(secret, base)
        yield spoken(written(add(own, times(number % 8, low))), written(times(nonce, base)), nonce, secret)
        yield spoken(written(own), written(add(times(nonce, base), times(number % 8, low))), nonce, secret)
    for sent in sorted(small_ones()):
        if len(sent) == 32:
            yield spoken(written(own), sent, 0, secret)


def written(point: tuple[int, int]) -> bytes:
    """A point as Ed25519 writes it."""
    return little(point[1] | (point[0] & 1) << 255)


def test_it_writes_the_same_names(asked: Asked) -> None:
    """A document's id has one spelling, and foreign texts are shown without what would steer a screen."""
    text = str(NOTE)
    wrong = [text.upper(), text + "=", text[:-1], f"{text}a", text.replace("/", "//", 1), "home/note/", "", "a/b/c/d"]
    for one in [text, *wrong, *(f"home/note/{text[10:-1]}{last}" for last in "abcdefghijklmnopqrstuvwxyz234567 1ä")]:
        try:
            expected = {"answer": str(DocumentId.parse(one))}
        except Refused as error:
            expected = {"refused": type(error).__name__}
        assert asked.tell("document", text=one) == expected, one
    for one in ("plain", "ä🌱", "a\x1b[31m\u202eb\nc\u2028\ue000", "long " * 9):
        assert asked("shown", text=one, most=20) == shown(one, 20)


def test_it_asks_to_be_let_in(asked: Asked) -> None:
    """What a phone prints is a sound request in Python, with a wrapping key of P-256, and the same bytes each time."""
    seed, transport = secret_keys("phone").sign_seed, browser_request("phone").transport_key
    given = {"seed": seed.hex(), "kem_key": browser_key("phone").hex(), "transport_key": transport.hex()}
    text = asked("request", **given, name="phone", rank=10)
    assert text == request_text(browser_request("phone"))
    assert read_request(text) == browser_request("phone")


def test_it_says_and_checks_the_same_receipts(asked: Asked) -> None:
    """Receipts of either are sound for the other; those of others, for other meshes or altered are refused alike."""
    keys, mesh = MESH.phone.keys, MESH.id.hex()
    digests = [Digest(fixed(32, "receipt", name)) for name in range(4)]
    receipt = receipts.signed(Receipt(MESH.phone.admission, Shown(*digests), 3, 0), MESH.id, keys)
    raw = receipts.encode(receipt)
    fields = [MESH.phone.admission.hex(), *(digest.hex() for digest in digests), 3, 0]
    assert asked("receipt of", seed=keys.sign_seed.hex(), mesh=mesh, fields=fields) == raw.hex()
    live = {"mesh": mesh, "teller": MESH.phone.admission.hex(), "key": keys.sign_key.hex()}
    assert asked("receipt", bytes=raw.hex(), **live) == [raw.hex(), False]
    wrong = {
        "Stranger": [{"teller": MESH.mac.admission.hex()}, {"key": ""}],
        "Forged": [{"mesh": OTHER.id.hex()}, {"key": MESH.mac.keys.sign_key.hex()}, {"bytes": raw[:-1].hex() + "00"}],
        "Malformed": [{"bytes": raw[:-1].hex()}, {"bytes": receipts.encode(replace(receipt, keys=-1)).hex()}],
        "TooLarge": [{"bytes": bytes(limits.RECEIPT_BYTES_MAX + 1).hex()}],
    }
    for kind, changes in wrong.items():
        for change in changes:
            assert asked.tell("receipt", **{**live, "bytes": raw.hex(), **change}) == {"refused": kind}, change


def test_it_seals_and_opens_the_same_talk_about_chunks(asked: Asked) -> None:
    """Questions and pages, as Python seals them; an altered one, and one of the other side, open for nobody."""
    ring, epoch = MESH.keyring(), short(MESH.epoch)
    nonce, plain = fixed(12, "nonce"), b"a page"
    given = {"epoch": epoch.hex(), "key": ring.key(epoch).hex(), "side": "page"}
    sealed = ring.seal_page(epoch, b"page", plain, nonce)
    assert asked("seal page", **given, bytes=plain.hex(), nonce=nonce.hex()) == sealed.hex()
    assert asked("open page", **given, bytes=sealed.hex()) == plain.hex()
    for change in ({"side": "ask"}, {"bytes": sealed[:-1].hex()}, {"bytes": sealed[:20].hex()}):
        assert asked.tell("open page", **{**given, "bytes": sealed.hex(), **change}) == {"refused": "Forged"}
    assert asked.tell("open page", **given, bytes=bytes(60).hex()) == {"refused": "Refused"}
