"""Notifications by a true agent: a program that shows them is started with the words, once for each thing."""

from __future__ import annotations

import asyncio
import json
import os
import sys
from pathlib import Path

import pytest

from mesh.node import notifying, timing
from mesh.node.agent import Agent
from mesh.node.meetings import Meetings
from mesh.node.memory import Notified
from tests.unit.node.families import act, ask, family, guarded, meet, note


@pytest.fixture
def shown(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A program in the place of the system's own, which writes down what it was started with."""
    folder, file = tmp_path / "bin", tmp_path / "shown"
    folder.mkdir()
    for name in ("notify-send", "osascript"):
        program = folder / name
        program.write_text(
            f"#!{sys.executable}\nimport json, sys\nopen({str(file)!r}, 'a').write(json.dumps(sys.argv[1:]) + '\\n')\n"
        )
        program.chmod(0o700)
    monkeypatch.setenv("PATH", str(folder), prepend=os.pathsep)
    return file


def told(shown: Path) -> list[list[str]]:
    """Title and text of what was shown."""
    lines = shown.read_text().splitlines() if shown.exists() else []
    return [json.loads(line)[-2:] for line in lines]


async def count(shown: Path, wanted: int) -> None:
    """Wait until so many were shown."""
    for _ in range(1000):
        if len(told(shown)) >= wanted:
            return
        await asyncio.sleep(0.02)
    raise AssertionError(told(shown))


async def asked(agent: Agent, words: str) -> str:
    """A question of the person to himself, which anybody may answer."""
    return str((await ask(agent, "ask.new", question=words, options=["yes", "no"]))["document"])


async def test_each_thing_is_told_once(tmp_path: Path, shown: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """What comes together in one notification; not again after an hour, nor by another start of the agent."""
    monkeypatch.setattr(timing, "NOTIFY_QUESTION_S", 0.0)
    monkeypatch.setattr(timing, "NOTIFY_AGAIN_S", 0.0)
    async with family(tmp_path / "homes", "admin") as (alder, birch):
        plan = await note(alder, "plan")
        await meet(alder, birch)
        for agent, title in ((alder, "plan A"), (birch, "plan <b>")):
            await ask(agent, "note.edit", document=plan, title=title)
        await meet(alder, birch)
        first = await asked(birch, "May the migration run?")
        await asked(birch, "Is \u202ethis fine?")
        await meet(alder, birch)
        await notifying.look(alder)
        (questions, conflict) = told(shown)
        assert questions[0] == "mesh: 2 questions wait for you"
        assert "May the migration run?" in questions[1]
        assert "\u202e" not in questions[1]
        assert conflict[0] == "mesh: A conflict to look at"
        assert "<" not in conflict[1]
        alder.memory.notified = Notified()
        await notifying.look(alder)
        assert len(told(shown)) == 2
        await ask(alder, "ask.answer", id=first, option="yes")
        await asked(alder, "One more?")
        await notifying.look(alder)
        assert told(shown)[2:] == [["mesh: A question waits for you", "One more?"]]


async def test_there_are_at_most_so_many(tmp_path: Path, shown: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """What may not be told yet is told with the next one, not forgotten."""
    async with family(tmp_path / "homes") as (alder,):
        await asked(alder, "One?")
        await notifying.look(alder)
        await asked(alder, "Two?")
        await asked(alder, "Three?")
        await notifying.look(alder)
        assert len(told(shown)) == 1
        monkeypatch.setattr(timing, "NOTIFY_QUESTION_S", 0.0)
        await notifying.look(alder)
        assert told(shown)[1][0] == "mesh: 2 questions wait for you"


async def test_a_device_that_fell_silent_is_told_of(
    tmp_path: Path, shown: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Once for each silence; not one that was never heard."""
    async with family(tmp_path / "homes", "admin", "admin") as (alder, birch, _):
        have = birch.engine.replica.have(alder.device, asks=False)
        alder.meetings.told(birch.device, have)
        assert await notifying.causes(alder) == []
        monkeypatch.setattr(timing, "SILENT_S", -1.0)
        await notifying.look(alder)
        assert told(shown) == [["mesh: A device is silent for days", "birch"]]
        assert isinstance(alder.meetings, Meetings)


async def test_it_looks_when_something_was_kept(tmp_path: Path, shown: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """By itself while it is on, and not while it is off."""
    monkeypatch.setattr(timing, "NOTIFY_CALM_S", 0.01)
    monkeypatch.setattr(timing, "NOTIFY_QUESTION_S", 0.0)
    async with family(tmp_path / "homes") as (alder,):
        work = asyncio.get_running_loop().create_task(notifying.run(alder))
        await asked(alder, "While it is off?")
        await ask(alder, "notify.set", on=True)
        await count(shown, 1)
        await asked(alder, "While it is on?")
        await count(shown, 2)
        work.cancel()
        await asyncio.wait([work])
        assert told(shown)[1] == ["mesh: A question waits for you", "While it is on?"]
        assert alder.news == []


async def test_what_cannot_be_shown_is_said_in_the_status(tmp_path: Path, shown: Path) -> None:
    """A desktop that is not there, or a program that fails, keeps nobody from anything."""
    for program in shown.with_name("bin").iterdir():
        program.write_text("#!/bin/sh\necho no display >&2\nexit 3\n")
    async with family(tmp_path / "homes") as (alder,):
        await guarded(alder)
        await act(alder, "agents.add", name="claude", space="home")
        assert (await ask(alder, "notify.status"))["on"] is False
        assert (await ask(alder, "notify.set", on=True))["on"] is True
        await asked(alder, "One?")
        await notifying.look(alder)
        status = await ask(alder, "notify.status")
        assert str(status["problem"]).endswith("ended with 3: no display")
        assert status["last_ms"]
        assert (await ask(alder, "notify.set", on=False))["on"] is False
