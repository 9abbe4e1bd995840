"""Data and the ends of devices and grants: what is under the marks counts, what waits, what an adoption opens."""

from __future__ import annotations

from collections.abc import Iterable

import pytest

from mesh.clocks.chain import Head
from mesh.events.event import Inner
from mesh.events.kinds import ANY, Adopt, Close, Forget, Grant, Mark, Ungrant
from mesh.events.verdict import Standing
from mesh.events.weigh import CLOSED, FORGOTTEN, NOT_ADMITTED, NOT_GRANTED, UNGRANTED, UNSURE
from mesh.names import Digest, DocumentId, short
from tests.unit.household import NOTE, Household, Written, marks
from tests.unit.small_mesh import fixed

HONOURED, WAITS, VOID = Standing.HONOURED, Standing.WAITS, Standing.VOID


@pytest.fixture
def home() -> Household:
    """Paper, mac, laptop, tablet and phone."""
    return Household()


def stands(home: Household, *written: Written) -> list[Standing]:
    """What each of these counts for."""
    return [home.weight(one).standing for one in written]


def adopt(*written: Written) -> Adopt:
    """An adoption of these."""
    return Adopt(tuple(sorted(one.placed.digest for one in written)))


def ungrant(home: Household, who: str, under: Iterable[Written] = ()) -> Ungrant:
    """The end of a device's grant."""
    name = next(digest for digest in home.statements if short(digest) == home.grants[who])
    return Ungrant(name, marks(*(one.placed for one in under)))


# ---------------------------------------------------------------- closes


def test_a_fork_voids_nothing(home: Household) -> None:
    """Both branches count, and work of others beside them."""
    root = home.write("phone")
    one, two = (home.write("phone", after=root.placed) for _ in range(2))
    assert stands(home, root, one, two, home.write("mac")) == [HONOURED] * 4


def test_a_close_names_a_branch(home: Household) -> None:
    """What is under a mark in its own branch counts; nothing of the other branch, no other chain."""
    root = home.write("phone")
    one, two = (home.write("phone", after=root.placed) for _ in range(2))
    other = home.write("phone", anew=True)
    said = home.close("mac", "phone", one.placed)
    assert stands(home, root, one, two, other) == [HONOURED, HONOURED, VOID, VOID]
    assert home.weight(two) == (VOID, CLOSED, said.digest)


def test_back_dating_after_a_close(home: Household) -> None:
    """An event that a stolen key puts at an old place is under no mark, however it is numbered."""
    root = home.write("phone")
    good = home.write("phone")
    home.close("mac", "phone", good.placed)
    late = home.write("phone")
    assert stands(home, home.write("phone", after=root.placed), late) == [VOID, VOID]
    assert stands(home, root, good) == [HONOURED, HONOURED]


def test_marks_in_several_chains(home: Household) -> None:
    """A restored device has two; each has its own end."""
    old, new = home.write("phone"), home.write("phone", anew=True)
    late = home.write("phone")
    home.close("mac", "phone", old.placed, new.placed)
    assert stands(home, old, new, late) == [HONOURED, HONOURED, VOID]


def test_a_mark_that_is_not_here_yet(home: Household) -> None:
    """What may be under it waits; what cannot be is void at once. When it comes the waiting ends, either way."""
    root = home.write("phone")
    seen = home.write("phone")
    unseen = home.write("phone", hold=False)
    branch = home.write("phone", after=root.placed)
    after = home.write("phone")
    said = home.close("mac", "phone", unseen.placed)
    assert stands(home, root, seen, branch, after) == [WAITS, WAITS, WAITS, VOID]
    assert home.weight(seen) == (WAITS, UNSURE, said.digest)
    home.log.add([unseen.placed])
    assert stands(home, root, seen, unseen, branch, after) == [HONOURED, HONOURED, HONOURED, VOID, VOID]


def test_the_unseen_mark_itself_counts(home: Household) -> None:
    """A mark says of the event that it names that it counts, whatever else is held."""
    home.write("phone")
    unseen = home.write("phone", hold=False)
    home.close("mac", "phone", unseen.placed)
    assert stands(home, unseen) == [HONOURED]


def test_a_mark_in_a_false_place(home: Household) -> None:
    """No event can ever be there: what is below waits for ever, what is at its number or above is void."""
    first, second = home.write("phone"), home.write("phone")
    place = second.placed
    home.say("mac", Close(home.of["phone"], (Mark(place.chain, Head(place.seq + 1, place.digest)),)))
    assert stands(home, first, second, home.write("phone")) == [WAITS, WAITS, VOID]


