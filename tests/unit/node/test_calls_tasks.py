"""Tasks by true agents: what can be begun, who is at it, and what is done."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest

from mesh.errors import Malformed, Misuse, NotGranted, Refused, TooLarge
from mesh.node import clock, timing
from mesh.node.agent import Agent
from tests.unit.node.families import act, ask, family, guarded, meet

TYPES = ["task", "handoff", "receipt"]


async def told(agent: Agent, name: str, /, **arguments: object) -> Mapping[str, Any]:
    """A call; its answer, to be looked into."""
    return await ask(agent, name, **arguments)


async def task(agent: Agent, title: str, **more: object) -> str:
    """A new task; its document."""
    return str((await ask(agent, "task.add", title=title, **more))["document"])


async def titles(agent: Agent, wanted: str, **more: object) -> list[str]:
    """The titles of a list, in its order."""
    return [one["title"] for one in (await told(agent, "task.list", filter=wanted, **more))["tasks"]]


async def test_what_can_be_begun_comes_in_order_and_what_waits_does_not(tmp_path: Path) -> None:
    """The most urgent first; what needs another one, or is blocked, is not among them until that is over."""
    async with family(tmp_path) as (alder,):
        dig = await task(alder, "dig", priority=3, text="two spades deep", acceptance=["no weeds"])
        sow = await task(alder, "sow", priority=0, needs=["dig"])
        buy = await task(alder, "buy seeds", priority=1, due_ms=5)
        assert await titles(alder, "ready") == ["buy seeds", "dig"]
        assert await titles(alder, "blocked") == ["sow"]
        assert (await told(alder, "task.state", id=buy, state="blocked", reason="shop is shut"))["state"] == "blocked"
        assert await titles(alder, "blocked") == ["sow", "buy seeds"]
        assert await titles(alder, "ready") == ["dig"]
        shown = await told(alder, "task.show", id=sow)
        assert shown["waits"] == [{"document": dig, "title": "dig", "state": "open"}]
        assert (await told(alder, "task.show", id=dig))["text"] == "two spades deep"
        await ask(alder, "task.done", id=dig)
        await ask(alder, "task.state", id=buy, state="dropped")
        assert await titles(alder, "ready") == ["sow"]
        assert await titles(alder, "open") == ["sow"]
        assert await titles(alder, "all") == ["sow", "buy seeds", "dig"]
        await ask(alder, "task.edit", id=sow, unneeds=[dig], title="sow beans", priority=4)
        shown = await told(alder, "task.show", id="sow beans")
        assert (shown["waits"], shown["priority"], shown["needs"]) == ([], 4, {})


async def test_no_two_tasks_wait_for_each_other(tmp_path: Path) -> None:
    """Not by themselves, and not over others."""
    async with family(tmp_path) as (alder,):
        dig = await task(alder, "dig")
        sow = await task(alder, "sow", needs=[dig])
        reap = await task(alder, "reap", needs=[sow])
        for wrong in (sow, reap, dig):
            with pytest.raises(Misuse, match="wait"):
                await ask(alder, "task.edit", id=dig, needs=[wrong])
        assert (await told(alder, "task.edit", id=reap, needs=[dig]))["event"]


async def test_two_that_were_made_to_wait_for_each_other_apart_are_named_with_what_breaks_it(tmp_path: Path) -> None:
    """Each device refuses a ring that it sees; of one that two made apart every list and the brief tell."""
    async with family(tmp_path, "admin") as (alder, birch):
        dig, sow = await task(alder, "dig"), await task(alder, "sow")
        await meet(alder, birch)
        await ask(alder, "task.edit", id=dig, needs=[sow])
        await ask(birch, "task.edit", id=sow, needs=[dig])
        for agent in (alder, birch):
            assert (await told(agent, "task.list"))["rings"] == []
        await meet(alder, birch)
        rings = [(await told(agent, call))["rings"] for agent in (alder, birch) for call in ("task.list", "task.ready")]
        (ring,) = rings[0]
        assert rings == [[ring]] * 4
        assert {one["document"] for one in ring["tasks"]} == {dig, sow}
        brief = await told(alder, "brief")
        assert (brief["rings"], brief["tasks"]) == ([ring], [])
        assert ring["break"] in brief["text"]
        task_, _, unneeded = ring["break"].removeprefix("mesh task edit ").partition(" --unneeds ")
        assert (await told(birch, "task.edit", id=task_, unneeds=[unneeded]))["event"]
        await meet(alder, birch)
        listed = await told(alder, "task.ready")
        assert ([one["document"] for one in listed["tasks"]], listed["rings"]) == ([task_], [])


async def test_one_at_a_time_has_a_task(tmp_path: Path) -> None:
    """Another agent is told who; a task given back is free at once."""
    async with family(tmp_path) as (alder,):
        await guarded(alder)
        for name in ("claude", "gemini"):
            await act(alder, "agents.add", name=name, space="home", types=TYPES)
        dig = await task(alder, "dig", as_="claude")
        got = await told(alder, "task.claim", id=dig, as_="claude")
        assert (got["state"], got["claim"]["agent"]) == ("in_progress", "claude")
        with pytest.raises(Refused, match="taken") as caught:
            await ask(alder, "task.claim", id=dig, as_="gemini")
        assert "claude@alder" in caught.value.hint
        assert await titles(alder, "mine", as_="claude") == ["dig"]
        assert await titles(alder, "mine", as_="gemini") == await titles(alder, "ready") == []
        assert (await told(alder, "task.state", id=dig, state="open", as_="claude"))["state"] == "open"
        got = await told(alder, "task.state", id=dig, state="in_progress", as_="gemini")
        assert got["claim"]["agent"] == "gemini"
        with pytest.raises(Misuse, match="receipt"):
            await ask(alder, "task.done", id=dig, as_="gemini")
        assert (await told(alder, "task.done", id=dig, words="dug", as_="gemini"))["state"] == "done"
        with pytest.raises(Refused, match="done already"):
            await ask(alder, "task.done", id=dig, words="dug", as_="claude")
        with pytest.raises(Refused, match="done already"):
            await ask(alder, "task.claim", id=dig)
        assert (await told(alder, "task.state", id=dig, state="open"))["state"] == "open"
        assert (await told(alder, "task.claim", id=dig, as_="claude"))["claim"]["agent"] == "claude"


async def test_done_on_one_device_beats_what_is_set_on_another(tmp_path: Path) -> None:
    """Blocked here, done there, claimed by a third: done everywhere, and who had claimed it is told."""
    async with family(tmp_path, "admin", "admin") as (alder, birch, cedar):
        dig = await task(alder, "dig")
        await meet(alder, birch, cedar)
        await ask(alder, "task.done", id=dig, words="dug")
        await ask(birch, "task.state", id=dig, state="blocked", reason="frozen")
        await ask(cedar, "task.claim", id=dig)
        await meet(alder, birch, cedar)
        for agent in (alder, birch, cedar):
            assert (await told(agent, "task.show", id=dig))["state"] == "done"
            assert await titles(agent, "open") == []
        assert [one["by"]["device_name"] for one in (await told(cedar, "claims.lost"))["lost"]] == ["alder"]
        assert (await told(alder, "claims.lost"))["lost"] == []


async def test_claiming_apart_is_no_conflict(tmp_path: Path) -> None:
    """One has it on both, and nobody must settle anything."""
    async with family(tmp_path, "admin") as (alder, birch):
        dig = await task(alder, "dig")
        await meet(alder, birch)
        for agent in (alder, birch):
            await ask(agent, "task.claim", id=dig)
        await meet(alder, birch)
        claims = [(await told(agent, "task.show", id=dig))["claim"]["device"] for agent in (alder, birch)]
        assert claims[0] == claims[1]
        assert (await told(alder, "conflicts"))["conflicts"] == []
        lost = [len((await told(agent, "claims.lost"))["lost"]) for agent in (alder, birch)]
        assert sorted(lost) == [0, 1]


async def test_a_lost_claim_is_news_for_a_week(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Then nobody needs to hear of it."""
    async with family(tmp_path) as (alder,):
        dig, now = await task(alder, "dig"), clock.now_ms()
        await ask(alder, "task.claim", id=dig)
        monkeypatch.setattr(clock, "now_ms", lambda: now + int(timing.LEASE_PERSON_S * 1000) + 1000)
        await guarded(alder)
        await act(alder, "agents.add", name="claude", space="home", types=TYPES)
        await ask(alder, "task.claim", id=dig, as_="claude")
        assert len((await told(alder, "claims.lost"))["lost"]) == 1
        later = now + int((timing.LEASE_PERSON_S + timing.LOST_TOLD_S) * 1000) + 2000
        monkeypatch.setattr(clock, "now_ms", lambda: later)
        assert (await told(alder, "claims.lost"))["lost"] == []


