"""Random lives of a small mesh: whatever happens when, what is kept and shown follows from the log.

Three devices write, edit what others wrote, settle what is in conflict and take that back, and pass on a part of what
they hold now and then. Two are closed by their
seniors with marks of some earlier time, adopted again in parts, and go on writing until they hear of it. A seed says
everything but keys.
"""

from __future__ import annotations

import copy
import random
from collections.abc import Awaitable
from contextlib import AsyncExitStack
from itertools import pairwise

import pytest

from mesh.errors import MeshError, NotGranted
from mesh.events.event import Lane, Placed
from mesh.events.kinds import Adopt, Body, Close, Forget, Grant, Mark, Ungrant
from mesh.events.speaking import joined
from mesh.names import Digest, DocumentId
from mesh.node import folding
from mesh.node.engine import Engine
from mesh.node.storage.store_memory import MemoryStore
from mesh.node.storage.store_port import Batch, Row
from mesh.state.conflicts import Kind
from mesh.state.edits import Put, Splice
from mesh.state.settling import Merge, Take
from mesh.sync.messages import Push
from tests.unit.node import disputing
from tests.unit.node.engines import Listener, Small, founded, joined_by, retitle, state, working, write
from tests.unit.node.test_shelf_turns import everything

STEPS = 60

ENDS: tuple[float, ...] = (2, 8, 12, 2, 0.7, 0.7, 2, 0.15, 6, 1, 4, 2)
"""How often each act of a life comes where devices are closed and documents forgotten."""

DISPUTES: tuple[float, ...] = (0.5, 6, 6, 1, 0.2, 0, 1, 0, 16, 1, 6, 4)
"""The same where people disagree, and one of them may be closed."""


class Life:
    """Three devices and what happened to them."""

    def __init__(self, seed: int, sides: list[Small], weights: tuple[float, ...]) -> None:
        """The first of them is the founder."""
        self.random, self.sides, self.weights = random.Random(seed), sides, weights
        self.documents: list[DocumentId] = []
        self.ends: list[tuple[Digest, tuple[Mark, ...]]] = []

    async def step(self) -> None:
        """Something happens."""
        side = self.random.choice(self.sides)
        act = self.random.choices(
            (self.write, self.retitle, self.meet, self.look_back, self.close, self.ungrant, self.adopt, self.forget,
             self.reword, self.remove, self.settle, self.take_back),
            self.weights,
        )[0]  # fmt: skip
        await act(side)

    async def write(self, side: Small) -> None:
        """A new note, where this device may still write."""
        try:
            self.documents.append(await write(side.engine, f"note {len(self.documents)}"))
        except MeshError:
            return

    async def retitle(self, side: Small) -> None:
        """An edit of any note that is shown there."""
        rows = await side.store.notes(limit=1000)
        if rows:
            row = self.random.choice(sorted(rows, key=lambda row: self.documents.index(row.note.document)))
            try:
                await retitle(side.engine, row.note.document, f"title {self.random.random()}")
            except MeshError:
                return

    async def _note(self, side: Small) -> DocumentId | None:
        """Any note that is shown there."""
        rows = sorted(await side.store.notes(limit=1000), key=lambda row: self.documents.index(row.note.document))
        return self.random.choice(rows).note.document if rows else None

    async def reword(self, side: Small) -> None:
        """A word more or less in any note's text."""
        if document := await self._note(side):
            length = len((await disputing.loaded(side.engine, document)).document.text())
            place = self.random.randint(0, length)
            splice = Splice(place, self.random.randint(0, min(2, length - place)), self.random.choice("xyz"))
            await self._say(disputing.edit(side.engine, document, splice))

    async def remove(self, side: Small) -> None:
        """Any note is deleted."""
        if document := await self._note(side):
            await self._say(disputing.edit(side.engine, document, Put("deleted", value=True)))

    async def settle(self, side: Small) -> None:
        """Somebody chooses a side, or the text as it is."""
        rows = [row for row in await side.store.conflicts() if row.kind != "path"]
        rows.sort(key=lambda row: (self.documents.index(row.document), row.kind, row.field, row.lamport))
        if rows:
            document = self.random.choice(rows).document
            found = await disputing.conflicts(side.engine, document)
            chosen = self.random.choice(found)
            merge = chosen.kind is Kind.TEXT and self.random.random() < 0.3
            choice = Merge() if merge else Take(self.random.randrange(len(chosen.sides)))
            await self._say(disputing.settle(side.engine, document, chosen, choice))

    async def take_back(self, side: Small) -> None:
        """Somebody takes a settlement back, or what took one back."""
        rows = list(await side.store.settlements())
        if rows:
            row = self.random.choice(rows)
            await self._say(disputing.take_back(side.engine, row.document, row.author.event))

    async def _say(self, said: Awaitable[Placed]) -> None:
        try:
            await said
        except MeshError:
            return  # it knows that it was closed

    async def meet(self, side: Small) -> None:
        """One device hears all, or all statements, of another; or its data only in part, so that marks come late."""
        other = self.random.choice(self.sides)
        push = await other.everything(self.random.choice((None, None, Lane.CONTROL)))
        if self.random.random() < 0.7:
            push = await self._part(other)
        await side.engine.hear("other", push)

    async def _part(self, other: Small) -> Push:
        """Of some chains some beginning, in any order; control always goes before what stands on it."""
        chains: dict[Digest, list[Placed]] = {}
        for row in await other.store.log(limit=10_000):
            chains.setdefault(row.placed.chain, []).append(row.placed)
        some = [chain for chain in chains.values() if self.random.random() < 0.5]
        self.random.shuffle(some)
        cut = [chain[: self.random.choice([n for n, p in enumerate(chain, 1) if p.signature])] for chain in some]
        return Push(tuple(run for chain in cut for run in joined(chain)))

    async def look_back(self, side: Small) -> None:
        """Remember where a device was as another one saw it."""
        other = self.random.choice(self.sides[1:]).engine.own.admission
        self.ends.append((other, await side.store.heads_at(other)))

    async def close(self, side: Small) -> None:
        """An admin closes a device where it was at some time."""
        if self.ends:
            admission, marks = self.random.choice(self.ends)
            await self._state(side, Close(admission, marks))

    async def ungrant(self, side: Small) -> None:
        """An admin withdraws a device's grant likewise."""
        if self.ends:
            admission, marks = self.random.choice(self.ends)
            for statement in list(side.engine.replica.statements.values()):
                if isinstance(statement.body, Grant) and statement.body.admission == admission:
                    await self._state(side, Ungrant(statement.digest, marks))

    async def adopt(self, side: Small) -> None:
        """An admin adopts some of what is void or waits there."""
        rows = await side.store.unsettled()
        some = [row.placed.digest for row in rows if self.random.random() < 0.4]
        if some:
            await self._state(side, Adopt(tuple(sorted(some))))

    async def forget(self, _side: Small) -> None:
        """The founder forgets a note."""
        if self.documents:
            await self._state(self.sides[0], Forget(self.random.choice(self.documents)))

    async def _state(self, side: Small, body: Body) -> None:
        try:
            await state(side.engine, body)
        except NotGranted:
            return  # it knows that it was closed

    async def converge(self) -> None:
        """Everybody hears of everything."""
        for one, other in pairwise([*self.sides, *self.sides, *self.sides]):
            await other.engine.hear("one", await one.everything())


