"""Taking devices out, ranks and new keys, by true agents: one commit, nothing revived, and what is told of it."""

from __future__ import annotations

from pathlib import Path

import pytest

from mesh.errors import Misuse, NotGranted
from mesh.events.kinds import Adopt, Close, Rekey
from mesh.events.reading import statement
from mesh.names import Digest
from mesh.node import clock
from mesh.node.agent import Agent, opened
from mesh.node.subjects import device_of
from tests.unit.node.families import Told, act, ask, family, guarded, meet, note, titles


async def devices(agent: Agent) -> dict[str, Told | None]:
    """Who is in (None), and who was closed (how)."""
    told = (await ask(agent, "devices"))["devices"]
    assert isinstance(told, list)
    return {f"{one['name']} {one['rank']}": one["closed"] for one in told}


async def commit_of(agent: Agent, event: object) -> list[type]:
    """What was said in the commit that an event begins."""
    rows = await agent.store.event(str(event))
    kinds: list[type] = []
    for row in await agent.store.walk(rows[0].placed.chain):
        if row.id < rows[0].id:
            continue
        kinds.append(type(statement(row.placed).body))
        if row.placed.signature is not None:
            break
    return kinds


async def test_a_lost_device_is_out_with_one_commit(tmp_path: Path) -> None:
    """Close and new key together; the others write under the new one, which the lost device does not come by."""
    async with family(tmp_path, "admin", "member") as (alder, birch, cedar):
        await guarded(alder)
        await note(birch, "by birch")
        await note(cedar, "by cedar", space="work")
        await meet(alder, birch, cedar)
        told = await act(alder, "lost", device="birch")
        assert await commit_of(alder, told["event"]) == [Close, Rekey]
        assert told["could_read"]["spaces"] == [{"space": "home", "documents": 1}, {"space": "work", "documents": 1}]  # type: ignore[index]
        assert told["hidden"] == 0
        assert told["to_do"]
        await meet(alder, cedar)
        await note(cedar, "after")
        await meet(alder, cedar)
        assert await titles(alder) == {"by birch", "by cedar", "after"}
        found = await devices(cedar)
        assert (found["birch 2"] or {}).get("reason") == "lost"
        assert (found["birch 2"] or {}).get("name") == "alder"
        await meet(alder, birch, cedar)
        assert "after" not in await titles(birch)
        with pytest.raises(NotGranted, match="taken out"):
            await note(birch, "too late")
        with pytest.raises(Misuse, match="closed already"):
            await act(alder, "lost", device="birch")


