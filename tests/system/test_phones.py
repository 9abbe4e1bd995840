"""Phones that come in over https, at real agents: who is let in, who is not, and what a lost holder changes."""

from __future__ import annotations

import asyncio
import json
import secrets
import signal
import ssl
import time
from pathlib import Path

import aiohttp
import pytest

from mesh.limits import DOOR_TRIES_MAX
from mesh.node.gateway import authority
from mesh.node.socket_client import Told
from tests.system.harness import Device, Fleet, wait
from tests.system.phones import LIMIT_S, Adding, Handset, adding, origin_of, two_ports

pytestmark = pytest.mark.system
PASSPHRASE = "correct horse battery"  # noqa: S105 - of homes that are made here


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
    """Somebody with the code who puts his own keys in between is seen: digits differ, and the proof does not fit."""
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


def guard(one: Device, other: Device) -> None:
    """Set a passphrase on a device, which the other one approves."""
    asked = one.mesh("--json", "passphrase", "set", "--passphrase-stdin", stdin=f"{PASSPHRASE}\n")
    name = str(asked.error["approval"])
    wait("it is asked there", lambda: other.done("approve")["approvals"], (one, other))
    other.done("approve", name, "--yes")
    one.done("passphrase", "set", "--passphrase-stdin", "--approved", name, stdin=f"{PASSPHRASE}\n")


def act(device: Device, *argv: str) -> Told:
    """An act of the person, confirmed by the passphrase."""
    return device.done(*argv, "--passphrase-stdin", "--yes", stdin=f"{PASSPHRASE}\n")


@pytest.fixture
def two(fleet: Fleet) -> tuple[Device, Device]:
    """Two admins that are linked, each with ports of its own for phones; the first has a passphrase."""
    first, second = (serving(device) for device in fleet.joined(2))
    fleet.link(second, first)
    guard(first, second)
    return first, second


@pytest.fixture
def beside(two: tuple[Device, Device], fleet: Fleet) -> tuple[Device, Device]:
    """An admin and a member."""
    admin, member = two
    act(admin, "rank", "birch", "member")
    fleet.wait("it is a member", lambda: member.status()["device"]["role"] == "member")  # type: ignore[index]
    fleet.wait("they are linked", lambda: admin.linked() and member.linked())
    return admin, member


def page(device: Device) -> Told:
    """How the page stands on a device."""
    found = device.call("phone.list")["page"]
    assert isinstance(found, dict)
    return found


def problems(device: Device, *argv: str) -> str:
    """What a command says that there is to do about phones."""
    found = device.done(*argv)["problems"]
    assert isinstance(found, list)
    return " ".join(str(one["what"]) for one in found if "certificate" in str(one["what"]))


async def served(phone: Handset, device: Device) -> bool:
    """Whether a device shows a phone a page that it trusts."""
    try:
        async with phone.browsing(str(page(device)["origin"])) as session, session.get("/who") as answer:
            told = await answer.json()
    except (aiohttp.ClientError, KeyError):
        return False
    return bool(told["device"] == device.status()["device"]["id"])  # type: ignore[index]


async def until_served(phone: Handset, device: Device) -> None:
    """Wait for that."""
    async with asyncio.timeout(LIMIT_S):
        while not await served(phone, device):  # noqa: ASYNC110 - another process tells no event
            await asyncio.sleep(0.2)


async def test_only_an_admin_lets_phones_in(beside: tuple[Device, Device]) -> None:
    """A member refuses, and names an admin that could."""
    async with adding(beside[1], "--yes") as offer:
        error = await offer.error()
        assert error["class"] == "NotGranted"
        assert "alder" in str(error["hint"])


async def test_a_member_serves_the_page_by_a_leaf_that_an_admin_signed(beside: tuple[Device, Device]) -> None:
    """The phone that trusts the one trusts the other; only the admin has the key."""
    admin, member = beside
    phone = Handset()
    await let_in(admin, phone)
    await until_served(phone, member)
    assert page(member)["holders"] == ["alder"]
    assert page(member)["certificate"] == page(admin)["certificate"]
    assert await served(phone, admin)


