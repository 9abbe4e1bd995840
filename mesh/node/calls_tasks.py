"""Calls about tasks: adding, listing, taking and finishing them; and the claims that this device lost.

That a task is being worked on, or done, is never set: it comes of claims, so no two devices can set it apart.
"""

from __future__ import annotations

import asyncio
import json
from collections.abc import Sequence
from typing import TYPE_CHECKING

from mesh.errors import Misuse
from mesh.limits import CLAIMS_TOLD_MAX, LIST_MAX, SEQ_MAX, TASK_RINGS_TOLD_MAX
from mesh.node import agents, calls_handoffs, claiming, clock, keeping, projects, timing
from mesh.node.arguments import Arguments, needed, number, text, texts, yes
from mesh.node.keeping import New, Registers, Told
from mesh.node.storage.store_port import RecordRow
from mesh.node.work import Work
from mesh.state import handoffs, leases, tasks
from mesh.state.leases import Who
from mesh.state.records import PROJECT, TITLE, Record, must_be_line

if TYPE_CHECKING:
    from mesh.node.agent import Agent

_LIST_DEFAULT = 50
_A_TURN = 64
_FILTERS = ("ready", "mine", "blocked", "open", "all")
_NOT_OVER = (tasks.OPEN, tasks.BLOCKED, tasks.NEEDS_HUMAN)
_TOLD = "claims/told"

# ── adding and changing ──────────────────────────────────────────────────────────────────────────


async def add(agent: Agent, arguments: Arguments) -> object:
    """A new task."""
    name = agents.name_in(arguments)
    found_in, handoff = text(arguments, "discovered_from"), text(arguments, "handoff")
    priority = number(arguments, "priority", tasks.PRIORITY_DEFAULT, tasks.PRIORITY_LAST)
    draft = tasks.Draft(
        needed(arguments, "title"),
        project=await projects.chosen(agent, name, arguments),
        priority=priority,
        needs=await _named(agent, name, texts(arguments, "needs")),
        discovered_from="".join(await _named(agent, name, (found_in,) if found_in else ())),
        due_ms=number(arguments, "due_ms", 0, SEQ_MAX) or None,
        kind=text(arguments, "kind") or "",
        acceptance=texts(arguments, "acceptance"),
        handoff=str((await keeping.chosen(agent, name, handoff, (handoffs.KIND,))).record.document) if handoff else "",
        external=text(arguments, "external") or "",
    )
    space, words = text(arguments, "space") or keeping.SPACE, text(arguments, "text") or ""
    return {
        "document": str(
            await keeping.made(agent, name, New(tasks.KIND, tasks.registers(draft), words, space=space)),
        )
    }


async def edit(agent: Agent, arguments: Arguments) -> object:
    """Change what a task says; what it needs can be added, and taken away with `unneeds`."""
    name = agents.name_in(arguments)
    row = await _meant(agent, name, arguments)
    changes: dict[str, str | int | None] = {}
    if (title := text(arguments, "title")) is not None:
        changes[TITLE] = must_be_line(title, "task's title")
    if arguments.get("priority") is not None:
        changes["priority"] = number(arguments, "priority", 0, tasks.PRIORITY_LAST)
    if arguments.get("due_ms") is not None:
        changes["due"] = number(arguments, "due_ms", 0, SEQ_MAX) or None
    for one in await _named(agent, name, texts(arguments, "needs")):
        await _must_not_wait_for(agent, name, one, str(row.record.document))
        changes[tasks.NEEDS + one] = tasks.BLOCKS
    for one in await _named(agent, name, texts(arguments, "unneeds")):
        changes[tasks.NEEDS + one] = None
    if arguments.get("project") is not None:
        changes[PROJECT] = await projects.chosen(agent, name, arguments)
    words = text(arguments, "text")
    event = await keeping.changed(agent, name, row.record.document, lambda _: changes, words, settling=False)
    return {"document": str(row.record.document), "event": event}


async def _must_not_wait_for(agent: Agent, name: str, one: str, other: str) -> None:
    """Raise Misuse when a task waits for another one already, by whatever others: then neither could ever begin."""
    work, seen, open_ = Work(agent, name, ()), {one}, [one]
    while open_ and other not in seen and len(seen) < LIST_MAX:
        task = await work.task(open_.pop())
        fresh = [need for need in (tasks.needs(task) if task else ()) if need not in seen]
        seen.update(fresh)
        open_ += fresh
    if other in seen:
        raise Misuse(f"{one} waits for this task already" if one != other else "a task does not wait for itself")


