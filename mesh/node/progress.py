"""How far a long call has come: told by who does it, heard by whoever asked, without either knowing the other.

Nobody has to listen. This module counts nothing and keeps nothing.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from contextvars import ContextVar

Listener = Callable[[str, int, int], None]
"""Hears what is being done, how much of it is done, and of how much (0: nobody knows)."""

_listener: ContextVar[Listener | None] = ContextVar("progress", default=None)


def tell(what: str, done: int, of: int = 0) -> None:
    """Say how far this call has come."""
    if (listener := _listener.get()) is not None:
        listener(what, done, of)


@contextmanager
def heard_by(listener: Listener) -> Iterator[None]:
    """Whatever this task says inside is heard by the listener."""
    token = _listener.set(listener)
    try:
        yield
    finally:
        _listener.reset(token)
