"""Single changes and births in TypeScript, as the phone has them: read, inflated, let through, derived as in Python."""

from __future__ import annotations

import random
import zlib
from collections import Counter
from collections.abc import Mapping
from typing import Any

import pytest

from mesh.errors import Refused
from mesh.events.bodies import document_of, encode_body
from mesh.events.kinds import Born, Value
from mesh.limits import SEQ_MAX, TEXT_BYTES_MAX
from mesh.state import columns
from mesh.state.catalogue import SHAPES, Rule, Shape, shape_of
from mesh.state.changes import decode
from mesh.state.encoding import CHECKSUM_END, encode
from mesh.state.genesis import body_of as text_of
from mesh.state.genesis import derive
from mesh.state.operations import Action, Change, Operation
from mesh.state.shapes import gate
from tests.system import typescript
from tests.system.browsers import Asked
from tests.system.documented import named, spelled
from tests.system.sizes import sized
from tests.unit.state import writers
from tests.vectors.shape_cases import ACTOR, BAD, BODY, GOOD, TIP
from tests.vectors.shape_cases import ADMISSION as WRITER
from tests.vectors.wrong_changes import WRONG, body_of, sealed

pytestmark = [pytest.mark.system, *typescript.NEEDS]

STREAMS = sized(1000, 6000)
LETTERS = "ab é\u0301🌱\U0010ffff\ufeff\n👩\u200d💻"


TYPES: Mapping[type, str] = {str: "string", int: "number", bool: "boolean", type(None): "null"}


def ruled(rule: Rule | None) -> dict[str, Any] | None:
    """A rule as the phone's engine has it."""
    if rule is None:
        return None
    return {"types": [TYPES[one] for one in rule.types], "bytesMax": rule.bytes_max, "fixed": rule.fixed}


def test_its_types_of_documents_are_those_of_python(asked: Asked) -> None:
    """Every register and prefix of every type, in the same order."""

    def rules(shape: Shape) -> list[object]:
        parts = (shape.registers, shape.prefixes)
        return [*({key: ruled(rule) for key, rule in part.items()} for part in parts), ruled(shape.other)]

    found = asked("shapes")
    assert found == [[kind, *rules(shape)] for kind, shape in SHAPES.items()]
    assert len(found) > 9


