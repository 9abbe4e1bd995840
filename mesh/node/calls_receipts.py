"""Calls about receipts of work: filing one, finding what was built, and what the machine saw of it.

Which claims are verified is decided for all of them alike, by evidence that this agent captured and by looks at the
repository and the files that it takes itself (proving.py). No caller says so.
"""

from __future__ import annotations

import contextlib
import secrets
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING

from mesh.errors import Malformed, MeshError, Misuse
from mesh.events.kinds import Value
from mesh.limits import LIST_MAX, RECEIPT_CHANGED_MAX, RECEIPT_CLAIMS_MAX
from mesh.names import DocumentId
from mesh.node import agents, claiming, clock, git, keeping, projects, proving, seeking
from mesh.node.arguments import Arguments, needed, number, text, texts, yes
from mesh.node.keeping import New, Registers, Told, Wanted
from mesh.node.redaction import counted
from mesh.node.storage.store_port import RecordRow
from mesh.state import receipts, sessions
from mesh.state.claims import Trace
from mesh.state.receipts import Changed, Work
from mesh.state.records import PROJECT, STATE, TITLE, Record, said

if TYPE_CHECKING:
    from mesh.node.agent import Agent

_LIST_DEFAULT = 20
_DISPUTE_BYTES = 8
_COMMITS_PROPOSED = 50


class _Clean:
    """Texts without their secrets, and how many were left out."""

    def __init__(self, *, as_it_is: bool) -> None:
        self.as_it_is, self.count = as_it_is, 0

    def __call__(self, words: str) -> str:
        if self.as_it_is:
            return words
        clean, count = counted(words)
        self.count += count
        return clean


async def new(agent: Agent, arguments: Arguments) -> object:
    """File a receipt: what changed and why, what is claimed, what was not done."""
    name = agents.name_in(arguments)
    clean = _Clean(as_it_is=yes(arguments, "as_is") and not name)
    row = await session_of(agent, name, arguments)
    session = str(row.record.document) if row else text(arguments, "session") or ""
    rows = await _of_session(agent, name, session, row)
    cwd = text(arguments, "cwd") or ""
    project = await projects.chosen(agent, name, arguments) or (row.record.word(PROJECT) if row else "")
    top = await proving.top_of(agent, project, cwd)
    traces = proving.from_top(top, await agent.evidence.of(session))
    changed = _changed(arguments, clean, _since(traces, _last_ms(rows)))
    weighed = await proving.weighed(_claims(arguments, clean), traces, cwd, top)
    draft = next((one for one in receipts.unreported([r.record for r in rows])), None)
    about: dict[str, Value] = {
        **_about(agent, name, session, project),
        "task": text(arguments, "task"),
        "handoff": text(arguments, "handoff"),
        "section": clean(text(arguments, "section") or ""),
        "replaces": str(draft.document) if draft else "",
    }
    work = Work(
        clean(needed(arguments, "summary")),
        clean(text(arguments, "why") or ""),
        changed,
        weighed,
        [clean(one) for one in texts(arguments, "not_done")],
        [clean(one) for one in texts(arguments, "undo")],
        about,
    )
    born = New(receipts.KIND, receipts.registers(work), space=text(arguments, "space") or keeping.SPACE).birth()
    await keeping.said_together(agent, name, [born], _told_in_session(row, str(born[0])))
    return {
        "document": str(born[0]),
        "claims": [claim.said() for claim in weighed],
        "changed": [dict(one) for one in changed],
        "replaces": about["replaces"],
        "redacted": clean.count,
        "warnings": await _closed(agent, name, arguments, str(born[0]), session),
    }


def _told_in_session(row: RecordRow | None, receipt: str) -> dict[DocumentId, Wanted]:
    return {row.record.document: lambda _record: {"receipt": receipt}} if row else {}


def _about(agent: Agent, name: str, session: str, project: str) -> dict[str, Value]:
    return {
        "session": session, PROJECT: project, "agent": name, "device": agent.device, "at": clock.now_ms(),
    }  # fmt: skip


async def session_of(agent: Agent, name: str, arguments: Arguments) -> RecordRow | None:
    """The session that a call names, else the one at which its agent is on this device, if there is only one."""
    if given := text(arguments, "session"):
        with contextlib.suppress(MeshError):
            return await keeping.chosen(agent, name, given, (sessions.KIND,))
        return None
    if not name:
        return None
    rows = await keeping.listed(agent, name, (sessions.KIND,), states=sessions.OPEN)
    own = [row for row in rows if row.record.word("device") == agent.device and row.record.word("agent") == name]
    project = await projects.chosen(agent, name, arguments) if len(own) > 1 else ""
    fit = [row for row in own if not project or row.record.word(PROJECT) == project]
    return fit[0] if len(fit) == 1 else None


