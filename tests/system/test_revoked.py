"""An agent whose grant ends on another device while it writes: what came before counts, the rest does on no device."""

from __future__ import annotations

import threading
from collections.abc import Iterator, Sequence
from contextlib import contextmanager

import pytest

from mesh.errors import MeshError
from tests.system.harness import DEADLINE_S, Device, Fleet
from tests.system.test_trust import act, act_set

pytestmark = pytest.mark.system

BEFORE = 10  # notes of the agent that are everywhere when somebody thinks of ending its grant
APART = 20  # notes that it writes while nobody who could end it hears of them
NOTES_MAX = 20_000  # of one batch: it never ends by itself
PAUSE_S = 0.02
FIRST = "by the person\n"


class Batch:
    """Notes that an agent writes one after the other until it is refused: what was kept, and why it ended."""

    def __init__(self, device: Device) -> None:
        self.titles: list[str] = []
        self.events: list[str] = []
        self.refused: MeshError | None = None
        self.stop = threading.Event()
        self._device = device
        self._thread = threading.Thread(target=self._run)
        self._thread.start()

    def _run(self) -> None:
        for number in range(NOTES_MAX):
            try:
                told = self._device.call("note.add", title=f"note {number}", **{"as": "claude"})
            except MeshError as error:
                self.refused = error
                return
            self.titles.append(f"note {number}")
            self.events.append(str(told["event"]))
            if self.stop.wait(PAUSE_S):
                return

    def ended(self) -> None:
        """Wait until it was refused."""
        self._thread.join(DEADLINE_S)
        assert type(self.refused).__name__ == "NotGranted", self.refused

    def end(self) -> None:
        """Have it stop, if it still goes on."""
        self.stop.set()
        self._thread.join(DEADLINE_S)


@contextmanager
def batch_of(device: Device) -> Iterator[Batch]:
    """A batch that ends with the block."""
    batch = Batch(device)
    try:
        yield batch
    finally:
        batch.end()


def let_in(fleet: Fleet, one: Device, other: Device) -> str:
    """Three devices agree that claude writes notes on the second; its grant."""
    act_set(fleet, one, other)
    told = act(one, "agents", "add", "claude", "--device", other.name, "--space", "home")
    fleet.converged()
    return str(told["grant"]["id"])  # type: ignore[index]


def void_events(device: Device) -> set[str]:
    """The events that `mesh void list` names."""
    groups = device.done("void", "list")["void"]
    assert isinstance(groups, list)
    assert all(group["count"] == len(group["events"]) for group in groups), "it names each of them"
    return {event for group in groups for event in group["events"]}


def judged(devices: Sequence[Device], batch: Batch) -> tuple[set[str], set[str]]:
    """Titles that count and events that are void, alike on all: each note is one or the other, cut at one place."""
    (titles, *others), (void, *more) = zip(*((one.titles(), void_events(one)) for one in devices), strict=True)
    assert all(one == titles for one in others), "the same notes count everywhere"
    assert all(one == void for one in more), "the same events are void everywhere"
    counted = [title for title in batch.titles if title in titles]
    assert counted == batch.titles[: len(counted)], "what came before stays, and nothing after it"
    assert set(batch.events) & void == set(batch.events[len(counted) :]), "what does not count is listed"
    return titles, void


def goes_on_in_vain(fleet: Fleet, other: Device, plan: str) -> None:
    """What it says from now on is refused where it says it, and reaches nobody."""
    frontier = other.status()["frontier"]
    for call, about in (("note.add", {"title": "after"}), ("note.edit", {"document": plan, "body": "after\n"})):
        with pytest.raises(MeshError) as caught:
            other.call(call, **about, **{"as": "claude"})
        assert type(caught.value).__name__ == "NotGranted"
    assert other.status()["frontier"] == frontier
    fleet.converged()
    assert not any("after" in device.titles() for device in fleet.devices)


def test_a_grant_ends_on_another_device_while_a_batch_is_under_way(fleet: Fleet) -> None:
    """Goal: with links up the batch stops by itself; one cut through it, the same on all devices and after a start."""
    one, other, third = fleet.linked(3)
    grant = let_in(fleet, one, other)
    plan = one.note("plan", FIRST)
    fleet.converged()
    with batch_of(other) as batch:
        fleet.wait("the batch is under way", lambda: f"note {BEFORE}" in third.titles() & one.titles())
        act(one, "ungrant", grant)
        batch.ended()
    fleet.converged()
    titles, _ = judged((one, other, third), batch)
    assert {f"note {number}" for number in range(BEFORE + 1)} <= titles
    goes_on_in_vain(fleet, other, plan)
    other.kill()
    other.start()
    fleet.converged()
    assert judged((one, other, third), batch)[0] == titles
    goes_on_in_vain(fleet, other, plan)


def test_a_grant_ends_on_a_device_that_is_apart(fleet: Fleet) -> None:
    """Goal: what it wrote meanwhile is void on all, though others saw it count before; its edit is gone."""
    one, other, third = fleet.linked(3)
    grant = let_in(fleet, one, other)
    plan = one.note("plan", FIRST)
    fleet.converged()
    fleet.link(third, other)
    one.stop()
    fleet.wait("the others are without it", lambda: len(other.linked()) == len(third.linked()) == 1)
    with batch_of(other) as batch:
        act(one, "ungrant", grant)
        edited = str(other.call("note.edit", document=plan, body=f"{FIRST}by claude\n", **{"as": "claude"})["event"])
        fleet.wait("they go on, and see it count", lambda: f"note {APART}" in third.titles())
        fleet.wait("the edit too", lambda: third.call("note.show", document=plan)["body"] == f"{FIRST}by claude\n")
        third.note("by a person, meanwhile")
        one.start()
        batch.ended()
    fleet.converged()
    titles, void = judged((one, other, third), batch)
    assert titles == {"plan", "by a person, meanwhile"}
    assert void == {*batch.events, edited}
    assert {device.call("note.show", document=plan)["body"] for device in fleet.devices} == {FIRST}
    goes_on_in_vain(fleet, other, plan)
