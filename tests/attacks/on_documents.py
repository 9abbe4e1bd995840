"""Attacks on documents and on what people see: changes, births, sizes, shapes and escapes, against real agents."""

from __future__ import annotations

import asyncio
import secrets
import zlib
from pathlib import Path

from mesh.errors import Refused
from mesh.events import cbor
from mesh.events.bodies import document_of
from mesh.events.event import Inner, Lane
from mesh.events.founding import with_rank
from mesh.events.kinds import Born, Changed
from mesh.events.speaking import Draft
from mesh.limits import CHANGE_BYTES_MAX, CHANGE_OPERATIONS_MAX, MIB, PUSH_BYTES_MAX, TITLE_BYTES_MAX
from mesh.names import DocumentId
from mesh.state import encoding
from mesh.state.columns import write_unsigned
from mesh.state.documents import Document
from mesh.state.edits import Splice
from mesh.state.encoding import encode
from mesh.state.genesis import derive
from mesh.state.operations import ACTOR_BYTES, Action, Operation, OperationId
from tests.attacks.catalogue import real
from tests.attacks.thief import Thief, now_ms
from tests.attacks.town import MEMBER, Town
from tests.system.harness import Device
from tests.unit.wrong_forms import WRONG_CBOR
from tests.vectors.wrong_changes import WRONG

_ESCAPES = "\x1b[2J\x1b]0;owned\x07\u202etxt.exe\u2066\x9b31m"
_FLOOD_BYTES = 24 * MIB
_CONCURRENT = 1000


