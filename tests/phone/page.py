"""The page over a recorded port, for tests of what a person sees: built for real, served as the gateway serves it.

There is no engine behind it; `web/tests/page` has the rows that it shows.
"""

from __future__ import annotations

import json
import mimetypes
import os
import shutil
import subprocess
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import pytest

WEB = Path(__file__).resolve().parents[2] / "web"
VITE = WEB / "node_modules" / "vite" / "bin" / "vite.js"
RECORDED = ("--config", "tests/page/vite.config.ts")
BUILD_S = 600
ANSWERED_S = 60.0
POLICY = (
    "default-src 'self'; script-src 'self' 'wasm-unsafe-eval'; worker-src 'self'; style-src 'self'; "
    "img-src 'self' blob: data:; media-src 'self' blob:; connect-src 'self'; object-src 'none'; base-uri 'none'; "
    "frame-ancestors 'none'; form-action 'none'"
)
_KINDS = {".wasm": "application/wasm", ".webmanifest": "application/manifest+json", ".js": "text/javascript"}

NEEDS = [
    pytest.mark.skipif(shutil.which("node") is None, reason="node is not installed"),
    pytest.mark.skipif(not VITE.is_file(), reason="run `npm ci` in web"),
]


def build(folder: Path, *config: str, root: Path = WEB) -> Path:
    """Build the app of these sources into a folder."""
    done = subprocess.run(
        ["node", str(VITE), "build", *config],
        cwd=root,
        env={**os.environ, "MESH_STATIC": str(folder)},
        capture_output=True,
        text=True,
        timeout=BUILD_S,
        check=False,
    )
    assert done.returncode == 0, done.stdout + done.stderr
    return folder


class Served:
    """The page at an address of this machine, and what it asked its port."""

    def __init__(self, folder: Path) -> None:
        """Serve what was built into a folder."""
        self.folder, self.scene, self.asked = folder.resolve(), "member", list[dict[str, Any]]()
        self.answering = threading.Event()  # while it is not set, the page's calls wait for their answers
        self.answering.set()
        self._server = ThreadingHTTPServer(("127.0.0.1", 0), self._handler())
        self.origin = f"http://localhost:{self._server.server_port}"
        threading.Thread(target=self._server.serve_forever, daemon=True).start()

    def calls(self, name: str) -> list[Any]:
        """What was given with each call of this name, so far."""
        return [one.get("args") for one in self.asked if one["call"] == name]

    def close(self) -> None:
        """Serve it no more."""
        self._server.shutdown()
        self._server.server_close()

    def file(self, path: str) -> Path | None:
        """The file at a path, as far as it was built."""
        found = (self.folder / path.partition("?")[0].lstrip("/")).resolve()
        file = found / "index.html" if found == self.folder else found
        return file if file.is_relative_to(self.folder) and file.is_file() else None

    def _handler(self) -> type[BaseHTTPRequestHandler]:
        served = self

        class Handler(BaseHTTPRequestHandler):
            def do_GET(self) -> None:
                """A file, or the scene that is played."""
                if self.path == "/scene":
                    self._answer("application/json", json.dumps({"scene": served.scene}).encode())
                elif file := served.file(self.path):
                    kind = _KINDS.get(file.suffix) or mimetypes.guess_type(file.name)[0] or "text/plain"
                    self._answer(kind, file.read_bytes())
                else:
                    self.send_error(404)

            def do_POST(self) -> None:
                """What the page asked."""
                served.asked.append(json.loads(self.rfile.read(int(self.headers["Content-Length"]))))
                served.answering.wait(ANSWERED_S)
                self._answer("application/json", b"{}")

            def _answer(self, kind: str, body: bytes) -> None:
                self.send_response(200)
                self.send_header("Content-Type", kind)
                self.send_header("Content-Length", str(len(body)))
                self.send_header("Content-Security-Policy", POLICY)
                self.send_header("Cache-Control", "no-store")
                self.end_headers()
                self.wfile.write(body)

            def log_message(self, format: str, *args: object) -> None:  # noqa: A002 - as the base class calls it
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