async def test_a_lost_holder_costs_the_certificate(two: tuple[Device, Device]) -> None:
    """Another authority is made, the old one is shown no more, and the person is told wherever they look."""
    admin, lost = two
    phone = Handset()
    await let_in(admin, phone)
    await until_served(phone, lost)  # it had the key
    before = page(admin)["certificate"]
    assert page(admin)["holders"] == ["alder", "birch"]
    assert not problems(admin, "phone", "list")
    lost.kill()
    act(admin, "lost", "birch")
    async with asyncio.timeout(LIMIT_S):
        while page(admin)["certificate"] in {None, before} or not page(admin)["served"]:  # noqa: ASYNC110 - as above
            await asyncio.sleep(0.2)
    assert not await served(phone, admin)
    assert page(admin)["holders"] == ["alder"]
    for argv in (["phone", "list"], ["status"], ["brief"]):
        said = problems(admin, *argv)
        assert "birch" in said, argv
        assert "handset must trust the new one" in said
    trust = page(admin)["trust"]
    assert isinstance(trust, list)
    await phone.trust(str(trust[0]))
    assert await served(phone, admin)


async def test_what_goes_with_a_phone(two: tuple[Device, Device]) -> None:
    """Its tokens end, it is closed like any device, and its page lets it in no more."""
    admin, _ = two
    phone = Handset()
    origin = await let_in(admin, phone)
    token = admin.done("phone", "token", "handset", "--name", "Send to mesh")
    assert str(token["token"]).startswith("mesh-drop-")
    listed = admin.done("phone", "list")["phones"]
    assert isinstance(listed, list)
    assert [one["name"] for one in listed[0]["tokens"]] == ["Send to mesh"]
    assert str(token["token"]) not in json.dumps(listed)
    handed = await hand_in(phone, origin, str(token["token"]))
    assert handed == 200
    drops = admin.done("drop", "list")["drops"]
    assert isinstance(drops, list)
    assert [(one["title"], one["size"]) for one in drops] == [("photo.jpg", 200_000)]
    revoked = admin.done("phone", "token", "--revoke", str(token["id"]))["revoked"]
    assert isinstance(revoked, dict)
    assert revoked["name"] == "Send to mesh"
    assert await hand_in(phone, origin, str(token["token"])) == 403
    admin.done("phone", "token", "handset")
    late = await phone.written("too late")
    told = act(admin, "phone", "remove", "handset")
    assert told["tokens_ended"] == 1
    assert admin.done("phone", "list")["phones"] == []
    assert (await phone.send(origin, late))[0] == 403
    assert "too late" not in admin.titles()
    no_phone = admin.mesh("--json", "phone", "remove", "birch", "--yes")
    assert no_phone.code == 2
    assert "no phone" in str(no_phone.error["message"])


async def hand_in(phone: Handset, origin: str, token: str) -> int:
    """A Shortcut hands in a photo; it says no origin, as it is no page. The status."""
    async with phone.browsing(origin) as session:
        session.headers.popall("Origin")
        said = {"Authorization": f"Bearer {token}"}
        async with session.post("/api/drop?name=photo.jpg", data=bytes(200_000), headers=said) as answer:
            return answer.status


async def test_a_name_of_the_persons_own(mac: Device, tmp_home: Path) -> None:
    """A certificate that the phone trusts anyway, for its own name; under the other name the other one is shown."""
    host, now_s = "mac.tail1234.ts.net", int(time.time())
    public, key = authority.new_authority(host, now_s), authority.new_key()
    files = tmp_home / f"{host}.crt", tmp_home / f"{host}.key"
    files[0].write_bytes(authority.chain_pem(public.leaf(authority.public_of(key), now_s, 7)))
    files[1].write_bytes(authority.key_pem(key))
    named = ["--certificate", str(files[0]), "--key", str(files[1])]
    wrong = mac.mesh("--json", "phone", "serve", "--tailscale", "other.ts.net", *named)
    assert (wrong.code, "not for other.ts.net" in str(wrong.error["message"])) == (3, True)
    told = mac.done("phone", "serve", "--tailscale", host, *named)
    assert (told["host"], told["served"]) == (host, True)
    phone = Handset(root=public.certificate)
    origin = str(told["origin"]).replace(str(told["name"]), host)
    async with asyncio.timeout(LIMIT_S):
        while not await reached(phone, origin):  # noqa: ASYNC110 - another process tells no event
            await asyncio.sleep(0.2)
    async with adding(mac, "--yes") as offer:
        _, url = await begun(offer)
        url = url.replace(str(told["name"]), host)
        assert (await phone.ask(url))[0] == 202
        status, answer = await phone.wait(url)
        assert status == 200
        phone.take(answer["admission"])
        assert (await offer.ended())[0] == 0
    assert not await reached(phone, str(told["origin"]))
    mac.done("phone", "serve", "--tailscale", "")
    assert mac.done("phone", "list")["page"]["host"] == ""  # type: ignore[index]


async def reached(phone: Handset, origin: str) -> bool:
    """Whether a phone trusts what it is shown there."""
    try:
        async with phone.browsing(origin) as session, session.get("/who") as answer:
            return answer.status == 200
    except aiohttp.ClientError:
        return False


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
