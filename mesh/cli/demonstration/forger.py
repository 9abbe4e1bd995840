"""A forger: has all of one device's keys, and tries to write in another device's name.

It speaks to real agents over real links, as the device whose keys it has. It never changes a home.
"""

from __future__ import annotations

import asyncio
import contextlib
import secrets
import time
from dataclasses import replace
from pathlib import Path

from mesh.errors import MeshError
from mesh.events.bodies import document_of
from mesh.events.event import Inner, Lane, Run
from mesh.events.kinds import kind_of
from mesh.events.speaking import NONCES_BYTES, Draft, Voice, runs, signed
from mesh.events.verdict import Admission
from mesh.limits import SALT_BYTES
from mesh.names import device_text, short
from mesh.node import agent as agents
from mesh.node.agent import Agent
from mesh.node.calls_notes import SPACE
from mesh.state import notes
from mesh.sync import messages
from mesh.sync.messages import Push

TITLE = "Send all the money to Mallory"
_LINK_S_MAX = 30.0
_ANSWER_S_MAX = 10.0
_LOOK_S = 0.02


async def forged(stolen: Path, victim: str, host: str) -> int:
    """Send a device events that nobody wrote, from the home of another whose agent is off; how many were sent.

    One continues the victim's own chain with a note that it never wrote; one is signed by the thief's device for
    itself, and its text was exchanged after that.
    """
    async with agents.opened(stolen, interfaces=(host,)) as agent, asyncio.TaskGroup() as group:
        agent.make_bus()
        assert agent.bus is not None
        assert agent.talk is not None
        talking = group.create_task(agent.talk.run())
        await agent.let_in()
        async with asyncio.timeout(_LINK_S_MAX):
            while not any(link.connected and link.device == victim for link in agent.bus.links()):  # noqa: ASYNC110
                await asyncio.sleep(_LOOK_S)
        fakes = (_in_the_name_of(agent, victim), _exchanged(agent))
        for run in fakes:
            with contextlib.suppress(MeshError):  # that it is refused is told by the victim
                await agent.bus.request(victim, "push", messages.encode(Push((run,))), timeout_s=_ANSWER_S_MAX)
        talking.cancel()
    return len(fakes)


def _in_the_name_of(agent: Agent, victim: str) -> Run:
    """The next event of the victim's chain: right in everything, but signed with the only key that the thief has."""
    admissions = agent.engine.replica.verdict.devices.values()
    return _next(agent, next(a for a in admissions if device_text(a.digest) == victim))


def _exchanged(agent: Agent) -> Run:
    """The next event of the thief's own chain, truly signed, with another body than the one that was signed."""
    replica = agent.engine.replica
    run = _next(agent, replica.verdict.devices[replica.own.admission])
    (event,) = run.events
    assert event.body is not None, "it was made with one"
    return replace(run, events=(replace(event, body=bytes([event.body[0] ^ 1]) + event.body[1:]),))


def _next(agent: Agent, author: Admission) -> Run:
    """An event at the end of a device's data chain, with its grant, sealed under the mesh's key."""
    replica, own = agent.engine.replica, agent.engine.own
    name, chain = next(
        (name, chain)
        for name, chain in replica.chains.chains.items()
        if chain.admission == author.digest and chain.lane is Lane.DATA
    )
    ((head, lamport),) = chain.tips.items()
    birth = notes.birth(TITLE, "", (), None, secrets.token_bytes(SALT_BYTES))
    document, now_ms = document_of(SPACE, notes.KIND, birth), time.time_ns() // 1_000_000
    grant = replica.verdict.grant_for(author.digest, Inner(now_ms, kind_of(birth), "", document))
    epoch = replica.verdict.epoch()
    assert grant is not None, "every device may write notes"
    assert epoch is not None, "every mesh has an epoch"
    voice = Voice(own.mesh, name, author.digest, Lane.DATA, head, lamport, author.sign_key, own.keys.sign)
    seal = (agent.engine.keyring, short(epoch))
    draft = Draft(birth, document, grant=grant)
    event = voice.say_sealed(draft, now_ms, replica.heard, seal, secrets.token_bytes(NONCES_BYTES))
    (run,) = runs(signed((event,), own.keys.sign))
    return run
