"""Waking phones that sleep: who wants to be woken, and a push without content when something waits for the person.

Opt-in twice: this device's person switches it on, and each phone subscribes. The push service of the phone's maker
learns that something happened, and nothing else; without internet nothing is sent, and it is said so.
"""

from __future__ import annotations

import asyncio
import contextlib
import ipaddress
import json
import os
import socket
import time
from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import replace
from typing import TYPE_CHECKING
from urllib.parse import urlsplit

import aiohttp
from aiohttp import web
from aiohttp.abc import AbstractResolver, ResolveResult

from mesh.errors import Malformed, NotGranted, Refused, Stranger
from mesh.events.keys import verify
from mesh.limits import (
    LIST_MAX,
    NOTIFIED_KEPT_MAX,
    PUSH_ENDPOINT_CHARACTERS_MAX,
    PUSH_SUBSCRIPTIONS_MAX,
    SALT_BYTES,
)
from mesh.node import calls_confirming, clock, keeping, timing
from mesh.node.gateway import push
from mesh.node.gateway.replies import Routes, body_of
from mesh.node.gateway.subscriptions import ON, SUBSCRIBED, Kept, phones, signed
from mesh.node.work import Work
from mesh.state import asks, handoffs

if TYPE_CHECKING:
    from mesh.node.agent import Agent

_KEY, _TOLD = "gateway/vapid", "gateway/pushed"
_MESSAGE = b'{"new":true}'
_SUBJECT = "mailto:mesh@example.org"  # services insist on one; nobody of a mesh is to be reached there
_TTL_S = 86_400
_GONE = (404, 410)
_OK_LAST = 299
_UNKEPT = {"Cache-Control": "no-store"}

Post = Callable[[str, bytes, Mapping[str, str]], Awaitable[int]]
"""Posts something to a push service; the status of its answer. Raises OSError, ValueError."""


class Outside(AbstractResolver):
    """Looks names up; what leads to this machine or into this network, and not into the internet, is not found."""

    def __init__(self) -> None:
        """As the system does."""
        self._system = aiohttp.ThreadedResolver()

    async def resolve(
        self, host: str, port: int = 0, family: socket.AddressFamily = socket.AF_UNSPEC
    ) -> list[ResolveResult]:
        """Where a name leads. Raises OSError."""
        found = [one for one in await self._system.resolve(host, port, family) if is_outside(one["host"])]
        if not found:
            message = "that name leads nowhere in the internet"
            raise OSError(message)
        return found

    async def close(self) -> None:
        """Nothing is held."""


def is_outside(host: str) -> bool:
    """Whether an address is one of the internet."""
    found = ipaddress.ip_address(host.partition("%")[0])
    mapped = found.ipv4_mapped if isinstance(found, ipaddress.IPv6Address) else None
    return (mapped or found).is_global


async def post(endpoint: str, body: bytes, headers: Mapping[str, str]) -> int:
    """Post to the service of a browser's maker, whose certificate must be one that everybody trusts."""
    limit = aiohttp.ClientTimeout(total=timing.PUSH_S_MAX)
    async with (
        aiohttp.ClientSession(timeout=limit, connector=aiohttp.TCPConnector(resolver=Outside())) as session,
        session.post(endpoint, data=body, headers=dict(headers), allow_redirects=False) as response,
    ):
        return response.status


