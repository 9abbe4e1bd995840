"""Authority: what counts of the statements held, as a pure function of their set.

One pass by ascending rank. A statement reaches only strictly higher numbers, so when the pass comes to a rank, all
that can be said about it has been said: no cycles, no ties, one solution. Data events never influence it, and no clock
and no order of arrival does (PROTOCOL, "Authority").
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable
from dataclasses import dataclass, field

from mesh.events.event import Lane
from mesh.events.kinds import (
    Admit,
    Adopt,
    Body,
    Close,
    Forget,
    Genesis,
    Grant,
    Located,
    Opening,
    Rekey,
    Ungrant,
    known,
)
from mesh.events.verdict import Admission, Cut, Statement, Verdict, admitted, grant_name, under
from mesh.limits import RANK_ADMIN_LAST, RANK_FORGET_LAST, RANK_RECOVERY
from mesh.names import Digest


def judge(control: Iterable[Statement], mesh: Digest) -> Verdict:
    """What counts of these statements, whatever order they come in."""
    judgement = Judgement(mesh)
    judgement.add(control)
    return judgement.verdict


@dataclass(slots=True)
class _Speaker:
    """What one admission says under the cuts that were made to it, whether or not it counts now."""

    rank: int
    digest: Digest
    cuts: frozenset[Cut]
    inside: set[Digest] | None = None
    """What is under every cut; None while there is none."""
    says: Verdict = field(default_factory=Verdict)
    heard: set[Digest] = field(default_factory=set)


class Judgement:
    """The statements held, and what counts of them now: at every moment the same as judging all of them anew.

    What each speaker says is kept, so a statement costs its own size, or, where it takes something away or was spoken
    of before it was held, one more hearing of those whom it reaches.
    """

    def __init__(self, mesh: Digest) -> None:
        """Start with no statement."""
        self.mesh = mesh
        self.statements: dict[Digest, Statement] = {}
        self.verdict = Verdict()
        self._speeches: defaultdict[Digest, list[Statement]] = defaultdict(list)
        self._speakers: dict[Digest, _Speaker] = {}
        self._awaited: defaultdict[Digest, set[Digest]] = defaultdict(set)
        """Statements that are not held -> the speakers whose speech hangs on them."""

    def add(self, control: Iterable[Statement]) -> bool:
        """Take statements in. Returns whether what counts has changed; `verdict` may be another object then."""
        fresh = [s for s in {s.digest: s for s in control}.values() if s.digest not in self.statements]
        for statement in fresh:
            self.statements[statement.digest] = statement
            self._speeches[statement.admission].append(statement)
        anew = sum(self._was_awaited(statement.digest) for statement in fresh) > 0
        news = [one for statement in fresh if (one := self._goes_on(statement))]
        if anew or any(self._moves_others(one) for one in news):
            return self._anew()
        return sum(self.verdict.join(one) for one in news) > 0

    # ── step by step ─────────────────────────────────────────────────────────────────────────────

    def _was_awaited(self, digest: Digest) -> bool:
        """Whether speeches hang on a statement that is new here. They have to be heard again then."""
        waiting = self._awaited.pop(digest, set())
        for name in waiting:
            self._speakers.pop(name, None)
        return bool(waiting) or digest == self.mesh

    def _goes_on(self, statement: Statement) -> Verdict | None:
        """What a new statement adds to what counts if it changes nothing else. None: nothing."""
        found = self.verdict.admissions.get(statement.admission)
        speaker = self._speakers.get(statement.admission)
        if speaker is None:
            return self._speech(found).says if found and found.rank <= RANK_ADMIN_LAST else None
        if speaker.cuts:
            return None  # it is under no mark, or it would have been awaited
        one = Verdict()
        self._say(speaker, statement, one)
        speaker.says.join(one)
        return one if found else None

    def _moves_others(self, one: Verdict) -> bool:
        """Whether it matters to others who speak: they begin to count, or their ends are new."""
        return any(
            name in self._speeches for name in (*one.closes, *(one.admissions.keys() - self.verdict.admissions.keys()))
        )

    # ── anew ─────────────────────────────────────────────────────────────────────────────────────

    def _anew(self) -> bool:
        before, self.verdict = self.verdict, Verdict()
        founder = admitted(self.statements.get(self.mesh))
        if founder:
            self.verdict.admissions[self.mesh] = founder
        for rank in range(RANK_RECOVERY, RANK_ADMIN_LAST + 1):
            for name in self._speeches:
                found = self.verdict.admissions.get(name)
                if found is not None and found.rank == rank:
                    self.verdict.join(self._speech(found).says)
        return self.verdict != before

    def _speech(self, found: Admission) -> _Speaker:
        """What an admission says under the cuts of now; heard again only if they are others than before."""
        cuts = frozenset(self.verdict.closes.get(found.digest, ()))
        known = self._speakers.get(found.digest)
        if known is not None and known.cuts == cuts:
            return known
        speaker = _Speaker(found.rank, found.digest, cuts)
        if cuts:
            speaker.inside = self._inside(speaker, known)
        for statement in self._speeches.get(found.digest, ()):
            if speaker.inside is None or statement.digest in speaker.inside:
                self._say(speaker, statement, speaker.says)
        self._speakers[found.digest] = speaker
        return speaker

    def _inside(self, speaker: _Speaker, known: _Speaker | None) -> set[Digest]:
        """What is under every cut. More cuts only take more away, so they start from what is known."""
        grown = known is not None and known.cuts < speaker.cuts
        inside = known.inside if known and grown else None
        for cut in speaker.cuts - known.cuts if known and grown else speaker.cuts:
            if inside is not None and not inside:
                break
            reached, missing = under(cut.marks, self.statements)
            inside = reached if inside is None else inside & reached
            for digest in missing:
                self._awaited[digest].add(speaker.digest)
        return inside or set()

    # ── what is said ─────────────────────────────────────────────────────────────────────────────

    def _say(self, speaker: _Speaker, statement: Statement, into: Verdict) -> None:
        """Let a statement be said by this speaker, with all that it adopts.

        A loop and no recursion: adoptions of adoptions may be as deep as somebody likes to make them.
        """
        todo = [statement]
        while todo:
            one = todo.pop()
            if one.digest in speaker.heard:
                continue
            speaker.heard.add(one.digest)
            if not isinstance(one.body, Adopt):
                self._count(speaker, one, into)
                continue
            into.said.add(one.digest)
            for name in one.body.events:
                held = self._held(speaker, name)
                if held is None:
                    into.adopted[name] = speaker.rank
                else:
                    todo.append(held)

    def _count(self, speaker: _Speaker, statement: Statement, into: Verdict) -> None:
        body, digest = statement.body, statement.digest
        if body is None and statement.kind and not known(Lane.CONTROL, statement.kind):
            into.unknown.add(digest)  # for a later version to read; what is malformed says nothing
        if body is None or not self._may(speaker, body):
            return
        if isinstance(body, Located):
            into.locate(statement.stamp, digest, body)  # a hint, no part of what was said
            return
        into.said.add(digest)
        match body:
            case Admit():
                found = admitted(statement)
                assert found is not None, statement
                into.admissions[digest] = found
            case Close(admission, marks):
                into.closes.setdefault(admission, set()).add(Cut(speaker.rank, digest, marks))
            case Grant():
                into.grants[grant_name(digest)] = body
            case Ungrant(name, marks):
                into.ungrants.setdefault(grant_name(name), set()).add(Cut(speaker.rank, digest, marks))
            case Forget(document):
                into.forgotten.add(document)
            case Rekey():
                into.rekeys[digest] = (statement.stamp, body)

    def _may(self, speaker: _Speaker, body: Body) -> bool:
        """Whether what a body says is in reach of who says it."""
        match body:
            case Genesis() | Opening() | Rekey():
                return True
            case Admit(rank=rank):
                return rank > speaker.rank
            case Close(admission):
                return self._junior(speaker, admission)
            case Grant(admission) | Located(admission):
                return self._reaches(speaker, admission)
            case Ungrant(name):
                given = self._held(speaker, name)
                return given is not None and isinstance(given.body, Grant) and self._may(speaker, given.body)
            case Forget():
                return speaker.rank <= RANK_FORGET_LAST
        return False

    def _reaches(self, speaker: _Speaker, subject: Digest) -> bool:
        return subject == speaker.digest or self._junior(speaker, subject)

    def _junior(self, speaker: _Speaker, subject: Digest) -> bool:
        found = admitted(self._held(speaker, subject))
        return found is not None and found.rank > speaker.rank

    def _held(self, speaker: _Speaker, name: Digest) -> Statement | None:
        """A statement that is spoken of. While it is not held, what the speaker says hangs on it."""
        found = self.statements.get(name)
        if found is None:
            self._awaited[name].add(speaker.digest)
        return found