def packed(rng: random.Random) -> tuple[bytes, int]:
    """Some bytes deflated in one of the ways that there are, or nearly, and how many may come out."""
    size = rng.choice([0, 1, 5, 100, 3000, 70_000])
    plain = bytes(rng.choices(range(rng.choice([1, 2, 20, 256])), k=size))
    strategy = rng.choice([zlib.Z_DEFAULT_STRATEGY, zlib.Z_FIXED, zlib.Z_HUFFMAN_ONLY, zlib.Z_RLE])
    machine = zlib.compressobj(rng.choice([0, 1, 6, 9]), zlib.DEFLATED, -zlib.MAX_WBITS, 9, strategy)
    raw = machine.compress(plain[: size // 2])
    if rng.random() < 0.3:
        raw += machine.flush(rng.choice([zlib.Z_FULL_FLUSH, zlib.Z_SYNC_FLUSH]))
    raw += machine.compress(plain[size // 2 :]) + machine.flush()
    for _ in range(rng.choice([0, 0, 1, 2])):
        raw = raw or b"\x07"
        place = rng.randrange(min(len(raw), rng.choice([4, 80, len(raw)])))
        other = raw[place] ^ (1 << rng.randrange(8))
        raw = rng.choice([raw[:place], raw + b"\0", raw[:place] + bytes([other]) + raw[place + 1 :]])
    raw = raw or b"\x07"
    return (raw if rng.random() < 0.8 else rng.randbytes(rng.randrange(1, 40))), max(
        0, size + rng.choice([0, 0, -1, 9])
    )


def own_codes(rng: random.Random) -> bytes:
    """A block that says its own codes, which are whole, have a gap, or are too many; and some bits in them."""
    bits: list[int] = []

    def put(value: int, count: int) -> None:
        bits.extend(value >> place & 1 for place in range(count))

    literals, distances = 257 + rng.choice([0, 0, 3, 29, 30]), 1 + rng.choice([0, 1, 3, 29, 30])
    for value, count in ((1, 1), (2, 2), (literals - 257, 5), (distances - 1, 5), (15, 4)):
        put(value, count)
    for place in (16, 17, 18, 0, 8, 7, 9, 6, 10, 5, 11, 4, 12, 3, 13, 2, 14, 1, 15):
        put(4 * (place < 16), 3)  # the lengths of codes are each said in 4 bits
    lengths = [0] * (literals + distances)
    sizes = rng.choice([[1, 2, 3, 3], [2, 2, 2, 2], [1, 1, 2, 2], [1, 3, 3, 3]])
    used = rng.choice([[256], [0, 256], [0, 1, 256], [0, 1, 256, 257], [0, 256, literals - 1]])
    for place, symbol in enumerate(used):
        lengths[symbol] = sizes[place]
    for place in rng.sample(range(distances), min(distances, rng.choice([0, 1, 2]))):
        lengths[literals + place] = rng.choice([1, 1, 1, 2])
    for length in lengths:
        bits.extend(length >> place & 1 for place in (3, 2, 1, 0))  # a code has its first bit first
    bits += rng.choices([0, 1], k=rng.choice([0, 5, 40]))
    bits += [0] * (-len(bits) % 8)
    return bytes(sum(bit << place for place, bit in enumerate(bits[at : at + 8])) for at in range(0, len(bits), 8))


def far(code: int) -> bytes:
    """A block in the code that all know: a letter, and three more of them from so far back; there are 30 distances."""
    bits = "110" + f"{0x91:08b}" + "0000001" + f"{code:05b}" + "0" * 7
    bits += "0" * (-len(bits) % 8)
    return bytes(int(bits[at : at + 8][::-1], 2) for at in range(0, len(bits), 8))


def test_it_inflates_as_zlib_does(asked: Asked) -> None:
    """Sound and broken streams: the same bytes come out, and the same streams are refused."""
    rng, sound = random.Random(11), 0
    for number in range(STREAMS):
        raw, most = packed(rng) if number % 3 else (own_codes(rng), 300)
        raw = far(number) if number < 32 else raw
        machine = zlib.decompressobj(-zlib.MAX_WBITS)
        try:
            plain = machine.decompress(raw, most + 1)
        except zlib.error:
            plain = None
        fits = plain is not None and len(plain) <= most and machine.eof and not machine.unused_data
        found = asked.tell("inflate", bytes=raw.hex(), most=most)
        if fits:
            sound += 1
            assert plain is not None
            assert found == {"answer": plain.hex()}, (number, raw.hex())
        else:
            assert set(found) == {"refused"}, (number, raw.hex(), most)
    assert STREAMS * 0.23 < sound < STREAMS * 0.77


def read_alike(asked: Asked, raw: bytes) -> Change | None:
    """A change as both read it; None where both refuse it."""
    found = asked.tell("change", bytes=raw.hex())
    try:
        change = decode(raw)
    except Refused:
        assert set(found) == {"refused"}, raw.hex()
        return None
    assert found == {"answer": spelled(change)}, raw.hex()
    return change


def deflated(change: Change, level: int = 6) -> bytes:
    """The other form of a change."""
    machine = zlib.compressobj(level, zlib.DEFLATED, -zlib.MAX_WBITS)
    body = machine.compress(body_of(change)) + machine.flush()
    return change.raw[:CHECKSUM_END] + b"\x02" + columns.write_unsigned(len(body)) + body


def test_it_reads_the_same_changes(asked: Asked) -> None:
    """What honest and hostile writers write, plain and deflated, and with a byte or two that are otherwise."""
    rng = random.Random(12)
    changes = [one for seed in range(4) for one in (*writers.honest(seed), *writers.hostile(seed))]
    seen: Counter[bool] = Counter()
    for change in changes:
        assert read_alike(asked, change.raw) == change
        assert read_alike(asked, deflated(change, rng.choice([0, 1, 9]))) == change
        for _ in range(25):
            body = bytearray(body_of(change))
            for _ in range(rng.choice([1, 1, 2])):
                place = rng.randrange(len(body))
                body[place] = rng.choice([body[place] ^ (1 << rng.randrange(8)), rng.randrange(256), 0x7F, 0x80])
                if rng.random() < 0.2:
                    body[place : place + 1] = rng.randbytes(rng.choice([0, 2]))
            seen[read_alike(asked, sealed(bytes(body))) is not None] += 1
    for make in WRONG.values():
        assert read_alike(asked, make()) is None
    assert min(seen[True], seen[False]) > 300, seen


def test_it_reads_numbers_to_their_last_bit(asked: Asked) -> None:
    """Values and counters around each power of two, and at the end of what a device can hold."""
    start = writers.honest(1)[0]
    numbers = {sign * (2**bits + more) for bits in range(54) for sign in (1, -1) for more in (-1, 0, 1)}
    for number in sorted(number for number in numbers if abs(number) <= SEQ_MAX):
        operation = start.operations[0]._replace(object=None, key="n", value=number, before=(), insert=False)
        change = read_alike(asked, _changed(start, operation, abs(number) or 1).raw)
        assert change
        assert change.operations[0].value == number
    for body in (b"\xff" * 7 + b"\x10", b"\xff" * 7 + b"\x0f", b"\x80" * 7 + b"\x70", b"\x81" + b"\x80" * 6 + b"\x70"):
        for long in (body, body[:-1] + b"\x80\x01", b"\x80" * 9 + b"\x01", b"\x81\0", b"\x81\x80\0", b"\x81\1"):
            read_alike(asked, sealed(body_of(start).replace(start.actor + b"\x01", start.actor + long, 1)))


def _changed(like: Change, operation: Operation, start: int) -> Change:
    return encode(like.dependencies, like.actor, 1, start, [operation])


def test_its_gate_lets_the_same_through(asked: Asked) -> None:
    """Every case of shapes for every type of document, with and without a Text, by its author and by another."""
    rng, seen = random.Random(13), Counter[str]()
    values: list[Value] = ["", "x", "é" * 200, "x\0", 3, -(2**53) + 1, True, True, False, None, "y" * 5000]
    cases = [*GOOD.values(), *BAD.values()]
    for number in range(1500):
        kind = rng.choice([*SHAPES, "unheard-of"]) if number >= len(cases) else "note"
        shape = shape_of(kind)
        prefixed = [prefix + rng.choice(["x", "", "é" * 32, "é" * 33]) for prefix in shape.prefixes]
        key = rng.choice([*shape.registers, *prefixed, *prefixed, "unheard-of"])
        puts = Operation(Action.PUT, None, key, value=rng.choice(values))
        gone = Operation(Action.DELETE, None, key, before=(BODY,))
        operation = cases[number] if number < len(cases) else rng.choice([puts, gone])
        change = encode([TIP], ACTOR, 1, 5, [operation])
        admission = WRITER if rng.random() < 0.95 else bytes(32)
        body = BODY if rng.random() < 0.7 else None
        try:
            gate(change, admission=admission, kind=kind, body=body)
            expected: dict[str, object] = {"answer": None}
        except Refused as error:
            expected = {"refused": type(error).__name__}
        seen[str(expected)] += 1
        given = {"bytes": change.raw.hex(), "admission": admission.hex(), "kind": kind, "body": named(body)}
        assert asked.tell("gate", **given) == expected, (number, operation)
    assert len(seen) == 4
    assert seen["{'answer': None}"] > 300, seen


# ── births ───────────────────────────────────────────────────────────────────────────────────────


def birth(rng: random.Random) -> Born:
    """A birth of any type, some with a text just as long as it may be, or longer."""
    keys = ["title", "tag/🌱", "tag/\ue000", "n", "é", "z", "Z", "body2"]
    values: list[Value] = ["", "é🌱", 0, -7, SEQ_MAX, -SEQ_MAX, True, False, None]
    registers = {key: rng.choice(values) for key in rng.sample(keys, rng.randrange(len(keys)))}
    letters = "".join(rng.choices(LETTERS, k=rng.choice([0, 1, 2, 3, 50])))
    long = rng.choice([TEXT_BYTES_MAX // 2, TEXT_BYTES_MAX // 2 + 1, 55_000])
    text = "é" * long if rng.random() < 0.1 else letters
    return Born(registers, text, rng.choice([b"", rng.randbytes(16)]))


def test_it_derives_the_same_first_changes(asked: Asked) -> None:
    """Births with any registers and letters, up to the longest Text, and beyond it."""
    rng, long = random.Random(14), 0
    for _ in range(150):
        born = birth(rng)
        name = document_of("home", "list", born)
        expected = derive(name, born)
        found = asked("genesis", document=str(name), born=encode_body(born).hex())
        assert found["raw"] == expected.raw.hex()
        assert (found["hash"], found["actor"]) == (expected.hash.hex(), expected.actor.hex())
        assert found["registers"] == [[key, value] for key, value in expected.registers.items()]
        assert (found["body"], found["letters"]) == (named(text_of(name, born)), expected.letters)
        long += expected.body is None
    assert 2 < long < 30
