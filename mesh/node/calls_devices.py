"""Calls about devices: who is in, letting one in, and where they are."""

from __future__ import annotations

import ipaddress
from collections.abc import AsyncIterator, Sequence
from typing import TYPE_CHECKING

from mesh.clocks.frontier import Span
from mesh.errors import Misuse, NotGranted
from mesh.events.event import Lane
from mesh.events.founding import Packet, admission_text, default_grant, read_request, with_rank
from mesh.events.keys import fingerprint
from mesh.events.kinds import Close
from mesh.events.permits import agents_of
from mesh.events.speaking import Draft
from mesh.events.verdict import Admission
from mesh.limits import (
    ADDRESS_BYTES_MAX,
    ECHO_CHARACTERS_MAX,
    PAGE_BYTES_MAX,
    RANK_ADMIN_LAST,
    RANK_MAX,
    RANK_MEMBER,
    RANK_RELAY,
    STRANGE_ADDRESSES_MAX,
)
from mesh.names import Digest, device_text, digest_text, role_text, shown
from mesh.node import clock, subjects
from mesh.node.arguments import Arguments, needed, text
from mesh.node.engine import Engine
from mesh.sync import messages
from mesh.sync.messages import Push

if TYPE_CHECKING:
    from mesh.node.agent import Agent

_PORT_MAX = 65_535


async def devices(agent: Agent, _arguments: Arguments) -> object:
    """Everybody who is in, and who was: those that were closed stand last."""
    verdict = agent.engine.replica.verdict
    found = sorted(verdict.devices.values(), key=lambda a: (a.digest in verdict.closes, a.rank, a.name, a.digest))
    return {"devices": [await _told(agent, one) for one in found]}


async def _told(agent: Agent, one: Admission) -> dict[str, object]:
    replica = agent.engine.replica
    cuts = sorted(replica.verdict.closes.get(one.digest, ()))
    said = replica.statements[cuts[0].by].body if cuts else None
    reason = said.reason if isinstance(said, Close) else ""
    return {
        "id": device_text(one.digest),
        "name": one.name,
        "rank": one.rank,
        "role": role_text(one.rank),
        "admission": digest_text(one.digest),
        "self": one.digest == replica.own.admission,
        "closed": {**await subjects.told(agent, cuts[0].by), "reason": reason} if cuts else None,
        "agents": list(agents_of(replica.verdict, one.digest, clock.now_ms())),
    }


async def admit(agent: Agent, arguments: Arguments) -> object:
    """Let a device in, and make the admission that it needs. Admitting one again gives its admission again."""
    asked = read_request(needed(arguments, "request"))
    rank = _rank(agent, text(arguments, "rank") or ("relay" if asked.rank >= RANK_RELAY else "admin"))
    replica = agent.engine.replica
    known = [a for a in replica.verdict.live.values() if a.sign_key == asked.sign_key]
    if not known and any(a.sign_key == asked.sign_key for a in replica.verdict.devices.values()):
        message = f"{shown(asked.name)} was taken out of the mesh, and its keys with it"
        raise NotGranted(message, hint="There `mesh leave`, then a new `mesh join`: it comes back with new keys.")
    if known:
        digest, rank = known[0].digest, known[0].rank
    else:

        async def letting_in(_engine: Engine) -> Sequence[Draft]:
            return (Draft(with_rank(asked, rank)),)

        digest = (await agent.engine.say(Lane.CONTROL, letting_in))[-1].digest

    granted = any(grant.admission == digest and not grant.agent for grant in replica.verdict.grants.values())
    if not granted and rank < RANK_RELAY:

        async def granting(_engine: Engine) -> Sequence[Draft]:
            return (Draft(default_grant(digest)),)

        await agent.engine.say(Lane.CONTROL, granting)
    packet = await _packet(agent, digest)
    return {
        "admission": admission_text(packet, asked.kem_key),
        "device": device_text(digest),
        "name": asked.name,
        "rank": rank,
        "fingerprint": digest_text(fingerprint(asked)),
    }


def own_rank(agent: Agent) -> int:
    """What this device is in its mesh."""
    own = agent.engine.replica.verdict.live.get(agent.engine.own.admission)
    return own.rank if own else RANK_MAX


