"""Judging: what counts follows from the set of statements, never from their order, and reaches only juniors."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

from hypothesis import given
from hypothesis import strategies as st

from mesh.events.founding import default_grant, with_rank
from mesh.events.judge import judge
from mesh.events.kinds import ANY, Body, Genesis, Grant, Located, Opening, Rekey
from mesh.events.verdict import Statement
from mesh.names import Digest, short
from tests.unit.small_mesh import MESH, fixed
from tests.unit.spoken import SPARE, STATEMENTS, said


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
