"""Drop tokens: whose one is, until when, and that only its hash is kept."""

from __future__ import annotations

import asyncio
import json
from pathlib import Path

import pytest

from mesh.errors import Misuse, NotGranted, TooLarge
from mesh.events.founding import request_text
from mesh.limits import DROP_TOKENS_MAX
from mesh.names import device_text
from mesh.node.agent import Agent
from mesh.node.gateway import tokens
from tests.unit.node.closing import close
from tests.unit.node.families import ask, family
from tests.unit.small_mesh import browser_request


async def phone(agent: Agent, name: str = "phone") -> str:
    """A phone that was let in; its device."""
    told = await ask(agent, "admit", request=request_text(browser_request(name)), rank="member")
    return str(told["device"])


async def test_a_token_is_its_phones_while_that_is_in(tmp_path: Path) -> None:
    """Told once, kept as a hash, known by its text alone, and worth nothing once the phone was taken out."""
    async with family(tmp_path) as (alder,):
        device = await phone(alder)
        made, text = await tokens.made(alder, device, "Send")
        kept = await alder.store.setting("gateway/tokens")
        assert kept is not None
        assert text not in kept.decode()
        found = await tokens.of(alder, text)
        assert (found.name, found.phone, found.id) == ("Send", device, made.id)
        (used,) = await tokens.listed(alder)
        assert used.used_ms is not None
        for wrong in ("", text[:-1], made.digest, made.id):
            with pytest.raises(NotGranted):
                await tokens.of(alder, wrong)
        admission = next(a for a in alder.engine.replica.verdict.live if device_text(a) == device)
        await close(alder.engine, admission)
        with pytest.raises(NotGranted):
            await tokens.of(alder, text)


async def test_a_token_ends(tmp_path: Path) -> None:
    """By its id, by its name, or with its phone; the others stay."""
    async with family(tmp_path) as (alder,):
        first, second = await phone(alder), await phone(alder, "other phone")
        made = [await tokens.made(alder, device, name) for device, name in ((first, "a"), (first, "b"), (second, "c"))]
        assert (await tokens.revoked(alder, made[0][0].id)).name == "a"
        with pytest.raises(Misuse, match="no token"):
            await tokens.revoked(alder, "a")
        assert await tokens.without(alder, first) == 1
        assert await tokens.without(alder, first) == 0
        assert [one.name for one in await tokens.listed(alder)] == ["c"]
        await tokens.made(alder, second, "c")
        with pytest.raises(Misuse, match="several"):
            await tokens.revoked(alder, "c")
        with pytest.raises(NotGranted):
            await tokens.of(alder, made[1][1])
        assert (await tokens.of(alder, made[2][1])).phone == second


async def test_there_are_only_so_many(tmp_path: Path) -> None:
    """One more is refused, and changes nothing."""
    async with family(tmp_path) as (alder,):
        device = await phone(alder)
        row = {"id": "0", "name": "x", "phone": device, "digest": "0", "made_ms": 1, "used_ms": None}
        await alder.engine.remember("gateway/tokens", json.dumps([row] * DROP_TOKENS_MAX).encode())
        with pytest.raises(TooLarge):
            await tokens.made(alder, device, "one more")
        assert len(await tokens.listed(alder)) == DROP_TOKENS_MAX


async def test_a_phone_that_is_out_takes_no_room(tmp_path: Path) -> None:
    """Taken out from another device, its tokens are shown nowhere: they keep nobody from making one."""
    async with family(tmp_path) as (alder,):
        device, gone = await phone(alder), await phone(alder, "other phone")
        row = {"id": "0", "name": "x", "phone": gone, "digest": "0", "made_ms": 1, "used_ms": None}
        await alder.engine.remember("gateway/tokens", json.dumps([row] * DROP_TOKENS_MAX).encode())
        admission = next(a for a in alder.engine.replica.verdict.live if device_text(a) == gone)
        await close(alder.engine, admission)
        await tokens.made(alder, device, "one more")
        assert [one.name for one in await tokens.listed(alder)] == ["one more"]


async def test_a_token_that_ends_while_it_is_used_stays_ended(tmp_path: Path) -> None:
    """Whatever else is written down at the same time."""
    async with family(tmp_path) as (alder,):
        device = await phone(alder)
        made, text = await tokens.made(alder, device, "a")
        for _ in range(20):
            await asyncio.gather(tokens.of(alder, text), tokens.revoked(alder, made.id), return_exceptions=True)
            assert await tokens.listed(alder) == []
            made, text = await tokens.made(alder, device, "a")
        await asyncio.gather(*(tokens.made(alder, device, f"{number}") for number in range(5)))
        assert len(await tokens.listed(alder)) == 6
