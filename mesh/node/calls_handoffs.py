"""Calls about hand-offs: leaving work, picking it up, and saying no to it.

A hand-off and the tasks that it leaves are made in one commit, so neither is ever without the other. Nothing here
changes what a hand-off says: nobody can.
"""

from __future__ import annotations

import contextlib
from collections.abc import Sequence
from typing import TYPE_CHECKING

from mesh.errors import MeshError, Misuse, NotGranted, Refused, TooLarge
from mesh.events.kinds import Born
from mesh.limits import LIST_MAX, REMAINING_MAX, SEQ_MAX
from mesh.names import DocumentId, device_text, is_word
from mesh.node import agents, claiming, clock, keeping, projects, subjects, timing, workplace
from mesh.node.arguments import Arguments, maps, needed, number, text, texts, yes
from mesh.node.keeping import New, Told
from mesh.node.storage.store_port import RecordRow
from mesh.node.work import Work
from mesh.state import handoffs, leases, tasks
from mesh.state.handoffs import Draft
from mesh.state.leases import Who
from mesh.state.records import PROJECT, TITLE

if TYPE_CHECKING:
    from mesh.node.agent import Agent

_LIST_DEFAULT = 20
_LISTS = ("done", "decisions", "rejected", "blockers")
_WAITING = (handoffs.OPEN, handoffs.CLAIMED, handoffs.DECLINED, handoffs.EXPIRED)


async def new(agent: Agent, arguments: Arguments) -> object:
    """Leave work for whoever comes next. Raises Misuse for what nobody could go on with."""
    name = agents.name_in(arguments)
    who, space = claiming.who_in(agent, name, arguments), text(arguments, "space") or keeping.SPACE
    draft = await _draft(agent, name, arguments)
    if yes(arguments, "anyway"):
        if name:
            raise NotGranted("only a person hands off anyway", hint="Say what is missing, and hand off again.")
    else:
        handoffs.must_be_good(draft)
    found, births = await _tasks(agent, name, draft, space)
    born = New(handoffs.KIND, handoffs.registers(draft, who, found, clock.now_ms()), space=space).birth()
    await keeping.all_made(agent, name, [*births, born])
    behind = await _left_behind(agent, name, draft, found)
    return {"document": str(born[0]), "tasks": list(found), "warnings": [*handoffs.lacks(draft), *behind]}


async def _draft(agent: Agent, name: str, arguments: Arguments) -> Draft:
    cwd, before = text(arguments, "cwd") or "", text(arguments, "supersedes")
    files = maps(arguments, "files", "path")
    named = [str(one["path"]) for one in files if list(one) == ["path"]]
    told = [one for one in files if list(one) != ["path"]]  # by who has looked already, on whatever device
    superseded = await keeping.chosen(agent, name, before, (handoffs.KIND,)) if before else None
    lists = {key: texts(arguments, key) for key in _LISTS}
    return Draft(
        needed(arguments, "goal"),
        to=_somebody(agent, text(arguments, "to") or handoffs.ANYONE),
        reason=text(arguments, "reason") or handoffs.REASONS[0],
        done=lists["done"],
        remaining=texts(arguments, "remaining"),
        decisions=lists["decisions"],
        rejected=lists["rejected"],
        assumptions=maps(arguments, "assumptions", "text"),
        files=(*await workplace.seen(cwd, named), *told),
        verify=maps(arguments, "verify", "cmd"),
        blockers=lists["blockers"],
        context=text(arguments, "context") or "",
        project=await projects.chosen(agent, name, arguments),
        supersedes=str(superseded.record.document) if superseded else "",
        expires_ms=number(arguments, "expires_ms", 0, SEQ_MAX),
    )


def _somebody(agent: Agent, said: str) -> str:
    """Whom somebody means: anyone, human, a device by its name, else an agent. Raises Misuse."""
    if said in {handoffs.ANYONE, handoffs.HUMAN} or said.startswith(handoffs.AGENT):
        return said
    devices = agent.engine.replica.verdict.devices.values()
    device = said.removeprefix(handoffs.DEVICE)
    if device != said or any(one.name == said for one in devices):
        return handoffs.DEVICE + device_text(subjects.device_of(agent, device).digest)
    return handoffs.AGENT + said if is_word(said) else said


async def _tasks(
    agent: Agent, name: str, draft: Draft, space: str
) -> tuple[tuple[str, ...], list[tuple[DocumentId, Born]]]:
    """The tasks that a hand-off leaves: those that are named, and births of the others."""
    found, births = [], []
    if len(draft.remaining) > REMAINING_MAX:
        raise TooLarge(
            f"a hand-off leaves at most {REMAINING_MAX} tasks", hint="Say the first steps, and one for more."
        )
    for said in draft.remaining:
        known = await _known(agent, name, said)
        if known is None:
            task = tasks.Draft(said, project=draft.project)
            births.append(New(tasks.KIND, tasks.registers(task), space=space).birth())
            known = births[-1][0]
        found.append(str(known))
    return tuple(dict.fromkeys(found)), births


