"""What agents settle unasked: by whom first, once, and never what a person took back."""

from __future__ import annotations

from pathlib import Path

import pytest

from mesh.events.kinds import Grant, Ungrant
from mesh.names import DocumentId
from mesh.node import rulings, timing
from mesh.node.agent import Agent
from mesh.node.rulings import Rulings
from tests.unit.node import disputing
from tests.unit.node.engines import state
from tests.unit.node.families import ask, family, meet, note

TEXT = "beans and peas"


class Watch:
    """The rulings of an agent, and what it says about them."""

    def __init__(self, agent: Agent) -> None:
        """Look when a test says so."""
        self.said: list[tuple[str, object]] = []
        self.agent = agent
        self.rulings = Rulings(agent.engine, self._log)

    def _log(self, event: str, **fields: object) -> None:
        self.said.append((event, fields.get("rule")))

    async def text(self, document: str) -> object:
        """What the note says here."""
        return (await ask(self.agent, "note.show", document=document))["body"]


async def twice(alder: Agent, birch: Agent, *added: str) -> str:
    """A note to which two devices add something at the end, without hearing each other."""
    document = await note(alder, "seeds", body=TEXT)
    await meet(alder, birch)
    for agent, words in zip((alder, birch), added, strict=True):
        await ask(agent, "note.edit", document=document, body=TEXT + words)
    await meet(alder, birch)
    return document


@pytest.mark.parametrize(
    ("added", "rule", "wanted"),
    [(("\nrye", "\nrye"), "equal", "\nrye"), (("\nrye", "\nrye, oats"), "prefix", "\nrye, oats")],
)
async def test_who_wrote_what_goes_says_it_at_once_and_once(
    tmp_path: Path, added: tuple[str, str], rule: str, wanted: str
) -> None:
    """The other one waits, and finds nothing to do when it has heard of it."""
    async with family(tmp_path, "admin") as (alder, birch):
        document = await twice(alder, birch, *added)
        watches = Watch(alder), Watch(birch)
        for watch in watches:
            await watch.rulings.look()
        first = [watch for watch in watches if watch.said]
        assert [watch.said for watch in first] == [[("rule.settled", rule)]]
        assert await first[0].text(document) == TEXT + wanted
        await meet(alder, birch)
        for _ in range(2):
            for watch in watches:
                watch.rulings._due = dict.fromkeys(watch.rulings._due, 0.0)  # noqa: SLF001 - its time is over
                await watch.rulings.look()
        assert sum(len(watch.said) for watch in watches) == 1
        for watch in watches:
            assert await watch.text(document) == TEXT + wanted
            assert await watch.agent.store.conflicts() == ()
        (row,) = await alder.store.settlements()
        assert (row.rule, row.author.admission) == (rule, first[0].agent.engine.own.admission)


async def test_another_device_says_it_when_the_one_who_should_does_not(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """After its patience is over; should both say it, that is one and the same."""
    monkeypatch.setattr(timing, "RULES_PATIENCE_S", 0.0)
    monkeypatch.setattr(timing, "RULES_SPREAD_S", 0.0)
    async with family(tmp_path, "admin") as (alder, birch):
        document = await twice(alder, birch, "\nrye", "\nrye")
        watches = Watch(alder), Watch(birch)
        for watch in watches:
            await watch.rulings.look()
            await watch.rulings.look()
            assert watch.said == [("rule.settled", "equal")], "each on its own"
        await meet(alder, birch)
        for watch in watches:
            assert await watch.text(document) == TEXT + "\nrye"
            assert await watch.agent.store.conflicts() == ()


async def test_what_a_person_took_back_is_not_said_again(tmp_path: Path) -> None:
    """Neither at once nor by a start that looks for everything."""
    async with family(tmp_path, "admin") as (alder, birch):
        document = DocumentId.parse(await twice(alder, birch, "\nrye", "\nrye"))
        watches = Watch(alder), Watch(birch)
        for watch in watches:
            await watch.rulings.look()
        await meet(alder, birch)
        (row,) = await alder.store.settlements()
        await disputing.take_back(alder.engine, document, row.author.event)
        await meet(alder, birch)
        assert len(await alder.store.conflicts()) == 1
        for watch in watches:
            watch.said.clear()
            for _ in range(2):
                await watch.rulings.find()
                await watch.rulings.look()
                watch.rulings._due = dict.fromkeys(watch.rulings._due, 0.0)  # noqa: SLF001 - its time is over
            assert watch.said == []


async def test_a_start_finds_what_nobody_looked_at(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """What was kept while no agent ran, page by page; what no rule settles stays."""
    monkeypatch.setattr(rulings, "LIST_MAX", 1)
    async with family(tmp_path, "admin") as (alder, birch):
        documents = [await twice(alder, birch, "\nrye", words) for words in ("\nrye", "\noats", "\nrye, oats")]
        alder.engine.shelf.disputed.clear()
        watch = Watch(alder)
        await watch.rulings.look()
        assert watch.said == []
        await watch.rulings.find()
        await watch.rulings.look()
        watch.rulings._due = dict.fromkeys(watch.rulings._due, 0.0)  # noqa: SLF001 - its time is over
        await watch.rulings.look()
        assert sorted(str(rule) for _, rule in watch.said) == ["equal", "prefix"]
        (left,) = await alder.store.conflicts()
        assert str(left.document) == documents[1]


async def test_a_device_that_may_not_settle_leaves_it(tmp_path: Path) -> None:
    """It says so in its log, once, and goes on."""
    async with family(tmp_path, "admin") as (alder, birch):
        await twice(alder, birch, "\nrye", "\nrye")
        statements = alder.engine.replica.statements.values()
        for agent in (alder, birch):
            own = agent.engine.own.admission
            grant = next(s.digest for s in statements if isinstance(s.body, Grant) and s.body.admission == own)
            marks = await alder.store.heads_at(own)
            await state(alder.engine, Ungrant(grant, marks))
            await state(alder.engine, Grant(own, "", "home", ("note",), ("create", "edit", "read")))
        await meet(alder, birch)
        for watch in (Watch(alder), Watch(birch)):
            await watch.rulings.find()
            for _ in range(3):
                await watch.rulings.look()
                watch.rulings._due = dict.fromkeys(watch.rulings._due, 0.0)  # noqa: SLF001 - its time is over
            assert [event for event, _ in watch.said] == ["rule.refused"]
        assert len(await alder.store.conflicts()) == 1
