"""Kill -9 of agents and servers in the middle of work, and orderly ends: what was acknowledged is there afterwards."""

from __future__ import annotations

import asyncio
import os
import signal
import subprocess
import threading
import time

import pytest

from mesh.errors import MeshError
from mesh.node import agent as agents
from mesh.node.transport.broker import find_server
from tests.system.commands import alive, processes_in
from tests.system.harness import Device, Fleet
from tests.system.sizes import sized

pytestmark = pytest.mark.system

MANY = sized(3000, 6000)
BATCH = 500
TEXT = "some text\n" * 20
ENDS_S_MAX = 8.0


class Writer(threading.Thread):
    """Writes notes as fast as one caller can, until the agent is gone; remembers what was acknowledged."""

    def __init__(self, device: Device, word: str) -> None:
        super().__init__(daemon=True)
        self.device = device
        self.word = word
        self.acknowledged: set[str] = set()
        self.error: BaseException | None = None

    def run(self) -> None:
        """Until the first failure."""
        try:
            for number in range(100_000):
                title = f"{self.word} {number}"
                self.device.note(title, f"text of {title}\n")
                self.acknowledged.add(title)
        except (MeshError, OSError) as error:
            self.error = error


def writing(fleet: Fleet, device: Device, words: tuple[str, ...] = ("one", "two", "three")) -> list[Writer]:
    """Writers under way, each with some notes acknowledged."""
    writers = [Writer(device, word) for word in words]
    for writer in writers:
        writer.start()
    fleet.wait("the writers are under way", lambda: all(len(writer.acknowledged) > 20 for writer in writers))
    return writers


def joined(writers: list[Writer]) -> set[str]:
    """All that was acknowledged, after the writers ended."""
    for writer in writers:
        writer.join(30)
        assert not writer.is_alive()
        assert isinstance(writer.error, MeshError), writer.error
    return set().union(*(writer.acknowledged for writer in writers))


def sound(device: Device) -> None:
    """Every chain verifies, nothing forked, and the views are those that the log gives."""
    told = device.call("verify", deep=True)
    assert told["ok"], told
    assert not any("fork" in str(problem) for problem in device.status()["problems"])  # type: ignore[attr-defined]
    frontier = device.status()["frontier"]
    assert isinstance(frontier, dict)
    assert all(len(tips) == 1 for tips in frontier.values()), frontier
    assert device.call("rebuild")["same"] is True


async def fill(device: Device, count: int) -> None:
    """Write many notes without an agent; they share commits."""
    async with agents.opened(device.home) as agent:
        for first in range(0, count, BATCH):
            titles = (f"many {number}" for number in range(first, min(first + BATCH, count)))
            await asyncio.gather(*(agent.call("note.add", {"title": title, "body": TEXT}) for title in titles))


def test_an_agent_killed_at_its_first_answer_listens_at_the_same_port_again(fleet: Fleet) -> None:
    """Goal: an address that anybody may have heard stays good, however soon after the first start the agent dies."""
    (device,) = fleet.joined(1)
    device.start()
    port = device.served().address
    device.kill()
    assert device.start().served().address == port


def test_an_agent_killed_while_it_writes_loses_nothing_that_it_acknowledged(fleet: Fleet) -> None:
    """Goal: kept means kept, three times in a row, also on the device that hears it; no fork, no orphan."""
    one, other = fleet.linked(2)
    kept: set[str] = set()
    for round_ in range(3):
        writers = writing(fleet, one, (f"first {round_}", f"second {round_}", f"third {round_}"))
        server = one.server_pid
        one.kill()
        kept |= joined(writers)
        fleet.wait("the server ends with its agent", lambda server=server: not alive(server))  # type: ignore[misc]
        one.start()
        assert kept <= one.titles()
    fleet.converged()
    assert kept <= other.titles()
    for device in (one, other):
        sound(device)


