"""Forks as a device shows them: from its log, with a proof of each, until somebody acknowledged them."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest

from mesh.clocks.frontier import Span
from mesh.errors import Misuse
from mesh.events.forks import read_proof
from mesh.limits import PAGE_BYTES_MAX
from mesh.names import digest_text
from mesh.node import home as homes
from mesh.node.agent import Agent, opened
from mesh.sync.messages import Push
from tests.unit.node.test_home import admission_for


async def note(agent: Agent, title: str) -> None:
    """A new note."""
    await agent.call("note.add", {"title": title, "body": ""})


async def hand_on(source: Agent, target: Agent) -> None:
    """Everything that one device holds, to another."""
    for name, chain in source.engine.replica.chains.chains.items():
        for tip in chain.tips:
            run = await source.store.serve(Span(name, tip, ()), PAGE_BYTES_MAX)
            assert run is not None
            await target.engine.hear("another device", Push((run,)))


async def told(agent: Agent) -> list[dict[str, object]]:
    """The forks that it shows."""
    result = await agent.call("forks", {})
    assert isinstance(result, dict)
    return list(result["forks"])


async def problems(agent: Agent) -> str:
    """What its status says."""
    status = await agent.call("status", {})
    assert isinstance(status, dict)
    return str(status["problems"]) + str(status["forks"])


async def copies(folder: Path, count: int) -> tuple[Path, list[Path]]:
    """A device of a mesh of two, and the other one so many times: copied by hand, not noticed."""
    first, second = folder / "mac", folder / "laptop"
    await homes.found(first, "mac")
    asked = await homes.request(second, "laptop")
    await homes.accept(second, await admission_for(first, asked["request"]))
    async with opened(second) as agent:
        await note(agent, "before")
    made = [folder / f"copy-{number}" for number in range(count)]
    for number, home in enumerate(made):
        shutil.copytree(second, home)
        async with opened(home) as agent:
            await note(agent, f"by copy {number}")
    return first, made


async def test_a_fork_is_shown_until_it_is_acknowledged(tmp_path: Path) -> None:
    """With a proof that holds, after a restart too; a third branch shows it anew; everything written counts."""
    first, made = await copies(tmp_path, 3)
    async with opened(first) as agent:
        for home in made[:2]:
            async with opened(home) as copy:
                await hand_on(copy, agent)
        (fork,) = await told(agent)
        assert (fork["name"], fork["branches"], fork["seq"], fork["acknowledged"]) == ("laptop", 2, 3, False)
        assert [event["kind"] for event in fork["events"]] == ["born", "born"]  # type: ignore[attr-defined]
        proof = read_proof(str(fork["proof"]))
        assert {digest_text(digest) for digest in proof.events} == {e["event"] for e in fork["events"]}  # type: ignore[attr-defined]
        assert digest_text(proof.chain) == fork["chain"]
        with pytest.raises(Misuse):
            await agent.call("forks.ack", {"fork": "ffff"})
    async with opened(first) as agent:
        assert "restored from a backup, or stolen?" in await problems(agent)
        await agent.call("forks.ack", {"fork": str(fork["id"])[:8]})
        assert "stolen" not in await problems(agent)
    async with opened(first) as agent:
        assert "stolen" not in await problems(agent)
        assert (await told(agent))[0]["acknowledged"] is True
        async with opened(made[2]) as copy:
            await hand_on(copy, agent)
        assert "wrote 3 different events" in await problems(agent)
        notes = await agent.call("note.list", {"limit": 10})
        assert isinstance(notes, dict)
        titles = {row["title"] for row in notes["notes"]}
        assert titles == {"before", "by copy 0", "by copy 1", "by copy 2"}


async def test_no_fork_no_word(tmp_path: Path) -> None:
    """A mesh in which nothing was forked shows none."""
    first, (copy,) = await copies(tmp_path, 1)
    async with opened(first) as agent, opened(copy) as other:
        await hand_on(other, agent)
        assert await told(agent) == []
        assert "stolen" not in await problems(agent)
