"""Attacks on what counts, on the pure gate: closed keys, back-dating, mutual closes, epochs, adoptions, relays."""

from __future__ import annotations

from mesh.errors import Forged, Malformed, NotGranted
from mesh.events import cbor
from mesh.events.event import Inner, Lane, Placed, decode_inner
from mesh.events.founding import rekey, rekey_purpose
from mesh.events.keys import wrap
from mesh.events.kinds import Adopt, Born, Close, Grant, Rekey, Ungrant
from mesh.events.reading import KEY_MISSING, read, statement
from mesh.events.seal import Keyring, commitment
from mesh.events.speaking import Draft, Voice
from mesh.events.verdict import Standing, Verdict
from mesh.events.weigh import CLOSED, UNGRANTED
from mesh.limits import SALT_BYTES
from mesh.names import Digest, DocumentId, short
from mesh.sync.inputs import Heard
from mesh.sync.messages import Push
from mesh.sync.saying import epoch_to_write
from tests.attacks.catalogue import pure
from tests.attacks.ledger import Ledger, mark, newcomer, said, wrote
from tests.unit.lineage import Log
from tests.unit.small_mesh import EPOCH_KEY, MESH, NOTE, TIME_MS, fixed, one_run
from tests.unit.sync.small_net import Node

H, V, W = Standing.HONOURED, Standing.VOID, Standing.WAITS
_FAKES = 100
_DEEP = 5000


def live(verdict: Verdict) -> set[Digest]:
    """The devices that count and that nobody closed."""
    return set(verdict.live)


@pure(11, "void for ever, unless adopted by a rank not junior to the closer")
def back_dated_event_of_a_closed_key() -> str:
    """Holds the phone's key after it was closed. Branches off before the mark, with old times and small numbers."""
    honest = wrote(MESH.phone, 4)
    close = said(MESH.mac, Close(MESH.phone.admission, (mark(honest[2]),), "lost"))
    late = wrote(MESH.phone, 3, "after it was stolen")
    branch = _branch(honest, 2)
    ledger = Ledger(honest, close, late, branch)
    assert ledger.standings(honest[1:]) == [H, H, V, V]
    assert ledger.standings(late[1:]) == [V, V, V], "a chain without a mark is void whole"
    assert ledger.standings(branch) == [V]
    assert ledger.weight(late[1]).reason == CLOSED
    junior = ledger.hold(said(MESH.laptop, Adopt((late[1].digest,))))
    assert junior.standings(late[1:2]) == [V], "a junior of the closer adopts in vain"
    senior = ledger.hold(said(MESH.mac, Adopt((late[1].digest,)), salt="adopts"))
    assert senior.standings(late[1:]) == [H, V, V]
    return "void, also on a branch from before; the closer's rank can adopt it, a junior cannot"


def _branch(chain: tuple[Placed, ...], at: int) -> tuple[Placed, ...]:
    """Another event after the one at this place of a data chain of the phone."""
    parent = chain[at]
    voice = Voice(
        *(MESH.id, parent.chain, MESH.phone.admission, Lane.DATA, parent.head, parent.header.lamport),
        *(MESH.phone.keys.sign_key, MESH.phone.keys.sign),
    )
    return (MESH.say_data(voice, MESH.phone, Born({"title": "back-dated"}, "", fixed(SALT_BYTES, "late"))),)


@pure(12, "accepted, later void, the same at the end; under a mark that is not held yet it waits")
def event_before_its_close_is_heard() -> str:
    """Holds the phone's key. One device hears its late event before the close, another one after it."""
    honest = wrote(MESH.phone, 4)
    close = said(MESH.mac, Close(MESH.phone.admission, (mark(honest[2]),)))
    early = Ledger(honest)
    assert early.standings(honest[1:]) == [H] * 4
    assert early.hold(close).standings(honest[1:]) == [H, H, V, V]
    short_of_it = Ledger(honest[:2], close)
    assert short_of_it.standings(honest[1:2]) == [W], "the mark is not held"
    assert short_of_it.hold(honest[2:]).standings(honest[1:]) == [H, H, V, V]
    return "the same in each order; what is under a mark to come waits"


@pure(13, "none is effective")
def closed_admin_admits_a_hundred_fakes() -> str:
    """Holds the laptop's admin key after it was closed. Admits 100 devices, grants to them, closes honest ones."""
    close = said(MESH.mac, Close(MESH.laptop.admission, (), "lost"))
    fakes = [newcomer(f"fake {number}", 3 + number % 100) for number in range(_FAKES)]
    chain = said(MESH.laptop, *fakes, Close(MESH.phone.admission), salt="thief")
    verdict = Ledger(close, chain).verdict
    assert live(verdict) == {MESH.mac.admission, MESH.phone.admission}, "nobody came in, and nobody was put out"
    return f"{_FAKES} fakes void with the one who said them"


