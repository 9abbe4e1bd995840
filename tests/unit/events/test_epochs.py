"""Epochs: every reader reaches every key, by its own wrap or a later key; what does not fit is a fault with a name."""

import hashlib
from dataclasses import replace

import pytest

from mesh.clocks.lamport import Stamp
from mesh.errors import Forged, TooLarge
from mesh.events.bodies import encode_body
from mesh.events.epochs import Fault, Learner, epochs_of, links, next_epoch, reached
from mesh.events.founding import rekey, rekey_purpose
from mesh.events.keys import wrap
from mesh.events.kinds import Close, Rekey
from mesh.events.seal import Keyring, handed_on, taken_over
from mesh.events.verdict import Admission, Cut, Statement, Verdict
from mesh.limits import RANK_RELAY, REKEY_WRAPS_MAX
from mesh.names import ZERO, Digest, Short, short
from tests.unit.small_mesh import Device, SmallMesh, fixed, secret_keys

MESH = SmallMesh()
RECOVERY, MAC, LAPTOP, PHONE = MESH.recovery, MESH.mac, MESH.laptop, MESH.phone
EVERYBODY = (RECOVERY, MAC, LAPTOP, PHONE)


def said(device: Device, lamport: int, body: Rekey | Close) -> Statement:
    """A statement at a place of its own."""
    digest = Digest(hashlib.sha256(device.admission + bytes([lamport]) + encode_body(body)).digest())
    stamp = Stamp(lamport, device.admission)
    return Statement(digest, device.admission, stamp, type(body).__name__.lower(), body, lamport, ZERO)


def key_of(number: int) -> bytes:
    """The key of a numbered epoch."""
    return fixed(32, "key", number)


def epoch(number: int, *recipients: Device) -> Statement:
    """A rekey by the mac."""
    return said(MAC, 10 + number, made(number, *recipients))


def made(number: int, *recipients: Device, earlier: dict[Short, bytes] | None = None) -> Rekey:
    """A rekey with the key of this number."""
    return rekey(MESH.id, key_of(number), {d.admission: d.keys.kem_key for d in recipients}, earlier or {})


def handing(statement: Statement, number: int) -> dict[Short, bytes]:
    """The key of this number as an earlier one."""
    return {short(statement.digest): key_of(number)}


def learner(device: Device, keyring: Keyring | None = None) -> Learner:
    """A device that has heard of no epoch."""
    return Learner(MESH.id, device.admission, device.keys, keyring or Keyring())


def by_digest(*statements: Statement) -> dict[Digest, Statement]:
    """Statements as they are held."""
    return {statement.digest: statement for statement in statements}


FIRST = epoch(1, *EVERYBODY)
SECOND = said(MAC, 12, made(2, RECOVERY, MAC, LAPTOP, earlier=handing(FIRST, 1)))
THIRD = said(LAPTOP, 13, made(3, *EVERYBODY, earlier=handing(SECOND, 2)))


def test_a_wrap_for_this_device_gives_the_key() -> None:
    """Who is a recipient reads from then on."""
    found = learner(PHONE)
    assert found.add([FIRST]) == (True, ())
    assert found.keyring.keys() == {short(FIRST.digest): key_of(1)}
    assert found.missing == ()


@pytest.mark.parametrize("order", [(0, 1, 2), (2, 1, 0), (1, 0, 2), (0, 2, 1), (2, 0, 1), (1, 2, 0)])
def test_a_later_key_leads_to_all_earlier_ones_in_whatever_order_they_come(order: tuple[int, ...]) -> None:
    """Statements of several admins come in any order."""
    newcomer = Device("newcomer", Digest(fixed(32, "newcomer")))
    third = said(LAPTOP, 13, made(3, newcomer, earlier=handing(SECOND, 2)))
    statements = [FIRST, SECOND, third]
    found = learner(newcomer)
    changed = [found.add([statements[place]]) for place in order]
    assert found.keyring.keys() == {short(s.digest): key_of(n) for n, s in enumerate(statements, 1)}
    assert all(faults == () for _, faults in changed)
    assert found.missing == ()


def test_without_a_way_the_key_is_missing_and_nobody_is_at_fault() -> None:
    """A device that was left out knows what it lacks."""
    found = learner(PHONE)
    assert found.add([SECOND]) == (False, ())
    assert [one.digest for one in found.missing] == [SECOND.digest]


