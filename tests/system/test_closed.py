"""A device that is taken out, with real agents and servers: it is out at once, knows it, and keeps what it has."""

from __future__ import annotations

import asyncio
import contextlib
import time
from collections.abc import AsyncIterator, Callable, Sequence
from pathlib import Path

import pytest

from mesh.errors import NotGranted, Refused, Unreachable
from mesh.events.event import Lane
from mesh.events.kinds import Close, Mark
from mesh.events.speaking import Draft
from mesh.names import Digest, device_text
from mesh.node import agent as agents
from mesh.node import vault
from mesh.node.agent import Agent
from mesh.node.engine import Engine
from mesh.node.transport.broker_config import inbox, subject
from mesh.node.transport.bus import NatsBus
from mesh.node.transport.tls import leaf_name, pinned_context, public_of, write_files
from mesh.node.transport.wire_nats import connect
from mesh.node.transport.wires import Login, Wire
from tests.contracts.bus_contract import LIMIT_S
from tests.system.harness import HOST, Device, Fleet

pytestmark = pytest.mark.system

LOOK_S = 6.0  # a member that is not let in calls a dozen times meanwhile
SOON_S = 10.0  # measured: 0.04 s; a busy machine is no reason to fail


@contextlib.asynccontextmanager
async def inside(device: Device) -> AsyncIterator[Agent]:
    """The device's agent, at work in this very process."""
    async with agents.opened(device.home, interfaces=[HOST]) as agent:
        ready = asyncio.Event()
        async with asyncio.TaskGroup() as group:
            group.create_task(agent.serve(ready.set))
            await asyncio.wait_for(ready.wait(), LIMIT_S)
            async with asyncio.timeout(LIMIT_S):
                while agent.bus is None or agent.bus.server().state != "up":  # noqa: ASYNC110 it tells no event
                    await asyncio.sleep(0.01)
            yield agent
            agent.ending.set()


async def meanwhile(fleet: Fleet, what: str, condition: Callable[[], object]) -> None:
    """Wait for what other processes do, while the agent in this one goes on."""
    await asyncio.to_thread(fleet.wait, what, condition)


def admission_of(agent: Agent, device: Device) -> Digest:
    """What a device was let in with."""
    return next(a.digest for a in agent.engine.replica.verdict.devices.values() if a.name == device.name)


async def taken_out(agent: Agent, admission: Digest) -> None:
    """Close a device at what is held of it."""

    async def closing(engine: Engine) -> Sequence[Draft]:
        chains = engine.replica.chains.chains
        marks = [Mark(name, head) for name, c in chains.items() if c.admission == admission for head in c.tips]
        return (Draft(Close(admission, tuple(sorted(marks, key=lambda m: (m.chain, m.head))), "lost")),)

    await agent.engine.say(Lane.CONTROL, closing)


async def as_device(agent: Agent, device: Device, folder: Path) -> Wire:
    """A connection to the agent's server with the keys from a device's home, as a thief of it would open one."""
    held = vault.load(device.home)
    assert held is not None
    assert isinstance(agent.bus, NatsBus)
    secret = agent.bus._visitor._keys.mesh_secret  # noqa: SLF001 - a thief of a home has it as well
    files = write_files(folder, secret, held.tls_seed)
    own = vault.load(agent.home)
    assert own is not None
    tls_key = public_of(own.tls_seed)
    url = f"tls://{HOST}:{agent.bus.server().port}"
    name = leaf_name(secret, tls_key)
    context = pinned_context(files, secret, tls_key)
    return await connect(Login(url, held.nkey_seed, inbox(device_text(held.admission)), context, name, 2.0))


def test_a_closed_device_is_out_at_once_and_says_so(fleet: Fleet, tmp_path: Path) -> None:
    """Goal: connection ended, key refused, data withheld; the device itself knows, stays readable, and is quiet."""
    first, lost, third = fleet.linked(3)
    lost.note("written before")
    fleet.converged()
    first.stop()
    (tmp_path / "nats").mkdir()

    async def closing() -> None:
        async with inside(first) as agent:
            await meanwhile(fleet, "both are linked to the first", lambda: lost.linked() and third.linked())
            await cut_off(agent, lost, tmp_path / "nats")
            await meanwhile(fleet, "it knows", lambda: lost.status()["device"]["taken_out"])  # type: ignore[index]
            await meanwhile(fleet, "the third knows", lambda: len(third.status()["peers"]) == 1)  # type: ignore[arg-type]
            await asyncio.to_thread(third.note, "written after")
            await meanwhile(fleet, "news go on", lambda: "written after" in first.titles())

    asyncio.run(closing())
    first.start()
    fleet.converged(first, third)
    assert third.titles() == {"written before", "written after"}
    stays_outside(lost, first.name)


async def cut_off(agent: Agent, lost: Device, folder: Path) -> None:
    """Take a device out while somebody sits there with its keys: the connection ends, and the keys are refused."""
    admission = admission_of(agent, lost)
    thief = await as_device(agent, lost, folder)
    words = subject(agent.device, device_text(admission), "hello")
    assert await thief.ask(words, b"", timeout_s=LIMIT_S) == b"\0"
    await taken_out(agent, admission)
    await asyncio.wait_for(thief.closed.wait(), SOON_S)
    with pytest.raises(Unreachable):  # most often as not let in; the server may hang up before it says so
        await asked_again(agent, lost, folder)


async def asked_again(agent: Agent, lost: Device, folder: Path) -> bytes:
    """What a login with the keys of a device that was taken out comes to: nats-py may take an end for a welcome."""
    wire = await as_device(agent, lost, folder)
    try:
        held = vault.load(lost.home)
        assert held is not None
        return await wire.ask(subject(agent.device, device_text(held.admission), "hello"), b"", timeout_s=LIMIT_S)
    finally:
        await wire.close()


def stays_outside(lost: Device, by: str) -> None:
    """It shows what happened, reads what it had, writes nothing, gets nothing, and dials nobody as itself."""
    status = lost.status()
    assert status["device"]["taken_out"]["by"] == by  # type: ignore[index]
    assert status["device"]["taken_out"]["reason"] == "lost"  # type: ignore[index]
    problem = status["problems"][0]  # type: ignore[index]
    assert f"taken out of the mesh by {by} at 20" in problem["what"]
    assert "mesh leave" in problem["hint"]
    assert lost.titles() == {"written before"}
    assert lost.mesh("note", "show", "written before").code == 0
    with pytest.raises((Refused, NotGranted), match="taken out"):
        lost.note("never")
    assert lost.mesh("note", "add", "never").code == Refused.exit_code
    assert lost.linked() == []
    assert all("taken out" in p["problem"] for p in status["peers"] if p["device"])  # type: ignore[attr-defined]
    dials = int(str(lost.status()["dials"]))
    time.sleep(LOOK_S)
    more = int(str(lost.status()["dials"])) - dials
    assert more <= len(status["peers"]), "one visit each at most, and no login as itself"  # type: ignore[arg-type]
    assert lost.titles() == {"written before"}
