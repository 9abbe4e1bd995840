"""Sleep and changes of address are noticed, and told apart from what only looks like them."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Sequence

import pytest

from mesh.node import timing
from mesh.node.nearby import moves


class Machine:
    """A machine whose addresses and clock the test sets."""

    def __init__(self, patch: pytest.MonkeyPatch) -> None:
        self.hosts: tuple[str, ...] = ("10.0.0.1", "fe80::1%2")
        self.outward: tuple[str, ...] = ("10.0.0.1",)
        self.apart_s = 0.0
        self.told: list[bool] = []
        patch.setattr(timing, "CLOCK_LOOK_S", 0.01)
        patch.setattr(timing, "HOSTS_LOOK_S", 0.02)
        patch.setattr(moves, "own_hosts", lambda _interfaces: self.hosts)
        patch.setattr(moves, "routed", lambda: self.outward)
        patch.setattr(moves, "_apart_s", lambda: self.apart_s)

    async def watched(self, *, expected: Sequence[bool]) -> None:
        """Wait until as much was told, and a while for more."""
        async with asyncio.timeout(10):
            while len(self.told) < len(expected):  # noqa: ASYNC110 - the watch tells, and nobody else waits
                await asyncio.sleep(0.01)
        await asyncio.sleep(0.1)
        assert self.told == list(expected)


async def test_what_changes_is_told_with_whether_links_may_be_dead(monkeypatch: pytest.MonkeyPatch) -> None:
    """A new address or a lost one of one link: announce; sleep, a lost address, another way out: dial anew."""
    machine = Machine(monkeypatch)
    async with asyncio.TaskGroup() as group:
        task = group.create_task(moves.watch((), machine.told.append))
        await machine.watched(expected=[])
        machine.hosts = ("10.0.0.1", "10.0.0.9", "fe80::1%2", "fe80::9%7")
        await machine.watched(expected=[False])
        machine.hosts = ("10.0.0.1", "10.0.0.9", "fe80::1%2")
        await machine.watched(expected=[False, False])
        machine.hosts = ("10.0.0.1", "fe80::1%2")
        await machine.watched(expected=[False, False, True])
        machine.outward = ("192.168.1.5",)
        await machine.watched(expected=[False, False, True, True])
        machine.apart_s += timing.CLOCK_JUMP_S - 1  # a clock that is set right
        await machine.watched(expected=[False, False, True, True])
        machine.apart_s += timing.CLOCK_JUMP_S + 1
        await machine.watched(expected=[False, False, True, True, True])
        machine.apart_s -= timing.CLOCK_JUMP_S + 1
        await machine.watched(expected=[False, False, True, True, True, True])
        task.cancel()


def test_the_clocks_are_those_of_the_day_and_of_the_machine(monkeypatch: pytest.MonkeyPatch) -> None:
    """The one runs on in sleep, the other stands still."""
    monkeypatch.setattr(time, "time", lambda: 1000.0)
    monkeypatch.setattr(time, "monotonic", lambda: 400.0)
    assert moves._apart_s() == 600  # noqa: SLF001 - what the watch looks at
