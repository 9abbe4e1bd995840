"""Foreign input to a whole device: what a member with true keys says, or compares, and what any process asks an agent.

The device must go on working: it writes, edits and judges afterwards.
"""

from __future__ import annotations

import asyncio
import contextlib
import json
import secrets
import shutil
import tempfile
from collections.abc import AsyncIterator, Sequence
from functools import cache
from pathlib import Path

from hypothesis import strategies as st

from mesh.errors import MeshError, Refused
from mesh.events import cbor
from mesh.events.event import Lane
from mesh.events.kinds import Changed
from mesh.events.speaking import Draft
from mesh.limits import BODY_PLAIN_BYTES_MAX, MIB
from mesh.node import agent as agents
from mesh.node import home as homes
from mesh.node.agent import Agent
from mesh.node.calls import _CALLS as CALLS
from mesh.node.comparing import followed, seen_from_here
from mesh.node.engine import Engine
from mesh.state import notes
from mesh.sync import comparing
from tests.fuzz.parsers import COMPARED, Parser
from tests.fuzz.shell import changes_good
from tests.unit.node.engines import founded, joined_by, retitle, write

_NOT_ASKED = {
    "down": "it ends the agent",
    "log.follow": "it streams for ever",
    "phone.add": "as log.follow: it offers until a phone is in",
    "mcp": "its connection becomes another conversation",
    "invite": "it listens for five minutes",
    "verify": "it takes no text",
    "rebuild": "as verify",
}


