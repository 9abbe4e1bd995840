"""Doorways: which authority counts, who lost its key, and for whom it is still to be wrapped."""

from __future__ import annotations

from dataclasses import replace

import pytest

from mesh.errors import Malformed
from mesh.events.bodies import document_of
from mesh.events.kinds import Value
from mesh.events.verdict import Admission, Cut, Verdict
from mesh.names import Digest
from mesh.state import doorways, records
from mesh.state.doorways import Doorway
from mesh.state.encoding import encode
from mesh.state.shapes import gate
from tests.unit.small_mesh import MESH, browser_key, fixed
from tests.vectors.shape_cases import ACTOR, ADMISSION, BODY, TIP, put

MAC, LAPTOP, PHONE = MESH.mac.admission, MESH.laptop.admission, MESH.phone.admission
VERDICT, STATEMENTS = MESH.verdict, MESH.statements()


def doorway(name: str, wraps: dict[Digest, bytes], lamport: int = 1) -> Doorway:
    """An authority of this name, made by the mac."""
    born = records.birth(doorways.KIND, doorways.registers_of_birth(name.encode(), 5, wraps))
    found = doorways.read(document_of(doorways.SPACE, doorways.KIND, born), born.registers, lamport)
    assert found is not None
    return found


def current(*several: Doorway, verdict: Verdict = VERDICT) -> Doorway | None:
    """The one that counts."""
    return doorways.current(several, verdict, STATEMENTS)


def closed(admission: Digest) -> Verdict:
    """The verdict once somebody closed a device."""
    return replace(VERDICT, closes={admission: {Cut(0, Digest(bytes(32)), ())}})


def test_it_says_what_it_was_born_with() -> None:
    """Certificate, time and wraps come back; what is no wrap is left out."""
    one = doorway("one", {MAC: b"wrapped"})
    assert (one.certificate, one.since_ms, one.wraps) == (b"one", 5, {MAC: b"wrapped"})
    more: dict[str, Value] = {
        "key/nonsense": "AAAA",
        doorways.key_of(LAPTOP): "?",
        doorways.key_of(MAC).upper(): "AAAA",
    }
    read = doorways.read(one.document, {**more, "cert": "QQ==", "since": True}, 1)
    assert read is not None
    assert (read.certificate, read.since_ms, read.wraps) == (b"A", 0, {})
    for none in ("?", "QR==", "QQ==\n", "QUFB====", "Q", ""):
        assert doorways.read(one.document, {"cert": none}, 1) is None
    assert doorways.read(one.document, {}, 1) is None


@pytest.mark.parametrize("key", [doorways.CERTIFICATE, doorways.key_of(LAPTOP)])
def test_nothing_of_it_changes(key: str) -> None:
    """No member hides whom the key was wrapped for, nor puts another certificate in its place."""
    change = encode([TIP], ACTOR, 1, 5, [put(key, "QQ==")])
    with pytest.raises(Malformed, match="once and for ever"):
        gate(change, admission=ADMISSION, kind=doorways.KIND, body=BODY)


def test_births_of_one_certificate_are_one() -> None:
    """With the wraps of all; it stands where the first one stands."""
    first, again = doorway("one", {MAC: b"1"}, 1), doorway("one", {LAPTOP: b"2", MAC: b"late"}, 9)
    other = doorway("other", {MAC: b"3"}, 5)
    both = replace(first, wraps={MAC: b"1", LAPTOP: b"2"})
    assert doorways.joined([again, other, first]) == (both, other)
    assert current(other, again, first) == both
    assert doorways.current([first, again], closed(LAPTOP), STATEMENTS) is None


def test_the_first_of_several_counts() -> None:
    """In whatever order they came; one without a wrap is nobody's."""
    early, late = doorway("early", {MAC: b"1"}, 1), doorway("late", {MAC: b"2"}, 2)
    assert current(late, early) == current(early, late) == early
    assert current(replace(early, wraps={}), late) == late
    assert current() is None
    same = sorted([early, replace(late, lamport=1)], key=lambda one: one.place)
    assert current(*reversed(same)) == same[0]


def test_who_is_out_of_the_mesh_had_its_key() -> None:
    """Then another doorway counts, or none; a wrap for somebody who was never heard of changes nothing."""
    both, own = doorway("both", {MAC: b"1", LAPTOP: b"2"}), doorway("own", {MAC: b"3"}, 2)
    after = closed(LAPTOP)
    assert current(both, own) == both
    assert current(both, own, verdict=after) == own
    assert current(both, verdict=after) is None
    assert [one.name for one in doorways.lost(both, after, STATEMENTS)] == ["laptop"]
    stranger = replace(own, wraps={**own.wraps, Digest(fixed(32, "stranger")): b"4"})
    assert current(stranger) == stranger


def test_the_same_device_under_another_admission_lost_nothing() -> None:
    """A rank that changed closes one admission and says another, of the same keys; not so where it is no admin now."""
    both = doorway("both", {MAC: b"1", LAPTOP: b"2"})
    old = VERDICT.admissions[LAPTOP]
    again = replace(old, digest=Digest(fixed(32, "again")), rank=3)

    def with_(one: Admission) -> Verdict:
        after = closed(LAPTOP)
        return replace(after, admissions={**VERDICT.admissions, one.digest: one})

    assert current(both, verdict=with_(again)) == both
    assert doorways.lacking(both, with_(again)) == {again.digest: old.kem_key}
    assert current(both, verdict=with_(replace(again, rank=10))) is None


def test_for_whom_it_is_to_be_wrapped() -> None:
    """Admins that are live, and none in a browser; no member."""
    assert doorways.lacking(doorway("one", {MAC: b"1"}), VERDICT).keys() == {LAPTOP}
    assert not doorways.lacking(doorway("one", {MAC: b"1"}), closed(LAPTOP))
    paged = replace(VERDICT.admissions[LAPTOP], kem_key=browser_key("laptop"))
    in_browser = replace(VERDICT, admissions={**VERDICT.admissions, LAPTOP: paged})
    assert not doorways.lacking(doorway("one", {MAC: b"1"}), in_browser)


@pytest.mark.parametrize(("admission", "may"), [(MAC, True), (LAPTOP, True), (PHONE, False), (MESH.id, False)])
def test_only_admins_make_one(admission: Digest, may: bool) -> None:  # noqa: FBT001 - a row of the table
    """Also when they were closed since; the recovery key is no device."""
    assert doorways.may_make(VERDICT, admission) is may
    assert doorways.may_make(closed(admission), admission) is may


def test_a_wrap_is_for_one_admission_of_one_mesh() -> None:
    """Or it does not open."""
    assert len({doorways.purpose(mesh, one) for mesh in (MESH.id, MAC) for one in (LAPTOP, PHONE)}) == 4