@pure(15, "the senior's counts")
def two_admins_close_each_other() -> str:
    """Holds the laptop's key. It closes the mac, and an equal; they close it. Both also try to close themselves."""
    ledger = Ledger(said(MESH.mac, newcomer("twin", 2), salt="twin"))
    twin = next(d for d, a in ledger.verdict.admissions.items() if a.name == "twin")
    closes = (Close(MESH.mac.admission), Close(twin), Close(MESH.laptop.admission), Close(MESH.id))
    ledger = ledger.hold(said(MESH.laptop, *closes, salt="thief"))
    assert live(ledger.verdict) >= {MESH.mac.admission, MESH.laptop.admission, twin}, (
        "nobody junior or equal is reached"
    )
    ledger = ledger.hold(said(MESH.mac, Close(MESH.laptop.admission), Close(MESH.mac.admission), salt="answer"))
    assert live(ledger.verdict) == {MESH.mac.admission, MESH.phone.admission, twin}
    return "equals and oneself are out of reach; the senior stays, and the junior is out"


@pure(20, "void on all; what was under the marks stays; adoptable")
def grant_withdrawn_in_flight() -> str:
    """Holds the phone's key. Goes on under a grant that was withdrawn; each device hears of that at another time."""
    grants = [e.digest for e in MESH.control if short(e.digest) == MESH.grant(MESH.phone)]
    written = wrote(MESH.phone, 4)
    end = said(MESH.mac, Ungrant(grants[0], (mark(written[2]),)))
    for order in ((written, end), (end, written)):
        ledger = Ledger(*order)
        assert ledger.standings(written[1:]) == [H, H, V, V]
        assert ledger.weight(written[3]).reason == UNGRANTED
    assert ledger.hold(said(MESH.mac, Adopt((written[3].digest,)), salt="a")).standings(written[1:]) == [H, H, H, V]
    node = Node(MESH.phone)
    node.handle(Heard("mac", Push((one_run(end, "mac"),))))
    try:
        node.say()
    except NotGranted:
        return "void beyond the mark on every device, and the device itself refuses to go on"
    raise AssertionError("it wrote on")


@pure(21, "both readable, one key to write under")
def two_rekeys_at_once() -> str:
    """Holds nothing special: two admins renew the key at the same moment."""
    everybody = {d.admission: d.keys.kem_key for d in (MESH.recovery, MESH.mac, MESH.laptop, MESH.phone)}
    keys = [fixed(32, "one"), fixed(32, "two")]
    chains = [
        said(device, rekey(MESH.id, key, everybody), salt="rekey")
        for device, key in zip((MESH.mac, MESH.laptop), keys, strict=True)
    ]
    verdict = Ledger(*chains).verdict
    epochs = verdict.epochs()
    assert set(epochs) >= {chains[0][1].digest, chains[1][1].digest}
    keyring = Keyring({short(MESH.epoch): EPOCH_KEY})
    for chain, key in zip(chains, keys, strict=True):
        body = statement(chain[1]).body
        assert isinstance(body, Rekey)
        wrapped = dict(body.wraps)[MESH.phone.admission]
        assert MESH.phone.keys.unwrap(wrapped, rekey_purpose(MESH.id, MESH.phone.admission)) == key
        assert commitment(key) == body.commitment
        keyring.add(chain[1].digest, key)
    assert epoch_to_write(verdict, keyring) == short(epochs[0])
    return "each device opens both, and all choose the same one to write under"


@pure(22, "the device that was left out shows `key missing`, and writes under the key that it has")
def rekey_that_omits_a_live_device() -> str:
    """Holds the laptop's admin key. Renews the key for all but the phone."""
    key, phone = fixed(32, "without the phone"), Keyring({short(MESH.epoch): EPOCH_KEY})
    others = {d.admission: d.keys.kem_key for d in (MESH.recovery, MESH.mac, MESH.laptop)}
    chain = said(MESH.laptop, rekey(MESH.id, key, others), salt="omits")
    verdict = Ledger(chain).verdict
    mac = Keyring({short(MESH.epoch): EPOCH_KEY, short(chain[1].digest): key})
    assert epoch_to_write(verdict, mac) == short(chain[1].digest)
    assert epoch_to_write(verdict, phone) == short(MESH.epoch), "it goes on under the key that it has"
    voice, _ = MESH.voice(MESH.mac, Lane.DATA, "new epoch")
    draft = Draft(Born({"title": "x"}, "", bytes(SALT_BYTES)), NOTE, "", MESH.grant(MESH.mac))
    event = voice.say_sealed(draft, TIME_MS, 0, (mac, short(chain[1].digest)), bytes(24))
    reading = read(phone, verdict, event, Log())
    assert (reading.standing, reading.reason) == (W, KEY_MISSING)
    return "what is written under the new key waits there as `key missing`; the duty of an admin ends it"


