"""Projects and sessions by true agents: one repository is one project, and a session goes on where it can."""

from __future__ import annotations

from pathlib import Path

import pytest

from mesh.errors import Misuse, NotGranted
from mesh.node import timing
from mesh.node.agent import Agent
from tests.unit.node.families import act, ask, family, guarded, meet
from tests.unit.node.repositories import copied, made, run


async def begun(agent: Agent, cwd: Path, native: str = "0f3a-77", **more: object) -> str:
    """A session of claude; its document."""
    return str((await ask(agent, "session.begin", tool="claude", native=native, cwd=str(cwd), **more))["document"])


async def test_two_devices_that_never_met_make_one_project_of_one_repository(tmp_path: Path) -> None:
    """Offline on both, in folders of other names: afterwards it is one, with the place that it has on each."""
    async with family(tmp_path / "homes", "admin") as (alder, birch):
        site = made(tmp_path / "site")
        copy = copied(site, tmp_path / "other name")
        one = await ask(alder, "project.of", cwd=str(site / "sub dir"))
        other = await ask(birch, "project.of", cwd=str(copy))
        assert one["document"] == other["document"]
        assert one["name"] == other["name"] == "site"
        await meet(alder, birch)
        (known,) = (await ask(alder, "project.list"))["projects"]  # type: ignore[misc]
        assert set(known["paths"]) == {alder.device, birch.device}  # type: ignore[has-type]
        assert known["remotes"] == ["example.org/me/site", "example.org/team/site"]  # type: ignore[has-type]
        assert (await ask(alder, "conflicts"))["conflicts"] == []
        for said in ("site", str(one["document"]), str(one["document"]).rpartition("/")[2][:8]):
            assert (await ask(birch, "project.of", project=said))["document"] == one["document"]


async def test_a_folder_that_nobody_else_could_know_is_no_project(tmp_path: Path) -> None:
    """Nothing is made of a path, and looking at one twice writes nothing."""
    async with family(tmp_path / "homes") as (alder,):
        assert (await ask(alder, "project.of", cwd=str(tmp_path)))["document"] == ""
        assert (await ask(alder, "project.list"))["projects"] == []
        with pytest.raises(Misuse, match="no project 'site'"):
            await ask(alder, "project.of", project="site")
        site = made(tmp_path / "site")
        await ask(alder, "project.of", cwd=str(site))
        before = (await ask(alder, "status"))["events"]
        await ask(alder, "project.of", cwd=str(site))
        assert (await ask(alder, "status"))["events"] == before


async def test_a_session_told_of_twice_is_one(tmp_path: Path) -> None:
    """Hooks come twice and late; only what changes its state is written."""
    async with family(tmp_path / "homes") as (alder,):
        site = made(tmp_path / "site")
        first = await ask(alder, "session.begin", tool="claude", native="0f3a", cwd=str(site / "sub dir"), model="m")
        again = await ask(alder, "session.begin", tool="claude", native="0f3a", cwd=str(site / "sub dir"))
        assert (first["fresh"], again["fresh"]) == (True, False)
        assert first["document"] == again["document"]
        assert first["project"]["name"] == "site"  # type: ignore[index]
        session = first["document"]
        said = await ask(alder, "session.state", id=session, state="waiting_input", words="fix the  header")
        assert said["event"]
        assert (await ask(alder, "session.state", id="0f3a", state="waiting_input"))["event"] is None
        await ask(alder, "session.state", id=session, state="ended")
        assert (await ask(alder, "session.state", id=session, state="idle"))["event"] is None
        assert (await ask(alder, "session.list"))["sessions"] == []
        (listed,) = (await ask(alder, "session.list", all=True))["sessions"]  # type: ignore[misc]
        told = {key: listed[key] for key in ("state", "goal", "model", "branch", "cwd", "project_name", "agent")}  # type: ignore[has-type]
        assert told == {
            "state": "ended", "goal": "fix the header", "model": "m", "branch": "main", "cwd": "sub dir",
            "project_name": "site", "agent": "claude",
        }  # fmt: skip


