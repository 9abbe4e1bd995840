"""What the doctor looks with, and what a look comes to. Nothing here looks by itself."""

from __future__ import annotations

import sys
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Literal

from mesh.errors import Damaged, MeshError, Misuse, Refused, Unreachable

Told = Mapping[str, object]
Mend = Literal["", "permissions", "leftovers", "agent", "restart", "service", "lingering"]
"""What `--fix` can do about it."""


@dataclass(frozen=True)
class Diagnosis:
    """What one check came to: right, wrong, or None for what cannot be told or is for the person to weigh."""

    ok: bool | None
    detail: str
    fix: str = ""
    mend: Mend = ""
    fault: type[MeshError] = Unreachable


@dataclass(frozen=True)
class Look:
    """What is known before the checks begin: the home, and what its agent says, if one answers."""

    home: Path
    state: str = "none"
    """none, asked, joined; `sealed` where a passphrase is lacking, `damaged` where the keys cannot be read."""
    ping: Told | None = None
    status: Told | None = None
    events: tuple[Told, ...] = ()
    """The latest events, from a running agent."""
    silence: MeshError | None = None
    """Why the agent could not be asked, where one seems to be there."""
    platform: str = sys.platform
    now_ms: int = 0
    interfaces: tuple[str, ...] = ()

    @property
    def lives(self) -> bool:
        """Whether a home is here that an agent could work in."""
        return self.state in {"joined", "sealed"}

    def part(self, name: str) -> Told:
        """An object within the status."""
        value = (self.status or {}).get(name)
        return value if isinstance(value, dict) else {}

    def parts(self, name: str) -> list[Told]:
        """A list of objects within the status."""
        value = (self.status or {}).get(name)
        return [part for part in value if isinstance(part, dict)] if isinstance(value, list) else []

    def count(self, name: str) -> int:
        """A number within the status."""
        value = (self.status or {}).get(name)
        return value if isinstance(value, int) else 0


Check = Callable[[Look], Diagnosis]
_FAULTS = (Damaged, Refused, Misuse, Unreachable)  # the worst first


@dataclass(frozen=True)
class Examined:
    """A check by its name, and its diagnosis."""

    name: str
    diagnosis: Diagnosis = field(repr=False)

    def told(self) -> dict[str, object]:
        """For people and scripts."""
        found = self.diagnosis
        return {
            "name": self.name,
            "ok": found.ok,
            "detail": found.detail,
            "fix": found.fix,
            "fixable": bool(found.mend),
        }


def exit_code(examined: list[Examined]) -> int:
    """0 when nothing is wrong, else the code of the worst fault: damaged, refused, misuse, unreachable."""
    faults = {one.diagnosis.fault for one in examined if one.diagnosis.ok is False}
    return next((fault.exit_code for fault in _FAULTS if any(issubclass(one, fault) for one in faults)), 0)


def right(detail: str) -> Diagnosis:
    """Nothing to do."""
    return Diagnosis(ok=True, detail=detail)


def wrong(detail: str, fix: str, *, mend: Mend = "", fault: type[MeshError] = Unreachable) -> Diagnosis:
    """Something to do."""
    return Diagnosis(ok=False, detail=detail, fix=fix, mend=mend, fault=fault)


def unclear(detail: str, fix: str = "", *, mend: Mend = "") -> Diagnosis:
    """What cannot be told, or is no fault and still worth knowing."""
    return Diagnosis(ok=None, detail=detail, fix=fix, mend=mend)


def agentless() -> Diagnosis:
    """For what only a running agent knows."""
    return unclear("no agent answers, so this cannot be told")
