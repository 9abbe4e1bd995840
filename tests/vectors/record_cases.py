"""Makes the vectors for records: `python -m tests.vectors.record_cases` writes them, a test holds the files to it.

Each is a document of a type as its own module bears it, changes of several writers, and what a device makes of all of
them: its registers and its text as they show, their digest, and what that means at a given time. Beside these stand
single changes that the gate refuses, since they would say anew what was said once and for ever.
"""

import json
from collections.abc import Callable, Iterator, Mapping
from hashlib import sha256
from pathlib import Path

from mesh.events.bodies import document_of, encode_body
from mesh.events.kinds import Value
from mesh.limits import SALT_BYTES
from mesh.names import Digest, DocumentId, device_text
from mesh.state import (
    asks,
    claims,
    doorways,
    drops,
    handoffs,
    leases,
    memories,
    projects,
    receipts,
    records,
    sessions,
    tasks,
)
from mesh.state.catalogue import SHAPES
from mesh.state.documents import Document
from mesh.state.edits import Edit, Put
from mesh.state.encoding import encode
from mesh.state.leases import Who
from mesh.state.operations import Action, Change, Operation
from mesh.state.records import PROJECT, STATE, TITLE, Record
from mesh.state.view_digest import content_of
from tests.vectors.mask_cases import WRITERS, Case, mask_case
from tests.vectors.shape_cases import ACTOR, ADMISSION, BODY, LETTER, TIP, put

FOLDER = Path(__file__).resolve().parent / "records"
NOW_MS = 1_800_000_000_000
HOUR_MS = 3_600_000
SALT = bytes(range(SALT_BYTES))
NEXT: tuple[Edit, ...] = (Put("tag/next", value=True), Put("deleted", value=True))
AIR, PHONE, STUDIO = (device_text(bytes([number]) * 32) for number in (1, 2, 3))
CLAUDE, GEMINI = Who(AIR, "claude"), Who(PHONE, "gemini")

Registers = Mapping[str, Value]


class Told:
    """A record, and changes of it by the writer that each one's name begins with; `on`: what that one had seen."""

    def __init__(self, kind: str, registers: Registers, text: str = "", salt: bytes = SALT) -> None:
        """Born so."""
        self.born = records.birth(kind, registers, text, salt)
        self.document = document_of("home", kind, self.born)
        self.changes: dict[str, Change] = {}

    def seen(self, on: str | None = None) -> Document:
        """The document as one knows it who saw these changes; by default all of them."""
        changes = [self.changes[one] for one in (self.changes if on is None else on.split())]
        return Document.fold(self.document, self.born, [(sha256(one.raw).digest(), one) for one in changes])

    def record(self, on: str | None = None) -> Record:
        """The same, as a record."""
        seen = self.seen(on)
        return records.view_of(seen, seen.conflicts())

    def write(self, name: str, registers: Registers, text: str | None = None, on: str | None = None) -> None:
        """Make these registers so, and the text."""
        seen = self.seen(on)
        self.changes[name] = seen.edit(WRITERS[name[0]], records.edits(seen, registers, text))

    def case(self) -> Case:
        """The vector: a document as in `masks`, with what is shown of it and what that means."""
        record = self.record()
        return {
            **mask_case(self.document, self.born, self.changes.values(), frozenset(), NEXT),
            "born": encode_body(self.born).hex(),
            "now_ms": NOW_MS,
            "shown": {"registers": dict(record.registers), "text": record.text, "conflicts": list(record.conflicts)},
            "content": content_of(record).hex(),
            "means": MEANS[record.kind](record),
        }


# ---------------------------------------------------------------- what records mean


def _held(record: Record) -> Case:
    """Who has it, whether somebody may claim it now, and whose claims do not count."""
    held = leases.holder(record)
    lost = (claim.name for device in (AIR, PHONE, STUDIO) for claim in leases.lost(record, device))
    return {
        "holder": held.name if held else None,
        "acknowledged": bool(held and held.acknowledged),
        "free": leases.is_free(record, NOW_MS),
        "lost": sorted(lost),
    }


def _handoff(record: Record) -> Case:
    return {"state": handoffs.state(record, NOW_MS), "remaining": list(record.listed("remaining")), **_held(record)}


def _task(record: Record) -> Case:
    return {"state": tasks.state(record, NOW_MS), "needs": list(tasks.needs(record)), **_held(record)}


def _session(record: Record) -> Case:
    points = [dict(sessions.told_checkpoint(one)) for one in sessions.checkpoints(record)]
    return {"state": record.word(STATE), "goal": sessions.goal_of(record), "checkpoints": points}


def _receipt(record: Record) -> Case:
    disputes = {name: dict(one) for name, one in receipts.disputes(record).items()}
    return {"state": record.word(STATE), "claims": receipts.counts(record), "disputes": disputes}


def _ask(record: Record) -> Case:
    state, answer = asks.state(record, NOW_MS)
    return {"state": state, "answer": answer.option if answer else None, "by": answer.device if answer else None}


