"""The offer to one phone as it is asked for by HTTP, at a true home; TLS and the page are tested in tests/system."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from mesh.errors import Busy, Misuse, Refused, Unreachable
from mesh.events.founding import read_request, request_text
from mesh.limits import DOOR_OFFER_S_MAX, DOOR_TRIES_MAX, DOOR_WAITING_MAX, PAIR_BYTES_MAX
from mesh.node import timing
from mesh.node.agent import Agent
from mesh.node.gateway.hosted import PAGE, TRUST, Asking, Fetched, Hosted, Passed, Wrong
from mesh.node.gateway.pairing import Pairing
from mesh.sync import offer
from tests.unit.node.families import family
from tests.unit.node.gateway.asking import Client, client_of
from tests.unit.small_mesh import browser_request

PHONE, OTHER = (request_text(browser_request(name)) for name in ("phone", "other phone"))
LIMIT_S = 45


@pytest.fixture
async def agent(tmp_path: Path) -> AsyncIterator[Agent]:
    """A device alone."""
    async with family(tmp_path) as (alder,):
        yield alder


@pytest.fixture
def pairing(agent: Agent) -> Pairing:
    """Where nothing is offered yet."""
    return Pairing(agent)


@pytest.fixture
async def client(pairing: Pairing) -> AsyncIterator[Client]:
    """Somebody who asks."""
    async with client_of(pairing.routes()) as made:
        yield made


def asking(hosted: Hosted, request: str = PHONE, **more: object) -> dict[str, object]:
    """What a phone sends that knows the token."""
    token = hosted.offer.token
    proof = offer.phones_proof(token, request).hex()
    return {"token_id": hosted.offer.name, "request": request, "proof": proof, **more}


async def test_a_phone_is_let_in(agent: Agent, pairing: Pairing, client: Client) -> None:
    """It asks, waits, and fetches what the person's answer made; all of it is told in between."""
    hosted = pairing.open()
    pairing.saw(TRUST)
    pairing.saw(TRUST)
    pairing.saw(PAGE)
    async with client.post("/api/pair", json=asking(hosted)) as answer:
        told = await answer.json()
        assert (answer.status, told["digits"]) == (202, None)
    admitter = read_request(told["admitter"])
    assert admitter.sign_key == agent.engine.own.keys.sign_key
    assert bytes.fromhex(told["proof"]) == offer.admitters_proof(hosted.offer.token, PHONE, told["admitter"])
    news = [await hosted.heard() for _ in range(3)]
    assert news[:2] == [Passed(TRUST), Passed(PAGE)]
    asked = news[2]
    assert isinstance(asked, Asking)
    digits = offer.digits_of(hosted.offer.token, browser_request("phone").sign_key, admitter.sign_key)
    assert (asked.name, asked.digits) == ("phone", digits)
    waits = asyncio.ensure_future(client.get(f"/api/pair/{hosted.offer.name}"))  # noqa: TID251 - a client's call
    await asyncio.sleep(0)
    hosted.answer("mesh-admission-1.AAAA")
    answer = await waits
    assert (answer.status, await answer.json()) == (200, {"admission": "mesh-admission-1.AAAA"})
    assert await hosted.heard() == Fetched()
    async with client.get(f"/api/pair/{hosted.offer.name}") as again:  # it was lost on its way
        assert again.status == 200
    with pytest.raises(Misuse):
        hosted.answer("mesh-admission-1.BBBB")


async def test_waiting_has_an_end(pairing: Pairing, client: Client, monkeypatch: pytest.MonkeyPatch) -> None:
    """Without an answer it is asked again; more than a few at once are sent away."""
    hosted = pairing.open()
    monkeypatch.setattr(timing, "DOOR_POLL_S", 0.01)
    async with client.post("/api/pair", json=asking(hosted)) as answer:
        assert answer.status == 202
    async with client.get(f"/api/pair/{hosted.offer.name}") as answer:
        assert (answer.status, await answer.json()) == (202, {})
    hosted.waiting = DOOR_WAITING_MAX
    async with client.get(f"/api/pair/{hosted.offer.name}") as answer:
        assert answer.status == 409


