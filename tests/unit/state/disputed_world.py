"""A small world of people who disagree: three devices with one document, which write, settle and take back apart.

Devices hear each other's events in any order. What must hold is told once more from the changes, not read off the code
under test: which value an operation replaced, and whether its writer saw others beside it.
"""

from __future__ import annotations

import random
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field

from mesh.events.kinds import Carrier, Changed, Settled, Undone, Value
from mesh.names import Digest
from mesh.state.conflicts import Conflict, Kind, conflicts_of
from mesh.state.documents import Document
from mesh.state.edits import Edit, Put, Splice, Swap
from mesh.state.operations import Action, Change, OperationId
from mesh.state.rules import ruling
from mesh.state.settling import Choice, Merge, Say, Settlements, Take, edits_for
from tests.unit.state.writers import BIRTH, DOCUMENT, actor

TITLES = ("corn", "rye", "oats")
WORDS = ("", "a", "ab", "b")


@dataclass(frozen=True)
class Event:
    """One event: its change and what it says."""

    digest: Digest
    change: Change
    body: Carrier


@dataclass
class Device:
    """A document, what was settled in it, and which events it heard."""

    number: int
    document: Document = field(default_factory=lambda: Document.born(DOCUMENT, BIRTH))
    settlements: Settlements = field(default_factory=Settlements)
    heard: dict[Digest, Event] = field(default_factory=dict)

    def hear(self, events: Iterable[Event]) -> None:
        """Take events in. A settlement counts when its change is in the document."""
        fresh = [event for event in events if event.digest not in self.heard]
        self.heard |= {event.digest: event for event in fresh}
        self.document.take([event.change for event in fresh])
        for event in self.heard.values():
            if self.document.contains(event.change.hash):
                self.settlements.add(event.digest, event.body)

    def open(self) -> tuple[Conflict, ...]:
        """What is in conflict here."""
        return conflicts_of(self.document, self.settlements)


