"""A phone's calls in a process of Node, beside a true agent in Python, and what passes between the two.

The phone says and hears as it does over a link; here a test carries it. Nothing here draws lots.
"""

from __future__ import annotations

from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from hashlib import sha256
from pathlib import Path
from types import SimpleNamespace
from typing import Any, cast

from mesh.events.event import Placed
from mesh.events.speaking import joined
from mesh.names import Digest, device_text
from mesh.node import clock, keeping
from mesh.node.agent import Agent
from mesh.state import drops
from mesh.sync import messages
from mesh.sync.messages import Push
from tests.system.browsers import Asked
from tests.system.test_engine_typescript import Phone, let_in
from tests.unit.node.engines import Small
from tests.unit.node.families import family

Row = dict[str, Any]


class Refusal(Exception):
    """A call went wrong over there: its family, class and words."""

    def __init__(self, fault: Mapping[str, str]) -> None:
        """As the page is told."""
        super().__init__(fault["message"])
        self.family, self.kind, self.hint = fault["family"], fault["class"], fault["hint"]


class Pocket:
    """A phone and the agent called alder, and what passes between them."""

    def __init__(self, phone: Phone, alder: Agent, admission: Digest) -> None:
        """Both are at work."""
        self.phone, self.alder, self.device = phone, alder, device_text(admission)
        self.ahead_ms = 0
        self.loads = 0

    def __call__(self, name: str, /, **args: object) -> Any:  # noqa: ANN401 - JSON
        """A call of the page."""
        now_ms = clock.now_ms() + self.ahead_ms
        told = self.phone("calls", call=name, args={key.rstrip("_"): one for key, one in args.items()}, now_ms=now_ms)
        if "fault" in told:
            raise Refusal(told["fault"])
        self.loads = told["loads"]
        return told["ok"]

    async def hears(self) -> None:
        """The phone hears everything that alder has."""
        rows = await self.alder.store.log(limit=10_000)
        chains: dict[Digest, list[Placed]] = {}
        for row in sorted(rows, key=lambda row: row.placed.lane):
            chains.setdefault(row.placed.chain, []).append(row.placed)
        self.phone.hear(Push(tuple(run for chain in chains.values() for run in joined(chain))))

    async def tells(self) -> None:
        """Alder hears what the phone said since, and says so."""
        push = messages.decode_push(bytes.fromhex(self.phone("told")))
        if push.runs:
            await self.alder.engine.hear(self.device, push)
        self.phone("is held", seq=max((run.after.seq + len(run.events) for run in push.runs), default=0))

    async def meet(self) -> None:
        """Both hear all."""
        await self.tells()
        await self.hears()


@asynccontextmanager
async def pocket(asked: Asked, folder: Path) -> AsyncIterator[Pocket]:
    """A mesh of one agent, which let a phone in."""
    async with family(folder) as (alder,):
        admission = await let_in(cast("Small", SimpleNamespace(engine=alder.engine)))
        phone = Phone(asked, f"{folder.name} {admission.hex()}")
        phone.begin(alder.engine.own.mesh, admission)
        both = Pocket(phone, alder, admission)
        await both.hears()
        yield both


def same(one: Row, other: Mapping[str, Any], *keys: str) -> None:
    """Rows of both tell the same of these."""
    assert {key: one[key] for key in keys} == {key: other[key] for key in keys}


RECORD = ("document", "type", "title", "project", "state", "tags", "conflicts", "created", "updated")


async def dropped(agent: Agent, name: str, **more: Any) -> str:  # noqa: ANN401 - registers
    """The record of a file, without its bytes."""
    digest = sha256(name.encode()).digest()
    given = {"name": name, "size": 5, "digest": digest, "pieces": [digest], "sender": agent.device, "to": ""}
    made = drops.registers(**{**given, "at_ms": clock.now_ms(), "mime": "image/jpeg", **more})
    return str(await keeping.made(agent, "", keeping.New(drops.KIND, made)))


async def row(agent: Agent, document: str) -> Any:  # noqa: ANN401 - a row
    """A record by its name."""
    (found,) = await agent.store.find_documents(document, 2)
    return await agent.store.record(found)


def as_claimed(claim: Row | None, other: Mapping[str, Any] | None, *, mine: bool) -> None:
    """A claim as both tell of it; whose it is they see from two sides."""
    assert (claim is None) == (other is None)
    if claim and other:
        same(claim, other, "name", "device", "device_name", "agent", "until_ms", "over", "words")
        assert (claim["yours"], other["yours"]) == (mine, not mine)
