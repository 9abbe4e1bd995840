"""Carrying a log on a stick: what is held goes into a bundle, and what a bundle brings goes the way of all news.

A bundle is one more peer that cannot be asked anything. Nothing of it is trusted: each run passes the same checks as
one off the wire. This module decides nothing about events.
"""

from __future__ import annotations

import asyncio
import os
from collections.abc import AsyncIterator
from dataclasses import dataclass
from pathlib import Path
from typing import BinaryIO

from mesh.clocks.chain import Head as Place
from mesh.clocks.chain import event_digest
from mesh.clocks.frontier import Frontier, Span
from mesh.errors import Misuse, Refused, Stranger
from mesh.events.event import Lane, Run
from mesh.limits import HAVE_CHAINS_MAX, PAGE_BYTES_MAX
from mesh.names import Digest
from mesh.node import progress, whole
from mesh.node.engine import Engine
from mesh.node.exporting.bundle import Head, Reader, Writer
from mesh.node.storage.store_port import ChainFacts, Store
from mesh.sync.messages import Push

PEER = "bundle"
"""What brings events when no device does; it is met nowhere, and never asked."""


@dataclass(frozen=True, slots=True)
class Carried:
    """What went into a bundle."""

    chains: int
    events: int
    bodies: int
    bytes: int


@dataclass(frozen=True, slots=True)
class TakenIn:
    """What a bundle brought: events, those new here, runs refused, and chains that stand on what is not here."""

    new: int
    events: int
    refused: int
    gaps: int
    since_ms: int


# ── out ──────────────────────────────────────────────────────────────────────────────────────────


async def write(store: Store, mesh: Digest, path: Path, since_ms: int = 0, *, force: bool = False) -> Carried:
    """Write what is held, or what came after that time, into a file that appears whole or not at all."""
    _must_be_free(path, force=force)
    chains = await _in_order(store)
    if len(chains) > HAVE_CHAINS_MAX:
        raise Refused(f"a bundle holds at most {HAVE_CHAINS_MAX:,} chains, and there are {len(chains):,}")
    before = await _before(store, chains, since_ms)
    tips = {
        chain.chain: new
        for chain in chains
        if (new := tuple(tip for tip in chain.tips if tip not in before.get(chain.chain, ())))
    }
    try:
        with whole.replacing(path) as file:
            return await _written(store, file, Head(mesh, since_ms, tips), chains, before)
    except OSError as error:
        raise whole.cannot_write_there(path, error) from error


async def _in_order(store: Store) -> list[ChainFacts]:
    """All chains, each after those that its opening needs: control first, then as this device came to hold them."""
    found = []
    for chain in await store.chains():
        (opening, *_) = await store.event(chain.chain)
        found.append((chain.lane is Lane.DATA, opening.id, chain))
    return [chain for _, _, chain in sorted(found, key=lambda one: one[:2])]


async def _before(store: Store, chains: list[ChainFacts], since_ms: int) -> Frontier:
    """Where each chain of data was at a time, by what this device held then.

    Control always goes whole: it is small, and with it a bundle can be verified by itself.
    """
    found: dict[Digest, list[Place]] = {}
    data = {chain.chain for chain in chains if chain.lane is Lane.DATA}
    if since_ms:
        for admission in sorted({chain.admission for chain in chains}):
            for mark in await store.heads_at(admission, since_ms):
                if mark.chain not in data:
                    continue
                found.setdefault(mark.chain, []).append(mark.head)
    return {chain: tuple(heads) for chain, heads in found.items()}


async def _written(store: Store, file: BinaryIO, head: Head, chains: list[ChainFacts], before: Frontier) -> Carried:
    writer, events, bodies = Writer(file, head), 0, 0
    total = sum(chain.events for chain in chains)
    for chain in chains:
        known = list(before.get(chain.chain, ()))
        for tip in head.tips.get(chain.chain, ()):
            async for run in _runs(store, Span(chain.chain, tip, tuple(reversed(known)))):
                writer.page(Push((run,)))
                events += len(run.events)
                bodies += sum(event.body is not None for event in run.events)
                progress.tell("writing", events, total)
            known.append(tip)  # of a forked chain the next branch begins where it leaves this one
    writer.end()
    return Carried(len(head.tips), events, bodies, writer.bytes)


async def _runs(store: Store, span: Span) -> AsyncIterator[Run]:
    after = span.after
    while (run := await store.serve(Span(span.chain, span.target, after), PAGE_BYTES_MAX)) is not None:
        yield run
        place = run.after
        for event in run.events:
            place = Place(place.seq + 1, event_digest(run.chain, place, event.header)) if place.seq else _first(run)
        after = (place, *span.after)
        if place == span.target:
            return


def _first(run: Run) -> Place:
    return Place(1, run.chain)  # a chain is named after the event that opens it


# ── in ───────────────────────────────────────────────────────────────────────────────────────────


async def read(engine: Engine, path: Path) -> TakenIn:
    """Take in what a bundle brings; what is held already is passed over, so it may be read again at any time.

    Raises Misuse, Stranger when it is of another mesh, Damaged when it was cut: what came before that is kept.
    """
    with _opened(path) as file:
        reader = Reader(file)
        if reader.head.mesh != engine.own.mesh:
            raise Stranger("this bundle is of another mesh", hint="Nothing of it was taken in.")
        new = events = refused = 0
        size = os.fstat(file.fileno()).st_size
        for page in reader.pages():
            effects = await engine.hear(PEER, page)
            new += len(effects.append)
            events += sum(len(run.events) for run in page.runs)
            refused += effects.refused
            progress.tell("taking in", file.tell(), size)
            await asyncio.sleep(0)
        ends = [tip.digest for tips in reader.head.tips.values() for tip in tips]
        held = await engine.store.held(ends)
        return TakenIn(new, events, refused, len(ends) - len(held), reader.head.since_ms)


def _must_be_free(path: Path, *, force: bool) -> None:
    if not path.parent.is_dir() or path.is_dir():
        raise Misuse(f"there is no folder for the file {path}", hint="Name a file in a folder that is there.")
    if path.exists() and not force:
        raise Misuse(f"{path} is there already", hint="Name another file, or replace it with --force.")


def _opened(path: Path) -> BinaryIO:
    try:
        return path.open("rb")
    except OSError as error:
        raise Misuse(f"{path} cannot be read: {error.strerror}", hint="Name the file of a bundle.") from error
