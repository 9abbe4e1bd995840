"""The calls about conflicts on a phone, on its true engine and store, beside true agents: the same rows on both.

What one of them says is carried to the others by the test, as a link does it.
"""

from __future__ import annotations

from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from pathlib import Path
from types import SimpleNamespace
from typing import Any, cast

import pytest

from mesh.events.event import Lane, Placed
from mesh.events.speaking import joined
from mesh.names import Digest, device_text
from mesh.node.agent import Agent
from mesh.sync import messages
from mesh.sync.messages import Push
from tests.system import typescript
from tests.system.browsers import Asked
from tests.system.test_engine_typescript import Phone, let_in
from tests.unit.node.disagreeing import ask, opened
from tests.unit.node.engines import Small
from tests.unit.node.families import family, meet, note

pytestmark = [pytest.mark.system, *typescript.NEEDS]

BODY = "To do:\n\nBuy 🌱 seeds.\n\nWater.\n"


class Refusal(Exception):
    """A call went wrong on the phone."""

    def __init__(self, fault: Mapping[str, str]) -> None:
        """As the page is told."""
        super().__init__(fault["message"])
        self.family = fault["family"]


class Pocket:
    """A phone, and the agents that it meets."""

    def __init__(self, phone: Phone, admission: Digest, agents: list[Agent]) -> None:
        """All are at work."""
        self.phone, self.device, self.agents = phone, device_text(admission), agents

    def __call__(self, call: str, **args: object) -> Any:  # noqa: ANN401 - JSON
        """A call of the page. Raises Refusal."""
        told = self.phone("disputes", call=call, args=args)
        if "fault" in told:
            raise Refusal(told["fault"])
        return told["ok"]

    def splice(self, document: str, position: int, deleted: int, inserted: str) -> None:
        """Write into a text on the phone."""
        assert self.phone("splices", document=document, position=position, deleted=deleted, inserted=inserted)

    async def meet(self) -> None:
        """Everybody hears everything."""
        push = messages.decode_push(bytes.fromhex(self.phone("told")))
        for agent in self.agents if push.runs else ():
            await agent.engine.hear(self.device, push)
        await meet(*self.agents)
        for lane in (Lane.CONTROL, Lane.DATA):
            rows = [row for row in await self.agents[0].store.log(limit=10_000) if row.placed.lane is lane]
            chains: dict[Digest, list[Placed]] = {}
            for row in rows:
                chains.setdefault(row.placed.chain, []).append(row.placed)
            self.phone.hear(Push(tuple(run for chain in chains.values() for run in joined(chain))))

    async def same(self) -> list[dict[str, Any]]:
        """What is open, as all tell it alike: lists, each conflict whole, and what was settled."""
        await self.meet()
        found = await opened(self.agents[0])
        told = self("conflicts")
        assert told["conflicts"] == found
        assert told["total"] == len(found)
        settled = (await ask(self.agents[0], "conflicts.settled"))["settled"]
        assert self("conflicts.settled")["settled"] == settled
        for name in {one["id"] for one in (*found, *settled)}:
            assert plain(self("conflicts.show", id=name)) == await ask(self.agents[0], "conflicts.show", id=name)
        return found


def plain(shown: dict[str, Any]) -> dict[str, Any]:
    """A conflict without what a phone alone marks: the words in which its values differ, which say each value whole."""
    for value in shown["values"]:
        if (pieces := value.pop("pieces", None)) is not None:
            assert "".join(words for words, _ in pieces) == value["value"]
    return shown


@asynccontextmanager
async def pocket(asked: Asked, folder: Path) -> AsyncIterator[tuple[Pocket, Agent, Agent]]:
    """A mesh of two agents, which let a phone in."""
    async with family(folder, "admin") as (alder, birch):
        admission = await let_in(cast("Small", SimpleNamespace(engine=alder.engine)))
        phone = Phone(asked, f"{folder.name} {admission.hex()}")
        phone.begin(alder.engine.own.mesh, admission)
        both = Pocket(phone, admission, [alder, birch])
        await both.meet()
        yield both, alder, birch


async def titles_apart(phone: Pocket, *agents: Agent) -> dict[str, Any]:
    """Titles of one note, written apart: one on the phone, and one on each of these."""
    document = await note(phone.agents[0], "Garden")
    await phone.meet()
    assert phone.phone("retitles", document=document, title="Garden on the phone")
    for number, agent in enumerate(agents):
        await ask(agent, "note.edit", document=document, title=f"Garden {number}")
    (one,) = await phone.same()
    return one


