"""Attacks on what counts, on the pure gate: closed keys, back-dating, mutual closes, epochs, adoptions, relays."""

from __future__ import annotations

import random
from dataclasses import replace

from mesh.errors import Forged, Malformed, NotGranted
from mesh.events import cbor
from mesh.events.bodies import document_of
from mesh.events.event import Inner, Lane, Placed, decode_inner
from mesh.events.founding import rekey, rekey_purpose
from mesh.events.judge import judge
from mesh.events.keys import wrap
from mesh.events.kinds import Adopt, Born, Changed, Close, Forget, Grant, Mark, Rekey, Ungrant
from mesh.events.reading import KEY_MISSING, read, statement
from mesh.events.seal import Keyring, commitment
from mesh.events.speaking import Draft, Voice
from mesh.events.verdict import Standing, Verdict
from mesh.events.weigh import CLOSED, FORGOTTEN, UNGRANTED
from mesh.limits import MARKS_MAX, RANK_RELAY, SALT_BYTES
from mesh.names import Digest, DocumentId, short
from mesh.sync.inputs import Heard, Said
from mesh.sync.messages import Push
from mesh.sync.saying import epoch_to_write
from tests.attacks.catalogue import pure
from tests.attacks.ledger import Ledger, admission, mark, newcomer, nowhere, said, wrote
from tests.unit.lineage import Log
from tests.unit.small_mesh import EPOCH_KEY, MESH, NOTE, TIME_MS, fixed, one_run, request, secret_keys
from tests.unit.sync.small_net import ENTROPY_BYTES, Net, Node

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


@pure(36, "other paths bring it (nothing warns that what is heard is old)")
def relay_withholds_a_close() -> str:
    """Runs the relay between two devices and hands on no control. A third device meets both now and then."""
    net = _three()
    close = said(MESH.mac, Close(MESH.phone.admission, (), "lost"))
    net.nodes["mac"].handle(Heard("person", Push((one_run(close, "mac"),))))
    laptop = net.nodes["laptop"].replica
    net.meet("mac", "relay")
    net.run()
    net.letters.clear()  # the relay is silent: nothing of it ever reaches the laptop
    assert laptop.verdict.is_live(MESH.phone.admission)
    net.meet("mac", "laptop")
    net.run()
    assert not laptop.verdict.is_live(MESH.phone.admission)
    return "the first meeting with anybody else who knows brings the close"


def _three() -> Net:
    return Net(mac=Node(MESH.mac), laptop=Node(MESH.laptop), relay=Node(MESH.phone))


@pure(37, "the devices converge")
def relay_drops_doubles_and_reorders() -> str:
    """Runs the relay. Drops half of all letters, doubles others, and hands them on in another order."""
    for seed in range(20):
        lots, net = random.Random(seed), _three()
        for name in ("mac", "laptop"):
            for _ in range(5):
                net.carry_out(name, net.nodes[name].say(2))
            net.meet(name, "relay")
        for _ in range(60):
            kept = [letter for letter in net.letters if lots.random() < 0.5 for _ in range(lots.randint(1, 2))]
            lots.shuffle(kept)
            net.letters.clear()
            net.letters.extend(kept[:50])
            net.run()
            for name in net.nodes:
                net.lose(name, "relay") if name != "relay" and lots.random() < 0.2 else None
            for name in ("mac", "laptop"):
                net.meet(name, "relay")
            net.tick()
        net.run()
        assert net.nodes["mac"].knows() == net.nodes["laptop"].knows(), seed
    return "20 seeds: both hold the same in the end"


@pure(38, "nothing is lost: the devices bring it again")
def relay_loses_everything() -> str:
    """Runs the relay, and empties it in the middle."""
    net = _three()
    for name in ("mac", "laptop"):
        net.carry_out(name, net.nodes[name].say(3))
        net.meet(name, "relay")
    net.run()
    whole = net.nodes["mac"].knows()
    for name in ("mac", "laptop"):
        net.lose(name, "relay")
    net.nodes["relay"] = Node(MESH.phone)
    for name in ("mac", "laptop"):
        net.meet(name, "relay")
    net.run()
    assert net.nodes["relay"].knows() == net.nodes["mac"].knows() == net.nodes["laptop"].knows() == whole
    return f"all {len(whole)} events came back"


