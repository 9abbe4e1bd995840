"""The list of attacks: each a small function that says what the attacker holds and what must happen.

An attack is either pure (the gate alone, no socket) or against a town of real agents; it returns a sentence about what
happened, and raises when that is not what must. Nothing is listed that cannot be run: what waits for something that is
not built is listed with the reason, and counts as failed.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from tests.attacks.town import Town

Pure = Callable[[], str]
Real = Callable[["Town"], Awaitable[str]]

RESEARCHED = 55
"""The attacks that the research listed; larger numbers were thought of later."""


@dataclass(frozen=True)
class Attack:
    """One attack. `slow`: not part of the subset that every test run plays."""

    number: int
    name: str
    expected: str
    pure: Pure | None = None
    real: Real | None = None
    slow: bool = False
    not_run: str = ""

    @property
    def holds(self) -> str:
        """What the attacker holds and what must happen, as the function says it."""
        return ((self.pure or self.real).__doc__ or "").strip() if self.pure or self.real else ""


_ALL: dict[int, Attack] = {}


def _keep(attack: Attack) -> None:
    assert attack.number not in _ALL, f"two attacks with number {attack.number}"
    _ALL[attack.number] = attack


def pure(number: int, expected: str) -> Callable[[Pure], Pure]:
    """Register an attack on the pure gate; its name is the function's."""

    def registered(function: Pure) -> Pure:
        _keep(Attack(number, function.__name__.replace("_", " "), expected, pure=function))
        return function

    return registered


def real(number: int, expected: str, *, slow: bool = False) -> Callable[[Real], Real]:
    """Register an attack on real agents."""

    def registered(function: Real) -> Real:
        _keep(Attack(number, function.__name__.replace("_", " "), expected, real=function, slow=slow))
        return function

    return registered


def not_possible(number: int, name: str, expected: str, reason: str) -> None:
    """Register an attack that cannot be run yet, with the reason."""
    _keep(Attack(number, name, expected, not_run=reason))


def everything() -> tuple[Attack, ...]:
    """All attacks by number."""
    from tests.attacks import (  # noqa: PLC0415 - they register themselves, and import this
        on_chains,
        on_closing,
        on_documents,
        on_keys,
        on_people,
        on_relays,
        on_sockets,
        on_statements,
        on_the_verdict,
        on_the_verdict_later,
        on_transport,
    )

    modules = (
        *(on_chains, on_closing, on_documents, on_keys, on_people, on_relays, on_sockets),
        *(on_statements, on_the_verdict, on_the_verdict_later, on_transport),
    )
    assert all(module.__doc__ for module in modules), "imported, so that their attacks are listed"
    return tuple(_ALL[number] for number in sorted(_ALL))