async def _of_session(agent: Agent, name: str, session: str, row: RecordRow | None) -> list[RecordRow]:
    """The last receipt of a session, as its record names it, and the drafts of it; of an unknown one what is listed."""
    if not session:
        return []
    states = (receipts.UNREPORTED,) if row else ()
    rows = await keeping.listed(agent, name, (receipts.KIND,), states=states)
    rows = [one for one in rows if one.record.word("session") == session]
    if row and (last := row.record.word("receipt")):
        with contextlib.suppress(Malformed):  # whoever wrote it there
            found = await agent.store.record(DocumentId.parse(last))
            rows += [found] if found is not None else []
    return rows


def _last_ms(rows: Sequence[RecordRow]) -> int:
    """When the last receipt of a session was filed; drafts are none."""
    filed = [row.record.number("at") for row in rows if row.record.word(STATE) == receipts.FILED]
    return max(filed, default=0)


def _since(traces: Sequence[Trace], at_ms: int) -> tuple[Trace, ...]:
    return tuple(trace for trace in traces if trace.at_ms > at_ms)


def _changed(arguments: Arguments, clean: _Clean, traces: Sequence[Trace]) -> tuple[Changed, ...]:
    given = arguments.get("changed") or []
    if not isinstance(given, list) or len(given) > RECEIPT_CHANGED_MAX:
        raise Misuse(f"changed is a list of at most {RECEIPT_CHANGED_MAX} things")
    plain = [clean(one) if isinstance(one, str) else _clean_map(one, clean) for one in given]
    return receipts.changed_of(plain, traces)


def _clean_map(one: object, clean: _Clean) -> object:
    return (
        {key: clean(value) if isinstance(value, str) else value for key, value in one.items()}
        if isinstance(one, dict)
        else one
    )


def _claims(arguments: Arguments, clean: _Clean) -> list[tuple[str, object]]:
    given = arguments.get("claims") or []
    if not isinstance(given, list) or len(given) > RECEIPT_CLAIMS_MAX:
        raise Misuse(f"claims is a list of at most {RECEIPT_CLAIMS_MAX} claims")
    found: list[tuple[str, object]] = []
    for one in given:
        words, points = (one.get("text"), one.get("evidence")) if isinstance(one, dict) else (one, None)
        if not isinstance(words, str):
            raise Misuse(
                "a claim is a sentence, or {text, evidence}", hint='{"text": "tests pass", "evidence": "pytest -q"}'
            )
        pointed = clean(points) if isinstance(points, str) else _clean_map(points, clean)
        found.append((clean(words), pointed))
    return found


async def _closed(agent: Agent, name: str, arguments: Arguments, receipt: str, session: str) -> list[str]:
    """Close the task and the hand-off that a receipt is for; the receipt stands whether that goes or not."""
    warnings = []
    more = {"session": session} if session.startswith(f"{keeping.SPACE}/") else {}
    for what in ("task", "handoff"):
        if which := text(arguments, what):
            try:
                await agent.call(f"{what}.done", {"id": which, "receipt": receipt, "as": name, **more})
            except MeshError as error:
                warnings.append(f"the {what} is not closed: {error}")
    return warnings


# ── what nobody reported ─────────────────────────────────────────────────────────────────────────


async def owed(agent: Agent, arguments: Arguments) -> object:
    """Whether a session changed something that no receipt tells of, and what; nothing is written."""
    name, session = agents.name_in(arguments), needed(arguments, "session")
    work, _ = await _owed(agent, name, session)
    return {"owed": work is not None, **_draft(work)}


async def draft(agent: Agent, arguments: Arguments) -> object:
    """Keep what the machine saw of a session's work that nobody reported; the same work has one draft."""
    name, session = agents.name_in(arguments), needed(arguments, "session")
    work, rows = await _owed(agent, name, session)
    if work is None:
        return {"document": None, **_draft(None)}
    registers = receipts.registers(work, receipts.UNREPORTED)
    for row in rows:
        if row.record.word(STATE) == receipts.UNREPORTED and row.record.word("changed") == registers["changed"]:
            return {"document": str(row.record.document), **_draft(work)}
    document = await keeping.made(agent, name, New(receipts.KIND, registers))
    return {"document": str(document), **_draft(work)}


async def _owed(agent: Agent, name: str, session: str) -> tuple[Work | None, list[RecordRow]]:
    row = await session_of(agent, name, {"session": session})
    rows = await _of_session(agent, name, session, row)
    project = row.record.word(PROJECT) if row else ""
    traces = proving.from_top(
        await proving.top_of(agent, project, ""), _since(await agent.evidence.of(session), _last_ms(rows))
    )
    about = _about(agent, row.record.word("agent") if row else name, session, project)
    return receipts.draft(traces, about), rows


def _draft(work: Work | None) -> Told:
    return {
        "summary": work.summary if work else "",
        "changed": [dict(one) for one in work.changed] if work else [],
        "claims": [claim.said() for claim in work.claims] if work else [],
    }


