"""Phones that come in over https, at real agents: who is let in, who is not, and what a lost holder changes."""

from __future__ import annotations

import asyncio
import secrets
import signal
import ssl

import aiohttp
import pytest

from mesh.limits import DOOR_TRIES_MAX
from tests.system.harness import Device, Fleet
from tests.system.phones import Adding, Handset, adding, origin_of, two_ports

pytestmark = pytest.mark.system


def serving(device: Device) -> Device:
    """Its agent, with ports of its own for phones."""
    return device.start(MESH_PHONE_PORT=str(two_ports()))


@pytest.fixture
def mac(fleet: Fleet) -> Device:
    """One device alone, with an agent."""
    return serving(fleet.joined(1)[0]).served()


async def begun(offer: Adding) -> tuple[str, str]:
    """The trust page and the address with the code."""
    told = await offer.told("url")
    assert isinstance(told["trust"], list)
    return str(told["trust"][0]), str(told["url"])


async def let_in(mac: Device, phone: Handset) -> str:
    """A phone comes in; the page's origin."""
    async with adding(mac, "--yes") as offer:
        trust, url = await begun(offer)
        await phone.trust(trust)
        status, answer = await phone.ask(url)
        assert status == 202, answer
        status, told = await phone.wait(url)
        assert status == 200, told
        phone.take(told["admission"])
        await offer.told("admitted")
        assert (await offer.ended())[0] == 0
    return origin_of(url)


async def test_a_phone_comes_in_and_writes(mac: Device) -> None:
    """Step by step, with the person's yes to the digits; then it is a member, and its note is here."""
    phone = Handset()
    async with adding(mac) as offer:
        trust, url = await begun(offer)
        page = await phone.trust(trust)
        assert (await offer.told("passed"))["passed"] == {"step": "trust"}
        assert origin_of(url) in page
        async with phone.browsing(origin_of(url)) as session, session.get("/"):
            assert (await offer.told("passed"))["passed"] == {"step": "page"}
        status, answer = await phone.ask(url)
        assert (status, answer["digits"]) == (202, None)
        asking = (await offer.told("asking"))["asking"]
        assert isinstance(asking, dict)
        assert (asking["name"], asking["digits"]) == ("handset", phone.digits(url, answer))
        assert (await phone.ask(url)) == (202, answer)  # the answer was lost on its way
        await offer.answer("y")
        status, told = await phone.wait(url)
        assert status == 200, told
        packet = phone.take(told["admission"])
        admitted = (await offer.told("admitted"))["admitted"]
        assert isinstance(admitted, dict)
        assert (admitted["device"], admitted["rank"]) == (phone.device, 10)
        assert (await offer.ended())[0] == 0
    assert packet.epochs
    rows = mac.done("devices")["devices"]
    assert isinstance(rows, list)
    assert [(one["id"], one["role"]) for one in rows if one["name"] == "handset"] == [(phone.device, "member")]
    status, told = await phone.send(origin_of(url), await phone.written("from the phone"))
    assert status == 200, told
    assert "from the phone" in mac.titles()
    listed = mac.done("phone", "list")
    assert [one["name"] for one in listed["phones"]] == ["handset"]  # type: ignore[attr-defined]
    assert (await phone.ask(url))[0] == 404  # the code is over


async def test_who_has_not_the_code(mac: Device) -> None:
    """Another token is not known; the fifth wrong proof ends the offer, for the right one too."""
    phone = Handset()
    async with adding(mac) as offer:
        trust, url = await begun(offer)
        await phone.trust(trust)
        assert (await phone.ask(url, token=secrets.token_bytes(16)))[0] == 404
        for left in range(DOOR_TRIES_MAX - 1, 0, -1):
            assert (await phone.ask(url, proof=secrets.token_bytes(32)))[0] == 403
            del left
        assert (await phone.ask(url, proof=secrets.token_bytes(32)))[0] == 403
        assert (await phone.ask(url))[0] in {404, 410}
        assert "dead" in str((await offer.error())["message"])
        assert (await offer.ended())[0] == 3
    rows = mac.done("devices")["devices"]
    assert isinstance(rows, list)
    assert len(rows) == 1


