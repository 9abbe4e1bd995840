"""Where a phone and another device differ: its side of the dialogue is that of Python, message by message.

Whoever begins, the first document and the first event that count on one side only are found, or that nothing differs.
"""

from __future__ import annotations

import random
from collections.abc import Awaitable, Callable
from pathlib import Path

import pytest

from mesh.errors import Refused
from mesh.events.verdict import Standing
from mesh.limits import COMPARE_LEAVES_MAX
from mesh.names import ZERO, Digest
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
from tests.unit.state.writers import DOCUMENT

pytestmark = [pytest.mark.system, *typescript.NEEDS]

MESSAGES_MAX = 5

Begin = Callable[[], Awaitable[bytes]]
Follow = Callable[[bytes], Awaitable[bytes]]


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


# ---------------------------------------------------------------- messages


def test_it_reads_and_writes_the_same_comparisons(asked: Asked) -> None:
    """Messages of two devices that look where they differ, altered ones too: the same bytes, or refused alike."""
    lots, taken = random.Random(7), 0
    for _ in range(600):
        raw = bytearray(comparing.encode(any_comparison(lots)))
        if lots.random() < 0.6:
            raw[lots.randrange(min(len(raw), 40))] ^= 1 << lots.randrange(8)
        try:
            expected = {"answer": comparing.encode(comparing.decode(bytes(raw))).hex()}
            taken += 1
        except Refused as error:
            expected = {"refused": type(error).__name__}
        assert asked.tell("comparison", bytes=raw.hex()) == expected, raw.hex()
    assert 240 < taken < 590


def any_comparison(lots: random.Random) -> comparing.Message:
    """One of the five messages."""
    views, document = lots.random() < 0.5, lots.choice([None, DOCUMENT])
    leaves = {Digest(lots.randbytes(32)): Digest(lots.randbytes(32)) for _ in range(lots.randint(0, 5))}
    events = [Digest(lots.randbytes(32)) for _ in range(lots.randint(0, 5))]
    found: list[comparing.Message] = [
        comparing.Nodes(views, lots.randbytes(2048)),
        comparing.Buckets(views, lots.randrange(256), lots.randbytes(128)),
        comparing.Leaves(views, lots.randrange(4096), comparing.packed_leaves(leaves)),
        comparing.Events(views, lots.randbytes(16), document, comparing.packed_events(events)),
        comparing.Finding(views, document, lots.choice([None, Digest(lots.randbytes(32))]), honoured=False),
    ]
    return lots.choice(found)


def test_what_lies_behind_the_last_leaf_that_was_told_is_no_difference(asked: Asked) -> None:
    """Of a bucket with more documents than one message holds only the first are compared."""
    lots = random.Random(11)
    keys = sorted(Digest(lots.randbytes(32)) for _ in range(COMPARE_LEAVES_MAX + 2))
    theirs = {key: Digest(lots.randbytes(32)) for key in keys}
    found = []
    for mine in (
        {**theirs, keys[-1]: ZERO},
        {**theirs, keys[9]: ZERO},
        {key: theirs[key] for key in keys[:COMPARE_LEAVES_MAX]},
        {key: theirs[key] for key in keys if key != keys[COMPARE_LEAVES_MAX - 1]},
    ):
        told = comparing.packed_leaves(theirs)
        cut = comparing.differing_leaf(mine, told)
        pairs = [[key.hex(), leaf.hex()] for key, leaf in mine.items()]
        assert asked("differing leaf", mine=pairs, leaves=told.hex()) == (cut.hex() if cut else None)
        back = comparing.differing_leaf(theirs, comparing.packed_leaves(mine))
        pairs = [[key.hex(), leaf.hex()] for key, leaf in theirs.items()]
        told = comparing.packed_leaves(mine)
        assert asked("differing leaf", mine=pairs, leaves=told.hex()) == (back.hex() if back else None)
        found.append((cut, back))
    assert [cut for cut, _ in found] == [None, keys[9][:16], None, keys[COMPARE_LEAVES_MAX - 1][:16]]


def test_it_finds_the_same_differences(asked: Asked) -> None:
    """The first document and the first events that differ; nothing where nothing does."""
    lots = random.Random(9)
    for _ in range(60):
        mine = {Digest(lots.randbytes(32)): lots.choice([Digest(lots.randbytes(32)), ZERO]) for _ in range(6)}
        theirs = {
            key: lots.choice([leaf, Digest(lots.randbytes(32))]) if lots.random() < 0.3 else leaf
            for key, leaf in mine.items()
        }
        told = comparing.packed_leaves(theirs)
        pairs = [[key.hex(), leaf.hex()] for key, leaf in mine.items()]
        assert asked("packed leaves", mine=pairs) == comparing.packed_leaves(mine).hex()
        cut = comparing.differing_leaf(mine, told)
        assert asked("differing leaf", mine=pairs, leaves=told.hex()) == (cut.hex() if cut else None)
        events, others = list(mine), lots.sample([*mine, Digest(lots.randbytes(32))], lots.randint(0, 7))
        prints = comparing.packed_events(others)
        found = comparing.differing_events(events, prints)
        expected = [one.hex() if one else None for one in found]
        assert asked("differing events", mine=[one.hex() for one in events], prints=prints.hex()) == expected
        changed = [one if lots.random() < 0.8 else Digest(lots.randbytes(32)) for one in events]
        place = comparing.differing(events, comparing.packed(changed))
        packed = comparing.packed(changed).hex()
        assert asked("differing", mine=[one.hex() for one in events], prints=packed) == place
