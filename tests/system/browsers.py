"""Devices in a browser, in a process of Node, and beside each a twin in Python that is told the same.

What the two say is compared byte by byte at every step. Devices of Python take part as well. Nothing here draws lots.
"""

from __future__ import annotations

import json
import subprocess
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from hashlib import sha256
from pathlib import Path
from typing import Any, NamedTuple, Protocol

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.hpke import AEAD, KDF, KEM, Suite

from mesh.clocks.frontier import Frontier
from mesh.errors import Forged, Refused
from mesh.events.bodies import document_of
from mesh.events.chains import Chains
from mesh.events.event import CLEAR, Event, Lane, Placed, decode_header
from mesh.events.keys import SecretKeys
from mesh.events.kinds import Born
from mesh.events.reading import read, statement
from mesh.events.seal import Keyring
from mesh.events.speaking import Draft
from mesh.events.verdict import admitted
from mesh.names import Digest, device_text
from mesh.sync import messages
from mesh.sync.inputs import Effects, Heard, Input, Lost, Met, Peer, Said, Ticked
from mesh.sync.messages import Message
from mesh.sync.missing import Missing
from mesh.sync.receipts import frontier_digest
from mesh.sync.replica import Own, Replica
from tests.system.typescript import WEB
from tests.unit.lineage import Log
from tests.unit.small_mesh import TIME_MS, browser_key, browser_secret, secret_keys
from tests.unit.sync.small_net import Node

RUNS_PER_SPAN, RUNS_PER_ANSWER = 2, 6  # of one page, as web/tests/device.ts has it
DECODERS: Mapping[str, Callable[[bytes], Message]] = {
    "have": messages.decode_have,
    "want": messages.decode_want,
    "push": messages.decode_push,
}
SUITE = Suite(KEM.P256, KDF.HKDF_SHA256, AEAD.AES_256_GCM)


class Told(NamedTuple):
    """A message to somebody, as bytes."""

    peer: Peer
    kind: str
    raw: str


@dataclass(frozen=True)
class BrowserKeys(SecretKeys):
    """The keys of a device in a browser of this name."""

    name: str = ""

    @property
    def kem_key(self) -> bytes:
        """The public wrapping key, of P-256."""
        return browser_key(self.name)

    def unwrap(self, wrapped: bytes, purpose: bytes) -> bytes:
        """What somebody wrapped for it. Raises Forged."""
        try:
            return SUITE.decrypt(wrapped, browser_secret(self.name), purpose)
        except (InvalidTag, ValueError) as error:
            raise Forged(str(error)) from error


def browser_keys(name: str) -> BrowserKeys:
    """What a device in a browser is made of."""
    plain = secret_keys(name)
    return BrowserKeys(plain.sign_seed, plain.kem_seed, name)


class Asked:
    """A process of Node that answers a JSON line with a JSON line."""

    def __init__(self, folder: Path) -> None:
        """Start it from where the TypeScript was built to."""
        self._process = subprocess.Popen(
            ["node", str(folder / "tests" / "asked.js")],
            cwd=WEB,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
        )

    def tell(self, ask: str, **given: object) -> Any:  # noqa: ANN401 - JSON
        """Ask. What is refused there comes as {"refused": class}."""
        assert self._process.stdin, self._process
        assert self._process.stdout, self._process
        self._process.stdin.write(json.dumps({"ask": ask, **given}) + "\n")
        self._process.stdin.flush()
        line = self._process.stdout.readline()
        assert line, f"node ended with {self._process.wait()} at {ask}"
        return json.loads(line)

    def __call__(self, ask: str, **given: object) -> Any:  # noqa: ANN401 - JSON
        """Ask, where nothing is refused."""
        return self.tell(ask, **given)["answer"]

    def end(self) -> None:
        """End it."""
        with self._process:
            self._process.kill()


class Party(Protocol):
    """A device that takes part."""

    name: Peer

    def given(self, ask: str, **told: Any) -> Mapping[str, Any]:  # noqa: ANN401 - JSON
        """Give it an input: what it does then, as JSON."""

    def look(self) -> Mapping[str, Any]:
        """What it holds and makes of it."""