async def test_keys_that_were_swapped_show_other_digits(mac: Device) -> None:
    """Somebody with the code who puts keys of his own in between is seen: the screens differ, and the proof does not fit."""
    phone, thief = Handset(), Handset("handset")
    async with adding(mac) as offer:
        trust, url = await begun(offer)
        await phone.trust(trust)
        thief.root = phone.root
        status, answer = await thief.ask(url)
        assert status == 202
        asking = (await offer.told("asking"))["asking"]
        assert isinstance(asking, dict)
        with pytest.raises(AssertionError):
            phone.digits(url, answer)  # the device proves what it heard, which is not what the phone asked
        thief_sees = thief.digits(url, answer)
        assert asking["digits"] == thief_sees
        assert (await phone.ask(url))[0] == 409
        await offer.answer("n")
        assert (await offer.ended())[0] == 3
        assert (await thief.wait(url))[0] in {404, 410}
    rows = mac.done("devices")["devices"]
    assert isinstance(rows, list)
    assert len(rows) == 1


async def test_two_phones_at_once(mac: Device) -> None:
    """One code is for one phone, and one offer is open at a time."""
    phones = [Handset(), Handset("other")]
    async with adding(mac, "--yes") as offer:
        trust, url = await begun(offer)
        for phone in phones:
            await phone.trust(trust)
        async with adding(mac, "--yes") as second:
            assert (await second.error())["class"] == "Busy"
        answers = await asyncio.gather(*(phone.ask(url) for phone in phones))
        assert sorted(status for status, _ in answers) == [202, 409]
        first = phones[0] if answers[0][0] == 202 else phones[1]
        status, told = await first.wait(url)
        assert status == 200
        first.take(told["admission"])
        assert (await offer.ended())[0] == 0
    assert first.device in {str(one["id"]) for one in mac.done("phone", "list")["phones"]}  # type: ignore[attr-defined]


async def test_ctrl_c_ends_the_offer(mac: Device) -> None:
    """The phone that waits hears that it is over, and the next offer is another one."""
    phone = Handset()
    async with adding(mac) as offer:
        trust, url = await begun(offer)
        await phone.trust(trust)
        assert (await phone.ask(url))[0] == 202
        await offer.told("asking")
        offer.process.send_signal(signal.SIGINT)
        assert (await phone.wait(url))[0] in {404, 410}
        assert (await offer.ended())[0] == 130
    await let_in(mac, phone)
    assert len(mac.done("devices")["devices"]) == 2  # type: ignore[arg-type]


async def test_only_an_admin_lets_phones_in(fleet: Fleet) -> None:
    """A member refuses, and names an admin that could."""
    mac, laptop = fleet.joined(2)
    mac.start()
    mac.done("rank", "birch", "member", "--yes")
    laptop.start()
    fleet.link(laptop, mac)
    fleet.wait("it heard that it is a member", lambda: laptop.done("status")["device"]["role"] == "member")  # type: ignore[index]
    async with adding(laptop, "--yes") as offer:
        error = await offer.error()
        assert error["class"] == "NotGranted"
        assert "alder" in str(error["hint"])


async def test_only_what_it_is_for(mac: Device) -> None:
    """Plain http has nothing but the certificate, another name is sent away, and another page may not ask."""
    phone = Handset()
    origin = await let_in(mac, phone)
    async with phone.browsing(origin) as session:
        async with session.post("/api/pair", json={}, headers={"Origin": "https://evil.example"}) as answer:
            assert answer.status == 403
        async with session.get("/who", headers={"Host": "evil.example"}) as answer:
            assert answer.status == 421
        async with session.post("/api/pair", data=b"{" * 40_000) as answer:
            assert answer.status in {400, 413}
    stranger = Handset()
    stranger.root = phone.root
    with pytest.raises((aiohttp.ClientError, ssl.SSLError)):
        async with aiohttp.ClientSession() as session, session.get(origin.replace("https", "http")) as answer:
            assert answer.status != 200
