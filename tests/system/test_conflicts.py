"""Disagreements between three devices that were apart: the same on each, settled on one, taken back on another."""

from __future__ import annotations

import asyncio
import secrets
from collections.abc import Sequence
from pathlib import Path

import pytest

from mesh.events.event import Lane
from mesh.events.kinds import Changed, Grant
from mesh.events.speaking import Draft
from mesh.names import DocumentId
from mesh.node import agent as agents
from mesh.node import saying
from mesh.node.engine import Engine
from mesh.node.socket_client import Told
from mesh.state.edits import Put
from tests.conftest import Spawn
from tests.system.harness import Device, Fleet
from tests.system.pairs import Command

pytestmark = pytest.mark.system

MANY = 1000
ESCAPE = "\x1b[31mred\x1b]0;title\x07\u202egnp"
DRAWS = ("\x1b", "\x07", "\u202e")


class Three:
    """Three devices that part and meet."""

    def __init__(self, fleet: Fleet) -> None:
        """Linked, and of one mind."""
        self.fleet = fleet
        self.devices = fleet.linked(3)
        self.alder, self.birch, self.cedar = self.devices
        fleet.converged()

    def part(self) -> None:
        """No agent runs: what is written now, the others hear later."""
        for device in self.devices:
            device.stop()

    def meet(self) -> None:
        """All run, have everything and show the same."""
        for device in self.devices:
            device.start()
        self.fleet.converged()

    def apart(self, device: Device, *calls: tuple[str, dict[str, object]]) -> list[Told]:
        """What somebody does on a device whose agent does not run."""
        return asyncio.run(_done(device, calls))

    def open(self, *argv: str) -> list[Told]:
        """The open conflicts, which all three list alike."""
        first, *others = (conflicts(device, *argv) for device in self.devices)
        assert all(other == first for other in others), (first, others)
        return first

    def the_one(self, kind: str) -> Told:
        """The only conflict of a kind."""
        (one,) = [each for each in self.open() if each["kind"] == kind]
        return one


async def _done(device: Device, calls: Sequence[tuple[str, dict[str, object]]]) -> list[Told]:
    async with agents.opened(device.home) as agent:
        answers = [await agent.call(name, arguments) for name, arguments in calls]
    assert all(isinstance(answer, dict) for answer in answers)
    return answers  # type: ignore[return-value]


def edit(document: str, **parts: object) -> tuple[str, dict[str, object]]:
    """An edit of a note."""
    return "note.edit", {"document": document, **parts}


def resolve(conflict: str, value: str) -> tuple[str, dict[str, object]]:
    """A conflict settled by a value."""
    return "conflicts.resolve", {"id": conflict, "value": value}


def conflicts(device: Device, *argv: str) -> list[Told]:
    """What a device lists."""
    found = device.done("conflicts", *argv)["conflicts"]
    assert isinstance(found, list)
    return found


def values(conflict: Told) -> list[object]:
    """The values of a conflict, in their order."""
    found = conflict["values"]
    assert isinstance(found, list)
    return [value["value"] for value in found]


def number_of(conflict: Told, value: object) -> str:
    """What `--take` calls a value."""
    return str(values(conflict).index(value) + 1)


def note(device: Device, document: object) -> Told:
    """A note as a device shows it."""
    return device.done("note", "show", str(document))


@pytest.fixture
def three(fleet: Fleet) -> Three:
    """Three devices of one mesh."""
    return Three(fleet)


