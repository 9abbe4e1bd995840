"""What every answer of the door has in common: the headers that fence the page in, and errors as JSON.

It decides nothing about who may ask; `web` does.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Mapping

from aiohttp import web

from mesh.errors import (
    Damaged,
    Forged,
    Malformed,
    MeshError,
    Misuse,
    NotGranted,
    Refused,
    Stranger,
    TooLarge,
    Unreachable,
)
from mesh.limits import PUSH_BYTES_MAX
from mesh.node import timing

Handler = Callable[[web.Request], Awaitable[web.StreamResponse]]
"""Answers one request. A MeshError that it raises is answered as JSON."""

Route = tuple[str, str, Handler]
"""Method, path, handler. A path may have parts in braces, which `request.match_info` then has."""

Routes = list[Route]


class NotHere(Refused):
    """What is asked for does not count here."""

    hint = "It may come with the next sync. Nothing was changed."


# A worker, pictures and recordings from memory, and WebAssembly; nothing from anywhere else, and nothing inline.
_POLICY = {
    "default-src": "'self'",
    "script-src": "'self' 'wasm-unsafe-eval'",
    "worker-src": "'self'",
    "style-src": "'self'",
    "img-src": "'self' blob: data:",
    "media-src": "'self' blob:",
    "connect-src": "'self'",
    "object-src": "'none'",
    "base-uri": "'none'",
    "frame-ancestors": "'none'",
    "form-action": "'none'",
}
FENCE: Mapping[str, str] = {
    "Content-Security-Policy": "; ".join(f"{what} {whence}" for what, whence in _POLICY.items()),
    "Cross-Origin-Opener-Policy": "same-origin",
    "Cross-Origin-Resource-Policy": "same-origin",
    "Permissions-Policy": "camera=(self), microphone=(self), geolocation=()",
    "Referrer-Policy": "no-referrer",
    "Server": "mesh",  # and not which versions of what
    # Who clicks a warning away for this name has met somebody else: browsers let nobody do so any more.
    "Strict-Transport-Security": "max-age=63072000",
    "X-Content-Type-Options": "nosniff",
}
"""The headers of every answer over https."""

_STATUSES: tuple[tuple[type[MeshError], int], ...] = (
    (NotHere, 404),
    (TooLarge, 413),
    (Malformed, 400),
    (Forged, 403),
    (Stranger, 403),
    (NotGranted, 403),
    (Misuse, 400),
    (Unreachable, 503),
    (Damaged, 500),
)
_REFUSED = 400


def refusal(error: MeshError) -> web.Response:
    """An error as an answer: its family, its sentence and its hint, as a command would print them."""
    status = next((status for family, status in _STATUSES if isinstance(error, family)), _REFUSED)
    told = {"family": type(error).__name__, "message": str(error), "hint": error.hint}
    return web.json_response({"error": told}, status=status, headers={"Cache-Control": "no-store"})


async def fence(_request: web.Request, response: web.StreamResponse) -> None:
    """Give an answer that is about to go the headers that every one has."""
    response.headers["Server"] = FENCE["Server"]  # aiohttp has named itself there
    for name, value in FENCE.items():
        response.headers.setdefault(name, value)


async def body_of(request: web.Request, most: int = PUSH_BYTES_MAX) -> bytes:
    """The whole body of a request, within its bound and in time. Raises TooLarge, Malformed."""
    said = request.content_length
    if said is not None and said > most:
        raise TooLarge(f"{said} bytes; at most {most} are taken here")
    taken = bytearray()
    try:
        async with asyncio.timeout(timing.DOOR_BODY_S):
            async for part in request.content.iter_any():
                taken += part
                if len(taken) > most:
                    raise TooLarge(f"more than {most} bytes, which is what is taken here")
    except TimeoutError as error:
        raise Malformed(f"the request was not here within {timing.DOOR_BODY_S:g} seconds") from error
    except web.RequestPayloadError as error:
        raise Malformed("the request was cut off") from error
    return bytes(taken)
