"""What an agent settles unasked: overlapping edits of which one can go without a letter being lost.

The device that wrote what goes says so, the others only if it does not; whoever waited looks again before it speaks.
It chooses nothing: what a rule does not settle is left to people, and so is what a person took back.
"""

from __future__ import annotations

import asyncio
import contextlib
import random
import time
from collections.abc import Sequence
from functools import partial

from mesh.errors import NotGranted
from mesh.events.event import Lane
from mesh.events.kinds import Settled
from mesh.events.speaking import Draft
from mesh.limits import LIST_MAX, RULINGS_AT_ONCE_MAX
from mesh.names import DocumentId
from mesh.node import timing
from mesh.node.disputes import may_settle_itself
from mesh.node.duties import NotOwed
from mesh.node.engine import Engine
from mesh.node.gathered import Loaded
from mesh.node.log import Log
from mesh.state.conflicts import Kind, conflicts_of
from mesh.state.rules import Ruling, ruling


class Rulings:
    """Sees to it that what settles itself is settled."""

    def __init__(self, engine: Engine, log: Log) -> None:
        """Use `run`."""
        self._engine, self._log = engine, log
        self._news = asyncio.Event()
        self._due: dict[DocumentId, float] = {}  # when this device says what another one should have said

    def look_soon(self) -> None:
        """Something was kept: perhaps there is something to settle by it."""
        if self._engine.shelf.disputed:
            self._news.set()

    async def run(self) -> None:
        """Settle what settles itself until cancelled. Raises MeshError when it cannot be kept."""
        await asyncio.sleep(timing.RULES_FIRST_S)
        await self.find()
        while True:
            self._news.clear()
            await self.look()
            wait_s = max(0.0, min(self._due.values()) - time.monotonic()) if self._due else None
            with contextlib.suppress(TimeoutError):
                async with asyncio.timeout(wait_s):
                    await self._news.wait()

    async def find(self) -> None:
        """All that may settle itself: nobody looked at what was kept while no agent ran."""
        after = None
        while rows := await self._engine.store.conflicts(kind=Kind.TEXT, after=after, limit=LIST_MAX):
            self._engine.shelf.disputed |= {row.document: None for row in rows if may_settle_itself(row)}
            after = rows[-1]

    async def look(self) -> None:
        """Settle what is this device's to settle, and what others left too long."""
        shelf, now_s = self._engine.shelf, time.monotonic()
        fresh, shelf.disputed = shelf.disputed, {}
        for document in [name for name, due_s in self._due.items() if due_s <= now_s]:
            self._due.pop(document)
            await self._settle(document, mine=False)
        for document in fresh:
            if await self._settle(document, mine=True) and document not in self._due:
                early = random.random() * timing.RULES_SPREAD_S  # noqa: S311 - no secret
                self._due[document] = time.monotonic() + timing.RULES_PATIENCE_S + early

    async def _settle(self, document: DocumentId, *, mine: bool) -> bool:
        """Settle what rules settle in a document, or of that what is this device's. Whether anything is left."""
        left: list[Ruling] = []
        for _ in range(RULINGS_AT_ONCE_MAX):
            left.clear()
            try:
                await self._engine.say(Lane.DATA, partial(self._next, document, mine, left))
            except NotOwed:
                return bool(left)
            except NotGranted as error:
                self._log("rule.refused", document=str(document), why=str(error))
                return False
            self._log("rule.settled", document=str(document), rule=left[0].rule)
        return True

    async def _next(self, document: DocumentId, mine: bool, found: list[Ruling], engine: Engine) -> Sequence[Draft]:  # noqa: FBT001 - part of a partial
        """The next settlement. Raises NotOwed where there is none, with what others should say in `found`."""
        loaded = await engine.shelf.load(document)
        rulings = rulings_of(loaded) if loaded else []
        if loaded is None or not rulings:
            raise NotOwed("there is nothing to settle here")
        losers = {change for one in rulings for change in one.losers}
        authors = await engine.shelf.folding.disputes.authors(loaded, losers)
        own = {change for change, author in authors.items() if author.admission == engine.own.admission}
        owed = [one for one in rulings if not mine or one.losers & own]
        found += owed[:1] or rulings
        if not owed:
            raise NotOwed("others say it first")
        chosen = owed[0]
        change = loaded.document.edit(engine.shelf.actor(loaded, engine.own.admission), chosen.edits)
        body = Settled(change.raw, chosen.conflict.name, chosen.conflict.prints, chosen.rule)
        return (Draft(body, document),)


def rulings_of(loaded: Loaded) -> list[Ruling]:
    """How the conflicts of a document settle themselves, those that do."""
    found = (ruling(one, loaded.settlements) for one in conflicts_of(loaded.document, loaded.settlements))
    return [one for one in found if one]
