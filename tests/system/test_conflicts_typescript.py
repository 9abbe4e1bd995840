"""Conflicts on the phone: random runs of people who disagree, in Python and in TypeScript.

Each device of a run has a twin in Node that hears the same in the same order. Names, sides, order, regions in code
points, ancestors, what settling and taking back writes: all of it is the same, byte by byte.
"""

from __future__ import annotations

import json
import random
from collections import Counter
from collections.abc import Callable, Iterable, Sequence
from typing import Any

import pytest

from mesh.events.kinds import Born, Carrier, Changed, Settled
from mesh.names import Digest
from mesh.state.comparing import compared
from mesh.state.conflicts import Kind
from mesh.state.edits import Edit, Put, Splice
from mesh.state.lines import BuiltOn
from mesh.state.operations import Change
from mesh.state.settling import Choice, Merge, Say, Take, edits_for
from tests.system import typescript
from tests.system.browsers import Asked
from tests.system.sizes import sized
from tests.unit.state import disputed_world, writers
from tests.unit.state.desks import BIRTH_EVENT
from tests.unit.state.desks import Desk as PlainDesk
from tests.unit.state.disputed_world import Device, Event
from tests.unit.state.writers import BIRTH, DOCUMENT, actor, random_edits
from tests.vectors import conflict_cases

pytestmark = [pytest.mark.system, *typescript.NEEDS]

STEPS = 90
SEEDS = sized(10, 40)
LETTERS = ("", "a", "🌱", "é\u0301", "ab")


def born(birth: Born) -> dict[str, object]:
    """A birth as JSON."""
    return {"registers": dict(birth.registers), "text": birth.text, "salt": birth.salt.hex()}


def written(event: Event) -> list[object]:
    """An event as vectors have it."""
    return [event.digest.hex(), event.change.raw.hex(), *conflict_cases.said(event.body)]


def seen(device: Device) -> dict[str, object]:
    """What a device sees, and what is in conflict there."""
    found = device.open()
    fields = sorted({one.field for one in found}, key=str.encode)
    told = [conflict_cases.told(one) for one in found]
    return json.loads(json.dumps({"text": device.document.text(), "fields": fields, "conflicts": told}))  # type: ignore[no-any-return]


# ---------------------------------------------------------------- people who disagree


class World(disputed_world.World):
    """The small world of people who disagree; paths and letters beyond the first plane are in it, and twins in Node."""

    def __init__(self, seed: int, asked: Asked) -> None:
        """Nobody has written anything."""
        super().__init__(seed)
        self.asked, self.happened = asked, Counter[str]()
        self.devices = [Twin(number, asked=asked) for number in range(3)]

    def say(self, device: Device, edits: Sequence[Edit], body: Callable[[bytes], Carrier] = Changed) -> Event:
        """One event of a device. What settles an open conflict is first worked out by the twin."""
        made = super().say(device, edits, body)
        self.happened[type(made.body).__name__] += 1
        return made

    def write(self, device: Device) -> None:
        """Titles and letters as in the small world, and paths and tags."""
        what = self.lots.random()
        if what < 0.15 and "path" not in device.document.conflicts():
            self.say(device, [Put("path", self.lots.choice(["a.md", "b/ü.md", None]))])
        elif what < 0.4:
            length = len(device.document.text())
            place = self.lots.randint(0, length)
            gone = self.lots.randint(0, min(3, length - place))
            self.say(device, [Splice(place, gone, self.lots.choice(LETTERS if gone else LETTERS[1:]))])
        else:
            super().write(device)

    def settle(self, device: Device) -> None:
        """Somebody settles what is open: both write the same change for it."""
        if not (found := device.open()):
            return
        conflict = self.lots.choice(found)
        choices: list[tuple[object, Choice]] = [(side, Take(side)) for side in range(len(conflict.sides))]
        if conflict.kind is Kind.TEXT:
            choices += [("merge", Merge()), ("both 🌱", Say("both 🌱"))]
        elif conflict.field == "title":
            choices += [("oats", Say("oats"))]
        told, choice = self.lots.choice(choices)
        wanted = edits_for(device.document, conflict, choice)
        by = actor(device.number)
        raw = self.asked("desk settles", desk=device.number, conflict=conflict.name.hex(), choice=told, actor=by.hex())
        assert raw == device.document.edit(by, wanted, bare=True).raw.hex()
        self.happened[f"{conflict.kind} settled"] += 1
        self.say(device, wanted, lambda raw: Settled(raw, conflict.name, conflict.prints))


