"""What admins do to each other: every rule of authority with its attack, judged step by step and the plain way."""

from __future__ import annotations

import pytest

from mesh.clocks.chain import Head
from mesh.events.kinds import ANY, Adopt, Close, Forget, Grant, Mark, Ungrant
from mesh.events.verdict import Statement, under
from mesh.names import short
from tests.unit.household import NOTE, Household, let_in, mark, marks, rekey

EVERYBODY = {"mac", "laptop", "tablet", "phone"}


@pytest.fixture
def home() -> Household:
    """Paper, mac, laptop, tablet and phone."""
    return Household()


def adopt(*events: Statement) -> Adopt:
    """An adoption of these."""
    return Adopt(tuple(sorted(event.digest for event in events)))


# ---------------------------------------------------------------- who closes whom


def test_of_two_admins_who_close_each_other_the_senior_is_left(home: Household) -> None:
    """The junior's close is out of reach, whichever came first; nobody closes himself, or an equal."""
    home.close("laptop", "mac")
    home.close("tablet", "laptop")
    home.close("laptop", "tablet")
    home.close("mac", "mac")
    assert home.live == EVERYBODY - {"tablet"}


def test_equals_are_out_of_reach(home: Household) -> None:
    """Nobody lets in an equal, or closes one."""
    home.admit("laptop", "twin", 2)
    home.admit("paper", "second", 2)
    home.close("laptop", "second")
    assert home.of["twin"] not in home.verdict.admissions
    assert "second" in home.live


def test_the_recovery_key_is_out_of_reach(home: Household) -> None:
    """Nobody is more senior than paper."""
    home.close("mac", "paper")
    assert home.verdict.is_live(home.mesh)


def test_a_member_says_nothing(home: Household) -> None:
    """A control event of a member is not held; if it were, it would not count."""
    home.open("phone")
    home.close("phone", "phone")
    home.say("phone", let_in("fake", 12))
    home.say("phone", Forget(NOTE))
    assert home.live == EVERYBODY
    assert not home.verdict.forgotten


def test_nothing_opens_again(home: Household) -> None:
    """A second, wider close does not widen the first; who comes back is admitted anew, beside the closed admission."""
    home.close("mac", "phone")
    home.close("mac", "phone", home.write("phone").placed)
    assert "phone" not in home.live
    old = home.of["phone"]
    home.admit("mac", "phone", 10)
    assert "phone" in home.live
    assert old in home.verdict.closes


def test_a_close_may_come_before_the_admission(home: Household) -> None:
    """By then its subject is not held; later it never was live."""
    newcomer = home.spoken("laptop", let_in("server", 20))
    home.say("mac", Close(newcomer.digest, ()))
    assert newcomer.digest not in home.verdict.closes
    assert home.judgement.add([newcomer])
    assert newcomer.digest in home.verdict.admissions
    assert newcomer.digest not in home.verdict.live


def test_a_close_counts_of_who_does_not_count_himself(home: Household) -> None:
    """Its subject was let in by somebody whose statements fell; should they stand again, it is closed."""
    base = home.open("tablet")
    home.admit("tablet", "server", 20)
    home.close("mac", "server")
    home.close("laptop", "tablet", base)
    assert home.of["server"] not in home.verdict.admissions
    assert home.of["server"] in home.verdict.closes
    home.say("laptop", adopt(home.statements[home.of["server"]]))
    assert home.of["server"] in home.verdict.admissions
    assert "server" not in home.live


# ---------------------------------------------------------------- what a close leaves


def test_what_is_under_the_marks_stands(home: Household) -> None:
    """And nothing else: not what follows, no other branch, no other chain, nothing said later at an old place."""
    kept = home.say("tablet", rekey())
    late = home.say("tablet", rekey())
    home.close("mac", "tablet", kept)
    branch = home.say("tablet", rekey(), after=kept)
    home.open("tablet")
    other = home.say("tablet", rekey())
    assert {kept.digest} == {one.digest for one in (kept, late, branch, other)} & home.verdict.said


def test_a_close_without_marks_leaves_nothing(home: Household) -> None:
    """Not even the openings of its chains."""
    said = home.say("tablet", rekey())
    home.close("laptop", "tablet")
    assert not {said.digest, said.parent} & home.verdict.said


