"""One document: its changes, and what they show; the text and registers that people see, and the edits they make.

A Document takes changes that were decoded and passed the gate, in any order. Void ones that others stand on stay in
it, and are not seen: then the view is a fold of the operations (fold.py), else it is Automerge's (engine.py). No
foreign change makes a hole in an actor's sequence or names what it does not stand on. It stores nothing.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from collections.abc import Set as AbstractSet
from dataclasses import replace
from functools import partial

from mesh.errors import Damaged, Malformed, Misuse, Refused, TooLarge
from mesh.events.kinds import Born, Value
from mesh.limits import BODY_PLAIN_BYTES_MAX
from mesh.names import DocumentId
from mesh.state import snapshot
from mesh.state.catalogue import BODY
from mesh.state.changes import decode
from mesh.state.edits import Delete, Draft, Edit, Letters
from mesh.state.encoding import encode, hash_of
from mesh.state.engine import Engine, culprit
from mesh.state.fold import Fold, View
from mesh.state.genesis import FIRST_OPERATIONS_MAX, Genesis, derive, known
from mesh.state.history import History, Live
from mesh.state.intake import NONE, OUTDONE, Intake, Taken, contest
from mesh.state.operations import ACTOR_BYTES, Change, OperationId
from mesh.state.regions import Naming, Regions, Rivals
from mesh.state.snapshot import Snapshot
from mesh.state.versions import Region

_WRAPPING_BYTES = 16  # what an event's body adds to a change, rounded up
_UNFIT = "Automerge cannot take it"


class Document:
    """A document that somebody edited, with all its changes.

    Whoever learns that the standing of a change, or of the birth, is not what it was (`void` says what it is here)
    throws this object away and folds the document again from its events: there is no other way, and none is needed.
    """

    __slots__ = ("_engine", "_fold", "_genesis", "_held", "_regions", "_saved", "_view", "id")

    def __init__(self, document: DocumentId, genesis: Genesis, engine: Engine, held: Intake | None) -> None:
        """Use `born`, `load` or `fold`."""
        self.id = document
        self._genesis = genesis
        self._engine = engine
        self._held = held
        self._saved: Snapshot | None = None  # what was loaded, until it is needed
        self._fold: Fold | None = None  # of all that is in the document, once it was needed
        self._view: View | None = None
        self._regions: Regions | None = None

    @classmethod
    def born(cls, document: DocumentId, birth: Born) -> Document:
        """A document as it is at its birth, ready to be edited. The birth has passed `check_birth`."""
        genesis = derive(document, birth)
        return cls(document, genesis, Engine.begun(genesis), Intake.begun(genesis))

    @classmethod
    def fold(
        cls,
        document: DocumentId,
        birth: Born,
        changes: Iterable[tuple[bytes, Change]],
        void: AbstractSet[bytes] = NONE,
    ) -> Document:
        """Build a document from the digests and changes of its events, in whatever order they come.

        `void` are the hashes of the changes that do not count: of which no event is honoured. The hash of the first
        change (`derive`) among them says that the birth is void. Of two changes with one actor and number `contest`
        says which stays. A change that Automerge cannot take is set aside, as if it did not fit.
        """
        genesis = derive(document, birth)
        winners, outdone = contest(changes, void)
        unfit: list[Change] = []
        while True:
            fit = [change for change in winners if change not in unfit]
            intake = Intake.begun(genesis, void)
            for change in outdone:
                intake.refuse(change, OUTDONE, void)
            for change in unfit:
                intake.refuse(change, _UNFIT, void)
            made = cls(document, genesis, Engine.begun(genesis), intake)
            try:
                made._admit(fit, void)
            except Malformed:
                unfit.append(culprit(genesis, fit, void))
            else:
                return made

    @classmethod
    def load(cls, raw: bytes) -> Document:
        """Read what `save` wrote. Raises Damaged."""
        try:
            found = snapshot.decode(raw)
            engine = Engine.load(found.engine)
        except Refused as error:
            raise Damaged(f"the snapshot of a document cannot be read: {error}") from error
        genesis = known(found.document, found.registers, found.letters, has_text=found.has_text)
        made = cls(found.document, genesis, engine, None)
        made._saved = found
        return made

    def save(self) -> bytes:
        """Everything of this document, what waits, was refused or is void included, for our own store only."""
        raw = self._engine.save()
        if self._saved is not None:
            return snapshot.encode(replace(self._saved, engine=raw))
        return snapshot.encode(snapshot.taken(self.id, self._genesis, self._intake, raw))

    @property
    def spoiled(self) -> bool:
        """Whether Automerge failed over a change, so that this object must be thrown away and folded again."""
        return self._engine.spoiled

    def take(self, changes: Sequence[Change], void: AbstractSet[bytes] = NONE) -> Taken:
        """Take in changes that passed the gate; those whose hashes are in `void` do not count.

        Where `doubled` is set nothing was taken, and the document must be folded again. Raises Malformed, and is
        spoiled, only if Automerge itself fails.
        """
        intake = self._intake
        fresh = {change.hash: change for change in changes if not intake.knows(change.hash)}
        if intake.unsettled(changes, void) or intake.doubled(fresh.values()):
            return intake.report((), doubled=True)
        return self._admit(fresh.values(), void)

    def _admit(self, changes: Iterable[Change], void: AbstractSet[bytes]) -> Taken:
        intake = self._intake
        applied = intake.admit(changes, void)
        if applied:
            self._engine.deliver([change.raw for change in applied], intake.history.heads)
            self._view = None
            if self._fold is not None:
                self._fold.take(applied)
        return intake.report(applied, doubled=False)

    def edit(self, actor: bytes, edits: Sequence[Edit], *, bare: bool = False) -> Change:
        """The change that these edits are, standing on everything held. The document stays as it is: `take` it.

        `actor` is the first half of the writer's admission and a random half, fresh for this document and run of the
        writer. `bare`: it may do nothing, and only say what its writer had seen. Raises Misuse or TooLarge.
        """
        history = self._intake.history
        sequence, start = history.next_sequence(actor), history.next_counter
        if len(actor) != ACTOR_BYTES or self._intake.claimed(actor, sequence) is not None:
            raise Misuse("this actor cannot go on here", hint="Take a new random actor.")
        body = self._genesis.body
        draft = Draft(start, actor, body, self._letters() if body else Letters(0, self._engine.letter))
        for edit in edits:
            draft.apply(edit, partial(self._replaced, edit))
        if not (draft.operations or bare):
            raise Misuse("nothing would change")
        change = encode(history.heads, actor, sequence, start, draft.operations)
        if len(change.raw) > BODY_PLAIN_BYTES_MAX - _WRAPPING_BYTES:
            raise TooLarge(f"an edit has {len(change.raw):,} bytes", hint="Make it in several steps.")
        assert history.fault(change) is None, history.fault(change)
        return change

    def register(self, key: str) -> Value:
        """The value of a register that is shown, the one by the greatest operation; None without any."""
        values = self.live(key)
        return values[0].value if values else None

    def registers(self) -> dict[str, Value]:
        """All registers that hold a value, each with the one that `register` shows. A long text is among them."""
        return {key: self.register(key) for key in self._keys()}

    def live(self, key: str) -> tuple[Live, ...]:
        """Every value of a register that no other has replaced, the shown one first."""
        values = self.live_operations(key)
        return tuple(values[name] for name in sorted(values, reverse=True))

    def conflicts(self) -> tuple[str, ...]:
        """The registers in which different values live side by side."""
        live = ((key, self.live(key)) for key in self._keys())
        return tuple(key for key, values in live if len({(type(v.value), v.value) for v in values}) > 1)

    @property
    def concurrent(self) -> bool:
        """Whether two changes were made without knowing of each other; without that, nothing can overlap."""
        return not (self._saved and self._saved.linear) and bool(self._intake.history.parted)

    def regions(
        self, naming: Naming = lambda _: NONE, rivals: Rivals = frozenset, choices: Naming = lambda _: NONE
    ) -> tuple[Region, ...]:
        """Where concurrent edits overlap, in the order of the text; the others tell what was settled (regions.py)."""
        if self._genesis.body is None or not self.concurrent:
            return ()
        self._regions = self._regions or Regions(self.id, self._intake.history)
        return self._regions.open(self.folded, self.hidden, (naming, rivals(), choices))

    def without(self, change: bytes) -> View:
        """What would be seen if a change of it did not count."""
        return self.folded().view({*self.hidden, change})

    def text(self) -> str:
        """The text, whether it is letters or one value; empty where that value is void."""
        if self._genesis.body is None:
            return str(self.register(BODY) or "")
        return self._masked.text if self.hidden else self._engine.text()

    @property
    def void(self) -> frozenset[bytes]:
        """Every change known here that was said to be void, the derived first one included."""
        return frozenset(self._held.void if self._held else self._saved.void if self._saved else ())

    @property
    def hidden(self) -> AbstractSet[bytes]:
        """The void changes that are in the document, unseen: honoured ones stand on them, or it is the birth's."""
        return self._intake.hidden if self._held or (self._saved and self._saved.void) else NONE

    @property
    def aside(self) -> tuple[bytes, ...]:
        """The void changes that are not in the document, since nothing honoured stands on them."""
        return tuple(sorted(self._intake.aside))

    def disagreements(self) -> tuple[str, ...]:
        """The registers, or `body`, of which our fold with nothing masked shows what Automerge does not: a fault."""
        whole, engine, history = self.folded().view(NONE), self._engine.shown(), self._intake.history
        wrong = {BODY} if self._genesis.body and whole.text != self._engine.text() else set()
        for key in {*whole.live, *history.keys(), *engine}:
            live = history.live(key)
            if whole.live.get(key, {}) != live or max(live, default=None) != engine.get(key):
                wrong.add(key)
        return tuple(sorted(wrong))

    @property
    def body(self) -> OperationId | None:
        """The Text object, as the gate asks for it."""
        return self._genesis.body

    @property
    def heads(self) -> tuple[bytes, ...]:
        """The changes that no other stands on, ascending."""
        return self._intake.history.heads

    @property
    def change_count(self) -> int:
        """How many changes are applied, the derived first one included."""
        return len(self._intake.history)

    def contains(self, digest: bytes) -> bool:
        """Whether a change of this hash is applied."""
        return digest in self._intake.history

    @property
    def history(self) -> History:
        """What stands on what in the document."""
        return self._intake.history

    @property
    def _intake(self) -> Intake:
        """The history beside Automerge, read back from it the first time that a loaded document needs it."""
        if self._held is None:
            assert self._saved is not None, "neither made nor loaded"
            first, *others = self._engine.changes()
            changes = [decode(raw) for raw in others]
            self._held, self._saved = snapshot.restored(self._saved, self._genesis, first, changes), None
            if self._held.history.parted:  # then the fold will be asked for, and to read them takes longest
                self._held.read = {change.hash: change for change in changes}
        return self._held

    def folded(self) -> Fold:
        """All operations of what is in the document."""
        if self._fold is None:
            self._fold = Fold(self._intake.history)
            read, self._intake.read = self._intake.read or {}, None
            raws = self._engine.changes()
            self._fold.take(read.get(hash_of(raw)) or decode(raw, FIRST_OPERATIONS_MAX) for raw in raws)
        return self._fold

    @property
    def _masked(self) -> View:
        """What is seen where something is hidden."""
        if self._view is None:
            self._view = self.folded().view(self.hidden)
        return self._view

    def _keys(self) -> tuple[str, ...]:
        return tuple(sorted(self._masked.live, key=str.encode)) if self.hidden else self._intake.history.keys()

    def live_operations(self, key: str) -> Mapping[OperationId, Live]:
        """The same by the operation that wrote each."""
        return self._masked.live.get(key, {}) if self.hidden else self._intake.history.live(key)

    def _letters(self) -> Letters:
        if self.hidden:
            return Letters(len(self._masked.letters), self._masked.letters.__getitem__)
        return Letters(self._engine.length(), self._engine.letter)

    def _replaced(self, edit: Edit, key: str) -> Iterable[OperationId]:
        """What an edit of a register replaces: all that is seen, and what a lifted mask would bring back beside it."""
        seen = self.live_operations(key)
        return () if isinstance(edit, Delete) and not seen else {*seen, *self._intake.history.live(key)}