# ---------------------------------------------------------------- thought of later


@pure(71, "void: it names no place")
def close_that_names_no_place() -> str:
    """Holds the mac's key and a bad will. Marks at numbers that their events do not have, as many as fit."""
    written = wrote(MESH.phone, 3)
    marks = tuple(sorted(Mark(written[0].chain, replace(written[1].head, seq=n + 2)) for n in range(MARKS_MAX)))
    for bad in ((nowhere(written[2]),), marks[1:]):
        ledger = Ledger(written, said(MESH.mac, Close(MESH.phone.admission, bad)))
        assert H not in ledger.standings(written[1:]), "nothing counts by a mark that names no place"
    return "nothing counts under such marks, and nothing fails"


@pure(72, "void: closed for good")
def closed_key_opens_again() -> str:
    """Holds the phone's key and the laptop's admin key. After the mac closed the phone, tries every way back."""
    written = wrote(MESH.phone, 2)
    close = said(MESH.mac, Close(MESH.phone.admission, (mark(written[1]),)))
    later = wrote(MESH.phone, 2, "later")
    back = said(
        MESH.laptop,
        Close(MESH.phone.admission, tuple(sorted([mark(later[-1]), mark(written[-1])]))),
        Adopt(tuple(sorted([later[1].digest, MESH.phone.admission]))),
        Grant(MESH.phone.admission, "", "*", ("*",), ("*",)),
        salt="back",
    )
    ledger = Ledger(written, close, later, back)
    assert not ledger.verdict.is_live(MESH.phone.admission)
    assert ledger.standings([*written[1:], *later[1:]]) == [H, V, V, V], "the strictest of several closes counts"
    return "a wider close, an adoption and a grant by a junior change nothing"


@pure(73, "the same verdict everywhere, whatever each heard first")
def equivocating_admin() -> str:
    """Holds the laptop's admin key. Forks its control chain: one device hears an admission, another one a close."""
    first = said(MESH.laptop, newcomer("friend", 50), salt="fork")
    second = (first[0], *said(MESH.laptop, Close(MESH.phone.admission), salt="fork")[1:])
    mac, phone = Node(MESH.mac), Node(MESH.phone)
    for node, chains in ((mac, (first, second)), (phone, (second, first))):
        for chain in chains:
            node.handle(Heard("laptop", Push((one_run(chain, "laptop"),))))
    assert mac.replica.verdict == phone.replica.verdict
    assert mac.replica.verdict_digest == phone.replica.verdict_digest
    names = {found.name for found in mac.replica.verdict.admissions.values()}
    assert "friend" in names
    assert not mac.replica.verdict.is_live(MESH.phone.admission)
    assert any("fork of" in alarm for alarm in mac.alarms)
    return "both branches count on both devices, and both sound an alarm"


@pure(74, "one pass, no recursion; held honest work is not touched")
def adoptions_of_adoptions() -> str:
    """Holds the laptop's admin key. A chain of 5,000 adoptions, each of the one before, and a circle of promises."""
    chain = said(MESH.laptop, Adopt((Digest(bytes(32)),)), salt="deep")
    last = chain[-1].digest
    placed = list(chain)
    head, keys = chain[-1], MESH.laptop.keys
    voice = Voice(
        *(MESH.id, head.chain, MESH.laptop.admission, Lane.CONTROL, head.head, head.header.lamport),
        *(keys.sign_key, keys.sign),
    )
    for _ in range(_DEEP):
        placed.append(voice.say(Draft(Adopt((last,))), TIME_MS, 9))
        last = placed[-1].digest
    before = live(Ledger().verdict)
    verdict = judge([statement(event) for event in (*MESH.control, *placed)], MESH.id)
    assert live(verdict) == before
    return f"{_DEEP:,} deep, judged in one pass"


