"""Random claims by true agents that meet now and then: in the end one owner of each thing, and nobody misled."""

from __future__ import annotations

import random
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest

from mesh.errors import Refused
from mesh.node import clock, timing
from mesh.node.acknowledging import Acknowledging
from mesh.node.agent import Agent
from tests.unit.node.families import ask, family, meet

STEPS = 40
TASKS = 3
SEEDS = 4


class World:
    """Three devices, a few tasks, and a clock of each that the test moves."""

    def __init__(self, seed: int, agents: list[Agent], tasks: list[str], monkeypatch: pytest.MonkeyPatch) -> None:
        """Begin now."""
        self.lots, self.agents, self.tasks, self.now_ms = random.Random(seed), agents, tasks, clock.now_ms()
        self.looking = {agent.device: Acknowledging(agent) for agent in agents}
        self.claimed: dict[str, set[str]] = {task: set() for task in tasks}
        monkeypatch.setattr(clock, "now_ms", lambda: self.now_ms)

    async def step(self) -> None:
        """Something happens somewhere."""
        agent, task = self.lots.choice(self.agents), self.lots.choice(self.tasks)
        what = self.lots.choices(
            ("claim", "meet", "look", "give up", "done", "later", "take"), (6, 4, 3, 1, 0.3, 2, 1)
        )[0]
        if what == "meet":
            await meet(*self.lots.sample(self.agents, 2))
        elif what == "look":
            await self.looking[agent.device].look_on()
        elif what == "later":
            self.now_ms += int(timing.LEASE_PERSON_S * 1000 * self.lots.choice((0.1, 0.6, 1.1)))
        else:
            await self._act(agent, task, what)

    async def _act(self, agent: Agent, task: str, what: str) -> None:
        calls: dict[str, tuple[str, dict[str, object]]] = {
            "claim": ("task.claim", {}),
            "take": ("task.claim", {"take": True}),
            "give up": ("task.state", {"state": "open"}),
            "done": ("task.done", {}),
        }
        call, more = calls[what]
        before = await shown(agent, task)
        try:
            told = await ask(agent, call, id=task, **more)
        except Refused:
            held = before["claim"]
            assert before["state"] == "done" or (held and not held["over"] and not held["yours"]), (what, before)
            return
        if call == "task.claim":
            assert told["state"] == "in_progress"
            claim: Any = told["claim"]
            assert claim["yours"]
            self.claimed[task].add(claim["name"])

    async def end(self) -> list[list[Mapping[str, Any]]]:
        """All meet, acknowledge, and meet again; the tasks as each shows them."""
        await meet(*self.agents)
        for agent in self.agents:
            await self.looking[agent.device].look()
        await meet(*self.agents)
        return [[await shown(agent, task) for task in self.tasks] for agent in self.agents]


async def shown(agent: Agent, task: str) -> Mapping[str, Any]:
    """A task, by a call."""
    return await ask(agent, "task.show", id=task)


@pytest.mark.parametrize("seed", range(SEEDS))
async def test_in_the_end_one_has_each_and_the_others_know(
    seed: int, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Whatever was claimed, taken, given up and done apart, in whatever order they met."""
    async with family(tmp_path, "admin", "admin") as agents:
        tasks = [str((await ask(agents[0], "task.add", title=f"task {n}"))["document"]) for n in range(TASKS)]
        await meet(*agents)
        world = World(seed, agents, tasks, monkeypatch)
        for _ in range(STEPS):
            await world.step()
        views = await world.end()
        for several in zip(*views, strict=True):
            same = [{key: one[key] for key in ("state", "title", "conflicts")} for one in several]
            assert same[0] == same[1] == same[2]
            claims = [one["claim"] and {**one["claim"], "yours": None} for one in several]
            assert claims[0] == claims[1] == claims[2]
            owners = [bool(one["claim"] and one["claim"]["yours"] and not one["claim"]["end"]) for one in several]
            assert sum(owners) <= 1
            lost = {one["claim"]["name"] for view in several for one in view["lost"]}
            assert (claims[0] or {}).get("name") not in lost
            assert lost <= world.claimed[several[0]["document"]], "nobody is told of what it did not claim"
        ready = [[one["title"] for one in (await ask(agent, "task.ready"))["tasks"]] for agent in agents]  # type: ignore[attr-defined]
        assert ready[0] == ready[1] == ready[2]
