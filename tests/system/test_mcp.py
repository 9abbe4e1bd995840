"""MCP with real agents: the SDK's own client over the pipe, in both forms, as a principal that the person let in.

A device of one's own and a client of each kind is all that is here; what the tools' calls do is tested with them.
"""

from __future__ import annotations

import asyncio
import json
import os
import signal
import subprocess
import sys
from collections.abc import AsyncIterator, Iterator, Mapping, Sequence
from contextlib import asynccontextmanager, contextmanager
from itertools import chain
from pathlib import Path
from typing import Any

import mcp_types as types
import pytest
from mcp import Client, MCPError
from mcp.client.stdio import StdioServerParameters

from mesh.limits import CALL_BYTES_MAX
from mesh.node.mcp.schemas import TOOLS
from mesh.node.socket_client import Told
from mesh.node.supervision import innermost
from tests.conftest import Spawn
from tests.system.commands import command
from tests.system.harness import Device, Fleet

pytestmark = pytest.mark.system

FORMS = ("legacy", "auto", "2026-07-28")
HANDSHAKES = ("2024-11-05", "2025-03-26", "2025-06-18", "2025-11-25")
PATIENCE_S = 60.0
EACH = 20  # what each of many writers writes


@pytest.fixture
def device(fleet: Fleet) -> Device:
    """One device, at work."""
    return fleet.joined(1)[0].start()


def let_in(device: Device, name: str, *types_of: str) -> None:
    """What a person does to let an agent in."""
    words = ["--types", ",".join(types_of)] if types_of else []
    device.done("agents", "add", name, "--space", "home", *words, "--yes")


@asynccontextmanager
async def client(device: Device, form: str = "auto", name: str = "Claude Code", *words: str) -> AsyncIterator[Client]:
    """A client as its vendor built it on the SDK; `words` are for `mesh`."""
    argv = [*command(device.home), *words, "mcp"]
    server = StdioServerParameters(command=argv[0], args=argv[1:], env=dict(os.environ), cwd=str(device.home.parent))
    info = types.Implementation(name=name, version="1")
    try:
        async with asyncio.timeout(PATIENCE_S), Client(server, mode=form, client_info=info) as connected:
            yield connected
    except BaseExceptionGroup as group:
        raise innermost(group) from None


async def used(connected: Client, tool: str, **arguments: object) -> types.CallToolResult:
    """What a tool answers."""
    return await connected.call_tool(tool, arguments)


async def done(connected: Client, tool: str, **arguments: object) -> Told:
    """What a tool answers that must do it."""
    found = await used(connected, tool, **arguments)
    assert not found.is_error, found.content
    assert isinstance(found.structured_content, dict)
    assert said(found) == json.dumps(found.structured_content, ensure_ascii=False)
    return found.structured_content


def said(found: types.CallToolResult) -> str:
    """Its text."""
    (content,) = found.content
    assert isinstance(content, types.TextContent)
    return content.text


def lines(path: Path) -> list[str]:
    """A file's lines, sorted."""
    return sorted(path.read_text("utf-8").splitlines())


def body(device: Device, document: object) -> str:
    """The text of a note."""
    return str(device.call("note.show", document=document)["body"])


# ── both forms of the protocol ───────────────────────────────────────────────────────────────────


@pytest.mark.parametrize("form", FORMS)
async def test_a_client_of_either_form_writes_as_itself(form: str, device: Device) -> None:
    """It sees the ten tools, writes within its grants, and the log says which agent it was."""
    let_in(device, "claude-code")
    async with client(device, form) as connected:
        assert [tool.name for tool in (await connected.list_tools()).tools] == [tool.name for tool in TOOLS]
        note = await done(connected, "note", path="garden/seeds.md", text="- beans\n", tags=["garden"])
        await done(connected, "note", path="garden/seeds.md", mode="append", text="- peas")
        await done(connected, "note", path="seeds", mode="replace", old="beans", text="broad beans")
        read = await connected.read_resource("mesh://note/garden/seeds.md")
        assert isinstance(read.contents[0], types.TextResourceContents)
        assert read.contents[0].text == body(device, note["document"]) == "- broad beans\n- peas"
    shown = device.call("note.show", document=note["document"])
    assert (shown["title"], shown["path"], shown["tags"]) == ("seeds", "garden/seeds.md", ["garden"])
    events = device.call("log", document=note["document"])["events"]
    assert isinstance(events, list)
    assert {event["agent"] for event in events} == {"claude-code"}