def test_back_dated_fakes_of_a_closed_admin(home: Household) -> None:
    """Whatever the stolen key signs after its close: whom it lets in never counts."""
    base = home.say("tablet", rekey())
    home.close("mac", "tablet", base)
    for place in (None, home.statements[base.parent]):
        home.say("tablet", let_in("fake", 12), after=place)
    assert home.live == EVERYBODY - {"tablet"}


def test_a_mark_counts_in_every_branch_that_it_names(home: Household) -> None:
    """A fork has two ends; a close names one or both."""
    root = home.say("tablet", rekey())
    one, two = (home.say("tablet", rekey(), after=root) for _ in range(2))
    home.close("mac", "tablet", one)
    assert {one.digest, two.digest} & home.verdict.said == {one.digest}
    both = Household()
    root = both.say("tablet", rekey())
    one, two = (both.say("tablet", rekey(), after=root) for _ in range(2))
    both.close("mac", "tablet", one, two)
    assert {root.digest, one.digest, two.digest} <= both.verdict.said


def test_of_two_closes_the_stricter_counts(home: Household) -> None:
    """All that is left is under both, whoever said which first."""
    low = home.say("tablet", rekey())
    high = home.say("tablet", rekey())
    home.close("laptop", "tablet", low)
    home.close("mac", "tablet", high)
    assert low.digest in home.verdict.said
    assert high.digest not in home.verdict.said


def test_a_mark_that_is_not_held_yet(home: Household) -> None:
    """Until it comes nothing is under it; then all that it stands on counts again."""
    seen = home.say("tablet", rekey())
    unseen = home.spoken("tablet", rekey())
    home.close("mac", "tablet", unseen)
    assert seen.digest not in home.verdict.said
    assert home.judgement.add([unseen])
    assert {seen.digest, unseen.digest} <= home.verdict.said


def test_a_mark_in_a_false_place_marks_nothing(home: Household) -> None:
    """Another number, or another chain, than the event has."""
    said = home.say("tablet", rekey())
    place = mark(said)
    for false in (Mark(place.chain, Head(place.head.seq + 1, said.digest)), Mark(home.mesh, place.head)):
        home.say("mac", Close(home.of["tablet"], (false,)))
        assert said.digest not in home.verdict.said
        assert under((false,), home.statements) == (set(), set())


def test_marks_in_chains_of_others_leave_nothing(home: Household) -> None:
    """A close asks about the chains of its subject; under a foreign mark is nothing of them."""
    said = home.say("tablet", rekey())
    home.close("mac", "tablet", home.say("laptop", rekey()))
    assert said.digest not in home.verdict.said


def test_a_closed_admin_whose_close_falls(home: Household) -> None:
    """The tablet counts again once the one who closed it is closed in turn: this is why the closer says it again."""
    base = home.open("laptop")
    said = home.say("tablet", rekey())
    home.close("laptop", "tablet")
    assert said.digest not in home.verdict.said
    home.close("mac", "laptop", base)
    assert said.digest in home.verdict.said


def test_another_close_in_place_of_one_that_falls(home: Household) -> None:
    """Both come at once: what is left is under the new marks alone."""
    home.admit("mac", "server", 5)
    first = home.say("server", rekey())
    second = home.say("server", rekey())
    home.close("tablet", "server", first)
    assert second.digest not in home.verdict.said
    fall = home.spoken("mac", Close(home.of["tablet"], ()))
    anew = home.following(fall, home.of["mac"], Close(home.of["server"], marks(second)))
    assert home.judgement.add([fall, anew])
    assert {first.digest, second.digest} <= home.verdict.said


def test_who_fell_with_his_admitter_says_nothing_more(home: Household) -> None:
    """He counted, and what he said is remembered; what he says now changes nothing."""
    base = home.open("laptop")
    home.admit("laptop", "friend", 5)
    home.say("friend", rekey())
    home.close("mac", "laptop", base)
    more = home.spoken("friend", Grant(home.of["phone"], "", ANY, (ANY,), (ANY,)))
    assert not home.judgement.add([more])
    assert short(more.digest) not in home.verdict.grants
    home.say("mac", adopt(home.statements[home.of["friend"]]))
    assert short(more.digest) in home.verdict.grants


