"""The log as lines of JSON that anybody can read and check: a file for each device and month, only ever appended to.

A line names an event, what it stands on and the digest of its header; where a device signed, its signature. So the
lines prove themselves, without a secret and without mesh. What they say of the content is this device's reading.
Nothing here opens a body.
"""

from __future__ import annotations

import asyncio
import hashlib
import json
import os
import secrets
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING

from mesh.errors import Refused
from mesh.events.reading import read_inner
from mesh.limits import LEDGER_ROWS_MAX
from mesh.names import device_text, digest_text
from mesh.node.briefs.files import slug
from mesh.node.storage.store_port import Row
from mesh.node.whole import sync

if TYPE_CHECKING:
    from mesh.node.agent import Agent

FOLDER = "ledger"
_STATE = "projection.ledger"
_UNDATED = "undated"
_ID_CHARACTERS = 8
_JSON = json.JSONEncoder(ensure_ascii=False, separators=(",", ":"), sort_keys=True)

README = """# Ledger

One line of JSON for each event that this mesh has kept: a folder for each device, a file for each month (UTC, by the
clock of the device that wrote). Lines are only ever added, in the order in which they came to where this is written.

| key | what it is |
|---|---|
| `chain`, `seq` | which chain of its device the event is in, and its number there, from 1 |
| `event` | its digest, which is its name |
| `before` | the digest of the event that it stands on; 64 zeros for the first |
| `header` | SHA-256 of its header. The header names the SHA-256 of the body |
| `signature` | where the device signed: Ed25519, for this event and all that it stands on |
| `mesh`, `key` | on the first line of a chain: the mesh, and the key that signs the chain |
| `at`, `at_ms`, `device`, `agent`, `kind`, `document`, `summary`, `lane` | what was read in it where this is written |

Bytes are hexadecimal digits; `summary` is the title as it was then. The signature covers the chain, the number and, by
the digests, every header and body up to there. It does not cover the last row of the table, of which the header has the
time, the kind, the agent and the document under its seal. That a key is a device's, the admissions say: take a bundle.

Check everything here: `python3 verify_mesh.py --ledger DIR`, where DIR is this folder; with a bundle behind it (`mesh
export FILE.meshbundle`), also that the keys are those of the bundle, and that nothing of it is missing here. By hand:

    event = sha256("mesh/event/1" | chain | seq in 8 bytes, big end first | before | header)
    the first of a chain = sha256("mesh/opening/1" | mesh | key | header)
    the first of the mesh = sha256("mesh/genesis/1" | key | header)
    signed = "mesh/signature/1" | chain | seq in 8 bytes | event

    ( printf mesh/event/1; printf '%s%016x%s%s' CHAIN SEQ BEFORE HEADER | xxd -r -p ) | sha256sum
    ( printf mesh/signature/1; printf '%s%016x%s' CHAIN SEQ EVENT | xxd -r -p ) > signed
    printf 302a300506032b6570032100%s KEY | xxd -r -p | openssl pkey -pubin -inform DER -out key.pem
    printf %s SIGNATURE | xxd -r -p > signature
    openssl pkeyutl -verify -pubin -inkey key.pem -rawin -in signed -sigfile signature
"""


async def write(agent: Agent, folder: Path) -> list[str]:
    """Append what was kept since; returns what was put aside. Raises Refused.

    In pages: before one, how long its files are, after it, up to which event they go. So what a crash left half is cut
    off again, and the work is that of the new events alone.
    """
    state, aside = await _state(agent), []
    if state.get("folder") != str(folder) or not await asyncio.to_thread(_is_there, folder):
        aside = await asyncio.to_thread(_put_aside, folder)
        state = {"folder": str(folder), "row": 0, "open": {}}
    await asyncio.to_thread(_cut, folder, _sizes(state))
    row = state["row"]
    assert isinstance(row, int), "our own setting"
    while rows := await agent.store.log(after=row, limit=LEDGER_ROWS_MAX):
        lines = await _lines(agent, rows)
        sizes = await asyncio.to_thread(_sizes_of, folder, lines)
        await _remember(agent, folder, row, sizes)
        await asyncio.to_thread(append, folder, lines)
        row = rows[-1].id
        await _remember(agent, folder, row, {})
    return aside


async def _state(agent: Agent) -> dict[str, object]:
    found = json.loads(await agent.store.setting(_STATE) or b"{}")
    assert isinstance(found, dict), "our own setting"
    return found


def _sizes(state: Mapping[str, object]) -> dict[str, int]:
    open_ = state["open"]
    assert isinstance(open_, dict), "our own setting"
    return open_


