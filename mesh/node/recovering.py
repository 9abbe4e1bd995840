"""Recovery on a new machine: the control events of a survivor, the first commit, the data, and the second commit.

The words and what follows from them are held in memory for as long as this takes, and nowhere else; only the transport
secret, which every device has, and the epoch keys are kept. Killed at any moment, it goes on when it is called again:
what is durable says how far it came. It asks the person nothing.
"""

from __future__ import annotations

import asyncio
import json
import secrets
import time
from collections.abc import Callable, Collection, Sequence
from dataclasses import dataclass
from pathlib import Path

from mesh.clocks.frontier import lacking
from mesh.errors import MeshError, Misuse, Refused, Stranger, Unreachable
from mesh.events.event import Lane, Placed
from mesh.events.founding import transport_secret
from mesh.events.keys import SecretKeys
from mesh.events.kinds import Genesis
from mesh.events.recovering import Ending, Moment, ending, founded_by, learned, letting_in, others
from mesh.events.seal import Keyring
from mesh.events.speaking import runs
from mesh.events.verdict import Admission
from mesh.limits import KEY_BYTES, RANK_FOUNDER, SALT_BYTES, WANT_SPANS_MAX
from mesh.names import ZERO, Digest, device_text, digest_text
from mesh.node import home as homes
from mesh.node import timing, vault
from mesh.node.agent import Agent, joined, opened
from mesh.node.booting import replica_of
from mesh.node.home import RECOVERY_OWED, addresses_key
from mesh.node.log import opened as log_opened
from mesh.node.paths import server_path
from mesh.node.ports import GuestLink, Peer, TransportKeys, Visiting
from mesh.node.storage.connection import beside
from mesh.node.storage.sql import Sql
from mesh.node.storage.store import open_store
from mesh.node.transport.tls import write_files
from mesh.node.transport.visits import Visitor
from mesh.node.transport.wire_nats import connect
from mesh.sync import messages
from mesh.sync.inputs import Heard
from mesh.sync.messages import Have, Push
from mesh.sync.pull import Pull
from mesh.sync.replica import Own, Replica

Told = Callable[[str], None]
"""Hears how far it is, as a sentence."""

_SURVIVOR = "?survivor"
_WORDS_HINT = "Is it the right address, does mesh run there, and are these the words of that mesh?"
_ROUNDS_MAX = 64
"""Comparisons of tips with a survivor; one that has more than fit into a message tells others each time."""


@dataclass(frozen=True)
class Survey:
    """The control events of a mesh, as a survivor gave them: nothing of it is kept yet."""

    replica: Replica
    events: tuple[Placed, ...]
    address: str
    survivor: Digest | None
    """Whose server it was, where that is a device that counts."""

    @property
    def mesh(self) -> Digest:
        """The mesh that the words founded."""
        return self.replica.own.mesh

    def devices(self) -> tuple[Admission, ...]:
        """Whom a recovery asks about."""
        return others(self.replica.verdict, self.replica.statements, None)


def keys_of(entropy: bytes) -> SecretKeys:
    """The recovery key."""
    return SecretKeys.from_entropy(entropy)


# ── before anything is said ──────────────────────────────────────────────────────────────────────


async def surveyed(home: Path, name: str, entropy: bytes, addresses: Sequence[str]) -> Survey:
    """Fetch all control events of the mesh from the first of these addresses where somebody has them.

    Makes the home and its keys, no more. Raises Unreachable, Refused: the most telling of what went wrong.
    """
    held = homes.beginning(home, name)
    vault.save(home, held)
    problem: MeshError | None = None
    for address in addresses:
        try:
            return await _surveyed_at(home, held, entropy, address)
        except (Unreachable, Refused) as error:
            problem = error if problem is None or isinstance(error, Refused) else problem
    assert problem is not None, "there is an address"
    raise problem


async def _surveyed_at(home: Path, held: vault.Secrets, entropy: bytes, address: str) -> Survey:
    secret = transport_secret(entropy)
    folder = server_path(home)
    folder.mkdir(mode=0o700, parents=True, exist_ok=True)
    keys = TransportKeys(held.nkey_seed, held.tls_seed, secret)
    visitor = Visitor("", keys, write_files(folder, secret, held.tls_seed), connect)
    caller = _Caller(keys_of(entropy))
    try:
        found = await visitor.look_at(address)
        stranger = Peer(found.device, address, b"", found.tls_key, (address,))
        await visitor.visit(stranger, address, caller, known=False)
    except Unreachable as error:
        raise Unreachable(str(error), hint=_WORDS_HINT) from error
    assert caller.replica is not None, "the visit came to its end"
    devices = caller.replica.verdict.devices.values()
    survivor = next((a.digest for a in devices if a.tls_key == found.tls_key), None)
    return Survey(caller.replica, tuple(caller.events), address, survivor)


