"""The phone's TypeScript keeps the rules of STYLE.md that a machine can see: heads, sizes, layers, third parties."""

from __future__ import annotations

import re
from itertools import pairwise
from pathlib import Path

import pytest

ENGINE = Path(__file__).resolve().parents[1] / "web" / "engine"
LINES_MAX, SHELL_LINES_MAX = 300, 400
COLUMNS_MAX = 125
LAYERS = {"clocks": 1, "events": 2, "sync": 3, "state": 3, "shell": 4}
"""How high the folders of the engine stand; names, errors and limits lie beneath them all."""

IMPORT = re.compile(r"""(?:from |import\()"([^"]+)\"""")
ALLOWED = {
    "names.ts": {"@noble/hashes/utils.js"},
    "clocks/chain.ts": {"@noble/hashes/sha2.js"},
    "events/approvals.ts": {"@noble/hashes/sha2.js"},
    "events/bodies.ts": {"@noble/hashes/sha2.js"},
    "events/chains.ts": {"@noble/hashes/sha2.js"},
    "events/hpke.ts": {"@noble/ciphers/aes.js", "@noble/hashes/hkdf.js", "@noble/hashes/sha2.js"},
    "events/keys.ts": {"@noble/ed25519", "@noble/hashes/hkdf.js", "@noble/hashes/sha2.js"},
    "events/seal.ts": {"@noble/ciphers/aes.js", "@noble/hashes/sha2.js"},
    "events/speaking.ts": {"@noble/hashes/sha2.js"},
    "events/verdict.ts": {"@noble/hashes/sha2.js"},
    "state/changes.ts": {"@noble/hashes/sha2.js"},
    "state/digest.ts": {"@noble/hashes/sha2.js"},
    "state/encoding.ts": {"@noble/hashes/sha2.js"},
    "state/engine.ts": {"@automerge/automerge/slim"},
    "state/footprints.ts": {"@noble/hashes/sha2.js"},
    "state/genesis.ts": {"@noble/hashes/sha2.js"},
    "state/view_digest.ts": {"@noble/hashes/sha2.js"},
    "sync/introducing.ts": {"@noble/hashes/sha2.js"},
    "sync/missing.ts": {"@noble/hashes/sha2.js"},
    "sync/offer.ts": {"@noble/hashes/hmac.js", "@noble/hashes/sha2.js"},
    "sync/receipts.ts": {"@noble/hashes/sha2.js"},
    "sync/visiting.ts": {"@noble/hashes/sha2.js"},
}
"""Who imports which third party beneath `shell`."""

EXPORT = re.compile(r"export (async )?(abstract )?(function|class|interface)")
WORLD = re.compile(
    r"\b(Date|Math\.random|crypto|indexedDB|localStorage|fetch|set(Timeout|Interval)|WebSocket|navigator)\b"
)
WAITS = {"events/founding.ts", "events/speaking.ts", "state/engine.ts", "sync/receipts.ts", "sync/visiting.ts"}
"""What waits for signatures, which browsers make in their own time; and, once, for Automerge's machine code."""

FILES = sorted(path.relative_to(ENGINE).as_posix() for path in ENGINE.rglob("*.ts"))
CORE = [name for name in FILES if not name.startswith("shell/")]


def source(name: str) -> str:
    """The text of a file."""
    return (ENGINE / name).read_text("utf-8")


def layer(name: str) -> tuple[int, str]:
    """How high a file stands, and in which folder."""
    folder = name.rpartition("/")[0].partition("/")[0]
    return LAYERS[folder] if folder else 0, folder


def code(name: str) -> str:
    """A file without its comments and texts."""
    bare = re.sub(r"/\*.*?\*/|^\s*//.*?$|\s//\s.*?$", "", source(name), flags=re.DOTALL | re.MULTILINE)
    return re.sub(r'"[^"\n]*"|`[^`]*`', '""', bare)


def test_there_is_an_engine() -> None:
    """What follows is about something."""
    assert len(CORE) > 25


@pytest.mark.parametrize("name", FILES)
def test_a_file_says_what_it_is_and_is_seen_whole(name: str) -> None:
    """It begins with what it is and what it never does, and every export says what it is."""
    lines = source(name).splitlines()
    assert lines[0].startswith("// ")
    head = " ".join(lines[: next(n for n, line in enumerate(lines) if not line.startswith("//"))])
    assert re.search(r"\b(never|no|nothing|not)\b", head, re.IGNORECASE), head
    assert [line for before, line in pairwise(lines) if EXPORT.match(line) and not before.endswith("*/")] == []
    assert len(lines) <= (SHELL_LINES_MAX if name.startswith("shell/") else LINES_MAX)
    assert max(map(len, lines)) <= COLUMNS_MAX


@pytest.mark.parametrize("name", FILES)
def test_imports_point_down(name: str) -> None:
    """No file imports from above, and `sync` and `state` do not know each other."""
    for target in IMPORT.findall(source(name)):
        if target.startswith("."):
            path = (ENGINE / name).parent / target.replace(".js", ".ts")
            below = path.resolve().relative_to(ENGINE).as_posix()
            assert path.is_file(), target
            assert layer(below)[0] < layer(name)[0] or layer(below) == layer(name), target


@pytest.mark.parametrize("name", CORE)
def test_the_core_touches_nothing_and_waits_for_signatures_only(name: str) -> None:
    """No clock, no randomness, no store, no network; third parties where they are allowed."""
    found = {target for target in IMPORT.findall(source(name)) if not target.startswith(".")}
    assert found == ALLOWED.get(name, set())
    assert WORLD.findall(code(name)) == []
    assert bool(re.search(r"\b(async|await|Promise)\b", code(name))) == (name in WAITS)
