"""The one page over plain http: the certificate to trust, its print, and what to press on which phone.

Nothing else is here, and nothing here is secret: whoever is on the network may read it. That what came is what was
sent, the person sees by comparing the print with that on the computer.
"""

from __future__ import annotations

import base64
import hashlib
import html
import socket
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING

from aiohttp import web

from mesh.node import timing
from mesh.node.gateway import authority
from mesh.node.gateway.guard import Guard
from mesh.node.gateway.hosted import TRUST
from mesh.node.gateway.replies import Handler

if TYPE_CHECKING:
    from mesh.node.gateway.web import Gateway

PATH = "/trust"
_CERTIFICATE, _PROFILE = f"{PATH}/mesh.crt", f"{PATH}/mesh.mobileconfig"
_NOT_FOUND = 404
_STYLE = """
:root { color-scheme: light dark; font: 1.1rem/1.5 system-ui, sans-serif }
body { max-width: 34rem; margin: 0 auto; padding: 1rem }
code { overflow-wrap: anywhere }
a.go { display: block; margin: 1rem 0; padding: .8rem 1rem; border-radius: .6rem; text-align: center;
       background: #1c5d4a; color: #fff; text-decoration: none }
"""
_ALLOWED = base64.b64encode(hashlib.sha256(_STYLE.encode()).digest()).decode()
FENCE: Mapping[str, str] = {
    "Content-Security-Policy": f"default-src 'none'; style-src 'sha256-{_ALLOWED}'; "
    "base-uri 'none'; frame-ancestors 'none'; form-action 'none'",
    "X-Content-Type-Options": "nosniff",
    "Referrer-Policy": "no-referrer",
    "Cache-Control": "no-store",
    "Server": "mesh",
}
"""The headers of every answer here: nothing runs, and nothing is loaded."""
_IPHONE = (
    "Press the button; allow the download of the profile.",
    "Open Settings. Near the top: Profile Downloaded. Install it (your passcode is asked for).",
    "Still in Settings: General, About, Certificate Trust Settings, at the very bottom. Switch on {name}.",
)
_ANDROID = (
    "Press the button; a file named mesh.crt is saved.",
    "Open Settings and search for “CA certificate” (under Security, More, Encryption and credentials).",
    "Install anyway, and pick mesh.crt. Android warns that you may be watched: this one is for {name} alone.",
)


class Trust:
    """The page, for one door."""

    def __init__(self, gateway: Gateway) -> None:
        """Use `run`."""
        self._gateway = gateway
        self._guard: Guard | None = None

    async def run(self, listeners: Sequence[socket.socket]) -> None:
        """Serve on these until cancelled."""
        app = web.Application(middlewares=[self._checked])
        app.router.add_get(PATH, self._steps)
        app.router.add_get(_CERTIFICATE, self._certificate)
        app.router.add_get(_PROFILE, self._profile)
        app.on_response_prepare.append(_fence)
        runner = web.AppRunner(app, handle_signals=False, shutdown_timeout=timing.CLOSE_TIMEOUT_S)
        await runner.setup()
        try:
            assert runner.server is not None, "set up just now"
            self._guard = Guard(runner.server, None, FENCE, timing.DOOR_FIRST_S)
            await self._guard.run(listeners)
        finally:
            await runner.cleanup()

    @web.middleware
    async def _checked(self, request: web.Request, handler: Handler) -> web.StreamResponse:
        if self._guard is not None:
            await self._guard.asked(request.protocol)
        try:
            return await handler(request)
        except web.HTTPException as error:
            return web.Response(status=error.status, text=f"{error.reason}\n")

    async def _steps(self, request: web.Request) -> web.Response:
        del request
        self._gateway.pairing.saw(TRUST)
        return web.Response(text=page(self._root(), self._gateway.origin), content_type="text/html", charset="utf-8")

    async def _certificate(self, request: web.Request) -> web.Response:
        del request
        return _file(self._root(), "application/x-x509-ca-cert", "mesh.crt")

    async def _profile(self, request: web.Request) -> web.Response:
        del request
        profile = authority.mobileconfig(self._root())
        return _file(profile, "application/x-apple-aspen-config", "mesh.mobileconfig")

    def _root(self) -> bytes:
        root = self._gateway.certificate()
        if root is None:
            raise web.HTTPNotFound
        return root


async def _fence(_request: web.Request, response: web.StreamResponse) -> None:
    response.headers.update(FENCE)


def page(root: bytes, origin: str) -> str:
    """What to do, step by step, for both kinds of phone."""
    name = html.escape(authority.name_of(root))
    iphone, android = ("".join(f"<li>{step.format(name=name)}</li>" for step in steps) for steps in (_IPHONE, _ANDROID))
    return f"""<!doctype html>
<html lang="en"><head><meta charset="utf-8"><meta name="viewport" content="width=device-width, initial-scale=1">
<title>Trust {name}</title><style>{_STYLE}</style></head><body>
<h1>Trust the page of your devices</h1>
<p>Once for each phone. First compare: the computer on which you run <code>mesh phone add</code> shows this print.
If one letter differs, stop; somebody on this network is in between.</p>
<p><code>{authority.fingerprint_text(root)}</code></p>
<h2>iPhone, iPad</h2>
<a class="go" href="{_PROFILE}">Get the profile</a>
<ol>{iphone}</ol>
<h2>Android</h2>
<a class="go" href="{_CERTIFICATE}">Get the certificate</a>
<ol>{android}</ol>
<h2>Then</h2>
<p>Open <code>{html.escape(origin)}</code> and go on as the computer says.</p>
</body></html>
"""


def _file(body: bytes, kind: str, name: str) -> web.Response:
    headers = {"Content-Disposition": f'attachment; filename="{name}"'}
    return web.Response(body=body, content_type=kind, headers=headers)
