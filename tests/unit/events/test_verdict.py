"""Authority: what counts follows from the set of statements, never from their order, and reaches only juniors."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mesh.clocks.lamport import Stamp
from mesh.events.event import CLEAR, Inner
from mesh.events.founding import default_grant, with_rank
from mesh.events.judge import judge
from mesh.events.kinds import ANY, Admit, Body, Genesis, Grant, Located, Opening, Rekey, kind_of
from mesh.events.verdict import Standing, Statement, admitted
from mesh.events.weigh import NOT_ADMITTED
from mesh.names import ZERO, Digest, DocumentId, Short, short
from tests.unit.lineage import weighed
from tests.unit.small_mesh import MESH, NOTE, Device, fixed, request

STATEMENTS = MESH.statements()
SPARE = {
    "laptop": request("spare laptop"),
    "phone": request("spare phone"),
    "server": request("spare server"),
}


def said(speaker: Device | Digest, body: Body | None, number: int = 0, kind: str = "") -> Statement:
    """A statement as `judge` reads it, with a digest of its own."""
    admission = speaker.admission if isinstance(speaker, Device) else speaker
    kind = kind or (kind_of(body) if body else "")
    digest = Digest(fixed(32, "statement", admission.hex(), kind, repr(body), number))
    stamp = Stamp(100 + number, Digest(fixed(32, "chain", admission.hex())))
    return Statement(digest, admission, stamp, kind, body, 2 + number, ZERO)


def judged(*more: Statement) -> object:
    """The verdict over the small mesh and more."""
    return judge([*STATEMENTS.values(), *more], MESH.id)


def test_the_small_mesh() -> None:
    """The recovery key, the founder, and whom the founder let in; a default grant each; an epoch."""
    verdict = MESH.verdict
    ranks = {found.name: found.rank for found in verdict.admissions.values()}
    assert ranks == {"recovery key": 0, "mac": 1, "laptop": 2, "phone": 10}
    assert [found.name for found in verdict.devices.values()] == ["mac", "laptop", "phone"]
    assert {grant.admission for grant in verdict.grants.values()} == set(verdict.devices)
    assert verdict.epoch() == MESH.epoch
    assert verdict.said == set(STATEMENTS)
    assert verdict.unknown == set()


@given(st.permutations(list(STATEMENTS.values())))
def test_the_order_of_statements_does_not_matter(order: Sequence[Statement]) -> None:
    """Whatever order they arrived in, the verdict is the same."""
    assert judge(order, MESH.id) == MESH.verdict


@st.composite
def control_logs(draw: st.DrawFn) -> list[Statement]:
    """Statements of all speakers about each other: admissions at any rank, grants, epochs, nonsense."""
    speakers: list[Digest] = [device.admission for device in (MESH.recovery, MESH.mac, MESH.laptop, MESH.phone)]
    log = list(STATEMENTS.values())
    for number in range(draw(st.integers(0, 12))):
        speaker = draw(st.sampled_from(speakers))
        subject = draw(st.sampled_from(speakers))
        choice = draw(st.integers(0, 4))
        bodies: list[Body | None] = [
            with_rank(draw(st.sampled_from(list(SPARE.values()))), draw(st.integers(1, 12))),
            Grant(subject, "", ANY, (ANY,), (ANY,)),
            Rekey(bytes(32), ((subject, b"wrap"),)),
            Genesis(bytes(32), bytes(32), bytes(16)),
            None,
        ]
        log.append(said(speaker, bodies[choice], number, "" if bodies[choice] else draw(st.sampled_from(["x", ""]))))
        if choice == 0:
            speakers.append(log[-1].digest)
    return log


@given(control_logs(), st.randoms(use_true_random=False))
def test_any_log_in_any_order(log: list[Statement], lots: object) -> None:
    """Hostile statements included, every order gives one verdict."""
    shuffled = list(log)
    lots.shuffle(shuffled)  # type: ignore[attr-defined]
    assert judge(shuffled, MESH.id) == judge(log, MESH.id)


@given(control_logs())
def test_nobody_reaches_up_or_sideways(log: list[Statement]) -> None:
    """Every admission that counts was said by somebody who counts and has a lower rank number, down from recovery."""
    verdict = judge(log, MESH.id)
    by_digest = {statement.digest: statement for statement in log}
    for digest, found in verdict.admissions.items():
        if digest != MESH.id:
            speaker = verdict.admissions[by_digest[digest].admission]
            assert speaker.rank < found.rank
            assert speaker.rank <= 9
    for statement in log:
        if isinstance(statement.body, Grant) and statement.digest in verdict.said:
            speaker = verdict.admissions[statement.admission]
            subject = verdict.admissions.get(statement.body.admission)
            assert statement.body.admission == statement.admission or subject is None or subject.rank > speaker.rank


@given(control_logs())
def test_what_counts_stays_when_more_is_held(log: list[Statement]) -> None:
    """Without closes, more statements only add: nothing that counted falls."""
    few, many = judge(log[: len(STATEMENTS) + 3], MESH.id), judge(log, MESH.id)
    assert few.said <= many.said
    assert few.admissions.items() <= many.admissions.items()


def test_attack_junior_admits_senior() -> None:
    """The laptop (2) lets nobody in at rank 1 or 2, and somebody at 3."""
    tries = [said(MESH.laptop, with_rank(SPARE["phone"], rank)) for rank in (1, 2, 3)]
    verdict = judge([*STATEMENTS.values(), *tries], MESH.id)
    assert [t.digest in verdict.admissions for t in tries] == [False, False, True]
    assert [t.digest in verdict.said for t in tries] == [False, False, True]


def test_attack_member_speaks() -> None:
    """A member's admissions, grants and epochs count nothing, even if they were held."""
    tries = [
        said(MESH.phone, with_rank(SPARE["phone"], 11)),
        said(MESH.phone, default_grant(MESH.phone.admission)),
        said(MESH.phone, Rekey(bytes(32), ())),
    ]
    assert judge([*STATEMENTS.values(), *tries], MESH.id) == MESH.verdict


