"""Calls about questions to the person: asking, answering, and taking what came of it.

The device that asked decides each question once, and before it tells anybody how it stands (asking.py does so too when
the time is over): what it once told can never become something else.
"""

from __future__ import annotations

import asyncio
import contextlib
import time
from typing import TYPE_CHECKING

from mesh.errors import Misuse
from mesh.events.kinds import Value
from mesh.limits import LIST_MAX, SEQ_MAX
from mesh.node import agents, answers, claiming, clock, keeping, projects, timing
from mesh.node.arguments import Arguments, needed, number, text, texts
from mesh.node.keeping import New, Told
from mesh.node.redaction import counted, redacted, redacted_value
from mesh.node.storage.store_port import RecordRow
from mesh.state import asks
from mesh.state.asks import Question
from mesh.state.records import STATE, TITLE, Record

if TYPE_CHECKING:
    from mesh.node.agent import Agent

_LIST_DEFAULT = 50


async def new(agent: Agent, arguments: Arguments) -> object:
    """Ask the person something; it answers at once, with the question's id."""
    name, now_ms = agents.name_in(arguments), clock.now_ms()
    detail = arguments.get("detail") or {}
    if not isinstance(detail, dict | str):
        raise Misuse("detail is an object or a text")
    in_ms = number(arguments, "expires_in_ms", 0, SEQ_MAX - now_ms)
    about: dict[str, Value] = {
        "project": await projects.chosen(agent, name, arguments),
        "session": text(arguments, "session"),
        "agent": name or text(arguments, "agent"),
        "device": agent.device,
        "at": now_ms,
        "expires": number(arguments, "expires_ms", 0, SEQ_MAX) or (now_ms + in_ms if in_ms else None),
    }
    words = redacted(needed(arguments, "question"))
    clean = redacted_value(detail if isinstance(detail, dict) else {"text": detail})
    question = Question(
        words,
        texts(arguments, "options"),
        text(arguments, "default") or "",
        clean if isinstance(clean, dict) else {},
        about,
    )
    space = text(arguments, "space") or keeping.SPACE
    document = await keeping.made(agent, name, New(asks.KIND, asks.registers(question), space=space))
    return {"document": str(document), "state": asks.WAITING, "expires_ms": about["expires"]}


async def listed(agent: Agent, arguments: Arguments) -> object:
    """Questions, the latest first: those that wait, or in another state, or all."""
    name, limit = agents.name_in(arguments), number(arguments, "limit", _LIST_DEFAULT, LIST_MAX)
    wanted = text(arguments, "state") or asks.WAITING
    if wanted not in {*asks.STATES, "all"}:
        raise Misuse(f"{wanted!r} is no state of a question", hint=f"One of {', '.join((*asks.STATES, 'all'))}.")
    session = text(arguments, "session")
    rows = await keeping.listed(agent, name, (asks.KIND,))
    rows = [row for row in rows if not session or row.record.word("session") == session]
    found = [told(agent, await decided(agent, row)) for row in rows]
    return {"asks": [one for one in found if wanted in {"all", one[STATE]}][:limit]}


async def show(agent: Agent, arguments: Arguments) -> object:
    """One question, and how it stands."""
    return told(agent, await decided(agent, await _meant(agent, arguments)))


async def answer(agent: Agent, arguments: Arguments) -> object:
    """The person's answer, on any device."""
    row = await _meant(agent, arguments)
    option, words = text(arguments, "option") or "", text(arguments, "text") or ""

    def wanted(record: Record) -> keeping.Registers:
        return asks.answering(record, agent.device, option, counted(words)[0], clock.now_ms())

    event = await answers.changed(agent, row.record.document, wanted)
    row = await decided(agent, await _again(agent, row))
    return {**told(agent, row), "event": event}


async def take(agent: Agent, arguments: Arguments) -> object:
    """On the device that asked: what came of a question. `wait_ms`: wait so long for an answer, or for its time.

    Whoever gets an answer, or that there was none, gets the same whenever it asks again. Raises Refused elsewhere.
    """
    row = await _meant(agent, arguments)
    asks.taking(row.record, agent.device, clock.now_ms())  # refuses what another device asked
    return await wait(agent, arguments)


async def wait(agent: Agent, arguments: Arguments) -> object:
    """How a question stands after at most `wait_ms`: at once when it waits no more."""
    row = await _meant(agent, arguments)
    until = time.monotonic() + number(arguments, "wait_ms", 0, timing.ASK_WAIT_MS_MAX) / 1000
    news = asyncio.Event()
    agent.news.append(news)
    try:
        while True:
            news.clear()
            row = await decided(agent, await _again(agent, row))
            left = until - time.monotonic()
            if asks.state(row.record, clock.now_ms())[0] != asks.WAITING or left <= 0:
                return told(agent, row)
            expires = row.record.number("expires")
            over = (expires - clock.now_ms()) / 1000 if expires else left
            with contextlib.suppress(TimeoutError):
                async with asyncio.timeout(max(min(left, over), timing.ASK_LOOK_S_MIN)):
                    await news.wait()
    finally:
        agent.news.remove(news)


async def decided(agent: Agent, row: RecordRow) -> RecordRow:
    """A question as it truly stands; on the device that asked, decided for good where it can be."""
    row = await answers.true(agent, row)
    if row.record.word("device") == agent.device and asks.taking(row.record, agent.device, clock.now_ms()):
        await answers.changed(agent, row.record.document, lambda one: asks.taking(one, agent.device, clock.now_ms()))
        row = await answers.true(agent, await _again(agent, row))
    return row


async def _again(agent: Agent, row: RecordRow) -> RecordRow:
    return await agent.store.record(row.record.document) or row


async def _meant(agent: Agent, arguments: Arguments) -> RecordRow:
    return await keeping.chosen(agent, agents.name_in(arguments), needed(arguments, "id"), (asks.KIND,))


def told(agent: Agent, row: RecordRow) -> Told:
    """A question, for answers."""
    record = row.record
    how, answer_ = asks.state(record, clock.now_ms())
    given = answer_ if answer_ is not None and not answer_.expired else None
    late = [one for one in asks.answers(record) if how == asks.TAKEN and one != given]
    return {
        **keeping.told(agent, row),
        "question": record.word(TITLE),
        "options": list(record.listed("options")),
        "default": record.word("default"),
        "detail": record.said("detail") or {},
        "session": record.word("session"),
        "agent": record.word("agent"),
        "device": record.word("device"),
        "device_name": claiming.device_name(agent, record.word("device")),
        "asked_ms": record.number("at"),
        "expires_ms": record.number("expires") or None,
        "state": asks.EXPIRED if how == asks.TAKEN and given is None else how,
        "answer": _told_answer(agent, given) if given else None,
        "outcome": (answer_.option or answer_.text) if answer_ else "",
        "too_late": [_told_answer(agent, one) for one in late],
    }


def _told_answer(agent: Agent, answer_: asks.Answer) -> Told:
    return {
        "option": answer_.option,
        "text": answer_.text,
        "device": answer_.device,
        "name": claiming.device_name(agent, answer_.device),
        "at_ms": answer_.at_ms,
    }
