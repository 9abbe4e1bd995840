"""Why a device is not in reach: from its link, its addresses, the beacon, and when it was in touch last.

It calls nobody. Without a running agent there are no links, so nothing can be said.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from mesh.events.verdict import Admission
from mesh.names import device_text
from mesh.node import clock
from mesh.node.ports import LinkStatus, Trouble
from mesh.node.why.causes import Cause, Place, cause
from mesh.node.why.holdings import contact

if TYPE_CHECKING:
    from mesh.node.agent import Agent

_CERTAIN: dict[Trouble, str] = {"not-let-in": "refused-key", "wrong-proof": "wrong-proof", "away": "asleep"}
_NEVER_MET: dict[Trouble, str] = {"no-answer": "no-answer", "lost": "no-answer", "nobody-there": "wrong-address"}
"""Of a device that was in reach before, each of these means that it is not there any more."""


def place_of(one: Admission) -> Place:
    """A device as the place of a cause."""
    return Place(device_text(one.digest), one.name)


async def unreachable(agent: Agent, one: Admission) -> Cause | None:
    """Why a device is not linked; None where it is, or where no agent runs that could know."""
    place = place_of(one)
    links = agent.bus.links() if agent.bus else ()
    link = next((link for link in links if link.device == place.device), None)
    if link is None or link.connected:
        return None
    since, exact = await contact(agent, one.digest)
    code = _CERTAIN.get(link.trouble) or ("asleep" if since is not None else _NEVER_MET.get(link.trouble, "not-found"))
    touched = f"in touch last at {clock.day(since)}{'' if exact else ', at the latest'}" if since is not None else ""
    evidence = [touched or "never in touch with this device, as far as is known here", *_seen(agent, link)]
    return cause(code, place, since, evidence)


def _seen(agent: Agent, link: LinkStatus) -> list[str]:
    found = [f"the last call: {link.problem}"] if link.problem else ["nobody called yet"]
    if addresses := agent.known_at(link.device):
        found.append(f"known addresses: {', '.join(addresses)}")
    beacon = agent.finding.status() if agent.finding else None
    if beacon is None:
        found.append("mDNS is off here")
    elif beacon.problem:
        found.append(f"mDNS: {beacon.problem}")
    else:
        found.append(f"mDNS: {beacon.heard} announcements are in sight")
    return found
