"""Answers of an agent, as the tests of the command line use them: one of each, hostile texts included."""

from __future__ import annotations

ESCAPE = "\x1b[31mred\x1b]0;title\x07\u202egnp"
DOCUMENT = "home/note/s426txu6pye2ejgxncrplddvcq"
EVENT = "ab" * 32

SAID = {"document": DOCUMENT, "event": EVENT}
LINE = {
    "document": DOCUMENT,
    "title": "buy seeds",
    "tags": ["garden", "[bold]spring[/bold]"],
    "updated": {"time_ms": 1_762_000_000_000, "device": "7ri5dhxcs7j44tlb"},
    "conflicts": 0,
}
NOTE = {
    **LINE,
    "body": "tomatoes\nand more",
    "path": None,
    "deleted": False,
    "conflicts": [
        {
            "field": "title",
            "values": [
                {"value": "buy seeds", "device": "7ri5dhxcs7j44tlb", "event": EVENT},
                {"value": f"sell {ESCAPE}", "device": "aaaaaaaaaaaaaaaa", "event": EVENT},
            ],
        }
    ],
}
CONFLICT = {
    "id": "3fa9c1d2e4b5a697" * 2,
    "document": DOCUMENT,
    "title": "buy seeds",
    "field": "title",
    "kind": "register",
    "count": 2,
    "since": 1_762_000_000_000,
    "devices": ["laptop", "phone"],
    "values": [
        {
            "value": "buy many seeds",
            "characters": 14,
            "device": "7ri5dhxcs7j44tlb",
            "name": "laptop",
            "agent": "",
            "at": 1_762_000_000_000,
            "event": EVENT,
        },
        {
            "value": f"sell {ESCAPE}",
            "characters": 25,
            "device": "aaaaaaaaaaaaaaaa",
            "name": ESCAPE,
            "agent": "claude",
            "at": 1_762_000_060_000,
            "event": "cd" * 32,
        },
    ],
    "ancestor": "buy seeds",
}
SHOWN = {**CONFLICT, "open": True, "settled_by": [], "context": None, "offset": 0}
HOSTILE = {**NOTE, "title": ESCAPE, "body": f"one {ESCAPE}\ntwo", "tags": [ESCAPE], "path": ESCAPE}
PEER = {
    "device": "aaaaaaaaaaaaaaaa",
    "name": "mac",
    "connected": True,
    "direction": "out",
    "address": "127.0.0.1:4222",
    "last_heard_s": 2.5,
    "round_trip_ms": 1.25,
    "we_lack": 0,
    "they_lack": 1200,
    "same_digest": False,
    "in_sync": False,
    "doing": "events on their way there: 1,200",
    "in_sync_ms": 0,
    "problem": "",
    "hint": "",
}
STATUS = {
    "device": {"id": "7ri5dhxcs7j44tlb", "name": "laptop", "rank": 1},
    "mesh": {"id": "3c" * 32},
    "agent": {"running": True, "pid": 4242, "version": "0.1.0", "uptime_s": 4000.0},
    "server": {"address": "127.0.0.1:4222", "port": 4222, "pid": 4243, "state": "up", "problem": "", "hint": ""},
    "peers": [PEER, {**PEER, "name": ESCAPE, "connected": False, "last_heard_s": None, "round_trip_ms": None}],
    "events": 1234,
    "documents": 1,
    "conflicts": 2,
    "waiting": 3,
    "void": 1,
    "frontier": {"3c" * 32: [[3, EVENT]]},
    "state_digest": "0f" * 32,
    "in_sync": False,
    "problems": [{"what": f"the disk is full {ESCAPE}", "hint": "Free some space on this disk."}],
}
EVENT_LINE = {
    "event": EVENT,
    "device": "7ri5dhxcs7j44tlb",
    "name": "laptop",
    "lane": "data",
    "seq": 3,
    "lamport": 7,
    "kind": "born",
    "document": DOCUMENT,
    "time_ms": 1_762_000_000_000,
    "standing": "honoured",
    "reason": "",
}
LOG = {"events": [EVENT_LINE, {**EVENT_LINE, "kind": ESCAPE, "document": None, "standing": "void", "reason": "cut"}]}

RECEIPT: dict[str, object] = {
    "document": "home/receipt/k5q2mzwizltmrqxgzdgmfzwizl", "summary": ESCAPE, "state": "filed",
    "why": f"since {ESCAPE}", "agent": "claude", "device": "a" * 16, "device_name": ESCAPE,
    "at_ms": 1_800_000_000_000, "session": "home/session/s", "task": "",
    "handoff": "", "replaces": "", "not_done": [ESCAPE], "undo": [ESCAPE],
    "counts": {"verified": 1, "inferred": 1, "asserted": 2},
    "changed": [
        {"kind": "file", "ref": ESCAPE, "seen": True},
        {"kind": "file", "ref": "left_out.py", "seen": True, "by": "machine"},
        {"kind": "commit", "ref": "5f2a9c01"},
    ],
    "claims": [
        {"text": ESCAPE, "status": "verified", "evidence": {"command": ESCAPE, "exit": 0, "at_ms": 1}},
        {"text": "it is fast", "status": "asserted", "evidence": {}},
        {"text": "tests pass", "status": "asserted", "evidence": {"command": "pytest -q", "seen": False}},
        {
            "text": "it builds", "status": "asserted",
            "evidence": {"command": "make", "exit": 2, "against": "it ended with 2"},
        },
    ],
    "disputes": [{"claim": 1, "words": ESCAPE, "by": "", "at_ms": 1}],
}  # fmt: skip
MEMORY: dict[str, object] = {
    "document": "home/memory/k5q2mzwizltmrqxgzdgmfzwizl", "text": ESCAPE, "kind": "fact", "scope": "global",
    "state": "pending", "by": "claude", "created": {"name": ESCAPE, "at": 1_800_000_000_000},
}  # fmt: skip
ASK: dict[str, object] = {
    "document": "home/ask/k5q2mzwizltmrqxgzdgmfzwizl", "question": ESCAPE, "options": [ESCAPE, "deny"],
    "default": "deny",
    "detail": {"command": ESCAPE}, "state": "expired", "outcome": "deny", "answer": None, "agent": "claude",
    "device_name": ESCAPE, "asked_ms": 1_800_000_000_000, "expires_ms": 1_800_000_060_000,
    "too_late": [{"option": ESCAPE, "text": "", "name": ESCAPE}],
}  # fmt: skip
