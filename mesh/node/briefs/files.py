"""What of a mesh is also there as Markdown files, for whoever has no mesh: paths, and what stands in each.

Everything follows from what is kept, so the same state gives the same bytes; no minute of now and nobody's presence is
in it. Nothing here writes a file.
"""

from __future__ import annotations

import json
import re
import time
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING

from mesh.limits import LIST_MAX, MEMORY_LINES_MAX, PROJECTION_TOKENS
from mesh.node import calls_brief, calls_handoffs, calls_memories, clock, keeping, projects
from mesh.node.briefs import marks, words
from mesh.node.briefs.gathering import Wanted
from mesh.node.briefs.words import Told, line, part, parts, texts, word
from mesh.node.storage.store_port import RecordRow
from mesh.node.work import Work
from mesh.state import memories, receipts, tasks
from mesh.state.projects import Known
from mesh.state.records import PROJECT

if TYPE_CHECKING:
    from mesh.node.agent import Agent

_MS = 1000
_SLUG_CHARACTERS = 40
_DAY_CHARACTERS = 10
_ID_CHARACTERS = 8
_HEAD = "<!-- Written by mesh. It is written anew when something changes; change things with `mesh`, not here. -->"
_STATES = ((tasks.IN_PROGRESS, "At work"), (tasks.OPEN, "Open"), (tasks.NEEDS_HUMAN, "For the person"),
           (tasks.BLOCKED, "Blocked"), (tasks.DONE, "Done"))  # fmt: skip


async def of(agent: Agent) -> dict[str, str]:
    """All files by their path in the folder. Raises MeshError."""
    known = await projects.known(agent, "")
    folders = _folders(known)
    work = await Work.read(agent, "")
    found = {"SHIPLOG.md": _page("Shiplog", await _shiplog(agent))}
    for project, folder in {"": "", **folders}.items():
        ids = known.ids(project) if project else frozenset({""})
        found[f"{folder}CONTINUITY.md"] = await _continuity(agent, project)
        found[f"{folder}TASKS.md"] = _page("Tasks", await _tasks(work, ids))
        found[f"{folder}MEMORY.md"] = _page("Memory", await _memory(agent, ids))
        for row in work.rows:
            if row.record.word(PROJECT) in ids:
                told = await calls_handoffs.told(agent, work, row)
                found[f"{folder}HANDOFFS/{_handoff_name(told)}"] = _page(line(told.get("title")), _handoff(told))
        found |= {f"{folder}RECEIPTS/{day}.jsonl": one for day, one in (await _receipts(agent, ids)).items()}
    return found


def is_lasting(path: str) -> bool:
    """Whether a file stays when nothing is to be in it any more: receipts are for ever, lists are not."""
    return path.startswith("RECEIPTS/") or "/RECEIPTS/" in path


def _folders(known: Known) -> dict[str, str]:
    """A folder for each project, by its id; two that would be one on some disk get their id as well."""
    found: dict[str, str] = {}
    for one in known.all():
        name = slug(known.name(str(one.document)), keep_case=True)
        taken = {folder.lower() for folder in found.values()}
        unlike = f"projects/{name}/".lower() not in taken
        document = str(one.document)
        found[document] = f"projects/{name if unlike else f'{name}-{_key(document)}'}/"
    return found


def slug(text: str, *, keep_case: bool = False) -> str:
    """A text as part of a file's name, on any system."""
    plain = re.sub(r"[^\w.-]+", "-", text if keep_case else text.lower()).strip("-.")
    return plain[:_SLUG_CHARACTERS].rstrip("-.") or "untitled"


def _key(document: str) -> str:
    return document.rpartition("/")[2][:_ID_CHARACTERS]


def _page(title: str, lines: Sequence[str]) -> str:
    return "\n".join([f"# {title}", "", _HEAD, "", *(lines or ["Nothing yet."])]) + "\n"


async def _continuity(agent: Agent, project: str) -> str:
    """The brief, as of the last change that is in it."""
    now_ms = clock.now_ms()
    since_ms = marks.since((), now_ms)
    brief = await calls_brief.gathered(agent, Wanted("", now_ms, since_ms, None, project, ""))
    latest = max([since_ms, *_times(brief)])
    own = [one for one in parts(brief, "devices") if one.get("self")]
    still = {**brief, "as_of_ms": latest, "at_work": [], "devices": own, "problems": []}
    text = words.written(still, PROJECTION_TOKENS)
    return f"{_HEAD}\n\n{text}"


def _times(brief: Told) -> list[int]:
    rows = [one for value in brief.values() if isinstance(value, list) for one in value if isinstance(one, dict)]
    found = [part(one, "updated").get("at") for one in rows]
    return [at for at in found if isinstance(at, int)]


# ---------------------------------------------------------------- each kind


async def _shiplog(agent: Agent) -> list[str]:
    """Everything that was reported, the latest day first, with what each claim rests on."""
    rows = await keeping.listed(agent, "", (receipts.KIND,), limit=LIST_MAX)
    drafts = {one.document for one in receipts.unreported([row.record for row in rows])}
    out: list[str] = []
    before = ""
    for row in sorted(rows, key=lambda row: (-row.born.time_ms, row.record.document)):
        record, told = row.record, keeping.told(agent, row)
        if told["state"] == receipts.UNREPORTED and record.document not in drafts:
            continue  # a receipt stands for it
        day, _, minute = clock.day(row.born.time_ms).partition(" ")
        if day != before:
            out += [*([""] if out else []), f"## {day}", ""]
            before = day
        unreported = " **unreported**" if record.document in drafts else ""
        out.append(f"- {minute} {line(told['title'])}{unreported} ({_who(told)}, `{_key(str(record.document))}`)")
        out += [f"  - {claim.status}: {line(claim.text)}" for claim in receipts.claims_of(record)]
        out += [f"  - not done: {line(one)}" for one in record.listed("not-done")]
        out += [f"  - disputed: {line(one.get('words'))}" for one in receipts.disputes(record).values()]
    return out


