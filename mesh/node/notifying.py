"""Desktop notifications: a question waits for the person, something is in conflict, a device fell silent for days.

Each thing is told once; of what comes together one notification tells. Where the system has no way to show one it is
logged. It is off until a person switches it on, and only what the person may see anyway is shown.
"""

from __future__ import annotations

import asyncio
import contextlib
import html
import json
import shutil
import sys
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from mesh.limits import LIST_MAX, NOTIFIED_KEPT_MAX
from mesh.names import device_text, shown
from mesh.node import clock, keeping, timing
from mesh.node.arguments import Arguments, yes
from mesh.node.memory import Notified
from mesh.state import asks
from mesh.state.records import TITLE

if TYPE_CHECKING:
    from mesh.node.agent import Agent

_ON, _TOLD = "notify", "notify/told"
_CHARACTERS_MAX = 120  # of a text in one
_MS = 1000
_SCRIPT = ("on run argv", "display notification (item 2 of argv) with title (item 1 of argv)", "end run")

QUESTION, CONFLICT, SILENT = "question", "conflict", "silent"


@dataclass(frozen=True, slots=True)
class Cause:
    """One thing to be told of: what sort of thing, which one, and in what words."""

    kind: str
    key: str
    words: str


async def set_on(agent: Agent, arguments: Arguments) -> object:
    """Switch them on or off."""
    await agent.engine.remember(_ON, b"on" if yes(arguments, "on") else b"off")
    agent.memory.notified.problem = ""
    return await status(agent, {})


async def status(agent: Agent, _arguments: Arguments) -> object:
    """Whether they are on, what shows them, and what went wrong last."""
    found = agent.memory.notified
    return {"on": await _is_on(agent), "by": shower(), "last_ms": found.last_ms, "problem": found.problem}


def shower() -> str:
    """What shows notifications here: a program, or the log alone."""
    wanted = "osascript" if sys.platform == "darwin" else "notify-send"
    return wanted if shutil.which(wanted) else "log"


async def run(agent: Agent) -> None:
    """Look for something to tell when anything was kept, and every now and then."""
    news = asyncio.Event()
    agent.news.append(news)
    try:
        while True:
            await asyncio.sleep(timing.NOTIFY_CALM_S)
            news.clear()
            if await _is_on(agent):
                await look(agent)
            with contextlib.suppress(TimeoutError):
                async with asyncio.timeout(timing.NOTIFY_LOOK_S):
                    await news.wait()
    finally:
        agent.news.remove(news)


async def look(agent: Agent) -> None:
    """Tell what was not told yet, as far as its kind may be told again by now."""
    told: list[str] = json.loads(await agent.store.setting(_TOLD) or b"[]")
    known = set(told)
    fresh = [cause for cause in await causes(agent) if cause.key not in known]
    now_s = asyncio.get_running_loop().time()
    due = [
        kind for kind in dict.fromkeys(cause.kind for cause in fresh) if _may_tell(agent.memory.notified, kind, now_s)
    ]
    for kind in due:
        of_kind = [cause for cause in fresh if cause.kind == kind]
        agent.memory.notified.last_s[kind] = now_s
        agent.memory.notified.last_ms = clock.now_ms()
        told += [cause.key for cause in of_kind]
        await agent.engine.remember(_TOLD, json.dumps(told[-NOTIFIED_KEPT_MAX:]).encode())  # rather never than twice
        await _show(agent, *_in_words(of_kind))


async def causes(agent: Agent) -> list[Cause]:
    """All that a person should know of now."""
    now_ms = clock.now_ms()
    asked = [row.record for row in await keeping.listed(agent, "", (asks.KIND,), limit=LIST_MAX)]
    waiting = [record for record in asked if asks.state(record, now_ms)[0] == asks.WAITING]
    found = [Cause(QUESTION, str(record.document), record.word(TITLE)) for record in waiting]
    rows = await agent.store.conflicts(limit=LIST_MAX)
    titles = await agent.store.titles({row.document for row in rows})
    found += [Cause(CONFLICT, row.name.hex(), titles.get(row.document, "") or str(row.document)) for row in rows]
    return found + _silent(agent, now_ms)


def _silent(agent: Agent, now_ms: int) -> list[Cause]:
    """Devices that told something once, and nothing for days."""
    linked = {link.device for link in agent.bus.links() if link.connected} if agent.bus else set()
    verdict, found = agent.engine.replica.verdict, []
    for one in verdict.live.values():
        device = device_text(one.digest)
        meeting = agent.meetings.of(device)
        if device in linked or device == agent.device or meeting is None or not meeting.heard_ms:
            continue
        if now_ms - meeting.heard_ms > timing.SILENT_S * _MS:
            found.append(Cause(SILENT, f"{device} {meeting.heard_ms}", one.name))
    return found


def _may_tell(notified: Notified, kind: str, now_s: float) -> bool:
    again_s = timing.NOTIFY_QUESTION_S if kind == QUESTION else timing.NOTIFY_AGAIN_S
    return now_s - notified.last_s.get(kind, -again_s) >= again_s


def _in_words(causes: Sequence[Cause]) -> tuple[str, str]:
    """A title and a text for causes of one kind."""
    words = "; ".join(dict.fromkeys(" ".join(shown(cause.words, _CHARACTERS_MAX).split()) for cause in causes))
    count, kind = len(causes), causes[0].kind
    several = count > 1
    titles: Mapping[str, str] = {
        QUESTION: f"{count} questions wait for you" if several else "A question waits for you",
        CONFLICT: f"{count} conflicts to look at" if several else "A conflict to look at",
        SILENT: f"{count} devices are silent for days" if several else "A device is silent for days",
    }
    return f"mesh: {titles[kind]}", words[: 2 * _CHARACTERS_MAX]


async def _show(agent: Agent, title: str, text: str) -> None:
    """Show one; what cannot be shown is logged, and `mesh notify status` says why."""
    by = shower()
    agent.log("notify", by=by, title=title, text=text)
    if by == "log":
        return
    argv = [by, *(word for line in _SCRIPT for word in ("-e", line)), title, text]
    if by == "notify-send":
        argv = [by, "--app-name=mesh", "--", title, html.escape(text, quote=False)]
    agent.memory.notified.problem = await _ran(argv)
    if agent.memory.notified.problem:
        agent.log("notify.failed", by=by, problem=agent.memory.notified.problem)


async def _ran(argv: Sequence[str]) -> str:
    """Run a program to its end; what went wrong, if anything."""
    pipe, nowhere = asyncio.subprocess.PIPE, asyncio.subprocess.DEVNULL
    try:
        child = await asyncio.create_subprocess_exec(*argv, stdin=nowhere, stdout=nowhere, stderr=pipe)
    except OSError as error:
        return f"{argv[0]} cannot be started: {error.strerror}"
    try:
        async with asyncio.timeout(timing.NOTIFY_S_MAX):
            _, said = await child.communicate()
    except TimeoutError:
        return f"{argv[0]} did not end"
    finally:
        if child.returncode is None:
            with contextlib.suppress(ProcessLookupError):
                child.kill()
            await child.wait()
    last = shown(said.decode(errors="replace"), _CHARACTERS_MAX).split("\n")[0]
    return "" if child.returncode == 0 else f"{argv[0]} ended with {child.returncode}: {last}"


async def _is_on(agent: Agent) -> bool:
    return await agent.store.setting(_ON) == b"on"
