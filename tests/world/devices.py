"""One simulated device: the true replica between a disk that can fail and a wire that cannot be trusted.

It carries effects out in their order and may be struck by a crash between any two of them. It means the same as
`mesh.node.agent`: what is there awaited is here a letter and a timeout.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING

from mesh.clocks.chain import Head
from mesh.clocks.frontier import Frontier
from mesh.errors import Refused
from mesh.events.chains import Chains
from mesh.events.event import Lane, Placed
from mesh.events.reading import statement
from mesh.events.seal import Keyring
from mesh.events.verdict import admitted
from mesh.names import Digest, DocumentId, device_text
from mesh.sync import messages
from mesh.sync.inputs import GUEST, Effects, Heard, Input, Lost, Met, Peer, Said, Ticked, is_guest
from mesh.sync.messages import Have, Message, Push, Want
from mesh.sync.missing import Missing
from mesh.sync.replica import Own, Replica
from tests.world.disk import Disk
from tests.world.meaning import Meaning
from tests.world.wire import Letter, Role

if TYPE_CHECKING:
    from tests.world.world import World

TICK_MS = 5000
LOOK_MS = 2000
TIMEOUT_MS = 4000
AGAIN_MS = 200
VISIT_MS = 6000

_DECODERS: dict[type[Message], Callable[[bytes], Message]] = {
    Have: messages.decode_have,
    Want: messages.decode_want,
    Push: messages.decode_push,
}


class Struck(Exception):
    """The device crashed while it carried out effects."""


@dataclass(frozen=True, slots=True)
class Step:
    """One effect, as the shell carries it out."""

    name: str
    act: Callable[[], None]


class Device:
    """One device of a simulated mesh."""

    def __init__(self, world: World, name: str, own: Own, disk: Disk) -> None:
        """A device that is still off."""
        self.world, self.name, self.own, self.disk = world, name, own, disk
        self.text = device_text(own.admission)
        self.skew_ms = world.rng.choice((0, 0, 7_200_000, -86_400_000, 10**12, -(10**12)))
        self.hostile = False
        self.up = False
        self.life = 0  # counts starts: what was awaited before a crash does not come back
        self.reason = "new"
        self.past: set[Digest] = set()  # its chains from before a restore that it noticed: never spoken on again
        self.backup: Disk | None = None
        self.packet: tuple[bytes, ...] = ()  # what it was let in with: read again until it is held

    def boot(self, *, noticed: bool = False) -> None:
        """Start from the disk. `noticed`: the home knows that it was restored, and does not go on with its chains."""
        self.life += 1
        self.up = True
        self.awaited: dict[int, Peer] = {}
        self.actors: dict[DocumentId, bytes] = {}
        self.keyring = Keyring(self.disk.keys)
        chains, control = Chains(self.own.mesh), []
        keys: dict[Digest, bytes] = {}
        for placed in self.disk.log.values():
            if placed.lane is Lane.CONTROL:
                control.append(placed)
                if found := admitted(statement(placed)):
                    keys[placed.digest] = found.sign_key
            chains.take(placed, keys[placed.admission])
        self.replica = Replica(self.own, self.keyring, chains, control)
        if noticed:
            self.disk.own = {}
        self.replica.speak_on(self.voices())
        lean = [placed for placed in self.disk.log.values() if placed.event.body is None]
        self.replica.missing = Missing((placed.digest, placed.header.body_digest) for placed in lean)
        self.meaning = Meaning(self.world.real)
        self.learn_keys()
        self.weigh(list(self.disk.log.values()))
        self.replica.state = self.meaning.root()
        self._recur(LOOK_MS, self.look)
        self._recur(TICK_MS, self.tick)
        if self.own.admission not in self.replica.statements:
            self.read_packet()

    def voices(self) -> dict[Lane, Digest]:
        """The own chains to go on with after a start."""
        return self.disk.own

    def read_packet(self) -> None:
        """Take what the admitter handed over."""
        for part in self.packet:
            if self.up:
                self.hear("packet", messages.decode_push(part))

    def crash(self, *, power: bool) -> None:
        """Stop at once. A power cut takes what was not synced along; a kill does not."""
        self.up = False
        self.life += 1
        if power:
            self.disk.lose_tail()
        self.disk.sync()
        self.world.note(f"{self.name} {'loses power' if power else 'is killed'}, {len(self.disk.log)} events on disk")

    def _later(self, delay_ms: int, act: Callable[[], None]) -> None:
        life = self.life

        def due() -> None:
            if self.up and self.life == life:
                act()

        self.world.wire.later(delay_ms, due)

    def _recur(self, every_ms: int, act: Callable[[], None]) -> None:
        def again() -> None:
            self._later(every_ms + self.world.rng.randrange(every_ms // 5), again)
            act()

        self._later(1 + self.world.rng.randrange(every_ms), again)

    # ── inputs ──

    def handle(self, given: Input, letter: Letter | None = None) -> tuple[Placed, ...]:
        """One input, and its effects as far as no crash strikes. Returns what was appended. Raises Refused, Struck."""
        effects = self.replica.handle(given)
        for alarm in effects.alarms:
            self.world.note(f"{self.name} ALARM {alarm}")
        for chain, after in effects.forks:
            self.world.note(f"{self.name} FORK of {chain.hex()[:8]} after {after.seq}")
        for step in self.plan(effects, letter, said=isinstance(given, Said)):
            if self.world.strikes():
                self.world.note(f"{self.name} is struck before it could {step.name}")
                self.world.crash(self)
                raise Struck
            step.act()
        return effects.append

    def plan(self, effects: Effects, letter: Letter | None, *, said: bool) -> Iterator[Step]:
        """The effects as steps, in the only order that is safe."""
        for peer, want in effects.ask:
            yield Step("ask", lambda p=peer, w=want: self.send(p, w, None))  # type: ignore[misc]
        if effects.append or effects.bodies:
            yield Step("append", lambda: self.append(effects, said=said))
            yield Step("sync", self.disk.sync)
        if said:
            yield Step("acknowledge", lambda: self.world.acknowledged(self, effects.append))
        for peer, want in effects.serve:
            yield Step("serve", lambda p=peer, w=want: self.serve(p, w, letter))  # type: ignore[misc]
        for receiver, message in effects.send:
            yield Step("send", lambda r=receiver, m=message: self.send(r, m, letter))  # type: ignore[misc]
        yield Step("learn", lambda: self.learn(effects))
        for peer in sorted(effects.meet):
            self._later(AGAIN_MS, lambda p=peer: self.meet_again(p))  # type: ignore[misc]

    def append(self, effects: Effects, *, said: bool) -> None:
        """Write what came or was said, with the chain that it goes on."""
        self.disk.write(effects.append, effects.bodies, self.replica.voices if said else None)
        for placed in effects.append:
            self.world.note(f"{self.name} {'says' if said else 'keeps'} {self.world.told(placed)}")

    def learn(self, effects: Effects) -> None:
        """What follows from new events for keys and meaning."""
        fresh = self.learn_keys() if effects.judged else False
        self.weigh(effects.append)
        self.weigh([self.disk.log[digest] for digest, _ in effects.bodies])
        if effects.judged or fresh:
            self.meaning.turn(self.keyring, self.replica.verdict, self.disk.log)
            self.actors.clear()  # what is folded anew is written into by a new actor

    def weigh(self, events: list[Placed] | tuple[Placed, ...]) -> None:
        """Weigh events under what counts now."""
        self.meaning.weigh(self.keyring, self.replica.verdict, [self.disk.log[placed.digest] for placed in events])

    def learn_keys(self) -> bool:
        """Keep the epoch keys that the replica learned. Returns whether any came."""
        before = len(self.disk.keys)
        self.disk.keys |= self.keyring.keys()
        return len(self.disk.keys) > before

    # ── the wire ──

    def send(self, receiver: Peer | None, message: Message, letter: Letter | None) -> None:
        """Ask, answer or tell. Everybody means all devices met; who sits at our server as a guest only gets answers."""
        if receiver is None:
            for peer in sorted(self.replica.met):
                if not is_guest(peer):
                    self._post(peer, message, None, answers=False)
            return
        asks = isinstance(message, Want) or (isinstance(message, Have) and message.asks)
        answered = letter.request if letter and not asks and receiver == self.peer_of(letter) else None
        self._post(receiver, message, answered, answers=answered is not None, asks=asks, letter=letter)

    def _post(
        self,
        peer: Peer,
        message: Message,
        request: int | None,
        *,
        answers: bool,
        asks: bool = False,
        letter: Letter | None = None,
    ) -> None:
        if peer == GUEST:
            assert letter, message
            target, role = letter.source, Role.HOST
        else:
            target = self.world.by_text[peer.removeprefix(GUEST)].name
            role = Role.GUEST if is_guest(peer) else Role.DEVICE
        if asks:
            request = self._await(peer)
        self.world.post(Letter(self.name, target, role, message, type(message), request, answers))

    def _await(self, peer: Peer) -> int:
        number = self.world.number()
        self.awaited[number] = peer
        self._later(TIMEOUT_MS, lambda: self._give_up(number))
        return number

    def _give_up(self, number: int) -> None:
        peer = self.awaited.pop(number, None)
        if peer is not None:
            self._try(Lost(peer))

    def _try(self, given: Input, letter: Letter | None = None) -> None:
        try:
            self.handle(given, letter)
        except Struck:
            return

    def peer_of(self, letter: Letter) -> Peer:
        """What the sender of a letter is called here."""
        text = self.world.devices[letter.source].text
        return {Role.DEVICE: text, Role.GUEST: GUEST, Role.HOST: GUEST + text}[letter.role]

    def receive(self, letter: Letter) -> None:
        """A letter came. A device that is not known here gets no further than the door."""
        if not self.up or (letter.role is Role.DEVICE and not self.knows(self.world.devices[letter.source])):
            return
        message = letter.message
        if isinstance(message, bytes):
            try:
                message = _DECODERS[letter.verb](message)
            except Refused as error:
                self.world.note(f"{self.name} cannot read a {letter.verb.__name__} of {letter.source}: {error}")
                return
        if letter.answers and letter.request is not None:
            self.awaited.pop(letter.request, None)
        self.hear(self.peer_of(letter), message, letter)

    def hear(self, peer: Peer, message: Message, letter: Letter | None = None) -> None:
        """A message came."""
        self.world.note(f"{self.name} hears {self.world.told(message)} from {self.world.name_of(peer, letter)}")
        held = self.disk.facts(self.replica.unsure(message))
        self._try(Heard(peer, message, held), letter)
        if self.up and isinstance(message, Have) and is_guest(peer) and peer != GUEST:
            self.deliver(peer, message)

    def deliver(self, host: Peer, theirs: Have) -> None:
        """As a guest: bring the host the statements that it lacks, our own admission among them."""
        mine = self.replica.have(host, asks=False).control
        push = self.disk.pages(mine, theirs.control, self.in_order(mine))
        if push.runs:
            self.send(host, push, None)

    def in_order(self, control: Frontier) -> list[Digest]:
        """Control chains so that an admission comes before the chains under it."""
        chains, statements = self.replica.chains.chains, self.replica.statements

        def rank(chain: Digest) -> tuple[int, Digest]:
            found = admitted(statements.get(chains[chain].admission))
            return (found.rank if found else 0, chain)

        return sorted(control, key=rank)

    def serve(self, peer: Peer, want: Want, letter: Letter | None) -> None:
        """Answer a Want from the log."""
        self.send(peer, self.disk.serve(want, self.world.page_bytes), letter)

    # ── what recurs ──

    def knows(self, other: Device) -> bool:
        """Whether the other one counts as a device here."""
        return other.own.admission in self.replica.verdict.devices

    def look(self) -> None:
        """Dial whoever can be reached and is not met; as a guest where only one side knows the other."""
        for name in sorted(self.world.devices):
            other = self.world.devices[name]
            if other is self or not self.world.reachable(self, other):
                continue
            visit = GUEST + other.text
            if self.knows(other) and other.knows(self):
                if visit in self.replica.met:
                    self._try(Lost(visit))
                if self.up and other.text not in self.replica.met:
                    self._try(Met(other.text))
            elif visit not in self.replica.met:
                self._try(Met(visit))
                self._later(VISIT_MS, lambda v=visit: self._try(Lost(v)))  # type: ignore[misc]
            if not self.up:
                return

    def tick(self) -> None:
        """Compare with everybody."""
        self.replica.state = self.meaning.root()
        self._try(Ticked())

    def meet_again(self, peer: Peer) -> None:
        """Compare with a peer again, if it is still there."""
        if peer in self.replica.met:
            self._try(Met(peer))

    def actor(self, document: DocumentId) -> bytes:
        """The Automerge actor of this run of the device for a document: fresh after every start."""
        if document not in self.actors:
            self.actors[document] = self.own.admission[:8] + self.world.rng.randbytes(8)
        return self.actors[document]

    def head(self, lane: Lane) -> tuple[Digest, Head, int] | None:
        """The end of the own chain of a lane, with its Lamport number; None before there is one, or at a fork."""
        name = self.replica.voices.get(lane)
        chain = self.replica.chains.chains.get(name) if name else None
        if not name or not chain or len(chain.tips) != 1:
            return None
        ((head, lamport),) = chain.tips.items()
        return name, head, lamport
