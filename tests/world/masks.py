"""A world of one document: writers who meet now and then, and statements that make their work void after it was used.

Every letter and every value is written once, so what must be seen follows from who wrote what on top of what: the
oracle here walks the graph of changes and knows no fold. A seed says everything.
"""

from __future__ import annotations

import random
from collections.abc import Iterable, Mapping
from collections.abc import Set as AbstractSet
from dataclasses import dataclass
from functools import cached_property
from hashlib import sha256

from mesh.errors import Misuse
from mesh.events.kinds import Born, Value
from mesh.names import DocumentId
from mesh.state.documents import Document
from mesh.state.edits import Delete, Edit, Put, Splice
from mesh.state.encoding import encode
from mesh.state.genesis import derive
from mesh.state.history import Live
from mesh.state.operations import Action, Change, Operation
from mesh.state.shapes import gate

DOCUMENT = DocumentId("home", "list", bytes(range(16)))
BIRTH = Born({"a": -1}, "ABCDEFGH", b"")
FIRST = derive(DOCUMENT, BIRTH).hash
KEYS = ("a", "b")
STEPS = 60
WRITER_OF_TESTS = bytes([99]) * 16

Statement = tuple[str, int, int] | tuple[str, bytes]
Shown = tuple[str, Mapping[str, tuple[Live, ...]], tuple[bytes, ...], AbstractSet[bytes], tuple[bytes, ...], bytes]


class Broken(AssertionError):
    """A property does not hold."""


def demand(holds: object, what: str) -> None:
    """Fail with what does not hold."""
    if not holds:
        raise Broken(what)


@dataclass(frozen=True)
class Entry:
    """An event of a writer: its place in the writer's chain, the grant it names, and what the writer did and saw."""

    writer: int
    number: int
    second_grant: bool
    change: Change
    deleted: str
    inserted: str
    key: str | None
    value: Value
    after: str
    ground: bytes = b""

    @cached_property
    def digest(self) -> bytes:
        """What the event is called; a thief tries until it is as small as it likes."""
        return self.ground or sha256(self.change.raw).digest()


def admission(writer: int) -> bytes:
    """Who let a writer in."""
    return bytes([writer + 1]) * 32


def void_of(entries: Iterable[Entry], statements: AbstractSet[Statement]) -> frozenset[bytes]:
    """The changes that do not count by what was stated, by hash."""
    adopted = {said[1] for said in statements if said[0] == "adopt"}
    out = {FIRST} if ("birth", 0, 0) in statements and FIRST not in adopted else set[bytes]()
    for entry in entries:
        close = any(s[0] == "close" and s[1] == entry.writer and s[2] < entry.number for s in statements)
        ungrant = any(s[0] == "ungrant" and s[1] == entry.writer and s[2] < entry.number for s in statements)
        if (close or (ungrant and entry.second_grant)) and entry.change.hash not in adopted:
            out.add(entry.change.hash)
    return frozenset(out)


