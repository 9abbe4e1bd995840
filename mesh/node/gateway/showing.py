"""Which certificate a caller is shown: the leaf of the mesh's door, or beside it one of the person's own for its name.

A new one is shown from the next handshake on; nothing is closed for it. It asks nobody for certificates.
"""

from __future__ import annotations

import ssl
from pathlib import Path

from mesh.errors import Unreachable
from mesh.node.transport.tls import write_private

_FOLDER_MODE = 0o700

Shown = tuple[bytes, bytes]
"""A chain and its key, PEM."""


class Showing:
    """The TLS context of a door. Its files lie in a folder, since `ssl` reads nothing else."""

    def __init__(self, folder: Path, name: str) -> None:
        """Nothing is shown before `show`."""
        self.context = _context()
        self.beside = ""
        """The other name that is served, where there is one."""
        self._folder, self._name = folder, name
        self._leaf: Shown | None = None
        self._given: tuple[str, bytes, bytes] | None = None
        self._other: ssl.SSLContext | None = None
        self.context.sni_callback = self._choose

    def show(self, leaf: Shown) -> bool:
        """Show this from the next handshake on; whether that is something new. Raises Unreachable."""
        if leaf == self._leaf:
            return False
        self._load(self.context, "page", leaf)
        self._leaf = leaf
        return True

    def show_beside(self, given: tuple[str, bytes, bytes] | None) -> bool:
        """The same of the person's own: its name, chain and key; None: no more."""
        if given == self._given:
            return False
        other = None
        if given is not None:
            other = _context()
            self._load(other, "given", given[1:])
        self._other, self.beside, self._given = other, given[0] if given else "", given
        return True

    def _load(self, context: ssl.SSLContext, called: str, shown: Shown) -> None:
        chain, key = self._folder / f"{called}.crt", self._folder / f"{called}.key"
        try:
            self._folder.mkdir(mode=_FOLDER_MODE, exist_ok=True)
            write_private(chain, shown[0])
            write_private(key, shown[1])
            _context().load_cert_chain(chain, key)  # what does not fit would leave the other one half replaced
            context.load_cert_chain(chain, key)
        except OSError as error:  # ssl.SSLError is one
            message = f"the certificate of the page for phones cannot be shown: {error}"
            raise Unreachable(message, hint="`mesh phone serve --off`, then on again, makes a new one.") from error

    def _choose(self, caller: ssl.SSLObject | ssl.SSLSocket, name: str | None, _: ssl.SSLContext) -> None:
        if name and name == self.beside and self._other is not None:
            caller.context = self._other


def _context() -> ssl.SSLContext:
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.minimum_version = ssl.TLSVersion.TLSv1_3
    return context
