"""Conflicts in the simulated world: people settle them, take that back, and delete what others edit.

It is played where documents are true, and draws from a Random of its own. What must hold is told in `disputes`.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from random import Random
from typing import TYPE_CHECKING

from mesh.events.event import Placed
from mesh.events.kinds import Carrier, Changed, Settled, Undone
from mesh.events.speaking import Draft
from mesh.events.verdict import Standing
from mesh.names import Digest, DocumentId
from mesh.node import takeback
from mesh.node.gathered import Loaded
from mesh.state.conflicts import Conflict, Kind
from mesh.state.documents import Document
from mesh.state.edits import Edit, Put, Splice, Swap
from mesh.state.lines import BuiltOn
from mesh.state.operations import Change
from mesh.state.rules import ruling
from mesh.state.settling import Choice, Merge, Say, Take, edits_for
from mesh.state.undoing import beside
from mesh.state.undos import Undos
from tests.world.checks import claim

if TYPE_CHECKING:
    from tests.world.devices import Device
    from tests.world.world import World

ACTS = 0.5
PLAIN = 0.1  # of plain edits somebody thinks better
TITLE = "title"
FRESH = 4  # documents that people argue about
WORDS = ("", "a", "ab", "b", "c")


def lots_of(world: World) -> Random | None:
    """Where people settle what is in conflict: in seeds with true documents."""
    return Random(f"settling {world.seed}") if world.real else None


def act(world: World) -> None:
    """Perhaps one act of somebody who sees a conflict, or makes one."""
    lots = world.disputes
    if lots is None or lots.random() >= ACTS:
        return
    devices = world.honest()
    if devices:
        chosen: Callable[[World, Random, Device], None] = lots.choices(
            (argue, settle, take_back, delete, obey), (6, 6, 3, 1, 1)
        )[0]
        chosen(world, lots, lots.choice(devices))


def retitled(document: Document, title: str) -> list[Edit]:
    """Another title. Of several that live side by side it replaces one: the others are not its writer's to settle."""
    live = document.live_operations(TITLE)
    if TITLE in document.conflicts():
        return [Swap(TITLE, (min(live),), (title,))]
    return [Put(TITLE, title)]


# ---------------------------------------------------------------- people


def argue(world: World, lots: Random, device: Device) -> None:
    """Several devices write into one document before any of them can have heard of another."""
    known = sorted(device.meaning.births)
    if not known:
        return
    name = lots.choice(known[-FRESH:])
    for other in [device, *(one for one in world.honest() if one is not device and name in one.meaning.births)][:3]:
        document = other.meaning.document(name)
        edits = retitled(document, lots.choice(WORDS)) if lots.random() < 0.6 else []
        if document.body is not None:
            length = len(document.text())
            place = min(length, lots.randrange(4))
            edits.append(Splice(place, lots.randrange(min(3, length - place) + 1), lots.choice(WORDS[:3])))
        if edits:
            say(world, other, name, edits, Changed)


def settle(world: World, lots: Random, device: Device) -> None:
    """Somebody chooses a side, gives another value, or leaves a text as it came out."""
    found = open_on(device)
    if not found:
        return
    name, conflict = lots.choice(found)
    choices: list[Choice] = [Take(side) for side in range(len(conflict.sides))]
    if conflict.kind is Kind.TEXT:
        choices += [Merge(), Say("settled")]
    elif conflict.kind is not Kind.DELETED:
        choices.append(Say(f"settled by {device.name}"))
    choice = lots.choice(choices)
    wanted = edits_for(device.meaning.document(name), conflict, choice)
    if say(world, device, name, wanted, lambda raw: Settled(raw, conflict.name, conflict.prints)):
        world.note(f"{device.name} settles {conflict.kind} {conflict.field} {conflict.name.hex()[:8]}: {choice}")
        still = {one.name for one in device.meaning.conflicts(name)}
        claim("settled", conflict.name not in still, f"{conflict.kind} {conflict.field} is as it was")


def obey(world: World, _: Random, device: Device) -> None:
    """A device settles by a rule what it can without losing anything."""
    for name, conflict in open_on(device):
        if ruled := ruling(conflict, device.meaning.settlements(name)):
            rule, prints = ruled.rule, conflict.prints
            say(world, device, name, ruled.edits, lambda raw: Settled(raw, conflict.name, prints, rule))  # noqa: B023
            return


def take_back(world: World, lots: Random, device: Device) -> None:
    """Somebody takes back what was settled, what took something back, or any change."""
    fit = []
    for name in sorted(device.meaning.changes):
        settlements, said = device.meaning.settlements(name), sorted(device.meaning.carriers(name).items())
        standing = [(name, event, body) for event, body in said if settlements.effective(event)]
        fit += [(name, event) for name, event, body in standing if not isinstance(body, Changed)]
        fit += [(name, event) for name, event, body in standing if lots.random() < PLAIN]
    if not fit:
        return
    name, event = lots.choice(fit)
    document, carriers = device.meaning.document(name), device.meaning.carriers(name)
    pairs = [(undo, body.event) for undo, body in carriers.items() if isinstance(body, Undone)]
    changes: dict[Digest, Change | None] = {one: device.meaning.changes[name][one] for one in carriers}
    known = takeback.Known(Undos([pair for pair in pairs if pair[1] in changes]), changes)
    try:
        plan, wanted = takeback._edits(Loaded(document), known, event)  # noqa: SLF001 - as a command does it
    except BuiltOn:
        return
    bodies = [lambda raw, one=one: Undone(raw, Digest(one)) for one in plan.names]
    if say(world, device, name, wanted, *bodies):
        world.note(f"{device.name} takes {event.hex()[:8]} back")
        claim("undone", not device.meaning.settlements(name).effective(event), f"{event.hex()[:8]} stands")


def delete(world: World, lots: Random, device: Device) -> None:
    """Somebody deletes a document."""
    fit = [name for name in sorted(device.meaning.births) if name.type == "note"]
    if fit:
        name = lots.choice(fit)
        if "deleted" not in device.meaning.document(name).conflicts():
            say(world, device, name, [Put("deleted", value=True)], Changed)


def say(
    world: World, device: Device, name: DocumentId, edits: Sequence[Edit], *bodies: Callable[[bytes], Carrier]
) -> tuple[Placed, ...]:
    """Write a change and what is said with it. Nothing where it may not be written, or a crash came between."""
    changes = [device.meaning.document(name).edit(device.actor(name), edits, bare=True)]
    while len(changes) < len(bodies):
        changes.append(beside(changes[-1]))
    drafts = tuple(Draft(body(change.raw), name) for body, change in zip(bodies, changes, strict=True))
    said = world.write(device, drafts)
    world.edits.update(zip((placed.digest for placed in said[-len(drafts) :]), (c.hash for c in changes), strict=False))
    return said if device.up and all(counts(device, placed.digest) for placed in said[-1:]) else ()


def counts(device: Device, event: Digest) -> bool:
    """Whether an event counts on a device."""
    reading = device.meaning.readings.get(event)
    return reading is not None and reading.standing is Standing.HONOURED


def open_on(device: Device) -> list[tuple[DocumentId, Conflict]]:
    """All conflicts that a device sees."""
    names = sorted(name for name, changes in device.meaning.changes.items() if changes)
    return [(name, one) for name in names for one in device.meaning.conflicts(name)]
