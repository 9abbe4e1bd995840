"""Letters and values through undos: what an undo brings back stands for what had gone, and the two are one line.

Which of a line is seen follows from the changes that stand: those that count, are no undos and are not taken back.
This module looks at a document and changes nothing.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Iterable
from dataclasses import dataclass
from typing import NamedTuple

from mesh.errors import Refused
from mesh.state.documents import Document
from mesh.state.operations import Change, OperationId

NONE: frozenset[bytes] = frozenset()


class BuiltOn(Refused):
    """Something later is built on what would be taken back. `change` is that later change."""

    def __init__(self, change: bytes) -> None:
        """Name what stands in the way."""
        super().__init__("a later change is built on it")
        self.change = change


class Took(NamedTuple):
    """A change whose event is taken back, and the changes that were taken back when it was made."""

    change: Change
    back: frozenset[bytes] = NONE


@dataclass(frozen=True)
class Reversal:
    """What is taken back, and what turns by that.

    `root` is no undo: it stands and shall not (`stops`), or the other way round. `took` is the root alone, or the undos
    by whose end it turns. Of all other changes `undos` are undos, and `back` are taken back now.
    """

    took: tuple[Took, ...]
    root: Change
    stops: bool
    undos: frozenset[bytes] = NONE
    back: frozenset[bytes] = NONE


class Lines(ABC):
    """What a document has of one sort, letters or the values of a register, each by the operation that made it."""

    def __init__(self, document: Document, reversal: Reversal) -> None:
        """Look at a document as it is before a reversal."""
        self.reversal = reversal
        self.fold, self.history, self.hidden = document.folded(), document.history, document.hidden

    @abstractmethod
    def maker(self, name: OperationId) -> bytes:
        """The change that made it."""

    @abstractmethod
    def removers(self, name: OperationId) -> Iterable[bytes]:
        """The changes that took it away."""

    @abstractmethod
    def copied(self, name: OperationId) -> OperationId | None:
        """What it stands for, if an undo made it."""

    @abstractmethod
    def copies(self, name: OperationId) -> Iterable[OperationId]:
        """What stands for it."""

    @abstractmethod
    def shown(self, name: OperationId) -> bool:
        """Whether it is to be seen now."""

    def line(self, name: OperationId) -> list[OperationId]:
        """It and all that stand for it."""
        found = [name]
        for one in found:
            found += self.copies(one)
        return found

    def above(self, name: OperationId) -> list[OperationId]:
        """It and what it stands for through all undos, the first of all last."""
        found = [name]
        while (older := self.copied(found[-1])) is not None:
            found.append(older)
        return found

    def killers(self, name: OperationId) -> list[bytes]:
        """The changes after which nothing of its line was left; undos are not among them."""
        line = self.line(name)
        removers = dict.fromkeys(by for one in line for by in self.removers(one) if by not in self.reversal.undos)
        alone = len(line) == 1  # as nearly always
        return [by for by in removers if alone or not any(self.saw(by, one) for one in line)]

    def saw(self, change: bytes, name: OperationId) -> bool:
        """Whether it was to be seen when a change was made, with the change."""
        on = self.history.stands_on
        gone = any(on(change, by) for by in self.removers(name) if by not in self.hidden)
        return not gone and on(change, self.maker(name))

    # ── what stands ──────────────────────────────────────────────────────────────────────────────

    def stands(self, change: bytes) -> bool:
        """Whether a change stands after the reversal."""
        if change == self.reversal.root.hash:
            return not self.reversal.stops
        return change not in self.reversal.undos and change not in self.reversal.back and change not in self.hidden

    def later(self, change: bytes) -> bool:
        """Whether a change stands and was made on top of what is taken back."""
        own = change == self.reversal.root.hash
        on = (self.history.stands_on(change, took.change.hash) for took in self.reversal.took)
        return not own and self.stands(change) and any(on)

    def must_not_build(self, changes: Iterable[bytes]) -> None:
        """Raise BuiltOn for later work."""
        if (found := next(filter(self.later, changes), None)) is not None:
            raise BuiltOn(found)

    # ── what goes and comes ──────────────────────────────────────────────────────────────────────

    def going(self, names: Iterable[OperationId]) -> list[OperationId]:
        """What is to be seen of the lines of these."""
        return list(dict.fromkeys(one for name in names for one in self.line(name) if self.shown(one)))

    def coming(self, removed: Iterable[tuple[OperationId, Took]], said: Iterable[OperationId]) -> list[OperationId]:
        """Of what was taken away, and of what the root says, that which is to be seen after the reversal and is not.

        Of each line one comes; several that stand for one thing come only if they were seen side by side.
        """
        found: dict[OperationId, Took | None] = {}
        lines: set[OperationId] = set()
        roots: dict[OperationId, Took | None] = {}
        for name, took in (*removed, *((name, None) for name in said)):
            root = self.above(name)[-1]
            if name not in lines and roots.get(root, took) is took and self._comes(name, took):
                found[name] = roots[root] = took
                lines.update(self.line(name), self.above(name))
        return [*found]

    def _comes(self, name: OperationId, took: Took | None) -> bool:
        """Whether a part is to be seen after the reversal, and is not there now.

        `took` had it before its eyes when it took it away: so only what is otherwise since then counts.
        """
        above = self.above(name)
        maker = self.maker(above[-1])
        removers = {*self.killers(name), *(by for one in above for by in self.removers(one))} - self.reversal.undos
        made = maker in self.reversal.undos or self.stands(maker) or (took is not None and not self._stood(maker, took))
        gone = any(self.stands(by) and not (took is not None and self._stood(by, took)) for by in removers)
        return made and not gone and not any(map(self.shown, self.line(name)))

    def _stood(self, change: bytes, took: Took) -> bool:
        """Whether a change stood for whoever made another one."""
        known = change != took.change.hash and self.history.stands_on(took.change.hash, change)
        return known and change not in took.back