async def test_who_has_not_the_token(pairing: Pairing, client: Client) -> None:
    """Nothing is known but that a try went; the last one ends it."""
    hosted = pairing.open()
    for left in range(DOOR_TRIES_MAX - 1, 0, -1):
        async with client.post("/api/pair", json=asking(hosted, proof="00" * 32)) as answer:
            assert answer.status == 403
        assert await hosted.heard() == Wrong(left)
    async with client.post("/api/pair", json=asking(hosted, proof="00" * 32)) as answer:
        assert answer.status == 403
    end = await hosted.heard()
    assert isinstance(end, Refused)
    assert "five wrong" in str(end)
    async with client.post("/api/pair", json=asking(hosted)) as answer:
        assert answer.status == 410
    async with client.get(f"/api/pair/{hosted.offer.name}") as answer:
        assert answer.status == 410


async def test_ten_minutes(pairing: Pairing, client: Client) -> None:
    """Then nobody comes in any more, and its person is told."""
    hosted = pairing.open()
    now_s = hosted.offer.began_s + DOOR_OFFER_S_MAX
    hosted.clock = lambda: now_s
    async with client.post("/api/pair", json=asking(hosted)) as answer:
        assert answer.status == 410
    with pytest.raises(Refused, match="ten minutes"):
        async with asyncio.timeout(LIMIT_S):
            await hosted.heard()


async def test_the_person_may_take_longer(pairing: Pairing, client: Client) -> None:
    """A phone that came in time is let in after it."""
    hosted = pairing.open()
    async with client.post("/api/pair", json=asking(hosted)) as answer:
        assert answer.status == 202
    hosted.clock = lambda: hosted.offer.began_s + 2 * DOOR_OFFER_S_MAX
    hosted.answer("mesh-admission-1.AAAA")
    async with client.get(f"/api/pair/{hosted.offer.name}") as answer:
        assert answer.status == 200


async def test_a_phone_that_never_fetches_what_it_was_given(
    pairing: Pairing, client: Client, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Its person is told that it is in all the same, after a while; while that person thinks, nothing ends."""
    monkeypatch.setattr(timing, "DOOR_FETCH_S_MAX", 0.0)
    hosted = pairing.open()
    async with client.post("/api/pair", json=asking(hosted)) as answer:
        assert answer.status == 202
    hosted.clock = lambda: hosted.offer.began_s + 2 * DOOR_OFFER_S_MAX
    assert isinstance(await hosted.heard(), Asking)
    async with asyncio.timeout(LIMIT_S), asyncio.TaskGroup() as group:
        ending = group.create_task(end_of(hosted))
        await asyncio.sleep(0)
        assert not ending.done()
        hosted.answer("mesh-admission-1.AAAA")
    assert "is let in" in ending.result()


async def end_of(hosted: Hosted) -> str:
    """With what an offer ends."""
    with pytest.raises(Unreachable) as error:
        await hosted.heard()
    return str(error.value)


async def test_one_offer_one_phone(pairing: Pairing, client: Client) -> None:
    """A second offer waits; a second phone with the same code is told so; a no is a no to both."""
    hosted = pairing.open()
    with pytest.raises(Busy):
        pairing.open()
    async with client.post("/api/pair", json=asking(hosted)) as answer:
        assert answer.status == 202
    async with client.post("/api/pair", json=asking(hosted, OTHER)) as answer:
        assert answer.status == 409
    hosted.answer("")
    async with client.get(f"/api/pair/{hosted.offer.name}") as answer:
        assert answer.status == 410
    pairing.close(hosted)
    async with client.post("/api/pair", json=asking(hosted)) as answer:
        assert answer.status == 404
    assert pairing.open().offer.token != hosted.offer.token


@pytest.mark.parametrize(
    "told",
    [b"", b"{", b"[]", b'{"token_id":1}', b'{"token_id":"a","request":"b","proof":"zz"}', b"[" * 10_000],
)
async def test_what_is_no_question(told: bytes, pairing: Pairing, client: Client) -> None:
    """It is refused, costs no try, and tells nobody anything."""
    hosted = pairing.open()
    async with client.post("/api/pair", data=told) as answer:
        assert answer.status == 400
    assert hosted.offer.tries_left == DOOR_TRIES_MAX
    assert hosted.news.empty()


async def test_what_is_too_long(pairing: Pairing, client: Client) -> None:
    """As above."""
    hosted = pairing.open()
    async with client.post("/api/pair", data=b" " * (PAIR_BYTES_MAX + 1)) as answer:
        assert answer.status == 413
    async with client.post("/api/pair", json=asking(hosted, proof="00" * 33)) as answer:
        assert answer.status == 400
    assert hosted.news.empty()
