"""The calls of an invitation, with real homes and real admissions, without nats-servers."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator
from contextlib import aclosing
from pathlib import Path

import pytest

from mesh.errors import Busy, MeshError, Misuse, NotGranted, Refused
from mesh.events.founding import read_request
from mesh.events.keys import fingerprint
from mesh.limits import INVITATION_S_MAX, RANK_ADMIN_LAST, RANK_MEMBER
from mesh.names import digest_text
from mesh.node import home as homes
from mesh.node.agent import Agent, opened
from mesh.node.pairing import Caller, Dropped, carry, entropy, next_frame
from mesh.sync.pairing import Joiner
from mesh.sync.pairing_frames import Code
from tests.unit.node.test_invitation import HOST, PATIENCE_S, Streams, connected

CODE = "7-orbit-velvet-canoe"
Item = dict[str, object]


async def invited(agent: Agent, code: str = CODE, *, member: bool = False) -> tuple[AsyncGenerator[Item, None], str]:
    """An open invitation, and where it is."""
    items = await agent.call("invite", {"code": code, "member": member})
    assert isinstance(items, AsyncGenerator)
    opened_ = await anext(items)
    told = opened_["opened"]
    assert told["seconds"] == INVITATION_S_MAX
    (address,) = told["addresses"]
    return items, str(address)


async def joining(home: Path, address: str, *, rank: int = 2, name: str = "") -> Item:
    """A home that joins with the code."""
    asked = await homes.request(home, name or home.name, rank)

    async def keep(admission: str) -> Item:
        return await homes.accept(home, admission)

    return await Caller(Code.parse(CODE), str(asked["request"]), lambda: None).called([[address]], keep)


async def let_in(inviter: Path, newcomer: Path, *, rank: int = 2, member: bool = False) -> tuple[Item, Item]:
    """One device lets another one in; what the inviter's and the joiner's person are told."""
    async with (
        asyncio.timeout(PATIENCE_S),
        opened(inviter, interfaces=[HOST]) as agent,
        asyncio.TaskGroup() as group,
    ):
        items, address = await invited(agent, member=member)
        async with aclosing(items):
            joined = group.create_task(joining(newcomer, address, rank=rank))
            asking = (await anext(items))["asking"]
            answer = await agent.call("invite.answer", {"yes": True})
            admitted = (await anext(items))["admitted"]
            with pytest.raises(StopAsyncIteration):
                await anext(items)
        assert answer == admitted
        assert isinstance(admitted, dict)
        assert isinstance(asking, dict)
        assert (asking["name"], asking["fingerprint"]) == (admitted["name"], admitted["fingerprint"])
        assert agent.host is None
    assert admitted["device"] == joined.result()["device"]
    return admitted, joined.result()


async def devices(home: Path) -> list[tuple[str, int]]:
    """Who is in, by its own view."""
    async with opened(home) as agent:
        told = await agent.call("devices", {})
    assert isinstance(told, dict)
    return [(each["name"], each["rank"]) for each in told["devices"]]


async def test_a_chain_of_invitations(tmp_path: Path) -> None:
    """The founder lets one in, that one the next: each rank is below its admitter's, so that every admission counts."""
    a, b, c, d = (tmp_path / name for name in "abcd")
    founded = await homes.found(a, "a")
    admitted, joined = await let_in(a, b)
    assert (admitted["name"], admitted["rank"], joined["mesh"]) == ("b", 2, founded["mesh"])
    assert set(admitted) == {"device", "name", "rank", "fingerprint"}
    assert (await let_in(b, c))[0]["rank"] == 3
    assert (await let_in(c, d, rank=RANK_MEMBER))[0]["rank"] == RANK_MEMBER
    assert await devices(d) == [("a", 1), ("b", 2), ("c", 3), ("d", RANK_MEMBER)]
    with pytest.raises(NotGranted, match="member"):
        async with opened(d, interfaces=[HOST]) as agent:
            await invited(agent)


async def test_the_inviter_makes_a_member_of_whoever_comes(tmp_path: Path) -> None:
    """Whatever it asks for."""
    await homes.found(tmp_path / "a", "a")
    assert (await let_in(tmp_path / "a", tmp_path / "b", member=True))[0]["rank"] == RANK_MEMBER


async def test_the_lowest_admin_lets_in_members_only(tmp_path: Path) -> None:
    """Nine admins in a row is the end of it; it is said before anything is admitted, and the joiner hears a no."""
    previous = tmp_path / "1"
    await homes.found(previous, "1")
    for rank in range(2, RANK_ADMIN_LAST + 1):
        newcomer = tmp_path / str(rank)
        asked = await homes.request(newcomer, str(rank))
        async with opened(previous) as agent:
            told = await agent.call("admit", {"request": asked["request"], "rank": "admin"})
        assert isinstance(told, dict)
        assert told["rank"] == rank
        await homes.accept(newcomer, str(told["admission"]))
        previous = newcomer
    async with asyncio.timeout(PATIENCE_S), opened(previous, interfaces=[HOST]) as agent, asyncio.TaskGroup() as group:
        items, address = await invited(agent)
        async with aclosing(items):
            joined = group.create_task(outcome(tmp_path / "last", address))
            assert "asking" in await anext(items)
            with pytest.raises(NotGranted, match="lowest admin"):
                await agent.call("invite.answer", {"yes": True})
    assert "did not let this one in" in joined.result()
    assert len(await devices(previous)) == RANK_ADMIN_LAST
    assert (await let_in(previous, tmp_path / "last", rank=RANK_MEMBER))[0]["rank"] == RANK_MEMBER


