"""Adopting: what a senior stands for counts as said by him, however deep, and lends nobody more than he has."""

from __future__ import annotations

from dataclasses import replace

import pytest

from mesh.events.judge import Judgement, judge
from mesh.events.kinds import Adopt, Close, Forget, Ungrant
from mesh.events.verdict import Statement
from mesh.limits import ADOPTED_MAX
from mesh.names import Digest
from tests.unit.household import NOTE, Household, let_in, rekey
from tests.unit.plain_judge import plainly
from tests.unit.small_mesh import fixed

DEEP = 3000


@pytest.fixture
def home() -> Household:
    """Paper, mac, laptop, tablet and phone."""
    return Household()


def adopt(*events: Statement) -> Adopt:
    """An adoption of these."""
    return Adopt(tuple(sorted(event.digest for event in events)))


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
