"""The whole device as one machine: an input goes in, effects come out.

No clock is read, no socket or file is touched, nothing is awaited. The caller carries the effects out in the order of
their fields: ask, append, serve, send, then the rest. What only the log can tell comes in with the input (`held`).
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace

from mesh.clocks.chain import START, Head
from mesh.clocks.frontier import Frontier, lacking, unknown_heads
from mesh.errors import Refused
from mesh.events.chains import Chains, Fitted, Gap, Held
from mesh.events.epochs import Learner
from mesh.events.event import Lane, Placed, Run
from mesh.events.judge import Judgement
from mesh.events.keys import SecretKeys
from mesh.events.kinds import Opening
from mesh.events.reading import statement
from mesh.events.seal import Keyring
from mesh.events.speaking import NONCES_BYTES, Draft, Voice, event_bytes, joined, signed
from mesh.events.verdict import Statement, Verdict, admitted
from mesh.limits import CONTROL_BYTES_MAX, LIVE_PUSH_BYTES_MAX, RANK_ADMIN_LAST, SALT_BYTES, WANT_BODIES_MAX
from mesh.names import ZERO, Digest, device_text
from mesh.sync.inputs import GUEST, Effects, Fork, Heard, Input, Later, Lost, Met, Peer, Said, Ticked, is_guest
from mesh.sync.messages import Have, Message, Push, Want, told
from mesh.sync.missing import Missing
from mesh.sync.pull import Pull, Pulls
from mesh.sync.saying import epoch_to_write, granted, must_decide

EVERYBODY: Peer = "*"


@dataclass(frozen=True, slots=True)
class Own:
    """Who this device is in its mesh."""

    mesh: Digest
    admission: Digest
    keys: SecretKeys


class Replica:
    """One device's part in one mesh."""

    def __init__(
        self, own: Own, keyring: Keyring, chains: Chains | None = None, control: Iterable[Placed] = ()
    ) -> None:
        """Start from what the log holds: its chains, and all control events."""
        self.own, self.keyring = own, keyring
        self.chains = chains or Chains(own.mesh)
        self.judgement = Judgement(own.mesh)
        self.learner = Learner(own.mesh, own.admission, own.keys, keyring)
        self.control_bytes = 0
        self.missing = Missing()
        self.met: set[Peer] = set()
        self.pulls = Pulls()
        self.devices: dict[Peer, Digest] = {}  # all that were ever let in, by the names that the bus gives them
        self.voices: dict[Lane, Digest] = {}
        self.doubled: set[Digest] = set()  # chains that this device spoke on, and somebody else went on with
        self.turn = 0  # how many Haves were told: of a frontier that is too large each tells another part
        self.verdict_digest = self.verdict.digest()
        self.state: Digest = ZERO  # the state digest, as the shell settled it last
        self.heard = max((n for c in self.chains.chains.values() for n in c.tips.values()), default=0)
        self._judge(tuple(control), [])

    @property
    def verdict(self) -> Verdict:
        """What counts, by all that is held."""
        return self.judgement.verdict

    @property
    def statements(self) -> Mapping[Digest, Statement]:
        """All control events, as `judge` reads them."""
        return self.judgement.statements

    @property
    def lacks(self) -> Mapping[Peer, int]:
        """How many tips are still being fetched from each peer."""
        pulls = self.pulls.under_way
        return {peer: len(pull.control) + len(pull.data) + len(pull.bodies) for peer, pull in pulls.items()}

    def outside(self, peer: Peer) -> bool:
        """Whether only control is traded with this peer: a guest, or a device that is not live any more."""
        admission = self.devices.get(peer)
        return is_guest(peer) or (admission is not None and not self.verdict.is_live(admission))

    def have(self, peer: Peer, *, asks: bool) -> Have:
        """My frontier as this peer may see it: who is outside sees control only."""
        data: Frontier = {} if self.outside(peer) else self.chains.frontier(Lane.DATA)
        self.turn += 1
        return Have(*told(self.chains.frontier(Lane.CONTROL), data, self.turn), self.state, self.verdict_digest, asks)

    def unsure(self, message: Message, peer: Peer = "") -> tuple[Digest, ...]:
        """Digests that the log must be asked about before this message is handled. A guest's tips are not asked for."""
        match message:
            case Have() if peer == GUEST:
                return ()
            case Have(control, data):
                mine = {**self.chains.frontier(Lane.CONTROL), **self.chains.frontier(Lane.DATA)}
                return tuple(head.digest for _, head in unknown_heads(mine, {**control, **data}))
            case Push(pushed):
                return tuple(digest for run in pushed for digest in self.chains.unsure(run))
        return ()

    def handle(self, given: Input) -> Effects:
        """Take one input. Raises NotGranted or another Refused for `Said` only; then nothing has changed."""
        match given:
            case Said():
                return self._say(given)
            case Met(peer):
                if peer not in self.met:  # a link that came up; to compare again is no reason to ask in vain again
                    self.missing.anew(peer)
                self.met.add(peer)
                return Effects(send=((peer, self.have(peer, asks=True)),))
            case Heard(peer, Have() as have, held):
                return self._compare(peer, have, held)
            case Heard(peer, Push() as push, held):
                return self._receive(peer, push, held)
            case Heard(peer, want):
                assert isinstance(want, Want), want
                return Effects(serve=((peer, self._allowed(peer, want)),))
            case Lost(peer):
                self.met.discard(peer)
                self.missing.anew(peer)
                return Effects(meet=frozenset(self.pulls.end(peer) & self.met))
            case Ticked():
                return self._tick()

    def speak_on(self, voices: Mapping[Lane, Digest]) -> None:
        """Take up own chains again after a start: the ones last spoken on. In a lane without one, one is opened."""
        self.voices = dict(voices)

    # ── saying ───────────────────────────────────────────────────────────────────────────────────

    def _say(self, said: Said) -> Effects:
        assert len(said.entropy) >= SALT_BYTES + NONCES_BYTES * len(said.drafts), len(said.entropy)
        drafts: Sequence[Draft | Later] = said.drafts
        if said.lane is Lane.DATA:
            drafts = [granted(self.verdict, self.own.admission, draft, said.time_ms) for draft in drafts]
        else:
            must_decide(self.own_rank)
        voice, begun = self._voice(said)
        seal = (self.keyring, epoch_to_write(self.verdict, self.keyring)) if said.lane is Lane.DATA else None
        for number, draft in enumerate(one(begun) if callable(one) else one for one in drafts):
            nonces = said.entropy[SALT_BYTES + number * NONCES_BYTES :][:NONCES_BYTES]
            if seal:
                begun.append(voice.say_sealed(draft, said.time_ms, self.heard, seal, nonces))
            else:
                begun.append(voice.say(draft, said.time_ms, self.heard))
        commit = signed(begun, self.own.keys.sign)
        self.voices[said.lane] = voice.chain
        judged = self._take(commit, self.own.keys.sign_key, [], [])
        return Effects(append=commit, send=(self._announced(commit),), judged=judged)

    def _announced(self, commit: tuple[Placed, ...]) -> tuple[None, Have | Push]:
        """News for everybody: the events themselves when small, otherwise that they are there."""
        if sum(event_bytes(placed.event) for placed in commit) > LIVE_PUSH_BYTES_MAX:
            return None, self.have(EVERYBODY, asks=False)
        return None, Push(joined(commit))

    @property
    def own_rank(self) -> int:
        """This device's rank; beyond those of admins while its admission does not count, or is closed."""
        found = self.verdict.admissions.get(self.own.admission)
        return found.rank if found and self.verdict.is_live(found.digest) else RANK_ADMIN_LAST + 1

    def _voice(self, said: Said) -> tuple[Voice, list[Placed]]:
        """The end of the own chain of this lane, opened when there is none, or another copy of us wrote there."""
        key, sign = self.own.keys.sign_key, self.own.keys.sign
        name = self.voices.get(said.lane)
        chain = self.chains.chains.get(name) if name else None
        if name and chain and len(chain.tips) == 1 and name not in self.doubled:
            ((head, lamport),) = chain.tips.items()
            return Voice(self.own.mesh, name, self.own.admission, said.lane, head, lamport, key, sign), []
        reason = "restored" if chain else said.reason
        voice = Voice(self.own.mesh, ZERO, self.own.admission, said.lane, START, 0, key, sign)
        opening = Draft(Opening(self.own.admission, said.lane, reason, said.entropy[:SALT_BYTES]))
        return voice, [voice.say(opening, said.time_ms, self.heard)]

    # ── hearing ──────────────────────────────────────────────────────────────────────────────────

    def _compare(self, peer: Peer, have: Have, held: Held) -> Effects:
        send = ((peer, self.have(peer, asks=False)),) if have.asks else ()
        if peer == GUEST:
            return Effects(send=send)  # nobody can be asked through the guests' door
        control = lacking(self.chains.frontier(Lane.CONTROL), have.control, held)
        outside = self.outside(peer)
        data = () if outside else lacking(self.chains.frontier(Lane.DATA), have.data, held)
        free = self.pulls.offered(peer, control, data)
        bodies = [] if outside or free is None else self.missing.due(peer, WANT_BODIES_MAX)
        if free is None or not (any(free) or bodies):
            return Effects(send=send)
        self.pulls.under_way[peer] = pull = Pull(*free, bodies)
        want = pull.want(self.chains.after)
        return Effects(ask=((peer, want),) if want else (), send=send)

    def _allowed(self, peer: Peer, want: Want) -> Want:
        """What of a Want is served (outside control only), in the order in which it came to be held here."""
        order = {name: place for place, name in enumerate(self.chains.chains)}
        outside = self.outside(peer)
        control = self.chains.frontier(Lane.CONTROL)
        spans = [s for s in want.spans if s.chain in (control if outside else order)]
        return Want(tuple(sorted(spans, key=lambda s: order[s.chain])), () if outside else want.bodies)

    def _receive(self, peer: Peer, push: Push, held: Held) -> Effects:
        taken: list[Placed] = []
        alarms: list[str] = []
        forks: list[Fork] = []
        ends: list[tuple[Digest, Head]] = []
        meet: set[Peer] = set()
        judged, refused = False, 0
        now = dict(held)  # with what earlier runs of this very message brought
        for run in push.runs:
            try:
                fitted = self._fitting(peer, run, now)
            except Gap:
                meet |= {peer} & self.met
                continue  # another chain may bring what this one stands on
            except Refused as error:
                alarms.append(f"refused from {peer}: {error}")
                refused += 1
                continue  # one bad chain blocks no other
            judged |= self._take(fitted.events, fitted.key, alarms, forks)
            taken += fitted.events
            if fitted.events and run.chain in self.voices.values():
                self.doubled.add(run.chain)
                alarms.append(f"another copy of this device wrote event {fitted.end.seq} of the chain it speaks on")
            now.update((event.digest, (event.seq, event.header.lamport)) for event in fitted.events)
            ends.append((run.chain, fitted.end))
        bodies = self.missing.brought(peer, push.bodies)
        want = self.pulls.onwards(peer, ends, self.chains.after) if push.answer else None
        if push.answer and want is None:
            meet |= self.pulls.end(peer) & self.met
        ask = ((peer, want),) if want else ()
        news = ((None, self.have(EVERYBODY, asks=False)),) if taken else ()
        effects = Effects(ask, tuple(taken), bodies, send=news, meet=frozenset(meet), judged=judged)
        return replace(effects, alarms=tuple(alarms), forks=tuple(forks), refused=refused)

    def _fitting(self, peer: Peer, run: Run, held: Held) -> Fitted:
        fitted = self.chains.place(run, self.statements, held)
        lane = fitted.events[0].lane if fitted.events else None
        if lane is Lane.DATA and self.outside(peer):
            message = "a guest brought data" if is_guest(peer) else "a device that was taken out brought data"
            raise Refused(message)
        if lane is Lane.CONTROL and self.control_bytes > self._control_room(fitted.events[0].admission):
            message = "this mesh holds as many control events as fit"
            raise Refused(message)
        return fitted

    def _control_room(self, admission: Digest) -> int:
        """What is not live leaves room: whoever was taken out must not fill the memory that others speak into."""
        return CONTROL_BYTES_MAX if self.verdict.is_live(admission) else CONTROL_BYTES_MAX // 2

    # ── holding ──────────────────────────────────────────────────────────────────────────────────

    def _take(self, placed: Iterable[Placed], key: bytes, alarms: list[str], forks: list[Fork]) -> bool:
        """Move chains, clock and statements on by events that fit. Returns whether what others amount to may change."""
        control: list[Placed] = []
        for event in placed:
            if self.chains.take(event, key):
                forks.append((event.chain, Head(event.seq - 1, event.parent)))
            self.heard = max(self.heard, event.header.lamport)
            if event.lane is Lane.CONTROL:
                control.append(event)
            elif event.event.body is None:
                self.missing[event.digest] = event.header.body_digest
        return self._judge(control, alarms)

    def _judge(self, control: Sequence[Placed], alarms: list[str]) -> bool:
        """Take control events into the verdict and the keyring. Returns whether either changed."""
        self.control_bytes += sum(event_bytes(placed.event) for placed in control)
        said = tuple(statement(placed) for placed in control)
        self.devices |= {device_text(one.digest): one.digest for one in said if admitted(one)}
        changed = self.judgement.add(said)
        learned, faults = self.learner.add(said)
        alarms += (fault.told(self.verdict.name_of(fault.by)) for fault in faults)
        if changed:
            self.verdict_digest = self.verdict.digest()
        return changed or learned

    # ── time ─────────────────────────────────────────────────────────────────────────────────────

    def _tick(self) -> Effects:
        self.pulls.tick()
        self.missing.tick()
        return Effects(send=tuple((peer, self.have(peer, asks=True)) for peer in sorted(self.met)))
