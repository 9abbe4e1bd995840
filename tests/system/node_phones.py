"""A phone in Node: the true shell of the phone's engine, over real https and a real socket, driven from a test.

Node stands for the browser: it has WebCrypto, and IndexedDB comes from a library. Nothing here is compared.
"""

from __future__ import annotations

import asyncio
import contextlib
import itertools
import json
import ssl
from collections.abc import AsyncIterator, Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import aiohttp

from mesh.errors import MeshError
from mesh.node import agent as agents
from mesh.node import calls_phone
from mesh.node import home as homes
from mesh.node.agent import Agent
from mesh.node.gateway import authority, part
from mesh.node.gateway.door import Door
from mesh.node.gateway.hosted import Asking, Fetched
from mesh.node.gateway.web import PORT_VARIABLE
from mesh.sync.offer import token_text
from tests.system.harness import HOST
from tests.system.phones import Here, two_ports
from tests.system.typescript import WEB

LIMIT_S = 60.0
_LINE_BYTES_MAX = 16 * 2**20


class Fault(Exception):
    """What the phone tells its page that went wrong."""

    def __init__(self, told: Mapping[str, str]) -> None:
        """As it was told."""
        super().__init__(f"{told['family']} {told['class']}: {told['message']}")
        self.family, self.named = told["family"], told["class"]


@dataclass
class Node:
    """One phone."""

    process: asyncio.subprocess.Process
    _waiting: dict[int, asyncio.Future[Any]] = field(default_factory=dict)
    _numbers: Any = field(default_factory=itertools.count)

    async def hear(self) -> None:
        """Take answers until its end."""
        assert self.process.stdout is not None
        while line := await self.process.stdout.readline():
            told = json.loads(line)
            waits = self._waiting.pop(told["id"])
            if "fault" in told:
                waits.set_exception(Fault(told["fault"]))
            else:
                waits.set_result(told["ok"])

    async def ask(self, ask: str, **given: object) -> Any:  # noqa: ANN401 - JSON
        """Ask. Raises Fault."""
        assert self.process.stdin is not None
        number = next(self._numbers)
        self._waiting[number] = asyncio.get_running_loop().create_future()
        self.process.stdin.write((json.dumps({"id": number, "ask": ask, **given}) + "\n").encode())
        async with asyncio.timeout(LIMIT_S):
            await self.process.stdin.drain()
            return await self._waiting[number]

    async def call(self, named: str, /, **args: object) -> Any:  # noqa: ANN401 - JSON
        """One call of the page's. Raises Fault."""
        return await self.ask("call", call=named, args=args)

    async def look(self) -> Any:  # noqa: ANN401 - JSON
        """What it holds and makes of it."""
        return await self.ask("look")

    async def until(self, condition: Callable[[Any], object], what: str = "status") -> Any:  # noqa: ANN401 - JSON
        """What it tells, once that fulfils a condition."""
        found: Any = None
        try:
            async with asyncio.timeout(LIMIT_S):
                while True:
                    found = await (self.look() if what == "look" else self.call(what))
                    if condition(found):
                        return found
                    await asyncio.sleep(0.05)
        except TimeoutError:
            raise AssertionError(json.dumps([found, await self.look()], indent=1)) from None


def written(folder: Path, root: bytes) -> Path:
    """Where what the phone trusts is written."""
    folder.mkdir(parents=True, exist_ok=True)
    path = folder / "root.pem"
    path.write_bytes(root)
    return path


@contextlib.asynccontextmanager
async def node_phone(javascript: Path, door: Door, folder: Path) -> AsyncIterator[Node]:
    """A phone that trusts the door's authority and is in no mesh yet."""
    root = door.holding.certificate()
    assert root is not None
    path = written(folder, authority.certificate_pem(root))
    process = await asyncio.create_subprocess_exec(
        "node",
        str(javascript / "tests" / "phone.js"),
        cwd=WEB,
        stdin=asyncio.subprocess.PIPE,
        stdout=asyncio.subprocess.PIPE,
        limit=_LINE_BYTES_MAX,
    )
    made = Node(process)
    async with asyncio.TaskGroup() as group:
        group.create_task(made.hear())
        try:
            await made.ask("start", origin=door.page.origin, root=str(path))
            yield made
        finally:
            if process.returncode is None:
                process.kill()
            await process.wait()


@contextlib.asynccontextmanager
async def keeping(home: Path, environ: dict[str, str], *, port: int = 0) -> AsyncIterator[tuple[Agent, Door]]:
    """An agent at work on loopback, in a mesh of its own, with its door open. `environ` takes the port."""
    environ[PORT_VARIABLE] = str(port or two_ports())
    if homes.state(home) == "none":
        await homes.found(home, home.name)
    async with agents.opened(home, interfaces=(HOST,)) as agent, asyncio.TaskGroup() as group:
        ready = asyncio.Event()
        serving = group.create_task(agent.serve(ready.set))
        await ready.wait()
        door = part.wanted(agent)
        await door.holding.wanted()
        await door.opened()
        yield agent, door
        agent.ending.set()
        await serving


@contextlib.asynccontextmanager
async def browsing(door: Door) -> AsyncIterator[aiohttp.ClientSession]:
    """A session that trusts the door's authority and finds its name: as a service worker has one."""
    root = door.holding.certificate()
    assert root is not None
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    context.load_verify_locations(cadata=authority.certificate_pem(root).decode())
    connector = aiohttp.TCPConnector(resolver=Here(), ssl=context, force_close=True)
    async with aiohttp.ClientSession(door.page.origin, connector=connector) as session:
        yield session


async def let_in(agent: Agent, door: Door, phone: Node, name: str = "phone") -> str:
    """Have a phone come in by a code, as two people would; its id."""
    hosted = door.pairing.open()
    try:
        await phone.call("pair.begin", token=token_text(hosted.offer.token), name=name)
        while not isinstance(news := await hosted.heard(), Asking):
            assert not isinstance(news, MeshError), news
        shown = await phone.until(lambda row: row["step"] != "asked", "pair.state")
        assert (shown["step"], shown["digits"], shown["node"]) == ("compare", news.digits, agent.held.name), shown
        told: Any = await calls_phone.answer(agent, {"yes": True})
        while not isinstance(news := await hosted.heard(), Fetched):
            assert not isinstance(news, MeshError), news
    finally:
        door.pairing.close(hosted)
    await phone.until(lambda standing: standing["state"] == "member")
    await agent.let_in()
    return str(told["device"])
