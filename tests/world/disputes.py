"""No value that lived beside another ever disappears but by an event that says so: told once more from the changes.

A value of a register lives until an operation replaces it by name. Who replaces several different ones at once settles
a conflict, and that is an event of its own kind; who replaces one edits. Where edits of a text overlap, which is looked
for here by the texts that Automerge has at each change, they are in conflict until an event that nobody took back names
both. Nothing of this is read off the code that is under test but which changes are in a document.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Mapping
from typing import TYPE_CHECKING

from mesh.events.kinds import Carrier, Settled, Undone
from mesh.names import Digest, DocumentId
from mesh.state.changes import decode
from mesh.state.conflicts import Kind
from mesh.state.footprints import Footprint, print_name
from mesh.state.genesis import FIRST_OPERATIONS_MAX, derive
from mesh.state.operations import Action, Change, Operation, OperationId
from tests.unit.state.overlap_worlds import Seen
from tests.world.checks import claim

if TYPE_CHECKING:
    from tests.world.devices import Device
    from tests.world.world import World

DELETED = "deleted"
Shape = tuple[type, object]


def nothing_vanishes(world: World) -> None:
    """All documents of every device; equal ones were found to be equal, so each is told once."""
    told: set[tuple[DocumentId, frozenset[Digest]]] = set()
    for device in world.devices.values():
        for name in sorted(name for name, changes in device.meaning.changes.items() if changes):
            events = (name, frozenset(device.meaning.carriers(name)))
            if events not in told:
                told.add(events)
                Told(device, name).check()


class Told:
    """One document of a device, told once more."""

    def __init__(self, device: Device, name: DocumentId) -> None:
        """Take in the changes that are in it."""
        self.name, self.what = name, f"{name} on {device.name}"
        meaning = device.meaning
        self.document, self.conflicts, self.birth = (
            meaning.document(name),
            meaning.conflicts(name),
            meaning.births[name],
        )
        self.carriers: dict[Digest, Carrier] = meaning.carriers(name)
        held = {meaning.changes[name][digest].hash: meaning.changes[name][digest] for digest in self.carriers}
        self.changes = _in_order(held)
        self.said: defaultdict[bytes, list[Carrier]] = defaultdict(list)
        for digest, body in self.carriers.items():
            self.said[meaning.changes[name][digest].hash].append(body)
        self.first = decode(derive(name, self.birth).raw, FIRST_OPERATIONS_MAX)
        every: list[Change] = [self.first, *self.changes]
        self.puts = {one: (change, op) for change in every for one, op in _registers(change)}

    def check(self) -> None:
        """Registers, deletions, the text."""
        gone = {one for _, op in self.puts.values() for one in op.before}
        live: defaultdict[str, set[OperationId]] = defaultdict(set)
        for one, (_, op) in self.puts.items():
            if op.action is Action.PUT and one not in gone:
                live[str(op.key)].add(one)
        self._registers(live)
        self._replaced()
        self._deleted(live)
        if self.document.body is not None:
            self._text()

    def _registers(self, live: Mapping[str, set[OperationId]]) -> None:
        """What nothing replaced lives, and where that differs it is in conflict."""
        shown = {key: set(self.document.live_operations(key)) for key in {*live, *self.document.registers()}}
        claim("values", shown == {key: live.get(key, set()) for key in shown}, f"other ones in {self.what}")
        for key, names in live.items():
            shapes = {self._shape(one) for one in names}
            found = [one for one in self.conflicts if one.field == key and one.kind in {Kind.REGISTER, Kind.RENAMED}]
            sides = [{(type(side.value), side.value) for side in one.sides} for one in found]
            expected = [shapes] if len(shapes) > 1 else []
            claim("values", sides == expected, f"{len(shapes)} in {key} of {self.what}, shown {sides}")

    def _replaced(self) -> None:
        """Who replaces several different values says that it settles them, or that it takes something back."""
        for change in self.changes:
            before: defaultdict[str, set[Shape]] = defaultdict(set)
            for _, op in _registers(change):
                before[str(op.key)] |= {self._shape(one) for one in op.before}
            for key, shapes in before.items():
                told = any(isinstance(body, Settled | Undone) for body in self.said[change.hash])
                detail = f"{change.hash.hex()[:8]} replaces {len(shapes)} values of {key} in {self.what} in passing"
                claim("values", len(shapes) < 2 or told, detail)

    def _deleted(self, live: Mapping[str, set[OperationId]]) -> None:
        """A deletion that lives, and beside it a value that lives and was written without knowing of it."""
        deletions = {self.puts[one][0].hash for one in live.get(DELETED, ()) if self.puts[one][1].value is True}
        if not deletions or len(deletions) < len({self.puts[one][0].hash for one in live[DELETED]}):
            return
        under = self._under()
        beside = {
            self.puts[one][0].hash
            for key, names in live.items()
            for one in names
            if key != DELETED and not any(self.puts[one][0].hash in under[d] | {d} for d in deletions)
        }
        beside = {change for change in beside if not under[change] & deletions}
        shown = any(one.kind is Kind.DELETED for one in self.conflicts)
        claim("values", shown or not beside, f"{len(beside)} edits beside a deletion of {self.what}")

    def _text(self) -> None:
        """Overlapping edits that nothing settled are together in one conflict, and nothing else is."""
        seen = Seen(self.changes, self.name, self.birth)
        prints = [one for change in self.changes for one in seen.prints(change)]
        pairs = {
            frozenset((print_name(self.name, one), print_name(self.name, other)))
            for place, one in enumerate(prints)
            for other in prints[:place]
            if seen.concurrent(one.change, other.change) and _meet(one, other)
        }
        naming: defaultdict[bytes, set[bytes]] = defaultdict(set)
        for event, body in self.carriers.items():
            for print_ in body.prints if isinstance(body, Settled) and self._stands(event) else ():
                naming[print_].add(event)
        found = sorted(one.prints for one in self.conflicts if one.kind is Kind.TEXT)
        expected = _connected(pair for pair in pairs if not set.intersection(*(naming[one] for one in pair)))
        claim("values", found == expected, f"{len(found)} of {len(expected)} overlaps in {self.what}")

    def _stands(self, event: Digest) -> bool:
        """Whether nothing takes an event back that is not taken back itself."""
        undoing = (one for one, body in self.carriers.items() if isinstance(body, Undone) and body.event == event)
        return not any(self._stands(one) for one in undoing)

    def _shape(self, one: OperationId) -> Shape:
        value = self.puts[one][1].value
        return type(value), value

    def _under(self) -> dict[bytes, set[bytes]]:
        found: dict[bytes, set[bytes]] = {self.first.hash: set()}
        for change in self.changes:
            found[change.hash] = set().union(*(found[name] | {name} for name in change.dependencies))
        return found


def _in_order(held: Mapping[bytes, Change]) -> list[Change]:
    """Changes, each after those that it stands on."""
    found: dict[bytes, Change] = {}
    while len(found) < len(held):
        for name in sorted(held.keys() - found.keys()):
            if all(below in found for below in held[name].dependencies if below in held):
                found[name] = held[name]
    return list(found.values())


def _registers(change: Change) -> list[tuple[OperationId, Operation]]:
    """What a change does to registers, each operation with its name."""
    numbered = enumerate(change.operations, change.start)
    return [(OperationId(number, change.actor), op) for number, op in numbered if op.object is None]


def _connected(pairs: Iterable[frozenset[bytes]]) -> list[tuple[bytes, ...]]:
    """What is connected by pairs, each group ascending."""
    groups: list[set[bytes]] = []
    for pair in pairs:
        groups = [group for group in groups if not group & pair] + [{*pair}.union(*(g for g in groups if g & pair))]
    return sorted(tuple(sorted(group)) for group in groups)


def _meet(one: Footprint, other: Footprint) -> bool:
    """Whether two concurrent edits touch one place, and at least one of them put something there."""
    if not one.inserted and not other.inserted:
        return False
    if one.deleted & other.deleted:
        return True
    if one.inserted and other.inserted:
        beside = {one.left, one.right} & other.deleted or {other.left, other.right} & one.deleted
        return one.left == other.left or one.right == other.right or bool(beside)
    writing, cutting = (one, other) if one.inserted else (other, one)
    return not writing.deleted and {writing.left, writing.right} <= cutting.deleted
