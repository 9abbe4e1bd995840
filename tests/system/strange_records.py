"""Records that nobody would write, and all that Python reads of one, in the form of web/tests/recorded.ts."""

from __future__ import annotations

import json
import random
from collections.abc import Callable, Mapping, Sequence
from hashlib import sha256
from typing import Any

from mesh.errors import Malformed, Misuse, Refused
from mesh.events.kinds import Value
from mesh.limits import SEQ_MAX
from mesh.names import DocumentId
from mesh.state import asks, doorways, drops, handoffs, leases, memories, projects, receipts, sessions, tasks
from mesh.state.leases import Claim, Who
from mesh.state.records import Record

NOW = 1_800_000_000_000
DEVICES = ("air", "phone", "studio", "\U0001f331", "\ufeff")  # the last two: half letters sort the other way round
NAMES = ("a" * 16, "b" * 16, "z", "\U0001f331", "\ufeff", "2", "10", "__proto__")
TIMES = (0, 1, 5, NOW - 1, NOW, NOW + 1, NOW + 10**6, SEQ_MAX)
NUMBERS = (
    "1",
    "2",
    "3",
    "2.0",
    "-1",
    "0",
    "1.5",
    "true",
    '"1"',
    "null",
    "1e0",
    "-0.0",
    str(SEQ_MAX),
    str(2**53),
    "1e400",
)
BASE64 = ("QQ==", "QUE=", "QUFB", "QR==", "QUF=", "QUFB====", "QUFBQ", "=", "", "QU B", "QU\nB", "Q===", "Ž", 5)
WORDS = ("", "a", "Žluťoučký", "\U0001f331 kůň", "ß", "İı", "two words", "x\ty", "\u2028", "e\u0301", "\ufeff", "done")


def either(call: Callable[[], Any]) -> dict[str, Any]:
    """What comes of a call: an answer, or whose fault it is, as `Asked.tell` has it."""
    try:
        return {"answer": call()}
    except (Misuse, Refused) as error:
        return {"refused": type(error).__name__}


def document(number: int, kind: str = "task") -> DocumentId:
    """One of many."""
    return DocumentId("home", kind, sha256(str(number).encode()).digest()[:16])


def sent(record: Record) -> dict[str, Any]:
    """A record as web/tests/recorded.ts reads it."""
    return {"document": str(record.document), "registers": dict(record.registers), "text": record.text}


def strange_claim(rng: random.Random) -> str:
    """A claim that no device of ours writes, or nearly one that it does."""
    over = ",".join(f'"{rng.choice(NAMES)}":{rng.choice(NUMBERS)}' for _ in range(rng.choice([0, 1, 2, 20])))
    parts = {
        "number": rng.choice([*"123456", *NUMBERS]),
        "until": rng.choice([*NUMBERS, *map(str, TIMES)]),
        "over": rng.choice([f"{{{over}}}", f"{{{over}}}", "[]", "null"]),
        "device": rng.choice([*(f'"{one}"' for one in DEVICES), "5"]),
        "agent": rng.choice(['""', '"claude"', "null"]),
        "session": rng.choice(['""', '"home/session/x"']),
    }
    kept = [f'"{key}":{value}' for key, value in parts.items() if rng.random() > 0.02]
    rng.shuffle(kept)
    return rng.choice([f"{{{','.join(kept)}}}"] * 8 + ["[]", "nonsense", f"[{','.join(kept)}]"])


def strange(rng: random.Random, number: int) -> Record:
    """A record with registers that anybody may have written."""
    registers: dict[str, Value] = {}
    for name in rng.sample(NAMES, rng.randrange(1, 6)):
        registers[f"claim/{name}"] = strange_claim(rng)
        for device in rng.sample(DEVICES, rng.randrange(3)):
            registers[f"ack/{name}/{device}"] = rng.choice(TIMES)
        if rng.random() < 0.3:
            end = rng.choice(["done", "released", "declined", "eaten", ""])
            registers[f"end/{name}"] = rng.choice(
                [f'{{"end":"{end}","words":"w"}}', f'["{end}"]', f'{{"end":{name!r}}}']
            )
    for device in rng.sample(DEVICES, rng.randrange(3)):
        at = rng.choice([*NUMBERS, *map(str, TIMES)])
        registers[f"answer/{device}"] = rng.choice([f'{{"option":"yes","text":5,"at":{at},"device":"x"}}', "[]", "{}"])
    several: Mapping[str, Sequence[Value]] = {
        "state": [
            "open",
            "blocked",
            "needs_human",
            "dropped",
            "done",
            "pending",
            "noted",
            "approved",
            "rejected",
            "filed",
        ],
        "expires": [*TIMES, -5],
        "taken": ['{"option":"no","text":"","device":"","at":5}', "[]", '{"option":1}'],
        "default": ["no", ""],
        "device": DEVICES,
        "to": ["", "anyone", "human", "agent:claude", "device:phone"],
        "superseded-by": ["", "home/memory/x"],
        "remaining": [json.dumps([str(document(1)), 5, "x"]), "{}", ""],
        "claims": ['[{"status":"verified"},{"status":"sure"},5,{"status":"inferred"}]', ""],
        "goal": ["", *WORDS],
        "title": WORDS,
        "digest": ["a" * 64, "A" * 64, "a" * 64 + "\n"],
        "chunks": ["b" * 64, "", f"{'b' * 64}\n{'c' * 64}", "b" * 63],
        "size": [0, 5, -1, 2**40],
        "needs/" + str(document(2)): ["blocks", "related"],
        "tag/" + rng.choice(WORDS[1:]): [True],
        "dispute/x": ['{"claim":1}', "[]"],
        "checkpoint/" + rng.choice(NAMES): [
            '{"at":5.0,"summary":"s","open":["a",5],"files":"x"}',
            '{"at":5.5,"summary":"s"}',
        ],
        "got/" + rng.choice(DEVICES): [5, 7],
        "root": ["5" * 40],
        "remote/1": ["example.org/me/mesh", "", "example.org/me/mesh/"],
        "path/" + rng.choice(DEVICES): ["/srv/a/", "C:\\b", "/"],
        "first-remote": ["example.org/x"],
        "cert": BASE64,
        "since": [0, 5, True, "5"],
        "key/" + rng.choice(["5" * 64, "f" * 64, "F" * 64, "5" * 63, ""]): BASE64,
    }
    for key, values in several.items():
        if rng.random() < 0.5:
            registers[key] = rng.choice(values)
    return Record(document(number), dict(rng.sample(sorted(registers.items()), len(registers))), rng.choice(WORDS))