def _memory(record: Record) -> Case:
    return {"state": memories.state(record, NOW_MS)}


def _drop(record: Record) -> Case:
    drop = drops.drop_of(record)
    return {"name": drop.name, "size": drop.size, "pieces": [one.hex() for one in drop.pieces], "got": dict(drop.got)}


def _project(record: Record) -> Case:
    known = projects.Known([record])
    return {"name": known.name(str(record.document))}


def _doorway(record: Record) -> Case:
    found = doorways.read(record.document, record.registers, 1)
    assert found is not None
    wraps = {name.hex(): wrap.hex() for name, wrap in found.wraps.items()}
    return {"certificate": found.certificate.hex(), "since_ms": found.since_ms, "wraps": wraps}


MEANS: Mapping[str, Callable[[Record], Case]] = {
    "project": _project, "session": _session, "handoff": _handoff, "task": _task, "receipt": _receipt,
    "memory": _memory, "decision": _memory, "ask": _ask, "drop": _drop,
    "doorway": _doorway,
}  # fmt: skip


# ---------------------------------------------------------------- documents


def documents() -> Iterator[tuple[str, Case]]:
    """Every case by its name."""
    yield from _plain()
    yield from _handoffs()
    yield from _tasks()
    yield from _asks()
    yield from _memories()


def _plain() -> Iterator[tuple[str, Case]]:
    project = Told("project", {projects.ROOT: "5" * 40}, salt=b"")
    project.write("a1", {TITLE: "mesh", projects.REMOTE + "1": "example.org/me/mesh"})
    project.write("b1", {projects.PATH + AIR: "/srv/mesh"}, on="")
    yield "valid_project", project.case()
    session = Told("session", sessions.registers_of_birth("claude", "0b7c", AIR), salt=b"")
    session.write(
        "a1", {"goal": "tests green", "agent": "claude", **sessions.state_registers(session.record(), "working", 5)}
    )
    session.write("a2", sessions.checkpoint_registers(session.record(), 7, "half of it", ["the rest"], ["a.py"]))
    session.write("a3", sessions.state_registers(session.record(), "rate_limited", 9, NOW_MS))
    yield "valid_session", session.case()
    facts = claims.Facts(commits={"abcdef1": "abcdef1" + "0" * 33})
    found = [claims.weighed(words, {"commit": words[-7:]}, (), facts) for words in ("in abcdef1", "in 1234567")]
    work = receipts.Work("Žluťoučký 🌱", "asked", [{"kind": "file", "ref": "a.py"}], found, ["docs"], about={"at": 5})
    receipt = Told("receipt", receipts.registers(work))
    receipt.write("a1", {receipts.DISPUTE + "0a": records.said({"claim": 1, "words": "no such commit"})})
    yield "valid_receipt", receipt.case()
    parts = [drops.Chunk.of(b"a piece of the list").digest]
    drop = Told("drop", drops.registers(
        name="a.pdf", size=70, digest=sha256(b"a.pdf").digest(), pieces=parts, sender=AIR, to="", at_ms=5,
        mime="application/pdf",
    ))  # fmt: skip
    drop.write("b1", {drops.GOT + PHONE: 9})
    yield "valid_drop", drop.case()
    first, second = (Digest(bytes([number]) * 32) for number in (1, 2))
    wraps = {first: b"wrapped for the first", second: b"wrapped for the second"}
    more = {doorways.KEY + "nobody": "AAAA", doorways.key_of(first)[:-1]: "AAAA"}
    door = Told("doorway", {**doorways.registers_of_birth(b"a certificate", 5, wraps), **more})
    door.write("a1", {TITLE: "the page", "deleted": True})
    yield "valid_doorway", door.case()


def _handoff_told(expires_ms: int = 0) -> Told:
    draft = handoffs.Draft(
        "make the tests green", done=["two of three"], verify=[{"cmd": "make check"}], context="é\n🌱",
        expires_ms=expires_ms,
    )  # fmt: skip
    return Told("handoff", handoffs.registers(draft, Who(STUDIO, "claude"), [str(_named("task"))], 5))


