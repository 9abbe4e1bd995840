"""Founding and admissions: a mesh begins the same way each time, and texts arrive whole or not at all."""

from __future__ import annotations

from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mesh.errors import Forged, Malformed, Refused, Stranger
from mesh.events import cbor
from mesh.events.founding import (
    ADMISSION_PREFIX,
    REQUEST_PREFIX,
    Packet,
    admission_text,
    asked,
    default_grant,
    found,
    read_admission,
    read_request,
    rekey,
    rekey_purpose,
    request_text,
    transport_secret,
    with_rank,
)
from mesh.events.founding import _armoured as armoured  # the armour of texts that are wrong inside
from mesh.events.judge import judge
from mesh.events.keys import SecretKeys, check_admit, wrap
from mesh.events.kinds import Admit, Genesis, Grant
from mesh.events.reading import statement
from mesh.events.seal import commitment
from mesh.limits import REQUEST_BYTES_MAX
from mesh.names import Digest, Short, short
from tests.unit.small_mesh import EPOCH_KEY, MESH, TIME_MS, fixed, request, secret_keys

LAPTOP = secret_keys("laptop")
TEXT = request_text(request("laptop"))
PACKET = Packet(
    MESH.id,
    MESH.laptop.admission,
    fixed(32, "transport"),
    {short(MESH.epoch): EPOCH_KEY, Short(fixed(16, "older")): fixed(32, "older key")},
    (b"control", b"more control"),
    ("192.0.2.7:4222", "mac.local:4222"),
)
KEY = bytes(32)
SEALED_FOR = b"mesh/admission/1"
ALPHABET = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_"


def test_a_mesh_begins_with_three_statements() -> None:
    """Genesis, the founder's admission at rank 1, its default grant; one commit, all of it counts."""
    commit = found(secret_keys("recovery"), request("mac", 7), fixed(16, "salt"), TIME_MS)
    statements = [statement(placed) for placed in commit]
    assert [s.kind for s in statements] == ["genesis", "admit", "grant"]
    assert isinstance(statements[0].body, Genesis)
    verdict = judge(statements, commit[0].digest)
    assert verdict.admissions[commit[1].digest].rank == 1
    assert list(verdict.grants.values()) == [default_grant(commit[1].digest)]
    assert [placed.signature is not None for placed in commit] == [False, False, True]


def test_the_salt_makes_another_mesh() -> None:
    """The same words found another mesh each time."""
    one, two = (found(secret_keys("recovery"), request("mac"), fixed(16, n), TIME_MS)[0].digest for n in (1, 2))
    assert one != two


def test_a_request_is_read_back() -> None:
    """Line breaks of a mail do not matter."""
    assert read_request(TEXT) == request("laptop")
    broken = "\n".join(TEXT[n : n + 60] for n in range(0, len(TEXT), 60))
    assert read_request(f"  {broken}\r\n") == request("laptop")


def test_the_admitter_sets_the_rank() -> None:
    """The rank is outside the proof; keys, name and proof stay."""
    changed = with_rank(read_request(TEXT), 2)
    assert changed.rank == 2
    assert replace(changed, rank=10) == request("laptop")
    check_admit(changed)


@given(st.integers(0, len(TEXT) - 1), st.sampled_from(ALPHABET))
def test_attack_request_altered_by_one_character(place: int, character: str) -> None:
    """A request with one other character is refused, or asks for another rank of the very same device."""
    altered = TEXT[:place] + character + TEXT[place + 1 :]
    if altered == TEXT:
        return
    try:
        admit = read_request(altered)
    except Refused:
        return
    assert replace(admit, rank=10) == request("laptop")
    assert admit.rank != 10


@given(st.integers(0, len(TEXT) - 1))
def test_attack_request_cut_short(length: int) -> None:
    """No beginning of a request is a request."""
    with pytest.raises(Malformed):
        read_request(TEXT[:length])


def fields_of(admit: Admit) -> list[object]:
    """A request's fields."""
    keys = [admit.sign_key, admit.kem_key, admit.transport_key, admit.tls_key]
    return [*keys, admit.name, admit.proof, admit.rank]


@pytest.mark.parametrize(
    ("place", "value", "error"),
    [
        (0, bytes(31), Malformed),
        (1, bytes(33), Malformed),
        (1, bytes(32), Malformed),
        (4, "", Malformed),
        (4, "n" * 65, Malformed),
        (4, "mac", Forged),
        (5, bytes(64), Forged),
        (5, b"", Malformed),
        (6, 0, Malformed),
        (6, -1, Malformed),
        (6, 256, Malformed),
        (2, request("mac").transport_key, Forged),
    ],
)
def test_attack_request_with_a_wrong_field(place: int, value: object, error: type[Refused]) -> None:
    """Lengths, ranks, unsafe keys, and whatever the proof does not fit."""
    fields = fields_of(request("laptop"))
    fields[place] = value
    with pytest.raises(error):
        read_request(REQUEST_PREFIX + armoured(cbor.encode(fields)))


