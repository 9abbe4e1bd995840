"""Desks for tests of undo: a document each, its undos, and the way from an event to the edits that take it back."""

from __future__ import annotations

from mesh.events.kinds import Value
from mesh.state import undoing
from mesh.state.documents import Document
from mesh.state.edits import Edit
from mesh.state.lines import Reversal, Took
from mesh.state.operations import Change
from mesh.state.undos import Undos
from tests.unit.state.writers import BIRTH, DOCUMENT, actor

Shown = tuple[str, dict[str, list[Value]]]
BIRTH_EVENT = b"birth"


class Desk:
    """One person's copy. The event of a change is called like the change."""

    def __init__(self, number: int = 1) -> None:
        """Begin with the birth."""
        self.number = number
        self.document = Document.born(DOCUMENT, BIRTH)
        self.changes: dict[bytes, Change] = {}
        self.pairs: dict[bytes, bytes] = {}

    def meet(self, other: Desk) -> None:
        """Both learn all that the other knows."""
        for one, two in ((self, other), (other, self)):
            assert not one.document.take([c for c in two.changes.values() if c.hash not in one.changes]).waiting
            one.changes |= two.changes
            one.pairs |= two.pairs

    def apart(self, number: int) -> Desk:
        """Somebody else's, who knows the same."""
        other = Desk(number)
        other.meet(self)
        return other

    def edit(self, *edits: Edit) -> bytes:
        """An ordinary change."""
        return self.keep(self.document.edit(actor(self.number), edits))

    def keep(self, change: Change, undoes: bytes = b"") -> bytes:
        """Take in what was said."""
        assert change.hash in self.document.take([change]).applied
        self.changes[change.hash] = change
        if undoes:
            self.pairs[change.hash] = undoes
        return change.hash

    @property
    def undos(self) -> Undos:
        """Everything that was taken back."""
        return Undos(self.pairs.items(), {BIRTH_EVENT})

    def known(self, event: bytes) -> frozenset[bytes]:
        """What was taken back for whoever said this."""
        on = self.document.history.stands_on
        return self.undos.known(lambda undo: undo != event and on(event, undo)).back

    def undo(self, event: bytes) -> bytes:
        """Take an event back, as the call does. Raises BuiltOn."""
        undos = self.undos
        assert undos.stands(event)
        plan = undos.plan(event)
        edits: tuple[Edit, ...] = ()
        if event == BIRTH_EVENT:
            edits = undoing.unborn(self.document)
        elif plan.turns:
            stops = undos.stands(plan.root)
            took = tuple(Took(self.changes[name], self.known(name)) for name in plan.names)
            reversal = Reversal(took, self.changes[plan.root], stops, undos.undos, undos.back)
            edits = undoing.inverse(self.document, reversal)
        said = change = self.document.edit(actor(self.number), edits, bare=True)
        self.keep(change, event)
        for name in plan.names[1:]:
            change = undoing.beside(change)
            self.keep(change, name)
        return said.hash

    def shown(self) -> Shown:
        """The text, and all values of each register, in an order of their own."""
        document = self.document
        live = {key: sorted((one.value for one in document.live(key)), key=repr) for key in document.registers()}
        return document.text(), live
