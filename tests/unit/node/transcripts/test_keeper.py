"""Keeping transcripts, by true agents: told by hooks, cut off at each step, seen on another device."""

from __future__ import annotations

import asyncio
import json
import random
from collections.abc import Sequence
from pathlib import Path

import pytest

from mesh.errors import Misuse, NotGranted
from mesh.limits import LIST_MAX, TRANSCRIPTS_KEPT
from mesh.names import DocumentId
from mesh.node import clock, keeping, timing
from mesh.node.agent import Agent
from mesh.node.calls_drops import say_got
from mesh.node.drops.joining import data_of
from mesh.node.transcripts.keeper import Transcripts
from mesh.node.transcripts.reading import without_secrets
from mesh.state import drops, sessions
from mesh.state.drops import drop_of, unpacked
from tests.unit.node import families
from tests.unit.node.families import ask, family, meet
from tests.unit.node.hooks.telling import all_of, let_in, session, told

SEEDS, ROUNDS = 3, 60
DEADLINE_S = 60
PAGE = 50  # events that the devices of a test hand over at a time: all of them come, however many there are
TOKEN = "ghp_" + "a1B2c3D4e5" * 4


class Crash(Exception):
    """The agent ended here."""


def lines(*said: object) -> bytes:
    """Lines of a transcript."""
    return b"".join(json.dumps({"said": one}).encode() + b"\n" for one in said)


def clean(raw: bytes) -> bytes:
    """What is to be kept of whole lines."""
    return b"".join(without_secrets(line) + b"\n" for line in raw.split(b"\n")[:-1])


async def kept(agent: Agent, document: str) -> list[bytes]:
    """What is kept of a session, by number."""
    row = await agent.store.record(DocumentId.parse(document))
    assert row is not None
    assert not row.record.conflicts
    found = []
    for _, name in sessions.archives(row.record):
        drop = await agent.store.record(name)
        assert drop is not None
        assert not drop.record.deleted
        assert not drop.record.conflicts
        found.append(b"".join(data_of(agent.drops.pool, drop_of(drop.record))))
    return found


async def begun(agent: Agent, path: Path) -> str:
    """A session of claude whose hook named this file; transcripts are kept."""
    await let_in(agent)
    await ask(agent, "session.transcripts", on=True)
    await told(agent, "claude", "session_start", transcript_path=str(path))
    return str((await session(agent))["document"])


async def test_nothing_is_kept_unless_a_person_wants_it(tmp_path: Path) -> None:
    """Off at first; an agent neither switches it nor asks for one; what was kept stays after it is off again."""
    (path := tmp_path / "a.jsonl").write_bytes(lines("one"))
    async with family(tmp_path) as (alder,):
        await let_in(alder)
        await told(alder, "claude", "session_end", transcript_path=str(path))
        document = str((await session(alder))["document"])
        assert not await alder.transcripts.keep(document)
        for call in ("session.transcripts", "session.transcript"):
            with pytest.raises(NotGranted):
                await ask(alder, call, id=document, on=True, as_="claude")
        with pytest.raises(Misuse):
            await ask(alder, "session.transcripts", on="yes")
        assert await ask(alder, "session.transcripts", on=True) == {"on": True}
        await told(alder, "claude", "session_start", transcript_path=str(path))
        assert await alder.transcripts.keep(document)
        assert await ask(alder, "session.transcripts", on=False) == {"on": False}
        path.write_bytes(lines("one", "two"))
        assert not await alder.transcripts.keep(document)
        assert await kept(alder, document) == [lines("one")]


async def test_only_a_hook_of_this_device_names_a_file(tmp_path: Path) -> None:
    """What the session's record says of a path is anybody's word: no file is read for it."""
    (path := tmp_path / "a.jsonl").write_bytes(lines("one"))
    async with family(tmp_path) as (alder,):
        await ask(alder, "session.transcripts", on=True)
        begun_ = await ask(alder, "session.begin", tool="claude", native="n-1", transcript=str(path))
        assert not await alder.transcripts.keep(str(begun_["document"]))
        for wrong in ("a.jsonl", str(tmp_path / "id_rsa"), f"{path}\0.jsonl", ""):
            await alder.transcripts.told(str(begun_["document"]), wrong)
            assert not await alder.transcripts.keep(str(begun_["document"]))