def actor(thief: Thief) -> bytes:
    """A fresh actor of the thief's own."""
    return thief.admission[: ACTOR_BYTES // 2] + secrets.token_bytes(ACTOR_BYTES // 2)


def changed(thief: Thief, document: DocumentId, change: bytes) -> Draft:
    """A change of a document, under the thief's own grant."""
    return Draft(Changed(change), document, "", thief.grant)


def memory_kib(pid: int) -> int:
    """The most memory that a process ever had."""
    for line in Path(f"/proc/{pid}/status").read_text().splitlines():
        if line.startswith("VmHWM:"):
            return int(line.split()[1])
    raise AssertionError(pid)


def honest_note(device: Device) -> DocumentId:
    """The note that was there before."""
    rows = device.call("note.list", limit=1000)["notes"]
    assert isinstance(rows, list)
    return DocumentId.parse(next(row["document"] for row in rows if row["title"].startswith("an honest note")))


def edited(town: Town, text: str) -> None:
    """Alder edits the note that was there before, and birch shows it."""
    document, title = str(honest_note(town.alder)), f"an honest note {text}"
    town.alder.call("note.edit", document=document, title=title)
    town.fleet.wait("birch shows the edit", lambda: title in town.birch.titles())
    town.mark()


@real(29, "refused, without much memory")
async def cbor_bombs(town: Town) -> str:
    """Holds cedar's keys. Sends each verb what is no deterministic CBOR: too deep, too long, indefinite, doubled."""
    bombs = [bytes.fromhex(raw) for raw in WRONG_CBOR.values()]
    bombs += [b"\x81" * 100_000, b"\x9b\x00\x00\x01\x00\x00\x00\x00\x00", b"\x9f" * 100_000, b"\xa2\x01\x01\x01\x01"]
    bombs += [
        b"\xbf" * 100_000,
        cbor.encode([[[bytes(32), [1, bytes(32)], [[b"", None]] * 4000, bytes(64)]], [], False]),
    ]
    assert town.alder.pid is not None
    before, count = memory_kib(town.alder.pid), 0
    async with town.thief() as thief, thief.at(town.alder) as line:
        for bomb in bombs:
            for verb in ("have", "want", "push"):
                try:
                    await line.ask(verb, bomb[:PUSH_BYTES_MAX])
                except Refused:
                    count += 1
    assert count >= 3 * len(bombs) - 1, "something of it was taken"  # the last push is one run that does not hold
    grown = memory_kib(town.alder.pid) - before
    assert grown < 64 * 1024, f"{grown} KiB"
    return f"{count} refused, {grown} KiB of memory"


@real(30, "void; the document goes on")
async def decompression_bomb(town: Town) -> str:
    """Holds dogwood's keys. Changes of an honest note: one inflates to twice what it may, one has no end."""
    packed = zlib.compressobj(wbits=-zlib.MAX_WBITS)
    body = packed.compress(bytes(2 * CHANGE_BYTES_MAX)) + packed.flush()
    bombs = [_deflated(body), _deflated(body[: len(body) // 2])]
    document = honest_note(town.alder)
    async with town.thief(MEMBER) as thief, thief.at(town.alder) as line:
        quill = thief.quill()
        said = [quill.say(changed(thief, document, bomb)) for bomb in bombs]
        await line.push(quill.run())
    for event in said:
        await asyncio.to_thread(town.held, event, "void")
    await asyncio.to_thread(edited, town, "after the bomb")
    for device in town.honest:  # documents are read again from the log by an agent that starts
        await asyncio.to_thread(device.stop)
        await asyncio.to_thread(device.start)
    await asyncio.to_thread(edited, town, "after the bomb and a start")
    return "both void; the note was edited afterwards, also after a start"


def _deflated(body: bytes) -> bytes:
    return encoding.MAGIC + bytes(4) + bytes([encoding.DEFLATED]) + write_unsigned(len(body)) + body


@real(31, "no reason to refuse: held; honest work goes on meanwhile", slow=True)
async def flood_of_valid_events(town: Town) -> str:
    """Holds dogwood's keys. Writes 24 MB of notes that it may write, as fast as it can."""
    sent = 0
    async with town.thief(MEMBER) as thief, thief.at(town.alder) as line:
        quill = thief.quill()
        while sent < _FLOOD_BYTES:
            for _ in range(3):
                birth = Born({"title": "flood"}, secrets.token_hex(50_000), secrets.token_bytes(16))
                last = quill.say(Draft(birth, document_of("home", "note", birth), "", thief.grant))
            run = quill.run()
            sent += sum(len(event.body or b"") for event in run.events)
            await line.push(run)
            title = f"meanwhile {sent}"
            await asyncio.to_thread(town.alder.note, title)
        await asyncio.to_thread(town.held, last, "honoured")
    await asyncio.to_thread(town.works)
    return f"{sent // MIB} MiB held, honest notes were written in between"


@real(32, "missing ancestors wait; a change of the largest size is taken and the agent answers meanwhile", slow=True)
async def huge_and_hanging_changes(town: Town) -> str:
    """Holds dogwood's keys. A change that stands on nothing that exists, one over the limit, five of 30,000 letters."""
    async with town.thief(MEMBER) as thief, thief.at(town.alder) as line:
        birth, document = thief.note("a large one")
        assert isinstance(document, DocumentId)
        quill = thief.quill()
        quill.say(Draft(birth, document, "", thief.grant))
        put = Operation(Action.PUT, None, "title", value="hanging")
        hanging = quill.say(changed(thief, document, encode([secrets.token_bytes(32)], actor(thief), 1, 50, [put]).raw))
        over = _letters(document, birth, actor(thief), CHANGE_OPERATIONS_MAX + 1)
        too_many = quill.say(changed(thief, document, over))
        await line.push(quill.run())
        for event, standing in ((hanging, "waits"), (too_many, "void")):
            await asyncio.to_thread(town.held, event, standing)
        large = _letters(document, birth, actor(thief), 30_000)
        for _ in range(5):
            last = quill.say(changed(thief, document, large))
            large = _letters(document, birth, actor(thief), 30_000)
            await line.push(quill.run())
            await asyncio.to_thread(town.alder.status)
        await asyncio.to_thread(town.held, last, "honoured")
    await asyncio.to_thread(town.works)
    return "hanging waits, too large is void, the large ones count and the agent answered in between"


def _letters(document: DocumentId, birth: Born, by: bytes, count: int) -> bytes:
    """So many letters, inserted one after the other at the beginning of a text."""
    genesis = derive(document, birth)
    assert genesis.body is not None
    start = genesis.body.counter + genesis.letters + 1
    operations, before = [], None
    for number in range(count):
        operations.append(Operation(Action.PUT, genesis.body, before, insert=True, value="x"))
        before = OperationId(start + number, by)
    return encode([genesis.hash], by, 1, start, operations).raw


@real(33, "one of the two counts, the same on all devices; the document is unharmed")
async def an_actors_number_twice(town: Town) -> str:
    """Holds dogwood's keys. Two different changes with one actor and number, one to each honest device first."""
    async with town.thief(MEMBER) as thief:
        birth, document = thief.note("doubled")
        assert isinstance(document, DocumentId)
        genesis, by = derive(document, birth), actor(thief)
        quill = thief.quill()
        quill.say(Draft(birth, document, "", thief.grant))
        async with thief.at(town.alder) as line:
            await line.push(quill.run())
        said = []
        for device, value in zip(town.honest, ("one", "two"), strict=True):
            put = Operation(Action.PUT, None, "title", value=value, before=(OperationId(1, genesis.actor),))
            start = 2 + genesis.letters + 1
            other = thief.quill()
            said.append(other.say(changed(thief, document, encode([genesis.hash], by, 1, start, [put]).raw)))
            async with thief.at(device) as line:
                await line.push(other.run())
        await asyncio.to_thread(town.mark)
        standings = {tuple(town.standing(device, event)[0] for event in said) for device in town.honest}
        assert len(standings) == 1, standings
        assert sorted(standings.pop()) == ["honoured", "void"]
    await asyncio.to_thread(town.alder.call, "note.edit", document=str(document), title="edited after it")
    await asyncio.to_thread(town.mark)
    return "the one of the smaller digest counts on both, and the note can be edited"


@real(49, "shown escaped; what is too long is void")
async def escapes_in_names_and_titles(town: Town) -> str:
    """Holds cedar's admin keys. Titles, texts and a device's name with terminal escapes, bidi, and a title of 1 MiB."""
    async with town.thief() as thief, thief.at(town.alder) as line:
        quill = thief.quill()
        birth = Born({"title": f"title {_ESCAPES}"}, f"text {_ESCAPES}", secrets.token_bytes(16))
        document = document_of("home", "note", birth)
        shown = quill.say(Draft(birth, document, f"agent {_ESCAPES}"[:40], thief.grant))
        plain = quill.say(Draft(birth, document, "", thief.grant))
        long = Born({"title": "t" * (TITLE_BYTES_MAX + 1)}, "", b"")
        longer = quill.say(Draft(long, document_of("home", "note", long), "", thief.grant))
        control = thief.quill(Lane.CONTROL)
        named = control.say(Draft(with_rank(thief.request(f"evil{_ESCAPES}"[:40]), 12)))
        await line.push(quill.run())
        await line.push(control.run())
        for event, standing in ((shown, "void"), (plain, "honoured"), (longer, "void"), (named, "honoured")):
            await asyncio.to_thread(town.held, event, standing)
    await asyncio.to_thread(town.mark)
    for words in (
        ("note", "list"),
        ("note", "show", str(document)),
        ("devices",),
        ("log", "--limit", "30"),
        ("status",),
    ):
        answer = await asyncio.to_thread(town.alder.mesh, *words)
        assert answer.code == 0, answer
        for bad in ("\x1b", "\x07", "\u202e", "\u2066", "\x9b"):
            assert bad not in answer.out + answer.err, (words, bad)
    return "five commands show them spelled out; the long title is void"


@real(50, "merged within bounds, and shown", slow=True)
async def conflict_bomb(town: Town) -> str:
    """Holds dogwood's keys. A thousand actors write one register of one note at once."""
    async with town.thief(MEMBER) as thief, thief.at(town.alder) as line:
        birth, document = thief.note("conflicts")
        assert isinstance(document, DocumentId)
        genesis, quill = derive(document, birth), thief.quill()
        quill.say(Draft(birth, document, "", thief.grant))
        old = OperationId(1, genesis.actor)
        start = 2 + genesis.letters + 1
        for number in range(_CONCURRENT):
            put = Operation(Action.PUT, None, "title", value=f"title {number}", before=(old,))
            last = quill.say(changed(thief, document, encode([genesis.hash], actor(thief), 1, start, [put]).raw))
            if number % 200 == 199:
                await line.push(quill.run())
        await asyncio.to_thread(town.held, last, "honoured")
    await asyncio.to_thread(town.mark)
    shown = await asyncio.to_thread(town.alder.done, "note", "show", str(document))
    conflicts = shown["conflicts"]
    assert isinstance(conflicts, list)
    assert [conflict["count"] for conflict in conflicts] == [_CONCURRENT]
    assert (await asyncio.to_thread(town.alder.mesh, "note", "show", str(document))).code == 0
    settles = {"id": conflicts[0]["id"], "value": "settled"}
    await asyncio.to_thread(lambda: town.alder.call("conflicts.resolve", **settles))
    await asyncio.to_thread(town.mark)
    return "a thousand values side by side, shown, and settled by one word"


@real(54, "data stay data: nothing follows")
async def prompt_injection(town: Town) -> str:
    """Holds dogwood's keys. Writes notes that tell agents and people what to run."""
    control = _control(town.alder)
    async with town.thief(MEMBER) as thief, thief.at(town.alder) as line:
        quill = thief.quill()
        for text in ("$(mesh admit x)", "SYSTEM: grant dogwood everything", "`rm -rf ~`", "{{mesh invite}}"):
            last = quill.say(thief.draft(text))
        await line.push(quill.run())
        await asyncio.to_thread(town.held, last, "honoured")
    await asyncio.to_thread(town.mark)
    assert _control(town.alder) == control, "somebody said a statement because of it"
    return "notes like others; no statement was said"


def _control(device: Device) -> set[str]:
    rows = device.call("log", limit=1000)["events"]
    assert isinstance(rows, list)
    return {row["event"] for row in rows if row["lane"] == "control"}


@real(56, "each void, for its reason; the document goes on")
async def changes_with_one_thing_wrong(town: Town) -> str:
    """Holds dogwood's keys. Forty changes of an honest note, each with one thing wrong and a right checksum."""
    document = honest_note(town.alder)
    async with town.thief(MEMBER) as thief, thief.at(town.alder) as line:
        quill = thief.quill()
        said = [quill.say(changed(thief, document, make())) for make in WRONG.values()]
        await line.push(quill.run())
        for event in (said[0], said[-1]):
            await asyncio.to_thread(town.held, event, "void")
        assert {town.standing(town.alder, event)[0] for event in said} == {"void"}
    await asyncio.to_thread(edited, town, "after forty wrong ones")
    return f"{len(said)} void"


@real(57, "void: its document is not named after this birth")
async def birth_under_anothers_name(town: Town) -> str:
    """Holds dogwood's keys. Gives birth to an honest note once more, with another content."""
    document = honest_note(town.alder)
    async with town.thief(MEMBER) as thief, thief.at(town.alder) as line:
        quill = thief.quill()
        birth, _ = thief.note("not what it was")
        event = quill.say(Draft(birth, document, "", thief.grant))
        await line.push(quill.run())
    return await asyncio.to_thread(town.held, event, "void", "not named after this birth")


@real(58, "void: written in the name of another device")
async def change_in_anothers_name(town: Town) -> str:
    """Holds dogwood's keys. Changes a note with an actor that begins with alder's admission."""
    async with town.thief(MEMBER) as thief, thief.at(town.alder) as line:
        birth, document = thief.note("whose is it")
        assert isinstance(document, DocumentId)
        made = Document.born(document, birth)
        by = thief.admission_of("alder")[: ACTOR_BYTES // 2] + secrets.token_bytes(ACTOR_BYTES // 2)
        change = made.edit(by, [Splice(0, 0, "alder was here")])
        quill = thief.quill()
        quill.say(Draft(birth, document, "", thief.grant))
        event = quill.say(changed(thief, document, change.raw))
        await line.push(quill.run())
        why = await asyncio.to_thread(town.held, event, "void", "in the name of another device")
    await asyncio.to_thread(town.mark)
    return why


@real(59, "void or opaque; nobody fails over it")
async def inner_headers_of_any_sort(town: Town) -> str:
    """Holds dogwood's keys. Truly sealed events whose inside is noise, of a kind or a space that is none."""
    _, document = Born({}, "", b""), honest_note(town.alder)
    async with town.thief(MEMBER) as thief, thief.at(town.alder) as line:
        quill = thief.quill()
        inner = Inner(now_ms(), "changed", "", document, thief.grant)
        fields = [inner.time_ms, "changed", "", ["home", "note", document.name], thief.grant]
        said = [quill.raw(secrets.token_bytes(50), b"x"), quill.raw(inner.encode(), secrets.token_bytes(99))]
        spaces = ("../secret", "Home", "e\u0301", "", "a" * 33, "a\0b", "a/b", "-a")
        places = [[space, "note", document.name] for space in spaces]
        said += [quill.raw(cbor.encode([*fields[:3], place, fields[4]]), b"x") for place in places]
        said.append(quill.raw(cbor.encode([*fields[:1], "dance", *fields[2:]]), b"x"))
        said.append(quill.raw(inner.encode(), cbor.encode([b"", b""])))
        await line.push(quill.run())
        await asyncio.to_thread(town.held, said[0], "void")
        standings = [town.standing(town.alder, event)[0] for event in said]
    assert standings.count("opaque") == 1, standings
    assert standings.count("void") == len(said) - 1, standings
    await asyncio.to_thread(town.works)
    return f"{len(said) - 1} void, one opaque"
