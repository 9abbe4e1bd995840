"""The status of a device: who it is, whom it is in touch with, what it holds, what is wrong and what helps."""

from __future__ import annotations

import os
import time
from dataclasses import asdict
from typing import TYPE_CHECKING

import mesh
from mesh.clocks.frontier import Frontier
from mesh.events.event import Lane
from mesh.limits import RANK_RELAY
from mesh.names import device_text, digest_text, role_text
from mesh.node import vault
from mesh.node.arguments import Arguments
from mesh.node.home import RECOVERY_OWED
from mesh.node.ports import LinkStatus
from mesh.sync.messages import Have

if TYPE_CHECKING:
    from mesh.node.agent import Agent


async def status(agent: Agent, _arguments: Arguments) -> object:
    """Everything that `mesh status` shows."""
    replica, own = agent.engine.replica, agent.engine.own
    replica.state = await agent.store.digest()
    counts = await agent.store.counts()
    peers = [_peer(agent, link) for link in agent.bus.links()] if agent.bus else []
    admission = replica.verdict.admissions.get(own.admission)
    server = agent.bus.server() if agent.bus else None
    return {
        "device": {
            "id": agent.device,
            "name": agent.held.name,
            "rank": admission.rank if admission else None,
            "role": role_text(admission.rank) if admission else None,
        },
        "mesh": {"id": digest_text(own.mesh)},
        "agent": {
            "running": agent.talk is not None,
            "pid": os.getpid(),
            "version": mesh.__version__,
            "uptime_s": round(time.monotonic() - agent.started, 1),
        },
        "beacon": asdict(agent.finding.status()) if agent.finding else {"heard": 0, "problem": "", "hint": ""},
        "server": asdict(server) if server else {"address": "", "state": "off"},
        "peers": peers,
        "dials": agent.bus.dials() if agent.bus else 0,
        "events": counts.events,
        "documents": counts.documents,
        "conflicts": counts.conflicts,
        "waiting": counts.waiting,
        "void": counts.void,
        "refused": agent.talk.refused if agent.talk else 0,
        "bytes": counts.bytes,
        "frontier": {
            chain.hex(): [[head.seq, head.digest.hex()] for head in heads]
            for lane in Lane
            for chain, heads in sorted(replica.chains.frontier(lane).items())
        },
        "state_digest": digest_text(replica.state),
        "verdict_digest": digest_text(replica.verdict_digest),
        "in_sync": bool(peers) and all(peer["same_digest"] for peer in peers if peer["connected"])
        and any(peer["connected"] for peer in peers) and not replica.missing,
        "bodies_missing": len(replica.missing),
        "alarms": list(agent.talk.alarms) if agent.talk else [],
        "problems": _problems(agent, counts.waiting, counts.void),
    }  # fmt: skip


def _peer(agent: Agent, link: LinkStatus) -> dict[str, object]:
    devices = {device_text(a.digest): a for a in agent.engine.replica.verdict.devices.values()}
    found = devices.get(link.device)
    known = agent.talk.known.get(link.device) if agent.talk else None
    replica = agent.engine.replica
    mine = {**replica.chains.frontier(Lane.CONTROL), **replica.chains.frontier(Lane.DATA)}
    theirs = _frontier(known.have) if known else {}
    return {
        **asdict(link),
        "name": found.name if found else "",
        "we_lack": _events_between(mine, theirs) if known else None,
        "they_lack": _events_between(theirs, mine) if known else None,
        "same_digest": _same(agent, mine, known.have, found.rank if found else 0) if known else False,
    }


def _frontier(have: Have) -> Frontier:
    return {**have.control, **have.data}


def _same(agent: Agent, mine: Frontier, have: Have, rank: int) -> bool:
    """Whether both hold the same, and show the same: a relay shows nothing."""
    replica = agent.engine.replica
    shows = have.state == replica.state or agent.engine.is_relay or rank >= RANK_RELAY
    return mine == _frontier(have) and shows and have.verdict == replica.verdict_digest


def _events_between(behind: Frontier, ahead: Frontier) -> int:
    """How many events the side behind lacks, by the numbers of the tips; a branch of a fork counts as one."""
    lacking = 0
    for chain, heads in ahead.items():
        known = behind.get(chain, ())
        highest = max((head.seq for head in known), default=0)
        new = [head.seq for head in heads if head not in known]
        lacking += max((max(seq - highest, 1) for seq in new if seq > highest), default=0)
    return lacking


def _problems(agent: Agent, waiting: int, void: int) -> list[dict[str, str]]:
    found = [*_own_problems(agent), *_link_problems(agent)]
    replica = agent.engine.replica
    if replica.missing:
        found.append((f"{len(replica.missing)} bodies are missing", "They are fetched when a peer has them."))
    if waiting:
        found.append((f"{waiting} events wait for something that is not here yet", "Connect to the other devices."))
    if void:
        found.append((f"{void} events count for nothing here", "`mesh log --json` names the reason of each."))
    if replica.verdict.unknown:
        found.append(("control statements of a newer version are held", "Upgrade mesh on this device."))
    alarms = agent.talk.alarms if agent.talk else []
    found += [(alarm, "`mesh log --device DEVICE` shows what that device wrote.") for alarm in alarms]
    return [{"what": what, "hint": hint} for what, hint in found]


def _own_problems(agent: Agent) -> list[tuple[str, str]]:
    found = []
    if not vault.is_sealed(agent.home):
        found.append(
            (
                "this device's keys lie unencrypted in its home, readable by this user only",
                f"Encrypt the disk, or set {vault.PASSPHRASE_VARIABLE} before `mesh join`.",
            )
        )
    if agent.settings.get(RECOVERY_OWED) == b"1":
        message = "the recovery that made this device is not finished: nobody is closed yet"
        found.append((message, "With the 24 words: mesh recover"))
    if agent.problem:
        found.append(agent.problem)
    return found


def _link_problems(agent: Agent) -> list[tuple[str, str]]:
    if agent.bus is None:
        return []
    server = agent.bus.server()
    found = [(f"nats-server: {server.problem}", server.hint)] if server.problem else []
    beacon = agent.finding.status() if agent.finding else None
    found += [(beacon.problem, beacon.hint)] if beacon and beacon.problem else []
    dials = not agent.engine.is_relay  # a relay is called, and calls nobody
    links = [link for link in agent.bus.links() if dials and link.problem and not link.connected]
    return [*found, *((f"{link.device}: {link.problem}", link.hint) for link in links)]
