"""The page over a recorded port, for tests of what a person sees: built for real, served as the gateway serves it.

There is no engine behind it; `web/tests/page` has the rows that it shows.
"""

from __future__ import annotations

import json
import mimetypes
import subprocess
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

WEB = Path(__file__).resolve().parents[2] / "web"
VITE = WEB / "node_modules" / "vite" / "bin" / "vite.js"
BUILD_S = 300
POLICY = (
    "default-src 'none'; script-src 'self' 'wasm-unsafe-eval'; style-src 'self'; img-src 'self' blob:; media-src blob:; "
    "connect-src 'self'; worker-src 'self'; manifest-src 'self'; form-action 'self'; frame-ancestors 'none'; base-uri 'none'"
)


def build(folder: Path, *config: str) -> Path:
    """Build the app into a folder."""
    done = subprocess.run(
        ["node", str(VITE), "build", *config],
        cwd=WEB,
        env={**_environment(), "MESH_STATIC": str(folder)},
        capture_output=True,
        text=True,
        timeout=BUILD_S,
        check=False,
    )
    assert done.returncode == 0, done.stdout + done.stderr
    return folder


def _environment() -> dict[str, str]:
    import os

    return dict(os.environ)


class Served:
    """The page at an address of this machine, and what it asked its port."""

    def __init__(self, folder: Path) -> None:
        """Serve what was built into a folder."""
        self.folder, self.scene, self.asked = folder.resolve(), "member", list[dict[str, Any]]()
        self._server = ThreadingHTTPServer(("127.0.0.1", 0), self._handler())
        self.origin = f"http://localhost:{self._server.server_port}"
        threading.Thread(target=self._server.serve_forever, daemon=True).start()

    def calls(self, name: str) -> list[Any]:
        """What was given with each call of this name, so far."""
        return [one["args"] for one in self.asked if one["call"] == name]

    def close(self) -> None:
        """Serve it no more."""
        self._server.shutdown()
        self._server.server_close()

    def _handler(self) -> type[BaseHTTPRequestHandler]:
        served = self

        class Handler(BaseHTTPRequestHandler):
            def do_GET(self) -> None:
                if self.path == "/scene":
                    return self._answer("application/json", json.dumps({"scene": served.scene}).encode())
                path = (served.folder / self.path.partition("?")[0].lstrip("/")).resolve()
                file = path / "index.html" if path.is_dir() else path
                if not file.is_relative_to(served.folder) or not file.is_file():
                    return self.send_error(404)
                kind = {".wasm": "application/wasm", ".webmanifest": "application/manifest+json"}.get(file.suffix)
                return self._answer(kind or mimetypes.guess_type(file.name)[0] or "text/plain", file.read_bytes())

            def do_POST(self) -> None:
                served.asked.append(json.loads(self.rfile.read(int(self.headers["Content-Length"]))))
                self._answer("application/json", b"{}")

            def _answer(self, kind: str, body: bytes) -> None:
                self.send_response(200)
                self.send_header("Content-Type", kind)
                self.send_header("Content-Length", str(len(body)))
                self.send_header("Content-Security-Policy", POLICY)
                self.send_header("Cache-Control", "no-store")
                self.end_headers()
                self.wfile.write(body)

            def log_message(self, *_: object) -> None:
                """Nothing: whoever wants to know what was asked has `asked`."""

        return Handler


@contextmanager
def served(folder: Path) -> Iterator[Served]:
    """The page for as long as the block lasts."""
    one = Served(folder)
    try:
        yield one
    finally:
        one.close()