@pytest.mark.parametrize(
    ("call", "arguments"),
    [
        ("task.add", {"title": ""}),
        ("task.add", {"title": "x" * 5000}),
        ("task.add", {"title": "x", "priority": 9}),
        ("task.add", {"title": "x", "needs": ["nothing of the kind"]}),
        ("task.add", {"title": "x", "due_ms": "soon"}),
        ("task.list", {"filter": "nice"}),
        ("task.state", {"id": "dig", "state": "eaten"}),
        ("task.edit", {"id": "dig", "needs": ["dig"]}),
        ("task.show", {"id": "nothing of the kind"}),
        ("task.claim", {"id": "dig", "session": "mine"}),
        ("claims.renew", {}),
    ],
)
async def test_what_makes_no_sense_changes_nothing(tmp_path: Path, call: str, arguments: dict[str, object]) -> None:
    """Each is told in a sentence."""
    async with family(tmp_path) as (alder,):
        await task(alder, "dig")
        before = await alder.store.log(limit=1000)
        with pytest.raises((Misuse, TooLarge, Malformed)):
            await ask(alder, call, **arguments)
        assert await alder.store.log(limit=1000) == before


async def test_an_agent_without_a_grant_sees_and_takes_nothing(tmp_path: Path) -> None:
    """It is told how a person lets it in."""
    async with family(tmp_path) as (alder,):
        await task(alder, "dig")
        await guarded(alder)
        await act(alder, "agents.add", name="scribe", space="home", types=["note"])
        assert await titles(alder, "all", as_="scribe") == []
        with pytest.raises(Misuse):
            await ask(alder, "task.claim", id="dig", as_="scribe")
        for call, arguments in (("task.add", {"title": "mow"}), ("task.list", {})):
            with pytest.raises(NotGranted):
                await ask(alder, call, **arguments, as_="stranger")


async def test_what_is_in_conflict_is_not_settled_in_passing(tmp_path: Path) -> None:
    """Two titles written apart stand side by side until somebody settles them by name; other parts can be changed."""
    async with family(tmp_path, "admin") as (alder, birch):
        dig = await task(alder, "dig")
        await meet(alder, birch)
        await ask(alder, "task.edit", id=dig, title="dig the bed")
        await ask(birch, "task.edit", id=dig, title="dig the pond")
        await meet(alder, birch)
        with pytest.raises(Refused, match="conflict"):
            await ask(alder, "task.edit", id=dig, title="dig")
        await ask(alder, "task.edit", id=dig, priority=1)
        (conflict,) = (await told(alder, "conflicts"))["conflicts"]
        assert {one["value"] for one in conflict["values"]} == {"dig the bed", "dig the pond"}
        await ask(alder, "conflicts.resolve", id=conflict["id"], take=1)
        await ask(alder, "task.edit", id=dig, title="dig")
