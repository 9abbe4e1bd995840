"""The status of a device: who it is, whom it is in touch with, what it holds, what is wrong and what helps."""

from __future__ import annotations

import contextlib
import os
import time
from collections.abc import Mapping, Sequence
from dataclasses import asdict
from datetime import UTC, datetime
from typing import TYPE_CHECKING

import mesh
from mesh.events.duties import holders
from mesh.events.epochs import Epoch
from mesh.events.event import Lane, decode_inner
from mesh.events.kinds import Close
from mesh.limits import EPOCHS_SHOWN_MAX, RANK_ADMIN_LAST
from mesh.names import device_text, digest_text, role_text, short, shown
from mesh.node import agents, agreeing, calls_confirming, calls_peers, confirming, forks, presence, vault
from mesh.node.arguments import Arguments
from mesh.node.calls_leaving import leavers
from mesh.node.confirming import has_passphrase
from mesh.node.gateway import authorities
from mesh.node.home import RECOVERY_OWED

if TYPE_CHECKING:
    from mesh.node.agent import Agent

MS = 1000


async def status(agent: Agent, arguments: Arguments) -> object:
    """Everything that `mesh status` shows."""
    replica, own = agent.engine.replica, agent.engine.own
    shows = await agreeing.shown(agent.engine)
    counts = await agent.store.counts()
    peers = await calls_peers.peers(agent, shows)
    outcast = await taken_out(agent)
    forked = [forks.sentence(agent, fork) for fork in await forks.unseen(agent)]
    reads = own.admission in replica.verdict.readers()  # others are not meant to have keys
    lacking = replica.learner.missing if reads else ()
    missing = [await missing_key(agent, epoch) for epoch in lacking[-EPOCHS_SHOWN_MAX:]]
    return {
        "device": {**_device(agent), "taken_out": outcast},
        "mesh": {"id": digest_text(own.mesh)},
        "agent": {
            "running": agent.talk is not None,
            "pid": os.getpid(),
            "version": mesh.__version__,
            "uptime_s": round(time.monotonic() - agent.started, 1),
        },
        "beacon": asdict(agent.finding.status()) if agent.finding else {"heard": 0, "problem": "", "hint": ""},
        "server": asdict(agent.bus.server()) if agent.bus else {"address": "", "state": "off"},
        "peers": peers,
        "at_work": await presence.told(agent, agents.name_in(arguments)),
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
        "view_root": digest_text(shows.view),
        "frontier_digest": digest_text(shows.frontier),
        "in_sync": calls_peers.in_sync(peers) and not replica.missing,
        "bodies_missing": len(replica.missing),
        "writes_under": _writes_under(agent),
        "keys_missing": missing,
        "alarms": list(agent.talk.alarms) if agent.talk else [],
        "passphrase": await has_passphrase(agent),
        "forks": forked,
        "problems": [
            *_outcast(outcast), *_forked(forked), *(_key_problems(agent, missing) if reads else ()),
            *await calls_peers.problems(agent, peers), *_problems(agent, counts.waiting, counts.void),
            *await authorities.problems(agent), *await _persons_problems(agent),
        ],
    }  # fmt: skip


async def taken_out(agent: Agent) -> dict[str, object] | None:
    """Who took this device out of the mesh, when by their own clock, and why; None while it is live."""
    replica, own = agent.engine.replica, agent.engine.own.admission
    if replica.verdict.is_live(own):
        return None
    cuts = replica.verdict.closes.get(own)
    if not cuts:  # who let it in does not count any more, or spoke of it too late
        return {"by": "", "time_ms": None, "reason": ""}
    said = replica.statements[min(cuts).by]
    rows = await agent.store.event(said.digest)
    return {
        "by": replica.verdict.name_of(said.admission),
        "time_ms": decode_inner(rows[0].placed.header.inner).time_ms,
        "reason": said.body.reason if isinstance(said.body, Close) else "",
    }


def _device(agent: Agent) -> dict[str, object]:
    admission = agent.engine.replica.verdict.admissions.get(agent.engine.own.admission)
    rank = admission.rank if admission else None
    return {
        "id": agent.device,
        "name": agent.held.name,
        "rank": rank,
        "role": None if rank is None else role_text(rank),
    }


async def troubles(agent: Agent, peers: Sequence[Mapping[str, object]]) -> list[dict[str, str]]:
    """What is wrong now, as far as it is worth a look each morning: not what a person knows and has left so."""
    counts = await agent.store.counts()
    lasting = [] if vault.is_sealed(agent.home) else _own_problems(agent)[:1]
    forked = [forks.sentence(agent, fork) for fork in await forks.unseen(agent)]
    found = [
        *_outcast(await taken_out(agent)), *_forked(forked), *await calls_peers.problems(agent, peers),
        *_problems(agent, counts.waiting, counts.void), *await authorities.problems(agent),
    ]  # fmt: skip
    return [one for one in found if (one["what"], one["hint"]) not in lasting]