async def test_a_session_that_grows_keeps_one_drop(tmp_path: Path) -> None:
    """Without secrets, in no list of dropped files; a cut changes nothing; a file written anew stands beside it."""
    (path := tmp_path / "a.jsonl").write_bytes(lines("one") + b'{"half')
    async with family(tmp_path, "member") as (alder, birch):
        document = await begun(alder, path)
        assert await alder.transcripts.keep(document)
        path.write_bytes(lines("one", f"key {TOKEN}"))
        assert await alder.transcripts.keep(document)
        assert not await alder.transcripts.keep(document)
        assert await kept(alder, document) == [clean(lines("one", f"key {TOKEN}"))]
        assert TOKEN.encode() not in (await kept(alder, document))[0]
        path.write_bytes(lines("one"))
        assert not await alder.transcripts.keep(document), "what is kept is longer"
        path.write_bytes(lines("another"))
        assert await alder.transcripts.keep(document)
        path.write_bytes(lines("another", "two"))
        assert await alder.transcripts.keep(document)
        assert await kept(alder, document) == [clean(lines("one", f"key {TOKEN}")), lines("another", "two")]
        assert (await ask(alder, "drop.list"))["drops"] == []
        await meet(alder, birch)
        found = await all_of(birch, "session.transcript", "transcripts", id=document)
        assert [(one["number"], one["size"]) for one in found] == [
            (1, len(clean(lines("one", f"key {TOKEN}")))),
            (2, 36),
        ]
        assert [one["state"] for one in found] == ["waiting", "waiting"], "they come by themselves"


async def test_of_files_written_anew_the_latest_stay(tmp_path: Path) -> None:
    """A tool that writes its file anew each time fills no disk; what a register names that is no transcript stays."""
    path, wrote = tmp_path / "a.jsonl", [lines(number) for number in range(TRANSCRIPTS_KEPT + 4)]
    path.write_bytes(wrote[0])
    async with family(tmp_path, "member") as (alder, birch):
        document = await begun(alder, path)
        other = str((await ask(alder, "drop.add", path=str(path)))["document"])
        for number, one in enumerate(wrote):
            path.write_bytes(one)
            assert await alder.transcripts.keep(document)
            if number == 0:  # somebody says that this is the first transcript
                await keeping.changed(alder, "", DocumentId.parse(document), lambda _: {sessions.archive_key(0): other})
        await ask(alder, "drop.status", id=other)
        assert [one["document"] for one in await all_of(alder, "drop.list", "drops")] == [other]
        await ask(alder, "drop.rm", id=other)
        await same_everywhere(document, wrote[-TRANSCRIPTS_KEPT:], (alder, birch))


