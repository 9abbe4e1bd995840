"""The phone's shell in Node with a real agent: it comes in at the door, converges both ways, comes back, is sent away.

Between the two are TLS, the gateway and a real nats-server; the phone's keys are those of WebCrypto.
"""

from __future__ import annotations

import asyncio
import base64
import os
import random
import time
from collections.abc import AsyncIterator, Sequence
from pathlib import Path
from typing import Any

import pytest

from mesh.errors import Busy, NeedsApproval, Unreachable
from mesh.events.event import Lane
from mesh.events.kinds import Forget
from mesh.events.speaking import Draft
from mesh.names import DocumentId
from mesh.node.agent import Agent
from mesh.node.engine import Engine
from mesh.node.gateway.door import Door
from mesh.node.gateway.guests import Guests
from mesh.node.talk import Talk
from mesh.sync import introducing
from tests.system import typescript
from tests.system.node_phones import LIMIT_S, Fault, Node, browsing, keeping, let_in, node_phone
from tests.unit.node.closing import close
from tests.unit.small_mesh import secret_keys

pytestmark = [pytest.mark.system, *typescript.NEEDS]

DAY_MS = 86_400_000


@pytest.fixture
async def kept(tmp_home: Path, monkeypatch: pytest.MonkeyPatch) -> AsyncIterator[tuple[Agent, Door]]:
    """An agent with its door open."""
    monkeypatch.setenv("MESH_BEACON", "off")
    async with keeping(tmp_home / "alder", os.environ) as made:  # type: ignore[arg-type]
        yield made


@pytest.fixture
async def phone(kept: tuple[Agent, Door], javascript: Path, tmp_path: Path) -> AsyncIterator[Node]:
    """A phone that is in no mesh yet."""
    async with node_phone(javascript, kept[1], tmp_path / "phone") as made:
        yield made


async def agree(agent: Agent, phone: Node) -> Any:  # noqa: ANN401 - JSON
    """Wait until both show the same; what the phone tells of itself then."""
    seen: Any = None
    try:
        async with asyncio.timeout(LIMIT_S):
            while True:
                seen = await phone.look()
                mine = (await agent.store.digest()).hex(), (await agent.store.view_root()).hex()
                if (seen["state"], seen["view"], seen["verdict"]) == (*mine, agent.engine.replica.verdict_digest.hex()):
                    return seen
                await asyncio.sleep(0.05)
    except TimeoutError:
        raise AssertionError(seen) from None


async def in_flight(agent: Agent, door: Door, phone: Node) -> str:
    """A phone that came in, shows what the agent does, and then has no network; its device."""
    device = await let_in(agent, door, phone)
    await phone.until(lambda standing: standing["link"] == "live")
    await agree(agent, phone)
    await phone.ask("flight", args={"on": True})
    await phone.until(lambda standing: standing["link"] != "live")
    return device


async def titles(agent: Agent) -> set[str]:
    """Of the notes that the agent shows."""
    return {row.note.title for row in await agent.store.notes(limit=100)}


async def shown(phone: Node) -> set[str]:
    """Of the notes that the phone shows."""
    return {row["title"] for row in (await phone.call("note.list"))["notes"]}


async def test_a_phone_comes_in_and_converges_both_ways(kept: tuple[Agent, Door], phone: Node) -> None:
    """Digits are equal, notes go both ways, receipts are traded, and the status line says what is so."""
    agent, door = kept
    await agent.call("note.add", {"title": "of the node"})
    device = await let_in(agent, door, phone)
    await phone.until(lambda standing: standing["link"] == "live")
    seen = await agree(agent, phone)
    assert seen["device"] == device
    said = await phone.call("note.add", title="of the phone", body="words")
    await agree(agent, phone)
    assert await titles(agent) == await shown(phone) == {"of the node", "of the phone"}
    standing = await phone.until(lambda told: told["as_of_ms"] and told["waiting"] == 0)
    assert (standing["node"], standing["problems"]) == (agent.held.name, [])
    (row,) = [row for row in (await phone.call("devices"))["devices"] if not row["self"]]
    assert (row["name"], row["waiting"]) == (agent.held.name, 0)
    assert row["in_sync_ms"]
    await agent.call("note.edit", {"document": said["document"], "title": "of both"})
    await agree(agent, phone)
    assert "of both" in await shown(phone)
    meeting = agent.meetings.of(device)
    assert meeting is not None
    assert meeting.in_sync_ms


