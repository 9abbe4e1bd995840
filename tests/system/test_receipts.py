"""Receipts between real agents: in sync only by what both signed; where two differ the place is found and named."""

from __future__ import annotations

import asyncio
import sqlite3
from pathlib import Path

import pytest

from mesh.errors import Damaged
from mesh.events.verdict import Standing
from mesh.names import DocumentId
from mesh.node.paths import database_path
from mesh.node.storage.store import open_store
from mesh.node.storage.store_port import Batch, Weighed
from tests.system.harness import Device, Fleet

pytestmark = pytest.mark.system

FOUND_S = 90.0  # 10 s in which it might pass, and a busy machine
OLDER = """\
import sys
if "agent" in sys.argv or "agent" in sys.orig_argv:
    from mesh.errors import Refused
    from mesh.node import agreeing, talk
    answer = talk.Talk._answer
    async def older(self, sender, verb, body):
        if verb in {"receipt", "compare"}:
            raise Refused(f"this device does not know {verb!r}", hint="One of the two needs an upgrade.")
        return await answer(self, sender, verb, body)
    talk.Talk._answer = older
    agreeing.Agreeing.heard = lambda *_: None
"""


def peer_of(device: Device) -> dict[str, object]:
    """The other device, as this one's status has it."""
    peers = device.status()["peers"]
    assert isinstance(peers, list)
    (peer,) = peers
    assert isinstance(peer, dict)
    return peer


def differs(device: Device) -> dict[str, object]:
    """Where the other device is known to differ; empty while it is not."""
    found = peer_of(device)["differs"] or {}
    assert isinstance(found, dict)
    return found


def problems(device: Device) -> str:
    """What the status says is wrong, with hints."""
    return str(device.done("status")["problems"])


def healed(fleet: Fleet, device: Device) -> None:
    """A rebuild on the damaged device brings all in sync again, and nothing is said of it any more."""
    device.done("rebuild")
    fleet.wait("all are in sync again", lambda: all(one.status()["in_sync"] for one in fleet.devices), FOUND_S)
    for one in fleet.devices:
        assert not differs(one)
        assert "do not show the same" not in problems(one)
        assert one.done("verify", "--deep")["ok"] is True


def test_in_sync_only_by_what_both_signed(fleet: Fleet) -> None:
    """Goal: yes stands for a receipt of the other side that equals what is shown here; away, it stands since when."""
    one, other = fleet.linked(2)
    one.note("signed")
    fleet.converged()
    shown = [device.status() for device in (one, other)]
    for digest in ("frontier_digest", "verdict_digest", "state_digest", "view_root"):
        assert shown[0][digest] == shown[1][digest] != "0" * 64
    for device in (one, other):
        peer = peer_of(device)
        receipt = peer["receipt"]
        assert isinstance(receipt, dict)
        assert receipt["same"] == dict.fromkeys(("frontier", "verdict", "state", "view"), True)
        assert (receipt["bodies_missing"], receipt["keys_missing"], peer["doing"]) == (0, 0, "")
    other.stop()
    fleet.wait("it is away", lambda: not peer_of(one)["connected"])
    one.note("only here")
    assert not one.status()["in_sync"]
    away = peer_of(one)
    assert (away["in_sync"], away["doing"]) == (False, "away")
    assert f"last in sync {_moment(away['in_sync_ms'])}" in one.mesh("status").out
    one.stop()
    one.start()
    again = peer_of(one)
    assert (again["in_sync_ms"], again["heard_ms"]) == (away["in_sync_ms"], away["heard_ms"])
    other.start()
    fleet.converged()


def _moment(time_ms: object) -> str:
    from mesh.cli.screen import moment  # noqa: PLC0415 - as it is printed

    return moment(time_ms)


