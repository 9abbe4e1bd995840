"""Attacks on the keys of epochs, on real agents: who is left out, what is wrapped wrongly, how many there may be."""

from __future__ import annotations

import asyncio
import secrets
import time
from dataclasses import replace

from mesh.events.event import Lane
from mesh.events.founding import rekey, rekey_purpose
from mesh.events.keys import wrap
from mesh.events.speaking import Draft
from mesh.limits import KEY_BYTES
from mesh.names import Digest, Short, short
from tests.attacks.catalogue import real
from tests.attacks.on_chains import alarms
from tests.attacks.thief import Thief
from tests.attacks.town import Town
from tests.system.harness import Device

_EPOCHS = 120
_HANDED = 100
_PATIENCE_S = 150.0  # duties wait for each other, and begin a new epoch once a minute at most


def readers(thief: Thief, *left_out: Digest) -> dict[Digest, bytes]:
    """The wrapping keys of all that the stolen home knows, but for some."""
    admissions = thief.agent.engine.replica.verdict.admissions
    return {name: found.kem_key for name, found in admissions.items() if name not in left_out}


def missing(device: Device) -> bool:
    """Whether a device lacks a key that counts."""
    return any(one["counts"] for one in device.status()["keys_missing"])  # type: ignore[attr-defined]


@real(
    63,
    "`key missing` is shown; an admin's agent begins an epoch that reaches all, and everything is readable",
    slow=True,
)
async def rekey_that_leaves_an_admin_out(town: Town) -> str:
    """Holds cedar's admin keys. Renews the key for all but birch; alder writes under it."""
    title = f"under the new key {secrets.token_hex(3)}"
    async with town.thief() as thief, thief.at(town.alder) as line:
        control = thief.quill(Lane.CONTROL)
        control.lamport = 2**25  # the latest there is
        control.say(Draft(rekey(thief.mesh, secrets.token_bytes(32), readers(thief, thief.admission_of("birch")))))
        await line.push(control.run())

    def story() -> None:
        town.alder.note(title)
        town.fleet.wait("birch reads what alder wrote", lambda: title in town.birch.titles(), _PATIENCE_S)
        town.fleet.wait("no key is missing", lambda: not any(map(missing, town.honest)), _PATIENCE_S)
        town.mark()

    await asyncio.to_thread(story)
    return "birch reads what was written meanwhile, and lacks no key"


@real(
    82,
    "an alarm with a name, and `key missing`; nobody takes or writes under a key that was not committed to",
    slow=True,
)
async def wraps_that_are_wrong(town: Town) -> str:
    """Holds cedar's admin keys. Wraps another key than it commits to, rubbish, and a key for somebody else."""
    waiting = town.alder.status()["waiting"]
    async with town.thief() as thief, thief.at(town.alder) as line:
        alder = thief.admission_of("alder")
        control = thief.quill(Lane.CONTROL)
        good = rekey(thief.mesh, secrets.token_bytes(32), readers(thief))
        kem = readers(thief)[alder]
        wrong = (
            wrap(secrets.token_bytes(32), kem, rekey_purpose(thief.mesh, alder)),
            secrets.token_bytes(80),
            wrap(secrets.token_bytes(32), kem, b"another purpose"),
            wrap(b"short", kem, rekey_purpose(thief.mesh, alder)),
            b"",
        )
        for bad in wrong:
            wraps = tuple((name, bad if name == alder else given) for name, given in good.wraps)
            control.say(Draft(replace(good, wraps=wraps, commitment=secrets.token_bytes(32))))
        await line.push(control.run())

    def story() -> None:
        town.fleet.wait("alder sounds the alarm", lambda: "key" in alarms(town.alder))
        town.works()
        assert missing(town.alder), "a key that nobody gave is told as missing"
        assert town.alder.status()["waiting"] == waiting, "and nothing honest was written under it"

    await asyncio.to_thread(story)
    return f"{len(wrong)} wraps, an alarm; both go on writing, under a key that both have"


@real(81, "held; the agents answer meanwhile", slow=True)
async def a_hundred_epochs(town: Town) -> str:
    """Holds cedar's admin keys. Begins an epoch 120 times, each handing on a hundred others; all are true."""
    async with town.thief() as thief, thief.at(town.alder) as line:
        control = thief.quill(Lane.CONTROL)
        known: dict[Short, bytes] = {}
        slowest = 0.0
        for _ in range(_EPOCHS // 10):
            for _ in range(10):
                key = secrets.token_bytes(KEY_BYTES)
                handed = dict(list(known.items())[-_HANDED:])
                said = control.say(Draft(rekey(thief.mesh, key, readers(thief), handed)))
                known[short(said)] = key
            await line.push(control.run())
            began = time.monotonic()
            await asyncio.to_thread(town.alder.status)
            slowest = max(slowest, time.monotonic() - began)
        await asyncio.to_thread(town.held, said, "honoured")
    await asyncio.to_thread(town.works)
    return f"{_EPOCHS} epochs; the slowest answer in between took {slowest:.1f} s"