async def test_since_some_time(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """What had come here by then counts, whatever the lost device's clock says of the rest; the rest is hidden."""
    async with family(tmp_path, "admin") as (alder, birch):
        await guarded(alder)
        await note(birch, "before")
        await meet(alder, birch)
        since = clock.now_ms() + 120_000
        monkeypatch.setattr("mesh.node.engine._now_ms", lambda: since + 60_000)
        await note(birch, "by a thief")
        await meet(alder, birch)
        assert await titles(alder) == {"before", "by a thief"}
        monkeypatch.setattr(clock, "now_ms", lambda: since + 120_000)
        with pytest.raises(Misuse, match="not come yet"):
            await ask(alder, "lost", device="birch", since_ms=since + 10**9)
        look = await ask(alder, "lost", device="birch", since_ms=since, look=True)
        assert look["marks"]
        assert await titles(alder) == {"before", "by a thief"}, "a look changes nothing"
        told = await act(alder, "lost", device="birch", since_ms=since)
        assert told["hidden"] == 1
        assert await titles(alder) == {"before"}
        (void,) = (await ask(alder, "void.list"))["void"]  # type: ignore[misc]
        assert (void["name"], void["count"]) == ("birch", 1)  # type: ignore[has-type]


async def test_closing_an_admin_keeps_up_what_it_had_closed(tmp_path: Path) -> None:
    """Unless it is dropped: a stolen phone that it took out is not live again."""
    async with family(tmp_path, "admin", "member", "member") as (alder, birch, cedar, dogwood):
        await guarded(alder)
        await guarded(birch)
        await meet(alder, birch, cedar, dogwood)
        await act(birch, "lost", device="cedar")
        granted = await act(birch, "agents.add", name="claude", space="work", device="dogwood")
        await meet(alder, birch, cedar, dogwood)
        early = clock.now_ms() - 3_600_000
        look = await ask(alder, "lost", device="birch", since_ms=early, look=True)
        falls = {one["kind"]: one for one in look["falls"]}  # type: ignore[attr-defined]
        assert set(falls) == {"close", "rekey", "grant"}
        assert (falls["close"]["asked"], falls["grant"]["asked"]) == (False, True)
        assert all(one["kept"] for one in falls.values())
        grant = granted["grant"]["id"]  # type: ignore[index]
        told = await act(alder, "lost", device="birch", since_ms=early, drop=[str(grant)[:10]])
        assert await commit_of(alder, told["event"]) == [Close, Adopt, Rekey]
        await meet(alder, dogwood)
        assert {name for name, closed in (await devices(dogwood)).items() if closed} == {"birch 2", "cedar 10"}
        assert (await ask(dogwood, "agents.list"))["agents"] == []
        with pytest.raises(Misuse, match="nothing that would fall"):
            await ask(alder, "remove", device="dogwood", drop=["00"])


async def test_who_may_close_whom(tmp_path: Path) -> None:
    """Seniors their juniors; nobody an equal, a senior or itself; members nobody."""
    async with family(tmp_path, "admin", "admin", "member") as (_, birch, _cedar, dogwood):
        await guarded(birch)
        for name in ("alder", "cedar", "birch"):
            with pytest.raises(NotGranted):
                await act(birch, "lost", device=name)
        with pytest.raises(NotGranted):
            await act(dogwood, "remove", device="birch")
        with pytest.raises(NotGranted):
            await act(dogwood, "rotate")
        with pytest.raises(Misuse, match="no device"):
            await act(birch, "remove", device="nobody")


async def test_another_rank_is_a_close_and_a_new_admission(tmp_path: Path) -> None:
    """With the same keys, grants and agents; the device itself goes on under the new one; what it wrote stays."""
    async with family(tmp_path, "admin") as (alder, birch):
        await guarded(alder)
        await act(alder, "agents.add", name="claude", space="work", device="birch")
        await meet(alder, birch)
        await note(birch, "as admin")
        await meet(alder, birch)
        for wrong in ("1", "0", "256", "boss", "2"):
            with pytest.raises((Misuse, NotGranted)):
                await act(alder, "rank", device="birch", rank=wrong)
        told = await act(alder, "rank", device="birch", rank="member")
        assert (told["rank"], told["role"]) == (10, "member")
        await meet(alder, birch)
        assert birch.successor() == device_of(alder, "birch").digest
    async with opened(tmp_path / "alder") as alder, opened(tmp_path / "birch") as birch:
        await note(birch, "as member")
        await note(birch, "by claude", space="work", as_="claude")
        await meet(alder, birch)
        assert await titles(alder) == await titles(birch) == {"as admin", "as member", "by claude"}
        found = await devices(birch)
        assert {name: (closed or {}).get("reason") for name, closed in found.items()} == {
            "alder 1": None, "birch 10": None, "birch 2": "rank",
        }  # fmt: skip
        with pytest.raises(NotGranted):
            await ask(birch, "rotate")


async def test_a_new_key_for_everybody(tmp_path: Path) -> None:
    """What is written after `rotate` is under it; everybody reads on."""
    async with family(tmp_path, "member") as (alder, birch):
        await guarded(alder)
        before = alder.engine.replica.verdict.epoch()
        told = await act(alder, "rotate")
        assert told["readers"] == ["recovery key", "alder", "birch"]
        await meet(alder, birch)
        assert birch.engine.replica.verdict.epoch() == Digest(bytes.fromhex(str(told["epoch"]))) != before
        document = await note(birch, "under the new key")
        await meet(alder, birch)
        rows = [row for row in await alder.store.log(limit=100) if str(row.document) == document]
        assert {row.placed.header.epoch.hex() for row in rows} == {str(told["epoch"])[:32]}
        assert await titles(alder) == {"under the new key"}


async def test_a_key_that_was_taken_out_never_comes_back(tmp_path: Path) -> None:
    """The same request is refused; new keys are let in like anybody else's."""
    from mesh.node import home as homes  # noqa: PLC0415 - one test makes a home of its own

    async with family(tmp_path) as (alder,):
        await guarded(alder)
        asked = await homes.request(tmp_path / "phone", "phone")
        await ask(alder, "admit", request=asked["request"], rank="member")
        await act(alder, "remove", device="phone")
        with pytest.raises(NotGranted, match="taken out"):
            await ask(alder, "admit", request=asked["request"], rank="member")
        anew = await homes.request(tmp_path / "again", "phone")
        await ask(alder, "admit", request=anew["request"], rank="member")
        told = (await ask(alder, "devices"))["devices"]
        assert isinstance(told, list)
        assert sorted((one["name"], bool(one["closed"])) for one in told) == [
            ("alder", False),
            ("phone", False),
            ("phone", True),
        ]


async def test_who_leaves_says_so(tmp_path: Path) -> None:
    """An admin device shows it until the device is closed; an agent cannot say it for the person."""
    async with family(tmp_path, "member") as (alder, birch):
        await guarded(alder)
        with pytest.raises(NotGranted):
            await ask(birch, "leaving", as_="claude")
        await ask(birch, "leaving")
        await ask(birch, "leaving")
        await meet(alder, birch)
        assert await left(alder) == ["birch has left the mesh"]
        assert await left(birch) == []
        await act(alder, "remove", device="birch")
        assert await left(alder) == []


async def left(agent: Agent) -> list[str]:
    """Whom the status names as gone."""
    problems = (await ask(agent, "status"))["problems"]
    assert isinstance(problems, list)
    return [one["what"] for one in problems if "left the mesh" in one["what"]]
