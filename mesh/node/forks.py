"""Forks that this device holds: read from the log, with a proof of each, shown until somebody has acknowledged them.

The log is the memory: after a restart they are all still known. Nothing here decides what a fork means.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from mesh.clocks.frontier import Span
from mesh.errors import Refused
from mesh.events.event import Event, Run
from mesh.events.forks import ForkProof, branch_of, proof_text
from mesh.events.reading import read_inner
from mesh.limits import FORKS_SHOWN_MAX
from mesh.names import Digest, device_text, digest_text
from mesh.node.storage.store_port import ForkFacts

if TYPE_CHECKING:
    from mesh.node.agent import Agent

ID_CHARACTERS = 16
_SEEN = "fork/"
_ONE_RUN = 1  # of bytes: the shortest that is signed


def fork_id(fork: ForkFacts) -> str:
    """How people name a fork: the beginning of the event that two others stand on."""
    return fork.after.digest.hex()[:ID_CHARACTERS]


async def unseen(agent: Agent) -> list[ForkFacts]:
    """The forks that nobody here has acknowledged as they are now."""
    return [fork for fork in await agent.store.forks(FORKS_SHOWN_MAX) if not await is_seen(agent, fork)]


async def is_seen(agent: Agent, fork: ForkFacts) -> bool:
    """Whether somebody acknowledged it; one that grew another branch since is shown anew."""
    return int(await agent.store.setting(_SEEN + fork.after.digest.hex()) or b"0") >= fork.branches


async def see(agent: Agent, fork: ForkFacts) -> None:
    """Show it no more."""
    await agent.engine.remember(_SEEN + fork.after.digest.hex(), str(fork.branches).encode())


def sentence(agent: Agent, fork: ForkFacts) -> str:
    """What happened, for people."""
    chain = agent.engine.replica.chains.chains[fork.chain]
    name = agent.engine.replica.verdict.name_of(chain.admission) or device_text(chain.admission)
    what = f"{name} wrote {fork.branches} different events number {fork.after.seq + 1} of one chain"
    return f"{what} ({fork_id(fork)}): restored from a backup, or stolen?"


async def told(agent: Agent, fork: ForkFacts) -> dict[str, object]:
    """All about one fork, with its proof as text."""
    chain = agent.engine.replica.chains.chains[fork.chain]
    sides = await _sides(agent, fork)
    proof = await _proof(agent, fork, sides) if len(sides) > 1 else ""
    return {
        "id": fork_id(fork),
        "device": device_text(chain.admission),
        "name": agent.engine.replica.verdict.name_of(chain.admission),
        "lane": chain.lane.name.lower(),
        "chain": digest_text(fork.chain),
        "seq": fork.after.seq + 1,
        "branches": fork.branches,
        "acknowledged": await is_seen(agent, fork),
        "events": [await _event(agent, digest) for digest in sides],
        "proof": proof,
    }


async def _sides(agent: Agent, fork: ForkFacts) -> dict[Digest, Run]:
    """Two of the events that stand on the fork, each with the signed run that starts with it."""
    found: dict[Digest, Run] = {}
    for tip in agent.engine.replica.chains.chains[fork.chain].tips:
        run = await agent.store.serve(Span(fork.chain, tip, (fork.after,)), _ONE_RUN, bodies=False)
        if run is not None and run.after == fork.after:
            first = Run(run.chain, run.after, (Event(run.events[0].header, None),), run.signature)
            found.setdefault(agent.engine.replica.chains.end(first).digest, run)
        if len(found) > 1:
            break
    return found


async def _proof(agent: Agent, fork: ForkFacts, sides: dict[Digest, Run]) -> str:
    chain = agent.engine.replica.chains.chains[fork.chain]
    tip = next(iter(chain.tips))
    opened = await agent.store.serve(Span(fork.chain, tip, ()), _ONE_RUN, bodies=False)
    assert opened is not None, "a chain that is held has its opening"
    first, second = (branch_of(run) for run in sides.values())
    mesh = agent.engine.own.mesh
    return proof_text(ForkProof(mesh, chain.key, opened.events[0].header, fork.chain, fork.after, (first, second)))


async def _event(agent: Agent, digest: Digest) -> dict[str, object]:
    """An event as far as it can be read here."""
    (row,) = await agent.store.event(digest)
    try:
        inner = read_inner(agent.engine.keyring, row.placed)
    except Refused:
        inner = None
    document = str(row.document) if row.document else None
    return {
        "event": digest_text(digest),
        "time_ms": inner.time_ms if inner else None,
        "kind": inner.kind if inner else None,
        "document": document,
    }