@pytest.mark.parametrize("version", HANDSHAKES)
def test_every_older_handshake_is_answered_in_its_own_version(version: str, device: Device, spawn: Spawn) -> None:
    """As clients send it that know nothing of the SDK."""
    with raw(device, spawn) as pipe:
        assert pipe.begin(version)["protocolVersion"] == version
        assert len(pipe.ask("tools/list")["result"]["tools"]) == len(TOOLS)


def test_the_stateless_form_begins_with_any_request(device: Device, spawn: Spawn) -> None:
    """No handshake and no discovery: the request says itself who asks."""
    let_in(device, "stranger")
    meta = {
        "io.modelcontextprotocol/protocolVersion": "2026-07-28",
        "io.modelcontextprotocol/clientInfo": {"name": "Stranger", "version": "1"},
        "io.modelcontextprotocol/clientCapabilities": {},
    }
    with raw(device, spawn) as pipe:
        params = {"name": "note", "arguments": {"text": "# seeds\nbeans"}, "_meta": meta}
        told = pipe.ask("tools/call", params)
        assert not told["result"].get("isError"), told
    assert device.titles() == {"seeds"}


# ── whom the person let in ───────────────────────────────────────────────────────────────────────


async def test_without_a_grant_every_tool_says_how_the_person_gives_one(device: Device) -> None:
    """Nothing is read and nothing is written; the sentence names the agent as the grant must."""
    device.note("a secret")
    given: Mapping[str, Any] = {
        "handoff": {"goal": "x", "remaining": []},
        "receipt": {"summary": "x", "changed": []},
        "remember": {"text": "x"},
        "recall": {"query": "secret"},
        "note": {"text": "x"},
        "ask": {"question": "x"},
    }
    async with client(device, name="Any Tool") as connected:
        for tool in TOOLS:
            found = await used(connected, tool.name, **given.get(tool.name, {}))
            assert found.is_error, tool.name
            assert "mesh agents add any-tool" in said(found)
        with pytest.raises(MCPError, match="no grant"):
            await connected.read_resource("mesh://conflicts")
    assert device.titles() == {"a secret"}


async def test_as_on_the_command_line_counts_and_not_what_the_client_calls_itself(device: Device) -> None:
    """A client cannot take another one's grants by its name where the person said who it is."""
    let_in(device, "rich")
    async with client(device, "auto", "rich", "--as", "poor") as connected:
        found = await used(connected, "note", text="x")
        assert found.is_error
        assert "mesh agents add poor" in said(found)


async def test_a_grant_that_ends_ends_what_a_connected_client_may_do(device: Device) -> None:
    """At its next call."""
    let_in(device, "claude-code")
    async with client(device) as connected:
        await done(connected, "note", text="before")
        device.done("agents", "remove", "claude-code", "--yes")
        assert (await used(connected, "note", text="after")).is_error
    assert device.titles() == {"before"}


# ── many at once ─────────────────────────────────────────────────────────────────────────────────


