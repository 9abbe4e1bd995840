"""An agent program with the grants that `mesh agents install` gives, for tests of what it does on a true device."""

from __future__ import annotations

from mesh.node.agent import Agent
from tests.unit.node.families import Told, act, ask, guarded

TYPES = ["note", "task", "handoff", "receipt", "memory", "decision", "session", "ask", "project", "drop"]


async def let_in(agent: Agent, name: str = "claude") -> None:
    """Give an agent program its grants on a device."""
    await guarded(agent)
    await act(agent, "agents.add", name=name, space="home", types=TYPES, verbs=["create", "edit", "read"])


async def begun(agent: Agent, native: str = "s1", name: str = "claude", **more: object) -> str:
    """A session of an agent program; its document."""
    return str((await ask(agent, "session.begin", tool="claude", native=native, agent=name, **more))["document"])


async def ran(agent: Agent, session: str, name: str, command: str, end: int = 0, **more: object) -> Told:
    """A hook tells that a command ended."""
    return await ask(agent, "evidence.add", session=session, id=name, kind="run", command=command, exit=end, **more)


async def wrote(agent: Agent, session: str, name: str, path: str, **more: object) -> Told:
    """A hook tells that a file changed."""
    return await ask(agent, "evidence.add", session=session, id=name, kind="file", path=path, **more)
