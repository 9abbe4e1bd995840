"""Automerge behind our own words, and the only module that imports it.

Whatever Automerge answers, be it a panic, becomes a Malformed, and after that nothing is asked of it again. This
module decides nothing: what it is handed was decoded, passed the gate and fits (intake.py).
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from collections.abc import Set as AbstractSet
from typing import ParamSpec, TypeVar

from automerge import core

from mesh.errors import Damaged, Malformed, Misuse
from mesh.state.catalogue import BODY
from mesh.state.columns import unsigned
from mesh.state.encoding import sync_message
from mesh.state.genesis import Genesis
from mesh.state.intake import Intake
from mesh.state.operations import ACTOR_BYTES, Change, OperationId

P = ParamSpec("P")
T = TypeVar("T")

_PANIC = "PanicException"  # of the binding: a BaseException that it gives no other access to
_READER = bytes(ACTOR_BYTES)  # never writes


class Engine:
    """The Automerge document, behind one guard for every call. Each of them may raise Malformed."""

    __slots__ = ("_document", "_text", "spoiled")

    def __init__(self, document: core.Document) -> None:
        """Use `begun` or `load`."""
        self._document = document
        self._text: bytes | None = None
        self.spoiled = False

    @classmethod
    def begun(cls, genesis: Genesis) -> Engine:
        """A document with its first change."""
        engine = cls(core.Document(_READER))
        engine.deliver([genesis.raw], (genesis.hash,))
        return engine

    @classmethod
    def load(cls, raw: bytes) -> Engine:
        """A document out of what `save` wrote."""
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
        """All changes, as Automerge keeps them."""
        return bytes(self.ask(self._document.save))

    def changes(self) -> list[bytes]:
        """All changes, each after what it stands on; so the document's first change is the first."""
        return [bytes(change.raw_bytes) for change in self.ask(self._document.get_changes, [])]

    def text(self) -> str:
        """The text of a document that has letters."""
        return self.ask(self._document.text, self._body())

    def length(self) -> int:
        """How many letters it has."""
        return self.ask(self._document.length, self._body())

    def letter(self, position: int) -> OperationId:
        """The name of the letter at a place."""
        found = self.ask(self._document.get, self._body(), position)
        assert found is not None, position
        return _operation_id(found[1])

    def shown(self) -> dict[str, OperationId]:
        """The registers that hold a value, each with the operation whose value Automerge shows."""
        keys = [key for key in self.ask(self._document.keys, core.ROOT) if key != BODY or not self._lettered()]
        found = {key: self.ask(self._document.get, core.ROOT, key) for key in keys}
        return {key: _operation_id(pair[1]) for key, pair in found.items() if pair is not None}

    def _lettered(self) -> bool:
        found = self.ask(self._document.get, core.ROOT, BODY)
        return found is not None and isinstance(found[0], core.ObjType)

    def _body(self) -> bytes:
        if self._text is None:
            found = self.ask(self._document.get, core.ROOT, BODY)
            assert found is not None, "a document without a text"
            self._text = found[1]
        return self._text


def culprit(genesis: Genesis, changes: Sequence[Change], void: AbstractSet[bytes]) -> Change:
    """The first change that Automerge cannot take, one by one in an order that is the same everywhere."""
    trial, intake = Engine.begun(genesis), Intake.begun(genesis)
    for change in Intake.begun(genesis).admit(changes, void):
        intake.admit([change])
        try:
            trial.deliver([change.raw], intake.history.heads)
        except Malformed:
            return change
    raise Damaged("Automerge takes these changes one by one but not together")


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
