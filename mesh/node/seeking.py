"""Seeking: the records that a question in somebody's own words means, the best first.

First those in which every word is; where there is none, those with most of its words, so that a question may be asked
as a person asks it. What an agent may not see is left out.
"""

from __future__ import annotations

from collections.abc import Collection
from typing import TYPE_CHECKING

from mesh.limits import LIST_MAX, RECALL_WORDS_MAX, SEARCH_CHARACTERS_MAX
from mesh.node import agents
from mesh.node.storage.store_port import RecordRow
from mesh.state.memories import ranked, terms

if TYPE_CHECKING:
    from mesh.node.agent import Agent


async def sought(agent: Agent, name: str, question: str, kinds: Collection[str]) -> list[RecordRow]:
    """Records of these types that a question means. Raises NotGranted for an agent that may read nothing."""
    agents.may_look(agent, name)
    question = question[:SEARCH_CHARACTERS_MAX]
    found: list[object] = list(await agent.store.hits(question, types=kinds, limit=LIST_MAX))
    if not found:
        words = terms(question, RECALL_WORDS_MAX)
        found = ranked([await agent.store.hits(word, types=kinds, limit=LIST_MAX) for word in words])
    rows = [await agent.store.record(one) for one in found[:LIST_MAX] if agents.sees(agent, name, one)]  # type: ignore[arg-type]
    return [row for row in rows if row is not None and not row.record.deleted]