async def test_three_titles_are_shown_alike_and_settled_on_the_phone(asked: Asked, tmp_path: Path) -> None:
    """Rows as agents have them, page by page; taken on the phone, and taken back by an agent."""
    async with pocket(asked, tmp_path) as (phone, alder, birch):
        one = await titles_apart(phone, alder, birch)
        assert (one["count"], one["kind"], sorted(one["devices"])) == (3, "register", ["alder", "birch", "phone"])
        for offset in range(4):
            paged = {"id": one["id"], "offset": offset, "limit": 1}
            assert plain(phone("conflicts.show", **paged)) == await ask(alder, "conflicts.show", **paged)
        value = phone("conflicts.show", id=one["id"])["values"][1]["value"]
        done = phone("conflicts.resolve", id=one["id"][:6], take=2)
        assert done == {"id": one["id"], "document": one["document"], "events": done["events"], "opened": []}
        assert await phone.same() == []
        assert (await ask(birch, "note.show", document=one["document"]))["title"] == value
        with pytest.raises(Refusal, match="settled already, by phone"):
            phone("conflicts.resolve", id=one["id"], take=1)
        await ask(birch, "conflicts.undo", id=one["id"])
        (again,) = await phone.same()
        assert {side["value"] for side in again["values"]} == {side["value"] for side in one["values"]}


async def test_the_phone_takes_back_what_an_agent_settled(asked: Asked, tmp_path: Path) -> None:
    """And its own; what is taken back already, and what something later stands on, is refused and nothing happens."""
    async with pocket(asked, tmp_path) as (phone, alder, _):
        one = await titles_apart(phone, alder)
        await ask(alder, "conflicts.resolve", id=one["id"], value="Our garden")
        await phone.meet()
        undone = phone("conflicts.undo", id=one["id"])
        assert len(undone["events"]) == 1
        (again,) = await phone.same()
        with pytest.raises(Refusal, match="already"):
            phone("conflicts.undo", id=one["id"])
        phone("conflicts.resolve", id=again["id"], value="Mine")
        await phone.same()
        await ask(alder, "note.edit", document=one["document"], title="Built on it")
        await phone.meet()
        with pytest.raises(Refusal, match=r"a later change is built on it: event \w+ by alder"):
            phone("conflicts.undo", id=again["id"])
        assert await phone.same() == []


async def test_a_text_is_settled_in_each_way(asked: Asked, tmp_path: Path) -> None:
    """Places count in code points; taken, said anew and merged on the phone, the text reads alike everywhere."""
    async with pocket(asked, tmp_path) as (phone, alder, birch):
        for choice in ({"take": 1}, {"take": 2}, {"value": "what we need 🌱"}, {"merge": True}):
            document = await note(alder, f"Garden {choice}", BODY)
            await phone.meet()
            phone.splice(document, 14, 5, "carrots")
            await ask(birch, "note.edit", document=document, body=BODY.replace("🌱 seeds", "many tomatoes"))
            (one,) = await phone.same()
            shown = phone("conflicts.show", id=one["id"])
            around = shown["context"]
            phone("conflicts.resolve", id=one["id"], **choice)
            assert await phone.same() == []
            body = (await ask(alder, "note.show", document=document))["body"]
            values = [side["value"] for side in shown["values"]]
            said = choice.get("value") or (values[int(choice["take"]) - 1] if "take" in choice else around["merged"])
            assert body == around["before"] + str(said) + around["after"]


async def test_deleted_there_and_edited_here(asked: Asked, tmp_path: Path) -> None:
    """It is one conflict, and the phone keeps it."""
    async with pocket(asked, tmp_path) as (phone, alder, _):
        document = await note(alder, "Garden", BODY)
        await phone.meet()
        phone.splice(document, 0, 2, "Still to")
        await ask(alder, "note.rm", document=document)
        (one,) = await phone.same()
        assert [side["value"] for side in one["values"]] == ["deleted", "edited"]
        phone("conflicts.resolve", id=one["id"], take=2)
        assert await phone.same() == []
        assert (await ask(alder, "note.show", document=document))["deleted"] is False


