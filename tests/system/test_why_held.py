"""`mesh why` about what is held and does not count: each cause provoked with real homes, keys and bytes.

The homes hand each other only what a test says, as if they had met just then; one of them is asked at last.
"""

from __future__ import annotations

import asyncio
import shutil
import time
from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import asynccontextmanager
from dataclasses import replace
from pathlib import Path
from typing import NamedTuple

import pytest

from mesh.events.event import Lane, Placed
from mesh.events.kinds import Body, Close, Located
from mesh.events.speaking import Draft, joined
from mesh.names import Digest, device_text, digest_text
from mesh.node import agent as agents
from mesh.node import engine as engines
from mesh.node import home as homes
from mesh.node.agent import Agent
from mesh.node.duties import begin_epoch
from mesh.node.engine import Engine
from mesh.sync.messages import Push
from tests.system.answers import cause, codes, now_ms, seen, since, why
from tests.system.harness import Device, Fleet
from tests.system.test_versions import NEXT_VERSION, Future
from tests.unit.node.families import act, ask, family, guarded, meet, note

pytestmark = pytest.mark.system

_ALL = 10_000
DAY_MS = 86_400_000
Wanted = Callable[[Placed], bool]


class Blocked(NamedTuple):
    """An event, the cause that must be told of it, where that lies, and words of its evidence."""

    event: Digest
    code: str
    where: str
    evidence: tuple[str, ...] = ()


async def handed(
    teller: Agent,
    told: Agent,
    wanted: Wanted,
    *,
    without: frozenset[Digest] = frozenset(),
    through: Agent | None = None,
) -> None:
    """Hand over events that one keeps, in their order, by itself or through another; of some not the bodies."""
    chains: dict[Digest, list[Placed]] = {}
    for row in sorted(await teller.store.log(limit=_ALL), key=lambda row: row.placed.lane):
        if wanted(row.placed):
            bare = row.placed.digest in without
            placed = replace(row.placed, event=replace(row.placed.event, body=None)) if bare else row.placed
            chains.setdefault(placed.chain, []).append(placed)
    push = Push(tuple(run for chain in chains.values() for run in joined(chain)), answer=True)
    carrier = device_text((through or teller).engine.own.admission)
    effects = await told.engine.hear(carrier, push)
    assert not effects.refused, effects


async def latest(agent: Agent) -> Digest:
    """The event that was kept last."""
    return (await agent.store.log(after=agent.engine.shelf.last_row - 1, limit=1))[-1].placed.digest


async def written(agent: Agent, title: str, **more: object) -> Digest:
    """A new note; its event."""
    await note(agent, title, **more)  # type: ignore[arg-type]
    return await latest(agent)


async def decreed(agent: Agent, body: Body) -> Digest:
    """A statement, whether it counts or not."""

    async def make(_engine: Engine) -> Sequence[Draft]:
        return (Draft(body),)

    return (await agent.engine.say(Lane.CONTROL, make))[-1].digest


