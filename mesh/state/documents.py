"""One document: Automerge behind our own words, and the only module that imports it.

A Document takes changes that were decoded and passed the gate, in any order, and shows text and registers. It never
lets a foreign change make a hole in an actor's sequence or name what it does not stand on; and whatever Automerge
answers, be it a panic, becomes a Malformed. It stores nothing and asks for no time and no randomness.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import replace
from typing import ParamSpec, TypeVar

from automerge import core

from mesh.errors import Damaged, Malformed, Misuse, Refused, TooLarge
from mesh.events.kinds import Born, Value
from mesh.limits import BODY_PLAIN_BYTES_MAX
from mesh.names import DocumentId
from mesh.state import snapshot
from mesh.state.changes import decode
from mesh.state.columns import unsigned
from mesh.state.edits import Draft, Edit, Letters
from mesh.state.encoding import encode, hash_of, sync_message
from mesh.state.genesis import Genesis, derive, known
from mesh.state.history import Live
from mesh.state.intake import OUTDONE, Intake, Taken, contest
from mesh.state.operations import ACTOR_BYTES, Change, OperationId
from mesh.state.shapes import BODY
from mesh.state.snapshot import Snapshot

P = ParamSpec("P")
T = TypeVar("T")

_PANIC = "PanicException"  # of the binding: a BaseException that it gives no other access to
_READER = bytes(ACTOR_BYTES)  # never writes
_WRAPPING_BYTES = 16  # what an event's body adds to a change, rounded up
_UNFIT = "Automerge cannot take it"


class _Engine:
    """The Automerge document, behind one guard for every call."""

    __slots__ = ("_document", "_text", "spoiled")

    def __init__(self, document: core.Document) -> None:
        self._document = document
        self._text: bytes | None = None
        self.spoiled = False

    @classmethod
    def begun(cls, genesis: Genesis) -> _Engine:
        engine = cls(core.Document(_READER))
        engine.deliver([genesis.raw], (genesis.hash,))
        return engine

    @classmethod
    def load(cls, raw: bytes) -> _Engine:
        return cls(_guarded(core.Document.load, raw))

    def ask(self, call: Callable[P, T], *args: P.args, **kwargs: P.kwargs) -> T:
        """Call into Automerge. After a failure the document may be anything, so nothing is asked of it again."""
        if self.spoiled:
            raise Misuse("this document was spoiled by a change and must be folded again")
        try:
            return _guarded(call, *args, **kwargs)
        except Malformed:
            self.spoiled = True
            raise

    def deliver(self, changes: Sequence[bytes], heads: tuple[bytes, ...]) -> None:
        """Hand over changes, after which these must be the heads.

        A fresh sync state for each message makes the cost independent of the history.
        """
        message = self.ask(core.Message.decode, sync_message(changes))
        self.ask(self._document.receive_sync_message, core.SyncState(), message)
        if tuple(sorted(self.ask(self._document.get_heads))) != heads:
            self.spoiled = True
            raise Malformed("Automerge leaves a change out")

    def save(self) -> bytes:
        return bytes(self.ask(self._document.save))

    def changes(self) -> list[bytes]:
        return [bytes(change.raw_bytes) for change in self.ask(self._document.get_changes, [])]

    def text(self) -> str:
        return self.ask(self._document.text, self._body())

    def length(self) -> int:
        return self.ask(self._document.length, self._body())

    def letter(self, position: int) -> OperationId:
        found = self.ask(self._document.get, self._body(), position)
        assert found is not None, position
        return _operation_id(found[1])

    def _body(self) -> bytes:
        if self._text is None:
            found = self.ask(self._document.get, core.ROOT, BODY)
            assert found is not None, "a document without a text"
            self._text = found[1]
        return self._text


def _guarded(call: Callable[P, T], *args: P.args, **kwargs: P.kwargs) -> T:
    """Turn whatever Automerge raises, panics included, into Malformed; what stops a program still stops it."""
    try:
        return call(*args, **kwargs)
    except MemoryError:
        raise
    except Exception as error:
        raise Malformed(f"Automerge does not take a change: {type(error).__name__}") from error
    except BaseException as error:
        if type(error).__name__ != _PANIC:
            raise
        raise Malformed("Automerge gave up over a change") from error


def _operation_id(raw: bytes) -> OperationId:
    """An id as the binding writes it: a mark, the actor with its length, an index of no meaning outside, a counter."""
    end = 2 + ACTOR_BYTES
    _, at = unsigned(raw, end)
    return OperationId(unsigned(raw, at)[0], raw[2:end])


class Document:
    """A document that somebody edited, with all its changes."""

    __slots__ = ("_aside", "_engine", "_genesis", "_held", "id")

    def __init__(self, document: DocumentId, genesis: Genesis, engine: _Engine, held: Intake | None) -> None:
        """Use `born`, `load` or `fold`."""
        self.id = document
        self._genesis = genesis
        self._engine = engine
        self._held = held
        self._aside: tuple[tuple[bytes, ...], tuple[tuple[bytes, str], ...]] = ((), ())

    @classmethod
    def born(cls, document: DocumentId, birth: Born) -> Document:
        """A document as it is at its birth, ready to be edited. The birth has passed `check_birth`."""
        genesis = derive(document, birth)
        return cls(document, genesis, _Engine.begun(genesis), Intake.begun(genesis))

    @classmethod
    def fold(cls, document: DocumentId, birth: Born, changes: Iterable[tuple[bytes, Change]]) -> Document:
        """Build a document from the digests and changes of its events, in whatever order they come.

        Of two changes with one actor and number the one with the smaller event digest counts. A change that
        Automerge cannot take is set aside, as if it did not fit.
        """
        genesis = derive(document, birth)
        winners, outdone = contest(changes)
        unfit: list[Change] = []
        while True:
            intake = Intake.begun(genesis)
            for change in outdone:
                intake.refuse(change, OUTDONE)
            for change in unfit:
                intake.refuse(change, _UNFIT)
            made = cls(document, genesis, _Engine.begun(genesis), intake)
            try:
                made.take(winners)
            except Malformed:
                unfit.append(_culprit(genesis, [change for change in winners if change not in unfit]))
            else:
                return made

    @classmethod
    def load(cls, raw: bytes) -> Document:
        """Read what `save` wrote. Raises Damaged."""
        try:
            found = snapshot.decode(raw)
            engine = _Engine.load(found.engine)
        except Refused as error:
            raise Damaged(f"the snapshot of a document cannot be read: {error}") from error
        genesis = known(found.document, found.registers, found.letters, has_text=found.has_text)
        made = cls(found.document, genesis, engine, None)
        made._aside = (found.waiting, found.refused)
        return made

    def save(self) -> bytes:
        """Everything of this document, what waits or was refused included, for our own store only."""
        waiting, refused = self._aside
        if self._held is not None:
            waiting = tuple(change.raw for _, change in sorted(self._held.waiting.items()))
            refused = tuple((change.raw, reason) for _, (change, reason) in sorted(self._held.refused.items()))
        genesis = self._genesis
        body, raw = genesis.body is not None, self._engine.save()
        return snapshot.encode(Snapshot(self.id, body, genesis.letters, genesis.registers, raw, waiting, refused))

    @property
    def spoiled(self) -> bool:
        """Whether Automerge failed over a change, so that this object must be thrown away and folded again."""
        return self._engine.spoiled

    def take(self, changes: Sequence[Change]) -> Taken:
        """Take in changes that passed the gate. Raises Malformed, and is spoiled, only if Automerge itself fails."""
        intake = self._intake
        fresh = {change.hash: change for change in changes if not intake.knows(change.hash)}
        if intake.doubled(fresh.values()):
            return intake.report((), doubled=True)
        applied = intake.admit(fresh.values())
        if applied:
            self._engine.deliver([change.raw for change in applied], intake.history.heads)
        return intake.report(applied, doubled=False)

    def edit(self, actor: bytes, edits: Sequence[Edit]) -> Change:
        """The change that these edits are, standing on everything held. The document stays as it is: `take` it.

        `actor` is the first half of the writer's admission and a random half, fresh for this document and run of the
        writer. Raises Misuse or TooLarge.
        """
        history = self._intake.history
        sequence, start = history.next_sequence(actor), history.next_counter
        if len(actor) != ACTOR_BYTES or self._intake.claimed(actor, sequence) is not None:
            raise Misuse("this actor cannot go on here", hint="Take a new random actor.")
        body = self._genesis.body
        draft = Draft(start, actor, body, Letters(self._engine.length() if body else 0, self._engine.letter))
        for edit in edits:
            draft.apply(edit, history.live)
        if not draft.operations:
            raise Misuse("nothing would change")
        change = encode(history.heads, actor, sequence, start, draft.operations)
        if len(change.raw) > BODY_PLAIN_BYTES_MAX - _WRAPPING_BYTES:
            raise TooLarge(f"an edit has {len(change.raw):,} bytes", hint="Make it in several steps.")
        assert history.fault(change) is None, history.fault(change)
        return change

    def register(self, key: str) -> Value:
        """The value of a register that Automerge shows too, the one by the greatest operation; None without any."""
        values = self.live(key)
        return values[0].value if values else None

    def registers(self) -> dict[str, Value]:
        """All registers that hold a value, each with the one that `register` shows. A long text is among them."""
        return {key: self.register(key) for key in self._intake.history.keys()}  # noqa: SIM118 - it is no mapping

    def live(self, key: str) -> tuple[Live, ...]:
        """Every value of a register that no other has replaced, the shown one first."""
        values = self._intake.history.live(key)
        return tuple(values[name] for name in sorted(values, reverse=True))

    def conflicts(self) -> tuple[str, ...]:
        """The registers in which different values live side by side."""
        live = ((key, self.live(key)) for key in self._intake.history.keys())  # noqa: SIM118 - it is no mapping
        return tuple(key for key, values in live if len({(type(v.value), v.value) for v in values}) > 1)

    def text(self) -> str:
        """The text, whether it is letters or one value."""
        return str(self.register(BODY)) if self._genesis.body is None else self._engine.text()

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
    def _intake(self) -> Intake:
        """The history beside Automerge, read back from it the first time that a loaded document needs it."""
        if self._held is None:
            first, *others = self._engine.changes()
            self._held = Intake.begun(replace(self._genesis, hash=hash_of(first)))
            for raw in others:
                self._held.history.add(decode(raw))
            for raw, reason in self._aside[1]:
                self._held.refuse(decode(raw), reason)
            self._held.admit(decode(raw) for raw in self._aside[0])
        return self._held


def _culprit(genesis: Genesis, changes: Sequence[Change]) -> Change:
    """The first change that Automerge cannot take, one by one in an order that is the same everywhere."""
    trial, intake = _Engine.begun(genesis), Intake.begun(genesis)
    for change in Intake.begun(genesis).admit(changes):
        intake.admit([change])
        try:
            trial.deliver([change.raw], intake.history.heads)
        except Malformed:
            return change
    raise Damaged("Automerge takes these changes one by one but not together")