class _Caller(Visiting):
    """Takes all control events as a guest; it has nothing to tell and is asked nothing."""

    def __init__(self, keys: SecretKeys) -> None:
        self.keys = keys
        self.replica: Replica | None = None
        self.events: list[Placed] = []

    async def guest(self, link: GuestLink, device: str | None) -> None:  # noqa: ARG002 - as the port has it
        """Compare and fetch until nothing is lacking."""
        have = await _compared(link)
        mesh = await _mesh(link, have, self.keys.sign_key)
        self.replica = Replica(Own(mesh, mesh, self.keys), Keyring())
        for _ in range(_ROUNDS_MAX):
            before = len(self.events)
            await self._fetch(link, have)
            if len(self.events) == before:
                return
            have = await _compared(link)
        raise Unreachable("the other device told ever new events", hint="Try again; nothing was changed.")

    async def _fetch(self, link: GuestLink, have: Have) -> None:
        assert self.replica is not None, "the mesh is known"
        places = {event.digest: (event.seq, event.header.lamport) for event in self.events}
        pull = Pull(list(lacking(self.replica.chains.frontier(Lane.CONTROL), have.control, places)))
        while want := pull.want(self.replica.chains.after):
            push = messages.decode_push(await _asked(link, "want", messages.encode(want)))
            effects = self.replica.handle(Heard(_SURVIVOR, Push(push.runs), places))
            self.events += effects.append
            places |= {event.digest: (event.seq, event.header.lamport) for event in effects.append}
            if effects.alarms and effects.refused:
                raise Refused(f"what the other device has does not hold: {effects.alarms[0]}")
            if not pull.advance((run.chain, self.replica.chains.end(run)) for run in push.runs if self._has(run.chain)):
                return

    def _has(self, chain: Digest) -> bool:
        assert self.replica is not None, "the mesh is known"
        return chain in self.replica.chains.chains


async def _compared(link: GuestLink) -> Have:
    mine = Have({}, {}, ZERO, ZERO, asks=True)
    return messages.decode_have(await _asked(link, "have", messages.encode(mine)))


async def _asked(link: GuestLink, verb: str, body: bytes) -> bytes:
    return await link.request(verb, body, timeout_s=timing.ASK_TIMEOUT_S)


async def _mesh(link: GuestLink, have: Have, sign_key: bytes) -> Digest:
    """Which of the chains there is the one that the recovery key founded its mesh with. Raises Stranger."""
    targets = [(chain, head) for chain, heads in sorted(have.control.items()) for head in heads[:1]]
    for start in range(0, len(targets), WANT_SPANS_MAX):
        pull = Pull(targets[start : start + WANT_SPANS_MAX])
        want = pull.want(lambda _chain: ())
        assert want is not None, "there are targets"
        push = messages.decode_push(await _asked(link, "want", messages.encode(want)))
        for run in push.runs:
            if founded_by(run, sign_key):
                return run.chain
    message = "the device there belongs to a mesh that these words did not found"
    raise Stranger(message, hint="Compare the words with what is on paper, and the address with the device.")


# ── the first commit ─────────────────────────────────────────────────────────────────────────────


async def take_over(home: Path, entropy: bytes, survey: Survey) -> Digest:
    """Let this machine in as founder: durable, and heard by nobody yet. Its admission."""
    held = homes.beginning(home, "")
    replica, keys = survey.replica, keys_of(entropy)
    moment = Moment(secrets.token_bytes(SALT_BYTES), _now_ms(), replica.heard)
    commit = letting_in(survey.mesh, keys, homes.own_request(held, RANK_FOUNDER), moment)
    admission = commit[1].digest
    where = addresses_key(device_text(survey.survivor)) if survey.survivor else "addresses"
    settings = {RECOVERY_OWED: b"1", where: json.dumps([survey.address]).encode()}
    homes.forget_leftovers(home)  # of a first commit that nobody heard of
    await homes.keep(home, (*survey.events, *commit), settings)
    vault.save(home, held.admitted(survey.mesh, admission, transport_secret(entropy), replica.keyring.keys()))
    return admission


# ── the data, and the second commit ──────────────────────────────────────────────────────────────


def must_be_owed(home: Path) -> None:
    """Raise Misuse unless a recovery of this home was cut off. Looks beside a running agent."""
    if beside(home, _setting, stop_s=timing.DATABASE_LOOK_S_MAX) != b"1":
        message = "this device belongs to a mesh already, and no recovery of it is under way"
        raise Misuse(message, hint="`mesh status` shows it; recover into another home: --home DIR.")


def _setting(db: Sql) -> bytes | None:
    row = db.execute("SELECT value FROM setting WHERE key = ?", (RECOVERY_OWED,)).fetchone()
    return bytes(row[0]) if row else None


