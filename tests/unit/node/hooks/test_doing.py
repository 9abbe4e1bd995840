"""What becomes of what tools tell, by true agents: every event of both tools, once each, in the tool's own name."""

from __future__ import annotations

import asyncio
from pathlib import Path

import pytest

from mesh.errors import NotGranted
from mesh.node import clock, timing
from tests.unit.node.families import ask, family, guarded
from tests.unit.node.hooks.sent import cases, sent
from tests.unit.node.hooks.telling import all_of, asked, context, let_in, repository, session, told


async def test_a_session_from_start_to_end(tmp_path: Path) -> None:
    """It begins once with a brief, says what it is at, and is over when the tool says so, twice if it likes."""
    place = str(repository(tmp_path / "project"))
    async with family(tmp_path) as (alder,):
        await let_in(alder)
        await ask(alder, "task.add", title="Write the importer's test", cwd=place)
        brief = await told(alder, "claude", "session_start", cwd=place)
        assert "Write the importer's test" in context(brief)
        await told(alder, "claude", "user_prompt", cwd=place)
        found = await session(alder)
        assert (found["tool"], found["agent"], found["state"]) == ("claude", "claude", "working")
        assert (found["goal"], found["project_name"]) == ("Make the importer resume after a cut", "project")
        await told(alder, "claude", "notification_permission", cwd=place)
        assert (await session(alder))["state"] == "waiting_permission"
        await told(alder, "claude", "notification_idle", cwd=place)
        assert (await session(alder))["state"] == "waiting_input"
        for _ in range(2):
            await told(alder, "claude", "session_end", cwd=place)
            assert (await session(alder))["state"] == "ended"
        (event, *_) = await all_of(alder, "log", "events", document=found["document"])
        assert event["agent"] == "claude"


async def test_without_a_grant_nothing_is_kept(tmp_path: Path) -> None:
    """And the hook is told what to do about it."""
    async with family(tmp_path) as (alder,):
        await guarded(alder)
        with pytest.raises(NotGranted):
            await told(alder, "claude", "session_start", cwd=str(tmp_path))
        assert not await all_of(alder, "session.list", "sessions", all=True)


NASTY = "\x1b[31m\x00 half \ud800 of a 😀\n" + "long " * 3_000
_PLAIN = {"hook_event_name", "tool_name", "session_id", "cwd", "error", "error_type", "notification_type", "source"} | {
    "file_path",
    "notebook_path",
}


def nasty(value: object) -> object:
    """The same with every text as bad as it may come."""
    if isinstance(value, dict):
        return {key: one if key in _PLAIN else nasty(one) for key, one in value.items()}
    if isinstance(value, list):
        return [nasty(one) for one in value]
    return NASTY if isinstance(value, str) else value


@pytest.mark.parametrize("tool", ["claude", "gemini"])
async def test_no_text_makes_an_event_be_refused(tmp_path: Path, tool: str) -> None:
    """Escapes, zeros, half characters, no end: what a tool tells is kept, cut and cleaned."""
    async with family(tmp_path, "member") as (alder, _birch):
        await let_in(alder, tool)
        for case in cases(tool):
            body = nasty(sent(tool, case))
            assert isinstance(body, dict)
            arguments = {"tool": tool, "as": tool, "id": case, "at_ms": 1, "wait_s": 1, "body": body}
            await alder.call("hook", arguments)
        assert len(await all_of(alder, "handoff.list", "handoffs")) == (2 if tool == "claude" else 0)
        assert len(await all_of(alder, "ask.list", "asks", state="all")) == (1 if tool == "claude" else 0)
        assert (await session(alder))["state"] == "ended"


async def test_evidence_and_a_claim_that_it_verifies(tmp_path: Path) -> None:
    """What the hooks saw makes a claim verified; what they saw fail, or did not see, does not."""
    place = repository(tmp_path / "project")
    async with family(tmp_path) as (alder,):
        await let_in(alder)
        cwd = str(place)
        await told(alder, "claude", "edit", cwd=cwd, tool_input={"file_path": str(place / "a.py")})
        await told(alder, "claude", "bash", "run-1", cwd=cwd)
        await told(alder, "claude", "bash", "run-1", cwd=cwd)
        await told(alder, "claude", "bash_failed", cwd=cwd, tool_input={"command": "ruff check"})
        document = str((await session(alder))["document"])
        assert [(trace.kind, trace.exit) for trace in await alder.evidence.of(document)] == [
            ("file", None), ("run", 0), ("run", 2),
        ]  # fmt: skip
        given = [
            {"text": "tests pass", "evidence": "pytest -q"},
            {"text": "lint passes", "evidence": "ruff check"},
            {"text": "types pass", "evidence": "mypy"},
        ]
        filed = await ask(
            alder, "receipt.new", summary="Resumes", claims=given, session=document, cwd=cwd, as_="claude"
        )
        claims = filed["claims"]
        assert isinstance(claims, list)
        assert claims[0]["status"] == "verified"
        assert "verified" not in {claims[1]["status"], claims[2]["status"]}


