"""Versions that differ: a command and an agent, and events that this software does not know yet."""

from __future__ import annotations

import asyncio
import hashlib
import secrets
import time
from dataclasses import replace
from pathlib import Path

import pytest

import mesh
from mesh.clocks.chain import START, Head, event_digest
from mesh.errors import Misuse
from mesh.events import cbor
from mesh.events.bodies import document_of, encode_body
from mesh.events.event import CLEAR, Event, Header, Inner, Lane, Placed
from mesh.events.kinds import Born, Opening
from mesh.events.seal import pad_body, pad_inner
from mesh.events.speaking import NONCES_BYTES, Draft, Voice, runs, signed
from mesh.limits import NONCE_BYTES, SALT_BYTES
from mesh.names import ZERO, Digest
from mesh.node import agent as agents
from mesh.node.agent import Agent
from mesh.sync.messages import Push
from tests.system.harness import Device, Fleet

pytestmark = pytest.mark.system

NEXT_VERSION = 2
LATER = b"what a later version adds"


def of_version(folder: Path, version: str, without: str) -> str:
    """A PYTHONPATH under which mesh is of another version, and its agent lacks a call."""
    folder.mkdir()
    (folder / "sitecustomize.py").write_text(
        "import sys\n"
        "import mesh\n"
        f"mesh.__version__ = {version!r}\n"
        "if 'agent' in sys.argv or 'agent' in sys.orig_argv:\n"
        "    from mesh.node import calls\n"
        f"    calls._CALLS.pop({without!r})\n"
    )
    return str(folder)


def test_an_agent_of_another_version_is_named_with_what_to_do(fleet: Fleet) -> None:
    """Goal: a command that the running agent does not know yet ends in a sentence with both versions' way out."""
    (device,) = fleet.joined(1)
    device.start(PYTHONPATH=of_version(fleet.folder / "old", "0.0.7", "verify"))
    answer = device.mesh("--json", "verify")
    assert answer.code == Misuse.exit_code
    assert "0.0.7" in str(answer.error["hint"])
    assert "mesh down" in str(answer.error["hint"])
    assert device.done("status")["agent"]["version"] == "0.0.7"  # type: ignore[index]
    device.done("note", "add", "the rest goes on")
    device.stop()
    device.start()
    assert device.done("verify")["ok"] is True
    assert device.status()["agent"]["version"] == mesh.__version__  # type: ignore[index]


# ---------------------------------------------------------------- events from the future


class Future:
    """A new chain of a device, in which it says what only a later version can."""

    def __init__(self, agent: Agent, lane: Lane) -> None:
        self.agent, self.lane = agent, lane
        own, keys = agent.engine.own, agent.held.keys
        self.sign = keys.sign
        self.voice = Voice(own.mesh, ZERO, own.admission, lane, START, 0, keys.sign_key, keys.sign)
        opening = Opening(own.admission, lane, "new", secrets.token_bytes(SALT_BYTES))
        self.said = [self.voice.say(Draft(opening), _now_ms(), agent.engine.replica.heard)]

    def say(self, kind: str, plain: bytes, birth: Born | None = None, **other: object) -> None:
        """An event of any kind, and with any change of its outer header."""
        seq, keyring = self.voice.head.seq + 1, self.agent.engine.keyring
        inner = Inner(_now_ms(), kind, "", None, CLEAR)
        epoch = CLEAR
        if self.lane is Lane.DATA:
            epoch = next(iter(keyring.keys()))
            birth = birth or Born({"title": "x"}, "", secrets.token_bytes(SALT_BYTES))
            inner = replace(inner, document=document_of("home", "note", birth))
            grant = self.agent.engine.replica.verdict.grant_for(self.agent.engine.own.admission, inner)
            inner = replace(inner, grant=grant or CLEAR)
            nonces = [secrets.token_bytes(NONCE_BYTES) for _ in range(2)]
            body = keyring.seal(epoch, self.voice.chain, seq, b"body", pad_body(plain), nonces[0])
            raw_inner = keyring.seal(epoch, self.voice.chain, seq, b"header", pad_inner(inner.encode()), nonces[1])
        else:
            body, raw_inner = plain, inner.encode()
        digest = Digest(hashlib.sha256(body).digest())
        header = Header(self.voice.lamport + 1, epoch, digest, len(body), raw_inner)
        self._placed(replace(header, **other), body)  # type: ignore[arg-type]

    def say_note(self, title: str) -> None:
        """A note as this version says it."""
        birth = Born({"title": title}, "", secrets.token_bytes(SALT_BYTES))
        document = document_of("home", "note", birth)
        replica = self.agent.engine.replica
        grant = replica.verdict.grant_for(replica.own.admission, Inner(0, "born", "", document))
        assert grant is not None
        keyring = self.agent.engine.keyring
        seal = (keyring, next(iter(keyring.keys())))
        draft = Draft(birth, document, "", grant)
        self.said.append(self.voice.say_sealed(draft, _now_ms(), 0, seal, secrets.token_bytes(NONCES_BYTES)))

    def _placed(self, header: Header, body: bytes) -> None:
        raw, parent = header.encode(), self.voice.head
        if header.version >= NEXT_VERSION:
            raw = cbor.encode([*cbor_list(raw), "a field of later"])
        digest = event_digest(self.voice.chain, parent, raw)
        self.voice.head, self.voice.lamport = Head(parent.seq + 1, digest), header.lamport
        place = (self.voice.chain, self.voice.admission, self.lane, self.voice.head.seq, parent.digest, digest)
        self.said.append(Placed(*place, header, Event(raw, body)))

    async def keep(self) -> None:
        """Take it into the device's own log, as if its later version had written it."""
        effects = await self.agent.engine.hear("itself", Push(runs(signed(self.said, self.sign))))
        assert not effects.alarms, effects.alarms
        assert len(effects.append) == len(self.said)


