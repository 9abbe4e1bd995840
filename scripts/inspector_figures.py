"""How long `mesh inspect` takes from its start to the first list, with many documents and conflicts in a real store.

`python scripts/inspector_figures.py [DOCUMENTS CONFLICTS]`, from the checkout; 50,000 and 10,000 unless given. It makes
a home of its own in a temporary folder, opens the inspector on a terminal of its own, and prints; it judges nothing.
CPU time stands beside wall time, since the machine may have other work.
"""

from __future__ import annotations

import argparse
import asyncio
import os
import secrets
import subprocess
import sys
import tempfile
import time
from collections.abc import Sequence
from pathlib import Path
from statistics import median

sys.path.insert(0, str(Path(__file__).resolve().parent.parent))

from mesh.events.bodies import document_of
from mesh.events.event import Lane
from mesh.events.kinds import Changed
from mesh.events.speaking import Draft
from mesh.limits import SALT_BYTES
from mesh.names import DocumentId
from mesh.node import agent as agents
from mesh.node import home as homes
from mesh.node.agent import Agent
from mesh.node.engine import Engine
from mesh.node.paths import socket_path
from mesh.node.socket_client import connect
from mesh.state import notes
from mesh.state.edits import Put
from tests.system.commands import command
from tests.system.terminal import Terminal

DOCUMENTS, CONFLICTS = 50_000, 10_000
BATCH = 500
ROUNDS = 9
DEADLINE_S = 60.0


async def filled(home: Path, documents: int, conflicts: int) -> None:
    """A home with so many notes, of which so many have two titles that were given at once."""
    await homes.found(home, "figures")
    async with agents.opened(home) as agent:
        for start in range(0, documents, BATCH):
            made = await _notes(agent, range(start, min(start + BATCH, documents)))
            disputed = made[: max(conflicts - start, 0)]
            if disputed:
                await _titled_twice(agent, disputed)


async def _notes(agent: Agent, numbers: range) -> list[DocumentId]:
    births = [
        notes.birth(f"Note {n}", "Some words of a note.", (), None, secrets.token_bytes(SALT_BYTES)) for n in numbers
    ]
    drafts = [Draft(birth, document_of("home", notes.KIND, birth)) for birth in births]

    async def make(_engine: Engine) -> Sequence[Draft]:
        return drafts

    await agent.engine.say(Lane.DATA, make)
    return [draft.document for draft in drafts if draft.document]


async def _titled_twice(agent: Agent, documents: list[DocumentId]) -> None:
    """As if two devices had done so without knowing of each other."""

    async def make(engine: Engine) -> Sequence[Draft]:
        drafts = []
        for name in documents:
            loaded = await engine.shelf.load(name)
            assert loaded is not None, name
            for title in ("Garden in spring", "Seeds and soil"):
                actor = engine.own.admission[:8] + secrets.token_bytes(8)
                drafts.append(Draft(Changed(loaded.document.edit(actor, (Put("title", title),)).raw), name))
        return drafts

    await agent.engine.say(Lane.DATA, make)


Took = tuple[float, float]
"""Seconds of wall time and of CPU time."""


def until_list(home: Path) -> Took:
    """From the start of the command to the rows of the list."""
    with Terminal(home, "inspect", columns=120, lines=40, COLORTERM="truecolor") as terminal:
        began = time.perf_counter()
        terminal.shows("open conflicts", "Garden in spring | Seeds")
        took = time.perf_counter() - began, _cpu_s(terminal.pid)
        terminal.press("q")
        terminal.ended()
    return took


def _cpu_s(pid: int) -> float:
    """What a process has computed."""
    fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


def asked(home: Path) -> Took:
    """The agent's own part: one page of conflicts."""
    connection = connect(socket_path(home))
    assert connection is not None, "an agent runs"
    began, cpu = time.perf_counter(), time.process_time()
    with connection:
        connection.call("conflicts", {"limit": 100})
    return time.perf_counter() - began, time.process_time() - cpu


def main() -> None:
    """Fill, measure, print."""
    options = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    options.add_argument("documents", type=int, nargs="?", default=DOCUMENTS)
    options.add_argument("conflicts", type=int, nargs="?", default=CONFLICTS)
    documents, conflicts = vars(options.parse_args()).values()
    with tempfile.TemporaryDirectory() as folder:
        home = Path(folder) / "home"
        began = time.perf_counter()
        asyncio.run(filled(home, documents, conflicts))
        print(f"{documents:,} documents, {conflicts:,} conflicts, made in {time.perf_counter() - began:.0f} s")
        env = {**os.environ, "MESH_BEACON": "off", "MESH_INTERFACES": "127.0.0.1"}
        log = (Path(folder) / "agent.out").open("wb")
        agent = subprocess.Popen([*command(home), "agent"], env=env, stdin=subprocess.DEVNULL, stdout=log, stderr=log)
        try:
            until = time.monotonic() + DEADLINE_S
            while connect(socket_path(home)) is None:
                assert time.monotonic() < until, "the agent does not answer"
                time.sleep(0.1)
            asked(home)
            _print("the agent's answer: a page of 100", [asked(home) for _ in range(ROUNDS)])
            _print("mesh inspect, an agent runs: first list", [until_list(home) for _ in range(ROUNDS)])
        finally:
            agent.terminate()
            agent.wait()
            log.close()
        _print("mesh inspect, no agent: first list", [until_list(home) for _ in range(ROUNDS // 2)])


def _print(name: str, times: list[Took]) -> None:
    wall, cpu = [took[0] * 1e3 for took in times], median(took[1] for took in times) * 1e3
    spread = f"best {min(wall):.0f}, worst {max(wall):.0f}, CPU {cpu:.0f}, load {os.getloadavg()[0]:.1f}"
    print(f"  {name:42} {median(wall):7.0f} ms ({spread})")


if __name__ == "__main__":
    main()
