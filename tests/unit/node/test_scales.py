"""The scales weigh as the plain lineage does, wherever events and marks are: kept, in this commit, or nowhere yet."""

from __future__ import annotations

import random
from dataclasses import replace
from typing import TypeVar

import pytest

from mesh.clocks.chain import Head
from mesh.events.event import Lane, Placed
from mesh.events.kinds import Changed, Mark
from mesh.events.reading import read
from mesh.events.speaking import Voice
from mesh.events.verdict import Cut, Standing, Verdict
from mesh.events.weigh import UNSURE
from mesh.names import Digest, DocumentId
from mesh.node.scales import NOBODY, Fallen, Scales
from mesh.node.storage.store_memory import MemoryStore
from mesh.node.storage.store_port import Batch, Kept
from tests.unit.lineage import Log
from tests.unit.small_mesh import NOTE, SmallMesh, fixed

K = TypeVar("K")
V = TypeVar("V")


def forked(small: SmallMesh, seed: int, events: int = 30) -> list[Placed]:
    """A data chain of the phone that was forked every now and then."""
    rolled = random.Random(seed)
    voice, opening = small.voice(small.phone, Lane.DATA)
    said = [opening]
    for number in range(events):
        if rolled.random() < 0.3:
            after = rolled.choice(said)
            voice = Voice(
                small.id, opening.chain, small.phone.admission, Lane.DATA, after.head, after.header.lamport,
                small.phone.keys.sign_key, small.phone.keys.sign,
            )  # fmt: skip
        said.append(small.say_data(voice, small.phone, Changed(b"change %d" % number)))
    return said


@pytest.mark.parametrize("seed", range(20))
async def test_marks_are_found_wherever_they_are(seed: int) -> None:
    """Any part of a forked chain is kept, another comes with this commit, the rest is not here: as from the log."""
    small, rolled = SmallMesh(), random.Random(seed)
    said = forked(small, seed)
    kept = rolled.randint(1, len(said))
    held = rolled.randint(kept, len(said))
    strange = Mark(said[0].chain, Head(40, Digest(fixed(32, "nowhere"))))
    marks = tuple(sorted({Mark(said[0].chain, p.head) for p in rolled.sample(said, 2)} | {strange}))
    verdict = replace(small.verdict, closes={small.phone.admission: {Cut(1, small.id, marks[: rolled.randint(0, 3)])}})
    store = MemoryStore()
    await store.commit(Batch(tuple(Kept(placed, None, Standing.WAITS) for placed in said[:kept])))
    scales = Scales(store, small.keyring(), verdict)
    fresh = {placed.digest: Kept(placed, None, Standing.WAITS) for placed in said[kept:held]}
    plain = Log(said[:held])
    wanted = [read(small.keyring(), verdict, placed, plain) for placed in said[:held]]
    assert await scales.read(said[:held], fresh) == wanted
    assert [await scales.read_one(placed, fresh) for placed in said[:held]] == wanted


async def test_a_mark_that_is_not_held_makes_its_chain_wait() -> None:
    """And `marked` names it, so that somebody looks again when it comes."""
    small = SmallMesh()
    said = forked(small, 1, 4)
    last = Mark(said[0].chain, said[-1].head)
    verdict = replace(small.verdict, closes={small.phone.admission: {Cut(1, small.id, (last,))}})
    store = MemoryStore()
    await store.commit(Batch(tuple(Kept(placed, None, Standing.WAITS) for placed in said[:2])))
    scales = Scales(store, small.keyring(), verdict)
    reading = await scales.read_one(said[1])
    assert (reading.standing, reading.reason) == (Standing.WAITS, UNSURE)
    assert scales.marked == {last.head.digest}


def turned(small: SmallMesh, before: Verdict, after: Verdict) -> Fallen:
    """What falls between two verdicts."""
    scales = Scales(MemoryStore(), small.keyring(), before)
    fallen = scales.turn(after)
    assert scales.turn(after) == NOBODY
    return fallen


def test_whose_work_may_have_fallen() -> None:
    """A close, one more, an admission, grant, adoption that counts no more, a grant withdrawn, a document."""
    small = SmallMesh()
    none, phone, event = frozenset[Digest](), small.phone.admission, Digest(fixed(32, "event"))
    plain, marks = small.verdict, (Mark(Digest(fixed(32, "chain")), Head(3, event)),)
    cut, other = Cut(1, small.id, ()), Cut(0, small.id, marks)
    closed = replace(plain, closes={phone: {cut}})
    whole, part = (Fallen(frozenset({(phone, end)}), frozenset(), none) for end in ((), marks))
    grant = next(name for name, given in plain.grants.items() if given.admission == phone)
    assert turned(small, plain, closed) == whole
    assert turned(small, closed, replace(plain, closes={phone: {cut, other}})) == part
    assert turned(small, closed, plain) == NOBODY
    assert turned(small, plain, replace(plain, admissions=without(plain.admissions, phone))) == whole
    assert turned(small, plain, replace(plain, grants=without(plain.grants, grant))) == whole
    ungranted = replace(plain, ungrants={grant: {cut}})
    assert turned(small, plain, ungranted) == whole
    assert turned(small, ungranted, replace(plain, ungrants={grant: {cut, other}})) == part
    note = frozenset[DocumentId]({NOTE})
    assert turned(small, plain, replace(plain, forgotten={NOTE})) == Fallen(frozenset(), note, none)
    adopted = replace(plain, adopted={event: 1})
    assert turned(small, adopted, plain) == Fallen(frozenset(), frozenset(), frozenset({event}))
    assert turned(small, adopted, replace(plain, adopted={event: 2})).events == {event}
    assert turned(small, adopted, replace(plain, adopted={event: 0})) == NOBODY


def test_a_verdict_that_grows_in_place_is_compared_with_what_it_was() -> None:
    """The replica's judgement adds to the same object."""
    small = SmallMesh()
    scales = Scales(MemoryStore(), small.keyring(), verdict := small.verdict)
    for cut in (Cut(1, small.id, ()), Cut(0, small.id, ())):
        verdict.closes.setdefault(small.phone.admission, set()).add(cut)
        assert scales.turn(verdict).ends == {(small.phone.admission, ())}


def without(held: dict[K, V], name: K) -> dict[K, V]:
    """All but one."""
    return {key: value for key, value in held.items() if key != name}
