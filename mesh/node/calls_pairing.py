"""Calls about pairing: an invitation as a stream of its news, and the person's answer to who asks.

The command shows and asks; this admits. Whoever closes the stream ends the invitation.
"""

from __future__ import annotations

from collections.abc import AsyncGenerator
from typing import TYPE_CHECKING

from mesh.errors import Busy, Malformed, MeshError, Misuse, NotGranted
from mesh.events.keys import fingerprint
from mesh.limits import INVITATION_S_MAX, RANK_ADMIN_LAST
from mesh.names import digest_text, role_text
from mesh.node import calls_devices
from mesh.node.arguments import Arguments, needed, yes
from mesh.node.invitation import Asking, Host, Joined, News
from mesh.node.nearby.addresses import own_hosts
from mesh.node.ports import Notice
from mesh.node.transport.broker_config import address_text
from mesh.sync.pairing_frames import Code

if TYPE_CHECKING:
    from mesh.node.agent import Agent


async def invite(agent: Agent, arguments: Arguments) -> AsyncGenerator[object, None]:
    """Let in one device that knows the code: where it may call, wrong tries, who asks, and at last who was admitted."""
    try:
        code = Code.parse(needed(arguments, "code"))
    except Malformed as error:
        raise Misuse(str(error), hint=error.hint) from error
    _must_be_admin(agent)
    if agent.host is not None:
        message = "an invitation is open already"
        raise Busy(
            message, hint="One at a time: end the other one with Ctrl-C, or wait until its five minutes are over."
        )
    host = agent.host = Host(code, member=yes(arguments, "member"))
    try:
        async with host.listening(agent.interfaces) as port:
            hosts = [one for one in own_hosts(agent.interfaces) if "%" not in one]
            addresses = [address_text(one, port) for one in hosts]
            agent.log("invitation.opened", port=port)
            _announce(agent, Notice("invitation", port, {"v": b"1", "i": str(code.nameplate).encode()}))
            yield {"opened": {"addresses": addresses, "seconds": INVITATION_S_MAX}}
            while True:
                news = await host.heard()
                agent.log(f"invitation.{type(news).__name__.lower()}")
                yield _item(host, news)
                if isinstance(news, Joined):
                    return
    finally:
        agent.log("invitation.ended")
        _announce(agent)
        agent.host = None


def _item(host: Host, news: News) -> dict[str, object]:
    if isinstance(news, MeshError):
        raise news
    if isinstance(news, Asking):
        shown = digest_text(fingerprint(news.admit))
        return {"asking": {"name": news.admit.name, "rank": _rank(host, news), "fingerprint": shown}}
    if isinstance(news, Joined):
        return {"admitted": host.admitted}
    return {"wrong": {"tries_left": news.tries_left}}


async def answer(agent: Agent, arguments: Arguments) -> object:
    """Let in who asks, or not."""
    host = agent.host
    if host is None:
        raise Misuse("no invitation is open", hint="Make one: mesh invite")
    asking = host.asking
    if not yes(arguments, "yes"):
        await host.answer("")
        return {}
    try:
        told = await calls_devices.admit(agent, {"request": asking.request, "rank": _rank(host, asking)})
    except MeshError:
        await host.answer("")
        raise
    assert isinstance(told, dict), "an admission is told as a map"
    admission = str(told.pop("admission"))
    host.admitted = told
    await host.answer(admission)
    return told


def _announce(agent: Agent, *notices: Notice) -> None:
    if agent.finding is not None:
        agent.finding.announce_also(notices)


def _rank(host: Host, asking: Asking) -> str:
    asked = role_text(asking.admit.rank)
    return "member" if host.member and asked == "admin" else asked


def _must_be_admin(agent: Agent) -> None:
    if calls_devices.own_rank(agent) > RANK_ADMIN_LAST:
        role = role_text(calls_devices.own_rank(agent))
        message = f"this device is a {role}, and only an admin lets others in"
        raise NotGranted(message, hint="Invite on an admin device: `mesh devices` shows which are.")