def _outcast(taken_out: dict[str, object] | None) -> list[dict[str, str]]:
    """The first of all problems: whatever else is wrong follows from it."""
    if taken_out is None:
        return []
    what = "this device was taken out of the mesh"
    if taken_out["by"]:
        what += f" by {shown(str(taken_out['by']))}"
    with contextlib.suppress(TypeError, ValueError, OverflowError):  # none, or what nobody's clock can say
        at = datetime.fromtimestamp(taken_out["time_ms"] / MS, tz=UTC)  # type: ignore[operator]
        what += f" at {at:%Y-%m-%d %H:%M} UTC"
    hint = (
        "Its notes stay readable here; nothing that is written here reaches the others any more. To come back: "
        "`mesh leave`, then `mesh join` with a code of `mesh invite` on another device."
    )
    return [{"what": what, "hint": hint}]


def _forked(sentences: list[str]) -> list[dict[str, str]]:
    hint = "`mesh forks` shows both stories and a proof; if you know what happened, `mesh forks ack ID`."
    return [{"what": sentence, "hint": hint} for sentence in sentences]


async def missing_key(agent: Agent, epoch: Epoch) -> dict[str, object]:
    """An epoch whose key is not here: who began it, when he says so, whether it counts, and who can hand its key on."""
    verdict, statements = agent.engine.replica.verdict, agent.engine.replica.statements
    own = agent.engine.own.admission
    rows = await agent.store.event(epoch.digest)  # none: it came this very moment
    return {
        "epoch": digest_text(epoch.digest),
        "since_ms": decode_inner(rows[0].placed.header.inner).time_ms if rows else None,
        "by": device_text(epoch.by),
        "name": verdict.name_of(epoch.by),
        "counts": epoch.digest in verdict.rekeys,
        "from": [verdict.name_of(one) for one in holders(verdict, statements, epoch.digest) if one != own],
    }


def _writes_under(agent: Agent) -> str | None:
    replica = agent.engine.replica
    held = (epoch for epoch in replica.verdict.epochs() if replica.keyring.holds(short(epoch)))
    return next((digest_text(epoch) for epoch in held), None)


def _key_problems(agent: Agent, missing: Sequence[Mapping[str, object]]) -> list[dict[str, str]]:
    found = []
    if _writes_under(agent) is None:
        what = "this device holds no key that it may write under, so it can say nothing"
        admin = agent.engine.replica.own_rank <= RANK_ADMIN_LAST
        hint = "Its agent begins a new epoch by itself: `mesh up`." if admin else "Connect to an admin device."
        found.append({"what": what, "hint": hint})
    if counting := [one for one in missing if one["counts"]]:
        names = sorted({name for one in counting if isinstance(one["from"], list) for name in one["from"]})
        last = counting[-1]["name"] or counting[-1]["by"]
        what = f"key missing: what is written in {len(counting)} epochs, the last begun by {last}, cannot be read here"
        who = f"on {' or '.join(names)}" if names else "on an admin device that can read it"
        found.append({"what": what, "hint": f"Connect; if that does not help, `mesh rotate` {who} hands the keys on."})
    return found


def _problems(agent: Agent, waiting: int, void: int) -> list[dict[str, str]]:
    found = [*_own_problems(agent), *_link_problems(agent)]
    replica = agent.engine.replica
    if replica.missing:
        found.append((f"{len(replica.missing)} bodies are missing", "They are fetched when a peer has them."))
    if waiting:
        found.append((f"{waiting} events wait for something that is not here yet", "Connect to the other devices."))
    if void:
        found.append((f"{void} events count for nothing here", "`mesh void list` shows whose they are, and why."))
    if replica.verdict.unknown:
        found.append(("control statements of a newer version are held", "Upgrade mesh on this device."))
    alarms = agent.talk.alarms if agent.talk else []
    found += [(alarm, "`mesh log --device DEVICE` shows what that device wrote.") for alarm in alarms]
    return [{"what": what, "hint": hint} for what, hint in found]


async def _persons_problems(agent: Agent) -> list[dict[str, str]]:
    """What waits for a person."""
    found = []
    if not await has_passphrase(agent):
        alone = not confirming.approvers(agent)
        does = "anybody who may run mesh here can do" if alone else "another device has to approve"
        found.append((f"no passphrase is set here, so {does} what only a person should", "`mesh passphrase set`"))
    asks = len(await calls_confirming.open_questions(agent))
    if asks:
        found.append((f"{asks} acts of another device wait for your approval", "`mesh approve` shows them."))
    found += [
        (f"{one.name} has left the mesh", f"`mesh remove {one.name}` closes it for good.")
        for one in await leavers(agent)
        if one.digest != agent.engine.own.admission
    ]
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
