"""Authority: what counts of the statements held, as a pure function of their set.

One pass by ascending rank. A statement reaches only strictly higher numbers, so when the pass comes to a rank, all
that can be said about it has been said: no cycles, no ties, one solution. Data events never influence it, and no clock
and no order of arrival does (PROTOCOL, "Authority").
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable

from mesh.clocks.lamport import Stamp
from mesh.events.event import Lane
from mesh.events.kinds import (
    Admit,
    Adopt,
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


class Judgement:
    """The statements held, and what counts of them now: at every moment the same as judging all of them anew.

    A statement that only adds is taken in at once; one that can take something away, or that others spoke of before
    it was held, has everything judged again.
    """

    def __init__(self, mesh: Digest) -> None:
        """Start with no statement."""
        self.mesh = mesh
        self.statements: dict[Digest, Statement] = {}
        self.verdict = Verdict()
        self._speeches: defaultdict[Digest, list[Statement]] = defaultdict(list)
        self._named: set[Digest] = set()  # statements that others speak of and that are not held
        self._heard: set[tuple[Digest, Digest]] = set()  # (speaker, statement) that was said in this pass

    def add(self, control: Iterable[Statement]) -> bool:
        """Take statements in. Returns whether what counts has changed; `verdict` may be another object then."""
        fresh = [s for s in {s.digest: s for s in control}.values() if s.digest not in self.statements]
        for statement in fresh:
            self.statements[statement.digest] = statement
            self._speeches[statement.admission].append(statement)
        if not all(self._adds(statement) for statement in fresh):
            return self._anew()
        changed = False
        for statement in fresh:
            changed |= self._taken(statement)
        return changed

    # ── step by step ─────────────────────────────────────────────────────────────────────────────

    def _adds(self, statement: Statement) -> bool:
        """Whether a statement that is new here can only add to the verdict, or says nothing."""
        digest = statement.digest
        if digest == self.mesh or digest in self._named or digest in self.verdict.adopted:
            return False
        cuts = self.verdict.closes.get(statement.admission, ())
        if any(m.chain == statement.stamp.chain and m.head.seq >= statement.seq for c in cuts for m in c.marks):
            return False  # it may be under a mark that was not held before
        if statement.admission not in self.verdict.admissions or cuts:
            return True  # it says nothing
        match statement.body:
            case Close():
                return False
            case Adopt(events):
                return not any(name in self.statements for name in events)
            case Admit():
                return digest not in self._speeches  # nothing it says was held before it
        return True

    def _taken(self, statement: Statement) -> bool:
        speaker = self.verdict.admissions.get(statement.admission)
        if speaker is None or statement.admission in self.verdict.closes:
            return False
        return self._say(speaker, statement)

    # ── anew ─────────────────────────────────────────────────────────────────────────────────────

    def _anew(self) -> bool:
        before, self.verdict = self.verdict, Verdict()
        self._named, self._heard = set(), set()
        founder = admitted(self.statements.get(self.mesh))
        if founder:
            self.verdict.admissions[self.mesh] = founder
        for rank in range(RANK_RECOVERY, RANK_ADMIN_LAST + 1):
            for speaker in [found for found in self.verdict.admissions.values() if found.rank == rank]:
                cuts = [under(cut.marks, self.statements) for cut in self.verdict.closes.get(speaker.digest, ())]
                for statement in self._speeches.get(speaker.digest, ()):
                    if all(statement.digest in cut for cut in cuts):
                        self._say(speaker, statement)
        return self.verdict != before

    def _say(self, speaker: Admission, statement: Statement) -> bool:
        """Let a statement count as said by this speaker, with all that it adopts. Returns whether that adds anything.

        A loop and no recursion: adoptions of adoptions may be as deep as somebody likes to make them.
        """
        todo, changed = [statement], False
        while todo:
            one = todo.pop()
            if (speaker.digest, one.digest) in self._heard:
                continue
            self._heard.add((speaker.digest, one.digest))
            if isinstance(one.body, Adopt):
                self.verdict.said.add(one.digest)
                changed = True
                todo += [self.statements[name] for name in one.body.events if name in self.statements]
                for name in one.body.events:
                    if name not in self.statements:
                        self.verdict.adopted[name] = min(speaker.rank, self.verdict.adopted.get(name, speaker.rank))
            else:
                changed |= self._count(speaker, one)
        return changed

    def _count(self, speaker: Admission, statement: Statement) -> bool:
        verdict, digest = self.verdict, statement.digest
        match statement.body:
            case Genesis() | Opening():
                pass
            case Admit(rank=rank) if rank > speaker.rank:
                found = admitted(statement)
                assert found is not None, statement
                verdict.admissions[digest] = found
            case Close(admission, marks) if self._junior(speaker, admission):
                verdict.closes.setdefault(admission, set()).add(Cut(speaker.rank, digest, marks))
            case Grant() as grant if self._reaches(speaker, grant.admission):
                verdict.grants[grant_name(digest)] = grant
            case Ungrant(name, marks) if (given := self._grant(name)) and self._reaches(speaker, given.admission):
                verdict.ungrants.setdefault(grant_name(name), set()).add(Cut(speaker.rank, digest, marks))
            case Forget(document) if speaker.rank <= RANK_FORGET_LAST:
                verdict.forgotten.add(document)
            case Rekey() as rekey:
                verdict.rekeys[digest] = (statement.stamp, rekey)
            case Located() as located if self._reaches(speaker, located.admission):
                return self._locate(statement, located)
            case None:
                return self._not_read(statement)
            case _:
                return False  # void: out of the speaker's reach
        verdict.said.add(digest)
        return True

    def _locate(self, statement: Statement, located: Located) -> bool:
        """Take a word about where a device is. Devices that do not read it yet must come to the same digest."""
        word = (statement.stamp, statement.digest, located)
        before = self.verdict.located.get(located.admission)
        self.verdict.located[located.admission] = max(word, before or word, key=_newest)
        return self.verdict.located[located.admission] != before

    def _not_read(self, statement: Statement) -> bool:
        """A malformed statement, or one for a later version to read."""
        if not statement.kind or known(Lane.CONTROL, statement.kind):
            return False
        self.verdict.unknown.add(statement.digest)
        return True

    def _junior(self, speaker: Admission, subject: Digest) -> bool:
        target = admitted(self.statements.get(subject))
        if target is None:
            self._named.add(subject)
        return target is not None and target.rank > speaker.rank

    def _reaches(self, speaker: Admission, subject: Digest) -> bool:
        return subject == speaker.digest or self._junior(speaker, subject)

    def _grant(self, name: Digest) -> Grant | None:
        given = self.statements.get(name)
        if given is None:
            self._named.add(name)
        return given.body if given and isinstance(given.body, Grant) else None


def _newest(word: tuple[Stamp, Digest, Located]) -> tuple[Stamp, Digest]:
    return word[:2]
