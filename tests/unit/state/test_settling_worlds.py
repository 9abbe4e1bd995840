"""Random worlds of people who disagree: the same conflicts everywhere, nothing lost, and sabotages that are noticed."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from itertools import permutations

import pytest

from mesh.events.kinds import Carrier, Settled, Undone, Value
from mesh.names import Digest, DocumentId
from mesh.state import conflicts, edits, settling
from mesh.state.conflicts import Conflict, Kind
from mesh.state.documents import Document
from mesh.state.edits import Draft, Put, Splice, Swap
from mesh.state.fold import Fold
from mesh.state.rules import ruling
from mesh.state.settling import Choice, Say, Settlements, Take, edits_for
from tests.unit.state.disputed_world import World

STEPS = 30
CAUGHT_WITHIN = 60  # seeds


def lived(seed: int) -> World:
    """A whole life of a world."""
    world = World(seed)
    world.run(STEPS)
    world.check()
    return world


@pytest.mark.parametrize("start", range(0, 200, 20))
def test_all_see_the_same_and_nothing_vanishes(start: int) -> None:
    """Whatever they wrote, settled and took back, and in whatever order each of them heard of it."""
    kinds: set[Kind] = set()
    for seed in range(start, start + 20):
        try:
            kinds |= {one.kind for one in lived(seed).devices[0].open()}
        except BaseException as error:
            error.add_note(f"seed {seed}")
            raise
    assert kinds == {Kind.REGISTER, Kind.TEXT, Kind.DELETED}


# ── what a person relies on ──────────────────────────────────────────────────────────────────────


def quarrel() -> tuple[World, Conflict]:
    """Two titles, heard by all."""
    world = World(0)
    world.say(world.devices[0], [Put("title", "corn")])
    world.say(world.devices[1], [Put("title", "rye")])
    world.converge()
    (found,) = world.devices[2].open()
    return world, found


def argument() -> tuple[World, Conflict]:
    """Two words at one place of the text, heard by all."""
    world = World(0)
    world.say(world.devices[0], [Splice(7, 4, "corn")])
    world.say(world.devices[1], [Splice(7, 4, "rye")])
    world.converge()
    (found,) = world.devices[2].open()
    return world, found


CHOICES: tuple[Choice, ...] = (Take(0), Take(1), Say("oats"))
APART: tuple[tuple[Choice, Choice], ...] = tuple(permutations(CHOICES, 2))


@pytest.mark.parametrize("begun", [quarrel, argument])
@pytest.mark.parametrize(("mine", "theirs"), [*APART, *zip(CHOICES, CHOICES, strict=True)])
def test_settling_at_once_agrees_or_makes_one_new_conflict(
    begun: Callable[[], tuple[World, Conflict]], mine: Choice, theirs: Choice
) -> None:
    """Never a loss: the old conflict is settled either way, and a new one has what each of them chose."""
    world, found = begun()
    for device, choice in zip(world.devices[:2], (mine, theirs), strict=True):
        world.say(device, edits_for(device.document, found, choice), _settles(found))
        assert device.open() == ()
    world.check()
    after = world.devices[2].open()
    assert found.name not in {one.name for one in after}
    chosen = {_words(found, mine), _words(found, theirs)}
    if len(chosen) > 1:
        assert len(after) == 1, "what both chose is gone"
        (new,) = after
        assert {side.value for side in new.sides} == chosen
        assert new.ancestor == (found.merged if found.kind is Kind.TEXT else None)
        taken = edits_for(world.devices[2].document, new, Take(0))
        world.say(world.devices[2], taken, _settles(new))
        world.check()
        assert world.devices[0].open() == ()
    elif found.kind is Kind.REGISTER or isinstance(mine, Take):
        assert after == ()
    else:  # the same new words twice: one copy goes by a rule
        (new,) = after
        ruled = ruling(new, world.devices[2].settlements)
        assert ruled is not None
        world.say(world.devices[2], ruled.edits, _settles(new))
        world.check()
        assert world.devices[0].open() == ()
        assert world.devices[0].document.text() == "beans, oats 🌱"


def _words(found: Conflict, choice: Choice) -> Value:
    return found.sides[choice.side].value if isinstance(choice, Take) else getattr(choice, "value", None)


def test_equal_choices_of_a_side_of_a_text_agree() -> None:
    """Both take out what the other side wrote, and nothing else."""
    for side in (0, 1):
        world, found = argument()
        for device in world.devices[:2]:
            wanted = edits_for(device.document, found, Take(side))
            world.say(device, wanted, lambda raw: Settled(raw, found.name, found.prints))  # noqa: B023
        world.check()
        assert world.devices[2].open() == ()
        assert world.devices[2].document.text() == f"beans, {found.sides[side].value} 🌱"


def test_taking_back_brings_all_values_back_and_taking_that_back_settles_again() -> None:
    """Registers by one write with all values, texts by the edges that are not settled any more."""
    world, found = quarrel()
    settled = world.say(world.devices[0], edits_for(world.devices[0].document, found, Say("oats")), _settles(found))
    world.converge()
    live = world.devices[1].document.live_operations("title")
    back = world.say(
        world.devices[1], [Swap("title", tuple(live), ("corn", "rye"))], lambda raw: Undone(raw, settled.digest)
    )
    world.check()
    (again,) = world.devices[2].open()
    assert {side.value for side in again.sides} == {"corn", "rye"}
    live = world.devices[2].document.live_operations("title")
    world.say(world.devices[2], [Swap("title", tuple(live), ("oats",))], lambda raw: Undone(raw, back.digest))
    world.check()
    assert world.devices[0].open() == ()
    assert world.devices[0].document.register("title") == "oats"


def test_taking_back_a_merge_opens_the_same_conflict_again() -> None:
    """Under its own name, however often."""
    world, found = argument()
    event = world.say(world.devices[0], [], _settles(found))
    for step in range(4):
        world.check()
        assert world.devices[1].open() == (() if step % 2 == 0 else (found,))
        named = event.digest
        event = world.say(world.devices[step % 3], [], lambda raw: Undone(raw, named))  # noqa: B023


def test_a_late_edit_of_the_same_place_is_a_conflict_with_what_was_settled() -> None:
    """The pairs that were settled stay so, the new ones are open."""
    world, found = argument()
    late = World(0).devices[0]
    late.number = 5
    world.say(world.devices[0], [], _settles(found))
    change = world.say(late, [Splice(7, 4, "oats")])
    world.check()
    (again,) = world.devices[0].open()
    assert set(again.prints) > set(found.prints)
    assert change.change.hash in {side.change for side in again.sides}


def _settles(found: Conflict) -> Callable[[bytes], Carrier]:
    return lambda raw: Settled(raw, found.name, found.prints)


# ── sabotages ────────────────────────────────────────────────────────────────────────────────────

_add, _apply, _parted = Settlements.add, Draft.apply, Fold.parted


def _unordered(document: DocumentId, kind: Kind, field: str, members: Iterable[bytes]) -> bytes:
    return b"".join((str(document).encode(), kind.encode(), field.encode(), *members))


def _only_if_known(self: Settlements, event: Digest, body: Carrier) -> None:
    if not isinstance(body, Undone) or body.event in self._settled or body.event in self._undos._of:  # noqa: SLF001
        _add(self, event, body)


def _over_all(self: Draft, edit: edits.Edit, live: Callable[[str], Iterable[object]]) -> None:
    if isinstance(edit, Swap) and len(edit.values) == 1:
        edit = Put(edit.key, edit.values[0])
    _apply(self, edit, live)  # type: ignore[arg-type]


def _two_sides(document: Document, key: str) -> Conflict:
    made = _register(document, key)
    return Conflict(made.name, made.kind, made.field, made.sides[:2], made.ancestor)


_register = conflicts._register  # noqa: SLF001 - what is sabotaged


def _nobody(self: Settlements, name: bytes) -> frozenset[bytes]:
    return frozenset(self._naming.get(name, ()))


def _first_heard(self: Settlements, event: Digest) -> bool:
    return not self._undos._of.get(event)  # noqa: SLF001 - what is sabotaged


SABOTAGES: dict[str, tuple[object, str, object]] = {
    "names follow the order of arrival": (conflicts, "name_of", _unordered),
    "taking back before the settlement is heard is lost": (Settlements, "add", _only_if_known),
    "an edit replaces what it was not told to": (Draft, "apply", _over_all),
    "a third value is left out": (conflicts, "_register", _two_sides),
    "what was taken back stays settled": (Settlements, "naming", _nobody),
    "taking back cannot be taken back": (Settlements, "effective", _first_heard),
    "nothing is ever settled": (Settlements, "naming", lambda *_: frozenset()),
    "two choices of a text that leave nothing are one": (Settlements, "rivals", lambda _: frozenset()),
    "deletions hide edits": (conflicts, "_deleted", lambda _: ()),
    "a side is put back as it is shown": (settling, "_as_had", lambda *_: ()),
}


@pytest.mark.parametrize("name", SABOTAGES)
def test_a_sabotage_is_noticed(name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """Within a few worlds, or by one of the tests above."""
    target, attribute, wrong = SABOTAGES[name]
    monkeypatch.setattr(target, attribute, wrong)
    with pytest.raises(AssertionError):
        _all_of_it()


def _all_of_it() -> None:
    for seed in range(0, CAUGHT_WITHIN, 20):
        test_all_see_the_same_and_nothing_vanishes(seed)
    test_taking_back_brings_all_values_back_and_taking_that_back_settles_again()
    test_taking_back_a_merge_opens_the_same_conflict_again()
    test_equal_choices_of_a_side_of_a_text_agree()
    for mine, theirs in APART:
        test_settling_at_once_agrees_or_makes_one_new_conflict(argument, mine, theirs)
