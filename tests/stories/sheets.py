"""Sheets: one note on a few devices, with the true documents, conflicts, settlements and undos, as a transcript.

After each step it is told what each device shows and what is open on it; devices that show the same are told together.
Devices that hold the same must show the same, or the story ends there.
"""

from __future__ import annotations

from collections.abc import Iterable

from mesh.events.kinds import Born, Settled, Undone, Value
from mesh.names import Digest
from mesh.state.conflicts import Conflict, Kind, conflicts_of
from mesh.state.documents import Document
from mesh.state.edits import Delete, Edit, Put, Splice
from mesh.state.rules import ruling
from mesh.state.settling import Choice, Merge, Say, Settlements, Take, edits_for
from tests.unit.state.desks import Desk
from tests.unit.state.writers import DOCUMENT, actor

BIRTH = Born({"title": "Shopping", "path": "home/list.md"}, "Bread, milk and eggs.", bytes(16))
WIDTH = 8


class Sheet(Desk):
    """One device's copy of the note, with the settlements that it knows."""

    def __init__(self, number: int, name: str) -> None:
        """Begin with the birth."""
        super().__init__(number)
        self.name = name
        self.document = Document.born(DOCUMENT, BIRTH)
        self.settled: dict[bytes, Settled] = {}

    def learn(self, others: Iterable[Sheet]) -> None:
        """Learn all that others know."""
        for other in others:
            self.meet(other)
            self.settled |= other.settled
            other.settled |= self.settled

    @property
    def settlements(self) -> Settlements:
        """What was settled and taken back, as this device knows."""
        found = Settlements()
        for change, body in self.settled.items():
            found.add(Digest(change), body)
        for undo, target in self.pairs.items():
            found.add(Digest(undo), Undone(b"", Digest(target)))
        return found

    @property
    def open(self) -> tuple[Conflict, ...]:
        """The conflicts that are open on this device."""
        return conflicts_of(self.document, self.settlements)


class Table:
    """A few devices, and what the teller says between."""

    def __init__(self, *names: str) -> None:
        """All have the note as it was born."""
        self.sheets = {name: Sheet(number, name) for number, name in enumerate(names, 1)}
        self.lines: list[str] = []

    def tell(self, line: str) -> None:
        """Say what comes now."""
        self.lines += ["", f"# {line}"]

    def _did(self, name: str, what: str) -> None:
        self.lines.append(f"  {name:<{WIDTH}}{what}")

    # ── what devices do ──────────────────────────────────────────────────────────────────────────

    def put(self, name: str, key: str, value: Value) -> bytes:
        """Somebody sets a register."""
        self._did(name, f"sets {key} to {value!r}")
        return self.sheets[name].edit(Put(key, value))

    def remove(self, name: str, key: str) -> bytes:
        """Somebody removes a register."""
        self._did(name, f"removes {key}")
        return self.sheets[name].edit(Delete(key))

    def write(self, name: str, old: str, new: str) -> bytes:
        """Somebody writes something else where a text stands; at the end where nothing stands."""
        sheet = self.sheets[name]
        text = sheet.document.text()
        place = text.index(old) if old else len(text)
        self._did(
            name, f"writes {new!r} for {old!r}" if old and new else f"deletes {old!r}" if old else f"adds {new!r}"
        )
        return sheet.edit(Splice(place, len(old), new))

    def meet(self, *names: str) -> None:
        """These devices, or all, come to know the same."""
        sheets = [self.sheets[name] for name in names or self.sheets]
        for sheet in (*sheets, *sheets):
            sheet.learn(sheets)
        self.lines.append(f"  {', '.join(one.name for one in sheets)} meet")

    def settle(self, name: str, field: str, choice: str | None = None, *, say: Value = None) -> bytes:
        """Somebody settles a conflict: by a value that is there, by another one, or by the text as it is."""
        sheet = self.sheets[name]
        conflict = next(one for one in sheet.open if one.field == field)
        chosen: Choice = Merge()
        if say is not None:
            chosen = Say(say)
        elif choice is not None:
            chosen = Take([side.value for side in conflict.sides].index(choice))
        told = repr(say) if say is not None else "the text as it is" if choice is None else repr(choice)
        self._did(name, f"settles {field}: {told}")
        return self._settle(sheet, conflict, edits_for(sheet.document, conflict, chosen))

    def rule(self, name: str) -> None:
        """A device looks for what settles itself."""
        sheet = self.sheets[name]
        found = [one for one in (ruling(conflict, sheet.settlements) for conflict in sheet.open) if one]
        for one in found:
            self._did(name, f"settles by the rule `{one.rule}`")
            self._settle(sheet, one.conflict, one.edits, one.rule)
        if not found:
            self._did(name, "finds nothing that settles itself")

    def _settle(self, sheet: Sheet, conflict: Conflict, edits: Iterable[Edit], rule: str = "") -> bytes:
        change = sheet.document.edit(actor(sheet.number), tuple(edits), bare=True)
        sheet.settled[change.hash] = Settled(change.raw, conflict.name, conflict.prints, rule)
        return sheet.keep(change)

    def undo(self, name: str, event: bytes, what: str) -> bytes:
        """Somebody takes an event back."""
        self._did(name, f"takes back {what}")
        return self.sheets[name].undo(event)

    # ── what devices show ────────────────────────────────────────────────────────────────────────

    def show(self) -> None:
        """What each device shows, and what is open on it."""
        shown: dict[str, list[str]] = {}
        held: dict[frozenset[bytes], str] = {}
        for sheet in self.sheets.values():
            told = "\n".join(self._shown(sheet))
            shown.setdefault(told, []).append(sheet.name)
            same = held.setdefault(frozenset(sheet.changes), told)
            assert told == same, f"{sheet.name} holds the same as another one and shows something else"
        for told, names in shown.items():
            self.lines.append(f"  {', '.join(names)} {'show' if len(names) > 1 else 'shows'}")
            self.lines += [f"    {line}" for line in told.split("\n")]

    def _shown(self, sheet: Sheet) -> Iterable[str]:
        registers = sheet.document.registers()
        text = sheet.document.text()
        yield "  ".join((*(f"{key} {value!r}" for key, value in registers.items()), f"text {text!r}"))
        names = set()
        for conflict in sheet.open:
            names.add(conflict.name)
            yield self._told(sheet, conflict)
        assert len(names) == len(sheet.open)
        if not names:
            yield "nothing is open"

    def _told(self, sheet: Sheet, conflict: Conflict) -> str:
        sides = " | ".join(f"{side.value!r} ({self._author(sheet, side.change)})" for side in conflict.sides)
        before = "" if conflict.kind is Kind.DELETED else f", before: {conflict.ancestor!r}"
        merged = f", stands there: {conflict.merged!r}" if conflict.kind is Kind.TEXT else ""
        return f"open: {conflict.field} ({conflict.kind}): {sides}{before}{merged}"

    def _author(self, sheet: Sheet, change: bytes) -> str:
        made = sheet.changes.get(change)
        return next((one.name for one in self.sheets.values() if made and actor(one.number) == made.actor), "birth")

    def end(self) -> str:
        """The transcript."""
        return "\n".join(self.lines).strip("\n") + "\n"
