"""`mesh trace`: the way of one event, step by step: written, kept, sent, arrived, weighed, shown.

Each step says where, when and by what evidence; what nobody knows stays unknown.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import TYPE_CHECKING

from mesh.events.event import Lane
from mesh.events.verdict import Admission, Standing
from mesh.names import Digest, device_text, digest_text
from mesh.node import agents, clock, subjects
from mesh.node.arguments import Arguments, needed
from mesh.node.saying import looked
from mesh.node.showing import as_kept, touched
from mesh.node.storage.store_port import Row
from mesh.node.why import agreement, here, standing
from mesh.node.why.causes import Place
from mesh.node.why.holdings import Word, contact, inner_of, is_linked, kept_ms, lacking, others, word_of
from mesh.node.why.reach import place_of
from mesh.node.why.subject import event_of

if TYPE_CHECKING:
    from mesh.node.agent import Agent

Told = dict[str, object]


async def trace(agent: Agent, arguments: Arguments) -> object:
    """The way of an event."""
    row = await event_of(agent, needed(arguments, "event"))
    if row.document:
        agents.may_see(agent, agents.name_in(arguments), row.document)
    return await looked(agent, lambda: _traced(agent, row))


async def _traced(agent: Agent, row: Row) -> Told:
    steps = [_written(agent, row), await _kept(agent, row)]
    for one in others(agent):
        steps += await _there(agent, one, row)
    steps += [await _weighed(agent, row), *await _shown(agent, row)]
    return {
        "event": digest_text(row.placed.digest),
        "document": str(row.document) if row.document else None,
        "steps": steps,
    }


def _step(step: str, where: Place, at: int | None, state: str, evidence: Iterable[str]) -> Told:
    told = {"step": step, "where": where.name, "device": where.device, "at": at, "state": state}
    return {**told, "evidence": [one for one in evidence if one]}


def _author(agent: Agent, row: Row) -> Place:
    """Who wrote an event: by its name also where it is this device, since it is the device that is of interest."""
    who = row.placed.admission
    return Place(device_text(who), subjects.name_of(agent, who))


def _written(agent: Agent, row: Row) -> Told:
    inner, chain = inner_of(agent, row), digest_text(row.placed.chain)[: standing.EVENT_CHARACTERS]
    at = inner.time_ms if inner else None
    evidence = [f"number {row.placed.seq} of its chain {chain}", f"of kind {inner.kind}" if inner else "sealed"]
    evidence += [f"by the agent {inner.agent}"] if inner and inner.agent else []
    return _step("written", _author(agent, row), at, "done", evidence)


async def _kept(agent: Agent, row: Row) -> Told:
    at = (await kept_ms(agent, [row])).get(row.placed.digest)
    body = "" if row.placed.event.body is not None else "its content is not here"
    return _step("kept", here.place(agent), at, "done", (f"row {row.id} of the log", body))


async def _there(agent: Agent, one: Admission, row: Row) -> list[Told]:
    """Whether an event was sent to a device, and arrived there."""
    word, place = word_of(agent, one.digest), place_of(one)
    met, _ = await contact(agent, one.digest)
    kept = (await kept_ms(agent, [row])).get(row.placed.digest, 0)
    holds = word is not None and not await lacking(agent, word, [row])
    if row.placed.admission == one.digest:
        return [_step("arrived", place, None, "yes", ("it wrote it",))]
    sent = holds or (met is not None and met >= kept)
    when = "in touch now" if is_linked(agent, one.digest) else f"in touch last at {clock.day(met)}"
    steps = [_step("sent", place, met, "yes" if sent else "no", (when if met else "never in touch",))]
    return [*steps, _arrived(place, word, holds=holds, sent=sent)]


def _arrived(place: Place, word: Word | None, *, holds: bool, sent: bool) -> Told:
    if word is None:
        evidence = ("it has not said what it holds",)
        return _step("arrived", place, None, "unknown" if sent else "no", evidence)
    said = f"as it said at {clock.day(word.at_ms)}"
    return _step("arrived", place, word.at_ms, "yes" if holds else "no", (said,))


async def _weighed(agent: Agent, row: Row) -> Told:
    one = await standing.judged(agent, row)
    by = one.weight.by
    evidence = [one.weight.reason]
    if by in agent.engine.replica.statements:
        evidence.append(
            f"{digest_text(by)[: standing.EVENT_CHARACTERS]} by {subjects.name_of(agent, _speaker(agent, by))}"
        )
    inner = inner_of(agent, row)
    grant = subjects.statement_of(agent, inner.grant) if inner and row.placed.lane is Lane.DATA else None
    evidence += [f"grant {digest_text(grant)[: standing.EVENT_CHARACTERS]}"] if grant else []
    return _step("weighed", here.place(agent), None, one.weight.standing.name.lower(), evidence)


def _speaker(agent: Agent, statement: Digest) -> Digest:
    return agent.engine.replica.statements[statement].admission


async def _shown(agent: Agent, row: Row) -> list[Told]:
    """Whether what it says is seen in its document."""
    if row.document is None:
        return []
    place, state, evidence = here.place(agent), "yes", [""]
    shown = await as_kept(agent.store, row.document)
    disputed = await agreement.causes(agent, row.document, row.placed.digest)
    if row.standing is not Standing.HONOURED or shown is None:
        state, evidence = "no", ["only what counts is shown" if shown else f"its {row.document.type} is not shown"]
    elif disputed:
        codes = {one.code for one in disputed}
        state = "removed" if "deleted" in codes else "beside others"
        evidence = [piece for one in disputed for piece in one.evidence]
    return [_step("shown", place, touched(shown)[0] if shown else None, state, evidence)]