async def proposal(agent: Agent, arguments: Arguments) -> object:
    """What git says changed in a folder since the last receipt of its project on this device."""
    name, cwd = agents.name_in(arguments), needed(arguments, "cwd")
    project = await projects.chosen(agent, name, {"cwd": cwd})
    rows = await keeping.listed(agent, name, (receipts.KIND,), project=project) if project else []
    own = [row for row in rows if row.record.word("device") == agent.device]
    since_ms = _last_ms(own)
    status = await git.ask(cwd, "status", "--porcelain=v1", "--untracked-files=normal", "-z") or ""
    log = ("log", f"--max-count={_COMMITS_PROPOSED}", "--format=%H %s")
    commits = await git.ask(cwd, *log, *([f"--since=@{since_ms // 1000}"] if since_ms else ["-1"])) or ""
    return {
        "project": project,
        "since_ms": since_ms or None,
        "changed": [{"kind": "file", "ref": path} for path in _files(status)][:RECEIPT_CHANGED_MAX],
        "commits": [
            dict(zip(("commit", "subject"), line.split(" ", 1), strict=False)) for line in commits.splitlines()
        ],
    }


def _files(status: str) -> list[str]:
    """The paths of `git status --porcelain -z`; of a rename the new one."""
    found, parts = [], iter(status.split("\0"))
    for part in parts:
        if len(part) > 3:  # two letters and a blank, then the path
            found.append(part[3:])
            if part[0] in "RC":
                next(parts, None)
    return found


# ── lists ────────────────────────────────────────────────────────────────────────────────────────


async def listed(agent: Agent, arguments: Arguments) -> object:
    """What was built, the latest first; with words the best first."""
    name, limit = agents.name_in(arguments), number(arguments, "limit", _LIST_DEFAULT, LIST_MAX)
    project, words = await projects.chosen(agent, name, arguments), text(arguments, "words")
    rows = await (
        seeking.sought(agent, name, words, (receipts.KIND,)) if words else keeping.listed(agent, name, (receipts.KIND,))
    )
    every = rows if not words else await keeping.listed(agent, name, (receipts.KIND,))
    open_ = {one.document for one in receipts.unreported([row.record for row in every])}
    ids = (await projects.known(agent, name)).ids(project) if project else frozenset()
    rows = [row for row in rows if not ids or row.record.word(PROJECT) in ids]
    rows = [row for row in rows if row.record.word(STATE) == receipts.FILED or row.record.document in open_]
    if session := text(arguments, "session"):
        rows = [row for row in rows if row.record.word("session") == session]
    if state := text(arguments, "state"):
        rows = [row for row in rows if row.record.word(STATE) == state]
    return {"receipts": [told(agent, row) for row in rows[:limit]]}


async def show(agent: Agent, arguments: Arguments) -> object:
    """One receipt whole."""
    name = agents.name_in(arguments)
    row = await keeping.chosen(agent, name, needed(arguments, "id"), (receipts.KIND,))
    return told(agent, row)


async def dispute(agent: Agent, arguments: Arguments) -> object:
    """Doubt a receipt, or one claim of it, beside what it says."""
    name, words = agents.name_in(arguments), needed(arguments, "words")
    row = await keeping.chosen(agent, name, needed(arguments, "id"), (receipts.KIND,))
    most = len(receipts.claims_of(row.record))
    claim = number(arguments, "claim", 0, most)
    body = said(
        {"claim": claim - 1, "words": counted(words)[0], "by": name, "at": clock.now_ms(), "device": agent.device}
    )
    key = receipts.DISPUTE + secrets.token_hex(_DISPUTE_BYTES)

    def wanted(_record: Record) -> Registers:
        return {key: body}

    event = await keeping.changed(agent, name, row.record.document, wanted)
    return {"document": str(row.record.document), "event": event}


def told(agent: Agent, row: RecordRow) -> Told:
    """A receipt, for answers."""
    record = row.record
    return {
        **keeping.told(agent, row),
        "summary": record.word(TITLE),
        "why": record.word("why"),
        "session": record.word("session"),
        "task": record.word("task"),
        "handoff": record.word("handoff"),
        "agent": record.word("agent"),
        "device": record.word("device"),
        "device_name": claiming.device_name(agent, record.word("device")),
        "at_ms": record.number("at"),
        "changed": [dict(one) for one in record.maps("changed")],
        "claims": [claim.said() for claim in receipts.claims_of(record)],
        "counts": receipts.counts(record),
        "not_done": list(record.listed("not-done")),
        "undo": list(record.listed("undo")),
        "section": record.word("section"),
        "replaces": record.word("replaces"),
        "disputes": [_told_dispute(one) for one in receipts.disputes(record).values()],
    }


def _told_dispute(one: Mapping[str, object]) -> Told:
    claim = one.get("claim")
    number_ = claim + 1 if type(claim) is int and claim >= 0 else None
    return {"claim": number_, "words": str(one.get("words", "")), "by": str(one.get("by", "")), "at_ms": one.get("at")}