def test_every_kind_is_the_same_on_all_and_settled_from_any_of_them(three: Three) -> None:
    """Goal: three titles, a text, delete against edit, a path of two notes and two of one: found, settled, undone."""
    alder, birch, cedar = three.devices
    names = ("title", "text", "gone", "moved")
    made = {name: alder.note(name, "Buy seeds.\n\nWater.\n") for name in names}
    three.fleet.converged()
    three.part()
    titles = {device: edit(made["title"], title=f"by {device.name}") for device in three.devices}
    three.apart(
        alder,
        titles[alder],
        edit(made["text"], body="Buy carrot seeds.\n\nWater.\n"),
        edit(made["moved"], path="a/here.md"),
    )
    *_, added = three.apart(
        birch,
        titles[birch],
        edit(made["text"], body="Buy many tomatoes.\n\nWater.\n"),
        ("note.rm", {"document": made["gone"]}),
        ("note.add", {"title": "one", "path": "plan.md"}),
    )
    first = added["document"]
    *_, added = three.apart(
        cedar,
        titles[cedar],
        edit(made["gone"], title="not gone"),
        edit(made["moved"], path="c/there.md"),
        ("note.add", {"title": "another", "path": "plan.md"}),
    )
    second = added["document"]
    three.meet()
    found = {str(one["kind"]): one for one in three.open()}
    assert sorted(found) == ["deleted", "path", "register", "renamed", "text"]
    assert set(values(found["register"])) == {"by alder", "by birch", "by cedar"}
    assert found["register"]["ancestor"] == "title"
    assert set(values(found["renamed"])) == {"a/here.md", "c/there.md"}
    assert values(found["deleted"]) == ["deleted", "edited"]
    assert set(values(found["path"])) == {first, second}
    shown = cedar.done("conflicts", "show", str(found["text"]["id"])[:10])
    assert set(values(shown)) == {"carrot seeds", "many tomatoes"}
    assert shown["ancestor"] == "seeds"
    _settle_all(three, found)
    assert three.open() == []
    assert {note(device, made["title"])["title"] for device in three.devices} == {"by cedar"}
    assert {note(device, made["moved"])["path"] for device in three.devices} == {"old/here.md"}
    texts = {str(note(device, made["text"])["body"]) for device in three.devices}
    assert len(texts) == 1
    assert "tomatoes" not in texts.pop()
    assert {note(device, made["gone"])["deleted"] for device in three.devices} == {False}
    assert note(alder, first)["path"] == "plan (birch).md"
    _take_back_all(three, found)
    assert set(values(three.the_one("register"))) == {"by alder", "by birch", "by cedar"}
    assert set(values(three.the_one("renamed"))) == {"a/here.md", "c/there.md"}
    assert set(values(three.the_one("path"))) == {first, second}


def _settle_all(three: Three, found: dict[str, Told]) -> None:
    """Each on another device; all three follow."""
    alder, birch, cedar = three.devices
    id_of = {kind: str(one["id"]) for kind, one in found.items()}
    path = found["path"]
    three.alder.done("conflicts", "resolve", id_of["register"], "--take", number_of(found["register"], "by cedar"))
    carrot = next(value for value in values(found["text"]) if "carrot" in str(value))
    birch.done("conflicts", "resolve", id_of["text"], "--take", number_of(found["text"], carrot))
    cedar.done("conflicts", "resolve", id_of["deleted"], "--take", "2")
    alder.done("conflicts", "resolve", id_of["renamed"], "--value", "old/here.md")
    shown = cedar.done("conflicts", "show", id_of["path"])["values"]
    assert isinstance(shown, list)
    another = next(value["document"] for value in shown if value["title"] == "another")
    birch.done("conflicts", "resolve", id_of["path"], "--take", number_of(path, another))
    three.fleet.converged()


def _take_back_all(three: Three, found: dict[str, Told]) -> None:
    """By somebody else than who settled it."""
    who = {"register": three.cedar, "text": three.alder, "renamed": three.birch, "path": three.cedar}
    for kind, device in who.items():
        done = device.done("conflicts", "undo", str(found[kind]["id"]))
        assert done["events"], done
        assert done["opened"], done
    three.fleet.converged()


def test_two_settle_at_once_equally_and_differently(three: Three) -> None:
    """Goal: the same value is agreement; different ones are one new conflict, and neither is lost."""
    alder, birch, cedar = three.devices
    made = {name: alder.note(name) for name in ("equal", "different")}
    three.fleet.converged()
    three.part()
    for device in (alder, birch):
        three.apart(device, *(edit(document, title=f"by {device.name}") for document in made.values()))
    three.meet()
    of = {str(one["document"]): str(one["id"]) for one in three.open()}
    three.part()
    for device in (birch, cedar):
        settling = {"equal": "agreed", "different": f"settled by {device.name}"}
        three.apart(device, *(resolve(of[made[name]], value) for name, value in settling.items()))
    three.meet()
    (new,) = three.open()
    assert new["document"] == made["different"]
    assert new["id"] != of[made["different"]]
    assert set(values(new)) == {"settled by birch", "settled by cedar"}
    alder.done("conflicts", "resolve", str(new["id"]), "--take", "1")
    three.fleet.converged()
    assert three.open() == []
    late = cedar.mesh("--json", "conflicts", "resolve", str(new["id"]), "--take", "2")
    assert late.code == 3
    assert "settled already, by alder" in str(late.error["message"])
    assert {str(one["id"]) for one in cedar.done("conflicts", "settled")["settled"]} == {*of.values(), str(new["id"])}  # type: ignore[attr-defined]