async def test_secrets_reach_nothing_that_is_kept(tmp_path: Path) -> None:
    """Neither a prompt, nor a command, nor what a permission is for."""
    secret = "ghp_" + "aB3dE5gH7jK9" * 3
    async with family(tmp_path, "member") as (alder, _birch):
        await let_in(alder)
        await told(alder, "claude", "user_prompt", prompt=f"use the token {secret} to push")
        await told(alder, "claude", "bash", tool_input={"command": f"curl -H 'Authorization: token {secret}' x.test"})
        await told(alder, "claude", "task_created", task_subject=f"rotate {secret}", task_description=secret)
        async with asyncio.timeout(60), asyncio.TaskGroup() as group:
            given = {"command": f"echo {secret}"}
            group.create_task(told(alder, "claude", "permission", wait_s=30, tool_input=given))
            question = await asked(alder)
            await ask(alder, "ask.answer", id=question["document"], option="deny")
        await told(alder, "claude", "pre_compact", custom_instructions=secret)
        await told(alder, "claude", "rate_limit", last_assistant_message=secret)
        assert len(await all_of(alder, "handoff.list", "handoffs")) == 1
    kept = b"".join(path.read_bytes() for path in (tmp_path / "alder").rglob("*") if path.is_file())
    assert secret.encode() not in kept
    assert b"redacted:" in kept


async def test_a_rate_limit_leaves_a_hand_off_once(tmp_path: Path) -> None:
    """Whoever picks it up gets the goal, the files and how the last commands ended; the same event leaves one."""
    place = repository(tmp_path / "project")
    async with family(tmp_path) as (alder,):
        await let_in(alder, "claude", "gemini")
        cwd = str(place)
        await told(alder, "claude", "session_start", cwd=cwd)
        await told(alder, "claude", "user_prompt", cwd=cwd)
        await told(alder, "claude", "edit", cwd=cwd, tool_input={"file_path": str(place / "a.py")})
        await told(alder, "claude", "bash_failed", cwd=cwd)
        for _ in range(2):
            await told(alder, "claude", "rate_limit", "limit-1", cwd=cwd)
        (left,) = await all_of(alder, "handoff.list", "handoffs")
        assert (await session(alder))["state"] == "rate_limited"
        picked = await ask(alder, "pickup", cwd=cwd, as_="gemini")
        handoff = picked["handoff"]
        assert isinstance(handoff, dict)
        assert handoff["document"] == left["document"]
        assert (handoff["reason"], handoff["goal"]) == ("rate_limit", "Make the importer resume after a cut")
        assert "ended with 2" in handoff["context"]
        assert any(str(one["path"]).endswith("a.py") for one in handoff["files"])
        assert [one["title"] for one in handoff["remaining"]] == ["Go on with: Make the importer resume after a cut"]


async def test_before_its_context_is_made_shorter(tmp_path: Path) -> None:
    """What it had come to is kept, and is in the brief that it gets afterwards."""
    async with family(tmp_path) as (alder,):
        await let_in(alder)
        await told(alder, "claude", "user_prompt")
        await told(alder, "claude", "bash_failed")
        await told(alder, "claude", "pre_compact")
        shown = await ask(alder, "session.show", id=(await session(alder))["document"])
        points = shown["checkpoints"]
        assert isinstance(points, list)
        assert "Make the importer resume" in points[0]["summary"]
        assert "`pytest -q` ended with 2" in points[0]["summary"]
        assert "Make the importer resume" in context(await told(alder, "claude", "session_start_compact"))


