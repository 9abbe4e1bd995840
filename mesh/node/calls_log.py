"""Calls about the log itself: showing it, verifying it, and building everything from it again."""

from __future__ import annotations

import asyncio
from collections import Counter
from collections.abc import AsyncGenerator, Sequence
from typing import TYPE_CHECKING

from mesh.clocks.chain import Head, event_digest, genesis_digest, opening_digest, signed_bytes
from mesh.clocks.lamport import follows
from mesh.errors import Misuse, Refused
from mesh.events.chains import check_body
from mesh.events.event import VERSION
from mesh.events.keys import verify as verify_signature
from mesh.events.kinds import known
from mesh.events.reading import read_body, read_inner
from mesh.events.seal import Keyring
from mesh.events.speaking import Draft
from mesh.events.verdict import Standing
from mesh.limits import FAULTS_SHOWN_MAX, LIST_MAX
from mesh.names import ZERO, Digest, DocumentId, device_text, digest_text
from mesh.node import agents, auditing, timing
from mesh.node.arguments import Arguments, number, text, yes
from mesh.node.calls_notes import chosen
from mesh.node.engine import Engine
from mesh.node.storage.store_port import ChainFacts, Row

if TYPE_CHECKING:
    from mesh.node.agent import Agent

_LOG_DEFAULT = 50


async def log(agent: Agent, arguments: Arguments) -> object:
    """Events by stamp, the latest first."""
    admission = _device(agent, text(arguments, "device"))
    said = text(arguments, "document")
    limit = number(arguments, "limit", _LOG_DEFAULT, LIST_MAX)
    rows = await agent.store.newest(
        admission=admission,
        document=await chosen(agent, said) if said else None,
        before=await _row(agent, text(arguments, "before")),
        limit=limit,
    )
    name = agents.name_in(arguments)
    agents.may_look(agent, name)
    result: dict[str, object] = {"events": [_line(agent, row) for row in rows if _shown(agent, name, row)]}
    if rows and len(rows) == limit:
        result["next"] = digest_text(rows[-1].placed.digest)
    return result


def _shown(agent: Agent, name: str, row: Row) -> bool:
    """An agent sees what is about documents that it may read; a person sees everything."""
    return not name or (row.document is not None and agents.sees(agent, name, row.document))


async def _row(agent: Agent, event: str | None) -> Row | None:
    if event is None:
        return None
    rows = await agent.store.event(event)
    if len(rows) != 1:
        raise Misuse(
            f"{event!r} names {'several events' if rows else 'no event'}", hint="`mesh log --json` names them."
        )
    return rows[0]


async def follow(agent: Agent, arguments: Arguments) -> AsyncGenerator[object, None]:
    """Events as they come to be kept here, from now on, until the caller goes."""
    admission = _device(agent, text(arguments, "device"))
    said = text(arguments, "document")
    document = await chosen(agent, said) if said else None
    name = agents.name_in(arguments)
    agents.may_look(agent, name)
    after = agent.engine.shelf.last_row
    while True:
        rows = await agent.store.log(admission=admission, document=document, after=after, limit=LIST_MAX)
        for row in rows:
            if _shown(agent, name, row):
                yield _line(agent, row)
        after = rows[-1].id if rows else after
        if not rows:
            await asyncio.sleep(timing.FOLLOW_INTERVAL_S)


def _device(agent: Agent, said: str | None) -> Digest | None:
    if said is None:
        return None
    fit = [
        a.digest
        for a in agent.engine.replica.verdict.admissions.values()
        if a.name == said or device_text(a.digest).startswith(said.lower())
    ]
    if len(fit) != 1:
        problem = f"{said!r} fits {'several devices' if fit else 'no device'}"
        raise Misuse(problem, hint="`mesh devices` shows names and ids.")
    return fit[0]


def _line(agent: Agent, row: Row) -> dict[str, object]:
    placed = row.placed
    try:
        inner = read_inner(agent.engine.keyring, placed)
    except Refused:
        inner = None
    return {
        "event": digest_text(placed.digest),
        "device": device_text(placed.admission),
        "name": agent.engine.replica.verdict.name_of(placed.admission),
        "lane": placed.lane.name.lower(),
        "chain": digest_text(placed.chain),
        "seq": placed.seq,
        "lamport": placed.header.lamport,
        "version": placed.header.version,
        "extensions": {str(number): value.hex() for number, value in placed.header.extensions.items()},
        "kind": inner.kind if inner else None,
        "agent": inner.agent if inner else None,
        "document": str(row.document) if row.document else None,
        "time_ms": inner.time_ms if inner else None,
        "bytes": len(placed.event.header) + len(placed.event.body or b""),
        "standing": row.standing.name.lower(),
        "reason": row.reason,
        # What this software does not read is shown as it came; the body stays in the log, sealed.
        **({"header": placed.event.header.hex()} if row.standing is Standing.OPAQUE else {}),
    }


