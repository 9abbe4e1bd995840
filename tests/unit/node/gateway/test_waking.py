"""Waking phones: who may be woken, by what, and what is sent then; a browser opens it, a push service checks it."""

from __future__ import annotations

import hmac
import json
import os
from collections.abc import AsyncIterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path

import pytest
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.ciphers.aead import AESGCM

from mesh.events.founding import request_text
from mesh.node.agent import Agent
from mesh.node.gateway import authority, push, subscriptions
from mesh.node.gateway.waking import Waking, waiting
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
    came: list[tuple[str, bytes, Mapping[str, str]]] = field(default_factory=list)

    async def __call__(self, endpoint: str, body: bytes, headers: Mapping[str, str]) -> int:
        """Take a message."""
        if self.failing:
            raise OSError("no route to host")
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
    assert [one.at_ms for one in await subscriptions.listed(agent)] == [5]
    assert await subscribed(client, agent, browser.said(6, "")) == 200
    assert [one.endpoint for one in await subscriptions.listed(agent)] == [""]
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
    assert await subscriptions.listed(agent) == []


@pytest.mark.parametrize("said", ["", "{}", "[]", '{"endpoint":"https://a.net/","key":"","auth":"","at_ms":1}'])
async def test_what_is_no_subscription(said: str, agent: Agent, client: Client) -> None:
    """It is refused."""
    assert await subscribed(client, agent, said) == 400


async def test_what_comes_of_it_is_kept(agent: Agent, waking: Waking, client: Client, service: Service) -> None:
    """That there is no internet, that the service complains, and that it knows the phone no more."""
    await subscribed(client, agent, Browser().said())
    service.failing = True
    await ask(agent, "ask.new", question="one?")
    await waking.look()
    (kept,) = await subscriptions.listed(agent)
    assert "internet" in kept.problem
    service.failing, service.status = False, 500
    await ask(agent, "ask.new", question="two?")
    await waking.look()
    (kept,) = await subscriptions.listed(agent)
    assert "500" in kept.problem
    service.status = 410
    await ask(agent, "ask.new", question="three?")
    await waking.look()
    assert await subscriptions.listed(agent) == []
