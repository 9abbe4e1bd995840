"""A device says that it saw the claims of others, so that they beat those which nobody saw; and logs what it lost.

Of what several devices claimed apart, that one counts which somebody else knew of. Looks at what is new, and now and
then at all. It claims nothing and gives up nothing.
"""

from __future__ import annotations

import asyncio
import contextlib
from typing import TYPE_CHECKING

from mesh.errors import NotGranted, Refused
from mesh.limits import CLAIMS_TOLD_MAX, LIST_MAX
from mesh.names import DocumentId
from mesh.node import claiming, clock, keeping, timing
from mesh.node.keeping import Registers
from mesh.state import handoffs, leases, tasks
from mesh.state.records import Record

if TYPE_CHECKING:
    from mesh.node.agent import Agent

_KINDS = (handoffs.KIND, tasks.KIND)


async def run(agent: Agent) -> None:
    """Acknowledge until cancelled. Raises MeshError when it cannot be kept."""
    if agent.engine.is_relay:  # it reads nothing, and says nothing
        await asyncio.Event().wait()
    looking = Acknowledging(agent)
    agent.news.append(looking.news)
    try:
        await asyncio.sleep(timing.CLAIMS_FIRST_S)
        await looking.run()
    finally:
        agent.news.remove(looking.news)


class Acknowledging:
    """Sees to it that claims which were seen here are known to be seen."""

    def __init__(self, agent: Agent) -> None:
        """Use `run`."""
        self._agent, self.news = agent, asyncio.Event()
        self._seen = 0  # the row of the log up to which was looked
        self._logged: dict[str, None] = {}  # claims that were lost, in the log already

    async def run(self) -> None:
        """Look at all, then at what is new, until cancelled. Raises MeshError when it cannot be kept."""
        await self.look()
        while True:
            try:
                async with asyncio.timeout(timing.CLAIMS_AGAIN_S):
                    await self.news.wait()
            except TimeoutError:
                await self.look()
                continue
            self.news.clear()
            await asyncio.sleep(timing.CLAIMS_CALM_S)
            await self.look_on()

    async def look(self) -> None:
        """All that there is: nobody looked while no agent ran."""
        self._seen = self._agent.engine.shelf.last_row
        for row in await keeping.listed(self._agent, "", _KINDS, limit=LIST_MAX):
            await self._look(row.record)

    async def look_on(self) -> None:
        """What was kept since, by this device or by others."""
        upto = self._agent.engine.shelf.last_row
        while rows := await self._agent.store.about(_KINDS, self._seen):
            self._seen, _ = rows[-1]
            for document in dict.fromkeys(document for _, document in rows):
                await self._read(document)
        self._seen = max(self._seen, upto)

    async def _read(self, document: DocumentId) -> None:
        row = await self._agent.store.record(document)
        if row is not None:
            await self._look(row.record)

    async def _look(self, record: Record) -> None:
        device = self._agent.device
        for claim in leases.lost(record, device):
            self._tell(record, claim)
        unseen = leases.unseen(record, device)
        if unseen is None or unseen.until_ms <= clock.now_ms():
            return

        def wanted(now: Record) -> Registers:
            found = leases.unseen(now, device)
            return leases.seen(found, device, clock.now_ms()) if found else {}

        with contextlib.suppress(NotGranted, Refused):  # then this device may not, or nothing in it counts any more
            await keeping.changed(self._agent, "", record.document, wanted)

    def _tell(self, record: Record, claim: leases.Claim) -> None:
        if claim.name in self._logged:
            return
        self._logged[claim.name] = None
        if len(self._logged) > CLAIMS_TOLD_MAX:
            del self._logged[next(iter(self._logged))]
        by = leases.instead(record, claim)
        who = claiming.somebody(self._agent, by) if by else ""
        self._agent.log("claim.lost", document=str(record.document), claim=claim.name, session=claim.session, by=who)