def test_attack_grant_to_a_senior_or_stranger() -> None:
    """An admin grants to juniors and to himself (his agents), not to seniors, equals or the unknown."""
    equal = said(MESH.mac, with_rank(SPARE["laptop"], 2))
    subjects = [
        MESH.mac.admission,
        equal.digest,
        Digest(fixed(32, "nobody")),
        MESH.laptop.admission,
        MESH.phone.admission,
    ]
    grants = [said(MESH.laptop, Grant(subject, "", ANY, (ANY,), (ANY,)), 1) for subject in subjects]
    verdict = judge([*STATEMENTS.values(), equal, *grants], MESH.id)
    assert [short(grant.digest) in verdict.grants for grant in grants] == [False, False, False, True, True]


def test_attack_strangers_speak_for_themselves() -> None:
    """Two admissions that let each other in, and a second genesis, count nothing."""
    a, b = Digest(fixed(32, "a")), Digest(fixed(32, "b"))
    tries = [said(a, with_rank(SPARE["phone"], 3)), said(b, with_rank(SPARE["phone"], 2))]
    tries.append(said(MESH.laptop, Genesis(bytes(32), bytes(32), bytes(16))))
    tries.append(said(tries[2].digest, with_rank(SPARE["phone"], 1)))
    assert judge([*STATEMENTS.values(), *tries], MESH.id).admissions == MESH.verdict.admissions


def test_a_statement_of_an_unknown_kind_is_remembered() -> None:
    """It counts nothing, but whoever speaks with authority and is not understood means: upgrade."""
    strange, broken, member = (
        said(MESH.laptop, None, kind="later"),
        said(MESH.laptop, None, kind="admit"),
        said(MESH.phone, None, kind="later"),
    )
    later, unreadable = said(MESH.laptop, None, kind="version 2"), said(MESH.laptop, None)
    verdict = judge([*STATEMENTS.values(), strange, broken, member, later, unreadable], MESH.id)
    assert verdict.unknown == {strange.digest, later.digest}
    assert verdict.said == MESH.verdict.said


