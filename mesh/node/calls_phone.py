"""Calls about phones: letting one in step by step, who is in, the page that serves them, and what belongs to each.

The command shows and asks; this admits. A phone is a member like any other, so taking one out is closing it.
"""

from __future__ import annotations

from collections.abc import AsyncGenerator
from typing import TYPE_CHECKING

from mesh.errors import MeshError, Misuse, NotGranted
from mesh.events.verdict import Admission
from mesh.limits import DOOR_OFFER_S_MAX, RANK_ADMIN_LAST
from mesh.names import device_text, role_text, shown
from mesh.node import calls_closing, calls_devices, subjects
from mesh.node.arguments import Arguments, needed, text, yes
from mesh.node.gateway import authorities, authority, homes, names, part, subscriptions, tokens
from mesh.node.gateway.holding import given_host
from mesh.node.gateway.hosted import Asking, Fetched, Hosted, News, Passed
from mesh.node.transport.broker_config import address_text
from mesh.sync.offer import token_text, typed_text

if TYPE_CHECKING:
    from mesh.node.agent import Agent
    from mesh.node.gateway.door import Door

Told = dict[str, object]


# ── letting one in ───────────────────────────────────────────────────────────────────────────────


async def add(agent: Agent, _arguments: Arguments) -> AsyncGenerator[object, None]:
    """Offer one phone to come in: where it goes, how far it has come, who asks, and at last who was admitted."""
    _must_be_admin(agent)
    door = part.wanted(agent)
    hosted = door.pairing.open()
    try:
        await door.holding.wanted()
        await door.opened()
        told = {**_told_page(door), **_told_offer(agent, door, hosted), "home_problem": await _at_home(agent)}
        agent.log("phone.offered")
        yield {"opened": told}
        while True:
            news = await hosted.heard()
            agent.log(f"phone.{type(news).__name__.lower()}")
            yield _item(hosted, news)
            if isinstance(news, Fetched):
                return
    finally:
        agent.log("phone.offer.ended")
        door.pairing.close(hosted)


async def _at_home(agent: Agent) -> str:
    """Have the name of the page told where this device is, since a phone finds it by that; why that cannot be."""
    try:
        await homes.mark(agent)
    except MeshError as error:
        return str(error)
    return ""


def _told_offer(agent: Agent, door: Door, hosted: Hosted) -> Told:
    token = hosted.offer.token
    return {
        "url": f"{door.page.origin}/#p={token_text(token)}&d={agent.device}",
        "token": token_text(token),
        "typed": typed_text(token),
        "device": agent.device,
        "seconds": DOOR_OFFER_S_MAX,
    }


def _item(hosted: Hosted, news: News) -> Told:
    if isinstance(news, MeshError):
        raise news
    if isinstance(news, Passed):
        return {"passed": {"step": news.step}}
    if isinstance(news, Asking):
        return {"asking": {"name": news.name, "digits": news.digits, "fingerprint": news.fingerprint}}
    if isinstance(news, Fetched):
        return {"admitted": hosted.admitted}
    return {"wrong": {"tries_left": news.tries_left}}


async def answer(agent: Agent, arguments: Arguments) -> object:
    """Let in the phone that asks, or not; with a fingerprint only the phone that has it."""
    hosted = agent.gateway.pairing.hosted if agent.gateway else None
    said = text(arguments, "fingerprint")
    if hosted is None or hosted.asking is None or said not in {None, hosted.asking.fingerprint}:
        raise Misuse("no phone waits to be let in", hint="Make an offer: mesh phone add")
    if not yes(arguments, "yes"):
        hosted.answer("")
        return {}
    try:
        told = await calls_devices.admit(agent, {"request": hosted.asking.request, "rank": "member"})
    except MeshError:
        hosted.answer("")
        raise
    assert isinstance(told, dict), "an admission is told as a map"
    admission = str(told.pop("admission"))
    hosted.admitted = told
    hosted.answer(admission)
    return told


def _must_be_admin(agent: Agent) -> None:
    rank = calls_devices.own_rank(agent)
    if rank > RANK_ADMIN_LAST:
        message = f"this device is a {role_text(rank)}, and only an admin lets phones in"
        raise NotGranted(message, hint=authorities.admin_hint(agent))


# ── who is in ────────────────────────────────────────────────────────────────────────────────────


