"""How it stands with each peer: who lacks what, whether it shows the same by its own receipt, and what is under way.

A peer is in sync only by a valid receipt, told over the link that is up, that equals what this device shows now. This
module asks nobody.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import asdict
from typing import TYPE_CHECKING

from mesh.clocks.frontier import Frontier, events_between
from mesh.events.event import Lane
from mesh.limits import RANK_RELAY
from mesh.names import device_text, shown
from mesh.node import agreeing
from mesh.node.agreeing import Side
from mesh.node.ports import LinkStatus
from mesh.sync.comparing import Finding
from mesh.sync.messages import Have
from mesh.sync.receipts import Receipt, Shown, agree

if TYPE_CHECKING:
    from mesh.node.agent import Agent

_EVENT_DIGITS = 12  # of an event's digest: enough to ask for
Peer = dict[str, object]


async def peers(agent: Agent, mine: Shown) -> list[Peer]:
    """Every device of the roster; without an agent, what is known of those that were met. `mine`: what is shown now."""
    return [await _peer(agent, link, mine) for link in (agent.bus.links() if agent.bus else _met(agent))]


def _met(agent: Agent) -> list[LinkStatus]:
    """The live devices that told something once, while nobody is linked since no agent runs."""
    replica = agent.engine.replica
    devices = [device_text(one) for one in replica.verdict.live if one != replica.own.admission]
    met = sorted(device for device in devices if agent.meetings.of(device))
    return [LinkStatus(device, False, "", "", None, None, "", "") for device in met]  # noqa: FBT003 - not connected


def in_sync(listed: Sequence[Peer]) -> bool:
    """Whether some device is in reach, and each that is shows what this one shows."""
    reached = [peer for peer in listed if peer["connected"]]
    return bool(reached) and all(peer["in_sync"] for peer in reached)


async def problems(agent: Agent, listed: Sequence[Mapping[str, object]]) -> list[dict[str, str]]:
    """Peers of which it cannot be said, or is certain not, that they show the same."""
    found = []
    for peer in listed:
        name = shown(str(peer["name"] or peer["device"]))
        side = agent.talk.agreeing.sides.get(str(peer["device"])) if agent.talk else None
        if side and side.older:
            what = f"{name} runs an older mesh, which signs no receipts: whether it is in sync cannot be said"
            found.append({"what": what, "hint": "Upgrade mesh on that device: `mesh upgrade`."})
        if side and side.refused and not side.older:
            what = f"the receipt of {name} does not hold: {shown(side.refused)}"
            found.append({"what": what, "hint": "If this stays, look at that device; `mesh lost` shuts it out."})
        if side and side.finding:
            what = f"{name} and this device hold the same events and do not show the same: "
            what += await _place(agent, side.finding)
            hint = "`mesh verify --deep` on both says whose database is wrong; `mesh rebuild` there makes it anew."
            found.append({"what": what, "hint": hint})
    return found


async def _peer(agent: Agent, link: LinkStatus, mine: Shown) -> Peer:
    devices = {device_text(a.digest): a for a in agent.engine.replica.verdict.devices.values()}
    found = devices.get(link.device)
    known = agent.talk.known.get(link.device) if agent.talk else None
    replica = agent.engine.replica
    tips = {**replica.chains.frontier(Lane.CONTROL), **replica.chains.frontier(Lane.DATA)}
    theirs = _frontier(known.have) if known else {}
    told = {
        **asdict(link),
        "name": found.name if found else "",
        "we_lack": events_between(tips, theirs) if known else None,
        "they_lack": events_between(theirs, tips) if known else None,
        "same_digest": _same(agent, tips, known.have, found.rank if found else 0) if known else False,
    }
    return {**told, **_agreed(agent, link, told, mine)}


def _agreed(agent: Agent, link: LinkStatus, told: Peer, mine: Shown) -> Peer:
    meeting = agent.meetings.of(link.device)
    side = (agent.talk.agreeing.sides.get(link.device) if agent.talk else None) or Side()
    receipt = side.receipt
    both_show = agent.talk is None or agent.talk.agreeing.both_show(link.device)
    equal = bool(told["same_digest"] and receipt and agree(mine, receipt.shown, both_show=both_show))
    return {
        "in_sync": equal and link.connected,
        "doing": "" if equal and link.connected else _doing(agent, link, told, side, mine),
        "heard_ms": meeting.heard_ms if meeting else None,
        "in_sync_ms": meeting.in_sync_ms or None if meeting else None,
        "receipt": _receipt(receipt, meeting.receipt_ms, mine) if receipt and meeting else None,
        "differs": _differs(side.finding) if side.finding else None,
    }


def _receipt(receipt: Receipt, time_ms: int, mine: Shown) -> Peer:
    """When a receipt came, which of its digests are those of this device, and what its device lacks to show all."""
    same = {name: getattr(receipt.shown, name) == getattr(mine, name) for name in Shown._fields}
    return {"time_ms": time_ms, "same": same, "bodies_missing": receipt.bodies, "keys_missing": receipt.keys}


def _differs(finding: Finding) -> Peer:
    return {
        "document": str(finding.document) if finding.document else None,
        "event": finding.event.hex() if finding.event else None,
        "counts_here": finding.honoured,
        "shown_differently": finding.event is None,
    }


def _doing(agent: Agent, link: LinkStatus, told: Peer, side: Side, mine: Shown) -> str:
    """Why a peer is not in sync, in the order in which things come about."""
    if not link.connected:
        return "away"
    if told["we_lack"] is None:
        return "it has told nothing yet"
    if told["we_lack"] or told["they_lack"]:
        counts = ((told["we_lack"], "here"), (told["they_lack"], "there"))
        return ", ".join(f"events on their way {where}: {count:,}" for count, where in counts if count)
    if side.older:
        return "it runs an older mesh, which signs no receipts"
    receipt = side.receipt
    if missing := _missing(agent, receipt):
        return missing
    if side.differs_s is not None:
        found = "see below" if side.finding else "where, is looked for"
        return f"the same events, and it does not show the same: {found}"
    if receipt is None or not mine.same_log(receipt.shown):
        return "its receipt is awaited"
    return "what came last is weighed"


def _missing(agent: Agent, receipt: Receipt | None) -> str:
    here = (len(agent.engine.replica.missing), agreeing.keys_missing(agent.engine))
    there = (receipt.bodies, receipt.keys) if receipt else (0, 0)
    parts = [
        f"{count} {noun} are missing {where}"
        for where, counts in (("here", here), ("there", there))
        for count, noun in zip(counts, ("bodies", "keys"), strict=True)
        if count
    ]
    return ", ".join(parts)


async def _place(agent: Agent, finding: Finding) -> str:
    found = await agent.store.titles([finding.document]) if finding.document else {}
    title = "".join(f" ({shown(title)})" for title in found.values() if title)
    document = f"document {finding.document}{title}" if finding.document else "a document that is not shown here"
    if finding.event is None:
        return f"{document}; the same of its events count, and they are shown differently"
    counts = "here and not there" if finding.honoured else "there and not here"
    return f"{document}; event {finding.event.hex()[:_EVENT_DIGITS]} counts {counts}"


def _frontier(have: Have) -> Frontier:
    return {**have.control, **have.data}


def _same(agent: Agent, mine: Frontier, have: Have, rank: int) -> bool:
    """Whether both hold the same, and say that they show the same: a relay shows nothing."""
    replica = agent.engine.replica
    shows = have.state == replica.state or agent.engine.is_relay or rank >= RANK_RELAY
    return mine == _frontier(have) and shows and have.verdict == replica.verdict_digest