async def test_it_comes_back_when_the_server_did(kept: tuple[Agent, Door], phone: Node) -> None:
    """A nats-server that was killed is missed, what is written meanwhile waits, and goes out when it is back."""
    agent, door = kept
    await let_in(agent, door, phone)
    await phone.until(lambda standing: standing["link"] == "live")
    await agree(agent, phone)
    assert agent.bus is not None
    pid = agent.bus.server().pid
    assert pid is not None
    os.kill(pid, 9)
    await phone.until(lambda standing: standing["link"] != "live")
    await phone.call("note.add", title="meanwhile")
    await phone.until(lambda standing: standing["link"] == "live")
    await agree(agent, phone)
    assert await titles(agent) == {"meanwhile"}
    await phone.until(lambda standing: standing["waiting"] == 0)


async def test_what_waits_lies_ready_for_the_service_worker(kept: tuple[Agent, Door], phone: Node) -> None:
    """Edits in flight mode are bytes that any device takes by plain https; they outlive a restart."""
    agent, door = kept
    await in_flight(agent, door, phone)
    for number in range(3):
        await phone.call("note.add", title=f"note {number}")
    await phone.ask("restart")
    standing = await phone.until(lambda told: told["waiting"] == 3)
    assert (standing["state"], standing["link"] in {"none", "dialling"}) == ("member", True)
    ready = await phone.until(lambda seen: len(seen["outbox"]) > 0, "look")
    async with browsing(door) as session:
        for body in ready["outbox"]:
            headers = {"Origin": door.page.origin}
            async with session.post("/api/ev", data=bytes.fromhex(body), headers=headers) as answer:
                assert answer.status == 200, await answer.text()
    assert await titles(agent) == {"note 0", "note 1", "note 2"}
    await phone.ask("flight", args={"on": False})
    await phone.until(lambda told: told["link"] == "live" and told["waiting"] == 0)
    await phone.until(lambda seen: not seen["outbox"], "look")


async def test_another_key_is_not_let_in_and_nothing_is_deleted(kept: tuple[Agent, Door], phone: Node) -> None:
    """Twice refused, it rests and says so; what was written stays, and with the right key it goes on."""
    agent, door = kept
    await let_in(agent, door, phone)
    await phone.until(lambda standing: standing["link"] == "live")
    await phone.call("note.add", title="mine")
    await agree(agent, phone)
    await phone.ask("other keys")
    await phone.ask("flight", args={"on": True})
    await phone.ask("flight", args={"on": False})
    standing = await phone.until(lambda told: told["link"] == "refused")
    assert standing["state"] == "member"
    assert any("no member" in one["what"] for one in standing["problems"])
    assert await shown(phone) == {"mine"}
    await phone.until(lambda seen: "visit.done" in str(seen["log"]), "look")
    assert (await phone.call("status"))["state"] == "member"
    await phone.ask("restart")
    await phone.until(lambda told: told["link"] == "live")


async def test_a_person_who_looks_has_a_refused_phone_try_at_once(kept: tuple[Agent, Door], phone: Node) -> None:
    """Not minutes later, and also where it has just tried; a sync that is refused says so and does not wait."""
    agent, door = kept
    await let_in(agent, door, phone)
    await phone.until(lambda standing: standing["link"] == "live")
    await phone.ask("other keys")
    await phone.ask("flight", args={"on": True})
    await phone.ask("flight", args={"on": False})
    await phone.until(lambda told: told["link"] == "refused")
    before = time.monotonic()
    assert (await phone.call("sync"))["link"] == "refused"
    assert time.monotonic() - before < 20, "a wake is 25 s long"
    await phone.call("visible", visible=True)
    await phone.ask("own keys")
    await phone.call("visible", visible=True)
    await phone.until(lambda told: told["link"] == "live")
    await agree(agent, phone)