async def test_a_file_that_was_written_anew_while_the_agent_was_off_is_kept(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Also one that is shorter than what was kept."""
    (path := tmp_path / "a.jsonl").write_bytes(lines("one", "two"))
    async with family(tmp_path) as (alder,):
        document = await begun(alder, path)
        assert await alder.transcripts.keep(document)
        path.write_bytes(lines("new"))
        alder.transcripts = again = Transcripts(alder)
        looks = again.keep

        async def looks_and_ends(_: Transcripts, session: str) -> bool:
            await looks(session)
            raise Crash

        monkeypatch.setattr(Transcripts, "keep", looks_and_ends)
        with pytest.raises(Crash):
            async with asyncio.timeout(DEADLINE_S):
                await again.run()
        assert await kept(alder, document) == [lines("one", "two"), lines("new")]


async def test_a_device_that_says_it_has_one_while_it_is_replaced_makes_no_conflict(tmp_path: Path) -> None:
    """Both are said before they hear of each other, each time."""
    (path := tmp_path / "a.jsonl").write_bytes(wrote := lines("first"))
    async with family(tmp_path, "member") as (alder, birch):
        document = await begun(alder, path)
        for number in range(5):
            assert await alder.transcripts.keep(document)
            await meet(alder, birch)
            (one,) = await all_of(birch, "session.transcript", "transcripts", id=document)
            await say_got(birch, DocumentId.parse(str(one["document"])))
            path.write_bytes(wrote := wrote + lines(number))
        assert await alder.transcripts.keep(document)
        await same_everywhere(document, [wrote], (alder, birch))
        for agent in (alder, birch):
            assert await all_of(agent, "conflicts", "conflicts") == []


async def test_one_that_somebody_took_away_does_not_come_back(tmp_path: Path) -> None:
    """However much is added."""
    (path := tmp_path / "a.jsonl").write_bytes(lines("one"))
    async with family(tmp_path) as (alder,):
        document = await begun(alder, path)
        assert await alder.transcripts.keep(document)
        (one,) = await all_of(alder, "session.transcript", "transcripts", id=document)
        await ask(alder, "drop.rm", id=one["document"])
        path.write_bytes(lines("one", "two"))
        assert not await alder.transcripts.keep(document)
        assert await all_of(alder, "session.transcript", "transcripts", id=document) == []


async def test_a_stop_keeps_it_now_and_then_and_an_end_always(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A tool stops after each answer."""
    (path := tmp_path / "a.jsonl").write_bytes(lines("one"))
    now_ms = clock.now_ms()
    async with family(tmp_path) as (alder,):
        document = await begun(alder, path)
        assert await alder.transcripts.keep(document)
        due: list[str] = []
        monkeypatch.setattr(alder.transcripts, "look", due.append)
        await told(alder, "claude", "stop", transcript_path=str(path))
        assert due == []
        await told(alder, "claude", "pre_compact", transcript_path=str(path))
        await told(alder, "claude", "session_end", transcript_path=str(path))
        assert due == [document, document]
        monkeypatch.setattr(clock, "now_ms", lambda: now_ms + int(timing.TRANSCRIPT_CALM_S * 1000) + 60_000)
        await told(alder, "claude", "stop", transcript_path=str(path))
        assert due == [document] * 3


@pytest.mark.parametrize("seed", range(SEEDS))
async def test_rounds_of_growing_and_crashing_make_no_conflict_and_no_litter(
    seed: int, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Goal (story I): whatever was under way when the agent ended, the next look has all of it, once."""
    monkeypatch.setattr(families, "_PAGE", PAGE)
    lots, path, wrote = random.Random(seed), tmp_path / "a.jsonl", [lines("first")]
    path.write_bytes(wrote[-1])
    async with family(tmp_path, "member") as (alder, birch):
        document = await begun(alder, path)
        for number in range(ROUNDS):
            if lots.random() < 0.05:
                wrote.append(lines(f"anew {number}"))
            else:
                wrote[-1] += lines(
                    *(f"{number} {n} {TOKEN if n == 2 else 'x' * 400}" for n in range(lots.randrange(4)))
                )
            path.write_bytes(wrote[-1] + b'{"half'[: lots.randrange(7)])
            with monkeypatch.context() as patch:
                await crashed(
                    alder, document, patch, lots.choice(("", "", "before the cut", "before it is said", "after"))
                )
            assert await alder.transcripts.keep(document) in {True, False}
            if number % 20 == 0:
                await meet(alder, birch)
        await same_everywhere(document, [clean(one) for one in wrote], (alder, birch))


async def crashed(agent: Agent, document: str, patch: pytest.MonkeyPatch, where: str) -> None:
    """An agent that keeps a transcript and ends somewhere within, and the next one, which knows what was kept."""
    if not where:
        return
    said = keeping.said_together

    async def ends(*_args: object) -> None:
        raise Crash

    async def says_and_ends(*args: object) -> None:
        await said(*args)  # type: ignore[arg-type]
        raise Crash

    if where == "before the cut":
        patch.setattr(Transcripts, "_cut", ends)
    else:
        patch.setattr(keeping, "said_together", ends if where == "before it is said" else says_and_ends)
    try:
        await agent.transcripts.keep(document)
    except Crash:
        agent.transcripts = Transcripts(agent)


async def same_everywhere(document: str, wanted: Sequence[bytes], agents: Sequence[Agent]) -> None:
    """The same few drops on all, with these bytes; their chunks and no others on the disk of who wrote them."""
    await meet(*agents)
    first = agents[0]
    assert await kept(first, document) == wanted
    for other in agents[1:]:
        mine, theirs = [await one.store.record(DocumentId.parse(document)) for one in (first, other)]
        assert mine is not None
        assert theirs is not None
        assert sessions.archives(mine.record) == sessions.archives(theirs.record)
        assert not theirs.record.conflicts
        assert len([drop async for drop in other.drops.all()]) == len(wanted)
    await first.drops.sweep()
    named = {digest async for drop in first.drops.all() for digest in drop.pieces}
    for piece in list(named):
        named |= {chunk.digest for chunk in unpacked(first.drops.pool.read(piece) or b"")}
    assert {path.name for path in first.drops.pool.folder.iterdir()} == {digest.hex() for digest in named}
    rows = await first.store.records(types={drops.KIND}, limit=LIST_MAX)
    assert {row.record.word("state") for row in rows} == {drops.TRANSCRIPT}
