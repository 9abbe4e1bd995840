"""An offer to one phone that is open, and what its person is told of it.

It admits nobody and knows no wire: it says who asks, and keeps the answer until the phone has fetched it.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field

from mesh.errors import MeshError, Misuse, Refused, Unreachable
from mesh.node import timing
from mesh.sync.offer import Offer

TRUST, PAGE = "trust", "page"
"""Steps that a phone passes before it asks."""


@dataclass(frozen=True, slots=True)
class Passed:
    """Some phone got as far as this step."""

    step: str


@dataclass(frozen=True, slots=True)
class Wrong:
    """Somebody who has not the token asked."""

    tries_left: int


@dataclass(frozen=True, slots=True)
class Asking:
    """A phone that has seen the token asks to be let in."""

    name: str
    request: str
    digits: str
    fingerprint: str


@dataclass(frozen=True, slots=True)
class Fetched:
    """The phone that was let in has its admission."""


News = Passed | Wrong | Asking | Fetched | MeshError
"""What an offer has to tell; an error is the end of it."""


@dataclass
class Hosted:
    """An offer that is open, and what its person is told."""

    offer: Offer
    clock: Callable[[], float] = time.monotonic
    admission: str = field(default="", init=False)
    admitted: Mapping[str, object] = field(default_factory=dict, init=False)
    """Who was let in, as the admission tells it."""
    news: asyncio.Queue[News | None] = field(default_factory=asyncio.Queue, init=False)
    """None: nothing to tell, but from now on something else is waited for."""
    answered: asyncio.Event = field(default_factory=asyncio.Event, init=False)
    asking: Asking | None = field(default=None, init=False)
    waiting: int = field(default=0, init=False)
    passed: set[str] = field(default_factory=set, init=False)

    async def heard(self) -> News:
        """The next news; an error when the offer has come to its end."""
        while True:
            try:
                async with asyncio.timeout(self._patience_s()):
                    news = await self.news.get()
                if news is not None:
                    return news
            except TimeoutError:
                if self.admission:
                    message = "the phone is let in, but did not fetch its admission"
                    hint = "Nothing is lost: `mesh devices` shows it. A new code gives it the same: mesh phone add"
                    raise Unreachable(message, hint=hint) from None
                if not self.offer.request:
                    self.offer.over = True
                    message = "no phone came within ten minutes, and the code is over"
                    raise Refused(message, hint="Make a new one: mesh phone add") from None

    def _patience_s(self) -> float | None:
        """How long to wait for the next news: for a phone, and for it to fetch its admission; the person has time."""
        if self.answered.is_set():
            return timing.DOOR_FETCH_S_MAX
        return None if self.offer.request else max(self.offer.ends_s - self.clock(), 0)

    def answer(self, admission: str) -> None:
        """Pass on the person's answer: an admission, or nothing to decline. Raises Misuse."""
        if self.asking is None or self.answered.is_set():
            raise Misuse(
                "no phone waits to be let in", hint="The question is asked by the command that shows the code."
            )
        self.admission = admission
        self.answered.set()
        self.news.put_nowait(None)
        if not admission:
            self.end()
            self.news.put_nowait(Refused("the phone was not let in"))

    def end(self) -> None:
        """Nobody comes in by this offer any more; who was let in may still fetch that."""
        self.offer.over = True
        self.answered.set()
