"""Permissions that a tool asks for: a person gives them elsewhere in time, or the tool asks at its own place."""

from __future__ import annotations

import asyncio
from pathlib import Path

import pytest

from tests.unit.node.families import ask, family, meet
from tests.unit.node.hooks.telling import all_of, asked, let_in, session, told


@pytest.mark.parametrize("option", ["allow", "deny"])
async def test_a_permission_is_given_on_another_device(tmp_path: Path, option: str) -> None:
    """The tool waits, and gets exactly that answer; the question says what for."""
    async with family(tmp_path, "member") as (alder, birch):
        await let_in(alder)
        async with asyncio.timeout(90), asyncio.TaskGroup() as group:
            waiting = group.create_task(told(alder, "claude", "permission", wait_s=60))
            question = await asked(alder)
            await meet(alder, birch)
            (seen,) = await all_of(birch, "ask.list", "asks")
            assert seen["question"] == "May claude use Bash: git push origin main?"
            assert (await session(alder))["state"] == "waiting_permission"
            await ask(birch, "ask.answer", id=seen["document"], option=option, text="not on a Friday")
            await meet(alder, birch)
        output = waiting.result()
        decision = output["hookSpecificOutput"]["decision"]  # type: ignore[index]
        assert decision["behavior"] == option
        assert decision.get("message") == (None if option == "allow" else "not on a Friday")
        assert (await ask(alder, "ask.show", id=question["document"]))["outcome"] == option
        assert (await session(alder))["state"] == "working"


async def test_a_permission_that_nobody_gives(tmp_path: Path) -> None:
    """The tool asks at its own place, and an answer that comes later changes nothing."""
    async with family(tmp_path, "member") as (alder, birch):
        await let_in(alder)
        assert await told(alder, "claude", "permission", "p1", wait_s=1) == {}
        await meet(alder, birch)
        (question,) = await all_of(alder, "ask.list", "asks", state="all")
        assert question["state"] == "expired"
        assert await told(alder, "claude", "permission", "p1", wait_s=1) == {}
        assert len(await all_of(alder, "ask.list", "asks", state="all")) == 1
        assert (await session(alder))["state"] == "waiting_permission"
        await told(alder, "claude", "bash")
        assert (await session(alder))["state"] == "working"


@pytest.mark.parametrize(("ranks", "wait_s"), [((), 60), (("relay",), 60), (("member",), 0)])
async def test_a_permission_is_not_asked_for_nobody(tmp_path: Path, ranks: tuple[str, ...], wait_s: int) -> None:
    """Without another device of the person, or where the settings say so, the tool asks at once."""
    async with family(tmp_path, *ranks) as (alder, *_):
        await let_in(alder)
        assert await told(alder, "claude", "permission", wait_s=wait_s) == {}
        assert not await all_of(alder, "ask.list", "asks", state="all")
