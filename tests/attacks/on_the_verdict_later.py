"""Attacks on what counts that were thought of later, on the pure gate."""

from __future__ import annotations

from dataclasses import replace

from mesh.errors import NotGranted
from mesh.events.bodies import document_of
from mesh.events.event import Lane
from mesh.events.judge import judge
from mesh.events.kinds import Adopt, Born, Changed, Close, Forget, Grant, Mark
from mesh.events.reading import statement
from mesh.events.speaking import Draft, Voice
from mesh.events.verdict import Standing
from mesh.events.weigh import FORGOTTEN
from mesh.limits import MARKS_MAX, SALT_BYTES
from mesh.names import Digest
from mesh.sync.inputs import Heard, Said
from mesh.sync.messages import Push
from tests.attacks.catalogue import pure
from tests.attacks.ledger import Ledger, mark, newcomer, nowhere, said, wrote
from tests.attacks.on_the_verdict import live
from tests.unit.small_mesh import MESH, NOTE, TIME_MS, fixed, one_run, request, secret_keys
from tests.unit.sync.small_net import ENTROPY_BYTES, Node

H, V, W = Standing.HONOURED, Standing.VOID, Standing.WAITS
_DEEP = 5000


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
            forked = node.handle(Heard("laptop", Push((one_run(chain, "laptop"),)))).forks
    assert mac.replica.verdict == phone.replica.verdict
    assert mac.replica.verdict_digest == phone.replica.verdict_digest
    names = {found.name for found in mac.replica.verdict.admissions.values()}
    assert "friend" in names
    assert not mac.replica.verdict.is_live(MESH.phone.admission)
    assert forked, "and it is told"
    return "both branches count on both devices, and the fork is told"


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