def engine_heard(raw: bytes) -> object:
    """Changes of any content, in a true document, said by a member: each is void, or waits, or counts; nobody fails."""
    value = cbor.decode(raw, MIB, "changes")
    if (
        type(value) is not list
        or not value
        or not all(type(one) is bytes and len(one) < BODY_PLAIN_BYTES_MAX // 2 for one in value)
    ):
        raise Refused("not a list of changes")
    return asyncio.run(_engine_heard(value[:8]))


async def _engine_heard(said: Sequence[bytes]) -> object:
    async with founded() as small, joined_by(small, "laptop") as laptop:
        document = await write(small.engine, "one", "text")
        await retitle(small.engine, document, "two")
        await laptop.engine.hear("mac", await small.everything())

        async def hostile(_engine: Engine) -> Sequence[Draft]:
            return tuple(Draft(Changed(one), document) for one in said)

        with contextlib.suppress(MeshError):
            await small.engine.say(Lane.DATA, hostile)  # the mac is the thief's: it takes its own medicine as well
        await laptop.engine.hear("mac", await small.everything())
        for engine in (laptop.engine, small.engine):
            engine.shelf.dropped()  # documents are read again from the store, as after a start
            await retitle(engine, document, "three")
        for title in ("four", "five"):
            await laptop.engine.hear("mac", await small.everything())
            await small.engine.hear("laptop", await laptop.everything())
            await retitle(laptop.engine, document, title)
        await small.engine.hear("laptop", await laptop.everything())
        assert await small.store.digest() == await laptop.store.digest(), "two devices that hold the same disagree"
        row = await small.store.note(document)
        assert row is not None
        assert row.note.document == document
        return notes.KIND


def compared(raw: bytes) -> object:
    """A comparison of any content, followed by a device that shows notes: the next message is one that can be read."""
    message = comparing.decode(raw)
    return asyncio.run(_compared(message))


async def _compared(message: comparing.Message) -> object:
    async with founded() as small:
        document = await write(small.engine, "one", "text")
        await retitle(small.engine, document, "two")
        found = await followed(small.store, message)
        if isinstance(message, comparing.Finding):
            found = await seen_from_here(small.store, message)
        if found is not None:
            assert comparing.decode(comparing.encode(found)) == found
        return document


@cache
def _home() -> Path:
    folder = Path(tempfile.mkdtemp(prefix="mesh-fuzz-"))
    asyncio.run(homes.found(folder / "home", "mac"))
    return folder


@contextlib.asynccontextmanager
async def _agent() -> AsyncIterator[Agent]:
    folder = Path(tempfile.mkdtemp(prefix="mesh-fuzz-"))
    try:
        shutil.copytree(_home() / "home", folder / "home")
        async with agents.opened(folder / "home") as agent:
            yield agent
    finally:
        shutil.rmtree(folder)


def agent_asked(raw: bytes) -> object:
    """Calls with any arguments: each gives a result or an error of ours, and the device works on."""
    try:
        asked = json.loads(raw)
        calls = [(str(call["call"]), dict(call["arguments"])) for call in asked][:8]
    except (ValueError, TypeError, KeyError, RecursionError) as error:
        raise Refused("not a list of calls") from error
    _home()  # made before anything waits
    return asyncio.run(_agent_asked(calls))


async def _agent_asked(calls: Sequence[tuple[str, dict[str, object]]]) -> object:
    results = []
    async with _agent() as agent:
        await agent.call("note.add", {"title": "before"})
        for name, arguments in calls:
            if name in _NOT_ASKED:
                continue
            try:
                results.append(json.dumps(await agent.call(name, arguments)))
            except MeshError as error:
                results.append(str(error))
        said = secrets.token_hex(4)
        await agent.call("note.add", {"title": said})
        listed = await agent.call("note.list", {"search": said})
        assert isinstance(listed, dict)
        assert [note["title"] for note in listed["notes"]] == [said]
    return results


_ARGUMENTS: dict[str, object] = {
    "title": "milk", "body": "text", "tags": ["a"], "path": "a/b.md", "document": "before", "search": "bef* OR",
    "limit": 3, "after": "home/note/" + "a" * 26, "address": "192.0.2.7:4222", "device": "mac", "rank": "member",
    "request": "mesh-request-1.AAAA", "before": "00ff", "space": "home", "add_tags": ["b"], "base_body": "text",
    "remove_tags": [], "yes": True, "deleted": False, "code": "7-a-b-c", "event": "00", "tag": "a",
    "id": "before", "goal": "rotate the keys", "remaining": ["mow the lawn"], "verify": ["make"], "files": ["a.txt"],
    "reason": "needs_human", "needs": [], "state": "open", "filter": "all", "words": "done", "priority": 1,
}  # fmt: skip
_NAMES = [name for name in CALLS if name not in _NOT_ASKED]
_WORDS = st.one_of(
    st.sampled_from([value for value in _ARGUMENTS.values() if isinstance(value, str)]),
    st.text(max_size=20),
    st.text(alphabet="*\"()^:-+ ANDORNOTEAR\0\ud800%_'", max_size=20),
    st.sampled_from(["\ud800", "/", "home/note/", "../..", "\x1b[2J", "0" * 64, "[::1]:1"]),
    st.sampled_from([("h:", "9", 5000), ("", "x", 70_000), ("", "é", 40_000)]).map(
        lambda parts: parts[0] + parts[1] * parts[2]
    ),
)
_VALUES: st.SearchStrategy[object] = st.one_of(
    _WORDS,
    st.sampled_from([None, True, False, 0, -1, 1, 10**30, 1.5, [], {}, [[]], ["\ud800"], ["a"] * 100, {"a": 1}]),
    st.lists(_WORDS, max_size=3),
)


def _encoded(calls: list[tuple[str, dict[str, object]]]) -> bytes:
    return json.dumps([{"call": name, "arguments": arguments} for name, arguments in calls]).encode()


def _odd_calls() -> st.SearchStrategy[bytes]:
    """Calls with arguments of which most are right, some are odd and some are missing."""
    pair = st.tuples(st.sampled_from(sorted(_ARGUMENTS)), _VALUES)
    odd = st.lists(pair, max_size=6).map(dict)
    left_out = st.sets(st.sampled_from(sorted(_ARGUMENTS)), max_size=4)
    whole = st.builds(lambda out, new: {k: v for k, v in _ARGUMENTS.items() if k not in out} | new, left_out, odd)
    return st.lists(st.tuples(st.sampled_from(_NAMES), whole), min_size=1, max_size=6).map(_encoded)


def whole() -> tuple[Parser, ...]:
    """All of them, as parsers."""
    lists = [cbor.encode(changes_good()[:3]), cbor.encode(changes_good()[-3:])]
    calls = [_encoded([(name, _ARGUMENTS)]) for name in _NAMES]
    return (
        Parser("engine", engine_heard, lists, share=0.05),
        Parser("agent-call", agent_asked, calls, structured=False, share=0.1, near=_odd_calls()),
        Parser("compared", compared, [comparing.encode(one) for one in COMPARED], share=0.2),
    )