def test_an_agent_ended_by_sigterm_while_it_writes_loses_nothing_either(fleet: Fleet) -> None:
    """Goal: an orderly end under load takes seconds, exits with 0, and keeps what was acknowledged."""
    (device,) = fleet.joined(1)
    device.start().served()
    writers = writing(fleet, device)
    assert device.stop() < ENDS_S_MAX
    kept = joined(writers)
    assert not processes_in(fleet.folder)
    device.start()
    assert kept <= device.titles()
    sound(device)


def test_a_killed_server_is_replaced_and_writing_goes_on(fleet: Fleet) -> None:
    """Goal: without its nats-server an agent keeps writing; a new server comes, on the same port, and all converge."""
    one, other = fleet.linked(2)
    writers = writing(fleet, one)
    address, server = one.address, one.server_pid
    os.kill(server, signal.SIGKILL)
    before = sum(len(writer.acknowledged) for writer in writers)
    fleet.wait("a new server is up", lambda: one.server_pid != server)
    assert one.address == address
    fleet.wait("writing goes on", lambda: sum(len(writer.acknowledged) for writer in writers) > before + 50)
    other.note("from the other side")
    one.stop()
    kept = joined(writers)
    one.start()
    fleet.converged()
    assert kept | {"from the other side"} <= one.titles() & other.titles()
    for device in (one, other):
        sound(device)


def test_a_catch_up_of_thousands_survives_kills_on_both_sides(fleet: Fleet) -> None:
    """Goal: server, sending agent and receiving agent are killed while thousands of events travel; all arrive, once."""
    sender, receiver = fleet.joined(2)
    asyncio.run(fill(sender, MANY))
    sender.start().served()
    receiver.start().served()
    receiver.call("peer.add", address=sender.address)

    def fetched() -> int:
        return receiver.events

    at_kill = []
    kills = (receiver.kill, lambda: os.kill(sender.server_pid, signal.SIGKILL), sender.kill)
    for number, kill in enumerate(kills):
        least = MANY * (number + 1) // 5
        fleet.wait(f"{least} arrived", lambda least=least: fetched() > least)  # type: ignore[misc]
        at_kill.append(fetched())
        kill()
        for device in (sender, receiver):
            if device.pid is None:
                device.start()
    assert at_kill[1] < MANY, f"the kills came too late to be in the middle: {at_kill}"
    fleet.converged()
    assert receiver.titles() == {f"many {number}" for number in range(MANY)}
    for device in (sender, receiver):
        assert device.call("verify", deep=True)["ok"]
    assert receiver.call("rebuild")["same"] is True


def test_a_server_that_outlived_its_agent_is_replaced(fleet: Fleet) -> None:
    """Goal: even a nats-server that survives its agent's end, as on systems without a death signal, is dealt with."""
    (device,) = fleet.joined(1)
    device.start().served()
    port = device.address
    device.stop()
    orphan = subprocess.Popen(
        [find_server(), "-c", str(device.home / "nats" / "nats.conf")],
        stdin=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
    )
    fleet.wait("the orphan wrote its pid", (device.home / "nats" / "nats.pid").exists)
    device.start().served()
    assert device.address == port
    orphan.wait(10)
    assert device.server_pid != orphan.pid


def test_up_twice_is_fine_and_down_ends_all_within_seconds(fleet: Fleet) -> None:
    """Goal: `mesh up` returns when the agent answers, a second one changes nothing, `mesh down` leaves nothing."""
    (device,) = fleet.joined(1)
    first = device.done("--interface", "127.0.0.1", "up")["agent"]
    assert isinstance(first, dict)
    device.pid = int(first["pid"])
    assert device.call("ping")["pid"] == first["pid"]
    again = device.done("--interface", "127.0.0.1", "up")["agent"]
    assert isinstance(again, dict)
    assert (again["pid"], again["started"]) == (first["pid"], False)
    device.served()
    began = time.monotonic()
    told = device.done("down")["agent"]
    assert isinstance(told, dict)
    assert time.monotonic() - began < ENDS_S_MAX
    assert told["running"] is False
    assert not processes_in(fleet.folder)
    assert not (device.home / "agent.sock").exists()
    device.done("note", "add", "without an agent")  # the lock is free
    assert device.mesh("--json", "down").code == 0