class Replica:
    """A device: what it holds of the document, and what it knows of statements."""

    def __init__(self, writer: int) -> None:
        """Begin with the birth."""
        self.writer = writer
        self.run = 0
        self.entries: dict[bytes, Entry] = {}
        self.statements: set[Statement] = set()
        self.document = Document.fold(DOCUMENT, BIRTH, ())

    @property
    def void(self) -> frozenset[bytes]:
        """What does not count of all that is held here."""
        return void_of(self.entries.values(), self.statements)

    def receive(self, entries: Iterable[Entry], statements: Iterable[Statement]) -> None:
        """Take in what came, as the shelf does: folded again where something has another standing than before."""
        self.statements |= set(statements)
        if self.void != self.document.void:
            self.refold()
        new = [entry for entry in entries if entry.digest not in self.entries]
        for entry in new:
            gate(entry.change, admission=admission(entry.writer), kind=DOCUMENT.type, body=self.document.body)
        self.entries |= {entry.digest: entry for entry in new}
        if new and self.document.take([entry.change for entry in new], self.void).doubled:
            self.refold()

    def refold(self) -> None:
        """Forget the document and fold it again from its events."""
        events = ((entry.digest, entry.change) for entry in self.entries.values())
        self.document = Document.fold(DOCUMENT, BIRTH, events, self.void)

    def edit(self, edits: list[Edit]) -> Change:
        """A change of this writer, by a new actor where the old one cannot go on."""
        while True:
            try:
                return self.document.edit(admission(self.writer)[:8] + bytes([self.run]) * 8, edits)
            except Misuse as error:
                if "actor" not in str(error):
                    raise
                self.run += 1

    def shown(self) -> Shown:
        """All that is to be seen, and the bytes of what would be written next."""
        document = self.document
        live = {key: document.live(key) for key in document.registers()}
        probe: list[Edit] = [Put(key, 1) for key in KEYS]
        probe += [Splice(0, min(2, len(document.text())), "x"), Splice(len(document.text()) // 2, 0, "y")]
        after = document.edit(WRITER_OF_TESTS, probe).raw
        return document.text(), live, document.heads, frozenset(document.hidden), document.aside, after


class World:
    """Writers and their document, under one seed."""

    def __init__(self, seed: int) -> None:
        """Three to five writers, one or two of whom will be found out."""
        self.lots = random.Random(seed)
        count = self.lots.randint(3, 5)
        self.replicas = [Replica(number) for number in range(count)]
        self.closed, self.restricted = (self.lots.randrange(1, count) for _ in range(2))
        self.entries: dict[bytes, Entry] = {}
        self.twins: dict[bytes, Entry] = {}
        self.statements: set[Statement] = set()
        self.letters = 0x4E00
        self.values = 0

    def step(self) -> None:
        """Somebody writes, or hears from somebody; later on the first one states something."""
        what, replica = self.lots.random(), self.lots.choice(self.replicas)
        if what < 0.55:
            self.write(replica)
        elif what < 0.9:
            self.meet(replica, self.lots.choice(self.replicas))
        elif len(self.entries) > 5:
            self.state(self.replicas[0])
        if self.lots.random() < 0.1:
            replica.document = Document.load(replica.document.save())

    def write(self, replica: Replica) -> None:
        """One or two edits, after which the writer must see exactly what it meant."""
        mine = [said for said in replica.statements if said[1] == replica.writer]
        if any(said[0] == "close" for said in mine) and self.lots.random() < 0.8:
            return  # who knows that it is out stops, but for thieves
        second = self.lots.random() < 0.5 and not any(said[0] == "ungrant" for said in mine)
        document, before = replica.document, replica.document.text()
        key, value = self.lots.choice(KEYS), None
        edits: list[Edit] = []
        if (dice := self.lots.random()) < 0.4:
            self.values += 1
            value = self.values
            edits.append(Put(key, value))
        elif dice < 0.6 and document.live(key):
            edits.append(Delete(key))
        splice = Splice(0, 0, "")
        if not edits or self.lots.random() < 0.3:
            splice = self._splice(before)
            edits.append(splice)
        number = 1 + sum(entry.writer == replica.writer for entry in self.entries.values())
        change = replica.edit(edits)
        end = splice.position + splice.deleted
        meant = before[: splice.position] + splice.inserted + before[end:]
        touched = key if not isinstance(edits[0], Splice) else None
        gone = before[splice.position : end]
        entry = Entry(replica.writer, number, second, change, gone, splice.inserted, touched, value, meant)
        self.entries[entry.digest] = entry
        replica.receive([entry], ())
        if change.hash not in replica.void:
            demand(replica.document.text() == meant, f"meant {meant}, and sees {replica.document.text()}")
            values = [live.value for live in replica.document.live(key)]
            demand(touched is None or values == ([value] if value else []), f"meant {value}, and sees {values}")

    def _splice(self, text: str) -> Splice:
        position = self.lots.randint(0, len(text))
        deleted = min(len(text) - position, self.lots.choice([0, 0, 1, 2, 3]))
        count = self.lots.choice([0, 1, 2, 3]) if deleted else self.lots.choice([1, 2, 3])
        self.letters += count
        return Splice(position, deleted, "".join(map(chr, range(self.letters - count, self.letters))))

    def meet(self, replica: Replica, other: Replica) -> None:
        """Hear some or all of what another holds, in any order, with its statements or without."""
        held = list(other.entries.values())
        self.lots.shuffle(held)
        count = len(held) if self.lots.random() < 0.7 else len(held) // 2
        replica.receive(held[:count], other.statements if self.lots.random() < 0.5 else ())

    def state(self, admin: Replica) -> None:
        """Close a writer (later perhaps more strictly), take a grant from one, doubt the birth, or adopt something."""
        what, number = self.lots.random(), self.lots.randint(0, 6)
        said: Statement
        if what < 0.35:
            said = ("close", self.closed, number)
        elif what < 0.55:
            said = ("ungrant", self.restricted, number)
        elif what < 0.65:
            said = ("birth", 0, 0)
        elif admin.void:
            said = ("adopt", self.lots.choice(sorted(admin.document.hidden or admin.void)))
        else:
            return
        self.statements.add(said)
        admin.receive((), [said])

    def forge(self) -> None:
        """A closed writer gives numbers of its actors again, to push out what it wrote before and what stands on it."""
        closed = {said[1] for said in self.statements if said[0] == "close"}
        included = Oracle(self).included
        targets = [e for e in self.entries.values() if e.writer in closed and e.change.hash in included]
        for number, entry in enumerate(self.lots.sample(targets, min(2, len(targets)))):
            old = entry.change
            new = Operation(Action.PUT, None, "a", value=-2 - number)
            twin = encode(old.dependencies, old.actor, old.sequence, old.start, [new])
            ground = bytes(31) + bytes([number])
            self.twins[ground] = Entry(entry.writer, 1000, False, twin, "", "", None, None, "", ground)  # noqa: FBT003

    def rest(self) -> list[Replica]:
        """Everybody hears everything, in an order of its own; so do some that come late, and one that folds at once."""
        late = [Replica(100 + number) for number in range(2)]
        held = self.entries | self.twins
        for replica in [*self.replicas, *late]:
            todo, statements = list(held.values()), sorted(self.statements, key=repr)
            self.lots.shuffle(todo)
            self.lots.shuffle(statements)
            while todo:
                some, todo = todo[:5], todo[5:]
                replica.receive(some, [statements.pop()] if statements and self.lots.random() < 0.5 else ())
            replica.receive((), statements)
        whole = Replica(200)
        whole.entries, whole.statements = held, self.statements
        whole.refold()
        return [*self.replicas, *late, whole]


class Oracle:
    """What must be seen, by who wrote what on top of what."""

    def __init__(self, world: World) -> None:
        """Look at everything that was written and stated."""
        self.entries = {entry.change.hash: entry for entry in world.entries.values()}
        self.void = void_of(world.entries.values(), world.statements)
        self.honoured = [entry for digest, entry in self.entries.items() if digest not in self.void]
        self.below: dict[bytes, set[bytes]] = {}
        for entry in self.entries.values():  # written in this order, each on earlier ones
            tips = entry.change.dependencies
            self.below[entry.change.hash] = set(tips).union(*(self.below.get(tip, set()) for tip in tips))

    @property
    def included(self) -> set[bytes]:
        """What is in the document."""
        honoured = {entry.change.hash for entry in self.honoured}
        return {FIRST}.union(honoured, *(self.below[digest] for digest in honoured))

    @property
    def letters(self) -> set[str]:
        """The characters of the text."""
        born = set[str]() if FIRST in self.void else set(BIRTH.text)
        written = {letter for entry in self.honoured for letter in entry.inserted}
        return (born | written) - {letter for entry in self.honoured for letter in entry.deleted}

    def values(self, key: str) -> set[Value]:
        """The values of a register: those on which nobody who counts wrote or removed the register again."""
        writes = [entry for entry in self.honoured if entry.key == key]
        over = set[bytes]().union(*(self.below[entry.change.hash] for entry in writes))
        live = {entry.value for entry in writes if entry.value is not None and entry.change.hash not in over}
        born = {BIRTH.registers[key]} if key in BIRTH.registers and not writes and FIRST not in self.void else set()
        return live | born


def check(world: World, replicas: list[Replica]) -> None:
    """Everything that must hold when all have heard everything."""
    oracle, shown = Oracle(world), replicas[0].shown()
    twins = {twin.change.hash for twin in world.twins.values()}
    for replica in replicas:
        demand(replica.shown() == shown, f"{replica.writer} and {replicas[0].writer} see or would write another thing")
        demand(replica.document.disagreements() == (), f"not Automerge's: {replica.document.disagreements()}")
        demand(replica.document.void == oracle.void | twins, "another set is void")
        taken = replica.document.take(())
        demand(not taken.waiting, "something waits")
        demand({digest for digest, _ in taken.refused} == twins, f"refused {taken.refused}")
    text, live, _, hidden, aside, _ = shown
    demand(len(text) == len(set(text)), f"doubled letters in {text}")
    demand(set(text) == oracle.letters, f"the text is {text}, and should have {sorted(oracle.letters)}")
    for key in KEYS:
        values = {value.value for value in live.get(key, ())}
        demand(values == oracle.values(key), f"{key} is {values}, and should be {oracle.values(key)}")
    demand(hidden == oracle.included & oracle.void, "hidden is not what is void beneath")
    demand(set(aside) == oracle.void - oracle.included, "aside is not what is void with nothing on it")
    places = {letter: place for place, letter in enumerate(text)}
    for entry in oracle.honoured:
        order = [places[letter] for letter in entry.after if letter in places]
        demand(order == sorted(order), f"the order that {entry.writer} saw is not kept: {entry.after}, {text}")


def play(seed: int, steps: int = STEPS) -> bool:
    """Play a seed and check everything; whether something was hidden in the end. Raises Broken."""
    world = World(seed)
    for _ in range(steps):
        world.step()
    world.forge()
    replicas = world.rest()
    check(world, replicas)
    return bool(replicas[0].document.hidden)
