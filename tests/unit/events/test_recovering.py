"""What the recovery key says: the mesh is recognised, one machine is let in, and a close loses nothing that is held."""

from __future__ import annotations

from dataclasses import replace

import pytest

from mesh.clocks.chain import START, Head
from mesh.events.chains import Chain, Chains
from mesh.events.event import Event, Lane, Placed
from mesh.events.founding import default_grant, rekey_purpose
from mesh.events.judge import judge
from mesh.events.kinds import Close, Mark, Rekey
from mesh.events.reading import statement
from mesh.events.recovering import Ending, Moment, ending, founded_by, learned, letting_in, marks_of, others
from mesh.events.seal import Keyring, commitment
from mesh.events.speaking import runs
from mesh.events.verdict import Statement, Verdict
from mesh.limits import MARKS_MAX
from mesh.names import Digest, short
from tests.unit.small_mesh import EPOCH_KEY, MESH, TIME_MS, fixed, one_run, request, secret_keys

RECOVERY = secret_keys("recovery")
MOMENT = Moment(fixed(48, "moment"), TIME_MS, 70)


def held() -> dict[Digest, Statement]:
    """The statements of the small mesh."""
    return {placed.digest: statement(placed) for placed in MESH.control}


def chains() -> Chains:
    """Its chains, and a data chain of the mac that is forked."""
    found = Chains(MESH.id)
    for placed in MESH.control:
        found.take(placed, b"")
    data = Chain(MESH.mac.admission, Lane.DATA, b"", {Head(7, Digest(fixed(32, n))): n for n in (7, 9)})
    found.add(Digest(fixed(32, "data")), data)
    return found


def ended(*closing: Digest) -> tuple[Ending, Verdict]:
    """The second commit, after the new machine is in, and what counts then."""
    commit = letting_in(MESH.id, RECOVERY, request("new"), MOMENT)
    statements = held() | {placed.digest: statement(placed) for placed in commit}
    found = chains()
    for placed in commit:
        found.take(placed, b"")
    keyring = Keyring({short(MESH.epoch): EPOCH_KEY})
    made = ending(RECOVERY, closing, found, statements, keyring, replace(MOMENT, entropy=fixed(48, "later")))
    said = [statement(placed) for placed in made.commit]
    return made, judge([*statements.values(), *said], MESH.id)


def test_the_words_find_their_mesh() -> None:
    """The run that begins with this key's genesis, and no other one."""
    genesis = runs(MESH.control[:3])[0]
    assert founded_by(genesis, RECOVERY.sign_key)
    assert not founded_by(genesis, secret_keys("other words").sign_key)
    assert not founded_by(replace(genesis, chain=Digest(bytes(32))), RECOVERY.sign_key)
    assert not founded_by(replace(genesis, after=Head(1, MESH.id)), RECOVERY.sign_key)
    opening = one_run(MESH.mac_commit, "mac")
    assert opening.after == START
    assert not founded_by(opening, RECOVERY.sign_key)


@pytest.mark.parametrize("event", [Event(b"", b""), Event(b"\x80", None), Event(MESH.control[0].event.header, b"")])
def test_attack_a_genesis_that_is_none(event: Event) -> None:
    """Foreign bytes where a genesis should be are no mesh, and no error."""
    genesis = runs(MESH.control[:3])[0]
    assert not founded_by(replace(genesis, events=(event,)), RECOVERY.sign_key)


def test_the_first_commit_lets_one_machine_in() -> None:
    """Rank 1 and its default grant, on a chain of its own, under one signature; nobody is closed by it."""
    commit = letting_in(MESH.id, RECOVERY, request("new", 7), MOMENT)
    statements = [statement(placed) for placed in commit]
    assert [one.kind for one in statements] == ["opening", "admit", "grant"]
    assert [placed.signature is not None for placed in commit] == [False, False, True]
    assert commit[0].chain != MESH.id
    assert commit[0].header.lamport > MOMENT.heard
    verdict = judge([*held().values(), *statements], MESH.id)
    new = verdict.admissions[commit[1].digest]
    assert (new.rank, new.name) == (1, "new")
    assert verdict.grants[short(commit[2].digest)] == default_grant(new.digest)
    assert set(verdict.live) == {MESH.mac.admission, MESH.laptop.admission, MESH.phone.admission, new.digest}