class Twin(Device):
    """A device and its twin in Node, which hears the same and then sees the same."""

    def __init__(self, number: int, asked: Asked) -> None:
        """Begin with the birth."""
        super().__init__(number)
        self.asked = asked
        asked("desk born", desk=number, document=str(DOCUMENT), birth=born(BIRTH))

    def hear(self, events: Iterable[Event]) -> None:
        """Take events in, and look at what both see."""
        told = list(events)
        super().hear(told)
        self.asked("desk hears", desk=self.number, events=[written(event) for event in told])
        assert self.asked("desk looks", desk=self.number) == seen(self)


@pytest.mark.parametrize("start", range(0, SEEDS, 10))
def test_the_same_is_in_conflict_at_every_step(asked: Asked, start: int) -> None:
    """Concurrent registers, overlapping regions, deletions against edits, renames; settled by either, taken back."""
    happened, kinds = Counter[str](), set[Kind]()
    for seed in range(start, start + 10):
        world = World(seed, asked)
        world.run(STEPS)
        world.converge()
        for device in world.devices:
            kinds |= {one.kind for one in device.open()}
            asked("desk loaded", desk=device.number)
            assert asked("desk looks", desk=device.number) == seen(device)
        happened += world.happened
    assert kinds == {Kind.REGISTER, Kind.RENAMED, Kind.TEXT, Kind.DELETED}
    assert min(happened[kind] for kind in ("Settled", "Undone", "text settled", "register settled")) > 5, happened


