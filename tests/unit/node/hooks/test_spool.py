"""What hooks left is taken in their order, each once, whatever else lies there; by true agents."""

from __future__ import annotations

import json
import os
import time
from pathlib import Path

import pytest

from mesh.errors import DiskFull
from mesh.node.agent import Agent
from mesh.node.hooks import spool
from mesh.node.paths import spool_path
from tests.unit.node.families import family
from tests.unit.node.hooks.sent import sent
from tests.unit.node.hooks.telling import all_of, let_in, session, told


def leave(agent: Agent, at_ms: int, case: str, event: str = "", **other: object) -> Path:
    """What a hook leaves when no agent runs."""
    folder = spool_path(agent.home)
    folder.mkdir(mode=0o700, exist_ok=True)
    name = event or f"left-{at_ms}"
    path = folder / f"{at_ms:015d}-{name}.json"
    body = sent("claude", case, **other)
    path.write_text(json.dumps({"tool": "claude", "as": "claude", "id": name, "at_ms": at_ms, "body": body}))
    return path


async def test_it_is_taken_in_order_and_gone(tmp_path: Path) -> None:
    """A whole session that nobody heard: it is over at the end, and has left what it would have left."""
    async with family(tmp_path) as (alder,):
        await let_in(alder)
        for at_ms, case in enumerate(["session_start", "user_prompt", "bash", "rate_limit", "session_end"], 1_000):
            leave(alder, at_ms, case)
        assert await spool.taken(alder) == 5
        found = await session(alder)
        assert (found["state"], found["goal"]) == ("ended", "Make the importer resume after a cut")
        assert len(await all_of(alder, "handoff.list", "handoffs")) == 1
        (trace,) = await alder.evidence.of(str(found["document"]))
        assert (trace.at_ms, trace.exit) == (1_002, 0)
        assert not list(spool_path(alder.home).iterdir())
        assert await spool.taken(alder) == 0


async def test_a_hook_comes_after_what_was_left(tmp_path: Path) -> None:
    """What a session did first comes first."""
    async with family(tmp_path) as (alder,):
        await let_in(alder)
        leave(alder, 1_000, "session_start")
        leave(alder, 1_001, "user_prompt", prompt="This came first")
        await told(alder, "claude", "user_prompt", prompt="This came second")
        found = await session(alder)
        assert (found["goal"], found["topic"]) == ("This came first", "This came second")


async def test_an_event_that_was_answered_is_not_taken_again(tmp_path: Path) -> None:
    """A hook that waited in vain leaves what the agent took after all."""
    async with family(tmp_path) as (alder,):
        await let_in(alder)
        await told(alder, "claude", "session_start", "e-1")
        await told(alder, "claude", "session_end")
        path = leave(alder, 1_000, "session_start", "e-1")
        assert await spool.taken(alder) == 1
        assert (await session(alder))["state"] == "ended"
        assert not path.exists()


async def test_an_event_under_way_stays(tmp_path: Path) -> None:
    """Until it is kept: a crash in between would lose it."""
    async with family(tmp_path) as (alder,):
        await let_in(alder)
        path = leave(alder, 1_000, "session_start", "e-1")
        alder.memory.trails.under_way.add("e-1")
        assert await spool.taken(alder) == 0
        assert path.exists()
        alder.memory.trails.under_way.clear()
        assert await spool.taken(alder) == 1


@pytest.mark.parametrize(
    "content",
    [
        b"",
        b"{",
        b"[]",
        b"\xff",
        b'{"tool": "claude", "id": "a", "body": []}',
        b'{"tool": "vim", "id": "a", "body": {}}',
        b'{"tool": "claude", "id": "a", "body": {"hook_event_name": "Stop"}, "at_ms": "soon"}',
        b'{"tool": "claude", "id": "a", "body": {"hook_event_name": "Stop"}}',
        b'{"tool": "claude", "id": 7, "body": {}}',
        b"[" * 100_000,
        b" " * 2_000_000,
    ],
)
async def test_what_is_no_event_stops_nothing(tmp_path: Path, content: bytes) -> None:
    """It goes, with a line in the log, and what comes after it is taken."""
    async with family(tmp_path) as (alder,):
        await let_in(alder)
        broken = leave(alder, 1_000, "stop")
        broken.write_bytes(content)
        leave(alder, 1_001, "session_start")
        assert await spool.taken(alder) == 2
        assert (await session(alder))["state"] == "working"
        assert not broken.exists()


async def test_links_and_folders_are_not_read(tmp_path: Path) -> None:
    """Whatever a link leads to, it stays as it is."""
    async with family(tmp_path) as (alder,):
        await let_in(alder)
        precious = tmp_path / "precious"
        precious.write_text('{"tool": "claude"}')
        path = leave(alder, 1_000, "stop")
        path.unlink()
        path.symlink_to(precious)
        os.mkfifo(path.with_name("a.json"))
        path.with_name("b.json").mkdir()
        assert await spool.taken(alder) == 2
        assert precious.read_text() == '{"tool": "claude"}'
        assert [left.name for left in spool_path(alder.home).iterdir()] == ["b.json"]


async def test_a_full_disk_loses_nothing(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """What cannot be kept stays, and all that came after it."""
    async with family(tmp_path) as (alder,):
        await let_in(alder)
        for at_ms in (1_000, 1_001):
            leave(alder, at_ms, "user_prompt")

        async def full(*_arguments: object) -> object:
            raise DiskFull("nothing more can be written")

        with monkeypatch.context() as patched:
            patched.setattr(alder.store, "commit", full)
            with pytest.raises(DiskFull):
                await spool.taken(alder)
        assert len(list(spool_path(alder.home).iterdir())) == 2
        assert await spool.taken(alder) == 2
        assert (await session(alder))["state"] == "working"


async def test_old_drafts_go(tmp_path: Path) -> None:
    """Of hooks that were killed; a new one may still be written."""
    async with family(tmp_path) as (alder,):
        await let_in(alder)
        path = leave(alder, 1_000, "stop")
        old, new = path.with_name(".a.new"), path.with_name(".b.new")
        path.rename(old)
        new.touch()
        os.utime(old, (time.time() - 7200,) * 2)
        assert await spool.taken(alder) == 0
        assert (old.exists(), new.exists()) == (False, True)