@pure(23, "never chosen to write under")
def rekey_that_includes_a_closed_device() -> str:
    """Holds the phone's key, and the laptop's admin key. The phone is closed; the laptop wraps the next key for it."""
    close = said(MESH.mac, Close(MESH.phone.admission, (), "lost"))
    everybody = {d.admission: d.keys.kem_key for d in (MESH.recovery, MESH.mac, MESH.laptop, MESH.phone)}
    living = {d.admission: d.keys.kem_key for d in (MESH.recovery, MESH.mac, MESH.laptop)}
    good, bad = fixed(32, "good"), fixed(32, "bad")
    chosen = said(MESH.mac, rekey(MESH.id, good, living), salt="good")
    traitor = said(MESH.laptop, Adopt((MESH.id,)), rekey(MESH.id, bad, everybody), rekey(MESH.id, bad, {}), salt="bad")
    verdict = Ledger(close, chosen, traitor).verdict
    assert verdict.epoch() == chosen[1].digest
    assert traitor[2].digest not in verdict.epochs()
    assert traitor[3].digest not in verdict.epochs(), "nor one that reaches nobody"
    return "the later rekey reaches a closed device, so nobody writes under it"


@pure(24, "it does not open")
def epoch_key_for_the_wrong_key() -> str:
    """Holds the laptop's admin key. Moves a wrap to another recipient, to another mesh, or wraps for another key."""
    key = fixed(32, "epoch")
    phone, purpose = MESH.phone, rekey_purpose(MESH.id, MESH.phone.admission)
    wrong = [
        wrap(key, MESH.laptop.keys.kem_key, purpose),
        wrap(key, phone.keys.kem_key, rekey_purpose(MESH.id, MESH.laptop.admission)),
        wrap(key, phone.keys.kem_key, rekey_purpose(Digest(bytes(32)), phone.admission)),
        wrap(key, phone.keys.kem_key, purpose)[:-1],
        b"",
    ]
    for wrapped in wrong:
        try:
            phone.keys.unwrap(wrapped, purpose)
        except Forged:
            continue
        raise AssertionError(wrapped.hex())
    assert phone.keys.unwrap(wrap(key, phone.keys.kem_key, purpose), purpose) == key
    return f"{len(wrong)} wraps refused"


@pure(28, "nothing ends by a clock: the writer refuses by its own, an admin says the ungrant")
def expired_grant_with_a_rewound_clock() -> str:
    """Holds the phone's key, with a grant for an agent that ended. Sets its clock back and writes on."""
    grant = Grant(MESH.phone.admission, "bot", "home", ("note",), ("create",), TIME_MS)
    chain = said(MESH.mac, grant)
    verdict = Ledger(chain).verdict
    name = short(chain[1].digest)
    assert verdict.grant_for(MESH.phone.admission, Inner(TIME_MS, "born", "bot", NOTE)) == name
    assert verdict.grant_for(MESH.phone.admission, Inner(TIME_MS + 1, "born", "bot", NOTE)) is None, (
        "honest ones refuse"
    )
    voice, opening = MESH.voice(MESH.phone, Lane.DATA, "rewound")
    seal, nonces = (MESH.keyring(), short(MESH.epoch)), bytes(24)
    drafts = [Draft(Born({}, str(n), bytes(SALT_BYTES)), NOTE, "bot", name) for n in range(3)]
    written = [voice.say_sealed(draft, 0, 0, seal, nonces) for draft in drafts]
    assert Ledger(chain, [opening], written).standings(written) == [H] * 3, "until an admin has said so it counts"
    end = said(MESH.mac, Ungrant(chain[1].digest, (mark(written[0]),)), salt="over")
    assert Ledger(chain, [opening], written, end).standings(written) == [H, V, V]
    return "the ungrant's marks end it, whatever the clock says"


@pure(18, "refused: no space, type or document can be spelled so")
def path_tricks_in_names() -> str:
    """Holds a member's key. Spaces and documents that look like others: `..`, other cases, NFD, empty, NUL."""
    name = NOTE.name
    tricks = ("../secret", "notes/../secret", "Notes", "note\u0301s", "", "notes\0", "notes ", "-notes", "n" * 33, "*")
    for trick in tricks:
        for place in ([trick, "note", name], ["home", trick, name]):
            try:
                decode_inner(cbor.encode([0, "born", "", place, b""]))
            except Malformed:
                continue
            raise AssertionError(trick)
    for text in (f"{NOTE}/", str(NOTE).upper(), f"home/../{NOTE}", "home/note/", str(NOTE) + "a"):
        try:
            DocumentId.parse(text)
        except Malformed:
            continue
        raise AssertionError(text)
    narrow = Grant(MESH.phone.admission, "bot", "notes", ("note",), ("create",))
    verdict = Ledger(said(MESH.mac, narrow)).verdict
    private = DocumentId("notes-private", "note", name)
    assert verdict.grant_for(MESH.phone.admission, Inner(0, "born", "bot", private)) is None, "no grant is a prefix"
    return f"{len(tricks)} spellings refused; a grant covers its very space and no other that begins alike"
