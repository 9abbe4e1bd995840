"""Grants and agents, by true agents: what each may write and see, when it ends, and that an end stops what goes on."""

from __future__ import annotations

import asyncio
from pathlib import Path

import pytest

from mesh.errors import MeshError, Misuse, NotGranted
from mesh.events.event import Lane
from mesh.events.speaking import Draft
from mesh.node import clock
from mesh.node.agent import Agent
from tests.unit.node.engines import draft
from tests.unit.node.families import act, ask, family, guarded, meet, note, titles


async def ids(agent: Agent, subject: str) -> list[str]:
    """The grants of somebody."""
    found = (await ask(agent, "grants", subject=subject))["grants"]
    assert isinstance(found, list)
    return [str(one["id"]) for one in found]


async def test_an_agent_writes_and_sees_what_it_was_given(tmp_path: Path) -> None:
    """Narrow unless told otherwise; refused elsewhere with the place where it may; what it writes names it."""
    async with family(tmp_path) as (alder,):
        await guarded(alder)
        await note(alder, "private")
        plan = await note(alder, "a plan", space="work")
        with pytest.raises(NotGranted, match="read anything"):
            await titles(alder, as_="claude")
        added = await act(alder, "agents.add", name="claude", space="work")
        assert added["grant"]["types"] == ["note"]  # type: ignore[index]
        assert added["grant"]["verbs"] == ["create", "edit", "read"]  # type: ignore[index]
        with pytest.raises(NotGranted, match="no grant lets claude") as caught:
            await note(alder, "not here", as_="claude")
        assert "grants for work" in caught.value.hint
        written = await note(alder, "by claude", space="work", as_="claude")
        await ask(alder, "note.edit", document=plan, body="better", as_="claude")
        assert await titles(alder, as_="claude") == {"a plan", "by claude"}
        assert await titles(alder) == {"private", "a plan", "by claude"}
        with pytest.raises(NotGranted, match="read in home/note"):
            await ask(alder, "note.show", document="private", as_="claude")
        (line,) = (await ask(alder, "log", document=written))["events"]  # type: ignore[misc]
        assert line["agent"] == "claude"  # type: ignore[has-type]
        seen = (await ask(alder, "log", as_="claude"))["events"]
        assert isinstance(seen, list)
        assert {one["document"].split("/")[0] for one in seen} == {"work"}


async def test_a_list_of_an_agent_is_paged_like_any_other(tmp_path: Path) -> None:
    """What it may not see takes no place on its pages."""
    async with family(tmp_path) as (alder,):
        await guarded(alder)
        for number in range(7):
            await note(alder, f"work {number}", space="work")
            await note(alder, f"home {number}")
        await act(alder, "agents.add", name="claude", space="work", verbs=["read"])
        found: list[str] = []
        more: dict[str, object] = {}
        while True:
            page = await ask(alder, "note.list", limit=3, as_="claude", **more)
            rows = page["notes"]
            assert isinstance(rows, list)
            found += [row["title"] for row in rows]
            if "next" not in page:
                break
            more = {"after": page["next"]}
        assert found == [f"work {number}" for number in range(6, -1, -1)]


@pytest.mark.parametrize(("verbs", "fails"), [(["read"], True), (["create"], False)])
async def test_verbs(tmp_path: Path, verbs: list[str], *, fails: bool) -> None:
    """Who may read may not write, and the other way round."""
    async with family(tmp_path) as (alder,):
        await guarded(alder)
        await act(alder, "agents.add", name="claude", space="home", verbs=verbs)
        if fails:
            with pytest.raises(NotGranted):
                await note(alder, "x", as_="claude")
        else:
            document = await note(alder, "x", as_="claude")
            with pytest.raises(NotGranted):
                await ask(alder, "note.edit", document=document, title="y", as_="claude")
            with pytest.raises(NotGranted, match="read anything"):
                await titles(alder, as_="claude")


async def test_a_grant_ends_by_the_clock_of_who_writes(tmp_path: Path) -> None:
    """And one that would be over is not given."""
    async with family(tmp_path) as (alder,):
        await guarded(alder)
        with pytest.raises(Misuse, match="over already"):
            await act(alder, "agents.add", name="claude", space="home", until_ms=1)
        await act(alder, "agents.add", name="claude", space="home", until_ms=clock.now_ms() + 1500)
        await note(alder, "in time", as_="claude")
        async with asyncio.timeout(30):
            while True:
                try:
                    await note(alder, "again", as_="claude")
                except NotGranted:
                    break
                await asyncio.sleep(0.05)
        assert (await ask(alder, "agents.list"))["agents"] == []


async def test_what_cannot_be_granted(tmp_path: Path) -> None:
    """Words that are none, verbs that are none, the same again, and whoever is out of reach."""
    async with family(tmp_path, "admin", "admin") as (alder, birch, _):
        await guarded(alder)
        await guarded(birch)
        for wrong in (
            {"space": "Work!"}, {"space": "work", "types": ["No Te"]}, {"space": "work", "verbs": ["delete"]}, {},
            {"space": "work", "subject": "nobody"}, {"space": "work", "subject": "Cl aude@alder"},
        ):  # fmt: skip
            with pytest.raises(Misuse):
                await act(alder, "grant", **{"subject": "claude@alder", **wrong})
        await act(alder, "grant", subject="claude@alder", space="work")
        with pytest.raises(Misuse, match="already"):
            await act(alder, "grant", subject="claude@alder", space="work")
        with pytest.raises(NotGranted, match="cedar has 2"):
            await act(birch, "grant", subject="claude@cedar", space="work")
        with pytest.raises(Misuse, match="no grant"):
            await act(alder, "ungrant", id="00000000")