def _rank(agent: Agent, role: str) -> int:
    """The rank of a newcomer: an admission reaches strictly higher ranks only, so an admin makes one below itself."""
    ranks = {"admin": own_rank(agent) + 1, "member": RANK_MEMBER, "relay": RANK_RELAY}
    if role not in ranks:
        raise Misuse(
            "a device comes in as admin, as member or as relay",
            hint="Computers are admins, phones and servers members; a relay reads nothing.",
        )
    if own_rank(agent) > RANK_ADMIN_LAST:
        message = f"this device is a {role_text(own_rank(agent))}, and only an admin lets others in"
        raise NotGranted(message, hint="Do it on an admin device: `mesh devices` shows which are.")
    if role == "admin" and ranks[role] > RANK_ADMIN_LAST:
        message = "this device is the lowest admin that there can be, and can let in members only"
        raise NotGranted(message, hint="Do it on an admin of a smaller rank: `mesh devices` shows them.")
    return ranks[role]


async def _packet(agent: Agent, admission: Digest) -> Packet:
    """What a device that was let in needs: a relay no key of any epoch."""
    replica = agent.engine.replica
    control = []
    for chain, heads in replica.chains.frontier(Lane.CONTROL).items():
        for head in heads:
            control += [push async for push in _pages(agent, Span(chain, head, ()))]
    own = agent.engine.own
    reads = admission in replica.verdict.readers()  # no relay does, and nobody who was closed
    epochs = agent.engine.keyring.keys() if reads else {}
    return Packet(own.mesh, admission, agent.held.transport, epochs, tuple(control), agent.own_addresses())


async def _pages(agent: Agent, span: Span) -> AsyncIterator[bytes]:
    """Everything up to a tip, page by page, as messages."""
    while run := await agent.store.serve(span, PAGE_BYTES_MAX):
        yield messages.encode(Push((run,)))
        span = Span(span.chain, span.target, (agent.engine.replica.chains.end(run),))


async def peer_add(agent: Agent, arguments: Arguments) -> object:
    """Dial an address that the person typed."""
    address = _checked(needed(arguments, "address"))
    addresses = tuple(dict.fromkeys((address, *agent.strange)))
    if len(addresses) > STRANGE_ADDRESSES_MAX:
        raise Misuse(f"at most {STRANGE_ADDRESSES_MAX} addresses are kept", hint="Remove one: `mesh peer remove`.")
    await agent.strange_addresses(addresses)
    return {"address": address, "addresses": list(addresses)}


async def peer_list(agent: Agent, _arguments: Arguments) -> object:
    """Typed addresses, and those that devices were reached at."""
    names = {device_text(a.digest): a.name for a in agent.engine.replica.verdict.devices.values()}
    known = [
        {"device": device, "name": names.get(device, ""), "addresses": list(addresses)}
        for device, addresses in sorted(agent.addresses.items())
    ]
    return {"addresses": list(agent.strange), "devices": known}


async def peer_remove(agent: Agent, arguments: Arguments) -> object:
    """Forget a typed address."""
    address = needed(arguments, "address")
    if address not in agent.strange:
        raise Misuse(f"{address!r} was not added", hint="`mesh peer list` shows what was.")
    await agent.strange_addresses(tuple(a for a in agent.strange if a != address))
    return {"address": address, "addresses": list(agent.strange)}


def _checked(address: str) -> str:
    host, _, port = address.rpartition(":")
    bare = host.removeprefix("[").removesuffix("]")
    fits = bool(bare) and len(address.encode()) <= ADDRESS_BYTES_MAX and port.isascii() and port.isdecimal()
    fits = fits and 0 < int(port) <= _PORT_MAX
    if fits and ":" in bare:
        try:
            fits = ipaddress.ip_address(bare).version == 6 and host.startswith("[")
        except ValueError:
            fits = False
    if not fits or any(c.isspace() or not c.isprintable() for c in address):
        hint = "HOST:PORT, for example 192.168.1.10:4222 or [fe80::1]:4222."
        raise Misuse(f"{shown(address, ECHO_CHARACTERS_MAX)!r} is not an address", hint=hint)
    return address
