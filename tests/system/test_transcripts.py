"""Transcripts of sessions on other devices: told by the tool's own hooks, through kills, read by a command.

In `scripts/long transcripts` the rounds of story I are 10,000, and what came of them is printed.
"""

from __future__ import annotations

import faulthandler
import json
import random
import sys
from pathlib import Path

import pytest

from mesh.limits import TRANSCRIPTS_KEPT
from mesh.node.socket_client import Told
from tests.conftest import Spawn
from tests.system.harness import Device, Fleet
from tests.system.sizes import LONG, sized
from tests.system.test_hooks import Tool, repository, rows
from tests.system.test_trust import approved
from tests.unit.node.hooks.sent import sent

pytestmark = pytest.mark.system

TURNS = 4
ROUNDS, MEET_EACH, KILL_EACH, PATIENCE_S = sized((16, 8, 7, 45.0), (10_000, 50, 495, 300.0))
ANEW, CUT = sized((0.1, 0.1), (0.002, 0.1))
NATIVE = "6f1c2a7e-0000-4000-8000-00000000000a"
TOKEN = "ghp_" + "a1B2c3D4e5" * 4


def said(number: int, words: str = "") -> bytes:
    """A line as the tool writes one."""
    return json.dumps({"type": "assistant", "n": number, "text": words or f"answer {number}"}).encode() + b"\n"


def kept(device: Device, session: str) -> list[int]:
    """How long what is kept of a session is, by number."""
    found = device.call("session.transcript", id=session)["transcripts"]
    assert isinstance(found, list)
    return [one["size"] for one in found]


def put_down(device: Device, session: str, folder: Path) -> list[bytes]:
    """The transcripts of a session, as a command puts them down here."""
    folder.mkdir()
    found = device.done("session", "transcript", session, "--into", folder)["transcripts"]
    assert isinstance(found, list)
    assert sorted(str(path) for path in folder.iterdir()) == sorted(one["path"] for one in found), "and nothing else"
    return [Path(one["path"]).read_bytes() for one in found]


class Rounds:
    """A session whose tool writes on, cuts its file short and begins it anew, while agents are killed."""

    def __init__(self, fleet: Fleet, writer: Device, other: Device, path: Path) -> None:
        self.fleet, self.writer, self.other, self.path = fleet, writer, other, path
        self.wrote, self.kills, self._told = [said(0)], 0, 0
        self.path.write_bytes(self.wrote[0])
        self.tell("session_start")
        (self.session,) = [str(one["document"]) for one in rows(writer, "session.list", "sessions") if self.is_it(one)]

    @staticmethod
    def is_it(session: Told) -> bool:
        """Whether this is the one."""
        return session["native"] == NATIVE

    def tell(self, case: str = "pre_compact") -> None:
        """What the hook of a tool sends."""
        self._told += 1
        body = sent("claude", case, session_id=NATIVE, transcript_path=str(self.path), cwd=str(self.path.parent))
        about = {"tool": "claude", "as": "claude", "id": f"round-{self._told}", "at_ms": 0, "wait_s": 0}
        self.writer.call("hook", body=body, **about)

    @property
    def wanted(self) -> list[bytes]:
        """What is to be kept: of each file that there was all that it ever came to, of the latest."""
        return self.wrote[-TRANSCRIPTS_KEPT:]

    def play(self, count: int) -> None:
        """So many rounds; in each the writer keeps what there is, and now and then the other device has it as well."""
        lots = random.Random(count)
        for number in range(1, count + 1):
            self._write(number, lots)
            self.tell()
            if number % KILL_EACH == 0:
                self._kill((self.writer, self.other)[self.kills % 2])
            sizes = [len(one) for one in self.wanted]
            for device in (self.writer, self.other) if number % MEET_EACH == 0 else (self.writer,):
                self._wait(device, sizes)

    def _write(self, number: int, lots: random.Random) -> None:
        lot, whole = lots.random(), self.wrote[-1]
        if lot < CUT:
            self.path.write_bytes(whole[: lots.randrange(len(whole))])
            return
        if lot < CUT + ANEW:
            self.wrote.append(said(number, "written anew"))
        else:
            self.wrote[-1] += b"".join(said(number, "x" * lots.randrange(200)) for _ in range(lots.randrange(4)))
        self.path.write_bytes(self.wrote[-1] + b'{"type":'[: lots.randrange(9)])

    def _kill(self, device: Device) -> None:
        self.kills += 1
        device.kill()
        device.start()

    def _wait(self, device: Device, sizes: list[int]) -> None:
        self.fleet.wait(f"{device.name} has it", lambda: kept(device, self.session) == sizes, PATIENCE_S)

    def outcome(self, folder: Path) -> Told:
        """Conflicts of any kind, files too many on any device, and whether all hold what was written."""
        devices = (self.writer, self.other)
        shown = [put_down(device, self.session, folder / f"rounds-{device.name}") for device in devices]
        conflicts = [device.done("conflicts")["conflicts"] for device in devices]
        found = [device.call("session.show", id=self.session)["conflicts"] for device in devices]
        return {
            "conflict_artefacts": sum(map(len, conflicts)) + sum(found) + sum(len(s) - len(self.wanted) for s in shown),  # type: ignore[arg-type]
            "byte_equal": all(one == self.wanted for one in shown),
            "files": len(self.wanted),
            "bytes": sum(map(len, self.wanted)),
            "events": [device.events for device in devices],
            "kills": self.kills,
        }