async def _receipts(agent: Agent, ids: frozenset[str]) -> dict[str, str]:
    """Receipts by day, one in a line of JSON, the earliest first; a day that the list cut off is left as it was."""
    rows = await keeping.listed(agent, "", (receipts.KIND,), limit=LIST_MAX)
    days: dict[str, list[RecordRow]] = {}
    for row in sorted(rows, key=lambda row: (row.born.time_ms, row.record.document)):
        days.setdefault(clock.day(row.born.time_ms)[:_DAY_CHARACTERS], []).append(row)
    if len(rows) == LIST_MAX:
        del days[next(iter(days))]
    of_these = {day: [_receipt(agent, row) for row in found if row.record.word(PROJECT) in ids]
                for day, found in days.items()}  # fmt: skip
    return {day: "".join(f"{one}\n" for one in lines) for day, lines in of_these.items() if lines}


def _receipt(agent: Agent, row: RecordRow) -> str:
    record, told = row.record, keeping.told(agent, row)
    own = {key: told[key] for key in ("document", "title", "state", "created")}
    whole = {
        **own,
        "why": record.word("why"),
        "changed": [dict(one) for one in record.maps("changed")],
        "claims": [claim.said() for claim in receipts.claims_of(record)],
        "not_done": list(record.listed("not-done")),
        "undo": list(record.listed("undo")),
        "disputes": {name: dict(one) for name, one in receipts.disputes(record).items()},
    }
    return json.dumps(whole, ensure_ascii=False, sort_keys=True)


async def _tasks(work: Work, ids: frozenset[str]) -> list[str]:
    rows = [row for row in await work.all_tasks() if row.record.word(PROJECT) in ids]
    told = [await work.told_task(row) for row in sorted(rows, key=lambda row: tasks.order(row.record))]
    out: list[str] = []
    for state, head in _STATES:
        of_state = [one for one in told if one["state"] == state]
        if of_state:
            out += [*([""] if out else []), f"## {head}", ""]
            mark = "x" if state == tasks.DONE else " "
            out += [f"- [{mark}] {line(one['title'])} (priority {one['priority']}, `{_key(str(one['document']))}`)"
                    for one in of_state]  # fmt: skip
    return out


async def _memory(agent: Agent, ids: frozenset[str]) -> list[str]:
    """What holds, by kind; at most so many lines, of which the approved ones come first."""
    rows = await keeping.listed(agent, "", memories.TYPES, limit=LIST_MAX)
    told = [await calls_memories.told(agent, row) for row in rows if row.record.word(PROJECT) in ids]
    found = [one for one in told if one["state"] in memories.USABLE]
    found.sort(key=lambda one: (one["state"] != memories.APPROVED, str(one["kind"])))
    out = [
        f"- {line(one['kind'])}: {line(one['text'])}"
        + ("" if one["state"] == memories.APPROVED else f" (said by {line(one['by'])}, approved by nobody)")
        for one in found
    ]
    return out[:MEMORY_LINES_MAX]


def _handoff_name(told: Told) -> str:
    at = told.get("at_ms")
    moment = time.strftime("%Y%m%d-%H%M", time.localtime(at / _MS)) if isinstance(at, int) else "unknown"
    return f"HO-{moment}-{slug(word(told, 'title'))}-{_key(word(told, 'document'))}.md"


def _handoff(told: Told) -> list[str]:
    from_, to, reason = part(told, "from"), line(told.get("to")), line(told.get("reason")).replace("_", " ")
    who = " on ".join(filter(None, (line(from_.get("agent")), line(from_.get("name")))))
    out = [f"From {who}, {clock.day(_time(told))}, for {to or 'anyone'}: {reason}. It is {line(told.get('state'))}."]
    sections: Mapping[str, list[str]] = {
        "Left": [f"[{'x' if one.get('state') == tasks.DONE else ' '}] {line(one.get('title'))}"
                 for one in parts(told, "remaining")],
        "Done": [line(one) for one in texts(told, "done")],
        "Decided": [line(one) for one in texts(told, "decisions")],
        "Tried, failed": [line(one) for one in texts(told, "rejected")],
        "Assumed": [line(one.get("text")) for one in parts(told, "assumptions")],
        "Files": [line(one.get("path")) for one in parts(told, "files")],
        "Verify": [line(one.get("cmd") or one.get("text")) for one in parts(told, "verify")],
        "Blocked by": [line(one) for one in texts(told, "blockers")],
        "Context": [line(one) for one in word(told, "context").splitlines() if one.strip()],
    }  # fmt: skip
    for head, found in sections.items():
        out += ["", f"## {head}", "", *(f"- {one}" for one in found)] if found else []
    return out


def _time(told: Told) -> int | None:
    at = told.get("at_ms")
    return at if isinstance(at, int) else None


def _who(told: Told) -> str:
    by = part(told, "created")
    return " on ".join(filter(None, (line(by.get("agent")), line(by.get("name")))))