class Waking:
    """The phones that one device wakes. `run` is its loop."""

    def __init__(self, agent: Agent, send: Post = post) -> None:
        """Use `routes` and `run`."""
        self._agent, self._send = agent, send

    def routes(self) -> Routes:
        """What a phone asks."""
        return [("GET", "/api/push", self.key), ("POST", "/api/push", self.subscribe)]

    async def key(self, request: web.Request) -> web.Response:
        """The key that a browser subscribes with. Raises NotGranted where nobody switched it on."""
        del request
        return web.json_response({"key": push.public_text(await self._own_key())}, headers=_UNKEPT)

    async def subscribe(self, request: web.Request) -> web.Response:
        """Keep where a phone wants to be woken, or that it does not any more: signed by the phone. Raises Refused."""
        await self._own_key()
        kept = self._read(await body_of(request))

        def with_it(before: Sequence[Kept]) -> Sequence[Kept]:
            if any(one.device == kept.device and one.at_ms >= kept.at_ms for one in before):
                message = "this phone has said something later than that"
                raise Refused(message)
            live = phones(self._agent)
            others = [one for one in before if one.device != kept.device and one.device in live]
            if len(others) >= PUSH_SUBSCRIPTIONS_MAX:
                message = f"this device wakes {PUSH_SUBSCRIPTIONS_MAX} phones already"
                raise Refused(message)
            return [*others, kept]

        await SUBSCRIBED.change(self._agent, with_it)
        return web.json_response({"subscribed": bool(kept.endpoint)}, headers=_UNKEPT)

    def _read(self, raw: bytes) -> Kept:
        """What a phone said of itself, signed with its identity. Raises Malformed, Stranger, Forged."""
        kept, said, signature = read_subscription(raw)
        phone = phones(self._agent).get(kept.device)
        if phone is None:
            message = "only a phone of this mesh is woken"
            raise Stranger(message)
        verify(phone.sign_key, signed(self._agent.engine.own.mesh, said), signature)
        return kept

    async def _own_key(self) -> bytes:
        if await self._agent.store.setting(ON) != b"on":
            message = "this device wakes no phones"
            raise NotGranted(message, hint="On the computer: mesh phone serve --push")
        if not await self._agent.store.setting(_KEY):
            await self._agent.engine.revise(_KEY, lambda kept: kept or push.new_key())  # two may ask at once
        return await self._agent.store.setting(_KEY) or b""

    # ── the loop ─────────────────────────────────────────────────────────────────────────────────

    async def run(self) -> None:
        """Wake phones when something waits for the person, until cancelled."""
        news = asyncio.Event()
        self._agent.news.append(news)
        try:
            while True:
                await asyncio.sleep(timing.NOTIFY_CALM_S)
                news.clear()
                if await self._agent.store.setting(ON) == b"on":
                    await self.look()
                with contextlib.suppress(TimeoutError):
                    async with asyncio.timeout(timing.NOTIFY_LOOK_S):
                        await news.wait()
        finally:
            self._agent.news.remove(news)

    async def look(self) -> None:
        """Wake whoever sleeps, once for all that waits and was not told of yet."""
        told: list[str] = json.loads(await self._agent.store.setting(_TOLD) or b"[]")
        fresh = [key for key in await waiting(self._agent) if key not in told]
        live = phones(self._agent)
        kept = [one for one in await SUBSCRIBED.rows(self._agent) if one.device in live]
        if not fresh or not kept:
            return
        await self._agent.engine.remember(_TOLD, json.dumps([*told, *fresh][-NOTIFIED_KEPT_MAX:]).encode())
        awake = {link.device for link in self._agent.bus.links() if link.connected} if self._agent.bus else set()
        key = await self._own_key()
        for one in kept:
            if one.endpoint and one.device not in awake:
                await self._note(one, await self._wake(one, key))

    async def _note(self, before: Kept, after: Kept | None) -> None:
        """Keep what came of waking a phone, unless it has said something else meanwhile."""
        if after != before:
            left = [] if after is None else [after]
            await SUBSCRIBED.change(
                self._agent, lambda kept: [new for one in kept for new in (left if one == before else [one])]
            )

    async def _wake(self, kept: Kept, key: bytes) -> Kept | None:
        """Wake one phone; what is known of it then, and None where its service knows it no more."""
        parts = urlsplit(kept.endpoint)
        until_s = int(time.time()) + _TTL_S // 2
        headers = {
            "Content-Encoding": "aes128gcm",
            "TTL": str(_TTL_S),
            "Topic": "mesh",
            "Authorization": push.authorization(key, f"{parts.scheme}://{parts.netloc}", until_s, _SUBJECT),
        }
        body = push.sealed(_MESSAGE, kept.subscription(), push.new_key(), os.urandom(SALT_BYTES))
        try:
            status = await self._send(kept.endpoint, body, headers)
        except (OSError, aiohttp.ClientError, ValueError) as error:  # the last one: what is no name to the resolver
            problem = f"its push service cannot be reached, which takes internet ({type(error).__name__})"
            self._agent.log("push.failed", device=kept.device, error=problem)
            return replace(kept, problem=problem)
        self._agent.log("push", device=kept.device, status=status)
        if status in _GONE:
            return None
        return replace(kept, problem="" if status <= _OK_LAST else f"its push service answered {status}")


async def waiting(agent: Agent) -> list[str]:
    """What waits for the person: questions, acts to approve, hand-offs to a human."""
    now_ms, work = clock.now_ms(), await Work.read(agent, "")
    rows = await keeping.listed(agent, "", (asks.KIND,), limit=LIST_MAX)
    found = [str(row.record.document) for row in rows if asks.state(row.record, now_ms)[0] == asks.WAITING]
    found += [str(one["id"]) for one in await calls_confirming.open_questions(agent)]
    found += [
        str(row.record.document)
        for row in work.rows
        if row.record.word("to") == handoffs.HUMAN and work.state(row.record) == handoffs.OPEN
    ]
    return found


def read_subscription(raw: bytes) -> tuple[Kept, str, bytes]:
    """What a phone says of where it is woken, as it said that, and its signature. Raises Malformed."""
    try:
        whole = json.loads(raw)
        device, said, signature = str(whole["device"]), str(whole["said"]), bytes.fromhex(whole["signature"])
        told = json.loads(said)
        endpoint, key, auth = (str(told[name]) for name in ("endpoint", "key", "auth"))
        kept = Kept(device, endpoint, key, auth, int(told["at_ms"]))
        said.encode()  # not all that JSON can spell is text
    except (ValueError, KeyError, TypeError, OverflowError, RecursionError) as error:
        message = "that is no subscription of a phone"
        raise Malformed(message) from error
    if kept.endpoint:
        _must_be_service(kept.endpoint)
        kept.subscription()
    return kept, said, signature


def _must_be_service(endpoint: str) -> None:
    """Raise Malformed unless this may be the push service of a browser: a name in the internet, by https."""
    try:
        parts = urlsplit(endpoint)
        host = parts.hostname or ""
        fits = parts.scheme == "https" and parts.port in {None, 443} and not parts.username
    except ValueError:
        host, fits = "", False
    named = host.rpartition(".")[2].isalpha() and host.rpartition(".")[2] not in {"local", "internal", "localhost"}
    if not fits or not named or len(endpoint) > PUSH_ENDPOINT_CHARACTERS_MAX:
        message = "that is no address of a push service"
        raise Malformed(message)