def test_openings_count_as_said() -> None:
    """They let nobody in and are part of what was said."""
    opening = said(MESH.laptop, Opening(MESH.laptop.admission, MESH.mac_commit[0].lane, "new", bytes(16)))
    assert opening.digest in judge([*STATEMENTS.values(), opening], MESH.id).said


def test_without_the_genesis_nothing_counts() -> None:
    """Everything hangs on the one statement that the mesh is named after."""
    without = [statement for digest, statement in STATEMENTS.items() if digest != MESH.id]
    assert judge(without, MESH.id).admissions == {}
    broken = replace(STATEMENTS[MESH.id], body=None)
    assert judge([*without, broken], MESH.id).admissions == {}


def test_the_epoch_is_the_latest_whose_recipients_are_live() -> None:
    """A later epoch wins, unless it reaches somebody who does not count; of equal Lamport the larger digest."""
    live, dead = MESH.mac.admission, Digest(fixed(32, "nobody"))
    later = said(MESH.laptop, Rekey(bytes(32), ((live, b"w"),)), 1)
    too_far = said(MESH.mac, Rekey(bytes(32), ((live, b"w"), (dead, b"w"))), 2)
    verdict = judge([*STATEMENTS.values(), later, too_far], MESH.id)
    assert verdict.epoch() == later.digest
    assert judge([STATEMENTS[MESH.id]], MESH.id).epoch() is None


def test_who_an_admission_lets_in() -> None:
    """Admissions and a genesis let somebody in; nothing else does."""
    assert admitted(None) is None
    assert admitted(said(MESH.mac, default_grant(MESH.phone.admission))) is None
    found = admitted(STATEMENTS[MESH.phone.admission])
    assert found is not None
    assert (found.name, found.rank, found.sign_key) == ("phone", 10, MESH.phone.keys.sign_key)
    recovery = admitted(STATEMENTS[MESH.id])
    assert recovery is not None
    assert (recovery.rank, recovery.transport_key, recovery.tls_key) == (0, b"", b"")


AGENT = "claude"
NARROW = Grant(MESH.phone.admission, AGENT, "home", ("note", "task"), ("create",))


@pytest.mark.parametrize(
    ("changes", "allowed"),
    [
        ({}, True),
        ({"document": DocumentId("home", "task", NOTE.name)}, True),
        ({"document": DocumentId("work", "note", NOTE.name)}, False),
        ({"document": DocumentId("home", "hand-off", NOTE.name)}, False),
        ({"document": None}, False),
        ({"kind": "changed"}, False),
        ({"agent": ""}, False),
        ({"agent": "gemini"}, False),
        ({"grant": Short(bytes(16))}, False),
        ({"grant": CLEAR}, False),
    ],
)
def test_a_grant_covers_what_it_names(changes: dict[str, object], allowed: bool) -> None:  # noqa: FBT001 - a table's column
    """Space, type, verb and agent must all be the grant's; without a document there is nothing to allow."""
    grant = said(MESH.mac, NARROW)
    verdict = judge([*STATEMENTS.values(), grant], MESH.id)
    inner = replace(Inner(0, "born", AGENT, NOTE, short(grant.digest)), **changes)  # type: ignore[arg-type]
    standing, reason, _ = weighed(verdict, MESH.phone.admission, inner)
    assert standing is (Standing.HONOURED if allowed else Standing.VOID)
    assert bool(reason) is not allowed
    found = verdict.grant_for(MESH.phone.admission, inner)
    assert found == (short(grant.digest) if allowed or "grant" in changes else _default_for(inner))


def _default_for(inner: Inner) -> Short | None:
    return MESH.grant(MESH.phone) if inner.agent == "" and inner.document else None


def test_attack_a_grant_of_another_device() -> None:
    """The phone cannot write under the laptop's grant."""
    inner = Inner(0, "born", "", NOTE, MESH.grant(MESH.laptop))
    assert weighed(MESH.verdict, MESH.phone.admission, inner)[0] is Standing.VOID


