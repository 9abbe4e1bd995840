"""A mesh of true replicas in virtual time under one seed: people write, admit, grant; everything else goes wrong.

The world knows what the person knows (what was acknowledged, whose chains were copied, what each event should count
for) and asks nothing of the devices but their own words. Same seed, same trace.
"""

from __future__ import annotations

import hashlib
import itertools
from dataclasses import replace
from random import Random

from mesh.clocks.chain import START
from mesh.errors import NotGranted, Refused
from mesh.events.bodies import document_of
from mesh.events.event import Lane, Placed, Run
from mesh.events.founding import (
    Packet,
    admission_text,
    asked,
    default_grant,
    found,
    read_admission,
    read_request,
    rekey_purpose,
    request_text,
    transport_secret,
    with_rank,
)
from mesh.events.keys import SecretKeys, public_sign_key
from mesh.events.kinds import VERBS, Admit, Born, Grant, Rekey, kind_of
from mesh.events.seal import commitment, handed_on
from mesh.events.speaking import NONCES_BYTES, Draft
from mesh.events.verdict import Standing
from mesh.limits import KEY_BYTES, LAMPORT_STEP_MAX, RANK_ADMIN_LAST, SALT_BYTES
from mesh.names import Digest, short
from mesh.sync import messages
from mesh.sync.inputs import GUEST, Peer, Said
from mesh.sync.messages import Have, Message, Push, Want
from mesh.sync.replica import Own
from tests.world import seeded_hpke
from tests.world.devices import Device, Struck
from tests.world.disk import Disk
from tests.world.hostile import Pen
from tests.world.law import Law, grants_now
from tests.world.wire import Letter, Temper, Wire

EPOCH_MS = 1_700_000_000_000
LETTERS_FIRST = 4000
PAGES = (700, 2500, 1 << 18)


class Broken(AssertionError):
    """A property does not hold; the first word names it."""


def claim(name: str, truth: object, detail: object = "") -> None:
    """Raise Broken unless it is so."""
    if not truth:
        raise Broken(f"{name}: {detail}")


