"""Letters between simulated devices, and how badly a seed treats them: delay, loss, doubles, one-way partitions.

Virtual time only. This module never looks into a letter.
"""

from __future__ import annotations

import heapq
import itertools
from collections.abc import Callable
from dataclasses import dataclass, field
from enum import Enum
from random import Random

from mesh.sync.messages import Message


class Role(Enum):
    """As what the sender of a letter speaks."""

    DEVICE = "device"
    GUEST = "guest"  # at the receiver's server
    HOST = "host"  # its own server, to a guest


@dataclass(frozen=True, slots=True)
class Letter:
    """One message on its way. `request`: which one it asks or answers; bytes in worlds with the true codec."""

    source: str
    target: str
    role: Role
    message: Message | bytes
    verb: type[Message]
    request: int | None = None
    answers: bool = False


@dataclass(slots=True)
class Temper:
    """How a seed treats its devices, as chances per occasion."""

    loss: float = 0.0
    double: float = 0.0
    strip: float = 0.0  # a push arrives without its bodies
    slow_ms: int = 40
    crash: float = 0.0  # between two effects
    power: float = 0.5  # a crash is a power cut rather than a kill

    @classmethod
    def drawn(cls, rng: Random) -> Temper:
        """The temper of one seed: some are calm in one respect, some wild."""
        return cls(
            loss=rng.choice((0.0, 0.05, 0.25)),
            double=rng.choice((0.0, 0.1, 0.3)),
            strip=rng.choice((0.0, 0.0, 0.2)),
            slow_ms=rng.choice((5, 200, 3000)),
            crash=rng.choice((0.0, 0.01, 0.03)),
            power=rng.choice((0.2, 0.8)),
        )


@dataclass
class Wire:
    """Virtual time, everything that is due, and which ways are cut."""

    rng: Random
    temper: Temper
    now_ms: int = 0
    cut: set[tuple[str, str]] = field(default_factory=set)
    under_way: int = 0
    _due: list[tuple[int, int, Callable[[], None]]] = field(default_factory=list)
    _serial: itertools.count[int] = field(default_factory=itertools.count)

    def later(self, delay_ms: int, act: Callable[[], None]) -> None:
        """Do something after a while."""
        heapq.heappush(self._due, (self.now_ms + delay_ms, next(self._serial), act))

    def run_until(self, until_ms: int) -> None:
        """Let time pass."""
        while self._due and self._due[0][0] <= until_ms:
            self.now_ms, _, act = heapq.heappop(self._due)
            act()
        self.now_ms = until_ms

    def post(self, letter: Letter, deliver: Callable[[Letter], None]) -> None:
        """Send a letter: it may be lost, doubled, late, or overtaken by others."""
        temper, rng = self.temper, self.rng
        copies = 2 if temper.double and rng.random() < temper.double else 1
        for _ in range(copies):
            if (letter.source, letter.target) in self.cut or (temper.loss and rng.random() < temper.loss):
                continue
            self.under_way += 1
            self.later(1 + rng.randrange(temper.slow_ms), lambda: self._arrive(letter, deliver))

    def _arrive(self, letter: Letter, deliver: Callable[[Letter], None]) -> None:
        self.under_way -= 1
        if (letter.source, letter.target) not in self.cut:
            deliver(letter)