@pytest.mark.parametrize("choice", [{"take": 2}, {"value": "elsewhere.md"}])
async def test_notes_at_one_path_move_aside(asked: Asked, tmp_path: Path, choice: dict[str, object]) -> None:
    """Three notes at one path: one stays, the others get names beside it; and all of it is taken back."""
    async with pocket(asked, tmp_path) as (phone, alder, birch):
        await note(alder, "of alder", path="list.md")
        await note(birch, "of birch", path="list.md")
        phone.phone("writes", title="of the phone", path="list.md")
        (one,) = await phone.same()
        assert (one["kind"], one["count"]) == ("path", 3)
        values = phone("conflicts.show", id=one["id"])["values"]
        stays = values[1 if "take" in choice else 0]
        done = phone("conflicts.resolve", id=one["id"], **choice)
        assert len(done["events"]) == 2
        assert await phone.same() == []
        shown = [(await ask(alder, "note.show", document=side["document"])) for side in values]
        paths = {row["document"]: row["path"] for row in shown}
        assert [document for document, path in paths.items() if path == "list.md"] == [stays["document"]]
        assert len(set(paths.values())) == 3
        assert "value" not in choice or "elsewhere.md" in paths.values()
        phone("conflicts.undo", id=one["id"])
        (again,) = await phone.same()
        assert again["count"] == 3


async def test_a_list_is_paged(asked: Asked, tmp_path: Path) -> None:
    """Each page goes on after the last row of the one before; the last one says that nothing more comes."""
    async with pocket(asked, tmp_path) as (phone, alder, _):
        for _ in range(3):
            document = await note(alder, "Garden")
            await phone.meet()
            phone.phone("retitles", document=document, title="Garden on the phone")
            await ask(alder, "note.edit", document=document, title="Garden at home")
        whole = await phone.same()
        seen: list[str] = []
        after: dict[str, object] = {}
        for _ in whole:
            page = phone("conflicts", limit=1, **after)
            assert page == await ask(alder, "conflicts", limit=1, **after)
            seen += [one["id"] for one in page["conflicts"]]
            after = {"after": page["next"]}
        assert seen == [one["id"] for one in whole]
        assert phone("conflicts", limit=1, **after) == {"conflicts": [], "total": 3}
        assert "next" not in phone("conflicts")
        assert [one["document"] for one in phone("conflicts", document=document)["conflicts"]] == [document]


async def test_what_makes_no_sense(asked: Asked, tmp_path: Path) -> None:
    """Wrong calls are misuse, what is not there is refused; nothing is changed."""
    async with pocket(asked, tmp_path) as (phone, alder, _):
        one = await titles_apart(phone, alder)
        wrong: tuple[dict[str, object], ...] = (
            {},
            {"take": 1, "merge": True},
            {"take": 0},
            {"take": 3},
            {"merge": True},
        )
        for each in wrong:
            with pytest.raises(Refusal) as misuse:
                phone("conflicts.resolve", id=one["id"], **each)
            assert misuse.value.family == "Misuse", each
        for absent in ("ffff", "zz", "not an id"):
            with pytest.raises(Refusal) as refused:
                phone("conflicts.show", id=absent)
            assert refused.value.family == "Refused", absent
        with pytest.raises(Refusal, match="nothing to take back"):
            phone("conflicts.undo", id=one["id"])
        assert messages.decode_push(bytes.fromhex(phone.phone("told"))).runs == ()
        assert [each["id"] for each in await opened(alder)] == [one["id"]]


async def test_values_that_came_meanwhile_make_it_another_conflict(asked: Asked, tmp_path: Path) -> None:
    """Whoever looked at two values does not settle three."""
    async with pocket(asked, tmp_path) as (phone, alder, birch):
        document = await note(alder, "Garden")
        await phone.meet()
        assert phone.phone("retitles", document=document, title="Garden on the phone")
        await ask(alder, "note.edit", document=document, title="Garden of alder")
        phone.agents = [alder]
        (one,) = await phone.same()
        phone.agents = [alder, birch]
        await ask(birch, "note.edit", document=document, title="Garden of birch")
        await phone.meet()
        with pytest.raises(Refusal, match="it changed"):
            phone("conflicts.resolve", id=one["id"], take=1)
        (now,) = await phone.same()
        assert (now["count"], one["count"]) == (3, 2)