def told_claim(claim: Claim) -> dict[str, Any]:
    """A claim as the phone's engine has it."""
    return {
        "name": claim.name, "number": claim.number, "device": claim.device, "agent": claim.agent,
        "session": claim.session, "untilMs": claim.until_ms, "over": [list(pair) for pair in claim.over],
        "end": claim.end, "words": claim.words, "acknowledged": claim.acknowledged,
    }  # fmt: skip


def told_answer(answer: asks.Answer | None) -> dict[str, Any] | None:
    """An answer as the phone's engine has it."""
    if answer is None:
        return None
    return {"option": answer.option, "text": answer.text, "device": answer.device, "atMs": answer.at_ms}


def held(record: Record) -> dict[str, Any]:
    """Who has it, and whose claims do not count."""
    found = leases.holder(record)
    return {
        "holder": found.name if found else None,
        "acknowledged": bool(found and found.acknowledged),
        "free": leases.is_free(record, NOW),
        "lost": sorted(claim.name for device in DEVICES for claim in leases.lost(record, device)),
    }


def told_drop(record: Record) -> object:
    """What file it is."""
    try:
        drop = drops.drop_of(record)
    except Malformed:
        return "Malformed"
    pieces = [one.hex() for one in drop.pieces]
    return {"name": drop.name, "size": drop.size, "pieces": pieces, "got": dict(drop.got)}


def told_doorway(record: Record) -> dict[str, Any] | None:
    """An authority, and whom its key was wrapped for."""
    found = doorways.read(record.document, record.registers, 1)
    if found is None:
        return None
    wraps = {name.hex(): wrap.hex() for name, wrap in found.wraps.items()}
    return {"certificate": found.certificate.hex(), "since_ms": found.since_ms, "wraps": wraps}


def facts(record: Record) -> dict[str, Any]:
    """All that is read of a record, whatever its type."""
    claims, (how, answer) = leases.claims(record), asks.state(record, NOW)
    memory = {"state": memories.state(record, NOW)}
    points = [dict(sessions.told_checkpoint(one)) for one in sessions.checkpoints(record)]
    return {
        "claims": [told_claim(claim) for claim in claims],
        "words": list(record.words()),
        "tags": list(record.tags),
        "project": {"name": projects.Known([record]).name(str(record.document))},
        "session": {"state": record.word("state"), "goal": sessions.goal_of(record), "checkpoints": points},
        "handoff": {"state": handoffs.state(record, NOW), "remaining": [*record.listed("remaining")], **held(record)},
        "task": {"state": tasks.state(record, NOW), "needs": list(tasks.needs(record)), **held(record)},
        "receipt": {
            "state": record.word("state"), "claims": receipts.counts(record), "disputes": {**receipts.disputes(record)},
        },
        "ask": {"state": how, "answer": answer.option if answer else None, "by": answer.device if answer else None},
        "memory": memory,
        "decision": memory,
        "drop": told_drop(record),
        "doorway": told_doorway(record),
        "seen": [found.name if (found := leases.unseen(record, device)) else None for device in DEVICES],
        "instead": [found.name if (found := leases.instead(record, claim)) else None for claim in claims],
        "answers": [told_answer(one) for one in asks.answers(record)],
        "taken": told_answer(asks.taken(record)),
    }  # fmt: skip


def who(rng: random.Random) -> Who:
    """Somebody."""
    return Who(rng.choice(DEVICES), rng.choice(["", "claude"]), rng.choice(["", "s"]))


def named(one: Who) -> dict[str, str]:
    """Somebody, as the phone's engine has it."""
    return {"device": one.device, "agent": one.agent, "session": one.session}