def test_whom_it_asks_about() -> None:
    """Seniors first, neither the new machine nor whom it let in since; who is closed already is not asked about."""
    verdict = judge(held().values(), MESH.id)
    names = [one.name for one in others(verdict, held(), None)]
    assert names == ["mac", "laptop", "phone"]
    assert [one.name for one in others(verdict, held(), MESH.laptop.admission)] == ["mac", "phone"]
    own = held()[MESH.phone.admission].admission
    assert "phone" not in [one.name for one in others(verdict, held(), own)]
    _, after = ended(MESH.mac.admission)
    assert "mac" not in [one.name for one in after.live.values()]


def test_the_second_commit_closes_and_renews() -> None:
    """One signature, a new chain; all that was held of the closed stands, and those who are live read the new epoch."""
    made, verdict = ended(MESH.mac.admission, MESH.laptop.admission)
    statements = [statement(placed) for placed in made.commit]
    assert [one.kind for one in statements] == ["opening", "close", "close", "rekey"]
    assert [placed.signature is not None for placed in made.commit] == [False, False, False, True]
    assert {one.name for one in verdict.live.values()} == {"phone", "new"}
    before = judge(held().values(), MESH.id)
    assert before.said <= verdict.said, "what the closed had said goes on to count"
    assert before.grants.items() <= verdict.grants.items()
    rekey = statements[-1].body
    assert isinstance(rekey, Rekey)
    assert verdict.epoch() == made.commit[-1].digest
    assert {name for name, _ in rekey.wraps} == {MESH.id, MESH.phone.admission, *_new(verdict)}
    assert rekey.commitment == commitment(made.key)
    wrapped = dict(rekey.wraps)[MESH.phone.admission]
    assert secret_keys("phone").unwrap(wrapped, rekey_purpose(MESH.id, MESH.phone.admission)) == made.key
    assert [name for name, _ in rekey.earlier] == [short(MESH.epoch)], "and with it they read the history"


def _new(verdict: Verdict) -> set[Digest]:
    return {one.digest for one in verdict.live.values() if one.name == "new"}


def test_the_marks_are_all_tips() -> None:
    """Of both lanes, each branch of a fork, each once and in order; none of anybody else."""
    made, _ = ended(MESH.mac.admission)
    (close,) = [s.body for s in map(statement, made.commit) if isinstance(s.body, Close)]
    data = Digest(fixed(32, "data"))
    control = MESH.mac_commit[-1]
    assert set(close.marks) == {
        Mark(data, Head(7, Digest(fixed(32, 7)))),
        Mark(data, Head(7, Digest(fixed(32, 9)))),
        Mark(control.chain, control.head),
    }
    assert list(close.marks) == sorted(close.marks)
    assert made.left_out == 0


def test_more_places_than_a_close_can_name() -> None:
    """Statements first, then the latest work; how many were left out is told."""
    found = chains()
    tips = {Head(n, Digest(fixed(32, n))): n for n in range(1, MARKS_MAX + 2)}
    found.add(Digest(fixed(32, "many")), Chain(MESH.mac.admission, Lane.DATA, b"", tips))
    marks, left_out = marks_of(found, MESH.mac.admission)
    assert (len(marks), left_out) == (MARKS_MAX, 4)
    places = {mark.head.seq for mark in marks if mark.chain == Digest(fixed(32, "many"))}
    assert min(places) == 5, "the oldest were left out"
    assert MESH.mac_commit[-1].head in {mark.head for mark in marks}


def test_nobody_closed_is_a_new_epoch_all_the_same() -> None:
    """Whoever keeps all devices still gets a key that no lost machine was given."""
    made, verdict = ended()
    assert [statement(placed).kind for placed in made.commit] == ["opening", "rekey"]
    assert verdict.epoch() == made.commit[-1].digest


def test_the_recovery_key_opens_every_epoch() -> None:
    """From the wraps alone; another key opens none."""
    made, _ = ended(MESH.mac.admission)
    said: list[Placed] = [*MESH.control, *letting_in(MESH.id, RECOVERY, request("new"), MOMENT), *made.commit]
    keyring = Keyring()
    learned(MESH.id, RECOVERY, keyring, map(statement, said))
    assert keyring.keys()[short(made.commit[-1].digest)] == made.key
    nothing = Keyring()
    learned(MESH.id, secret_keys("other words"), nothing, map(statement, said))
    assert not nothing.keys()
