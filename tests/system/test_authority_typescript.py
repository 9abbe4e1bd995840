"""Authority in the phone's TypeScript: what counts of the worst logs that admins could leave, and what events weigh."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from random import Random
from typing import Any

import pytest

from mesh.clocks.chain import Head
from mesh.clocks.lamport import Stamp
from mesh.events.bodies import encode_body
from mesh.events.event import CLEAR, Event, Header, Inner, Lane, Placed
from mesh.events.judge import Judgement
from mesh.events.kinds import Adopt, Body, Close, Grant, Mark, Ungrant, kind_of
from mesh.events.verdict import Cut, Statement, Verdict
from mesh.events.weigh import weigh
from mesh.names import ZERO, Digest, DocumentId, Short, short
from tests.system import typescript
from tests.system.browsers import Asked
from tests.unit.any_statements import MESH, any_statements
from tests.unit.household import NOTE
from tests.unit.lineage import Log

pytestmark = [pytest.mark.system, *typescript.NEEDS]

LOGS = 300
NOTES = (NOTE, *(DocumentId("home", "note", bytes([n]) * 16) for n in range(1, 5)))  # the first is often forgotten


@dataclass(frozen=True)
class Written:
    """A data event, in place, and its inner header."""

    placed: Placed
    inner: Inner


def granted(rng: Random, log: Sequence[Statement]) -> list[Statement]:
    """A grant by the recovery key for each whom somebody let in."""
    people = [one.digest for one in log if one.kind == "admit"]
    return [following(rng, log[0], Grant(name, "", "*", ("*",), ("*",))) for name in people]


def following(rng: Random, parent: Statement, body: Body) -> Statement:
    """A statement that stands on another one."""
    stamp = Stamp(parent.stamp.lamport + 1, parent.stamp.chain)
    name = Digest(rng.randbytes(32))
    return Statement(name, parent.admission, stamp, kind_of(body), body, parent.seq + 1, parent.digest)


def written(rng: Random, log: Sequence[Statement]) -> list[Written]:
    """Data chains of some who were let in or say they were; some of them fork."""
    people = [one.digest for one in log if one.kind == "admit"] or [MESH]
    grants = [short(one.digest) for one in log if isinstance(one.body, Grant)] or [Short(bytes(16))]
    found: list[Written] = []
    for _ in range(4):
        admission, chain = rng.choice(people), Digest(rng.randbytes(32))
        own = [short(s.digest) for s in log if isinstance(s.body, Grant) and s.body.admission == admission]
        line: list[Placed] = []
        for _ in range(5):
            parent = rng.choice(line[-2:]) if line else None
            digest = Digest(rng.randbytes(32)) if parent else chain
            seq, after = (parent.seq + 1, parent.digest) if parent else (1, ZERO)
            header = Header(1, CLEAR, ZERO, 0, b"")
            line.append(Placed(chain, admission, Lane.DATA, seq, after, digest, header, Event(b"", None)))
            kind = rng.choice(("born", "changed", "settled", "born", "changed", "opening", "poem"))
            grant = rng.choice(own if own and rng.random() < 0.8 else grants)
            found.append(Written(line[-1], Inner(0, kind, rng.choice(("", "", "claude")), rng.choice(NOTES), grant)))
    return found


def about(rng: Random, log: Sequence[Statement], data: Sequence[Written]) -> list[Statement]:
    """Ends and adoptions that speak of the data."""
    grants = [one.digest for one in log if isinstance(one.body, Grant)] or [MESH]
    said: list[Statement] = []
    for _ in range(rng.randrange(6)):
        some = rng.sample(data, 3)
        marks = {Mark(one.placed.chain, one.placed.head) for one in some}
        if rng.random() < 0.8:  # a place that nobody holds
            marks.add(Mark(some[0].placed.chain, Head(rng.randint(2, 9), Digest(rng.randbytes(32)))))
        body: Body = rng.choice(
            (
                Close(some[0].placed.admission, tuple(sorted(marks))),
                Ungrant(rng.choice(grants), tuple(sorted(marks))),
                Adopt(tuple(sorted(one.placed.digest for one in some))),
            )
        )
        spoken = [one for one in log if one.admission == MESH] if rng.random() < 0.7 else log
        said.append(following(rng, rng.choice(spoken), body))
    return said


def fairly_closed(rng: Random, log: Sequence[Statement]) -> list[Statement]:
    """Closes by the recovery key that leave each what it said until somewhere in its own chains."""
    said: list[Statement] = []
    for one in log:
        own = [each for each in log if each.admission == one.digest and each.admission != MESH]
        if own and rng.random() < 0.5:
            places = {Mark(each.stamp.chain, Head(each.seq, each.digest)) for each in rng.sample(own, min(2, len(own)))}
            said.append(following(rng, log[0], Close(one.digest, tuple(sorted(places)))))
    return said


def as_question(one: Statement) -> dict[str, Any]:
    """A statement in JSON."""
    names = {"digest": one.digest.hex(), "admission": one.admission.hex(), "parent": one.parent.hex()}
    stamp = {"lamport": one.stamp.lamport, "chain": one.stamp.chain.hex()}
    return {**names, **stamp, "kind": one.kind, "seq": one.seq, "body": one.body and encode_body(one.body).hex()}


def ends(cuts: Mapping[Any, set[Cut]]) -> dict[str, list[list[object]]]:
    """Ends in JSON."""
    return {name.hex(): [[cut.rank, cut.by.hex()] for cut in sorted(found)] for name, found in cuts.items()}


def told(verdict: Verdict) -> dict[str, Any]:
    """A verdict as web/tests/questions.ts tells it."""
    return {
        "digest": verdict.digest().hex(),
        "said": sorted(name.hex() for name in verdict.said),
        "unknown": sorted(name.hex() for name in verdict.unknown),
        "admissions": {name.hex(): found.rank for name, found in verdict.admissions.items()},
        "closes": ends(verdict.closes),
        "grants": sorted(name.hex() for name in verdict.grants),
        "ungrants": ends(verdict.ungrants),
        "adopted": {name.hex(): rank for name, rank in verdict.adopted.items()},
        "forgotten": sorted(map(str, verdict.forgotten)),
        "located": {name.hex(): word[1].hex() for name, word in verdict.located.items()},
        "epochs": [name.hex() for name in verdict.epochs()],
    }


def test_any_log_is_judged_and_weighed_as_in_python(asked: Asked) -> None:
    """After each of a few batches in any order the same counts and says whether it changed; data weigh the same."""
    seen, closed = [0, 0, 0, 0], 0
    for seed in range(LOGS):
        rng = Random(seed)
        log = any_statements(rng, rng.choice((6, 10, 25, 50)))
        if seed % 2:  # so that fewer ends hide what the others do
            log = [one for one in log if not isinstance(one.body, Close | Ungrant)]
            log += fairly_closed(rng, log)
        log += granted(rng, log)
        data = written(rng, log)
        log += about(rng, log, data)
        rng.shuffle(log)
        held = [one for one in data if rng.random() < 0.7]
        batches = [log[place : place + 7] for place in range(0, len(log), 7)]
        judgement, expected = Judgement(MESH), []
        for batch in batches:
            changed = judgement.add(batch)
            expected.append({"changed": changed, **told(judgement.verdict)})
        lineage = Log(one.placed for one in held)
        weights = [weigh(judgement.verdict, one.placed, one.inner, lineage) for one in held]
        given = {
            "batches": [[as_question(one) for one in batch] for batch in batches],
            "data": [
                {
                    **{name: getattr(one.placed, name).hex() for name in ("digest", "admission", "chain", "parent")},
                    "seq": one.placed.seq,
                    "inner": one.inner.encode().hex(),
                }
                for one in held
            ],
        }
        found = asked("judge", mesh=MESH.hex(), **given)
        assert found["counted"] == expected, seed
        assert found["weights"] == [[int(weight.standing), weight.by.hex()] for weight in weights], seed
        closed += len(judgement.verdict.closes)
        for weight in weights:
            seen[weight.standing] += 1
    assert min(seen) > 20, seen
    assert closed > LOGS
