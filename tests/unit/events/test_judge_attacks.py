"""What admins do to each other: every rule of authority with its attack, judged step by step and the plain way."""

from __future__ import annotations

from dataclasses import replace

import pytest

from mesh.clocks.chain import Head
from mesh.events.judge import Judgement, judge
from mesh.events.kinds import ANY, Adopt, Close, Forget, Grant, Mark, Ungrant
from mesh.events.verdict import Statement, under
from mesh.limits import ADOPTED_MAX
from mesh.names import Digest, short
from tests.unit.household import NOTE, Household, let_in, mark, marks, rekey
from tests.unit.plain_judge import plainly
from tests.unit.small_mesh import fixed

EVERYBODY = {"mac", "laptop", "tablet", "phone"}
DEEP = 3000


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


# ---------------------------------------------------------------- adopt


def test_what_is_adopted_has_the_adopters_reach(home: Household) -> None:
    """The tablet adopts a close of the mac by the laptop's key, and lends it nothing."""
    fell = home.say("laptop", rekey())
    lost = home.close("laptop", "tablet")
    home.close("mac", "laptop", fell)
    home.say("tablet", adopt(lost))
    assert "tablet" in home.live, "nobody closes himself by adopting"
    home.say("mac", adopt(lost))
    assert "tablet" not in home.live
    assert {cut.rank for cut in home.verdict.closes[home.of["tablet"]]} == {1}


def test_a_thief_stands_for_his_own_statements_only_while_he_counts(home: Household) -> None:
    """A fake that he let in cannot rescue him, nor itself."""
    base = home.open("tablet")
    fake = home.admit("tablet", "fake", 9)
    home.say("fake", adopt(fake))
    home.close("laptop", "tablet", base)
    home.say("tablet", adopt(fake))
    assert "fake" not in home.live


def test_an_admission_that_is_adopted_keeps_its_digest(home: Household) -> None:
    """So chains under it live on; it cannot become more senior than the adopter allows."""
    base = home.open("laptop")
    home.admit("laptop", "friend", 3)
    said = home.say("friend", rekey())
    home.close("mac", "laptop", base)
    home.say("tablet", adopt(home.statements[home.of["friend"]]))
    assert said.digest not in home.verdict.said, "the tablet lets in no equal"
    home.say("mac", adopt(home.statements[home.of["friend"]]))
    assert said.digest in home.verdict.said


def test_the_most_senior_of_several_adoptions_counts(home: Household) -> None:
    """Of data, which is no statement here, only the rank is remembered."""
    note = home.write("phone").placed
    for name in ("tablet", "mac", "laptop"):
        home.say(name, Adopt((note.digest,)))
    assert home.verdict.adopted == {note.digest: 1}


def test_an_adoption_that_comes_before_its_statement(home: Household) -> None:
    """It waits as if for data, and is said as soon as it is held."""
    lost = home.spoken("tablet", Close(home.of["phone"], ()))
    home.close("laptop", "tablet")
    home.say("laptop", Adopt((lost.digest,)))
    assert home.verdict.adopted == {lost.digest: 2}
    home.judgement.add([lost])
    assert home.verdict.adopted == {}
    assert "phone" not in home.live


def test_adoptions_of_adoptions_as_deep_as_they_come(home: Household) -> None:
    """Three thousand, one on the other, in both directions, without recursion."""
    lost = home.spoken("tablet", Close(home.of["phone"], ()))
    chain = [lost]
    for _ in range(DEEP):
        chain.append(home.following(chain[-1], home.of["tablet"], adopt(chain[-1])))
    home.close("laptop", "tablet")
    for order in (chain, chain[::-1]):
        judgement = Judgement(home.mesh)
        judgement.add(home.statements.values())
        judgement.add([home.spoken("mac", adopt(chain[-1]))])
        for said in order:
            judgement.add([said])
        assert home.of["phone"] in judgement.verdict.closes


def test_a_bomb_of_adoptions_is_looked_at_once(home: Household) -> None:
    """Forty layers that each adopt all of the layer before: two to the fortieth paths, four hundred statements."""
    layer = [home.say("tablet", rekey()) for _ in range(10)]
    bomb = list(layer)
    for _ in range(40):
        layer = [home.say("tablet", adopt(*layer)) for _ in range(10)]
        bomb += layer
    assert {said.digest for said in bomb} <= judge(home.statements.values(), home.mesh).said
    assert {said.digest for said in bomb} <= home.judgement.verdict.said


def test_as_many_adoptions_as_one_statement_holds(home: Household) -> None:
    """Each is said once, whether held or not."""
    held = [home.say("tablet", let_in(f"d{n}", 20)) for n in range(100)]
    names = [s.digest for s in held] + [Digest(fixed(32, "nowhere", n)) for n in range(ADOPTED_MAX - 100)]
    home.close("laptop", "tablet")
    home.say("laptop", Adopt(tuple(sorted(names))))
    assert {s.digest for s in held} <= home.verdict.admissions.keys()
    assert len(home.verdict.adopted) == ADOPTED_MAX - 100


# ---------------------------------------------------------------- the machine itself


def test_nothing_new_changes_nothing(home: Household) -> None:
    """Statements that are held come again without a trace."""
    before = home.verdict
    assert not home.judgement.add(home.statements.values())
    assert home.judgement.verdict is before


def test_a_statement_out_of_reach_changes_nothing(home: Household) -> None:
    """It is held, and `add` says that nothing changed."""
    for body in (Close(home.of["mac"], ()), let_in("fake", 2), Forget(NOTE), Ungrant(home.mesh, ())):
        assert not home.judgement.add([home.spoken("laptop", body)])
    assert home.verdict == plainly(home.statements.values(), home.mesh)


def test_a_genesis_that_comes_last(home: Household) -> None:
    """Without it nothing counts; with it everything."""
    judgement = Judgement(home.mesh)
    rest = [said for said in home.statements.values() if said.digest != home.mesh]
    assert not judgement.add(rest)
    assert judgement.verdict.admissions == {}
    assert judgement.add([home.statements[home.mesh]])
    assert judgement.verdict == home.verdict


def test_a_genesis_in_disguise_founds_nothing(home: Household) -> None:
    """Only what the mesh is named after."""
    other = replace(home.statements[home.mesh], digest=Digest(fixed(32, "another")), admission=home.of["tablet"])
    home.judgement.add([other])
    assert other.digest not in home.verdict.admissions