async def owed(home: Path, name: str, entropy: bytes) -> tuple[Admission, ...]:
    """Whom to ask about where a recovery was cut off. Raises Stranger for the words of another mesh."""
    held = joined(home)
    store = await open_store(home)
    try:
        boot = await store.boot()
    finally:
        await store.close()
    if name not in {"", held.name}:
        message = f"this recovery began under the name {held.name!r}, which is part of the admission"
        raise Misuse(message, hint="Leave --name out.")
    replica = replica_of(Own(held.mesh, held.admission, held.keys), Keyring(), boot)
    genesis = replica.statements[held.mesh].body
    if not isinstance(genesis, Genesis) or genesis.sign_key != keys_of(entropy).sign_key:
        raise Stranger("these are not the words of this mesh", hint="Compare them with what is on paper.")
    return others(replica.verdict, replica.statements, held.admission)


async def finish(
    home: Path, entropy: bytes, closing: Collection[Digest], interfaces: Sequence[str], told: Told
) -> dict[str, object]:
    """Fetch the data as the new founder, then close these devices and begin a new epoch; returns when others know.

    Raises Unreachable when nothing comes any more; what was kept stays, and calling it again goes on.
    """
    joined(home)
    vault.make_home(home)
    log, close = log_opened(home)
    try:
        async with opened(home, interfaces=interfaces, log=log) as agent, asyncio.TaskGroup() as group:
            serving = group.create_task(agent.serve(lambda: None))
            try:
                await _until(agent, _has_all, told)
                told("All that the others hold is here.")
                left_out = await _close(agent, entropy, closing)
                await _until(agent, _is_known, told)
                return await _result(agent, left_out)
            finally:
                agent.ending.set()
                await asyncio.wait([serving], timeout=timing.STOP_S_MAX)
    finally:
        close()


async def _close(agent: Agent, entropy: bytes, closing: Collection[Digest]) -> int:
    keys, made = keys_of(entropy), list[Ending]()

    async def commit(replica: Replica) -> Push:
        live = [name for name in closing if name in replica.verdict.live]
        learned(replica.own.mesh, keys, replica.keyring, replica.statements.values())
        moment = Moment(secrets.token_bytes(SALT_BYTES + KEY_BYTES), _now_ms(), replica.heard)
        said = ending(keys, live, replica.chains, replica.statements, replica.keyring, moment)
        made.append(said)
        replica.keyring.add(said.commit[-1].digest, said.key)
        await agent.keep_keys()  # first: a key too many is none too few
        return Push(runs(said.commit))

    effects = await agent.engine.decree(_SURVIVOR, commit)
    assert effects.append and not effects.refused, effects.alarms  # noqa: PT018 - what we said ourselves holds
    await agent.engine.remember(RECOVERY_OWED, b"")
    return made[0].left_out


def _has_all(peers: Sequence[dict[str, object]], _agent: Agent) -> bool:
    return any(peer["connected"] for peer in peers) and all(peer["we_lack"] == 0 for peer in peers if peer["connected"])


def _is_known(_peers: Sequence[dict[str, object]], agent: Agent) -> bool:
    known = agent.talk.known.values() if agent.talk else ()
    return any(one.have.verdict == agent.engine.replica.verdict_digest for one in known)


async def _until(
    agent: Agent,
    reached: Callable[[Sequence[dict[str, object]], Agent], bool],
    told: Told,
) -> None:
    """Wait for the others, for as long as something comes in."""
    events, still_s = -1, time.monotonic()
    while True:
        status = await agent.call("status", {})
        assert isinstance(status, dict), status
        if reached(status["peers"], agent):
            return
        if status["events"] != events:
            events, still_s = status["events"], time.monotonic()
            told(f"{events} events are here.")
        if time.monotonic() - still_s > timing.RECOVERY_STILL_S:
            why = [str(peer["problem"]) for peer in status["peers"] if peer["problem"]]
            message = f"nothing comes from the other devices{f': {why[0]}' if why else ''}"
            raise Unreachable(message, hint="What was reached is kept. When one of them is there: mesh recover")
        await asyncio.sleep(timing.RECOVERY_LOOK_S)


async def _result(agent: Agent, left_out: int) -> dict[str, object]:
    counts = await agent.store.counts()
    verdict = agent.engine.replica.verdict
    return {
        "mesh": digest_text(agent.engine.own.mesh),
        "device": agent.device,
        "name": agent.held.name,
        "closed": sorted(found.name for found in verdict.closed.values()),
        "kept": sorted(found.name for name, found in verdict.live.items() if name != agent.engine.own.admission),
        "events": counts.events,
        "documents": counts.documents,
        "left_out": left_out,
    }


def _now_ms() -> int:
    return time.time_ns() // 1_000_000