# ---------------------------------------------------------------- forks and restores


def test_a_fork_voids_nothing_and_blocks_nobody(home: Household) -> None:
    """Statements of both branches count, and what follows on either."""
    root = home.say("laptop", rekey())
    said = [home.say("laptop", let_in(f"server {n}", 20), after=root) for n in range(2)]
    more = home.say("laptop", let_in("server 3", 20), after=said[0])
    assert {one.digest for one in (*said, more)} <= home.verdict.admissions.keys()


def test_a_restored_founder_removes_nobody(home: Household) -> None:
    """The mac goes on from an old backup, before it let the others in; they all stay."""
    before = home.verdict.live
    first = next(s for s in home.statements.values() if s.admission == home.of["mac"] and s.seq == 1)
    home.say("mac", rekey(home.of["mac"]), after=first)
    assert home.verdict.live == before


# ---------------------------------------------------------------- grants


def test_who_grants_what_to_whom(home: Household) -> None:
    """To juniors and to agents of one's own; nobody grants to a senior or an equal."""
    home.admit("paper", "second", 2)
    subjects = ("mac", "second", "laptop", "tablet", "phone")
    grants = [home.say("laptop", Grant(home.of[name], "claude", ANY, (ANY,), (ANY,))) for name in subjects]
    counts = {name for name, said in zip(subjects, grants, strict=True) if short(said.digest) in home.verdict.grants}
    assert counts == {"laptop", "tablet", "phone"}


def test_who_could_say_a_grant_may_end_it(home: Household) -> None:
    """Whoever said it: the tablet ends what the mac granted the phone, and not what the laptop has."""
    of = {name: next(d for d in home.statements if short(d) == home.grants[name]) for name in EVERYBODY}
    said = {name: home.say("tablet", Ungrant(of[name], ())) for name in EVERYBODY}
    ended = {name for name in EVERYBODY if home.grants[name] in home.verdict.ungrants}
    assert ended == {"tablet", "phone"}
    assert said["mac"].digest not in home.verdict.said


def test_only_a_grant_is_ended(home: Household) -> None:
    """An ungrant of a close, or of something that nobody holds, does nothing, until it is held."""
    lost = home.close("laptop", "phone")
    home.say("mac", Ungrant(lost.digest, ()))
    later = home.spoken("laptop", Grant(home.of["tablet"], "", ANY, (ANY,), (ANY,)))
    home.say("mac", Ungrant(later.digest, ()))
    assert home.verdict.ungrants == {}
    home.judgement.add([later])
    assert short(later.digest) in home.verdict.ungrants


# ---------------------------------------------------------------- forget, epochs


def test_only_the_top_forgets(home: Household) -> None:
    """Ranks 0 and 1: nobody repairs it."""
    home.say("laptop", Forget(NOTE))
    assert home.verdict.forgotten == set()
    home.say("mac", Forget(NOTE))
    assert home.verdict.forgotten == {NOTE}
    other = Household()
    other.say("paper", Forget(NOTE))
    assert other.verdict.forgotten == {NOTE}


def test_a_forget_falls_with_who_said_it(home: Household) -> None:
    """A junior's adoption does not bring it back; the paper's does."""
    first = next(s for s in home.statements.values() if s.admission == home.of["mac"] and s.seq == 1)
    gone = home.say("mac", Forget(NOTE), after=first)
    home.close("paper", "mac", home.statements[home.of["phone"]], first)
    home.say("laptop", adopt(gone))
    assert home.verdict.forgotten == set()
    home.say("paper", adopt(gone))
    assert home.verdict.forgotten == {NOTE}


def test_the_epoch_follows_a_close(home: Household) -> None:
    """The key to write under never reaches a closed device; a rekey without it is owed, then chosen."""
    old = home.say("mac", rekey(*(home.of[name] for name in EVERYBODY)))
    assert home.verdict.epoch() == old.digest
    home.close("mac", "phone")
    assert home.verdict.epoch() is None
    new = home.say("laptop", rekey(*(home.of[name] for name in EVERYBODY - {"phone"})))
    assert home.verdict.epoch() == new.digest