async def outcome(home: Path, address: str) -> str:
    """Why a home did not get in."""
    try:
        await joining(home, address)
    except MeshError as error:
        return str(error)
    return ""


async def test_a_no_changes_nothing(tmp_path: Path) -> None:
    """No event is said, and the code is over."""
    a = tmp_path / "a"
    await homes.found(a, "a")
    async with asyncio.timeout(PATIENCE_S), opened(a, interfaces=[HOST]) as agent, asyncio.TaskGroup() as group:
        before = await agent.store.counts()
        items, address = await invited(agent)
        async with aclosing(items):
            joined = group.create_task(outcome(tmp_path / "b", address))
            await anext(items)
            assert await agent.call("invite.answer", {}) == {}
            with pytest.raises(Refused, match="not let in"):
                await anext(items)
        assert await agent.store.counts() == before
    assert "did not let this one in" in joined.result()
    assert homes.state(tmp_path / "b") == "asked"


async def test_one_invitation_at_a_time(tmp_path: Path) -> None:
    """The second is told to wait; when the first is closed there is room."""
    await homes.found(tmp_path, "a")
    async with asyncio.timeout(PATIENCE_S), opened(tmp_path, interfaces=[HOST]) as agent:
        items, _ = await invited(agent)
        with pytest.raises(Busy, match="open already"):
            await invited(agent)
        await items.aclose()
        again, _ = await invited(agent)
        await again.aclose()
        with pytest.raises(Misuse, match="no invitation"):
            await agent.call("invite.answer", {"yes": True})


@pytest.mark.parametrize("code", ["", "7", "7-Orbit-velvet-canoe", "0-a-b-c"])
async def test_codes_that_are_none(code: str, tmp_path: Path) -> None:
    """The call takes a code as it is shown; forgiving what is typed is the command's work."""
    await homes.found(tmp_path, "a")
    async with opened(tmp_path, interfaces=[HOST]) as agent:
        with pytest.raises(Misuse):
            await invited(agent, code)
        assert agent.host is None


async def half_way(home: Path, address: str) -> tuple[Joiner, Streams, str]:
    """A home that has asked, on a wire of its own."""
    asked = await homes.request(home, home.name, 2)
    joiner = Joiner(Code.parse(CODE), str(asked["request"]), entropy())
    reader, writer = await connected(address)
    step = joiner.begin()
    for _ in range(2):
        await carry(writer, step)
        step = joiner.heard(await next_frame(reader, joiner.bytes_max))
    await carry(writer, step)
    return joiner, (reader, writer), str(asked["fingerprint"])


async def test_a_line_that_drops_after_the_admission(tmp_path: Path) -> None:
    """Before or after the joiner kept it: another code gives the same device its admission again, and no second one."""
    a, b = tmp_path / "a", tmp_path / "b"
    await homes.found(a, "a")
    async with asyncio.timeout(PATIENCE_S), opened(a, interfaces=[HOST]) as agent:
        items, address = await invited(agent)
        async with aclosing(items):
            joiner, (reader, writer), shown = await half_way(b, address)
            assert (await anext(items))["asking"] == {"name": "b", "rank": "admin", "fingerprint": shown}
            first = await agent.call("invite.answer", {"yes": True})
            assert joiner.heard(await next_frame(reader, joiner.bytes_max)).admission
            writer.transport.abort()
            with pytest.raises(Dropped, match="is let in"):
                await anext(items)
    admitted, joined = await let_in(a, b)
    assert admitted == first
    assert joined["device"] == admitted["device"]
    assert await devices(a) == await devices(b) == [("a", 1), ("b", 2)]


async def test_a_device_that_went_away_before_the_answer(tmp_path: Path) -> None:
    """The yes comes too late, says so, and admits nobody."""
    a, b = tmp_path / "a", tmp_path / "b"
    await homes.found(a, "a")
    async with asyncio.timeout(PATIENCE_S), opened(a, interfaces=[HOST]) as agent:
        items, address = await invited(agent)
        async with aclosing(items):
            _, (_, writer), _ = await half_way(b, address)
            await anext(items)
            writer.transport.abort()
            with pytest.raises(Dropped):
                await anext(items)
            with pytest.raises(MeshError):
                await agent.call("invite.answer", {"yes": True})
    assert await devices(a) == [("a", 1)]
    assert (await let_in(a, b))[0]["rank"] == 2


async def test_the_fingerprint_is_that_of_the_request(tmp_path: Path) -> None:
    """Both persons compare the same thing."""
    asked = await homes.request(tmp_path, "b")
    from_text = fingerprint(read_request(str(asked["request"])))
    assert asked["fingerprint"] == digest_text(from_text)