async def test_six_clients_the_command_line_and_the_vault_lose_nothing(device: Device, fleet: Fleet) -> None:
    """All append to one note and make notes of their own at the same time, and files are written in the folder."""
    names = [f"tool-{number}" for number in range(6)]
    for name in names:
        let_in(device, name)
    vault = fleet.folder / "vault"
    vault.mkdir()
    device.done("vault", "link", vault)
    shared = str(device.call("note.add", title="shared", body="begin\n", path="shared.md")["document"])

    async def one(name: str, form: str) -> list[str]:
        async with client(device, form, name) as connected:
            for number in range(EACH):
                line = f"{name} {number}\n"
                await asyncio.gather(
                    done(connected, "note", path=shared, mode="append", text=line),
                    done(connected, "note", path=f"{name}/{number}.md", text=line),
                )
        return [f"{name} {number}" for number in range(EACH)]

    def by_hand() -> list[str]:
        return [str(device.done("note", "add", f"by hand {n}")["document"]) for n in range(EACH)]

    def in_files() -> None:
        for number in range(EACH):
            (vault / f"file {number}.md").write_text(f"written {number}\n", "utf-8")

    work = [one(name, FORMS[number % len(FORMS)]) for number, name in enumerate(names)]
    written, _, _ = await asyncio.gather(asyncio.gather(*work), asyncio.to_thread(by_hand), asyncio.to_thread(in_files))
    assert sorted(body(device, shared).splitlines()) == sorted(["begin", *chain.from_iterable(written)])
    by_tools = [str(number) for number in range(EACH)] * len(names)
    by_others = [f"{how} {number}" for how in ("by hand", "file") for number in range(EACH)]
    titles = sorted(["shared", *by_others, *by_tools])
    await asyncio.to_thread(fleet.wait, "the files are notes", lambda: sorted(device.all_titles()) == titles)
    files = {
        "shared.md": sorted(body(device, shared).splitlines()),
        **{f"{name}/{number}.md": [f"{name} {number}"] for name in names for number in range(EACH)},
        **{f"file {number}.md": [f"written {number}"] for number in range(EACH)},
    }

    def mirrored() -> bool:
        return all((vault / name).is_file() and lines(vault / name) == text for name, text in files.items())

    await asyncio.to_thread(fleet.wait, "the notes are files", mirrored)
    device.stop()
    assert device.done("verify", "--deep")["ok"] is True


# ── what goes wrong ──────────────────────────────────────────────────────────────────────────────


@pytest.mark.parametrize("form", ["legacy", "2026-07-28"])
async def test_a_client_goes_on_when_the_agent_was_started_anew(form: str, device: Device) -> None:
    """What it asks meanwhile waits; it needs no new handshake, and nothing is written twice."""
    let_in(device, "claude-code")
    async with client(device, form) as connected:
        await done(connected, "note", text="one")
        await asyncio.to_thread(device.kill)
        await asyncio.gather(done(connected, "note", text="two"), asyncio.to_thread(device.start))
        await done(connected, "note", text="three")
    assert sorted(device.all_titles()) == ["one", "three", "two"]


async def test_a_request_under_way_when_the_agent_dies_is_answered_once(device: Device, spawn: Spawn) -> None:
    """With an error that says to look first; the client is not left waiting."""
    with raw(device, spawn) as pipe:
        pipe.begin()
        device.signal(signal.SIGSTOP)  # it takes what is asked and answers nothing
        number = pipe.send("tools/list")
        device.kill()
        told = pipe.answer(number)
        assert "look before you repeat" in told["error"]["message"]
        device.start()
        assert pipe.ask("tools/list")["result"]["tools"]


def test_slips_are_answered_and_the_next_request_too(device: Device, spawn: Spawn) -> None:
    """Nonsense, and a line that is far too long."""
    with raw(device, spawn) as pipe:
        pipe.begin()
        for line in (b"nonsense\n", b'{"jsonrpc":"2.0","id":9,"method":"' + b"x" * 2 * CALL_BYTES_MAX + b'"}\n'):
            pipe.write(line)
            assert pipe.read()["error"]["code"] in {-32700, -32600}
        assert pipe.ask("ping")["result"] == {}


def test_an_agent_is_started_when_none_runs(fleet: Fleet, spawn: Spawn) -> None:
    """Whoever starts a client should not have to think of it."""
    (device,) = fleet.joined(1)
    with raw(device, spawn, MESH_INTERFACES="127.0.0.1") as pipe:
        assert pipe.begin()["serverInfo"]["name"] == "mesh"
    device.pid = int(str(device.call("ping")["pid"]))


def test_where_there_is_no_mesh_the_client_is_told_what_to_do(fleet: Fleet, spawn: Spawn) -> None:
    """As an answer to what it asked, and at the end on standard error with the exit code of misuse."""
    device = fleet.empty("nobody")
    with raw(device, spawn) as pipe:
        told = pipe.ask("initialize", {})
        assert "mesh join" in told["error"]["message"]
        process = pipe.process
        assert process.stdin is not None
        process.stdin.close()
        assert process.wait(PATIENCE_S) == 2


