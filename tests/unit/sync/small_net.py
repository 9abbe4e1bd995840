"""A few replicas with logs in memory and a wire between them: every message goes through its bytes.

It answers Wants as a store does: from the newest shared place, in whole signed runs, page by page.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Sequence
from dataclasses import dataclass, replace

from mesh.clocks.chain import START
from mesh.clocks.frontier import Span
from mesh.events.bodies import document_of
from mesh.events.event import Event, Lane, Placed, Run
from mesh.events.kinds import Born
from mesh.events.seal import Keyring
from mesh.events.speaking import Draft, runs
from mesh.limits import WANT_SPANS_MAX
from mesh.names import Digest
from mesh.sync import messages
from mesh.sync.inputs import Effects, Fork, Heard, Input, Lost, Met, Peer, Said, Ticked
from mesh.sync.messages import Have, Message, Push, Want
from mesh.sync.replica import Own, Replica
from tests.unit.small_mesh import MESH, TIME_MS, Device, fixed

ENTROPY_BYTES = 16 + 24 * 32


class Node:
    """A replica with its log."""

    def __init__(
        self, device: Device, control: Sequence[Placed] = MESH.control, keyring: Keyring | None = None
    ) -> None:
        """Start with a control log."""
        self.device = device
        self.keyring = keyring or MESH.keyring()
        self.replica = Replica(Own(MESH.id, device.admission, device.keys), self.keyring)
        self.log: dict[Digest, Placed] = {}
        self.alarms: list[str] = []
        self.forks: list[Fork] = []
        self.said = 0
        self.runs_per_page = 100
        self.runs_per_answer = WANT_SPANS_MAX
        self.handle(Heard("founding", Push(runs(control))))

    def restarted(self) -> Replica:
        """The replica that starts from this log, as the shell starts one."""
        chains = self.replica.chains
        control = [placed for placed in self.log.values() if placed.lane is Lane.CONTROL]
        return Replica(Own(MESH.id, self.device.admission, self.device.keys), self.keyring, chains, control)

    def handle(self, given: Input) -> Effects:
        """Give the replica an input, with what the log knows about it; append what comes out."""
        if isinstance(given, Heard):
            unsure = self.replica.unsure(given.message)
            facts = {d: (self.log[d].seq, self.log[d].header.lamport) for d in unsure if d in self.log}
            given = replace(given, held=facts)
        effects = self.replica.handle(given)
        for placed in effects.append:
            assert placed.digest not in self.log, f"appended twice: {placed.seq}"
            self.log[placed.digest] = placed
        for digest, body in effects.bodies:
            held = self.log[digest]
            self.log[digest] = replace(held, event=Event(held.event.header, body))
        self.alarms += effects.alarms
        self.forks += effects.forks
        return effects

    def say(self, count: int = 1, text: str = "text") -> Effects:
        """Say some births in one commit."""
        self.said += 1
        names = [(self.device.name, self.said, number) for number in range(count)]
        births = [Born({"title": "note"}, text, fixed(16, "born", *name)) for name in names]
        drafts = tuple(Draft(birth, document_of("home", "note", birth)) for birth in births)
        entropy = fixed(ENTROPY_BYTES, "entropy", self.device.name, self.said)
        return self.handle(Said(drafts, Lane.DATA, TIME_MS, entropy))

    def answer(self, want: Want) -> Push:
        """What the log has of a Want: some runs, then single bodies."""
        found: list[Run] = []
        for span in want.spans:
            found += self._runs(span)[: self.runs_per_page]
        bodies = [(d, self.log[d].event.body) for d in want.bodies if d in self.log]
        return Push(
            tuple(found[: self.runs_per_answer]), tuple((d, b) for d, b in bodies if b is not None), answer=True
        )

    def _runs(self, span: Span) -> list[Run]:
        """The signed runs from the first known place that is an ancestor of the target, or from the opening."""
        path: list[Placed] = []
        digest = span.target.digest
        while digest in self.log:
            path.insert(0, self.log[digest])
            digest = path[0].parent
        places = {placed.head: number for number, placed in enumerate(path, 1)}
        start = next((places[head] for head in span.after if head in places), 0)
        if span.after[:1] == (START,):
            start = 0
        tail = path[start:]
        signed = max((number for number, placed in enumerate(tail, 1) if placed.signature), default=0)
        return list(runs(tail[:signed]))

    def knows(self) -> set[Digest]:
        """The digests of all events that are held."""
        return set(self.log)


@dataclass
class Letter:
    """A message on its way, as bytes."""

    sender: Peer
    receiver: Peer
    raw: bytes
    kind: type[Message]


def decoded(letter: Letter) -> Message:
    """What its bytes say."""
    if letter.kind is Have:
        return messages.decode_have(letter.raw)
    return messages.decode_want(letter.raw) if letter.kind is Want else messages.decode_push(letter.raw)


class Net:
    """Nodes and the letters between them."""

    def __init__(self, **nodes: Node) -> None:
        """Nobody has met anybody yet."""
        self.nodes = nodes
        self.letters: deque[Letter] = deque()
        self.carried: list[type[Message]] = []

    def carry_out(self, sender: Peer, effects: Effects) -> None:
        """Post what a node wants sent, and serve what it was asked."""
        for peer, want in effects.ask:
            self.post(sender, peer, want)
        for peer, want in effects.serve:
            self.post(sender, peer, self.nodes[sender].answer(want))
        for to, message in effects.send:
            met = self.nodes[sender].replica.met
            for peer in [to] if to else sorted(met):
                self.post(sender, peer, message)
        for peer in sorted(effects.meet):
            self.carry_out(sender, self.nodes[sender].handle(Met(peer)))

    def post(self, sender: Peer, receiver: Peer, message: Message) -> None:
        """Put a message on the wire."""
        self.letters.append(Letter(sender, receiver, messages.encode(message), type(message)))

    def meet(self, a: Peer, b: Peer) -> None:
        """A link between two nodes comes up."""
        for sender, receiver in ((a, b), (b, a)):
            self.carry_out(sender, self.nodes[sender].handle(Met(receiver)))

    def tick(self) -> None:
        """Time goes by everywhere."""
        for name, node in self.nodes.items():
            self.carry_out(name, node.handle(Ticked()))

    def lose(self, a: Peer, b: Peer) -> None:
        """The link between two nodes is gone."""
        self.letters = deque(letter for letter in self.letters if {letter.sender, letter.receiver} != {a, b})
        for here, there in ((a, b), (b, a)):
            self.carry_out(here, self.nodes[here].handle(Lost(there)))

    def run(self, most: int = 2000) -> int:
        """Deliver until it is quiet. Fails when it does not end."""
        for count in range(most):
            if not self.letters:
                return count
            letter = self.letters.popleft()
            self.carried.append(letter.kind)
            message = decoded(letter)
            self.carry_out(letter.receiver, self.nodes[letter.receiver].handle(Heard(letter.sender, message)))
        text = f"still talking after {most} messages"
        raise AssertionError(text)


def copied(node: Node) -> Node:
    """A home restored from a backup of another, that did not notice: the same keys, log and open chains."""
    twin = Node(node.device, (), node.keyring)
    for lane in Lane:
        events = [placed for placed in node.log.values() if placed.lane is lane]
        twin.handle(Heard("backup", Push(runs(events))))
    twin.replica.voices = dict(node.replica.voices)
    twin.said = 1000
    return twin
