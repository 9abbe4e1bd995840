"""Which own chains are spoken on: kept with the events that open them, and never the old ones after a restore."""

from __future__ import annotations

from pathlib import Path

import pytest

from mesh.events.event import Lane
from mesh.events.kinds import Opening
from mesh.events.reading import read_body
from mesh.names import Digest
from mesh.node import home as homes
from mesh.node import voices
from mesh.node.agent import Agent, opened
from mesh.node.storage.store_port import Batch

CHAIN = Digest(b"c" * 32)


def test_what_is_kept_is_read() -> None:
    """A chain of each lane, or why there is none; a home of an earlier build has neither."""
    assert voices.read({}) == ({}, {})
    assert voices.read({**voices.settings({Lane.DATA: CHAIN}), "other": b"x"}) == ({Lane.DATA: CHAIN}, {})
    for reason in (voices.RESTORED, voices.MOVED):
        kept = {**voices.settings({Lane.DATA: CHAIN}), **voices.anew(reason)}
        assert voices.read(kept) == ({}, dict.fromkeys(Lane, reason))


async def add(agent: Agent, title: str) -> str:
    """Write a note; the chain that it is on."""
    told = await agent.call("note.add", {"title": title, "body": ""})
    assert isinstance(told, dict)
    (row,) = await agent.store.event(str(told["event"]))
    return row.placed.chain.hex()


@pytest.mark.parametrize("reason", [voices.RESTORED, voices.MOVED])
async def test_after_a_restore_or_a_move_each_lane_begins_anew_once(tmp_path: Path, reason: str) -> None:
    """The first event opens a chain with the reason; every start afterwards goes on with that one."""
    await homes.found(tmp_path, "mac")
    async with opened(tmp_path) as agent:
        old = await add(agent, "old")
        assert await add(agent, "older") == old
        await agent.store.commit(Batch(settings=tuple(voices.anew(reason).items())))
    chains = set()
    for _ in range(3):
        async with opened(tmp_path) as agent:
            chains.add(await add(agent, "new"))
            said = [row.placed for row in await agent.store.newest(limit=100)]
    assert len(chains) == 1
    assert old not in chains
    first = next(placed for placed in said if placed.chain.hex() in chains and placed.seq == 1)
    opening = read_body(agent.engine.keyring, first, "opening")
    assert isinstance(opening, Opening)
    assert opening.reason == reason