# ── news ─────────────────────────────────────────────────────────────────────────────────────────


async def test_who_listens_hears_that_something_changed(device: Device) -> None:
    """In the stateless form over a request that stays open."""
    uri = "mesh://continuity"
    async with client(device, "2026-07-28") as one, one.listen(resource_subscriptions=[uri]) as events:
        await asyncio.to_thread(device.note, "something")
        assert getattr(await anext(aiter(events)), "uri", "") == uri


def test_who_subscribed_hears_it_too_also_from_a_new_agent(device: Device, spawn: Spawn) -> None:
    """In the form of the older handshakes, as a notification; the pipe subscribes again with an agent that is new."""
    with raw(device, spawn) as pipe:
        pipe.begin()
        for uri in ("mesh://continuity", "mesh://elsewhere"):
            assert pipe.ask("resources/subscribe", {"uri": uri})["result"] == {}
        for title in ("something", "more"):
            device.note(title)
            told = pipe.read()
            assert (told["method"], told["params"]) == ("notifications/resources/updated", {"uri": "mesh://continuity"})
            device.kill()
            device.start()
            assert pipe.ask("ping")["result"] == {}


# ── lines by hand ────────────────────────────────────────────────────────────────────────────────


class Raw:
    """`mesh mcp` with its streams in our hands."""

    def __init__(self, process: subprocess.Popen[bytes]) -> None:
        self.process = process
        self._number = 0

    def begin(self, version: str = HANDSHAKES[-1]) -> dict[str, Any]:
        """The older handshake; what the server says of itself."""
        info = {"name": "Old Tool", "version": "1"}
        found = self.ask("initialize", {"protocolVersion": version, "capabilities": {}, "clientInfo": info})
        self.tell("notifications/initialized")
        return dict(found["result"])

    def write(self, line: bytes) -> None:
        """Send a line as it is."""
        assert self.process.stdin is not None
        self.process.stdin.write(line)
        self.process.stdin.flush()

    def read(self) -> dict[str, Any]:
        """The next line."""
        assert self.process.stdout is not None
        found: dict[str, Any] = json.loads(self.process.stdout.readline())
        return found

    def tell(self, method: str) -> None:
        """A notification."""
        self.write(json.dumps({"jsonrpc": "2.0", "method": method}).encode() + b"\n")

    def send(self, method: str, params: Mapping[str, object] | None = None) -> int:
        """A request; its number."""
        self._number += 1
        asked = {"jsonrpc": "2.0", "id": self._number, "method": method, "params": params or {}}
        self.write(json.dumps(asked).encode() + b"\n")
        return self._number

    def answer(self, number: int) -> Mapping[str, Any]:
        """The answer to it, which comes next."""
        found = self.read()
        assert found["id"] == number, found
        return found

    def ask(self, method: str, params: Mapping[str, object] | None = None) -> dict[str, Any]:
        """A request and its answer."""
        return dict(self.answer(self.send(method, params)))


@contextmanager
def raw(device: Device, spawn: Spawn, **env: str) -> Iterator[Raw]:
    """A pipe without a client."""
    argv: Sequence[str | Path] = [*command(device.home), "mcp"]
    environment = {**os.environ, **env}
    process = spawn(argv, stdin=subprocess.PIPE, stdout=subprocess.PIPE, env=environment)
    yield Raw(process)
    assert process.stdin is not None
    process.stdin.close()
    process.wait(PATIENCE_S)


def test_the_pipe_needs_the_standard_library_only() -> None:
    """Each client starts one, and waits for it."""
    words = "import sys, mesh.cli.mcp_pipe, mesh.cli.plain; print(*sorted({m.split('.')[0] for m in sys.modules}))"
    found = subprocess.run([sys.executable, "-S", "-c", words], capture_output=True, check=True, text=True).stdout
    assert set(found.split()) <= {*sys.stdlib_module_names, "__main__", "mesh"}