@pytest.mark.parametrize(
    ("tool", "edit", "stop", "again", "form"),
    [
        ("claude", "edit", "stop", "stop_again", "block"),
        ("gemini", "write_file", "after_agent", "after_agent_again", "deny"),
    ],
)
async def test_who_changed_something_is_asked_once(
    tmp_path: Path, tool: str, edit: str, stop: str, again: str, form: str
) -> None:
    """For a receipt; not when it did not change anything, not twice, and not when it filed one."""
    async with family(tmp_path) as (alder,):
        await let_in(alder, tool)
        assert await told(alder, tool, stop) == {}
        await told(alder, tool, edit, tool_input={"file_path": str(tmp_path / "b.py")})
        assert await told(alder, tool, again) == {}
        demand = await told(alder, tool, stop)
        assert demand["decision"] == form
        assert "b.py" in str(demand["reason"])
        assert await told(alder, tool, stop) == {}
        await told(alder, tool, edit, tool_input={"file_path": str(tmp_path / "c.py")})
        assert "c.py" in str((await told(alder, tool, stop))["reason"])
        document = (await session(alder))["document"]
        await ask(alder, "receipt.new", summary="Two files", session=document, as_=tool)
        assert await told(alder, tool, stop) == {}
        assert (await session(alder))["state"] == "idle"
        await asyncio.sleep(0.002)  # receipts and changes are told apart by the millisecond
        await told(alder, tool, edit, tool_input={"file_path": str(tmp_path / "b.py")})
        assert "b.py" in str((await told(alder, tool, stop))["reason"]), "what came after the receipt is new"
        assert (await session(alder))["state"] == "working"


async def test_work_that_nobody_told_of_has_a_draft(tmp_path: Path) -> None:
    """When the session is over; one, however often it ends."""
    async with family(tmp_path) as (alder,):
        await let_in(alder)
        await told(alder, "claude", "edit", tool_input={"file_path": str(tmp_path / "b.py")})
        for _ in range(2):
            await told(alder, "claude", "session_end")
        (draft,) = await all_of(alder, "receipt.list", "receipts")
        assert draft["state"] == "unreported"
        assert "b.py" in str(draft["summary"])


async def test_who_works_on_keeps_what_it_has(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Its claims are renewed by what it does, long before their leases are over."""
    async with family(tmp_path) as (alder,):
        await let_in(alder)
        await told(alder, "claude", "bash")
        document = (await session(alder))["document"]
        task = (await ask(alder, "task.add", title="Paint the fence"))["document"]

        async def until_ms() -> int:
            shown = await ask(alder, "task.show", id=task)
            return int(shown["claim"]["until_ms"])  # type: ignore[index]

        await ask(alder, "task.claim", id=task, session=document, as_="claude")
        first = await until_ms()
        await told(alder, "claude", "bash")
        assert await until_ms() == first, "not with each command"
        later_ms = clock.now_ms() + int(timing.LEASE_AGENT_S * 750)
        monkeypatch.setattr(clock, "now_ms", lambda: later_ms)
        await told(alder, "claude", "bash")
        assert await until_ms() > first


async def test_tasks_of_the_tool_are_tasks(tmp_path: Path) -> None:
    """Made once, and done when the tool says so, with its words as the reason."""
    async with family(tmp_path) as (alder,):
        await let_in(alder)
        for _ in range(2):
            await told(alder, "claude", "task_created", "task-7")
        (task,) = await all_of(alder, "task.list", "tasks", filter="all")
        assert (task["title"], task["state"]) == ("Write the resume test", "open")
        for _ in range(2):
            await told(alder, "claude", "task_completed")
        (task,) = await all_of(alder, "task.list", "tasks", filter="all")
        assert task["state"] == "done"


async def test_another_folder_is_another_project(tmp_path: Path) -> None:
    """The session goes with it."""
    one, other = repository(tmp_path / "one"), repository(tmp_path / "other")
    async with family(tmp_path) as (alder,):
        await let_in(alder)
        await told(alder, "claude", "session_start", cwd=str(one))
        assert (await session(alder))["project_name"] == "one"
        await told(alder, "claude", "cwd_changed", new_cwd=str(other))
        assert (await session(alder))["project_name"] == "other"


async def test_news_come_with_the_next_prompt(tmp_path: Path) -> None:
    """In a few lines, each once; nothing where there is none."""
    async with family(tmp_path) as (alder,):
        await let_in(alder)
        await ask(alder, "handoff.new", goal="Tidy the old cellar", remaining=["Carry boxes"], verify=["look"])
        assert "Tidy the old cellar" in context(await told(alder, "claude", "session_start"))
        assert await told(alder, "claude", "user_prompt") == {}
        await ask(alder, "handoff.new", goal="Paint the garden fence", remaining=["Buy paint"], verify=["look"])
        document = (await session(alder))["document"]
        question = await ask(
            alder, "ask.new", question="Red or green?", options=["red", "green"], session=document, as_="claude"
        )
        await ask(alder, "ask.answer", id=question["document"], option="green")
        news = context(await told(alder, "claude", "user_prompt"))
        assert "Paint the garden fence" in news
        assert "Tidy the old cellar" not in news
        assert "green" in news
        assert await told(alder, "claude", "user_prompt") == {}