async def _named(agent: Agent, name: str, said: Sequence[str]) -> list[str]:
    return [str((await keeping.chosen(agent, name, one, (tasks.KIND,))).record.document) for one in said]


async def _meant(agent: Agent, name: str, arguments: Arguments) -> RecordRow:
    return await keeping.chosen(agent, name, needed(arguments, "id"), (tasks.KIND,))


# ── lists ────────────────────────────────────────────────────────────────────────────────────────


async def listed(agent: Agent, arguments: Arguments) -> object:
    """Tasks, the most urgent first: those that can be begun, one's own, those that wait, those not over, or all.

    `rings`: tasks of these that wait for each other, whatever the list is of.
    """
    wanted = text(arguments, "filter") or "open"
    if wanted not in _FILTERS:
        raise Misuse(f"{wanted!r} is no list of tasks", hint=f"One of: {', '.join(_FILTERS)}.")
    name, limit = agents.name_in(arguments), number(arguments, "limit", _LIST_DEFAULT, LIST_MAX)
    who, work = claiming.who_in(agent, name, arguments), await Work.read(agent, name)
    project = await projects.chosen(agent, name, arguments)
    ids = (await projects.known(agent, name)).ids(project) if project else frozenset()
    rows = await work.all_tasks(() if wanted == "all" else _NOT_OVER)
    ordered = sorted(rows, key=lambda row: tasks.order(row.record))
    here = [row for row in ordered if not ids or row.record.word(PROJECT) in ids]
    found = []
    for place, row in enumerate(here, 1):
        found += [row] if await _belongs(work, row.record, wanted, who) else []
        if place % _A_TURN == 0:  # others get theirs
            await asyncio.sleep(0)
    told = [await work.told_task(row) for row in found[:limit]]
    rings = tasks.rings([row.record for row in here])[:TASK_RINGS_TOLD_MAX]
    return {"tasks": told, "more": max(len(found) - limit, 0), "rings": [_told_ring(ring) for ring in rings]}


def _told_ring(ring: Sequence[Record]) -> Told:
    """Tasks that wait for each other, and the command that makes the last of them wait no more."""
    told = [{"document": str(one.document), "title": one.word(TITLE)} for one in ring]
    return {"tasks": told, "break": f"mesh task edit {ring[-1].document} --unneeds {ring[0].document}"}


async def _belongs(work: Work, record: Record, wanted: str, who: Who) -> bool:
    if wanted == "all":
        return True
    state = work.state_of_task(record)
    if wanted == "open" or state in tasks.OVER:
        return state not in tasks.OVER
    if wanted == "mine":
        claim = work.claim(record)
        return state == tasks.IN_PROGRESS and claim is not None and claiming.is_own(claim, who)
    waits = tasks.waits_for(record, await work.tasks_of(tasks.needs(record)))
    if wanted == "blocked":
        return state in {tasks.BLOCKED, tasks.NEEDS_HUMAN} or bool(waits)
    return state == tasks.OPEN and not waits


async def ready(agent: Agent, arguments: Arguments) -> object:
    """Tasks that can be begun now."""
    return await listed(agent, {**arguments, "filter": "ready"})


async def show(agent: Agent, arguments: Arguments) -> object:
    """One task whole."""
    name = agents.name_in(arguments)
    return await _told(agent, name, await _meant(agent, name, arguments))


async def _told(agent: Agent, name: str, row: RecordRow) -> Told:
    work, record = await Work.read(agent, name), row.record
    needed_by = await work.tasks_of(tasks.needs(record))
    return {
        **await work.told_task(row),
        "text": record.text,
        "acceptance": list(record.listed("acceptance")),
        "external": record.word("external"),
        "handoffs": list(
            dict.fromkeys(
                [str(one.record.document) for one in work.wholes(str(record.document))]
                + ([record.word("handoff")] if record.word("handoff") else [])
            )
        ),
        "waits": [
            {"document": said, "title": one.word(TITLE), "state": work.state_of_task(one)}
            for said, one in needed_by.items()
        ],
        "lost": [claiming.told_lost(agent, record, claim) for claim in leases.lost(record, agent.device)],
    }


# ── what becomes of it ───────────────────────────────────────────────────────────────────────────


async def claim(agent: Agent, arguments: Arguments) -> object:
    """Take a task; again, to go on with it. Raises Refused when another one has it."""
    name = agents.name_in(arguments)
    row = await _meant(agent, name, arguments)
    who = claiming.who_in(agent, name, arguments)
    held, row = await claiming.claimed(agent, who, row.record.document, taking=yes(arguments, "take"))
    return {**await _told(agent, name, row), "claim": claiming.told_claim(agent, held)}


