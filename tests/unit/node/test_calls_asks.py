"""Questions by true agents: an answer arrives once or expires, never both, and only a person answers."""

from __future__ import annotations

import asyncio
from pathlib import Path

import pytest

from mesh.errors import Misuse, NotGranted, Refused
from mesh.names import DocumentId
from mesh.node import asking, clock, keeping
from mesh.node.agent import Agent
from mesh.state.asks import Answer
from tests.unit.node.families import Told, ask, family, meet, note
from tests.unit.node.helping import let_in

SOON_MS, LONG_MS = 300, 3_600_000


async def asked(agent: Agent, in_ms: int = LONG_MS, **more: object) -> str:
    """A question with two options, the default of which is no."""
    told = await ask(
        agent, "ask.new", question="May I push?", options=["allow", "deny"], default="deny", expires_in_ms=in_ms, **more
    )
    return str(told["document"])


def how(told: Told) -> tuple[object, object]:
    """State and outcome."""
    return told["state"], told["outcome"]


async def over(agent: Agent, document: str) -> None:
    """Wait until a question's time is over."""
    expires = (await ask(agent, "ask.show", id=document))["expires_ms"]
    assert isinstance(expires, int)
    while clock.now_ms() < expires:  # noqa: ASYNC110 - the clock is what is waited for
        await asyncio.sleep(0.01)


async def test_an_answer_from_another_device(tmp_path: Path) -> None:
    """It arrives, is taken once, and stays what it is on every device."""
    async with family(tmp_path, "member") as (alder, birch):
        await let_in(alder)
        document = await asked(alder, as_="claude", detail={"command": "git push", "env": {"API_TOKEN": "swordfish"}})
        assert how(await ask(alder, "ask.show", id=document, as_="claude")) == ("waiting", "")
        await meet(alder, birch)
        (told,) = (await ask(birch, "ask.list"))["asks"]  # type: ignore[misc]
        assert told["detail"] == {"command": "git push", "env": {"API_TOKEN": "[redacted:secret]"}}  # type: ignore[has-type]
        assert (told["agent"], told["device_name"], told["question"]) == ("claude", "alder", "May I push?")  # type: ignore[has-type]
        assert how(await ask(birch, "ask.answer", id=document, option="allow", text="but not main")) == (
            "answered",
            "allow",
        )
        with pytest.raises(Refused, match="another device"):
            await ask(birch, "ask.take", id=document)
        assert how(await ask(alder, "ask.take", id=document)) == ("waiting", "")
        await meet(alder, birch)
        told = await ask(alder, "ask.show", id=document, as_="claude")
        assert how(told) == ("taken", "allow")
        assert (told["answer"]["name"], told["answer"]["text"]) == ("birch", "but not main")  # type: ignore[index]
        with pytest.raises(Refused, match="answered already"):
            await ask(alder, "ask.answer", id=document, option="deny")
        await meet(alder, birch)
        assert how(await ask(birch, "ask.show", id=document)) == ("taken", "allow")
        assert (await ask(birch, "ask.list"))["asks"] == []


async def test_story_h_too_late(tmp_path: Path) -> None:
    """The phone answers while it cannot reach the mac; by then the mac has denied. It stays denied everywhere."""
    async with family(tmp_path, "member") as (alder, birch):
        document = await asked(alder, SOON_MS)
        await meet(alder, birch)
        await ask(birch, "ask.answer", id=document, option="allow")
        await over(alder, document)
        assert how(await ask(alder, "ask.take", id=document)) == ("expired", "deny")
        await meet(alder, birch)
        for agent in (alder, birch):
            told = await ask(agent, "ask.show", id=document)
            assert how(told) == ("expired", "deny")
            assert [one["option"] for one in told["too_late"]] == ["allow"]  # type: ignore[attr-defined]
        with pytest.raises(Refused, match="expired"):
            await ask(birch, "ask.answer", id=document, option="allow")


async def test_story_h_in_time(tmp_path: Path) -> None:
    """The answer reaches the mac first: it counts, also when it is looked at after the time."""
    async with family(tmp_path, "member") as (alder, birch):
        document = await asked(alder, SOON_MS)
        await meet(alder, birch)
        await ask(birch, "ask.answer", id=document, option="2")
        await meet(alder, birch)
        await over(alder, document)
        assert how(await ask(alder, "ask.take", id=document)) == ("taken", "deny")
        assert (await ask(alder, "ask.show", id=document))["answer"]["name"] == "birch"  # type: ignore[index]


async def test_what_was_told_stays_so(tmp_path: Path) -> None:
    """An agent that saw that its question expired never sees it answered later, though nobody took it by hand."""
    async with family(tmp_path, "member") as (alder, birch):
        document = await asked(alder, SOON_MS)
        await meet(alder, birch)
        await ask(birch, "ask.answer", id=document, option="allow")
        await over(alder, document)
        assert how(await ask(alder, "ask.show", id=document)) == ("expired", "deny")
        await meet(alder, birch)
        assert how(await ask(alder, "ask.show", id=document)) == ("expired", "deny")


