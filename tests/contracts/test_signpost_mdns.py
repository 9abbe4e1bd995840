"""The signpost on mDNS, on this machine's loopback: a resolver finds what is shown, and nothing that was before."""

from __future__ import annotations

import asyncio
import secrets

import pytest

from mesh.node.nearby.beacon import ZeroconfSignpost
from mesh.node.ports import Sign
from tests.system.looking_up import addresses

pytestmark = [pytest.mark.contract, pytest.mark.system]

HOST = "127.0.0.1"
LIMIT_S = 45.0


async def found(name: str, wanted: set[str]) -> None:
    """Wait until a resolver finds exactly these."""
    async with asyncio.timeout(LIMIT_S):
        while set(await asyncio.to_thread(addresses, HOST, name, 0.5)) != wanted:  # noqa: ASYNC110 - as a resolver does
            await asyncio.sleep(0.1)


async def test_a_resolver_finds_what_is_shown() -> None:
    """Shown, changed, taken down, shown again, and gone with the signpost."""
    name = f"mesh-{secrets.token_hex(3)}.local"
    post = ZeroconfSignpost()
    async with asyncio.TaskGroup() as group:
        running = group.create_task(post.run())
        post.show(Sign(name, 8443, HOST, (HOST,)))
        await found(name, {HOST})
        post.show(Sign(name, 8443, HOST, (HOST, "127.0.0.2")))
        await found(name, {HOST, "127.0.0.2"})
        post.show(None)
        await found(name, set())
        post.show(Sign(name, 8443, HOST, ("127.0.0.3",)))
        await found(name, {"127.0.0.3"})
        running.cancel()
    await found(name, set())


async def test_a_network_that_is_gone_ends_nothing() -> None:
    """An own address that this machine does not have: it is tried again, and what is shown next is found."""
    name = f"mesh-{secrets.token_hex(3)}.local"
    post = ZeroconfSignpost()
    async with asyncio.TaskGroup() as group:
        running = group.create_task(post.run())
        post.show(Sign(name, 8443, "192.0.2.7", ("192.0.2.7",)))
        await asyncio.sleep(0.2)
        assert not running.done()
        post.show(Sign(name, 8443, HOST, (HOST,)))
        await found(name, {HOST})
        running.cancel()