def test_an_agent_without_the_verb_is_refused(fleet: Fleet) -> None:
    """Goal: what a program may read it may look at; settling needs a grant that says so; what it did says its name."""
    one, other = fleet.linked(2)
    document = one.note("Garden")
    fleet.converged()
    for device in (one, other):
        device.stop()
        asyncio.run(_done(device, [edit(document, title=f"by {device.name}")]))
    asyncio.run(_granted(one, "create", "edit", "read"))
    for device in (one, other):
        device.start()
    fleet.converged()
    (conflict,) = conflicts(one, "--as", "claude")
    name = str(conflict["id"])
    assert one.done("conflicts", "show", name, "--as", "claude")["open"] is True
    refused = one.mesh("--json", "conflicts", "resolve", name, "--take", "1", MESH_AGENT="claude")
    assert (refused.code, refused.error["class"]) == (3, "NotGranted")
    assert len(conflicts(one)) == 1
    one.stop()
    asyncio.run(_granted(one, "resolve"))
    one.done("conflicts", "resolve", name, "--take", "1", "--as", "claude")
    one.start()
    fleet.converged()
    (settled,) = other.done("conflicts", "settled")["settled"]  # type: ignore[misc]
    assert (settled["agent"], settled["name"]) == ("claude", one.name)  # type: ignore[has-type]


async def _granted(device: Device, *verbs: str) -> None:
    """What a person grants to a program on this device."""
    async with agents.opened(device.home) as agent:
        own = agent.engine.own.admission
        await saying.say(agent, [Grant(own, "claude", "home", ("note",), verbs)])


def test_a_thousand_hostile_values_are_listed_and_paged(fleet: Fleet) -> None:
    """Goal: 1,000 concurrent values of a title, each of them hostile: shown page by page, and nothing of it draws."""
    (one,) = fleet.joined(1)
    document = str(one.done("note", "add", "Garden")["document"])
    asyncio.run(_at_once(one, document))
    one.start()
    (conflict,) = conflicts(one)
    assert conflict["count"] == MANY
    seen: list[object] = []
    while len(seen) < MANY:
        page = one.done("conflicts", "show", str(conflict["id"]), "--after", str(len(seen)), "--limit", "300")
        seen += values(page)
        assert values(page)
    assert set(seen) == {f"{number} {ESCAPE}" for number in range(MANY)}
    for argv in ((), ("show", str(conflict["id"])), ("show", str(conflict["id"]), "--limit", "1000", "--whole")):
        printed = one.mesh("conflicts", *argv)
        assert printed.code == 0
        assert not any(drawn in printed.out for drawn in DRAWS), printed.out[:1000]
    assert "values 1 to 20 of 1,000; more: --after 20" in one.mesh("conflicts", "show", str(conflict["id"])).out
    one.done("conflicts", "resolve", str(conflict["id"]), "--take", "777")
    assert conflicts(one) == []
    assert note(one, document)["title"] == seen[776]


async def _at_once(device: Device, document: str) -> None:
    """As many titles as if that many devices had written them without knowing of each other."""

    async def make(engine: Engine) -> Sequence[Draft]:
        name = DocumentId.parse(document)
        loaded = await engine.shelf.load(name)
        assert loaded is not None
        half = engine.own.admission[:8]
        changes = (
            loaded.document.edit(half + secrets.token_bytes(8), (Put("title", f"{number} {ESCAPE}"),))
            for number in range(MANY)
        )
        return [Draft(Changed(change.raw), name) for change in changes]

    async with agents.opened(device.home) as agent:
        await agent.engine.say(Lane.DATA, make)


def test_what_was_typed_is_kept_when_the_conflict_changed_meanwhile(three: Three, tmp_path: Path, spawn: Spawn) -> None:
    """Goal: while somebody writes in the editor a third value comes in: refused, look again, and the draft is told."""
    alder, birch, cedar = three.devices
    document = alder.note("Garden")
    three.fleet.converged()
    three.part()
    for device in three.devices:
        three.apart(device, edit(document, title=f"by {device.name}"))
    alder.start()
    birch.start()
    three.fleet.converged(alder, birch)
    (two,) = conflicts(alder)
    script, written, go_on = (tmp_path / name for name in ("editor.sh", "written", "go-on"))
    script.write_text(
        f'#!/bin/sh\nsed -i "1s/.*/mine/" "$1"\ntouch "{written}"\nwhile [ ! -e "{go_on}" ]; do sleep 0.05; done\n'
    )
    script.chmod(0o700)
    words = ("conflicts", "resolve", str(two["id"]), "--edit")
    command = Command(spawn, alder, *words, EDITOR=str(script), TMPDIR=str(tmp_path))
    three.fleet.wait("the editor is open", written.exists)
    cedar.start()
    three.fleet.converged()
    go_on.touch()
    answer = command.ended()
    assert answer.code == 3, answer
    assert "Look again" in answer.err
    (draft,) = tmp_path.glob("mesh-conflict-*/value.md")
    assert draft.read_text().startswith("mine\n")
    assert str(draft) in answer.err
    now = three.the_one("register")
    assert (now["count"], two["count"]) == (3, 2)
    assert "mine" not in values(now)
