"""The engine: the one writer. Inputs go through the replica one at a time; effects are committed, then told.

Jobs that arrive together share one commit. What could not be committed never happened: replica and shelf are read
again from the store. This module knows no network; what is to be asked, sent and met is handed to its owner.
"""

from __future__ import annotations

import asyncio
import hashlib
import secrets
import time
from collections.abc import Awaitable, Callable, Mapping, Sequence
from contextvars import ContextVar
from dataclasses import dataclass, field, replace
from typing import Protocol

from mesh.errors import DiskFull
from mesh.events.chains import Held
from mesh.events.event import Lane, Placed, Run
from mesh.events.seal import Keyring
from mesh.events.speaking import NONCES_BYTES, Draft, event_bytes, joined
from mesh.events.verdict import admitted
from mesh.limits import COMMIT_INPUTS_MAX, INPUTS_QUEUED_MAX, LIVE_PUSH_BYTES_MAX, PAGE_BYTES_MAX, SALT_BYTES
from mesh.names import Digest
from mesh.node import voices
from mesh.node.booting import replica_of
from mesh.node.scales import NOBODY
from mesh.node.shelf import Shelf
from mesh.node.storage.store_port import Batch, Boot, Row, Store
from mesh.sync.inputs import Effects, Heard, Input, Later, Peer, Said
from mesh.sync.messages import Message, Push, Want
from mesh.sync.missing import Missing
from mesh.sync.replica import EVERYBODY, Own, Replica

_WEIGHED = "weighed"
"""The setting that says by what everything in the log was weighed."""

BESIDE: ContextVar[Mapping[str, bytes]] = ContextVar("beside", default={})  # noqa: B039 - nobody changes it in place
"""Settings that are kept in one commit with what a task says next: so an act, and that it was done, are never apart."""

Make = Callable[["Engine"], Awaitable[Sequence[Draft | Later]]]
"""What somebody wants to say, worked out when nothing else can come between."""


class Owner(Protocol):
    """Who carries out what the engine does not."""

    def ask(self, peer: Peer, want: Want) -> None:
        """Ask a peer; may be called before the commit."""

    def happened(self, effects: Effects) -> None:
        """The effects are durable: send, meet again, sound the alarms."""


@dataclass(slots=True)
class _Job:
    run: Callable[[], Awaitable[Effects]]
    done: asyncio.Future[Effects]
    effects: Effects = field(default_factory=Effects)
    told: bool = False  # its events were durable, and others learned of them, before all that follows from them