@pytest.mark.parametrize(
    "text",
    [
        "",
        "hello",
        REQUEST_PREFIX,
        REQUEST_PREFIX + "A",
        REQUEST_PREFIX + "====",
        TEXT.replace("request", "Request"),
        TEXT + "=",
        TEXT + "A",
        TEXT.replace("-1.", "-2.", 1),
        TEXT + "Ä",
        REQUEST_PREFIX + "A" * (2 * REQUEST_BYTES_MAX),
    ],
)
def test_what_is_no_request(text: str) -> None:
    """Another prefix, other characters, padding, too much."""
    with pytest.raises(Malformed):
        read_request(text)


def test_attack_a_second_spelling_of_a_request() -> None:
    """The last character's spare bits must be zero: one request has one text."""
    raw = cbor.encode(fields_of(with_rank(request("laptop"), 200)))
    text = REQUEST_PREFIX + armoured(raw)
    assert len(text.removeprefix(REQUEST_PREFIX)) % 4
    twin = text[:-1] + ALPHABET[ALPHABET.index(text[-1]) + 1]
    assert read_request(text).rank == 200
    with pytest.raises(Malformed):
        read_request(twin)


def test_an_admission_is_read_back_by_the_device_that_asked() -> None:
    """Mesh, admission, transport secret, epoch keys, control events and addresses arrive; each text is sealed anew."""
    text = admission_text(PACKET, LAPTOP.kem_key)
    assert text.startswith(ADMISSION_PREFIX)
    assert read_admission(text, LAPTOP) == PACKET
    assert admission_text(PACKET, LAPTOP.kem_key) != text


def test_attack_foreign_admission() -> None:
    """For any other device it is a stranger, with a hint what to do."""
    text = admission_text(PACKET, LAPTOP.kem_key)
    with pytest.raises(Stranger) as refused:
        read_admission(text, secret_keys("phone"))
    assert "mesh join --request" in refused.value.hint


@given(st.data())
def test_attack_truncated_or_altered_admission(data: st.DataObject) -> None:
    """No character can be left out at the end or changed."""
    text = admission_text(PACKET, LAPTOP.kem_key)
    length = data.draw(st.integers(0, len(text) - 1))
    character = data.draw(st.sampled_from(ALPHABET).filter(lambda c: c != text[length]))
    for altered in (text[:length], text[:length] + character + text[length + 1 :]):
        with pytest.raises((Malformed, Stranger)):
            read_admission(altered, LAPTOP)


@pytest.mark.parametrize(
    "fields",
    [
        [MESH.id, MESH.id, KEY, [], []],
        [MESH.id, MESH.id, [], [], []],
        [bytes(31), MESH.id, KEY, [], [], []],
        [MESH.id, bytes(33), KEY, [], [], []],
        [MESH.id, MESH.id, bytes(31), [], [], []],
        [MESH.id, MESH.id, b"", [], [], []],
        [MESH.id, MESH.id, KEY, [[bytes(15), bytes(32)]], [], []],
        [MESH.id, MESH.id, KEY, [[bytes(16), bytes(31)]], [], []],
        [MESH.id, MESH.id, KEY, [[bytes(16)]], [], []],
        [MESH.id, MESH.id, KEY, [7], [], []],
        [MESH.id, MESH.id, KEY, [], [], [7]],
        [MESH.id, MESH.id, KEY, [], b"", []],
        [MESH.id, MESH.id, KEY, [], ["control"], []],
    ],
)
def test_attack_an_admission_that_is_wrong_inside(fields: list[object]) -> None:
    """Whoever can seal for a device still has to keep the form."""
    text = ADMISSION_PREFIX + armoured(wrap(cbor.encode(fields), LAPTOP.kem_key, SEALED_FOR))
    with pytest.raises(Malformed):
        read_admission(text, LAPTOP)


def test_a_rekey_reaches_its_recipients() -> None:
    """The key is committed to, and each recipient opens its own wrap, in this mesh only."""
    recipients = {MESH.laptop.admission: LAPTOP.kem_key, MESH.id: secret_keys("recovery").kem_key}
    made = rekey(MESH.id, EPOCH_KEY, recipients)
    assert made.commitment == commitment(EPOCH_KEY)
    assert [name for name, _ in made.wraps] == sorted(recipients)
    wrapped = dict(made.wraps)[MESH.laptop.admission]
    assert LAPTOP.unwrap(wrapped, rekey_purpose(MESH.id, MESH.laptop.admission)) == EPOCH_KEY
    for purpose in (rekey_purpose(Digest(bytes(32)), MESH.laptop.admission), rekey_purpose(MESH.id, MESH.id)):
        with pytest.raises(Forged):
            LAPTOP.unwrap(wrapped, purpose)


def test_the_words_alone_give_the_right_to_knock() -> None:
    """The transport secret follows from the recovery entropy, and is neither of the keys that do."""
    entropy = fixed(32, "words")
    keys = SecretKeys.from_entropy(entropy)
    secret = transport_secret(entropy)
    assert secret == transport_secret(entropy) != transport_secret(fixed(32, "other words"))
    assert secret not in {keys.sign_seed, keys.kem_seed, entropy}
    for shown in (repr(PACKET), str(PACKET)):
        assert repr(PACKET.transport) not in shown
        assert repr(EPOCH_KEY) not in shown


def test_the_default_grant_is_for_the_person() -> None:
    """Everything, for nobody's agent."""
    assert default_grant(MESH.id) == Grant(MESH.id, "", "*", ("*",), ("*",))
    assert asked(LAPTOP, bytes(32), bytes(32), "x").rank == 10
