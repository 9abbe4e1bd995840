"""The guests' door for devices in a browser: one that logs in nowhere any more may still trade control events, by HTTP.

So a phone that was closed hears the statement that closed it, and believes that alone, not that nobody lets it in. Who
asks signs the question, and is or was a phone of this mesh; what is traded is what guests of the bus trade. It keeps
nothing: the engine does.
"""

from __future__ import annotations

import hashlib
import time
from typing import TYPE_CHECKING

from aiohttp import web

from mesh.errors import Busy, Refused, Stranger
from mesh.events import cbor
from mesh.events.keys import verify
from mesh.events.verdict import admitted
from mesh.limits import GUEST_REQUESTS_PER_S_MAX, PUSH_BYTES_MAX
from mesh.names import Digest
from mesh.node import clock, timing
from mesh.node.gateway.replies import Routes, body_of
from mesh.node.transport.reception import Bucket

if TYPE_CHECKING:
    from mesh.node.agent import Agent

_DOMAIN = b"mesh/door/guest/1"
_VERBS = {"have", "want", "push"}
_FIELDS = (bytes, int, str, bytes, bytes)
_MS = 1000


class Guests:
    """Answers phones that are guests of one agent."""

    def __init__(self, agent: Agent) -> None:
        """Use `routes`."""
        self._agent = agent
        self._bucket = Bucket(GUEST_REQUESTS_PER_S_MAX)

    def routes(self) -> Routes:
        """What is answered."""
        return [("POST", "/api/guest", self.take)]

    async def take(self, request: web.Request) -> web.Response:
        """Hand a guest's question to the talk. Raises Refused, Busy."""
        verb, body = self._read(await body_of(request))
        if self._agent.talk is None or not self._bucket.take(time.monotonic()):
            message = "too many guests ask"
            raise Busy(message)
        answer = await self._agent.talk.heard(None, verb, body)
        headers = {"Cache-Control": "no-store"}
        return web.Response(body=answer, content_type="application/octet-stream", headers=headers)

    def _read(self, raw: bytes) -> tuple[str, bytes]:
        """Verb and body of a question that a phone of this mesh signed just now. Raises Refused."""
        fields = cbor.fields(raw, PUSH_BYTES_MAX, "a guest's question", _FIELDS)
        name, time_ms, verb, body, signature = fields
        engine = self._agent.engine
        found = admitted(engine.replica.statements.get(Digest(name)))  # type: ignore[arg-type]
        if found is None or not found.in_browser:
            message = "only a device in a browser that is or was in this mesh is a guest here"
            raise Stranger(message)
        verify(found.sign_key, said(engine.own.mesh, found.digest, time_ms, verb, body), signature)  # type: ignore[arg-type]
        if abs(clock.now_ms() - time_ms) > timing.DOOR_GUEST_CLOCK_S * _MS:  # type: ignore[operator]
            message = "that question is not of now"
            raise Refused(message, hint="Compare the clocks of your devices.")
        if verb not in _VERBS:
            message = "guests ask for control events only"
            raise Refused(message)
        return str(verb), bytes(body)  # type: ignore[call-overload]


def said(mesh: Digest, admission: Digest, time_ms: int, verb: str, body: bytes) -> bytes:
    """What a guest signs."""
    return _DOMAIN + cbor.encode([mesh, admission, time_ms, verb, hashlib.sha256(body).digest()])
