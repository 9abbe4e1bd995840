"""The built page, from the package: read once, told apart by content, and sent as it was compressed when it was built.

It builds nothing and looks nowhere else: a path that it does not hold does not exist.
"""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from pathlib import Path

from mesh.errors import Unreachable
from mesh.limits import PAGE_FILES_BYTES_MAX, PAGE_FILES_MAX

STATIC = Path(__file__).with_name("static")
"""Where the build puts the page. It is in the wheel and never in the repository."""
NOT_BUILT = (
    "The page for phones is not built on this device. In a checkout, with Node 20.19 or later: "
    "`./scripts/web`, then `mesh down` and `mesh up`. An installed mesh brings it along."
)

_BROTLI = ".br"
_TYPES = {
    ".css": "text/css; charset=utf-8",
    ".html": "text/html; charset=utf-8",
    ".ico": "image/x-icon",
    ".jpg": "image/jpeg",
    ".js": "text/javascript; charset=utf-8",
    ".json": "application/json",
    ".png": "image/png",
    ".svg": "image/svg+xml",
    ".txt": "text/plain; charset=utf-8",
    ".wasm": "application/wasm",
    ".webmanifest": "application/manifest+json",
    ".webp": "image/webp",
    ".woff2": "font/woff2",
}


@dataclass(frozen=True, slots=True)
class Asset:
    """One file of the page, as it is sent."""

    body: bytes
    kind: str
    """Its media type."""
    compressed: bool
    """By brotli, which every browser takes over https."""
    tag: str
    """Changes with its content, and with nothing else."""
    lasting: bool
    """Its name changes with its content, so that a browser may keep it for good."""


def page() -> dict[str, Asset]:
    """All files of the page by the path that asks for them; nothing where it is not built. Raises Unreachable."""
    folder = STATIC
    found: dict[str, Asset] = {}
    size = 0
    for file in sorted(folder.rglob("*")) if folder.is_dir() else ():
        path = "/" + file.relative_to(folder).as_posix().removesuffix(_BROTLI)
        kind = _TYPES.get(Path(path).suffix)
        if kind is None or file.is_symlink() or not file.is_file():
            continue  # maps and reports of the build are not served
        body = file.read_bytes()
        size += len(body)
        if len(found) >= PAGE_FILES_MAX or size > PAGE_FILES_BYTES_MAX:
            raise Unreachable(f"the page in {folder} is too large", hint="Build it anew.")
        found[path] = _asset(path, body, kind, compressed=file.suffix == _BROTLI)  # after the plain one: it wins
    return found | {"/": found["/index.html"]} if "/index.html" in found else {}


def _asset(path: str, body: bytes, kind: str, *, compressed: bool) -> Asset:
    return Asset(body, kind, compressed, hashlib.sha256(body).hexdigest()[:32], path.startswith("/assets/"))
