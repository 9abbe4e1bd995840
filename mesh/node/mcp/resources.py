"""What a client may read by an address of its own: `mesh://…`, each answered by a call, as the client's principal.

This module knows no protocol; what may be read, the calls decide.
"""

from __future__ import annotations

import json
from collections.abc import Awaitable, Callable, Mapping
from urllib.parse import parse_qs, unquote, urlsplit

from mesh.errors import Misuse
from mesh.limits import ECHO_CHARACTERS_MAX
from mesh.names import shown
from mesh.node import agents
from mesh.node.mcp import tools
from mesh.node.mcp.caller import Caller, Told

SCHEME = "mesh"
CONTINUITY, CONFLICTS, NOTE = "mesh://continuity", "mesh://conflicts", "mesh://note/"

LISTED = (
    (CONTINUITY, "continuity", "The briefing: what happened, what waits, for all projects"),
    ("mesh://presence", "presence", "Which devices there are, when they were last in touch, and who is at work"),
    (CONFLICTS, "conflicts", "What two devices or agents said differently and nobody has settled"),
)
"""Address, name and words of those that there are once."""

TEMPLATES = (
    ("mesh://continuity/{project}", "project", "The briefing of one project"),
    ("mesh://handoff/{id}", "handoff", "One hand-off, whole"),
    ("mesh://session/{id}", "session", "One session of an agent"),
    ("mesh://receipt/{id}", "receipt", "One receipt, with what each claim stands on"),
    ("mesh://memory/{id}", "memory", "One memory, with who wrote it and what took its place"),
    ("mesh://note/{+path}", "note", "One note as Markdown, by path, title or id"),
    ("mesh://task/{id}", "task", "One task"),
    ("mesh://ledger/{device}{?before,limit}", "ledger", "The events of one device, the latest first"),
)

Read = Callable[[Caller, str, Mapping[str, str]], Awaitable[str]]


async def read(caller: Caller, uri: str) -> str:
    """The text at an address. Raises MeshError; Misuse when there is no such address."""
    try:
        parts = urlsplit(uri)
        query = {key: values[-1] for key, values in parse_qs(parts.query).items()}
    except ValueError:
        raise _unknown(uri) from None
    found = _READS.get(parts.netloc) if parts.scheme == SCHEME else None
    which = unquote(parts.path.removeprefix("/"))
    if found is None or bool(which) < found[1]:
        raise _unknown(uri)
    agents.must_have_grants(caller.agent, caller.name)
    return await found[0](caller, which, query)


def _unknown(uri: str) -> Misuse:
    known = ", ".join(address for address, *_ in (*LISTED, *TEMPLATES))
    return Misuse(f"there is nothing at {shown(uri, ECHO_CHARACTERS_MAX)}", hint=f"There are: {known}.")


def _json(told: Told) -> str:
    return json.dumps(told, ensure_ascii=False)


async def _continuity(caller: Caller, project: str, _query: Mapping[str, str]) -> str:
    return await tools.brief(caller, {"project": project or None})


async def _presence(caller: Caller, _which: str, _query: Mapping[str, str]) -> str:
    told = await caller.call("status")
    return _json({key: told[key] for key in ("device", "at_work", "peers", "in_sync")})


async def _conflicts(caller: Caller, _which: str, _query: Mapping[str, str]) -> str:
    return _json(await caller.call("conflicts"))


async def _note(caller: Caller, which: str, _query: Mapping[str, str]) -> str:
    return str((await caller.call("note.show", document=which))["body"])


async def _ledger(caller: Caller, device: str, query: Mapping[str, str]) -> str:
    limit = query.get("limit", "")
    if limit and not (limit.isascii() and limit.isdigit()):
        raise Misuse("limit is a whole number", hint="For example: mesh://ledger/DEVICE?limit=20")
    count = int(limit) if limit else None
    return _json(await caller.call("log", device=device, before=query.get("before"), limit=count))


def _shown_by(call: str, key: str = "id") -> Read:
    async def read_one(caller: Caller, which: str, _query: Mapping[str, str]) -> str:
        return _json(await caller.call(call, **{key: which}))

    return read_one


_READS: Mapping[str, tuple[Read, bool]] = {
    "continuity": (_continuity, False),
    "presence": (_presence, False),
    "conflicts": (_conflicts, False),
    "handoff": (_shown_by("handoff.show"), True),
    "session": (_shown_by("session.show"), True),
    "receipt": (_shown_by("receipt.show"), True),
    "memory": (_shown_by("memory.show"), True),
    "note": (_note, True),
    "task": (_shown_by("task.show"), True),
    "ledger": (_ledger, True),
}
"""How what stands behind the first word is read, and whether it must be named."""
