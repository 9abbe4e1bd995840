"""The calls about phones at true homes without an agent at work; with one they are tested in tests/system."""

from __future__ import annotations

from collections.abc import AsyncGenerator
from pathlib import Path
from types import SimpleNamespace

import pytest

from mesh.errors import Misuse, NotGranted, Unreachable
from mesh.events.founding import request_text
from mesh.node.agent import Agent
from mesh.node.gateway import subscriptions, tokens
from mesh.node.gateway.holding import Holding
from mesh.node.gateway.hosted import Asking
from mesh.node.gateway.pairing import Pairing
from mesh.node.gateway.subscriptions import Kept
from mesh.sync.offer import phones_proof
from tests.unit.node.families import act, ask, family, guarded, meet
from tests.unit.small_mesh import browser_request


async def offered(agent: Agent) -> object:
    """What an offer begins with."""
    items = await agent.call("phone.add", {})
    assert isinstance(items, AsyncGenerator)
    return await anext(items)


async def phone(agent: Agent, name: str = "phone") -> str:
    """A phone that was let in; its device."""
    told = await ask(agent, "admit", request=request_text(browser_request(name)), rank="member")
    return str(told["device"])


async def test_only_an_admin_with_an_agent_at_work(tmp_path: Path) -> None:
    """A member is told of an admin; without an agent nobody could come."""
    async with family(tmp_path, "member") as (alder, birch):
        with pytest.raises(NotGranted, match="member") as refused:
            await offered(birch)
        assert "alder" in refused.value.hint
        with pytest.raises(Unreachable, match="no agent is running"):
            await offered(alder)
        with pytest.raises(Unreachable, match="no agent is running"):
            await ask(alder, "phone.serve")
        with pytest.raises(Misuse, match="no phone waits"):
            await ask(alder, "phone.answer", yes=True)


async def test_a_yes_is_for_the_phone_that_was_shown(tmp_path: Path) -> None:
    """Somebody still looks at the digits of an offer that is over, while another phone asks: that one is not let in."""
    async with family(tmp_path) as (alder,):
        pairing = Pairing(alder)
        alder.gateway = SimpleNamespace(pairing=pairing)  # type: ignore[assignment]
        shown = []
        for name in ("phone", "other phone"):
            hosted = pairing.open()
            request = request_text(browser_request(name))
            hosted.offer.heard(request, phones_proof(hosted.offer.token, request), hosted.clock())
            hosted.asking = Asking(name, request, hosted.offer.digits(), f"print of {name}")
            shown.append(hosted.asking.fingerprint)
            if name == "phone":
                pairing.close(hosted)
        with pytest.raises(Misuse, match="no phone waits"):
            await ask(alder, "phone.answer", yes=True, fingerprint=shown[0])
        assert (await ask(alder, "phone.answer", yes=True, fingerprint=shown[1]))["name"] == "other phone"


async def test_the_list_without_an_agent(tmp_path: Path) -> None:
    """Phones and what is theirs here; the page as the log has it."""
    async with family(tmp_path, "member") as (alder, birch):
        assert await ask(alder, "phone.list") == {
            "phones": [],
            "page": {"served": False, "certificate": None},
            "problems": [],
        }
        device = await phone(alder)
        await Holding(alder).wanted()
        await meet(alder, birch)
        for agent in (alder, birch):
            told = await ask(agent, "phone.list")
            rows = told["phones"]
            assert isinstance(rows, list)
            (row,) = rows
            assert (row["id"], row["name"], row["connected"], row["tokens"]) == (device, "phone", False, [])
            page = told["page"]
            assert isinstance(page, dict)
            assert page["holders"] == ["alder"]
            assert len(str(page["certificate"]).split()) == 32
            assert page["served"] is False


async def test_a_token_is_for_a_phone(tmp_path: Path) -> None:
    """For the only one unless it is named; not for a computer."""
    async with family(tmp_path, "member") as (alder, _):
        with pytest.raises(Misuse, match="no phone yet"):
            await ask(alder, "phone.token")
        device = await phone(alder)
        made = await ask(alder, "phone.token")
        assert (await tokens.of(alder, str(made["token"]))).phone == device
        with pytest.raises(Misuse, match="no phone"):
            await ask(alder, "phone.token", device="birch")
        await phone(alder, "other phone")
        with pytest.raises(Misuse, match="2 phones"):
            await ask(alder, "phone.token")
        assert (await ask(alder, "phone.token", device="phone", name="x"))["name"] == "x"
        assert await ask(alder, "phone.token", revoke="x")
        assert [one.name for one in await tokens.listed(alder)] == ["Shortcut of phone"]


async def test_what_goes_with_a_phone(tmp_path: Path) -> None:
    """Looking changes nothing; taking it out ends its tokens and wakes it no more; a computer is no phone."""
    async with family(tmp_path, "member") as (alder, _):
        await guarded(alder)
        device, other = await phone(alder), await phone(alder, "other phone")
        for one in (device, other):
            await tokens.made(alder, one, "t")
        kept = [Kept(one, "https://push.example.net/", "", "", 1) for one in (device, other)]
        await subscriptions.SUBSCRIBED.change(alder, lambda _: kept)
        looked = await ask(alder, "phone.remove", device="phone", look=True)
        assert "tokens_ended" not in looked
        with pytest.raises(Misuse, match="no phone"):
            await act(alder, "phone.remove", device="birch")
        told = await act(alder, "phone.remove", device="phone")
        assert told["tokens_ended"] == 1
        assert [one.phone for one in await tokens.listed(alder)] == [other]
        assert [one.device for one in await subscriptions.SUBSCRIBED.rows(alder)] == [other]
        rows = (await ask(alder, "phone.list"))["phones"]
        assert isinstance(rows, list)
        assert [one["id"] for one in rows] == [other]
