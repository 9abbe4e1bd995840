"""An act of an event of a hook is done once, however near to it the agent dies."""

from __future__ import annotations

from pathlib import Path

import pytest

from mesh.errors import Unreachable
from mesh.node.storage.store import SqliteStore
from tests.unit.node.families import family
from tests.unit.node.hooks.telling import all_of, let_in, told


@pytest.mark.parametrize("where", ["before", "after"])
async def test_a_crash_around_the_commit_of_a_hand_off(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, where: str
) -> None:
    """However near, the event that comes again leaves one hand-off: both are kept, or neither."""
    commit = SqliteStore.commit
    crashed: list[bool] = []

    async def dying(self: SqliteStore, batch: object) -> object:
        hooked = any(key == "hooks/done" for key, _ in batch.settings)  # type: ignore[attr-defined]
        if hooked and not crashed:
            crashed.append(True)
            if where == "after":
                await commit(self, batch)  # type: ignore[arg-type]
            raise Unreachable("the power went")
        return await commit(self, batch)  # type: ignore[arg-type]

    async with family(tmp_path) as (alder,):
        await let_in(alder)
        await told(alder, "claude", "user_prompt")
        monkeypatch.setattr(SqliteStore, "commit", dying)
        with pytest.raises(Unreachable):
            await told(alder, "claude", "rate_limit", "limit-1")
        alder.memory.trails.__init__()  # type: ignore[misc]  # as after a start
        for _ in range(2):
            await told(alder, "claude", "rate_limit", "limit-1")
        assert crashed
        assert len(await all_of(alder, "handoff.list", "handoffs")) == 1
