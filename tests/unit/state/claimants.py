"""Claimants for tests of leases: devices with a copy each of one record, which meet when the test lets them."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

from mesh.events.bodies import document_of
from mesh.events.kinds import Value
from mesh.limits import SALT_BYTES
from mesh.state import leases, records
from mesh.state.documents import Document
from mesh.state.leases import Claim, Who
from mesh.state.operations import Change
from mesh.state.records import Record
from mesh.state.shapes import gate

LEASE_MS = 1000
BIRTH = records.birth("task", {"title": "dig the bed", "state": "open"}, salt=bytes(SALT_BYTES))
DOCUMENT = document_of("home", "task", BIRTH)


@dataclass
class Claimant:
    """One device's copy. Names of claims are chosen by the test, since who is smaller matters."""

    number: int
    document: Document = field(default_factory=lambda: Document.born(DOCUMENT, BIRTH))
    changes: dict[bytes, Change] = field(default_factory=dict)

    @property
    def device(self) -> str:
        """What it is called."""
        return f"device-{self.number}"

    @property
    def record(self) -> Record:
        """The record as it shows it."""
        return records.view_of(self.document)

    @property
    def holds(self) -> Claim | None:
        """Who has it, as far as is known here."""
        return leases.holder(self.record)

    @property
    def mine(self) -> bool:
        """Whether this device has it, as far as it knows."""
        return self.holds is not None and self.holds.device == self.device and not self.holds.end

    def write(self, registers: Mapping[str, Value]) -> None:
        """Change the record here."""
        edits = records.edits(self.document, registers)
        if edits:
            admission = bytes([self.number]) * 32
            change = self.document.edit(admission[:8] + bytes([1]) * 8, edits)
            gate(change, admission=admission, kind="task", body=self.document.body)
            self.document.take([change])
            self.changes[change.hash] = change

    def claim(self, name: str, now_ms: int, *, taking: bool = False) -> bool:
        """Claim it where that can be done; whether it could."""
        if not (taking or leases.is_free(self.record, now_ms)) or leases.is_done(self.record):
            return False
        who = Who(self.device, "claude", f"session-{self.number}")
        self.write(leases.claimed(self.record, name, who, now_ms + LEASE_MS, taking=taking))
        return True

    def renew(self, now_ms: int) -> None:
        """Work on, where the lease still holds."""
        if self.mine and self.holds is not None and self.holds.until_ms > now_ms:
            self.write(leases.renewed(self.holds, now_ms + LEASE_MS))

    def end(self, how: str) -> None:
        """Give up, or say that it is done."""
        if self.mine and self.holds is not None:
            self.write(leases.ended(self.holds, how))

    def acknowledge(self, now_ms: int) -> None:
        """Say that another one's claim was seen here."""
        if (claim := leases.unseen(self.record, self.device)) is not None:
            self.write(leases.seen(claim, self.device, now_ms))

    def meet(self, other: Claimant) -> None:
        """Both learn all that the other knows."""
        for one, two in ((self, other), (other, self)):
            one.document.take([change for name, change in two.changes.items() if name not in one.changes])
            one.changes |= two.changes
