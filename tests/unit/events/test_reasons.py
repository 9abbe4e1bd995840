"""Why a statement counts or does not: the first reason, and the statement that says so."""

from __future__ import annotations

import pytest

from mesh.clocks.chain import Head
from mesh.events.judge import Judgement
from mesh.events.kinds import Adopt, Close, Forget, Grant, Located, Mark, Opening, Ungrant
from mesh.events.reasons import (
    CLOSED,
    LATER,
    MALFORMED,
    NO_ADMIN,
    NOT_ADMITTED,
    NOT_HERE,
    SELDOM,
    out_of_reach,
    statement_weight,
)
from mesh.events.verdict import Admission, Standing, Statement, admitted
from mesh.events.weigh import Weight
from mesh.names import Digest
from tests.unit.household import NOTE, Household, let_in, marks, rekey
from tests.unit.small_mesh import fixed


@pytest.fixture
def home() -> Household:
    """Paper, mac, laptop, tablet and phone."""
    return Household()


def weighed(home: Household, said: Statement) -> Weight:
    """What a statement counts for."""
    judgement = Judgement(home.mesh)
    judgement.add(home.statements.values())
    return statement_weight(judgement, said.digest)


def reach(home: Household, who: str, body: object) -> str:
    """Why somebody could not say that."""
    own = admitted(home.statements[home.of[who]])
    assert isinstance(own, Admission)
    return out_of_reach(home.statements, own, body)  # type: ignore[arg-type]


def test_what_counts_has_no_reason(home: Household) -> None:
    """Every statement of a household in order, the openings too."""
    for said in list(home.statements.values()):
        assert weighed(home, said) == Weight(Standing.HONOURED)


def test_out_of_reach(home: Household) -> None:
    """Equals, seniors, oneself, forgetting, and what is not here; each with the ranks in the sentence."""
    nobody = Digest(fixed(32, "nobody"))
    laptop, tablet, phone = (home.of[name] for name in ("laptop", "tablet", "phone"))
    grant = Grant(laptop, "", "home", ("note",), ("edit",))
    said = home.say("mac", grant)
    assert reach(home, "laptop", let_in("x", 2)) == "rank 2 lets in only higher numbers than its own, and this is 2"
    assert "laptop has 2" in reach(home, "tablet", Close(laptop))
    assert reach(home, "laptop", Close(laptop)) == "no device closes itself"
    assert reach(home, "laptop", Close(nobody)) == NOT_HERE
    assert "laptop has 2" in reach(home, "tablet", grant)
    assert reach(home, "laptop", grant) == ""
    assert "laptop has 2" in reach(home, "tablet", Ungrant(said.digest))
    assert reach(home, "tablet", Ungrant(laptop)) == NOT_HERE
    assert "this is rank 2" in reach(home, "laptop", Forget(NOTE))
    assert reach(home, "phone", rekey(phone)) == NO_ADMIN
    for body in (
        let_in("x", 3),
        Close(tablet),
        Grant(phone, "", "home", ("note",), ("edit",)),
        rekey(),
        Adopt((said.digest,)),
    ):
        assert reach(home, "laptop", body) == ""
    assert reach(home, "mac", Forget(NOTE)) == ""


def test_said_in_vain(home: Household) -> None:
    """A statement out of reach is void by its own words, and what would be refused beforehand is the same."""
    close = home.say("tablet", Close(home.of["laptop"]))
    assert weighed(home, close) == Weight(Standing.VOID, reach(home, "tablet", close.body))


def test_after_a_close(home: Household) -> None:
    """It names the close, and the strictest of two."""
    before = home.say("laptop", rekey())
    after = home.say("laptop", let_in("x", 9))
    close = home.close("mac", "laptop", before)
    assert weighed(home, before) == Weight(Standing.HONOURED)
    assert weighed(home, after) == Weight(Standing.VOID, CLOSED, close.digest)
    home.say("mac", Adopt((after.digest,)))
    assert weighed(home, after) == Weight(Standing.HONOURED)


def test_under_an_admission_that_fell(home: Household) -> None:
    """It names the admission, whose own reason says more."""
    newcomer = home.admit("laptop", "spare", 9)
    said = home.say("spare", rekey())
    close = home.close("mac", "laptop")
    assert weighed(home, said) == Weight(Standing.VOID, NOT_ADMITTED, newcomer.digest)
    assert weighed(home, newcomer) == Weight(Standing.VOID, CLOSED, close.digest)


def test_what_cannot_be_read(home: Household) -> None:
    """A later kind is for a later version; a known one without its body is malformed."""
    assert weighed(home, home.say("mac", None, kind="later")) == Weight(Standing.OPAQUE, LATER)
    assert weighed(home, home.say("mac", None, kind="grant")) == Weight(Standing.VOID, MALFORMED)


def test_where_a_device_is(home: Household) -> None:
    """Only the latest word counts; it is no part of what was said."""
    first = home.say("mac", Located(home.of["phone"], ("a:1",)))
    second = home.say("mac", Located(home.of["phone"], ("a:2",)))
    assert weighed(home, first) == Weight(Standing.VOID, SELDOM)
    assert weighed(home, second) == Weight(Standing.HONOURED)


def test_every_household_agrees_with_its_verdict(home: Household) -> None:
    """Whatever is told as honoured is what the verdict says, and nothing else is."""
    home.say("laptop", let_in("x", 9))
    home.say("tablet", Close(home.of["laptop"]))
    home.close("mac", "tablet")
    home.say("laptop", None, kind="close")
    verdict = home.verdict
    for said in home.statements.values():
        counts = weighed(home, said).standing is Standing.HONOURED
        assert counts == (said.digest in verdict.said), said
    assert any(isinstance(said.body, Opening) for said in home.statements.values())


def test_after_a_close_that_marks_data_too(home: Household) -> None:
    """What is not held of other chains says nothing about a statement: it is void, and does not wait."""
    before = home.say("laptop", rekey())
    after = home.say("laptop", let_in("x", 9))
    data = Mark(Digest(fixed(32, "a chain of data")), Head(7, Digest(fixed(32, "an event"))))
    close = home.say("mac", Close(home.of["laptop"], tuple(sorted((*marks(before), data))), "lost"))
    assert weighed(home, before) == Weight(Standing.HONOURED)
    assert weighed(home, after) == Weight(Standing.VOID, CLOSED, close.digest)
