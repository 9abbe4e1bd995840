"""Somebody who asks a part of the gateway over HTTP, without the door around it."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from aiohttp import web
from aiohttp.test_utils import TestClient, TestServer

from mesh.errors import MeshError
from mesh.node.gateway.replies import Routes, refusal

Client = TestClient[web.Request, web.Application]


@web.middleware
async def _told(request: web.Request, handler: object) -> web.StreamResponse:
    try:
        return await handler(request)  # type: ignore[operator, no-any-return]
    except MeshError as error:
        return refusal(error)


@asynccontextmanager
async def client_of(routes: Routes) -> AsyncIterator[Client]:
    """A client of a server with these routes, which says as the gateway does what it refuses."""
    app = web.Application(middlewares=[_told])
    for method, path, handler in routes:
        app.router.add_route(method, path, handler)
    async with TestClient(TestServer(app)) as made:
        yield made
