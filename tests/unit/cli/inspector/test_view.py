"""Goal: an answer that comes while its screen goes ends in nothing, never in the end of the inspector."""

from __future__ import annotations

import asyncio
import threading
import time

import pytest

from mesh.cli.inspector.rows import Rows
from mesh.node.socket_client import Told
from tests.unit.cli.fake_agent import Lines
from tests.unit.cli.inspector.conftest import DEADLINE_S, POLL_S, Opening

WAYS = {"timeline": ("t", "history"), "change": ("t", "history.diff"), "settled": ("s", "conflicts.settled")}


@pytest.mark.parametrize("leaving", ["escape", "q"])
@pytest.mark.parametrize("way", WAYS)
async def test_an_answer_after_the_rows_are_gone_is_nobodys(
    inspector: Opening, monkeypatch: pytest.MonkeyPatch, way: str, leaving: str
) -> None:
    """The rows of a screen go before its workers do: the answer is let through exactly then."""
    keys, call = WAYS[way]
    asked, gone = threading.Event(), threading.Event()
    async with inspector() as seen:
        answer = seen.fake.answers[call]

        def held(arguments: Told) -> Lines:
            asked.set()
            assert gone.wait(DEADLINE_S)
            return answer(arguments) if callable(answer) else answer

        async def on_unmount(rows: Rows[object]) -> None:
            if rows.screen is screen:
                gone.set()
                until = time.monotonic() + DEADLINE_S
                while not all(worker.is_finished for worker in list(seen.app.workers)):
                    assert time.monotonic() < until
                    await asyncio.sleep(POLL_S)

        seen.fake.answers[call] = held
        monkeypatch.setattr(Rows, "on_unmount", on_unmount, raising=False)
        await seen.pilot.press(keys)
        until = time.monotonic() + DEADLINE_S
        while not asked.is_set():
            assert time.monotonic() < until
            await seen.pilot.pause(POLL_S)
        screen = seen.app.screen
        await seen.pilot.press(leaving)
        await seen.settled()
    assert gone.is_set()
    assert seen.app.fault is None