async def test_ending_a_grant_keeps_what_was_written_under_it(tmp_path: Path) -> None:
    """On this device and on the others; the list says by whom."""
    async with family(tmp_path, "member") as (alder, birch):
        await guarded(alder)
        await act(alder, "agents.add", name="claude", space="home", device="birch")
        await meet(alder, birch)
        await note(birch, "before", as_="claude")
        await meet(alder, birch)
        (one,) = await ids(alder, "claude@birch")
        await act(alder, "ungrant", id=one[:8])
        await meet(alder, birch)
        with pytest.raises(NotGranted):
            await note(birch, "after", as_="claude")
        assert await titles(alder) == await titles(birch) == {"before"}
        assert await ids(alder, "claude@birch") == []
        (gone,) = (await ask(alder, "grants", subject="claude@birch", all=True))["grants"]  # type: ignore[misc]
        assert gone["state"] == "ended"  # type: ignore[has-type]
        assert gone["ended"]["name"] == "alder"  # type: ignore[has-type]
        with pytest.raises(Misuse, match="ended already"):
            await act(alder, "ungrant", id=one)


async def test_an_ungrant_stops_the_rest_of_a_batch_that_is_being_said(tmp_path: Path) -> None:
    """Goal: from the moment that the device hears it nothing more is said, and nobody ever shows what came after."""
    async with family(tmp_path, "member") as (alder, birch):
        await guarded(alder)
        await act(alder, "agents.add", name="importer", space="home", device="birch")
        await meet(alder, birch)
        said: list[str] = []
        some = asyncio.Event()

        async def batch() -> MeshError:
            for number in range(10_000):
                try:
                    await note(birch, f"file {number}", as_="importer")
                except MeshError as error:
                    return error
                said.append(f"file {number}")
                if number == 20:
                    some.set()
            raise AssertionError("nothing stopped it")

        async with asyncio.timeout(120), asyncio.TaskGroup() as group:
            running = group.create_task(batch())
            await some.wait()
            await meet(alder, birch)
            (one,) = await ids(alder, "importer@birch")
            await act(alder, "ungrant", id=one)
            marked = await titles(alder)
            await meet(alder, birch)
        assert isinstance(running.result(), NotGranted)
        assert 20 <= len(marked) <= len(said) < 10_000
        await meet(alder, birch)
        assert await titles(alder) == await titles(birch) == marked
        hidden = (await ask(birch, "void.list"))["void"]
        assert isinstance(hidden, list)
        assert sum(one["count"] for one in hidden) == len(said) - len(marked)
        assert (await ask(alder, "status"))["state_digest"] == (await ask(birch, "status"))["state_digest"]


async def test_drafts_of_one_commit_are_all_said_or_none(tmp_path: Path) -> None:
    """One that is refused takes the others with it."""
    async with family(tmp_path) as (alder,):
        await guarded(alder)
        await act(alder, "agents.add", name="claude", space="work")
        before = (await ask(alder, "status"))["events"]

        async def make(_engine: object) -> list[Draft]:
            document, one = draft("one")
            return [one, Draft(one.body, document, "claude")]

        with pytest.raises(NotGranted):
            await alder.engine.say(Lane.DATA, make)
        assert (await ask(alder, "status"))["events"] == before


async def test_removing_an_agent(tmp_path: Path) -> None:
    """All its grants end in one commit; another agent's stay."""
    async with family(tmp_path) as (alder,):
        await guarded(alder)
        for space in ("home", "work"):
            await act(alder, "agents.add", name="claude", space=space)
        await act(alder, "agents.add", name="other", space="home")
        listed = (await ask(alder, "agents.list"))["agents"]
        assert isinstance(listed, list)
        assert [(one["agent"], len(one["grants"])) for one in listed] == [("claude", 2), ("other", 1)]
        assert len((await act(alder, "agents.remove", name="claude"))["ended"]) == 2  # type: ignore[arg-type]
        with pytest.raises(Misuse):
            await act(alder, "agents.remove", name="claude")
        (left,) = (await ask(alder, "agents.list"))["agents"]  # type: ignore[misc]
        assert left["agent"] == "other"  # type: ignore[has-type]


async def test_devices_name_their_agents(tmp_path: Path) -> None:
    """Beside the rank."""
    async with family(tmp_path, "member") as (alder, _):
        await guarded(alder)
        await act(alder, "agents.add", name="claude", space="work", device="birch")
        told = (await ask(alder, "devices"))["devices"]
        assert isinstance(told, list)
        assert [(one["name"], one["agents"], one["closed"]) for one in told] == [
            ("alder", [], None),
            ("birch", ["claude"], None),
        ]