@pure(75, "void: only the founder and the recovery key forget")
def junior_admin_forgets() -> str:
    """Holds the laptop's admin key. Forgets a document of others; then the founder does."""
    written = wrote(MESH.phone, 2)
    ledger = Ledger(written, said(MESH.laptop, Forget(NOTE)))
    assert ledger.standings(written[1:]) == [H, H]
    ledger = ledger.hold(said(MESH.mac, Forget(NOTE)))
    assert ledger.standings(written[1:]) == [V, V]
    assert ledger.weight(written[1]).reason == FORGOTTEN
    adopted = ledger.hold(said(MESH.mac, Adopt((written[1].digest,)), salt="adopt"))
    assert adopted.standings(written[1:2]) == [V], "no adoption brings back what is forgotten"
    return "held and without effect; the founder's counts, and no adoption undoes it"


@pure(76, "no epoch key is ever wrapped for it")
def relay_wants_the_keys() -> str:
    """Runs a relay and holds its keys. Is it among those that an epoch is for?"""
    chain = said(MESH.mac, newcomer("cellar", RANK_RELAY))
    verdict = Ledger(chain).verdict
    relay = admission(chain)
    assert verdict.admissions[relay].is_relay
    assert relay not in verdict.readers()
    grant = verdict.grant_for(relay, Inner(0, "born", "", NOTE))
    assert grant is None
    return "not among the readers, and without a grant"


@pure(77, "NotGranted: what an agent may do does not grow with what it reads")
def agent_beyond_its_grant() -> str:
    """Is an agent on the phone with a narrow grant, told by a note to do more."""
    chain = said(MESH.mac, Grant(MESH.phone.admission, "bot", "home", ("note",), ("create",)))
    node = Node(MESH.phone)
    node.handle(Heard("mac", Push((one_run(chain, "mac"),))))
    entropy = fixed(ENTROPY_BYTES, "agent")
    birth = Born({"title": "x"}, "", bytes(SALT_BYTES))
    tried = 0
    for draft, lane in (
        (Draft(birth, document_of("work", "note", birth), "bot"), Lane.DATA),
        (Draft(birth, document_of("home", "approval", birth), "bot"), Lane.DATA),
        (Draft(Changed(b"x"), document_of("home", "note", birth), "bot"), Lane.DATA),
        (Draft(birth, document_of("home", "note", birth), "another"), Lane.DATA),
        (Draft(Grant(MESH.phone.admission, "bot", "*", ("*",), ("*",))), Lane.CONTROL),
    ):
        try:
            node.handle(Said((draft,), lane, TIME_MS, entropy))
        except NotGranted:
            tried += 1
    assert tried == 5, tried
    node.handle(Said((Draft(birth, document_of("home", "note", birth), "bot"),), Lane.DATA, TIME_MS, entropy))
    return "five attempts refused before anything was said; what it may do it still does"


@pure(78, "void: the recovery key is not to be had")
def statements_in_the_name_of_the_recovery_key() -> str:
    """Holds the mac's key. Claims chains under the admission of rank 0, and admits itself again as founder."""
    node = Node(MESH.laptop)
    forged = said(replace(MESH.mac, admission=MESH.id), newcomer("evil", 1), salt="zero")
    before = node.replica.verdict_digest
    effects = node.handle(Heard("mac", Push((one_run(forged, "mac"),))))
    assert effects.refused == 1
    assert node.replica.verdict_digest == before
    again = said(MESH.mac, newcomer("second", 1), salt="one")
    assert "second" not in {found.name for found in Ledger(again).verdict.admissions.values()}
    assert secret_keys("recovery").sign_key != MESH.mac.keys.sign_key
    return "the chain's key does not fit; an equal is not admitted"


@pure(79, "void: the proof does not fit")
def admission_of_keys_that_are_not_its_own() -> str:
    """Holds the laptop's admin key. Admits another device's keys under its own transport key or another name."""
    good, foreign = request("victim", 20), request("thief", 20)
    bad = [
        replace(good, transport_key=foreign.transport_key),
        replace(good, kem_key=foreign.kem_key),
        replace(good, name="phone"),
        replace(good, proof=foreign.proof),
    ]
    before = live(Ledger().verdict)
    assert live(Ledger(said(MESH.laptop, *bad)).verdict) == before
    assert len(live(Ledger(said(MESH.laptop, good)).verdict)) == len(before) + 1
    return "four statements let nobody in"