async def listed(agent: Agent, _arguments: Arguments) -> object:
    """The phones of the mesh, with what belongs to each here; the page, and what is to be done about it."""
    kept, subscribed = (
        await tokens.listed(agent),
        {one.device: one for one in await subscriptions.SUBSCRIBED.rows(agent)},
    )
    linked = {link.device for link in agent.bus.links() if link.connected} if agent.bus else set()
    phones = sorted(subscriptions.phones(agent).items(), key=lambda one: (one[1].name, one[0]))
    return {
        "phones": [
            {
                "id": device,
                "name": found.name,
                "connected": device in linked,
                "last_seen_ms": _last_seen_ms(agent, device),
                "woken": device in subscribed and bool(subscribed[device].endpoint),
                "wake_problem": subscribed[device].problem if device in subscribed else "",
                "tokens": [_told_token(one) for one in kept if one.phone == device],
            }
            for device, found in phones
        ],
        "page": await _told_door(agent),
        "problems": await authorities.problems(agent),
    }


def _last_seen_ms(agent: Agent, device: str) -> int | None:
    meeting = agent.meetings.of(device)
    return meeting.heard_ms or None if meeting else None


async def _told_door(agent: Agent) -> Told:
    """The page as it stands here, and the certificate that phones are to trust."""
    door, found = agent.gateway, await authorities.current(agent)
    if found is None:
        return {"served": False, "certificate": None}
    verdict = agent.engine.replica.verdict
    told: Told = {
        "served": door is not None and door.page.open,
        "name": names.door_name(agent.engine.own.mesh),
        "certificate": authority.fingerprint_text(found.certificate),
        "since_ms": found.since_ms,
        "holders": sorted(verdict.name_of(name) for name in found.wraps if verdict.is_live(name)),
        "push": await agent.store.setting(subscriptions.ON) == b"on",
        "host": await given_host(agent),
    }
    if door is None:
        return told
    problem = door.page.problem or door.holding.problem or door.page.beside_problem
    return {**told, **_told_page(door), "problem": str(problem) if problem else ""}


def _told_page(door: Door) -> Told:
    port = door.page.port
    hosts = [host for host in door.page.addresses if "%" not in host]
    root = door.holding.certificate()
    return {
        "name": door.page.name,
        "origin": door.page.origin,
        "trust": [f"http://{address_text(host, port + 1)}/trust" for host in hosts],
        "certificate": authority.fingerprint_text(root) if root else None,
    }


# ── what is done with one ────────────────────────────────────────────────────────────────────────


async def remove(agent: Agent, arguments: Arguments) -> object:
    """Close a phone, as any device is closed that is not used any more; its tokens and its subscription go with it."""
    phone = _phone(agent, needed(arguments, "device"))
    told = await calls_closing.remove(agent, arguments)
    assert isinstance(told, dict), "a close is told as a map"
    if yes(arguments, "look"):
        return told
    device = device_text(phone.digest)
    ended = await tokens.without(agent, device)
    await subscriptions.without(agent, device)
    return {**told, "tokens_ended": ended}


async def token(agent: Agent, arguments: Arguments) -> object:
    """A token for a Shortcut of a phone, told this once; or the end of one."""
    if said := text(arguments, "revoke"):
        return {"revoked": _told_token(await tokens.revoked(agent, said))}
    phones = list(subscriptions.phones(agent).values())
    said = text(arguments, "device")
    if not said and len(phones) != 1:
        message = f"this mesh has {len(phones)} phones" if phones else "this mesh has no phone yet"
        raise Misuse(message, hint="Name one of `mesh phone list`." if phones else "`mesh phone add` lets one in.")
    phone = _phone(agent, said) if said else phones[0]
    name = text(arguments, "name") or f"Shortcut of {phone.name}"
    made, secret = await tokens.made(agent, device_text(phone.digest), name)
    origin = agent.gateway.page.origin if agent.gateway else ""
    return {"token": secret, **_told_token(made), "url": f"{origin}/api/drop" if origin else ""}


def _told_token(one: tokens.Token) -> Told:
    return {"id": one.id, "name": one.name, "phone": one.phone, "made_ms": one.made_ms, "used_ms": one.used_ms}


def _phone(agent: Agent, said: str) -> Admission:
    found = subjects.device_of(agent, said)
    if not found.in_browser:
        message = f"{shown(found.name)} is no phone"
        raise Misuse(message, hint="`mesh phone list` shows the phones; `mesh remove` takes out any device.")
    return found


# ── the page ─────────────────────────────────────────────────────────────────────────────────────


async def serve(agent: Agent, arguments: Arguments) -> object:
    """Serve the page here, or not; under a name of the person's own too; wake phones, or not."""
    door = part.wanted(agent)
    if yes(arguments, "off"):
        await door.page.switch(on=False)
        return await _told_door(agent)
    if arguments.get("push") is not None:
        await agent.engine.remember(subscriptions.ON, b"on" if yes(arguments, "push") else b"off")
    await door.holding.wanted()
    host = text(arguments, "host")
    if host is not None:
        await door.holding.take_given(host, text(arguments, "certificate") or "", text(arguments, "key") or "")
        door.page.look_soon()
    await door.opened()
    return await _told_door(agent)