async def test_a_session_goes_on_where_its_transcript_is(tmp_path: Path) -> None:
    """There by its tool's own id; on another device anew, in the folder that the project has there, if it has one."""
    async with family(tmp_path / "homes", "admin") as (alder, birch):
        site = made(tmp_path / "site")
        session = await begun(alder, site / "sub dir")
        await ask(alder, "session.checkpoint", id=session, summary="half way", open=["the rest"], files=["a.py"])
        await meet(alder, birch)
        here = await ask(alder, "session.resume", id=session)
        assert here["command"] == f"cd '{site}/sub dir' && claude --resume 0f3a-77"
        assert here["native"]
        there = await ask(birch, "session.resume", id=session)
        assert (there["command"], there["path"], there["native"]) == ("claude", None, False)
        assert "never met on this device" in str(there["why"])
        assert "Clone example.org/me/site here" in str(there["hint"])
        copy = copied(site, tmp_path / "copy")
        await ask(birch, "project.of", cwd=str(copy))
        shown = await ask(birch, "session.show", id=session)
        assert shown["resume"]["command"] == f"cd '{copy}/sub dir' && claude"  # type: ignore[index]
        assert "on alder" in str(shown["resume"]["why"])  # type: ignore[index]
        (point,) = shown["checkpoints"]  # type: ignore[misc]
        assert (point["summary"], point["open"]) == ("half way", ["the rest"])  # type: ignore[has-type]


async def test_sessions_are_listed_by_project_and_device(tmp_path: Path) -> None:
    """A project's sessions are those of all documents that are read as it."""
    async with family(tmp_path / "homes", "admin") as (alder, birch):
        site, other = made(tmp_path / "site"), made(tmp_path / "other")
        run(other, "commit", "-q", "--allow-empty", "--amend", "-m", "another beginning")
        for url in ("origin", "fork"):
            run(other, "remote", "remove", url)
        mine = await begun(alder, site)
        theirs = await begun(birch, copied(site, tmp_path / "copy"), "9")
        elsewhere = await begun(birch, tmp_path, "10")
        await meet(alder, birch)

        async def listed(**more: object) -> set[object]:
            found = (await ask(alder, "session.list", **more))["sessions"]
            assert isinstance(found, list)
            return {one["document"] for one in found}

        assert await listed() == {mine, theirs, elsewhere}
        assert await listed(project="site") == await listed(cwd=str(site)) == {mine, theirs}
        assert await listed(device="birch") == {theirs, elsewhere}
        assert await listed(project="site", device="birch") == {theirs}
        assert len(await listed(limit=1)) == 1


async def test_who_is_at_work_is_told_and_forgotten(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A session is at work while it gives signs of life; after silence nobody says so."""
    async with family(tmp_path / "homes") as (alder,):
        session = await begun(alder, made(tmp_path / "site"))
        (one,) = (await ask(alder, "status"))["at_work"]  # type: ignore[misc]
        told = {key: one[key] for key in ("session", "agent", "project", "state", "name")}  # type: ignore[has-type]
        assert told == {
            "session": session, "agent": "claude", "project": "site", "state": "working", "name": "alder",
        }  # fmt: skip
        monkeypatch.setattr(timing, "PRESENT_S_MAX", 0.0)
        assert (await ask(alder, "status"))["at_work"] == []


async def test_an_agent_needs_a_grant_for_sessions_as_for_anything(tmp_path: Path) -> None:
    """What it may not see it is not told of."""
    async with family(tmp_path / "homes") as (alder,):
        await guarded(alder)
        session = await begun(alder, tmp_path)
        with pytest.raises(NotGranted):
            await ask(alder, "session.begin", tool="claude", native="1", as_="claude")
        with pytest.raises(NotGranted):
            await ask(alder, "session.list", as_="claude")
        await act(alder, "agents.add", name="claude", space="home", types=["session", "project"])
        await ask(alder, "session.begin", tool="claude", native="1", as_="claude")
        (own, *_) = (await ask(alder, "session.list", as_="claude"))["sessions"]  # type: ignore[misc]
        assert len((await ask(alder, "status", as_="claude"))["at_work"]) == 2  # type: ignore[arg-type]
        await act(alder, "agents.add", name="codex", space="home", types=["note"])
        assert (await ask(alder, "status", as_="codex"))["at_work"] == []
        assert own["created"]["agent"] == "claude"  # type: ignore[has-type]
        assert (await ask(alder, "session.show", id=session, as_="claude"))["document"] == session
