"""A short list that a device keeps for itself in one of its settings: rows of one dataclass, as JSON.

It knows nothing of what a row means, and no other device ever sees it.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass
from typing import TYPE_CHECKING, Any, Generic, TypeVar

if TYPE_CHECKING:
    from mesh.node.agent import Agent

Row = TypeVar("Row")


@dataclass(frozen=True, slots=True)
class SettingList(Generic[Row]):
    """Where such a list is kept, and what its rows are: a dataclass whose fields JSON can hold."""

    setting: str
    row: type[Row]

    async def rows(self, agent: Agent) -> list[Row]:
        """All that is kept, the first one first."""
        return self._read(await agent.store.setting(self.setting) or b"")

    async def change(self, agent: Agent, made: Callable[[Sequence[Row]], Sequence[Row]]) -> None:
        """Keep what `made` makes out of what is kept: what others change meanwhile is not lost. Its errors come out."""
        await agent.engine.revise(self.setting, lambda raw: self._written(made(self._read(raw))))

    def _read(self, raw: bytes) -> list[Row]:
        found = json.loads(raw or b"[]")
        assert isinstance(found, list), "we wrote it"
        return [self.row(**one) for one in found]

    def _written(self, rows: Sequence[Any]) -> bytes:
        return json.dumps([asdict(one) for one in rows]).encode()
