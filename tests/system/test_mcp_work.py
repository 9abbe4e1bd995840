"""What agents do over MCP, from the briefing to the receipt: with real agents and the SDK's own client.

Here is looked at what a client gets; the rules of hand-offs, receipts and questions are tested with them.
"""

from __future__ import annotations

import asyncio
import json
from typing import Any

import mcp_types as types
import pytest
from mcp import Client, MCPError

from mesh.node.socket_client import Told
from tests.system.harness import Device, Fleet, wait
from tests.system.test_mcp import client, done, let_in, said, used

pytestmark = pytest.mark.system

TYPES = ("note", "task", "handoff", "receipt", "memory", "decision", "session", "ask", "project")
GOAL = "carry the login over to the new cookies"


@pytest.fixture
def device(fleet: Fleet) -> Device:
    """A device at work that let two agents in."""
    device = fleet.joined(1)[0].start()
    for name in ("claude", "gemini"):
        let_in(device, name, *TYPES)
    return device


async def test_a_hand_off_goes_from_one_agent_to_exactly_one_other(device: Device) -> None:
    """Two clients of the same agent are two: the second one is told that another has it. Done tasks close it."""
    async with client(device, "legacy", "claude") as one:
        left = await done(one, "handoff", goal=GOAL, remaining=["write the test for expiry"], verify=["pytest -q"])
    async with client(device, "2026-07-28", "gemini") as two, client(device, "auto", "gemini") as three:
        brief = await used(two, "continuity")
        assert GOAL in said(brief)
        assert brief.structured_content is None
        taken = await done(two, "pickup")
        handoff, claim = told(taken, "handoff"), told(taken, "claim")
        assert (handoff["document"], claim["agent"]) == (left["document"], "gemini")
        refused = await used(three, "pickup", id=left["document"])
        assert refused.is_error
        assert "taken already" in said(refused)
        assert told(await done(two, "pickup", id=left["document"]), "claim")["name"] == claim["name"]
        task = listed(left, "tasks")[0]
        assert (await done(two, "task", id=task, claim=True, status="done", notes="written"))["state"] == "done"
        assert (await done(two, "task", id=task))["state"] == "done"
        assert json.loads(await read(two, f"mesh://handoff/{left['document']}"))["state"] == "completed"
        assert open_sessions(device) == ["gemini", "gemini"]
    await asyncio.to_thread(wait, "what began with a client ends with it", lambda: not open_sessions(device))


async def test_a_receipt_without_evidence_is_asserted(device: Device) -> None:
    """A model's word is no more than that; and the next agent reads it so."""
    async with client(device, "auto", "claude") as one:
        filed = await done(
            one, "receipt", summary="cookies carried over", changed=["login.py"], why="they expired",
            claims=[{"text": "all tests pass", "evidence": "pytest -q"}], not_done=["the old ones"],
        )  # fmt: skip
        assert [claim["status"] for claim in listed(filed, "claims")] == ["asserted"]
        assert json.loads(await read(one, f"mesh://receipt/{filed['document']}"))["title"] == "cookies carried over"
    async with client(device, "auto", "gemini") as two:
        assert "cookies carried over" in said(await used(two, "continuity"))


async def test_a_question_is_answered_by_the_person_and_read_by_its_handle(device: Device) -> None:
    """The tool answers at once; the answer comes when the handle is asked for again."""
    async with client(device, "auto", "claude") as one:
        asked = await done(one, "ask", question="May I drop the table?", options=["yes", "no"])
        assert (await done(one, "ask", handle=asked["handle"]))["state"] == "waiting"
        device.call("ask.answer", id=asked["handle"], option="no")
        read_again = await done(one, "ask", handle=asked["handle"])
        assert told(read_again, "answer")["option"] == "no"


async def test_tasks_are_made_listed_and_wait_for_each_other(device: Device) -> None:
    """What needs another one is not ready."""
    async with client(device, "auto", "claude") as one:
        first = await done(one, "task", title="build it")
        second = await done(one, "task", title="ship it", needs=[first["document"]], status="blocked", notes="wait")
        assert (await done(one, "task", title="begin at once", claim=True))["state"] == "in_progress"
        assert [task["title"] for task in listed(await done(one, "tasks"), "tasks")] == ["build it"]
        mine = await done(one, "tasks", filter="mine")
        assert [task["title"] for task in listed(mine, "tasks")] == ["begin at once"]
        assert json.loads(await read(one, f"mesh://task/{second['document']}"))["waits"]


async def test_what_is_remembered_is_recalled_with_who_said_it(device: Device) -> None:
    """And what took its place says so."""
    async with client(device, "auto", "claude") as one:
        old = await done(one, "remember", text="the port of the proxy is 8080", scope="device")
        await done(one, "remember", text="the port of the proxy is 9090", supersedes=old["document"])
        waits = await done(one, "remember", text="every proxy has port 1234", kind="preference", scope="global")
        assert waits["state"] == "pending"
        await done(one, "note", path="proxy.md", text="the proxy listens on a port")
        found = await done(one, "recall", query="port of the proxy")
        memory, rest = listed(found, "memory"), listed(found, "found")
        assert memory[0]["text"] == "the port of the proxy is 9090"
        assert memory[0]["author"]["agent"] == "claude"
        assert "1234" not in str(memory)  # not before the person stands for it
        assert "proxy" in [hit["title"] for hit in rest]
        kept = json.loads(await read(one, f"mesh://memory/{old['document']}"))
        assert kept["superseded_by"]
        device.call("memory.approve", id=waits["document"])
        assert "1234" in str((await done(one, "recall", query="every proxy", kind=["preference"]))["memory"])


async def test_resources_and_prompts(device: Device) -> None:
    """What is listed can be read; what is not there is said to be so."""
    device.note("shared note")
    async with client(device, "auto", "claude") as one:
        for resource in (await one.list_resources()).resources:
            assert await read(one, resource.uri)
        templates = (await one.list_resource_templates()).resource_templates
        assert "mesh://note/{+path}" in [template.uri_template for template in templates]
        own = str(device.status()["device"]["id"])  # type: ignore[index]
        ledger = json.loads(await read(one, f"mesh://ledger/{own}?limit=3"))
        assert len(ledger["events"]) == 3
        for uri in ("mesh://nothing", "mesh://handoff", "ftp://mesh/note/x", "mesh://note/none", "mesh://[", "x"):
            with pytest.raises(MCPError):
                await read(one, uri)
        for prompt in (await one.list_prompts()).prompts:
            (message,) = (await one.get_prompt(prompt.name)).messages
            assert isinstance(message.content, types.TextContent)
            assert ("shared note" in message.content.text) == (prompt.name in {"standup", "catchup"})
        with pytest.raises(MCPError, match="no prompt"):
            await one.get_prompt("dance")
        with pytest.raises(MCPError, match="takes no"):
            await one.get_prompt("ship", {"id": "x"})


def open_sessions(device: Device) -> list[str]:
    """Whose sessions are not over."""
    return [str(one["agent"]) for one in listed(device.call("session.list"), "sessions")]


def told(answer: Told, key: str) -> Told:
    """A part of an answer."""
    found = answer[key]
    assert isinstance(found, dict), answer
    return found


def listed(answer: Told, key: str) -> list[Any]:
    """A list in an answer."""
    found = answer[key]
    assert isinstance(found, list), answer
    return found


async def read(connected: Client, uri: str) -> str:
    """A resource's text."""
    (content,) = (await connected.read_resource(uri)).contents
    assert isinstance(content, types.TextResourceContents)
    return content.text
