"""Receipts of work: what a session changed, what is claimed of it, what was not done. They are filed once and for ever.

Who doubts a claim disputes it beside the receipt, and nothing in it changes. Work without a receipt has a draft that
the machine wrote: `unreported`, until a receipt stands for it. This module decides what a receipt says; it reads no
trace and no file.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field

from mesh.errors import Misuse
from mesh.events.kinds import Value
from mesh.limits import RECEIPT_CHANGED_MAX, RECEIPT_CLAIMS_MAX, RECEIPT_COMMANDS_MAX, RECEIPT_NOT_DONE_MAX
from mesh.state import claims
from mesh.state.claims import Claim, Trace
from mesh.state.records import STATE, TITLE, Record, listing, must_be_line, said

KIND = "receipt"
FILED, UNREPORTED = "filed", "unreported"
DISPUTE = "dispute/"
CHANGED_KINDS = ("file", "commit", "service", "config", "doc", "message")

Changed = Mapping[str, object]
"""One thing that changed: `kind`, `ref`; `seen` where the machine saw it too, `by` is `machine` where only it did."""


@dataclass(frozen=True, slots=True)
class Work:
    """What a receipt is filed about, as its author says it and the machine completed it."""

    summary: str
    why: str = ""
    changed: Sequence[Changed] = ()
    claims: Sequence[Claim] = ()
    not_done: Sequence[str] = ()
    undo: Sequence[str] = ()
    about: Mapping[str, Value] = field(default_factory=dict)
    """`session`, `task`, `handoff`, `agent`, `device`, `project`, `at`, `section`, `replaces`."""


def registers(work: Work, state: str = FILED) -> dict[str, Value]:
    """The registers that a receipt is born with. Raises Misuse or TooLarge."""
    _at_most(work.claims, RECEIPT_CLAIMS_MAX, "claims")
    _at_most(work.changed, RECEIPT_CHANGED_MAX, "changes")
    _at_most(work.not_done, RECEIPT_NOT_DONE_MAX, "things that were not done")
    return {
        **work.about,
        TITLE: must_be_line(work.summary, "summary"),
        STATE: state,
        "why": work.why,
        "changed": said([dict(one) for one in work.changed]) if work.changed else "",
        "claims": said([claim.said() for claim in work.claims]) if work.claims else "",
        "not-done": listing(work.not_done),
        "undo": listing(work.undo),
    }


def changed_of(given: Sequence[object], traces: Sequence[Trace]) -> tuple[Changed, ...]:
    """What changed: as its author lists it, and what the machine saw beside that. Raises Misuse.

    Paths that the machine saw change are marked as seen; those that the author left out are added in its name.
    """
    files = _files(traces)
    listed = [_changed(one) for one in given]
    out: list[Changed] = []
    for one in listed:
        ref = str(one["ref"])
        digest = next((digest for path, digest in files.items() if path == ref or claims.same_path(path, ref)), None)
        seen = {} if digest is None else {"seen": True, **({"digest": digest} if digest else {})}
        out.append({**one, **seen})
    refs = [str(one["ref"]) for one in listed]
    left_out = [path for path in files if not any(path == ref or claims.same_path(path, ref) for ref in refs)]
    seen_too = [_by_machine("file", path, files[path]) for path in left_out]
    commits = [trace.commit for trace in traces if trace.kind == claims.COMMIT and trace.commit]
    shas = [sha for sha in dict.fromkeys(commits) if not any(sha.startswith(ref) for ref in refs)]
    seen_too += [_by_machine("commit", sha) for sha in shas]
    return (*out, *seen_too[: max(0, RECEIPT_CHANGED_MAX - len(out))])


def draft(traces: Sequence[Trace], about: Mapping[str, Value]) -> Work | None:
    """What the machine saw of work that nobody reported; None where it saw nothing change."""
    changed = changed_of((), traces)
    if not changed:
        return None
    files = [str(one["ref"]).rpartition("/")[2] for one in changed if one["kind"] == "file"]
    commits = len(changed) - len(files)
    parts = [f"{len(files)} {'file' if len(files) == 1 else 'files'} changed"] if files else []
    parts += [f"{commits} {'commit' if commits == 1 else 'commits'}"] if commits else []
    named = f" ({', '.join(files[:3])}{', …' if len(files) > 3 else ''})" if files else ""
    runs: dict[str, Trace] = {claims.squeezed(one.command): one for one in traces if one.kind == claims.RUN}
    facts = claims.Facts()
    proofs = [
        claims.weighed(f"`{run.command}` ended with {run.exit}", {"command": run.command}, traces, facts)
        for run in list(runs.values())[-RECEIPT_COMMANDS_MAX:]
        if run.exit is not None
    ]
    return Work(f"Unreported: {' and '.join(parts)}{named}", changed=changed, claims=proofs, about=about)


# ---------------------------------------------------------------- reading


def claims_of(record: Record) -> tuple[Claim, ...]:
    """The claims of a receipt, as they were weighed when it was filed; a status that nobody knows is asserted."""
    return tuple(_claim(one) for one in record.maps("claims"))


def counts(record: Record) -> dict[str, int]:
    """How many claims of a receipt are verified, inferred and asserted."""
    found = [claim.status for claim in claims_of(record)]
    return {status: found.count(status) for status in (claims.VERIFIED, claims.INFERRED, claims.ASSERTED)}


def disputes(record: Record) -> dict[str, Mapping[str, object]]:
    """Who disputes what of a receipt: by name of the dispute `claim` (its number from 0, or -1: all of it), `words`."""
    return record.saids(DISPUTE)


def unreported(records: Iterable[Record]) -> list[Record]:
    """The drafts among receipts that no receipt stands for yet."""
    found = list(records)
    replaced = {record.word("replaces") for record in found if record.word(STATE) == FILED}
    sessions = {record.word("session") for record in found if record.word(STATE) == FILED} - {""}
    return [
        record
        for record in found
        if record.word(STATE) == UNREPORTED
        and str(record.document) not in replaced
        and not _told(record, found, sessions)
    ]


def _told(draft_: Record, found: Sequence[Record], sessions: set[str]) -> bool:
    """Whether a receipt of the same session came after a draft, from a device that did not have it."""
    session, at = draft_.word("session"), draft_.number("at")
    return session in sessions and any(
        one.word(STATE) == FILED and one.word("session") == session and one.number("at") >= at for one in found
    )


def _claim(value: Mapping[str, object]) -> Claim:
    status, evidence = value.get("status"), value.get("evidence")
    known = status if status in {claims.VERIFIED, claims.INFERRED} else claims.ASSERTED
    return Claim(str(value.get("text", "")), str(known), evidence if isinstance(evidence, dict) else {})


def _files(traces: Sequence[Trace]) -> dict[str, str]:
    """Path -> digest of the files that changed, as they were left."""
    return {trace.path: trace.digest for trace in traces if trace.kind == claims.FILE and trace.path}


def _changed(one: object) -> Changed:
    if isinstance(one, str) and one.strip():
        sha = all(c in "0123456789abcdef" for c in one) and len(one) >= 7  # as git shortens them
        return {"kind": "commit" if sha else "file", "ref": one.strip()}
    if isinstance(one, Mapping) and isinstance(one.get("ref"), str) and one["ref"]:
        kind = one.get("kind", "file")
        if kind not in CHANGED_KINDS:
            raise Misuse(f"{kind!r} is no kind of change", hint=f"One of {', '.join(CHANGED_KINDS)}.")
        return {"kind": kind, "ref": one["ref"]}
    raise Misuse("what changed is a path, a commit, or {kind, ref}", hint='"docs/CLI.md"')


def _by_machine(kind: str, ref: str, digest: str = "") -> Changed:
    return {"kind": kind, "ref": ref, "seen": True, "by": "machine", **({"digest": digest} if digest else {})}


def _at_most(found: Sequence[object], most: int, what: str) -> None:
    if len(found) > most:
        raise Misuse(f"a receipt has at most {most} {what}", hint="Say the rest in `why`, or file two.")
