"""Searching by true agents: what is found and told, in which order, and what an agent finds."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from mesh.errors import Misuse, NotGranted
from mesh.node import keeping
from mesh.node.agent import Agent
from mesh.state.records import said
from tests.unit.node.families import act, ask, family, guarded, note


async def hits(agent: Agent, words: str, **more: object) -> list[dict[str, Any]]:
    """What is found."""
    told = await ask(agent, "search", words=words, **more)
    assert isinstance(told["took_ms"], int)
    assert isinstance(told["hits"], list)
    return told["hits"]


async def made(agent: Agent, kind: str, text: str = "", **registers: Any) -> str:  # noqa: ANN401 - registers
    """A new record."""
    values = {key.replace("_", "-"): value for key, value in registers.items()}
    return str(await keeping.made(agent, "", keeping.New(kind, values, text)))


async def test_what_is_told_of_a_hit(tmp_path: Path) -> None:
    """Of each type what it has; the piece of text; whether all that is claimed is verified, and what came after it."""
    async with family(tmp_path) as (alder,):
        project = await made(alder, "project", title="garden")
        plan = await note(alder, "Plan", "We need a pump. " * 30 + "The VALVE leaks.")
        claims = [{"text": "The valve is shut", "status": "verified"}, {"text": "no drip", "status": "asserted"}]
        receipt = await made(alder, "receipt", title="Valve", state="filed", project=project, claims=said(claims))
        sound = await made(alder, "receipt", "valve", title="x", claims=said(claims[:1]))
        memory = await made(
            alder, "memory", "The valve turns left", title="left", state="superseded", superseded_by=sound
        )
        found = {hit["document"]: hit for hit in await hits(alder, "valve")}
        assert list(found) == [receipt, memory, sound, plan]
        assert found[plan]["snippet"].endswith("pump. The VALVE leaks.")
        assert found[plan]["snippet"].startswith("…")
        assert (found[plan]["type"], found[plan]["title"], found[plan]["state"]) == ("note", "Plan", "")
        assert (found[receipt]["project"], found[receipt]["state"]) == (project, "filed")
        assert [found[one]["verified"] for one in (receipt, sound)] == [False, True]
        assert found[memory]["superseded"] == sound
        assert "verified" not in found[memory]
        assert "superseded" not in found[sound]
        for hit in found.values():
            assert {key: hit["updated"][key] for key in ("name", "agent")} == {"name": "alder", "agent": ""}
            assert hit["updated"]["at"] > 1_700_000_000_000


async def test_narrowing(tmp_path: Path) -> None:
    """By types, by a project's name or id, by a limit; what was removed is not found, what is unknown is refused."""
    async with family(tmp_path) as (alder,):
        project = await made(alder, "project", title="garden")
        inside = await made(alder, "task", title="pump", project=project)
        outside = await made(alder, "task", title="pump")
        own = await note(alder, "pump")
        assert {hit["document"] for hit in await hits(alder, "pu")} == {inside, outside, own}
        assert [hit["document"] for hit in await hits(alder, "pump", types=["note"])] == [own]
        for said_ in ("garden", project):
            assert [hit["document"] for hit in await hits(alder, "pump", project=said_)] == [inside]
        assert len(await hits(alder, "pump", limit=2)) == 2
        await ask(alder, "note.rm", document=own)
        assert {hit["document"] for hit in await hits(alder, "pump")} == {inside, outside}
        await made(alder, "project", title="garden")
        for wrong in ({"project": "nowhere"}, {"project": "garden"}, {"types": ["Not a type"]}, {"limit": -1}):
            with pytest.raises(Misuse):
                await hits(alder, "pump", **wrong)
        with pytest.raises(Misuse):
            await hits(alder, "")


async def test_an_agent_finds_what_it_may_read(tmp_path: Path) -> None:
    """And is told when it may read nothing at all."""
    async with family(tmp_path) as (alder,):
        own = await note(alder, "pump")
        task = await made(alder, "task", title="pump")
        with pytest.raises(NotGranted):
            await hits(alder, "pump", as_="claude")
        await guarded(alder)
        await act(alder, "agents.add", name="claude", space="home", types=["task"], verbs=["read"])
        assert [hit["document"] for hit in await hits(alder, "pump", as_="claude")] == [task]
        assert {hit["document"] for hit in await hits(alder, "pump")} == {own, task}
