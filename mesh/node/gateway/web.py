"""The door itself: one origin for the page, for what it asks by HTTP, and for its way to the own nats-server.

Before a handler hears of a request, the guard has counted its connection, and Host and Origin are those of the page.
It holds no key of the authority (`holding` does) and decides nothing about devices.
"""

from __future__ import annotations

import asyncio
import contextlib
import os
import socket
from collections.abc import Sequence
from typing import TYPE_CHECKING, Protocol

from aiohttp import web

from mesh.errors import MeshError, Misuse, Unreachable
from mesh.limits import ECHO_CHARACTERS_MAX
from mesh.names import shown
from mesh.node import timing
from mesh.node.gateway import assets, names
from mesh.node.gateway.assets import Asset
from mesh.node.gateway.events import Events
from mesh.node.gateway.guard import Guard, listening
from mesh.node.gateway.guests import Guests
from mesh.node.gateway.holding import Holding
from mesh.node.gateway.hosted import PAGE
from mesh.node.gateway.pairing import Pairing
from mesh.node.gateway.pump import Pump
from mesh.node.gateway.replies import FENCE, Handler, Route, Routes, fence, refusal
from mesh.node.gateway.showing import Showing
from mesh.node.gateway.trust import Trust
from mesh.node.nearby.addresses import own_hosts
from mesh.node.paths import door_path
from mesh.node.ports import WebPlace
from mesh.node.transport.broker import free_port

if TYPE_CHECKING:
    from mesh.node.agent import Agent

SERVE, WEB_PORT = "gateway/serve", "gateway/ws-port"
"""Settings: `off` where the door stays shut; the port of loopback behind the page, chosen once."""
PORT_VARIABLE = "MESH_PHONE_PORT"
_LOOPBACK = "127.0.0.1"
_EVERYWHERE = ("0.0.0.0", "::")  # noqa: S104 - phones are met on every interface unless --interface says otherwise
_TOKEN_ROUTES = {"/api/drop"}
"""Asked by Shortcuts, which send no Origin, with a token of their own."""
_PORT_MAX = 65_534  # the next one is the trust page's
_UNCHANGED, _FORBIDDEN, _NOT_FOUND, _NOT_ACCEPTABLE, _MISDIRECTED, _NOT_NOW = 304, 403, 404, 406, 421, 503
_LASTING, _ASKED_AGAIN = "public, max-age=31536000, immutable", "no-cache"
_UNKEPT = {"Cache-Control": "no-store"}


class Adds(Protocol):
    """Who answers more requests than the door itself."""

    def routes(self) -> Sequence[Route]:
        """Method, path and handler of each."""


