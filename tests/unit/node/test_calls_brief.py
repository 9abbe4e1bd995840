"""The brief by true agents: what happened elsewhere is in it, in order, also what came late; each sees what it may."""

from __future__ import annotations

from pathlib import Path

import pytest

from mesh.errors import MeshError, Misuse, NotGranted
from mesh.node import clock
from mesh.node.agent import Agent
from tests.unit.node.families import Told, act, ask, family, guarded, meet, note
from tests.unit.node.repositories import copied, made

DAY_MS = 86_400_000


def titles(told: Told, key: str) -> list[str]:
    """The titles of one part."""
    found = told[key]
    assert isinstance(found, list)
    return [str(one["title"]) for one in found]


async def written(agent: Agent, title: str) -> str:
    """A task; its document."""
    return str((await ask(agent, "task.add", title=title))["document"])


async def test_what_was_written_in_flight_is_in_the_morning_view(tmp_path: Path) -> None:
    """A note and a task of a phone that was away: on the other device, by whom and where, the latest first."""
    async with family(tmp_path, "member") as (mac, phone):
        await note(phone, "window seat", tags=["trip"])
        await written(phone, "call the notary")
        before = await ask(mac, "brief")
        assert (before["notes"], before["tasks"]) == ([], [])
        await meet(mac, phone)
        told = await ask(mac, "brief")
        assert titles(told, "notes") == ["window seat"]
        assert titles(told, "tasks") == titles(told, "tasks_changed") == ["call the notary"]
        assert told["notes"][0]["updated"]["name"] == "birch"  # type: ignore[index]
        assert told["tasks"][0]["created"]["name"] == "birch"  # type: ignore[index]
        assert "window seat" in str(told["text"])
        assert "call the notary" in str(told["text"])


async def test_what_was_written_long_ago_and_came_only_now_is_told_of(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A phone that was away for a month: by its clock it is old, here it is news; some days later no more."""
    async with family(tmp_path, "member") as (mac, phone):
        now = clock.now_ms()
        await ask(mac, "brief", shown=True)
        monkeypatch.setattr("mesh.node.engine._now_ms", lambda: now - 30 * DAY_MS)
        await note(phone, "from the mountains")
        await written(phone, "repair the tent")
        monkeypatch.undo()
        await meet(mac, phone)
        told = await ask(mac, "brief", shown=True)
        assert titles(told, "notes") == ["from the mountains"]
        assert told["notes"][0]["late"] is True  # type: ignore[index]
        assert titles(told, "tasks_changed") == ["repair the tent"]
        assert titles(await ask(mac, "brief", shown=True), "notes") == ["from the mountains"]  # the same morning
        monkeypatch.setattr(clock, "now_ms", lambda: now + 3 * DAY_MS)
        later = await ask(mac, "brief")
        assert titles(later, "notes") == titles(later, "tasks_changed") == []
        assert titles(later, "tasks") == ["repair the tent"]  # it is still to be done


async def test_a_brief_of_a_project_has_what_belongs_to_it(tmp_path: Path) -> None:
    """Its hand-offs, tasks, sessions and notes with its name as a tag; in a copy on another device the same."""
    async with family(tmp_path / "homes", "admin") as (alder, birch):
        site, copy = made(tmp_path / "site"), copied(tmp_path / "site", tmp_path / "copy")
        session = str((await ask(alder, "session.begin", tool="claude", native="1", cwd=str(site)))["document"])
        await ask(alder, "session.state", id=session, state="working", words="stream the importer")
        await ask(alder, "session.checkpoint", id=session, summary="half of it streams", open=["the rest"])
        await ask(
            alder, "handoff.new", goal="finish the streaming importer", remaining=["bound its memory"],
            verify=["pytest"], cwd=str(site), session=session,
        )  # fmt: skip
        await ask(alder, "task.add", title="unrelated")
        await note(alder, "about the site", tags=["site"])
        await note(alder, "about seeds")
        await meet(alder, birch)
        follower = await ask(birch, "session.begin", tool="gemini", native="2", cwd=str(copy), **{"from": session})
        told = await ask(birch, "brief", cwd=str(copy), session=follower["document"])
        assert told["project_name"] == "site"
        assert titles(told, "handoffs") == ["finish the streaming importer"]
        assert titles(told, "tasks") == ["bound its memory"]
        assert titles(told, "notes") == ["about the site"]
        assert told["goal"] == "stream the importer"
        assert told["checkpoint"]["summary"] == "half of it streams"  # type: ignore[index]
        assert [one["agent"] for one in told["sessions"]] == ["gemini", "claude"]  # type: ignore[attr-defined]
        everything = await ask(birch, "brief")
        assert set(titles(everything, "tasks")) == {"bound its memory", "unrelated"}
        assert everything["goal"] == "finish the streaming importer"


async def test_whoever_lost_a_claim_is_told(tmp_path: Path) -> None:
    """Two devices took the same hand-off without knowing of each other."""
    async with family(tmp_path, "admin") as (alder, birch):
        left = await ask(alder, "handoff.new", goal="finish the importer", verify=["pytest"], remaining=["bound it"])
        await meet(alder, birch)
        for agent in (alder, birch):
            await ask(agent, "pickup", id=left["document"])
        await meet(alder, birch)
        lost = [agent for agent in (alder, birch) if titles(await ask(agent, "brief"), "lost_claims")]
        assert len(lost) == 1
        text = str((await ask(lost[0], "brief"))["text"])
        other = "birch" if lost[0] is alder else "alder"
        assert f'"finish the importer" is taken by the person on {other}' in text


async def test_an_agent_is_told_what_it_may_see(tmp_path: Path) -> None:
    """And nothing of how the devices are, which is the person's to mend."""
    async with family(tmp_path) as (alder,):
        await guarded(alder)
        await note(alder, "private")
        await written(alder, "a task")
        with pytest.raises(NotGranted):
            await ask(alder, "brief", as_="claude")
        await act(alder, "agents.add", name="claude", space="home", types=["task"])
        told = await ask(alder, "brief", as_="claude", shown=True)
        assert titles(told, "tasks") == ["a task"]
        assert told["notes"] == told["problems"] == []
        assert "private" not in str(told)
        assert await alder.store.setting("brief/marks") is None  # no agent's brief is the person's


async def test_senseless_briefs_are_refused(tmp_path: Path) -> None:
    """With a sentence each."""
    async with family(tmp_path) as (alder,):
        for wrong in ({"budget": 10**6}, {"budget": 10}, {"since_ms": -1}, {"project": "none"}):
            with pytest.raises(Misuse):
                await ask(alder, "brief", **wrong)
        for session in ("nothing", str(await note(alder, "no session"))):
            with pytest.raises(MeshError):
                await ask(alder, "brief", session=session)
