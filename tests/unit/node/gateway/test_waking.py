"""Waking phones: who may be woken, by what, and what is sent then; a browser opens it, a push service checks it."""

from __future__ import annotations

import asyncio
import hmac
import json
import os
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path

import pytest
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.ciphers.aead import AESGCM

from mesh.events.founding import request_text
from mesh.node.agent import Agent
from mesh.node.gateway import authority, push, subscriptions
from mesh.node.gateway.waking import Outside, Waking, is_outside, waiting
from tests.unit.node.families import ask, family, note
from tests.unit.node.gateway.asking import Client, client_of
from tests.unit.node.gateway.test_push import checked
from tests.unit.small_mesh import browser_request, secret_keys

ENDPOINT = "https://push.example.net/push/JzLQ3raZJfFBR0aqvOMsLrt54w4rJUsV"


@dataclass
class Service:
    """A push service: what came, and what it answers."""

    status: int = 201
    failing: bool = False
    meanwhile: Callable[[], Awaitable[object]] | None = None
    """What happens while it takes a message."""
    came: list[tuple[str, bytes, Mapping[str, str]]] = field(default_factory=list)

    async def __call__(self, endpoint: str, body: bytes, headers: Mapping[str, str]) -> int:
        """Take a message."""
        if self.failing:
            raise OSError("no route to host")
        if self.meanwhile is not None:
            await self.meanwhile()
        self.came.append((endpoint, body, headers))
        return self.status


@pytest.fixture
async def agent(tmp_path: Path) -> AsyncIterator[Agent]:
    """A device with a phone, which wakes it."""
    async with family(tmp_path) as (alder,):
        await ask(alder, "admit", request=request_text(browser_request("phone")), rank="member")
        await alder.engine.remember(subscriptions.ON, b"on")
        yield alder


@pytest.fixture
def service() -> Service:
    """Of the maker of the phone's browser."""
    return Service()


@pytest.fixture
def waking(agent: Agent, service: Service) -> Waking:
    """What wakes."""
    return Waking(agent, service)


@pytest.fixture
async def client(waking: Waking) -> AsyncIterator[Client]:
    """Somebody who asks."""
    async with client_of(waking.routes()) as made:
        yield made


class Browser:
    """What a browser keeps of a subscription."""

    def __init__(self) -> None:
        self.key, self.auth = authority.new_key(), os.urandom(16)

    def said(self, at_ms: int = 1, endpoint: str = ENDPOINT, **more: object) -> str:
        """What the phone says of it."""
        keys = {"key": push.public_text(self.key), "auth": push.packed(self.auth)}
        return json.dumps({"endpoint": endpoint, **keys, "at_ms": at_ms, **more})

    def opened(self, body: bytes) -> bytes:
        """What was sealed for it (RFC 8291, as the browser does it)."""
        salt, sender = body[:16], body[21:86]
        point = ec.EllipticCurvePublicKey.from_encoded_point(ec.SECP256R1(), sender)
        own = ec.derive_private_key(int.from_bytes(self.key), ec.SECP256R1())
        prk = hmac.digest(self.auth, own.exchange(ec.ECDH(), point), "sha256")
        info = b"WebPush: info\0" + authority.public_of(self.key) + sender + b"\x01"
        secret = hmac.digest(salt, hmac.digest(prk, info, "sha256"), "sha256")
        key = hmac.digest(secret, b"Content-Encoding: aes128gcm\0\x01", "sha256")[:16]
        nonce = hmac.digest(secret, b"Content-Encoding: nonce\0\x01", "sha256")[:12]
        return AESGCM(key).decrypt(nonce, body[86:], None).rstrip(b"\x02")


async def subscribed(client: Client, agent: Agent, said: str, name: str = "phone") -> int:
    """A phone says where it is woken; the status."""
    device = next(d for d, one in subscriptions.phones(agent).items())
    signature = secret_keys(name).sign(subscriptions.signed(agent.engine.own.mesh, said)).hex()
    async with client.post("/api/push", json={"device": device, "said": said, "signature": signature}) as answer:
        return answer.status


async def test_a_phone_is_woken_without_a_word(agent: Agent, waking: Waking, client: Client, service: Service) -> None:
    """Once for what waits, by a message that says nothing, from a sender that the service knows again."""
    browser = Browser()
    async with client.get("/api/push") as answer:
        key = (await answer.json())["key"]
    assert await subscribed(client, agent, browser.said()) == 200
    await note(agent, "nobody waits for this")
    await waking.look()
    assert not service.came
    question = str((await ask(agent, "ask.new", question="delete the secret plan?", options=["yes", "no"]))["document"])
    assert await waiting(agent) == [question]
    await waking.look()
    await waking.look()
    ((endpoint, body, headers),) = service.came
    assert endpoint == ENDPOINT
    assert browser.opened(body) == b'{"new":true}'
    claims = checked(headers["Authorization"])
    assert claims["aud"] == "https://push.example.net"
    assert headers["Authorization"].endswith(f"k={key}")
    assert b"secret plan" not in body
    await ask(agent, "handoff.new", goal="look at it", to="human", reason="needs_human")
    await waking.look()
    assert len(service.came) == 2
    assert len(await waiting(agent)) == 2


