"""Frontiers: the tips of all chains that a device holds, and what one device lacks of another's.

Tips carry digests, not numbers only, so two different events at one height are seen at the first meeting. This
module never holds an event.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass

from mesh.clocks.chain import Head
from mesh.names import Digest

Frontier = Mapping[Digest, tuple[Head, ...]]
"""Chain -> its tips, ascending. More than one tip: the chain is forked."""


@dataclass(frozen=True, slots=True)
class Span:
    """A run of a chain that somebody lacks: everything up to `target` that is not under one of `after`.

    `after` are places that the asker holds, best first; the other side starts at the first one that is an ancestor of
    the target, or at the opening when none is.
    """

    chain: Digest
    target: Head
    after: tuple[Head, ...]


def frontier_of(heads: Iterable[tuple[Digest, Head]]) -> Frontier:
    """A frontier from (chain, tip) pairs."""
    found: dict[Digest, tuple[Head, ...]] = {}
    for name, head in heads:
        found[name] = tuple(sorted((*found.get(name, ()), head)))
    return found


def unknown_heads(mine: Frontier, theirs: Frontier) -> tuple[tuple[Digest, Head], ...]:
    """The tips of `theirs` that are none of mine: behind mine, or lacking; only the log can tell."""
    return tuple(
        (chain, head) for chain, heads in sorted(theirs.items()) for head in heads if head not in mine.get(chain, ())
    )


def lacking(mine: Frontier, theirs: Frontier, held: Collection[Digest]) -> tuple[tuple[Digest, Head], ...]:
    """The tips of `theirs` that I lack. `held`: those of `unknown_heads` that are in my log."""
    return tuple((chain, head) for chain, head in unknown_heads(mine, theirs) if head.digest not in held)


def forked(frontier: Frontier) -> tuple[Digest, ...]:
    """The chains that were continued in two places: restored from a backup, or stolen."""
    return tuple(sorted(chain for chain, heads in frontier.items() if len(heads) > 1))
