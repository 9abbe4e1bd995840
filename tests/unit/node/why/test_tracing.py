"""The way of an event by true agents: what each step rests on, and what an agent may not see."""

from __future__ import annotations

from pathlib import Path

import pytest

from mesh.errors import NotGranted
from tests.unit.node.families import act, ask, family, guarded, meet, note
from tests.unit.node.why.test_answers import latest


async def test_a_way_without_a_network(tmp_path: Path) -> None:
    """What nobody said stays unknown; a statement is shown nowhere; what is void is not shown."""
    async with family(tmp_path, "member") as (alder, birch):
        await guarded(alder)
        await act(alder, "agents.add", name="scribe", space="home", device="birch")
        await meet(alder, birch)
        await note(birch, "as scribe", as_="scribe")
        event = await latest(birch)
        await meet(alder, birch)
        steps = (await ask(alder, "trace", event=event))["steps"]
        assert isinstance(steps, list)
        assert [(step["step"], step["where"], step["state"]) for step in steps] == [
            ("written", "birch", "done"),
            ("kept", "here", "done"),
            ("arrived", "birch", "yes"),
            ("weighed", "here", "honoured"),
            ("shown", "here", "yes"),
        ]
        assert "by the agent scribe" in steps[0]["evidence"]
        assert any(piece.startswith("grant ") for piece in steps[3]["evidence"])
        mine = await note(alder, "mine")
        steps = (await ask(alder, "trace", event=await latest(alder, document=mine)))["steps"]
        assert isinstance(steps, list)
        assert [(step["step"], step["state"]) for step in steps if step["where"] == "birch"] == [
            ("sent", "no"),
            ("arrived", "no"),
        ]
        given = await ask(alder, "agents.list")
        assert given["agents"]
        statement = (await ask(alder, "trace", event=await latest(alder, device="alder")))["steps"]
        assert isinstance(statement, list)
        await act(alder, "lost", device="birch", since_ms=1)
        steps = (await ask(alder, "trace", event=event))["steps"]
        assert isinstance(steps, list)
        assert [(step["step"], step["state"]) for step in steps[-2:]] == [("weighed", "void"), ("shown", "no")]
        close = next(e for e in (await ask(alder, "log"))["events"] if e["kind"] == "close")  # type: ignore[attr-defined]
        told = await ask(alder, "trace", event=close["event"])
        assert told["document"] is None
        assert "shown" not in {step["step"] for step in told["steps"]}  # type: ignore[attr-defined]


async def test_what_an_agent_may_not_see(tmp_path: Path) -> None:
    """Neither the way of an event nor what blocks a document, where it may not read."""
    async with family(tmp_path) as (alder,):
        await guarded(alder)
        document = await note(alder, "private")
        event = await latest(alder)
        await act(alder, "agents.add", name="claude", space="work")
        for name, subject in (("trace", {"event": event}), ("why", {"subject": document}), ("why", {"event": event})):
            with pytest.raises(NotGranted):
                await ask(alder, name, **subject, as_="claude")
        own = await note(alder, "its own", space="work", as_="claude")
        assert (await ask(alder, "why", subject=own, as_="claude"))["state"] == "everywhere"
        assert (await ask(alder, "why", subject="alder", as_="claude"))["state"] == "self"
        with pytest.raises(NotGranted):
            await ask(alder, "why", subject="alder", as_="nobody")