class Engine:
    """Replica, shelf and store of one device, moved by one writer."""

    def __init__(self, own: Own, keyring: Keyring, store: Store, owner: Owner) -> None:
        """Use `start` before anything else."""
        self.own, self.keyring, self.store, self.owner = own, keyring, store, owner
        self.replica = Replica(own, keyring)
        self.shelf = Shelf(store, keyring, self.replica.verdict)
        self._jobs: asyncio.Queue[_Job | None] = asyncio.Queue(INPUTS_QUEUED_MAX)
        self._ready: list[_Job] = []
        self._settings: dict[str, bytes] = {}
        self._voices: dict[Lane, Digest] = {}  # as the store has them
        self._reasons: dict[Lane, str] = {}  # why a lane has none
        self._weighed_by = b""  # as the store has it
        self._owed = False  # everything must be weighed anew, and there was no room for it

    async def start(self) -> Boot:
        """Read everything that is kept in memory from the store."""
        boot = await self.store.boot()
        met = self.replica.met
        self.replica = replica_of(self.own, self.keyring, boot)
        self.replica.met = met
        kept, self._reasons = voices.read(boot.settings)
        mine = {chain for chain, (admission, _) in boot.openings.items() if admission == self.own.admission}
        self._voices = {lane: chain for lane, chain in kept.items() if chain in mine}
        self.replica.speak_on(self._voices)
        self.shelf.scales.sealed = self.is_relay
        self.shelf.scales.turn(self.replica.verdict)
        await self.shelf.open()
        if not self.shelf.last_row:  # at the first start; nothing is written by an empty batch
            self.shelf.last_row = await self.store.commit(Batch())
        self._weighed_by = boot.settings.get(_WEIGHED, b"")
        if self._weighed_by != self._scale:
            await self._catch_up()
        self.replica.state = await self.store.digest()
        return boot

    @property
    def is_relay(self) -> bool:
        """Whether this device holds and serves what it cannot read: its admission says so, whether it counts or not."""
        found = admitted(self.replica.statements.get(self.own.admission))
        return found is not None and found.is_relay

    @property
    def _scale(self) -> bytes:
        """What everything is weighed by now: the verdict, and which keys are here."""
        return hashlib.sha256(self.replica.verdict_digest + b"".join(sorted(self.keyring.keys()))).digest()

    async def _catch_up(self) -> None:
        """Weigh everything anew: whoever ended this agent last did so before it had, or a backup was restored."""
        try:
            await self.shelf.weigh_everything(self._commit)
            await self._weighed()
            self._owed = False
        except DiskFull:  # what counted before is shown meanwhile, and tried again with the next commit
            self.shelf.dropped()
            self._settings.clear()
            self._owed = True

    async def _weighed(self) -> None:
        """Everything in the log counts for what the verdict says: commit that with the last of it."""
        if self._weighed_by != self._scale:
            self._weighed_by = self._settings[_WEIGHED] = self._scale
        await self._commit()
        if self.shelf.scales.verdict.forgotten or self.replica.missing:
            self.replica.missing = Missing(await self.store.missing_bodies())

    # ── what others ask for ──────────────────────────────────────────────────────────────────────

    async def say(self, lane: Lane, make: Make) -> tuple[Placed, ...]:
        """Say what `make` comes up with, or nothing. When it returns it is kept: it survives kill -9 and power loss."""
        beside = BESIDE.get()

        async def run() -> Effects:
            drafts = tuple(await make(self))
            if not drafts:  # nothing is to be said any more
                return Effects()
            entropy = secrets.token_bytes(SALT_BYTES + NONCES_BYTES * len(drafts))
            reason = self._reasons.get(lane, voices.NEW)
            effects = self.replica.handle(Said(drafts, lane, _now_ms(), entropy, reason))
            chain = self.replica.voices[lane]
            if chain != self._voices.get(lane):  # kept in one commit with its opening
                self._voices[lane] = chain
                self._settings |= voices.settings({lane: chain})
            self._settings |= beside
            return effects

        return (await self._submit(run)).append

    async def hear(self, peer: Peer, message: Message) -> Effects:
        """Take a message in; returns when what it brought is kept."""

        async def run() -> Effects:
            held: Held = {}
            if unsure := self.replica.unsure(message, peer):
                await self._commit()
                held = await self.store.places(unsure)
            return self.replica.handle(Heard(peer, message, held))

        return await self._submit(run)

    async def decree(self, peer: Peer, make: Callable[[Replica], Awaitable[Push]]) -> Effects:
        """Take in what another key of this device's person says, worked out when nothing else can come between."""

        async def run() -> Effects:
            return self.replica.handle(Heard(peer, await make(self.replica)))

        return await self._submit(run)

    async def look(self, make: Make) -> None:
        """Look at documents when nothing else can come between; nothing is said."""

        async def run() -> Effects:
            await make(self)
            return Effects()

        await self._submit(run)

    async def settled(self) -> None:
        """For what is made to be said: keep what came before it in the same commit, so that the store tells all."""
        await self._commit()

    async def feed(self, given: Input) -> Effects:
        """Any other input."""

        async def run() -> Effects:
            return self.replica.handle(given)

        return await self._submit(run)

    async def remember(self, key: str, value: bytes) -> None:
        """Keep a setting with the next commit, and wait for it."""
        await self.revise(key, lambda _: value)

    async def revise(self, key: str, change: Callable[[bytes], bytes]) -> None:
        """Keep a setting as `change` makes it out of what is kept: nothing comes between, and its errors come out."""

        async def run() -> Effects:
            kept = self._settings.get(key)
            self._settings[key] = change(await self.store.setting(key) or b"" if kept is None else kept)
            return Effects()

        await self._submit(run)

    async def rebuild(self) -> None:
        """Throw away everything that follows from the log, and build it again, event by event."""

        async def work() -> None:
            await self.store.commit(Batch(settings=((_WEIGHED, b""),)))
            await self.store.forget_state()
            self.shelf.dropped()
            after = 0
            while rows := await self.store.replay(after):
                await self.shelf.weigh_again(rows)
                self.shelf.committed(await self.store.commit(await self.shelf.batch({})))
                after = rows[-1].id
            await self.store.commit(Batch(settings=((_WEIGHED, self._scale),)))

        await self.alone(work)

    async def erase(self, before_ms: int) -> int:
        """Delete the bodies of what was forgotten before that time. Returns how many went."""
        count = 0

        async def run() -> Effects:
            nonlocal count
            await self._commit()
            count = await self.store.erase(before_ms)
            return Effects()

        await self._submit(run)
        return count

    async def alone(self, work: Callable[[], Awaitable[None]]) -> None:
        """Do something with the store while nothing else is written, and read everything anew afterwards."""

        async def run() -> Effects:
            await self._commit()
            await work()
            self.shelf.dropped()
            await self.start()
            return Effects(judged=True)

        await self._submit(run)

    async def serve(self, peer: Peer, want: Want) -> Push:
        """The answer to a Want: as much as fits a page."""
        runs: list[Run] = []
        room = PAGE_BYTES_MAX
        for _, allowed in self.replica.handle(Heard(peer, want)).serve:
            for span in allowed.spans:
                run = await self.store.serve(span, room) if room > 0 else None
                if run is None:
                    continue
                size = sum(len(e.header) + len(e.body or b"") for e in run.events)
                if runs and size > room:
                    break
                runs.append(run)
                room -= size
            bodies = await self.store.bodies(allowed.bodies, room) if allowed.bodies and room > 0 else ()
        return Push(tuple(runs), bodies, answer=True)

    # ── the writer ───────────────────────────────────────────────────────────────────────────────

    async def _submit(self, run: Callable[[], Awaitable[Effects]]) -> Effects:
        done: asyncio.Future[Effects] = asyncio.get_running_loop().create_future()
        await self._jobs.put(_Job(run, done))
        return await done

    async def work(self) -> None:
        """Do jobs until `stop`; those that were there before are done first."""
        stopped = False
        while not stopped:
            given = [await self._jobs.get()]
            while not self._jobs.empty() and len(given) < COMMIT_INPUTS_MAX:
                given.append(self._jobs.get_nowait())
            stopped = None in given
            await self._together([job for job in given if job is not None])

    async def stop(self) -> None:
        """Let `work` return when everything that was asked for until now is done."""
        await self._jobs.put(None)

    async def _together(self, jobs: Sequence[_Job]) -> None:
        if self._owed:
            await self._catch_up()
        for job in jobs:
            try:
                job.effects = await job.run()
            except Exception as error:  # noqa: BLE001 - whoever asked is told; the replica has not moved
                _fail(job, error)
                continue
            await self._absorb(job)
        await self._commit_or_fail()

    async def _absorb(self, job: _Job) -> None:
        """Work out what a job's effects amount to, for the commit that is being collected."""
        effects = job.effects
        for peer, want in effects.ask:
            self.owner.ask(peer, want)
        try:
            fallen = self.shelf.scales.turn(self.replica.verdict) if effects.judged else NOBODY
            await self.shelf.take(effects.append)
            self._unwanted(effects.append)
            if effects.bodies:
                await self._take_bodies(effects)
            if effects.judged:
                await self._commit()
                self._tell(job)  # whom a statement shuts out must not wait until all his work was weighed
                await self.shelf.weigh_all_again(fallen, self._commit)
                await self._weighed()
        except Exception as error:  # noqa: BLE001 - whatever it is, what was collected did not happen
            _fail(job, error)
            await self._undo(error)
            return
        self._ready.append(job)  # not before: a commit in between must not tell that it is done
        if self.shelf.full:
            await self._commit_or_fail()

    def _tell(self, job: _Job) -> None:
        job.told = True
        for effects in self._as_news([job.effects]):
            self.owner.happened(effects)

    def _unwanted(self, events: Sequence[Placed]) -> None:
        """Ask nobody for bodies of what is forgotten."""
        if self.replica.verdict.forgotten:
            for event in events:
                kept = self.shelf.gathered.events.get(event.digest)
                if kept and kept.document in self.replica.verdict.forgotten:
                    self.replica.missing.pop(event.digest, None)

    async def _take_bodies(self, effects: Effects) -> None:
        await self._commit()
        rows: list[Row] = []
        for event, body in effects.bodies:
            for row in await self.store.event(event):
                whole = replace(row.placed, event=replace(row.placed.event, body=body))
                rows.append(replace(row, placed=whole))
        await self.shelf.take_bodies(rows, effects.bodies)

    async def _commit(self) -> None:
        """Make everything collected durable, then tell those who wait for it."""
        batch = await self.shelf.batch(self._settings, _now_ms())
        if batch != Batch(time_ms=batch.time_ms):
            self.shelf.committed(await self.store.commit(batch))
            self._settings.clear()
        elif self.shelf.full:
            self.shelf.committed(self.shelf.last_row)  # documents that were only looked at
        ready, self._ready = self._ready, []
        for job in ready:
            if not job.done.done():
                job.done.set_result(job.effects)
        for effects in self._as_news([job.effects for job in ready if not job.told]):
            self.owner.happened(effects)

    def _as_news(self, effects: Sequence[Effects]) -> list[Effects]:
        """What was said in one commit is told at once: in as few runs as fit, or as tips when it is much."""
        said: list[Effects] = []
        others: list[Effects] = []
        for one in effects:
            (said if any(isinstance(message, Push) for _, message in one.send) else others).append(one)
        if not said:
            return others
        events = [event for one in said for event in one.append]
        small = sum(event_bytes(event.event) for event in events) <= LIVE_PUSH_BYTES_MAX
        news = Push(joined(events)) if small else self.replica.have(EVERYBODY, asks=False)
        judged = any(one.judged for one in said)
        return [*others, Effects(append=tuple(events), send=((None, news),), judged=judged)]

    async def _commit_or_fail(self) -> None:
        try:
            await self._commit()
        except Exception as error:  # noqa: BLE001 - as above
            await self._undo(error)

    async def _undo(self, error: Exception) -> None:
        """Forget what could not be kept, and go on from what the store holds."""
        ready, self._ready = self._ready, []
        self.shelf.dropped()
        self._settings.clear()
        for job in ready:
            _fail(job, error)
        await self.start()


def _now_ms() -> int:
    return time.time_ns() // 1_000_000


def _fail(job: _Job, error: Exception) -> None:
    if not job.done.done():
        job.done.set_exception(error)
