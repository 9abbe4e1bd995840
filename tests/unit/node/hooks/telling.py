"""A tool that tells its hooks of one case after the other, to a true agent; and what came of it."""

from __future__ import annotations

import asyncio
import subprocess
from pathlib import Path

from mesh.node.agent import Agent
from tests.unit.node.families import Told, act, ask, guarded
from tests.unit.node.hooks.sent import Json, sent

TYPES = ["ask", "decision", "drop", "handoff", "memory", "note", "project", "receipt", "session", "task"]
_count = iter(range(10**9))


async def let_in(agent: Agent, *names: str) -> None:
    """What `mesh agents install` grants."""
    await guarded(agent)
    for name in names or ("claude",):
        await act(agent, "agents.add", name=name, space="home", types=TYPES, verbs=["create", "edit", "read"])


async def told(agent: Agent, tool: str, case: str, event: str = "", wait_s: int = 0, **other: object) -> Json:
    """A hook tells of one case; what the tool is to read."""
    arguments: dict[str, object] = {
        "tool": tool, "as": tool, "id": event or f"e{next(_count)}", "at_ms": 10**13, "wait_s": wait_s,
        "body": sent(tool, case, **other),
    }  # fmt: skip
    found = await agent.call("hook", arguments)
    assert isinstance(found, dict)
    output = found.get("output", {})
    assert isinstance(output, dict)
    return output


async def all_of(agent: Agent, call: str, key: str, **more: object) -> list[Told]:
    """The rows of a list."""
    found = (await ask(agent, call, **more))[key]
    assert isinstance(found, list)
    return found


async def session(agent: Agent) -> Told:
    """The one session that there is."""
    (found,) = await all_of(agent, "session.list", "sessions", all=True)
    return found


def repository(folder: Path) -> Path:
    """A repository with one commit of its own, in which tools work."""
    folder.mkdir()
    (folder / "a.py").write_text(f"{folder}\n")
    for words in (("init", "-q"), ("add", "."), ("commit", "-q", "-m", "first")):
        who = ("-c", "user.name=Ada", "-c", "user.email=ada@example.test")
        subprocess.run(["git", *who, *words], cwd=folder, check=True, capture_output=True)
    return folder


def context(output: Json) -> str:
    """What the agent is told beside what it knows."""
    specific = output.get("hookSpecificOutput")
    return str(specific["additionalContext"]) if isinstance(specific, dict) else ""


async def asked(agent: Agent) -> Told:
    """The one question, as soon as it is there."""
    while not (found := await all_of(agent, "ask.list", "asks")):  # noqa: ASYNC110 - a hook in a task asks it
        await asyncio.sleep(0.01)
    (question,) = found
    return question