class Local(Node):
    """A device in Python, told as those in Node are."""

    def __init__(self, own: Own) -> None:
        """Start with nothing."""
        self.own, self.name = own, device_text(own.admission)
        self.keyring = Keyring()
        self.replica = Replica(own, self.keyring)
        self.log: dict[Digest, Placed] = {}
        self.alarms, self.forks = [], []
        self.runs_per_page, self.runs_per_answer = RUNS_PER_SPAN, RUNS_PER_ANSWER
        self._saved: tuple[dict[Digest, Placed], dict[Lane, Digest]] = {}, {}

    def given(self, ask: str, **told: Any) -> dict[str, Any]:  # noqa: ANN401 - JSON
        """Give it an input: what it does then, as JSON."""
        return self.written(self.handle(self._input(ask, **told)))

    def _input(self, ask: str, peer: Peer = "", **told: Any) -> Input:  # noqa: ANN401 - JSON
        if ask == "hear":
            return Heard(peer, DECODERS[told["kind"]](bytes.fromhex(told["bytes"])))
        if ask == "say":
            return self._said(told["titles"], told["text"])
        plain: Mapping[str, Input] = {"meet": Met(peer), "lose": Lost(peer), "tick": Ticked()}
        return plain[ask]

    def _said(self, titles: list[str], text: str) -> Said:
        """Births, with the randomness that follows from their titles."""
        births = [Born({"title": title}, text, sha256(title.encode()).digest()[:16]) for title in titles]
        blocks = [sha256(f"entropy {title} {number}".encode()).digest() for number, title in enumerate(titles)]
        drafts = tuple(Draft(birth, document_of("home", "note", birth)) for birth in births)
        return Said(drafts, Lane.DATA, TIME_MS, b"".join(blocks + blocks) + bytes(40))

    def written(self, effects: Effects) -> dict[str, Any]:
        """Effects as web/tests/asked.ts writes them."""

        def letter(message: Message) -> list[str]:
            return [type(message).__name__.lower(), messages.encode(message).hex()]

        return {
            "ask": [[peer, *letter(want)] for peer, want in effects.ask],
            "serve": [[peer, *letter(self.answer(want))] for peer, want in effects.serve],
            "send": [[peer, *letter(message)] for peer, message in effects.send],
            "met": sorted(self.replica.met),
            "meet": sorted(effects.meet),
            "append": [placed.digest.hex() for placed in effects.append],
            "bodies": len(effects.bodies),
            "judged": effects.judged,
            "forks": len(effects.forks),
            "refused": effects.refused,
            "alarms": list(effects.alarms),
        }

    def save(self) -> None:
        """Keep what is here now, as a backup."""
        self._saved = dict(self.log), dict(self.replica.voices)

    def restore(self) -> None:
        """Go back to what was kept, without noticing; the keys stay."""
        self.log = dict(self._saved[0])
        self._begin(self._saved[1])

    def restart(self) -> None:
        """Start again from the log."""
        self._begin(self.replica.voices)

    def _begin(self, voices: Mapping[Lane, Digest]) -> None:
        chains, keys, control = Chains(self.own.mesh), dict[Digest, bytes](), list[Placed]()
        for placed in self.log.values():
            if placed.lane is Lane.CONTROL:
                control.append(placed)
                if found := admitted(statement(placed)):
                    keys[placed.digest] = found.sign_key
            chains.take(placed, keys[placed.admission])
        self.replica = Replica(self.own, self.keyring, chains, control)
        self.replica.speak_on(voices)
        lean = [placed for placed in self.log.values() if placed.event.body is None]
        self.replica.missing = Missing((placed.digest, placed.header.body_digest) for placed in lean)

    def look(self) -> dict[str, Any]:
        """What it holds and makes of it."""
        control, data = (self.replica.chains.frontier(lane) for lane in Lane)
        nothing: Frontier = {}
        return {
            "control": frontier_digest(control, nothing).hex(),
            "frontier": frontier_digest(control, data).hex(),
            "verdict": self.replica.verdict_digest.hex(),
            "events": len(self.log),
            "forked": sum(len(heads) > 1 for heads in data.values()),
            "keys": sorted(f"{name.hex()} {key.hex()}" for name, key in self.keyring.keys().items()),
            "readings": sorted(self._readings()),
        }

    def _readings(self) -> list[str]:
        lineage = Log(self.log.values())
        told = []
        for placed in self.log.values():
            if placed.lane is Lane.DATA:
                found = read(self.keyring, self.replica.verdict, placed, lineage)
                plain = sha256(found.plain).hexdigest()
                told.append(f"{placed.digest.hex()} {int(found.standing)} {found.by.hex()} {plain}")
        return told


class Browser:
    """A device in a browser, with its twin."""

    def __init__(self, asked: Asked, name: str, mesh: Digest, admission: Digest) -> None:
        """A device of this name, which was let in."""
        keys = browser_keys(name)
        self.asked, self.name = asked, device_text(admission)
        self.twin = Local(Own(mesh, admission, keys))
        private = format(browser_secret(name).private_numbers().private_value, "064x")
        secrets = {"mesh": mesh.hex(), "admission": admission.hex(), "sign_seed": keys.sign_seed.hex()}
        asked("start", device=self.name, secrets={**secrets, "kem_key": private})

    def given(self, ask: str, **told: Any) -> Mapping[str, Any]:  # noqa: ANN401 - JSON
        """Give both an input: what they do is the same. Raises Refused where both refuse it alike."""
        found = self.asked.tell(ask, device=self.name, **told)
        expected: dict[str, Any] = {}
        try:
            expected = {"answer": self.twin.given(ask, **told)}
        except Refused as error:
            expected = {"refused": type(error).__name__}
            raise
        finally:
            assert in_short(found) == in_short(expected)
        answer: Mapping[str, Any] = found["answer"]
        return answer

    def both(self, ask: str) -> None:
        """Save, restore or restart both."""
        self.asked(ask, device=self.name)
        getattr(self.twin, ask)()

    def look(self) -> Mapping[str, Any]:
        """What it holds and makes of it, which is what its twin does."""
        found: Mapping[str, Any] = self.asked("look", device=self.name)
        assert found == self.twin.look()
        return found


def in_short(done: Mapping[str, Any]) -> dict[str, Any]:
    """What an input led to, without why a run was refused: each says that in its own words."""
    answer = done.get("answer") or {}
    alarms = [alarm.partition(": ")[0] if alarm.startswith("refused") else alarm for alarm in answer.get("alarms", ())]
    return {**done, "answer": {**answer, "alarms": alarms}}


def letters(party: Party, done: Mapping[str, Any]) -> list[Told]:
    """What goes out after an input."""
    told = [Told(*one) for one in (*done["ask"], *done["serve"])]
    for peer, kind, raw in done["send"]:
        told += [Told(to, kind, raw) for to in ([peer] if peer else done["met"])]
    return [one for one in told if one.peer != party.name]


def stripped(raw: str) -> str:
    """A Push without the bodies of what is sealed."""
    push = messages.decode_push(bytes.fromhex(raw))
    runs = tuple(replace(run, events=tuple(map(_bare, run.events))) for run in push.runs)
    return messages.encode(replace(push, runs=runs)).hex()


def _bare(event: Event) -> Event:
    return event if decode_header(event.header).epoch == CLEAR else Event(event.header, None)
