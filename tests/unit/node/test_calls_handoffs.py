"""Hand-offs by true agents: none that nobody could use, none lost, and one at a time who has it."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest

from mesh.errors import Misuse, NotGranted, Refused
from mesh.node import clock, timing
from mesh.node.acknowledging import Acknowledging
from mesh.node.agent import Agent
from tests.unit.node.families import act, ask, family, guarded, meet
from tests.unit.node.repositories import made, run

TYPES = ["note", "task", "handoff", "receipt", "session", "project"]
GOAL = "Rotate the API keys of the shop"
GOOD: dict[str, object] = {
    "goal": GOAL,
    "remaining": ["Replace the key in the worker", "Delete the old key"],
    "verify": ["make check"],
}


async def told(agent: Agent, name: str, /, **arguments: object) -> Mapping[str, Any]:
    """A call; its answer, to be looked into."""
    return await ask(agent, name, **arguments)


async def left(agent: Agent, **more: object) -> str:
    """A hand-off that somebody can work with; its document."""
    return str((await ask(agent, "handoff.new", **{**GOOD, **more}))["document"])


async def let_in(agent: Agent, *names: str) -> None:
    """Agents that may write hand-offs and tasks."""
    await guarded(agent)
    for name in names:
        await act(agent, "agents.add", name=name, space="home", types=TYPES)


async def test_what_is_left_are_tasks_that_cannot_vanish_with_it(tmp_path: Path) -> None:
    """All of it in one commit, and shown whole; a task that was there already is only named."""
    async with family(tmp_path) as (alder,):
        known = str((await ask(alder, "task.add", title="Tell the customers"))["document"])
        before = len(await alder.store.log(limit=1000))
        more = {"done": ["made new keys"], "rejected": ["the old script: it has no rights"], "blockers": ["none yet"]}
        made_ = await told(alder, "handoff.new", **{**GOOD, "remaining": [*GOOD["remaining"], known]}, **more)  # type: ignore[misc]
        assert len(await alder.store.log(limit=1000)) == before + 3, "two tasks and it"
        shown = await told(alder, "handoff.show", id=made_["document"][:20])
        assert [one["title"] for one in shown["remaining"]] == [*GOOD["remaining"], "Tell the customers"]  # type: ignore[misc]
        assert [one["document"] for one in shown["remaining"]] == made_["tasks"]
        assert made_["tasks"][2] == known
        assert (shown["goal"], shown["state"], shown["done"]) == (GOAL, "open", ["made new keys"])
        assert shown["verify"] == [{"cmd": "make check"}]
        assert shown["from"]["name"] == "alder"
        assert {one["state"] for one in shown["remaining"]} == {"open"}


async def test_a_poor_one_changes_nothing_unless_a_person_insists(tmp_path: Path) -> None:
    """It names what to add."""
    async with family(tmp_path) as (alder,):
        await let_in(alder, "claude")
        before = await alder.store.log(limit=1000)
        with pytest.raises(Misuse, match=r"goal needs at least 3 words.*verify"):
            await ask(alder, "handoff.new", goal="continue work", remaining=["Delete the old key"])
        with pytest.raises(NotGranted, match="only a person"):
            await ask(alder, "handoff.new", goal="continue work", anyway=True, as_="claude")
        for wrong in (
            {"reason": "bored"}, {"to": "No Body"}, {"session": "home/task/aaaaaaaaaaaaaaaaaaaaaaaaaa"},
            {"files": [5]}, {"verify": [{"cmd": ["a"]}]}, {"verify": ["\ud800"]}, {"files": [{"\ud800": "x"}]},
            {"done": ["x" * 40_000]}, {"remaining": ["mow the lawn"] * 101},
        ):  # fmt: skip
            with pytest.raises((Misuse, Refused)):
                await ask(alder, "handoff.new", **{**GOOD, **wrong})
        assert await alder.store.log(limit=1000) == before
        anyway = await told(alder, "handoff.new", goal="continue work", anyway=True)
        assert len(anyway["warnings"]) == 2
        forced = await told(alder, "handoff.new", goal="continue", reason="rate_limit", as_="claude")
        assert forced["warnings"]


async def test_a_second_one_never_writes_over_the_first(tmp_path: Path) -> None:
    """Equal in every word, and both are there, with their tasks; on every device."""
    async with family(tmp_path, "admin") as (alder, birch):
        documents = {await left(alder), await left(alder), await left(birch)}
        assert len(documents) == 3
        await meet(alder, birch)
        for agent in (alder, birch):
            found = (await told(agent, "handoff.list"))["handoffs"]
            assert {one["document"] for one in found} == documents
            assert sum(len(one["remaining"]) for one in found) == 6
        assert (await told(birch, "conflicts"))["conflicts"] == []


async def test_one_picks_it_up_and_nobody_else(tmp_path: Path) -> None:
    """Another agent of the device is told who has it; the same one may ask again, and its tasks are in progress."""
    async with family(tmp_path, "admin") as (alder, birch):
        await let_in(alder, "claude", "gemini")
        document = await left(alder, project="", files=["worker.ts"])
        got = await told(alder, "pickup", as_="claude")
        assert got["handoff"]["document"] == document
        assert got["handoff"]["state"] == "claimed"
        assert got["claim"]["until_ms"] - clock.now_ms() == pytest.approx(timing.LEASE_AGENT_S * 1000, abs=60_000)
        with pytest.raises(Refused, match="taken") as caught:
            await ask(alder, "pickup", id=document, as_="gemini")
        assert "claude@alder" in caught.value.hint
        with pytest.raises(Refused, match="nothing waits"):
            await ask(alder, "pickup", as_="gemini")
        assert (await told(alder, "pickup", as_="claude"))["claim"]["name"] == got["claim"]["name"]
        mine = (await told(alder, "task.list", filter="mine", as_="claude"))["tasks"]
        assert {one["title"] for one in mine} == {"Replace the key in the worker", "Delete the old key"}
        assert (await told(alder, "task.ready", as_="gemini"))["tasks"] == []
        await meet(alder, birch)
        with pytest.raises(Refused, match="taken"):
            await ask(birch, "pickup", id=document)
        with pytest.raises(NotGranted, match="only a person"):
            await ask(alder, "pickup", id=document, take=True, as_="gemini")
        assert (await told(birch, "pickup", id=document, take=True))["claim"]["yours"]
        await meet(alder, birch)
        (lost,) = (await told(alder, "claims.lost", as_="claude", fresh=True))["lost"]
        assert (lost["title"], lost["by"]["device_name"]) == (GOAL, "birch")
        assert (await told(alder, "claims.lost", as_="claude", fresh=True))["lost"] == [], "told once"
        assert len((await told(alder, "claims.lost"))["lost"]) == 1


async def test_two_claims_apart_end_with_one_owner_and_the_other_told(tmp_path: Path) -> None:
    """Both work offline on what one of them gets; each device says the same in the end."""
    async with family(tmp_path, "admin", "admin") as (alder, birch, cedar):
        document = await left(cedar)
        await meet(alder, birch, cedar)
        for agent in (alder, birch):
            await ask(agent, "pickup", id=document)
        await meet(birch, cedar)
        await Acknowledging(cedar).look()
        await meet(alder, birch, cedar)
        for agent in (alder, birch, cedar):
            await Acknowledging(agent).look()
        await meet(alder, birch, cedar)
        shown = [await told(agent, "handoff.show", id=document) for agent in (alder, birch, cedar)]
        assert {one["claim"]["device_name"] for one in shown} == {"birch"}, "cedar had seen that one"
        assert [len(one["lost"]) for one in shown] == [1, 0, 0]
        (lost,) = (await told(alder, "claims.lost"))["lost"]
        assert lost["by"]["device_name"] == "birch"
        assert all(one["claim"]["acknowledged"] for one in shown)
        assert (await told(cedar, "conflicts"))["conflicts"] == []


async def test_looking_again_writes_nothing(tmp_path: Path) -> None:
    """Who acknowledged once is done with it, and nobody acknowledges its own."""
    async with family(tmp_path, "admin") as (alder, birch):
        await ask(alder, "pickup", id=await left(alder))
        await Acknowledging(alder).look()
        await meet(alder, birch)
        before = len(await birch.store.log(limit=1000))
        looking = Acknowledging(birch)
        await looking.look()
        assert len(await birch.store.log(limit=1000)) > before
        before = len(await birch.store.log(limit=1000))
        await looking.look_on()
        await looking.look()
        assert len(await birch.store.log(limit=1000)) == before


async def test_done_beats_claimed_wherever_it_was_said(tmp_path: Path) -> None:
    """The last task is done on one device while another one picks the hand-off up."""
    async with family(tmp_path, "admin") as (alder, birch):
        made_ = await told(alder, "handoff.new", **GOOD)
        await meet(alder, birch)
        first, last = made_["tasks"]
        assert (await told(alder, "task.done", id=first, words="replaced"))["handoffs"] == []
        await ask(birch, "pickup", id=made_["document"])
        assert (await told(alder, "task.done", id=last, words="deleted"))["handoffs"] == [made_["document"]]
        await meet(alder, birch)
        for agent in (alder, birch):
            assert (await told(agent, "handoff.show", id=made_["document"]))["state"] == "completed"
            with pytest.raises(Refused, match="done"):
                await ask(agent, "pickup", id=made_["document"])
        assert [one["by"]["end"] for one in (await told(birch, "claims.lost"))["lost"]] == ["done"]


async def test_an_old_one_asks_first(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """What it says may be true no more; a yes of the person takes it."""
    async with family(tmp_path) as (alder,):
        document = await left(alder)
        now = clock.now_ms()
        monkeypatch.setattr(clock, "now_ms", lambda: now + 2 * 86_400_000)
        before = await alder.store.log(limit=1000)
        for said in ({}, {"id": document}):
            with pytest.raises(Refused, match=r"2\.0 days ago") as caught:
                await ask(alder, "pickup", **said)
            assert f"mesh pickup {document} --yes" in caught.value.hint
        assert await alder.store.log(limit=1000) == before
        await let_in(alder, "claude")
        asked = await told(alder, "pickup", ask=True)
        assert (asked["document"], "2.0 days ago" in asked["ask"]) == (document, True)
        with pytest.raises(Refused, match="days ago"):
            await ask(alder, "pickup", ask=True, as_="claude")
        assert (await told(alder, "handoff.show", id=document))["state"] == "open"
        assert (await told(alder, "pickup", yes=True))["handoff"]["document"] == document
        assert (await told(alder, "pickup", ask=True))["claim"]["yours"], "who has it is asked no more"


async def test_one_out_of_time_is_shown_so_and_can_still_be_picked_up(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """On every device that reads it, by its own clock; nothing is written by that, and nobody gets it in passing."""
    async with family(tmp_path, "admin") as (alder, birch):
        now = clock.now_ms()
        with pytest.raises(Misuse, match="over already"):
            await left(alder, expires_ms=now - 1)
        document = await left(alder, expires_ms=now + 3_600_000)
        await meet(alder, birch)
        before = await birch.store.log(limit=1000)
        assert [one["state"] for one in (await told(birch, "handoff.list"))["handoffs"]] == ["open"]
        monkeypatch.setattr(clock, "now_ms", lambda: now + 3_700_000)
        (listed,) = (await told(birch, "handoff.list"))["handoffs"]
        assert (listed["state"], listed["expires_ms"]) == ("expired", now + 3_600_000)
        with pytest.raises(Refused, match="nothing waits"):
            await ask(birch, "pickup", yes=True)
        with pytest.raises(Refused, match="to be picked up until"):
            await ask(birch, "pickup", id=document)
        assert "to be picked up until" in (await told(birch, "pickup", id=document, ask=True))["ask"]
        assert await birch.store.log(limit=1000) == before
        brief = await told(birch, "brief", since_ms=now)
        assert [one["state"] for one in brief["handoffs"]] == ["expired"]
        assert "nobody took it until" in brief["text"]
        assert (await told(birch, "brief", since_ms=now + 3_650_000))["handoffs"] == [], "it is news once"
        assert (await told(birch, "pickup", id=document, yes=True))["handoff"]["state"] == "claimed"
        await meet(alder, birch)
        assert (await told(alder, "handoff.show", id=document))["state"] == "claimed"


async def test_one_that_stands_for_another_takes_its_place_and_whoever_has_that_is_told(tmp_path: Path) -> None:
    """Also where it was picked up meanwhile on a device that did not know; tasks that it does not name stay tasks."""
    async with family(tmp_path, "admin") as (alder, birch):
        before = await told(alder, "handoff.new", **GOOD)
        await meet(alder, birch)
        await ask(birch, "pickup", id=before["document"])
        anew = {**GOOD, "remaining": [before["tasks"][0], "Write a new key down"]}
        later = await told(alder, "handoff.new", **anew, supersedes=before["document"])
        assert later["warnings"] == ["open tasks of the one before that it does not name, and that stay tasks: 1"]
        await meet(alder, birch)
        for agent in (alder, birch):
            assert (await told(agent, "handoff.show", id=before["document"]))["state"] == "superseded"
            assert [one["document"] for one in (await told(agent, "handoff.list"))["handoffs"]] == [later["document"]]
            listed = {one["document"] for one in (await told(agent, "task.list"))["tasks"]}
            assert listed == {*before["tasks"], *later["tasks"]}
        with pytest.raises(Refused, match="a later hand-off stands for") as caught:
            await ask(birch, "pickup", id=before["document"])
        assert later["document"] in caught.value.hint
        (lost,) = (await told(birch, "claims.lost"))["lost"]
        assert (lost["document"], lost["superseded_by"], lost["by"]) == (before["document"], later["document"], None)
        assert "was handed off anew" in (await told(birch, "brief"))["text"]
        assert (await told(alder, "claims.lost"))["lost"] == []
        assert (await told(birch, "pickup", id=later["document"]))["handoff"]["supersedes"] == before["document"]


async def test_the_best_one_is_that_for_the_caller_then_the_latest(tmp_path: Path) -> None:
    """Not one of its own session, not one for others, not one that a later one stands for."""
    async with family(tmp_path) as (alder,):
        await let_in(alder, "claude", "gemini")
        session = str((await ask(alder, "session.begin", tool="claude", native="a1", as_="claude"))["document"])
        old = await left(alder)
        named = await left(alder, to="claude")
        human = await left(alder, to="human")
        await left(alder, to="device:alder", supersedes=old, session=session, as_="claude")
        own = await left(alder, session=session, as_="claude")
        assert (await told(alder, "handoff.show", id=old))["state"] == "superseded"
        with pytest.raises(Refused, match="later hand-off"):
            await ask(alder, "pickup", id=old)
        assert (await told(alder, "pickup", session=session, as_="claude"))["handoff"]["document"] == named
        assert (await told(alder, "handoff.decline", id=named, session=session, as_="claude"))["state"] == "declined"
        assert (await told(alder, "pickup"))["handoff"]["to"].startswith("device:")
        taken = await told(alder, "pickup", id=human, as_="gemini")
        assert taken["warnings"] == ["it was left for human, not for you"]
        assert (await told(alder, "pickup", as_="gemini"))["handoff"]["document"] == human, "what it has already"
        assert (await told(alder, "handoff.show", id=own))["state"] == "open"


async def test_a_no_is_kept_with_its_words_and_frees_it(tmp_path: Path) -> None:
    """Whoever had it gives it up; from who had it not it is only said."""
    async with family(tmp_path, "admin") as (alder, birch):
        document = await left(alder, to="device:birch")
        await meet(alder, birch)
        assert (await told(birch, "handoff.decline", id=document, words="no keys here"))["state"] == "declined"
        await meet(alder, birch)
        shown = await told(alder, "handoff.show", id=document)
        assert [(one["device_name"], one["words"]) for one in shown["declined"]] == [("birch", "no keys here")]
        assert (await told(alder, "pickup", id=document))["claim"]["yours"]
        assert (await told(alder, "handoff.decline", id=document))["state"] == "declined"
        assert (await told(alder, "handoff.done", id=document))["state"] == "completed"
        assert (await told(alder, "handoff.done", id=document))["event"] is None, "said twice by the same"
        await meet(alder, birch)
        for agent, call in ((birch, "handoff.done"), (alder, "handoff.decline")):
            with pytest.raises(Refused, match="done already"):
                await ask(agent, call, id=document)


async def test_who_works_on_keeps_it_and_who_stopped_loses_it(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A session that does something renews the leases of what it has, seldom; one that stopped is passed over."""
    async with family(tmp_path) as (alder,):
        await let_in(alder, "claude", "gemini")
        session = str((await ask(alder, "session.begin", tool="claude", native="a1", as_="claude"))["document"])
        document, now = await left(alder), clock.now_ms()
        await ask(alder, "pickup", id=document, session=session, as_="claude")
        lease_ms = int(timing.LEASE_AGENT_S * 1000)
        assert (await told(alder, "claims.renew", session=session, as_="claude"))["renewed"] == []
        monkeypatch.setattr(clock, "now_ms", lambda: now + lease_ms * 3 // 4)
        assert (await told(alder, "claims.renew", session=session, as_="claude"))["renewed"] == [document]
        monkeypatch.setattr(clock, "now_ms", lambda: now + lease_ms * 3 // 2)
        with pytest.raises(Refused, match="taken"):
            await ask(alder, "pickup", id=document, as_="gemini")
        monkeypatch.setattr(clock, "now_ms", lambda: now + lease_ms * 2)
        assert (await told(alder, "claims.renew", session=session, as_="claude"))["renewed"] == [], "it is over"
        assert (await told(alder, "pickup", id=document, as_="gemini"))["claim"]["agent"] == "gemini"
        assert [one["by"]["agent"] for one in (await told(alder, "claims.lost", as_="claude"))["lost"]] == ["gemini"]


async def test_files_are_looked_for_where_it_is_picked_up(tmp_path: Path) -> None:
    """Digest, branch and commit as they were; what is gone, other, or not fetched is told."""
    async with family(tmp_path / "homes") as (alder,):
        site = made(tmp_path / "site")
        (site / "a.txt").write_text("one")
        (site / "b.txt").write_text("two")
        run(site, "add", ".")
        run(site, "commit", "-q", "-m", "files")
        document = await left(alder, cwd=str(site / "sub dir"), files=["../a.txt", "../b.txt", "../c.txt"])
        shown = await told(alder, "handoff.show", id=document)
        assert [one["path"] for one in shown["files"]] == ["a.txt", "b.txt", "c.txt"]
        assert [bool(one.get("sha256")) for one in shown["files"]] == [True, True, False]
        assert shown["project"]
        assert all(len(one["commit"]) == 40 for one in shown["files"])
        (site / "a.txt").write_text("other")
        (site / "b.txt").unlink()
        got = await told(alder, "pickup", cwd=str(site))
        assert got["warnings"] == [
            "a.txt is not as it was when this was left",
            "b.txt is not in this folder",
            "c.txt is not in this folder",
        ]
        elsewhere = made(tmp_path / "elsewhere")
        got = await told(alder, "pickup", id=document, cwd=str(elsewhere))
        assert sum("commit" in one and "not here" in one for one in got["warnings"]) == 1


async def test_of_what_lies_outside_nothing_is_told(tmp_path: Path) -> None:
    """Neither when it is left nor when it is picked up, whatever path is named; nor of a folder that is none."""
    async with family(tmp_path / "homes") as (alder,):
        site = made(tmp_path / "site")
        (tmp_path / "secret").write_text("x")
        (site / "link").symlink_to(tmp_path / "secret")
        names = ["../secret", str(tmp_path / "secret"), "link", "a\0b", "", ".."]
        document = await left(alder, cwd=str(site), files=names)
        files = (await told(alder, "handoff.show", id=document))["files"]
        assert [one["path"] for one in files] == [name for name in names if name]
        assert not any("sha256" in one for one in files)
        (tmp_path / "secret").unlink()
        assert (await told(alder, "pickup", cwd=str(site)))["warnings"] == []
        for cwd in ("site", "/nothing/of/the/kind", "a\0b", ""):
            assert (await told(alder, "pickup", id=document, cwd=cwd))["warnings"] == []


async def test_in_a_project_only_its_own_is_picked_up(tmp_path: Path) -> None:
    """An agent in one folder gets nothing that is about another one."""
    async with family(tmp_path / "homes") as (alder,):
        site, shop = made(tmp_path / "site"), made(tmp_path / "shop")
        for remote in ("origin", "fork"):
            run(shop, "remote", "remove", remote)
        run(shop, "checkout", "-q", "--orphan", "other")
        run(shop, "commit", "-q", "--allow-empty", "-m", "another beginning")
        about_site = await left(alder, cwd=str(site))
        with pytest.raises(Refused, match="in this project"):
            await ask(alder, "pickup", cwd=str(shop))
        assert (await told(alder, "handoff.list", project="shop"))["handoffs"] == []
        assert (await told(alder, "pickup", cwd=str(site)))["handoff"]["document"] == about_site
