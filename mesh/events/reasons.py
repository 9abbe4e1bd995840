"""Why a statement counts, or does not: for the person, and before one is said that would count for nothing.

It repeats no rule of judging: that a statement counts is read off the verdict, and only where it does not the first
reason is looked for. This module decides nothing.
"""

from __future__ import annotations

from collections.abc import Mapping

from mesh.events.judge import Judgement
from mesh.events.kinds import Admit, Body, Close, Forget, Grant, Located, Ungrant
from mesh.events.verdict import Admission, Standing, Statement, Verdict, admitted, under
from mesh.events.weigh import UNSURE, Weight
from mesh.limits import RANK_ADMIN_LAST, RANK_FORGET_LAST
from mesh.names import Digest

MALFORMED = "it is malformed"
LATER = "of a later version, which this one does not read"
NO_ADMIN = "only admins say what counts"
NOT_ADMITTED = "the admission of its device does not count"
CLOSED = "said after its device was closed"
SELDOM = "a later word took its place"
NOT_HERE = "what it names is not here"


def statement_weight(judgement: Judgement, name: Digest) -> Weight:
    """What a statement that is held counts for, why it does not, and the statement that says so."""
    statement, verdict = judgement.statements[name], judgement.verdict
    if name in verdict.unknown:
        return Weight(Standing.OPAQUE, LATER)
    if name in verdict.said or _is_word(verdict, statement):
        return Weight(Standing.HONOURED)
    speaker = verdict.admissions.get(statement.admission)
    if speaker is None:
        return Weight(Standing.VOID, NOT_ADMITTED, statement.admission)
    for cut in sorted(verdict.closes.get(speaker.digest, ())):
        # Only a mark in its own chain can stand on it: those of other chains may be of data, which are no statements.
        marks = tuple(mark for mark in cut.marks if mark.chain == statement.stamp.chain)
        found, missing = under(marks, judgement.statements)
        if name not in found:
            return Weight(Standing.WAITS, UNSURE, cut.by) if missing else Weight(Standing.VOID, CLOSED, cut.by)
    if statement.body is None:
        return Weight(Standing.VOID, MALFORMED)
    return Weight(Standing.VOID, out_of_reach(judgement.statements, speaker, statement.body) or SELDOM)


def out_of_reach(statements: Mapping[Digest, Statement], speaker: Admission, body: Body) -> str:
    """Why a speaker cannot say that: it would count for nothing. Empty when it can."""
    if speaker.rank > RANK_ADMIN_LAST:
        return NO_ADMIN
    match body:
        case Admit(rank=rank) if rank <= speaker.rank:
            return f"rank {speaker.rank} lets in only higher numbers than its own, and this is {rank}"
        case Close(admission):
            return _beyond(statements, speaker, admission, or_itself=False)
        case Grant(admission) | Located(admission):
            return _beyond(statements, speaker, admission, or_itself=True)
        case Ungrant(grant):
            found = statements.get(grant)
            if found is None or not isinstance(found.body, Grant):
                return NOT_HERE
            return _beyond(statements, speaker, found.body.admission, or_itself=True)
        case Forget() if speaker.rank > RANK_FORGET_LAST:
            return f"only rank {RANK_FORGET_LAST} and the recovery key forget, and this is rank {speaker.rank}"
    return ""


def _beyond(statements: Mapping[Digest, Statement], speaker: Admission, subject: Digest, *, or_itself: bool) -> str:
    if subject == speaker.digest:
        return "" if or_itself else "no device closes itself"
    target = admitted(statements.get(subject))
    if target is None:
        return NOT_HERE
    if target.rank > speaker.rank:
        return ""
    return f"rank {speaker.rank} reaches only higher numbers than its own, and {target.name} has {target.rank}"


def _is_word(verdict: Verdict, statement: Statement) -> bool:
    """Whether it is the latest word about where a device is, which is no part of what was said."""
    if not isinstance(statement.body, Located):
        return False
    latest = verdict.located.get(statement.body.admission)
    return latest is not None and latest[1] == statement.digest
