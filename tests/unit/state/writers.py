"""Who writes in the tests of documents: honest devices, which meet now and then, and one that breaks every rule."""

import random
from collections import Counter
from dataclasses import dataclass, field

from mesh.events.kinds import Born
from mesh.names import DocumentId
from mesh.state.documents import Document
from mesh.state.edits import Delete, Edit, Put, Splice
from mesh.state.encoding import encode
from mesh.state.genesis import derive
from mesh.state.operations import Action, Change, Operation, OperationId

DOCUMENT = DocumentId("home", "note", bytes(range(16)))
BIRTH = Born({"title": "seeds", "tag/garden": True}, "beans, péas 🌱", bytes(16))
ADMISSION = bytes([7]) * 32
LETTERS = "ab é\u0301🌱\n"


def actor(number: int) -> bytes:
    """The actor of one run of the device that ADMISSION let in."""
    return ADMISSION[:8] + bytes([number]) * 8


def random_edits(lots: random.Random, document: Document) -> list[Edit]:
    """One to four edits that make sense, one after the other."""
    length = len(document.text())
    edits: list[Edit] = []
    for _ in range(lots.randint(1, 4)):
        what = lots.random()
        if what < 0.3:
            edits.append(Put(lots.choice(["title", "path"]), lots.choice(["", "x", "é🌱" * 9])))
        elif what < 0.4:
            edits.append(Put("tag/" + lots.choice("ab"), value=True))
        elif what < 0.5:
            edits.append(Delete(lots.choice(["path", "tag/a", "tag/b"])))
        else:
            position = lots.randint(0, length)
            deleted = lots.randint(0, min(3, length - position))
            inserted = "".join(lots.choices(LETTERS, k=lots.randint(0, 4)))
            edits.append(Splice(position, deleted, inserted))
            length += len(inserted) - deleted
    return [*edits, Put("title", str(lots.random()))]


def honest(seed: int, steps: int = 20, devices: int = 3) -> list[Change]:
    """What a few devices write that hear each other now and then, in the order in which it was written."""
    lots = random.Random(seed)
    held = [Document.born(DOCUMENT, BIRTH) for _ in range(devices)]
    written: list[Change] = []
    for _ in range(steps):
        number = lots.randrange(devices)
        if lots.random() < 0.3:
            held[number].take(lots.sample(written, lots.randint(0, len(written))))
        change = held[number].edit(actor(number), random_edits(lots, held[number]))
        held[number].take([change])
        written.append(change)
    return written


@dataclass
class Hostile:
    """Writes changes that pass the gate and look at nothing else: they name what they like, known or not."""

    lots: random.Random
    named: list[tuple[OperationId, str]] = field(default_factory=list)
    where: dict[OperationId, int] = field(default_factory=dict)
    clocks: dict[bytes, tuple[dict[bytes, int], int]] = field(default_factory=dict)
    last: dict[bytes, bytes] = field(default_factory=dict)

    def __post_init__(self) -> None:
        """Begin with the document's first change."""
        genesis = derive(DOCUMENT, BIRTH)
        assert genesis.body is not None
        self.body = genesis.body
        registers = list(genesis.registers)
        top = genesis.body.counter + genesis.letters
        self.named = [(OperationId(1 + i, genesis.actor), key) for i, key in enumerate(registers)]
        self.named += [(OperationId(n, genesis.actor), "") for n in range(genesis.body.counter + 1, top + 1)]
        self.clocks = {genesis.hash: ({genesis.actor: 1}, top)}
        self.where = {name: 1 for name, _ in self.named}

    def write(self, by: bytes) -> Change | None:
        """One change by an actor, or none if the dice have nothing to say."""
        lots = self.lots
        tips = {self.last.get(by) or next(iter(self.clocks))} if lots.random() < 0.98 else set()
        while not tips or lots.random() < 0.3:
            tips.add(lots.choice(list(self.clocks)))
        clock: Counter[bytes] = Counter()
        for tip in tips:
            clock |= Counter(self.clocks[tip][0])
        start = 1 + max(self.clocks[tip][1] for tip in tips)
        start = max(1, start + (lots.choice([-1, 1, 5, 2**33]) if lots.random() < 0.01 else 0))
        sequence = clock[by] + (1 if lots.random() < 0.99 else 2)
        operations, made = self._operations(by, start, clock)
        if not operations:
            return None
        change = encode(tips, by, sequence, start, operations)
        self.clocks[change.hash] = ({**clock, by: sequence}, start + len(operations) - 1)
        self.last[by] = change.hash
        self.named += made
        self.where |= {name: sequence for name, _ in made}
        return change

    def _operations(
        self, by: bytes, start: int, clock: Counter[bytes]
    ) -> tuple[list[Operation], list[tuple[OperationId, str]]]:
        lots = self.lots
        operations: list[Operation] = []
        made: list[tuple[OperationId, str]] = []
        known = [(n, key) for n, key in self.named if self.where[n] <= clock[n.actor]]
        for _ in range(lots.randint(1, 4)):
            pool = (known if lots.random() < 0.99 else self.named) + made
            name, what = OperationId(start + len(operations), by), lots.random()
            letter = lots.choice([n for n, key in pool if not key])
            key = lots.choice(["title", "path"])
            values = [n for n, other in pool if other == key] or [letter]
            before = tuple(sorted(set(lots.choices(values, k=lots.randint(what >= 0.85, 3)))))
            if what < 0.35:
                left = lots.choice([letter, None])
                operations.append(Operation(Action.PUT, self.body, left, insert=True, value=lots.choice(LETTERS)))
                made.append((name, ""))
            elif what < 0.65:
                operations.append(Operation(Action.DELETE, self.body, letter, before=(letter,)))
            elif what < 0.85:
                before = before if values != [letter] else ()
                operations.append(Operation(Action.PUT, None, key, value=lots.choice("pqr"), before=before))
                made.append((name, key))
            elif values != [letter]:
                operations.append(Operation(Action.DELETE, None, key, before=before))
        return operations, made


def hostile(seed: int, steps: int = 30) -> list[Change]:
    """What a device writes that breaks every rule the gate cannot see."""
    writer = Hostile(random.Random(seed))
    written = [writer.write(actor(writer.lots.randrange(3))) for _ in range(steps)]
    return [change for change in written if change is not None]