def test_a_mark_in_the_chain_of_another(home: Household) -> None:
    """It says nothing of the phone's chains."""
    written = home.write("phone")
    home.close("mac", "phone", home.write("tablet").placed)
    assert stands(home, written) == [VOID]


def test_of_two_closes_the_stricter_counts(home: Household) -> None:
    """All must leave it; of those that do not, the most senior is named."""
    one, two, three = home.write("phone"), home.write("phone"), home.write("phone")
    junior = home.close("laptop", "phone", two.placed)
    senior = home.close("mac", "phone", one.placed)
    assert stands(home, one, two, three) == [HONOURED, VOID, VOID]
    assert home.weight(three).by == senior.digest != junior.digest


def test_void_is_stronger_than_waiting(home: Household) -> None:
    """One close takes it away for certain, so nothing is awaited for the other."""
    written = home.write("phone")
    home.close("mac", "phone", home.write("phone", hold=False).placed)
    assert stands(home, written) == [WAITS]
    home.close("laptop", "phone")
    assert stands(home, written) == [VOID]


def test_fakes_of_a_closed_admin_write_nothing(home: Household) -> None:
    """Neither the fake's work nor a grant that the thief said counts."""
    home.close("mac", "tablet")
    home.admit("tablet", "fake", 12)
    written = home.write("fake")
    assert home.weight(written)[:2] == (VOID, NOT_ADMITTED)


def test_work_under_a_grant_that_fell(home: Household) -> None:
    """Honest, but allowed by a thief only; an adoption saves it."""
    base = home.open("tablet")
    grant = home.say("tablet", Grant(home.of["phone"], "", "work", (ANY,), (ANY,)))
    work = DocumentId("work", "note", bytes(16))
    written = home.write("phone", inner=Inner(0, "born", "", work, short(grant.digest)))
    assert stands(home, written) == [HONOURED]
    home.close("mac", "tablet", base)
    assert home.weight(written)[:2] == (VOID, NOT_GRANTED)
    home.say("laptop", adopt(written))
    assert stands(home, written) == [HONOURED]


# ---------------------------------------------------------------- ungrants


def test_an_ungrant_with_work_on_its_way(home: Household) -> None:
    """What was written before counts; what was flying does not; a junior cannot open what a senior shut."""
    before, flying = home.write("phone"), home.write("phone")
    said = home.say("laptop", ungrant(home, "phone", [before]))
    assert stands(home, before, flying) == [HONOURED, VOID]
    assert home.weight(flying) == (VOID, UNGRANTED, said.digest)
    home.say("tablet", adopt(flying))
    assert stands(home, flying) == [VOID]
    home.say("laptop", adopt(flying))
    assert stands(home, flying) == [HONOURED]


def test_an_ungrant_leaves_other_grants_alone(home: Household) -> None:
    """The same device writes on under another one."""
    other = home.say("mac", Grant(home.of["phone"], "", "home", ("note",), (ANY,)))
    home.say("mac", ungrant(home, "phone"))
    assert stands(home, home.write("phone")) == [VOID]
    inner = Inner(0, "changed", "", NOTE, short(other.digest))
    assert stands(home, home.write("phone", inner=inner)) == [HONOURED]


def test_a_close_and_an_ungrant_both_count(home: Household) -> None:
    """Each takes away what the other leaves; an unknown mark in one waits only while the other leaves it."""
    one, two = home.write("phone"), home.write("phone")
    home.close("mac", "phone", two.placed)
    home.say("mac", ungrant(home, "phone", [one]))
    assert stands(home, one, two) == [HONOURED, VOID]
    assert home.weight(two).reason == UNGRANTED
    home.say("laptop", ungrant(home, "phone", [home.write("phone", hold=False)]))
    assert stands(home, one, two) == [WAITS, VOID]


# ---------------------------------------------------------------- adoptions


@pytest.mark.parametrize("closer", ["mac", "laptop", "tablet"])
@pytest.mark.parametrize("adopter", ["mac", "laptop", "tablet"])
def test_an_adoption_overrides_equal_and_junior_ends_only(home: Household, closer: str, adopter: str) -> None:
    """Whoever is not junior to the closer opens it again for one event."""
    written, other = home.write("phone"), home.write("phone")
    home.close(closer, "phone")
    home.say(adopter, adopt(written))
    order = ["mac", "laptop", "tablet"]
    opens = order.index(adopter) <= order.index(closer)
    assert stands(home, written, other) == [HONOURED if opens else VOID, VOID]