def cbor_list(raw: bytes) -> list[object]:
    """A header as its fields."""
    value = cbor.decode(raw, len(raw), "a header")
    assert isinstance(value, list)
    return value


def _now_ms() -> int:
    return time.time_ns() // 1_000_000


async def say_what_comes_later(device: Device) -> None:
    """An unknown kind and a later header between two plain notes, and a statement of an unknown kind."""
    async with agents.opened(device.home) as agent:
        data = Future(agent, Lane.DATA)
        data.say_note("before")
        data.say("poem", b"\x81\x01")
        birth = Born({"title": "with more"}, "", secrets.token_bytes(SALT_BYTES))
        data.say("born", encode_body(birth), birth=birth, extensions={9: LATER})
        data.say("poem", b"whatever it is, and however it is sealed", version=NEXT_VERSION, extensions={7: b"x"})
        data.say_note("after")
        await data.keep()
        control = Future(agent, Lane.CONTROL)
        control.say("statute", b"\x81\x01")
        control.say("statute", b"of another form", version=NEXT_VERSION)
        await control.keep()


def test_what_only_a_later_version_understands_is_kept_and_handed_on(fleet: Fleet) -> None:
    """Goal: unknown kinds and versions reach a third device, are shown raw there, and change nothing that counts."""
    left, middle, right = fleet.joined(3)
    asyncio.run(say_what_comes_later(right))
    for device in (left, middle, right):
        device.start()
    fleet.link(right, middle)
    fleet.converged(middle, right)
    fleet.link(left, middle)
    fleet.converged()
    left.note("from the left")
    fleet.converged()
    for device in (left, middle, right):
        assert device.titles() == {"before", "after", "with more", "from the left"}
        events = device.done("log", "--limit", "500")["events"]
        assert isinstance(events, list)
        raw = {(one["kind"], one["standing"]) for one in events if one["standing"] == "opaque"}
        assert ("poem", "opaque") in raw, events
        assert any(one["standing"] == "opaque" and "version 2" in one["reason"] for one in events), events
        assert all(one["header"] for one in events if one["standing"] == "opaque"), "shown as it came"
        (more,) = [one for one in events if "9" in one["extensions"]]
        assert (more["kind"], more["standing"], more["version"]) == ("born", "honoured", 1)
        assert bytes.fromhex(more["extensions"]["9"]) == LATER
        (later,) = [one for one in events if "7" in one["extensions"]]
        assert (later["standing"], later["version"]) == ("opaque", NEXT_VERSION)
        assert ("statute", "control") in {(one["kind"], one["lane"]) for one in events}
        told = device.mesh("log", "--limit", "500")
        assert told.code == 0
        assert "poem" in told.out
        assert "statute" in told.out
        assert f"extension 9: {LATER.hex()}" in told.out
        problems = device.done("status")["problems"]
        assert "newer version" in str(problems)
        assert device.done("verify", "--deep")["ok"] is True
        assert device.done("rebuild")["same"] is True
    fleet.converged()