@asynccontextmanager
async def clock_off(monkeypatch: pytest.MonkeyPatch, by_ms: int) -> AsyncIterator[None]:
    """For as long as the block lasts, what is said has the time of a clock that is wrong."""
    with monkeypatch.context() as patch:
        patch.setattr(engines, "_now_ms", lambda: time.time_ns() // 1_000_000 + by_ms)
        yield


def asked(fleet: Fleet, name: str) -> Device:
    """The agent of a home that was made in this process."""
    return fleet.empty(name).start()


def checked(device: Device, blocked: Sequence[Blocked], began_ms: int) -> None:
    """Each is told, at its place, since a time that can be; and the ways of these events are told too."""
    for one in blocked:
        event = digest_text(one.event)
        told = why(device, event)
        found = cause(told, one.code, one.where)
        seen(found, *one.evidence)
        since(found, began_ms)
        steps = device.call("trace", event=event)["steps"]
        assert isinstance(steps, list)
        assert [step["step"] for step in steps][:2] == ["written", "kept"]


def test_held_and_not_counted(fleet: Fleet, monkeypatch: pytest.MonkeyPatch) -> None:
    """Goal: gap, unknown kind and version, key, body, grants, content, forgotten, conflict, clocks."""
    began = now_ms()
    blocked = asyncio.run(held_here(fleet.folder, monkeypatch))
    cedar = asked(fleet, "cedar")
    checked(cedar, [one for one in blocked if one.code != "version-skew"], began)
    for one in (one for one in blocked if one.code == "version-skew"):
        seen(cause(why(cedar, "birch"), one.code, one.where), *one.evidence)
    of_device = {code for code, _ in codes(why(cedar, "birch"))}
    assert {"gap", "key-missing", "body-missing", "not-granted", "ungranted", "unfit", "clock-skew"} <= of_device
    event = next(one.event for one in blocked if one.code == "conflict")
    document = str(why(cedar, digest_text(event))["document"])
    found = cause(why(cedar, document, "conflicting"), "conflict", "birch, dogwood")
    named = str(found["fix"]).partition("`mesh conflicts show ")[2].partition("`")[0]
    assert cedar.done("conflicts", "show", named)["document"] == document
    assert "gap-note" not in cedar.titles(), "a note whose birth is not here has no title"
    cedar.stop()
    told = why(cedar, digest_text(blocked[0].event))
    assert {(blocked[0].code, "here"), ("agent-stopped", "here")} <= codes(told)


async def held_here(folder: Path, monkeypatch: pytest.MonkeyPatch) -> list[Blocked]:
    """What cedar holds of birch and dogwood, having heard of alder only what it said before the cut, and no note."""
    async with family(folder, "admin", "admin", "admin") as (alder, birch, cedar, dogwood):
        await guarded(alder)
        ours = birch.engine.own.admission, dogwood.engine.own.admission
        found: list[Blocked] = []
        # A grant that is withdrawn, and a document that is forgotten, while birch does not know of it.
        given = await act(alder, "agents.add", name="scribe", space="home", device="birch")
        gone = await note(birch, "to be forgotten")
        forgotten = await latest(birch)
        disputed = await note(birch, "disputed")
        await meet(alder, birch, dogwood)
        await act(alder, "ungrant", id=str(given["grant"]["id"]))  # type: ignore[index]
        await act(alder, "forget", document=gone, yes=True)
        await handed(alder, cedar, lambda placed: placed.lane is Lane.CONTROL)
        found.append(
            Blocked(await written(birch, "withdrawn", as_="scribe"), "ungranted", "here", ("ungrant by alder",))
        )
        found.append(Blocked(forgotten, "forgotten", "here"))
        # From here on cedar does not hear alder.
        await act(alder, "agents.add", name="claude", space="home", device="birch")
        gap = await note(alder, "gap-note")
        await meet(alder, birch)
        await ask(birch, "note.edit", document=gap, body="rests on what alder wrote")
        found.append(Blocked(await latest(birch), "gap", "here", ("birth is not here",)))
        found.append(
            Blocked(await written(birch, "as claude", as_="claude"), "not-granted", "here", ("nothing allows",))
        )
        bare = await written(birch, "without a body")
        found.append(Blocked(bare, "body-missing", "here", ("body missing",)))
        async with clock_off(monkeypatch, 3 * DAY_MS):
            found.append(Blocked(await written(birch, "of tomorrow"), "clock-skew", "birch", ("minutes ahead",)))
        async with clock_off(monkeypatch, -10_000 * DAY_MS):
            found.append(Blocked(await written(dogwood, "of 1998"), "clock-skew", "dogwood", ("minutes behind",)))
        found += await later_and_wrong(birch)
        await ask(birch, "note.edit", document=disputed, title="disputed by birch")
        found.append(Blocked(await latest(birch), "conflict", "birch, dogwood", ("disputed by dogwood",)))
        await ask(dogwood, "note.edit", document=disputed, title="disputed by dogwood")
        await begin_epoch(alder.engine)
        await meet(alder, birch)
        found.append(Blocked(await written(birch, "under a new key"), "key-missing", "here", ("key missing",)))
        for teller in (birch, dogwood):
            await handed(teller, cedar, lambda placed: placed.admission in ours, without=frozenset({bare}))
        return found


async def later_and_wrong(birch: Agent) -> list[Blocked]:
    """What only a later version reads, and what no version takes."""
    future = Future(birch, Lane.DATA)
    future.say("poem", b"\x81\x01")
    poem = future.said[-1].digest
    future.say("poem", b"of a later form", version=NEXT_VERSION)
    later = future.said[-1].digest
    future.say("changed", b"\x81\x01")
    unfit = future.said[-1].digest
    await future.keep()
    return [
        Blocked(poem, "unknown-kind", "here", ("'poem'",)),
        Blocked(later, "unknown-kind", "here", ("version 2",)),
        Blocked(poem, "version-skew", "birch", ("'poem'", "version 2", "birch wrote 2 events")),
        Blocked(unfit, "unfit", "here"),
    ]


def test_ends(fleet: Fleet) -> None:
    """Goal: closed, unsure, never let in, out of reach, superseded: each by the statement that says so."""
    began = now_ms()
    blocked = asyncio.run(ended(fleet.folder))
    cedar = asked(fleet, "cedar")
    checked(cedar, blocked, began)
    told = why(cedar, "dogwood", "closed")
    assert ("device-closed", "dogwood") in codes(told)
    assert cause(told, "closed", "here")["fix"]
    cedar.stop()


async def ended(folder: Path) -> list[Blocked]:
    """What cedar holds: the beginning of birch's work, and late work of dogwood and of who it let in."""
    async with family(folder, "admin", "admin", "admin") as (alder, birch, cedar, dogwood):
        await guarded(alder)
        unsure = await written(birch, "one")
        await handed(birch, cedar, lambda placed: placed.admission == birch.engine.own.admission)
        for title in ("two", "three"):
            await written(birch, title)
        await written(dogwood, "in time")
        beyond = await decreed(birch, Close(alder.engine.own.admission, (), "out of reach"))
        await meet(alder, birch, dogwood)
        before = await decreed(alder, Located(alder.engine.own.admission, ("192.0.2.1:1",)))
        await decreed(alder, Located(alder.engine.own.admission, ("192.0.2.1:2",)))
        await handed(birch, cedar, lambda placed: placed.lane is Lane.CONTROL)
        for name in ("birch", "dogwood"):
            await act(alder, "lost", device=name)
        late = await written(dogwood, "late")
        elder, admit = await let_in_late(folder, dogwood)
        await handed(alder, cedar, lambda placed: placed.lane is Lane.CONTROL)
        await handed(dogwood, cedar, lambda placed: placed.lane is Lane.CONTROL)
        await handed(dogwood, cedar, lambda placed: placed.admission == dogwood.engine.own.admission, through=alder)
        async with agents.opened(folder / "elder") as newcomer:
            own = newcomer.engine.own.admission
            await handed(newcomer, cedar, lambda placed: placed.admission == own, through=alder)
        return [
            Blocked(unsure, "unsure", "here", ("close by alder",)),
            Blocked(beyond, "out-of-reach", "here", ("reaches only higher numbers",)),
            Blocked(before, "superseded", "here"),
            Blocked(late, "closed", "here", ("close by alder",)),
            Blocked(admit, "closed", "here", ("close by alder",)),
            Blocked(elder, "not-admitted", "here"),
        ]


async def let_in_late(folder: Path, dogwood: Agent) -> tuple[Digest, Digest]:
    """A device that somebody lets in who is out already: what it wrote, and the admission."""
    asked_for = await homes.request(folder / "elder", "elder")
    told = await ask(dogwood, "admit", request=asked_for["request"], rank="member")
    admit = next(a.digest for a in dogwood.engine.replica.verdict.devices.values() if a.name == "elder")
    await homes.accept(folder / "elder", str(told["admission"]))
    async with agents.opened(folder / "elder") as elder:
        return await written(elder, "by elder"), admit


def test_a_relay_holds_what_it_cannot_read(fleet: Fleet) -> None:
    """Goal: it says that this is so by its nature, and where to ask."""

    async def hold(folder: Path) -> Digest:
        async with family(folder, "relay") as (alder, birch):
            event = await written(alder, "sealed")
            await meet(alder, birch)
            return event

    event = asyncio.run(hold(fleet.folder))
    birch = asked(fleet, "birch")
    told = why(birch, digest_text(event), "opaque")
    seen(cause(told, "sealed", "here"), "relay")
    birch.stop()


def test_a_restored_home_forks_its_chain(fleet: Fleet) -> None:
    """Goal: both stories count, and the fork is told with how to acknowledge it; then no more."""
    alder, birch = fleet.joined(2)
    twin = fleet.empty("twin")
    alder.done("note", "add", "before")
    shutil.copytree(alder.home, twin.home)
    began = now_ms()

    async def twice() -> tuple[Digest, Digest]:
        async with (
            agents.opened(alder.home) as first,
            agents.opened(twin.home) as second,
            agents.opened(birch.home) as other,
        ):
            one, two = await written(first, "by the first"), await written(second, "by the twin")
            for teller in (first, second):
                await handed(teller, other, lambda _placed: True)
            return one, two

    one, two = asyncio.run(twice())
    birch.start()
    for event in (one, two):
        told = why(birch, digest_text(event))
        assert told["standing"] == "honoured"
        found = cause(told, "fork", "alder")
        seen(found, "restored from a backup, or stolen?", digest_text(one)[:12], digest_text(two)[:12])
        since(found, began)
    found = cause(why(birch, "alder"), "fork", "alder")
    words = str(found["fix"]).partition("`mesh forks ack ")[2].partition("`")[0]
    birch.done("forks", "ack", words)
    assert ("fork", "alder") not in codes(why(birch, "alder"))
    birch.stop()