def test_a_transcript_grows_on_the_other_device(
    fleet: Fleet, spawn: Spawn, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """Goal (story I): each turn reaches the other device, also through kills; no secret, no conflict, one file each."""
    if LONG:
        faulthandler.cancel_dump_traceback_later()  # each wait has its own deadline
    mini, laptop = fleet.linked(2)
    approved(fleet, mini, laptop, spawn, "agents", "install", "claude")
    assert mini.done("session", "transcripts") == {"on": False}
    mini.done("session", "transcripts", "on")
    claude, path = Tool("claude", mini, repository(tmp_path / "work")), tmp_path / "6f1c.jsonl"
    path.write_bytes(b"")
    claude.tell("session_start", transcript_path=str(path))
    session = str(rows(mini, "session.list", "sessions")[0]["document"])
    wanted = b""
    for turn in range(TURNS):
        wanted += said(turn, "x" * 50_000)
        path.write_bytes(wanted + b'{"type":')
        claude.tell("pre_compact", transcript_path=str(path))
        if turn % 2:  # it may have been kept by now, or not: then it is as soon as the agent starts
            mini.kill()
            mini.start()
        fleet.wait("it grew there", lambda: kept(laptop, session) == [len(wanted)])  # noqa: B023 - it waits here
    path.write_bytes(wanted + said(TURNS, f"export GH={TOKEN}"))
    claude.tell("session_end", transcript_path=str(path))
    fleet.wait("its end is there", lambda: kept(laptop, session) > [len(wanted)])
    path.write_bytes(said(0, "written anew"))
    claude.tell("session_end", transcript_path=str(path))
    fleet.wait("the second is there", lambda: len(kept(laptop, session)) == 2)
    first, second = put_down(laptop, session, tmp_path / "out")
    assert first.startswith(wanted)
    assert first.count(b"\n") == TURNS + 1
    assert TOKEN.encode() not in first
    assert second == said(0, "written anew")
    rounds = Rounds(fleet, mini, laptop, tmp_path / "rounds.jsonl")
    rounds.play(ROUNDS)
    fleet.converged()
    outcome = rounds.outcome(tmp_path)
    if LONG:
        with capsys.disabled():
            sys.stdout.write(f"\n{json.dumps({'rounds': ROUNDS, **outcome})}\n")
    assert (outcome["conflict_artefacts"], outcome["byte_equal"]) == (0, True), outcome
    for device in (mini, laptop):
        assert put_down(device, session, tmp_path / device.name) == [first, second]
        assert device.done("conflicts")["conflicts"] == []
        assert device.call("drop.list")["drops"] == []