def test_an_older_version_is_told_and_no_error(fleet: Fleet) -> None:
    """Goal: with a device that signs no receipts nothing is claimed, its person is told, and notes go on."""
    one, other = fleet.joined(2)
    folder = fleet.folder / "older"
    folder.mkdir()
    (folder / "sitecustomize.py").write_text(OLDER)
    one.start()
    other.start(PYTHONPATH=str(folder))
    fleet.link(other, one)
    note = one.note("goes on")
    fleet.wait("the note is there", lambda: "goes on" in other.titles())
    fleet.wait("it is known to be older", lambda: "older mesh" in str(peer_of(one)["doing"]))
    assert note
    status = one.done("status")
    assert (status["in_sync"], peer_of(one)["same_digest"]) == (False, True)
    assert "mesh upgrade" in problems(one)
    asked = [line for line in one.logged() if line["what"] == "peer.older"]
    assert len(asked) == 1, "it is asked once"
    other.stop()
    other.start()
    fleet.converged()
    assert "older mesh" not in problems(one)


def test_a_row_that_was_changed_on_a_disk_is_found_and_named(fleet: Fleet) -> None:
    """Goal: a title that one database shows and nobody wrote: both name the note, and a rebuild there heals it."""
    one, other = fleet.linked(2)
    documents = [one.note(f"note {n}", f"text {n}\n") for n in range(40)]
    fleet.converged()
    other.stop()
    with sqlite3.connect(database_path(other.home)) as db:
        changed = db.execute("UPDATE note SET title = 'nobody wrote this' WHERE title = 'note 17'").rowcount
    assert changed == 1
    other.start()
    for device in (one, other):
        fleet.wait(f"{device.name} names the place", lambda device=device: differs(device), FOUND_S)  # type: ignore[misc]
        assert differs(device) == {
            "document": documents[17],
            "event": None,
            "counts_here": False,
            "shown_differently": True,
        }
        assert not device.status()["in_sync"]
        assert documents[17] in problems(device)
        assert "mesh rebuild" in problems(device)
        doctor = device.mesh("doctor")
        assert doctor.code == Damaged.exit_code
        assert documents[17] in doctor.out
    assert "note 17" in problems(one)
    assert "nobody wrote this" in problems(other)
    assert one.done("verify", "--deep")["ok"] is True
    answer = other.mesh("--json", "verify", "--deep")
    assert documents[17] in answer.out + answer.err
    healed(fleet, other)


def test_events_that_one_side_dropped_are_found_and_named(fleet: Fleet) -> None:
    """Goal: an honoured event that counts for nothing in one database is named, with its document, on both sides."""
    one, other = fleet.linked(2)
    document = one.note("edited often", "text\n")
    for n in range(6):
        one.done("note", "edit", document, "--title", f"title {n}")
        one.note(f"beside {n}")
    fleet.converged()
    other.stop()
    dropped = asyncio.run(_dropped(other.home, document))
    other.start()
    for device, here in ((one, True), (other, False)):
        fleet.wait(f"{device.name} names the place", lambda device=device: differs(device), FOUND_S)  # type: ignore[misc]
        assert differs(device) == {
            "document": document,
            "event": dropped,
            "counts_here": here,
            "shown_differently": False,
        }
        assert dropped[:12] in problems(device)
    found = [line for line in one.logged() if line["what"] == "peer.differs"]
    assert [(line["document"], line["event"]) for line in found] == [(document, dropped)]
    assert one.done("verify", "--deep")["ok"] is True
    assert dropped[:12] in str(other.mesh("--json", "verify", "--deep"))
    healed(fleet, other)


async def _dropped(home: Path, document: str) -> str:
    """Have the last two events of a document count for nothing in a database; the first of them."""
    store = await open_store(home)
    try:
        rows = await store.rows(DocumentId.parse(document))
        last = [row.placed.digest for row in rows[-2:]]
        standings = tuple(Weighed(event, Standing.VOID, "dropped") for event in last)
        await store.commit(Batch(standings=standings))
        return last[0].hex()
    finally:
        await store.close()
