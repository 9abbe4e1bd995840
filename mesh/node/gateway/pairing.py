"""Letting one phone in at the page: the offer that is open, what the phone asks over https, and what the person hears.

Whoever has not seen the token gets nothing but a refusal, and costs a bounded number of tries. It admits nobody: it
says who asks, and passes the answer on, which is sealed for the phone.
"""

from __future__ import annotations

import asyncio
import json
import secrets
import time
from collections.abc import Sequence
from typing import TYPE_CHECKING

from aiohttp import web

from mesh.errors import Busy, Forged, Malformed, MeshError, Refused
from mesh.events.closing import admit_of
from mesh.events.founding import request_text
from mesh.events.keys import fingerprint
from mesh.limits import DOOR_TOKEN_BYTES, DOOR_WAITING_MAX, PAIR_BYTES_MAX, PROOF_CHARACTERS_MAX, REQUEST_BYTES_MAX
from mesh.names import digest_text
from mesh.node import timing
from mesh.node.gateway.hosted import Asking, Fetched, Hosted, News, Passed, Wrong
from mesh.node.gateway.replies import Routes, body_of, refusal
from mesh.sync.offer import Offer, Over

if TYPE_CHECKING:
    from mesh.node.agent import Agent

_UNKEPT = {"Cache-Control": "no-store"}


class Pairing:
    """The one offer to a phone that may be open on a device, and its routes."""

    def __init__(self, agent: Agent) -> None:
        """None is open."""
        self._agent = agent
        self.hosted: Hosted | None = None

    def open(self) -> Hosted:
        """Offer one phone to come in. Raises Busy."""
        if self.hosted is not None:
            message = "a phone is being let in already"
            raise Busy(
                message, hint="One at a time: end the other command with Ctrl-C, or wait until its code is over."
            )
        engine = self._agent.engine
        admitter = admit_of(engine.replica.statements, engine.own.admission)
        assert admitter is not None, "an admin was let in"
        one = Offer(secrets.token_bytes(DOOR_TOKEN_BYTES), time.monotonic(), request_text(admitter))
        self.hosted = Hosted(one)
        return self.hosted

    def close(self, hosted: Hosted) -> None:
        """End an offer."""
        hosted.end()
        if self.hosted is hosted:
            self.hosted = None

    def saw(self, step: str) -> None:
        """Some phone fetched the page of this step."""
        hosted = self.hosted
        if hosted is not None and not hosted.offer.request and step not in hosted.passed:
            hosted.passed.add(step)
            hosted.news.put_nowait(Passed(step))

    def routes(self) -> Routes:
        """Method, path and handler of each."""
        return [("POST", "/api/pair", self.asked), ("GET", "/api/pair/{token_id}", self.waited)]

    # ── what a phone asks ────────────────────────────────────────────────────────────────────────

    async def asked(self, request: web.Request) -> web.StreamResponse:
        """A phone shows that it has seen the token, and asks."""
        try:
            name, asked, proof = read_question(await body_of(request, PAIR_BYTES_MAX))
            hosted = self._named(name)
            before = hosted.offer.tries_left
            try:
                admit = hosted.offer.heard(asked, proof, hosted.clock())
            except Forged:
                if hosted.offer.tries_left < before:
                    hosted.news.put_nowait(_wrong(hosted.offer))
                raise
        except MeshError as error:
            self._agent.log("phone.refused", error=str(error))
            return _refused(error)
        if hosted.asking is None:
            shown = digest_text(fingerprint(admit))
            hosted.asking = Asking(admit.name, asked, hosted.offer.digits(), shown)
            hosted.news.put_nowait(hosted.asking)
            self._agent.log("phone.asking")
        told = {"digits": None, "admitter": hosted.offer.admitter, "proof": hosted.offer.proof().hex()}
        return web.json_response(told, status=202, headers=_UNKEPT)

    async def waited(self, request: web.Request) -> web.StreamResponse:
        """The phone asks for the person's answer, and waits a while for it."""
        try:
            hosted = self._named(request.match_info["token_id"])
            if not hosted.offer.request:
                hosted.offer.must_last(hosted.clock())
            if hosted.waiting >= DOOR_WAITING_MAX:
                message = "this is asked too often at once"
                raise Busy(message)
            hosted.waiting += 1
            try:
                async with asyncio.timeout(timing.DOOR_POLL_S):
                    await hosted.answered.wait()
            except TimeoutError:
                return web.json_response({}, status=202, headers=_UNKEPT)
            finally:
                hosted.waiting -= 1
            if not hosted.admission:
                message = "the phone was not let in"
                raise Over(message, hint="On the computer: mesh phone add")
        except MeshError as error:
            return _refused(error)
        response = web.json_response({"admission": hosted.admission}, headers=_UNKEPT)
        await response.prepare(request)
        await response.write_eof()
        hosted.news.put_nowait(Fetched())
        return response

    def _named(self, name: str) -> Hosted:
        hosted = self.hosted
        if hosted is None or not secrets.compare_digest(hosted.offer.name.encode(), name.encode()):
            message = "no such code is shown on the computer"
            raise NotOffered(message, hint="It may be over. On the computer: mesh phone add")
        return hosted


class NotOffered(Refused):
    """No offer of that name is open."""


def _wrong(one: Offer) -> News:
    if not one.over:
        return Wrong(one.tries_left)
    message = "five wrong proofs came in, and this code is dead"
    return Refused(message, hint="Somebody on this network may have tried. Make a new one: mesh phone add")


_STATUSES: Sequence[tuple[type[MeshError], int]] = ((NotOffered, 404), (Over, 410), (Busy, 409))


def _refused(error: MeshError) -> web.Response:
    response = refusal(error)
    response.set_status(next((status for kind, status in _STATUSES if isinstance(error, kind)), response.status))
    return response


def read_question(raw: bytes) -> tuple[str, str, bytes]:
    """The offer, the request and the proof that a phone sends. Raises Malformed."""
    try:
        told = json.loads(raw)
    except (ValueError, RecursionError):
        told = None
    told = told if isinstance(told, dict) else {}
    name, asked, proof = (told.get(key) for key in ("token_id", "request", "proof"))
    if isinstance(name, str) and isinstance(asked, str) and isinstance(proof, str):
        fits = len(asked) <= 2 * REQUEST_BYTES_MAX and len(proof) <= PROOF_CHARACTERS_MAX and name.isascii()
        try:
            if fits and asked.isascii():
                return name, asked, bytes.fromhex(proof)
        except ValueError:
            pass
    message = "that is no question of a phone"
    raise Malformed(message)