async def _left_behind(agent: Agent, name: str, draft: Draft, found: Sequence[str]) -> list[str]:
    """A warning of the tasks of the hand-off before that this one does not name, and that are not over."""
    before = await agent.store.record(DocumentId.parse(draft.supersedes)) if draft.supersedes else None
    named = before.record.listed("remaining") if before else ()
    left = await Work(agent, name, ()).tasks_of([one for one in named if one not in found])
    count = sum(not tasks.is_over(task) for task in left.values())
    return [f"open tasks of the one before that it does not name, and that stay tasks: {count}"] if count else []


async def _known(agent: Agent, name: str, said: str) -> DocumentId | None:
    """The task that a remaining item names by its whole id. Raises Misuse where it is not here."""
    document = handoffs.named_task(said)
    if document is None:
        return None
    if await agent.store.record(document) is None or not agents.sees(agent, name, document):
        raise Misuse(f"{said} is no task that is here", hint="`mesh task list --json` shows whole ids.")
    return document


# ── lists ────────────────────────────────────────────────────────────────────────────────────────


async def listed(agent: Agent, arguments: Arguments) -> object:
    """Hand-offs that wait, in time or not, or that somebody has, the latest first; `all`: also those that are over."""
    name, limit = agents.name_in(arguments), number(arguments, "limit", _LIST_DEFAULT, LIST_MAX)
    work, project = await Work.read(agent, name), await projects.chosen(agent, name, arguments)
    ids = (await projects.known(agent, name)).ids(project) if project else frozenset()
    states = (text(arguments, "state"),) if text(arguments, "state") else _WAITING
    rows = [row for row in work.rows if not ids or row.record.word(PROJECT) in ids]
    rows = [row for row in rows if yes(arguments, "all") or work.state(row.record) in states]
    return {"handoffs": [await work.told_handoff(row) for row in rows[:limit]]}


async def show(agent: Agent, arguments: Arguments) -> object:
    """One hand-off whole."""
    name = agents.name_in(arguments)
    row = await keeping.chosen(agent, name, needed(arguments, "id"), (handoffs.KIND,))
    return await told(agent, await Work.read(agent, name), row)


async def told(agent: Agent, work: Work, row: RecordRow) -> Told:
    """A hand-off whole, for answers."""
    record = row.record
    return {
        **await work.told_handoff(row),
        **{key: list(record.listed(key)) for key in _LISTS},
        **{key: [dict(one) for one in record.maps(key)] for key in ("assumptions", "files", "verify")},
        "context": record.word("context"),
        "supersedes": record.word("supersedes"),
        "superseded_by": [str(one.record.document) for one in work.rows if _stands_for(one, row)],
        "declined": [claiming.told_claim(agent, claim) for claim in handoffs.declined(record)],
        "lost": [claiming.told_lost(agent, record, claim) for claim in leases.lost(record, agent.device)],
    }


def _stands_for(later: RecordRow, row: RecordRow) -> bool:
    return later.record.word("supersedes") == str(row.record.document)


# ── what becomes of it ───────────────────────────────────────────────────────────────────────────


async def pickup(agent: Agent, arguments: Arguments) -> object:
    """Take over a hand-off: the one that is named, or the best one that waits. Raises Refused when another has it.

    Of an old one a person must say that it still holds (`yes`); with `ask` the person's question is the answer.
    """
    name, cwd = agents.name_in(arguments), text(arguments, "cwd") or ""
    who, said, work = claiming.who_in(agent, name, arguments), text(arguments, "id"), await Work.read(agent, name)
    row = (
        await keeping.chosen(agent, name, said, (handoffs.KIND,)) if said else await _best(agent, who, arguments, work)
    )
    _must_not_be_superseded(work, row)
    if not yes(arguments, "yes") and (old := _old(work, row)):
        if yes(arguments, "ask") and not name:
            return {"ask": old, "document": str(row.record.document)}
        hint = f"Ask the person whether it does; then `mesh pickup {row.record.document} --yes`."
        raise Refused(old, hint=hint)
    claim, row = await claiming.claimed(agent, who, row.record.document, taking=yes(arguments, "take"))
    warnings = list(await workplace.missing(cwd, row.record.maps("files")))
    if not handoffs.is_for(row.record, who):
        warnings.insert(0, f"it was left for {row.record.word('to')}, not for you")
    return {
        "handoff": await told(agent, await Work.read(agent, name), row),
        "claim": claiming.told_claim(agent, claim),
        "warnings": warnings,
        "resume": await _resume(agent, name, row.record.word("from-session")),
    }