async def _remember(agent: Agent, folder: Path, row: int, sizes: Mapping[str, int]) -> None:
    state = {"folder": str(folder), "row": row, "open": sizes}
    await agent.engine.remember(_STATE, json.dumps(state).encode())


# ---------------------------------------------------------------- lines


async def _lines(agent: Agent, rows: Sequence[Row]) -> dict[str, bytes]:
    """What is to be appended, by file."""
    titles = await agent.store.titles({row.document for row in rows if row.document})
    found: dict[str, list[str]] = {}
    for row in rows:
        told = _told(agent, row, titles.get(row.document, "") if row.document else "")
        at = str(told["at"])
        name = slug(str(told["device"]), keep_case=True)
        place = f"{name}-{device_text(row.placed.admission)[:_ID_CHARACTERS]}/{at[:7] or _UNDATED}.jsonl"
        found.setdefault(place, []).append(_JSON.encode({key: value for key, value in told.items() if value != ""}))
    return {place: "".join(f"{line}\n" for line in lines).encode() for place, lines in found.items()}


def _told(agent: Agent, row: Row, title: str) -> dict[str, object]:
    placed = row.placed
    try:
        inner = read_inner(agent.engine.keyring, placed)
    except Refused:
        inner = None
    first: dict[str, object] = {}
    if placed.seq == 1:
        known = agent.engine.replica.verdict.admissions.get(placed.admission)
        key = known.sign_key if known else agent.engine.replica.chains.chains[placed.chain].key
        first = {"mesh": digest_text(agent.engine.own.mesh), "key": key.hex()}
    return {
        "chain": digest_text(placed.chain),
        "seq": placed.seq,
        "event": digest_text(placed.digest),
        "before": digest_text(placed.parent),
        "header": hashlib.sha256(placed.event.header).hexdigest(),
        "signature": placed.signature.hex() if placed.signature else "",
        **first,
        "at": _day(inner.time_ms) if inner else "",
        "at_ms": inner.time_ms if inner else "",
        "device": agent.engine.replica.verdict.name_of(placed.admission),
        "agent": inner.agent if inner else "",
        "kind": inner.kind if inner else "",
        "document": str(row.document) if row.document else "",
        "summary": title,
        "lane": placed.lane.name.lower(),
    }


def _day(time_ms: int) -> str:
    """A moment in UTC; empty where no calendar has it."""
    try:
        return datetime.fromtimestamp(time_ms / 1000, UTC).isoformat(timespec="seconds").replace("+00:00", "Z")
    except (OverflowError, ValueError, OSError):
        return ""


# ---------------------------------------------------------------- files


def _is_there(folder: Path) -> bool:
    """Whether anything of a ledger is in a folder: who removed it gets it anew from the beginning."""
    return any((folder / FOLDER).glob("*/*.jsonl"))


def _sizes_of(folder: Path, places: Mapping[str, bytes]) -> dict[str, int]:
    found = {place: folder / FOLDER / place for place in places}
    return {place: path.stat().st_size if path.exists() else 0 for place, path in found.items()}


def _cut(folder: Path, sizes: Mapping[str, int]) -> None:
    """Make files as long as they were before a page that was broken off. Raises Refused."""
    try:
        for place, size in sizes.items():
            path = folder / FOLDER / place
            if path.exists() and path.stat().st_size > size:
                os.truncate(path, size)
    except OSError as error:
        raise _refused(folder, error) from error


def append(folder: Path, lines: Mapping[str, bytes]) -> None:
    """Add lines, and make them safe. Raises Refused."""
    try:
        for place, content in lines.items():
            path = folder / FOLDER / place
            path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
            with os.fdopen(os.open(path, os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o600), "wb") as file:
                file.write(content)
                file.flush()
                os.fsync(file.fileno())
            sync(path.parent)
    except OSError as error:
        raise _refused(folder, error) from error


def _put_aside(folder: Path) -> list[str]:
    """Give another name to a ledger that is there already. Raises Refused."""
    place = folder / FOLDER
    other = folder / f"{FOLDER}.kept-{secrets.token_hex(4)}"
    try:
        if not _is_there(folder):
            return []
        place.rename(other)
    except OSError as error:
        raise _refused(folder, error) from error
    return [other.name]


def _refused(folder: Path, error: OSError) -> Refused:
    message = f"the ledger in {folder} cannot be written: {error.strerror}"
    return Refused(message, hint="`mesh projection status` shows where it goes.")