async def verify(agent: Agent, arguments: Arguments) -> object:
    """Hash every chain again from the stored bytes, and check what its tips are signed with.

    `deep` also checks every body, every signature that was kept, and every seal whose key is here, has SQLite read
    every page, shows every edited document in two ways: as Automerge does, and as our own fold of its operations, and
    folds every document anew, to compare what then counts and is shown with what the log and the views say.
    """
    deep = yes(arguments, "deep")
    faults = list(await agent.store.check(deep=deep))
    chains = await agent.store.chains()
    events = 0
    for chain in chains:
        count, found = await _verify_chain(agent, chain, deep=deep)
        events += count
        faults += found
    if deep:
        faults += await _wrong_documents(agent)
    return {"events": events, "chains": len(chains), "ok": not faults, "faults": faults[:FAULTS_SHOWN_MAX]}


async def _wrong_documents(agent: Agent) -> list[str]:
    """Documents that do not show what their events come to, or not the same by Automerge and by our own fold."""
    found: list[str] = []
    seen: Counter[DocumentId] = Counter()
    after = 0
    while rows := await agent.store.replay(after):
        seen.update(row.document for row in rows if row.document)
        after = rows[-1].id
    found += await auditing.misfolded(agent.engine, sorted(seen))
    for document in sorted(name for name, events in seen.items() if events > 1):

        async def look(engine: Engine, document: DocumentId = document) -> Sequence[Draft]:
            loaded = await engine.shelf.load(document)
            wrong = loaded.document.disagreements() if loaded else ()
            found.extend(f"document {document}: {name} is not what its operations come to" for name in wrong)
            return ()

        await agent.engine.look(look)
    return found


async def _verify_chain(agent: Agent, chain: ChainFacts, *, deep: bool) -> tuple[int, list[str]]:
    found = agent.engine.replica.verdict.admissions.get(chain.admission)
    key = found.sign_key if found else agent.engine.replica.chains.chains[chain.chain].key
    places: dict[Digest, tuple[int, int]] = {ZERO: (0, 0)}
    faults: list[str] = []
    after, count = 0, 0
    while rows := await agent.store.walk(chain.chain, after):
        for row in rows:
            fault = _fault(agent.engine.own.mesh, key, row, places)
            if not fault and (deep or row.placed.head in chain.tips):
                fault = _deep_fault(agent.engine.keyring, key, row)
            if fault:
                faults.append(f"event {row.placed.seq} of chain {chain.chain.hex()}: {fault}")
            places[row.placed.digest] = (row.placed.seq, row.placed.header.lamport)
        count, after = count + len(rows), rows[-1].id
    return count, faults


def _fault(mesh: Digest, key: bytes, row: Row, places: dict[Digest, tuple[int, int]]) -> str:
    placed = row.placed
    seq, lamport = places.get(placed.parent, (-1, 0))
    if placed.seq != seq + 1 or not follows(placed.header.lamport, lamport):
        return "it does not follow its parent"
    if placed.digest != _digest(mesh, key, row):
        return "its header is not the one that was kept"
    return ""


def _deep_fault(keyring: Keyring, key: bytes, row: Row) -> str:
    placed = row.placed
    try:
        if placed.signature is not None:
            verify_signature(key, signed_bytes(placed.chain, placed.head), placed.signature)
        if placed.event.body is not None:
            check_body(placed.header, placed.event.body)
        understood = row.standing is Standing.HONOURED and placed.header.version == VERSION
        inner = read_inner(keyring, placed) if understood else None
        if inner and known(placed.lane, inner.kind):  # a statement of a later version is kept as honoured, unread
            read_body(keyring, placed, inner.kind)
    except Refused as error:
        return str(error)
    return ""


def _digest(mesh: Digest, key: bytes, row: Row) -> Digest:
    placed = row.placed
    if placed.seq > 1:
        return event_digest(placed.chain, Head(placed.seq - 1, placed.parent), placed.event.header)
    if placed.chain == mesh:
        return genesis_digest(key, placed.event.header)
    return opening_digest(mesh, key, placed.event.header)


async def rebuild(agent: Agent, _arguments: Arguments) -> object:
    """Throw away everything that follows from the log, and build it again: the digest must be the same."""
    before = await agent.store.digest()
    await agent.engine.rebuild()
    counts, now = await agent.store.counts(), await agent.store.digest()
    return {
        "events": counts.events,
        "documents": counts.documents,
        "state_digest": digest_text(now),
        "same": now == before,
    }
