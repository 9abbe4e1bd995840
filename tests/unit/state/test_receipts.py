"""Receipts of work: kept as they were filed, with what the machine saw beside it; drafts are no receipts."""

from __future__ import annotations

import json
from functools import partial

import pytest

from mesh.errors import Malformed, Misuse, TooLarge
from mesh.events.kinds import Value
from mesh.names import DocumentId
from mesh.state import claims, receipts, records
from mesh.state.claims import COMMIT, FILE, RUN, Claim, Trace
from mesh.state.documents import Document
from mesh.state.edits import Put
from mesh.state.receipts import FILED, UNREPORTED, Work
from mesh.state.records import Record
from mesh.state.shapes import gate
from tests.unit.state.writers import ADMISSION, actor

ABOUT: dict[str, Value] = {"session": "home/session/s", "agent": "claude", "device": "d", "at": 7}
TRACES = (
    Trace("1", FILE, 1, path="/p/src/app.py", digest="d1"),
    Trace("2", FILE, 2, path="/p/src/left_out.py", digest="d2"),
    Trace("3", RUN, 3, command="pytest -q", exit=1),
    Trace("4", RUN, 4, command="pytest -q", exit=0),
    Trace("5", COMMIT, 5, commit="abc1234" + "0" * 33),
)


def filed(work: Work, state: str = FILED, name: int = 1) -> Record:
    """A receipt as lists show it."""
    born = records.birth(receipts.KIND, receipts.registers(work, state), salt=bytes(16))
    return records.view(DocumentId("home", receipts.KIND, bytes([name]) * 16), born)


def test_a_receipt_reads_as_it_was_filed() -> None:
    """All of it, through the birth's check."""
    proof = claims.weighed("tests pass", {"command": "pytest -q"}, TRACES, claims.Facts())
    changed = receipts.changed_of(["src/app.py", "abc1234", {"kind": "service", "ref": "nginx"}], TRACES)
    work = Work("Built  it", "for peace", changed, [proof, Claim("fast", "asserted")], ["docs"], ["git revert"], ABOUT)
    record = filed(work)
    assert record.word("title") == "Built it"
    assert receipts.counts(record) == {"verified": 1, "inferred": 0, "asserted": 1}
    assert receipts.claims_of(record)[0] == proof
    assert record.listed("not-done") == ("docs",)
    assert record.maps("changed") == (
        {"kind": "file", "ref": "src/app.py", "seen": True, "digest": "d1"},
        {"kind": "commit", "ref": "abc1234"},
        {"kind": "service", "ref": "nginx"},
        {"kind": "file", "ref": "/p/src/left_out.py", "seen": True, "by": "machine", "digest": "d2"},
    )


def test_nobody_rewrites_a_receipt() -> None:
    """The gate of every device refuses a change of what was filed, and takes a dispute beside it."""
    work = Work("Built it", claims=[Claim("fast", "asserted")], about=ABOUT)
    born = records.birth(receipts.KIND, receipts.registers(work), salt=bytes(16))
    document = Document.born(DocumentId("home", receipts.KIND, bytes(16)), born)
    gated = partial(gate, admission=ADMISSION, kind=receipts.KIND, body=document.body)
    for key in ("claims", "title", "state", "changed", "at", "device"):
        change = document.edit(actor(1), (Put(key, 9 if key == "at" else "x"),))
        with pytest.raises(Malformed, match="once and for ever"):
            gated(change)
    dispute = records.said({"claim": 0, "words": "no"})
    gated(document.edit(actor(1), (Put(f"{receipts.DISPUTE}ab", dispute),)))


def test_a_draft_says_what_the_machine_saw() -> None:
    """Files, commits, and how the commands ended the last time; nothing without a change."""
    work = receipts.draft(TRACES, ABOUT)
    assert work is not None
    assert work.summary == "Unreported: 2 files changed and 1 commit (app.py, left_out.py)"
    assert [(claim.text, claim.status) for claim in work.claims] == [("`pytest -q` ended with 0", "verified")]
    assert all(one["by"] == "machine" for one in work.changed)
    assert receipts.draft([trace for trace in TRACES if trace.kind == RUN], ABOUT) is None


def test_what_is_unreported() -> None:
    """A draft, until a receipt names it, or a later one of its session stands."""
    work = receipts.draft(TRACES, ABOUT)
    assert work is not None
    draft = filed(work, UNREPORTED, 1)
    other = filed(Work("other", about={**ABOUT, "session": "x", "at": 99}), FILED, 2)
    early = filed(Work("early", about={**ABOUT, "at": 6}), FILED, 3)
    later = filed(Work("later", about={**ABOUT, "at": 8}), FILED, 4)
    names = filed(Work("names", about={"replaces": str(draft.document), "at": 1}), FILED, 5)
    assert receipts.unreported([draft, other, early]) == [draft]
    assert receipts.unreported([draft, later]) == []
    assert receipts.unreported([draft, names]) == []


def test_a_foreign_receipt_is_read_with_care() -> None:
    """Whoever wrote it: a status that nobody knows is asserted, what is no claim is none."""
    odd = [{"text": "x", "status": "proven"}, "y", {"text": "z", "status": "verified", "evidence": 7}]
    record = Record(DocumentId("home", "receipt", bytes(16)), {"claims": json.dumps(odd)}, "")
    assert [(claim.text, claim.status) for claim in receipts.claims_of(record)] == [
        ("x", "asserted"),
        ("z", "verified"),
    ]


@pytest.mark.parametrize(
    "work",
    [
        Work(""),
        Work("x", claims=[Claim("c", "asserted")] * 33),
        Work("x", not_done=["n"] * 65),
        Work("x", changed=[{"kind": "file", "ref": "f"}] * 201),
    ],
)
def test_bounds(work: Work) -> None:
    """Too much, or nothing."""
    with pytest.raises(Misuse):
        receipts.registers(work)


def test_more_bounds() -> None:
    """What the machine adds never makes a receipt too large; what the author says may."""
    many = [Trace(str(n), FILE, n, path=f"/p/{n}.py") for n in range(500)]
    assert len(receipts.changed_of(["a.py"], many)) == 200
    with pytest.raises(TooLarge):
        receipts.registers(Work("x", not_done=["n" * 1000] * 60))
    for odd in ("", 7, {"kind": "moon", "ref": "x"}, {"kind": "file"}):
        with pytest.raises(Misuse):
            receipts.changed_of([odd], ())