async def done(agent: Agent, arguments: Arguments) -> object:
    """Say that a task is done, with its receipt or in words. The hand-off whose last task it was is done by that."""
    name = agents.name_in(arguments)
    row, who = await _meant(agent, name, arguments), claiming.who_in(agent, name, arguments)
    document, words = row.record.document, text(arguments, "words") or ""
    said = text(arguments, "receipt")
    receipt = str((await keeping.chosen(agent, name, said, ("receipt",))).record.document) if said else ""
    if not (receipt or words.strip()) and name:
        hint = "File one first, or say what was done in words."
        raise Misuse("a task is done with a receipt", hint=hint)
    line = must_be_line(words, "reason") if words.strip() else ""

    def closing(record: Record, ending: Registers) -> Registers:
        return tasks.finished(record, ending, receipt, line)

    event = await claiming.closed(agent, who, document, leases.DONE, line, closing)
    completed = await calls_handoffs.completed(agent, name, who, [str(document)])
    return {"document": str(document), "event": event, "state": tasks.DONE, "handoffs": completed}


async def state(agent: Agent, arguments: Arguments) -> object:
    """Set a task's state; `in_progress` takes it, `done` finishes it."""
    wanted, name = needed(arguments, "state"), agents.name_in(arguments)
    if wanted == tasks.IN_PROGRESS:
        return await claim(agent, arguments)
    if wanted == tasks.DONE:
        return await done(agent, {**arguments, "words": arguments.get("words") or arguments.get("reason")})
    row, reason = await _meant(agent, name, arguments), text(arguments, "reason") or ""
    line = must_be_line(reason, "reason") if reason.strip() else ""
    who = claiming.who_in(agent, name, arguments)

    def wanted_now(record: Record) -> Registers:
        held = leases.holder(record)
        own = wanted != tasks.BLOCKED and held and not held.end and claiming.is_own(held, who)
        given_up = leases.ended(held, leases.RELEASED, line) if held and own else {}
        return {**tasks.set_state(record, wanted, line), **given_up}

    event = await keeping.changed(agent, name, row.record.document, wanted_now, settling=False)
    row = await _meant(agent, name, {"id": str(row.record.document)})
    work = await Work.read(agent, name)
    completed = await calls_handoffs.completed(agent, name, who, [str(row.record.document)])
    told = {"document": str(row.record.document), "event": event, "state": work.state_of_task(row.record)}
    return {**told, "handoffs": completed}


# ── claims ───────────────────────────────────────────────────────────────────────────────────────


async def renew(agent: Agent, arguments: Arguments) -> object:
    """A session works on: the leases of what it has go on. Which documents were written to."""
    name = agents.name_in(arguments)
    needed(arguments, "session")
    who = claiming.who_in(agent, name, arguments)
    renewed: list[str] = []
    if not claiming.may_renew(agent, who.session):
        return {"renewed": renewed}
    for row in await keeping.listed(agent, name, (handoffs.KIND, tasks.KIND), limit=LIST_MAX):
        held = leases.holder(row.record)
        own = held and not held.end and held.session == who.session and held.device == who.device
        if held and own and await claiming.renewed(agent, held.who, row.record.document):
            renewed.append(str(row.record.document))
    return {"renewed": renewed}


async def lost(agent: Agent, arguments: Arguments) -> object:
    """Claims of this device that do not count: another one has it or did it, or it was handed off anew.

    `fresh`: not told before.
    """
    name, fresh = agents.name_in(arguments), yes(arguments, "fresh")
    session = text(arguments, "session")
    since_ms = clock.now_ms() - int(timing.LOST_TOLD_S * 1000)
    told = json.loads(await agent.store.setting(_TOLD) or b"[]")
    found: list[Told] = []
    names: list[str] = []
    rows = await keeping.listed(agent, name, (handoffs.KIND, tasks.KIND), limit=LIST_MAX)
    anew = handoffs.superseded([row.record for row in rows])
    for row in rows:
        later = anew.get(str(row.record.document))
        overtaken = handoffs.overtaken(row.record, later, agent.device) if later else None
        for one in (*leases.lost(row.record, agent.device), *([overtaken] if overtaken else [])):
            about = (not name or one.agent == name) and (not session or one.session == session)
            if about and one.until_ms > since_ms and not (fresh and one.name in told):
                found.append(claiming.told_lost(agent, row.record, one, later if one is overtaken else None))
                names.append(one.name)
    if fresh and names:
        kept = list(dict.fromkeys([*told, *names]))[-CLAIMS_TOLD_MAX:]
        await agent.engine.remember(_TOLD, json.dumps(kept).encode())
    return {"lost": found}