async def anew(side: Small) -> None:
    """What a device says is what a start that weighs everything says, and what the log says event by event."""
    before = await everything(side.store)
    for rebuild in (False, True):
        store: MemoryStore = copy.deepcopy(side.store)  # type: ignore[assignment]
        await store.commit(Batch(settings=(("weighed", b""),)))
        async with working(Engine(side.engine.own, side.engine.keyring, store, Listener())) as engine:
            assert await everything(store) == before, "weighed anew"
            if rebuild:
                await engine.rebuild()
                assert await everything(store) == before, "built again"


@pytest.mark.parametrize(("seed", "weights"), [*((n, ENDS) for n in range(25)), *((n, DISPUTES) for n in range(25))])
async def test_what_is_kept_and_shown_follows_from_the_log(
    seed: int, weights: tuple[float, ...], monkeypatch: pytest.MonkeyPatch
) -> None:
    """At any moment on each device, and in the end the same on all; with snapshots, and hardly a document in memory."""
    monkeypatch.setattr(folding, "SNAPSHOT_CHANGES", 3)
    monkeypatch.setattr(folding, "DOCUMENTS_CACHED_MAX", 2)
    async with AsyncExitStack() as stack:
        founder = await stack.enter_async_context(founded())
        sides = [founder]
        sides.append(await stack.enter_async_context(joined_by(founder, "laptop")))
        sides.append(await stack.enter_async_context(joined_by(sides[1], "phone", rank=3)))
        life = Life(seed, sides, weights)
        if quarrels := weights == DISPUTES:
            await life.write(founder)
            await life.converge()
        for number in range(STEPS):
            await life.step()
            if number % 10 == 9:
                await anew(life.random.choice(sides))
        await life.converge()
        for side in sides:
            await anew(side)
        roots = {await side.store.digest() for side in sides}
        assert len(roots) == 1
        views = [{row.note.document: row.note for row in await s.store.notes(limit=1000)} for s in sides]
        assert views[0] == views[1] == views[2]
        disputes = [(set(await s.store.conflicts()), set(await s.store.settlements())) for s in sides]
        assert disputes[0] == disputes[1] == disputes[2]
        assert any(disputes[0]) or not quarrels, "a life in which nobody disagreed"
        log: list[dict[Digest, Row]] = [{r.placed.digest: r for r in await s.store.replay()} for s in sides]
        assert len({tuple(sorted((d, r.standing, r.reason) for d, r in rows.items())) for rows in log}) == 1