async def test_a_visit_that_broke_off_is_made_up_for_by_the_next(
    kept: tuple[Agent, Door], phone: Node, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A phone that was taken out and whose first visit failed halfway learns it when the person looks next."""
    agent, door = kept
    device = await in_flight(agent, door, phone)
    await close(agent.engine, agent.engine.replica.devices[device])
    read = Guests._read  # noqa: SLF001 - where a test can break what is asked

    def failing(guests: Guests, raw: bytes) -> tuple[str, bytes]:
        verb, body = read(guests, raw)
        if verb == "want":
            message = "not just now"
            raise Busy(message)
        return verb, body

    monkeypatch.setattr(Guests, "_read", failing)
    await phone.ask("flight", args={"on": False})
    await phone.until(lambda seen: "talk.failed" in str(seen["log"]), "look")
    assert (await phone.call("status"))["state"] == "member"
    monkeypatch.setattr(Guests, "_read", read)
    await phone.call("visible", visible=False)
    await phone.call("visible", visible=True)
    assert (await phone.until(lambda told: told["state"] == "removed"))["removed"]["by"] == agent.held.name


async def test_whoever_cannot_prove_who_he_is_gets_nothing(
    kept: tuple[Agent, Door], phone: Node, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A server under the right name whose agent has another key: no note goes there, and the phone says why."""
    agent, door = kept
    await in_flight(agent, door, phone)
    keys = secret_keys("impostor")
    monkeypatch.setattr(introducing, "answer", lambda *_: keys.sign(b"mesh/who/1 and so on"))
    await phone.call("note.add", title="for my own devices")
    await phone.ask("flight", args={"on": False})
    standing = await phone.until(lambda told: "cannot prove it" in str(told["problems"]))
    assert (standing["state"], standing["waiting"]) == ("member", 1)
    assert await titles(agent) == set()
    monkeypatch.undo()
    await phone.until(lambda told: told["waiting"] == 0)
    assert await titles(agent) == {"for my own devices"}


async def test_whoever_has_not_said_yet_who_he_is_is_asked_nothing_else(
    kept: tuple[Agent, Door], phone: Node, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The link is up and its proof is to come: a person who wants all traded now has it begin when that is there."""
    agent, door = kept
    await in_flight(agent, door, phone)
    heard: list[str] = []
    answered, proof = Talk.heard, introducing.answer
    asked = asyncio.Event()

    async def hear(self: Talk, sender: str | None, verb: str, body: bytes) -> bytes:
        heard.append(verb)
        return await answered(self, sender, verb, body)

    def unable(*_: object) -> bytes:
        asked.set()
        message = "not now"
        raise Unreachable(message)

    monkeypatch.setattr(Talk, "heard", hear)
    monkeypatch.setattr(introducing, "answer", unable)
    await phone.ask("flight", args={"on": False})
    async with asyncio.timeout(LIMIT_S):
        await asked.wait()
    asked.clear()
    async with asyncio.timeout(LIMIT_S), asyncio.TaskGroup() as group:
        group.create_task(phone.call("sync"))
        await asked.wait()  # it asked who is there again, and nothing in between
        assert set(heard) == {introducing.VERB}
        monkeypatch.setattr(introducing, "answer", proof)
    assert "have" in heard
    await agree(agent, phone)


async def test_a_statement_ends_it_and_nothing_unsent_is_lost(kept: tuple[Agent, Door], phone: Node) -> None:
    """A phone that was taken out hears the statement as a guest, erases keys and contents, and offers what waited."""
    agent, door = kept
    device = await let_in(agent, door, phone)
    await phone.until(lambda standing: standing["link"] == "live")
    await phone.call("note.add", title="sent", body="the others have this")
    await agree(agent, phone)
    await phone.until(lambda told: told["waiting"] == 0)
    await phone.ask("flight", args={"on": True})
    await phone.until(lambda standing: standing["link"] != "live")
    await phone.call("note.add", title="unsent", body="nobody else has this")
    await phone.until(lambda seen: len(seen["outbox"]) == 1, "look")
    await close(agent.engine, agent.engine.replica.devices[device])
    await phone.ask("flight", args={"on": False})
    standing = await phone.until(lambda told: told["state"] == "removed")
    assert standing["removed"]["by"] == agent.held.name
    assert not (await phone.look())["secrets"]
    text = (await phone.call("unsent"))["text"]
    assert "nobody else has this" in text
    assert "the others have this" not in text
    with pytest.raises(Fault, match="taken out"):
        await phone.call("note.list")
    await phone.call("wipe", confirm="")
    assert (await phone.call("status"))["state"] == "new"
    assert await phone.call("unsent") is None
    await let_in(agent, door, phone, "phone again")
    await agree(agent, phone)
    assert await shown(phone) == {"sent"}


async def until_here(agent: Agent, document: str) -> Any:  # noqa: ANN401 - JSON
    """What the agent tells of a drop once all of it is there."""
    async with asyncio.timeout(LIMIT_S):
        while True:
            told: Any = await agent.call("drop.status", {"id": document})
            if told["state"] == "here":
                return told
            await asyncio.sleep(0.1)


async def test_files_go_both_ways(kept: tuple[Agent, Door], phone: Node, tmp_path: Path) -> None:
    """The computer fetches a photo of the phone, the phone a file of the computer; what is shared twice is one."""
    agent, door = kept
    await let_in(agent, door, phone)
    await phone.until(lambda standing: standing["link"] == "live")
    photo = random.Random(7).randbytes(700_000)
    said = await phone.ask(
        "drop", args={"name": "photo.jpg", "mime": "image/jpeg", "base64": base64.b64encode(photo).decode()}
    )
    await agree(agent, phone)
    told = await until_here(agent, said["document"])
    assert told["size"] == len(photo)
    put: Any = await agent.call("drop.get", {"id": said["document"], "into": str(tmp_path)})
    assert (tmp_path / "photo.jpg").read_bytes() == photo, put
    await phone.until(lambda standing: standing["waiting_files"] == 0)
    path = tmp_path / "plan.bin"
    path.write_bytes(random.Random(8).randbytes(900_000))
    dropped: Any = await agent.call("drop.add", {"path": str(path)})
    await agree(agent, phone)
    found = await phone.ask("get", args={"document": dropped["document"]})
    assert (found["name"], base64.b64decode(found["base64"])) == ("plan.bin", path.read_bytes())
    given = {"title": "From another app", "text": "words", "name": "shared.jpg", "key": 1, "at_ms": 1_700_000_000_000}
    for _ in range(2):
        assert await phone.ask("share", args={**given, "base64": base64.b64encode(photo).decode()}) == 1
    await agree(agent, phone)
    assert [row.note.title for row in await agent.store.notes(limit=100)] == ["From another app"]
    listed: Any = await agent.call("drop.list", {})
    assert sorted(one["title"] for one in listed["drops"]) == ["photo.jpg", "plan.bin", "shared.jpg"]


async def test_what_is_forgotten_leaves_it_after_the_grace(kept: tuple[Agent, Door], phone: Node) -> None:
    """For a week its bodies lie there still; then they are deleted, though no node is in reach."""
    agent, door = kept
    body = "word " * 4000
    said: Any = await agent.call("note.add", {"title": "old pins", "body": body})
    document = DocumentId.parse(said["document"])
    await let_in(agent, door, phone)
    await agree(agent, phone)

    async def forgetting(_engine: Engine) -> Sequence[Draft]:
        return (Draft(Forget(document)),)

    await agent.engine.say(Lane.CONTROL, forgetting)
    await agree(agent, phone)
    assert await shown(phone) == set()
    await phone.ask("flight", args={"on": True})
    await phone.ask("later", args={"ms": 6 * DAY_MS})
    await phone.ask("restart")
    await phone.ask("forgotten")
    assert (await phone.look())["bodyBytes"] > len(body)
    await phone.ask("later", args={"ms": 2 * DAY_MS})
    await phone.ask("restart")
    await phone.until(lambda seen: seen["bodyBytes"] < len(body), "look")


async def test_a_person_says_yes_on_the_phone(kept: tuple[Agent, Door], phone: Node) -> None:
    """What the computer asks is read there from its statements, and the yes counts."""
    agent, door = kept
    await let_in(agent, door, phone)
    await phone.until(lambda standing: standing["link"] == "live")
    with pytest.raises(NeedsApproval) as asked:
        await agent.call("rotate", {})
    await agree(agent, phone)
    (row,) = (await phone.call("approvals"))["approvals"]
    assert (row["act"], row["says"], row["name"]) == ("rotate", ["a new epoch key"], agent.held.name)
    assert await phone.call("approve", id=row["id"], yes=True) == {"approved": True}
    assert (await phone.call("approvals"))["approvals"] == []
    await agree(agent, phone)
    before = agent.engine.replica.verdict.epochs()[0]
    await agent.call("rotate", {"approved": asked.value.approval})
    assert agent.engine.replica.verdict.epochs()[0] != before
    await agree(agent, phone)
    await phone.call("note.add", title="under the new key")
    await agree(agent, phone)
    assert await titles(agent) == {"under the new key"}


async def test_it_tells_of_itself_without_names(kept: tuple[Agent, Door], phone: Node) -> None:
    """What is sent to somebody names no device, no note and no key; and a wake says what it cost."""
    agent, door = kept
    device = await let_in(agent, door, phone)
    await phone.until(lambda standing: standing["link"] == "live")
    said = await phone.call("note.add", title="a secret title", body="a secret text")
    await agree(agent, phone)
    await phone.call("sync")
    wake = (await phone.call("storage"))["wakes"][0]
    assert wake["why"] == "asked"
    text = (await phone.call("diagnostics"))["text"]
    assert "link.up" in text
    for told in ("secret", device, agent.device, said["document"], agent.held.name, agent.engine.own.mesh.hex()):
        assert told not in text, told