class World:
    """What people do, drawn from one seed."""

    def __init__(self, seed: int) -> None:
        """Nobody has written anything."""
        self.lots = random.Random(seed)
        self.devices = [Device(number) for number in range(3)]
        self.said: list[Event] = []

    def run(self, steps: int) -> None:
        """Some acts; what must hold is looked at after each."""
        acts: Sequence[Callable[[Device], None]] = (
            self.write, self.settle, self.take_back, self.obey, self.delete, self.meet,
        )  # fmt: skip
        for _ in range(steps):
            device = self.lots.choice(self.devices)
            self.lots.choices(acts, (8, 5, 3, 1, 0.7, 5))[0](device)

    def say(self, device: Device, edits: Sequence[Edit], body: Callable[[bytes], Carrier] = Changed) -> Event:
        """One event of a device, which hears itself first."""
        change = device.document.edit(actor(device.number), edits, bare=True)
        said = body(change.raw)
        made = Event(Digest(change.hash[:28] + len(self.said).to_bytes(4, "big")), change, said)
        self.said.append(made)
        device.hear([made])
        return made

    def write(self, device: Device) -> None:
        """A title, or some letters. Of several titles side by side an edit replaces one: it settles nothing."""
        document = device.document
        if self.lots.random() < 0.4:
            live = sorted(document.live_operations("title"))
            one = self.lots.choice(live)
            edit = Swap("title", (one,), (self.lots.choice(TITLES),))
            self.say(device, [edit])
            return
        length = len(document.text())
        place = self.lots.randint(0, length)
        deleted = self.lots.randint(0, min(2, length - place))
        words = self.lots.choice(WORDS if deleted else WORDS[1:])
        self.say(device, [Splice(place, deleted, words)])

    def settle(self, device: Device) -> None:
        """Somebody settles what is open there, and then it is not open any more."""
        if found := device.open():
            conflict = self.lots.choice(found)
            choices: list[Choice] = [Take(side) for side in range(len(conflict.sides))]
            if conflict.kind is Kind.TEXT:
                choices += [Merge(), Say("both")]
            elif conflict.kind is Kind.REGISTER and conflict.field == "title":
                choices += [Say(self.lots.choice(TITLES))]
            wanted = edits_for(device.document, conflict, self.lots.choice(choices))
            self.say(device, wanted, lambda raw: Settled(raw, conflict.name, conflict.prints))
            assert conflict.name not in {one.name for one in device.open()}, "settled, and still open"

    def take_back(self, device: Device) -> None:
        """Somebody takes back a settlement, or what took one back: what it replaced comes back, or goes again."""
        fit = [e for e in device.heard.values() if not isinstance(e.body, Changed)]
        fit = [e for e in fit if device.document.contains(e.change.hash) and device.settlements.effective(e.digest)]
        if fit:
            event = self.lots.choice(fit)
            edits = _inverse(device.document, event.change.hash)
            self.say(device, edits, lambda raw: Undone(raw, event.digest))
            assert not device.settlements.effective(event.digest)

    def obey(self, device: Device) -> None:
        """What settles itself is settled."""
        for conflict in device.open():
            if found := ruling(conflict, device.settlements):
                rule = found.rule
                self.say(device, found.edits, lambda raw: Settled(raw, conflict.name, conflict.prints, rule))  # noqa: B023
                return

    def delete(self, device: Device) -> None:
        """Somebody deletes it."""
        if "deleted" not in device.document.conflicts():
            self.say(device, [Put("deleted", value=True)])

    def meet(self, device: Device) -> None:
        """A device hears some of what another one has, in any order."""
        other = self.lots.choice(self.devices)
        some = list(other.heard.values())
        self.lots.shuffle(some)
        device.hear(some[: self.lots.randint(0, len(some))])

    def converge(self) -> None:
        """Everybody hears everything."""
        for device in self.devices:
            device.hear(self.lots.sample(self.said, len(self.said)))

    # ── what must hold ───────────────────────────────────────────────────────────────────────────

    def check(self) -> None:
        """After all have heard everything."""
        self.converge()
        found = [device.open() for device in self.devices]
        assert found[0] == found[1] == found[2], "devices see other conflicts"
        again = Device(9)
        again.document = Document.fold(DOCUMENT, BIRTH, [(e.digest, e.change) for e in self.said])
        again.hear(self.said)
        loaded = Device(8)
        loaded.document, loaded.settlements = Document.load(again.document.save()), again.settlements
        assert again.open() == loaded.open() == found[0], "folded at once, or loaded, it is another one"
        assert len({one.name for one in found[0]}) == len(found[0])
        self._values(found[0])

    def _values(self, found: Sequence[Conflict]) -> None:
        """A title lives until an operation names it; several at once only a settlement or its undoing replaces."""
        puts: dict[OperationId, tuple[Value, bytes]] = {}
        gone: set[OperationId] = set()
        bodies = {event.change.hash: event.body for event in self.said}
        for event in self.said:
            for place, operation in enumerate(event.change.operations):
                if operation.key == "title" and operation.object is None:
                    name = OperationId(event.change.start + place, event.change.actor)
                    if operation.action is Action.PUT:
                        puts[name] = operation.value, event.change.hash
                    gone.update(operation.before)
                    several = {puts[one][0] for one in operation.before if one in puts}
                    settles = isinstance(bodies[event.change.hash], Settled | Undone)
                    assert len(several) < 2 or settles, "an edit replaced what it did not settle"
        live = {name for name in puts if name not in gone}
        shown = self.devices[0].document.live_operations("title")
        assert not live or set(shown) == live, "a value vanished"
        values = {shown[name].value for name in shown}
        sides = [one for one in found if one.field == "title"]
        assert len(sides) == (1 if len(values) > 1 else 0)
        assert not sides or {side.value for side in sides[0].sides} == values, "a side is missing"


def _inverse(document: Document, change: bytes) -> list[Edit]:
    """What a change replaced in the title comes back in place of what it wrote, if that still lives."""
    live, without = document.live_operations("title"), document.without(change).live.get("title", {})
    mine = tuple(sorted(name for name, one in live.items() if one.change == change))
    back = tuple(one.value for name, one in sorted(without.items()) if name not in live)
    return [Swap("title", mine, back)] if mine and back else []