def _handoffs() -> Iterator[tuple[str, Case]]:
    one = _handoff_told()
    yield "valid_handoff", one.case()
    one.write("a1", leases.claimed(one.record(), "a" * 16, CLAUDE, NOW_MS + HOUR_MS))
    yield "valid_handoff_claimed", one.case()
    one.write("b1", leases.claimed(one.record(""), "b" * 16, GEMINI, NOW_MS + HOUR_MS), on="")
    yield "valid_handoff_claimed_by_two", one.case()
    held = leases.holder(one.record("b1"))
    assert held is not None
    one.write("c1", leases.seen(held, STUDIO, 7), on="b1")
    yield "valid_handoff_of_two_claims_one_was_seen", one.case()
    held = leases.holder(one.record("a1"))
    assert held is not None
    one.write("a2", leases.ended(held, leases.DONE, "it is"), on="a1")
    yield "valid_handoff_done_beats_seen", one.case()
    over = _handoff_told()
    over.write("a1", leases.claimed(over.record(), "a" * 16, CLAUDE, NOW_MS - HOUR_MS))
    yield "valid_handoff_whose_lease_is_over", over.case()
    over.write("b1", leases.claimed(over.record(), "b" * 16, GEMINI, NOW_MS + HOUR_MS))
    yield "valid_handoff_passed_over", over.case()
    held = leases.holder(over.record("a1"))
    assert held is not None
    over.write("a2", leases.renewed(held, NOW_MS + HOUR_MS), on="a1")
    yield "valid_handoff_renewed_while_passed_over", over.case()
    late = _handoff_told(expires_ms=NOW_MS - 1)
    yield "valid_handoff_expired", late.case()
    late.write("b1", leases.claimed(late.record(), "b" * 16, GEMINI, NOW_MS + HOUR_MS))
    yield "valid_handoff_claimed_after_it_expired", late.case()
    no = _handoff_told()
    no.write("b1", leases.closed(no.record(), "b" * 16, GEMINI, leases.DECLINED, "not mine"))
    yield "valid_handoff_declined", no.case()


def _tasks() -> Iterator[tuple[str, Case]]:
    one = Told("task", tasks.registers(tasks.Draft("rotate the keys", needs=[str(_named("task"))])), "in words")
    yield "valid_task", one.case()
    one.write("a1", {"priority": 0, TITLE: "rotate all keys"}, "in other words")
    one.write("b1", {"priority": 4}, on="")
    yield "valid_task_with_two_priorities", one.case()
    one.write("b2", tasks.set_state(one.record(), tasks.BLOCKED, "no network"))
    yield "valid_task_blocked", one.case()
    ending = leases.closed(one.record(), "c" * 16, GEMINI, leases.DONE, "done")
    one.write("c1", tasks.finished(one.record(), ending, "", "all rotated"))
    yield "valid_task_done", one.case()


def _asks() -> Iterator[tuple[str, Case]]:
    about: Registers = {"device": AIR, "at": 5, "expires": NOW_MS - 1}
    one = Told("ask", asks.registers(asks.Question("delete the old key?", ["yes", "no"], "no", about=about)))
    yield "valid_ask_over", one.case()
    one.write("b1", asks.answering(one.record(), PHONE, "1", "", 7))
    one.write("c1", asks.answering(one.record(""), STUDIO, "no", "", 6), on="")
    yield "valid_ask_answered_twice", one.case()
    one.write("a1", asks.taking(one.record("b1"), AIR, 8), on="b1")
    yield "valid_ask_taken", one.case()


def _memories() -> Iterator[tuple[str, Case]]:
    said = memories.Said("we use tabs", "preference", memories.PROJECT, "claude", about={"at": 5, PROJECT: "p"})
    one = Told("memory", memories.registers(said))
    yield "valid_memory", one.case()
    one.write("a1", memories.approved(one.record()))
    one.write("b1", memories.rejected(one.record("")), on="")
    yield "valid_memory_approved_and_rejected", one.case()
    old = Told("decision", memories.registers(memories.Said("NATS carries it", "decision", about={"expires": 9})))
    yield "valid_decision_expired", old.case()
    old.write("a1", memories.superseding(old.record(), str(_named("decision"))))
    yield "valid_decision_superseded", old.case()


def _named(kind: str) -> DocumentId:
    return DocumentId("home", kind, sha256(kind.encode()).digest()[:16])


# ---------------------------------------------------------------- what is refused


def refused() -> Iterator[tuple[str, Case]]:
    """For each register that only a birth writes, the change that writes it anew, and the one that takes it away."""
    for kind, shape in SHAPES.items():
        for key in sorted(key for key, rule in shape.registers.items() if rule.fixed):
            value: Value = 7 if shape.registers[key].types == (int,) else "anew"
            yield f"{kind}_{key}_anew", _refused(kind, put(key, value, LETTER))
            yield f"{kind}_{key}_gone", _refused(kind, Operation(Action.DELETE, None, key, before=(LETTER,)))


def _refused(kind: str, operation: Operation) -> Case:
    change = encode([TIP], ACTOR, 1, 5, [operation])
    body = [BODY.counter, BODY.actor.hex()]
    return {"type": kind, "admission": ADMISSION.hex(), "body": body, "change": change.raw.hex()}


def files() -> dict[Path, str]:
    """Every file of these vectors, with what stands in it."""
    cases = {**dict(documents()), "refused": dict(refused())}
    return {FOLDER / f"{name}.json": json.dumps(case, indent=1, sort_keys=True) + "\n" for name, case in cases.items()}


if __name__ == "__main__":
    for path, text in files().items():
        path.parent.mkdir(exist_ok=True)
        path.write_text(text, encoding="utf-8")