class Gateway:
    """The door of one agent at work. `run` is the part."""

    def __init__(self, agent: Agent, holding: Holding, pairing: Pairing, *others: Adds) -> None:
        """`others` answer more than it does itself."""
        self._agent, self._holding, self.pairing = agent, holding, pairing
        self.name = names.door_name(agent.engine.own.mesh)
        self.port = phone_port()
        self.open = False
        self.problem: MeshError | None = None
        """Why it is not open though it should be."""
        self.beside_problem: MeshError | None = None
        """Why the person's own certificate is not shown as it should be: the page is served all the same."""
        self._off = agent.settings.get(SERVE, b"") == b"off"
        self._web_port = int(agent.settings.get(WEB_PORT, b"0"))
        self._web_open = False
        self._news, self._leaves = asyncio.Event(), asyncio.Event()
        self._page: dict[str, Asset] = {}
        self._guard: Guard | None = None
        self._showing = Showing(door_path(agent.home), self.name)
        self.pump = Pump(agent, self.origin, lambda: self._web_port)
        adding: list[Adds] = [Events(agent), Guests(agent), pairing, *others]
        self._routes: Routes = [("GET", "/who", self._who), ("GET", "/nats", self.pump.nats)]
        self._routes += [route for other in adding for route in other.routes()]
        self._routes.append(("GET", "/{path:.*}", self._asset))

    @property
    def origin(self) -> str:
        """The page's origin, which all phones of the mesh keep their data under."""
        return names.origin(self.name, self.port)

    @property
    def wanted(self) -> bool:
        """Whether it should be open: a phone was wanted in this mesh, and nobody shut it here."""
        engine = self._agent.engine
        inside = engine.replica.verdict.is_live(engine.own.admission) and not engine.is_relay
        return inside and not self._off and self._holding.certificate() is not None

    def look_soon(self) -> None:
        """Something changed: a first phone, a new leaf, a certificate of the person's own."""
        self._news.set()
        self._leaves.set()

    @property
    def addresses(self) -> tuple[str, ...]:
        """The hosts under which this device can be reached, best first."""
        return tuple(host for host in own_hosts(self._agent.interfaces) if "%" not in host)

    def certificate(self) -> bytes | None:
        """What phones are to trust, DER; None where there is no authority."""
        return self._holding.certificate()

    async def switch(self, *, on: bool) -> None:
        """Open or shut it from now on."""
        await self._agent.engine.remember(SERVE, b"" if on else b"off")
        self._off = not on
        self.look_soon()

    async def run(self) -> None:
        """Keep the door while it is wanted, until cancelled."""
        self._agent.news.append(self._news)
        try:
            while True:
                await self._until(wanted=True)
                problem: MeshError | None
                try:
                    await self._serve_while_wanted()
                    problem = None
                except* MeshError as group:
                    problem = _first(group)
                if problem and str(problem) != str(self.problem):  # it may be tried for days
                    self._agent.log("door.failed", error=str(problem))
                self.problem = problem
                if problem:
                    await _set(self._leaves, timing.DOOR_AGAIN_S)
        finally:
            self._agent.news.remove(self._news)

    async def _until(self, *, wanted: bool) -> None:
        while self.wanted is not wanted:
            await _set(self._news, timing.DOOR_CALM_S)

    async def _serve_while_wanted(self) -> None:
        async with asyncio.TaskGroup() as group:
            serving = group.create_task(self._serve())
            await self._until(wanted=False)
            serving.cancel()
        self._web_open = False
        if self._agent.bus is not None:
            await self._agent.bus.open_web(None)

    async def _serve(self) -> None:
        """The door, from its certificate to its listeners."""
        self._showing = Showing(door_path(self._agent.home), self.name)
        await self._show()
        await self._open_web()
        self._page = await asyncio.to_thread(assets.page)
        runner = self._runner()
        await runner.setup()
        try:
            assert runner.server is not None, "set up just now"
            self._guard = Guard(runner.server, self._showing.context, FENCE, timing.DOOR_KEEP_S)
            hosts = self._agent.interfaces or _EVERYWHERE
            listeners = listening(hosts, self.port)
            async with asyncio.TaskGroup() as group:
                group.create_task(self._guard.run(listeners))
                group.create_task(Trust(self).run(listening(hosts, self.port + 1)))
                group.create_task(self._renew())
                self.problem, self.open = None, True
                self._agent.log("door.open", origin=self.origin)
        finally:
            self.open, self._guard = False, None
            await runner.cleanup()

    def _runner(self) -> web.AppRunner:
        app = web.Application(middlewares=[self._checked])
        for method, path, handler in self._routes:
            app.router.add_route(method, path, handler)
        app.on_response_prepare.append(fence)
        return web.AppRunner(
            app,
            handle_signals=False,
            shutdown_timeout=timing.CLOSE_TIMEOUT_S,
            handler_cancellation=True,
        )

    async def _open_web(self) -> None:
        """Have the own nats-server take WebSockets at a port of loopback that is chosen once."""
        bus = self._agent.bus
        if bus is None or bus.server().external:
            hint = "Phones are served by a device that runs its own nats-server: unset MESH_NATS_URL there."
            raise Unreachable("with an external nats-server no phone can be let in", hint=hint)
        # Taken by another program, it would keep the own server from starting at all.
        if not self._web_port or not (self._web_open or _is_free(self._web_port)):
            self._web_port = free_port([_LOOPBACK])
            await self._agent.engine.remember(WEB_PORT, str(self._web_port).encode())
        await bus.open_web(WebPlace(self._web_port, self.origin))
        self._web_open = True

    async def _renew(self) -> None:
        """Show a new leaf soon after there is one: handshakes from then on see it, connections go on."""
        problem = ""
        while True:
            await _set(self._leaves, timing.DOOR_CALM_S)
            before, problem = problem, ""
            try:
                await self._show()
            except MeshError as error:  # what was shown until now may be good for days
                problem = str(error)
            if problem and problem != before:
                self._agent.log("door.leaf_failed", error=problem)

    async def _show(self) -> None:
        """Show the leaf of now, and beside it the person's own certificate if that can be. Raises MeshError."""
        showing, leaf = self._showing, await self._holding.current()
        if showing.show(leaf):  # not in a thread: no handshake may begin in the middle of it
            self._agent.log("door.leaf")
        before, self.beside_problem = self.beside_problem, None
        try:
            if showing.show_beside(await self._holding.given()):
                self._agent.log("door.beside", name=showing.beside)
        except MeshError as error:
            self.beside_problem = error
            if str(error) != str(before):
                self._agent.log("door.beside_failed", error=str(error))

    # ── requests ─────────────────────────────────────────────────────────────────────────────────

    @web.middleware
    async def _checked(self, request: web.Request, handler: Handler) -> web.StreamResponse:
        """Let through what comes from the page, or from a link to it; and answer errors as such."""
        if self._guard is not None:
            await self._guard.asked(request.protocol)
        try:
            origin = self._origin_for(request)
            if origin is None:
                return web.Response(status=_MISDIRECTED, text="This is another page.\n")
            if not _comes_from(request, origin):
                return web.Response(status=_FORBIDDEN, text="Only the page itself may ask this.\n")
            return await handler(request)
        except MeshError as error:
            return refusal(error)
        except web.HTTPException as error:
            return web.Response(status=error.status, text=f"{error.reason}\n")

    def _origin_for(self, request: web.Request) -> str | None:
        """The origin under which this is asked; None for a name that is not ours (DNS rebinding, for one)."""
        asked = request.headers.getall("Host", [])
        ports = [(self.name, self.port)]
        if self._showing.beside:  # also where something in front of us takes the port of https
            ports += [(self._showing.beside, self.port), (self._showing.beside, names.HTTPS)]
        return next((names.origin(*one) for one in ports if asked == [names.host(*one)]), None)

    async def _who(self, request: web.Request) -> web.Response:
        """Which device answers: what a page asks before it opens a socket, which browsers punish failures of."""
        del request
        return web.json_response({"device": self._agent.device, "door": self.name}, headers=_UNKEPT)

    async def _asset(self, request: web.Request) -> web.Response:
        found = self._page.get(request.path)
        if request.path == "/":
            self.pairing.saw(PAGE)
        if found is None and request.path == "/":
            return web.Response(status=_NOT_NOW, text=f"{assets.NOT_BUILT}\n", headers=_UNKEPT)
        if found is None:
            return web.Response(status=_NOT_FOUND, text="There is nothing here.\n", headers=_UNKEPT)
        tag = f'"{found.tag}"'
        headers = {
            "ETag": tag,
            "Cache-Control": _LASTING if found.lasting else _ASKED_AGAIN,
            "Content-Type": found.kind,
        }
        if found.compressed:
            headers |= {"Content-Encoding": "br", "Vary": "Accept-Encoding"}
            if "br" not in request.headers.get("Accept-Encoding", ""):
                return web.Response(status=_NOT_ACCEPTABLE, text="This page is sent with brotli only.\n")
        if request.headers.get("If-None-Match") == tag:
            return web.Response(status=_UNCHANGED, headers=headers)
        return web.Response(body=found.body, headers=headers)