async def test_the_agent_decides_by_itself(tmp_path: Path) -> None:
    """When the time is over, or an answer came, though nobody asks about it."""
    async with family(tmp_path, "member") as (alder, birch):
        late, soon, other = await asked(alder, SOON_MS), await asked(alder), await asked(birch, SOON_MS)
        await meet(alder, birch)
        await ask(birch, "ask.answer", id=soon, option="allow")
        await over(alder, late)
        await meet(alder, birch)
        wait_s, still = await asking.look(alder)
        assert (wait_s > 1, still) == (True, frozenset())
        await meet(alder, birch)
        assert how(await ask(birch, "ask.show", id=late)) == ("expired", "deny")
        assert how(await ask(birch, "ask.show", id=soon)) == ("taken", "allow")
        row = await alder.store.records(types=["ask"], limit=10)
        undecided = [str(one.record.document) for one in row if "taken" not in one.record.registers]
        assert undecided == [other], "another device's question is left to that one"


async def test_waiting_for_an_answer(tmp_path: Path) -> None:
    """It ends with the answer, with the question's time, or when who waits has waited long enough."""
    async with family(tmp_path) as (alder,):
        document = await asked(alder)
        async with asyncio.timeout(30), asyncio.TaskGroup() as group:
            waiting = group.create_task(ask(alder, "ask.take", id=document, wait_ms=600_000))
            await asyncio.sleep(0)
            await ask(alder, "ask.answer", id=document, option="allow")
        assert how(waiting.result()) == ("taken", "allow")
        document = await asked(alder, SOON_MS)
        async with asyncio.timeout(30):
            assert how(await ask(alder, "ask.take", id=document, wait_ms=600_000)) == ("expired", "deny")
        document = await asked(alder)
        assert how(await ask(alder, "ask.take", id=document, wait_ms=50)) == ("waiting", "")
        assert alder.news == []


async def test_who_answers(tmp_path: Path) -> None:
    """No agent, and nothing that is no option."""
    async with family(tmp_path) as (alder,):
        await let_in(alder)
        document = await asked(alder, as_="claude")
        for call in ("ask.answer", "ask.take"):
            with pytest.raises(NotGranted, match="only a person"):
                await ask(alder, call, id=document, option="allow", as_="claude")
        with pytest.raises(Misuse, match="none of the options"):
            await ask(alder, "ask.answer", id=document, option="maybe")
        assert how(await ask(alder, "ask.show", id=document)) == ("waiting", "")
        for odd in ({"question": ""}, {"question": "x", "options": "yes"}, {"question": "x", "detail": 7}):
            with pytest.raises(Misuse):
                await ask(alder, "ask.new", **odd)
        assert len((await ask(alder, "ask.list", state="all"))["asks"]) == 1  # type: ignore[arg-type]


async def forged(agent: Agent, name: str, document: str, registers: dict[str, str]) -> None:
    """An agent program, or another device, writes into a question what only somebody else may say."""
    await keeping.changed(agent, name, DocumentId.parse(document), lambda _: registers)


async def test_nobody_answers_for_somebody_else(tmp_path: Path) -> None:
    """Neither an agent on that device nor another device; and nobody but who asked says what came of it."""
    async with family(tmp_path, "admin") as (alder, birch):
        await let_in(alder)
        document = await asked(alder, as_="claude")
        await meet(alder, birch)
        yes = Answer("allow", "", "", 1).said()
        await forged(alder, "claude", document, {f"answer/{birch.device}": yes, f"answer/{alder.device}": yes})
        await forged(birch, "", document, {f"answer/{alder.device}": yes, "taken": Answer("allow", "", "x", 1).said()})
        await meet(alder, birch)
        await asking.look(alder)
        for agent in (alder, birch):
            assert how(await ask(agent, "ask.show", id=document)) == ("waiting", "")
        assert how(await ask(birch, "ask.answer", id=document, option="deny")) == ("answered", "deny")
        await meet(alder, birch)
        assert how(await ask(alder, "ask.take", id=document)) == ("taken", "deny")
        await meet(alder, birch)
        for agent in (alder, birch):
            assert how(await ask(agent, "ask.show", id=document)) == ("taken", "deny")


async def test_the_part_of_the_agent_that_decides(tmp_path: Path) -> None:
    """It notices an answer to an earlier question, and the end of a time, without anybody who looks."""
    async with family(tmp_path, "member") as (alder, birch):
        first, second = await asked(alder), await asked(alder)
        await meet(alder, birch)
        async with asyncio.timeout(60), asyncio.TaskGroup() as group:
            deciding = group.create_task(asking.run(alder))
            await until_taken(alder, await asked(alder, SOON_MS))
            await ask(birch, "ask.answer", id=first, option="allow")
            await note(alder, "something later")
            await meet(alder, birch)
            await until_taken(alder, first)
            deciding.cancel()
        row = await alder.store.record(DocumentId.parse(second))
        assert row is not None
        assert "taken" not in row.record.registers


async def until_taken(agent: Agent, document: str) -> None:
    """Wait until a question is decided, without asking the agent about it."""
    news = asyncio.Event()
    agent.news.append(news)
    while True:
        news.clear()
        row = await agent.store.record(DocumentId.parse(document))
        assert row is not None
        if "taken" in row.record.registers:
            break
        await news.wait()
    agent.news.remove(news)
