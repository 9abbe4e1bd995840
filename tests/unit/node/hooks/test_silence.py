"""Sessions that say nothing for long are orphaned, on their own device; what they did not tell of has its draft."""

from __future__ import annotations

from pathlib import Path

import pytest

from mesh.node import clock, timing
from mesh.node.hooks import silence
from tests.unit.node.families import ask, family, meet
from tests.unit.node.hooks.telling import all_of, let_in, session, told

LATER_MS = int(timing.SESSION_SILENT_S * 1000) + 60_000


async def test_who_is_silent_for_long_is_orphaned(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Not before, and not by another device; who speaks again is at work again."""
    async with family(tmp_path, "member") as (alder, birch):
        await let_in(alder)
        started_ms = clock.now_ms()
        await told(alder, "claude", "edit", tool_input={"file_path": str(tmp_path / "b.py")})
        await meet(alder, birch)
        assert await silence.orphaned(alder, started_ms) == 0
        later_ms = started_ms + LATER_MS
        monkeypatch.setattr(clock, "now_ms", lambda: later_ms)
        assert await silence.orphaned(birch, started_ms) == 0
        assert await silence.orphaned(alder, later_ms - 1) == 0, "it was not at work for so long itself"
        assert (await session(alder))["state"] == "working"
        assert await silence.orphaned(alder, started_ms) == 1
        assert (await session(alder))["state"] == "orphaned"
        assert await silence.orphaned(alder, started_ms) == 0
        (draft,) = await all_of(alder, "receipt.list", "receipts")
        assert draft["state"] == "unreported"
        await told(alder, "claude", "session_start")
        assert (await session(alder))["state"] == "working"
        assert await silence.orphaned(alder, started_ms) == 0, "it was heard just now"


async def test_sessions_without_hooks_count_too(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """However they began."""
    async with family(tmp_path) as (alder,):
        started_ms = clock.now_ms()
        await ask(alder, "session.begin", tool="codex", native="c-1")
        later_ms = started_ms + LATER_MS
        monkeypatch.setattr(clock, "now_ms", lambda: later_ms)
        assert await silence.orphaned(alder, started_ms) == 1
