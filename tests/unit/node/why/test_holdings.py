"""What others hold by their word: behind, ahead, on another branch, and what is lacking here."""

from __future__ import annotations

from pathlib import Path

from mesh.clocks.chain import Head
from mesh.events.event import Lane
from mesh.names import ZERO, Digest
from mesh.node.agent import Agent
from mesh.node.storage.store_port import Row
from mesh.node.why.holdings import Word, kept_ms, lacking, missing_here
from tests.unit.node.families import family, note

_STRANGE = Digest(bytes(31) + b"\1")


async def rows_of(agent: Agent) -> list[Row]:
    """The notes of a device, in their order."""
    return [row for row in await agent.store.log(limit=100) if row.document]


async def test_what_a_word_says(tmp_path: Path) -> None:
    """Up to its tips and no further; a tip beyond ours includes ours; another branch or chain says nothing."""
    async with family(tmp_path) as (alder,):
        for title in ("one", "two", "three"):
            await note(alder, title)
        rows = await rows_of(alder)
        chain, heads = rows[0].placed.chain, [row.placed.head for row in rows]

        async def lacks(*tips: Head, whole: bool = True) -> list[Row]:
            return await lacking(alder, Word({chain: tips} if tips else {}, 1, whole), rows)

        assert await lacks(heads[2]) == []
        assert await lacks(heads[0]) == rows[1:]
        assert await lacks() == rows
        assert await lacks(whole=False) == [], "it may have told another part"
        assert await lacks(Head(heads[2].seq + 1, _STRANGE)) == []
        assert await lacks(Head(heads[1].seq, _STRANGE)) == rows, "a branch that is not here"
        assert await lacks(heads[0], Head(heads[1].seq, _STRANGE)) == rows[1:]


async def test_what_is_lacking_here(tmp_path: Path) -> None:
    """By the numbers of tips that are not held; a chain that nobody knows counts whole, a branch as one."""
    async with family(tmp_path) as (alder,):
        await note(alder, "one")
        (row,) = await rows_of(alder)
        chain, head = row.placed.chain, row.placed.head
        mine = alder.engine.replica.chains.frontier(Lane.DATA)
        assert await missing_here(alder, Word(mine, 1)) == {}
        assert await missing_here(alder, Word({chain: (Head(head.seq + 3, _STRANGE),)}, 1)) == {chain: 3}
        assert await missing_here(alder, Word({chain: (Head(head.seq, _STRANGE),)}, 1)) == {chain: 1}
        assert await missing_here(alder, Word({_STRANGE: (Head(5, _STRANGE),)}, 1)) == {_STRANGE: 5}
        opening = (await alder.store.walk(chain))[0].placed.head
        assert await missing_here(alder, Word({chain: (opening,)}, 1)) == {}, "behind is not ahead"
        assert opening.digest != ZERO


async def test_since_when_something_is_kept(tmp_path: Path) -> None:
    """What was said here exactly, by its own time."""
    async with family(tmp_path) as (alder,):
        await note(alder, "one")
        (row,) = await rows_of(alder)
        arrived = (await alder.store.arrivals([row.id]))[row.id]
        kept = (await kept_ms(alder, [row]))[row.placed.digest]
        assert 0 <= arrived - kept < 60_000
