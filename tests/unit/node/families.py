"""Agents of one mesh in true homes, without a network: what one has kept is handed to the others when a test says so.

They decide, seal, keep and judge as always; only who meets whom, and when, is the test's.
"""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager
from pathlib import Path

from mesh.events.event import Placed
from mesh.events.speaking import joined
from mesh.names import Digest, device_text
from mesh.node import home as homes
from mesh.node.agent import Agent, opened
from mesh.node.storage.store_port import Row
from mesh.sync.messages import Push

Told = dict[str, object]
PASSPHRASE = "correct horse battery"  # noqa: S105 - of homes that live for one test
_PAGE = 10_000  # events that are read at a time; how many there are nobody bounds


@asynccontextmanager
async def family(folder: Path, *ranks: str) -> AsyncIterator[list[Agent]]:
    """A founder called `alder`, and devices of these ranks that it let in: `birch`, `cedar`, `dogwood`."""
    names = ("alder", "birch", "cedar", "dogwood")[: len(ranks) + 1]
    await homes.found(folder / names[0], names[0])
    for name, rank in zip(names[1:], ranks, strict=True):
        asked = await homes.request(folder / name, name)
        async with opened(folder / names[0]) as agent:
            admitted = await agent.call("admit", {"request": asked["request"], "rank": rank})
        assert isinstance(admitted, dict)
        await homes.accept(folder / name, str(admitted["admission"]))
    async with AsyncExitStack() as stack:
        agents = [await stack.enter_async_context(opened(folder / name)) for name in names]
        await meet(*agents)
        yield agents


async def meet(*agents: Agent) -> None:
    """Everybody hears everything that anybody has kept, control first; twice, so that nothing waits for an order."""
    for _ in range(2):
        for told in agents:
            for teller in agents:
                if teller is not told:
                    await told.engine.hear(device_text(teller.engine.own.admission), await _everything(teller))


async def _everything(agent: Agent) -> Push:
    chains: dict[Digest, list[Placed]] = {}
    rows: list[Row] = []
    while page := await agent.store.log(after=rows[-1].id if rows else 0, limit=_PAGE):
        rows += page
    for row in sorted(rows, key=lambda row: row.placed.lane):
        chains.setdefault(row.placed.chain, []).append(row.placed)
    return Push(tuple(run for chain in chains.values() for run in joined(chain)), answer=True)


async def ask(agent: Agent, name: str, /, **arguments: object) -> Told:
    """A call; its answer."""
    told = await agent.call(name, {key.rstrip("_"): value for key, value in arguments.items()})
    assert isinstance(told, dict), told
    return told


async def act(agent: Agent, name: str, /, **arguments: object) -> Told:
    """An act of the person, at a device with a passphrase."""
    return await ask(agent, name, **arguments, passphrase=PASSPHRASE)


async def note(agent: Agent, title: str, body: str = "", space: str = "home", **more: object) -> str:
    """A new note; its document."""
    return str((await ask(agent, "note.add", title=title, body=body, space=space, **more))["document"])


async def titles(agent: Agent, **more: object) -> set[str]:
    """The titles of all notes here, as somebody sees them."""
    listed = (await ask(agent, "note.list", limit=100, **more))["notes"]
    assert isinstance(listed, list)
    return {one["title"] for one in listed}


async def guarded(agent: Agent) -> None:
    """Set the passphrase of a home, before anybody else could be asked."""
    from mesh.node.confirming import set_passphrase  # noqa: PLC0415 - only what a person does goes through calls

    await set_passphrase(agent, PASSPHRASE)