def test_attack_a_grant_for_somebody_who_was_never_let_in() -> None:
    """An admission that does not count makes everything under it void, with a grant too."""
    stranger = said(MESH.laptop, with_rank(SPARE["phone"], 1))
    grant = said(MESH.mac, default_grant(stranger.digest))
    verdict = judge([*STATEMENTS.values(), stranger, grant], MESH.id)
    inner = Inner(0, "born", "", NOTE, short(grant.digest))
    assert weighed(verdict, stranger.digest, inner) == (Standing.VOID, NOT_ADMITTED, ZERO)


def test_unknown_kinds_and_openings() -> None:
    """What this version does not read is opaque, not void; openings need no grant."""
    assert weighed(MESH.verdict, MESH.phone.admission, Inner(0, "poem"))[0] is Standing.OPAQUE
    assert weighed(MESH.verdict, MESH.phone.admission, Inner(0, "opening"))[0] is Standing.HONOURED


def test_of_several_grants_the_smallest_name_is_used() -> None:
    """Every device names the same grant for the same work."""
    grants = [said(MESH.mac, default_grant(MESH.phone.admission), number) for number in range(4)]
    verdict = judge([*STATEMENTS.values(), *grants], MESH.id)
    names = [short(grant.digest) for grant in grants] + [MESH.grant(MESH.phone)]
    assert verdict.grant_for(MESH.phone.admission, Inner(0, "born", "", NOTE)) == min(names)
    assert verdict.grant_for(MESH.phone.admission, Inner(0, "born", "agent", NOTE)) is None


def test_two_verdicts_are_compared_by_what_they_say() -> None:
    """Equal sets are equal verdicts, also as other objects; the test bodies above rely on it."""
    assert judged() == judged()
    assert judged() != judged(said(MESH.mac, with_rank(SPARE["phone"], 12)))
    assert isinstance(SPARE["phone"], Admit)


def test_devices_have_names() -> None:
    """Who counts is called by the name in the admission; who does not has none."""
    assert MESH.verdict.name_of(MESH.laptop.admission) == "laptop"
    assert MESH.verdict.name_of(Digest(fixed(32, "nobody"))) == ""


def test_the_latest_word_about_where_a_device_is_counts_and_changes_nothing_else() -> None:
    """By Lamport number, then chain, then digest, whatever the order; the digest of the verdict stays the same."""
    words = [
        said(MESH.laptop, Located(MESH.phone.admission, ("old:1",)), 1),
        said(MESH.mac, Located(MESH.phone.admission, ("new:1",)), 3),
        said(MESH.laptop, Located(MESH.phone.admission, ("older:1",)), 2),
        said(MESH.laptop, Located(MESH.laptop.admission, ("own:1",))),
    ]
    for order in (words, words[::-1]):
        verdict = judge([*STATEMENTS.values(), *order], MESH.id)
        assert verdict.addresses_of(MESH.phone.admission) == ("new:1",)
        assert verdict.addresses_of(MESH.laptop.admission) == ("own:1",)
        assert verdict.addresses_of(MESH.mac.admission) == ()
        assert (verdict.said, verdict.unknown) == (MESH.verdict.said, set())
        assert (verdict.admissions, verdict.grants) == (MESH.verdict.admissions, MESH.verdict.grants)
        assert verdict.epoch() == MESH.epoch


def test_attack_nobody_says_where_a_senior_is() -> None:
    """Members say nothing, admins nothing about those above or beside them, nor about strangers."""
    tries = [
        said(MESH.laptop, Located(MESH.mac.admission, ("evil:1",)), 9),
        said(MESH.phone, Located(MESH.phone.admission, ("evil:1",)), 9),
        said(MESH.laptop, Located(Digest(fixed(32, "nobody")), ("evil:1",)), 9),
    ]
    verdict = judge([*STATEMENTS.values(), *tries], MESH.id)
    assert verdict.located == {}
    assert verdict == MESH.verdict