async def test_who_may_be_woken(agent: Agent, client: Client) -> None:
    """A phone of the mesh that signed it itself, later than what it said before; nobody else."""
    browser = Browser()
    assert await subscribed(client, agent, browser.said(5), "stranger") == 403
    assert await subscribed(client, agent, browser.said(5)) == 200
    assert await subscribed(client, agent, browser.said(5)) == 400
    assert await subscribed(client, agent, browser.said(4)) == 400
    async with client.post("/api/push", json={"device": agent.device, "said": browser.said(9), "signature": ""}) as no:
        assert no.status == 403
    assert [one.at_ms for one in await subscriptions.SUBSCRIBED.rows(agent)] == [5]
    assert await subscribed(client, agent, browser.said(6, "")) == 200
    assert [one.endpoint for one in await subscriptions.SUBSCRIBED.rows(agent)] == [""]
    await agent.engine.remember(subscriptions.ON, b"off")
    assert await subscribed(client, agent, browser.said(7)) == 403
    async with client.get("/api/push") as answer:
        assert answer.status == 403


@pytest.mark.parametrize(
    "endpoint",
    [
        "http://push.example.net/", "https://127.0.0.1/", "https://[::1]/", "https://mac.local/x", "https://localhost/",
        "https://push.example.net:22/", "https://me@push.example.net/", "file:a", "x" * 2000,
        "https://" + "a" * 2000 + ".net/", "https://[", "https://10.1/",
    ],
)  # fmt: skip
async def test_only_services_in_the_internet(endpoint: str, agent: Agent, client: Client) -> None:
    """A phone makes this device call nobody at home."""
    assert await subscribed(client, agent, Browser().said(endpoint=endpoint)) == 400
    assert await subscriptions.SUBSCRIBED.rows(agent) == []


@pytest.mark.parametrize("said", ["", "{}", "[]", '{"endpoint":"https://a.net/","key":"","auth":"","at_ms":1}'])
async def test_what_is_no_subscription(said: str, agent: Agent, client: Client) -> None:
    """It is refused."""
    assert await subscribed(client, agent, said) == 400


async def test_what_is_no_text(agent: Agent, client: Client) -> None:
    """JSON can spell half a character: refused as well."""
    (device,) = subscriptions.phones(agent)
    whole = {"device": device, "said": Browser().said(x="half")[:-6] + '\ud800"}', "signature": "00"}
    async with client.post("/api/push", data=json.dumps(whole)) as answer:
        assert answer.status == 400


async def test_what_comes_of_it_is_kept(agent: Agent, waking: Waking, client: Client, service: Service) -> None:
    """That there is no internet, that the service complains, and that it knows the phone no more."""
    await subscribed(client, agent, Browser().said())
    service.failing = True
    await ask(agent, "ask.new", question="one?")
    await waking.look()
    (kept,) = await subscriptions.SUBSCRIBED.rows(agent)
    assert "internet" in kept.problem
    service.failing, service.status = False, 500
    await ask(agent, "ask.new", question="two?")
    await waking.look()
    (kept,) = await subscriptions.SUBSCRIBED.rows(agent)
    assert "500" in kept.problem
    service.status = 410
    await ask(agent, "ask.new", question="three?")
    await waking.look()
    assert await subscriptions.SUBSCRIBED.rows(agent) == []


@pytest.mark.parametrize("status", [201, 410, 500])
async def test_what_a_phone_says_while_it_is_woken(
    status: int, agent: Agent, waking: Waking, client: Client, service: Service
) -> None:
    """It wants to be woken no more: that counts, whatever comes of the push that is under way."""
    await subscribed(client, agent, Browser().said(1))

    async def says() -> None:
        assert await subscribed(client, agent, Browser().said(2, "")) == 200

    service.status, service.meanwhile = status, says
    await ask(agent, "ask.new", question="one?")
    await waking.look()
    assert [(one.at_ms, one.endpoint) for one in await subscriptions.SUBSCRIBED.rows(agent)] == [(2, "")]


async def test_all_who_ask_at_once_get_the_key_that_counts(client: Client) -> None:
    """A browser that subscribed with another one would never be woken."""

    async def asked() -> str:
        async with client.get("/api/push") as answer:
            return str((await answer.json())["key"])

    assert len({*await asyncio.gather(*(asked() for _ in range(5))), await asked()}) == 1


async def test_a_name_that_is_none_harms_nobody(agent: Agent, client: Client) -> None:
    """The resolver takes no label of 64 letters: that is a problem of this one phone."""
    await subscribed(client, agent, Browser().said(endpoint=f"https://{'a' * 64}.example.net/"))
    await ask(agent, "ask.new", question="one?")
    await Waking(agent).look()
    (kept,) = await subscriptions.SUBSCRIBED.rows(agent)
    assert "cannot be reached" in kept.problem


HOME = ["127.0.0.1", "10.0.0.1", "192.168.178.1", "169.254.1.1", "100.64.0.1", "0.0.0.0"]  # noqa: S104 - nobody listens


@pytest.mark.parametrize("host", ["localhost", *HOME])
async def test_a_name_that_leads_home_is_not_found(host: str) -> None:
    """Whoever owns a name may have it lead anywhere: to this machine or this network nothing is sent."""
    with pytest.raises(OSError, match="nowhere in the internet"):
        await Outside().resolve(host, 443)


async def test_a_name_that_leads_outside_is_found() -> None:
    """As the system says."""
    assert [one["host"] for one in await Outside().resolve("1.1.1.1", 443)] == ["1.1.1.1"]
    assert is_outside("2606:4700::1111")
    assert not any(map(is_outside, ["::1", "::", "fd83::1", "fe80::1", "fe80::1%eth0", "::ffff:10.0.0.1"]))