def _is_free(port: int) -> bool:
    """Whether nobody listens at a port of loopback now."""
    try:
        socket.create_server((_LOOPBACK, port)).close()
    except OSError:
        return False
    return True


async def _set(news: asyncio.Event, most_s: float) -> None:
    """Wait for news, or for so long."""
    news.clear()
    with contextlib.suppress(TimeoutError):
        async with asyncio.timeout(most_s):
            await news.wait()


def _comes_from(request: web.Request, origin: str) -> bool:
    """Whether a request is the page's own. Browsers name no origin only where a page or a link merely reads."""
    said = request.headers.getall("Origin", [])
    if said or request.headers.get("Upgrade"):
        return said == [origin]
    return request.method in {"GET", "HEAD"} or request.path in _TOKEN_ROUTES


def phone_port() -> int:
    """The port of the page: the environment's, or the usual one. Raises Misuse."""
    asked = os.environ.get(PORT_VARIABLE, "") or str(names.PORT_DEFAULT)
    if not asked.isascii() or not asked.isdecimal() or not 0 < int(asked) <= _PORT_MAX:
        message = f"{PORT_VARIABLE} is no port: {shown(asked, ECHO_CHARACTERS_MAX)}"
        raise Misuse(message, hint=f"Give a number from 1 to {_PORT_MAX}, or leave it unset.")
    return int(asked)


def _first(group: BaseExceptionGroup[MeshError]) -> MeshError:
    error = group.exceptions[0]
    return _first(error) if isinstance(error, BaseExceptionGroup) else error