def garbage(statement: Statement, device: Device, wrapped: bytes) -> Statement:
    """The same statement with another wrap for a device."""
    assert isinstance(statement.body, Rekey)
    wraps = tuple((n, wrapped if n == device.admission else w) for n, w in statement.body.wraps)
    return replace(statement, body=replace(statement.body, wraps=wraps))


def wrapped_for(device: Device, key: bytes, admission: Digest | None = None) -> bytes:
    """A key wrapped for a device, perhaps for another admission than its own."""
    return wrap(key, device.keys.kem_key, rekey_purpose(MESH.id, admission or device.admission))


@pytest.mark.parametrize(
    ("wrapped", "why"),
    [
        (b"", "does not open"),
        (bytes(80), "does not open"),
        (wrapped_for(LAPTOP, key_of(1), PHONE.admission), "does not open"),
        (wrapped_for(PHONE, key_of(1), LAPTOP.admission), "does not open"),
        (wrapped_for(PHONE, key_of(2)), "not the key that was committed to"),
        (wrapped_for(PHONE, b"short"), "not the key that was committed to"),
    ],
    ids=["nothing", "zeros", "another device's", "another admission's", "another key", "a short key"],
)
def test_a_wrong_wrap_is_a_fault_of_who_said_it_and_blocks_no_other_way(wrapped: bytes, why: str) -> None:
    """Garbage, a wrong recipient, another key: told, and got round."""
    wrong = garbage(FIRST, PHONE, wrapped)
    found = learner(PHONE)
    changed, (fault,) = found.add([wrong])
    assert not changed
    assert (fault.epoch, fault.by) == (FIRST.digest, MAC.admission)
    assert why in fault.why
    assert [one.digest for one in found.missing] == [FIRST.digest]
    assert found.add([SECOND, THIRD]) == (True, ())
    assert found.missing == ()


@pytest.mark.parametrize("handed", [{short(FIRST.digest): key_of(9)}, "garbage"])
def test_a_wrong_earlier_key_is_a_fault_of_who_handed_it_on(handed: object) -> None:
    """The one to blame is whoever handed it on, not who made the epoch."""
    body = made(2, PHONE, earlier=handed if isinstance(handed, dict) else {})
    if not isinstance(handed, dict):
        body = replace(body, earlier=((short(FIRST.digest), b"garbage"),))
    wrong = said(LAPTOP, 12, body)
    outside = garbage(FIRST, PHONE, b"")
    found = learner(PHONE)
    _, faults = found.add([outside, wrong])
    assert {(fault.epoch, fault.by) for fault in faults} == {
        (FIRST.digest, MAC.admission),
        (FIRST.digest, LAPTOP.admission),
    }
    assert [one.digest for one in found.missing] == [FIRST.digest]
    assert found.add([said(MAC, 14, made(4, PHONE, earlier=handing(FIRST, 1)))])[0]
    assert found.missing == ()


def test_a_key_that_was_handed_over_and_is_another_one_is_dropped_and_learned_anew() -> None:
    """An admission may carry a wrong key."""
    keyring = Keyring({short(FIRST.digest): key_of(9)})
    found = learner(PHONE, keyring)
    changed, (fault,) = found.add([FIRST])
    assert changed
    assert fault == Fault(FIRST.digest, MAC.admission, "the key of it that was here is another one")
    assert keyring.keys() == {short(FIRST.digest): key_of(1)}


def test_nobody_else_opens_what_was_handed_on() -> None:
    """What is handed on is bound to the later key, the mesh and the epoch."""
    name = short(FIRST.digest)
    sealed = handed_on(key_of(2), MESH.id, name, key_of(1))
    assert taken_over(key_of(2), MESH.id, name, sealed) == key_of(1)
    for key, mesh, epoch_name in (
        (key_of(3), MESH.id, name),
        (key_of(2), Digest(fixed(32, "another mesh")), name),
        (key_of(2), MESH.id, short(SECOND.digest)),
    ):
        with pytest.raises(Forged):
            taken_over(key, mesh, epoch_name, sealed)


# ── the next one ─────────────────────────────────────────────────────────────────────────────────


def verdict(*more: Admission, without: Device | None = None) -> Verdict:
    """The small mesh, perhaps with others and with one closed."""
    found = MESH.verdict
    found.admissions |= {admission.digest: admission for admission in more}
    if without:
        found.closes[without.admission] = {Cut(1, ZERO, ())}
    return found