def test_an_adoption_opens_each_end_by_its_own_rank(home: Household) -> None:
    """It overrides the tablet's close, and not the laptop's."""
    written = home.write("phone")
    home.close("tablet", "phone")
    home.close("laptop", "phone")
    home.say("tablet", adopt(written))
    assert stands(home, written) == [VOID]
    home.say("mac", adopt(written))
    assert stands(home, written) == [HONOURED]


def test_a_member_adopts_nothing(home: Household) -> None:
    """It says nothing at all."""
    written = home.write("phone")
    home.close("mac", "phone")
    home.open("phone")
    home.say("phone", adopt(written))
    assert stands(home, written) == [VOID]


def test_an_adoption_makes_work_of_a_stranger_count(home: Household) -> None:
    """Somebody stands for it: neither admission nor grant is asked for."""
    home.close("mac", "tablet")
    home.admit("tablet", "fake", 12)
    written = home.write("fake")
    home.say("laptop", adopt(written))
    assert stands(home, written) == [HONOURED]


def test_an_adoption_falls_with_its_adopter(home: Household) -> None:
    """What a thief adopted is void again after his close."""
    base = home.open("laptop")
    written = home.write("phone")
    home.close("tablet", "phone")
    home.say("laptop", adopt(written))
    assert stands(home, written) == [HONOURED]
    home.close("mac", "laptop", base)
    assert stands(home, written) == [VOID]


# ---------------------------------------------------------------- forget


def test_what_is_forgotten_stays_so(home: Household) -> None:
    """No adoption opens it, nothing new counts in it, other documents do not notice."""
    written = home.write("phone")
    home.say("mac", Forget(NOTE))
    home.say("mac", adopt(written))
    assert home.weight(written)[:2] == (VOID, FORGOTTEN)
    assert stands(home, home.write("laptop")) == [VOID]
    other = DocumentId("home", "note", fixed(16, "other"))
    assert stands(home, home.write("laptop", inner=Inner(0, "born", "", other, home.grants["laptop"]))) == [HONOURED]


# ---------------------------------------------------------------- grants


def test_attack_wider_than_the_grant(home: Household) -> None:
    """Another space, another type, and a space whose name only begins alike."""
    for space, kind in (("work", "note"), ("home", "task"), ("home-private", "note")):
        inner = Inner(0, "changed", "", DocumentId(space, kind, bytes(16)), home.grants["phone"])
        assert home.weight(home.write("phone", inner=inner))[:2] == (VOID, NOT_GRANTED)


def test_attack_the_grant_of_another_device_or_agent(home: Household) -> None:
    """A grant names one admission, and one agent or none."""
    for inner in (
        Inner(0, "changed", "", NOTE, home.grants["mac"]),
        Inner(0, "changed", "claude", NOTE, home.grants["phone"]),
    ):
        assert stands(home, home.write("phone", inner=inner)) == [VOID]
    agent = home.say("mac", Grant(home.of["phone"], "claude", "home", ("note",), ("create",)))
    for name, kind, expected in (("claude", "born", HONOURED), ("claude", "changed", VOID), ("", "born", VOID)):
        written = home.write("phone", inner=Inner(0, kind, name, NOTE, short(agent.digest)))
        assert stands(home, written) == [expected]


def test_weighing_asks_nothing_of_other_events(home: Household) -> None:
    """Under one verdict, more data only end waiting."""
    first = home.write("phone")
    mark = home.write("phone", hold=False)
    home.close("mac", "phone", mark.placed)
    home.close("laptop", "tablet")
    others = [home.write("tablet"), home.write("mac")]
    before = stands(home, first, *others)
    home.write("mac")
    home.write("phone", after=first.placed)
    assert stands(home, first, *others) == before == [WAITS, VOID, HONOURED]
    home.log.add([mark.placed])
    assert stands(home, first, *others) == [HONOURED, VOID, HONOURED]


def test_an_adopted_digest_that_nobody_holds(home: Household) -> None:
    """It is remembered, and harms nobody."""
    home.say("mac", Adopt((Digest(fixed(32, "nowhere")),)))
    assert stands(home, home.write("phone")) == [HONOURED]
