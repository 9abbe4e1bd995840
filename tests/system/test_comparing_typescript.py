"""Where a phone and another device differ: its side of the dialogue is that of Python, message by message.

Whoever begins, the first document and the first event that count on one side only are found, or that nothing differs.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Iterator
from pathlib import Path

import pytest

from mesh.events.verdict import Standing
from mesh.node import comparing as own_side
from mesh.node.agent import Agent
from mesh.node.storage.store_port import Batch, Weighed
from mesh.sync import comparing
from mesh.sync.comparing import Finding, Message
from tests.system import typescript
from tests.system.browsers import Asked
from tests.system.test_settling_typescript import Pocket, pocket
from tests.unit.node.disagreeing import ask
from tests.unit.node.families import meet, note

pytestmark = [pytest.mark.system, *typescript.NEEDS]

MESSAGES_MAX = 5

Begin = Callable[[], Awaitable[bytes]]
Follow = Callable[[bytes], Awaitable[bytes]]


@pytest.fixture(scope="module")
def asked(javascript: Path) -> Iterator[Asked]:
    """A process with phones in it."""
    process = Asked(javascript)
    yield process
    process.end()


def side_of(agent: Agent, *, views: bool) -> tuple[Begin, Follow]:
    """An agent's part of the dialogue, in bytes."""

    async def begin() -> bytes:
        return comparing.encode(await own_side.begun(agent.store, views=views))

    async def follow(raw: bytes) -> bytes:
        said = await own_side.followed(agent.store, comparing.decode(raw))
        return comparing.encode(said) if said else b""

    return begin, follow


def side_of_phone(phone: Pocket, *, views: bool) -> tuple[Begin, Follow]:
    """The phone's part of the dialogue, in bytes."""

    async def begin() -> bytes:
        return bytes.fromhex(phone.phone("compares", views=views))

    async def follow(raw: bytes) -> bytes:
        return bytes.fromhex(phone.phone("compares", bytes=raw.hex()))

    return begin, follow


async def dialogue(one: tuple[Begin, Follow], other: tuple[Begin, Follow]) -> list[bytes]:
    """What both say, until one has nothing to say."""
    said = [await one[0]()]
    for number in range(MESSAGES_MAX):
        if not (answer := await (one, other)[1 - number % 2][1](said[-1])):
            return said
        said.append(answer)
    raise AssertionError(said)


async def found(phone: Pocket, alder: Agent, birch: Agent, *, views: bool) -> Message:
    """The last message; it is the same whether alder talks to the phone or to birch, which holds the same as that."""
    mine, theirs = side_of_phone(phone, views=views), side_of(birch, views=views)
    alders = side_of(alder, views=views)
    assert await mine[0]() == await theirs[0]()
    asked, same = await dialogue(alders, mine), await dialogue(alders, theirs)
    assert asked == same
    begun, same = await dialogue(mine, alders), await dialogue(theirs, alders)
    assert begun == same
    last = comparing.decode(asked[-1])
    if isinstance(last, Finding):
        there = phone.phone("sees", bytes=asked[-1].hex())
        here = await own_side.seen_from_here(birch.store, last)
        assert there == (comparing.encode(here).hex() if here else "")
    return last


async def test_both_sides_find_the_same(asked: Asked, tmp_path: Path) -> None:
    """Nothing where nothing differs; then an edit, a new note, that only one has. It is told to who differs."""
    async with pocket(asked, tmp_path) as (phone, alder, birch):
        documents = [await note(alder, f"note {number}") for number in range(20)]
        await phone.meet()
        for views in (True, False):
            assert isinstance(await found(phone, alder, birch, views=views), comparing.Nodes)
        said = await ask(alder, "note.edit", document=documents[7], title="only here")
        last = await found(phone, alder, birch, views=False)
        assert isinstance(last, Finding)
        assert (str(last.document), last.event and last.event.hex()) == (documents[7], said["event"])
        shown = await found(phone, alder, birch, views=True)
        assert isinstance(shown, Finding)
        assert str(shown.document) == documents[7]
        await phone.meet()
        asking = (await side_of(alder, views=False)[0]()).hex()
        for differs, answers in ((False, False), (True, True), (True, False)):
            told = asked.tell("phone is compared", device=phone.phone.name, bytes=asking, differs=differs)
            assert told == ({"answer": phone.phone("compares", bytes=asking)} if answers else {"refused": "Refused"})
        finding = comparing.encode(last).hex()
        told = asked.tell("phone is compared", device=phone.phone.name, bytes=finding, differs=True)
        assert told == {"answer": ""}
        new = await note(birch, "only there")
        await meet(birch)
        phone.agents = [birch]
        await phone.meet()
        last = await found(phone, alder, birch, views=False)
        assert isinstance(last, Finding)
        assert str(last.document) == new


@pytest.mark.parametrize("at_home", [True, False])
async def test_what_counts_on_one_side_only_is_found(asked: Asked, tmp_path: Path, at_home: bool) -> None:  # noqa: FBT001
    """Both hold the same, and one database says what is not so: of two such events, the first by its stamp is named."""
    async with pocket(asked, tmp_path) as (phone, alder, birch):
        document = await note(alder, "Garden")
        await note(birch, "Another")  # so that both have a chain, and their edits the same number
        await phone.meet()
        edits = [
            (await ask(agent, "note.edit", document=document, title=agent.device))["event"] for agent in (birch, alder)
        ]
        await phone.meet()
        rows = {event: (await alder.store.event(event))[0] for event in edits}
        first = min(edits, key=lambda event: (rows[event].placed.header.lamport, rows[event].placed.chain))
        for event in edits:
            for agent in (alder,) if at_home else (birch,):
                word = Weighed(rows[event].placed.digest, Standing.VOID, "", rows[event].document)
                await agent.store.commit(Batch(standings=(word,)))
            if not at_home:
                phone.phone("is damaged", event=event, standing=Standing.VOID.value)
        last = await found(phone, alder, birch, views=False)
        assert isinstance(last, Finding)
        assert (str(last.document), last.event and last.event.hex()) == (document, first)
        assert last.honoured is not at_home
