"""Calls about notes on a real home: what is said of work that nothing allows. The others are in tests/system."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from mesh.errors import Misuse, Refused
from mesh.events.kinds import Adopt, Grant, Ungrant
from mesh.names import Digest
from mesh.node import home as homes
from mesh.node.agent import Agent, opened
from mesh.state import fold
from tests.unit.node.engines import state


async def asked(agent: Agent, name: str, **arguments: object) -> Mapping[str, Any]:
    """The answer to a call."""
    found = await agent.call(name, arguments)
    assert isinstance(found, dict)
    return found


def own_grant(agent: Agent) -> Digest:
    """The grant by which this device writes."""
    statements = agent.engine.replica.statements.values()
    own = agent.engine.own.admission
    return next(s.digest for s in statements if isinstance(s.body, Grant) and s.body.admission == own)


async def test_a_deep_look_finds_a_document_that_shows_something_else(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Where the fold and Automerge do not agree, something is broken, and the person is told which document."""
    await homes.found(tmp_path, "mac")
    async with opened(tmp_path) as agent:
        note = (await asked(agent, "note.add", title="seeds"))["document"]
        await asked(agent, "note.edit", document=note, title="soil")
        assert (await asked(agent, "verify", deep=True))["ok"]
        true = fold.Fold.view

        def blind(self: fold.Fold, hidden: frozenset[bytes]) -> fold.View:
            return replace(true(self, hidden), text="something else")

        monkeypatch.setattr(fold.Fold, "view", blind)
        assert (await asked(agent, "verify"))["ok"]
        (fault,) = (await asked(agent, "verify", deep=True))["faults"]
        assert note in fault


async def test_what_is_hidden_is_told_and_an_adoption_lifts_it(tmp_path: Path) -> None:
    """A change after the grant was withdrawn is not seen; whoever looks learns whose it is, and gets it back."""
    await homes.found(tmp_path, "mac")
    async with opened(tmp_path) as agent:
        note = (await asked(agent, "note.add", title="seeds"))["document"]
        await asked(agent, "note.add", title="also")
        assert (await asked(agent, "note.show", document=note))["hidden"] == []
        marks = await agent.store.heads_at(agent.engine.own.admission)
        event = (await asked(agent, "note.edit", document=note, title="soil"))["event"]
        late = (await asked(agent, "note.add", title="late"))["document"]
        await state(agent.engine, Ungrant(own_grant(agent), marks))
        shown = await asked(agent, "note.show", document=note)
        assert shown["title"] == "seeds"
        assert shown["hidden"] == [{"device": agent.device, "name": "mac", "events": [event]}]
        listed = (await asked(agent, "note.list"))["notes"]
        assert {(one["title"], one["hidden"]) for one in listed} == {("seeds", 1), ("also", 0)}
        with pytest.raises(Misuse):
            await asked(agent, "note.show", document=late)
        with pytest.raises(Refused, match="nothing in it counts"):
            await asked(agent, "note.edit", document=late, title="brought back")
        assert (await asked(agent, "verify", deep=True))["faults"] == []
        assert (await asked(agent, "rebuild"))["same"]
        rows = await agent.store.unsettled()
        await state(agent.engine, Adopt(tuple(sorted(row.placed.digest for row in rows))))
        shown = await asked(agent, "note.show", document=note)
        assert (shown["title"], shown["hidden"]) == ("soil", [])
        assert {one["title"] for one in (await asked(agent, "note.list"))["notes"]} == {"soil", "also", "late"}