def held(*numbers: int) -> Keyring:
    """The keys of some of the three epochs."""
    return Keyring({short((FIRST, SECOND, THIRD)[n - 1].digest): key_of(n) for n in numbers})


def test_the_next_epoch_reaches_every_reader_and_hands_on_what_nothing_else_does() -> None:
    """A close leaves out the closed device and relays; the others reach all that was."""
    relay = Admission(Digest(fixed(32, "relay")), RANK_RELAY, "relay", b"", secret_keys("relay").kem_key)
    body, key = next_epoch(verdict(relay, without=PHONE), MESH.id, held(1, 2), by_digest(FIRST, SECOND), fixed(32, "e"))
    assert key == fixed(32, "e")
    assert {name for name, _ in body.wraps} == {MESH.id, MAC.admission, LAPTOP.admission}
    assert [name for name, _ in body.earlier] == [short(SECOND.digest)]
    statement = said(MAC, 20, body)
    for device in (MAC, LAPTOP):
        found = learner(device)
        found.add([statement, SECOND, FIRST])
        assert found.keyring.keys() == {**held(1, 2).keys(), short(statement.digest): key}
    closed = learner(PHONE)
    closed.add([statement, SECOND, FIRST])
    assert not closed.keyring.holds(short(statement.digest))


def test_two_that_were_made_at_once_are_both_handed_on() -> None:
    """Neither of two concurrent epochs leads to the other."""
    other = said(LAPTOP, 12, made(7, *EVERYBODY, earlier=handing(FIRST, 1)))
    keyring = Keyring({**held(1, 2).keys(), short(other.digest): key_of(7)})
    body, _ = next_epoch(verdict(), MESH.id, keyring, by_digest(FIRST, SECOND, other), fixed(32, "e"))
    assert {name for name, _ in body.earlier} == {short(SECOND.digest), short(other.digest)}


def test_a_link_that_does_not_hold_leads_nowhere() -> None:
    """Who says that he hands on a key and hands on garbage makes nobody rely on it."""
    liar = said(LAPTOP, 12, made(7, *EVERYBODY, earlier=handing(FIRST, 9)))
    keyring = Keyring({**held(1).keys(), short(liar.digest): key_of(7)})
    statements = by_digest(FIRST, liar)
    assert links(MESH.id, epochs_of(statements.values()), keyring.keys())[short(liar.digest)] == frozenset()
    body, _ = next_epoch(verdict(), MESH.id, keyring, statements, fixed(32, "e"))
    assert {name for name, _ in body.earlier} == {short(FIRST.digest), short(liar.digest)}


def test_a_key_that_no_statement_commits_to_is_not_handed_on() -> None:
    """Nobody could check it."""
    body, _ = next_epoch(verdict(), MESH.id, held(1, 2), by_digest(FIRST), fixed(32, "e"))
    assert [name for name, _ in body.earlier] == [short(FIRST.digest)]


def test_more_keys_than_fit_are_handed_on_in_two_steps() -> None:
    """The second epoch leads to the first, and to what was left out."""
    many = [said(MAC, n, made(n, MAC)) for n in range(2, 130)]
    more = [said(LAPTOP, n, made(1000 + n, LAPTOP)) for n in range(2, 180)]
    keys = {short(s.digest): key_of(n) for n, s in enumerate(many, 2)}
    keys |= {short(s.digest): key_of(1000 + n) for n, s in enumerate(more, 2)}
    statements = by_digest(*many, *more)
    body, key = next_epoch(verdict(), MESH.id, Keyring(keys), statements, fixed(32, "e"))
    assert len(body.earlier) == REKEY_WRAPS_MAX < len(keys)
    first = said(MAC, 200, body)
    keys[short(first.digest)] = key
    statements |= by_digest(first)
    body, _ = next_epoch(verdict(), MESH.id, Keyring(keys), statements, fixed(32, "f"))
    leads = links(MESH.id, epochs_of(statements.values()), keys)
    assert reached((name for name, _ in body.earlier), leads) == keys.keys()


def test_a_mesh_with_more_readers_than_a_rekey_reaches_is_refused_with_what_helps() -> None:
    """It is not cut off in silence."""
    crowd = [Admission(Digest(fixed(32, n)), 10, "d", b"", PHONE.keys.kem_key) for n in range(REKEY_WRAPS_MAX)]
    with pytest.raises(TooLarge) as caught:
        next_epoch(verdict(*crowd), MESH.id, held(1), by_digest(FIRST), fixed(32, "e"))
    assert "mesh remove" in caught.value.hint