@pytest.mark.parametrize("seed", range(4))
def test_late_work_on_a_long_text_is_seen_alike(asked: Asked, seed: int) -> None:
    """Two talk all the time; what the third one wrote long ago reaches far back behind what was settled."""
    world = World(seed, asked)
    lots, (one, other, away) = world.lots, world.devices
    for _ in range(STEPS // 2):
        writer, beside = lots.sample([one, other], 2)
        length = len(writer.document.text())
        place = lots.randint(0, length)
        gone = min(length - place, lots.choice([0, 0, 1, 90]))
        world.say(writer, [Splice(place, gone, lots.choice("aé🌱") * lots.choice([1, 2, 80]))])
        if lots.random() < 0.3:
            world.write(beside)
        if lots.random() < 0.2:
            world.settle(writer)
        news = list({**writer.heard, **beside.heard}.values())
        for device in (writer, beside):
            device.hear(news)
        if lots.random() < 0.1:
            away.hear(news)
        if lots.random() < 0.2:
            world.write(away)
        if lots.random() < 0.1:
            one.hear(lots.sample(world.said, len(world.said)))
    world.converge()
    assert len({str(seen(device)) for device in world.devices}) == 1


@pytest.mark.parametrize("start", range(0, SEEDS, 10))
def test_whatever_is_void_and_whoever_comes_next_both_say_the_same(asked: Asked, start: int) -> None:
    """Folded at once, with some of it void: what is open, how each may be settled, how each event is taken back."""
    kinds, undoes = Counter[str](), Counter[str]()
    for seed in range(start, start + 10):
        world = disputed_world.World(1000 + seed)
        world.run(STEPS)
        events = [conflict_cases.Event(one.digest, one.change, one.body) for one in world.said]
        void = {one.change.hash for one in events if seed % 3 and world.lots.random() < 0.15}
        world.lots.shuffle(events)
        case = json.loads(json.dumps(conflict_cases.conflict_case(BIRTH, events, void)))
        assert asked("conflicts", **case) == case["expect"], seed
        kinds.update(one["kind"] for one in case["expect"]["conflicts"])
        undoes.update(type(one).__name__ for one in case["expect"]["undoes"].values())
    assert kinds.keys() >= {"register", "text", "deleted"}, kinds
    assert min(undoes[name] for name in ("str", "list", "NoneType")) > 10, undoes


@pytest.mark.parametrize("writes", [writers.honest, writers.hostile])
def test_whoever_writes_what_the_gate_cannot_see_both_say_the_same(
    asked: Asked, writes: Callable[[int], list[Change]]
) -> None:
    """Letters deleted again, values named that were replaced long ago: the same is in conflict, the same undoes it."""
    kinds = Counter[str]()
    for seed in range(40):
        events = [conflict_cases.Event(Digest(one.hash), one, Changed(one.raw)) for one in writes(seed)]
        case = json.loads(json.dumps(conflict_cases.conflict_case(BIRTH, events)))
        assert asked("conflicts", **case) == case["expect"], seed
        kinds.update(one["kind"] for one in case["expect"]["conflicts"])
    assert min(kinds[kind] for kind in ("text", "register")) > 4, kinds


def test_a_difference_would_be_noticed(asked: Asked) -> None:
    """The comparison is not blind: with another void set the answer is another one."""
    world = disputed_world.World(3)
    world.run(STEPS)
    events = [conflict_cases.Event(one.digest, one.change, one.body) for one in world.said]
    case = json.loads(json.dumps(conflict_cases.conflict_case(BIRTH, events)))
    assert asked("conflicts", **case) == case["expect"]
    assert asked("conflicts", **{**case, "void": [events[0].change.hash.hex()]}) != case["expect"]


# ---------------------------------------------------------------- people who take things back


class Desk(PlainDesk):
    """One person's copy, and the same in Node: what takes an event back is the same change."""

    def __init__(self, number: int, asked: Asked) -> None:
        """Begin with the birth."""
        super().__init__(number)
        self.asked = asked
        asked("desk born", desk=number, document=str(DOCUMENT), birth=born(BIRTH))

    def tell(self, *changes: bytes) -> None:
        """The twin learns of these."""
        self.asked("desk hears", desk=self.number, events=[self._event(change) for change in changes])

    def _event(self, change: bytes) -> list[object]:
        said = ["undone", self._name(self.pairs[change])] if change in self.pairs else ["changed"]
        return [change.hex(), self.changes[change].raw.hex(), *said]

    def _name(self, event: bytes) -> str:
        return "birth" if event == BIRTH_EVENT else event.hex()

    def keep(self, change: Any, undoes: bytes = b"") -> bytes:  # noqa: ANN401 - as in the plain desk
        """Take in what was said."""
        found = super().keep(change, undoes)
        self.tell(found)
        return found

    def learn(self, other: Desk) -> None:
        """Both learn all that the other knows."""
        news = [[*one.changes.keys() - two.changes.keys()] for one, two in ((other, self), (self, other))]
        self.meet(other)
        for desk, fresh in zip((self, other), news, strict=True):
            desk.tell(*sorted(fresh))

    def taken_back(self, event: bytes) -> tuple[list[str], list[str]]:
        """Take an event back there and here: the changes that both write, none here where something is built on it."""
        by = actor(self.number).hex()
        there = self.asked("desk undoes", desk=self.number, event=self._name(event), actor=by)
        known = set(self.changes)
        try:
            self.undo(event)
        except BuiltOn:
            return there, []
        fresh = sorted((self.changes[name] for name in self.changes if name not in known), key=lambda one: one.sequence)
        return there, [one.raw.hex() for one in fresh]


@pytest.mark.parametrize("start", range(0, SEEDS, 10))
def test_taking_back_writes_the_same(asked: Asked, start: int) -> None:
    """In a world of three who write, meet and undo, undos of undos and of the birth included."""
    happened = Counter[str]()
    for seed in range(start, start + 10):
        lots = random.Random(seed)
        desks = [Desk(number, asked) for number in range(3)]
        for _ in range(STEPS):
            desk = lots.choice(desks)
            what = lots.random()
            standing = [event for event in (*desk.changes, BIRTH_EVENT) if desk.undos.stands(event)]
            if what < 0.25:
                desk.learn(lots.choice([other for other in desks if other is not desk]))
            elif what < 0.6 or not standing:
                *edits, title = random_edits(lots, desk.document)
                desk.edit(*edits, title if lots.random() < 0.5 else Put("tag/c", value=True))
            elif (event := lots.choice(standing)) != BIRTH_EVENT or not desk.document.live("deleted"):
                there, here = desk.taken_back(event)
                if here:
                    assert there == here, (seed, event)
                else:
                    (why, later) = there
                    stands_on, names = desk.document.history.stands_on, desk.undos.plan(event).names
                    assert why == "built on", (seed, event)
                    assert any(stands_on(bytes.fromhex(later), name) for name in names), (seed, event)
                happened["taken back" if here else "built on"] += 1
                happened["birth"] += event == BIRTH_EVENT
        for one in desks:
            for other in desks:
                if one is not other:
                    one.learn(other)
        texts = {asked("desk looks", desk=number)["text"] for number in range(3)}
        assert texts == {desks[0].document.text()}
    assert happened["built on"] > 10, happened
    assert happened["taken back"] > 40, happened
    assert happened["birth"], happened


# ---------------------------------------------------------------- what people read


def test_it_compares_texts_alike(asked: Asked) -> None:
    """Line by line and word by word, letters beyond the first plane included."""
    lots = random.Random(5)
    words = ["seeds", "🌱", "é\u0301", " ", "\n", "\n", "rain, ", "ab_1", "-", "\u3000"]
    for _ in range(300):
        old = lots.choices(words, k=lots.randint(0, 40))
        fresh = [one for one in old if lots.random() < 0.9]
        fresh[(at := lots.randint(0, len(fresh))) : at] = lots.choices(words, k=lots.randint(0, 3))
        before, after = "".join(old), "".join(fresh)
        expected = [[line.sign, [list(part) for part in line.parts]] for line in compared(before, after)]
        assert asked("compared", old=before, fresh=after) == expected, (before, after)
