"""Frontiers: the tips of all chains that a device holds, and what one device lacks of another's.

Tips carry digests, not numbers only, so two different events at one height are seen at the first meeting. This
module never holds an event.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import TypeVar

from mesh.clocks.chain import Head
from mesh.names import Digest

T = TypeVar("T")

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
    found: defaultdict[Digest, list[Head]] = defaultdict(list)
    for name, head in heads:
        found[name].append(head)
    return {name: tuple(sorted(tips)) for name, tips in found.items()}


def unknown_heads(mine: Frontier, theirs: Frontier) -> tuple[tuple[Digest, Head], ...]:
    """The tips of `theirs` that are none of mine: behind mine, or lacking; only the log can tell."""
    return tuple(
        sorted((chain, head) for chain, heads in theirs.items() for head in heads if head not in mine.get(chain, ()))
    )


def lacking(mine: Frontier, theirs: Frontier, held: Collection[Digest]) -> tuple[tuple[Digest, Head], ...]:
    """The tips of `theirs` that I lack. `held`: those of `unknown_heads` that are in my log."""
    return tuple((chain, head) for chain, head in unknown_heads(mine, theirs) if head.digest not in held)


def events_between(behind: Frontier, ahead: Frontier) -> int:
    """How many events the side behind lacks, by the numbers of the tips; a branch of a fork counts as one."""
    lacks = 0
    for chain, heads in ahead.items():
        known = behind.get(chain, ())
        highest = max((head.seq for head in known), default=0)
        new = [head.seq for head in heads if head not in known]
        lacks += max((max(seq - highest, 1) for seq in new if seq > highest), default=0)
    return lacks


def window(frontier: Frontier, tips_max: int, heads_max: int, turn: int) -> Frontier:
    """At most so many tips, and so many of one chain; another part at each turn, so that in time all are told."""
    tips = sum(min(len(heads), heads_max) for heads in frontier.values())
    if tips == sum(map(len, frontier.values())) <= tips_max:
        return frontier
    rounds = -(-tips // tips_max)
    pairs = [
        (chain, head) for chain, heads in sorted(frontier.items()) for head in _part(heads, heads_max, turn // rounds)
    ]
    return frontier_of(_part(pairs, tips_max, turn))


def _part(items: Sequence[T], most: int, turn: int) -> Sequence[T]:
    start = turn * most % len(items) if len(items) > most else 0
    return (*items[start:], *items[:start])[:most]
