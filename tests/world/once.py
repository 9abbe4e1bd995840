"""What follows from bytes alone is worked out once in a world, not once more by each device that holds the bytes.

A world has up to eight devices in one process, and each hears everything from each other one. What is remembered here
is what a function says about the same bytes: no device learns anything by it that it would not find itself. Whatever
is refused is looked at again each time.
"""

from __future__ import annotations

import functools
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from types import ModuleType
from unittest.mock import patch

from mesh.events import chains, keys, reading

SIGHT = ((chains, "verify"), (chains, "decode_header"))
"""How events are taken."""

READING = ((keys, "verify"), (reading, "decode_inner"), (reading, "decode_body"))
"""How they are read."""


@contextmanager
def once(*places: tuple[ModuleType, str]) -> Iterator[None]:
    """Within, these functions remember what they said; faults that were built into them stay in them."""
    with ExitStack() as stack:
        for module, name in places:
            stack.enter_context(patch.object(module, name, functools.cache(getattr(module, name))))
        yield
