"""A close takes down what its subject said; the closer keeps up what is wanted, however long the chain of effects."""

from __future__ import annotations

import pytest

from mesh.events.event import Lane
from mesh.events.judge import judge
from mesh.events.kinds import Adopt, Close, Grant, Ungrant
from mesh.events.reasserting import falling, reassertions
from mesh.events.verdict import Statement
from mesh.limits import ADOPTED_MAX
from mesh.names import Digest
from tests.unit.household import Household, let_in, marks, rekey


@pytest.fixture
def home() -> Household:
    """Paper, mac, laptop, tablet and phone."""
    return Household()


def closing(
    home: Household, closer: str, who: str, *under: Statement, unwanted: frozenset[Digest] = frozenset()
) -> None:
    """Close with the duty done."""
    close = Close(home.of[who], marks(*under))
    adopts = reassertions(home.statements.values(), home.mesh, home.of[closer], [close], unwanted)
    home.say(closer, close)
    for adopt in adopts:
        home.say(closer, adopt)


def test_closing_an_admin_never_revives_whom_he_closed(home: Household) -> None:
    """Without the duty the stolen phone is live again; with it, it stays out."""
    base = home.say("laptop", rekey())
    lost = home.close("laptop", "phone")
    statements = list(home.statements.values())
    close = Close(home.of["laptop"], marks(base))
    assert falling(statements, home.mesh, home.of["mac"], [close]) == (lost,)
    home.say("mac", close)
    assert "phone" in home.live
    (adopt,) = reassertions(statements, home.mesh, home.of["mac"], [close])
    assert adopt == Adopt((lost.digest,))
    home.say("mac", adopt)
    assert "phone" not in home.live


def test_a_close_that_is_said_again_may_cut_others_in_turn(home: Household) -> None:
    """Until nothing more falls: paper says again the mac's close of the tablet, which cuts the tablet's own close.

    The mac had stood for that one, which the person does not want to repeat; the close itself stays all the same.
    """
    base = home.say("mac", rekey())
    lost = home.close("tablet", "phone")
    home.close("mac", "tablet")
    adopted = home.say("mac", Adopt((lost.digest,)))
    closing(home, "paper", "mac", base, unwanted=frozenset({adopted.digest}))
    assert not {"tablet", "phone"} & home.live


def test_what_falls_is_told_by_what_it_says(home: Household) -> None:
    """Admissions, grants, closes and ungrants, and what was said under an admission that falls."""
    base = home.open("laptop")
    friend = home.admit("laptop", "friend", 5)
    grant = home.tips["laptop", Lane.CONTROL]
    lost = home.close("friend", "phone")
    ungrant = home.say("laptop", Ungrant(grant.digest, ()))
    close = Close(home.of["laptop"], marks(base))
    fallen = falling(home.statements.values(), home.mesh, home.of["paper"], [close])
    assert {one.digest for one in fallen} == {friend.digest, grant.digest, lost.digest, ungrant.digest}
    assert list(fallen) == sorted(fallen, key=lambda one: (one.stamp, one.seq, one.digest))


def test_what_is_not_wanted_falls_with_all_that_was_said_under_it(home: Household) -> None:
    """A fake that a thief let in is refused once, and what the fake let in or granted goes with it."""
    base = home.say("laptop", rekey())
    fake = home.admit("laptop", "fake", 5)
    home.admit("fake", "fake of the fake", 12)
    home.close("laptop", "tablet")
    closing(home, "mac", "laptop", base, unwanted=frozenset({fake.digest}))
    assert home.live == {"mac", "phone"}
    assert {home.of["fake"], home.of["fake of the fake"]}.isdisjoint(home.verdict.admissions)


@pytest.mark.parametrize("refused", [False, True])
def test_a_close_falls_only_by_its_own_name(home: Household, refused: bool) -> None:  # noqa: FBT001 - a table's column
    """Also when who said it is not wanted: else whom he had closed would be live again by oversight."""
    base = home.say("laptop", rekey())
    fake = home.admit("laptop", "fake", 5)
    lost = home.close("fake", "phone")
    unwanted = frozenset({fake.digest, lost.digest} if refused else {fake.digest})
    closing(home, "mac", "laptop", base, unwanted=unwanted)
    assert ("phone" in home.live) is refused
    assert "fake" not in home.live


def test_an_admission_that_is_kept_keeps_its_chains(home: Household) -> None:
    """The newcomer's own statements count on under the same admission."""
    base = home.open("laptop")
    home.admit("laptop", "friend", 5)
    said = home.say("friend", Grant(home.of["friend"], "claude", "home", ("note",), ("create",)))
    closing(home, "mac", "laptop", base)
    assert said.digest in home.verdict.said
    assert "friend" in home.live


def test_a_close_of_a_member_takes_nothing_down(home: Household) -> None:
    """Members say nothing, so nothing falls and nothing is adopted."""
    close = [Close(home.of["phone"], ())]
    assert falling(home.statements.values(), home.mesh, home.of["mac"], close) == ()
    assert reassertions(home.statements.values(), home.mesh, home.of["mac"], close) == ()


def test_whoever_cannot_close_takes_nothing_down(home: Household) -> None:
    """A close that does not count changes nothing, so there is nothing to keep up."""
    home.say("mac", rekey())
    for closer in ("laptop", "phone"):
        assert falling(home.statements.values(), home.mesh, home.of[closer], [Close(home.of["mac"], ())]) == ()


def test_two_admissions_of_one_key_fall_together(home: Household) -> None:
    """Several closes are one act: what both said is kept by one."""
    first, second = home.open("laptop"), home.admit("mac", "laptop again", 2)
    home.open("laptop again")
    home.close("laptop", "phone")
    home.close("laptop again", "phone")
    closes = [Close(home.of["laptop"], marks(first)), Close(second.digest, ())]
    (adopt,) = reassertions(home.statements.values(), home.mesh, home.of["mac"], closes)
    assert len(adopt.events) == 2


def test_more_than_one_adopt_holds_is_said_in_several(home: Household) -> None:
    """Split, sorted, each once, and together they keep up everything."""
    base = home.open("laptop")
    for number in range(ADOPTED_MAX + 3):
        home.say("laptop", let_in(f"device {number}", 20))
    before = judge(home.statements.values(), home.mesh).admissions
    closing(home, "mac", "laptop", base)
    adopts = [s.body for s in home.statements.values() if isinstance(s.body, Adopt)]
    assert [len(adopt.events) for adopt in adopts] == [ADOPTED_MAX, 3]
    assert all(list(adopt.events) == sorted(adopt.events) for adopt in adopts)
    assert home.verdict.admissions == before
