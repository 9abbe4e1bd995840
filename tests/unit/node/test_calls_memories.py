"""Memories by true agents: who may have one count, what a question finds, and that a person has the last word."""

from __future__ import annotations

from pathlib import Path

import pytest

from mesh.errors import Misuse, NotGranted, Refused
from mesh.node.agent import Agent
from tests.unit.node.families import ask, family, meet
from tests.unit.node.helping import let_in


async def recalled(agent: Agent, query: str, **more: object) -> list[tuple[str, str, str]]:
    """Text, state and author of each hit."""
    hits = (await ask(agent, "recall", query=query, **more))["hits"]
    assert isinstance(hits, list)
    return [(one["text"], one["state"], one["by"]) for one in hits]


async def test_an_agents_word_waits_where_it_would_hold_everywhere(tmp_path: Path) -> None:
    """Until a person approves it on any device; then other agents get it, and it says who said it."""
    async with family(tmp_path, "member") as (alder, birch):
        await let_in(alder)
        told = await ask(alder, "memory.add", text="Tests need node 20", as_="claude")
        assert (told["state"], told["scope"]) == ("pending", "global")
        assert await recalled(alder, "node", as_="claude") == []
        assert await recalled(alder, "node") == [("Tests need node 20", "pending", "claude")]
        for call in ("memory.approve", "memory.reject"):
            with pytest.raises(NotGranted, match="only a person"):
                await ask(alder, call, id=told["document"], as_="claude")
        await meet(alder, birch)
        pending = (await ask(birch, "memory.list", state="pending"))["memories"]
        assert [one["document"] for one in pending] == [told["document"]]  # type: ignore[attr-defined]
        await ask(birch, "memory.approve", id=told["document"])
        await meet(alder, birch)
        (hit,) = (await ask(alder, "recall", query="node tests", as_="claude"))["hits"]  # type: ignore[misc]
        assert (hit["state"], hit["by"]) == ("approved", "claude")  # type: ignore[has-type]
        assert (hit["author"]["name"], hit["author"]["agent"]) == ("alder", "claude")  # type: ignore[has-type]
        assert hit["updated"]["name"] == "birch"  # type: ignore[has-type]


async def test_a_person_is_not_outdone(tmp_path: Path) -> None:
    """What an agent says against a person's word waits, and the person's word goes on until a person says so."""
    async with family(tmp_path) as (alder,):
        await let_in(alder)
        mine = await ask(alder, "memory.add", text="Deploy on Fridays only", scope="project")
        theirs = await ask(
            alder, "memory.add", text="Deploy whenever", supersedes=mine["document"], scope="project", as_="claude"
        )
        assert theirs["state"] == "pending"
        assert await recalled(alder, "deploy", as_="claude") == [("Deploy on Fridays only", "approved", "human")]
        await ask(alder, "memory.approve", id=theirs["document"])
        assert await recalled(alder, "deploy", as_="claude") == [
            ("Deploy whenever", "approved", "claude"),
            ("Deploy on Fridays only", "superseded", "human"),
        ]
        last = await ask(alder, "memory.supersede", id=theirs["document"], text="Never deploy")
        assert last["state"] == "approved"
        assert [state for _, state, _ in await recalled(alder, "deploy")] == ["approved", "superseded", "superseded"]
        with pytest.raises(Refused, match="superseded already"):
            await ask(alder, "memory.supersede", id=mine["document"], text="Deploy on Mondays")
        assert len(await recalled(alder, "deploy")) == 3, "nothing of what was refused is kept"


async def test_two_devices_supersede_at_once(tmp_path: Path) -> None:
    """Both new ones stay, and the register of the old one is in conflict, as any is."""
    async with family(tmp_path, "admin") as (alder, birch):
        old = await ask(alder, "memory.add", text="The port is 80")
        await meet(alder, birch)
        await ask(alder, "memory.supersede", id=old["document"], text="The port is 81")
        await ask(birch, "memory.supersede", id=old["document"], text="The port is 82")
        await meet(alder, birch)
        for agent in (alder, birch):
            found = await recalled(agent, "port")
            assert {text for text, state, _ in found if state == "approved"} == {"The port is 81", "The port is 82"}
            assert (await ask(agent, "memory.show", id=old["document"]))["conflicts"] == 1


async def test_rejected_and_expired(tmp_path: Path) -> None:
    """Rejected is told to nobody; expired is told as such; neither is in the list of what counts."""
    async with family(tmp_path) as (alder,):
        gone = await ask(alder, "memory.add", text="The moon is cheese")
        await ask(alder, "memory.reject", id=gone["document"])
        await ask(alder, "memory.add", text="The moon is full", expires_ms=1)
        assert await recalled(alder, "moon") == [("The moon is full", "expired", "human")]
        assert (await ask(alder, "memory.list"))["memories"] == []
        assert len((await ask(alder, "memory.list", all=True))["memories"]) == 2  # type: ignore[arg-type]


async def test_a_file_that_changed_makes_one_stale(tmp_path: Path) -> None:
    """On the device where the file is."""
    place = tmp_path / "pyproject.toml"
    place.write_text("python 3.11")
    async with family(tmp_path / "homes") as (alder,):
        await ask(alder, "memory.add", text="We are on Python 3.11", recheck=[str(place)], kind="decision")
        assert await recalled(alder, "python") == [("We are on Python 3.11", "approved", "human")]
        place.write_text("python 3.12")
        assert await recalled(alder, "python") == [("We are on Python 3.11", "stale", "human")]


async def test_a_question_in_ones_own_words(tmp_path: Path) -> None:
    """Those with most of its words come first; kinds and projects narrow it."""
    async with family(tmp_path) as (alder,):
        await ask(alder, "memory.add", text="The database of the shop is Postgres 16", kind="decision")
        await ask(alder, "memory.add", text="The shop closes at eight")
        found = await recalled(alder, "which database does the shop use?")
        assert [text for text, _, _ in found] == ["The database of the shop is Postgres 16", "The shop closes at eight"]
        assert len(await recalled(alder, "shop", kind=["decision"])) == 1
        assert await recalled(alder, "zebra") == []


async def test_secrets_are_left_out(tmp_path: Path) -> None:
    """Unless the person wants it as it is; an agent cannot."""
    async with family(tmp_path) as (alder,):
        await let_in(alder)
        told = await ask(alder, "memory.add", text="The token is gh" + "p_" + "a1B2" * 9)
        assert told["redacted"] == 1
        assert await recalled(alder, "token") == [("The token is [redacted:token]", "approved", "human")]
        kept = await ask(alder, "memory.add", text="wifi password: swordfish", as_is=True)
        assert (await ask(alder, "memory.show", id=kept["document"]))["text"] == "wifi password: swordfish"
        agents = await ask(alder, "memory.add", text="wifi password: swordfish", as_is=True, as_="claude")
        assert agents["redacted"] == 1


@pytest.mark.parametrize(
    "odd", [{"text": ""}, {"text": "x" * 501}, {"text": "x", "kind": "rumour"}, {"text": "x", "supersedes": "y"}]
)
async def test_what_makes_no_sense_keeps_nothing(tmp_path: Path, odd: dict[str, object]) -> None:
    """Refused, and nothing was changed."""
    async with family(tmp_path) as (alder,):
        with pytest.raises(Misuse):
            await ask(alder, "memory.add", **odd)
        assert (await ask(alder, "memory.list", all=True))["memories"] == []
