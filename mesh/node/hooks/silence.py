"""Sessions that fell silent: no tool promises to tell its end, so whoever says nothing for long is orphaned.

Work of theirs that nobody told of gets its draft first. It looks at sessions of this device only.
"""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING

from mesh.errors import MeshError
from mesh.limits import LIST_MAX
from mesh.node import clock, keeping, timing
from mesh.state import sessions

if TYPE_CHECKING:
    from mesh.node.agent import Agent


async def run(agent: Agent) -> None:
    """Look every now and then. Before it was at work for so long itself, nobody counts as silent."""
    started_ms = clock.now_ms()
    while True:
        await asyncio.sleep(timing.SESSION_LOOK_S)
        await orphaned(agent, started_ms)


async def orphaned(agent: Agent, started_ms: int) -> int:
    """Find those that fell silent; how many did."""
    before_ms = clock.now_ms() - int(timing.SESSION_SILENT_S * 1000)
    if started_ms > before_ms or agent.engine.is_relay:
        return 0
    count = 0
    rows = await keeping.listed(agent, "", (sessions.KIND,), states=sessions.OPEN, limit=LIST_MAX)
    for row in rows:
        document = str(row.record.document)
        heard_ms = max(agent.presence.seen_ms(document) or 0, row.record.number("state-at"), row.updated.time_ms)
        if row.record.word("device") != agent.device or heard_ms > before_ms:
            continue
        try:
            await agent.call("receipt.draft", {"session": document})
            await agent.call("session.state", {"id": document, "state": sessions.ORPHANED})
        except MeshError as error:
            agent.log("session.not_orphaned", session=document, error=str(error))
            continue
        agent.transcripts.look(document)
        count += 1
    return count
