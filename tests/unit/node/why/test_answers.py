"""Why an event counts or does not, by true agents: the grant or the statement, who said it, and what to do."""

from __future__ import annotations

from pathlib import Path

import pytest

from mesh.errors import Misuse, NotGranted
from mesh.node.agent import Agent
from tests.unit.node.families import Told, act, ask, family, guarded, meet, note


async def latest(agent: Agent, **more: object) -> str:
    """The latest event of something."""
    events = (await ask(agent, "log", limit=1, **more))["events"]
    assert isinstance(events, list)
    return str(events[0]["event"])


async def why(agent: Agent, event: str, **more: object) -> Told:
    """What is said of an event."""
    return await ask(agent, "why", event=event[:12], **more)


async def test_the_grant_that_let_it_through(tmp_path: Path) -> None:
    """By agent and person, with who gave it."""
    async with family(tmp_path, "member") as (alder, birch):
        await guarded(alder)
        await act(alder, "agents.add", name="claude", space="work", device="birch")
        await meet(alder, birch)
        await note(birch, "x", space="work", as_="claude")
        told = await why(birch, await latest(birch))
        assert (told["standing"], told["verb"], told["agent"]) == ("honoured", "create", "claude")
        grant = told["grant"]
        assert isinstance(grant, dict)
        assert (grant["agent"], grant["space"], grant["by"]["name"], grant["ended"]) == (
            "claude",
            "work",
            "alder",
            None,
        )
        assert (told["by"], told["to_do"]) == (None, "")


async def test_what_stopped_it(tmp_path: Path) -> None:
    """An ungrant and a close, each by its statement, with what helps."""
    async with family(tmp_path, "member") as (alder, birch):
        await guarded(alder)
        given = await act(alder, "agents.add", name="claude", space="work", device="birch")
        await meet(alder, birch)
        await act(alder, "ungrant", id=str(given["grant"]["id"]))  # type: ignore[index]
        await note(birch, "late", space="work", as_="claude")
        await meet(alder, birch)
        told = await why(alder, await latest(alder, device="birch"))
        assert (told["standing"], told["reason"]) == ("void", "written after the grant was withdrawn")
        assert (told["by"]["kind"], told["by"]["name"]) == ("ungrant", "alder")  # type: ignore[index]
        assert told["grant"]["ended"]["name"] == "alder"  # type: ignore[index]
        assert "adopt" in str(told["to_do"])
        await note(birch, "mine")
        await meet(alder, birch)
        await act(alder, "lost", device="birch", since_ms=1)
        told = await why(alder, await latest(alder, device="birch"))
        assert told["live"] is False
        assert (told["by"]["kind"], told["standing"]) == ("close", "void")  # type: ignore[index]


async def test_statements(tmp_path: Path) -> None:
    """What a statement says, in this device's words; one that is out of reach says why."""
    async with family(tmp_path, "admin") as (alder, birch):
        await guarded(alder)
        close = (await act(alder, "lost", device="birch"))["event"]
        told = await why(alder, str(close))
        assert (told["kind"], told["standing"]) == ("close", "honoured")
        assert str(told["says"]).startswith("close birch (lost)")
        await guarded(birch)
        await act(birch, "rotate")
        await meet(alder, birch)
        told = await why(alder, await latest(alder, device="birch"))
        assert (told["kind"], told["standing"]) == ("rekey", "void")
        assert told["by"]["event"] == close  # type: ignore[index]


async def test_what_names_nothing_and_what_an_agent_may_not_see(tmp_path: Path) -> None:
    """Misuse, and no word about a document that it may not read."""
    async with family(tmp_path) as (alder,):
        await guarded(alder)
        await note(alder, "private")
        with pytest.raises(Misuse, match="no event"):
            await why(alder, "00000000")
        await act(alder, "agents.add", name="claude", space="work")
        events = (await ask(alder, "log", document="private"))["events"]
        assert isinstance(events, list)
        with pytest.raises(NotGranted):
            await why(alder, events[0]["event"], as_="claude")


@pytest.mark.parametrize("known", [True, False])
async def test_a_key_that_is_missing(tmp_path: Path, *, known: bool) -> None:
    """It waits, and says what brings it."""
    async with family(tmp_path, "member") as (alder, birch):
        await note(alder, "secret")
        event = await latest(alder)
        if not known:
            for name in list(birch.engine.keyring.keys()):
                birch.engine.keyring.drop(name)
        await meet(alder, birch)
        told = await why(birch, event)
        assert told["standing"] == ("honoured" if known else "waits")
        assert ("admin device" in str(told["to_do"])) != known