async def _best(agent: Agent, who: Who, arguments: Arguments, work: Work) -> RecordRow:
    """What is the caller's already, else what was left for it by name, else the latest for anyone. Raises Refused."""
    project = await projects.chosen(agent, who.agent, arguments)
    ids = (await projects.known(agent, who.agent)).ids(project) if project else frozenset()
    rows = [row for row in work.rows if not ids or row.record.word(PROJECT) in {*ids, ""}]
    own = [row for row in rows if _is_held_by(work, row, who)]
    waiting = [
        row
        for row in rows
        if work.state(row.record) == handoffs.OPEN
        and handoffs.is_for(row.record, who)
        and not handoffs.is_from(row.record, who)
    ]
    named = [row for row in waiting if row.record.word("to") != handoffs.ANYONE]
    found = [*own, *named, *waiting]
    if not found:
        where = " in this project" if ids else ""
        raise Refused(f"nothing waits to be picked up{where}", hint="`mesh handoff list --all` shows what there was.")
    return found[0]


def _is_held_by(work: Work, row: RecordRow, who: Who) -> bool:
    held = leases.holder(row.record)
    return work.state(row.record) == handoffs.CLAIMED and held is not None and claiming.is_own(held, who)


def _must_not_be_superseded(work: Work, row: RecordRow) -> None:
    """Raise Refused for what a later one stands for."""
    document = str(row.record.document)
    if later := work.superseded.get(document):
        raise Refused(f"a later hand-off stands for {document}", hint=f"`mesh pickup {later.document}`")


def _old(work: Work, row: RecordRow) -> str:
    """Why a person must say that it still holds: its time is over, or it lay for more than a day. Else empty."""
    age_ms, state = clock.now_ms() - row.born.time_ms, work.state(row.record)
    if state == handoffs.EXPIRED:
        until = clock.day(row.record.number("expires"))
        return f"“{row.record.word(TITLE)}” was to be picked up until {until}, and may hold no more"
    if age_ms <= timing.HANDOFF_FRESH_S * 1000 or state == handoffs.CLAIMED:
        return ""
    return f"“{row.record.word(TITLE)}” was left {age_ms / 86_400_000:.1f} days ago, and may hold no more"


async def _resume(agent: Agent, name: str, session: str) -> Told:
    """How to go on with the session that left it, where that is known."""
    if session:
        with contextlib.suppress(MeshError):
            found = await agent.call("session.resume", {"id": session, "as": name})
            if isinstance(found, dict):
                return found
    return {}


async def decline(agent: Agent, arguments: Arguments) -> object:
    """Say that one will not do it; others may. Who had it gives it up."""
    return await _close(agent, arguments, leases.DECLINED)


async def done(agent: Agent, arguments: Arguments) -> object:
    """Say that what was handed off is done; tasks of it that are open stay so."""
    return await _close(agent, arguments, leases.DONE)


async def _close(agent: Agent, arguments: Arguments, end: str) -> object:
    name = agents.name_in(arguments)
    row = await keeping.chosen(agent, name, needed(arguments, "id"), (handoffs.KIND,))
    who, document = claiming.who_in(agent, name, arguments), row.record.document
    held = leases.holder(row.record)
    if end == leases.DECLINED and leases.is_done(row.record):
        raise Refused(f"{document} is done already")
    if end == leases.DONE and held and held.end == leases.DONE and claiming.is_own(held, who):
        return {"document": str(document), "event": None, "state": handoffs.COMPLETED}  # by the last of its tasks
    event = await claiming.closed(agent, who, document, end, text(arguments, "words") or "")
    row = await keeping.chosen(agent, name, str(document), (handoffs.KIND,))
    return {"document": str(document), "event": event, "state": (await Work.read(agent, name)).state(row.record)}


async def completed(agent: Agent, name: str, who: Who, ids: Sequence[str]) -> list[str]:
    """Hand-offs that are done since the last of their tasks is, told to be so."""
    work, found = await Work.read(agent, name), []
    for row in {one.record.document: one for task in ids for one in work.wholes(task)}.values():
        remaining = row.record.listed("remaining")
        here = await work.tasks_of(remaining)
        over = len(here) == len(remaining) and all(tasks.is_over(task) for task in here.values())
        if over and not leases.is_done(row.record):
            await claiming.closed(agent, who, row.record.document, leases.DONE, "all of its tasks are done")
            found.append(str(row.record.document))
    return found