class World:
    """Everything of one seed."""

    def __init__(
        self,
        seed: int,
        *,
        real: bool = False,
        transcript: bool = False,
        temper: Temper | None = None,
        names: tuple[str, ...] = (),
    ) -> None:
        """Found a mesh. `real`: messages as bytes, and Automerge documents. `names`: of a story, which begins alone."""
        self.seed, self.real = seed, real
        self.rng = Random(seed)
        self.temper = temper or Temper.drawn(self.rng)
        self.wire = Wire(self.rng, Temper())
        self.page_bytes = self.rng.choice(PAGES)
        self.devices: dict[str, Device] = {}
        self.by_text: dict[str, Device] = {}
        self.names = names
        self.acked: dict[Digest, str] = {}
        self.excused: set[Digest] = set()
        self.forkable: set[Digest] = set()
        self.expected: dict[Digest, Standing] = {}
        self.edits: dict[Digest, bytes] = {}
        self.law: Law | None = None
        self.disputes: Random | None = None
        self.pens: list[tuple[Device, Pen]] = []
        self.counts: dict[str, int] = {"Have": 0, "Want": 0, "Push": 0}
        self.letters_max = LETTERS_FIRST
        self.lines: list[str] | None = [] if transcript else None
        self._trace = hashlib.sha256()
        self._numbers = itertools.count()
        self._found()
        self.wire.temper = self.temper

    # ── what is told ──

    def note(self, line: str) -> None:
        """One line of the transcript, and of the trace."""
        line = f"{self.wire.now_ms:>7} {line}"
        self._trace.update(line.encode() + b"\n")
        if self.lines is not None:
            self.lines.append(line)

    @property
    def trace(self) -> str:
        """A hash over everything that happened."""
        return self._trace.hexdigest()

    def number(self) -> int:
        """A number that was not given yet."""
        return next(self._numbers)

    def told(self, what: Placed | Message) -> str:
        """An event or a message, for a line."""
        match what:
            case Placed():
                return f"{self.author(what.admission)}/{what.lane.name.lower()}/{what.seq} {what.digest.hex()[:8]}"
            case Have(control, data, _, _, asks):
                return f"Have{'?' if asks else ''} of {len(control)}+{len(data)} chains"
            case Want(spans, bodies):
                return f"Want of {len(spans)} spans, {len(bodies)} bodies"
            case Push(runs, bodies, _):
                return f"Push of {sum(len(run.events) for run in runs)} events, {len(bodies)} bodies"

    def author(self, admission: Digest) -> str:
        """Who writes under an admission."""
        found_ = next((d.name for d in self.devices.values() if d.own.admission == admission), None)
        return found_ or ("paper" if admission == self.mesh else admission.hex()[:6])

    def name_of(self, peer: Peer, letter: Letter | None) -> str:
        """A peer as the transcript calls it."""
        if peer == GUEST:
            return f"guest {letter.source}" if letter else "a guest"
        device = self.by_text.get(peer.removeprefix(GUEST))
        return ("host " if peer.startswith(GUEST) else "") + (device.name if device else peer)

    # ── the wire ──

    def post(self, letter: Letter) -> None:
        """Send a letter; some pushes lose their bodies to a device that keeps none."""
        self.counts[letter.verb.__name__] += 1
        claim("talk", sum(self.counts.values()) < self.letters_max, "it does not end")
        message = letter.message
        if self.wire.temper.strip and isinstance(message, Push) and self.rng.random() < self.wire.temper.strip:
            message = Push(tuple(self._stripped(run) for run in message.runs), (), message.answer)
        assert not isinstance(message, bytes), letter
        self.wire.post(replace(letter, message=messages.encode(message) if self.real else message), self._deliver)

    def _stripped(self, run: Run) -> Run:
        lane = next(
            (d.disk.log[run.chain].lane for d in self.devices.values() if run.chain in d.disk.log), Lane.CONTROL
        )
        if lane is Lane.CONTROL:
            return run
        opening = run.after.seq == 0
        events = tuple(
            event if opening and not number else type(event)(event.header, None)
            for number, event in enumerate(run.events)
        )
        return Run(run.chain, run.after, events, run.signature)

    def _deliver(self, letter: Letter) -> None:
        self.devices[letter.target].receive(letter)

    def reachable(self, one: Device, other: Device) -> bool:
        """Whether a greeting and its answer would get through."""
        ways = {(one.name, other.name), (other.name, one.name)}
        return other.up and not ways & self.wire.cut

    def hear_stray(self, device: Device, victim: Device, run: Run) -> None:
        """A thief speaks to a device in the name of another. Hold asks nothing but the chain itself."""
        fits = run.after == START or run.after.digest in device.disk.log
        fits &= not device.replica.outside(victim.text)
        held = len(device.disk.log)
        device.hear(victim.text, Push((run,)))
        here = {placed.event.header for placed in device.disk.log.values() if placed.chain == run.chain}
        taken = {event.header for event in run.events} <= here
        claim("hold", taken or not fits or not device.up, f"{device.name} ({held} events) does not hold a valid run")

    # ── crashes and what must survive them ──

    def strikes(self) -> bool:
        """Whether a crash strikes now."""
        return self.wire.temper.crash > 0 and self.rng.random() < self.wire.temper.crash

    def crash(self, device: Device) -> None:
        """Stop a device; it comes back after a while."""
        device.crash(power=self.rng.random() < self.wire.temper.power)
        self.kept()
        self.wire.later(self.rng.randrange(200, 20_000), lambda: self.back(device))

    def back(self, device: Device) -> None:
        """Start a device that is off."""
        if not device.up:
            self.note(f"{device.name} starts")
            device.boot()

    def acknowledged(self, device: Device, events: tuple[Placed, ...]) -> None:
        """A person was told that these are kept."""
        for placed in events:
            self.acked[placed.digest] = device.name

    def kept(self) -> None:
        """Kept means kept: what was acknowledged is on a disk, unless its only disk was replaced by an old copy."""
        for digest, name in self.acked.items():
            fit = digest in self.excused or any(digest in d.disk.log for d in self.devices.values())
            claim("kept", fit, f"{digest.hex()[:8]}, acknowledged on {name}, is gone")

    def restore(self, device: Device, *, noticed: bool) -> None:
        """Put an old copy of its disk into a device."""
        assert device.backup is not None, device.name
        if device.up:
            device.crash(power=False)
        lost = device.disk.log.keys() - device.backup.log.keys()
        device.disk = device.backup.copy()
        held = {digest for other in self.devices.values() for digest in other.disk.log}
        self.excused |= lost - held
        how = "notices" if noticed else "does not notice"
        self.note(f"{device.name} is restored and {how}: {len(lost)} events back, {len(lost - held)} nowhere else")
        events = (placed for other in self.devices.values() for placed in other.disk.log.values())
        own = {placed.chain for placed in events if placed.admission == device.own.admission}
        device.past = own if noticed else set()
        if not noticed:
            self.forkable.add(device.own.admission)
        device.reason = "restored"
        device.boot(noticed=noticed)

    # ── saying ──

    def say(self, device: Device, drafts: tuple[Draft, ...], lane: Lane = Lane.DATA) -> tuple[Placed, ...]:
        """Somebody at a device says something. Raises Refused, Struck."""
        time_ms = max(0, EPOCH_MS + self.wire.now_ms + device.skew_ms)
        entropy = self.rng.randbytes(SALT_BYTES + NONCES_BYTES * len(drafts))
        heard = max((placed.header.lamport for placed in device.disk.log.values()), default=0)
        said = device.handle(Said(drafts, lane, time_ms, entropy, device.reason))
        claim("restored", said[0].chain not in device.past, f"{device.name} speaks on a chain from before its restore")
        first = said[0].header.lamport
        parent = device.disk.log.get(said[0].parent)
        furthest = (parent.header.lamport if parent else 0) + LAMPORT_STEP_MAX
        claim("lamport", first == min(heard + 1, furthest), f"{first} after {heard} was heard")
        if lane is Lane.DATA:
            self.expected.update((placed.digest, Standing.HONOURED) for placed in said)
        return said

    def allowed(self, device: Device, draft: Draft) -> bool:
        """Whether a grant that the device holds lets it say that, read off the statements once more."""
        assert draft.document is not None, draft
        wanted = (draft.document.space, draft.document.type, VERBS[kind_of(draft.body)])
        said = [s.body for s in device.replica.statements.values() if isinstance(s.body, Grant)]
        grants = grants_now(device, self.mesh) if self.law else said
        return any(
            grant.admission == device.own.admission
            and grant.agent == draft.agent
            and all(word in have or "*" in have for word, have in zip(wanted, _scope(grant), strict=True))
            for grant in grants
        )

    def lacks_key(self, device: Device) -> bool:
        """Whether the epoch to write under was made by somebody who did not know this device yet."""
        epoch = device.replica.verdict.epoch()
        return epoch is None or short(epoch) not in device.disk.keys

    def write(self, device: Device, drafts: tuple[Draft, ...]) -> tuple[Placed, ...]:
        """Write data as the person or an agent would; what must work must work, what must not must change nothing."""
        fit = all(self.allowed(device, draft) for draft in drafts)
        before = (len(device.disk.log), device.replica.chains.frontier(Lane.DATA), device.replica.heard)
        try:
            said = self.say(device, drafts)
        except NotGranted as error:
            claim("blocked", not fit, f"{device.name} may not write: {error}")
            after = (len(device.disk.log), device.replica.chains.frontier(Lane.DATA), device.replica.heard)
            claim("refused", before == after, "a refused draft changed something")
            return ()
        except Refused as error:
            claim("blocked", self.lacks_key(device), f"{device.name} cannot write: {error}")
            return ()
        except Struck:
            return ()
        claim("gate", fit, f"{device.name} said what no grant allows")
        return said

    def birth(self, device: Device, agent: str = "", text: str = "") -> Draft:
        """A new document."""
        rng = self.rng
        space, kind = rng.choice(("home", "work")), rng.choice(("note", "task"))
        born = Born({"title": f"{device.name} {rng.randrange(999)}"}, text, rng.randbytes(SALT_BYTES))
        return Draft(born, document_of(space, kind, born), agent)

    # ── authority ──

    def _found(self) -> None:
        rng = self.rng
        entropy = rng.randbytes(KEY_BYTES)
        self.recovery, self.transport = SecretKeys.from_entropy(entropy), transport_secret(entropy)
        keys = SecretKeys.from_entropy(rng.randbytes(KEY_BYTES))
        commit = found(self.recovery, self._asked(keys, self._name()), rng.randbytes(SALT_BYTES), EPOCH_MS)
        self.mesh = commit[0].digest
        disk = Disk()
        disk.write(commit)
        disk.sync()
        founder = self._add(self._name(), Own(self.mesh, commit[1].digest, keys), disk)
        self.rekey(founder)
        if not self.names:
            self.admit(founder, 2 if rng.random() < 0.5 else 10)

    def _name(self) -> str:
        number = len(self.devices)
        return self.names[number] if number < len(self.names) else f"d{number}"

    def _asked(self, keys: SecretKeys, name: str) -> Admit:
        others = [public_sign_key(self.rng.randbytes(KEY_BYTES)) for _ in range(2)]
        return asked(keys, others[0], others[1], name)

    def _add(self, name: str, own: Own, disk: Disk) -> Device:
        device = Device(self, name, own, disk)
        self.devices[name] = self.by_text[device.text] = device
        device.boot()
        return device

    def admit(self, admin: Device, rank: int) -> Device | None:
        """Let a new device in: request, admission, grant, a new epoch, and a packet. None when a crash came between."""
        name = self._name()
        keys = SecretKeys.from_entropy(self.rng.randbytes(KEY_BYTES))
        request = read_request(request_text(self._asked(keys, name)))
        try:
            (admitted,) = self.control(admin, Draft(with_rank(request, rank)))[-1:]
            self.control(admin, Draft(default_grant(admitted.digest)))
            self.rekey(admin)
        except Struck:
            self.note(f"{admin.name} did not finish an admission")
            return None
        frontier = admin.replica.have(GUEST, asks=False).control
        control = messages.encode(admin.disk.pages(frontier, {}, admin.in_order(frontier)))
        packet = Packet(self.mesh, admitted.digest, self.transport, dict(admin.disk.keys), (control,), ())
        opened = read_admission(admission_text(packet, keys.kem_key), keys)
        self.note(f"{admin.name} admits {name} at rank {rank}")
        device = self._add(name, Own(opened.mesh, opened.admission, keys), Disk(keys=dict(opened.epochs)))
        device.packet = opened.control
        device.read_packet()
        return device

    def control(self, admin: Device, *drafts: Draft) -> tuple[Placed, ...]:
        """An admin states something."""
        said = self.say(admin, drafts, Lane.CONTROL)
        if self.law:
            self.law.said |= {placed.digest for placed in said}
        return said

    def rekey(self, admin: Device) -> None:
        """A new epoch for all devices that count, with the earlier keys under it."""
        key = self.rng.randbytes(KEY_BYTES)
        verdict = admin.replica.verdict
        wraps = tuple(
            (name, seeded_hpke.wrap(key, device.kem_key, rekey_purpose(self.mesh, name), self.rng.randbytes(KEY_BYTES)))
            for name, device in sorted(verdict.readers().items())
        )
        older = tuple(
            (epoch, handed_on(key, self.mesh, epoch, held)) for epoch, held in sorted(admin.disk.keys.items())
        )
        self.control(admin, Draft(Rekey(commitment(key), wraps, older)))

    def owes_key(self, admin: Device) -> bool:
        """Whether some device that counts cannot come by a key that this admin has.

        Two admins who admit and rekey at the same time each leave the other's newcomer out.
        """
        rekeys = admin.replica.verdict.rekeys
        for name in admin.replica.verdict.readers():
            reach = {short(e) for e, (_, rekey) in rekeys.items() if name in dict(rekey.wraps)}
            size = -1
            while size < len(reach):
                size = len(reach)
                reach |= {older for e, (_, r) in rekeys.items() if short(e) in reach for older, _ in r.earlier}
            if admin.disk.keys.keys() - reach:
                return True
        return admin.replica.verdict.epoch() is None

    def admins(self) -> list[Device]:
        """The admins that are up, by rank."""
        fit = [d for d in self.devices.values() if d.up and d.replica.own_rank <= RANK_ADMIN_LAST]
        return sorted(fit, key=lambda device: device.replica.own_rank)

    def live(self, device: Device) -> bool:
        """Whether it counts in its own view."""
        return device.replica.verdict.is_live(device.own.admission)

    def honest(self) -> list[Device]:
        """The devices that run nothing but our software, and are up."""
        return [device for device in self.devices.values() if device.up and not device.hostile]


def _scope(grant: Grant) -> tuple[tuple[str, ...], tuple[str, ...], tuple[str, ...]]:
    return (grant.space,), grant.types, grant.verbs
